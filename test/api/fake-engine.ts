// An engine in memory that runs nothing: executions of definitions with a Wait stay open, all others have
// succeeded with their input as output by the time that StartExecution answers.

import { randomUUID } from "node:crypto";
import type { JsonObject, Payload } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import type { Execution } from "../../src/engine/execution.ts";
import type { HistoryEvent } from "../../src/engine/history.ts";
import type {
  Activity,
  Catalog,
  EngineService,
  Executions,
  Revision,
  StateMachine,
  Tag,
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
    tasks,
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
  };
}

function isOpen({ execution }: Stored): boolean {
  return execution.status === "RUNNING";
}

function createCatalog(executions: Map<string, Stored>, now: () => number): Catalog {
  const machines = new Map<string, StateMachine>();
  const revisions = new Map<string, Revision>();
  const activities = new Map<string, Activity>();
  const tags = new Map<string, readonly Tag[]>();
  return {
    createStateMachine: async (machine, given) => {
      const there = machines.get(machine.arn);
      if (there) return { machine: there, created: false };
      machines.set(machine.arn, machine);
      revisions.set(machine.revision.revisionId, machine.revision);
      tags.set(machine.arn, given);
      return { machine, created: true };
    },
    getStateMachine: async (arn) => machines.get(arn),
    updateStateMachine: async (arn, change) => {
      const current = machines.get(arn);
      if (!current)
        throw new ServiceError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
      const next = change(current);
      machines.set(arn, next);
      revisions.set(next.revision.revisionId, next.revision);
      return next;
    },
    deleteStateMachine: async (arn) => {
      machines.delete(arn);
      tags.delete(arn);
      for (const stored of executions.values()) {
        if (stored.row.stateMachineArn === arn && isOpen(stored)) end(stored, "ABORTED", now());
      }
    },
    listStateMachines: async (afterArn, limit) => page(machines, afterArn, limit),
    getRevision: async (revisionId) => revisions.get(revisionId),
    createActivity: async (activity, given) => {
      const there = activities.get(activity.arn);
      if (there) return { activity: there, created: false };
      activities.set(activity.arn, activity);
      tags.set(activity.arn, given);
      return { activity, created: true };
    },
    getActivity: async (arn) => activities.get(arn),
    deleteActivity: async (arn) => {
      activities.delete(arn);
      tags.delete(arn);
    },
    listActivities: async (afterArn, limit) => page(activities, afterArn, limit),
    getTags: async (arn) => {
      // Lets two changes of the same tags overlap, if nothing keeps them apart.
      await new Promise((resolve) => setImmediate(resolve));
      return tags.get(arn);
    },
    setTags: async (arn, given) => {
      tags.set(arn, given);
    },
  };
}

function createExecutions(executions: Map<string, Stored>, now: () => number): Executions {
  return {
    start: async ({ machine, name = randomUUID(), input, traceHeader }) => {
      const arn = `${machine.arn.replace(":stateMachine:", ":execution:")}:${name}`;
      const there = executions.get(arn);
      if (there) {
        if (isOpen(there) && there.execution.started.input.text === input.text) {
          return { executionArn: arn, startedAtMs: there.row.startedAtMs };
        }
        throw new ServiceError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
      }
      const stored = begin({ id: executions.size + 1, arn, name, machine, input, traceHeader, nowMs: now() });
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
    describe: async (arn) => executions.get(arn),
    history: async (arn, { reverse, limit, offset }) => {
      const stored = executions.get(arn);
      if (!stored) return undefined;
      const ordered = reverse ? stored.events.toReversed() : stored.events;
      return { events: ordered.slice(offset, offset + limit), total: stored.events.length };
    },
    list: async ({ stateMachineArn, status, beforeId = Infinity, limit }) =>
      [...executions.values()]
        .map(({ row }) => row)
        .filter((row) => row.stateMachineArn === stateMachineArn && row.id < beforeId)
        .filter((row) => status === undefined || row.status === status)
        .toSorted((a, b) => b.id - a.id)
        .slice(0, limit),
    waitForEnd: async () => undefined,
  };
}

interface Beginning {
  readonly id: number;
  readonly arn: string;
  readonly name: string;
  readonly machine: StateMachine;
  readonly input: Payload;
  readonly traceHeader: string | undefined;
  readonly nowMs: number;
}

function begin({ id, arn, name, machine, input, traceHeader, nowMs }: Beginning): Stored {
  const { revisionId, roleArn } = machine.revision;
  const data = { input: input.text, inputDetails: { truncated: false } };
  return {
    row: {
      id,
      shard: 0,
      arn,
      stateMachineArn: machine.arn,
      name,
      revisionId,
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
        input,
        ...(traceHeader === undefined ? {} : { traceHeader }),
      },
      startedAtMs: nowMs,
      status: "RUNNING",
      nowMs,
      stoppedAtMs: undefined,
      output: undefined,
      error: undefined,
      cause: undefined,
      frames: new Map(),
      tasks: new Map(),
      nextFrame: 1,
      nextTask: 1,
      eventCount: 2,
    },
    events: [
      event(1, 0, nowMs, "ExecutionStarted", "executionStartedEventDetails", { ...data, roleArn }),
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

function page<T extends { readonly arn: string }>(all: Map<string, T>, afterArn: string, limit: number): T[] {
  return [...all.values()]
    .toSorted((a, b) => (a.arn < b.arn ? -1 : 1))
    .filter(({ arn }) => arn > afterArn)
    .slice(0, limit);
}
