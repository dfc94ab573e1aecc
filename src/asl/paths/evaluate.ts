// Evaluates the steps of a path over a document.
//
// Knows:          steps, documents, how much work one evaluation may take.
// Does not know:  where the document comes from (index.ts), the text of a path (parse.ts).
//
// Invariants
//   E1. Nothing recurses into a document: documents may be as deep as the caller accepts them.
//   E2. Every value that a step visits costs one unit of fuel, so that `$..*..*..*` over a large document fails
//       instead of holding the engine: its result would have one entry for every pair of nested values.
//   E3. A definite path gives a value or nothing; an indefinite one gives an array, empty where nothing matches,
//       also where its definite beginning is missing (`$.no.items[*]` reads as `[]`: recorded).

import { type Json, isArray, isObject, member, setMember } from "../../base/json.ts";
import { StatesError } from "../errors.ts";
import { NoValue, callFunction } from "./functions.ts";
import { type Operand, type ParsedPath, type Search, type Step, isDefinite } from "./steps.ts";

/** Values that one evaluation may visit: seconds of work at most, far more than a payload of the service has. */
export const FUEL = 4_000_000;

/** The value at `key`: a member of an object, or an item of an array (from the end if negative). */
export function child(value: Json, key: string | number): Json | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (typeof key === "string") return isArray(value) ? undefined : member(value, key);
  if (!isArray(value)) return undefined;
  return value[key < 0 ? value.length + key : key];
}

/**
 * What `steps` select of `start`: a value, an array of values, or nothing; NoValue where a function has none.
 * @throws StatesError States.Runtime when the fuel is used up (E2)
 */
export function select(steps: readonly Step[], start: Json, search: Search): Json | undefined | NoValue {
  const last = steps.at(-1);
  if (last?.kind !== "call") {
    const found = selectAll(steps, start, search);
    return isDefinite(steps) ? found[0] : found;
  }
  const before = steps.slice(0, -1);
  const found = selectAll(before, start, search);
  const value = isDefinite(before) ? found[0] : found;
  if (value === undefined) return undefined;
  const values: Json[] = [];
  for (const argument of last.arguments) {
    const each = argument(start, search);
    if (each !== undefined) values.push(each);
  }
  return callFunction(last.name, value, values);
}

/** The operand that a path inside a filter is. An indefinite one that selects nothing counts as missing. */
export function selectIn(path: ParsedPath): Operand {
  const { root, steps, definite } = path;
  const simple = simpleKeys(steps);
  return (item, search) => {
    let start: Json | undefined;
    switch (root.kind) {
      case "item":
        start = item;
        break;
      case "input":
        start = search.root;
        break;
      case "context":
        start = search.scope.context();
        break;
      case "variable":
        start = search.scope.variable(root.name);
        break;
    }
    if (start === undefined) return undefined;
    if (simple !== undefined) return walk(simple, start);
    const found = select(steps, start, search);
    if (found === undefined || found instanceof NoValue) return undefined;
    return !definite && isArray(found) && found.length === 0 ? undefined : found;
  };
}

/** The keys of a path of members and single indices only: nearly all paths there are. */
export function simpleKeys(steps: readonly Step[]): readonly (string | number)[] | undefined {
  const keys: (string | number)[] = [];
  for (const step of steps) {
    if (step.kind === "member") keys.push(step.name);
    else if (step.kind === "index") keys.push(step.index);
    else return undefined;
  }
  return keys;
}

/** The value at the end of `keys`, or undefined. Allocates nothing. */
export function walk(keys: readonly (string | number)[], start: Json): Json | undefined {
  let value: Json | undefined = start;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (value === undefined || key === undefined) return undefined;
    value = child(value, key);
  }
  return value;
}

function selectAll(steps: readonly Step[], start: Json, search: Search): Json[] {
  let values = [start];
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    if (step === undefined) break;
    const selected: Json[] = [];
    if (step.kind === "descend") {
      i += 1;
      const next = steps[i];
      if (next === undefined) break;
      for (const value of values) descend(next, i === steps.length - 1, value, search, selected);
    } else {
      for (const value of values) apply(step, i === steps.length - 1, value, search, selected);
    }
    values = selected;
  }
  return values;
}

/** Takes `units` of the evaluation's fuel. @throws StatesError States.Runtime when it is used up (E2) */
export function spend(search: Search, units: number): void {
  search.fuel -= units;
  if (search.fuel < 0)
    throw new StatesError("States.Runtime", "A path visits too many values of its document");
}

function apply(step: Step, isLast: boolean, value: Json, search: Search, into: Json[]): void {
  spend(search, 1);
  switch (step.kind) {
    case "member":
    case "index": {
      const found = child(value, step.kind === "member" ? step.name : step.index);
      if (found !== undefined) into.push(found);
      return;
    }
    case "members":
      if (isLast) {
        if (isObject(value)) into.push(pick(value, step.names));
        return;
      }
      for (const name of step.names) {
        const found = child(value, name);
        if (found !== undefined) into.push(found);
      }
      return;
    case "indices":
      for (const index of step.indices) {
        const found = child(value, index);
        if (found !== undefined) into.push(found);
      }
      return;
    case "slice":
      if (isArray(value)) {
        const items = sliceOf(value, step.from, step.to);
        spend(search, items.length);
        for (const item of items) into.push(item);
      }
      return;
    case "wildcard": {
      const items = childrenOf(value);
      spend(search, items.length);
      for (const item of items) into.push(item);
      return;
    }
    case "filter":
      // An object stands for itself; of an array, each item is asked.
      if (isObject(value)) {
        if (step.accepts(value, search)) into.push(value);
      } else if (isArray(value)) {
        for (const item of value) {
          spend(search, 1);
          if (step.accepts(item, search)) into.push(item);
        }
      }
      return;
    case "descend":
    case "call":
      return;
  }
}

/** `..step`: the step applied to `top` and to everything below it, parents before children. */
function descend(step: Step, isLast: boolean, top: Json, search: Search, into: Json[]): void {
  const pending: Json[] = [top];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== "object" || value === null) {
      spend(search, 1);
      continue;
    }
    if (step.kind === "filter") {
      // Items of arrays are visited themselves: asking the array too would select them twice.
      spend(search, 1);
      if (isObject(value) && step.accepts(value, search)) into.push(value);
    } else if (
      step.kind !== "members" ||
      (isObject(value) && step.names.every((name) => hasMember(value, name)))
    ) {
      apply(step, isLast, value, search, into);
    }
    const items = childrenOf(value);
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i];
      if (item !== undefined) pending.push(item);
    }
  }
}

/**
 * As Jayway has it: a negative bound counts from the end where it stands alone. Of two bounds each index between them
 * is looked up, negative ones from the end: `[1:-1]` is empty, and `[-1:1]` the last item and the first.
 */
function sliceOf(items: readonly Json[], from: number | undefined, to: number | undefined): readonly Json[] {
  if (from === undefined || to === undefined) return items.slice(from, to);
  const selected: Json[] = [];
  for (let i = Math.max(from, -items.length); i < Math.min(to, items.length); i++) {
    selected.push(items.at(i) as Json);
  }
  return selected;
}

function hasMember(value: Json, name: string): boolean {
  return child(value, name) !== undefined;
}

function childrenOf(value: Json): readonly Json[] {
  if (isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function pick(value: Json, names: readonly string[]): Json {
  const picked = {};
  for (const name of names) {
    const found = child(value, name);
    if (found !== undefined) setMember(picked, name, found);
  }
  return picked;
}
