// What the parts of a simulated world share.

import type { Runtime } from "../../../src/runtime/index.ts";
import type { Checks, Evidence, Moment } from "../checker/evidence.ts";
import type { Watch } from "../checker/watch.ts";
import type { Chance } from "../generate/chance.ts";
import type { FaultKind, Plan } from "../plan.ts";
import type { Disk, DiskFault, DiskStore } from "./disk.ts";
import type { Life, Scheduler } from "./scheduler.ts";

export interface World {
  readonly plan: Plan;
  readonly scheduler: Scheduler;
  readonly disk: Disk;
  readonly evidence: Evidence;
  readonly checks: Checks;
  readonly watch: Watch;
  readonly faults: Map<string, number>;
  /** One stream of choices for each use. */
  readonly chanceFor: (use: string) => Chance;
  /** Who answers calls now, if anybody does. */
  server: Server | undefined;
  /** Faults happen. */
  isStormy: boolean;
  /** A part of the world has failed: the run ends with it. */
  problem: unknown;
  /** Asked at each call of an integration. */
  readonly callFault: () => CallFault | undefined;
  /** Kills the process that serves. */
  readonly kill: () => void;
  /** How many turns of the execution are durable. */
  readonly durableTurns: (arn: string) => number;
}

/** Those who call the server. */
export interface Actors {
  readonly begin: () => void;
  /** Starts that are still to be made. */
  readonly startsLeft: number;
  /** Set when all has ended: nobody calls any more. */
  isOver: boolean;
}

/** What goes wrong with processes, disk and clock. */
export interface Storm {
  readonly left: number;
  /** Called before each step. */
  readonly step: () => void;
  /** What becomes of the disk's operation. */
  readonly fault: (operation: string, isWrite: boolean) => DiskFault | undefined;
  /** Repairs what is broken. */
  readonly end: () => void;
}

/** How functions answer. */
export interface FunctionBehaviour {
  readonly afterMs: number;
  readonly answer:
    | { readonly kind: "body"; readonly body: string; readonly functionError?: string }
    | { readonly kind: "throws"; readonly error: Error };
}

export interface Functions {
  /** A function was called; `token` is the task token in its payload. */
  readonly invoke: (
    request: { readonly functionName: string; readonly payload: string },
    token: string | undefined,
  ) => FunctionBehaviour;
}

/** What becomes of one call of an integration. */
export type CallFault =
  | "error"
  | "error for ever"
  | "done but reported as failed"
  | "crash before"
  | "crash after";

export interface Server {
  readonly life: Life;
  readonly store: DiskStore;
  readonly runtime: Runtime;
  /** Told when the process dies: the connections of calls under way break. */
  readonly breaking: Set<() => void>;
}

export function momentOf({ scheduler }: World): Moment {
  return { step: scheduler.steps, wallMs: scheduler.wallMs, jumps: scheduler.jumps };
}

/** Whether a fault of this kind happens now; counted if so. */
export function strikes(world: World, chance: Chance, kind: FaultKind, probability: number): boolean {
  if (!world.plan.faults.includes(kind) || !chance.likely(probability)) return false;
  countFault(world, kind);
  return true;
}

export function countFault(world: World, kind: FaultKind): void {
  world.faults.set(kind, (world.faults.get(kind) ?? 0) + 1);
}
