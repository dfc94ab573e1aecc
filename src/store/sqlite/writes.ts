// Everything that changes the database, as groups: one transaction, one fsync.
//
// Knows:          the tables, the rules of a commit (epochs, arnTaken, the chain of turns).
// Does not know:  threads, messages, what to do when a group fails.
//
// Invariants
//   W1. Within a transaction, each call is judged by what the calls before it wrote (S2, S3).
//   W2. A stale call writes nothing, so it needs no savepoint: all its epochs are checked before its first write.
//   W3. A turn is stored only on top of its execution's last one; the same statement that moves the head checks it.
//   W4. What is cached here (`#symbols`, `#epochs`) never outlives the transaction that it was read in, unless
//       that transaction was committed: a rollback empties both.
//
// Per turn two statements run: one INSERT at the end of `journal`, one UPDATE of a head that sits on a page with
// some 80 others. `run` with positional parameters is the cheapest call of node:sqlite.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert, unreachable } from "../../base/assert.ts";
import type { CommitResult, EntityWrite } from "../store.ts";
import type { ArnIndex } from "./arn-index.ts";
import { turnChecksum } from "./checksum.ts";
import { CREATED_TEXTS, NUMBERS_PER_TURN, TEXTS_PER_TURN } from "./protocol.ts";
import type { Answer, PackedTurns, WriteRequest } from "./protocol.ts";

export class Writes {
  readonly #database: DatabaseSync;
  readonly #arns: ArnIndex;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insertTurn: StatementSync;
  readonly #advanceHead: StatementSync;
  readonly #readHead: StatementSync;
  readonly #moveHead: StatementSync;
  readonly #insertExecution: StatementSync;
  readonly #insertHead: StatementSync;
  readonly #findSymbol: StatementSync;
  readonly #insertSymbol: StatementSync;
  readonly #findEpoch: StatementSync;
  readonly #claim: StatementSync;
  readonly #putRedrive: StatementSync;
  readonly #addOpen: StatementSync;
  readonly #hasEntity: StatementSync;
  readonly #putEntity: StatementSync;
  readonly #deleteEntity: StatementSync;

  readonly #symbols = new Map<string, number>();
  readonly #epochs = new Map<number, number>();
  /** What the transaction adds to the number of open executions, by shard. */
  readonly #opened = new Map<number, number>();
  #lastLsn: number;

  constructor(database: DatabaseSync, arns: ArnIndex, lastLsn: number) {
    this.#database = database;
    this.#arns = arns;
    this.#lastLsn = lastLsn;
    const prepare = (sql: string): StatementSync => database.prepare(sql);
    this.#begin = prepare("BEGIN IMMEDIATE");
    this.#commit = prepare("COMMIT");
    this.#insertTurn = prepare(
      "INSERT INTO journal (lsn, execution, prev_lsn, at, epoch, checksum, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    // Matches only if no indexed column changes: SQLite rewrites the index entry of every column that is
    // assigned, even with an equal value, so the usual turn must not assign them.
    this.#advanceHead = prepare(
      `UPDATE head SET head_lsn = ?
       WHERE id = ? AND head_lsn = ? AND shard = ? AND status = ? AND stopped_at IS ? AND wake_at IS ? AND attention = ?`,
    );
    this.#readHead = prepare("SELECT head_lsn, shard, stopped_at FROM head WHERE id = ?");
    this.#moveHead = prepare(
      "UPDATE head SET head_lsn = ?, shard = ?, status = ?, stopped_at = ?, wake_at = ?, attention = ? WHERE id = ?",
    );
    this.#insertExecution = prepare(
      `INSERT INTO execution (id, arn, state_machine, state_machine_version, state_machine_alias, name, revision_id, started_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertHead = prepare(
      `INSERT INTO head (id, head_lsn, shard, state_machine, status, stopped_at, wake_at, attention)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#putRedrive = prepare(
      `INSERT INTO redrive (execution, count, at) VALUES (?, ?, ?)
       ON CONFLICT (execution) DO UPDATE SET count = excluded.count, at = excluded.at`,
    );
    this.#findSymbol = prepare("SELECT id FROM symbol WHERE text = ?");
    this.#insertSymbol = prepare("INSERT INTO symbol (text) VALUES (?) RETURNING id");
    this.#findEpoch = prepare("SELECT epoch FROM shard WHERE id = ?");
    this.#claim = prepare(
      "INSERT INTO shard (id, epoch) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
    );
    this.#addOpen = prepare("UPDATE shard SET open = open + ? WHERE id = ?");
    this.#hasEntity = prepare("SELECT 1 FROM entity WHERE kind = ? AND key = ?");
    this.#putEntity = prepare(
      "INSERT INTO entity (kind, key, data) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET data = excluded.data",
    );
    this.#deleteEntity = prepare("DELETE FROM entity WHERE kind = ? AND key = ?");
  }

  /**
   * All the calls in one transaction; durable when this returns. An answer may be a failure (StaleEpoch) of a
   * call that wrote nothing.
   * @throws whatever went wrong. Then the transaction is rolled back as far as this connection can tell, and
   *   none of the calls is stored unless the failure left the outcome of COMMIT open.
   */
  group(requests: readonly WriteRequest[]): readonly Answer[] {
    const lastLsn = this.#lastLsn;
    this.#epochs.clear();
    this.#opened.clear();
    try {
      this.#begin.run();
      const answers = requests.map((request) => this.#perform(request));
      for (const [shard, count] of this.#opened) {
        if (count !== 0) this.#addOpen.run(count, shard);
      }
      this.#commit.run();
      this.#arns.committed();
      return answers;
    } catch (error) {
      this.#lastLsn = lastLsn;
      this.#symbols.clear();
      this.#arns.rolledBack();
      // SQLite ends the transaction on its own after some errors.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #perform(request: WriteRequest): Answer {
    const { call } = request;
    switch (request.name) {
      case "commit": {
        const stale = this.#staleShard(request.args);
        if (stale !== undefined) {
          return {
            call,
            failure: { name: "StaleEpoch", message: `shard ${stale} was claimed by a later owner` },
          };
        }
        return { call, value: this.#append(request.args) };
      }
      case "claim":
        this.#epochs.delete(request.args);
        return { call, value: this.#claim.get(request.args)?.["epoch"] as number };
      case "writeEntities":
        return { call, value: this.#writeEntities(request.args) };
      default:
        return unreachable(request);
    }
  }

  /** The first shard that another epoch owns now (W2). */
  #staleShard({ numbers }: PackedTurns): number | undefined {
    for (let n = 0; n < numbers.length; n += NUMBERS_PER_TURN) {
      const shard = numbers[n + 1] as number;
      let epoch = this.#epochs.get(shard);
      if (epoch === undefined) {
        epoch = (this.#findEpoch.get(shard)?.["epoch"] as number | undefined) ?? 0;
        this.#epochs.set(shard, epoch);
      }
      if (epoch !== numbers[n + 2]) return shard;
    }
    return undefined;
  }

  #append({ numbers, texts }: PackedTurns): CommitResult {
    const arnTaken = new Set<number>();
    let t = 0;
    for (let n = 0; n < numbers.length; n += NUMBERS_PER_TURN) {
      const id = numbers[n] as number;
      const lsn = numbers[n + 3] as number;
      const prevLsn = numbers[n + 4] as number;
      assert(lsn > this.#lastLsn, `LSN ${lsn} does not ascend: ${this.#lastLsn} is stored`);
      this.#lastLsn = lsn;
      const stored =
        prevLsn === 0
          ? this.#createExecution(numbers, n, texts, t)
          : this.#follow(numbers, n, texts[t + 1] as string);
      if (stored) {
        const at = numbers[n + 5] as number;
        const data = texts[t] as string;
        const checksum = turnChecksum(lsn, id, prevLsn, at, data);
        this.#insertTurn.run(lsn, id, prevLsn, at, numbers[n + 2] as number, checksum, data);
        const redriveCount = numbers[n + 10] as number;
        if (!Number.isNaN(redriveCount)) this.#putRedrive.run(id, redriveCount, numbers[n + 11] as number);
      } else {
        arnTaken.add(id);
      }
      t += prevLsn === 0 ? TEXTS_PER_TURN + CREATED_TEXTS : TEXTS_PER_TURN;
    }
    return { arnTaken: [...arnTaken] };
  }

  /** False: the ARN is taken. */
  #createExecution(numbers: Float64Array, n: number, texts: PackedTurns["texts"], t: number): boolean {
    const id = numbers[n] as number;
    const arn = texts[t + 2] as string;
    if (this.#arns.find(arn) !== undefined) return false;
    const shard = numbers[n + 1] as number;
    const stateMachine = this.#symbol(texts[t + 3] as string);
    const version = texts[t + 4];
    const alias = texts[t + 5];
    this.#insertExecution.run(
      id,
      arn,
      stateMachine,
      version === undefined ? null : this.#symbol(version),
      alias === undefined ? null : this.#symbol(alias),
      texts[t + 6] as string,
      texts[t + 7] as string,
      numbers[n + 9] as number,
    );
    this.#arns.add(id, arn);
    const stoppedAt = orNull(numbers[n + 6] as number);
    this.#insertHead.run(
      id,
      numbers[n + 3] as number,
      shard,
      stateMachine,
      texts[t + 1] as string,
      stoppedAt,
      orNull(numbers[n + 7] as number),
      numbers[n + 8] as number,
    );
    if (stoppedAt === null) this.#countOpened(shard, 1);
    return true;
  }

  /** Moves the head of the execution to this turn (W3). False: there is no such execution, its start was refused. */
  #follow(numbers: Float64Array, n: number, status: string): boolean {
    const id = numbers[n] as number;
    const shard = numbers[n + 1] as number;
    const lsn = numbers[n + 3] as number;
    const prevLsn = numbers[n + 4] as number;
    const stoppedAt = orNull(numbers[n + 6] as number);
    const wakeAt = orNull(numbers[n + 7] as number);
    const attention = numbers[n + 8] as number;
    if (this.#advanceHead.run(lsn, id, prevLsn, shard, status, stoppedAt, wakeAt, attention).changes === 1)
      return true;
    const head = this.#readHead.get(id);
    if (head === undefined) return false;
    assert(
      head["head_lsn"] === prevLsn,
      `turn ${lsn} of execution ${id} follows ${prevLsn}, but its last turn is ${String(head["head_lsn"])}`,
    );
    this.#moveHead.run(lsn, shard, status, stoppedAt, wakeAt, attention, id);
    if (head["stopped_at"] === null) this.#countOpened(head["shard"] as number, -1);
    if (stoppedAt === null) this.#countOpened(shard, 1);
    return true;
  }

  #countOpened(shard: number, count: number): void {
    this.#opened.set(shard, (this.#opened.get(shard) ?? 0) + count);
  }

  #symbol(text: string): number {
    let id = this.#symbols.get(text);
    if (id === undefined) {
      id = (this.#findSymbol.get(text) ?? this.#insertSymbol.get(text))?.["id"] as number;
      this.#symbols.set(text, id);
    }
    return id;
  }

  #writeEntities(writes: readonly EntityWrite[]): boolean {
    const exists = (write: EntityWrite): boolean => this.#hasEntity.get(write.kind, write.key) !== undefined;
    if (writes.some((write) => write.ifAbsent === true && exists(write))) return false;
    for (const { kind, key, data } of writes) {
      if (data === undefined) this.#deleteEntity.run(kind, key);
      else this.#putEntity.run(kind, key, data);
    }
    return true;
  }
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}
