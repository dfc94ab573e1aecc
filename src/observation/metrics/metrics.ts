// What is measured of a server: executions, states, tasks, commits, requests, the process.
//
// Knows:          the names and meanings of the metrics. Does not know: HTTP, who reads them.
//
// Invariants
//   E1. Executions are counted from durable turns (runtime/observer.ts): what is counted has happened. The counters begin
//       at 0 with the process.

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Json } from "../../base/json.ts";
import type { TaskId } from "../../engine/events.ts";
import type { ExecutionStatus } from "../../engine/execution.ts";
import { lastSegment } from "../../engine/index.ts";
import type { Observer } from "../../runtime/observer.ts";
import type { RefusedStart } from "../../runtime/refusals.ts";
import type { Store } from "../../store/store.ts";
import { type Count, Counter, type Distribution, Histogram, Reading } from "./registry.ts";

export type Statistics = Readonly<Record<string, Json>>;

/** One request that was answered. */
export interface Answered {
  /** Undefined: it named none that there is. */
  readonly operation: string | undefined;
  readonly status: number;
  /** The code of the error that it was answered with. */
  readonly error: string | undefined;
  readonly milliseconds: number;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const EXECUTION_SECONDS = [0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000];

/** Members of the engine's statistics: what they are called here. */
const GAUGES: Readonly<Record<string, readonly [name: string, help: string]>> = {
  openExecutions: ["open_executions", "Standard executions that are running."],
  expressExecutions: ["express_executions", "Express executions that are running."],
  cachedExecutions: ["cached_executions", "Standard executions in memory."],
  stoppedByInternalError: ["stopped_executions", "Executions that a fault of the server has stopped."],
  queuedTurns: ["queued_turns", "Turns that are decided and not yet durable."],
  callsUnderWay: ["calls_under_way", "Calls of integrations under way."],
  queuedTasks: ["queued_tasks", "Tasks that wait for room to be called."],
  activityTasks: ["activity_tasks", "Tasks that wait for a worker of their activity."],
  activityPollers: ["activity_pollers", "Workers that wait for a task."],
  timers: ["timers", "Timers in memory."],
};
const COUNTERS: Readonly<Record<string, readonly [name: string, help: string]>> = {
  turns: ["turns_total", "Turns made durable."],
  commits: ["commits_total", "Commits that made them so."],
  loadedExecutions: ["loaded_executions_total", "Executions read from their journal."],
  recoveredExecutions: ["recovered_executions_total", "Executions looked at after a restart."],
};

/** Kept beside the state machine, so that no label is put together for each turn. */
interface MachineCounts {
  readonly name: string;
  readonly type: string;
  readonly started: Count;
  readonly transitions: Count;
  readonly durations: Distribution;
  /** Of ends, by status. */
  readonly ended: Map<ExecutionStatus, Count>;
}

/** Likewise of a resource: attempts by outcome. */
interface ResourceCounts {
  readonly resource: string;
  readonly outcomes: Map<string, Count>;
}

/** Past them the handles are made anew; the counts stay. */
const MAX_MACHINES = 1_000;
const MAX_RESOURCES = 1_000;

export class Metrics {
  readonly #started = new Counter("stepwell_executions_started_total", "Executions started.", [
    "state_machine",
    "type",
  ]);
  readonly #ended = new Counter(
    "stepwell_executions_ended_total",
    "Executions ended, by status (SUCCEEDED, FAILED, TIMED_OUT, ABORTED).",
    ["state_machine", "type", "status"],
  );
  readonly #throttled = new Counter(
    "stepwell_executions_throttled_total",
    "Starts refused for want of room, by the error: ThrottlingException, ExecutionLimitExceeded.",
    ["state_machine", "type", "error"],
  );
  readonly #redriven = new Counter("stepwell_executions_redriven_total", "Redrives of executions.", [
    "state_machine",
  ]);
  readonly #durations = new Histogram(
    "stepwell_execution_seconds",
    "Time from the start of an execution to its end.",
    ["state_machine", "type"],
    EXECUTION_SECONDS,
  );
  readonly #transitions = new Counter("stepwell_state_transitions_total", "States entered.", ["type"]);
  readonly #tasks = new Counter("stepwell_task_attempts_total", "Attempts of tasks that have ended.", [
    "resource",
    "outcome",
  ]);
  readonly #requests = new Counter(
    "stepwell_requests_total",
    "Requests answered, by operation and HTTP status.",
    ["operation", "status"],
  );
  readonly #requestErrors = new Counter(
    "stepwell_request_errors_total",
    "Requests answered with an error, by its code: ThrottlingException.",
    ["operation", "error"],
  );
  readonly #requestSeconds = new Histogram(
    "stepwell_request_seconds",
    "Time from a request's head to its answer; GetActivityTask waits for work.",
    ["operation"],
    SECONDS,
  );
  readonly #commitSeconds = new Histogram(
    "stepwell_commit_seconds",
    "Time of a commit of turns to the store.",
    [],
    SECONDS,
  );
  readonly #commitTurns = new Histogram(
    "stepwell_commit_turns",
    "Turns in a commit.",
    [],
    [1, 4, 16, 64, 256, 1024],
  );
  readonly #loopDelay: ReturnType<typeof monitorEventLoopDelay> = monitorEventLoopDelay({ resolution: 10 });
  /** What is counted of each state machine, by its ARN. */
  readonly #machines = new Map<string, MachineCounts>();
  /** What attempts are counted with, by resource. */
  readonly #resources = new Map<string, ResourceCounts>();
  /** Likewise of the tasks under way, by execution. */
  readonly #tasksOf = new Map<string, Map<TaskId, ResourceCounts>>();

  constructor() {
    this.#loopDelay.enable();
  }

  close(): void {
    this.#loopDelay.disable();
  }

  readonly observe: Observer = (observed) => {
    const { started, isExpress, turn, status, startedAtMs, stoppedAtMs } = observed;
    const { executionArn, stateMachineArn } = started;
    const machine = this.#machineOf(stateMachineArn, isExpress);
    for (const event of turn.events) {
      const { kind } = event;
      if (kind === "StateEntered") machine.transitions.count += 1;
      else if (kind === "ExecutionStarted") machine.started.count += 1;
      else if (kind === "ExecutionRedriven") this.#redriven.add([machine.name]);
      else if (kind === "TaskScheduled") this.#remember(executionArn, event.task, event.resource);
      else if (kind === "TaskSucceeded") this.#countTask(executionArn, event.task, "succeeded");
      else if (kind === "TaskFailed") this.#countTask(executionArn, event.task, "failed");
      else if (kind === "TaskTimedOut") this.#countTask(executionArn, event.task, "timed out");
    }
    if (status === "RUNNING" || stoppedAtMs === undefined) return;
    this.#tasksOf.delete(executionArn);
    const ended = machine.ended.get(status) ?? this.#ended.at([machine.name, machine.type, status]);
    machine.ended.set(status, ended);
    ended.count += 1;
    this.#durations.observeAt(machine.durations, (stoppedAtMs - startedAtMs) / 1000);
  };

  readonly refused = ({ stateMachineArn, type, error }: RefusedStart): void => {
    this.#throttled.add([lastSegment(stateMachineArn), type, error]);
  };

  readonly answered = ({ operation = "none", status, error, milliseconds }: Answered): void => {
    this.#requests.add([operation, String(status)]);
    if (error !== undefined) this.#requestErrors.add([operation, error]);
    this.#requestSeconds.observe([operation], milliseconds / 1000);
  };

  /** The store, with its commits measured. */
  measured(store: Store): Store {
    const commit: Store["commit"] = async (turns) => {
      const began = performance.now();
      const result = await store.commit(turns);
      this.#commitSeconds.observe([], (performance.now() - began) / 1000);
      this.#commitTurns.observe([], turns.length);
      return result;
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === "commit") return commit;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** In the text format of Prometheus. */
  text(statistics: Statistics): string {
    const own = [
      this.#started,
      this.#ended,
      this.#throttled,
      this.#redriven,
      this.#durations,
      this.#transitions,
      this.#tasks,
      this.#requests,
      this.#requestErrors,
      this.#requestSeconds,
      this.#commitSeconds,
      this.#commitTurns,
    ];
    return [
      ...own,
      ...readings("gauge", GAUGES, statistics),
      ...readings("counter", COUNTERS, statistics),
      ...this.#process(),
    ]
      .map((metric) => metric.text())
      .join("");
  }

  #machineOf(arn: string, isExpress: boolean): MachineCounts {
    const known = this.#machines.get(arn);
    if (known !== undefined) return known;
    const name = lastSegment(arn);
    const type = isExpress ? "EXPRESS" : "STANDARD";
    const counts = {
      name,
      type,
      started: this.#started.at([name, type]),
      transitions: this.#transitions.at([type]),
      durations: this.#durations.at([name, type]),
      ended: new Map<ExecutionStatus, Count>(),
    };
    if (this.#machines.size >= MAX_MACHINES) this.#machines.clear();
    this.#machines.set(arn, counts);
    return counts;
  }

  #remember(executionArn: string, task: TaskId, resource: string): void {
    let tasks = this.#tasksOf.get(executionArn);
    if (tasks === undefined) {
      if (this.#tasksOf.size >= MAX_EXECUTIONS) return;
      tasks = new Map();
      this.#tasksOf.set(executionArn, tasks);
    }
    tasks.set(task, this.#countsOf(resource));
  }

  #countTask(executionArn: string, task: TaskId, outcome: string): void {
    const tasks = this.#tasksOf.get(executionArn);
    const { resource, outcomes } = tasks?.get(task) ?? this.#countsOf("unknown");
    tasks?.delete(task);
    const ended = outcomes.get(outcome) ?? this.#tasks.at([resource, outcome]);
    outcomes.set(outcome, ended);
    ended.count += 1;
  }

  #countsOf(resource: string): ResourceCounts {
    const known = this.#resources.get(resource);
    if (known !== undefined) return known;
    const counts: ResourceCounts = { resource, outcomes: new Map() };
    if (this.#resources.size >= MAX_RESOURCES) this.#resources.clear();
    this.#resources.set(resource, counts);
    return counts;
  }

  #process(): readonly Reading[] {
    const delay = new Reading(
      "gauge",
      "stepwell_event_loop_delay_seconds",
      "Delay of the event loop since the last reading.",
      ["quantile"],
    );
    for (const quantile of [0.5, 0.99, 1])
      delay.read(this.#loopDelay.percentile(quantile * 100) / 1e9, [String(quantile)]);
    this.#loopDelay.reset();
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const memory = new Reading("gauge", "process_resident_memory_bytes", "Resident memory.");
    memory.read(rss);
    const heap = new Reading("gauge", "stepwell_heap_used_bytes", "Heap of JavaScript in use.");
    heap.read(heapUsed);
    const cpu = new Reading("counter", "process_cpu_seconds_total", "Processor time, user and system.");
    cpu.read((user + system) / 1e6);
    const start = new Reading("gauge", "process_start_time_seconds", "When the process began, since 1970.");
    start.read(Math.round(performance.timeOrigin) / 1000);
    return [delay, memory, heap, cpu, start];
  }
}

/** Executions whose tasks' resources are remembered; of those beyond, and of those of an earlier process, they are unknown. */
const MAX_EXECUTIONS = 100_000;

function readings(
  type: "counter" | "gauge",
  names: typeof GAUGES,
  statistics: Statistics,
): readonly Reading[] {
  return Object.entries(names).map(([member, [name, help]]) => {
    const reading = new Reading(type, `stepwell_${name}`, help);
    reading.read(Number(statistics[member] ?? 0));
    return reading;
  });
}
