// Redrive: an execution that ended without success goes on where the end found it.
//
// Knows:          which ends can be undone, which calls are repetitions, what each frame does then.
// Does not know:  how frames come back (apply.ts, ExecutionRedriven), who asks, whether the state machine is still there.
//
// Invariants
//   R1. What has finished is not run again: states that were left, branches and iterations that have a result, and
//       iterations whose failure the Map has tolerated (they have their place in its result).
//   R2. Every other frame goes on in the state in which it was: the state's work is done once more, with the input
//       that it had, and without a further entry in the history; but a Fail state is entered again.
//   R3. If the state of the root failed because of States.DataLimitExceeded, its branches or iterations are all run again.
//       A Map Run that failed so, or because of what its fields say (States.Runtime), is given up for a new one; any
//       other goes on, with its children that did not succeed.
//   R4. Retries are counted anew, and so is TimeoutSeconds of the state machine.
//   R5. Whether an execution can be redriven, and what comes of it, follows from the execution and the input alone.
//
// Spec: "Restarting state machine executions with redrive" of the developer guide; RedriveExecution of the API.

import type { Program } from "../asl/ast.ts";
import { assert } from "../base/assert.ts";
import { EMPTY_OBJECT } from "../base/json.ts";
import { exitWithResult } from "./data-flow.ts";
import type { Execution, Frame } from "./execution.ts";
import { attempt } from "./failure.ts";
import type { RedriveInput } from "./inputs.ts";
import type { Limits } from "./limits.ts";
import { redriveMapRun } from "./states/distributed-map.ts";
import type { Turn } from "./turn.ts";

const REDRIVABLE_FOR_MS = 14 * 24 * 60 * 60 * 1000;
const CLIENT_TOKEN_FOR_MS = 15 * 60 * 1000;

/** Why the execution cannot be redriven, in the service's words; undefined if it can. */
export function redriveRefusal(execution: Execution, limits: Limits, nowMs: number): string | undefined {
  const { status, startedAtMs, stoppedAtMs = nowMs, eventCount } = execution;
  if (status === "RUNNING" || status === "SUCCEEDED") return `Execution is ${status} and cannot be redriven`;
  if (eventCount >= limits.historyEvents - 1) return "Execution history event limit exceeded";
  // Measured to now: an execution that is redriven may be open until then, and not a moment longer.
  if (nowMs - startedAtMs >= limits.executionSeconds * 1000) {
    return "Execution has exceeded the max execution time";
  }
  return nowMs - stoppedAtMs > REDRIVABLE_FOR_MS ? "Execution redrivable period exceeded" : undefined;
}

/** When the call that carried this token redrove the execution; undefined if none did, or too long ago. */
export function redrivenBy(
  { redrive }: Execution,
  clientToken: string | undefined,
  nowMs: number,
): number | undefined {
  if (redrive === undefined || clientToken === undefined) return undefined;
  const used = redrive.clientTokens.findLast(({ token }) => token === clientToken);
  return used !== undefined && nowMs - used.atMs <= CLIENT_TOKEN_FOR_MS ? used.atMs : undefined;
}

/** Begins the turn that redrives the execution. */
export function beginRedrive(turn: Turn, { clientToken }: RedriveInput): void {
  const { execution, program } = turn;
  turn.emit({
    kind: "ExecutionRedriven",
    redriveCount: (execution.redrive?.count ?? 0) + 1,
    timeoutAtMs: redrivenUntilMs(turn, program, execution),
    ...(clientToken === undefined ? {} : { clientToken }),
    ...(isAnew(execution) ? { anew: true } : {}),
  });
  // In the order of their ids, which is that of the branches. What has children comes last: an iteration that fails
  // again ends its Map before further ones start.
  const frames = [...execution.frames.values()].toSorted((a, b) => a.id - b.id);
  const isParent = ({ rest }: Frame): boolean => rest.kind === "children";
  for (const frame of frames) if (!isParent(frame)) goOn(turn, frame);
  for (const frame of frames) if (isParent(frame)) goOn(turn, frame);
}

/** R4. A redrive does not prolong the time that an execution may be open at all. */
function redrivenUntilMs({ nowMs, limits }: Turn, program: Program, { startedAtMs }: Execution): number {
  const { timeoutSeconds = Number.POSITIVE_INFINITY } = program;
  return Math.min(nowMs + timeoutSeconds * 1000, startedAtMs + limits.executionSeconds * 1000);
}

/** R3. The error of a Stop is the caller's: it says nothing of a state. */
function isAnew({ status, error, frames }: Execution): boolean {
  const type = frames.get(0)?.stateType;
  const isOfChildren = type === "Parallel" || type === "Map";
  return status === "FAILED" && error === "States.DataLimitExceeded" && isOfChildren;
}

/** R3. The errors of a Map Run, not of what has ended it: a sibling's are none of its own. */
const NEEDS_NEW_MAP_RUN: ReadonlySet<string | undefined> = new Set([
  "States.DataLimitExceeded",
  "States.Runtime",
]);

/** Says what the frame does next. What it does is done in the steps of the turn, frame by frame. */
function goOn(turn: Turn, frame: Frame): void {
  const { rest } = frame;
  switch (rest.kind) {
    case "mapRun":
      if (NEEDS_NEW_MAP_RUN.has(rest.error)) turn.ready.push({ kind: "again", frame });
      else redriveMapRun(turn, frame);
      return;
    case "paused":
      turn.ready.push({ kind: "enter", frame, state: rest.state });
      return;
    case "left":
      // A next state would have been recorded (failure.ts, recordNext).
      turn.ready.push({ kind: "end", frame });
      return;
    case "children":
      // A Map Run that had not begun: something was wrong with the fields of its state.
      if (isDistributed(turn, frame)) turn.ready.push({ kind: "again", frame });
      else turn.ready.push({ kind: "continue", frame, children: rest });
      return;
    case "moving":
      turn.ready.push(
        frame.stateType === "Fail"
          ? { kind: "enter", frame, state: frame.state as string }
          : { kind: "again", frame },
      );
      return;
    case "waiting":
    case "retrying":
    case "task":
    case "broken":
    case "done":
      assert(false, `a frame that is redriven is not ${rest.kind}`);
  }
}

function isDistributed(turn: Turn, frame: Frame): boolean {
  const state = turn.stateOf(frame);
  return state.type === "Map" && state.mode === "DISTRIBUTED";
}

/**
 * The branches or iterations have all ended, and leaving the state has failed: only that is tried again. False: the
 * state's work is to be done.
 */
export function leaveAgain(turn: Turn, frame: Frame): boolean {
  const state = turn.stateOf(frame);
  if ((state.type !== "Parallel" && state.type !== "Map") || frame.result === undefined) return false;
  attempt(turn, frame, () => exitWithResult(turn, frame, state, frame.result ?? EMPTY_OBJECT));
  return true;
}
