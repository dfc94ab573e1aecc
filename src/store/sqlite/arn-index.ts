// Which ARNs are taken, without a random write for each start.
//
// Knows:          the tables `arn_index` and `arn_index_state`, and the ARNs of the latest executions.
// Does not know:  what an execution is, when a transaction ends well.
//
// Names are random (the service makes UUIDs), so an index by ARN dirties one page for each start. With a UNIQUE
// column starts fell from 17,000/s to 6,000/s at 320,000 executions, and went on falling; without any index they
// stay at 25,000/s. So the latest ARNs are kept in memory, and move to the index in sorted runs: neighbours share
// a page. What is only in memory can be read again from the end of `execution`, which grows in order of ids.
// The index holds 48 bits of a SHA-256 instead of the text, which makes it a tenth of the size; the text that is
// compared is the execution's own.
//
// Invariants
//   A1. An execution is in `arn_index` if its id is at most `merged_to`, or at most `merging_to` with a hash below
//       `merged_below`. Every other execution is in `#recent`.
//   A2. A run takes what was in `#recent` when it began, in order of the hashes, a step at a time. An id up to
//       `merging_to` that comes late (ids are given out before they are committed) goes to the index at once.
//   A3. `#recent` follows the database: what a rolled-back transaction added is taken out again.
//
// Rejected: a small table for the latest ARNs. Its pages are random as well, and opening is fast enough: 16,384 rows
// are read in 50 ms.

import { hash } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface ArnIndexOptions {
  /** ARNs in memory that make a run due. */
  readonly runLength: number;
  /** ARNs that move in one transaction. */
  readonly stepLength: number;
  readonly hashOf: (arn: string) => number;
}

/** A step takes a few milliseconds. */
const DEFAULTS: ArnIndexOptions = { runLength: 16_384, stepLength: 1024, hashOf };

interface Entry {
  readonly hash: number;
  readonly id: number;
}

export class ArnIndex {
  readonly #options: ArnIndexOptions;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #database: DatabaseSync;
  readonly #candidates: StatementSync;
  readonly #arnOf: StatementSync;
  readonly #insert: StatementSync;
  readonly #setState: StatementSync;

  readonly #recent = new Map<number, readonly number[]>();
  #recentCount = 0;
  /** What the open transaction has added to `#recent` (A3). */
  #added: Entry[] = [];
  /** What is left of the run under way, ascending by hash; empty if there is none. */
  #run: readonly Entry[] = [];
  #mergedTo: number;
  #mergingTo: number;
  /** The largest id in `#recent`. */
  #lastId: number;

  /** @param options Other than the defaults for tests only: the hash is part of the format. */
  constructor(database: DatabaseSync, options: ArnIndexOptions = DEFAULTS) {
    this.#options = options;
    this.#database = database;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#candidates = database.prepare("SELECT execution FROM arn_index WHERE hash = ?");
    this.#arnOf = database.prepare("SELECT arn FROM execution WHERE id = ?");
    // A late id may have been put there already (A2).
    this.#insert = database.prepare("INSERT OR IGNORE INTO arn_index (hash, execution) VALUES (?, ?)");
    this.#setState = database.prepare(
      "UPDATE arn_index_state SET merged_to = ?, merging_to = ?, merged_below = ? WHERE id = 0",
    );
    const state = database
      .prepare("SELECT merged_to, merging_to, merged_below FROM arn_index_state WHERE id = 0")
      .get();
    this.#mergedTo = state?.["merged_to"] as number;
    this.#mergingTo = state?.["merging_to"] as number;
    this.#lastId = this.#mergingTo;
    const mergedBelow = state?.["merged_below"] as number;
    for (const row of database
      .prepare("SELECT id, arn FROM execution WHERE id > ?")
      .iterate(this.#mergedTo)) {
      const entry = { hash: options.hashOf(row["arn"] as string), id: row["id"] as number };
      if (entry.id > this.#mergingTo || entry.hash >= mergedBelow) this.#remember(entry);
    }
    if (this.#mergingTo > this.#mergedTo) this.#run = this.#sortedRecent((id) => id <= this.#mergingTo);
  }

  /** The execution that has this ARN. */
  find(arn: string): number | undefined {
    const key = this.#options.hashOf(arn);
    const isIt = (id: number): boolean => this.#arnOf.get(id)?.["arn"] === arn;
    const recent = this.#recent.get(key)?.find(isIt);
    if (recent !== undefined) return recent;
    // Nearly always none or one.
    return this.#candidates
      .all(key)
      .map((row) => row["execution"] as number)
      .find(isIt);
  }

  /** Adds an execution that the open transaction has created. */
  add(id: number, arn: string): void {
    const entry = { hash: this.#options.hashOf(arn), id };
    if (id <= this.#mergingTo) {
      this.#insert.run(entry.hash, id);
    } else {
      this.#remember(entry);
      this.#added.push(entry);
    }
  }

  committed(): void {
    this.#added = [];
  }

  rolledBack(): void {
    for (const entry of this.#added) this.#forget(entry);
    this.#added = [];
  }

  /** Moves some of the latest ARNs to the index, in transactions of its own, if there are enough of them. */
  settle(): void {
    do {
      if (this.#run.length === 0 && this.#recentCount < this.#options.runLength) return;
      this.#step();
    } while (this.#recentCount >= 2 * this.#options.runLength);
  }

  #step(): void {
    const begins = this.#run.length === 0;
    const run = begins ? this.#sortedRecent(() => true) : this.#run;
    const mergingTo = begins ? this.#lastId : this.#mergingTo;
    // Equal hashes stay together: `merged_below` cannot tell them apart.
    let length = Math.min(this.#options.stepLength, run.length);
    while (length < run.length && run[length]?.hash === run[length - 1]?.hash) length += 1;
    const step = run.slice(0, length);
    const rest = run.slice(length);
    const mergedTo = rest.length === 0 ? mergingTo : this.#mergedTo;
    try {
      this.#begin.run();
      for (const entry of step) this.#insert.run(entry.hash, entry.id);
      this.#setState.run(mergedTo, mergingTo, rest[0]?.hash ?? 0);
      this.#commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
    this.#run = rest;
    this.#mergedTo = mergedTo;
    this.#mergingTo = mergingTo;
    for (const entry of step) this.#forget(entry);
  }

  #sortedRecent(isWanted: (id: number) => boolean): readonly Entry[] {
    const entries: Entry[] = [];
    for (const [key, ids] of this.#recent) {
      for (const id of ids) if (isWanted(id)) entries.push({ hash: key, id });
    }
    return entries.toSorted((a, b) => a.hash - b.hash);
  }

  #remember(entry: Entry): void {
    this.#recent.set(entry.hash, [...(this.#recent.get(entry.hash) ?? []), entry.id]);
    this.#recentCount += 1;
    this.#lastId = Math.max(this.#lastId, entry.id);
  }

  #forget(entry: Entry): void {
    const others = this.#recent.get(entry.hash)?.filter((id) => id !== entry.id) ?? [];
    if (others.length === 0) this.#recent.delete(entry.hash);
    else this.#recent.set(entry.hash, others);
    this.#recentCount -= 1;
  }
}

/** 48 bits, so that the number is exact. Of a cryptographic hash: names come from users, who must not choose collisions. */
function hashOf(arn: string): number {
  return hash("sha256", arn, "buffer").readUIntBE(0, 6);
}
