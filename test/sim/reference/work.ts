// The work of a Task, a Parallel or a Map: what happens between its entry, or a further try, and its result.
//
// Does not know:  Retry, Catch, exits (states.ts), which hands in how a block is run.

import { readPath } from "./expressions.ts";
import { type Block, type Child, Failure, type Frame, type Visit } from "./frames.ts";
import { Query, unlessFaulty } from "./query.ts";
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
import { textOf, Unknown, type Value } from "./values.ts";
import { agree, byteLength, fill, guarded, parsed, same, select, sightOf } from "./visit.ts";

type RunBlock = (block: Block, input: Value, frame: Frame) => Thread<Value>;
type Bounds = Pick<Want, "fromMs" | "toMs">;
type IsRetried = (failure: Failure) => boolean;

/** @param bounds When it may begin. Throws a Failure. */
export function* work(visit: Visit, bounds: Bounds, isRetried: IsRetried, run: RunBlock): Thread<Value> {
  switch (visit.type) {
    case "Task":
      return yield* runTask(visit, bounds);
    case "Parallel":
      return yield* runParallel(visit, bounds, isRetried, run);
    case "Map":
      return yield* runMap(visit, bounds, isRetried, run);
    default:
      throw new Error(`the reference interpreter does not know ${visit.type} states`);
  }
}

/** Also before anything has started, a Parallel or Map whose own expressions fail says that it has failed. */
function* orFails(visit: Visit, query: Query, bounds: Bounds, isRetried: IsRetried): Thread<void> {
  try {
    yield* unlessFaulty(visit, query, bounds);
  } catch (failure) {
    if (!(failure instanceof Failure) || isRetried(failure)) throw failure;
    yield* now(visit.frame, `${visit.type}StateFailed`);
    throw new Failure(failure.error, failure.reason, visit.frame);
  }
}

const isSeconds = (value: number): boolean => Number.isInteger(value) && value > 0 && value <= 99_999_999;
const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
const isPercentage = (value: number): boolean => value >= 0 && value <= 100;

interface Given {
  readonly parameters: Value;
  readonly timeout: number | undefined;
  readonly heartbeat: number | undefined;
}

function* givenTo(visit: Visit, bounds: Bounds): Thread<Given> {
  const { fields, input } = visit;
  if (visit.isJsonata) {
    const query = new Query(visit);
    const given: Given = {
      parameters:
        fields["Arguments"] === undefined ? input : query.template(fields["Arguments"], "Arguments"),
      timeout: query.number(fields["TimeoutSeconds"], "TimeoutSeconds", isSeconds),
      heartbeat: query.number(fields["HeartbeatSeconds"], "HeartbeatSeconds", isSeconds),
    };
    yield* unlessFaulty(visit, query, bounds);
    return given;
  }
  const effective = select(visit, "InputPath", input);
  return {
    parameters: fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"], effective),
    timeout: fields["TimeoutSeconds"] as number | undefined,
    heartbeat: fields["HeartbeatSeconds"] as number | undefined,
  };
}

function* runTask(visit: Visit, bounds: Bounds): Thread<Value> {
  const { fields, frame } = visit;
  const resource = fields["Resource"] as string;
  const { family, byToken, waits } = kindOf(resource);
  const { parameters, timeout, heartbeat } = yield* givenTo(visit, bounds);
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

function* runParallel(visit: Visit, bounds: Bounds, isRetried: IsRetried, run: RunBlock): Thread<Value> {
  const { fields, frame, input } = visit;
  let given = input;
  if (visit.isJsonata) {
    const query = new Query(visit);
    if (fields["Arguments"] !== undefined) given = query.template(fields["Arguments"], "Arguments");
    yield* orFails(visit, query, bounds, isRetried);
  } else {
    given = select(visit, "InputPath", input);
    if (fields["Parameters"] !== undefined) given = fill(visit, fields["Parameters"], given);
  }
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
      running: begin(run(branch, given, inner)),
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

interface Iterated {
  readonly items: readonly Value[];
  readonly concurrency: number;
  readonly tolerated: number;
  /** What ItemSelector sees as `$`. */
  readonly effective: Value;
}

function* iterated(visit: Visit, bounds: Bounds, isRetried: IsRetried): Thread<Iterated> {
  const { fields, frame, input } = visit;
  if (!visit.isJsonata) {
    const effective = select(visit, "InputPath", input);
    const items = guarded(visit, () =>
      fields["ItemsPath"] === undefined
        ? effective
        : readPath(fields["ItemsPath"] as string, sightOf(visit, effective)),
    );
    if (!Array.isArray(items)) throw new Failure("States.Runtime", new Unknown("words"), frame);
    const concurrency = (fields["MaxConcurrency"] ?? 0) as number;
    return {
      items: items as readonly Value[],
      concurrency,
      tolerated: toleratedOf(fields, items.length),
      effective,
    };
  }
  const query = new Query(visit);
  const number = (field: string, isRight: (value: number) => boolean): number | undefined =>
    query.number(fields[field], field, isRight);
  const concurrency = number("MaxConcurrency", isCount) ?? 0;
  const items = itemsOf(visit, query);
  const tolerance = {
    ToleratedFailureCount: number("ToleratedFailureCount", isCount),
    ToleratedFailurePercentage: number("ToleratedFailurePercentage", isPercentage),
  };
  yield* orFails(visit, query, bounds, isRetried);
  return { items, concurrency, tolerated: toleratedOf(tolerance, items.length), effective: input };
}

function itemsOf({ fields, input }: Visit, query: Query): readonly Value[] {
  const given = fields["Items"];
  if (given === undefined && !Array.isArray(input)) {
    query.refuse(undefined, `Map state input must be an array but was: ${textOf(input)}`, false);
    return [];
  }
  if (given === undefined) return input as readonly Value[];
  const items = Array.isArray(given) ? query.template(given, "Items") : query.typed(given, "Items", "array");
  return (items ?? []) as readonly Value[];
}

/** Of a count and a percentage the smaller one binds. */
function toleratedOf(fields: { readonly [name: string]: unknown }, count: number): number {
  const { ToleratedFailureCount: most, ToleratedFailurePercentage: percentage } = fields;
  const bounds = [
    ...(most === undefined ? [] : [most as number]),
    ...(percentage === undefined ? [] : [Math.floor((count * (percentage as number)) / 100)]),
  ];
  return bounds.length === 0 ? 0 : Math.min(...bounds);
}

function* runMap(visit: Visit, bounds: Bounds, isRetried: IsRetried, run: RunBlock): Thread<Value> {
  const { fields, frame, name } = visit;
  const { items, concurrency, tolerated, effective } = yield* iterated(visit, bounds, isRetried);
  yield* oneOf(frame, [
    {
      types: ["MapStateStarted"],
      previous: frame.cursor,
      ...bounds,
      check: (event) => same(event, "length", items.length),
    },
  ]);
  const children: Child[] = [];
  frame.open = { type: "Map", children };
  const outputs = yield* together(visit, {
    children,
    isRetried,
    tolerated,
    iterations: {
      count: items.length,
      most:
        concurrency === 0 ? frame.world.mapConcurrency : Math.min(concurrency, frame.world.mapConcurrency),
      prepare: () => {
        const index = children.length;
        const item = { index, value: items[index] as Value };
        const selector = fields["ItemSelector"];
        const selecting = { ...visit, frame: { ...frame, item } };
        const query = new Query(selecting);
        if (selector === undefined) return { given: item.value, faults: [], item };
        const given = visit.isJsonata
          ? query.template(selector, "ItemSelector")
          : fill(selecting, selector, effective);
        return { given, faults: query.faults, item };
      },
      start: (event, { given, item }) => {
        const index = children.length;
        const inner = innerFrame(frame, event, item);
        const block = fields["ItemProcessor"] as unknown as Block;
        const running = begin(runIteration(run(block, given, inner), inner, name, index));
        children.push({ frame: inner, index, map: name, running, isTolerated: false });
      },
    },
  });
  yield* now(frame, "MapStateSucceeded");
  frame.cursor = outputs.lastCursor;
  return outputs.values;
}

/** The iteration's last state event is what the next MapIterationStarted follows. */
function* runIteration(states: Thread<Value>, frame: Frame, name: string, index: number): Thread<Value> {
  const output = yield* states;
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
