// The service's history, told from the journal: event types, details, ids and previousEventIds.
//
// Knows:          the service's names and its quirks of order. Does not know: definitions, stores.
//
// Invariants
//   H1. An event's id is its ordinal among the visible events; nothing of this is stored.
//   H2. A history only grows: what was told of earlier turns is not changed by later ones.
//
// How `previousEventId` is found: every frame has a cursor, the event that its next one follows.
//   - Events 1 and 2 both follow 0. ExecutionAborted and ExecutionTimedOut follow 0.
//   - A branch begins at ParallelStateStarted, an iteration at its MapIterationStarted.
//   - The next MapIterationStarted follows the last state event of the iteration that made room, as the
//     MapIterationSucceeded of that iteration does.
//   - ParallelStateSucceeded and ParallelStateExited both follow the last branch's last event;
//     MapStateSucceeded and MapStateExited both follow the last MapIterationSucceeded.
//   - All that a failure ends (MapIterationFailed, …Aborted, …StateFailed) follows the failing event. Events of one
//     failure stand together, so that is the last event before them that is none of them; where iterations time out
//     together, it is the one of the iteration that is told to fail. A further try follows it.
//   - EvaluationFailed beside its state's entry follows what the entry follows, unless the value itself was given and
//     then refused (a Timestamp that is none).
//   - ExecutionRedriven follows the end that it undoes; the root goes on from it. Branches and iterations that are run
//     again go on from where they were, so that a chain of events stays within its branch.
//
// Spec: HistoryEvent of the API; order as recorded from the service.

import { assert } from "../base/assert.ts";
import { fromMembers, type Json, type JsonObject } from "../base/json.ts";
import { applyEvent, resolve } from "./apply.ts";
import { type Event, type FrameId, type JournalTurn, type PayloadRef, VISIBLE } from "./events.ts";
import type { Execution, Frame } from "./execution.ts";
import { resourceNames } from "./resource-names.ts";

export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestampMs: number;
  /** The service's HistoryEventType. */
  readonly type: string;
  /** `taskScheduledEventDetails` and the like, absent where the type has none. Members as on the wire. */
  readonly detailsName?: string;
  readonly details?: JsonObject;
}

/** The whole history of an execution, from all its turns. */
export function projectHistory(turns: Iterable<JournalTurn>): readonly HistoryEvent[] {
  const teller = new HistoryTeller();
  const events: HistoryEvent[] = [];
  for (const turn of turns) {
    for (const event of turn.events) {
      const told = teller.tell(event, turn.atMs);
      if (told !== undefined) events.push(told);
    }
  }
  return events;
}

interface Cursor {
  /** What the frame's next event follows. */
  at: number;
  /** Of a Map: what the next MapIterationStarted follows. */
  iteration: number;
  /** The last StateEntered, and what it followed. */
  entry: { readonly id: number; readonly previous: number } | undefined;
}

/** Tells a history event by event: for who follows an execution. */
export class HistoryTeller {
  #execution: Execution | undefined;
  #region = "";
  readonly #cursors = new Map<FrameId, Cursor>();
  /** The last event that is no consequence of a failure: the failing one, while its consequences are told. */
  #lastCause = 0;

  /** Folds the event; undefined if it is internal. */
  tell(event: Event, atMs: number): HistoryEvent | undefined {
    // What an event says of its frame is read before it changes the frame.
    const frame = this.#frameOf(event);
    const told = VISIBLE[event.kind] ? describe(event, frame, this.#region) : undefined;
    const restedOn = frame?.rest.kind;
    this.#execution = applyEvent(this.#execution, event, atMs);
    if (event.kind === "ExecutionStarted") this.#region = regionOf(event.executionArn);
    const id = this.#execution.eventCount;
    const previousEventId = this.#advance(event, frame, id, restedOn);
    if (told === undefined) return undefined;
    const { type, detailsName, details } = told;
    const head = { id, previousEventId, timestampMs: atMs, type };
    return detailsName === undefined ? head : { ...head, detailsName, details: details as JsonObject };
  }

  #frameOf(event: Event): Frame | undefined {
    const id = "frame" in event ? event.frame : 0;
    return this.#execution?.frames.get(id);
  }

  #cursor(id: FrameId): Cursor {
    let cursor = this.#cursors.get(id);
    if (cursor === undefined) {
      cursor = { at: 0, iteration: 0, entry: undefined };
      this.#cursors.set(id, cursor);
    }
    return cursor;
  }

  /** Moves the cursors over the event and says what it follows. */
  #advance(
    event: Event,
    frame: Frame | undefined,
    id: number,
    restedOn: Frame["rest"]["kind"] | undefined,
  ): number {
    switch (event.kind) {
      case "ExecutionStarted":
      case "ExecutionAborted":
      case "ExecutionTimedOut":
        return 0;
      case "ExecutionSucceeded":
      case "ExecutionFailed":
        return this.#cursor(0).at;
      case "ExecutionRedriven":
        this.#cursor(0).at = id;
        this.#lastCause = id;
        return id - 1;
      case "WaitStarted":
      case "Paused":
      case "HeartbeatReceived":
        return 0;
      case "RetryGranted":
        // A Task, or a state that failed by itself, goes on from its own last event.
        if (restedOn === "children") this.#cursor(event.frame).at = this.#lastCause;
        return 0;
      case "ParallelStarted":
        for (let child = 0; child < event.count; child++) this.#cursor(event.firstChild + child).at = id;
        return this.#follow(event.frame, id);
      case "BranchSucceeded":
        this.#cursor(parentOf(frame).id).at = this.#cursor(event.frame).at;
        this.#cursors.delete(event.frame);
        return 0;
      case "MapStarted": {
        const previous = this.#follow(event.frame, id);
        this.#cursor(event.frame).iteration = id;
        return previous;
      }
      case "MapIterationStarted":
        this.#cursor(event.child).at = id;
        this.#lastCause = id;
        return this.#cursor(event.frame).iteration;
      case "MapIterationEnded": {
        if (event.outcome === "Aborted") return this.#lastCause;
        const previous = this.#cursor(event.frame).at;
        if (event.outcome === "Failed" && event.tolerated !== true) {
          // Of several iterations that time out together, this is the one whose failure is told.
          this.#lastCause = previous;
          return previous;
        }
        const map = this.#cursor(parentOf(frame).id);
        map.at = id;
        map.iteration = previous;
        this.#lastCause = id;
        this.#cursors.delete(event.frame);
        return previous;
      }
      case "StateAborted":
        // Of an iteration whose own failure the Map tolerates: others may have timed out after it, in the same turn.
        return restedOn === "moving" && isMapGoingOn(frame) ? this.#cursor(event.frame).at : this.#lastCause;
      case "ChildrenEnded": {
        const cursor = this.#cursor(event.frame);
        if (event.outcome === "Succeeded") return cursor.at;
        const previous = this.#lastCause;
        cursor.at = id;
        this.#lastCause = id;
        return previous;
      }
      case "StateEntered": {
        const previous = this.#follow(event.frame, id);
        this.#cursor(event.frame).entry = { id, previous };
        return previous;
      }
      case "EvaluationFailed": {
        const previous = this.#follow(event.frame, id);
        const { entry } = this.#cursor(event.frame);
        return entry !== undefined && entry.id === previous && event.afterEntry !== true
          ? entry.previous
          : previous;
      }
      case "MapRunEnded":
        return event.outcome === "Aborted" ? this.#lastCause : this.#follow(event.frame, id);
      case "StateExited":
      case "MapRunStarted":
      case "MapRunRedriven":
      case "TaskScheduled":
      case "TaskStarted":
      case "TaskSubmitted":
      case "TaskSucceeded":
      case "TaskFailed":
      case "TaskTimedOut":
        return this.#follow(event.frame, id);
    }
  }

  #follow(frame: FrameId, id: number): number {
    const cursor = this.#cursor(frame);
    const previous = cursor.at;
    cursor.at = id;
    this.#lastCause = id;
    return previous;
  }
}

interface Shape {
  readonly type: string;
  readonly detailsName?: string;
  readonly details?: JsonObject;
}
type Members = readonly (readonly [string, Json | undefined])[];

const WHOLE: Json = { truncated: false };

function shape(type: string, detailsName: string, members: Members): Shape {
  const present = members.filter((entry): entry is readonly [string, Json] => entry[1] !== undefined);
  return { type, detailsName: `${detailsName}EventDetails`, details: fromMembers(present) };
}

function describe(event: Event, frame: Frame | undefined, region: string): Shape {
  switch (event.kind) {
    case "ExecutionStarted":
      return shape("ExecutionStarted", "executionStarted", [
        ["input", event.input.text],
        ["inputDetails", WHOLE],
        ["roleArn", event.roleArn],
        ["stateMachineAliasArn", event.stateMachineAliasArn],
        ["stateMachineVersionArn", event.stateMachineVersionArn],
      ]);
    case "ExecutionSucceeded":
      return shape("ExecutionSucceeded", "executionSucceeded", output(text(frame, event.output)));
    case "ExecutionFailed":
    case "ExecutionTimedOut":
    case "ExecutionAborted":
      return shape(event.kind, lowerFirst(event.kind), failure(event));
    case "ExecutionRedriven":
      return shape("ExecutionRedriven", "executionRedriven", [["redriveCount", event.redriveCount]]);
    case "StateEntered":
      return shape(`${event.type}StateEntered`, "stateEntered", [
        ["name", event.state],
        ["input", text(frame, event.input)],
        ["inputDetails", WHOLE],
      ]);
    case "StateExited": {
      const assigned = event.assigned === undefined ? undefined : fromMembers(event.assigned);
      return shape(`${typeOf(frame)}StateExited`, "stateExited", [
        ["name", frame?.state],
        ...output(text(frame, event.output)),
        ["assignedVariables", assigned],
        ["assignedVariablesDetails", assigned && WHOLE],
      ]);
    }
    case "StateAborted":
      return { type: `${typeOf(frame)}StateAborted` };
    case "EvaluationFailed":
      return shape("EvaluationFailed", "evaluationFailed", [
        ...failure(event),
        ["location", event.location],
        ["state", frame?.state],
      ]);
    case "TaskScheduled":
    case "TaskStarted":
    case "TaskSubmitted":
    case "TaskSucceeded":
    case "TaskFailed":
    case "TaskTimedOut":
      return describeTask(event, frame as Frame, region);
    case "ParallelStarted":
      return { type: "ParallelStateStarted" };
    case "MapStarted":
      return shape("MapStateStarted", "mapStateStarted", [["length", event.length]]);
    case "MapIterationStarted":
      return shape("MapIterationStarted", "mapIterationStarted", [
        ["name", frame?.state],
        ["index", event.index],
      ]);
    case "MapIterationEnded":
      return shape(`MapIteration${event.outcome}`, `mapIteration${event.outcome}`, [
        ["name", frame?.parent?.state],
        ["index", frame?.index],
      ]);
    case "ChildrenEnded":
      return { type: `${typeOf(frame)}State${event.outcome}` };
    case "MapRunStarted":
      return shape("MapRunStarted", "mapRunStarted", [["mapRunArn", event.mapRunArn]]);
    case "MapRunRedriven":
      return shape("MapRunRedriven", "mapRunRedriven", [
        ["mapRunArn", event.mapRunArn],
        ["redriveCount", event.redriveCount],
      ]);
    case "MapRunEnded":
      if (event.outcome !== "Failed") return { type: `MapRun${event.outcome}` };
      return shape("MapRunFailed", "mapRunFailed", failure(event));
    case "WaitStarted":
    case "Paused":
    case "HeartbeatReceived":
    case "RetryGranted":
    case "BranchSucceeded":
      throw new TypeError(`${event.kind} is not part of the service's history`);
  }
}

type TaskEvent = Extract<Event, { kind: `Task${string}` }>;

function describeTask(event: TaskEvent, frame: Frame, region: string): Shape {
  const arn = event.kind === "TaskScheduled" ? event.resource : resourceOf(frame);
  const { family, resourceType, resource } = resourceNames(arn);
  const names: Members =
    family === "Task"
      ? [
          ["resourceType", resourceType],
          ["resource", resource],
        ]
      : [];
  const tell = (suffix: string, members: Members): Shape =>
    shape(`${family}${suffix}`, `${lowerFirst(family)}${suffix}`, [...names, ...members]);
  switch (event.kind) {
    case "TaskScheduled": {
      const parameters = text(frame, event.parameters);
      const limits: Members = [
        ["timeoutInSeconds", event.timeoutSeconds],
        ["heartbeatInSeconds", event.heartbeatSeconds],
        [
          "taskCredentials",
          event.credentialsRoleArn === undefined ? undefined : { roleArn: event.credentialsRoleArn },
        ],
      ];
      if (family !== "Task")
        return tell("Scheduled", [
          ["resource", resource],
          ["input", parameters],
          ["inputDetails", WHOLE],
          ...limits,
        ]);
      return tell("Scheduled", [["region", region], ["parameters", parameters], ...limits]);
    }
    case "TaskStarted":
      // A function's start has no details at all; an activity's names the worker.
      if (family === "LambdaFunction") return { type: "LambdaFunctionStarted" };
      return tell("Started", family === "Activity" ? [["workerName", event.workerName]] : []);
    case "TaskSubmitted":
      return tell("Submitted", output(event.output.text));
    case "TaskSucceeded":
      return tell("Succeeded", output(event.output.text));
    case "TaskFailed":
      return tell(FAILED_SUFFIX[event.phase], failure(event));
    case "TaskTimedOut":
      return tell("TimedOut", failure(event));
  }
}

/** Whether the frame is an iteration of a Map that no failure has ended so far: none has ended and kept its frame. */
function isMapGoingOn(frame: Frame | undefined): boolean {
  if (frame?.kind !== "iteration") return false;
  const { rest } = parentOf(frame);
  return rest.kind === "children" && rest.endedCount + rest.children.size === rest.startedCount;
}

const FAILED_SUFFIX = {
  schedule: "ScheduleFailed",
  start: "StartFailed",
  submit: "SubmitFailed",
  run: "Failed",
} as const;

function resourceOf(frame: Frame): string {
  assert(frame.rest.kind === "task", `frame ${frame.id} has no task`);
  return frame.rest.resource;
}

/** Of an ARN. */
function regionOf(arn: string): string {
  return arn.split(":")[3] ?? "";
}

function text(frame: Frame | undefined, ref: PayloadRef): string {
  return typeof ref === "string" ? resolve(frame as Frame, ref).text : ref.text;
}

function output(value: string): Members {
  return [
    ["output", value],
    ["outputDetails", WHOLE],
  ];
}

function failure({ error, cause }: { readonly error?: string; readonly cause?: string }): Members {
  return [
    ["error", error],
    ["cause", cause],
  ];
}

function parentOf(frame: Frame | undefined): Frame {
  assert(frame?.parent !== undefined, "only a branch or an iteration ends so");
  return frame.parent;
}

function typeOf(frame: Frame | undefined): string {
  return frame?.stateType ?? "";
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
