// Regular expressions of filters (`@.name =~ /a.*b/i`), matched in time linear in the text.
//
// JavaScript's RegExp backtracks: `/^(a+)+$/` on 50 characters of a user's input would hold the engine for ever,
// and the layers here have no process to kill. So a pattern is compiled to a small non-deterministic automaton,
// and all of its states advance together, one character at a time (Thompson 1968). What such an automaton cannot
// do (look-around, back-references, atomic and possessive groups) is refused when the definition is compiled.
// Rejected: a check for "dangerous" patterns before RegExp; every published check misses some.
//
// RegExp is used for one thing: to ask whether one character is in a class, where nothing can backtrack.
//
// Like the service's language, the whole text must match, not a part of it.

import { InvalidExpression } from "../invalid-expression.ts";

/** Whether the whole of the text matches. Costs about `text.length * size` steps. */
export interface Regex {
  readonly size: number;
  readonly matches: (text: string) => boolean;
}

type Test = (char: string) => boolean;
type Node =
  | { readonly kind: "char"; readonly test: Test }
  | { readonly kind: "anchor"; readonly holds: (before: string, after: string) => boolean }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "choice"; readonly nodes: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number };

/** States of the automaton; a pattern that needs more is refused. Bounds the work for one character. */
const MAX_STATES = 500;
const MAX_DEPTH = 50;

/** @throws InvalidExpression for a pattern that is malformed, too large, or needs backtracking */
export function compileRegex(source: string, flags: string): Regex {
  const unknown = Array.from(flags).find((flag) => !"isu".includes(flag));
  if (unknown !== undefined)
    throw new InvalidExpression(`The flag '${unknown}' of a regular expression is not supported`);
  const program = new Program(new PatternParser(source, flags.includes("i"), flags.includes("s")).parse());
  return { size: program.size, matches: (text) => program.matches(text) };
}

class PatternParser {
  readonly #source: string;
  readonly #ignoreCase: boolean;
  readonly #dotAll: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, ignoreCase: boolean, dotAll: boolean) {
    this.#source = source;
    this.#ignoreCase = ignoreCase;
    this.#dotAll = dotAll;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#source.length) this.#fail("unmatched ')'");
    return node;
  }

  #fail(why: string): never {
    throw new InvalidExpression(`The regular expression '${this.#source}' cannot be used: ${why}`);
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #choice(): Node {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#fail("its groups are nested too deeply");
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    this.#depth -= 1;
    return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: "choice", nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && this.#peek() !== "|" && this.#peek() !== ")") {
      nodes.push(this.#quantified(this.#atom()));
    }
    return { kind: "sequence", nodes };
  }

  #quantified(atom: Node): Node {
    let min = 0;
    let max = Number.POSITIVE_INFINITY;
    const counted = /^\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (this.#take("+")) {
      min = 1;
    } else if (this.#take("?")) {
      max = 1;
    } else if (counted !== null) {
      this.#at += counted[0].length;
      min = Number(counted[1]);
      if (counted[2] === undefined) max = min;
      else if (counted[3] !== undefined) max = Number(counted[3]);
      if (max < min) this.#fail("a repetition has its bounds in the wrong order");
    } else if (!this.#take("*")) {
      return atom;
    }
    if (this.#take("+")) this.#fail("possessive repetitions are not supported");
    // Lazy or greedy is the same question when only the whole text counts.
    this.#take("?");
    if ("*+?{".includes(this.#peek()) && this.#peek() !== "") this.#fail("a repetition follows a repetition");
    return { kind: "repeat", node: atom, min, max };
  }

  #atom(): Node {
    if (this.#take("(")) return this.#group();
    if (this.#peek() === "[") return this.#class();
    if (this.#peek() === "\\") return this.#escape();
    if (this.#take("^")) return { kind: "anchor", holds: (before) => before === "" };
    if (this.#take("$")) return { kind: "anchor", holds: (_before, after) => after === "" };
    if (this.#take(".")) {
      const any: Test = this.#dotAll ? () => true : (char) => !/[\n\r\u2028\u2029]/.test(char);
      return { kind: "char", test: any };
    }
    if ("*+?{".includes(this.#peek())) this.#fail("a repetition has nothing to repeat");
    const char = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += char.length;
    return { kind: "char", test: this.#equals(char) };
  }

  #equals(wanted: string): Test {
    if (!this.#ignoreCase) return (char) => char === wanted;
    const folded = wanted.toLowerCase();
    return (char) => char === wanted || char.toLowerCase() === folded;
  }

  #group(): Node {
    if (this.#take("?") && !this.#take(":") && !this.#name()) {
      this.#fail("look-around, inline flags and atomic groups are not supported");
    }
    const node = this.#choice();
    if (!this.#take(")")) this.#fail("a group is not closed");
    return node;
  }

  #name(): boolean {
    const name = /^<[A-Za-z]\w*>/.exec(this.#source.slice(this.#at));
    if (name === null) return false;
    this.#at += name[0].length;
    return true;
  }

  /** `[…]`, read to its end and then asked of RegExp for one character at a time. */
  #class(): Node {
    const start = this.#at;
    this.#at += 1;
    if (this.#source.startsWith("[]", start) || this.#source.startsWith("[^]", start))
      this.#fail("a class is empty");
    while (this.#at < this.#source.length && this.#peek() !== "]") {
      if (this.#peek() === "[" && this.#at > start) this.#fail("a class inside a class is not supported");
      this.#at += this.#peek() === "\\" ? 2 : 1;
    }
    if (!this.#take("]")) this.#fail("a class is not closed");
    return { kind: "char", test: this.#oneOf(this.#source.slice(start, this.#at)) };
  }

  #escape(): Node {
    const next = this.#source.charAt(this.#at + 1);
    if (next === "b" || next === "B") {
      this.#at += 2;
      return { kind: "anchor", holds: (before, after) => isBoundary(before, after) === (next === "b") };
    }
    const known = /^\\(?:[dDwWsStnrfv0]|[pP]\{\w+(?:=\w+)?\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^\w\s])/.exec(
      this.#source.slice(this.#at, this.#at + 60),
    );
    if (known === null) this.#fail(`'\\${next}' is not supported`);
    this.#at += known[0].length;
    if (/^[^\w\s]$/.test(next)) return { kind: "char", test: this.#equals(next) };
    return { kind: "char", test: this.#oneOf(known[0]) };
  }

  #oneOf(charClass: string): Test {
    try {
      const one = new RegExp(`^(?:${charClass})$`, this.#ignoreCase ? "ius" : "us");
      return (char) => one.test(char);
    } catch {
      return this.#fail(`'${charClass}' is no class of characters`);
    }
  }
}

function isBoundary(before: string, after: string): boolean {
  return /\w/.test(before) !== /\w/.test(after);
}

type Instruction =
  | { readonly kind: "char"; readonly test: Test }
  | { readonly kind: "anchor"; readonly holds: (before: string, after: string) => boolean }
  | { readonly kind: "split"; to: readonly number[] }
  | { readonly kind: "end" };

/** Each instruction continues with the next, except a split, which continues with each of its targets. */
class Program {
  readonly #code: Instruction[] = [];

  constructor(node: Node) {
    this.#emit(node);
    this.#push({ kind: "end" });
  }

  get size(): number {
    return this.#code.length;
  }

  #push(instruction: Instruction): void {
    if (this.#code.length >= MAX_STATES) {
      throw new InvalidExpression("A regular expression is too large: write it with fewer repetitions");
    }
    this.#code.push(instruction);
  }

  #split(): { kind: "split"; to: readonly number[] } {
    const split = { kind: "split" as const, to: [] as readonly number[] };
    this.#push(split);
    return split;
  }

  #emit(node: Node): void {
    switch (node.kind) {
      case "char":
      case "anchor":
        this.#push(node);
        return;
      case "sequence":
        for (const part of node.nodes) this.#emit(part);
        return;
      case "choice": {
        const start = this.#split();
        const starts: number[] = [];
        const exits: { to: readonly number[] }[] = [];
        for (const part of node.nodes) {
          starts.push(this.#code.length);
          this.#emit(part);
          exits.push(this.#split());
        }
        start.to = starts;
        for (const exit of exits) exit.to = [this.#code.length];
        return;
      }
      case "repeat": {
        for (let i = 0; i < node.min; i++) this.#emit(node.node);
        if (node.max === Number.POSITIVE_INFINITY) {
          const loop = this.#code.length;
          const start = this.#split();
          this.#emit(node.node);
          this.#split().to = [loop];
          start.to = [loop + 1, this.#code.length];
          return;
        }
        const skips: { to: readonly number[] }[] = [];
        for (let i = node.min; i < node.max; i++) {
          skips.push(this.#split());
          this.#emit(node.node);
          // The first target is the instruction after the split, the second is known at the end.
        }
        for (const skip of skips) {
          skip.to = [this.#code.findIndex((instruction) => instruction === skip) + 1, this.#code.length];
        }
        return;
      }
    }
  }

  matches(text: string): boolean {
    const seen = new Int32Array(this.#code.length);
    let generation = 0;
    let states: number[] = [];
    // Adds the states that `from` reaches without reading a character. A stack, since a pattern may be deep.
    const reach = (from: number, before: string, after: string): void => {
      const stack = [from];
      for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
        if (seen[state] === generation) continue;
        seen[state] = generation;
        const instruction = this.#code[state];
        if (instruction === undefined) continue;
        if (instruction.kind === "split") stack.push(...instruction.to);
        else if (instruction.kind !== "anchor") states.push(state);
        else if (instruction.holds(before, after)) stack.push(state + 1);
      }
    };
    const chars = Array.from(text);
    generation += 1;
    reach(0, "", chars[0] ?? "");
    for (let i = 0; i < chars.length && states.length > 0; i++) {
      const char = chars[i] ?? "";
      const current = states;
      states = [];
      generation += 1;
      for (const state of current) {
        const instruction = this.#code[state];
        if (instruction?.kind === "char" && instruction.test(char))
          reach(state + 1, char, chars[i + 1] ?? "");
      }
    }
    return states.includes(this.#code.length - 1);
  }
}
