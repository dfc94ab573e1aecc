// Functions over objects, and those that end an evaluation.
//
// Spec: https://docs.jsonata.org/object-functions

import { lookup } from "../compile/paths.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { type Sequence, contextOf, createSequence } from "../sequences.ts";
import { toText } from "../text.ts";
import {
  JsonataFunction,
  type Value,
  type ValueObject,
  isArray,
  isObject,
  memberReader,
  setMember,
} from "../values.ts";
import { type Definitions, define } from "./builtin.ts";

function keys(value: Value, run: Run): Sequence {
  const result = createSequence();
  const names = new Set<string>();
  collectKeys(value, names, run);
  // Of several objects, names that are integers come first, in their order, as in any one object.
  const order: ValueObject = {};
  if (isArray(value)) for (const name of names) setMember(order, name, true);
  for (const name of isArray(value) ? Object.keys(order) : names) result.push(name);
  return result;
}

function collectKeys(value: Value, names: Set<string>, run: Run): void {
  run.spend(1);
  if (isArray(value)) {
    for (const item of value) collectKeys(item, names, run);
  } else if (isObject(value)) {
    const own = Object.keys(value);
    run.spend(own.length * 6);
    for (const key of own) names.add(key);
  }
}

function spread(value: Value, run: Run): Value {
  run.spend(1);
  if (isArray(value)) {
    const result: Value[] = [];
    let hasParts = false;
    for (const item of value) {
      const parts = spread(item, run);
      if (parts === undefined) continue;
      hasParts = true;
      if (isArray(parts)) for (const part of parts) result.push(part);
      else result.push(parts);
    }
    // Appending gives an array, even of one item (sequences.ts Q6).
    return hasParts ? result : createSequence();
  }
  if (!isObject(value)) return value;
  const result = createSequence();
  for (const [key, member] of Object.entries(value)) {
    run.spend(1);
    const part: ValueObject = {};
    setMember(part, key, member);
    result.push(part);
  }
  return result;
}

function merge(objects: readonly Value[], run: Run): Value {
  const result: ValueObject = {};
  for (const object of objects) {
    if (!isObject(object)) continue;
    const entries = Object.entries(object);
    run.spend(1 + entries.length * 16);
    for (const [key, value] of entries) setMember(result, key, value);
  }
  return result;
}

/** A deep copy, as printing and reading would make it: numbers to 15 digits, functions as "". */
function clone(value: Value, run: Run): Value {
  run.spend(1);
  if (value instanceof JsonataFunction) return "";
  if (isArray(value)) {
    const start = contextOf(value);
    const items = isArray(start) ? start : [start];
    const copy: Value[] = [];
    for (const item of items) copy.push(item === undefined ? null : clone(item, run));
    return copy;
  }
  if (isObject(value)) {
    const copy: ValueObject = {};
    for (const [key, member] of Object.entries(value)) {
      if (member !== undefined) setMember(copy, key, clone(member, run));
    }
    return copy;
  }
  return typeof value === "number" ? Number(toText(value, run)) : value;
}

export const OBJECTS: Definitions = {
  keys: define("<x-:a<s>>", 1, ([value], run) => keys(value, run)),
  lookup: define("<x-s:x>", 2, ([value, key], run) => {
    const read = memberReader(key === undefined ? "undefined" : (key as string));
    return isArray(value) ? lookup(value, read, run) : read(value);
  }),
  spread: define("<x-:a<o>>", 1, ([value], run) => spread(value, run)),
  merge: define("<a<o>:o>", 1, ([objects], run) =>
    objects === undefined ? undefined : merge(objects as readonly Value[], run),
  ),
  clone: define("<(oa)-:o>", 1, ([value], run) => (value === undefined ? undefined : clone(value, run))),
  error: define("<s?:x>", 1, ([message]) => {
    throw new JsonataError("D3137", { message: (message as string) || "$error() function evaluated" });
  }),
  assert: define("<bs?:x>", 2, ([condition, message]) => {
    if (condition === true) return undefined;
    throw new JsonataError("D3141", { message: (message as string) || "$assert() statement failed" });
  }),
};
