// Where the states of a block lead: every target exists, every state is one, the machine can end.
//
// As the service judges it, measured on AWS: a target that does not exist is `Missing 'Next' target`, whichever field
// names it; a state that no field names is an error; whether some state is terminal is asked of the outermost block
// only, and if none is, nothing is said of unreachable states.
// A group of states that lead only to each other is accepted there; here it gets a warning, UNREACHABLE_STATE.
//
// Spec: https://states-language.net/spec.html#transitions

import { inside } from "../parse/place.ts";
import type { BlockGraph, Reading } from "../parse/reading.ts";

export function checkTransitions(graph: BlockGraph, isOutermost: boolean, reading: Reading): void {
  if (graph.names.size === 0) return;
  for (const target of graph.targets) {
    if (graph.names.has(target.name)) continue;
    const elsewhere = reading.names.has(target.name);
    reading.report(
      "ERROR",
      "MISSING_TRANSITION_TARGET",
      `Missing 'Next' target: ${target.name}`,
      target.place,
      {
        expected: elsewhere
          ? "a state of the same block: no transition leads into or out of a branch or an iteration"
          : "the name of a state of this block",
        suggestion: elsewhere ? undefined : reading.didYouMean(target.name, graph.names),
        value: target.name,
      },
    );
  }
  if (!graph.isComplete) return;
  if (isOutermost && !graph.hasTerminal) {
    reading.report("ERROR", "MISSING_END_STATE", "Workflow has no terminal state", undefined, {
      expected: 'a state with "End": true, or one of type Succeed or Fail',
    });
    return;
  }
  const named = new Set(graph.targets.map((target) => target.name));
  const reached = reachable(graph);
  for (const name of graph.names) {
    const place = inside(inside(graph.place, "States"), name);
    if (!named.has(name)) {
      reading.report("ERROR", "MISSING_TRANSITION_TARGET", `State "${name}" is not reachable.`, place, {
        expected: "a StartAt, Next or Default that names this state",
      });
    } else if (!reached.has(name) && reached.size > 0) {
      reading.warn("UNREACHABLE_STATE", `No path leads from the start to the state "${name}"`, place);
    }
  }
}

/** The states that a path from StartAt reaches; none if StartAt names no state. */
function reachable(graph: BlockGraph): ReadonlySet<string> {
  const next = new Map<string | undefined, string[]>();
  for (const { from, name } of graph.targets) {
    const names = next.get(from);
    if (names === undefined) next.set(from, [name]);
    else names.push(name);
  }
  const reached = new Set<string>();
  const open = [...(next.get(undefined) ?? [])];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name) || !graph.names.has(name)) continue;
    reached.add(name);
    for (const target of next.get(name) ?? []) open.push(target);
  }
  return reached;
}
