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
import { type EntityWrite, OutcomeUnknown, type Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import type { MemoryExpress } from "../express.ts";
import type { StoreExecutions } from "../executions.ts";
import { resourceNotFound, unavailable } from "../failures.ts";
import type { MapRun, MapRunChange, MapRuns, MapRunSummary, Revision } from "../interface.ts";
import { childRevisionId } from "../revision-id.ts";
import type { Shards } from "../shard.ts";
import type { Slot } from "../slot.ts";
import { NONE_ENDED, redriven } from "./counts.ts";
import { type ChildBasis, expressHost, outcomeOfExecution, standardHost } from "./host.ts";
import { findExpressChild } from "./express-child.ts";
import { labelledMachineArn } from "./names.ts";
import { INTERNAL_ERROR, Run } from "./run.ts";
import { shownStored, shownSummary } from "./show.ts";
import {
  closedWrite,
  newRunWrites,
  openRuns,
  openWrite,
  outcomeOf,
  readRun,
  runsOf,
  runWrite,
  type StoredOutcome,
  type StoredRun,
} from "./stored.ts";
import { writeWhenRoom } from "./write.ts";
import { windUp } from "./wind-up.ts";
import { listChildren } from "./list-children.ts";

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

/** What was asked last of a Map Run: to begin, or to go on after a redrive. */
interface Entry {
  readonly executionId: number;
  readonly executionArn: string;
  readonly task: TaskId;
  /** Resolves once it is stored that it has begun, or it will not begin in this process. */
  readonly opened: Promise<void>;
  run: Run | undefined;
  isCancelled: boolean;
}

export class StoreMapRuns implements MapRuns {
  readonly #options: MapRunsOptions;
  readonly #objects: ObjectStore;
  readonly #entries = new Map<string, Entry>();
  /** Those that run. It may be that of an earlier entry: one that was aborted ends before its redrive begins (M1). */
  readonly #runs = new Map<string, Run>();
  /** The last work on each run that is under way (M1). */
  readonly #works = new Map<string, Promise<void>>();
  #isPaused = false;
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
    const { mapRunArn } = work;
    if (this.#entries.get(mapRunArn)?.task === task) return;
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    const entry: Entry = {
      executionId: slot.id,
      executionArn: started.executionArn,
      task,
      opened,
      run: undefined,
      isCancelled: false,
    };
    this.#entries.set(mapRunArn, entry);
    void this.#oneAfterTheOther(mapRunArn, () => this.#run(work, started, entry, resolve)).then(() => {
      resolve();
      if (this.#entries.get(mapRunArn) === entry) this.#entries.delete(mapRunArn);
    });
  }

  /** Resolves when it has ended, or this process ends. */
  async #run(work: MapRunWork, started: ExecutionStarted, entry: Entry, opened: () => void): Promise<void> {
    if (this.#isPaused) return;
    const { mapRunArn } = work;
    let run: Run | undefined;
    try {
      run = await this.#open(work, started, entry);
    } catch (error) {
      if (error instanceof OutcomeUnknown || this.#isPaused) throw error;
      // A bug of ours ends this one; others go on.
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log(`the Map Run ${mapRunArn} cannot begin: ${detail}`, "error");
      this.#report(entry, { kind: "failed", ...INTERNAL_ERROR });
    }
    // Until here it may have been asked to end.
    if (run === undefined || this.#isPaused) return;
    entry.run = run;
    this.#runs.set(mapRunArn, run);
    if (entry.isCancelled) run.abort();
    run.begin();
    opened();
    await run.done;
    this.#runs.delete(mapRunArn);
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
    this.#runs.get(mapRunArn)?.childEnded(execution.started.executionArn, outcomeOfExecution(execution));
  }

  /** Ends the runs that nobody waits for (M2): their executions were given up when the last process ended. */
  async recover(): Promise<void> {
    for await (const mapRunArn of openRuns(this.#options.store)) {
      // The recovery of executions was cut short then: their runs are not known here, and somebody waits for them.
      if (this.#isPaused) return;
      if (this.#entries.has(mapRunArn)) continue;
      void this.#oneAfterTheOther(mapRunArn, () => this.#abandon(mapRunArn));
    }
  }

  /** Begins no more, starts no more children; those that run may end. */
  pause(): void {
    this.#isPaused = true;
    for (const run of this.#runs.values()) run.pause();
  }

  /** The store has failed: nothing is started or stored from now on. */
  stop(): void {
    this.#isPaused = true;
    this.#isClosed = true;
    for (const run of this.#runs.values()) run.stop();
  }

  /** Begins no more; resolves when nothing is being stored. */
  async close(): Promise<void> {
    this.pause();
    this.#isClosed = true;
    await Promise.all(Array.from(this.#runs.values(), (run) => run.close()));
  }

  readonly describe = async (mapRunArn: string): Promise<MapRun | undefined> => {
    // Its execution's history may tell of it already.
    if (!this.#runs.has(mapRunArn)) await this.#entries.get(mapRunArn)?.opened;
    const run = this.#runs.get(mapRunArn);
    if (run !== undefined) return await run.describe();
    const stored = await readRun(this.#options.store, mapRunArn);
    return stored === undefined ? undefined : shownStored(stored);
  };

  readonly list = async (
    executionArn: string,
    skip: number,
    limit: number,
  ): Promise<readonly MapRunSummary[]> => {
    const { store } = this.#options;
    for (const [mapRunArn, entry] of this.#entries) {
      if (entry.executionArn === executionArn && !this.#runs.has(mapRunArn)) await entry.opened;
    }
    const arns = await runsOf(store, executionArn);
    const found: MapRunSummary[] = [];
    for (const arn of arns.toReversed().slice(skip, skip + limit)) {
      const stored = await readRun(store, arn);
      if (stored !== undefined) found.push(shownSummary(stored));
    }
    return found;
  };

  readonly update = async (mapRunArn: string, change: MapRunChange): Promise<boolean> => {
    const { store } = this.#options;
    if (!this.#runs.has(mapRunArn)) await this.#entries.get(mapRunArn)?.opened;
    const run = this.#runs.get(mapRunArn);
    if (run !== undefined) return await run.update(change);
    const stored = await readRun(store, mapRunArn);
    if (stored === undefined) throw resourceNotFound(mapRunArn);
    if (stored.status !== "RUNNING") return false;
    // This process has not come to it yet.
    if (this.#entries.has(mapRunArn)) return await this.update(mapRunArn, change);
    let isChanged = false;
    await this.#oneAfterTheOther(mapRunArn, async () => {
      const current = await readRun(store, mapRunArn);
      if (current?.status !== "RUNNING") return;
      await this.#write(mapRunArn, [runWrite({ ...current, ...change })]);
      isChanged = true;
    });
    return isChanged;
  };

  readonly expressChild: MapRuns["expressChild"] = (executionArn) =>
    findExpressChild(this.#options.store, executionArn);

  readonly children: MapRuns["children"] = async (query) => {
    const stored = await readRun(this.#options.store, query.mapRunArn);
    if (stored === undefined) return { children: [] };
    return await listChildren(this.#options.store, stored, this.#runs.get(query.mapRunArn), query);
  };

  /** Undefined: it had ended, and its execution was told again. */
  async #open(work: MapRunWork, started: ExecutionStarted, entry: Entry): Promise<Run | undefined> {
    const { store, clock, log, environment, mapRunChildren, onFatal } = this.#options;
    const { mapRunArn, plan, redriveCount } = work;
    let stored = await readRun(store, mapRunArn);
    let isResumed = false;
    if (stored === undefined) {
      stored = newRun(work, started, entry, clock.now());
      await this.#write(mapRunArn, newRunWrites(stored, entry.task));
    } else if (stored.redriveCount < redriveCount) {
      // The last process did not come to the end of what is redriven.
      if (stored.status === "RUNNING") stored = await this.#windUp(stored);
      stored = redrivenRun(stored, redriveCount, clock.now());
      await this.#write(mapRunArn, [runWrite(stored), openWrite(mapRunArn)]);
    } else if (stored.status !== "RUNNING") {
      if (stored.outcome !== undefined) this.#report(entry, stored.outcome);
      return undefined;
    } else {
      isResumed = true;
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
        windUp: isResumed ? (run) => this.#windUp(run) : undefined,
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

  /** @throws ServiceError ServiceUnavailable: there is no room, and this process ends */
  async #write(mapRunArn: string, writes: readonly EntityWrite[]): Promise<void> {
    const isStored = await writeWhenRoom(this.#options, mapRunArn, writes, () => this.#isClosed);
    if (!isStored) throw unavailable();
  }

  #report({ executionId, task, isCancelled }: Entry, outcome: StoredOutcome): void {
    if (isCancelled || this.#isClosed) return;
    this.#options.shards().send(executionId, { kind: "MapRunEnded", task, outcome: outcomeOf(outcome) });
  }

  /** Ends a run that nobody waits for (M2). */
  async #abandon(mapRunArn: string): Promise<void> {
    const run = await readRun(this.#options.store, mapRunArn);
    if (run === undefined || run.status !== "RUNNING")
      return await this.#write(mapRunArn, [closedWrite(mapRunArn)]);
    if (this.#isPaused || (await this.#isWaitedFor(run))) return;
    const ended = {
      ...(await this.#windUp(run)),
      status: "ABORTED",
      stoppedAtMs: this.#options.clock.now(),
    } as const;
    await this.#write(mapRunArn, [runWrite(ended), closedWrite(mapRunArn)]);
  }

  #windUp(run: StoredRun): Promise<StoredRun> {
    const { store, shards, executions } = this.#options;
    return windUp(
      {
        store,
        executions: executions(),
        nextId: shards().nextId,
        write: (writes) => this.#write(run.mapRunArn, writes),
      },
      run,
    );
  }

  /** An execution that a bug of ours has stopped may rest on it, and go on with the next release of this program. */
  async #isWaitedFor({ mapRunArn, executionArn }: StoredRun): Promise<boolean> {
    const found = await this.#options
      .executions()
      .describe(executionArn)
      .catch(() => "unreadable" as const);
    if (found === undefined || found === "unreadable") return found !== undefined;
    const frames = [...found.execution.tasks.values()];
    return frames.some(({ rest }) => rest.kind === "mapRun" && rest.mapRunArn === mapRunArn);
  }

  /** Resolves when the work is done, or has failed; the process ends then. */
  async #oneAfterTheOther(mapRunArn: string, work: () => Promise<void>): Promise<void> {
    const before = this.#works.get(mapRunArn) ?? Promise.resolve();
    const now = before.then(work).catch((error: unknown) => {
      if (!this.#isClosed && this.#options.isOpen()) {
        this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.#works.set(mapRunArn, now);
    await now;
    if (this.#works.get(mapRunArn) === now) this.#works.delete(mapRunArn);
  }
}

function newRun(work: MapRunWork, started: ExecutionStarted, entry: Entry, nowMs: number): StoredRun {
  const { mapRunArn, plan, redriveCount } = work;
  const { maxConcurrency, toleratedFailureCount, toleratedFailurePercentage } = plan;
  return {
    mapRunArn,
    executionArn: started.executionArn,
    executionId: entry.executionId,
    isExpress: plan.executionType === "EXPRESS",
    startedAtMs: nowMs,
    status: "RUNNING",
    maxConcurrency,
    ...(toleratedFailureCount === undefined ? {} : { toleratedFailureCount }),
    ...(toleratedFailurePercentage === undefined ? {} : { toleratedFailurePercentage }),
    // One that was aborted before it had begun begins with its redrive.
    redriveCount,
    ...(redriveCount === 0 ? {} : { redrivenAtMs: nowMs }),
    children: NONE_ENDED,
    items: NONE_ENDED,
    planned: { children: 0, items: 0 },
    ...(work.items === undefined ? {} : { totalItems: work.items.length }),
    // Without batches each is a child.
    ...(work.items === undefined || plan.batch !== undefined ? {} : { totalChildren: work.items.length }),
    progress: { child: 0, items: 0 },
  };
}

function redrivenRun(run: StoredRun, redriveCount: number, nowMs: number): StoredRun {
  const { stoppedAtMs: _stopped, ending: _ending, outcome: _outcome, results: _results, ...rest } = run;
  return {
    ...rest,
    status: "RUNNING",
    redriveCount,
    redrivenAtMs: nowMs,
    children: redriven(run.children),
    items: redriven(run.items),
  };
}
