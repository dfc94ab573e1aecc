// Opening the database file: whose it is, which format it has, and how it is made durable.
//
// Knows:          the directory, the lock, pragmas, migrations.
// Does not know:  what the tables mean.
//
// Invariants
//   O1. One process at a time: the connection takes SQLite's exclusive lock and keeps it. It is a lock of the
//       operating system, gone with the process however it ends, so nothing has to be cleaned up after a kill.
//   O2. Nothing of a file is changed before it is known to be ours and of a format that we can write.
//   O3. A migration and the record of it are one transaction; a crash between two leaves the older format.

import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert } from "../../base/assert.ts";
import { StoreUnusable } from "../store.ts";
import { SQLITE_BUSY, SQLITE_NOTADB, sqliteCode } from "./failure.ts";
import type { ThreadData } from "./protocol.ts";

/** "Step" in the file's header tells our files from other SQLite databases. */
const APPLICATION_ID = 0x53746570;
/** A predecessor that is about to end may keep the lock for a moment. */
const LOCK_TIMEOUT_MS = 1000;
const CACHE_KIB = 32_768;
const MIGRATIONS = new URL("./migrations/", import.meta.url);

/** The open, current database of `directory`. @throws StoreUnusable */
export function openDatabase({ directory, durability }: ThreadData): DatabaseSync {
  const file = join(directory, "stepwell.db");
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(file, { timeout: LOCK_TIMEOUT_MS });
    // Before the first read: then the WAL index lives in memory, and the first read takes the lock (O1).
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    const version = formatOf(database, file);
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
    database.exec("PRAGMA trusted_schema = OFF");
    assert(pragma(database, "journal_mode = WAL") === "wal", "SQLite refused write-ahead logging");
    // FULL syncs the log at each commit; the default of WAL mode in some builds (NORMAL) would lose commits.
    database.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "OFF"}`);
    // Checkpoints are made by the thread, after the answers of a commit have left (worker.ts).
    database.exec("PRAGMA wal_autocheckpoint = 0");
    migrate(database, version);
    writeFileSync(ownerFile(directory), `${process.pid}\n`);
    if (durability === "full") {
      // SQLite syncs the directory for its journals only; a new database file has to be found again as well.
      syncDirectory(directory);
      if (version === 0) syncDirectory(dirname(directory));
    }
    return database;
  } catch (error) {
    database?.close();
    throw unusable(error, directory, file);
  }
}

/** The format version of the file; 0 if it is new. */
function formatOf(database: DatabaseSync, file: string): number {
  const applicationId = pragma(database, "application_id");
  const version = Number(pragma(database, "user_version"));
  const isNew = database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (isNew && applicationId === 0 && version === 0) return 0;
  if (applicationId !== APPLICATION_ID) {
    throw new StoreUnusable(`${file} is a database of another program. Choose another data directory.`);
  }
  const newest = migrations().length;
  if (version > newest) {
    throw new StoreUnusable(
      `${file} has format ${version}; this version of Stepwell knows formats up to ${newest}. ` +
        "Install the version that wrote it or a newer one, or choose another data directory.",
    );
  }
  return version;
}

function migrate(database: DatabaseSync, from: number): void {
  const all = migrations();
  for (let version = from + 1; version <= all.length; version++) {
    const name = all[version - 1] as string;
    database.exec("BEGIN IMMEDIATE");
    database.exec(readFileSync(new URL(name, MIGRATIONS), "utf8"));
    database
      .prepare("INSERT INTO migration (version, name, applied_at) VALUES (?, ?, ?)")
      .run(version, name, Date.now());
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${version}`);
    database.exec("COMMIT");
  }
}

/** File names, in order; the first makes format 1. */
function migrations(): readonly string[] {
  const names = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith(".sql"))
    .toSorted();
  for (const [index, name] of names.entries()) {
    assert(
      name.startsWith(`${String(index + 1).padStart(4, "0")}-`),
      `migration ${index + 1} is missing before ${name}`,
    );
  }
  return names;
}

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Says who owns the directory, for the message below only; the lock is the truth. */
function ownerFile(directory: string): string {
  return join(directory, "owner.pid");
}

function unusable(error: unknown, directory: string, file: string): Error {
  if (error instanceof StoreUnusable || !(error instanceof Error) || !("code" in error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const code = sqliteCode(error);
  if (code === SQLITE_BUSY) {
    return new StoreUnusable(
      `the data directory ${directory} is in use by another process${ownerPid(directory)}. ` +
        "Stop that process, or choose another data directory.",
    );
  }
  if (code === SQLITE_NOTADB) {
    return new StoreUnusable(`${file} is not a database. Move it away, or choose another data directory.`);
  }
  return new StoreUnusable(
    `the data directory ${directory} cannot be opened: ${error.message}. ` +
      "Make it a directory that this user may write to, or choose another data directory.",
  );
}

function ownerPid(directory: string): string {
  try {
    return ` (pid ${readFileSync(ownerFile(directory), "utf8").trim()})`;
  } catch {
    // The other process has not written it yet, or runs an older version: the message does without.
    return "";
  }
}
