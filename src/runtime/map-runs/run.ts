// One Map Run while it runs: its children are started as there is room, their ends are stored, and its own end is told.
//
// Knows:          which children run now, which have ended, how far the items are read.
// Does not know:  how executions run (host.ts), how items are read (children.ts), who waits for its end.
//
// Invariants
//   W1. A child is started once, unless it is an Express child that had not ended when the process did. Its name follows
//       from its place (names.ts), so a start that is repeated meets the execution that is there.
//   W2. The end of a child is stored together with the counters that count it (stored.ts, S1), in the order of the ends.
//       What is not stored is found again: the journal of a Standard child is the truth about it.
//   W3. Whatever the items are, memory holds the children that run, the ends that are being stored, and one item more.
//   W4. It ends once: when all that was started has ended and is stored. Then its outcome is stored, and told.
//   W5. Too many failures, items that cannot be read, a stop: no child is started any more, those that run are stopped.
//   W6. After `close` nothing is started or stored; the next process goes on.
//   W7. If it ends by W5 after a restart, children that the last process had started, and that this one has not come to, are
//       stopped and counted as well.

import type { ObjectStore } from "../../datasets/object-store.ts";
import { MapRunFailure, type MapRunWork } from "../../engine/index.ts";
import type { Log } from "../../base/log.ts";
import { type EntityWrite, OutcomeUnknown, type Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import { unavailable } from "../failures.ts";
import type { MapRun, MapRunChange, MapRunChild } from "../interface.ts";
import { type PlannedChild, plannedChildren } from "./children.ts";
import { type Ended, endedCount, isIntolerable, unsuccessful, withEnd } from "./counts.ts";
import type { ChildHost, ChildOutcome, RunningChild } from "./host.ts";
import { childNames, executionArnOf } from "./names.ts";
import { shownRun, totalOf } from "./show.ts";
import { gatherResults, type ResultsOptions, writeRemains } from "./results.ts";
import {
  childWrite,
  closedWrite,
  type Progress,
  readChildren,
  runWrite,
  type StoredChild,
  type StoredOutcome,
  type StoredRun,
} from "./stored.ts";
import { writeWhenRoom } from "./write.ts";

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

/** Ends that wait to be stored, before starts wait for them. */
const UNSTORED_ENDS = 4096;
const UNSTORED_CHARS = 4 * 1024 * 1024;
const ENDS_TOGETHER = 256;
const CHARS_TOGETHER = 1024 * 1024;
const FLUSH_AFTER_MS = 25;
/** Starts before others have a turn. */
const STARTS_AT_ONCE = 64;
const RETRY_MS = 50;
/** Places in the data where reading could go on, kept in memory. */
const MARKS = 1024;

export class Run {
  /** Resolves when it has ended, or is closed. */
  readonly done: Promise<void>;
  readonly #options: RunOptions;
  readonly #isDone = Promise.withResolvers<void>();
  readonly #nameOf: ReturnType<typeof childNames>;
  #stored: StoredRun;
  /** Counters that count what is not stored yet, too. */
  #children: Ended;
  #items: Ended;
  readonly #running = new Map<string, Running>();
  #runningItems = 0;
  #runningAgain = { children: 0, items: 0 };
  /** Planned so far: children, items. */
  #planned: { children: number; items: number };
  /** Stored ends at or above `progress.child`. */
  readonly #endedAbove = new Set<number>();
  #lowest: number;
  /** Where reading can go on, ascending; every so many children. */
  #marks: Progress[];
  #stride = 1;
  #ends: { index: number; child: StoredChild; isAgain: boolean }[] = [];
  /** Of their inputs and outputs. */
  #endChars = 0;
  #isDirty = false;
  #isFlushing = false;
  #cancelFlush: (() => void) | undefined;
  #isDispatched = false;
  #isFinishing = false;
  /** This process is ending: the next one goes on. */
  #isPaused = false;
  #isClosing = false;
  #isClosed = false;
  /** Why no child is started any more. */
  #ending: StoredOutcome | "aborted" | undefined;
  /** For that reason, and so is every child that starts yet. */
  #areStopped = false;
  #roomWaiter: (() => void) | undefined;
  /** Those who wait for what is being written, and for what is not yet. */
  #writeWaiters: (() => void)[] = [];
  #storedWaiters: (() => void)[] = [];
  /** What was to run again does, or has; what has not run is next. */
  #isPlanning = false;
  #isAllPlanned = false;
  #inHand: PlannedChild | undefined;

  /** @param stored As it is in the store, RUNNING, and of this redrive. */
  constructor(options: RunOptions, stored: StoredRun) {
    this.#options = options;
    this.done = this.#isDone.promise;
    this.#stored = stored;
    this.#children = stored.children;
    this.#items = stored.items;
    this.#nameOf = childNames(stored.mapRunArn);
    this.#planned = { children: stored.progress.child, items: stored.progress.items };
    this.#lowest = stored.progress.child;
    this.#marks = [stored.progress];
    this.#ending = stored.ending;
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
    this.#isClosing = true;
    await this.#whenStored();
    this.stop();
  }

  stop(): void {
    this.#isClosed = true;
    this.#cancelFlush?.();
    this.#wake();
    for (const resolve of [...this.#writeWaiters, ...this.#storedWaiters]) resolve();
    this.#isDone.resolve();
  }

  /** Durable when it resolves; false: it is ending. @throws ServiceError ServiceUnavailable */
  async update(change: MapRunChange): Promise<boolean> {
    if (this.#isFinishing || this.#ending !== undefined) return false;
    this.#stored = { ...this.#stored, ...change };
    this.#isDirty = true;
    this.#check();
    this.#wake();
    await this.#whenStored();
    if (this.#isClosed) throw unavailable();
    return true;
  }

  /** What has ended in it is durable when it resolves. @throws ServiceError ServiceUnavailable */
  async describe(): Promise<MapRun> {
    const running = { children: this.#running.size, items: this.#runningItems };
    const again = { ...this.#runningAgain };
    const shown = shownRun(
      this.#stored,
      this.#children,
      this.#items,
      totalOf(this.#stored, this.#known()),
      running,
      again,
    );
    await this.#whenStored();
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
    return this.#known().children;
  }

  /** Planned by this process or one before: after a restart, planning begins again below what has ended. */
  #known(): StoredRun["planned"] {
    const { planned } = this.#stored;
    return {
      children: Math.max(planned.children, this.#planned.children),
      items: Math.max(planned.items, this.#planned.items),
    };
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
    const { mapRunArn, redriveCount, progress } = this.#stored;
    if (redriveCount > 0) {
      for await (const { index, child } of readChildren(store, mapRunArn)) {
        if (child.status === "SUCCEEDED" || child.round === redriveCount) continue;
        const { name, input = "" } = child;
        yield { index, name, input, itemCount: child.itemCount, before: child };
      }
    }
    for await (const { index } of readChildren(store, mapRunArn, progress.child)) this.#endedAbove.add(index);
    this.#advance();
    this.#isPlanning = true;
    for await (const planned of plannedChildren(work, objects, progress, payloadBytes)) {
      this.#plan(planned);
      const { index, itemCount, input } = planned;
      if (this.#endedAbove.has(index) || index < this.#lowest) continue;
      this.#inHand = planned;
      yield { index, name: this.#nameOf({ index, itemCount }), itemCount, input };
    }
    const { children: totalChildren, items: totalItems } = this.#planned;
    this.#stored = { ...this.#stored, totalChildren, totalItems };
    this.#isAllPlanned = true;
    this.#isDirty = true;
    this.#check();
  }

  #plan({ index, next }: PlannedChild): void {
    this.#planned = { children: index + 1, items: next.items };
    if (next.child % this.#stride !== 0) return;
    this.#marks.push(next);
    if (this.#marks.length <= MARKS) return;
    this.#stride *= 2;
    this.#marks = this.#marks.filter(({ child }, i) => i === 0 || child % this.#stride === 0);
  }

  get #mayNotStart(): boolean {
    return this.#isPaused || this.#isClosed || this.#ending !== undefined;
  }

  /** Resolves when a child may be started, or none will be. */
  async #room(): Promise<void> {
    const { host, clock } = this.#options;
    while (!this.#mayNotStart) {
      const isBehind = this.#ends.length >= UNSTORED_ENDS || this.#endChars >= UNSTORED_CHARS;
      const isFull = this.#running.size >= this.#limit || isBehind;
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
    const { maxConcurrency } = this.#stored;
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
    const { mapRunArn } = this.#stored;
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
    return this.#running.get(executionArnOf(this.#stored.mapRunArn, child.name)) === child;
  }

  #end(child: Running, outcome: ChildOutcome): void {
    if (!this.#isRunning(child) || this.#isClosed) return;
    this.#running.delete(executionArnOf(this.#stored.mapRunArn, child.name));
    this.#runningItems -= child.itemCount;
    const isAgain = child.before !== undefined;
    if (isAgain) {
      this.#runningAgain.children -= 1;
      this.#runningAgain.items -= child.itemCount;
    }
    const end = { status: outcome.status, isAgain, isNotRedrivable: outcome.isNotRedrivable === true };
    this.#children = withEnd(this.#children, end, 1);
    this.#items = withEnd(this.#items, end, child.itemCount);
    const stored = this.#toStore(child, outcome);
    this.#ends.push({ index: child.index, child: stored, isAgain });
    this.#endChars += (stored.input?.length ?? 0) + (stored.output?.length ?? 0);
    this.#check();
    this.#wake();
    this.#flushSoon();
  }

  #toStore(child: Running, outcome: ChildOutcome): StoredChild {
    const { work } = this.#options;
    const { isExpress, redriveCount } = this.#stored;
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
    } = this.#stored;
    if (isIntolerable({ count, percentage }, unsuccessful(this.#items), items)) {
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
      this.#stored = { ...this.#stored, ending };
      this.#isDirty = true;
      await this.#whenStored();
    }
    if (this.#isClosed) return;
    this.#areStopped = true;
    for (const child of this.#running.values()) this.#stopChild(child);
    await this.#settle();
  }

  // Storing.

  /**
   * Nobody waits for one end to be stored (W2), and a write costs what a commit costs: several go together, unless it is
   * the last.
   */
  #flushSoon(): void {
    const isMuch = this.#ends.length >= ENDS_TOGETHER || this.#endChars >= CHARS_TOGETHER;
    if (isMuch || this.#running.size === 0) return this.#flush();
    this.#cancelFlush ??= this.#options.clock.after(FLUSH_AFTER_MS, () => this.#flush());
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#isFlushing || this.#isClosed) return;
    this.#guard(this.#store());
  }

  async #store(): Promise<void> {
    this.#isFlushing = true;
    const { mapRunArn } = this.#stored;
    while (this.#ends.length > 0 || this.#isDirty) {
      const ends = this.#ends;
      this.#ends = [];
      this.#endChars = 0;
      this.#isDirty = false;
      let { children, items } = this.#stored;
      for (const { index, child, isAgain } of ends) {
        const end = { status: child.status, isAgain, isNotRedrivable: child.isNotRedrivable === true };
        children = withEnd(children, end, 1);
        items = withEnd(items, end, child.itemCount);
        if (!isAgain) this.#endedAbove.add(index);
      }
      this.#stored = {
        ...this.#stored,
        children,
        items,
        planned: this.#known(),
        progress: this.#advance(),
      };
      this.#writeWaiters = this.#storedWaiters;
      this.#storedWaiters = [];
      const writes = ends.map(({ index, child }) => childWrite(mapRunArn, index, child));
      const isStored = await this.#write([...writes, runWrite(this.#stored)]);
      if (!isStored) return this.stop();
      for (const resolve of this.#writeWaiters.splice(0)) resolve();
      this.#wake();
    }
    this.#isFlushing = false;
    await this.#settle();
  }

  /** The last place below which all children have ended. */
  #advance(): Progress {
    while (this.#endedAbove.delete(this.#lowest)) this.#lowest += 1;
    let last = 0;
    while ((this.#marks[last + 1]?.child ?? Number.POSITIVE_INFINITY) <= this.#lowest) last += 1;
    if (last > 0) this.#marks.splice(0, last);
    return this.#marks[0] as Progress;
  }

  /** False: there is no room, and this process ends. */
  async #write(writes: readonly EntityWrite[]): Promise<boolean> {
    const isOver = (): boolean => this.#isClosing || this.#isClosed;
    return await writeWhenRoom(this.#options, this.#stored.mapRunArn, writes, isOver);
  }

  /** Resolves when all that is known now is stored, or never will be. */
  async #whenStored(): Promise<void> {
    if (this.#isClosed) return;
    const isNew = this.#ends.length > 0 || this.#isDirty;
    if (!isNew && !this.#isFlushing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (isNew) this.#storedWaiters.push(resolve);
    else this.#writeWaiters.push(resolve);
    this.#flush();
    await promise;
  }

  // The end.

  /** W4. */
  async #settle(): Promise<void> {
    const isOver = this.#isDispatched && this.#running.size === 0 && !this.#isFlushing;
    if (!isOver || this.#isFinishing || this.#isClosed) return;
    if (this.#ends.length > 0 || this.#isDirty) return this.#flush();
    this.#isFinishing = true;
    const ending = this.#ending;
    if (ending !== undefined) await this.#windUp();
    const outcome = await this.#outcome(ending);
    if (this.#isClosed) return;
    const isSucceeded = outcome.kind === "succeeded";
    const status = ending === "aborted" ? "ABORTED" : isSucceeded ? "SUCCEEDED" : "FAILED";
    const results = { children: endedCount(this.#children), items: endedCount(this.#items) };
    this.#stored = {
      ...this.#stored,
      status,
      stoppedAtMs: this.#options.clock.now(),
      planned: this.#known(),
      ...(isSucceeded ? { results } : {}),
      outcome,
    };
    const writes = [runWrite(this.#stored), closedWrite(this.#stored.mapRunArn)];
    if (!(await this.#write(writes))) return this.stop();
    this.#isDone.resolve();
    if (ending !== "aborted") this.#options.report(outcome);
  }

  /** W7. */
  async #windUp(): Promise<void> {
    const { windUp } = this.#options;
    if (windUp === undefined || this.#isClosed) return;
    this.#stored = await windUp(this.#stored);
    this.#children = this.#stored.children;
    this.#items = this.#stored.items;
  }

  async #outcome(ending: StoredOutcome | "aborted" | undefined): Promise<StoredOutcome> {
    const { store, objects, work, payloadBytes, log } = this.#options;
    const results: ResultsOptions = {
      store,
      objects,
      run: this.#stored,
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
        `the results of the Map Run ${this.#stored.mapRunArn}, which has ended, were not written: ${problem}`,
        "warn",
      );
    }
    return ending === "aborted"
      ? { kind: "failed", error: "States.Runtime", cause: "The Map Run was aborted." }
      : ending;
  }

  #noteWritten(): void {
    this.#stored = { ...this.#stored, lastWritten: this.#stored.redriveCount };
  }

  /** Planned and never started; of items that are at hand, all the others too. */
  async *#neverStarted(): AsyncGenerator<PlannedChild> {
    if (this.#inHand !== undefined) yield this.#inHand;
    if (this.#options.work.items === undefined || !this.#isPlanning || this.#isAllPlanned) return;
    const { work, objects, payloadBytes } = this.#options;
    try {
      const from = this.#inHand?.next ?? this.#marks.at(-1) ?? this.#stored.progress;
      for await (const child of plannedChildren(work, objects, from, payloadBytes)) {
        if (child.index < this.#planned.children || this.#endedAbove.has(child.index)) continue;
        yield child;
      }
    } catch (problem) {
      // What cannot be planned was never going to be a child.
      if (!(problem instanceof MapRunFailure)) throw problem;
    }
  }

  /** A failure of the store ends the process. A bug of ours ends the run, and fails its state; others go on. */
  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#isClosed) return;
      const { onFatal, log, report } = this.#options;
      if (error instanceof OutcomeUnknown) return onFatal(error);
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log(`the Map Run ${this.#stored.mapRunArn} is stopped by an internal error: ${detail}`, "error");
      for (const child of this.#running.values()) this.#stopChild(child);
      const isAborted = this.#ending === "aborted";
      this.stop();
      if (!isAborted) report({ kind: "failed", ...INTERNAL_ERROR });
    });
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
