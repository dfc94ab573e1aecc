// The storm: one disturbance after the other, of the process, the disk and the clock.

import type { Chance } from "../generate/chance.ts";
import { type Disturbance, DISTURBANCES } from "../plan.ts";
import type { DiskFault } from "./disk.ts";
import type { Processes } from "./processes.ts";
import { countFault, type Storm, type World } from "./world.ts";

/** Kills are a little more frequent than the others; so are slow disks, which last. */
const KINDS: readonly Disturbance[] = [
  ...DISTURBANCES.flatMap((kind) => Array.from({ length: 6 }, () => kind)),
  "crash",
  "crash while writing",
  "disk slow",
];

export class Disturbances implements Storm {
  readonly #world: World;
  readonly #processes: Processes;
  readonly #chance: Chance;
  readonly #kinds: readonly Disturbance[];
  #left: number;
  #nextStep = 0;
  /** What the disk does to the operation so many from now. */
  #armed: { readonly fault: DiskFault; readonly writesOnly: boolean; operations: number } | undefined;

  constructor(world: World, processes: Processes) {
    this.#world = world;
    this.#processes = processes;
    this.#chance = world.chanceFor("disturbances");
    this.#kinds = KINDS.filter((kind) => world.plan.faults.includes(kind));
    this.#left = this.#kinds.length === 0 ? 0 : world.plan.disturbances;
  }

  get left(): number {
    return this.#left;
  }

  /** Called before each step of the storm. */
  step(): void {
    const { steps } = this.#world.scheduler;
    if (this.#left === 0 || steps < this.#nextStep) return;
    this.#nextStep =
      steps + (this.#chance.likely(0.3) ? this.#chance.from(1, 12) : this.#chance.from(10, 140));
    this.#left -= 1;
    this.#disturb(this.#chance.pick(this.#kinds));
  }

  /** What becomes of the disk's next operation. */
  readonly fault = (_operation: string, isWrite: boolean): DiskFault | undefined => {
    const armed = this.#armed;
    if (armed === undefined || (armed.writesOnly && !isWrite)) return undefined;
    armed.operations -= 1;
    if (armed.operations > 0) return undefined;
    this.#armed = undefined;
    return armed.fault;
  };

  /** The storm is over: what was broken is repaired. */
  end(): void {
    const { disk } = this.#world;
    this.#armed = undefined;
    disk.isBroken = false;
    disk.isFull = false;
    disk.latencyMs = 4;
  }

  #disturb(kind: Disturbance): void {
    const world = this.#world;
    const chance = this.#chance;
    const { scheduler, disk } = world;
    const later = (leastMs: number, mostMs: number, work: () => void): void => {
      scheduler.add(undefined, chance.from(leastMs, mostMs), "repair", work);
    };
    countFault(world, kind);
    scheduler.note(kind);
    switch (kind) {
      case "crash":
        return this.#processes.kill();
      case "crash while writing":
        this.#armed = {
          fault: chance.pick(["crash before", "crash after", "crash after"]),
          writesOnly: true,
          operations: chance.from(1, 3),
        };
        return;
      case "crash while opening":
        this.#processes.kill();
        this.#armed = {
          fault: chance.pick(["crash before", "crash after"]),
          writesOnly: false,
          operations: chance.from(1, 14),
        };
        return;
      case "graceful restart":
        return this.#processes.close();
      case "second owner":
        return this.#processes.freeze();
      case "disk error":
        this.#armed = { fault: "error", writesOnly: chance.likely(0.7), operations: chance.from(1, 3) };
        return;
      case "disk reports failure but did it":
        this.#armed = { fault: "done but reported as failed", writesOnly: true, operations: 1 };
        return;
      case "disk error for ever":
        this.#armed = { fault: "error for ever", writesOnly: false, operations: 1 };
        later(50, 600, () => {
          disk.isBroken = false;
          if (this.#armed?.fault === "error for ever") this.#armed = undefined;
        });
        return;
      case "disk full":
        disk.isFull = true;
        later(50, 500, () => {
          disk.isFull = false;
        });
        return;
      case "disk slow":
        disk.latencyMs = 400;
        later(1_000, 5_000, () => {
          disk.latencyMs = 4;
        });
        return;
      case "clock set forward":
        return scheduler.setWallClock(chance.from(1, 30_000));
      case "clock set back":
        return scheduler.setWallClock(-chance.from(1, 30_000));
    }
  }
}
