// The Store: what must survive. One interface, several implementations, one contract suite.
//
// Knows:          turns as opaque text, the few columns that are searched, entities as JSON text.
// Does not know:  the meaning of a turn or of an entity.
//
// Ordering promises
//   S1. `commit` resolves after all its turns are durable; only then may their commands run (D1).
//   S2. A turn is durable whole or not at all (D4); batches become durable in the order of the calls, and a
//       later batch is never durable without the earlier ones (D6).
//   S3. A write that carries an epoch older than the shard's current one stores nothing of its batch and
//       rejects with StaleEpoch (D5).
//   S4. What a resolved write stored is seen by every later read. Reads are answered in the order of the calls
//       relative to commits that were made before them.
//   S5. If a commit fails in a way that leaves its outcome unknown (fsync or I/O error), it rejects with
//       OutcomeUnknown and so does every later call: the process must stop and read again.
//   S6. Text comes back as it was given, `\u0000` included, as long as it is well-formed Unicode; a lone
//       surrogate is refused as a Bug (UTF-8 cannot hold it, and JSON.stringify never prints one).
//       Keys and texts are ordered by their UTF-8 bytes.
//
// Open means: without `stoppedAtMs`. What `status` says is opaque to the store.

/** One execution's row: what lists and recovery search by. The journal holds everything else. */
export interface ExecutionRow {
  /** Unique in the store, given out by the runtime, ascending. */
  readonly id: number;
  readonly shard: number;
  readonly arn: string;
  /** What lists go by: of a Map Run's child the Map Run's ARN, from which that of its state machine follows. */
  readonly stateMachineArn: string;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly name: string;
  readonly revisionId: string;
  readonly startedAtMs: number;
  readonly status: string;
  readonly stoppedAtMs?: number;
  /** LSN of the last turn. */
  readonly headLsn: number;
  readonly wakeAtMs?: number;
  readonly attention: boolean;
  /** Of the last turn that carried one. */
  readonly redrive?: RedriveNote;
}

/** How often an execution was redriven, and when last. Lists show it; to the store it says nothing. */
export interface RedriveNote {
  readonly count: number;
  readonly atMs: number;
}

/** One turn on its way into the journal. */
export interface TurnWrite {
  readonly executionId: number;
  readonly shard: number;
  readonly epoch: number;
  /** Given out by the runtime: strictly ascending over all turns of the store. */
  readonly lsn: number;
  /** LSN of the execution's previous turn; 0 for the first. */
  readonly prevLsn: number;
  readonly atMs: number;
  /** The encoded events (engine/codec.ts). */
  readonly data: string;
  readonly status: string;
  readonly stoppedAtMs?: number;
  /** The earliest moment at which the execution must be looked at; absent = none. */
  readonly wakeAtMs?: number;
  /** True if the runtime must look at it after a restart: a task is scheduled, under way or polled. */
  readonly attention: boolean;
  /** The row keeps it from this turn on; most turns have none. Never of a first turn. */
  readonly redrive?: RedriveNote;
  /** Present for the first turn only: what else the row needs. */
  readonly created?: {
    readonly arn: string;
    readonly stateMachineArn: string;
    readonly stateMachineVersionArn?: string;
    readonly stateMachineAliasArn?: string;
    readonly name: string;
    readonly revisionId: string;
    readonly startedAtMs: number;
  };
}

export interface StoredTurn {
  readonly lsn: number;
  readonly atMs: number;
  readonly data: string;
}

export interface CommitResult {
  /**
   * Executions whose ARN was taken already: their first turn was not stored; the rest of the batch was.
   * A later turn of such an execution (it may have been decided before the answer came) is not stored either
   * and names its execution here again.
   */
  readonly arnTaken: readonly number[];
}

export interface ListQuery {
  readonly stateMachineArn: string;
  /** Restrict to executions started through this version or alias. */
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly status?: string;
  /** Newest first; only rows with a smaller id. */
  readonly beforeId?: number;
  readonly limit: number;
}

/** State machines, revisions, activities, tags …: JSON documents by kind and key. */
export interface EntityWrite {
  readonly kind: string;
  readonly key: string;
  /** JSON text; undefined deletes. */
  readonly data: string | undefined;
  /** If set, the whole call is refused (resolves to false) when the entity exists already. */
  readonly ifAbsent?: boolean;
}
export interface Entity {
  readonly key: string;
  readonly data: string;
}

export interface Opening {
  /** Larger than every id in the store. */
  readonly nextExecutionId: number;
  readonly nextLsn: number;
}

export interface Store {
  /** Opens or creates, migrates, and refuses a format newer than this program. */
  open(): Promise<Opening>;
  /** Takes the shard over: every earlier epoch becomes stale (S3). */
  claim(shard: number): Promise<{ readonly epoch: number }>;
  /**
   * Several calls may be under way; each is stored whole or not at all, in the order of the calls.
   * @throws StaleEpoch, StorageFull, OutcomeUnknown; Bug if a turn does not follow its execution's last turn or
   * its LSN does not ascend (nothing of the batch is stored then).
   */
  commit(turns: readonly TurnWrite[]): Promise<CommitResult>;
  /** All turns of an execution, oldest first; empty if there is none. @throws JournalDamaged */
  readJournal(executionId: number): Promise<readonly StoredTurn[]>;
  findExecution(arn: string): Promise<ExecutionRow | undefined>;
  /** By id. */
  getExecution(id: number): Promise<ExecutionRow | undefined>;
  listExecutions(query: ListQuery): Promise<readonly ExecutionRow[]>;
  /** Open executions of the shard with `wakeAtMs` <= `untilMs`, by time. */
  due(
    shard: number,
    untilMs: number,
    limit: number,
  ): Promise<readonly { readonly id: number; readonly wakeAtMs: number }[]>;
  /** Open executions of the shard that need attention after a restart, ascending by id, above `afterId`. */
  attention(shard: number, afterId: number, limit: number): Promise<readonly number[]>;
  /** How many executions are open (all shards). */
  countOpen(): Promise<number>;
  /** All or nothing, durable when it resolves. False: an `ifAbsent` entity exists; then nothing was stored. */
  writeEntities(writes: readonly EntityWrite[]): Promise<boolean>;
  getEntity(kind: string, key: string): Promise<string | undefined>;
  /** Ascending by key, above `afterKey`. */
  listEntities(kind: string, afterKey: string, limit: number): Promise<readonly Entity[]>;
  /** Waits for what was accepted, then closes. */
  close(): Promise<void>;
}

/** Another owner has taken the shard; nothing of the batch was stored. */
export class StaleEpoch extends Error {
  override readonly name = "StaleEpoch";
}
/** The storage failed under a commit: whether it is durable is unknown until the store is read again. */
export class OutcomeUnknown extends Error {
  override readonly name = "OutcomeUnknown";
}
/**
 * There is no room: nothing of the batch was stored, and that is certain. The store goes on: the same write may
 * be tried again when there is room. Turns decided on top of it must be given up (their predecessor is missing).
 */
export class StorageFull extends Error {
  override readonly name = "StorageFull";
}
/**
 * What is stored of this execution's journal is not what was written (a damaged disk or file). Its turns cannot
 * be given; the other executions are not concerned. `executionId` and the message name it.
 */
export class JournalDamaged extends Error {
  override readonly name = "JournalDamaged";
  readonly executionId: number;
  readonly detail: string;
  constructor(executionId: number, detail: string) {
    super(`the journal of execution ${executionId} is damaged: ${detail}`);
    this.executionId = executionId;
    this.detail = detail;
  }
}
/** The store cannot be opened; the message says what to do. */
export class StoreUnusable extends Error {
  override readonly name = "StoreUnusable";
}
