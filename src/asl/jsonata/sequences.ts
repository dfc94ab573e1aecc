// Sequences: the arrays that paths, filters and mapping functions make. The semantics of the language hang on them.
//
// A sequence is an array with the flag SEQUENCE. It is not an array to its user: one with a single item *is* that
// item, and one without items is nothing.
//
// Invariants
//   Q1. Unwrapping happens in one place, `normalize`, when the evaluation of a node ends; never earlier. While a
//       path is under way its sequences are not unwrapped between steps, only what each step gave is.
//   Q2. `[]` in an expression (KEEP) keeps a sequence of one from being unwrapped. It has no effect on arrays
//       that are no sequences.
//   Q3. A step flattens what its items give by one level, except arrays that an array constructor made at either
//       end of a path (CONSTRUCTED).
//   Q4. A last step that gives exactly one array, and that array is no sequence, gives that array itself. So a
//       path to an array of the data never unwraps it, and its flags are its own.
//   Q5. Flags are on arrays that the evaluation made, never on data: data is shared with the caller. They go
//       wherever their array goes, also into constructed objects, and are gone from what leaves (output.ts).
//   Q6. `append` and slices give plain arrays: concatenation drops flags.
//
// Rejected: a Sequence class beside arrays. Whatever takes an array would have to know both.

import type { Run } from "./limits.ts";
import type { Value, ValueArray } from "./values.ts";

export const SEQUENCE = 1;
export const KEEP = 2;
export const CONSTRUCTED = 4;
/** The array that stands for an input which is an array itself: one context item, not many. */
export const WRAPPER = 8;
/** A stream of Tuples (compile/tuples.ts): items together with the variables that are bound to them. */
export const TUPLES = 16;

export interface Sequence extends Array<Value> {
  flags?: number;
}

export function createSequence(): Sequence {
  const sequence: Sequence = [];
  sequence.flags = SEQUENCE;
  return sequence;
}

export function sequenceOf(item: Value): Sequence {
  const sequence: Sequence = [item];
  sequence.flags = SEQUENCE;
  return sequence;
}

/** Makes a sequence of an array that the caller has just made. */
export function asSequence(items: Value[], flags: number = SEQUENCE): Sequence {
  const sequence: Sequence = items;
  sequence.flags = flags;
  return sequence;
}

export function flagsOf(value: ValueArray): number {
  return value.flags ?? 0;
}

export function hasFlag(value: Value, flag: number): boolean {
  return Array.isArray(value) && (flagsOf(value as ValueArray) & flag) !== 0;
}

/** Adds a flag to an array of ours (Q5). */
export function addFlag(value: ValueArray, flag: number): void {
  (value as Sequence).flags = flagsOf(value) | flag;
}

/** What a node gives to the node around it (Q1). */
export function normalize(value: Value): Value {
  if (typeof value !== "object" || !Array.isArray(value)) return value;
  const { flags } = value as ValueArray;
  if (flags === undefined || (flags & SEQUENCE) === 0 || (flags & TUPLES) !== 0) return value;
  if (value.length > 1) return value;
  if (value.length === 0) return undefined;
  return (flags & KEEP) !== 0 ? value : (value[0] as Value);
}

/** `normalize` for a node marked with `[]` (Q2). */
export function normalizeKept(value: Value): Value {
  if (hasFlag(value, SEQUENCE) && !hasFlag(value, TUPLES)) addFlag(value as ValueArray, KEEP);
  return normalize(value);
}

/** The context item that an input stands for (WRAPPER). */
export function contextOf(input: Value): Value {
  return hasFlag(input, WRAPPER) ? (input as ValueArray)[0] : input;
}

/** Adds what one item gave to the sequence of a step (Q3). */
export function flattenInto(result: Sequence, value: Value, run: Run): void {
  if (!Array.isArray(value) || hasFlag(value as ValueArray, CONSTRUCTED)) {
    result.push(value);
    return;
  }
  const items = value as ValueArray;
  run.spend(items.length);
  for (let i = 0; i < items.length; i++) result.push(items[i]);
}

/** Both together, as one array (Q6); what is missing adds nothing. */
export function append(left: Value, right: Value, run: Run): Value {
  if (left === undefined) return right;
  if (right === undefined) return left;
  const first: Value[] = Array.isArray(left) ? (left as Value[]) : [left];
  const second: Value[] = Array.isArray(right) ? (right as Value[]) : [right];
  run.spendItems(first.length + second.length);
  return first.concat(second);
}
