// Paths that carry variables along: `library.loans@$l.books@$b[$l.isbn = $b.isbn]`, `#$i`, and the parent `%`.
//
// From the first step that binds something, the path is a stream of tuples instead of a sequence of items.
//
// Spec: https://docs.jsonata.org/path-operators (context variable binding, positional variable binding, parent)

import type { IndexStage, Node, PathNode, SortNode } from "../ast.ts";
import type { Run } from "../limits.ts";
import {
  SEQUENCE,
  TUPLES,
  asSequence,
  createSequence,
  flattenInto,
  hasFlag,
  sequenceOf,
} from "../sequences.ts";
import { type Value, type ValueArray, isArray } from "../values.ts";
import { type Filter, compileFilter } from "./filters.ts";
import { compileGroup } from "./groups.ts";
import { charactersOf, kept } from "./paths.ts";
import type { Compile, Evaluate, Frame, Scope } from "./scope.ts";
import { compileSort } from "./sort.ts";
import { Tuple, TupleScope, isTuple } from "./tuple-scope.ts";

type Stream = (items: ValueArray, tuples: ValueArray | undefined, frame: Frame, run: Run) => ValueArray;

/** Whether a path has to be compiled here. */
export function bindsTuples(node: PathNode): boolean {
  return node.steps.some((step) => step.tuple === true);
}

/** What it gives is not unwrapped yet. */
export function compileTuplePath(node: PathNode, scope: Scope, compile: Compile): Evaluate {
  const groupNodes = node.group?.lhs.flat() ?? [];
  const tuples = TupleScope.for(node, scope, [...node.steps, ...groupNodes]) ?? new TupleScope(scope, [], []);
  const begin = node.steps.findIndex((step) => step.tuple === true);
  const plain = node.steps.slice(0, begin).map((step) => compilePlainStep(step, scope, compile));
  const streams = node.steps.slice(begin).map((step) => compileStream(step, scope, compile, tuples));
  const group = node.group === undefined ? undefined : compileGroup(node.group, scope, compile, tuples);
  const isAbsolute = node.steps[0]?.type === "variable";
  const isConstructed = node.steps[0]?.consarray === true;
  return (input, frame, run) => {
    let items: ValueArray = isArray(input) && !isAbsolute ? input : sequenceOf(input);
    for (let i = 0; i < plain.length; i++) {
      const found = (plain[i] as PlainStep)(items, i === 0 && isConstructed, frame, run);
      if (found === undefined || found === "" || (isArray(found) && found.length === 0)) {
        const empty = node.keepSingletonArray === true ? kept(found) : found;
        return group === undefined ? empty : group(empty, frame, run);
      }
      items = isArray(found) ? found : charactersOf(found, run);
    }
    let stream: ValueArray | undefined;
    for (const step of streams) stream = step(items, stream, frame, run);
    const found = stream ?? [];
    const result = node.tuple === true ? found : itemsOf(found);
    if (node.keepSingletonArray === true) kept(result);
    return group === undefined ? result : group(found, frame, run);
  };
}

function itemsOf(stream: ValueArray): ValueArray {
  return asSequence(stream.map((tuple) => (isTuple(tuple) ? tuple.item : tuple)));
}

type PlainStep = (items: ValueArray, isWhole: boolean, frame: Frame, run: Run) => Value;

/** A step before the first tuple: items to items, flattened. */
function compilePlainStep(node: Node, scope: Scope, compile: Compile): PlainStep {
  const filters = (node.stages ?? []).flatMap((stage) =>
    stage.type === "filter" ? [compileFilter(stage, scope, compile, undefined)] : [],
  );
  if (node.type === "sort") {
    const sort = compileSort(node, scope, compile, undefined);
    return (items, _isWhole, frame, run) => toItems(filtered(filters, sort(items, frame, run), frame, run));
  }
  const evaluate = compile(node, scope);
  return (items, isWhole, frame, run) => {
    if (isWhole) return evaluate(items, frame, run);
    const result = createSequence();
    run.spend(items.length);
    for (const item of items) {
      const found = filtered(filters, evaluate(item, frame, run), frame, run);
      if (found !== undefined) flattenInto(result, found, run);
    }
    return result;
  };
}

function filtered(filters: readonly Filter[], value: Value, frame: Frame, run: Run): Value {
  let result = value;
  for (const filter of filters) result = filter(result, frame, run);
  return result;
}

function toItems(value: Value): ValueArray {
  if (isArray(value)) return value;
  return value === undefined ? createSequence() : sequenceOf(value);
}

/** A step of the stream, with the filters and index bindings that follow it. */
function compileStream(node: Node, scope: Scope, compile: Compile, tuples: TupleScope): Stream {
  const step =
    node.type === "sort"
      ? compileSortStream(node, scope, compile, tuples)
      : compileItemStream(node, compile, tuples);
  const stages = (node.stages ?? []).map(
    (stage): ((stream: ValueArray, frame: Frame, run: Run) => ValueArray) => {
      if (stage.type === "index") return (stream) => numbered(stream, stage, tuples);
      const filter = compileFilter(stage, scope, compile, tuples);
      return (stream, frame, run) => toItems(filter(stream, frame, run));
    },
  );
  return (items, stream, frame, run) => {
    let result = step(items, stream, frame, run);
    for (const stage of stages) result = stage(result, frame, run);
    return result;
  };
}

/** `#$i` after filters: numbers what they left. */
function numbered(stream: ValueArray, stage: IndexStage, tuples: TupleScope): ValueArray {
  const slot = tuples.indexOf(stage.value);
  return asSequence(
    stream.map((tuple, i) => {
      if (!isTuple(tuple)) return tuple;
      const bound = tuples.slotsOf(tuple);
      bound[slot] = i;
      return new Tuple(tuple.item, tuples.names, bound);
    }),
    SEQUENCE | TUPLES,
  );
}

function compileSortStream(node: SortNode, scope: Scope, compile: Compile, tuples: TupleScope): Stream {
  const sortItems = compileSort(node, scope, compile, undefined);
  const sortTuples = compileSort(node, scope, compile, tuples);
  const slot = node.index === undefined ? -1 : tuples.indexOf(node.index);
  return (items, stream, frame, run) => {
    // What comes out of a sorted stream is an array of tuples and no stream any more, as in the language's own
    // evaluator: steps after it find their variables, filters and groups right after it do not.
    if (stream !== undefined) return sortTuples(stream, frame, run);
    const sorted = sortItems(items, frame, run).map((item, i) => {
      const bound = tuples.slotsOf(undefined);
      if (slot >= 0) bound[slot] = i;
      return new Tuple(item, tuples.names, bound);
    });
    return asSequence(sorted, SEQUENCE | TUPLES);
  };
}

function compileItemStream(node: Node, compile: Compile, tuples: TupleScope): Stream {
  const evaluate = compile(node, tuples.scope);
  const slotOf = (name: string | undefined): number => (name === undefined ? -1 : tuples.indexOf(name));
  const focus = slotOf(node.focus);
  const index = slotOf(node.index);
  const ancestor = slotOf(node.ancestor?.label);
  return (items, stream, frame, run) => {
    const result: Value[] = [];
    const from: ValueArray = stream ?? items;
    run.spend(from.length);
    for (const each of from) {
      const tuple = isTuple(each) ? each : undefined;
      const item = tuple === undefined ? each : tuple.item;
      const found = evaluate(item, tuples.frame(tuple, frame), run);
      if (found === undefined) continue;
      const values: ValueArray = isArray(found) ? found : [found];
      const isStream = hasFlag(found, TUPLES);
      run.spend(values.length * (6 + tuples.names.length / 4));
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        const bound = tuples.slotsOf(tuple);
        let next = value;
        if (isStream && isTuple(value)) {
          tuples.copy(value, bound);
          next = value.item;
        } else {
          if (focus >= 0) {
            bound[focus] = value;
            next = item;
          }
          if (index >= 0) bound[index] = i;
          if (ancestor >= 0) bound[ancestor] = item;
        }
        result.push(new Tuple(next, tuples.names, bound));
      }
    }
    run.checkItems(result.length);
    return asSequence(result, SEQUENCE | TUPLES);
  };
}
