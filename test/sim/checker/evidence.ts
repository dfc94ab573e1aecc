// What the checker reads: what clients called and were answered, what services received, histories, and stored rows.
//
// Plain data, gathered while a run goes on. Nothing here knows how the run was made, so a run of the real server can be
// told in the same words.

import type { RecordedEvent } from "../reference/judge.ts";

/** An invariant does not hold. `invariant` names it (docs/reliability.md). */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: string;
  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** How often each invariant was held against something. */
export class Checks {
  readonly counts = new Map<string, number>();

  holds(invariant: string, condition: boolean, message: () => string): void {
    this.count(invariant);
    if (!condition) throw new Violation(invariant, message());
  }

  count(invariant: string, times = 1): void {
    this.counts.set(invariant, (this.counts.get(invariant) ?? 0) + times);
  }
}

export interface Moment {
  readonly step: number;
  readonly wallMs: number;
  /** How often the wall clock had been set: moments are comparable if this is the same. */
  readonly jumps: number;
}

export type Answer =
  | { readonly kind: "ok"; readonly value: unknown }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  /** The connection broke: it may have had its effect. */
  | { readonly kind: "lost" }
  /** Nobody listened: it had none. */
  | { readonly kind: "refused" };

export type Request =
  | {
      readonly operation: "StartExecution";
      readonly machineArn: string;
      readonly name: string | undefined;
      readonly input: string;
    }
  | {
      /** Of an Express state machine; the names are all different. */
      readonly operation: "StartExpress" | "StartSync";
      readonly machineArn: string;
      readonly name: string;
    }
  | { readonly operation: "ReadExpress"; readonly machineArn: string }
  | {
      readonly operation: "StopExecution";
      readonly arn: string;
      readonly error: string;
      readonly cause: string | undefined;
    }
  | { readonly operation: "DescribeExecution"; readonly arn: string }
  | {
      readonly operation: "GetExecutionHistory";
      readonly arn: string;
      readonly reverse: boolean;
      readonly limit: number;
      readonly offset: number;
    }
  | { readonly operation: "ListExecutions"; readonly machineArn: string }
  | {
      readonly operation: "SendTaskSuccess";
      readonly token: string;
      readonly output: string;
      readonly isForged: boolean;
    }
  | {
      readonly operation: "SendTaskFailure";
      readonly token: string;
      readonly error: string | undefined;
      readonly cause: string | undefined;
    }
  | { readonly operation: "SendTaskHeartbeat"; readonly token: string }
  | { readonly operation: "GetActivityTask"; readonly activityArn: string; readonly worker: string }
  | { readonly operation: "CreateStateMachine" | "CreateActivity"; readonly resourceArn: string }
  | { readonly operation: "UpdateStateMachine"; readonly resourceArn: string; readonly revisionId: string };

export interface Call<R extends Request = Request> {
  readonly id: number;
  readonly request: R;
  readonly sent: Moment;
  /** What of the execution had been answered to anybody before this call was sent. */
  readonly floor: Floor | undefined;
  answered: Moment | undefined;
  answer: Answer | undefined;
}

/** The least that a later answer must show. */
export interface Floor {
  readonly events: number;
  readonly end: string | undefined;
}

export type CallOf<O extends Request["operation"]> = Call<Extract<Request, { operation: O }>>;

/** An attempt was handed to its integration. */
export interface Receipt {
  readonly executionArn: string;
  readonly attemptId: string;
  /** The process. */
  readonly life: number;
  readonly resource: string;
  readonly parameters: string;
  readonly isResumed: boolean;
  readonly at: Moment;
  /** Turns of the execution that were durable then. */
  readonly durableTurns: number;
  /** What the service answered, if it was one of ours; JSON text or an error name. */
  reply: { readonly kind: "output"; readonly text: string } | { readonly kind: "other" } | undefined;
  /** The task token that it was given. */
  token: string | undefined;
}

/** An execution's row and journal as stored. */
export interface StoredExecution {
  readonly id: number;
  readonly arn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly revisionId: string;
  readonly startedAtMs: number;
  readonly status: string;
  readonly stoppedAtMs: number | undefined;
  /** How many events the history had after each turn. */
  readonly eventsAfterTurn: readonly number[];
  /** The history as told from the journal. */
  readonly events: readonly RecordedEvent[];
}

/** How it ended, as a client is told. */
export interface Described {
  readonly status: string;
  readonly startedAtMs: number;
  readonly stoppedAtMs: number | undefined;
  readonly output: string | undefined;
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

export interface Evidence {
  readonly calls: Call[];
  readonly receipts: Receipt[];
  /** By revision. */
  readonly definitions: Map<string, { readonly definition: unknown; readonly roleArn: string }>;
}
