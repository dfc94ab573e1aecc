// MemoryStore: the reference. What it answers is what every Store must answer; it forgets when the process ends.
//
// Knows:          the Store contract, in the plainest data structures that serve it.
// Does not know:  disks. It never fails with StorageFull or OutcomeUnknown.
//
// Invariants
//   M1. A batch is judged whole before anything of it is stored, so a refused one leaves no trace (S2, S3).
//   M2. `#open` holds exactly the ids of the rows without `stoppedAtMs`: looking for due executions does not
//       walk over the closed ones.
//
// `close` keeps the contents: `open` on the same object finds them again, as a file would.

import { assert } from "../base/assert.ts";
import { checkEntities, checkTurns } from "./checks.ts";
import { StaleEpoch } from "./store.ts";
import type {
  CommitResult,
  Entity,
  EntityWrite,
  ExecutionRow,
  ListQuery,
  Opening,
  Store,
  StoredTurn,
  TurnWrite,
} from "./store.ts";

export class MemoryStore implements Store {
  #state: "new" | "open" | "closed" = "new";
  #lastLsn = 0;
  #lastExecutionId = 0;
  readonly #epochs = new Map<number, number>();
  readonly #rows = new Map<number, ExecutionRow>();
  readonly #idByArn = new Map<string, number>();
  /** Ids in ascending order, by state machine. */
  readonly #idsByMachine = new Map<string, number[]>();
  readonly #open = new Set<number>();
  readonly #journals = new Map<number, StoredTurn[]>();
  readonly #entities = new Map<string, Entities>();

  async open(): Promise<Opening> {
    assert(this.#state !== "open", "the store is open already");
    this.#state = "open";
    return { nextExecutionId: this.#lastExecutionId + 1, nextLsn: this.#lastLsn + 1 };
  }

  async claim(shard: number): Promise<{ readonly epoch: number }> {
    this.#assertOpen();
    const epoch = (this.#epochs.get(shard) ?? 0) + 1;
    this.#epochs.set(shard, epoch);
    return { epoch };
  }

  async commit(turns: readonly TurnWrite[]): Promise<CommitResult> {
    this.#assertOpen();
    checkTurns(turns);
    const refused = this.#judge(turns);
    for (const turn of turns) {
      if (!refused.has(turn.executionId)) this.#append(turn);
    }
    return { arnTaken: [...refused] };
  }

  async readJournal(executionId: number): Promise<readonly StoredTurn[]> {
    this.#assertOpen();
    return [...(this.#journals.get(executionId) ?? [])];
  }

  async findExecution(arn: string): Promise<ExecutionRow | undefined> {
    this.#assertOpen();
    const id = this.#idByArn.get(arn);
    return id === undefined ? undefined : this.#rows.get(id);
  }

  async getExecution(id: number): Promise<ExecutionRow | undefined> {
    this.#assertOpen();
    return this.#rows.get(id);
  }

  async listExecutions(query: ListQuery): Promise<readonly ExecutionRow[]> {
    this.#assertOpen();
    const found: ExecutionRow[] = [];
    const ids = this.#idsByMachine.get(query.stateMachineArn) ?? [];
    for (let i = ids.length - 1; i >= 0 && found.length < query.limit; i--) {
      const row = this.#row(ids[i] as number);
      if (query.beforeId !== undefined && row.id >= query.beforeId) continue;
      if (query.status !== undefined && row.status !== query.status) continue;
      if (
        query.stateMachineVersionArn !== undefined &&
        row.stateMachineVersionArn !== query.stateMachineVersionArn
      )
        continue;
      if (query.stateMachineAliasArn !== undefined && row.stateMachineAliasArn !== query.stateMachineAliasArn)
        continue;
      found.push(row);
    }
    return found;
  }

  async due(
    shard: number,
    untilMs: number,
    limit: number,
  ): Promise<readonly { readonly id: number; readonly wakeAtMs: number }[]> {
    this.#assertOpen();
    const due: { id: number; wakeAtMs: number }[] = [];
    for (const id of this.#open) {
      const { shard: owner, wakeAtMs } = this.#row(id);
      if (owner === shard && wakeAtMs !== undefined && wakeAtMs <= untilMs) due.push({ id, wakeAtMs });
    }
    return due.toSorted((a, b) => a.wakeAtMs - b.wakeAtMs || a.id - b.id).slice(0, limit);
  }

  async attention(shard: number, afterId: number, limit: number): Promise<readonly number[]> {
    this.#assertOpen();
    const ids: number[] = [];
    for (const id of this.#open) {
      const row = this.#row(id);
      if (row.shard === shard && row.attention && id > afterId) ids.push(id);
    }
    return ids.toSorted((a, b) => a - b).slice(0, limit);
  }

  async countOpen(): Promise<number> {
    this.#assertOpen();
    return this.#open.size;
  }

  async writeEntities(writes: readonly EntityWrite[]): Promise<boolean> {
    this.#assertOpen();
    checkEntities(writes);
    const exists = (write: EntityWrite): boolean => this.#entities.get(write.kind)?.has(write.key) === true;
    if (writes.some((write) => write.ifAbsent === true && exists(write))) return false;
    for (const { kind, key, data } of writes) {
      let ofKind = this.#entities.get(kind);
      if (ofKind === undefined) this.#entities.set(kind, (ofKind = new Entities()));
      if (data === undefined) ofKind.delete(key);
      else ofKind.set(key, data);
    }
    return true;
  }

  async getEntity(kind: string, key: string): Promise<string | undefined> {
    this.#assertOpen();
    return this.#entities.get(kind)?.get(key);
  }

  async listEntities(kind: string, afterKey: string, limit: number): Promise<readonly Entity[]> {
    this.#assertOpen();
    return this.#entities.get(kind)?.after(afterKey, limit) ?? [];
  }

  async close(): Promise<void> {
    this.#state = "closed";
  }

  /**
   * The executions of the batch whose start is refused, in order. Changes nothing (M1).
   * @throws StaleEpoch, Bug
   */
  #judge(turns: readonly TurnWrite[]): Set<number> {
    const stale = turns.find((turn) => turn.epoch !== (this.#epochs.get(turn.shard) ?? 0));
    if (stale !== undefined)
      throw new StaleEpoch(`shard ${stale.shard} was claimed after epoch ${stale.epoch}`);
    const refused = new Set<number>();
    const heads = new Map<number, number>();
    const arns = new Set<string>();
    let lastLsn = this.#lastLsn;
    for (const { executionId, lsn, prevLsn, created } of turns) {
      assert(lsn > lastLsn, `LSN ${lsn} does not ascend: ${lastLsn} is stored`);
      lastLsn = lsn;
      const head = heads.get(executionId) ?? this.#rows.get(executionId)?.headLsn;
      if (created !== undefined) {
        assert(head === undefined, `execution ${executionId} exists already`);
        if (this.#idByArn.has(created.arn) || arns.has(created.arn)) {
          refused.add(executionId);
          continue;
        }
        arns.add(created.arn);
      } else if (head === undefined) {
        refused.add(executionId);
        continue;
      } else {
        assert(
          head === prevLsn,
          `turn ${lsn} of execution ${executionId} follows ${prevLsn}, but its last turn is ${head}`,
        );
      }
      heads.set(executionId, lsn);
    }
    return refused;
  }

  #append(turn: TurnWrite): void {
    const { executionId: id, lsn, created } = turn;
    if (created !== undefined) {
      this.#idByArn.set(created.arn, id);
      const ids = this.#idsByMachine.get(created.stateMachineArn);
      if (ids === undefined) this.#idsByMachine.set(created.stateMachineArn, [id]);
      else ids.splice(ids.findLastIndex((other) => other < id) + 1, 0, id);
      this.#journals.set(id, []);
      this.#lastExecutionId = Math.max(this.#lastExecutionId, id);
    }
    const redrive = turn.redrive ?? this.#rows.get(id)?.redrive;
    this.#rows.set(id, {
      ...(created ?? identityOf(this.#row(id))),
      id,
      shard: turn.shard,
      status: turn.status,
      headLsn: lsn,
      attention: turn.attention,
      ...(turn.stoppedAtMs === undefined ? {} : { stoppedAtMs: turn.stoppedAtMs }),
      ...(turn.wakeAtMs === undefined ? {} : { wakeAtMs: turn.wakeAtMs }),
      ...(redrive === undefined ? {} : { redrive }),
    });
    if (turn.stoppedAtMs === undefined) this.#open.add(id);
    else this.#open.delete(id);
    this.#journals.get(id)?.push({ lsn, atMs: turn.atMs, data: turn.data });
    this.#lastLsn = lsn;
  }

  #row(id: number): ExecutionRow {
    const row = this.#rows.get(id);
    assert(row !== undefined, `no row of execution ${id}`);
    return row;
  }

  #assertOpen(): void {
    assert(this.#state === "open", "the store is not open");
  }
}

/** What a row keeps from the execution's first turn to its last. */
function identityOf(row: ExecutionRow): NonNullable<TurnWrite["created"]> {
  const { stateMachineVersionArn, stateMachineAliasArn } = row;
  return {
    arn: row.arn,
    stateMachineArn: row.stateMachineArn,
    ...(stateMachineVersionArn === undefined ? {} : { stateMachineVersionArn }),
    ...(stateMachineAliasArn === undefined ? {} : { stateMachineAliasArn }),
    name: row.name,
    revisionId: row.revisionId,
    startedAtMs: row.startedAtMs,
  };
}

/** JavaScript compares UTF-16 units, which puts U+FFFF after U+10000; bytes of UTF-8 are in code point order. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The entities of one kind. Their keys are sorted when they are listed, and stay so as long as new ones come at the end. */
class Entities {
  readonly #data = new Map<string, string>();
  #keys: string[] = [];
  #isSorted = true;

  has(key: string): boolean {
    return this.#data.has(key);
  }

  get(key: string): string | undefined {
    return this.#data.get(key);
  }

  set(key: string, data: string): void {
    if (!this.#data.has(key)) {
      const last = this.#keys.at(-1);
      if (last !== undefined && compareUtf8(key, last) < 0) this.#isSorted = false;
      this.#keys.push(key);
    }
    this.#data.set(key, data);
  }

  delete(key: string): void {
    if (!this.#data.delete(key)) return;
    this.#keys = this.#keys.filter((each) => each !== key);
  }

  /** Ascending by key, above `afterKey`. */
  after(afterKey: string, limit: number): readonly Entity[] {
    if (!this.#isSorted) this.#keys.sort(compareUtf8);
    this.#isSorted = true;
    let from = 0;
    for (let to = this.#keys.length; from < to; ) {
      const middle = (from + to) >>> 1;
      if (compareUtf8(this.#keys[middle] as string, afterKey) > 0) to = middle;
      else from = middle + 1;
    }
    const found = this.#keys.slice(from, from + limit);
    return found.map((key) => ({ key, data: this.#data.get(key) as string }));
  }
}
