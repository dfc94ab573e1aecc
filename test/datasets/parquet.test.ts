// Parquet: rows of all row groups, values that JSON lacks, files that are cut off.

import assert from "node:assert/strict";
import test from "node:test";

import { ItemReaderError, SERVICE_LIMITS } from "../../src/datasets/item.ts";
import { parquetRows } from "../../src/datasets/parquet.ts";
import { readItems } from "../../src/datasets/read-items.ts";
import { itemsOf, localBucket, put } from "./support.ts";

/** Three rows in two row groups, Snappy: INT64 `id`, STRING `name`, DOUBLE `ratio`. Made by hyparquet-writer. */
const FILE = Buffer.from(
  "UEFSMRUGFSQVKFwVBBUAFQQVABUEFQAAAAMDEDwBAAAAAAAAAAEAAAAAACAAFQYVGhUeXBUEFQAVBBUAFQQVAAAAAwMLKAEA" +
    "AABhAgAAAGIiFQYVJBUkXBUEFQAVBBUAFQQVAAAAAwMQAAAFASTgPwAAAAAAAPA/FQYVFBUYXBUCFQAVAhUAFQQVAAAAAwEI" +
    "HAMAAAAAAAAAFQYVBBUGXBUCFQIVAhUAFQQVAAAAAwAAFQYVFBUYXBUCFQAVAhUAFQQVAAAAAwEIHAAAAAAAAADAFQQZTEgE" +
    "cm9vdBUGABUEJQIYAmlkABUMJQIYBG5hbWUlAAAVCiUCGAVyYXRpbwAWBhksGTwmCBwVBBkVABkYAmlkFQIWBBZOFlImCDw2" +
    "ACgIAQAAAAAAIAAYCAEAAAAAAAAAABkcFQYVABUCAAAAJlocFQwZFQAZGARuYW1lFQIWBBZEFkgmWjw2ACgCYiIYAWEAGRwV" +
    "BhUAFQIAAAAmogEcFQoZFQAZGAVyYXRpbxUCFgQWThZOJqIBPDYAKAgAAAAAAADwPxgIAAAAAAAA4D82AAAZHBUGFQAVAgAA" +
    "ABbgARYENugBABk8JvABHBUEGRUAGRgCaWQVAhYCFj4WQibwATw2ACgIAwAAAAAAAAAYCAMAAAAAAAAAABkcFQYVABUCAAAA" +
    "JrICHBUMGRUAGRgEbmFtZRUCFgIWLhYwJrICPDYCABkcFQYVABUCAAAAJuICHBUKGRUAGRgFcmF0aW8VAhYCFj4WQibiAjw2" +
    "ACgIAAAAAAAAAMAYCAAAAAAAAADANgAAGRwVBhUAFQIAAAAWqgEWAja0AQAoCWh5cGFycXVldBk8HAAAHAAAHAAAALEBAABQ" +
    "QVIx",
  "base64",
);

/** Three rows of types that JSON lacks, Zstandard, pages of version 2. Made by pyarrow. */
const TYPES = Buffer.from(
  "UEFSMRUEFRgVKkwVBBUAEgAAKLUv/SAMYQAAAgAAAAb/AgAAAG9rFQYVChUKXBUGFQIVBhUQFQQVABIcAAAAAwMBAwIVBBUQFSJMFQQVABIAAC" +
    "i1L/0gCEEAAAEAAAACAAAAFQYVEBUQXBUIFQQVBhUQFQYVBBIcAAAAAwIDHwABAwIVBBUQFSJMFQIVABIAACi1L/0gCEEAAAEAAAAAAAAAFQYV" +
    "DBUMXBUGFQQVBhUQFQYVABIcAAAAAxIAAQIAFQQVChUcTBUCFQASAAAotS/9IAUpAAABAAAAeBUGFRIVElwVBhUEFQYVEBUIFQQSHAAAAAYAA4" +
    "QAAAECABUEFQgVGkwVAhUAEgAAKLUv/SAEIQAAXlAAABUGFQoVClwVBhUAFQYVEBUEFQASHAAAAAYBAQYAFQQVDBUeTBUCFQASAAAotS/9IAYx" +
    "AAAAAAAAAJYVBhUKFQpcFQYVABUGFRAVBBUAEhwAAAAGAQEGABUGFRAVEFwVBhUCFQYVBhUEFQASHAAAAAMDAgAAAAMBFQQZ3DUAGAZzY2hlbW" +
    "EVDAAVDCUCGAZiaW5hcnkANQIYBGxpc3QVAhUGTDwAAAA1BBgEbGlzdBUCABUCJQIYB2VsZW1lbnQANQIYBnN0cnVjdBUEABUEJQIYAWEANQIY" +
    "AWIVAhUGTDwAAAA1BBgEbGlzdBUCABUMJQIYB2VsZW1lbnQlAEwcAAAAFQIlAhgEZGF0ZSUMTGwAAAAVDhUMFQIYB2RlY2ltYWwlChUEFRgsXB" +
    "UEFRgAAAAVACUCGARmbGFnABYGGRwZfCYAHBUMGTUABhAZGAZiaW5hcnkVDBYGFm4WgAEmTiYIKSwVBBUAFQIAFQAVEBUCADwWCBkGGSYCBAAA" +
    "ACYAHBUCGTUABhAZOARsaXN0BGxpc3QHZWxlbWVudBUMFggWbBZ+JsYBJogBKSwVBBUAFQIAFQAVEBUCADwpJgYCGUYCAgAEAAAAJgAcFQQZNQ" +
    "AGEBkoBnN0cnVjdAFhFQwWBhZoFnomxAImhgIpLBUEFQAVAgAVABUQFQIAPCkGGTYCAgIAAAAmABwVDBk1AAYQGUgGc3RydWN0AWIEbGlzdAdl" +
    "bGVtZW50FQwWBhZoFnomuAMmgAMpLBUEFQAVAgAVABUQFQIAPBYCGSYGABlWAgACAAIAAAAmABwVAhk1AAYQGRgEZGF0ZRUMFgYWXhZwJrAEJv" +
    "oDKSwVBBUAFQIAFQAVEBUCADwpBhkmAAYAAAAmABwVDhk1AAYQGRgHZGVjaW1hbBUMFgYWYhZ0JqQFJuoEKSwVBBUAFQIAFQAVEBUCADwpBhkm" +
    "AAYAAAAmABwVABkVBhkYBGZsYWcVDBYGFkAWQCbeBUkcFQAVBhUCADwpBhkmAgQAAAAWqgUWBiYIFpYGACggcGFycXVldC1jcHAtYXJyb3cgdm" +
    "Vyc2lvbiAyNi4wLjEZfBwAABwAABwAABwAABwAABwAABwAAADGAgAAUEFSMQ==",
  "base64",
);

const SOURCE = { resource: "getObject", key: "file", inputType: "PARQUET" } as const;
const ROWS: readonly string[] = [
  `{"id":1,"name":"a","ratio":0.5}`,
  `{"id":9007199254740993,"name":"b\\"","ratio":1}`,
  `{"id":3,"name":null,"ratio":-2}`,
];

test("rows come as objects, 64-bit integers whole, and reading goes on after any of them", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "file", FILE);
  const items = await itemsOf(store, SOURCE);
  assert.deepEqual(
    items.map(({ text }) => text),
    ROWS,
  );
  for (const [index, { cursor }] of items.entries()) {
    assert.deepEqual(await itemsOf(store, SOURCE, { after: cursor }), items.slice(index + 1));
  }
});

test("a file that is cut off anywhere fails", async (t) => {
  const { store } = await localBucket(t);
  for (let length = 0; length < FILE.length; length += 7) {
    await put(store, "file", FILE.subarray(0, length));
    await assert.rejects(itemsOf(store, SOURCE), ItemReaderError, `${length} bytes`);
  }
});

test("a file with any byte wrong gives rows or an ItemReaderError, nothing else", async (t) => {
  const { store } = await localBucket(t);
  let refused = 0;
  for (let at = 0; at < FILE.length; at += 3) {
    const damaged = Buffer.from(FILE);
    damaged[at] = (damaged[at] as number) ^ 0xff;
    await put(store, "file", damaged);
    try {
      await itemsOf(store, SOURCE);
    } catch (error) {
      assert.ok(error instanceof ItemReaderError, `byte ${at}: ${String(error)}`);
      refused += 1;
    }
  }
  assert.ok(refused > 0);
});

test("a row group or footer over its limit is refused before it is read", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "file", FILE);
  await assert.rejects(
    itemsOf(store, SOURCE, { limits: { ...SERVICE_LIMITS, parquetRowGroupBytes: 10 } }),
    /row group .* larger than 10 bytes/u,
  );
  await assert.rejects(
    itemsOf(store, SOURCE, { limits: { ...SERVICE_LIMITS, parquetFooterBytes: 10 } }),
    /footer .* longer than 10 bytes/u,
  );
});

test("a row group is decoded a few rows at a time, from any row on", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "file", FILE);
  const object = { bucket: "data", key: "file", ...(await store.head("data", "file")) };
  for (let start = 0; start <= ROWS.length; start++) {
    // One value at a time is one row at a time.
    const pieces = (await Array.fromAsync(parquetRows(store, object, start, SERVICE_LIMITS, 1))).flat();
    assert.deepEqual(
      pieces.map(({ text, end }) => ({ text, end })),
      ROWS.slice(start).map((text, index) => ({ text, end: start + index + 1 })),
    );
  }
});

test("a file that says it has more rows than it has fails, with no row made up", async (t) => {
  const { store } = await localBucket(t);
  // The number of rows of the last group (1), as it is said last in the footer: zigzag of 1 is 2.
  const at = FILE.lastIndexOf(Buffer.from([0x16, 0x02, 0x36]));
  assert.ok(at > 0);
  const damaged = Buffer.from(FILE);
  damaged[at + 1] = 6;
  await put(store, "file", damaged);
  const texts: string[] = [];
  await assert.rejects(async () => {
    for await (const { text } of readItems(store, { bucket: "data", ...SOURCE })) texts.push(text);
  }, new ItemReaderError("A column of the Parquet file file has fewer values than there are rows."));
  assert.deepEqual(texts, ROWS.slice(0, 2));
});

test("bytes are base64, dates ISO 8601, decimals numbers; lists and structs are arrays and objects", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "file", TYPES);
  assert.deepEqual(
    (await itemsOf(store, SOURCE)).map(({ text }) => text),
    [
      `{"binary":"Bv8=","list":[1,2],"struct":{"a":1,"b":["x"]},"date":"2026-05-01T00:00:00.000Z","decimal":1.5,"flag":true}`,
      `{"binary":"b2s=","list":[],"struct":null,"date":"2026-05-01T00:00:00.000Z","decimal":1.5,"flag":false}`,
      `{"binary":null,"list":null,"struct":{"a":null,"b":[]},"date":"2026-05-01T00:00:00.000Z","decimal":1.5,"flag":null}`,
    ],
  );
});
