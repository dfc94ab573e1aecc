// An execution as a value: frames, what each rests on, counters. Made by `apply` from events, and by it alone.
//
// Knows:          what happened. Does not know: definitions, clocks, stores.
//
// Invariants
//   E1. `apply` folds into the execution it is given (it has one owner, its mailbox). To look at an earlier
//       moment, fold the journal again up to that turn.
//   E2. After a turn every frame is at rest (`Rest`), or the execution has ended.
//   E4. What has ended without success keeps its frames as the end found them, and below them the branches and
//       iterations that a failure gave up: a redrive goes on from there. While it runs, nothing is kept for that
//       longer than the turn (docs/decisions/0011).
//   E3. Every number that `decide` hands out (frame, task, event id) comes from the counters here.

import type { Payload } from "../base/json.ts";
import type { ExecutionStarted, FrameId, TaskId } from "./events.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface Execution {
  /** The facts of the start. */
  readonly started: ExecutionStarted;
  readonly startedAtMs: number;
  /** Deadline of the whole; undefined = none. A redrive sets a new one. */
  timeoutAtMs: number | undefined;
  /** Undefined: never redriven. */
  redrive: Redrive | undefined;
  status: ExecutionStatus;
  /** Time of the last turn. */
  nowMs: number;
  stoppedAtMs: number | undefined;
  output: Payload | undefined;
  error: string | undefined;
  cause: string | undefined;
  readonly frames: Map<FrameId, Frame>;
  /** The attempts that are scheduled or under way, by id, and whose they are. */
  readonly tasks: Map<TaskId, Frame>;
  /** Attempts scheduled so far by state, for mocked answers; undefined unless it was started with a test case. */
  readonly attempts: Map<string, number> | undefined;
  /** The next to be given out. */
  nextFrame: FrameId;
  nextTask: TaskId;
  pauseCount: number;
  /** Visible events so far: the last history id. */
  eventCount: number;
}

export interface Redrive {
  readonly count: number;
  /** Of the last. */
  readonly atMs: number;
  /** The last MAX_CLIENT_TOKENS that redrove the execution, oldest first. */
  readonly clientTokens: readonly { readonly token: string; readonly atMs: number }[];
}

export interface Frame {
  readonly id: FrameId;
  readonly parent: Frame | undefined;
  /** Which branch or iteration of the parent's state; 0 for the root. */
  readonly index: number;
  readonly kind: "root" | "branch" | "iteration";
  /** The state that the frame is in, or was in last; undefined before the first. */
  state: string | undefined;
  stateType: string | undefined;
  /** History id of its StateEntered, for causes; and its time. */
  enteredEvent: number;
  enteredAtMs: number;
  /** The raw input of the state; `output` and `result` are the slots that events may refer to (events.ts, PayloadRef). */
  input: Payload;
  output: Payload;
  result: Payload | undefined;
  /** Retries granted by each Retrier in this visit of the state; empty = none. */
  retries: number[];
  variables: Map<string, Payload> | undefined;
  rest: Rest;
}

export type Rest =
  /** In a state, within a turn only: its work is about to begin, has failed, or has given a result (E2). */
  | { readonly kind: "moving" }
  /** Between states, within a turn only: it has left its state, for the next one or for good. */
  | { readonly kind: "left" }
  | { readonly kind: "waiting"; readonly untilMs: number }
  | { readonly kind: "retrying"; readonly untilMs: number }
  /** Between states: about to enter the next one in the next turn, which is due. */
  | {
      readonly kind: "paused";
      readonly untilMs: number;
      readonly state: string;
      /** Frames go on in the order in which they were to enter: `Execution.pauseCount` when it was paused. */
      readonly order: number;
    }
  | TaskRest
  | ChildrenRest
  | MapRunRest
  /** Within a turn only: a failure has ended the branches or iterations. They are no frames of the execution now. */
  | { readonly kind: "broken"; readonly children: ChildrenRest }
  /** Given up while it was in its state. */
  | { readonly kind: "done" };

export interface TaskRest {
  readonly kind: "task";
  readonly task: TaskId;
  readonly resource: string;
  phase: "scheduled" | "started" | "submitted";
  readonly parameters: Payload;
  readonly timeoutAtMs: number | undefined;
  readonly heartbeatSeconds: number | undefined;
  /** Counts from the hand-over: undefined while the task is only scheduled. */
  heartbeatAtMs: number | undefined;
  /** TestCaseAttempt.attempt; 0 without a test case. */
  readonly attempt: number;
  readonly credentialsRoleArn: string | undefined;
}

/** On a Map Run: its children are executions of their own, so nothing of them is here. */
export interface MapRunRest {
  readonly kind: "mapRun";
  readonly task: TaskId;
  readonly mapRunArn: string;
  /** A MapRunPlan (map-run-plan.ts). */
  readonly plan: Payload;
  /** Recorded items (MapStarted.items). */
  readonly items: Payload | undefined;
  readonly redriveCount: number;
  /** Ended without success: kept for a redrive (E4). */
  readonly isEnded: boolean;
  /** Of its failure; undefined also if it was aborted. */
  readonly error: string | undefined;
}

export interface ChildrenRest {
  readonly kind: "children";
  readonly count: number;
  /** 0 = no limit. */
  readonly maxConcurrency: number;
  /** Iterations started so far (Parallel: all). */
  startedCount: number;
  endedCount: number;
  /** Iterations that failed and were tolerated. */
  toleratedCount: number;
  readonly results: (Payload | undefined)[];
  readonly children: Map<number, Frame>;
  /** Recorded items (MapStarted.items). */
  readonly items: Payload | undefined;
  /** Recorded likewise (MapStarted.toleratedFailures). */
  readonly toleratedFailures: number | undefined;
}
