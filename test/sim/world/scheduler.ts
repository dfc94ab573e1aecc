// Simulated time, and who goes next: the only source of order in a simulation.
//
// Knows:          steps (a moment, a life that they belong to, a function), the wall clock's shift.
// Does not know:  stores, runtimes, faults.
//
// Invariants
//   W1. Nothing happens but in a step, and in the microtasks that it leaves behind, which are run to their end before
//       the next step. So a process may be killed between any two steps, which is at every point where it waits for
//       its store, a timer, a service or a caller.
//   W2. Steps of the same moment go in an order drawn from the seed.
//   W3. A step of a dead life is never taken; one of a frozen life is taken when it thaws.

import type { Clock } from "../../../src/runtime/clock.ts";
import type { Chance } from "../generate/chance.ts";

/** One process. */
export class Life {
  readonly number: number;
  state: "running" | "frozen" | "dead" = "running";
  readonly frozen: Step[] = [];
  constructor(number: number) {
    this.number = number;
  }
}

interface Step {
  readonly atMs: number;
  readonly order: number;
  /** Undefined: of the world outside, which does not die. */
  readonly life: Life | undefined;
  readonly label: string;
  /** Undefined: cancelled. */
  run: (() => void) | undefined;
}

export class Scheduler {
  /** Monotonic milliseconds since the beginning. */
  nowMs = 0;
  steps = 0;
  /** Of all steps so far, in order. */
  #hash = 0x811c9dc5;
  readonly trace: string[] | undefined;
  readonly #heap: Step[] = [];
  readonly #chance: Chance;
  #wallMs: number;
  /** The wall clock was set: times before and after are not comparable. */
  jumps = 0;
  readonly #drained = (resolve: () => void): void => {
    setImmediate(resolve);
  };

  constructor(chance: Chance, wallMs: number, isTraced: boolean) {
    this.#chance = chance;
    this.#wallMs = wallMs;
    this.trace = isTraced ? [] : undefined;
  }

  get wallMs(): number {
    return this.#wallMs + this.nowMs;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  setWallClock(byMs: number): void {
    this.jumps += 1;
    this.#wallMs += byMs;
  }

  /** Returns what cancels it. */
  add(life: Life | undefined, afterMs: number, label: string, run: () => void): () => void {
    const step: Step = {
      atMs: this.nowMs + Math.max(0, afterMs),
      order: this.#chance.next(),
      life,
      label,
      run,
    };
    this.#push(step);
    return () => {
      step.run = undefined;
    };
  }

  /** Takes one step and all that follows at once. False: there is none. */
  async next(): Promise<boolean> {
    for (;;) {
      const step = this.#pop();
      if (step === undefined) return false;
      const { life, run } = step;
      if (run === undefined || life?.state === "dead") continue;
      if (life?.state === "frozen") {
        life.frozen.push(step);
        continue;
      }
      this.nowMs = Math.max(this.nowMs, step.atMs);
      this.steps += 1;
      this.note(step.label);
      run();
      await new Promise<void>(this.#drained);
      return true;
    }
  }

  thaw(life: Life): void {
    life.state = "running";
    for (const { label, run } of life.frozen.splice(0)) if (run !== undefined) this.add(life, 0, label, run);
  }

  /** Makes the text part of the run's hash. */
  note(text: string): void {
    let hash = this.#hash ^ this.nowMs;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    this.trace?.push(`${this.nowMs} ${text}`);
  }

  /** Time as the process of `life` sees it. Timers may be a little early, as the contract says. */
  clockOf(life: Life): Clock {
    return {
      now: () => this.wallMs,
      after: (ms, fn) => {
        const early = ms >= 2 && this.#chance.likely(0.1) ? 1 : 0;
        return this.add(life, Math.ceil(ms) - early, "timer", fn);
      },
      soon: (fn) => {
        this.add(life, 0, "soon", fn);
      },
    };
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(step);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const other = heap[parent] as Step;
      if (isBefore(other, step)) break;
      heap[hole] = other;
      hole = parent;
    }
    heap[hole] = step;
  }

  #pop(): Step | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Step, heap[child] as Step)) child += 1;
      if (isBefore(last, heap[child] as Step)) break;
      heap[hole] = heap[child] as Step;
      hole = child;
    }
    heap[hole] = last;
    return first;
  }
}

function isBefore(a: Step, b: Step): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order <= b.order);
}
