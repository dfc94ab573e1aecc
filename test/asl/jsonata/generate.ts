// Random expressions and data for the comparison with the `jsonata` package.
//
// Expressions come from the grammar of the language, with a bias towards names that the data has, so that most of
// them find something. Left out is what the two evaluators cannot agree on by design: chance, clocks, $eval,
// assignments inside of array and object constructors (the package evaluates their members concurrently), and
// partial application of functions that were passed as arguments (the package fails to).

import type { Json } from "../../../src/base/json.ts";
import type { Random } from "../../../src/base/random.ts";

const NAMES = ["a", "b", "c", "d", "items", "name"] as const;
const VARIABLES = ["x", "y", "f", "g"] as const;

const OPERATORS = [..."+ - * / % = != < <= > >= & & ?? ?:".split(" "), "and", "or", "in"];

export class Generator {
  readonly #random: Random;
  /** Names that are functions here. */
  #functions: string[] = [];
  #values: string[] = [];
  #withoutRegex = 0;
  /** Over a sequence, the package's wildcard takes the marks of the sequence for members. */
  #withoutWildcard = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  #below(count: number): number {
    return Math.floor(this.#random.next01() * count);
  }

  #chance(probability: number): boolean {
    return this.#random.next01() < probability;
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[this.#below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  #some(most: number, make: () => string): string[] {
    return Array.from({ length: this.#below(most + 1) }, make);
  }

  data(depth = 4): Json {
    if (depth > 0 && this.#chance(0.75)) {
      if (this.#chance(0.45)) return Array.from({ length: this.#below(4) }, () => this.data(depth - 1));
      const object: Record<string, Json> = {};
      for (const name of NAMES) if (this.#chance(0.5)) object[name] = this.data(depth - 1);
      return object;
    }
    return this.#pick<Json>([0, 1, 2, -1, 3.5, 10, "", "a", "b", "ab1", "2", "x y", true, false, null, 1e21]);
  }

  expression(): string {
    this.#functions = [];
    this.#values = [];
    return this.#any(5);
  }

  #any(depth: number): string {
    if (depth <= 0) return this.#leaf();
    return this.#pick([
      () => this.#leaf(),
      () => this.#path(depth),
      () => this.#path(depth),
      () => this.#path(depth),
      () => this.#path(depth),
      () => this.#binary(depth),
      () => this.#binary(depth),
      () => this.#condition(depth),
      () => this.#array(depth),
      () => this.#object(depth),
      () => this.#block(depth),
      () => this.#call(depth),
      () => this.#call(depth),
      () => this.#higherOrder(depth),
      () => this.#higherOrder(depth),
      () => this.#chain(depth),
      () => this.#transform(depth),
      () => this.#matching(depth),
      () => `(${this.#any(depth - 1)})`,
      () => `-${this.#primary(depth - 1)}`,
    ])();
  }

  #leaf(): string {
    const variables = this.#values.map((name) => `$${name}`);
    return this.#pick([
      "1",
      "2",
      "0",
      "-1",
      "2.5",
      "'a'",
      "'ab1'",
      "''",
      "true",
      "false",
      "null",
      "$",
      "$$",
      "$nothing",
      this.#pick(NAMES),
      this.#pick(NAMES),
      this.#pick(NAMES),
      this.#withoutWildcard > 0 ? "a" : "*",
      "**",
      "[]",
      ...variables,
      ...variables,
    ]);
  }

  #primary(depth: number): string {
    if (depth <= 0) return this.#leaf();
    return this.#pick([() => this.#leaf(), () => `(${this.#any(depth - 1)})`, () => this.#path(depth - 1)])();
  }

  #path(depth: number): string {
    let path = this.#pick([
      () => this.#pick(NAMES),
      () => "$",
      () => "$$",
      () => (this.#withoutWildcard > 0 ? "a" : "*"),
      () => this.#leaf(),
      () => `(${this.#any(depth - 2)})`,
      () => this.#firstArray(depth - 2),
      () => this.#call(depth - 2),
    ])();
    path += this.#suffix(depth - 1);
    let canBeParent = NAMES.some((name) => path === name);
    const count = 1 + this.#below(3);
    for (let i = 0; i < count; i++) {
      const name = this.#pick(NAMES);
      path += this.#pick([
        () => `.${name}`,
        () => `.${name}`,
        () => `.${name}`,
        () => `.${name}${this.#suffix(depth - 1)}`,
        () => `.${name}${this.#suffix(depth - 1)}`,
        () => ".*",
        () => ".**",
        () => ".$",
        () => `.(${this.#any(depth - 2)})`,
        () => `.${this.#array(depth - 2)}`,
        () => `.${this.#object(depth - 2)}`,
        () => `.${this.#call(depth - 2)}`,
        () => (canBeParent ? `.%.${name}` : `.${name}`),
        () =>
          this.#chance(0.4) ? `.${name}@$v.${this.#pick(NAMES)}[$v.${name} = ${this.#leaf()}]` : `.${name}`,
        () =>
          this.#chance(0.4)
            ? `.${name}#$i[$i ${this.#pick(["=", "<", ">"])} 1].{'n': $i, 'v': $}`
            : `.${name}`,
        () => (this.#chance(0.5) ? `^(${this.#pick(["", "<", ">"])}${name})` : `.${name}`),
        () => (this.#chance(0.3) ? `^(${this.#any(depth - 2)}, >${name})` : `.${name}`),
      ])();
      canBeParent = false;
    }
    if (this.#chance(0.1)) path += `{${this.#key(depth - 2)}: ${this.#any(depth - 2)}}`;
    return path;
  }

  #firstArray(depth: number): string {
    this.#withoutWildcard += 1;
    const array = this.#array(depth);
    this.#withoutWildcard -= 1;
    return array;
  }

  #suffix(depth: number): string {
    return this.#pick([
      () => "",
      () => "",
      () => "[]",
      () => `[${this.#pick(["0", "1", "-1", "2"])}]`,
      () => `[${this.#pick(NAMES)}]`,
      () => `[${this.#pick(NAMES)} ${this.#pick(["=", "!=", "<", ">="])} ${this.#leaf()}]`,
      () => `[${this.#any(depth - 1)}]`,
      () => "[[0..1]]",
      () => `[$ = ${this.#leaf()}]`,
      () => `[${this.#pick(["0", "1"])}][]`,
    ])();
  }

  #binary(depth: number): string {
    const operator = this.#pick(OPERATORS);
    // The package loses the regular expressions on the left of these, and may never end.
    const isRepeated = operator === "??" || operator === "?:";
    if (isRepeated) this.#withoutRegex += 1;
    const left = this.#primary(depth - 1);
    if (isRepeated) this.#withoutRegex -= 1;
    return `${left} ${operator} ${this.#primary(depth - 1)}`;
  }

  #condition(depth: number): string {
    const otherwise = this.#chance(0.7) ? ` : ${this.#any(depth - 2)}` : "";
    return `(${this.#any(depth - 2)} ? ${this.#any(depth - 2)}${otherwise})`;
  }

  #array(depth: number): string {
    if (this.#chance(0.2))
      return `[${this.#pick(["1", "0", "-1", this.#leaf()])}..${this.#pick(["3", "1", "5"])}]`;
    return `[${this.#some(3, () => this.#any(depth - 1)).join(", ")}]`;
  }

  #key(depth: number): string {
    return this.#pick([
      () => "'k'",
      () => "name",
      () => `$string(${this.#pick(NAMES)})`,
      () => `'k' & ${this.#leaf()}`,
      () => this.#any(depth - 1),
    ])();
  }

  #object(depth: number): string {
    let count = 0;
    const pairs = this.#some(3, () => {
      count += 1;
      const key = this.#chance(0.85)
        ? `'${this.#pick(NAMES)}${this.#chance(0.2) ? "" : count}'`
        : this.#key(depth - 1);
      return `${key}: ${this.#any(depth - 1)}`;
    });
    return `{${pairs.join(", ")}}`;
  }

  #block(depth: number): string {
    const values = this.#values.slice();
    const functions = this.#functions.slice();
    const statements: string[] = [];
    for (let i = this.#below(3); i >= 0; i--) {
      const name = this.#pick(VARIABLES);
      if (name === "f" || name === "g") {
        statements.push(`$${name} := ${this.#lambda(depth - 1)}`);
        this.#functions.push(name);
      } else {
        statements.push(`$${name} := ${this.#any(depth - 1)}`);
        this.#values.push(name);
      }
    }
    statements.push(this.#any(depth - 1));
    this.#values = values;
    this.#functions = functions;
    const suffix = this.#chance(0.1) ? this.#suffix(depth - 2) : "";
    return `(${statements.join("; ")})${suffix}`;
  }

  #lambda(depth: number, parameters: readonly string[] = ["x", "y"]): string {
    const values = this.#values.slice();
    this.#values.push(...parameters);
    const body = this.#any(depth - 1);
    this.#values = values;
    const keyword = this.#pick(["function", "λ"]);
    const signature = this.#chance(0.1)
      ? this.#pick(["<x-x?:x>", "<nn?:n>", "<s-:s>", "<a<n>x?>", "<(sn)j?>"])
      : "";
    return `${keyword}(${parameters.map((name) => `$${name}`).join(", ")})${signature}{${body}}`;
  }

  #callee(depth: number, parameters: readonly string[]): string {
    const known = this.#functions.map((name) => `$${name}`);
    return this.#pick([
      () => this.#lambda(depth - 1, parameters),
      () => this.#lambda(depth - 1, parameters),
      () =>
        this.#pick([
          "$string",
          "$not",
          "$boolean",
          "$uppercase",
          "$sum",
          "$count",
          "$keys",
          "$exists",
          "$type",
        ]),
      () => this.#pick(["$append", "$substring(?, 1)", "$append(?, 1)", "$distinct", "$reverse"]),
      () => (known.length > 0 ? this.#pick(known) : "$string"),
    ])();
  }

  #higherOrder(depth: number): string {
    const argument = (): string => this.#any(depth - 2);
    const one = this.#pick([["x"], ["x", "y"], []] as const);
    return this.#pick([
      () => `$map(${argument()}, ${this.#callee(depth, one)})`,
      () => `$filter(${argument()}, ${this.#callee(depth, one)})`,
      () => `$single(${argument()}, ${this.#callee(depth, one)})`,
      () => `$reduce(${argument()}, ${this.#callee(depth, ["x", "y"])})`,
      () => `$reduce(${argument()}, ${this.#callee(depth, ["x", "y"])}, ${this.#leaf()})`,
      () => `$each(${argument()}, ${this.#callee(depth, one)})`,
      () => `$sift(${argument()}, ${this.#callee(depth, one)})`,
      () => `$sort(${argument()})`,
      () => `$sort(${argument()}, ${this.#lambda(depth - 1, ["x", "y"])})`,
      () => `$sort(${argument()}, function($l, $r){$l.a > $r.a})`,
      () => `${this.#lambda(depth - 1, one)}(${argument()})`,
    ])();
  }

  #call(depth: number): string {
    const own = this.#functions.map((name) => `$${name}`);
    if (own.length > 0 && this.#chance(0.3)) {
      return `${this.#pick(own)}(${this.#some(2, () => this.#any(depth - 2)).join(", ")})`;
    }
    const a = this.#chance(0.85) ? this.#any(depth - 2) : "";
    const then = (rest: string): string => (a === "" ? rest : `${a}, ${rest}`);
    const b = this.#leaf();
    return this.#pick([
      () => `$${this.#pick(["sum", "count", "max", "min", "average"])}(${a})`,
      () =>
        `$${this.#pick(["string", "number", "boolean", "not", "exists", "type", "length", "keys"])}(${a})`,
      () =>
        `$${this.#pick(["uppercase", "lowercase", "trim", "floor", "ceil", "abs", "sqrt", "round"])}(${a})`,
      () =>
        `$${this.#pick(["reverse", "distinct", "spread", "merge", "sort", "clone", "keys", "count"])}(${a})`,
      () =>
        `$${this.#pick(["substringBefore", "substringAfter", "lookup", "append", "split", "join"])}(${then(b)})`,
      () => `$append(${a === "" ? "1" : a}, ${this.#any(depth - 2)})`,
      () => `$zip(${then(this.#any(depth - 2))})`,
      () => `$substring(${then(this.#pick(["0", "1", "-2", "1, 2", "-3, 1"]))})`,
      () => `$pad(${then(this.#pick(["5", "-5", "4, '#'", "-6, 'ab'"]))})`,
      () => `$power(${then(this.#pick(["2", "0.5", "-1"]))})`,
      () => `$round(${then(this.#pick(["1", "0", "-1"]))})`,
      () => `$formatBase(${then(this.#pick(["2", "16", "36"]))})`,
      () => `$formatNumber(${then(this.#pick(["'#,##0.00'", "'0.0'", "'00%'"]))})`,
      () => `$string(${then("true")})`,
      () => `$${this.#pick(["base64encode", "base64decode", "encodeUrlComponent", "decodeUrl"])}(${a})`,
    ])();
  }

  #matching(depth: number): string {
    const text = this.#chance(0.5)
      ? this.#pick(["'ab1 ab2'", "'a-b-c'", "name", "'aXbX'"])
      : this.#any(depth - 2);
    const pattern = this.#pick([
      "/a/",
      "/[a-z]+/",
      "/(\\w)(\\d)?/",
      "/(a|ab)(1)?/",
      "/B/i",
      "/\\s*-\\s*/",
      "/x?/",
      "/^a|b$/m",
      "/(?:a(b)|(c))+/",
      "'a'",
      "'b'",
    ]);
    if (this.#withoutRegex > 0) return `$contains(${text}, 'a')`;
    return this.#pick([
      () => `$contains(${text}, ${pattern})`,
      () => `$split(${text}, ${pattern})`,
      () => `$split(${text}, ${pattern}, 2)`,
      () => `$replace(${text}, ${pattern}, '<$0$1$$>')`,
      () => `$replace(${text}, ${pattern}, 'z', 1)`,
      () => `$match(${text}, ${pattern.startsWith("'") ? "/a/" : pattern})`,
      () =>
        `$replace(${text}, ${pattern.startsWith("'") ? "/a/" : pattern}, function($m){$uppercase($m.match)})`,
    ])();
  }

  #chain(depth: number): string {
    const links = 1 + this.#below(2);
    let chain = this.#primary(depth - 1);
    for (let i = 0; i < links; i++) {
      chain += ` ~> ${this.#pick([
        () => `$map(${this.#callee(depth - 1, ["x"])})`,
        () => "$sum()",
        () => "$string",
        () => "$count",
        () => this.#lambda(depth - 1, ["x"]),
        () => "$append(?, 1)",
      ])()}`;
    }
    return chain;
  }

  #transform(depth: number): string {
    const deletion = this.#chance(0.4) ? `, ${this.#pick(["'a'", "['a', 'b']", this.#leaf()])}` : "";
    const pattern = this.#pick([
      this.#pick(NAMES),
      "**",
      "$",
      "*",
      `${this.#pick(NAMES)}[${this.#pick(NAMES)}]`,
    ]);
    return `${this.#primary(depth - 2)} ~> |${pattern}|${this.#object(depth - 2)}${deletion}|`;
  }
}
