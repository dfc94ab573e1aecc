// Variables that nothing reads, and variables that are read where nothing can have assigned them.
//
// A block is a scope. What it assigns is read by its own states and by those of the blocks inside; a distributed Map
// begins with no variables. What a state assigns is there for the states after it, not for the state itself.
//
// Invariants
//   V1. No false alarm: a variable counts as assigned if any path to the state assigns it, and as read wherever an
//       expression of the scope mentions it.
//   V2. The work is bounded: past `MAX_STEPS` it is no longer asked on which paths a variable is assigned, only
//       whether it is at all.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html

import { FUNCTIONS } from "../jsonata/functions/index.ts";
import type { Reading } from "../parse/reading.ts";
import type { Use } from "./uses.ts";
import { type Assignment, type BlockView, type StateView, reachedStates } from "./views.ts";

/** Edges followed for the paths of all variables. */
const MAX_STEPS = 1_000_000;

/** The states where a variable may have a value, by its name; `undefined` for a name: everywhere in the block. */
type Assigned = ReadonlyMap<string, ReadonlySet<StateView> | undefined>;

export function checkVariables(
  blocks: readonly BlockView[],
  uses: ReadonlyMap<StateView, readonly Use[]>,
  reading: Reading,
): void {
  checkUnused(blocks, uses, reading);
  checkUnassigned(blocks, uses, reading);
}

function checkUnused(
  blocks: readonly BlockView[],
  uses: ReadonlyMap<StateView, readonly Use[]>,
  reading: Reading,
): void {
  // Inner blocks come after outer ones: from the end, what is read inside is known before it is asked for outside.
  const readIn = new Map<BlockView, Set<string>>();
  for (const block of blocks.toReversed()) {
    const names = readIn.get(block) ?? new Set<string>();
    for (const state of block.states.values()) {
      for (const { variables } of uses.get(state) ?? []) for (const name of variables) names.add(name);
    }
    readIn.set(block, names);
    const outer = block.container?.block;
    if (outer !== undefined) {
      const outerNames = readIn.get(outer) ?? new Set<string>();
      for (const name of names) outerNames.add(name);
      readIn.set(outer, outerNames);
    }
    for (const { name, place } of assignmentsIn(block)) {
      // A variable that is called like a function of JSONata is read without being told apart from it.
      if (names.has(name) || FUNCTIONS.has(name)) continue;
      reading.warn(
        "UNUSED_VARIABLE",
        `The variable '${name}' is assigned, but nothing in its scope reads it`,
        place,
        {
          suggestion: reading.didYouMean(name, names),
        },
      );
    }
  }
}

function assignmentsIn(block: BlockView): readonly Assignment[] {
  return [...block.states.values()].flatMap((state) => state.edges.flatMap(({ assigns }) => assigns));
}

function checkUnassigned(
  blocks: readonly BlockView[],
  uses: ReadonlyMap<StateView, readonly Use[]>,
  reading: Reading,
): void {
  const assigned = new Map<BlockView, Assigned>();
  const budget = { steps: MAX_STEPS };
  for (const block of blocks) assigned.set(block, assignedIn(block, budget));
  for (const block of blocks) {
    for (const state of reachedStates(block)) {
      const told = new Set<string>();
      for (const { variables, bound, place } of uses.get(state) ?? []) {
        for (const name of variables) {
          if (bound.has(name) || told.has(name) || isAssigned(name, state, assigned)) continue;
          told.add(name);
          const isAnywhere = assigned.get(block)?.has(name) === true;
          reading.warn(
            "UNASSIGNED_VARIABLE",
            isAnywhere
              ? `The variable '${name}' is read here, but no path to this state assigns it`
              : `The variable '${name}' is read here, but nothing assigns it in this scope or around it`,
            place,
            {
              suggestion: isAnywhere
                ? undefined
                : reading.didYouMean(name, [
                    ...visibleNames(state, assigned),
                    ...(state.language === "JSONata" ? FUNCTIONS.keys() : []),
                  ]),
            },
          );
        }
      }
    }
  }
}

/** Where each variable of the block may have a value: the states that a path from an assignment reaches. */
function assignedIn(block: BlockView, budget: { steps: number }): Assigned {
  const starts = new Map<string, Set<string>>();
  for (const state of block.states.values()) {
    for (const { to, assigns } of state.edges) {
      for (const { name } of assigns) {
        const targets = starts.get(name) ?? new Set();
        if (to !== undefined) targets.add(to);
        starts.set(name, targets);
      }
    }
  }
  const assigned = new Map<string, ReadonlySet<StateView> | undefined>();
  for (const [name, targets] of starts) assigned.set(name, statesAfter(targets, block, budget));
  return assigned;
}

/** undefined if the budget is used up. */
function statesAfter(
  targets: Iterable<string>,
  block: BlockView,
  budget: { steps: number },
): ReadonlySet<StateView> | undefined {
  const after = new Set<StateView>();
  const open = [...targets];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    budget.steps -= 1;
    if (budget.steps < 0) return undefined;
    const state = block.states.get(name);
    if (state === undefined || after.has(state)) continue;
    after.add(state);
    for (const { to } of state.edges) if (to !== undefined) open.push(to);
  }
  return after;
}

function isAssigned(name: string, state: StateView, assigned: ReadonlyMap<BlockView, Assigned>): boolean {
  for (let at: StateView | undefined = state; at !== undefined; at = at.block.container) {
    const inBlock = assigned.get(at.block);
    if (inBlock?.has(name) === true) {
      const states = inBlock.get(name);
      if (states === undefined || states.has(at)) return true;
    }
    if (at.block.isDistributed) return false;
  }
  return false;
}

function visibleNames(state: StateView, assigned: ReadonlyMap<BlockView, Assigned>): string[] {
  const names: string[] = [];
  for (let at: StateView | undefined = state; at !== undefined; at = at.block.container) {
    names.push(...(assigned.get(at.block)?.keys() ?? []));
    if (at.block.isDistributed) break;
  }
  return names;
}
