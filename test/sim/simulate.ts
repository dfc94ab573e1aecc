// One simulation: a world made of a plan, its storm, its end, and the verdict.

import type { Json } from "../../src/base/json.ts";
import { decodeTurn, type Limits, projectHistory, SERVICE_LIMITS } from "../../src/engine/index.ts";
import type { Runtime, StateMachine } from "../../src/runtime/index.ts";
import {
  Checks,
  type Described,
  type Evidence,
  type StoredExecution,
  Violation,
} from "./checker/evidence.ts";
import { checkExecution } from "./checker/execution.ts";
import { type CheckedExecution, checkOutside } from "./checker/outside.ts";
import { Watch } from "./checker/watch.ts";
import { type ExpressBounds, ExpressWatch, isExpress } from "./express/watch.ts";
import { Chance } from "./generate/chance.ts";
import { ACTIVITIES, BEGIN_MS, REGION_ACCOUNT, ROLE } from "./generate/definition.ts";
import type { Plan } from "./plan.ts";
import type { RecordedEvent } from "./reference/judge.ts";
import { describe } from "./world/clients.ts";
import { Disk } from "./world/disk.ts";
import { Processes } from "./world/processes.ts";
import { Scheduler } from "./world/scheduler.ts";
import { Services } from "./world/services.ts";
import { sendUntilAnswered } from "./world/workers.ts";
import type { Actors, CallFault, Functions, Storm, World } from "./world/world.ts";

export interface Report {
  readonly plan: Plan;
  /** Undefined: all invariants hold. */
  readonly problem: Error | undefined;
  /** Of everything that happened, in order. */
  readonly hash: string;
  readonly steps: number;
  readonly deaths: number;
  readonly simulatedMs: number;
  /** How each execution ended, by ARN. */
  readonly ends: ReadonlyMap<string, string>;
  readonly executions: number;
  readonly events: number;
  readonly calls: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly checks: ReadonlyMap<string, number>;
  readonly trace: readonly string[] | undefined;
  readonly log: readonly string[];
}

/** Of the calls while nothing was disturbed, so many in a hundred may fail. */
const CALM_FAILURES_PERCENT = 5;
/** What a timer may be late when nothing is disturbed: the disk takes some milliseconds for each commit. */
const PROMPT_MS = 100;
/** No execution lasts longer: one that does is stuck. */
const LONGEST_MS = 1_800_000;
export const LIMITS: Limits = {
  ...SERVICE_LIMITS,
  payloadBytes: 20_000,
  variableBytes: 6_000,
  executionSeconds: LONGEST_MS / 1000,
};

/** Who plays, and what goes wrong. */
export interface Cast {
  /** Children first: parents name them. */
  readonly machines: readonly {
    readonly name: string;
    readonly definition: unknown;
    /** Standard unless told. */
    readonly type?: "STANDARD" | "EXPRESS";
  }[];
  readonly limits: Limits;
  readonly actors: (world: World, machineArns: readonly string[]) => Actors;
  readonly functions: (world: World) => Functions;
  readonly storm: (world: World, processes: Processes) => Storm;
  readonly callFault: () => CallFault | undefined;
  readonly timing: {
    /** Before the storm, after it, and at least until all may be over. */
    readonly calmMs: number;
    readonly settlingMs: number;
    readonly lastMs: number;
  };
  /** What is watched of Express executions. */
  readonly express?: ExpressPart;
  /** Nothing at all goes wrong: timers must be prompt. */
  readonly isPrompt: boolean;
  /** Whether calls while nothing was disturbed are counted, and how many failed. */
  readonly isCalmCounted: boolean;
}

export interface ExpressPart {
  readonly settings: ExpressBounds;
  readonly watch: (world: World) => ExpressWatch;
}

/** Runs a world with these actors. */
export async function play(plan: Plan, cast: Cast): Promise<Report> {
  const simulation = new Simulation(plan, cast);
  let problem: Error | undefined;
  const rejected = (reason: unknown): void => {
    problem ??= reason instanceof Error ? reason : new Error(String(reason));
  };
  process.on("unhandledRejection", rejected);
  try {
    await simulation.run();
  } catch (error) {
    problem ??= error instanceof Error ? error : new Error(String(error));
  } finally {
    process.off("unhandledRejection", rejected);
  }
  return simulation.report(problem);
}

class Simulation {
  readonly #plan: Plan;
  readonly #scheduler: Scheduler;
  readonly #world: World;
  readonly #disk: Disk;
  readonly #checks = new Checks();
  readonly #watch = new Watch(this.#checks);
  readonly #evidence: Evidence = { calls: [], receipts: [], definitions: new Map() };
  readonly #processes: Processes;
  readonly #express: ExpressWatch | undefined;
  readonly #storm: Storm;
  readonly #cast: Cast;
  readonly #executionIds: number[] = [];
  readonly #arns = new Map<number, string>();
  readonly #turns = new Map<string, number>();
  readonly #ends = new Map<string, string>();
  #executions = 0;
  #events = 0;

  constructor(plan: Plan, cast: Cast) {
    this.#plan = plan;
    this.#cast = cast;
    const chanceFor = (use: string): Chance => new Chance(plan.seed, use);
    this.#scheduler = new Scheduler(chanceFor("order"), BEGIN_MS, plan.isTraced === true);
    this.#disk = new Disk({
      scheduler: this.#scheduler,
      chance: chanceFor("disk"),
      fault: (operation, isWrite) => this.#storm.fault(operation, isWrite),
      crash: (life) => this.#processes.kill(life),
      onCommit: ({ turns, refused }) => {
        for (const { executionId, created } of turns) {
          if (refused.includes(executionId)) continue;
          if (created !== undefined) {
            this.#executionIds.push(executionId);
            this.#arns.set(executionId, created.arn);
          }
          const arn = this.#arns.get(executionId) as string;
          this.#turns.set(arn, (this.#turns.get(arn) ?? 0) + 1);
        }
        try {
          const { wallMs } = this.#scheduler;
          this.#watch.committed(turns, refused, wallMs, cast.isPrompt ? PROMPT_MS : undefined);
        } catch (problem) {
          this.#world.problem ??= problem;
        }
      },
    });
    this.#world = {
      plan,
      scheduler: this.#scheduler,
      disk: this.#disk,
      evidence: this.#evidence,
      checks: this.#checks,
      watch: this.#watch,
      faults: new Map(),
      chanceFor,
      server: undefined,
      isStormy: false,
      problem: undefined,
      callFault: cast.callFault,
      kill: () => this.#processes.kill(),
      durableTurns: (arn) => this.#turns.get(arn) ?? 0,
    };
    const services = new Services(this.#world, cast.limits, cast.functions(this.#world));
    const express = cast.express?.watch(this.#world);
    this.#express = express;
    this.#processes = new Processes(this.#world, services, cast.limits, {
      ...(cast.express === undefined ? {} : { settings: cast.express.settings }),
      ...(express === undefined ? {} : { observe: (life, observed) => express.observe(life, observed) }),
    });
    this.#storm = cast.storm(this.#world, this.#processes);
  }

  async run(): Promise<void> {
    await this.#disk.begin();
    this.#processes.open();
    await this.#until(() => this.#world.server !== undefined, 60_000, "the server opens");
    const machines = await this.#setUp();
    const clients = this.#cast.actors(this.#world, machines);
    clients.begin();
    const { calmMs, settlingMs, lastMs } = this.#cast.timing;
    const stormMs = this.#scheduler.nowMs + calmMs;
    await this.#until(() => this.#scheduler.nowMs >= stormMs, calmMs * 2 + 10_000, "time passes");
    const calls = this.#evidence.calls.filter(({ answered }) => answered !== undefined);
    this.#world.isStormy = true;
    while (this.#storm.left > 0 || clients.startsLeft > 0) await this.#step(true);
    this.#world.isStormy = false;
    this.#storm.end();
    await this.#until(() => this.#world.server !== undefined, 120_000, "the server opens after the storm");
    // What the storm has begun (a process that closes, or is about to notice its disk) has its end.
    const settledMs = this.#scheduler.nowMs + settlingMs;
    const isCalm = (): boolean => this.#scheduler.nowMs >= settledMs && this.#world.server !== undefined;
    await this.#until(isCalm, 120_000, "calm after the storm");
    const afterStorm = this.#evidence.calls.length;
    await this.#drain(lastMs);
    clients.isOver = true;
    if (this.#cast.isCalmCounted) this.#checkCalm([...calls, ...this.#evidence.calls.slice(afterStorm)]);
    // A child whose parent has gone may still be started while everything is read: then all is read again.
    for (;;) {
      const count = this.#arns.size;
      const described = await this.#readAll();
      await this.#drain(0);
      if (count === this.#arns.size) return this.#judge(described);
    }
  }

  report(problem: Error | undefined): Report {
    return {
      plan: this.#plan,
      problem,
      hash: this.#scheduler.hash,
      steps: this.#scheduler.steps,
      deaths: this.#processes.deaths,
      simulatedMs: this.#scheduler.nowMs,
      ends: this.#ends,
      executions: this.#executions,
      events: this.#events,
      calls: this.#evidence.calls.length,
      faults: this.#world.faults,
      checks: this.#checks.counts,
      trace: this.#scheduler.trace,
      log: this.#processes.log,
    };
  }

  /** One step, and what is checked after each. */
  async #step(isStormy: boolean): Promise<void> {
    if (isStormy) this.#storm.step();
    const more = await this.#scheduler.next();
    if (this.#processes.isUnchecked) {
      this.#processes.isUnchecked = false;
      const { durable } = this.#disk;
      await this.#watch.crashed(
        (arn) => durable.findExecution(arn),
        (kind, key) => durable.getEntity(kind, key),
      );
    }
    await this.#express?.afterStep();
    if (this.#world.problem !== undefined) throw this.#world.problem;
    if (!more) throw new Violation("I31", "nothing is left to happen");
  }

  async #until(isSo: () => boolean, withinMs: number, what: string): Promise<void> {
    const untilMs = this.#scheduler.nowMs + withinMs;
    while (!isSo()) {
      if (this.#scheduler.nowMs > untilMs) throw new Violation("I31", `not within ${withinMs} ms: ${what}`);
      await this.#step(false);
    }
  }

  /** Until every execution has ended. */
  async #drain(leastMs: number): Promise<void> {
    const { durable } = this.#disk;
    const untilMs = this.#scheduler.nowMs + LONGEST_MS + 60_000;
    // Starts that were not answered are tried again for a while.
    const overMs = this.#scheduler.nowMs + leastMs;
    for (let step = 1; ; step++) {
      await this.#step(false);
      if (step % 16 !== 0 || this.#scheduler.nowMs < overMs) continue;
      const isQuiet = this.#express?.isQuiet ?? true;
      if (isQuiet && (await durable.countOpen()) === 0) return;
      if (this.#scheduler.nowMs > untilMs) {
        const open = await this.#stored();
        const names = open.filter(({ stoppedAtMs }) => stoppedAtMs === undefined).map(({ arn }) => arn);
        throw new Violation("I31", `these do not end: ${names.join(", ")}`);
      }
    }
  }

  /** Creates activities and state machines, each as often as it takes. */
  async #setUp(): Promise<readonly string[]> {
    const world = this.#world;
    const chance = world.chanceFor("set-up");
    let left = 0;
    const ask = (
      operation: "CreateActivity" | "CreateStateMachine",
      resourceArn: string,
      work: (runtime: Runtime) => Promise<unknown>,
    ): void => {
      left += 1;
      sendUntilAnswered(world, chance, { operation, resourceArn }, work, 100, () => {
        left -= 1;
      });
    };
    for (const arn of ACTIVITIES) {
      const name = arn.split(":").at(-1) as string;
      const activity = { arn, name, createdAtMs: BEGIN_MS, encryptionConfiguration: {} };
      ask("CreateActivity", arn, (runtime) => runtime.catalog.createActivity(activity, []));
    }
    const arns: string[] = [];
    for (const { name, definition, type = "STANDARD" } of this.#cast.machines) {
      const arn = machineArnOf(name);
      const revisionId = `revision-${name}`;
      this.#evidence.definitions.set(revisionId, { definition, roleArn: ROLE });
      const machine = { ...machineOf(arn, name, revisionId, definition as Json), type };
      ask("CreateStateMachine", arn, (runtime) => runtime.catalog.createStateMachine(machine, []));
      arns.push(arn);
    }
    await this.#until(() => left === 0, 60_000, "state machines are created");
    return arns;
  }

  #checkCalm(calls: Evidence["calls"]): void {
    const isThrottled = ({ request, answer }: Evidence["calls"][number]): boolean =>
      answer?.kind === "error" &&
      answer.code === "ThrottlingException" &&
      (request.operation === "StartExpress" || request.operation === "StartSync");
    const failed = calls.filter((call) => {
      const { answer } = call;
      // Of a bound that is this small on purpose.
      if (isThrottled(call)) return false;
      return (
        answer?.kind === "lost" ||
        answer?.kind === "refused" ||
        (answer?.kind === "error" && /ServiceUnavailable|Throttling|Internal/u.test(answer.code))
      );
    });
    this.#checks.holds(
      "CALM",
      calls.length > 10 && failed.length * 100 <= calls.length * CALM_FAILURES_PERCENT,
      () => `${failed.length} of ${calls.length} calls failed while nothing was disturbed`,
    );
  }

  async #stored(): Promise<readonly StoredExecution[]> {
    const { durable } = this.#disk;
    const all: StoredExecution[] = [];
    for (const id of this.#executionIds) {
      const row = await durable.getExecution(id);
      if (row === undefined) throw new Violation("I22", `execution ${id} is gone`);
      const journal = await durable.readJournal(id);
      for (const { data } of journal) this.#scheduler.note(data);
      const turns = journal.map(({ data, atMs }) => decodeTurn(data, atMs));
      const counts: number[] = [];
      for (let i = 1; i <= turns.length; i++) counts.push(projectHistory(turns.slice(0, i)).length);
      const { arn, stateMachineArn, name, revisionId, startedAtMs, status, stoppedAtMs } = row;
      const events = projectHistory(turns) as readonly RecordedEvent[];
      all.push({
        id,
        arn,
        stateMachineArn,
        name,
        revisionId,
        startedAtMs,
        status,
        stoppedAtMs,
        eventsAfterTurn: counts,
        events,
      });
    }
    return all;
  }

  /** Every history and description once more, as clients read them. */
  async #readAll(): Promise<ReadonlyMap<string, Described>> {
    const chance = this.#world.chanceFor("end");
    const described = new Map<string, Described>();
    let left = 0;
    const done = (): void => {
      left -= 1;
    };
    const query = { reverse: false, limit: 100_000, offset: 0 };
    for (const arn of this.#arns.values()) {
      left += 2;
      sendUntilAnswered(
        this.#world,
        chance,
        { operation: "GetExecutionHistory", arn, ...query },
        (runtime) => runtime.executions.history(arn, query),
        100,
        done,
      );
      sendUntilAnswered(
        this.#world,
        chance,
        { operation: "DescribeExecution", arn },
        async (runtime) => {
          described.set(arn, (await describe(runtime, arn)) as Described);
          return described.get(arn);
        },
        100,
        done,
      );
    }
    await this.#until(() => left === 0, 60_000, "everything is read at the end");
    return described;
  }

  async #judge(described: ReadonlyMap<string, Described>): Promise<void> {
    const checked: CheckedExecution[] = [];
    for (const stored of await this.#stored()) {
      this.#executions += 1;
      this.#ends.set(stored.arn, stored.status);
      this.#events += stored.events.length;
      const { arn, name, stateMachineArn, revisionId } = stored;
      const found = this.#evidence.definitions.get(revisionId);
      if (found === undefined) throw new Violation("I26", `${arn} has the revision ${revisionId}`);
      const { payloadBytes, variableBytes, historyEvents, executionSeconds, inlineMapConcurrency } =
        this.#cast.limits;
      const attempts = checkExecution(
        this.#checks,
        stored,
        {
          definition: found.definition,
          executionArn: arn,
          name,
          roleArn: found.roleArn,
          stateMachineArn,
          limits: {
            payloadBytes,
            variableBytes,
            historyEvents,
            executionSeconds,
            mapConcurrency: inlineMapConcurrency,
          },
          ...(this.#cast.isPrompt ? { latenessMs: PROMPT_MS } : {}),
        },
        described.get(arn),
      );
      this.#checks.count("I26");
      if (stored.status === "TIMED_OUT") this.#checks.count("I19");
      const ownSeconds = (found.definition as { readonly TimeoutSeconds?: number }).TimeoutSeconds;
      this.#checks.holds(
        "I31",
        stored.stoppedAtMs !== undefined && (stored.status !== "TIMED_OUT" || ownSeconds !== undefined),
        () => `${arn} was stuck`,
      );
      const read = this.#watch.wasRead(arn);
      const isSame = stored.events.every((event) => read[event.id] === JSON.stringify(event));
      this.#checks.holds("I4", isSame, () => `${arn}: what is stored is not what was read`);
      checked.push({ stored, attempts });
    }
    const receipts = this.#evidence.receipts.filter((receipt) => !isExpress(receipt));
    const latestMs = this.#cast.isPrompt ? PROMPT_MS : undefined;
    checkOutside(this.#checks, { ...this.#evidence, receipts }, checked, latestMs);
    if (this.#express !== undefined) {
      await this.#express.judge();
      this.#executions += this.#express.runs;
      this.#events += this.#express.events;
    }
    this.#checks.holds("I31", checked.length > 0, () => "no execution was started");
  }
}

export function machineArnOf(name: string): string {
  return `arn:aws:states:${REGION_ACCOUNT}:stateMachine:${name}`;
}

function machineOf(arn: string, name: string, revisionId: string, definition: Json): StateMachine {
  return {
    arn,
    name,
    type: "STANDARD",
    status: "ACTIVE",
    createdAtMs: BEGIN_MS,
    updated: false,
    revision: {
      revisionId,
      stateMachineArn: arn,
      createdAtMs: BEGIN_MS,
      definition: JSON.stringify(definition),
      roleArn: ROLE,
      loggingConfiguration: {},
      tracingConfiguration: {},
      encryptionConfiguration: {},
    },
  };
}
