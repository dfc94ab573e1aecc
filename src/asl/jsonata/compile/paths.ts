// Paths: `$states.input.orders[status = 'open'].items.sku`.
//
// A path is under way with either one item or many. Most paths of most definitions never leave "one item", and
// then no sequence is made at all: that is where the time of the usual expression would go.
//
// Spec: https://docs.jsonata.org/path-operators, https://docs.jsonata.org/processing; rules Q1 to Q4 of sequences.ts

import type { Node, PathNode } from "../ast.ts";
import type { Run } from "../limits.ts";
import {
  CONSTRUCTED,
  KEEP,
  SEQUENCE,
  type Sequence,
  addFlag,
  asSequence,
  createSequence,
  flagsOf,
  flattenInto,
  hasFlag,
  sequenceOf,
} from "../sequences.ts";
import { type Value, type ValueArray, isArray, memberReader } from "../values.ts";
import { type Filter, compileFilter } from "./filters.ts";
import { compileGroup } from "./groups.ts";
import type { Compile, Evaluate, Frame, Scope } from "./scope.ts";
import { compileSort } from "./sort.ts";

/** A step for all items at once (order-by), or for each item. */
type Step =
  | { readonly kind: "sort"; readonly all: (items: ValueArray, frame: Frame, run: Run) => Value }
  | {
      readonly kind: "each";
      readonly each: Evaluate;
      /** A filter gives a sequence for every item, if only an empty one: each item counts in Q4. */
      readonly isFiltered: boolean;
    };

/** A path without tuples; what it gives is not unwrapped yet. */
export function compilePath(node: PathNode, scope: Scope, compile: Compile): Evaluate {
  const [first] = node.steps;
  const steps = node.steps.map((step) => compileStep(step, scope, compile));
  const group = node.group === undefined ? undefined : compileGroup(node.group, scope, compile, undefined);
  const walk = compileWalk(steps, first?.type === "variable", first?.consarray === true);
  if (group !== undefined) {
    const keep = node.keepSingletonArray === true;
    return (input, frame, run) => {
      const found = walk(input, frame, run);
      // Nothing is an empty sequence here, and not the absence of a context: the group sees no item.
      return group(keep ? kept(found) : found, frame, run);
    };
  }
  if (node.keepSingletonArray === true) return (input, frame, run) => kept(walk(input, frame, run));
  return walk;
}

/** `[]` somewhere in a path (Q2). */
export function kept(value: Value): Value {
  if (value === undefined) return undefined;
  if (!isArray(value)) return asSequence([value], SEQUENCE | KEEP);
  const flags = flagsOf(value);
  if ((flags & SEQUENCE) !== 0) addFlag(value, KEEP);
  else if ((flags & CONSTRUCTED) !== 0) return asSequence([value], SEQUENCE | KEEP);
  return value;
}

function compileStep(node: Node, scope: Scope, compile: Compile): Step {
  if (node.type === "sort") {
    const sort = compileSort(node, scope, compile, undefined);
    const filters = compileFilters(node, scope, compile);
    return {
      kind: "sort",
      all: (items, frame, run) => applyFilters(filters, sort(items, frame, run), frame, run),
    };
  }
  const evaluate = compile(node, scope);
  const filters = compileFilters(node, scope, compile);
  const [filter] = filters;
  if (filter === undefined) return { kind: "each", each: evaluate, isFiltered: false };
  if (filters.length === 1) {
    return {
      kind: "each",
      each: (item, frame, run) => filter(evaluate(item, frame, run), frame, run),
      isFiltered: true,
    };
  }
  return {
    kind: "each",
    each: (item, frame, run) => applyFilters(filters, evaluate(item, frame, run), frame, run),
    isFiltered: true,
  };
}

function compileFilters(node: Node, scope: Scope, compile: Compile): readonly Filter[] {
  const filters: Filter[] = [];
  for (const stage of node.stages ?? []) {
    if (stage.type === "filter") filters.push(compileFilter(stage, scope, compile, undefined));
  }
  return filters;
}

function applyFilters(filters: readonly Filter[], value: Value, frame: Frame, run: Run): Value {
  let result = value;
  for (const filter of filters) result = filter(result, frame, run);
  return result;
}

/** @param isAbsolute The first step is a variable: it is evaluated once, also where the input is an array. */
function compileWalk(steps: readonly Step[], isAbsolute: boolean, isConstructed: boolean): Evaluate {
  const last = steps.length - 1;
  return (input, frame, run) => {
    let one: Value;
    let many: ValueArray | undefined;
    if (isAbsolute || !isArray(input)) one = input;
    else many = input;
    for (let i = 0; i <= last; i++) {
      const step = steps[i] as Step;
      if (step.kind === "sort") {
        many = asItems(step.all(many ?? sequenceOf(one), frame, run));
        if (many.length === 0) return undefined;
        // Of one item there is nothing to sort: it is a sequence of the path's own, without the marks of its origin.
        if (i === last) return many.length === 1 ? asSequence(many.slice()) : many;
        continue;
      }
      let found: Value;
      if (i === 0 && isConstructed) {
        found = step.each(many ?? sequenceOf(one), frame, run);
        if (isArray(found)) {
          many = found;
          // An empty one ends the path, and is what the path gives.
          if (i === last || many.length === 0) return found;
          continue;
        }
        // A constructed array that a filter has reduced to one item has no items to go on with; a string has its
        // characters. So says the language's own evaluator, and AWS with it: `[{'a': 1}][0].a` is nothing.
        // It cannot be sorted either, and stays what it is.
        while (steps[i + 1]?.kind === "sort") i += 1;
        if (i < last) {
          if (found === "") return found;
          many = charactersOf(found, run);
          if (many.length === 0) return undefined;
          continue;
        }
      } else if (many === undefined) {
        found = step.each(one, frame, run);
      } else {
        found = overItems(step.each, many, i === last && !(step.isFiltered && many.length > 1), frame, run);
        if (found === undefined || i === last) return found;
        many = found as ValueArray;
        continue;
      }
      if (found === undefined) return undefined;
      if (!isArray(found) || hasFlag(found, CONSTRUCTED)) {
        one = found;
        many = undefined;
      } else if (i < last) {
        if (found.length === 0) return undefined;
        many = found;
      } else {
        return hasFlag(found, SEQUENCE) ? flattened(found) : found;
      }
    }
    return one;
  };
}

/** A sequence that is the only thing a last step gave: the same items, in a sequence of the path's own. */
function flattened(sequence: ValueArray): Value {
  if (sequence.length > 1) return sequence;
  return asSequence(sequence.slice());
}

/** A step over many items: a sequence with at least one item, a single array of the data (Q4), or undefined. */
function overItems(each: Evaluate, items: ValueArray, mayBeArray: boolean, frame: Frame, run: Run): Value {
  const result: Sequence = createSequence();
  let count = 0;
  let first: Value;
  const { length } = items;
  run.spend(length);
  for (let i = 0; i < length; i++) {
    const found = each(items[i], frame, run);
    if (found === undefined) continue;
    count += 1;
    if (count === 1) first = found;
    if (typeof found !== "object") result.push(found);
    else flattenInto(result, found, run);
  }
  if (mayBeArray && count === 1 && isArray(first) && !hasFlag(first, SEQUENCE)) return first;
  run.checkItems(result.length);
  return result.length === 0 ? undefined : result;
}

/** What a path goes on with after a constructed array that a filter has reduced to one item. */
export function charactersOf(value: Value, run: Run): ValueArray {
  if (typeof value !== "string") return createSequence();
  run.spendItems(value.length);
  return asSequence(value.split(""));
}

function asItems(value: Value): ValueArray {
  if (isArray(value)) return value;
  return value === undefined ? [] : sequenceOf(value);
}

/** A field name: the member of an object, or of each object in an array. */
export function compileName(key: string, finish: (found: Value) => Value): Evaluate {
  const read = memberReader(key);
  return (input, _frame, run) => {
    if (typeof input !== "object" || input === null) return undefined;
    const found = Array.isArray(input) ? lookup(input as ValueArray, read, run) : read(input);
    return typeof found === "object" ? finish(found) : found;
  };
}

/** The members of all objects in an array, arrays among them flattened; arrays in arrays are searched too. */
export function lookup(items: ValueArray, read: (value: Value) => Value, run: Run): Value {
  const result = createSequence();
  run.spend(items.length);
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    const found = isArray(item) ? lookup(item, read, run) : read(item);
    if (found === undefined) continue;
    if (isArray(found)) {
      run.spend(found.length);
      for (let j = 0; j < found.length; j++) result.push(found[j]);
    } else {
      result.push(found);
    }
  }
  return result;
}
