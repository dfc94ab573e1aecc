// Task: one attempt after another. An attempt is scheduled (it exists), started (it is handed over, once),
// perhaps submitted, and ends in one outcome. Engine notes: an attempt that is closed is dead in the state at
// once; whatever still arrives for it is stale.
//
// Spec: https://states-language.net/spec.html#task-state

import type { Expression, Path, Scope, TaskState } from "../../asl/ast.ts";
import { StatesError } from "../../asl/errors.ts";
import { isObject, member, type Payload } from "../../base/json.ts";
import { exitWithResult, resultTooLarge } from "../data-flow.ts";
import type { Frame, TaskRest } from "../execution.ts";
import { attempt, failState, failureOf } from "../failure.ts";
import type { TaskFailedInput, TaskStartInput } from "../inputs.ts";
import { callTask, testCaseAttempt } from "../rest.ts";
import { givenTo, inputOf, scopeOf } from "../scope.ts";
import { refer, type Turn } from "../turn.ts";

/** Schedules an attempt: the first, and each that Retry grants. @throws StatesError */
export function enterTask(turn: Turn, frame: Frame, state: TaskState): void {
  const { resource } = state;
  const task = turn.execution.nextTask;
  const input = inputOf(turn, frame, state);
  // A job that is waited for (.sync) may be ended by a token too.
  const byToken = resource.kind === "service" && resource.pattern !== "requestResponse";
  const scope = scopeOf(
    turn,
    frame,
    input,
    byToken ? { taskToken: turn.environment.taskToken(turn.execution.started.executionArn, task) } : {},
  );
  const timeoutSeconds = seconds(scope, state.timeoutSeconds, "TimeoutSecondsPath", state.timeoutSecondsPath);
  const heartbeatSeconds = seconds(
    scope,
    state.heartbeatSeconds,
    "HeartbeatSecondsPath",
    state.heartbeatSecondsPath,
  );
  const parameters = givenTo(turn, state, scope, input);
  if (parameters.bytes > turn.limits.payloadBytes) {
    throw new StatesError(
      "States.DataLimitExceeded",
      `The state/task '${taskName(state)}' provided parameters with a size exceeding the maximum number of bytes service limit.`,
      false,
    );
  }
  // Who would do the work of a mocked task need not be there.
  const isPolledFor = resource.kind === "activity" && !turn.isMocked(frame);
  if (isPolledFor && !turn.environment.activityExists(resource.arn)) {
    throw new StatesError("States.Runtime", `The activity ${resource.arn} does not exist.`);
  }
  const credentials = state.credentials?.evaluate(scope);
  const roleArn = isObject(credentials) ? member(credentials, "RoleArn") : undefined;
  turn.emit({
    kind: "TaskScheduled",
    frame: frame.id,
    task,
    resource: resource.arn,
    parameters: refer(frame, parameters),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    ...(typeof roleArn === "string" ? { credentialsRoleArn: roleArn } : {}),
  });
  if (!isPolledFor && turn.admit > 0) return handOver(turn, frame);
  const testCase = testCaseAttempt(turn.execution, frame, frame.rest as TaskRest);
  turn.commands.push({
    kind: "QueueTask",
    task,
    resource,
    parameters,
    ...(testCase === undefined ? {} : { testCase }),
  });
}

/** Hands the attempt over: to the worker that polled for it, or to its integration. */
export function startTask(turn: Turn, frame: Frame, { resource }: TaskState, input: TaskStartInput): void {
  if (resource.kind === "activity" && input.handOver !== true) tellStart(turn, frame, input.workerName);
  else handOver(turn, frame);
}

/** Also the task of an activity, if it is mocked. */
function handOver(turn: Turn, frame: Frame): void {
  tellStart(turn, frame, undefined);
  turn.admit -= 1;
  turn.commands.push(callTask(turn.program, turn.execution, frame, frame.rest as TaskRest));
}

function tellStart(turn: Turn, frame: Frame, workerName: string | undefined): void {
  const { task } = frame.rest as TaskRest;
  turn.emit({
    kind: "TaskStarted",
    frame: frame.id,
    task,
    ...(workerName === undefined ? {} : { workerName }),
  });
}

export function taskSucceeded(turn: Turn, frame: Frame, state: TaskState, output: Payload): void {
  const { task } = frame.rest as TaskRest;
  if (output.bytes > turn.limits.payloadBytes) {
    const { error, cause } = resultTooLarge(taskName(state));
    turn.emit({ kind: "TaskFailed", frame: frame.id, task, phase: "run", error, cause: cause as string });
    return failState(turn, frame, { error, cause });
  }
  turn.emit({ kind: "TaskSucceeded", frame: frame.id, task, output });
  attempt(turn, frame, () => exitWithResult(turn, frame, state, output));
}

export function taskFailed(turn: Turn, frame: Frame, input: TaskFailedInput): void {
  const error = input.error?.slice(0, turn.limits.errorChars);
  const cause = input.cause?.slice(0, turn.limits.causeChars);
  if (input.runtime === true) {
    return failState(turn, frame, failureOf(frame, new StatesError(error ?? "States.Runtime", cause)));
  }
  turn.emit({
    kind: "TaskFailed",
    frame: frame.id,
    task: input.task,
    phase: input.phase,
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  });
  failState(turn, frame, { error, cause });
}

/**
 * TimeoutSeconds or HeartbeatSeconds have passed, for several tasks at the same moment perhaps: the service tells
 * all of their …TimedOut before the consequences of the first, which may give up the others (recorded of a Map whose
 * iterations time out together). The history shows States.Timeout for both kinds, without a cause.
 */
export function tasksTimedOut(turn: Turn, frames: readonly Frame[]): void {
  const isByHeartbeat = frames.map(({ rest }) => heartbeatIsFirst(rest as TaskRest));
  for (const frame of frames) {
    const { task } = frame.rest as TaskRest;
    turn.emit({ kind: "TaskTimedOut", frame: frame.id, task, error: "States.Timeout" });
    turn.commands.push({ kind: "CancelTask", task });
    turn.timedOut.add(frame);
  }
  for (const [i, frame] of frames.entries()) {
    if (!turn.timedOut.delete(frame) || turn.execution.status !== "RUNNING") continue;
    failState(turn, frame, {
      error: "States.Timeout",
      cause: undefined,
      ...(isByHeartbeat[i] === true ? { alias: "States.HeartbeatTimeout" } : {}),
    });
  }
}

function heartbeatIsFirst({ heartbeatAtMs, timeoutAtMs }: TaskRest): boolean {
  const never = Number.POSITIVE_INFINITY;
  return (heartbeatAtMs ?? never) < (timeoutAtMs ?? never);
}

function seconds(
  scope: Scope,
  given: number | Expression | undefined,
  field: string,
  path: Path | undefined,
): number | undefined {
  if (typeof given === "object") return given.number(scope, isSeconds, "an integer from 1 to 99999999");
  if (given !== undefined || path === undefined) return given;
  const value = path.read(scope);
  if (typeof value === "number" && isSeconds(value)) return value;
  throw new StatesError(
    "States.Runtime",
    `The ${field} parameter does not reference a positive integer: ${path.text} == ${JSON.stringify(value)}`,
  );
}

function isSeconds(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 99_999_999;
}

/** As causes name the task: the service of an integration, the ARN of a function or an activity. */
function taskName({ resource }: TaskState): string {
  return resource.kind === "service" ? resource.service : resource.arn;
}
