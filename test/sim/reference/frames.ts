// What the reference interpreter knows while it goes along a history: scopes, visits of states, failures.

import type { Place, RecordedEvent, Running } from "./threads.ts";
import { show, type Unknown, type Value } from "./values.ts";

export type Fields = { readonly [name: string]: Value };
export type Block = { readonly StartAt: string; readonly States: { readonly [name: string]: Fields } };

export interface World {
  readonly execution: Fields;
  readonly stateMachine: Fields;
  /** Of states that name none. */
  readonly queryLanguage: string;
  readonly payloadBytes: number;
  readonly variableBytes: number;
  readonly mapConcurrency: number;
  /** How late a timer may be; absent: as late as it likes. */
  readonly latenessMs: number | undefined;
}

/** One scope: the execution, a branch, an iteration. */
export interface Frame extends Place {
  readonly world: World;
  readonly parent: Frame | undefined;
  readonly item: { readonly index: number; readonly value: Value } | undefined;
  readonly variables: Map<string, Value>;
  /** What it is doing when it may be given up; undefined while it is between states, or at its end. */
  open: { readonly type: string; readonly children: readonly Child[] } | undefined;
  /** The type of the state that it is in, or was in last. */
  type: string;
  /** Of an iteration that has ended: what the next one's start follows. */
  lastOwnEvent: number;
}

export interface Child {
  readonly frame: Frame;
  readonly index: number;
  /** The Map's name; undefined for a branch. */
  readonly map: string | undefined;
  running: Running<Value>;
  /** It has failed, and its Map goes on. */
  isTolerated: boolean;
}

/** The workflow's own failure: what Retry and Catch see. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly error: string | undefined;
  readonly reason: string | Unknown | undefined;
  /** The last event of what failed, and its time. */
  readonly cursor: number;
  readonly atMs: number;
  /** The state that it comes from can neither retry nor catch it, since it has done its work. */
  readonly isFinal: boolean;
  constructor(
    error: string | undefined,
    reason: string | Unknown | undefined,
    { cursor, nowMs }: Place,
    isFinal = false,
  ) {
    super(`${error}: ${show(reason)}`);
    this.error = error;
    this.reason = reason;
    this.cursor = cursor;
    this.atMs = nowMs;
    this.isFinal = isFinal;
  }
}

/** One visit of a state. */
export interface Visit {
  readonly name: string;
  readonly type: string;
  readonly fields: Fields;
  readonly frame: Frame;
  readonly input: Value;
  readonly entered: RecordedEvent;
  readonly isJsonata: boolean;
  /** `$$.State.RetryCount` */
  retries: number;
}
