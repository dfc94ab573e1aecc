// What is known of one Map Run while it runs, and what of it is stored: counters, the ends of children, how far it has come.
//
// Knows:          what has ended, what is planned, what is not stored yet.
// Does not know:  which children run, why.
//
// Invariants
//   C1. The end of a child is stored together with the counters that count it (stored.ts, S1), in the order of the ends.
//   C2. One write is under way at a time; what comes meanwhile goes together into the next.
//   C3. Where reading could go on is kept for every so many children, in bounded memory, however far the oldest child that
//       runs is behind the newest.

import type { Log } from "../../base/log.ts";
import type { Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import type { PlannedChild } from "./children.ts";
import { type Ended, withEnd } from "./counts.ts";
import {
  childWrite,
  closedWrite,
  type Progress,
  runWrite,
  type StoredChild,
  type StoredRun,
} from "./stored.ts";
import { writeWhenRoom } from "./write.ts";

export interface RunRecordOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether somebody waits for what is not stored. */
  readonly isUrgent: () => boolean;
  /** All that was known when the write began is stored. */
  readonly onStored: () => void;
  /** There was no room, and this process ends. */
  readonly onNoRoom: () => void;
  readonly onError: (error: unknown) => void;
}

export interface EndedChild {
  readonly index: number;
  readonly child: StoredChild;
  /** It had ended before, and was redriven. */
  readonly isAgain: boolean;
}

/** Ends that wait to be stored, before starts wait for them. */
const UNSTORED_ENDS = 4096;
const UNSTORED_CHARS = 4 * 1024 * 1024;
const ENDS_TOGETHER = 256;
const CHARS_TOGETHER = 1024 * 1024;
const FLUSH_AFTER_MS = 25;
/** Places in the data where reading could go on, kept in memory. */
const MARKS = 1024;

export class RunRecord {
  readonly #options: RunRecordOptions;
  #stored: StoredRun;
  #children: Ended;
  #items: Ended;
  /** Planned by this process: children, items. */
  #planned: { children: number; items: number };
  /** Stored ends at or above `#lowest`, the first child whose end is not stored. */
  readonly #endedAbove = new Set<number>();
  #lowest: number;
  /** Ascending (C3). */
  #marks: Progress[];
  #stride = 1;
  #ends: EndedChild[] = [];
  /** Of their inputs and outputs. */
  #endChars = 0;
  #isDirty = false;
  #isWriting = false;
  #cancelWrite: (() => void) | undefined;
  #isClosing = false;
  #isStopped = false;
  /** Those who wait for what is being written, and for what is not yet. */
  #writeWaiters: (() => void)[] = [];
  #nextWaiters: (() => void)[] = [];

  /** @param stored As it is in the store. */
  constructor(options: RunRecordOptions, stored: StoredRun) {
    this.#options = options;
    this.#stored = stored;
    this.#children = stored.children;
    this.#items = stored.items;
    this.#planned = { children: stored.progress.child, items: stored.progress.items };
    this.#lowest = stored.progress.child;
    this.#marks = [stored.progress];
  }

  /** As it is stored, or about to be. */
  get stored(): StoredRun {
    return this.#stored;
  }

  /** These count what is not stored yet, too. */
  get children(): Ended {
    return this.#children;
  }

  get items(): Ended {
    return this.#items;
  }

  /** By this process or one before: after a restart, planning begins again below what has ended. */
  get planned(): StoredRun["planned"] {
    const { planned } = this.#stored;
    return {
      children: Math.max(planned.children, this.#planned.children),
      items: Math.max(planned.items, this.#planned.items),
    };
  }

  /** Children, by this process. */
  get plannedHere(): number {
    return this.#planned.children;
  }

  /** The last place where reading could go on. */
  get lastMark(): Progress {
    return this.#marks.at(-1) ?? this.#stored.progress;
  }

  /** Whether starts have to wait. */
  get isBehind(): boolean {
    return this.#ends.length >= UNSTORED_ENDS || this.#endChars >= UNSTORED_CHARS;
  }

  /** Whether the end of the child is stored. */
  hasEnded(index: number): boolean {
    return index < this.#lowest || this.#endedAbove.has(index);
  }

  /** A process before this one has stored its end. */
  hadEnded(index: number): void {
    this.#endedAbove.add(index);
    this.#advance();
  }

  plan({ index, next }: PlannedChild): void {
    this.#planned = { children: index + 1, items: next.items };
    if (next.child % this.#stride !== 0) return;
    this.#marks.push(next);
    if (this.#marks.length <= MARKS) return;
    this.#stride *= 2;
    this.#marks = this.#marks.filter(({ child }, i) => i === 0 || child % this.#stride === 0);
  }

  /** What was planned is all there is. */
  allPlanned(): void {
    this.change({ totalChildren: this.#planned.children, totalItems: this.#planned.items });
  }

  /** Stored with the next write. */
  change(change: Partial<StoredRun>): void {
    this.replace({ ...this.#stored, ...change });
    this.#isDirty = true;
  }

  /** What somebody else has stored, or will. */
  replace(stored: StoredRun): void {
    if (stored.children !== this.#stored.children) this.#children = stored.children;
    if (stored.items !== this.#stored.items) this.#items = stored.items;
    this.#stored = stored;
  }

  /**
   * A child has ended. Nobody waits for one end to be stored, and a write costs what a commit costs: several go
   * together, unless it is urgent.
   */
  add(end: EndedChild): void {
    [this.#children, this.#items] = counted(this.#children, this.#items, end);
    this.#ends.push(end);
    this.#endChars += (end.child.input?.length ?? 0) + (end.child.output?.length ?? 0);
    const isMuch = this.#ends.length >= ENDS_TOGETHER || this.#endChars >= CHARS_TOGETHER;
    if (isMuch || this.#options.isUrgent()) return this.#write();
    this.#cancelWrite ??= this.#options.clock.after(FLUSH_AFTER_MS, () => this.#write());
  }

  /** Whether all is stored; else it will be, and `onStored` is called. */
  isStored(): boolean {
    if (this.#isWriting) return false;
    if (this.#ends.length === 0 && !this.#isDirty) return true;
    this.#write();
    return false;
  }

  /** Resolves when all that is known now is stored, or never will be. */
  async whenStored(): Promise<void> {
    if (this.#isStopped) return;
    const isNew = this.#ends.length > 0 || this.#isDirty;
    if (!isNew && !this.#isWriting) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (isNew) this.#nextWaiters.push(resolve);
    else this.#writeWaiters.push(resolve);
    this.#write();
    await promise;
  }

  /** The run has ended. False: there is no room, and this process ends. */
  async end(end: Partial<StoredRun>): Promise<boolean> {
    this.#stored = { ...this.#stored, planned: this.planned, ...end };
    return await this.#put([runWrite(this.#stored), closedWrite(this.#stored.mapRunArn)]);
  }

  /** Resolves when nothing is being stored. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.whenStored();
  }

  /** Nothing is stored from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWrite?.();
    for (const resolve of [...this.#writeWaiters, ...this.#nextWaiters]) resolve();
  }

  #write(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    if (this.#isWriting || this.#isStopped) return;
    this.#writeAll().catch(this.#options.onError);
  }

  /** C1, C2. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#ends.length > 0 || this.#isDirty) {
      const ends = this.#ends;
      this.#ends = [];
      this.#endChars = 0;
      this.#isDirty = false;
      let { children, items } = this.#stored;
      for (const end of ends) {
        [children, items] = counted(children, items, end);
        if (!end.isAgain) this.#endedAbove.add(end.index);
      }
      this.#stored = { ...this.#stored, children, items, planned: this.planned, progress: this.#advance() };
      this.#writeWaiters = this.#nextWaiters;
      this.#nextWaiters = [];
      const { mapRunArn } = this.#stored;
      const writes = ends.map(({ index, child }) => childWrite(mapRunArn, index, child));
      if (!(await this.#put([...writes, runWrite(this.#stored)]))) return this.#options.onNoRoom();
      for (const resolve of this.#writeWaiters.splice(0)) resolve();
      // Not the last call: starts may go on while more is written.
      this.#options.onStored();
    }
    this.#isWriting = false;
    this.#options.onStored();
  }

  #put(writes: Parameters<Store["writeEntities"]>[0]): Promise<boolean> {
    const isOver = (): boolean => this.#isClosing || this.#isStopped;
    return writeWhenRoom(this.#options, this.#stored.mapRunArn, writes, isOver);
  }

  /** The last place below which all children have ended. */
  #advance(): Progress {
    while (this.#endedAbove.delete(this.#lowest)) this.#lowest += 1;
    let last = 0;
    while ((this.#marks[last + 1]?.child ?? Number.POSITIVE_INFINITY) <= this.#lowest) last += 1;
    if (last > 0) this.#marks.splice(0, last);
    return this.#marks[0] as Progress;
  }
}

/** The counters of children and of items, with one end more. */
export function counted(children: Ended, items: Ended, { child, isAgain }: EndedChild): [Ended, Ended] {
  const end = { status: child.status, isAgain, isNotRedrivable: child.isNotRedrivable === true };
  return [withEnd(children, end, 1), withEnd(items, end, child.itemCount)];
}
