// A definition that is known to be right, as the advice looks at it: blocks, states, and where each leads.
//
// Knows:          which fields lead on, which fields assign, which hold blocks.
// Does not know:  what expressions read (uses.ts).
//
// Reads the definition and not the Program: a closure does not tell what it will read, and a warning has to point at
// the text. Only definitions without an ERROR come here, so what has another form than expected is passed over.

import { type Json, type JsonObject, isArray, isObject, member } from "../../base/json.ts";
import type { QueryLanguage } from "../ast.ts";
import { languageOf } from "../parse/common.ts";
import { type Place, inside } from "../parse/place.ts";

export interface BlockView {
  readonly place: Place;
  readonly startAt: string;
  readonly states: ReadonlyMap<string, StateView>;
  /** The Map or Parallel around it; undefined for the machine. */
  readonly container: StateView | undefined;
  /** Executions of its own: no variable of the container reaches it. */
  readonly isDistributed: boolean;
}

export interface StateView {
  readonly name: string;
  readonly type: string;
  readonly object: JsonObject;
  readonly place: Place;
  readonly language: QueryLanguage;
  readonly block: BlockView;
  /** Filled when its blocks are read, which need the state itself. */
  readonly blocks: BlockView[];
  readonly edges: readonly Edge[];
}

/** One way out of a state. */
export interface Edge {
  /** undefined: the block ends. */
  readonly to: string | undefined;
  readonly assigns: readonly Assignment[];
}

export interface Assignment {
  readonly name: string;
  readonly place: Place;
}

export function viewMachine(machine: JsonObject, place: Place): BlockView {
  return viewBlock(machine, place, undefined, languageOf(member(machine, "QueryLanguage"), "JSONPath"));
}

/** The blocks, outer ones first. */
export function blocksOf(outermost: BlockView): readonly BlockView[] {
  const blocks = [outermost];
  for (const block of blocks) for (const state of block.states.values()) blocks.push(...state.blocks);
  return blocks;
}

function viewBlock(
  source: JsonObject,
  place: Place,
  container: StateView | undefined,
  inherited: QueryLanguage,
): BlockView {
  const states = new Map<string, StateView>();
  const startAt = member(source, "StartAt");
  const config = member(source, "ProcessorConfig");
  const block: BlockView = {
    place,
    startAt: typeof startAt === "string" ? startAt : "",
    states,
    container,
    isDistributed: isObject(config) && member(config, "Mode") === "DISTRIBUTED",
  };
  const sources = member(source, "States");
  if (!isObject(sources)) return block;
  for (const [name, object] of Object.entries(sources)) {
    if (!isObject(object)) continue;
    const at = inside(inside(place, "States"), name);
    const type = member(object, "Type");
    const state: StateView = {
      name,
      type: typeof type === "string" ? type : "",
      object,
      place: at,
      language: languageOf(member(object, "QueryLanguage"), inherited),
      block,
      blocks: [],
      edges: edgesOf(object, at),
    };
    for (const [value, where] of innerBlocks(object, at)) {
      state.blocks.push(viewBlock(value, where, state, inherited));
    }
    states.set(name, state);
  }
  return block;
}

function innerBlocks(object: JsonObject, place: Place): (readonly [JsonObject, Place])[] {
  const blocks: (readonly [JsonObject, Place])[] = [];
  for (const [value, where] of objectsIn(member(object, "Branches"), inside(place, "Branches"))) {
    blocks.push([value, where]);
  }
  for (const field of ["ItemProcessor", "Iterator"]) {
    const value = member(object, field);
    if (isObject(value)) blocks.push([value, inside(place, field)]);
  }
  return blocks;
}

/** The objects of an array, with their places. */
export function objectsIn(value: Json | undefined, place: Place): (readonly [JsonObject, Place])[] {
  if (!isArray(value)) return [];
  return value.flatMap((each, index) => (isObject(each) ? [[each, inside(place, index)] as const] : []));
}

function edgesOf(object: JsonObject, place: Place): readonly Edge[] {
  const edges: Edge[] = [];
  const own = assignmentsOf(object, place);
  const type = member(object, "Type");
  if (type === "Choice") {
    for (const [rule, at] of objectsIn(member(object, "Choices"), inside(place, "Choices"))) {
      edges.push({ to: targetOf(rule, "Next"), assigns: assignmentsOf(rule, at) });
    }
    const otherwise = targetOf(object, "Default");
    if (otherwise !== undefined) edges.push({ to: otherwise, assigns: own });
    return edges;
  }
  edges.push({ to: targetOf(object, "Next"), assigns: own });
  for (const [catcher, at] of objectsIn(member(object, "Catch"), inside(place, "Catch"))) {
    edges.push({ to: targetOf(catcher, "Next"), assigns: assignmentsOf(catcher, at) });
  }
  return edges;
}

function targetOf(object: JsonObject, field: string): string | undefined {
  const name = member(object, field);
  return typeof name === "string" ? name : undefined;
}

function assignmentsOf(object: JsonObject, place: Place): readonly Assignment[] {
  const assign = member(object, "Assign");
  if (!isObject(assign)) return [];
  const at = inside(place, "Assign");
  return Object.keys(assign).map((key) => ({ name: key.replace(/\.\$$/u, ""), place: inside(at, key) }));
}

/** The states that a path from the block's start reaches. */
export function reachedStates(block: BlockView): ReadonlySet<StateView> {
  const reached = new Set<StateView>();
  const open = [block.states.get(block.startAt)];
  while (open.length > 0) {
    const state = open.pop();
    if (state === undefined || reached.has(state)) continue;
    reached.add(state);
    for (const { to } of state.edges) if (to !== undefined) open.push(block.states.get(to));
  }
  return reached;
}
