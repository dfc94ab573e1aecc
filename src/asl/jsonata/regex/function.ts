// A regular expression as a value of the language: a function from text to its next match.
//
// Spec: https://docs.jsonata.org/regex

import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { toText } from "../text.ts";
import { JsonataFunction, type Value } from "../values.ts";
import { type Cost, costOfPattern, firstLiteral, isAnchored, worstSteps } from "./cost.ts";
import { RegexRefused, parseRegex } from "./parse.ts";
import { type Captures, Program } from "./program.ts";

export interface Match {
  readonly match: string;
  /** Offsets in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** Undefined for a group that took no part. */
  readonly groups: readonly Value[];
}

/** Backtracking that is allowed for one search, in steps of some 5 ns. */
const MAX_BACKTRACKING = 5000;
const BACKTRACKING_PER_STEP = 20;
/** The same for patterns that look at each place once: nothing is tried again, and RegExp is at its best. */
const MAX_SCAN = 1_000_000;
const SCAN_PER_STEP = 40;

export class RegexFunction extends JsonataFunction {
  /** It takes an offset too, which higher-order functions pass as they pass an index. */
  readonly arity = 2;
  readonly #native: RegExp;
  readonly #program: Program;
  readonly #cost: Cost;
  readonly #isAnchored: boolean;
  readonly #first: string | undefined;
  readonly #position: number | undefined;

  /** @throws JsonataError S0303 for a pattern that cannot be matched in linear time */
  constructor(regex: RegExp, position: number | undefined) {
    super(undefined);
    this.#native = new RegExp(regex.source, regex.flags);
    this.#position = position;
    try {
      const { node, groupCount } = parseRegex(regex.source, regex.ignoreCase, regex.multiline);
      this.#program = new Program(node, groupCount);
      this.#cost = costOfPattern(node);
      this.#first = firstLiteral(node);
      this.#isAnchored = isAnchored(node);
    } catch (fault) {
      if (!(fault instanceof RegexRefused)) throw fault;
      throw new JsonataError("S0303", { value: regex.source, message: fault.message, position });
    }
  }

  /** The first match that begins at `from` or later. */
  exec(text: string, from: number, run: Run): Match | undefined {
    const length = text.length - from;
    const { degree, size, ways } = this.#cost;
    if (degree === 0 && size * ways * length < MAX_SCAN) {
      const found = this.#backtrack(text, from);
      // Paid for afterwards: how far it had to look is known then, and is little before the next of many matches.
      run.spend(1 + (((found?.end ?? text.length) - from) * size * ways) / SCAN_PER_STEP);
      return found;
    }
    if (length < MAX_BACKTRACKING) {
      const worst = worstSteps(this.#cost, this.#starts(text, from, run), length);
      if (worst < MAX_BACKTRACKING) {
        run.spend(1 + worst / BACKTRACKING_PER_STEP);
        return this.#backtrack(text, from);
      }
    }
    const captures = this.#program.exec(text, from, run);
    return captures === undefined ? undefined : toMatch(text, captures);
  }

  #backtrack(text: string, from: number): Match | undefined {
    this.#native.lastIndex = from;
    const found = this.#native.exec(text);
    if (found === null) return undefined;
    const [match] = found;
    return { match, start: found.index, end: found.index + match.length, groups: found.slice(1) };
  }

  /** Places where a match may begin. */
  #starts(text: string, from: number, run: Run): number {
    if (this.#isAnchored) return 1;
    if (this.#first === undefined) return text.length - from + 1;
    let count = 0;
    for (let at = text.indexOf(this.#first, from); at >= 0; at = text.indexOf(this.#first, at + 1))
      count += 1;
    run.spend(count / 4);
    return count;
  }

  /**
   * The match after `last`, or undefined at the end of the text.
   * @throws JsonataError D1004 for a match without characters: it would be found for ever
   */
  after(text: string, last: Match, run: Run): Match | undefined {
    if (last.end >= text.length) return undefined;
    const next = this.exec(text, last.end, run);
    if (next?.match === "") {
      throw new JsonataError("D1004", { value: this.#native.source, position: this.#position });
    }
    return next;
  }

  call(args: readonly Value[], run: Run): Value {
    const [subject, from] = args;
    const text = typeof subject === "string" ? subject : toText(subject, run);
    const first = this.exec(text, typeof from === "number" && from > 0 ? Math.trunc(from) : 0, run);
    return first === undefined ? undefined : this.#toValue(text, first);
  }

  #toValue(text: string, found: Match): Value {
    const { match, start, end, groups } = found;
    const next = new Next((run) => {
      const following = this.after(text, found, run);
      return following === undefined ? undefined : this.#toValue(text, following);
    });
    return { match, start, end, groups, next };
  }
}

/** `next` of a match: the match after it. */
class Next extends JsonataFunction {
  readonly arity = 0;
  readonly #find: (run: Run) => Value;

  constructor(find: (run: Run) => Value) {
    super(undefined);
    this.#find = find;
  }

  call(_args: readonly Value[], run: Run): Value {
    return this.#find(run);
  }
}

function toMatch(text: string, captures: Captures): Match {
  const part = (group: number): string | undefined => {
    const start = captures[group * 2] ?? -1;
    const end = captures[group * 2 + 1] ?? -1;
    return start < 0 || end < 0 ? undefined : text.slice(start, end);
  };
  const groups: Value[] = [];
  for (let group = 1; group * 2 < captures.length; group++) groups.push(part(group));
  const start = captures[0] ?? 0;
  const end = captures[1] ?? start;
  return { match: text.slice(start, end), start, end, groups };
}
