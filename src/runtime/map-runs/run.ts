// One Map Run while it runs: its children are started as there is room, their ends are stored, and its own end is told.
//
// Knows:          which children run now, why no more are started.
// Does not know:  how executions run (host.ts), how items are read (children.ts), what is stored when (record.ts), who waits
//                 for its end.
//
// Invariants
//   W1. A child is started once, unless it is an Express child that had not ended when the process did. Its name follows
//       from its place (names.ts), so a start that is repeated meets the execution that is there.
//   W2. What is not stored (record.ts) is found again: the journal of a Standard child is the truth about it.
//   W3. Whatever the items are, memory holds the children that run, the ends that are being stored, and one item more.
//   W4. It ends once: when all that was started has ended and is stored. Then its outcome is stored, and told.
//   W5. Too many failures, items that cannot be read, a stop: no child is started any more, those that run are stopped.
//   W6. After `close` nothing is started or stored; the next process goes on.
//   W7. If it ends by W5 after a restart, children that the last process had started, and that this one has not come to, are
//       stopped and counted as well.

import type { ObjectStore } from "../../datasets/object-store.ts";
import { MapRunFailure, type MapRunWork } from "../../engine/index.ts";
import type { Log } from "../../base/log.ts";
import { OutcomeUnknown, type Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import { unavailable } from "../failures.ts";
import type { MapRun, MapRunChange, MapRunChild, MapRunStatus } from "../interface.ts";
import { type PlannedChild, plannedChildren } from "./children.ts";
import { endedCount, isIntolerable, unsuccessful } from "./counts.ts";
import type { ChildHost, ChildOutcome, RunningChild } from "./host.ts";
import { childNames, executionArnOf } from "./names.ts";
import { shownRun, totalOf } from "./show.ts";
import { RunRecord } from "./record.ts";
import { gatherResults, type ResultsOptions, writeRemains } from "./results.ts";
import { readChildren, type StoredChild, type StoredOutcome, type StoredRun } from "./stored.ts";

export interface RunOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly objects: ObjectStore;
  readonly host: ChildHost;
  readonly work: MapRunWork;
  readonly payloadBytes: number;
  /** Children at a time where MaxConcurrency says nothing, or more. */
  readonly mostChildren: number;
  /** Stops the children that a process before this one has started, and counts and stores what ended; absent: none has. */
  readonly windUp: ((run: StoredRun) => Promise<StoredRun>) | undefined;
  /** The run has ended and that is stored: tell its state. Not called after `abort`. */
  readonly report: (outcome: StoredOutcome) => void;
  readonly onFatal: (error: Error) => void;
  readonly log: Log;
}

/** A child that is to run: planned from items, or again. */
interface Child {
  readonly index: number;
  readonly name: string;
  readonly itemCount: number;
  readonly input: string;
  /** Its last end, if it is to run again. */
  readonly before?: StoredChild;
}

interface Running extends Child {
  readonly startedAtMs: number;
  executionArn: string;
  stop: RunningChild["stop"] | undefined;
}

/** Starts before others have a turn. */
const STARTS_AT_ONCE = 64;
const RETRY_MS = 50;

export class Run {
  /** Resolves when it has ended, or is closed. */
  readonly done: Promise<void>;
  readonly #options: RunOptions;
  readonly #isDone = Promise.withResolvers<void>();
  readonly #record: RunRecord;
  readonly #nameOf: ReturnType<typeof childNames>;
  readonly #running = new Map<string, Running>();
  #runningItems = 0;
  #runningAgain = { children: 0, items: 0 };
  #isDispatched = false;
  #isFinishing = false;
  /** This process is ending: the next one goes on. */
  #isPaused = false;
  #isClosed = false;
  /** Why no child is started any more. */
  #ending: StoredOutcome | "aborted" | undefined;
  /** For that reason, and so is every child that starts yet. */
  #areStopped = false;
  #roomWaiter: (() => void) | undefined;
  /** What was to run again does, or has; what has not run is next. */
  #isPlanning = false;
  #isAllPlanned = false;
  #inHand: PlannedChild | undefined;

  /** @param stored As it is in the store, RUNNING, and of this redrive. */
  constructor(options: RunOptions, stored: StoredRun) {
    this.#options = options;
    this.done = this.#isDone.promise;
    this.#nameOf = childNames(stored.mapRunArn);
    this.#ending = stored.ending;
    this.#record = new RunRecord(
      {
        store: options.store,
        clock: options.clock,
        log: options.log,
        isUrgent: () => this.#running.size === 0,
        onStored: () => {
          this.#wake();
          this.#guard(this.#settle());
        },
        onNoRoom: () => this.stop(),
        onError: (error) => this.#fail(error),
      },
      stored,
    );
  }

  /** Starts, or goes on after a restart. */
  begin(): void {
    // What the last process had stored may be too much already.
    this.#check();
    this.#guard(this.#dispatch());
  }

  /** A Standard child has ended, durably. */
  childEnded(executionArn: string, outcome: ChildOutcome): void {
    const child = this.#running.get(executionArn);
    if (child !== undefined) this.#end(child, outcome);
  }

  /** Nobody wants its result any more. */
  abort(): void {
    this.#endWith("aborted");
  }

  /** Starts no more children; those that run may end. */
  pause(): void {
    this.#isPaused = true;
    this.#wake();
  }

  /** W6. Resolves when nothing of it is being stored. */
  async close(): Promise<void> {
    this.pause();
    await this.#record.close();
    this.stop();
  }

  stop(): void {
    this.#isClosed = true;
    this.#record.stop();
    this.#wake();
    this.#isDone.resolve();
  }

  /** Durable when it resolves; false: it is ending. @throws ServiceError ServiceUnavailable */
  async update(change: MapRunChange): Promise<boolean> {
    if (this.#isFinishing || this.#ending !== undefined) return false;
    this.#record.change(change);
    this.#check();
    this.#wake();
    await this.#record.whenStored();
    if (this.#isClosed) throw unavailable();
    return true;
  }

  /** What has ended in it is durable when it resolves. @throws ServiceError ServiceUnavailable */
  async describe(): Promise<MapRun> {
    const running = { children: this.#running.size, items: this.#runningItems };
    const again = { ...this.#runningAgain };
    const { stored, children, items, planned } = this.#record;
    const shown = shownRun(stored, children, items, totalOf(stored, planned), running, again);
    await this.#record.whenStored();
    if (this.#isClosed) throw unavailable();
    return shown;
  }

  /** Those that run now. */
  runningChildren(): readonly MapRunChild[] {
    return Array.from(this.#running.values(), ({ executionArn, name, startedAtMs, itemCount }) => ({
      executionArn,
      name,
      status: "RUNNING" as const,
      startedAtMs,
      itemCount,
      redriveCount: 0,
    }));
  }

  get plannedChildren(): number {
    return this.#record.planned.children;
  }

  /** All children that are to run, one after the other, as there is room. */
  async #dispatch(): Promise<void> {
    let starts = 0;
    // What stopped it may have been stored by the last process.
    if (this.#mayNotStart) return await this.#allStarted();
    try {
      for await (const child of this.#toRun()) {
        await this.#room();
        if (this.#mayNotStart) break;
        this.#start(child);
        starts += 1;
        if (starts % STARTS_AT_ONCE === 0) await new Promise<void>(this.#options.clock.soon);
        if (this.#mayNotStart) break;
      }
    } catch (problem) {
      if (!(problem instanceof MapRunFailure)) throw problem;
      this.#endWith({ kind: "failed", error: problem.error, cause: problem.message });
    }
    await this.#allStarted();
  }

  /** That are started at all. */
  async #allStarted(): Promise<void> {
    if (this.#isPaused) return;
    this.#isDispatched = true;
    await this.#settle();
  }

  /** What is to run again first, then what has not run. @throws MapRunFailure */
  async *#toRun(): AsyncGenerator<Child> {
    const { store, work, objects, payloadBytes } = this.#options;
    const { mapRunArn, redriveCount, progress } = this.#record.stored;
    if (redriveCount > 0) {
      for await (const { index, child } of readChildren(store, mapRunArn)) {
        if (child.status === "SUCCEEDED" || child.round === redriveCount) continue;
        const { name, input = "" } = child;
        yield { index, name, input, itemCount: child.itemCount, before: child };
      }
    }
    for await (const { index } of readChildren(store, mapRunArn, progress.child))
      this.#record.hadEnded(index);
    this.#isPlanning = true;
    for await (const planned of plannedChildren(work, objects, progress, payloadBytes)) {
      this.#record.plan(planned);
      const { index, itemCount, input } = planned;
      if (this.#record.hasEnded(index)) continue;
      this.#inHand = planned;
      yield { index, name: this.#nameOf({ index, itemCount }), itemCount, input };
    }
    this.#record.allPlanned();
    this.#isAllPlanned = true;
    this.#check();
  }

  get #mayNotStart(): boolean {
    return this.#isPaused || this.#isClosed || this.#ending !== undefined;
  }

  /** Resolves when a child may be started, or none will be. */
  async #room(): Promise<void> {
    const { host, clock } = this.#options;
    while (!this.#mayNotStart) {
      const isFull = this.#running.size >= this.#limit || this.#record.isBehind;
      if (!isFull && !host.isBusy()) return;
      await new Promise<void>((resolve) => {
        // Whoever makes the engine busy need not be one of ours.
        const cancel = isFull ? undefined : clock.after(RETRY_MS, resolve);
        this.#roomWaiter = () => {
          cancel?.();
          resolve();
        };
      });
    }
  }

  get #limit(): number {
    const { maxConcurrency } = this.#record.stored;
    const { mostChildren } = this.#options;
    return maxConcurrency === 0 ? mostChildren : Math.min(maxConcurrency, mostChildren);
  }

  #wake(): void {
    const waiter = this.#roomWaiter;
    this.#roomWaiter = undefined;
    waiter?.();
  }

  #start(child: Child): void {
    const { clock, host } = this.#options;
    const { mapRunArn } = this.#record.stored;
    const executionArn = executionArnOf(mapRunArn, child.name);
    if (this.#inHand?.index === child.index) this.#inHand = undefined;
    const running: Running = { ...child, executionArn, startedAtMs: clock.now(), stop: undefined };
    this.#running.set(executionArn, running);
    this.#runningItems += child.itemCount;
    if (child.before !== undefined) {
      this.#runningAgain.children += 1;
      this.#runningAgain.items += child.itemCount;
    }
    const started = host.start({
      executionArn,
      name: child.name,
      input: child.input,
      ...(child.before === undefined ? {} : { redrives: child.before.redriveCount ?? 0 }),
    });
    this.#guard(this.#follow(running, started));
  }

  async #follow(child: Running, started: Promise<RunningChild>): Promise<void> {
    const { stop, ended, executionArn } = await started;
    if (executionArn !== undefined) child.executionArn = executionArn;
    child.stop = stop;
    if (this.#areStopped && this.#isRunning(child)) this.#stopChild(child);
    const outcome = await ended;
    if (outcome !== undefined) this.#end(child, outcome);
  }

  #stopChild(child: Running): void {
    const { stop } = child;
    if (stop === undefined) return;
    const stopped = async (): Promise<void> => {
      const outcome = await stop();
      if (outcome !== undefined) this.#end(child, outcome);
    };
    this.#guard(stopped());
  }

  #isRunning(child: Running): boolean {
    return this.#running.get(executionArnOf(this.#record.stored.mapRunArn, child.name)) === child;
  }

  #end(child: Running, outcome: ChildOutcome): void {
    if (!this.#isRunning(child) || this.#isClosed) return;
    this.#running.delete(executionArnOf(this.#record.stored.mapRunArn, child.name));
    this.#runningItems -= child.itemCount;
    const isAgain = child.before !== undefined;
    if (isAgain) {
      this.#runningAgain.children -= 1;
      this.#runningAgain.items -= child.itemCount;
    }
    this.#record.add({ index: child.index, child: this.#toStore(child, outcome), isAgain });
    this.#check();
    this.#wake();
  }

  #toStore(child: Running, outcome: ChildOutcome): StoredChild {
    const { work } = this.#options;
    const { isExpress, redriveCount } = this.#record.stored;
    const { status, startedAtMs = child.startedAtMs, stoppedAtMs, output, error, cause } = outcome;
    const isInputKept = status !== "SUCCEEDED" || work.plan.writer.transformation === "NONE";
    return {
      name: child.name,
      itemCount: child.itemCount,
      status,
      startedAtMs,
      stoppedAtMs,
      ...(isInputKept ? { input: child.input } : {}),
      ...(output === undefined ? {} : { output }),
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
      ...(isExpress ? { executionArn: child.executionArn } : {}),
      ...(outcome.redriveCount === undefined ? {} : { redriveCount: outcome.redriveCount }),
      ...(outcome.redrivenAtMs === undefined ? {} : { redrivenAtMs: outcome.redrivenAtMs }),
      round: redriveCount,
      ...(outcome.isNotRedrivable === true ? { isNotRedrivable: true } : {}),
    };
  }

  /** W5: whether too many items have failed. */
  #check(): void {
    if (this.#ending !== undefined) return;
    const {
      toleratedFailureCount: count,
      toleratedFailurePercentage: percentage,
      totalItems: items,
    } = this.#record.stored;
    if (isIntolerable({ count, percentage }, unsuccessful(this.#record.items), items)) {
      this.#endWith({ kind: "failed", ...THRESHOLD_EXCEEDED });
    }
  }

  #endWith(ending: StoredOutcome | "aborted"): void {
    if (this.#isClosed || this.#isFinishing) return;
    // The first reason counts; but a stop of the whole wins: nobody waits for the outcome then.
    if (this.#ending !== undefined && (this.#ending === "aborted" || ending !== "aborted")) return;
    this.#ending = ending;
    this.#wake();
    this.#guard(this.#stopChildren(ending));
  }

  async #stopChildren(ending: StoredOutcome | "aborted"): Promise<void> {
    if (ending !== "aborted") {
      // Children that are stopped count as failures: a restart must know that they are not why it ends.
      this.#record.change({ ending });
      await this.#record.whenStored();
    }
    if (this.#isClosed) return;
    this.#areStopped = true;
    for (const child of this.#running.values()) this.#stopChild(child);
    await this.#settle();
  }

  // The end.

  /** W4. */
  async #settle(): Promise<void> {
    const isOver = this.#isDispatched && this.#running.size === 0;
    if (!isOver || this.#isFinishing || this.#isClosed || !this.#record.isStored()) return;
    this.#isFinishing = true;
    const ending = this.#ending;
    if (ending !== undefined) await this.#windUp();
    const outcome = await this.#outcome(ending);
    if (this.#isClosed) return;
    const isSucceeded = outcome.kind === "succeeded";
    const status: MapRunStatus = ending === "aborted" ? "ABORTED" : isSucceeded ? "SUCCEEDED" : "FAILED";
    const { children, items } = this.#record;
    const results = { children: endedCount(children), items: endedCount(items) };
    const stoppedAtMs = this.#options.clock.now();
    const end = { status, stoppedAtMs, ...(isSucceeded ? { results } : {}), outcome };
    if (!(await this.#record.end(end))) return this.stop();
    this.#isDone.resolve();
    if (ending !== "aborted") this.#options.report(outcome);
  }

  /** W7. */
  async #windUp(): Promise<void> {
    const { windUp } = this.#options;
    if (windUp === undefined || this.#isClosed) return;
    this.#record.replace(await windUp(this.#record.stored));
  }

  async #outcome(ending: StoredOutcome | "aborted" | undefined): Promise<StoredOutcome> {
    const { store, objects, work, payloadBytes, log } = this.#options;
    const results: ResultsOptions = {
      store,
      objects,
      run: this.#record.stored,
      plan: work.plan,
      pending: this.#neverStarted(),
      payloadBytes,
    };
    if (ending === undefined) {
      const outcome = await gatherResults(results);
      if (outcome.kind === "succeeded") this.#noteWritten();
      return outcome;
    }
    const problem = await writeRemains(results);
    if (problem === undefined) {
      this.#noteWritten();
    } else {
      log(
        `the results of the Map Run ${this.#record.stored.mapRunArn}, which has ended, were not written: ${problem}`,
        "warn",
      );
    }
    return ending === "aborted"
      ? { kind: "failed", error: "States.Runtime", cause: "The Map Run was aborted." }
      : ending;
  }

  #noteWritten(): void {
    // Stored with the end.
    const { stored } = this.#record;
    this.#record.replace({ ...stored, lastWritten: stored.redriveCount });
  }

  /** Planned and never started; of items that are at hand, all the others too. */
  async *#neverStarted(): AsyncGenerator<PlannedChild> {
    if (this.#inHand !== undefined) yield this.#inHand;
    if (this.#options.work.items === undefined || !this.#isPlanning || this.#isAllPlanned) return;
    const { work, objects, payloadBytes } = this.#options;
    try {
      const from = this.#inHand?.next ?? this.#record.lastMark;
      for await (const child of plannedChildren(work, objects, from, payloadBytes)) {
        if (child.index < this.#record.plannedHere || this.#record.hasEnded(child.index)) continue;
        yield child;
      }
    } catch (problem) {
      // What cannot be planned was never going to be a child.
      if (!(problem instanceof MapRunFailure)) throw problem;
    }
  }

  /** A failure of the store ends the process. A bug of ours ends the run, and fails its state; others go on. */
  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    const { onFatal, log, report } = this.#options;
    if (error instanceof OutcomeUnknown) return onFatal(error);
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log(`the Map Run ${this.#record.stored.mapRunArn} is stopped by an internal error: ${detail}`, "error");
    for (const child of this.#running.values()) this.#stopChild(child);
    const isAborted = this.#ending === "aborted";
    this.stop();
    if (!isAborted) report({ kind: "failed", ...INTERNAL_ERROR });
  }
}

export const INTERNAL_ERROR: { readonly error: string; readonly cause: string } = {
  error: "States.Runtime",
  cause: "The Map Run is stopped by an internal error.",
};

const THRESHOLD_EXCEEDED = {
  error: "States.ExceedToleratedFailureThreshold",
  cause: "The specified tolerated failure threshold was exceeded",
};
