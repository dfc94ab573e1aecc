// Data that is damaged, hostile or changed while it is read: a clear error, and memory that stays flat.

import assert from "node:assert/strict";
import { appendFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { constants, createGzip, createZstdCompress, gzipSync } from "node:zlib";

import { ItemReaderError, type Limits, SERVICE_LIMITS } from "../../src/datasets/item.ts";
import type { ObjectStore } from "../../src/datasets/object-store.ts";
import { type ItemSource, readItems } from "../../src/datasets/read-items.ts";
import { fakeS3 } from "./s3-fake.ts";
import { localBucket, put } from "./support.ts";

const MB = 1024 * 1024;
/** What may be held beside what was there before: one item as large as it may be, twice, and some chunks. */
const HELD_BYTES = 40 * MB;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

function heldBytes(): number {
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** An object that is made while it is read, and the most that was held meanwhile. */
function made(content: () => AsyncIterable<Buffer> | Iterable<Buffer>): {
  store: ObjectStore;
  most: () => number;
} {
  const before = heldBytes();
  let most = 0;
  const unused = (): never => assert.fail("not for this test");
  return {
    most: () => most - before,
    store: {
      head: async () => ({ size: 1, etag: '"1"', lastModifiedMs: 0 }),
      list: unused,
      writer: unused,
      async *read(_bucket, _key, { start = 0, end = Number.POSITIVE_INFINITY } = {}) {
        assert.equal(start, 0);
        let [at, nextSample] = [0, 0];
        for await (const chunk of content()) {
          if (at >= end) return;
          yield chunk.subarray(0, end - at);
          at += chunk.length;
          if (at < nextSample) continue;
          most = Math.max(most, heldBytes());
          nextSample = at + 8 * MB;
        }
      },
    },
  };
}

/** So much of `unit`, in pieces. */
function* repeated(unit: string, bytes: number): Generator<Buffer> {
  const chunk = Buffer.from(unit.repeat(Math.ceil(65_536 / unit.length)));
  for (let at = 0; at < bytes; at += chunk.length) yield chunk;
}

function* texts(...parts: (string | Iterable<Buffer>)[]): Generator<Buffer> {
  for (const part of parts) {
    if (typeof part === "string") yield Buffer.from(part);
    else yield* part;
  }
}

interface Case {
  readonly name: string;
  readonly source: Omit<ItemSource, "bucket" | "resource" | "key">;
  readonly content: () => AsyncIterable<Buffer> | Iterable<Buffer>;
  readonly limits?: Partial<Limits>;
  /** Items that come before the failure, or in all. */
  readonly items: number;
  readonly failure?: string;
}

const CSV = { inputType: "CSV", csvHeaderLocation: "FIRST_ROW" } as const;

const CASES: readonly Case[] = [
  {
    name: "a line of 100 MB",
    source: { inputType: "JSONL" },
    content: () => texts('{"n":1}\n"', repeated("x", 100 * MB), '"\n'),
    items: 1,
    failure: "The line at byte 8 is longer than 8388608 bytes.",
  },
  {
    name: "a row of 100 MB",
    source: CSV,
    content: () => texts("a,b\n1,2\n", repeated("x", 100 * MB)),
    items: 1,
    failure: "The line at byte 8 is longer than 8388608 bytes.",
  },
  {
    name: "a quote that is never closed, and 100 MB of lines after it",
    source: CSV,
    content: () => texts('a,b\n1,2\n1,"two\n', repeated("three,four\n", 100 * MB)),
    items: 1,
    failure: "The row before byte 8388626 is longer than 8388608 bytes.",
  },
  {
    name: "a quote that is never closed in a small file",
    source: CSV,
    content: () => texts('a,b\n1,2\n1,"two\n3,4\n'),
    items: 1,
    failure: "The CSV file ends inside a quoted field.",
  },
  {
    name: "a header of 100 MB",
    source: CSV,
    content: () => repeated("column,", 100 * MB),
    items: 0,
    failure: "The line at byte 0 is longer than 8388608 bytes.",
  },
  {
    name: "an element of 100 MB",
    source: { inputType: "JSON" },
    content: () => texts('[1,"', repeated("x", 100 * MB), '"]'),
    items: 1,
    failure: "The item before byte 8388612 is longer than 8388608 bytes.",
  },
  {
    name: "JSON nested 100,000 deep",
    source: { inputType: "JSON" },
    content: () => texts("[1,", "[".repeat(100_000), "]".repeat(100_000), "]"),
    items: 1,
    failure:
      "The item that ends at byte 200003 is not valid JSON: Document nesting depth (1001) exceeds the maximum allowed (1000)",
  },
  {
    name: "JSON nested 50 million deep",
    source: { inputType: "JSON" },
    content: () => texts("[1,", repeated("[", 50 * MB)),
    items: 1,
    failure: "The item before byte 8454147 is longer than 8388608 bytes.",
  },
  {
    name: "JSON lines nested 100,000 deep",
    source: { inputType: "JSONL" },
    content: () => texts("1\n", "[".repeat(100_000), "]".repeat(100_000), "\n"),
    items: 1,
    failure:
      "The item that ends at byte 200003 is not valid JSON: Document nesting depth (1001) exceeds the maximum allowed (1000)",
  },
  {
    name: "a key of 100 MB on the way of a pointer",
    source: { inputType: "JSON", itemsPointer: "/data" },
    content: () => texts('{"', repeated("x", 100 * MB), '":1,"data":[1]}'),
    items: 0,
    failure: "The item before byte 8388610 is longer than 8388608 bytes.",
  },
  {
    name: "50 MB that a pointer passes by, nested and quoted",
    source: { inputType: "JSON", itemsPointer: "/data" },
    content: () =>
      texts(
        '{"other":',
        repeated("[", 16 * MB),
        '"',
        repeated("]", 16 * MB),
        '"',
        repeated("]", 16 * MB),
        ',"data":[1,2]}',
      ),
    items: 2,
  },
  {
    name: "50 MB of blanks between elements",
    source: { inputType: "JSON" },
    content: () => texts("[1", repeated(" ", 50 * MB), ",2]"),
    items: 2,
  },
  {
    name: "50 MB of empty lines",
    source: { inputType: "JSONL" },
    content: () => texts("1\n", repeated("\n", 50 * MB), "\r\n2\n"),
    items: 2,
  },
  {
    name: "gzip that unpacks to a thousand times its size",
    source: { inputType: "JSONL" },
    content: () => packed(createGzip({ level: 9 }), texts("1\n", repeated("\n", 100 * MB), "2\n")),
    limits: { fileBytes: 30 * MB },
    items: 1,
    failure: "The compressed data is larger than 31457280 bytes when it is unpacked.",
  },
  {
    name: "Zstandard that unpacks to ten thousand times its size",
    source: CSV,
    content: () => packed(createZstdCompress(), texts("a\n1\n", repeated("\n", 100 * MB), "2\n")),
    limits: { fileBytes: 30 * MB },
    items: 1,
    failure: "The compressed data is larger than 31457280 bytes when it is unpacked.",
  },
  {
    name: "gzip that is cut off",
    source: { inputType: "JSONL" },
    content: () => [gzipSync("1\n2\n".repeat(1000)).subarray(0, -8)],
    items: 2000,
    failure: "The compressed data cannot be read: unexpected end of file.",
  },
  {
    name: "gzip that is damaged",
    source: { inputType: "JSONL" },
    content: () => [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff])],
    items: 0,
    failure: "The compressed data cannot be read: invalid block type.",
  },
  {
    name: "gzip whose bytes come one by one",
    source: { inputType: "JSONL" },
    content: () => [...gzipSync("1\n2\n")].map((byte) => Buffer.from([byte])),
    items: 2,
  },
];

describe("what cannot be read", () => {
  for (const { name, source, content, limits, items, failure } of CASES) {
    it(name, async () => {
      const { store, most } = made(content);
      const read = readItems(
        store,
        { resource: "getObject", bucket: "data", key: "file", ...source },
        { limits: { ...SERVICE_LIMITS, ...limits } },
      );
      let count = 0;
      let message: string | undefined;
      try {
        for await (const { bytes } of read) {
          assert.ok(bytes > 0);
          count += 1;
        }
      } catch (error) {
        assert.ok(error instanceof ItemReaderError, String(error));
        message = error.message;
      }
      assert.deepEqual({ count, message }, { count: items, message: failure });
      assert.ok(most() < HELD_BYTES, `${Math.round(most() / MB)} MB were held`);
    });
  }
});

describe("what changes while it is read", () => {
  const LINES = { resource: "getObject", bucket: "data", key: "file", inputType: "JSONL" } as const;
  const lines = (text: string): string => `${text}\n`.repeat(100_000);

  it("an object that is replaced is read to its end as it was", async (t) => {
    const { store } = await localBucket(t);
    await put(store, "file", lines('"old"'));
    const seen = new Set<string>();
    let count = 0;
    for await (const { text } of readItems(store, LINES)) {
      if (count === 0) await put(store, "file", lines('"new"'));
      seen.add(text);
      count += 1;
    }
    assert.deepEqual({ seen: [...seen], count }, { seen: ['"old"'], count: 100_000 });
  });

  for (const [name, change] of [
    ["written over", (path: string) => writeFile(path, lines('"new"'), { flag: "r+" })],
    ["cut off", (path: string) => writeFile(path, "")],
    ["longer", (path: string) => appendFile(path, '"new"\n')],
  ] as const) {
    it(`a file that somebody makes ${name} under our hands fails, and versions are not mixed`, async (t) => {
      const { store, folder } = await localBucket(t);
      await put(store, "file", lines('"old"'));
      const seen = new Set<string>();
      const reading = (async () => {
        for await (const { text } of readItems(store, LINES)) {
          if (seen.size === 0) await change(join(folder, "data", "file"));
          seen.add(text);
        }
      })();
      await assert.rejects(
        reading,
        new ItemReaderError(
          "Reading s3://data/file failed: The object has changed since it was first read. (PreconditionFailed, status 412)",
        ),
      );
      assert.deepEqual([...seen], ['"old"']);
    });
  }

  it("a reader that stops early leaves no file open, packed or not", async (t) => {
    const { store } = await localBucket(t);
    await put(store, "file", lines("1"));
    await put(store, "file.gz", gzipSync(lines("1"), { level: constants.Z_NO_COMPRESSION }));
    const openFiles = async (): Promise<number> => (await readdir("/proc/self/fd")).length;
    const before = await openFiles();
    for (let i = 0; i < 20; i++) {
      for (const key of ["file", "file.gz"]) {
        for await (const _ of readItems(store, { ...LINES, key })) break;
      }
    }
    // Streams close a moment later.
    for (let i = 0; i < 1000 && (await openFiles()) > before + 2; i++) await new Promise(setImmediate);
    assert.ok((await openFiles()) <= before + 2);
  });

  const LISTING = { resource: "listObjectsV2", bucket: "data", prefix: "p/" } as const;
  const keysOf = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `p/${i % 2}/${String(i).padStart(3, "0")}`).toSorted();

  it("a listing of a folder leaves out what is gone and gives each key once, in order", async (t) => {
    const { store, folder } = await localBucket(t);
    const keys = keysOf(300);
    for (const key of keys) await put(store, key, key);
    const seen: string[] = [];
    for await (const { cursor } of readItems(store, LISTING)) {
      seen.push(cursor.key as string);
      if (seen.length !== 5) continue;
      // Far ahead: what is near was looked at already.
      await rm(join(folder, "data", "p", "0", "298"));
      await rm(join(folder, "data", "p", "1"), { recursive: true });
      await put(store, "p/0/0001", "behind");
      await put(store, "q/other", "elsewhere");
    }
    assert.deepEqual(
      seen,
      keys.filter((key) => key.startsWith("p/0/") && key !== "p/0/298"),
    );
  });

  it("a listing at an endpoint gives what its pages have", async (t) => {
    const fake = await fakeS3(t);
    for (const key of keysOf(12)) await put(fake.store, key, key);
    const seen: string[] = [];
    for await (const { cursor } of readItems(fake.store, LISTING)) {
      seen.push(cursor.key as string);
      if (seen.length !== 2) continue;
      fake.objects.delete("p/0/010");
      fake.objects.delete("p/0/002");
      await put(fake.store, "p/0/0021", "behind the page");
      await put(fake.store, "p/0/0061", "in the next page");
    }
    // p/0/002 was on the first page already.
    assert.deepEqual(seen, [...keysOf(12).filter((key) => key !== "p/0/010"), "p/0/0061"].toSorted());
  });

  it("an object that vanishes after it was listed fails, when its items are wanted", async (t) => {
    const fake = await fakeS3(t);
    for (const key of ["p/a", "p/b"]) await put(fake.store, key, "1\n");
    const seen: string[] = [];
    const source = { ...LISTING, transformation: "LOAD_AND_FLATTEN", inputType: "JSONL" } as const;
    const reading = (async () => {
      for await (const { text } of readItems(fake.store, source)) {
        seen.push(text);
        fake.objects.delete("p/b");
      }
    })();
    await assert.rejects(
      reading,
      new ItemReaderError(
        "Reading s3://data/p/b failed: The specified key does not exist. (NoSuchKey, status 404)",
      ),
    );
    assert.deepEqual(seen, ["1"]);
  });
});

async function* packed(packing: NodeJS.ReadWriteStream, content: Iterable<Buffer>): AsyncGenerator<Buffer> {
  const writing = (async () => {
    for (const chunk of content) {
      if (!packing.write(chunk)) await new Promise((resolve) => packing.once("drain", resolve));
    }
    packing.end();
  })();
  for await (const chunk of packing) yield chunk as Buffer;
  await writing;
}
