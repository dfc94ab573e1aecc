// One execution in memory, and what is asked of it.
//
// Types only, and the record that the parts of the runtime share: shard.ts alone changes `state` and `execution`.

import type { Program } from "../asl/ast.ts";
import type { Execution, Input } from "../engine/index.ts";
import type { Command } from "../engine/commands.ts";
import type { ExecutionStarted } from "../engine/events.ts";
import type { ObservedTurn } from "./observer.ts";
import type { ExecutionRow, TurnWrite } from "../store/store.ts";

type WithoutArrival<T> = T extends Input ? Omit<T, "nowMs" | "seed"> : never;
/** An input on its way: the shard adds the time and the seed when it is decided. */
export type BareInput = WithoutArrival<Exclude<Input, { kind: "TimeReached" }>> | TimeReached;

/**
 * `readMs` is what the wall clock said when the timer was found to be due. The input's time is not before it, even if
 * the clock is set back until it is decided: else the execution would find nothing due, and the timer were lost.
 */
export interface TimeReached {
  readonly kind: "TimeReached";
  readonly readMs: number;
}

/** Told once, after everything that the answer shows is durable (D1). */
export interface Waiter<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes the answer right after the input was decided: the execution goes on changing while its turn is being
 * committed, so nothing may be read from it later.
 */
export type View<T> = (execution: Execution, accepted: boolean, slot: Slot) => T;

/** What waits for an execution that is being loaded. Without an input it only looks. */
export interface Post {
  readonly input: BareInput | undefined;
  readonly view: View<unknown> | undefined;
  readonly waiter: Waiter<unknown> | undefined;
}

/** A turn that is decided and not yet durable, with all that waits for it. */
export interface PendingTurn {
  readonly write: TurnWrite;
  readonly slot: Slot;
  readonly commands: readonly Command[];
  readonly waiter: Waiter<unknown> | undefined;
  readonly answer: unknown;
  /** What it adds to the number of open executions: 1 for a start or a redrive, -1 for an end, 0 for both at once. */
  readonly opens: number;
  /** What an observer is told of it, if there is one. */
  readonly observed: ObservedTurn | undefined;
  /** Those who changed nothing, but saw what this turn did. */
  followers: { readonly waiter: Waiter<unknown>; readonly answer: unknown }[] | undefined;
}

export type SlotState =
  /** Its journal is being read; posts wait. */
  | "loading"
  | "ready"
  /** A bug of ours met it; nothing is decided for it any more but a Stop, on a fresh copy. */
  | "quarantined"
  /** Dropped: whoever still holds it must ask for it by id again. */
  | "gone";

export class Slot {
  readonly id: number;
  readonly shard: number;
  state: SlotState = "loading";
  execution: Execution | undefined;
  program: Program | undefined;
  /** The facts of the start; known from then on, also in quarantine. */
  started: ExecutionStarted | undefined;
  headLsn = 0;
  wakeAtMs: number | undefined;
  /** The moment for which a timer entry of this execution is in memory, as far as known. */
  timerAtMs: number | undefined;
  /** Turns decided and not yet durable, and the last of them. */
  undurable = 0;
  last: PendingTurn | undefined;
  /** Calls under way that will need it soon. */
  pins = 0;
  mailbox: Post[] = [];

  constructor(id: number, shard: number) {
    this.id = id;
    this.shard = shard;
  }
}

/** What lists of executions go by: the state machine, or the Map Run that it is a child of. */
export function listedUnder({ stateMachineArn, mapRunArn }: ExecutionStarted): string {
  return mapRunArn ?? stateMachineArn;
}

/** The row that the store has, or is about to have. */
export function rowOf(slot: Slot, execution: Execution): ExecutionRow {
  const { started, stoppedAtMs, redrive } = execution;
  return {
    id: slot.id,
    shard: slot.shard,
    arn: started.executionArn,
    stateMachineArn: listedUnder(started),
    ...(started.stateMachineVersionArn === undefined
      ? {}
      : { stateMachineVersionArn: started.stateMachineVersionArn }),
    ...(started.stateMachineAliasArn === undefined
      ? {}
      : { stateMachineAliasArn: started.stateMachineAliasArn }),
    name: started.name,
    revisionId: started.revisionId,
    startedAtMs: execution.startedAtMs,
    status: execution.status,
    ...(stoppedAtMs === undefined ? {} : { stoppedAtMs }),
    headLsn: slot.headLsn,
    ...(slot.wakeAtMs === undefined ? {} : { wakeAtMs: slot.wakeAtMs }),
    attention: execution.tasks.size > 0,
    ...(redrive === undefined ? {} : { redrive: { count: redrive.count, atMs: redrive.atMs } }),
  };
}
