// What the two threads of SqliteStore say to each other.
//
// Knows:          the shape of the messages, and how turns are packed.
// Does not know:  SQL, promises.
//
// Turns are the hot path, so they are columns: one Float64Array, whose buffer is handed over, and one array of
// strings. Measured for 1,024 turns of 400 bytes, µs a turn on the sending side and for the whole round trip:
// this form 0.13 and 0.37; one flat array of everything 0.34 and 0.86; all texts joined to one string 0.53 and
// 1.07; arrays of arrays 0.50 and 1.23; the objects as they are 0.67 and 1.96.

import type {
  CommitResult,
  Entity,
  EntityWrite,
  ExecutionRow,
  ListQuery,
  Opening,
  StoredTurn,
  TurnWrite,
} from "../store.ts";

/** Numbers for each turn, in the order of `packTurns`. */
export const NUMBERS_PER_TURN = 12;
/** Texts for each turn; the first turn of an execution has CREATED_TEXTS more. */
export const TEXTS_PER_TURN = 2;
export const CREATED_TEXTS = 6;

export interface PackedTurns {
  /**
   * executionId, shard, epoch, lsn, prevLsn, atMs, stoppedAtMs, wakeAtMs, attention, startedAtMs, redrive.count,
   * redrive.atMs; NaN = absent.
   */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** data, status; then, where prevLsn is 0: arn, stateMachineArn, version, alias, name, revisionId. */
  readonly texts: readonly (string | undefined)[];
}

/** Every operation of the thread, with its arguments and its answer. Reads go in bounded steps. */
export interface Operations {
  readonly commit: { readonly args: PackedTurns; readonly answer: CommitResult };
  readonly claim: { readonly args: number; readonly answer: number };
  readonly writeEntities: { readonly args: readonly EntityWrite[]; readonly answer: boolean };
  readonly readJournal: { readonly args: JournalStep; readonly answer: JournalPage };
  readonly findExecution: { readonly args: string; readonly answer: ExecutionRow | undefined };
  readonly getExecution: { readonly args: number; readonly answer: ExecutionRow | undefined };
  readonly listExecutions: { readonly args: ListQuery; readonly answer: ListPage };
  readonly due: {
    readonly args: { readonly shard: number; readonly untilMs: number; readonly limit: number };
    readonly answer: readonly { readonly id: number; readonly wakeAtMs: number }[];
  };
  readonly attention: {
    readonly args: { readonly shard: number; readonly afterId: number; readonly limit: number };
    readonly answer: readonly number[];
  };
  readonly countOpen: { readonly args: undefined; readonly answer: number };
  readonly getEntity: {
    readonly args: { readonly kind: string; readonly key: string };
    readonly answer: string | undefined;
  };
  readonly listEntities: {
    readonly args: { readonly kind: string; readonly afterKey: string; readonly limit: number };
    readonly answer: readonly Entity[];
  };
  readonly close: { readonly args: undefined; readonly answer: undefined };
}
export type OperationName = keyof Operations;
/** What changes the store; the others read. */
export type WriteName = "commit" | "claim" | "writeEntities";

export interface JournalStep {
  readonly executionId: number;
  /** Where the previous page ended; undefined starts at the head. */
  readonly lsn: number | undefined;
}
export interface JournalPage {
  /** Newest first. */
  readonly turns: readonly StoredTurn[];
  /** The next older turn; 0 = there is none. */
  readonly nextLsn: number;
}
export interface ListPage {
  readonly rows: readonly ExecutionRow[];
  /** Where to go on, even if `rows` is empty; undefined = there is nothing further. */
  readonly beforeId: number | undefined;
}

export type Request = {
  readonly [Name in OperationName]: {
    readonly call: number;
    readonly name: Name;
    readonly args: Operations[Name]["args"];
  };
}[OperationName];
export type WriteRequest = Extract<Request, { readonly name: WriteName }>;
export type ReadRequest = Exclude<Request, { readonly name: WriteName | "close" }>;

export function isWrite(request: WriteRequest | ReadRequest): request is WriteRequest {
  return request.name === "commit" || request.name === "claim" || request.name === "writeEntities";
}

/** Plain data for an error: class instances lose their class on the way between threads. */
export type Failure =
  | { readonly name: "StaleEpoch" | "StorageFull" | "Bug"; readonly message: string }
  | { readonly name: "JournalDamaged"; readonly executionId: number; readonly detail: string };

export type Answer =
  | { readonly call: number; readonly value: Operations[OperationName]["answer"] }
  | { readonly call: number; readonly failure: Failure };

export type Reply =
  | { readonly kind: "opened"; readonly opening: Opening }
  | { readonly kind: "unusable"; readonly message: string }
  /** Answers in any order; each names its call. `taken`: messages taken off the port since the last reply. */
  | { readonly kind: "answers"; readonly answers: readonly Answer[]; readonly taken: number }
  /** A failure with an unknown outcome: nothing is answered after it. */
  | { readonly kind: "poisoned"; readonly message: string };

export interface ThreadData {
  readonly directory: string;
  readonly durability: "full" | "none";
}

export function packTurns(turns: readonly TurnWrite[]): PackedTurns {
  const numbers = new Float64Array(turns.length * NUMBERS_PER_TURN);
  const texts: (string | undefined)[] = [];
  let n = 0;
  for (const turn of turns) {
    const { created } = turn;
    numbers[n++] = turn.executionId;
    numbers[n++] = turn.shard;
    numbers[n++] = turn.epoch;
    numbers[n++] = turn.lsn;
    numbers[n++] = turn.prevLsn;
    numbers[n++] = turn.atMs;
    numbers[n++] = turn.stoppedAtMs ?? Number.NaN;
    numbers[n++] = turn.wakeAtMs ?? Number.NaN;
    numbers[n++] = turn.attention ? 1 : 0;
    numbers[n++] = created?.startedAtMs ?? Number.NaN;
    numbers[n++] = turn.redrive?.count ?? Number.NaN;
    numbers[n++] = turn.redrive?.atMs ?? Number.NaN;
    texts.push(turn.data, turn.status);
    if (created !== undefined) {
      texts.push(
        created.arn,
        created.stateMachineArn,
        created.stateMachineVersionArn,
        created.stateMachineAliasArn,
        created.name,
        created.revisionId,
      );
    }
  }
  return { numbers, texts };
}
