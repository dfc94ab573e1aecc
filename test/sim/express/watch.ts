// What is watched of Express executions: every run in every process, and what it must have been (runtime/express.ts, X1–X4).
//
// Knows:          the turns that each process tells of, what clients asked for and were answered, what is stored of
//                 accepted starts. Does not know:  how it is told apart who runs what.
//
// A run is one execution in one process: an asynchronous one that a crash cuts off has another run in the next.

import type { JournalTurn } from "../../../src/engine/events.ts";
import { projectHistory } from "../../../src/engine/index.ts";
import type { KeptExpress } from "../../../src/runtime/interface.ts";
import type { ObservedTurn, Runtime } from "../../../src/runtime/index.ts";
import { type Call, type Receipt, Violation } from "../checker/evidence.ts";
import { Disagreement, judge, type RecordedEvent, type Told } from "../reference/judge.ts";
import type { Chance } from "../generate/chance.ts";
import type { Life } from "../world/scheduler.ts";
import type { World } from "../world/world.ts";

export interface AskedStart {
  readonly name: string;
  readonly isSync: boolean;
  readonly machineArn: string;
  readonly input: string;
  readonly call: Call;
  /** The process that received it. */
  receivedIn: number | undefined;
}

interface Run {
  readonly life: number;
  readonly arn: string;
  readonly asked: AskedStart;
  readonly revisionId: string;
  readonly startedAtMs: number;
  readonly turns: JournalTurn[];
  end: End | undefined;
  endedAtStep: number;
}

interface End {
  readonly status: string;
  readonly stoppedAtMs: number | undefined;
  readonly output: string | undefined;
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

/** A former owner that was frozen ends what it has, while its successor reads what to run again; in steps. */
const TWO_OWNERS_STEPS = 300;

export interface ExpressBounds {
  readonly expressExecutions: number;
  readonly expressKeptChars: number;
}

export class ExpressWatch {
  readonly #world: World;
  readonly #bounds: ExpressBounds;
  readonly #limits: Told["limits"];
  /** By name: no two have the same. */
  readonly asked = new Map<string, AskedStart>();
  /** By process and ARN. */
  readonly #runs = new Map<string, Run>();
  readonly #running = new Map<number, Map<string, AskedStart>>();
  /** The last process that saw a full disk. */
  #fullIn = 0;
  /** Begun in this step. */
  #begun: Run[] = [];
  events = 0;

  constructor(world: World, bounds: ExpressBounds, limits: Told["limits"]) {
    this.#world = world;
    this.#bounds = bounds;
    this.#limits = { ...limits, executionSeconds: Math.min(limits.executionSeconds, 300) };
  }

  get runs(): number {
    return this.#runs.size;
  }

  /** A process tells of a turn. */
  observe(life: Life, observed: ObservedTurn): void {
    if (!observed.isExpress) return;
    try {
      this.#note(life.number, observed);
    } catch (problem) {
      this.#world.problem ??= problem;
    }
  }

  #note(life: number, observed: ObservedTurn): void {
    const { started, startedAtMs, turn, status } = observed;
    const arn = started.executionArn;
    const key = `${life} ${arn}`;
    const isBeginning = turn.events.some(({ kind }) => kind === "ExecutionStarted");
    let run = this.#runs.get(key);
    this.#holds("X2", (run === undefined) === isBeginning, () => `${arn} began twice in process ${life}`);
    if (run === undefined) {
      const asked = this.asked.get(started.name);
      if (asked === undefined) throw new Violation("X2", `nobody asked for ${arn}`);
      const isAsAsked = started.input.text === asked.input && started.stateMachineArn === asked.machineArn;
      this.#holds("X2", isAsAsked, () => `${arn} is not what was asked for`);
      run = {
        life,
        arn,
        asked,
        revisionId: started.revisionId,
        startedAtMs,
        turns: [],
        end: undefined,
        endedAtStep: 0,
      };
      this.#runs.set(key, run);
      this.#begun.push(run);
      this.#count(run);
    }
    run.turns.push(turn);
    if (status === "RUNNING") return;
    const { stoppedAtMs, output, error, cause } = observed;
    run.end = { status, stoppedAtMs, output: output?.text, error, cause };
    run.endedAtStep = this.#world.scheduler.steps;
    this.#running.get(life)?.delete(arn);
  }

  /** Past the bound starts are refused. What runs again after a crash is beyond it: it was within it before. */
  #count({ life, arn, asked }: Run): void {
    const running = this.#running.get(life) ?? new Map<string, AskedStart>();
    this.#running.set(life, running);
    running.set(arn, asked);
    if (asked.receivedIn !== life) return;
    const count = [...running.values()].filter(({ receivedIn }) => receivedIn === life).length;
    const most = this.#bounds.expressExecutions;
    this.#holds("X4", count <= most, () => `${count} run at once, ${most} may`);
  }

  /** After each step: an asynchronous run is one whose start is stored, a synchronous one is not stored at all. */
  async afterStep(): Promise<void> {
    const { disk, server } = this.#world;
    if (disk.isFull) this.#fullIn = server?.life.number ?? this.#fullIn;
    if (this.#begun.length === 0) return;
    const begun = this.#begun;
    this.#begun = [];
    for (const { life, arn, asked } of begun) {
      const stored = await this.#world.disk.durable.getEntity("expressStart", arn);
      if (asked.isSync) this.#holds("X1", stored === undefined, () => `${arn} is stored`);
      else if (this.#world.server?.life.number === life)
        this.#holds(
          "X2",
          stored !== undefined || this.#hasJustEnded(life, arn),
          () => `${arn} runs and is not stored (any more)`,
        );
    }
  }

  /** In another process. */
  #hasJustEnded(life: number, executionArn: string): boolean {
    const { steps } = this.#world.scheduler;
    return [...this.#runs.values()].some(
      ({ arn, life: other, end, endedAtStep }) =>
        arn === executionArn && other !== life && end !== undefined && steps - endedAtStep < TWO_OWNERS_STEPS,
    );
  }

  get isQuiet(): boolean {
    const life = this.#world.server?.life.number;
    return life !== undefined && (this.#running.get(life)?.size ?? 0) === 0;
  }

  /** What the process that serves shows of its executions, while it shows it. */
  read(runtime: Runtime, machines: readonly string[], chance: Chance): void {
    const ended: Run[] = [];
    const life = this.#world.server?.life.number;
    let keptChars = 0;
    for (const machineArn of machines) {
      let before = Number.POSITIVE_INFINITY;
      for (const { executionArn, status, startedAtMs, stoppedAtMs, usedBytes } of runtime.express.list(
        machineArn,
      )) {
        this.#holds("X4", startedAtMs <= before, () => `${executionArn} is newer than the one before it`);
        before = startedAtMs;
        const run = this.#runs.get(`${life} ${executionArn}`);
        const end = run?.end;
        const isSame = status === (end?.status ?? "RUNNING") && stoppedAtMs === end?.stoppedAtMs;
        this.#holds("I6", run !== undefined && isSame, () => `${executionArn} is listed as ${status}`);
        if (run === undefined || end === undefined) continue;
        const definition = this.#definitionOf(run);
        keptChars += usedBytes / 2 - 2 * definition.length;
        ended.push(run);
      }
    }
    const [run] = ended.length === 0 ? [] : [chance.pick(ended)];
    if (run !== undefined) {
      const shown = JSON.stringify(runtime.express.history(run.arn));
      const told = JSON.stringify(projectHistory(run.turns));
      this.#holds("I4", shown === told, () => `the history of ${run.arn} is another one`);
    }
    const most = this.#bounds.expressKeptChars;
    this.#holds("X4", keptChars <= most, () => `${keptChars} characters are kept, ${most} may be`);
  }

  /** Once all is over. */
  async judge(): Promise<void> {
    const byName = new Map<string, Run[]>();
    for (const run of this.#runs.values())
      byName.set(run.asked.name, [...(byName.get(run.asked.name) ?? []), run]);
    for (const asked of this.asked.values()) this.#judgeStart(asked, byName.get(asked.name) ?? []);
    for (const run of this.#runs.values()) if (run.end !== undefined) this.#judgeHistory(run, run.end);
    this.#judgeReceipts();
    for (const { key } of await this.#world.disk.durable.listEntities("expressStart", "", 10_000)) {
      const { answer } = this.asked.get(nameOf(key))?.call ?? {};
      // On a full disk an end is not written down; it goes with the next write.
      const life = this.#world.server?.life.number;
      const hasEnded = this.#fullIn === life && this.#runs.get(`${life} ${key}`)?.end !== undefined;
      this.#holds("X2", answer?.kind !== "ok" || hasEnded, () => `${key} was accepted and is still waiting`);
    }
  }

  #judgeStart({ name, isSync, call }: AskedStart, runs: readonly Run[]): void {
    const { answer } = call;
    const isRefused =
      answer?.kind === "refused" || (answer?.kind === "error" && answer.code === "ThrottlingException");
    if (isRefused) this.#holds("I23", runs.length === 0, () => `${name} was refused and ran`);
    if (isSync) this.#holds("X1", runs.length <= 1, () => `${name} ran ${runs.length} times`);
    const arns = new Set(runs.map(({ arn }) => arn));
    this.#holds("X2", arns.size <= 1, () => `${name} is ${[...arns].join()}`);
    if (answer?.kind !== "ok") return;
    if (isSync) {
      const { execution } = answer.value as KeptExpress;
      const { status, startedAtMs, stoppedAtMs, output, error, cause } = execution;
      const [run] = runs;
      const told = JSON.stringify([startedAtMs, { status, stoppedAtMs, output: output?.text, error, cause }]);
      const ran = JSON.stringify([run?.startedAtMs, run?.end]);
      this.#holds("I28", told === ran, () => `${name} was answered ${told}, and was ${ran}`);
      return;
    }
    const { executionArn, startedAtMs } = answer.value as {
      readonly executionArn: string;
      readonly startedAtMs: number;
    };
    const ended = runs.filter(({ arn, end }) => arn === executionArn && end !== undefined);
    this.#holds("X2", ended.length > 0, () => `${name} was accepted and never ended`);
    const first = runs.find(({ life, asked }) => life === asked.receivedIn);
    if (first !== undefined)
      this.#holds("I25", first.startedAtMs === startedAtMs, () => `${name} has two start times`);
  }

  /** I3, and with it the five minutes (I19). */
  #judgeHistory(run: Run, end: End): void {
    const { arn, asked, turns } = run;
    const events = projectHistory(turns) as readonly RecordedEvent[];
    this.events += events.length;
    const told: Told = {
      definition: JSON.parse(this.#definitionOf(run)),
      input: asked.input,
      executionArn: arn,
      name: asked.name,
      roleArn: this.#world.evidence.definitions.get(run.revisionId)?.roleArn ?? "",
      stateMachineArn: asked.machineArn,
      limits: this.#limits,
    };
    try {
      judge(told, events);
      this.#world.checks.count("I3");
    } catch (problem) {
      if (!(problem instanceof Disagreement)) throw problem;
      throw new Violation("I3", `${arn} is no path of its definition: ${problem.message}`);
    }
    const lastedMs = (end.stoppedAtMs ?? Number.POSITIVE_INFINITY) - run.startedAtMs;
    this.#holds("I19", lastedMs <= 300_000, () => `${arn} lasted ${lastedMs} ms`);
  }

  /** Of a synchronous execution no attempt is made twice, of an asynchronous one none twice in one process. */
  #judgeReceipts(): void {
    const seen = new Set<string>();
    for (const receipt of this.#world.evidence.receipts) {
      if (!isExpress(receipt)) continue;
      const { executionArn, attemptId, life } = receipt;
      const run = this.#runs.get(`${life} ${executionArn}`);
      if (run === undefined)
        throw new Violation("I11", `a task was called for ${executionArn}, which did not run`);
      const key = run.asked.isSync ? attemptId : `${life} ${attemptId}`;
      this.#holds(run.asked.isSync ? "X1" : "I10", !seen.has(key), () => `${attemptId} was called twice`);
      seen.add(key);
    }
  }

  #definitionOf({ revisionId }: Run): string {
    return JSON.stringify(this.#world.evidence.definitions.get(revisionId)?.definition);
  }

  #holds(invariant: string, condition: boolean, message: () => string): void {
    this.#world.checks.holds(invariant, condition, message);
  }
}

export function isExpress({ executionArn }: Pick<Receipt, "executionArn">): boolean {
  return executionArn.includes(":express:");
}

/** `…:express:machine:name:id` */
function nameOf(executionArn: string): string {
  return executionArn.split(":").at(-2) ?? "";
}
