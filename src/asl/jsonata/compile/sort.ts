// Order-by: `orders^(>priority, date)`, and the merge sort that $sort shares.
//
// Invariants
//   O1. The sort is stable, and compares in the order of the language's own evaluator, so that comparators which
//       contradict themselves give the same result.
//   O2. Each term is evaluated at most once for each item, and not before a comparison asks for it.
//
// Spec: https://docs.jsonata.org/path-operators#-order-by

import type { SortNode } from "../ast.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import type { Value, ValueArray } from "../values.ts";
import type { Compile, Evaluate, Frame, Scope } from "./scope.ts";
import { type TupleScope, isTuple } from "./tuple-scope.ts";

interface Term {
  readonly evaluate: Evaluate;
  readonly isDescending: boolean;
}

interface Entry {
  readonly item: Value;
  readonly input: Value;
  readonly frame: Frame;
  /** The values of the terms, from the first, as far as they were needed (O2). */
  readonly keys: Value[];
}

export function compileSort(
  node: SortNode,
  scope: Scope,
  compile: Compile,
  tuples: TupleScope | undefined,
): (items: ValueArray, frame: Frame, run: Run) => ValueArray {
  const terms: Term[] = node.terms.map((term) => ({
    evaluate: compile(term.expression, tuples?.scope ?? scope),
    isDescending: term.descending,
  }));
  return (items, frame, run) => {
    if (items.length <= 1) return items;
    run.spendItems(items.length);
    const entries = items.map((item): Entry => {
      if (tuples === undefined) return { item, input: item, frame, keys: [] };
      const tuple = isTuple(item) ? item : undefined;
      return { item, input: tuple?.item ?? item, frame: tuples.frame(tuple, frame), keys: [] };
    });
    const swaps = (a: Entry, b: Entry): boolean => compareEntries(terms, a, b, node.position, run) > 0;
    return mergeSort(entries, swaps, run).map((entry) => entry.item);
  };
}

function compareEntries(
  terms: readonly Term[],
  a: Entry,
  b: Entry,
  position: number | undefined,
  run: Run,
): number {
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i] as Term;
    const left = keyOf(a, i, term, run);
    const right = keyOf(b, i, term, run);
    // What has no key comes last, in either direction.
    if (left === undefined || right === undefined) {
      if (left === right) continue;
      return left === undefined ? 1 : -1;
    }
    if (!isComparable(left) || !isComparable(right)) {
      throw new JsonataError("T2008", { value: isComparable(left) ? right : left, position });
    }
    if (typeof left !== typeof right)
      throw new JsonataError("T2007", { value: left, value2: right, position });
    if (left === right) continue;
    return left < right !== term.isDescending ? -1 : 1;
  }
  return 0;
}

function keyOf(entry: Entry, index: number, term: Term, run: Run): Value {
  const { keys } = entry;
  if (keys.length === index) {
    run.spend(2);
    keys.push(term.evaluate(entry.input, entry.frame, run));
  }
  return keys[index];
}

function isComparable(value: Value): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/** A sorted copy. `swaps` tells whether its first argument has to come after its second (O1). */
export function mergeSort<Item>(
  items: readonly Item[],
  swaps: (a: Item, b: Item) => boolean,
  run: Run,
): readonly Item[] {
  if (items.length <= 1) return items;
  const middle = Math.floor(items.length / 2);
  const left = mergeSort(items.slice(0, middle), swaps, run);
  const right = mergeSort(items.slice(middle), swaps, run);
  run.spend(items.length);
  const merged: Item[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const a = left[i] as Item;
    const b = right[j] as Item;
    if (swaps(a, b)) {
      merged.push(b);
      j += 1;
    } else {
      merged.push(a);
      i += 1;
    }
  }
  for (; i < left.length; i++) merged.push(left[i] as Item);
  for (; j < right.length; j++) merged.push(right[j] as Item);
  return merged;
}
