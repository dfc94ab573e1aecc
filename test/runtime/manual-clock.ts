// A clock that stands still until the test moves it.

import type { Clock } from "../../src/runtime/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly fn: () => void;
}

export class ManualClock implements Clock {
  /** Wall clock; may be set to anything. */
  wallMs: number;
  #monotonicMs = 0;
  readonly #timers = new Set<Timer>();

  constructor(wallMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.wallMs = wallMs;
  }

  readonly now = (): number => this.wallMs;

  readonly after = (ms: number, fn: () => void): (() => void) => {
    const timer: Timer = { atMs: this.#monotonicMs + ms, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  readonly soon = (fn: () => void): void => {
    setImmediate(fn);
  };

  get timerCount(): number {
    return this.#timers.size;
  }

  /** Lets time pass, timer after timer, and what they cause with it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      const next = [...this.#timers]
        .filter(({ atMs }) => atMs <= endMs)
        .toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#pass(Math.max(0, next.atMs - this.#monotonicMs));
      next.fn();
      await settle();
    }
    this.#pass(endMs - this.#monotonicMs);
    await settle();
  }

  #pass(ms: number): void {
    this.#monotonicMs += ms;
    this.wallMs += ms;
  }
}

/** Rounds of the event loop: enough for everything that is under way in memory to come to rest. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 25; round++) await new Promise((resolve) => setImmediate(resolve));
}
