// Functions that call functions: $map, $filter, $single, $reduce, $each, $sift, $sort.
//
// Spec: https://docs.jsonata.org/higher-order-functions

import { mergeSort } from "../compile/sort.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { createSequence } from "../sequences.ts";
import {
  JsonataFunction,
  type Value,
  type ValueObject,
  apply,
  isNumeric,
  isTrue,
  memberOf,
  setMember,
} from "../values.ts";
import { type Definitions, callback, define } from "./builtin.ts";

type Items = readonly Value[];

function map(items: Items, call: JsonataFunction, run: Run): Value {
  const result = createSequence();
  for (let i = 0; i < items.length; i++) {
    const value = callback(call, run, items[i], i, items);
    if (value !== undefined) result.push(value);
  }
  return result;
}

function filter(items: Items, call: JsonataFunction, run: Run): Value {
  const result = createSequence();
  for (let i = 0; i < items.length; i++) {
    if (isTrue(callback(call, run, items[i], i, items), run)) result.push(items[i]);
  }
  return result;
}

function single(items: Items, call: JsonataFunction | undefined, run: Run): Value {
  let found: { readonly item: Value } | undefined;
  run.spend(items.length);
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (call !== undefined && !isTrue(callback(call, run, item, i, items), run)) continue;
    if (found !== undefined) throw new JsonataError("D3138", { index: i });
    found = { item };
  }
  if (found === undefined) throw new JsonataError("D3139");
  return found.item;
}

function reduce(items: Items, call: JsonataFunction, start: Value, run: Run): Value {
  const { arity } = call;
  if (arity < 2) throw new JsonataError("D3050", { index: 1 });
  const isFromFirst = start === undefined && items.length > 0;
  let result = isFromFirst ? items[0] : start;
  for (let i = isFromFirst ? 1 : 0; i < items.length; i++) {
    const args: Value[] = [result, items[i]];
    if (arity >= 3) args.push(i);
    if (arity >= 4) args.push(items);
    result = apply(call, args, null, run);
  }
  return result;
}

function each(object: ValueObject, call: JsonataFunction, run: Run): Value {
  const result = createSequence();
  for (const key of Object.keys(object)) {
    const value = callback(call, run, memberOf(object, key), key, object);
    if (value !== undefined) result.push(value);
  }
  return result;
}

function sift(object: ValueObject, call: JsonataFunction, run: Run): Value {
  const result: ValueObject = {};
  let isEmpty = true;
  for (const key of Object.keys(object)) {
    const value = memberOf(object, key);
    if (!isTrue(callback(call, run, value, key, object), run)) continue;
    setMember(result, key, value);
    isEmpty = false;
  }
  return isEmpty ? undefined : result;
}

function sort(items: Items, call: JsonataFunction | undefined, run: Run): Value {
  if (items.length <= 1) return items;
  run.spendItems(items.length);
  if (call !== undefined) {
    const swaps = (a: Value, b: Value): boolean => {
      const result = apply(call, [a, b], null, run);
      // Unlike in a filter, the truth of the host language: the language's own evaluator has no other here.
      return result !== undefined && result !== null && result !== false && result !== 0 && result !== "";
    };
    return mergeSort(items, swaps, run);
  }
  if (!items.every((item) => isNumeric(item)) && !items.every((item) => typeof item === "string")) {
    throw new JsonataError("D3070", { index: 1 });
  }
  return mergeSort(items as readonly (string | number)[], (a, b) => a > b, run);
}

export const HIGHER_ORDER: Definitions = {
  map: define("<af>", 2, ([items, call], run) =>
    items === undefined ? undefined : map(items as Items, call as JsonataFunction, run),
  ),
  filter: define("<af>", 2, ([items, call], run) =>
    items === undefined ? undefined : filter(items as Items, call as JsonataFunction, run),
  ),
  single: define("<af?>", 2, ([items, call], run) =>
    items === undefined ? undefined : single(items as Items, call as JsonataFunction | undefined, run),
  ),
  reduce: define("<afj?:j>", 3, ([items, call, start], run) =>
    items === undefined ? undefined : reduce(items as Items, call as JsonataFunction, start, run),
  ),
  each: define("<o-f:a>", 2, ([object, call], run) =>
    each((object ?? {}) as ValueObject, call as JsonataFunction, run),
  ),
  sift: define("<o-f?:o>", 2, ([object, call], run) => {
    if (object === undefined) return undefined;
    if (!(call instanceof JsonataFunction)) throw new JsonataError("T1006");
    return sift(object as ValueObject, call, run);
  }),
  sort: define("<af?:a>", 2, ([items, call], run) =>
    items === undefined ? undefined : sort(items as Items, call as JsonataFunction | undefined, run),
  ),
};
