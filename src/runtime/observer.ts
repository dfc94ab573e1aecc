// What those who watch are told: logs, metrics, status events, traces.
//
// Knows:          the form of what is told. Does not know: who listens.
//
// Invariants
//   O1. A turn is told after it is durable (D1), before the next one of the same execution, and at most once: one that
//       became durable at the moment of a crash is not told again. Who needs every event reads the journal.
//   O2. An observer is synchronous and quick: it notes what it needs and does its work elsewhere. What it throws is
//       logged and changes nothing.

import type { Log } from "../base/log.ts";
import type { Payload } from "../base/json.ts";
import type { ExecutionStarted, JournalTurn } from "../engine/events.ts";
import type { Execution, ExecutionStatus } from "../engine/execution.ts";

export interface ObservedTurn {
  /** Who: ARNs, name, revision, input, trace header. */
  readonly started: ExecutionStarted;
  readonly startedAtMs: number;
  readonly isExpress: boolean;
  /** After the turn. */
  readonly status: ExecutionStatus;
  readonly stoppedAtMs: number | undefined;
  readonly redrive: { readonly count: number; readonly atMs: number } | undefined;
  /** Of an execution that has ended. */
  readonly output: Payload | undefined;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly turn: JournalTurn;
  /** The id of the last event of the history so far, this turn's included. */
  readonly lastEventId: number;
  /**
   * The turns of this execution before this one, read from its journal: for an observer that met the execution late.
   * @throws StoreUnusable
   */
  readonly before: () => Promise<readonly JournalTurn[]>;
}

export type Observer = (observed: ObservedTurn) => void;

/** One observer out of many, that never throws (O2); undefined if there are none. */
export function joinObservers(observers: readonly Observer[], log: Log): Observer | undefined {
  if (observers.length === 0) return undefined;
  return (observed) => {
    for (const observer of observers) {
      try {
        observer(observed);
      } catch (error) {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        const { executionArn } = observed.started;
        log(`an observer failed at ${executionArn}: ${detail}`, "error", { executionArn });
      }
    }
  };
}

/** What a turn leaves behind, read at once: the execution goes on changing. */
export function observedTurn(
  execution: Execution,
  turn: JournalTurn,
  isExpress: boolean,
  before: ObservedTurn["before"],
): ObservedTurn {
  const { started, startedAtMs, status, stoppedAtMs, redrive, output, error, cause, eventCount } = execution;
  return {
    started,
    startedAtMs,
    isExpress,
    status,
    stoppedAtMs,
    redrive,
    output,
    error,
    cause,
    turn,
    lastEventId: eventCount,
    before,
  };
}
