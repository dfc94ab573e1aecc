// What each state does, as threads (threads.ts): the events that an execution of it must show, one after the other.
//
// Slow and plain, written from the States Language specification and the service's rules of order; it shares nothing
// with src/engine or src/asl, so that the two can only agree by being right, or by the same misreading of a text.
//
// Spec: https://states-language.net/spec.html; order of events: developer guide and recordings.

import {
  fillTemplate,
  NoSuchValue,
  placeResult,
  readPath,
  ruleHolds,
  selectBy,
  type Sight,
} from "./expressions.ts";
import { together } from "./together.ts";
import {
  begin,
  Disagreement,
  now,
  oneOf,
  type Place,
  type RecordedEvent,
  type Running,
  type Thread,
  type Want,
  where,
} from "./threads.ts";
import { fits, isRecord, show, Unknown, type Value } from "./values.ts";

export type Fields = { readonly [name: string]: Value };
export type Block = { readonly StartAt: string; readonly States: { readonly [name: string]: Fields } };

export interface World {
  readonly execution: Fields;
  readonly stateMachine: Fields;
  readonly payloadBytes: number;
  readonly mapConcurrency: number;
  /** How late a timer may be; absent: as late as it likes. */
  readonly latenessMs: number | undefined;
}

/** One scope: the execution, a branch, an iteration. */
export interface Frame extends Place {
  readonly world: World;
  readonly parent: Frame | undefined;
  readonly item: { readonly index: number; readonly value: Value } | undefined;
  readonly variables: Map<string, Value>;
  /** What it is doing when it may be given up; undefined while it is between states, or at its end. */
  open: { readonly type: string; readonly children: readonly Child[] } | undefined;
  /** The type of the state that it is in, or was in last. */
  type: string;
  /** Of an iteration that has ended: what the next one's start follows. */
  lastOwnEvent: number;
}

export interface Child {
  readonly frame: Frame;
  readonly index: number;
  /** The Map's name; undefined for a branch. */
  readonly map: string | undefined;
  running: Running<Value>;
  /** It has failed, and its Map goes on. */
  isTolerated: boolean;
}

/** The workflow's own failure: what Retry and Catch see. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly error: string | undefined;
  readonly reason: string | undefined;
  /** The last event of what failed, and its time. */
  readonly cursor: number;
  readonly atMs: number;
  /** The reason's words are not known here. */
  readonly isReasonOpen: boolean;
  constructor(
    error: string | undefined,
    reason: string | undefined,
    { cursor, nowMs }: Place,
    isReasonOpen = false,
  ) {
    super(`${error}: ${reason}`);
    this.error = error;
    this.reason = reason;
    this.cursor = cursor;
    this.atMs = nowMs;
    this.isReasonOpen = isReasonOpen;
  }
}

/** Runs the states of a block; returns the output of the last. */
export function* runBlock(block: Block, input: Value, frame: Frame): Thread<Value> {
  let data = input;
  for (let name: string | undefined = block.StartAt; name !== undefined; ) {
    const fields: Fields = block.States[name] as Fields;
    const type = fields["Type"] as string;
    const entered: RecordedEvent = yield* now(frame, `${type}StateEntered`, { name }, (event) => {
      agree(event, "input", data);
    });
    frame.type = type;
    const visit: Visit = { name, type, fields, frame, input: data, entered, retries: 0 };
    const next: { readonly output: Value; readonly next: string | undefined } = yield* runState(visit);
    data = next.output;
    name = next.next;
  }
  return data;
}

/** One visit of a state. */
export interface Visit {
  readonly name: string;
  readonly type: string;
  readonly fields: Fields;
  readonly frame: Frame;
  readonly input: Value;
  readonly entered: RecordedEvent;
  /** `$$.State.RetryCount` */
  retries: number;
}

interface Left {
  readonly output: Value;
  readonly next: string | undefined;
}

function* runState(visit: Visit): Thread<Left> {
  const { fields, frame, type, input } = visit;
  switch (type) {
    case "Pass": {
      const effective = select(visit, "InputPath", input);
      const result =
        fields["Result"] ??
        (fields["Parameters"] === undefined
          ? effective
          : fill(visit, fields["Parameters"] as Value, effective));
      return yield* leave(visit, fields, result, result);
    }
    case "Wait": {
      const effective = select(visit, "InputPath", input);
      const untilMs = guarded(visit, () => waitsUntil(visit, effective));
      if (untilMs > frame.nowMs) {
        frame.open = { type, children: [] };
        return yield* leave(visit, fields, effective, effective, {
          fromMs: untilMs,
          ...latest(frame.world, untilMs),
        });
      }
      return yield* leave(visit, fields, effective, effective);
    }
    case "Choice": {
      const effective = select(visit, "InputPath", input);
      const rules = fields["Choices"] as readonly Fields[];
      const rule = guarded(visit, () => rules.find((each) => ruleHolds(each, sightOf(visit, effective))));
      if (rule === undefined && fields["Default"] === undefined)
        throw new Failure("States.NoChoiceMatched", undefined, frame, true);
      const next = (rule?.["Next"] ?? fields["Default"]) as string;
      return yield* leave(visit, { ...fields, Next: next }, effective, effective);
    }
    case "Succeed":
      return yield* leave(visit, { ...fields, End: true }, select(visit, "InputPath", input), input);
    case "Fail":
      throw new Failure(fields["Error"] as string | undefined, fields["Cause"] as string | undefined, frame);
    default:
      return yield* withRetriesAndCatchers(visit);
  }
}

function* withRetriesAndCatchers(visit: Visit): Thread<Left> {
  const { fields, frame, type } = visit;
  const retriers = (fields["Retry"] ?? []) as readonly Fields[];
  const catchers = (fields["Catch"] ?? []) as readonly Fields[];
  const used = retriers.map(() => 0);
  const retrierFor = (failure: Failure): number => {
    const index = retriers.findIndex((retrier) => matches(retrier, failure));
    if (index < 0) return -1;
    const maxAttempts = ((retriers[index] as Fields)["MaxAttempts"] ?? 3) as number;
    return (used[index] as number) < maxAttempts ? index : -1;
  };
  let bounds: Pick<Want, "fromMs" | "toMs"> = { fromMs: frame.nowMs, toMs: frame.nowMs };
  for (;;) {
    try {
      const result = yield* work(visit, bounds, (failure) => retrierFor(failure) >= 0);
      const kept =
        fields["ResultSelector"] === undefined
          ? result
          : fill(visit, fields["ResultSelector"] as Value, result);
      return yield* leave(visit, fields, kept, result);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      frame.cursor = failure.cursor;
      frame.nowMs = failure.atMs;
      const index = retrierFor(failure);
      if (index >= 0) {
        const retrier = retriers[index] as Fields;
        const [least, most] = delayMs(retrier, used[index] as number);
        used[index] = (used[index] as number) + 1;
        visit.retries += 1;
        frame.open = { type, children: [] };
        bounds = { fromMs: failure.atMs + least, ...latest(frame.world, failure.atMs + most) };
        continue;
      }
      frame.open = undefined;
      const catcher = catchers.find((each) => matches(each, failure));
      if (catcher === undefined) throw failure;
      return yield* caught(visit, catcher, failure);
    }
  }
}

function* caught(visit: Visit, catcher: Fields, failure: Failure): Thread<Left> {
  const { error, reason, isReasonOpen } = failure;
  const cause = reason ?? (error === "States.Timeout" ? "" : null);
  const problem = { Error: error ?? null, Cause: cause };
  const state = { ...catcher, ...(isReasonOpen ? { reasonIsOpen: true } : {}) };
  return yield* leave(visit, state, problem, problem);
}

/** The exit of a state: its output, its variables, where it goes. */
function* leave(
  visit: Visit,
  fields: Fields,
  result: Value,
  raw: Value,
  bounds?: Pick<Want, "fromMs" | "toMs">,
): Thread<Left> {
  const { frame, name, type, input } = visit;
  const isTransparent = type === "Wait" || type === "Choice" || type === "Succeed";
  const output = guarded(visit, () => {
    const placed = isTransparent ? result : placeResult(fields["ResultPath"], input, result);
    return selectBy(fields["OutputPath"], sightOf(visit, placed));
  });
  const template = fields["Assign"];
  const assigned = template === undefined ? undefined : (fill(visit, template, raw) as Fields);
  const isReasonOpen = fields["reasonIsOpen"] === true;
  const exited = yield* oneOf(frame, [
    {
      types: [`${type}StateExited`],
      previous: frame.cursor,
      marks: { name },
      fromMs: bounds?.fromMs ?? frame.nowMs,
      ...(bounds === undefined ? { toMs: frame.nowMs } : bounds),
      check: (event) => {
        if (!isReasonOpen) agree(event, "output", output);
        agreeOnVariables(event, assigned);
      },
    },
  ]);
  frame.open = undefined;
  const texts = (exited.details?.["assignedVariables"] ?? {}) as { readonly [name: string]: string };
  for (const [variable, text] of Object.entries(texts))
    frame.variables.set(variable, JSON.parse(text) as Value);
  return { output: parsed(exited, "output"), next: fields["Next"] as string | undefined };
}

function* work(
  visit: Visit,
  bounds: Pick<Want, "fromMs" | "toMs">,
  isRetried: (failure: Failure) => boolean,
): Thread<Value> {
  switch (visit.type) {
    case "Task":
      return yield* runTask(visit, bounds);
    case "Parallel":
      return yield* runParallel(visit, bounds, isRetried);
    case "Map":
      return yield* runMap(visit, bounds, isRetried);
    default:
      throw new Error(`the reference interpreter does not know ${visit.type} states`);
  }
}

function* runTask(visit: Visit, bounds: Pick<Want, "fromMs" | "toMs">): Thread<Value> {
  const { fields, frame, input } = visit;
  const resource = fields["Resource"] as string;
  const { family, byToken, waits } = kindOf(resource);
  const effective = select(visit, "InputPath", input);
  const parameters =
    fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"] as Value, effective);
  const timeout = fields["TimeoutSeconds"] as number | undefined;
  const heartbeat = fields["HeartbeatSeconds"] as number | undefined;
  const scheduled = yield* oneOf(frame, [
    {
      types: [`${family}Scheduled`],
      previous: frame.cursor,
      ...bounds,
      check: (event) => {
        agree(event, family === "Task" ? "parameters" : "input", parameters);
        same(event, "timeoutInSeconds", timeout);
        same(event, "heartbeatInSeconds", heartbeat);
        if (family !== "Task") same(event, "resource", resource);
        else same(event, "resource", resource.split(":").slice(6).join(":"));
      },
    },
  ]);
  frame.open = { type: "Task", children: [] };
  const world = frame.world;
  const timedOut = (fromMs: number): Want => ({
    types: [`${family}TimedOut`],
    previous: frame.cursor,
    fromMs,
    check: (event) => same(event, "error", "States.Timeout"),
  });
  const dueMs = timeout === undefined ? Number.POSITIVE_INFINITY : scheduled.timestampMs + timeout * 1000;
  /** Heartbeats count from the hand-over; those that came are not in the history. */
  const ended = (types: readonly string[], startedAtMs?: number): readonly Want[] => {
    const beatDueMs =
      startedAtMs === undefined || heartbeat === undefined ? dueMs : startedAtMs + heartbeat * 1000;
    return [
      { types, previous: frame.cursor, fromMs: frame.nowMs, ...before(dueMs) },
      timedOut(Math.min(dueMs, beatDueMs)),
    ];
  };
  const first = yield* oneOf(
    frame,
    ended([`${family}Started`, `${family}ScheduleFailed`, `${family}StartFailed`]),
  );
  if (first.type !== `${family}Started`) throw failureOf(first, frame);
  const endings = [`${family}Succeeded`, `${family}Failed`];
  let last = yield* oneOf(
    frame,
    ended(byToken || waits ? [...endings, "TaskSubmitted", "TaskSubmitFailed"] : endings, first.timestampMs),
  );
  if (last.type === "TaskSubmitted") last = yield* oneOf(frame, ended(endings, first.timestampMs));
  if (last.type !== `${family}Succeeded`) throw failureOf(last, frame);
  if (byteLength(last.details?.["output"]) > world.payloadBytes)
    throw new Disagreement(`${where(last)}: the output is over the limit`);
  return parsed(last, "output");
}

/** What comes at the deadline or after it loses against it. */
function before(dueMs: number): Pick<Want, "toMs"> {
  return Number.isFinite(dueMs) ? { toMs: dueMs - 1 } : {};
}

function failureOf(event: RecordedEvent, frame: Frame): Failure {
  const { error, cause } = event.details ?? {};
  return new Failure(error as string | undefined, cause as string | undefined, frame);
}

function kindOf(resource: string): {
  readonly family: "LambdaFunction" | "Activity" | "Task";
  readonly byToken: boolean;
  readonly waits: boolean;
} {
  if (resource.includes(":lambda:") && resource.includes(":function:"))
    return { family: "LambdaFunction", byToken: false, waits: false };
  if (resource.includes(":activity:")) return { family: "Activity", byToken: false, waits: false };
  return {
    family: "Task",
    byToken: resource.endsWith(".waitForTaskToken"),
    waits: /\.sync(:2)?$/u.test(resource),
  };
}

function* runParallel(
  visit: Visit,
  bounds: Pick<Want, "fromMs" | "toMs">,
  isRetried: (failure: Failure) => boolean,
): Thread<Value> {
  const { fields, frame, input } = visit;
  const effective = select(visit, "InputPath", input);
  const given =
    fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"] as Value, effective);
  const started = yield* oneOf(frame, [
    { types: ["ParallelStateStarted"], previous: frame.cursor, ...bounds },
  ]);
  const branches = fields["Branches"] as unknown as readonly Block[];
  const children = branches.map((branch, index): Child => {
    const inner = innerFrame(frame, started, undefined);
    return {
      frame: inner,
      index,
      map: undefined,
      running: begin(runBlock(branch, given, inner)),
      isTolerated: false,
    };
  });
  frame.open = { type: "Parallel", children };
  const outputs = yield* together(visit, { children, isRetried, tolerated: 0 });
  yield* now(frame, "ParallelStateSucceeded");
  // …Exited follows what …Succeeded follows.
  frame.cursor = outputs.lastCursor;
  return outputs.values;
}

function* runMap(
  visit: Visit,
  bounds: Pick<Want, "fromMs" | "toMs">,
  isRetried: (failure: Failure) => boolean,
): Thread<Value> {
  const { fields, frame, input, name } = visit;
  const effective = select(visit, "InputPath", input);
  const items = guarded(visit, () =>
    fields["ItemsPath"] === undefined
      ? effective
      : readPath(fields["ItemsPath"] as string, sightOf(visit, effective)),
  );
  if (!Array.isArray(items)) throw new Failure("States.Runtime", undefined, frame, true);
  yield* oneOf(frame, [
    {
      types: ["MapStateStarted"],
      previous: frame.cursor,
      ...bounds,
      check: (event) => same(event, "length", items.length),
    },
  ]);
  const wish = (fields["MaxConcurrency"] ?? 0) as number;
  const children: Child[] = [];
  frame.open = { type: "Map", children };
  const outputs = yield* together(visit, {
    children,
    isRetried,
    tolerated: (fields["ToleratedFailureCount"] ?? 0) as number,
    iterations: {
      count: items.length,
      most: wish === 0 ? frame.world.mapConcurrency : Math.min(wish, frame.world.mapConcurrency),
      start: (event) => {
        const index = children.length;
        const inner = innerFrame(frame, event, { index, value: items[index] as Value });
        const selector = fields["ItemSelector"];
        const given =
          selector === undefined
            ? (items[index] as Value)
            : fill({ ...visit, frame: { ...frame, item: inner.item } }, selector, effective);
        const block = fields["ItemProcessor"] as unknown as Block;
        children.push({
          frame: inner,
          index,
          map: name,
          running: begin(runIteration(block, given, inner, name, index)),
          isTolerated: false,
        });
      },
    },
  });
  yield* now(frame, "MapStateSucceeded");
  frame.cursor = outputs.lastCursor;
  return outputs.values;
}

/** The iteration's last state event is what the next MapIterationStarted follows. */
function* runIteration(block: Block, input: Value, frame: Frame, name: string, index: number): Thread<Value> {
  const output = yield* runBlock(block, input, frame);
  frame.lastOwnEvent = frame.cursor;
  yield* now(frame, "MapIterationSucceeded", { name, index });
  return output;
}

function innerFrame(parent: Frame, started: RecordedEvent, item: Frame["item"]): Frame {
  return {
    world: parent.world,
    parent,
    item,
    variables: new Map(),
    open: undefined,
    type: "",
    lastOwnEvent: started.id,
    cursor: started.id,
    nowMs: started.timestampMs,
  };
}

// Expressions within a visit.

function sightOf(visit: Visit, data: Value): Sight {
  const { frame, name, entered, type } = visit;
  const withRetries = type === "Task" || type === "Parallel" || type === "Map";
  let item: Frame["item"];
  for (let inner: Frame | undefined = frame; inner !== undefined && item === undefined; inner = inner.parent)
    item = inner.item;
  const state: Fields = {
    Name: name,
    EnteredTime: new Date(entered.timestampMs).toISOString(),
    ...(withRetries ? { RetryCount: visit.retries } : {}),
  };
  const resource = visit.fields["Resource"];
  const byToken = typeof resource === "string" && resource.endsWith(".waitForTaskToken");
  return {
    data,
    context: {
      Execution: frame.world.execution,
      StateMachine: frame.world.stateMachine,
      State: state,
      ...(item === undefined ? {} : { Map: { Item: { Index: item.index, Value: item.value } } }),
      ...(byToken ? { Task: { Token: TOKEN } } : {}),
    },
    variable: (wanted) => {
      for (let inner: Frame | undefined = frame; inner !== undefined; inner = inner.parent) {
        const value = inner.variables.get(wanted);
        if (value !== undefined) return value;
      }
      return undefined;
    },
  };
}

const TOKEN = new Unknown("token");

function fill(visit: Visit, template: Value, data: Value): Value {
  return guarded(visit, () => fillTemplate(template, sightOf(visit, data)));
}

function select(visit: Visit, field: string, data: Value): Value {
  return guarded(visit, () => selectBy(visit.fields[field], sightOf(visit, data)));
}

/** A path that leads nowhere ends the execution as States.Runtime. */
function guarded<T>(visit: Visit, evaluate: () => T): T {
  try {
    return evaluate();
  } catch (problem) {
    if (problem instanceof NoSuchValue) throw new Failure("States.Runtime", undefined, visit.frame, true);
    throw problem;
  }
}

function waitsUntil(visit: Visit, effective: Value): number {
  const { fields, frame } = visit;
  if (fields["Seconds"] !== undefined) return frame.nowMs + (fields["Seconds"] as number) * 1000;
  if (fields["SecondsPath"] !== undefined) {
    return (
      frame.nowMs + (readPath(fields["SecondsPath"] as string, sightOf(visit, effective)) as number) * 1000
    );
  }
  const text = fields["Timestamp"] ?? readPath(fields["TimestampPath"] as string, sightOf(visit, effective));
  return Date.parse(text as string);
}

function latest(world: World, dueMs: number): Pick<Want, "toMs"> {
  return world.latenessMs === undefined ? {} : { toMs: dueMs + world.latenessMs };
}

/** Milliseconds before the next try: the least and the most. Spec: #retrying-after-error */
function delayMs(retrier: Fields, used: number): readonly [number, number] {
  const interval = (retrier["IntervalSeconds"] ?? 1) as number;
  const rate = (retrier["BackoffRate"] ?? 2) as number;
  const cap = (retrier["MaxDelaySeconds"] ?? Number.POSITIVE_INFINITY) as number;
  const seconds = Math.min(interval * rate ** used, cap);
  const most = Math.ceil(seconds * 1000);
  return [retrier["JitterStrategy"] === "FULL" ? 0 : Math.floor(seconds * 1000), most];
}

/** Whether a Retrier or Catcher is for this failure. Spec: #errors */
function matches(handler: Fields, { error }: Failure): boolean {
  if (error === "States.Runtime") return false;
  return (handler["ErrorEquals"] as readonly string[]).some((name) => {
    if (name === error) return true;
    // Also States.DataLimitExceeded of a task: the guide says otherwise, the recordings of the service do not.
    if (name === "States.ALL") return true;
    return name === "States.TaskFailed" && error !== "States.Timeout";
  });
}

// What an event says.

function parsed(event: RecordedEvent, member: string): Value {
  return JSON.parse(event.details?.[member] as string) as Value;
}

/** The member holds the text of this value. */
export function agree(event: RecordedEvent, member: string, expected: Value): void {
  const text = event.details?.[member];
  if (typeof text !== "string" || !fits(expected, JSON.parse(text) as Value))
    throw new Disagreement(`${where(event)}: ${member} should be ${show(expected)}`);
}

export function same(event: RecordedEvent, member: string, expected: unknown): void {
  if (event.details?.[member] !== expected)
    throw new Disagreement(`${where(event)}: ${member} should be ${show(expected)}`);
}

function agreeOnVariables(event: RecordedEvent, assigned: Fields | undefined): void {
  const recorded = event.details?.["assignedVariables"];
  if (assigned === undefined ? recorded !== undefined : !isRecord(recorded as Value))
    throw new Disagreement(`${where(event)}: assigned should be ${show(assigned)}`);
  if (assigned === undefined) return;
  const values = Object.fromEntries(
    Object.entries(recorded as { readonly [name: string]: string }).map(([name, text]) => [
      name,
      JSON.parse(text) as Value,
    ]),
  );
  if (!fits(assigned, values))
    throw new Disagreement(`${where(event)}: assigned should be ${show(assigned)}`);
}

export function byteLength(text: unknown): number {
  return typeof text === "string" ? Buffer.byteLength(text) : 0;
}
