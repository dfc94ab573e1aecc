// The text of a path to its steps: the dialect of Jayway JsonPath, which the service uses, and its own roots.
//
//   path     = root step*                root = "$" | "$$" | "$" name | "@" (inside filters)
//   step     = "." name | "." "*" | [ "." ] bracket | ".." ( name | "*" | bracket ) | "." function "(" args ")"
//   bracket  = "[" ( names | "*" | index { "," index } | slice | "?(" filter ")" ) "]"
//   filter   = and { "||" and };  and = unary { "&&" unary };  unary = "!" unary | "(" filter ")" | test
//   test     = operand [ operator operand ]
//
// Decisions where the dialect is loose
//   P1. A name after a dot may hold anything but blanks, brackets and dots: `$.input-value`, `$.größe`. Inside
//       a filter it ends at an operator too.
//   P2. Inside quotes a backslash escapes the quote that delimits, and itself; before anything else it stands for
//       itself. `$['Test\"x']` names the member `Test\"x`, backslash included (recorded).
//   P3. An unquoted word in a filter is a string: `@.Name==Receipt`. Jayway refuses it; public definitions have it.
//   P4. Script expressions (`[(@.length-1)]`) are refused: they are code.

import type { Json } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { Suggester } from "../suggest.ts";
import { selectIn, spend } from "./evaluate.ts";
import {
  type Operator,
  type Predicate,
  compare,
  both,
  either,
  exists,
  not,
  operatorNamed,
} from "./filter.ts";
import { compileRegex } from "./regex.ts";
import { FUNCTION_NAMES, type Operand, type ParsedPath, type Root, type Step, isDefinite } from "./steps.ts";

export interface PathText extends ParsedPath {
  /** The variables that the text mentions, filters included. */
  readonly variables: readonly string[];
}

/** Deepest nesting of parentheses and filters. */
const MAX_DEPTH = 50;

const VARIABLE_START = /[\p{L}_]/u;
const VARIABLE_PART = /[\p{L}\p{N}_]/u;

/** @throws InvalidExpression */
export function parsePath(text: string): PathText {
  return new PathParser(text).parse();
}

class PathParser {
  readonly #text: string;
  readonly #variables = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): PathText {
    const root = this.#root();
    if (root === undefined) throw new InvalidExpression(`The path '${this.#text}' must begin with '$'`);
    const steps = this.#steps(false);
    if (this.#at < this.#text.length) this.#fail(`unexpected '${this.#peek()}'`);
    return { root, steps, definite: isDefinite(steps), variables: [...this.#variables] };
  }

  #fail(why: string): never {
    throw new InvalidExpression(`The path '${this.#text}' is not valid: ${why} at position ${this.#at}`);
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    this.#blanks();
    if (!this.#take(text)) this.#fail(`expected '${text}'`);
  }

  #blanks(): void {
    while (/^[ \t\r\n]$/.test(this.#peek())) this.#at += 1;
  }

  #deeper<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail("it is nested too deeply");
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  #root(): Root | undefined {
    if (this.#take("$$")) return { kind: "context" };
    if (!this.#take("$")) return undefined;
    if (!VARIABLE_START.test(this.#peek())) return { kind: "input" };
    const start = this.#at;
    while (VARIABLE_PART.test(this.#peek())) this.#at += 1;
    const name = this.#text.slice(start, this.#at);
    this.#variables.add(name);
    return { kind: "variable", name };
  }

  #steps(inFilter: boolean): Step[] {
    const steps: Step[] = [];
    for (;;) {
      if (this.#take("..")) {
        steps.push({ kind: "descend" });
        if (this.#peek() === "") this.#fail("a path must not end with '..'");
        steps.push(this.#peek() === "[" ? this.#bracket() : this.#named(inFilter));
      } else if (this.#take(".")) {
        if (this.#peek() === "") this.#fail("a path must not end with '.'");
        steps.push(this.#peek() === "[" ? this.#bracket() : this.#named(inFilter));
      } else if (this.#peek() === "[") {
        steps.push(this.#bracket());
      } else {
        return steps;
      }
      if (steps.at(-1)?.kind === "call" && /^[.[]$/.test(this.#peek()))
        this.#fail("a function must come last");
    }
  }

  /** What follows a dot. */
  #named(inFilter: boolean): Step {
    if (this.#take("*")) return { kind: "wildcard" };
    const start = this.#at;
    const end = inFilter ? /[.[\]()\s<>=!~&|,]/ : /[.[\]()\s]/;
    while (this.#at < this.#text.length && !end.test(this.#peek())) this.#at += 1;
    const name = this.#text.slice(start, this.#at);
    if (name === "") this.#fail("a name is missing");
    return this.#peek() === "(" ? this.#call(name) : { kind: "member", name };
  }

  #call(name: string): Step {
    const known = FUNCTION_NAMES.find((each) => each === name);
    if (known === undefined) {
      const suggestion = new Suggester().didYouMean(name, FUNCTION_NAMES);
      throw new InvalidExpression(
        `The path '${this.#text}' is not valid: Function with name: ${name} does not exist.`,
        suggestion === undefined ? {} : { suggestion },
      );
    }
    this.#expect("(");
    const operands: Operand[] = [];
    this.#blanks();
    while (!this.#take(")")) {
      if (operands.length > 0) this.#expect(",");
      operands.push(this.#deeper(() => this.#operand()));
      this.#blanks();
    }
    if (known === "index" && operands.length !== 1) this.#fail("index() takes one argument");
    return { kind: "call", name: known, arguments: operands };
  }

  #bracket(): Step {
    this.#expect("[");
    this.#blanks();
    let step: Step;
    if (this.#peek() === "'" || this.#peek() === '"') step = this.#names();
    else if (this.#take("*")) step = { kind: "wildcard" };
    else if (this.#take("?")) step = this.#filterStep();
    else if (this.#peek() === "(") this.#fail("script expressions are not supported");
    else step = this.#positions();
    this.#expect("]");
    return step;
  }

  #names(): Step {
    const first = this.#quoted();
    const names = [first];
    for (this.#blanks(); this.#take(","); this.#blanks()) {
      this.#blanks();
      names.push(this.#quoted());
    }
    return names.length === 1 ? { kind: "member", name: first } : { kind: "members", names };
  }

  #quoted(): string {
    const quote = this.#peek();
    if (quote !== "'" && quote !== '"') this.#fail("expected a name in quotes");
    this.#at += 1;
    let value = "";
    for (;;) {
      const char = this.#peek();
      if (char === "") this.#fail("a quote is not closed");
      this.#at += 1;
      if (char === quote) return value;
      const next = this.#peek();
      if (char === "\\" && (next === quote || next === "\\")) {
        value += next;
        this.#at += 1;
      } else {
        value += char;
      }
    }
  }

  /** `[0]`, `[-1]`, `[0,2]`, `[1:3]`, `[:2]`, `[-2:]`. */
  #positions(): Step {
    const from = this.#integer();
    this.#blanks();
    if (this.#take(":")) {
      this.#blanks();
      const to = this.#integer();
      if (this.#peek() === ":") this.#fail("a slice has no step");
      return { kind: "slice", from, to };
    }
    if (from === undefined) this.#fail("expected a name in quotes, an index, a slice, '*' or '?('");
    const indices = [from];
    for (; this.#take(","); this.#blanks()) {
      this.#blanks();
      const index = this.#integer();
      if (index === undefined) this.#fail("expected an index");
      indices.push(index);
    }
    return indices.length === 1 ? { kind: "index", index: from } : { kind: "indices", indices };
  }

  #integer(): number | undefined {
    const digits = /^-?\d{1,15}/.exec(this.#text.slice(this.#at, this.#at + 17));
    if (digits === null) return undefined;
    this.#at += digits[0].length;
    return Number(digits[0]);
  }

  #filterStep(): Step {
    this.#expect("(");
    const accepts = this.#deeper(() => this.#either());
    this.#expect(")");
    return { kind: "filter", accepts };
  }

  #either(): Predicate {
    let left = this.#both();
    for (this.#blanks(); this.#take("||"); this.#blanks()) left = either(left, this.#both());
    return left;
  }

  #both(): Predicate {
    let left = this.#unary();
    for (this.#blanks(); this.#take("&&"); this.#blanks()) left = both(left, this.#unary());
    return left;
  }

  #unary(): Predicate {
    return this.#deeper(() => {
      this.#blanks();
      if (this.#take("!")) return not(this.#unary());
      if (!this.#take("(")) return this.#test();
      const inner = this.#either();
      this.#expect(")");
      return inner;
    });
  }

  #test(): Predicate {
    const isPath = this.#peek() === "@" || this.#peek() === "$";
    const left = this.#operand();
    this.#blanks();
    const operator = this.#operator();
    if (operator === undefined) {
      if (!isPath) this.#fail("a constant alone is no condition");
      return exists(left);
    }
    this.#blanks();
    if (operator === "=~") {
      const regex = this.#regex();
      return (item, search) => {
        const value = left(item, search);
        if (typeof value !== "string") return false;
        spend(search, Math.ceil((value.length * regex.size) / 64));
        return regex.matches(value);
      };
    }
    return compare(operator, left, this.#operand());
  }

  #operator(): Operator | "=~" | undefined {
    const symbol = /^(?:===|!==|==|!=|<=|>=|=~|<|>)/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0];
    const word = /^[A-Za-z]+(?=[\s[('"@$])/.exec(this.#text.slice(this.#at, this.#at + 20))?.[0];
    const name = symbol ?? word;
    if (name === undefined) return undefined;
    const operator = name === "=~" ? name : operatorNamed(name.toLowerCase());
    if (operator === undefined) this.#fail(`there is no operator '${name}'`);
    this.#at += name.length;
    return operator;
  }

  #regex(): { readonly size: number; readonly matches: (text: string) => boolean } {
    if (!this.#take("/")) this.#fail("expected a regular expression: /…/");
    const start = this.#at;
    while (this.#peek() !== "/") {
      if (this.#peek() === "") this.#fail("a regular expression is not closed");
      this.#at += this.#peek() === "\\" ? 2 : 1;
    }
    const source = this.#text.slice(start, this.#at).replaceAll("\\/", "/");
    this.#at += 1;
    const flags = /^[A-Za-z]*/.exec(this.#text.slice(this.#at))?.[0] ?? "";
    this.#at += flags.length;
    return compileRegex(source, flags);
  }

  #operand(): Operand {
    this.#blanks();
    const char = this.#peek();
    if (char === "@" || char === "$") return this.#pathOperand();
    if (char === "'" || char === '"') return constant(this.#quoted());
    if (char === "[" || char === "{") return constant(this.#json());
    const word = /^[^\s()[\]{},<>=!~&|'"]+/.exec(this.#text.slice(this.#at))?.[0];
    if (word === undefined) this.#fail("a value is missing");
    this.#at += word.length;
    if (word === "true" || word === "false") return constant(word === "true");
    if (word === "null") return constant(null);
    const isNumber =
      /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word) && Number.isFinite(Number(word));
    return constant(isNumber ? Number(word) : word);
  }

  #pathOperand(): Operand {
    const root: Root | undefined = this.#take("@") ? { kind: "item" } : this.#root();
    if (root === undefined) this.#fail("expected a path");
    const steps = this.#steps(true);
    return selectIn({ root, steps, definite: isDefinite(steps) });
  }

  /** An array or object constant, as JSON or with single quotes. */
  #json(): Json {
    const start = this.#at;
    let depth = 0;
    let json = "";
    do {
      const char = this.#peek();
      if (char === "") this.#fail("a constant is not closed");
      if (char === "'" || char === '"') {
        json += JSON.stringify(this.#quoted());
        continue;
      }
      if (char === "[" || char === "{") depth += 1;
      if (char === "]" || char === "}") depth -= 1;
      json += char;
      this.#at += 1;
    } while (depth > 0);
    const parsed = parseJson(json, { maxDepth: MAX_DEPTH });
    if (!parsed.ok) {
      this.#at = start;
      this.#fail(`a constant is no JSON (${parsed.message})`);
    }
    return parsed.value;
  }
}

function constant(value: Json): Operand {
  return () => value;
}
