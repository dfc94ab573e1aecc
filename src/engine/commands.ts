// What is to be done outside, after the turn's events are durable (D1). Best effort is said where it is so.

import type { Resource } from "../asl/ast.ts";
import type { Payload } from "../base/json.ts";
import type { TaskId } from "./events.ts";

/** An attempt of an execution that was started with a test case: what its mocked answer is looked up by. */
export interface TestCaseAttempt {
  readonly testCase: string;
  readonly state: string;
  /** Attempts of the state scheduled before it in the whole execution: retries, visits and iterations alike. */
  readonly attempt: number;
}

/** Hand the attempt to its integration, once (D7). `TaskStarted` is durable. */
export interface CallTask {
  readonly kind: "CallTask";
  readonly task: TaskId;
  readonly resource: Resource;
  readonly parameters: Payload;
  /** Epoch milliseconds by which it will have timed out; absent = no limit of its own. */
  readonly timeoutAtMs?: number;
  readonly credentialsRoleArn?: string;
  readonly testCase?: TestCaseAttempt;
}
/** The attempt is scheduled, not started: an activity waits for a worker, or there was no room. */
export interface QueueTask {
  readonly kind: "QueueTask";
  readonly task: TaskId;
  readonly resource: Resource;
  readonly parameters: Payload;
  readonly testCase?: TestCaseAttempt;
}
/** The attempt is dead (timed out, given up): stop the work outside, best effort. Also of a Map Run. */
export interface CancelTask {
  readonly kind: "CancelTask";
  readonly task: TaskId;
}
/**
 * Start the children of the Map Run, or go on with it after a redrive (MapRunRest.redriveCount); once. All that it needs
 * is in the execution: the frame rests on it.
 */
export interface StartMapRun {
  readonly kind: "StartMapRun";
  readonly task: TaskId;
}
/** The execution has ended: whoever waits for it may be told. */
export interface AnnounceEnd {
  readonly kind: "AnnounceEnd";
}

export type Command = CallTask | QueueTask | CancelTask | StartMapRun | AnnounceEnd;
