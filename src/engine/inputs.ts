// What may happen to an execution from outside. Each input carries its time and its randomness (D2).

import type { Payload } from "../base/json.ts";
import type { Seed } from "../base/random.ts";
import type { TaskId } from "./events.ts";

interface Arrival {
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: number;
  readonly seed: Seed;
}

export interface StartInput extends Arrival {
  readonly kind: "Start";
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly name: string;
  readonly roleArn: string;
  readonly revisionId: string;
  readonly traceHeader?: string;
  readonly testCase?: string;
  readonly mapRunArn?: string;
  readonly input: Payload;
}
/** The clock has reached `nextWakeAt`, or passed it. */
export interface TimeReachedInput extends Arrival {
  readonly kind: "TimeReached";
}
/** A scheduled task may be handed over now: a worker polled for it, or there is room. */
export interface TaskStartInput extends Arrival {
  readonly kind: "TaskStart";
  readonly task: TaskId;
  readonly workerName?: string;
  /** It goes to an integration though it is an activity's: it is mocked. */
  readonly handOver?: true;
}
export interface TaskSubmittedInput extends Arrival {
  readonly kind: "TaskSubmitted";
  readonly task: TaskId;
  readonly output: Payload;
}
export interface TaskSucceededInput extends Arrival {
  readonly kind: "TaskSucceeded";
  readonly task: TaskId;
  readonly output: Payload;
}
export interface TaskFailedInput extends Arrival {
  readonly kind: "TaskFailed";
  readonly task: TaskId;
  readonly phase: "schedule" | "start" | "submit" | "run";
  readonly error?: string;
  readonly cause?: string;
  /** True for `States.Runtime`-like refusals that the service shows without a …Failed event. */
  readonly runtime?: boolean;
}
export interface HeartbeatInput extends Arrival {
  readonly kind: "Heartbeat";
  readonly task: TaskId;
}
export interface StopInput extends Arrival {
  readonly kind: "Stop";
  readonly error?: string;
  readonly cause?: string;
}
/** The Map Run has ended, by itself: its children have all ended. */
export interface MapRunEndedInput extends Arrival {
  readonly kind: "MapRunEnded";
  readonly task: TaskId;
  readonly outcome: MapRunOutcome;
}
export type MapRunOutcome =
  | { readonly kind: "succeeded"; readonly output: Payload }
  /** `tooLarge`: the results of the children are no output, for their size. */
  | { readonly kind: "tooLarge" }
  | { readonly kind: "failed"; readonly error: string; readonly cause: string };

/** A call of RedriveExecution. Repeated with the same token it is accepted and changes nothing (redrive.ts). */
export interface RedriveInput extends Arrival {
  readonly kind: "Redrive";
  readonly clientToken?: string;
}

export type Input =
  | StartInput
  | TimeReachedInput
  | TaskStartInput
  | TaskSubmittedInput
  | TaskSucceededInput
  | TaskFailedInput
  | HeartbeatInput
  | MapRunEndedInput
  | StopInput
  | RedriveInput;
