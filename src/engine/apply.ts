// apply: folds one event into an execution. The only place where an execution changes.
//
// Knows:          events and slots. Does not know: definitions, expressions, time other than the turn's.
//
// Invariants
//   P1. What it does is a function of the execution and the event alone; it evaluates nothing (D3).
//   P2. An event's meaning never changes. A new meaning is a new kind or version, with a case of its own here.
//   P3. `decide` advances its execution through here as well, so replay and first run cannot differ.

import { assert } from "../base/assert.ts";
import { Payload } from "../base/json.ts";
import {
  type Event,
  type ExecutionRedriven,
  type ExecutionStarted,
  type FrameId,
  type JournalTurn,
  type PayloadRef,
  VISIBLE,
} from "./events.ts";
import type { ChildrenRest, Execution, Frame, MapRunRest, Redrive, Rest, TaskRest } from "./execution.ts";

/** Folds a whole turn; `execution` is undefined for the first turn only. Returns the execution. */
export function applyTurn(execution: Execution | undefined, turn: JournalTurn): Execution {
  let current = execution;
  for (const event of turn.events) current = applyEvent(current, event, turn.atMs);
  assert(current !== undefined, "a journal begins with ExecutionStarted");
  return current;
}

/** Folds one event of a turn at `atMs`. */
export function applyEvent(execution: Execution | undefined, event: Event, atMs: number): Execution {
  if (event.kind === "ExecutionStarted") {
    assert(execution === undefined, "ExecutionStarted twice");
    return begin(event, atMs);
  }
  assert(execution !== undefined, `${event.kind} before ExecutionStarted`);
  execution.nowMs = atMs;
  if (VISIBLE[event.kind]) execution.eventCount += 1;
  change(execution, event, atMs);
  return execution;
}

/** What a payload reference of an event of `frame` stands for. */
export function resolve(frame: Frame, ref: PayloadRef): Payload {
  if (typeof ref !== "string") return ref;
  const payload = frame[ref];
  assert(payload !== undefined, `frame ${frame.id} has no ${ref}`);
  return payload;
}

export function frameOf(execution: Execution, id: FrameId): Frame {
  const frame = execution.frames.get(id);
  assert(frame !== undefined, `no frame ${id}`);
  return frame;
}

const NULL = Payload.ofText("null");
/** The service answers a repeated call of RedriveExecution for so many tokens. */
const MAX_CLIENT_TOKENS = 10;
const MOVING: Rest = { kind: "moving" };
const LEFT: Rest = { kind: "left" };
const DONE: Rest = { kind: "done" };

function begin(started: ExecutionStarted, atMs: number): Execution {
  const root = newFrame(0, undefined, 0, "root", started.input);
  return {
    started,
    startedAtMs: atMs,
    timeoutAtMs: started.timeoutAtMs,
    redrive: undefined,
    status: "RUNNING",
    nowMs: atMs,
    stoppedAtMs: undefined,
    output: undefined,
    error: undefined,
    cause: undefined,
    frames: new Map([[0, root]]),
    tasks: new Map(),
    attempts: started.testCase === undefined ? undefined : new Map(),
    nextFrame: 1,
    nextTask: 1,
    pauseCount: 0,
    eventCount: 1,
  };
}

function newFrame(
  id: FrameId,
  parent: Frame | undefined,
  index: number,
  kind: Frame["kind"],
  input: Payload,
): Frame {
  return {
    id,
    parent,
    index,
    kind,
    state: undefined,
    stateType: undefined,
    enteredEvent: 0,
    enteredAtMs: 0,
    input,
    output: input,
    result: undefined,
    retries: [],
    variables: undefined,
    rest: LEFT,
  };
}

function change(execution: Execution, event: Exclude<Event, ExecutionStarted>, atMs: number): void {
  switch (event.kind) {
    case "ExecutionSucceeded":
      execution.output = resolve(frameOf(execution, 0), event.output);
      execution.frames.clear();
      return end(execution, "SUCCEEDED", atMs);
    case "ExecutionFailed":
    case "ExecutionTimedOut":
    case "ExecutionAborted":
      execution.error = event.error;
      execution.cause = event.cause;
      return end(execution, END_STATUS[event.kind], atMs);
    case "ExecutionRedriven":
      return reopen(execution, event, atMs);

    case "StateEntered": {
      const frame = frameOf(execution, event.frame);
      frame.input = resolve(frame, event.input);
      frame.state = event.state;
      frame.stateType = event.type;
      frame.enteredEvent = execution.eventCount;
      frame.enteredAtMs = atMs;
      frame.result = undefined;
      frame.retries = [];
      frame.rest = MOVING;
      return;
    }
    case "StateExited": {
      const frame = frameOf(execution, event.frame);
      frame.output = resolve(frame, event.output);
      frame.result = undefined;
      frame.rest = LEFT;
      if (event.assigned !== undefined) {
        frame.variables ??= new Map();
        for (const [name, text] of event.assigned) frame.variables.set(name, Payload.ofText(text));
      }
      return;
    }
    case "StateAborted": {
      const frame = frameOf(execution, event.frame);
      dropWork(execution, frame);
      frame.rest = broken(frame) ?? DONE;
      return;
    }
    case "EvaluationFailed":
      return;

    case "WaitStarted":
      frameOf(execution, event.frame).rest = { kind: "waiting", untilMs: event.untilMs };
      return;

    case "Paused":
      frameOf(execution, event.frame).rest = {
        kind: "paused",
        untilMs: atMs,
        state: event.state,
        order: execution.pauseCount,
      };
      execution.pauseCount += 1;
      return;

    case "TaskScheduled": {
      const frame = frameOf(execution, event.frame);
      frame.rest = {
        kind: "task",
        task: event.task,
        resource: event.resource,
        phase: "scheduled",
        parameters: resolve(frame, event.parameters),
        timeoutAtMs: event.timeoutSeconds === undefined ? undefined : atMs + event.timeoutSeconds * 1000,
        heartbeatSeconds: event.heartbeatSeconds,
        heartbeatAtMs: undefined,
        credentialsRoleArn: event.credentialsRoleArn,
        attempt: countAttempt(execution, frame),
      };
      execution.tasks.set(event.task, frame);
      execution.nextTask = event.task + 1;
      return;
    }
    case "TaskStarted": {
      const rest = taskRest(execution, event.frame, event.task);
      rest.phase = "started";
      if (rest.heartbeatSeconds !== undefined) rest.heartbeatAtMs = atMs + rest.heartbeatSeconds * 1000;
      return;
    }
    case "TaskSubmitted":
      taskRest(execution, event.frame, event.task).phase = "submitted";
      return;
    case "HeartbeatReceived":
      taskRest(execution, event.frame, event.task).heartbeatAtMs = event.dueAtMs;
      return;
    case "TaskSucceeded": {
      const frame = frameOf(execution, event.frame);
      dropWork(execution, frame);
      frame.result = event.output;
      frame.rest = MOVING;
      return;
    }
    case "TaskFailed":
    case "TaskTimedOut": {
      const frame = frameOf(execution, event.frame);
      dropWork(execution, frame);
      frame.rest = MOVING;
      return;
    }
    case "RetryGranted": {
      const frame = frameOf(execution, event.frame);
      dropWork(execution, frame);
      while (frame.retries.length <= event.retrier) frame.retries.push(0);
      frame.retries[event.retrier] = (frame.retries[event.retrier] as number) + 1;
      frame.result = undefined;
      frame.rest = { kind: "retrying", untilMs: event.untilMs };
      return;
    }

    case "ParallelStarted": {
      const frame = frameOf(execution, event.frame);
      const input = resolve(frame, event.input);
      const rest = newChildren(event.count, 0);
      for (let index = 0; index < event.count; index++) {
        adopt(execution, rest, newFrame(event.firstChild + index, frame, index, "branch", input));
      }
      frame.rest = rest;
      return;
    }
    case "MapStarted":
      frameOf(execution, event.frame).rest = newChildren(
        event.length,
        event.maxConcurrency,
        event.items,
        event.toleratedFailures,
      );
      return;
    case "MapIterationStarted": {
      const frame = frameOf(execution, event.frame);
      const rest = childrenRest(frame);
      adopt(execution, rest, newFrame(event.child, frame, event.index, "iteration", event.input));
      return;
    }
    case "BranchSucceeded": {
      const frame = frameOf(execution, event.frame);
      return finishChild(execution, frame, frame.output);
    }
    case "MapIterationEnded": {
      const frame = frameOf(execution, event.frame);
      if (event.outcome === "Succeeded") return finishChild(execution, frame, frame.output);
      if (event.tolerated === true) {
        childrenRest(frame.parent as Frame).toleratedCount += 1;
        dropWork(execution, frame);
        return finishChild(execution, frame, NULL);
      }
      // Failed, aborted: the frame stays until the whole Map has ended or is tried again, since the abortion
      // of its own state is told after this event.
      childrenRest(frame.parent as Frame).endedCount += 1;
      return;
    }
    case "ChildrenEnded": {
      const frame = frameOf(execution, event.frame);
      // What a Map Run gave is the result already.
      if (event.outcome === "Succeeded" && frame.rest.kind === "children") {
        frame.result = Payload.ofArray(frame.rest.results as Payload[]);
      }
      dropWork(execution, frame);
      frame.rest = (event.outcome === "Failed" ? broken(frame) : undefined) ?? MOVING;
      return;
    }

    case "MapRunStarted": {
      const frame = frameOf(execution, event.frame);
      const { mapRunArn, plan } = event;
      const { items } = childrenRest(frame);
      return beginMapRun(execution, frame, event.task, { mapRunArn, plan, items, redriveCount: 0 });
    }
    case "MapRunRedriven": {
      const frame = frameOf(execution, event.frame);
      const { mapRunArn, plan, items } = mapRunRest(frame);
      const { redriveCount } = event;
      return beginMapRun(execution, frame, event.task, { mapRunArn, plan, items, redriveCount });
    }
    case "MapRunEnded": {
      const frame = frameOf(execution, event.frame);
      const rest = mapRunRest(frame);
      dropWork(execution, frame);
      frame.result = event.output;
      frame.rest = event.outcome === "Succeeded" ? MOVING : { ...rest, isEnded: true, error: event.error };
      return;
    }
  }
}

function beginMapRun(
  execution: Execution,
  frame: Frame,
  task: number,
  run: Pick<MapRunRest, "mapRunArn" | "plan" | "items" | "redriveCount">,
): void {
  frame.rest = { kind: "mapRun", task, isEnded: false, error: undefined, ...run };
  execution.tasks.set(task, frame);
  execution.nextTask = task + 1;
}

const END_STATUS = {
  ExecutionFailed: "FAILED",
  ExecutionTimedOut: "TIMED_OUT",
  ExecutionAborted: "ABORTED",
} as const;

function end(execution: Execution, status: Execution["status"], atMs: number): void {
  execution.status = status;
  execution.stoppedAtMs = atMs;
  execution.tasks.clear();
}

/** Goes on where the end has found the execution (execution.ts, E4). */
function reopen(execution: Execution, event: ExecutionRedriven, atMs: number): void {
  const { redriveCount, timeoutAtMs, clientToken, anew } = event;
  execution.status = "RUNNING";
  execution.stoppedAtMs = undefined;
  execution.error = undefined;
  execution.cause = undefined;
  execution.timeoutAtMs = timeoutAtMs;
  const known: Redrive["clientTokens"] = execution.redrive?.clientTokens ?? [];
  const clientTokens =
    clientToken === undefined ? known : [...known, { token: clientToken, atMs }].slice(-MAX_CLIENT_TOKENS);
  execution.redrive = { count: redriveCount, atMs, clientTokens };
  const root = frameOf(execution, 0);
  if (anew === true) {
    root.result = undefined;
    root.rest = MOVING;
  }
  // What a failure gave up is no frame of the execution until now; what it has finished is none any more.
  execution.frames.clear();
  revive(execution, root);
}

/** The retries of the state begin anew, and so does its work, unless branches or iterations are left of it. */
function revive(execution: Execution, frame: Frame): void {
  execution.frames.set(frame.id, frame);
  frame.retries = [];
  const children = frame.rest.kind === "broken" ? frame.rest.children : frame.rest;
  if (children.kind === "mapRun") {
    frame.rest = { ...children, isEnded: true };
  } else if (children.kind === "children") {
    frame.rest = children;
    // Those that failed or were aborted have been counted as ended, and run again.
    children.endedCount = children.startedCount - children.children.size;
    for (const child of children.children.values()) revive(execution, child);
  } else if (children.kind !== "left" && children.kind !== "paused") {
    frame.rest = MOVING;
  }
}

/** What is left of the branches or iterations of a frame that a failure has ended, or of its Map Run. */
function broken({ rest }: Frame): Rest | undefined {
  if (rest.kind === "children") return { kind: "broken", children: rest };
  if (rest.kind === "mapRun") return { ...rest, isEnded: true };
  return rest.kind === "broken" ? rest : undefined;
}

function newChildren(
  count: number,
  maxConcurrency: number,
  items?: Payload,
  toleratedFailures?: number,
): ChildrenRest {
  return {
    kind: "children",
    count,
    maxConcurrency,
    startedCount: 0,
    endedCount: 0,
    toleratedCount: 0,
    results: Array.from<undefined>({ length: count }),
    children: new Map(),
    items,
    toleratedFailures,
  };
}

function adopt(execution: Execution, rest: ChildrenRest, child: Frame): void {
  execution.frames.set(child.id, child);
  rest.children.set(child.index, child);
  rest.startedCount += 1;
  execution.nextFrame = child.id + 1;
}

/** The child has its place in the result; its frame is gone. */
function finishChild(execution: Execution, child: Frame, result: Payload): void {
  const rest = childrenRest(child.parent as Frame);
  rest.results[child.index] = result;
  rest.endedCount += 1;
  rest.children.delete(child.index);
  execution.frames.delete(child.id);
}

/** How many attempts of the frame's state came before; counts this one. */
function countAttempt({ attempts }: Execution, { state }: Frame): number {
  if (attempts === undefined) return 0;
  const before = attempts.get(state as string) ?? 0;
  attempts.set(state as string, before + 1);
  return before;
}

/** Gives up the task of a frame, or its children with all that they do. */
function dropWork(execution: Execution, frame: Frame): void {
  const { rest } = frame;
  if (rest.kind === "task" || rest.kind === "mapRun") {
    execution.tasks.delete(rest.task);
  } else if (rest.kind === "children") {
    for (const child of rest.children.values()) {
      dropWork(execution, child);
      execution.frames.delete(child.id);
    }
  }
}

export function childrenRest(frame: Frame): ChildrenRest {
  assert(frame.rest.kind === "children", `frame ${frame.id} has no children`);
  return frame.rest;
}

export function mapRunRest(frame: Frame): MapRunRest {
  assert(frame.rest.kind === "mapRun", `frame ${frame.id} has no Map Run`);
  return frame.rest;
}

function taskRest(execution: Execution, id: FrameId, task: number): TaskRest {
  const { rest } = frameOf(execution, id);
  assert(rest.kind === "task" && rest.task === task, `frame ${id} is not at task ${task}`);
  return rest;
}
