// Regular expressions as JavaScript reads them (without the flag u), as a tree that an automaton can be made of.
//
// Knows:          the grammar, with the liberties of ECMAScript's annex B (`]` and `{` as themselves, `\-` …).
// Does not know:  how a tree is matched (program.ts).
//
// What needs backtracking is refused: look-ahead, look-behind, references to groups. Tests of single characters
// are left to RegExp, where nothing can backtrack, so that classes and case folding are exactly JavaScript's.
//
// paths/regex.ts answers a smaller question for another dialect (Java's `matches`, by code point, no captures);
// the two share the idea and no code.

/** One UTF-16 unit. */
export interface CharSet {
  /** The unit, if it is a single one and case counts. */
  readonly literal: number | undefined;
  readonly test: (unit: number) => boolean;
}

export type RegexNode =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "sequence"; readonly nodes: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly nodes: readonly RegexNode[] }
  | { readonly kind: "group"; readonly index: number; readonly node: RegexNode }
  | {
      readonly kind: "repeat";
      readonly node: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly isGreedy: boolean;
      /** The groups inside, which each repetition forgets: from, to (exclusive). */
      readonly groups: readonly [number, number];
    };

export type Assertion = "start" | "end" | "lineStart" | "lineEnd" | "boundary" | "notBoundary";

export interface ParsedRegex {
  readonly node: RegexNode;
  /** Capturing groups, not counting the whole match. */
  readonly groupCount: number;
}

/** Why a pattern cannot be matched here. */
export class RegexRefused extends Error {
  override readonly name = "RegexRefused";
}

const MAX_DEPTH = 100;

/** @param source A pattern that RegExp accepts. */
export function parseRegex(source: string, ignoreCase: boolean, multiline: boolean): ParsedRegex {
  const parser = new Parser(source, ignoreCase, multiline);
  return { node: parser.parse(), groupCount: parser.groupCount };
}

class Parser {
  groupCount = 0;
  readonly #source: string;
  readonly #ignoreCase: boolean;
  readonly #multiline: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, ignoreCase: boolean, multiline: boolean) {
    this.#source = source;
    this.#ignoreCase = ignoreCase;
    this.#multiline = multiline;
  }

  parse(): RegexNode {
    return this.#choice();
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #choice(): RegexNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new RegexRefused("its groups are nested too deeply");
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    this.#depth -= 1;
    const [only] = nodes;
    return nodes.length === 1 && only !== undefined ? only : { kind: "choice", nodes };
  }

  #sequence(): RegexNode {
    const nodes: RegexNode[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source.charAt(this.#at))) {
      const groupsBefore = this.groupCount;
      nodes.push(this.#quantified(this.#atom(), groupsBefore));
    }
    const [only] = nodes;
    return nodes.length === 1 && only !== undefined ? only : { kind: "sequence", nodes };
  }

  #quantified(node: RegexNode, groupsBefore: number): RegexNode {
    let min = 0;
    let max = Number.POSITIVE_INFINITY;
    const counted = /^\{(\d+)(?:(,)(\d+)?)?\}/.exec(this.#source.slice(this.#at, this.#at + 40));
    if (counted !== null) {
      this.#at += counted[0].length;
      min = Number(counted[1]);
      if (counted[2] === undefined) max = min;
      else if (counted[3] !== undefined) max = Number(counted[3]);
    } else if (this.#take("+")) {
      min = 1;
    } else if (this.#take("?")) {
      max = 1;
    } else if (!this.#take("*")) {
      return node;
    }
    const isGreedy = !this.#take("?");
    return { kind: "repeat", node, min, max, isGreedy, groups: [groupsBefore + 1, this.groupCount + 1] };
  }

  #atom(): RegexNode {
    const char = this.#source.charAt(this.#at);
    switch (char) {
      case "(":
        this.#at += 1;
        return this.#group();
      case "[":
        return this.#class();
      case "\\":
        return this.#escape();
      case "^":
        this.#at += 1;
        return { kind: "assert", what: this.#multiline ? "lineStart" : "start" };
      case "$":
        this.#at += 1;
        return { kind: "assert", what: this.#multiline ? "lineEnd" : "end" };
      case ".":
        this.#at += 1;
        return this.#tested(".");
      default:
        this.#at += 1;
        return this.#literal(char);
    }
  }

  #group(): RegexNode {
    let index: number | undefined;
    if (this.#take("?:")) {
      index = undefined;
    } else if (this.#take("?=") || this.#take("?!") || this.#take("?<=") || this.#take("?<!")) {
      throw new RegexRefused("look-ahead and look-behind cannot be matched in linear time");
    } else if (this.#take("?<")) {
      this.#at = this.#source.indexOf(">", this.#at) + 1;
      index = ++this.groupCount;
    } else if (this.#take("?")) {
      throw new RegexRefused("flags inside of a pattern are not supported");
    } else {
      index = ++this.groupCount;
    }
    const node = this.#choice();
    this.#take(")");
    return index === undefined ? node : { kind: "group", index, node };
  }

  #class(): RegexNode {
    const start = this.#at;
    this.#at += 1;
    while (this.#at < this.#source.length && this.#source.charAt(this.#at) !== "]") {
      this.#at += this.#source.charAt(this.#at) === "\\" ? 2 : 1;
    }
    this.#at += 1;
    return this.#tested(this.#source.slice(start, this.#at));
  }

  #escape(): RegexNode {
    const rest = this.#source.slice(this.#at, this.#at + 10);
    const next = rest.charAt(1);
    if (next === "b" || next === "B") {
      this.#at += 2;
      return { kind: "assert", what: next === "b" ? "boundary" : "notBoundary" };
    }
    if (/[1-9]/.test(next) && Number.parseInt(rest.slice(1), 10) <= countGroups(this.#source)) {
      throw new RegexRefused("references to groups cannot be matched in linear time");
    }
    if (next === "k" && this.#source.includes("(?<")) {
      throw new RegexRefused("references to groups cannot be matched in linear time");
    }
    const known =
      /^\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|[0-3][0-7]{0,2}|[4-7][0-7]?|[^c])/.exec(rest)?.[0] ??
      "\\";
    this.#at += known.length;
    if (known === "\\") return this.#literal("\\");
    if (/^\\[^\w]$/.test(known)) return this.#literal(known.charAt(1));
    return this.#tested(known);
  }

  #literal(char: string): RegexNode {
    const unit = char.charCodeAt(0);
    if (this.#ignoreCase) return this.#tested(`\\u${unit.toString(16).padStart(4, "0")}`);
    return { kind: "set", set: { literal: unit, test: (other) => other === unit } };
  }

  /** A part of the pattern that takes exactly one unit. */
  #tested(part: string): RegexNode {
    const one = new RegExp(`^(?:${part})$`, this.#ignoreCase ? "i" : "");
    const ascii = Uint8Array.from({ length: 128 }, (_, unit) =>
      one.test(String.fromCharCode(unit)) ? 1 : 0,
    );
    const test = (unit: number): boolean =>
      unit < 128 ? ascii[unit] === 1 : one.test(String.fromCharCode(unit));
    return { kind: "set", set: { literal: undefined, test } };
  }
}

/** Capturing groups in the whole pattern: `\1` before its group is a reference too. */
function countGroups(source: string): number {
  let count = 0;
  let inClass = false;
  for (let at = 0; at < source.length; at++) {
    const char = source.charAt(at);
    if (char === "\\") at += 1;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (
      char === "(" &&
      !inClass &&
      (source.charAt(at + 1) !== "?" || /^\(\?<[^=!]/.test(source.slice(at, at + 4)))
    ) {
      count += 1;
    }
  }
  return count;
}
