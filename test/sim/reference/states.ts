// What each state does, as threads (threads.ts): the events that an execution of it must show, one after the other.
//
// Slow and plain, written from the States Language specification and the service's rules of order; it shares nothing
// with src/engine or src/asl, so that the two can only agree by being right, or by the same misreading of a text.
//
// Spec: https://states-language.net/spec.html; order of events: developer guide and recordings.

import { placeResult, readPath, ruleHolds, selectBy } from "./expressions.ts";
import { type Block, type Child, Failure, type Fields, type Frame, type Visit } from "./frames.ts";
import { together } from "./together.ts";
import {
  begin,
  Disagreement,
  now,
  oneOf,
  type RecordedEvent,
  type Thread,
  type Want,
  where,
} from "./threads.ts";
import type { Value } from "./values.ts";
import {
  agree,
  agreeOnVariables,
  byteLength,
  delayMs,
  fill,
  guarded,
  latest,
  matches,
  parsed,
  same,
  select,
  sightOf,
  waitsUntil,
} from "./visit.ts";

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
        (fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"], effective));
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
        fields["ResultSelector"] === undefined ? result : fill(visit, fields["ResultSelector"], result);
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
    fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"], effective);
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
  const given = fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"], effective);
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
