// Everything that is read from the database, in steps that are short.
//
// Knows:          the tables and their indexes.
// Does not know:  threads, messages, who asks.
//
// Invariants
//   Q1. A step looks at a bounded number of rows, whatever was asked for, so that no commit waits long behind it.
//       What is longer comes in pages, and the asking side goes on where the last one ended. That is consistent:
//       turns never change once stored, and lists are ordered by id.

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { unreachable } from "../../base/assert.ts";
import { JournalDamaged } from "../store.ts";
import type { Entity, ExecutionRow, ListQuery, Opening, StoredTurn } from "../store.ts";
import type { ArnIndex } from "./arn-index.ts";
import { turnChecksum } from "./checksum.ts";
import { isCorrupt, messageOf } from "./failure.ts";
import type { JournalPage, JournalStep, ListPage, Operations, ReadRequest } from "./protocol.ts";

type Row = Record<string, SQLOutputValue>;

/** Bounds of one step (Q1): about 2 ms on the development machine. */
const TURNS_PER_STEP = 500;
const CHARACTERS_PER_STEP = 4 * 1024 * 1024;
const ROWS_PER_STEP = 500;

const ROWS = `
  SELECT head.id AS id, head.shard AS shard, execution.arn AS arn, machine.text AS state_machine_arn,
    version.text AS version_arn, alias.text AS alias_arn, execution.name AS name, execution.revision_id AS revision_id,
    execution.started_at AS started_at, head.status AS status, head.stopped_at AS stopped_at,
    head.head_lsn AS head_lsn, head.wake_at AS wake_at, head.attention AS attention,
    redrive.count AS redrive_count, redrive.at AS redriven_at
  FROM head JOIN execution ON execution.id = head.id
    JOIN symbol AS machine ON machine.id = execution.state_machine
    LEFT JOIN symbol AS version ON version.id = execution.state_machine_version
    LEFT JOIN symbol AS alias ON alias.id = execution.state_machine_alias
    LEFT JOIN redrive ON redrive.execution = execution.id`;

export class Reads {
  readonly #arns: ArnIndex;
  readonly #opening: StatementSync;
  readonly #headLsn: StatementSync;
  readonly #turn: StatementSync;
  readonly #byId: StatementSync;
  readonly #symbol: StatementSync;
  readonly #list: StatementSync;
  readonly #listByStatus: StatementSync;
  readonly #due: StatementSync;
  readonly #attention: StatementSync;
  readonly #countOpen: StatementSync;
  readonly #getEntity: StatementSync;
  readonly #listEntities: StatementSync;

  constructor(database: DatabaseSync, arns: ArnIndex) {
    this.#arns = arns;
    const prepare = (sql: string): StatementSync => database.prepare(sql);
    this.#opening = prepare(
      `SELECT coalesce((SELECT max(id) FROM execution), 0) AS id, coalesce((SELECT max(lsn) FROM journal), 0) AS lsn`,
    );
    this.#headLsn = prepare("SELECT head_lsn FROM head WHERE id = ?");
    this.#turn = prepare("SELECT execution, prev_lsn, at, checksum, data FROM journal WHERE lsn = ?");
    this.#byId = prepare(`${ROWS} WHERE head.id = ?`);
    this.#symbol = prepare("SELECT id FROM symbol WHERE text = ?");
    // CROSS JOIN keeps the order of the tables, and with it the index that is already sorted.
    this.#list = prepare(
      `${ROWS.replace("head JOIN execution ON", "execution CROSS JOIN head ON")}
       WHERE execution.state_machine = ? AND execution.id < ? ORDER BY execution.id DESC LIMIT ?`,
    );
    this.#listByStatus = prepare(
      `${ROWS.replace("head JOIN", "head CROSS JOIN")}
       WHERE head.state_machine = ? AND head.status = ? AND head.id < ? ORDER BY head.id DESC LIMIT ?`,
    );
    this.#due = prepare(
      `SELECT id, wake_at FROM head
       WHERE shard = ? AND wake_at <= ? AND wake_at IS NOT NULL AND stopped_at IS NULL ORDER BY wake_at, id LIMIT ?`,
    );
    this.#attention = prepare(
      "SELECT id FROM head WHERE shard = ? AND attention = 1 AND stopped_at IS NULL AND id > ? ORDER BY id LIMIT ?",
    );
    this.#countOpen = prepare("SELECT coalesce(sum(open), 0) AS count FROM shard");
    this.#getEntity = prepare("SELECT data FROM entity WHERE kind = ? AND key = ?");
    this.#listEntities = prepare(
      "SELECT key, data FROM entity WHERE kind = ? AND key > ? ORDER BY key LIMIT ?",
    );
  }

  opening(): Opening {
    const row = this.#opening.get() as Row;
    return { nextExecutionId: (row["id"] as number) + 1, nextLsn: (row["lsn"] as number) + 1 };
  }

  perform(request: ReadRequest): Operations[ReadRequest["name"]]["answer"] {
    switch (request.name) {
      case "readJournal":
        return this.#readJournal(request.args);
      case "findExecution":
        return this.#findExecution(request.args);
      case "getExecution":
        return executionRow(this.#byId.get(request.args));
      case "listExecutions":
        return this.#listExecutions(request.args);
      case "due": {
        const rows = this.#due.all(request.args.shard, request.args.untilMs, request.args.limit);
        return rows.map((row) => ({ id: row["id"] as number, wakeAtMs: row["wake_at"] as number }));
      }
      case "attention": {
        const rows = this.#attention.all(request.args.shard, request.args.afterId, request.args.limit);
        return rows.map((row) => row["id"] as number);
      }
      case "countOpen":
        return this.#countOpen.get()?.["count"] as number;
      case "getEntity":
        return this.#getEntity.get(request.args.kind, request.args.key)?.["data"] as string | undefined;
      case "listEntities": {
        const rows = this.#listEntities.all(request.args.kind, request.args.afterKey, request.args.limit);
        return rows.map((row): Entity => ({ key: row["key"] as string, data: row["data"] as string }));
      }
      default:
        return unreachable(request);
    }
  }

  #findExecution(arn: string): ExecutionRow | undefined {
    const id = this.#arns.find(arn);
    return id === undefined ? undefined : executionRow(this.#byId.get(id));
  }

  /** Follows the chain back by point reads: a recursive query would copy each text once more, and cannot be cut by size. */
  #readJournal({ executionId, lsn }: JournalStep): JournalPage {
    const turns: StoredTurn[] = [];
    let nextLsn = lsn ?? (this.#headLsn.get(executionId)?.["head_lsn"] as number | undefined) ?? 0;
    for (
      let characters = 0;
      nextLsn !== 0 && turns.length < TURNS_PER_STEP && characters < CHARACTERS_PER_STEP;
    ) {
      const row = this.#readTurn(executionId, nextLsn);
      const data = row["data"] as string;
      turns.push({ lsn: nextLsn, atMs: row["at"] as number, data });
      characters += data.length;
      nextLsn = row["prev_lsn"] as number;
    }
    return { turns, nextLsn };
  }

  /** @throws JournalDamaged unless the turn is what was written */
  #readTurn(executionId: number, lsn: number): Row {
    let row: Row | undefined;
    try {
      row = this.#turn.get(lsn);
    } catch (error) {
      // A page of the journal is unreadable as a page. Nothing is being written, so no outcome is unknown.
      if (isCorrupt(error))
        throw new JournalDamaged(executionId, `turn ${lsn} cannot be read (${messageOf(error)})`);
      throw error;
    }
    if (row === undefined) throw new JournalDamaged(executionId, `turn ${lsn} is missing`);
    const [prevLsn, atMs, data] = [row["prev_lsn"] as number, row["at"] as number, row["data"] as string];
    const isIntact = row["checksum"] === turnChecksum(lsn, executionId, prevLsn, atMs, data);
    if (!isIntact || row["execution"] !== executionId || prevLsn >= lsn) {
      throw new JournalDamaged(executionId, `turn ${lsn} is not what was written`);
    }
    return row;
  }

  /** Versions and aliases are in no index: rows are read and dropped, so a page may be empty and not the last. */
  #listExecutions(query: ListQuery): ListPage {
    const { status, stateMachineVersionArn: version, stateMachineAliasArn: alias, limit } = query;
    const machine = this.#symbol.get(query.stateMachineArn)?.["id"];
    if (machine === undefined || limit === 0) return { rows: [], beforeId: undefined };
    const beforeId = query.beforeId ?? Number.MAX_SAFE_INTEGER;
    const filtered = version !== undefined || alias !== undefined;
    const examined = filtered ? ROWS_PER_STEP : Math.min(limit, ROWS_PER_STEP);
    const found =
      status === undefined
        ? this.#list.all(machine, beforeId, examined)
        : this.#listByStatus.all(machine, status, beforeId, examined);
    const rows: ExecutionRow[] = [];
    for (const raw of found) {
      const row = executionRow(raw) as ExecutionRow;
      if (version !== undefined && row.stateMachineVersionArn !== version) continue;
      if (alias !== undefined && row.stateMachineAliasArn !== alias) continue;
      rows.push(row);
    }
    const last = found.at(-1);
    const isEnd = last === undefined || found.length < examined;
    return { rows: rows.slice(0, limit), beforeId: isEnd ? undefined : (last["id"] as number) };
  }
}

function executionRow(row: Row | undefined): ExecutionRow | undefined {
  if (row === undefined) return undefined;
  return {
    id: row["id"] as number,
    shard: row["shard"] as number,
    arn: row["arn"] as string,
    stateMachineArn: row["state_machine_arn"] as string,
    ...(row["version_arn"] === null ? {} : { stateMachineVersionArn: row["version_arn"] as string }),
    ...(row["alias_arn"] === null ? {} : { stateMachineAliasArn: row["alias_arn"] as string }),
    name: row["name"] as string,
    revisionId: row["revision_id"] as string,
    startedAtMs: row["started_at"] as number,
    status: row["status"] as string,
    ...(row["stopped_at"] === null ? {} : { stoppedAtMs: row["stopped_at"] as number }),
    headLsn: row["head_lsn"] as number,
    ...(row["wake_at"] === null ? {} : { wakeAtMs: row["wake_at"] as number }),
    attention: row["attention"] === 1,
    ...(row["redrive_count"] === null
      ? {}
      : { redrive: { count: row["redrive_count"] as number, atMs: row["redriven_at"] as number } }),
  };
}
