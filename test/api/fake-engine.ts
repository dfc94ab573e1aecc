// An engine in memory that runs nothing: executions of definitions with a Wait stay open, all others have
// succeeded with their input as output by the time that StartExecution answers.

import { randomUUID } from "node:crypto";
import type { JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { StoreCatalog } from "../../src/runtime/catalog.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemSeeds } from "../../src/runtime/seeds.ts";
import { resourceNotFound } from "../../src/runtime/failures.ts";
import { StateTests } from "../../src/runtime/test-state.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { Execution } from "../../src/engine/execution.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import type { HistoryEvent } from "../../src/engine/history.ts";
import type {
  Catalog,
  EngineService,
  Executions,
  ExpressExecutions,
  MapRun,
  MapRunChange,
  MapRunChild,
  MapRuns,
  StartRequest,
  Tasks,
} from "../../src/runtime/interface.ts";
import type { ExecutionRow } from "../../src/store/store.ts";

export interface FakeEngine extends EngineService {
  /** Moves the clock. */
  readonly advance: (ms: number) => void;
  /** Hands a task to the next poller of the activity. */
  readonly offerTask: (
    activityArn: string,
    task: { readonly taskToken: string; readonly input: string },
  ) => void;
  /** Task tokens that are open. */
  readonly tokens: Set<string>;
  readonly calls: string[];
  /** In the order in which they began; what they are is what tests put in. */
  readonly runs: FakeMapRun[];
}

export interface FakeMapRun {
  run: MapRun;
  /** Newest first. */
  readonly children: readonly MapRunChild[];
}

interface Stored {
  row: ExecutionRow;
  readonly execution: Execution;
  readonly events: HistoryEvent[];
}

export function createFakeEngine(startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)): FakeEngine {
  let nowMs = startMs;
  const executions = new Map<string, Stored>();
  const offers = new Map<string, { readonly taskToken: string; readonly input: string }[]>();
  const wakeUps = new Set<() => void>();
  const tokens = new Set<string>();
  const calls: string[] = [];
  const runs: FakeMapRun[] = [];
  const now = (): number => nowMs;

  const taskCall = async (name: string, taskToken: string): Promise<void> => {
    calls.push(name);
    if (!tokens.has(taskToken)) throw new ServiceError("InvalidToken", "Invalid Token: 'Invalid token'");
  };
  const tasks: Tasks = {
    succeed: async (taskToken, output) => taskCall(`succeed ${output.text}`, taskToken),
    fail: async (taskToken, error, cause) => taskCall(`fail ${error} ${cause}`, taskToken),
    heartbeat: async (taskToken) => taskCall("heartbeat", taskToken),
    poll: async (activityArn, workerName, signal) => {
      calls.push(`poll ${workerName}`);
      while (!signal.aborted) {
        const task = offers.get(activityArn)?.shift();
        if (task) return task;
        await new Promise<void>((resolve) => {
          wakeUps.add(resolve);
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      calls.push(`poll ended ${workerName}`);
      return undefined;
    },
  };

  return {
    catalog: createCatalog(executions, now),
    executions: createExecutions(executions, now),
    express: createExpress(now),
    mapRuns: createMapRuns(runs),
    tasks,
    tests: new StateTests({
      clock: systemClock,
      seeds: systemSeeds(),
      limits: SERVICE_LIMITS,
      integrations: () => undefined,
      log: () => undefined,
    }),
    now,
    statistics: async () => ({ openExecutions: [...executions.values()].filter(isOpen).length }),
    advance: (ms) => {
      nowMs += ms;
    },
    offerTask: (activityArn, task) => {
      tokens.add(task.taskToken);
      offers.set(activityArn, [...(offers.get(activityArn) ?? []), task]);
      for (const wake of wakeUps) wake();
      wakeUps.clear();
    },
    tokens,
    calls,
    runs,
  };
}

function isOpen({ execution }: Stored): boolean {
  return execution.status === "RUNNING";
}

/** The real one on a store in memory: what it answers is what the API meets. */
function createCatalog(executions: Map<string, Stored>, now: () => number): Catalog {
  const store = new MemoryStore();
  void store.open();
  const catalog = new StoreCatalog({
    store,
    nextExecutionId: () => executions.size + 1,
    abortExecutions: async (stateMachineArn) => {
      for (const stored of executions.values()) {
        if (stored.row.stateMachineArn === stateMachineArn && isOpen(stored)) end(stored, "ABORTED", now());
      }
    },
    seeds: systemSeeds(),
    now,
    log: (line) => {
      throw new Error(line);
    },
  });
  return Object.assign(Object.create(catalog) as Catalog, {
    // Lets two changes of the same tags overlap, if nothing keeps them apart.
    getTags: async (arn: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      return catalog.getTags(arn);
    },
  });
}

function createExecutions(executions: Map<string, Stored>, now: () => number): Executions {
  return {
    start: async (request) => {
      const { machine, name = randomUUID(), input } = request;
      const arn = `${machine.arn.replace(":stateMachine:", ":execution:")}:${name}`;
      const there = executions.get(arn);
      if (there) {
        if (isOpen(there) && there.execution.started.input.text === input.text) {
          return { executionArn: arn, startedAtMs: there.row.startedAtMs };
        }
        throw new ServiceError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
      }
      const stored = begin({ ...request, id: executions.size + 1, arn, name, nowMs: now() });
      executions.set(arn, stored);
      if (!machine.revision.definition.includes('"Wait"')) end(stored, "SUCCEEDED", now());
      return { executionArn: arn, startedAtMs: stored.row.startedAtMs };
    },
    stop: async (arn, error, cause) => {
      const stored = executions.get(arn);
      if (!stored) throw new ServiceError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
      if (isOpen(stored)) {
        stored.execution.error = error;
        stored.execution.cause = cause;
        end(stored, "ABORTED", now());
      }
      return { stoppedAtMs: stored.row.stoppedAtMs ?? 0 };
    },
    redrive: async (arn) => {
      throw new ServiceError("ExecutionNotRedrivable", `Nothing can be redriven here: '${arn}'`);
    },
    describe: async (arn) => executions.get(arn),
    history: async (arn, { reverse, limit, offset }) => {
      const stored = executions.get(arn);
      if (!stored) return undefined;
      const ordered = reverse ? stored.events.toReversed() : stored.events;
      return { events: ordered.slice(offset, offset + limit), total: stored.events.length };
    },
    list: async ({ beforeId = Infinity, limit, ...wanted }) =>
      [...executions.values()]
        .map(({ row }) => row)
        .filter((row) => row.id < beforeId && isMatch(row, wanted))
        .toSorted((a, b) => b.id - a.id)
        .slice(0, limit),
    waitForEnd: async () => undefined,
  };
}

/** Every execution has succeeded with its input as output by the time that its start answers. */
function createExpress(now: () => number): ExpressExecutions {
  const ended = new Map<string, Stored>();
  const run: ExpressExecutions["start"] = async (request) => {
    const { machine, name = randomUUID() } = request;
    const arn = `${machine.arn.replace(":stateMachine:", ":express:")}:${name}:${randomUUID()}`;
    const stored = begin({ ...request, id: ended.size + 1, arn, name, nowMs: now() });
    end(stored, "SUCCEEDED", now());
    ended.set(arn, stored);
    return { executionArn: arn, startedAtMs: now() };
  };
  return {
    start: run,
    run: async (request) => {
      const { executionArn } = await run(request);
      const { execution } = ended.get(executionArn) as Stored;
      return { execution, usedBytes: 1 };
    },
    describe: (arn) => {
      const stored = ended.get(arn);
      return stored && { execution: stored.execution, usedBytes: 1 };
    },
    history: (arn) => ended.get(arn)?.events,
    list: (stateMachineArn) =>
      [...ended.values()]
        .map(({ row }) => ({ ...row, executionArn: row.arn, usedBytes: 1 }))
        .filter((row) => row.stateMachineArn === stateMachineArn),
  };
}

function createMapRuns(runs: FakeMapRun[]): MapRuns {
  const find = (mapRunArn: string): FakeMapRun | undefined =>
    runs.find(({ run }) => run.mapRunArn === mapRunArn);
  return {
    describe: async (mapRunArn) => find(mapRunArn)?.run,
    list: async (executionArn, skip, limit) =>
      runs
        .map(({ run }) => run)
        .filter((run) => run.executionArn === executionArn)
        .toReversed()
        .slice(skip, skip + limit),
    update: async (mapRunArn, change: MapRunChange) => {
      const found = find(mapRunArn);
      if (found === undefined) throw resourceNotFound(mapRunArn);
      if (found.run.status !== "RUNNING") return false;
      found.run = { ...found.run, ...change };
      return true;
    },
    expressChild: () => Promise.resolve(undefined),
    children: async ({ mapRunArn, status, isRedriven, after, limit }) => {
      const all = find(mapRunArn)?.children ?? [];
      const wanted = all.filter(
        (child) =>
          (status === undefined || child.status === status) &&
          (isRedriven === undefined || isRedriven === child.redriveCount > 0),
      );
      const from = after === undefined ? 0 : Number(after);
      const next = from + limit;
      return {
        children: wanted.slice(from, next),
        ...(next < wanted.length ? { next: String(next) } : {}),
      };
    },
  };
}

/** Every member that is asked for is the same. */
function isMatch(row: ExecutionRow, wanted: Partial<ExecutionRow>): boolean {
  return Object.entries(wanted).every(([key, value]) => row[key as keyof ExecutionRow] === value);
}

interface Beginning extends StartRequest {
  readonly id: number;
  readonly arn: string;
  readonly name: string;
  readonly nowMs: number;
}

function begin({ id, arn, name, machine, input, traceHeader, nowMs, ...given }: Beginning): Stored {
  const { stateMachineVersionArn, stateMachineAliasArn, mapRunArn } = given;
  const { revisionId, roleArn } = machine.revision;
  const data = { input: input.text, inputDetails: { truncated: false } };
  const through = {
    ...(stateMachineVersionArn === undefined ? {} : { stateMachineVersionArn }),
    ...(stateMachineAliasArn === undefined ? {} : { stateMachineAliasArn }),
  };
  return {
    row: {
      id,
      shard: 0,
      arn,
      stateMachineArn: machine.arn,
      name,
      revisionId,
      ...through,
      startedAtMs: nowMs,
      status: "RUNNING",
      headLsn: id,
      attention: false,
    },
    execution: {
      started: {
        kind: "ExecutionStarted",
        executionArn: arn,
        stateMachineArn: machine.arn,
        name,
        roleArn,
        revisionId,
        ...through,
        input,
        ...(traceHeader === undefined ? {} : { traceHeader }),
        ...(mapRunArn === undefined ? {} : { mapRunArn }),
      },
      startedAtMs: nowMs,
      status: "RUNNING",
      nowMs,
      stoppedAtMs: undefined,
      timeoutAtMs: undefined,
      redrive: undefined,
      output: undefined,
      error: undefined,
      cause: undefined,
      frames: new Map(),
      tasks: new Map(),
      attempts: undefined,
      nextFrame: 1,
      nextTask: 1,
      pauseCount: 0,
      eventCount: 2,
    },
    events: [
      event(1, 0, nowMs, "ExecutionStarted", "executionStartedEventDetails", {
        ...data,
        roleArn,
        ...through,
      }),
      event(2, 0, nowMs, "PassStateEntered", "stateEnteredEventDetails", { ...data, name: "A" }),
    ],
  };
}

function end(stored: Stored, status: "SUCCEEDED" | "ABORTED", nowMs: number): void {
  const { execution, events } = stored;
  stored.row = { ...stored.row, status, stoppedAtMs: nowMs };
  execution.status = status;
  execution.stoppedAtMs = nowMs;
  if (status === "ABORTED") {
    events.push(event(3, 0, nowMs, "ExecutionAborted", "executionAbortedEventDetails", {}));
  } else {
    execution.output = execution.started.input;
    const data = { output: execution.output.text, outputDetails: { truncated: false } };
    events.push(event(3, 2, nowMs, "PassStateExited", "stateExitedEventDetails", { name: "A", ...data }));
    events.push(event(4, 3, nowMs, "ExecutionSucceeded", "executionSucceededEventDetails", data));
  }
  execution.eventCount = events.length;
}

function event(
  id: number,
  previousEventId: number,
  timestampMs: number,
  type: string,
  detailsName: string,
  details: JsonObject,
): HistoryEvent {
  return { id, previousEventId, timestampMs, type, detailsName, details };
}
