// The server's processes: they open, serve, are killed, frozen, closed and opened again.
//
// Invariants
//   P1. Clients and services reach one process at most, the newest.
//   P2. A process that is told of a fatal failure ends soon after; nothing of it is used again.

import type { Seed } from "../../../src/base/random.ts";
import type { Limits } from "../../../src/engine/index.ts";
import { type ObservedTurn, Runtime, type RuntimeSettings } from "../../../src/runtime/index.ts";
import type { Chance } from "../generate/chance.ts";
import { STORE_FAILURES } from "./calls.ts";
import type { DiskStore } from "./disk.ts";
import { Life } from "./scheduler.ts";
import type { Services } from "./services.ts";
import type { Server, World } from "./world.ts";

interface Process {
  readonly life: Life;
  readonly store: DiskStore;
  server: Server | undefined;
}

export type Observe = (life: Life, observed: ObservedTurn) => void;

interface MoreSettings {
  readonly settings?: Partial<RuntimeSettings>;
  /** Is told of every turn of every process. */
  readonly observe?: Observe;
}

/** What the log says when something of ours is broken. */
const BROKEN = /stopped by an internal error|was lost:/u;

export class Processes {
  readonly #world: World;
  readonly #services: Services;
  readonly #limits: Limits;
  readonly #settings: Partial<RuntimeSettings>;
  readonly #chance: Chance;
  readonly #seeds: Chance;
  /** The newest, if it lives. */
  #current: Process | undefined;
  readonly #older = new Set<Process>();
  #lives = 0;
  deaths = 0;
  /** Somebody died, and what is stored was not looked at since. */
  isUnchecked = false;
  readonly log: string[] = [];

  readonly #observe: Observe | undefined;

  constructor(world: World, services: Services, limits: Limits, more: MoreSettings = {}) {
    this.#world = world;
    this.#services = services;
    this.#limits = limits;
    this.#chance = world.chanceFor("processes");
    this.#seeds = world.chanceFor("seeds");
    const settings = world.chanceFor("settings");
    this.#settings = {
      shards: settings.pick([1, 2, 3]),
      callsUnderWay: settings.pick([1, 3, 1_000]),
      cachedExecutions: settings.pick([0, 2, 1_000]),
      ...more.settings,
    };
    this.#observe = more.observe;
  }

  open(): void {
    const { scheduler, disk } = this.#world;
    this.#lives += 1;
    const life = new Life(this.#lives);
    const store = disk.storeFor(life);
    const process: Process = { life, store, server: undefined };
    this.#current = process;
    let runtime: Runtime | undefined;
    Runtime.open({
      store,
      clock: scheduler.clockOf(life),
      seeds: () => this.#seed(),
      integrations: this.#services.of(life, () => runtime as Runtime),
      limits: this.#limits,
      settings: this.#settings,
      observers: this.#observe === undefined ? [] : [this.#observe.bind(undefined, life)],
      onFatal: (error) => this.#fatal(life, error),
      log: (line) => this.#note(life, line),
    }).then(
      (opened) => {
        runtime = opened;
        if (this.#current !== process) return;
        process.server = { life, store, runtime: opened, breaking: new Set() };
        this.#world.server = process.server;
        scheduler.note("open");
      },
      (error: Error) => this.#fatal(life, error),
    );
  }

  /** Kills the process of that life, or the newest. */
  kill(life: Life | undefined = this.#current?.life): void {
    const process = this.#find(life);
    if (process === undefined) return;
    process.life.state = "dead";
    process.store.crash();
    this.deaths += 1;
    this.isUnchecked = true;
    this.#world.scheduler.note("killed");
    this.#older.delete(process);
    if (process === this.#current) this.#replace(this.#chance.from(0, 400));
  }

  /** The newest stops for a while without knowing it; another one takes over. */
  freeze(): void {
    const process = this.#current;
    if (process?.server === undefined) return;
    process.life.state = "frozen";
    this.#older.add(process);
    this.#replace(0);
    this.#thawLater(process);
  }

  /**
   * Not before the successor has claimed all shards: until then a store that lets two owners in would have to give
   * the numbers for new turns after the claims (docs/reliability.md), which no store of today has to.
   */
  #thawLater(process: Process): void {
    const { scheduler } = this.#world;
    scheduler.add(undefined, this.#chance.from(1, 4_000), "thaw", () => {
      if (process.life.state !== "frozen") return;
      if (this.#current?.server === undefined) return this.#thawLater(process);
      scheduler.thaw(process.life);
      scheduler.add(undefined, this.#chance.from(1, 6_000), "killed at last", () => this.kill(process.life));
    });
  }

  /** The newest closes as an operator would close it. */
  close(): void {
    const { scheduler } = this.#world;
    const process = this.#current;
    if (process?.server === undefined) return;
    process.server.runtime.close(this.#chance.pick([0, 50, 2_000])).then(
      () => {
        if (process !== this.#current || process.life.state === "dead") return;
        process.life.state = "dead";
        this.isUnchecked = true;
        scheduler.note("closed");
        this.#replace(this.#chance.from(0, 100));
      },
      (error: Error) => this.#fatal(process.life, error),
    );
  }

  #replace(afterMs: number): void {
    const broken = this.#current?.server?.breaking ?? [];
    this.#current = undefined;
    this.#world.server = undefined;
    for (const breaks of broken) breaks();
    this.#world.scheduler.add(undefined, afterMs, "open", () => {
      if (this.#current === undefined) this.open();
    });
  }

  #find(life: Life | undefined): Process | undefined {
    if (life === undefined || life.state === "dead") return undefined;
    if (this.#current?.life === life) return this.#current;
    return [...this.#older].find((process) => process.life === life);
  }

  #fatal(life: Life, error: Error): void {
    if (life.state === "dead") return;
    if (!STORE_FAILURES.has(error.name)) this.#world.problem ??= error;
    this.#world.scheduler.add(life, this.#chance.from(0, 20), "ends", () => this.kill(life));
  }

  #note(life: Life, line: string): void {
    this.log.push(`${life.number}: ${line}`);
    if (BROKEN.test(line)) this.#world.problem ??= new Error(`the server logged: ${line}`);
  }

  #seed(): Seed {
    const seeds = this.#seeds;
    return [seeds.word32(), seeds.word32(), seeds.word32(), seeds.word32()];
  }
}
