// What one evaluation may use, and the evaluation's own state: fuel, depth, time, randomness.
//
// Invariants
//   L1. Every loop over data or calls spends fuel before it does the work, so an evaluation ends within
//       `maxSteps` units of bounded work each, whatever the expression and the data are.
//   L2. Work that is not a loop of ours (sorting, joining, matching) spends its estimated cost up front.
//   L3. Strings and arrays are refused before they are made, not after.
//   L4. The counters do not depend on the machine: what passes here passes everywhere.

import type { Random } from "../../base/random.ts";
import { JsonataError } from "./errors.ts";

export interface JsonataLimits {
  /** Fuel: items visited, functions called, 16 characters of text copied each cost about one. */
  readonly maxSteps: number;
  /** Calls within calls, tail calls not counted. */
  readonly maxDepth: number;
  /** UTF-16 units of any string. */
  readonly maxStringLength: number;
  /** Items of any array or sequence. */
  readonly maxItems: number;
  /** Nesting of the result: what the readers of JSON accept later. */
  readonly maxResultDepth: number;
}

/** Measured: the slowest kinds of work stay below some 50 ns a step, so 1,000,000 steps are about 50 ms. */
export const DEFAULT_JSONATA_LIMITS: JsonataLimits = {
  maxSteps: 1_000_000,
  maxDepth: 500,
  maxStringLength: 4_194_304,
  maxItems: 1_000_000,
  maxResultDepth: 900,
};

/** What an evaluation takes from outside. */
export interface JsonataEnvironment {
  /** What $now and $millis tell: milliseconds since 1970. */
  readonly nowMs: number;
  /** Where $random, $uuid and $shuffle draw from. */
  readonly random: Random;
  readonly limits?: Partial<JsonataLimits> | undefined;
  /** The fuel that was used is added to it. */
  readonly meter?: Meter | undefined;
}

export interface Meter {
  steps: number;
}

/** Characters that are copied for one unit of fuel. */
const CHARACTERS_PER_STEP = 16;

/** One evaluation under way. */
export class Run {
  readonly limits: JsonataLimits;
  readonly nowMs: number;
  readonly random: Random;
  #steps: number;
  #depth = 0;

  constructor(environment: JsonataEnvironment) {
    this.limits =
      environment.limits === undefined || environment.limits === DEFAULT_JSONATA_LIMITS
        ? DEFAULT_JSONATA_LIMITS
        : { ...DEFAULT_JSONATA_LIMITS, ...environment.limits };
    this.nowMs = environment.nowMs;
    this.random = environment.random;
    this.#steps = this.limits.maxSteps;
  }

  /** Fuel that is left. */
  get steps(): number {
    return this.#steps;
  }

  /** Uses fuel; throws D1012 when there is none left. Non-integer amounts are fine. */
  spend(steps: number): void {
    this.#steps -= steps;
    if (!(this.#steps >= 0)) throw new JsonataError("D1012", { value: this.limits.maxSteps });
  }

  /** Before a string of `length` is made or read through. */
  spendText(length: number): void {
    if (length > this.limits.maxStringLength)
      throw new JsonataError("D1014", { value: this.limits.maxStringLength });
    this.spend(1 + length / CHARACTERS_PER_STEP);
  }

  /** Before an array of `count` items is made. */
  spendItems(count: number): void {
    this.checkItems(count);
    this.spend(count);
  }

  /** An array that grew to `count` items, each paid for already. */
  checkItems(count: number): void {
    if (count > this.limits.maxItems) throw new JsonataError("D2015", { value: this.limits.maxItems });
  }

  /** Before a call; `leave` after it. A call that throws ends the evaluation: nothing in the language catches. */
  enter(): void {
    this.#depth += 1;
    if (this.#depth > this.limits.maxDepth) throw new JsonataError("D1011");
    this.spend(1);
  }

  leave(): void {
    this.#depth -= 1;
  }
}
