// The end of a frame that has left its last state, and what it means for the state around it.

import type { Frame } from "./execution.ts";
import { EMPTY_OBJECT } from "../base/json.ts";
import { assert } from "../base/assert.ts";
import { childrenRest } from "./apply.ts";
import { exitWithResult } from "./data-flow.ts";
import { attempt } from "./failure.ts";
import { startIterations } from "./states/map.ts";
import { refer, type Turn } from "./turn.ts";

/** Ends a branch, an iteration, or the execution. */
export function endFrame(turn: Turn, frame: Frame): void {
  const { parent } = frame;
  if (parent === undefined) {
    turn.emit({ kind: "ExecutionSucceeded", output: refer(frame, frame.output) });
    turn.commands.push({ kind: "AnnounceEnd" });
    return;
  }
  if (frame.kind === "branch") turn.emit({ kind: "BranchSucceeded", frame: frame.id });
  else turn.emit({ kind: "MapIterationEnded", frame: frame.id, outcome: "Succeeded" });
  continueParent(turn, parent);
}

/** Leaves the Parallel or Map state if all its children have ended; else starts what there is room for. */
export function continueParent(turn: Turn, frame: Frame): void {
  const state = turn.stateOf(frame);
  assert(state.type === "Parallel" || state.type === "Map", `${state.type} has children`);
  const { endedCount, count } = childrenRest(frame);
  if (endedCount < count) {
    if (state.type === "Map") attempt(turn, frame, () => startIterations(turn, frame, state));
    return;
  }
  turn.emit({ kind: "ChildrenEnded", frame: frame.id, outcome: "Succeeded" });
  attempt(turn, frame, () => exitWithResult(turn, frame, state, frame.result ?? EMPTY_OBJECT));
}
