// Timers: the next few seconds of `wake_at` in memory, and one timer object for all of them.
//
// Knows:          moments and execution ids. Does not know:  what is due, or whether it still is.
//
// Invariants
//   T1. Never early: an execution is told only when the wall clock has reached the moment.
//   T2. Everything durable that is due up to `#untilMs` is in the heap, or told already. What becomes durable later
//       adds itself (`scheduled`); what is due after it is found by a later reading of the store.
//   T3. Entries may be stale or double: whoever is told looks at its own deadlines, and finds nothing to do.
//   T4. The wall clock is read at least every second, so a jump forward is noticed within a second, and one backward
//       makes nothing early; waits follow the monotonic clock, which does not jump.
//   T5. At most FIRING executions are told at once, at most PAGE entries are read at once: after a long outage a
//       hundred thousand overdue ones come by in pages, in the order of their time.
//
// Why T2 has no gap: `#untilMs` is raised before the store is asked. A turn that is durable by then is seen by
// that reading (store.ts, S4); one that becomes durable after it adds itself.

import type { Clock } from "./clock.ts";
import type { TimeReached, Waiter } from "./slot.ts";
import { TimerHeap } from "./timer-heap.ts";

const WINDOW_MS = 5000;
/** How long before the end of the window the next one is read. */
const LEAD_MS = 1000;
const LOOK_AT_LEAST_MS = 1000;
const FIRING = 1000;
const PAGE = 5000;

export interface TimersOptions {
  readonly clock: Clock;
  readonly shardCount: number;
  /** store.ts */
  readonly due: (
    shard: number,
    untilMs: number,
    limit: number,
  ) => Promise<readonly { readonly id: number; readonly wakeAtMs: number }[]>;
  /** Tells an execution that time has passed; the waiter is told when that is durable, or failed. */
  readonly fire: (executionId: number, input: TimeReached, waiter: Waiter<unknown>) => void;
  /** Executions that stay due since nothing can be decided for them: pages grow by as many. */
  readonly stuckCount: () => number;
  readonly onFailure: (error: Error) => void;
}

export class Timers {
  readonly #options: TimersOptions;
  readonly #heap = new TimerHeap();
  #untilMs = Number.NEGATIVE_INFINITY;
  /** The last page was full: go on when its executions have been told. */
  #isMore = false;
  #isReading = false;
  /** A page that brought nothing new is not read again at once. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #firing = 0;
  #isTicking = false;
  #isRunning = false;
  #armedAtMs = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;
  readonly #fired: Waiter<unknown>;

  constructor(options: TimersOptions) {
    this.#options = options;
    const fired = (): void => {
      this.#firing -= 1;
      if (this.#firing === 0 || this.#firing === FIRING / 2) this.#tick();
    };
    this.#fired = { resolve: fired, reject: fired };
  }

  /** Entries in memory. */
  get size(): number {
    return this.#heap.size;
  }

  start(): void {
    this.#isRunning = true;
    this.#tick();
  }

  stop(): void {
    this.#isRunning = false;
    this.#disarm?.();
    this.#disarm = undefined;
  }

  /** An execution is to be told at `atMs`; durable. False: that is for a later window to find. */
  scheduled(executionId: number, atMs: number): boolean {
    if (atMs > this.#untilMs) return false;
    this.#heap.push(atMs, executionId);
    if (atMs < this.#armedAtMs) this.#arm(this.#options.clock.now());
    return true;
  }

  #tick(): void {
    // Telling an execution may answer at once, which comes back here.
    if (!this.#isRunning || this.#isTicking) return;
    this.#isTicking = true;
    const nowMs = this.#options.clock.now();
    // The clock was set back: what is after the new window will be read (again) when its time comes.
    if (this.#untilMs > nowMs + 2 * WINDOW_MS) this.#untilMs = nowMs + WINDOW_MS;
    this.#notBeforeMs = Math.min(this.#notBeforeMs, nowMs + LOOK_AT_LEAST_MS);
    const input: TimeReached = { kind: "TimeReached", readMs: nowMs };
    while (this.#firing < FIRING && this.#heap.nextAtMs <= nowMs) {
      this.#firing += 1;
      this.#options.fire(this.#heap.pop(), input, this.#fired);
    }
    const isTimeToRead = this.#isMore
      ? this.#heap.size === 0 && this.#firing === 0 && nowMs >= this.#notBeforeMs
      : nowMs >= this.#untilMs - LEAD_MS;
    if (isTimeToRead && !this.#isReading) void this.#read(nowMs);
    this.#isTicking = false;
    this.#arm(nowMs);
  }

  /** Arms the one timer for the next moment that matters (T4). */
  #arm(nowMs: number): void {
    if (!this.#isRunning) return;
    let atMs = nowMs + LOOK_AT_LEAST_MS;
    // With all hands full, the next that comes back ticks.
    if (this.#firing < FIRING) atMs = Math.min(atMs, Math.max(nowMs, this.#heap.nextAtMs));
    if (!this.#isMore && !this.#isReading) atMs = Math.min(atMs, Math.max(nowMs, this.#untilMs - LEAD_MS));
    this.#disarm?.();
    this.#armedAtMs = atMs;
    this.#disarm = this.#options.clock.after(atMs - nowMs, () => {
      this.#disarm = undefined;
      this.#armedAtMs = Number.POSITIVE_INFINITY;
      this.#tick();
    });
  }

  async #read(nowMs: number): Promise<void> {
    this.#isReading = true;
    const coveredMs = this.#untilMs;
    this.#untilMs = nowMs + WINDOW_MS;
    const limit = PAGE + this.#options.stuckCount();
    let isMore = false;
    let isNew = false;
    try {
      for (let shard = 0; shard < this.#options.shardCount; shard++) {
        const rows = await this.#options.due(shard, nowMs + WINDOW_MS, limit);
        const last = rows.at(-1);
        if (last === undefined) continue;
        for (const { id, wakeAtMs } of rows) {
          if (wakeAtMs <= coveredMs) continue;
          this.#heap.push(wakeAtMs, id);
          isNew = true;
        }
        if (rows.length < limit) continue;
        // More may be due at the very millisecond of the last one.
        isMore = true;
        this.#untilMs = Math.min(this.#untilMs, last.wakeAtMs - 1);
      }
    } catch (error) {
      this.stop();
      this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#isMore = isMore;
    this.#notBeforeMs = isNew ? Number.NEGATIVE_INFINITY : nowMs + LOOK_AT_LEAST_MS;
    this.#isReading = false;
    this.#tick();
  }
}
