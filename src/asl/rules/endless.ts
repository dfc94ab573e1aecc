// Loops without a way out: from these states, no path leads to the end of their block.
//
// That the machine has a terminal state at all is asked elsewhere (transitions.ts). A failure that nothing catches ends
// a loop too, and so does a Choice without Default that finds no match; a workflow that means to end does not do it so.

import type { Reading } from "../parse/reading.ts";
import { type BlockView, type StateView, reachedStates } from "./views.ts";

const MAX_NAMES = 5;

export function checkEndless(block: BlockView, reading: Reading): void {
  const reached = reachedStates(block);
  const before = new Map<string, StateView[]>();
  const ending = new Set<StateView>();
  for (const state of reached) {
    if (state.type === "Succeed" || state.type === "Fail" || state.object["End"] === true) ending.add(state);
    for (const { to } of state.edges) {
      if (to === undefined) continue;
      const list = before.get(to);
      if (list === undefined) before.set(to, [state]);
      else list.push(state);
    }
  }
  // The set grows while it is walked.
  for (const state of ending) for (const earlier of before.get(state.name) ?? []) ending.add(earlier);
  const stuck = [...block.states.values()].filter((state) => reached.has(state) && !ending.has(state));
  const [first] = stuck;
  if (first === undefined) return;
  const names = stuck.slice(0, MAX_NAMES).map(({ name }) => `"${name}"`);
  const more = stuck.length > names.length ? `, and ${stuck.length - names.length} more` : "";
  reading.warn("ENDLESS_LOOP", `No path leads to an end from here: ${names.join(", ")}${more}`, first.place, {
    expected: "a way out of the loop",
  });
}
