// What an execution at rest waits for: the next moment, and the attempts that are outside.

import { assert } from "../base/assert.ts";
import type { Program, TaskState } from "../asl/ast.ts";
import type { CallTask, TestCaseAttempt } from "./commands.ts";
import type { TaskId } from "./events.ts";
import type { Execution, Frame, TaskRest } from "./execution.ts";

/** The earliest moment at which the execution must be looked at; undefined if only outcomes can move it. */
export function nextWakeAt(execution: Execution): number | undefined {
  if (execution.status !== "RUNNING") return undefined;
  let earliest = execution.timeoutAtMs ?? Number.POSITIVE_INFINITY;
  for (const frame of execution.frames.values()) {
    const dueAtMs = frameDueAt(frame);
    if (dueAtMs < earliest) earliest = dueAtMs;
  }
  return earliest === Number.POSITIVE_INFINITY ? undefined : earliest;
}

/** The earliest moment that this frame waits for; Infinity if none. */
export function frameDueAt({ rest }: Frame): number {
  switch (rest.kind) {
    case "waiting":
    case "retrying":
    case "paused":
      return rest.untilMs;
    case "task":
      return Math.min(
        rest.timeoutAtMs ?? Number.POSITIVE_INFINITY,
        rest.heartbeatAtMs ?? Number.POSITIVE_INFINITY,
      );
    case "moving":
    case "left":
    case "children":
    case "mapRun":
    case "broken":
    case "done":
      return Number.POSITIVE_INFINITY;
  }
}

/** Whether the runtime must look at the execution after a restart: an attempt or a Map Run is scheduled or under way. */
export function needsAttention(execution: Execution): boolean {
  return execution.tasks.size > 0;
}

/** The attempts of tasks that are scheduled or under way, as the commands that (would) hand them over. */
export function openTasks(
  program: Program,
  execution: Execution,
): readonly { readonly command: CallTask; readonly phase: TaskRest["phase"] }[] {
  return [...execution.tasks.values()].flatMap((frame) => {
    const { rest } = frame;
    if (rest.kind !== "task") return [];
    return { command: callTask(program, execution, frame, rest), phase: rest.phase };
  });
}

/** The Map Runs that are under way. */
export function openMapRuns(execution: Execution): readonly TaskId[] {
  return [...execution.tasks].flatMap(([task, { rest }]) => (rest.kind === "mapRun" ? task : []));
}

export function callTask(program: Program, execution: Execution, frame: Frame, rest: TaskRest): CallTask {
  const testCase = testCaseAttempt(execution, frame, rest);
  return {
    kind: "CallTask",
    task: rest.task,
    resource: taskState(program, frame).resource,
    parameters: rest.parameters,
    ...(rest.timeoutAtMs === undefined ? {} : { timeoutAtMs: rest.timeoutAtMs }),
    ...(rest.credentialsRoleArn === undefined ? {} : { credentialsRoleArn: rest.credentialsRoleArn }),
    ...(testCase === undefined ? {} : { testCase }),
  };
}

export function testCaseAttempt(
  { started: { testCase } }: Execution,
  { state }: Frame,
  { attempt }: TaskRest,
): TestCaseAttempt | undefined {
  return testCase === undefined ? undefined : { testCase, state: state as string, attempt };
}

function taskState(program: Program, frame: Frame): TaskState {
  const state = program.states.get(frame.state as string);
  assert(state?.type === "Task", `"${frame.state}" is not a Task of this program`);
  return state;
}
