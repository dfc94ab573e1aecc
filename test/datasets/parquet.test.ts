// Parquet: rows of all row groups, values that JSON lacks, files that are cut off.

import assert from "node:assert/strict";
import test from "node:test";

import { ItemReaderError, SERVICE_LIMITS } from "../../src/datasets/item.ts";
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
