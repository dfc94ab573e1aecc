// Functions over arrays that call no other function.
//
// Spec: https://docs.jsonata.org/array-functions

import { SEQUENCE, append, asSequence, hasFlag } from "../sequences.ts";
import { type Value, deepEquals, isArray } from "../values.ts";
import { type Definitions, define, defined } from "./builtin.ts";
import type { Run } from "../limits.ts";

function reverse(items: readonly Value[], run: Run): Value {
  if (items.length <= 1) return items;
  run.spendItems(items.length);
  return items.toReversed();
}

/** Each argument an array: the first items together, then the second, as far as the shortest goes. */
function zip(arrays: readonly Value[], run: Run): Value {
  let length = arrays.length === 0 ? 0 : Number.POSITIVE_INFINITY;
  for (const array of arrays) length = Math.min(length, isArray(array) ? array.length : 0);
  run.spendItems(length * (1 + arrays.length));
  const result: Value[] = [];
  for (let i = 0; i < length; i++)
    result.push(arrays.map((array) => (isArray(array) ? array[i] : undefined)));
  return result;
}

function shuffle(items: readonly Value[], run: Run): Value {
  if (items.length <= 1) return items;
  run.spendItems(items.length);
  const result: Value[] = [];
  for (let i = 0; i < items.length; i++) {
    const j = Math.floor(run.random.next01() * (i + 1));
    result.push(result[j]);
    result[j] = items[i];
  }
  return result;
}

/** Scalars are told apart by a set; others by comparison with all that were found so far. */
function distinct(value: Value, run: Run): Value {
  if (!isArray(value) || value.length <= 1) return value;
  run.spend(value.length);
  const scalars = new Set<Value>();
  const others: Value[] = [];
  const result: Value[] = [];
  for (const item of value) {
    if (typeof item !== "object" || item === null) {
      // Sets take NaN for equal to itself; the language does not.
      if (scalars.has(item) && !Number.isNaN(item)) continue;
      scalars.add(item);
    } else {
      run.spend(others.length * 2);
      if (others.some((other) => deepEquals(item, other, run))) continue;
      others.push(item);
    }
    result.push(item);
  }
  return hasFlag(value, SEQUENCE) ? asSequence(result) : result;
}

export const ARRAYS: Definitions = {
  append: define("<xx:a>", 2, ([left, right], run) => append(left, right, run)),
  reverse: define(
    "<a:a>",
    1,
    defined((items, _args, run) => reverse(items as readonly Value[], run)),
  ),
  zip: define("<a+>", 0, zip),
  shuffle: define(
    "<a:a>",
    1,
    defined((items, _args, run) => shuffle(items as readonly Value[], run)),
  ),
  distinct: define("<x:x>", 1, ([value], run) => distinct(value, run)),
};
