// Object constructors and grouping: `{'id': id}` and `orders{customer: $sum(total)}`, which are one thing.
//
// Every item is put into the group of its key; then each group's value is evaluated with the group as context.
// A constructor is the grouping of its single context.
//
// Spec: https://docs.jsonata.org/sorting-grouping#grouping

import type { Group, Node } from "../ast.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { TUPLES, append, hasFlag } from "../sequences.ts";
import { type Value, type ValueArray, type ValueObject, isArray, setMember } from "../values.ts";
import { type Compile, type Evaluate, Frame, type Scope, UNSET } from "./scope.ts";
import { type Tuple, type TupleScope, isTuple } from "./tuple-scope.ts";

interface Pair {
  readonly key: Evaluate;
  readonly value: Evaluate;
}

/** Takes what is to be grouped: an array, a single item, or nothing. */
export type Grouping = (input: Value, frame: Frame, run: Run) => Value;

export function compileGroup(
  node: Group,
  scope: Scope,
  compile: Compile,
  tuples: TupleScope | undefined,
): Grouping {
  const inside = tuples?.scope ?? scope;
  const { position } = node;
  const pairs = node.lhs.map(
    ([key, value]): Pair => ({ key: compile(key, inside), value: compile(value, inside) }),
  );
  const constant = tuples === undefined ? compileConstant(node, pairs) : undefined;
  return (input, frame, run) => {
    if (tuples !== undefined && isArray(input) && hasFlag(input, TUPLES)) {
      return groupTuples(pairs, input, tuples, frame, run, position);
    }
    if (constant !== undefined && !isArray(input)) return constant(input, frame, run);
    const inner = tuples === undefined ? frame : tuples.frame(undefined, frame);
    return group(pairs, isArray(input) ? input : [input], inner, run, position);
  };
}

/** The usual constructor: keys that are written out, all different, and a single context. */
function compileConstant(node: Group, pairs: readonly Pair[]): Grouping | undefined {
  const keys: string[] = [];
  for (const [key] of node.lhs) {
    const text = constantKey(key);
    if (text === undefined || keys.includes(text) || isReserved(text)) return undefined;
    keys.push(text);
  }
  const values = pairs.map((pair) => pair.value);
  const count = keys.length;
  return (input, frame, run) => {
    const result: ValueObject = {};
    run.spend(1 + count);
    for (let i = 0; i < count; i++) {
      const value = (values[i] as Evaluate)(input, frame, run);
      if (value !== undefined) setMember(result, keys[i] as string, value);
    }
    return result;
  };
}

function constantKey(node: Node): string | undefined {
  const isBare = node.predicate === undefined && node.group === undefined;
  return node.type === "string" && isBare && typeof node.value === "string" ? node.value : undefined;
}

/** The language's evaluator marks its functions with these; a definition that uses them would fail on AWS. */
function isReserved(key: string): boolean {
  return key === "_jsonata_lambda" || key === "_jsonata_function";
}

/** @throws JsonataError T1003, D1013 for what can be no key; nothing is no key either, and no fault */
function isKey(key: Value, position: number | undefined): key is string {
  if (key === undefined) return false;
  if (typeof key !== "string") throw new JsonataError("T1003", { value: key, position });
  if (isReserved(key)) throw new JsonataError("D1013", { value: key, position });
  return true;
}

/** The usual constructor whose keys are computed: one context, so each key is a group of one. */
function constructed(
  pairs: readonly Pair[],
  item: Value,
  frame: Frame,
  run: Run,
  position: number | undefined,
): Value {
  // A key that no object had before costs the host a new shape: some 2 µs.
  run.spend(3 + pairs.length * 20);
  const keys = pairs.map((pair) => pair.key(item, frame, run));
  const result: ValueObject = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (!isKey(key, position)) continue;
    if (keys.indexOf(key) < i) throw new JsonataError("D1009", { value: key, position });
  }
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === undefined) continue;
    const value = (pairs[i] as Pair).value(item, frame, run);
    if (value !== undefined) setMember(result, key as string, value);
  }
  return result;
}

interface Entry {
  readonly pair: number;
  data: Value;
  /** Whether `data` is an array that this grouping has made, and may add to. */
  isOwn: boolean;
}

/** Puts items into groups by key, in the order in which the keys appear. */
class Groups {
  readonly entries = new Map<string, Entry>();
  readonly #position: number | undefined;

  constructor(position: number | undefined) {
    this.#position = position;
  }

  add(key: Value, item: Value, pair: number, run: Run): void {
    const position = this.#position;
    if (!isKey(key, position)) return;
    const entry = this.entries.get(key);
    if (entry === undefined) {
      this.entries.set(key, { pair, data: item, isOwn: false });
      return;
    }
    if (entry.pair !== pair) throw new JsonataError("D1009", { value: key, position });
    if (entry.isOwn && item !== undefined) {
      const items = entry.data as Value[];
      run.spend(isArray(item) ? item.length : 1);
      if (isArray(item)) for (let i = 0; i < item.length; i++) items.push(item[i]);
      else items.push(item);
      return;
    }
    const both = append(entry.data, item, run);
    entry.isOwn = both !== entry.data && both !== item;
    entry.data = both;
  }
}

function group(
  pairs: readonly Pair[],
  items: ValueArray,
  frame: Frame,
  run: Run,
  position: number | undefined,
): Value {
  const groups = new Groups(position);
  // An empty array has one group nevertheless: a constructor works without a context.
  const count = Math.max(items.length, 1);
  if (count === 1) return constructed(pairs, items[0], frame, run, position);
  run.spend(6 + count * pairs.length * 2);
  for (let i = 0; i < count; i++) {
    const item = items[i];
    for (let j = 0; j < pairs.length; j++) groups.add((pairs[j] as Pair).key(item, frame, run), item, j, run);
  }
  const result: ValueObject = {};
  run.spend(groups.entries.size * 4);
  for (const [key, entry] of groups.entries) {
    const value = (pairs[entry.pair] as Pair).value(entry.data, frame, run);
    if (value !== undefined) setMember(result, key, value);
  }
  return result;
}

function groupTuples(
  pairs: readonly Pair[],
  items: ValueArray,
  tuples: TupleScope,
  frame: Frame,
  run: Run,
  position: number | undefined,
): Value {
  const groups = new Groups(position);
  run.spend(items.length * pairs.length);
  for (const tuple of items) {
    if (!isTuple(tuple)) continue;
    const inner = tuples.frame(tuple, frame);
    for (let j = 0; j < pairs.length; j++) {
      groups.add((pairs[j] as Pair).key(tuple.item, inner, run), tuple, j, run);
    }
  }
  const result: ValueObject = {};
  for (const [key, entry] of groups.entries) {
    const members = (isArray(entry.data) ? entry.data : [entry.data]) as readonly Tuple[];
    const [item, slots] = merged(members, tuples, run);
    const value = (pairs[entry.pair] as Pair).value(item, new Frame(slots, frame), run);
    if (value !== undefined) setMember(result, key, value);
  }
  return result;
}

/** A group of tuples as one context: the items together, and for each variable its values together. */
function merged(members: readonly Tuple[], tuples: TupleScope, run: Run): [Value, Value[]] {
  const [first] = members;
  const { slots } = tuples.frame(first, new Frame([], undefined));
  let item = first?.item;
  for (let i = 1; i < members.length; i++) {
    const tuple = members[i] as Tuple;
    item = append(item, tuple.item, run);
    const more = tuples.slotsOf(tuple);
    for (let j = 0; j < more.length; j++) {
      if (more[j] !== UNSET) slots[j] = append(slots[j] === UNSET ? undefined : slots[j], more[j], run);
    }
  }
  return [item, slots];
}
