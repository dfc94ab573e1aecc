// One server in simulated time, several callers at once, and perhaps a crash: what a race is run in.
//
// Knows:          when calls are sent, answered or lost. Does not know:  what any of them asks for.
//
// Invariants
//   A1. The order of everything is drawn from the seed: when a call arrives, how long the disk takes, who goes first
//       of what is due at the same moment. The same seed is the same race.
//   A2. A call that was under way at the crash is lost: nobody knows whether it was carried out. One that arrives
//       while no server is there is lost too.

import { ServiceError } from "../../../src/base/service-error.ts";
import type { TaskCall, TaskOutcome } from "../../../src/integrations/integration.ts";
import { Payload } from "../../../src/base/json.ts";
import { Runtime } from "../../../src/runtime/index.ts";
import { Violation } from "../checker/evidence.ts";
import { Chance } from "../generate/chance.ts";
import { BEGIN_MS } from "../generate/definition.ts";
import { LIMITS } from "../simulate.ts";
import { Disk, type DiskStore } from "../world/disk.ts";
import { Life, Scheduler } from "../world/scheduler.ts";

export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | { readonly kind: "lost" };

export interface Call<T> {
  /** Steps of the simulation: the server received it, its caller was answered. Undefined: not yet. */
  sent: number | undefined;
  answered: number | undefined;
  answer: Answer<T> | undefined;
}

interface Server {
  readonly life: Life;
  readonly store: DiskStore;
  readonly runtime: Runtime;
}

/** So many steps are enough for every race by far. */
const MOST_STEPS = 50_000;

export class Arena {
  readonly chance: Chance;
  readonly #scheduler: Scheduler;
  readonly #disk: Disk;
  readonly #seeds: Chance;
  #server: Server | undefined;
  #lives = 0;
  /** What loses each call that is under way. */
  readonly #losing = new Set<() => void>();
  #left = 0;
  #problem: Error | undefined;
  /** What the integrations were called with, in order. */
  readonly ledger: TaskCall[] = [];

  private constructor(seed: number) {
    this.chance = new Chance(seed, "race");
    this.#seeds = new Chance(seed, "seeds");
    this.#scheduler = new Scheduler(new Chance(seed, "order"), BEGIN_MS, false);
    this.#disk = new Disk({
      scheduler: this.#scheduler,
      chance: new Chance(seed, "disk"),
      fault: () => undefined,
      crash: () => this.#crash(),
      onCommit: () => undefined,
    });
  }

  static async open(seed: number): Promise<Arena> {
    const arena = new Arena(seed);
    await arena.#disk.begin();
    arena.#open();
    await arena.until(() => arena.#server !== undefined);
    return arena;
  }

  /** Of everything that happened, in order. */
  get hash(): string {
    return this.#scheduler.hash;
  }

  get steps(): number {
    return this.#scheduler.steps;
  }

  /** A caller asks after so long. */
  call<T>(afterMs: number, work: (runtime: Runtime) => Promise<T>): Call<T> {
    const call: Call<T> = { sent: undefined, answered: undefined, answer: undefined };
    this.#left += 1;
    const finish = (answer: Answer<T>): void => {
      if (call.answer !== undefined) return;
      call.answer = answer;
      call.answered = this.#scheduler.steps;
      this.#left -= 1;
      this.#scheduler.note(answer.kind);
    };
    this.#scheduler.add(undefined, afterMs, "call", () => {
      call.sent = this.#scheduler.steps;
      const server = this.#server;
      if (server === undefined) return finish({ kind: "lost" });
      const lose = (): void => finish({ kind: "lost" });
      this.#losing.add(lose);
      const deliver = (answer: Answer<T>): void => {
        this.#scheduler.add(server.life, this.chance.from(0, 2), "answer", () => {
          this.#losing.delete(lose);
          finish(answer);
        });
      };
      work(server.runtime).then(
        (value) => deliver({ kind: "ok", value }),
        (error: unknown) => {
          if (error instanceof ServiceError) {
            deliver({ kind: "error", code: error.code, message: error.message });
          } else if (server.life.state !== "dead") {
            this.#problem ??= error instanceof Error ? error : new Error(String(error));
          }
        },
      );
    });
    return call;
  }

  /** Asks while nothing else is asked, as often as it takes. @throws Error if it is refused */
  async ask<T>(work: (runtime: Runtime) => Promise<T>): Promise<T> {
    for (;;) {
      const { answer } = await this.answered(this.call(0, work));
      if (answer?.kind === "ok") return answer.value;
      if (answer?.kind === "error") throw new Error(`${answer.code}: ${answer.message}`);
      await this.until(() => this.#server !== undefined);
    }
  }

  async answered<T>(call: Call<T>): Promise<Call<T>> {
    await this.until(() => call.answer !== undefined);
    return call;
  }

  /** Until every caller was answered, or will never be, and a server is there. */
  async settle(): Promise<void> {
    await this.until(() => this.#left === 0 && this.#server !== undefined);
  }

  async until(isSo: () => boolean): Promise<void> {
    for (let steps = 0; !isSo(); steps++) {
      const more = steps < MOST_STEPS && (await this.#scheduler.next());
      if (this.#problem !== undefined) throw this.#problem;
      if (!more) throw new Violation("I31", "the race has no end");
    }
  }

  /** The process is killed after so long; another one follows soon. */
  crash(afterMs: number): void {
    this.#scheduler.add(undefined, afterMs, "crash", () => this.#crash());
  }

  /** The process is killed, and another one is there. To be called when nobody asks anything. */
  async restart(): Promise<void> {
    const lives = this.#lives;
    this.crash(0);
    await this.until(() => this.#lives > lives && this.#server !== undefined);
  }

  #crash(): void {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.life.state = "dead";
    server.store.crash();
    for (const lose of this.#losing) lose();
    this.#losing.clear();
    this.#scheduler.add(undefined, this.chance.from(0, 3), "open", () => this.#open());
  }

  #open(): void {
    this.#lives += 1;
    const life = new Life(this.#lives);
    const store = this.#disk.storeFor(life);
    const failed = (error: Error): void => {
      if (life.state !== "dead") this.#problem ??= error;
    };
    Runtime.open({
      store,
      clock: this.#scheduler.clockOf(life),
      seeds: () => [this.#seeds.word32(), this.#seeds.word32(), this.#seeds.word32(), this.#seeds.word32()],
      integrations: () => ({ call: (call) => this.#perform(life, call) }),
      limits: LIMITS,
      onFatal: failed,
      log: () => undefined,
    }).then((runtime) => {
      this.#server = { life, store, runtime };
    }, failed);
  }

  /** What a task does outside: it is noted, and answers with its parameters. */
  #perform(life: Life, call: TaskCall): Promise<TaskOutcome> {
    this.ledger.push(call);
    const { promise, resolve } = Promise.withResolvers<TaskOutcome>();
    this.#scheduler.add(life, this.chance.from(0, 4), "task", () =>
      resolve({ kind: "succeeded", output: Payload.ofValue(call.parameters.value) }),
    );
    return promise;
  }
}
