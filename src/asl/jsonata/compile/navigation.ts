// Wildcards: `*`, every member of an object, and `**`, every value below and the start itself.
//
// Spec: https://docs.jsonata.org/path-operators#-wildcard

import type { Run } from "../limits.ts";
import { type Sequence, contextOf, createSequence } from "../sequences.ts";
import { JsonataFunction, type Value, type ValueArray, isArray, memberOf } from "../values.ts";
import type { Evaluate } from "./scope.ts";

export const wildcard: Evaluate = (input, _frame, run) => {
  let result: Sequence = createSequence();
  const start = contextOf(input);
  if (typeof start !== "object" || start === null || start instanceof JsonataFunction) return result;
  for (const key of Object.keys(start)) {
    const value = isArray(start) ? start[Number(key)] : memberOf(start, key);
    // `flags` of a sequence is a key, and no item.
    if (isArray(start) && key === "flags") continue;
    run.spend(1);
    if (isArray(value)) {
      // Appending an array gives an array (sequences.ts Q6): from here on it is no sequence any more.
      if (result.flags !== undefined) result = result.slice();
      flattenDeeply(value, result, run);
    } else {
      result.push(value);
    }
  }
  return result;
};

function flattenDeeply(items: ValueArray, result: Sequence, run: Run): void {
  run.spend(items.length);
  for (const item of items) {
    if (isArray(item)) flattenDeeply(item, result, run);
    else result.push(item);
  }
}

/** Arrays are looked through, and do not appear themselves. */
export const descendants: Evaluate = (input, _frame, run) => {
  if (input === undefined) return undefined;
  const result = createSequence();
  descend(input, result, run);
  return result.length === 1 ? result[0] : result;
};

function descend(value: Value, result: Sequence, run: Run): void {
  run.spend(1);
  if (isArray(value)) {
    for (const item of value) descend(item, result, run);
    return;
  }
  result.push(value);
  if (typeof value !== "object" || value === null || value instanceof JsonataFunction) return;
  for (const key of Object.keys(value)) descend(memberOf(value, key), result, run);
}
