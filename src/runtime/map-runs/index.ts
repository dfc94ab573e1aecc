// The Map Runs of distributed Map states: begun by a command, taken up again after a restart, shown to callers.
//
// Knows:          which runs there are in this process, and whose they are.
// Does not know:  how a run goes (run.ts), what a Map state says (engine/states/distributed-map.ts).
//
// Invariants
//   M1. A Map Run is run once at a time in this process: what is asked of it meanwhile waits for its end.
//   M2. One that its execution still rests on is begun again after a restart, by the recovery of that execution; one that
//       it does not rest on any more is ended (`recover`).

import { NoObjects, type ObjectStore } from "../../datasets/index.ts";
import type { DecideEnvironment, MapRunWork, TaskId } from "../../engine/index.ts";
import { mapRunWork } from "../../engine/index.ts";
import type { ExecutionStarted } from "../../engine/events.ts";
import { assert } from "../../base/assert.ts";
import type { Log } from "../../base/log.ts";
import type { ExecutionRow, Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import type { MemoryExpress } from "../express.ts";
import type { StoreExecutions } from "../executions.ts";
import { resourceNotFound } from "../failures.ts";
import type {
  MapRun,
  MapRunChange,
  MapRunChild,
  MapRunChildrenQuery,
  MapRuns,
  MapRunSummary,
  Revision,
} from "../interface.ts";
import type { Shards } from "../shard.ts";
import type { Slot } from "../slot.ts";
import { NONE_ENDED, redriven, withEnd } from "./counts.ts";
import { type ChildBasis, expressHost, outcomeOfExecution, standardHost } from "./host.ts";
import { labelledMachineArn, readChildName } from "./names.ts";
import { Run } from "./run.ts";
import { shownStored, shownSummary } from "./show.ts";
import {
  childWrite,
  closedWrite,
  newRunWrites,
  openRuns,
  openWrite,
  outcomeOf,
  readChild,
  readRun,
  runsOf,
  runWrite,
  type StoredChild,
  type StoredOutcome,
  type StoredRun,
} from "./stored.ts";

export interface MapRunsOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Undefined: no buckets are configured. */
  readonly objects: ObjectStore | undefined;
  readonly shards: () => Pick<Shards, "send" | "isBusy" | "nextId">;
  readonly executions: () => StoreExecutions;
  readonly express: () => MemoryExpress;
  readonly getRevision: (revisionId: string) => Promise<Revision | undefined>;
  readonly environment: DecideEnvironment;
  readonly mapRunChildren: number;
  readonly isOpen: () => boolean;
  readonly onFatal: (error: Error) => void;
  readonly log: Log;
}

/** A run in this process, or about to be. */
interface Entry {
  readonly executionId: number;
  readonly task: TaskId;
  readonly isExpress: boolean;
  run: Run | undefined;
  isCancelled: boolean;
}

export class StoreMapRuns implements MapRuns {
  readonly #options: MapRunsOptions;
  readonly #objects: ObjectStore;
  readonly #entries = new Map<string, Entry>();
  /** The last work on each run that is under way (M1). */
  readonly #works = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: MapRunsOptions) {
    this.#options = options;
    this.#objects = options.objects ?? new NoObjects();
  }

  get openCount(): number {
    return this.#entries.size;
  }

  /** Begins it, or goes on with it, unless it runs already. The execution is as it was when this was decided, or later. */
  begin(slot: Slot, task: TaskId): void {
    const { program, execution, started } = slot;
    if (program === undefined || execution === undefined || started === undefined || this.#isClosed) return;
    const work = mapRunWork(program, execution, task, this.#options.environment);
    if (work === undefined) return;
    const { mapRunArn, plan } = work;
    const known = this.#entries.get(mapRunArn);
    if (known?.task === task) return;
    const isExpress = plan.executionType === "EXPRESS";
    const entry: Entry = { executionId: slot.id, task, isExpress, run: undefined, isCancelled: false };
    this.#entries.set(mapRunArn, entry);
    this.#oneAfterTheOther(mapRunArn, async () => {
      const run = await this.#open(work, started, entry);
      entry.run = run;
      if (entry.isCancelled) run?.abort();
      run?.begin();
      await run?.done;
      if (this.#entries.get(mapRunArn) === entry) this.#entries.delete(mapRunArn);
    });
  }

  /** The execution does not rest on it any more. */
  cancel(executionId: number, task: TaskId): void {
    for (const entry of this.#entries.values()) {
      if (entry.executionId !== executionId || entry.task !== task) continue;
      entry.isCancelled = true;
      entry.run?.abort();
    }
  }

  /** A Standard child has ended, durably. */
  childEnded({ started, execution }: Slot): void {
    const mapRunArn = started?.mapRunArn;
    if (mapRunArn === undefined || execution === undefined || execution.status === "RUNNING") return;
    this.#entries
      .get(mapRunArn)
      ?.run?.childEnded(execution.started.executionArn, outcomeOfExecution(execution));
  }

  /** Ends the runs that nobody waits for (M2): their executions were given up when the last process ended. */
  async recover(): Promise<void> {
    for await (const mapRunArn of openRuns(this.#options.store)) {
      if (this.#isClosed) return;
      if (this.#entries.has(mapRunArn)) continue;
      this.#oneAfterTheOther(mapRunArn, () => this.#abandon(mapRunArn));
    }
  }

  /** Starts no more children; those that run may end. */
  pause(): void {
    for (const { run } of this.#entries.values()) run?.pause();
  }

  /** The store has failed: nothing is started or stored from now on. */
  stop(): void {
    this.#isClosed = true;
    for (const { run } of this.#entries.values()) run?.stop();
  }

  /** Begins no more; resolves when nothing is being stored. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const runs = [...this.#entries.values()].flatMap(({ run }) => run ?? []);
    await Promise.all(runs.map((run) => run.close()));
  }

  readonly describe = async (mapRunArn: string): Promise<MapRun | undefined> => {
    const run = this.#entries.get(mapRunArn)?.run;
    if (run !== undefined) return run.describe();
    const stored = await readRun(this.#options.store, mapRunArn);
    return stored === undefined ? undefined : shownStored(stored);
  };

  readonly list = async (
    executionArn: string,
    skip: number,
    limit: number,
  ): Promise<readonly MapRunSummary[]> => {
    const { store } = this.#options;
    const arns = await runsOf(store, executionArn);
    const found: MapRunSummary[] = [];
    for (const arn of arns.toReversed().slice(skip, skip + limit)) {
      const stored = await readRun(store, arn);
      if (stored !== undefined) found.push(shownSummary(stored));
    }
    return found;
  };

  readonly update = async (mapRunArn: string, change: MapRunChange): Promise<boolean> => {
    const run = this.#entries.get(mapRunArn)?.run;
    if (run !== undefined) return await run.update(change);
    const stored = await readRun(this.#options.store, mapRunArn);
    if (stored === undefined) throw resourceNotFound(mapRunArn);
    return false;
  };

  readonly children: MapRuns["children"] = async (query) => {
    const stored = await readRun(this.#options.store, query.mapRunArn);
    if (stored === undefined) return { children: [] };
    return stored.isExpress
      ? await this.#expressChildren(stored, query)
      : await this.#standardChildren(stored, query);
  };

  async #standardChildren(
    run: StoredRun,
    { mapRunArn, status, isRedriven, after, limit }: MapRunChildrenQuery,
  ): ReturnType<MapRuns["children"]> {
    const children: MapRunChild[] = [];
    // In the store they have the status that they ended with.
    const byStatus =
      status === undefined || status === "PENDING_REDRIVE" || run.redriveCount > 0 ? {} : { status };
    for (let beforeId = after === undefined ? undefined : Number(after); ; ) {
      const rows = await this.#options.store.listExecutions({
        stateMachineArn: mapRunArn,
        ...byStatus,
        ...(beforeId === undefined ? {} : { beforeId }),
        limit,
      });
      for (const row of rows) {
        beforeId = row.id;
        const child = await this.#childOf(run, row);
        if (status !== undefined && child.status !== status) continue;
        if (isRedriven !== undefined && child.redriveCount > 0 !== isRedriven) continue;
        children.push(child);
        if (children.length === limit) return { children, next: String(row.id) };
      }
      if (rows.length < limit) return { children };
    }
  }

  async #childOf(run: StoredRun, row: ExecutionRow): Promise<MapRunChild> {
    const { index, itemCount } = readChildName(row.name);
    let status = row.status as MapRunChild["status"];
    const isUnsuccessful = status !== "RUNNING" && status !== "SUCCEEDED";
    if (run.status === "RUNNING" && run.redriveCount > 0 && isUnsuccessful) {
      const stored = await readChild(this.#options.store, run.mapRunArn, index);
      if (stored !== undefined && stored.round < run.redriveCount) status = "PENDING_REDRIVE";
    }
    return {
      executionArn: row.arn,
      name: row.name,
      status,
      startedAtMs: row.startedAtMs,
      ...(row.stoppedAtMs === undefined ? {} : { stoppedAtMs: row.stoppedAtMs }),
      itemCount,
      redriveCount: row.redrive?.count ?? 0,
      ...(row.redrive === undefined ? {} : { redrivenAtMs: row.redrive.atMs }),
    };
  }

  /** By their places, the last first: that is about the order of their starts. */
  async #expressChildren(
    run: StoredRun,
    { mapRunArn, status, isRedriven, after, limit }: MapRunChildrenQuery,
  ): ReturnType<MapRuns["children"]> {
    const current = this.#entries.get(mapRunArn)?.run;
    const running = new Map(
      current?.runningChildren().map((child) => [readChildName(child.name).index, child]),
    );
    const count = current?.plannedChildren ?? run.total?.children ?? run.progress.child;
    const children: MapRunChild[] = [];
    for (let index = (after === undefined ? count : Number(after)) - 1; index >= 0; index--) {
      const stored = running.get(index) ?? (await this.#expressChild(run, index));
      // A restart starts an Express child anew, so none of them is ever redriven.
      if (stored === undefined || isRedriven === true) continue;
      if (status !== undefined && stored.status !== status) continue;
      children.push(stored);
      if (children.length === limit) return { children, ...(index === 0 ? {} : { next: String(index) }) };
    }
    return { children };
  }

  async #expressChild(run: StoredRun, index: number): Promise<MapRunChild | undefined> {
    const child = await readChild(this.#options.store, run.mapRunArn, index);
    if (child?.executionArn === undefined) return undefined;
    const { name, executionArn, startedAtMs, stoppedAtMs, itemCount } = child;
    const isPending =
      run.status === "RUNNING" && child.status !== "SUCCEEDED" && child.round < run.redriveCount;
    const status = isPending ? "PENDING_REDRIVE" : child.status;
    return { executionArn, name, status, startedAtMs, stoppedAtMs, itemCount, redriveCount: 0 };
  }

  /** Undefined: it had ended, and its execution was told again. */
  async #open(work: MapRunWork, started: ExecutionStarted, entry: Entry): Promise<Run | undefined> {
    const { store, clock, log, environment, mapRunChildren, onFatal } = this.#options;
    const { mapRunArn, plan, redriveCount } = work;
    let stored = await readRun(store, mapRunArn);
    if (stored === undefined) {
      stored = newRun(work, started, entry, clock.now());
      await store.writeEntities(newRunWrites(stored));
    } else if (stored.redriveCount < redriveCount) {
      stored = redrivenRun(stored, redriveCount, clock.now());
      await store.writeEntities([runWrite(stored), openWrite(mapRunArn)]);
    } else if (stored.status !== "RUNNING") {
      if (stored.outcome !== undefined) this.#report(entry, stored.outcome);
      return undefined;
    }
    const basis = await this.#basis(work, started);
    const hostOptions = {
      clock,
      isOpen: this.#options.isOpen,
      isBusy: () => this.#options.shards().isBusy,
      basis,
    };
    const host =
      plan.executionType === "EXPRESS"
        ? expressHost(this.#options.express(), hostOptions)
        : standardHost(this.#options.executions(), hostOptions);
    return new Run(
      {
        store,
        clock,
        objects: this.#objects,
        host,
        work,
        payloadBytes: environment.limits.payloadBytes,
        mostChildren: mapRunChildren,
        report: (outcome) => this.#report(entry, outcome),
        onFatal,
        log,
      },
      stored,
    );
  }

  /** What its children have in common: the machine that the ItemProcessor is. */
  async #basis({ mapRunArn, state, plan }: MapRunWork, started: ExecutionStarted): Promise<ChildBasis> {
    const revisionId = childRevisionId(started.revisionId, state);
    const revision = await this.#options.getRevision(revisionId);
    assert(revision !== undefined, `revision ${revisionId} is not stored`);
    const arn = labelledMachineArn(mapRunArn);
    return {
      mapRunArn,
      machine: {
        arn,
        name: arn.slice(arn.lastIndexOf(":") + 1),
        type: plan.executionType,
        status: "ACTIVE",
        createdAtMs: revision.createdAtMs,
        updated: false,
        revision,
      },
      ...(started.testCase === undefined ? {} : { testCase: started.testCase }),
    };
  }

  #report({ executionId, task, isCancelled }: Entry, outcome: StoredOutcome): void {
    if (isCancelled || this.#isClosed) return;
    this.#options.shards().send(executionId, { kind: "MapRunEnded", task, outcome: outcomeOf(outcome) });
  }

  /** Nobody waits for it: its children are stopped, and counted as they ended. */
  async #abandon(mapRunArn: string): Promise<void> {
    const { store, clock } = this.#options;
    const executions = this.#options.executions();
    let run = await readRun(store, mapRunArn);
    if (run === undefined || run.status !== "RUNNING") {
      await store.writeEntities([closedWrite(mapRunArn)]);
      return;
    }
    await executions.abortAll(mapRunArn, this.#options.shards().nextId);
    for (let beforeId = this.#options.shards().nextId; ; ) {
      const rows = await store.listExecutions({ stateMachineArn: mapRunArn, beforeId, limit: 500 });
      for (const row of rows) {
        beforeId = row.id;
        const { index, itemCount } = readChildName(row.name);
        const stored = await readChild(store, mapRunArn, index);
        if (stored !== undefined && stored.round >= run.redriveCount) continue;
        const found = await executions.describe(row.arn);
        if (found === undefined) continue;
        const outcome = outcomeOfExecution(found.execution);
        const isAgain = stored !== undefined;
        const end = { status: outcome.status, isAgain, isNotRedrivable: false };
        run = {
          ...run,
          children: withEnd(run.children, end, 1),
          items: withEnd(run.items, end, itemCount),
        };
        const child: StoredChild = {
          ...outcome,
          startedAtMs: row.startedAtMs,
          name: row.name,
          itemCount,
          round: run.redriveCount,
          input: found.execution.started.input.text,
        };
        await store.writeEntities([childWrite(mapRunArn, index, child), runWrite(run)]);
      }
      if (rows.length === 0) break;
    }
    const ended: StoredRun = { ...run, status: "ABORTED", stoppedAtMs: clock.now() };
    await store.writeEntities([runWrite(ended), closedWrite(mapRunArn)]);
  }

  #oneAfterTheOther(mapRunArn: string, work: () => Promise<void>): void {
    const before = this.#works.get(mapRunArn) ?? Promise.resolve();
    const now = before.then(work).catch((error: unknown) => {
      if (!this.#isClosed && this.#options.isOpen()) {
        this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.#works.set(mapRunArn, now);
    void now.then(() => {
      if (this.#works.get(mapRunArn) === now) this.#works.delete(mapRunArn);
    });
  }
}

function newRun(work: MapRunWork, started: ExecutionStarted, entry: Entry, nowMs: number): StoredRun {
  const { mapRunArn, plan } = work;
  const { maxConcurrency, toleratedFailureCount, toleratedFailurePercentage } = plan;
  return {
    mapRunArn,
    executionArn: started.executionArn,
    executionId: entry.executionId,
    isExpress: entry.isExpress,
    startedAtMs: nowMs,
    status: "RUNNING",
    maxConcurrency,
    ...(toleratedFailureCount === undefined ? {} : { toleratedFailureCount }),
    ...(toleratedFailurePercentage === undefined ? {} : { toleratedFailurePercentage }),
    redriveCount: 0,
    children: NONE_ENDED,
    items: NONE_ENDED,
    progress: { child: 0, items: 0 },
  };
}

function redrivenRun(run: StoredRun, redriveCount: number, nowMs: number): StoredRun {
  const { stoppedAtMs: _stopped, outcome: _outcome, results: _results, ...rest } = run;
  return {
    ...rest,
    status: "RUNNING",
    redriveCount,
    redrivenAtMs: nowMs,
    children: redriven(run.children),
    items: redriven(run.items),
  };
}

/** The ItemProcessor of a Map state in the machine that the revision is of, or in an ItemProcessor of it. */
function childRevisionId(revisionId: string, state: string): string {
  return `${revisionId.split("#", 1)[0] ?? ""}#${state}`;
}
