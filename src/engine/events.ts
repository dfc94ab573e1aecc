// The stored facts of an execution. The journal is made of these, and the service's history is a projection.
//
// One event for each history event that the service would show, in the same order, plus a few internal
// kinds (marked) that have no history id. An event never changes its meaning: a new meaning is a new
// version of that event (`apply` keeps a case for every version ever stored).
//
// Not stored, since they follow from what is: ids (the ordinal among the visible events),
// `previousEventId` (history.ts), times (all events of a turn share the turn's time).

import type { Payload } from "../base/json.ts";

/**
 * Where the payload of an event comes from: new text, or one of the slots of the event's own frame that already
 * hold it (so a payload is stored once):
 *   output  the last output of the frame (of a fresh frame: what it was started with), which is the raw input of the
 *           state that the frame is in
 *   result  the last raw result of a task, or of the branches or iterations of a state
 */
export type PayloadRef = Payload | "output" | "result";

/** Identifies one frame of an execution; 0 is the root. Never reused within the execution. */
export type FrameId = number;
/** Identifies one attempt of a task within its execution: 1, 2, 3 … in the order of scheduling. */
export type TaskId = number;

export interface ExecutionStarted {
  readonly kind: "ExecutionStarted";
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly name: string;
  readonly roleArn: string;
  /** The revision of the definition that this execution keeps to its end. */
  readonly revisionId: string;
  readonly traceHeader?: string;
  readonly input: Payload;
  /** The test case of the mock file whose answers its tasks get. Kept here, so that a crash in the middle keeps it. */
  readonly testCase?: string;
  /** It is a child of this Map Run: its program is the ItemProcessor of a Map state. */
  readonly mapRunArn?: string;
  /** Deadline of the whole execution; absent = none. */
  readonly timeoutAtMs?: number;
}
export interface ExecutionSucceeded {
  readonly kind: "ExecutionSucceeded";
  readonly output: PayloadRef;
}
export interface ExecutionFailed {
  readonly kind: "ExecutionFailed";
  readonly error?: string;
  readonly cause?: string;
}
export interface ExecutionTimedOut {
  readonly kind: "ExecutionTimedOut";
  readonly error?: string;
  readonly cause?: string;
}
export interface ExecutionAborted {
  readonly kind: "ExecutionAborted";
  readonly error?: string;
  readonly cause?: string;
}
/** The execution goes on where it had ended without success. Every frame that had not ended is there again. */
export interface ExecutionRedriven {
  readonly kind: "ExecutionRedriven";
  /** 1 for the first. */
  readonly redriveCount: number;
  /** The new deadline of the whole execution; absent = none. */
  readonly timeoutAtMs?: number;
  readonly clientToken?: string;
  /** The state of the root begins anew: branches or iterations that it had are given up, finished ones too. */
  readonly anew?: true;
}

export interface StateEntered {
  readonly kind: "StateEntered";
  readonly frame: FrameId;
  readonly state: string;
  readonly type: string;
  readonly input: PayloadRef;
}
export interface StateExited {
  readonly kind: "StateExited";
  readonly frame: FrameId;
  readonly output: PayloadRef;
  /** Variable names and their new values as JSON text, in order. Pairs, since names are data (`__proto__`). */
  readonly assigned?: readonly (readonly [name: string, text: string])[];
}
/** The state was in progress when its frame was given up: Task, Wait, Parallel, Map. */
export interface StateAborted {
  readonly kind: "StateAborted";
  readonly frame: FrameId;
}
export interface EvaluationFailed {
  readonly kind: "EvaluationFailed";
  readonly frame: FrameId;
  readonly error?: string;
  readonly cause?: string;
  /** The field: `Output/total`. */
  readonly location?: string;
  /** The value was given, and refused by the state's work (history.ts: what the event follows). */
  readonly afterEntry?: true;
}

/** Internal. The moment is recorded, not the seconds: recovery evaluates nothing. */
export interface WaitStarted {
  readonly kind: "WaitStarted";
  readonly frame: FrameId;
  readonly untilMs: number;
}

/**
 * Internal. The frame is about to enter the state, and does not yet: the turn has worked for long enough, or the frame is
 * given up (then a redrive enters it).
 */
export interface Paused {
  readonly kind: "Paused";
  readonly frame: FrameId;
  readonly state: string;
}

export interface TaskScheduled {
  readonly kind: "TaskScheduled";
  readonly frame: FrameId;
  readonly task: TaskId;
  /** The state's Resource, so that a history can be told without its definition. */
  readonly resource: string;
  /** The evaluated Parameters, or the effective input. */
  readonly parameters: PayloadRef;
  readonly timeoutSeconds?: number;
  readonly heartbeatSeconds?: number;
  readonly credentialsRoleArn?: string;
}
/** About to be handed to its integration (or to the activity worker that polled). */
export interface TaskStarted {
  readonly kind: "TaskStarted";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly workerName?: string;
}
/** `.sync` and `.waitForTaskToken` only: the call was accepted, its end will come later. */
export interface TaskSubmitted {
  readonly kind: "TaskSubmitted";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly output: Payload;
}
export interface TaskSucceeded {
  readonly kind: "TaskSucceeded";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly output: Payload;
}
export interface TaskFailed {
  readonly kind: "TaskFailed";
  readonly frame: FrameId;
  readonly task: TaskId;
  /** Which history event it is: …ScheduleFailed, …StartFailed, …SubmitFailed, …Failed. */
  readonly phase: "schedule" | "start" | "submit" | "run";
  readonly error?: string;
  readonly cause?: string;
}
export interface TaskTimedOut {
  readonly kind: "TaskTimedOut";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly error: string;
  readonly cause?: string;
}
/** Internal. A heartbeat was accepted; the next is due by this moment. */
export interface HeartbeatReceived {
  readonly kind: "HeartbeatReceived";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly dueAtMs: number;
}

/** Internal. The retrier's count goes up and the frame rests until the moment (jitter included). */
export interface RetryGranted {
  readonly kind: "RetryGranted";
  readonly frame: FrameId;
  readonly retrier: number;
  readonly untilMs: number;
}

export interface ParallelStarted {
  readonly kind: "ParallelStarted";
  readonly frame: FrameId;
  /** What every branch gets. */
  readonly input: PayloadRef;
  /** The frames of the branches are firstChild … firstChild + count - 1. */
  readonly firstChild: FrameId;
  readonly count: number;
}
/** Internal. A branch reached its end; its last output is its result. */
export interface BranchSucceeded {
  readonly kind: "BranchSucceeded";
  readonly frame: FrameId;
}
export interface MapStarted {
  readonly kind: "MapStarted";
  readonly frame: FrameId;
  readonly length: number;
  /** 0 = no limit. */
  readonly maxConcurrency: number;
  /** The items, where a plain path over the recorded input cannot give them again. */
  readonly items?: Payload;
  /** How many iterations may fail, where an expression said so. */
  readonly toleratedFailures?: number;
}
export interface MapIterationStarted {
  readonly kind: "MapIterationStarted";
  /** The frame of the Map state. */
  readonly frame: FrameId;
  readonly child: FrameId;
  readonly index: number;
  /** What the iteration gets: the item, or what ItemSelector made of it. */
  readonly input: Payload;
}
export interface MapIterationEnded {
  readonly kind: "MapIterationEnded";
  /** The frame of the iteration. */
  readonly frame: FrameId;
  readonly outcome: "Succeeded" | "Failed" | "Aborted";
  /** Failed, and the Map goes on: its result has null in this place. */
  readonly tolerated?: true;
}
/** The end of the Parallel or Map state's work, before its StateExited or its failure. */
export interface ChildrenEnded {
  readonly kind: "ChildrenEnded";
  readonly frame: FrameId;
  readonly outcome: "Succeeded" | "Failed";
}
/** After the MapStarted of a Map in DISTRIBUTED mode: its children are executions of their own, which the runtime starts. */
export interface MapRunStarted {
  readonly kind: "MapRunStarted";
  readonly frame: FrameId;
  /** The Map Run is an attempt like that of a task: its end is addressed by this. */
  readonly task: TaskId;
  readonly mapRunArn: string;
  /** What its fields said, evaluated: a MapRunPlan (map-run-plan.ts). */
  readonly plan: Payload;
}
/** The Map Run that ended without success goes on: its children that did not succeed run again. */
export interface MapRunRedriven {
  readonly kind: "MapRunRedriven";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly mapRunArn: string;
  /** 1 for the first. */
  readonly redriveCount: number;
}
export interface MapRunEnded {
  readonly kind: "MapRunEnded";
  readonly frame: FrameId;
  readonly task: TaskId;
  readonly outcome: "Succeeded" | "Failed" | "Aborted";
  /** The raw result of the state, if it succeeded. */
  readonly output?: Payload;
  readonly error?: string;
  readonly cause?: string;
}

export type Event =
  | ExecutionStarted
  | ExecutionSucceeded
  | ExecutionFailed
  | ExecutionTimedOut
  | ExecutionAborted
  | ExecutionRedriven
  | StateEntered
  | StateExited
  | StateAborted
  | EvaluationFailed
  | WaitStarted
  | Paused
  | TaskScheduled
  | TaskStarted
  | TaskSubmitted
  | TaskSucceeded
  | TaskFailed
  | TaskTimedOut
  | HeartbeatReceived
  | RetryGranted
  | ParallelStarted
  | BranchSucceeded
  | MapStarted
  | MapIterationStarted
  | MapIterationEnded
  | ChildrenEnded
  | MapRunStarted
  | MapRunRedriven
  | MapRunEnded;
export type EventKind = Event["kind"];

/** What one input caused: atomic in the journal (D4). All its events share its time. */
export interface JournalTurn {
  /** Never less than the turn before it, whatever the wall clock does. */
  readonly atMs: number;
  readonly events: readonly Event[];
}

/** Whether an event takes an id in the service's history. */
export const VISIBLE: Readonly<Record<EventKind, boolean>> = {
  ExecutionStarted: true,
  ExecutionSucceeded: true,
  ExecutionFailed: true,
  ExecutionTimedOut: true,
  ExecutionAborted: true,
  ExecutionRedriven: true,
  StateEntered: true,
  StateExited: true,
  StateAborted: true,
  EvaluationFailed: true,
  WaitStarted: false,
  Paused: false,
  TaskScheduled: true,
  TaskStarted: true,
  TaskSubmitted: true,
  TaskSucceeded: true,
  TaskFailed: true,
  TaskTimedOut: true,
  HeartbeatReceived: false,
  RetryGranted: false,
  ParallelStarted: true,
  BranchSucceeded: false,
  MapStarted: true,
  MapIterationStarted: true,
  MapIterationEnded: true,
  ChildrenEnded: true,
  MapRunStarted: true,
  MapRunRedriven: true,
  MapRunEnded: true,
};
