// What is particular to SqliteStore: whom it lets in, what it does with files that it cannot use, and paging.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, it } from "node:test";
import { JournalDamaged, OutcomeUnknown, StoreUnusable } from "../../src/store/store.ts";
import { SqliteStore } from "../../src/store/sqlite/store.ts";
import { firstTurn, laterTurn } from "./contract.ts";

const temporary: string[] = [];
after(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-sqlite-"));
  temporary.push(directory);
  return directory;
}

function newStore(directory: string): SqliteStore {
  return new SqliteStore({ directory, durability: "none" });
}

/** A store with a few turns in it, closed. */
async function writtenDirectory(): Promise<string> {
  const directory = newDirectory();
  const store = newStore(directory);
  await store.open();
  const { epoch } = await store.claim(0);
  await store.commit(
    Array.from({ length: 300 }, (_, i) => firstTurn(i + 1, i + 1, epoch, { data: "x".repeat(500) })),
  );
  await store.close();
  return directory;
}

interface RefusedCase {
  readonly name: string;
  readonly prepare: () => Promise<string>;
  readonly message: RegExp;
}

const REFUSED: readonly RefusedCase[] = [
  {
    name: "a format newer than this program",
    async prepare() {
      const directory = await writtenDirectory();
      const database = new DatabaseSync(join(directory, "stepwell.db"));
      database.exec("PRAGMA user_version = 99");
      database.close();
      return directory;
    },
    message:
      /has format 99; this version of Stepwell knows formats up to 2\. Install the version that wrote it/,
  },
  {
    name: "a file that is not a database",
    async prepare() {
      const directory = newDirectory();
      writeFileSync(
        join(directory, "stepwell.db"),
        "this is not a database, whatever its name says".repeat(100),
      );
      return directory;
    },
    message: /stepwell\.db is not a database\. Move it away, or choose another data directory\.$/,
  },
  {
    name: "the database of another program",
    async prepare() {
      const directory = newDirectory();
      const database = new DatabaseSync(join(directory, "stepwell.db"));
      database.exec("CREATE TABLE theirs (id INTEGER)");
      database.close();
      return directory;
    },
    message: /is a database of another program\. Choose another data directory\.$/,
  },
  {
    name: "a path that is a file",
    async prepare() {
      const file = join(newDirectory(), "file");
      writeFileSync(file, "");
      return file;
    },
    message: /cannot be opened: .*Make it a directory that this user may write to/,
  },
  {
    name: "a directory in the place of the database file",
    async prepare() {
      const directory = newDirectory();
      mkdirSync(join(directory, "stepwell.db"));
      return directory;
    },
    message:
      /cannot be opened: unable to open database file\. Make it a directory that this user may write to/,
  },
];

describe("SqliteStore refuses", () => {
  for (const { name, prepare, message } of REFUSED) {
    it(name, async () => {
      const store = newStore(await prepare());
      await assert.rejects(
        store.open(),
        (error) => error instanceof StoreUnusable && message.test(error.message),
      );
      await store.close();
    });
  }

  it("leaves a refused file as it was", async () => {
    const directory = newDirectory();
    const database = new DatabaseSync(join(directory, "stepwell.db"));
    database.exec("CREATE TABLE theirs (id INTEGER)");
    database.close();
    const before = statSync(join(directory, "stepwell.db"));
    await assert.rejects(newStore(directory).open(), StoreUnusable);
    assert.deepEqual(readdirSync(directory), ["stepwell.db"]);
    assert.equal(statSync(join(directory, "stepwell.db")).mtimeMs, before.mtimeMs);
  });
});

describe("SqliteStore's directory", () => {
  it("belongs to one store at a time, and is free when that one is closed", async () => {
    const directory = newDirectory();
    const first = newStore(directory);
    await first.open();
    const inUse = new RegExp(`is in use by another process \\(pid ${process.pid}\\)`);
    await assert.rejects(
      newStore(directory).open(),
      (error) => error instanceof StoreUnusable && inUse.test(error.message),
    );
    await first.close();
    const second = newStore(directory);
    await second.open();
    await second.close();
  });

  it("is free as soon as a killed owner is dead", async () => {
    const directory = newDirectory();
    const program = new URL("./numbered-turns.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      program,
      directory,
      "none",
    ]);
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (data: Buffer) => {
        if (data.includes("ack")) resolve();
      });
    });
    const inUse = new RegExp(`is in use by another process \\(pid ${child.pid}\\)`);
    await assert.rejects(
      newStore(directory).open(),
      (error) => error instanceof StoreUnusable && inUse.test(error.message),
    );
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("close", resolve));
    const store = newStore(directory);
    assert.ok((await store.open()).nextLsn > 1);
    await store.close();
  });

  it("is made if it does not exist, for its user alone", async () => {
    const directory = join(newDirectory(), "a", "b");
    const store = newStore(directory);
    await store.open();
    assert.equal(statSync(directory).mode & 0o077, 0);
    await store.close();
    const database = new DatabaseSync(join(directory, "stepwell.db"));
    const migrations = database.prepare("SELECT version, name FROM migration ORDER BY version").all();
    const { user_version: format } = database.prepare("PRAGMA user_version").get() ?? {};
    database.close();
    assert.deepEqual(
      migrations.map((row) => ({ ...row })),
      [
        { version: 1, name: "0001-tables.sql" },
        { version: 2, name: "0002-redrives.sql" },
      ],
    );
    assert.equal(format, 2);
  });

  it("of an older format is made a current one, and keeps what it has", async () => {
    const directory = await writtenDirectory();
    const file = new DatabaseSync(join(directory, "stepwell.db"));
    file.exec("DROP TABLE redrive; DELETE FROM migration WHERE version > 1; PRAGMA user_version = 1");
    const ids = file.prepare("SELECT id FROM execution ORDER BY id").all();
    file.close();
    const store = newStore(directory);
    await store.open();
    assert.ok(ids.length > 0);
    for (const { id } of ids) assert.equal((await store.getExecution(id as number))?.id, id);
    await store.close();
    const database = new DatabaseSync(join(directory, "stepwell.db"));
    assert.equal(database.prepare("PRAGMA user_version").get()?.["user_version"], 2);
    assert.deepEqual(database.prepare("SELECT * FROM redrive").all(), []);
    database.close();
  });
});

/** The numbers of the pages of a table or an index. */
function pagesOf(file: string, name: string): readonly number[] {
  const database = new DatabaseSync(file);
  const rows = database.prepare("SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno").all(name);
  database.close();
  return rows.map((row) => Number(row["pageno"]));
}

function overwrite(file: string, position: number, bytes: Buffer): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, position);
  closeSync(descriptor);
}

describe("SqliteStore on a damaged file", () => {
  it("names the execution whose turn has a flipped bit, and goes on", async () => {
    const directory = await writtenDirectory();
    const file = join(directory, "stepwell.db");
    const [, middle] = pagesOf(file, "journal").slice(2);
    assert.ok(middle !== undefined);
    // The last bytes of a leaf are the data of its first row; it stays valid UTF-8 ("x" becomes "y").
    overwrite(file, middle * 4096 - 10, Buffer.from("y"));
    const store = newStore(directory);
    await store.open();
    const damaged: number[] = [];
    for (let id = 1; id <= 300; id++) {
      // oxlint-disable-next-line no-await-in-loop -- a small store
      await store.readJournal(id).catch((error: unknown) => {
        assert.ok(error instanceof JournalDamaged && error.executionId === id);
        assert.match(
          error.message,
          /^the journal of execution \d+ is damaged: turn \d+ is not what was written$/,
        );
        damaged.push(id);
      });
    }
    assert.equal(damaged.length, 1);
    await store.close();
  });

  it("names the executions of a page that cannot be read, and goes on", async () => {
    const directory = await writtenDirectory();
    const file = join(directory, "stepwell.db");
    const [, middle] = pagesOf(file, "journal").slice(2);
    assert.ok(middle !== undefined);
    overwrite(file, (middle - 1) * 4096, Buffer.alloc(4096, 0xa5));
    const store = newStore(directory);
    await store.open();
    const journals = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) => store.readJournal(i + 1)),
    );
    const failures = journals.filter((journal) => journal.status === "rejected");
    assert.ok(failures.length > 0 && failures.length < 20);
    for (const { reason } of failures) assert.ok(reason instanceof JournalDamaged);
    const { epoch } = await store.claim(0);
    await store.commit([laterTurn(300, 301, 300, epoch)]);
    await store.close();
  });

  it("rejects every call with OutcomeUnknown once a write has met a damaged page, and frees its directory", async () => {
    const directory = await writtenDirectory();
    const file = join(directory, "stepwell.db");
    for (const page of pagesOf(file, "head")) overwrite(file, (page - 1) * 4096, Buffer.alloc(4096, 0xa5));
    const store = newStore(directory);
    await store.open();
    const { epoch } = await store.claim(0);
    await assert.rejects(store.commit([laterTurn(100, 301, 100, epoch)]), OutcomeUnknown);
    await assert.rejects(store.readJournal(1), OutcomeUnknown);
    await assert.rejects(store.commit([]), OutcomeUnknown);
    await assert.rejects(store.close(), OutcomeUnknown);
    const again = newStore(directory);
    await again.open();
    await again.close();
  });
});

describe("SqliteStore under load", () => {
  it("does not keep commits waiting for a long list", async () => {
    const store = newStore(newDirectory());
    await store.open();
    const { epoch } = await store.claim(0);
    const count = 20_000;
    await store.commit(Array.from({ length: count }, (_, i) => firstTurn(i + 1, i + 1, epoch)));
    let listed = 0;
    const list = store
      .listExecutions({
        stateMachineArn: firstTurn(1, 1, epoch).created?.stateMachineArn ?? "",
        limit: count,
      })
      .then((rows) => (listed = rows.length));
    let commits = 0;
    // oxlint-disable-next-line no-unmodified-loop-condition -- the list modifies it
    for (let lsn = count + 1, prev = 1; listed === 0; prev = lsn, lsn++) {
      // oxlint-disable-next-line no-await-in-loop -- that is the question
      await store.commit([laterTurn(1, lsn, prev, epoch)]);
      commits += 1;
    }
    await list;
    assert.equal(listed, count);
    // One page of the list after the other, each with room for a commit before it.
    assert.ok(commits > 10, `${commits} commits went between`);
    await store.close();
  });
});
