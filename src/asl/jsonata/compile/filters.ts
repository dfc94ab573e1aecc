// Filters: `[3]` and `[price > 10]`.
//
// Spec: https://docs.jsonata.org/predicate

import type { FilterStage } from "../ast.ts";
import type { Run } from "../limits.ts";
import {
  type Sequence,
  TUPLES,
  SEQUENCE,
  asSequence,
  createSequence,
  hasFlag,
  sequenceOf,
} from "../sequences.ts";
import { type Value, type ValueArray, isArray, isNumeric, isTrue } from "../values.ts";
import type { Compile, Evaluate, Frame, Scope } from "./scope.ts";
import { type TupleScope, isTuple } from "./tuple-scope.ts";

/** Filters a value that has not been unwrapped; gives one that has not been either. */
export type Filter = (input: Value, frame: Frame, run: Run) => Value;

/** @param tuples The variables that the items of a stream may bring along. */
export function compileFilter(
  stage: FilterStage,
  scope: Scope,
  compile: Compile,
  tuples: TupleScope | undefined,
): Filter {
  const { expr } = stage;
  if (expr.type === "number" && typeof expr.value === "number") return itemAt(Math.floor(expr.value));
  const predicate = compile(expr, tuples?.scope ?? scope);
  if (tuples === undefined) return (input, frame, run) => filterValues(predicate, input, frame, run);
  return (input, frame, run) =>
    isArray(input) && hasFlag(input, TUPLES)
      ? filterTuples(predicate, input, tuples, frame, run)
      : filterValues(predicate, input, tuples.frame(undefined, frame), run);
}

function itemAt(index: number): Filter {
  return (input) => {
    if (!isArray(input)) return index === 0 || index === -1 ? input : undefined;
    const item = input[index < 0 ? input.length + index : index];
    if (!hasFlag(input, TUPLES)) return item;
    return asSequence(item === undefined ? [] : [item], SEQUENCE | TUPLES);
  };
}

function filterValues(predicate: Evaluate, input: Value, frame: Frame, run: Run): Value {
  if (!isArray(input)) {
    const result = predicate(input, frame, run);
    if (result === false || result === undefined) return undefined;
    const times = result === true ? 1 : selects(result, 0, 1, run);
    // A filter that takes nothing for an item keeps it: the steps after it are evaluated, without a context.
    if (times === 1) return input === undefined ? sequenceOf(undefined) : input;
    return times === 0 ? undefined : asSequence(Array.from({ length: times }, () => input));
  }
  const kept: Sequence = createSequence();
  const { length } = input;
  run.spend(length);
  for (let i = 0; i < length; i++) {
    const item = input[i];
    const result = predicate(item, frame, run);
    if (result === true) kept.push(item);
    else if (result !== false && result !== undefined) {
      for (let times = selects(result, i, length, run); times > 0; times--) kept.push(item);
    }
  }
  return kept;
}

function filterTuples(
  predicate: Evaluate,
  input: ValueArray,
  tuples: TupleScope,
  frame: Frame,
  run: Run,
): Value {
  const kept: Value[] = [];
  run.spend(input.length * 6);
  for (let i = 0; i < input.length; i++) {
    const tuple = input[i];
    if (!isTuple(tuple)) continue;
    const result = predicate(tuple.item, tuples.frame(tuple, frame), run);
    for (let times = selects(result, i, input.length, run); times > 0; times--) kept.push(tuple);
  }
  return asSequence(kept, SEQUENCE | TUPLES);
}

/**
 * How many times a predicate's result selects the item at `index`: a number, or an array of numbers, selects by
 * position, once for each; anything else by its truth.
 */
function selects(result: Value, index: number, length: number, run: Run): number {
  if (isNumeric(result)) return position(result, length) === index ? 1 : 0;
  if (!isArray(result)) return isTrue(result, run) ? 1 : 0;
  run.spend(result.length);
  let times = 0;
  for (let i = 0; i < result.length; i++) {
    const each = result[i];
    if (!isNumeric(each)) return isTrue(result, run) ? 1 : 0;
    if (position(each, length) === index) times += 1;
  }
  return times;
}

function position(number: number, length: number): number {
  const index = Math.floor(number);
  return index < 0 ? length + index : index;
}
