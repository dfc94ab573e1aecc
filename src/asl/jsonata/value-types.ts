// What a value of the language is: JSON, nothing, or a function.

import type { Run } from "./limits.ts";
import type { Signature } from "./signature.ts";

export type Value = undefined | null | boolean | number | string | ValueArray | ValueObject | JsonataFunction;

/** `flags` is there on arrays that are more than plain arrays: sequences.ts. */
export interface ValueArray extends ReadonlyArray<Value> {
  readonly flags?: number;
}

export interface ValueObject {
  readonly [key: string]: Value;
}

/** A function of the language: built in, a closure, a regular expression, or made of those. */
export abstract class JsonataFunction {
  /** How many arguments it takes; higher-order functions pass no more. */
  abstract readonly arity: number;
  readonly signature: Signature | undefined;

  constructor(signature: Signature | undefined) {
    this.signature = signature;
  }

  /**
   * Calls it with arguments that its signature has accepted, in an array that is its own from now on (values.ts
   * V3). May return a TailCall, which `apply` goes on with.
   */
  abstract call(args: readonly Value[], run: Run): Value;

  /** What a function is in JSON text. */
  toJSON(): string {
    return "";
  }
}
