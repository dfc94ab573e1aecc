// The failure of a state, on its way through Retry, Catch and the enclosing states.
//
// Order of the history when a branch or iteration fails (recorded from the service):
//   the failing event; MapIterationFailed; for each sibling its …StateAborted (inner ones first) and
//   MapIterationAborted; …StateAborted of the failing Task itself; then ParallelStateFailed or MapStateFailed,
//   or nothing if the state is tried again.

import type { MapState, State } from "../asl/ast.ts";
import { QueryEvaluationError, StatesError } from "../asl/errors.ts";
import { Payload } from "../base/json.ts";
import { childrenRest } from "./apply.ts";
import { exitWithError } from "./data-flow.ts";
import type { ExecutionAborted, ExecutionFailed, ExecutionTimedOut } from "./events.ts";
import type { Frame, Rest } from "./execution.ts";
import { chooseCatcher, chooseRetrier, type Failure, retryDelaySeconds } from "./retry.ts";
import { toleratedFailures } from "./states/map.ts";
import type { Turn } from "./turn.ts";

/** The failure that an expression or a state reported, worded as the service words it. */
export function failureOf(frame: Frame, problem: StatesError): Failure {
  const { error, cause, located, alias, isFinal } = problem;
  const place = `An error occurred while executing the state '${frame.state}' (entered at the event id #${frame.enteredEvent}). `;
  return {
    error,
    cause: located ? `${place}${cause}` : cause,
    ...(alias === undefined ? {} : { alias }),
    ...(isFinal ? { isFinal } : {}),
    ...(problem instanceof QueryEvaluationError ? { isEvaluation: true } : {}),
  };
}

/**
 * The state of `frame` has failed: tries again, catches, or ends the frame.
 *
 * @param child The branch or iteration whose failure it is; undefined if the state itself failed. Then the service
 *              writes no ParallelStateFailed or MapStateFailed unless the failure is caught.
 */
export function failState(turn: Turn, frame: Frame, failure: Failure, child?: Frame): void {
  const state = turn.stateOf(frame);
  turn.environment.inspectFailure?.(failure);
  if (frame.rest.kind === "children") abortChildren(turn, frame, child);
  if (child?.stateType === "Task") turn.emit({ kind: "StateAborted", frame: child.id });
  if (!("retry" in state) || failure.isFinal === true) return failFrame(turn, frame, failure);

  const index = chooseRetrier(state.retry, frame.retries, failure);
  const retrier = index === undefined ? undefined : state.retry[index];
  if (index !== undefined && retrier !== undefined) {
    const seconds = retryDelaySeconds(retrier, frame.retries[index] ?? 0, () => turn.random.next01());
    // Counted before the commit: a crash between commit and hand-over must not grant a free retry.
    const untilMs = turn.nowMs + Math.ceil(seconds * 1000);
    return turn.emit({ kind: "RetryGranted", frame: frame.id, retrier: index, untilMs });
  }
  const catcher = chooseCatcher(state.catch, failure);
  if (isToldAsFailed(frame, state, failure, child !== undefined || catcher !== undefined)) {
    turn.emit({ kind: "ChildrenEnded", frame: frame.id, outcome: "Failed" });
  }
  if (catcher === undefined) return failFrame(turn, frame, failure);
  const exit = { ...catcher, queryLanguage: state.queryLanguage };
  attempt(turn, frame, () => exitWithError(turn, frame, exit, errorOutput(failure)), failFrame);
}

/**
 * Whether there is a ParallelStateFailed or MapStateFailed. For the state's own expressions there is one also before
 * anything has started (recorded), but none once the work has succeeded.
 */
function isToldAsFailed(frame: Frame, state: State, { isEvaluation }: Failure, isOfChild: boolean): boolean {
  if (frame.rest.kind === "mapRun") return true;
  if (frame.rest.kind === "children") return isOfChild || isEvaluation === true;
  const hasChildren = state.type === "Map" || state.type === "Parallel";
  return hasChildren && isEvaluation === true && frame.result === undefined;
}

/** What a Catcher hands on. */
function errorOutput({ error, cause }: Failure): Payload {
  // The service's forms: null for what a callback left out, an empty Cause for its own time-outs.
  const noCause = error === "States.Timeout" ? "" : null;
  return Payload.ofValue({ Error: error ?? null, Cause: cause ?? noCause });
}

/** Runs `work`; a StatesError that it throws becomes a failure, handed to `fail`. The one place (A2) where it does. */
export function attempt(
  turn: Turn,
  frame: Frame,
  work: () => void,
  fail: (turn: Turn, frame: Frame, failure: Failure) => void = failState,
): void {
  try {
    work();
  } catch (problem) {
    if (!(problem instanceof StatesError)) throw problem;
    const failure = failureOf(frame, problem);
    if (problem instanceof QueryEvaluationError) tellEvaluation(turn, frame, failure, problem);
    fail(turn, frame, failure);
  }
}

function tellEvaluation(
  turn: Turn,
  frame: Frame,
  { error, cause }: Failure,
  problem: QueryEvaluationError,
): void {
  const { location, isAfterEntry } = problem;
  turn.emit({
    kind: "EvaluationFailed",
    frame: frame.id,
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause: cause.slice(0, turn.limits.causeChars) }),
    ...(location === undefined ? {} : { location }),
    ...(isAfterEntry ? { afterEntry: true } : {}),
  });
}

/** The frame cannot go on: the execution fails, or the state that the frame belongs to. */
function failFrame(turn: Turn, frame: Frame, failed: Failure): void {
  const { parent } = frame;
  // What the frame's own state could not take, the state around it may.
  const failure: Failure = { ...failed, isFinal: false, isEvaluation: false };
  if (parent === undefined) return failExecution(turn, failure);
  if (frame.kind === "branch") return failState(turn, parent, failure, frame);
  const tolerated = toleratedFailures(turn, parent, turn.stateOf(parent) as MapState);
  if (childrenRest(parent).toleratedCount < tolerated) {
    if (frame.stateType === "Task") turn.emit({ kind: "StateAborted", frame: frame.id });
    turn.emit({ kind: "MapIterationEnded", frame: frame.id, outcome: "Failed", tolerated: true });
    turn.ready.push({ kind: "continue", frame: parent, children: childrenRest(parent) });
    return;
  }
  turn.emit({ kind: "MapIterationEnded", frame: frame.id, outcome: "Failed" });
  failState(turn, parent, tolerated === 0 ? failure : THRESHOLD_EXCEEDED, frame);
}

export const THRESHOLD_EXCEEDED: Failure = {
  error: "States.ExceedToleratedFailureThreshold",
  cause: "The specified tolerated failure threshold was exceeded",
};

/** Gives up the branches or iterations of a frame, but for the one that has failed. */
function abortChildren(turn: Turn, frame: Frame, failed: Frame | undefined): void {
  for (const child of childrenRest(frame).children.values()) {
    if (child === failed) continue;
    abortState(turn, child);
    if (child.kind === "iteration") {
      turn.emit({ kind: "MapIterationEnded", frame: child.id, outcome: "Aborted" });
    }
  }
}

/** Gives up what a frame is doing, inner frames first. */
function abortState(turn: Turn, frame: Frame): void {
  const { rest } = frame;
  if (rest.kind === "children") abortChildren(turn, frame, undefined);
  if (rest.kind === "task" || rest.kind === "mapRun") {
    turn.commands.push({ kind: "CancelTask", task: rest.task });
  }
  if (rest.kind === "mapRun") {
    turn.emit({ kind: "MapRunEnded", frame: frame.id, task: rest.task, outcome: "Aborted" });
  }
  recordNext(turn, frame);
  const isWorking = WORKING.has(rest.kind);
  if (turn.timedOut.delete(frame) || isWorking) turn.emit({ kind: "StateAborted", frame: frame.id });
}

const WORKING: ReadonlySet<Rest["kind"]> = new Set(["waiting", "retrying", "task", "children", "mapRun"]);

/** A frame that is given up between two states: a redrive enters the next one, which only this turn knows. */
function recordNext(turn: Turn, frame: Frame): void {
  const next = frame.rest.kind === "left" ? turn.nextOf(frame) : undefined;
  if (next !== undefined) turn.emit({ kind: "Paused", frame: frame.id, state: next });
}

/** Ends the execution without success. */
export function endExecution(
  turn: Turn,
  event: ExecutionFailed | ExecutionTimedOut | ExecutionAborted,
): void {
  cancelTasks(turn);
  for (const frame of turn.execution.frames.values()) recordNext(turn, frame);
  turn.emit(event);
  turn.commands.push({ kind: "AnnounceEnd" });
}

/** Ends the execution as FAILED. */
export function failExecution(turn: Turn, { error, cause }: Failure): void {
  const { errorChars, causeChars } = turn.limits;
  endExecution(turn, {
    kind: "ExecutionFailed",
    ...(error === undefined ? {} : { error: error.slice(0, errorChars) }),
    ...(cause === undefined ? {} : { cause: cause.slice(0, causeChars) }),
  });
}

/** Tells the runtime to give up whatever is under way outside. */
function cancelTasks(turn: Turn): void {
  for (const task of turn.execution.tasks.keys()) turn.commands.push({ kind: "CancelTask", task });
}
