// A regular expression as an automaton whose states advance together: time is linear in the text (Pike 1987).
//
// Invariants
//   A1. The first match from the left wins, and of those at one place the one that JavaScript's backtracking would
//       have found first: threads are kept in that order, and a match ends all threads behind it.
//   A2. At each position every instruction is visited once at most. That bounds the work, ends empty loops, and
//       rejects repetitions that match nothing, as JavaScript does.
//   A3. Nothing recurses with the text or the program.

import type { Run } from "../limits.ts";
import { type Assertion, type CharSet, type RegexNode, RegexRefused } from "./parse.ts";

type Instruction =
  | { readonly op: "set"; readonly set: CharSet }
  | { readonly op: "assert"; readonly what: Assertion }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "forget"; readonly from: number; readonly to: number }
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "match" };

/** Start and end of the whole match and of each group, -1 where a group took no part. */
export type Captures = readonly number[];

/** Bounds the work for one character. */
const MAX_INSTRUCTIONS = 4000;

/** Visits of instructions for one unit of fuel. */
const VISITS_PER_STEP = 2;

export class Program {
  readonly #code: Instruction[] = [];
  readonly #slots: number;
  /** The unit with which every match begins, if there is only one. */
  readonly #first: string | undefined;

  constructor(node: RegexNode, groupCount: number) {
    this.#slots = (groupCount + 1) * 2;
    this.#emit(node);
    this.#push({ op: "match" });
    const [first] = this.#code;
    const literal = first?.op === "set" ? first.set.literal : undefined;
    this.#first = literal === undefined ? undefined : String.fromCharCode(literal);
  }

  /** The first match that begins at `from` or later. */
  exec(text: string, from: number, run: Run): Captures | undefined {
    const marks = new Int32Array(this.#code.length);
    const none: readonly number[] = Array.from({ length: this.#slots }, () => -1);
    let threads: Thread[] = [];
    let matched: Captures | undefined;
    let visits = 0;
    let generation = 0;
    for (let at = from; ; at++) {
      if (threads.length === 0) {
        if (matched !== undefined) break;
        if (this.#first !== undefined) {
          const next = text.indexOf(this.#first, at);
          run.spend(((next < 0 ? text.length : next) - at) / 64);
          if (next < 0) break;
          at = next;
        }
      }
      // The threads that read a character were added when they were reached; a new one starts here, behind them.
      generation += 1;
      const current: Thread[] = [];
      for (const thread of threads) visits += this.#follow(thread, text, at, marks, generation, current);
      if (matched === undefined) {
        const captures = none.slice();
        captures[0] = at;
        visits += this.#follow({ at: 0, captures }, text, at, marks, generation, current);
      }
      run.spend(visits / VISITS_PER_STEP);
      visits = 0;
      const unit = at < text.length ? text.charCodeAt(at) : -1;
      threads = [];
      for (const thread of current) {
        const instruction = this.#code[thread.at] as Instruction;
        if (instruction.op === "match") {
          const captures = thread.captures.slice();
          captures[1] = at;
          matched = captures;
          break;
        }
        if (unit >= 0 && instruction.op === "set" && instruction.set.test(unit)) {
          threads.push({ at: thread.at + 1, captures: thread.captures });
        }
      }
      if (at >= text.length) break;
    }
    return matched;
  }

  /** Adds to `current` the threads that `thread` becomes without reading, in order of priority (A1, A2). */
  #follow(
    thread: Thread,
    text: string,
    position: number,
    marks: Int32Array,
    generation: number,
    current: Thread[],
  ): number {
    const stack: Thread[] = [thread];
    let visits = 0;
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      let { at, captures } = next;
      for (;;) {
        visits += 1;
        if (marks[at] === generation) break;
        marks[at] = generation;
        const instruction = this.#code[at] as Instruction;
        if (instruction.op === "jump") {
          at = instruction.to;
        } else if (instruction.op === "split") {
          stack.push({ at: instruction.second, captures });
          at = instruction.first;
        } else if (instruction.op === "save") {
          const saved = captures.slice();
          saved[instruction.slot] = position;
          captures = saved;
          at += 1;
        } else if (instruction.op === "forget") {
          captures = forgotten(captures, instruction.from, instruction.to);
          at += 1;
        } else if (instruction.op === "assert") {
          if (!holds(instruction.what, text, position)) break;
          at += 1;
        } else {
          current.push({ at, captures });
          break;
        }
      }
    }
    return visits;
  }

  #push(instruction: Instruction): number {
    if (this.#code.length >= MAX_INSTRUCTIONS) {
      throw new RegexRefused("it is too large: write it with fewer repetitions");
    }
    this.#code.push(instruction);
    return this.#code.length - 1;
  }

  #split(): { first: number; second: number } {
    const split = { op: "split" as const, first: 0, second: 0 };
    this.#push(split);
    return split;
  }

  #emit(node: RegexNode): void {
    switch (node.kind) {
      case "set":
        this.#push({ op: "set", set: node.set });
        return;
      case "assert":
        this.#push({ op: "assert", what: node.what });
        return;
      case "sequence":
        for (const part of node.nodes) this.#emit(part);
        return;
      case "group":
        this.#push({ op: "save", slot: node.index * 2 });
        this.#emit(node.node);
        this.#push({ op: "save", slot: node.index * 2 + 1 });
        return;
      case "choice":
        this.#emitChoice(node.nodes);
        return;
      case "repeat":
        this.#emitRepeat(node);
        return;
    }
  }

  #emitChoice(nodes: readonly RegexNode[]): void {
    const ends: { to: number }[] = [];
    for (const [i, node] of nodes.entries()) {
      if (i === nodes.length - 1) {
        this.#emit(node);
        break;
      }
      const split = this.#split();
      split.first = this.#code.length;
      this.#emit(node);
      const end = { op: "jump" as const, to: 0 };
      this.#push(end);
      ends.push(end);
      split.second = this.#code.length;
    }
    for (const end of ends) end.to = this.#code.length;
  }

  #emitRepeat(node: RegexNode & { kind: "repeat" }): void {
    const once = (): void => {
      const [from, to] = node.groups;
      if (to > from) this.#push({ op: "forget", from: from * 2, to: to * 2 });
      this.#emit(node.node);
    };
    const branch = (split: { first: number; second: number }, into: number, out: number): void => {
      split.first = node.isGreedy ? into : out;
      split.second = node.isGreedy ? out : into;
    };
    const isEndless = node.max === Number.POSITIVE_INFINITY;
    // The last of the required repetitions is the body of the loop, so that `+` does not double what it repeats.
    const required = isEndless && node.min > 0 ? node.min - 1 : node.min;
    for (let i = 0; i < required; i++) once();
    if (isEndless && node.min > 0) {
      const start = this.#code.length;
      once();
      const split = this.#split();
      branch(split, start, this.#code.length);
    } else if (isEndless) {
      const start = this.#code.length;
      const split = this.#split();
      once();
      this.#push({ op: "jump", to: start });
      branch(split, start + 1, this.#code.length);
    } else {
      const splits: { split: { first: number; second: number }; into: number }[] = [];
      for (let i = node.min; i < node.max; i++) {
        const split = this.#split();
        splits.push({ split, into: this.#code.length });
        once();
      }
      for (const { split, into } of splits) branch(split, into, this.#code.length);
    }
  }
}

interface Thread {
  readonly at: number;
  readonly captures: readonly number[];
}

function forgotten(captures: readonly number[], from: number, to: number): readonly number[] {
  if (captures.every((each, i) => i < from || i >= to || each === -1)) return captures;
  return captures.map((each, i) => (i >= from && i < to ? -1 : each));
}

function holds(what: Assertion, text: string, at: number): boolean {
  switch (what) {
    case "start":
      return at === 0;
    case "end":
      return at === text.length;
    case "lineStart":
      return at === 0 || isLineEnd(text.charCodeAt(at - 1));
    case "lineEnd":
      return at === text.length || isLineEnd(text.charCodeAt(at));
    case "boundary":
      return isWord(text.charCodeAt(at - 1)) !== isWord(text.charCodeAt(at));
    case "notBoundary":
      return isWord(text.charCodeAt(at - 1)) === isWord(text.charCodeAt(at));
  }
}

function isLineEnd(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d || unit === 0x2028 || unit === 0x2029;
}

/** Outside of the text there is NaN, which is no word character. */
function isWord(unit: number): boolean {
  return (
    (unit >= 0x30 && unit <= 0x39) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x61 && unit <= 0x7a) ||
    unit === 0x5f
  );
}
