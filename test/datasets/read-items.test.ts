// What ItemReader makes of files: good ones, bad ones, and ones that are read on with from the middle.

import assert from "node:assert/strict";
import test from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";

import { type Cursor, ItemReaderError, SERVICE_LIMITS } from "../../src/datasets/item.ts";
import type { ObjectStore } from "../../src/datasets/object-store.ts";
import { type ItemSource, readItems } from "../../src/datasets/read-items.ts";
import { itemsOf, localBucket, put } from "./support.ts";

type Source = Omit<ItemSource, "bucket" | "resource">;

interface Case {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly source: Source;
  /** Texts of the items, or the failure. */
  readonly expect: readonly string[] | RegExp;
}

const FIRST_ROW: Source = { inputType: "CSV", csvHeaderLocation: "FIRST_ROW" };
const JSON_FILE: Source = { inputType: "JSON" };
const JSONL_FILE: Source = { inputType: "JSONL" };

const cases: readonly Case[] = [
  {
    name: "CSV: values are text, missing fields empty, extra ones left out, a line of blanks is a row",
    content: "0,True,{}\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n\n   \n",
    source: FIRST_ROW,
    expect: [
      `{"0":"Value4","True":"Value5","{}":"Value6"}`,
      `{"0":"","True":"","{}":""}`,
      `{"0":"true","True":"1","{}":"'HelloWorld'"}`,
      `{"0":"Null","True":"None","{}":""}`,
      `{"0":"   ","True":"","{}":""}`,
    ],
  },
  {
    name: "CSV: given headers, and the first row is data",
    content: "a,b\nc,d",
    source: { inputType: "CSV", csvHeaderLocation: "GIVEN", csvHeaders: ["H1"] },
    expect: [`{"H1":"a"}`, `{"H1":"c"}`],
  },
  {
    name: "CSV: quotes hold delimiters, quotes and line ends; a byte order mark and CRLF are no data",
    content: '\ufeffa,b\r\n"x,""y""","1\r\n2"\r\nz"q,\\"\r\n',
    source: FIRST_ROW,
    expect: [`{"a":"x,\\"y\\"","b":"1\\r\\n2"}`, `{"a":"z\\"q","b":"\\""}`],
  },
  {
    name: "CSV: rows without quotes, in all scripts, with tabs, empty lines and a mark that is no beginning",
    content: "a,b\r\né,日本\r\n\tq,\u{1f600}\r\n\r\n\n1,2\nü\ufeff,\u0001\r\n",
    source: FIRST_ROW,
    expect: [
      `{"a":"é","b":"日本"}`,
      `{"a":"\\tq","b":"\u{1f600}"}`,
      `{"a":"1","b":"2"}`,
      `{"a":"ü\ufeff","b":"\\u0001"}`,
    ],
  },
  {
    name: "CSV: every delimiter",
    content: "a|b\n1|2\n",
    source: { ...FIRST_ROW, csvDelimiter: "PIPE" },
    expect: [`{"a":"1","b":"2"}`],
  },
  {
    name: "CSV: __proto__ is a header",
    content: "__proto__\n1\n",
    source: FIRST_ROW,
    expect: [`{"__proto__":"1"}`],
  },
  { name: "CSV: an empty file has no items", content: "", source: FIRST_ROW, expect: [] },
  {
    name: "CSV: duplicate headers",
    content: "a,a\n1,2\n",
    source: FIRST_ROW,
    expect: /^CSV headers cannot contain duplicates\.$/u,
  },
  {
    name: "CSV: a quote that stays open",
    content: 'a\n"b\nc\n',
    source: FIRST_ROW,
    expect: /ends inside a quoted field/u,
  },
  {
    name: "CSV: gzip",
    content: gzipSync("a\n1\n2\n"),
    source: FIRST_ROW,
    expect: [`{"a":"1"}`, `{"a":"2"}`],
  },
  { name: "CSV: zstd", content: zstdCompressSync("a\n1\n"), source: FIRST_ROW, expect: [`{"a":"1"}`] },
  {
    name: "CSV: gzip that is cut off",
    content: gzipSync("a\n1\n2\n").subarray(0, 15),
    source: FIRST_ROW,
    expect: /compressed data cannot be read/u,
  },
  {
    name: "MaxItems 0 is no limit",
    content: "a\n1\n2\n",
    source: { ...FIRST_ROW, maxItems: 0 },
    expect: [`{"a":"1"}`, `{"a":"2"}`],
  },
  { name: "MaxItems 1", content: "a\n1\n2\n", source: { ...FIRST_ROW, maxItems: 1 }, expect: [`{"a":"1"}`] },
  {
    name: "MaxItems below zero",
    content: "a\n1\n",
    source: { ...FIRST_ROW, maxItems: -1 },
    expect: /^field MaxItems must be positive$/u,
  },
  {
    name: "JSON: elements of every type, as they are written",
    content: ` [1.50, "a]\\"b" ,{"x": [1, {"y":"}"}]},\n[],null,true, 12345678901234567890] `,
    source: JSON_FILE,
    expect: ["1.50", `"a]\\"b"`, `{"x": [1, {"y":"}"}]}`, "[]", "null", "true", "12345678901234567890"],
  },
  { name: "JSON: an empty array", content: "[]", source: JSON_FILE, expect: [] },
  {
    name: "JSON: an object is nothing to map over",
    content: `{"Hello": "world"}`,
    source: JSON_FILE,
    expect: /^Attempting to map over non-iterable node\.$/u,
  },
  {
    name: "JSON: a scalar is nothing to map over",
    content: "7",
    source: JSON_FILE,
    expect: /^Attempting to map over/u,
  },
  { name: "JSON: an empty file", content: "", source: JSON_FILE, expect: /^Attempting to map over/u },
  {
    name: "JSON: a pointer goes through objects and arrays, with escapes",
    content: `{"skip":{"a/b":[9]},"a/b":[0,{"m~n":[1,2]}],"after":1}`,
    source: { ...JSON_FILE, itemsPointer: "/a~1b/1/m~0n" },
    expect: ["1", "2"],
  },
  {
    name: "JSON: a pointer to an object gives its members",
    content: `{"data":{"a":1,"b":[2]}}`,
    source: { ...JSON_FILE, itemsPointer: "/data" },
    expect: [`{"Key":"a","Value":1}`, `{"Key":"b","Value":[2]}`],
  },
  {
    name: "JSON: a pointer to nothing",
    content: `{"a":1}`,
    source: { ...JSON_FILE, itemsPointer: "/b" },
    expect: /leads to nothing/u,
  },
  { name: "JSON: an array that is cut off", content: "[1,2", source: JSON_FILE, expect: /ends too early/u },
  {
    name: "JSON: an element that is not JSON",
    content: "[1,nope]",
    source: JSON_FILE,
    expect: /not valid JSON/u,
  },
  { name: "JSON: elements without a comma", content: "[1 2]", source: JSON_FILE, expect: /not valid/u },
  { name: "JSON: two commas", content: "[1,,2]", source: JSON_FILE, expect: /not valid/u },
  { name: "JSON: a comma before the end", content: "[1,]", source: JSON_FILE, expect: /not valid/u },
  { name: "JSON: something after the array", content: "[1] x", source: JSON_FILE, expect: /not valid/u },
  {
    name: "JSON: a key without a colon",
    content: `{"d":{"a" 1}}`,
    source: { ...JSON_FILE, itemsPointer: "/d" },
    expect: /not valid/u,
  },
  {
    name: "JSON: nested 100,000 deep",
    content: `[${"[".repeat(100_000)}${"]".repeat(100_000)}]`,
    source: JSON_FILE,
    expect: /not valid JSON/u,
  },
  {
    name: "JSON: bytes that are not UTF-8",
    content: Buffer.from('["\xff"]', "latin1"),
    source: JSON_FILE,
    expect: /not UTF-8/u,
  },
  {
    name: "JSONL: one item a line; blank lines are none",
    content: `{"a": 1}\r\n\n2\n"x"`,
    source: JSONL_FILE,
    expect: [`{"a": 1}`, "2", `"x"`],
  },
  {
    name: "JSONL: a line that is not JSON",
    content: "1\n{\n",
    source: JSONL_FILE,
    expect: /not valid JSON/u,
  },
  {
    name: "Parquet: not one",
    content: "PAR1 nothing",
    source: { inputType: "PARQUET" },
    expect: /not a whole Parquet file/u,
  },
  {
    name: "Parquet: an empty file",
    content: "",
    source: { inputType: "PARQUET" },
    expect: /not a whole Parquet file/u,
  },
  { name: "no type", content: "", source: {}, expect: /needs the InputType/u },
  {
    name: "an inventory manifest that is none",
    content: "[]",
    source: { inputType: "MANIFEST", manifestType: "S3_INVENTORY" },
    expect: /not the manifest\.json/u,
  },
];

for (const { name, content, source, expect } of cases) {
  test(name, async (t) => {
    const { store } = await localBucket(t);
    await put(store, "file", content);
    const whole: Omit<ItemSource, "bucket"> = { resource: "getObject", key: "file", ...source };
    if (expect instanceof RegExp) {
      await assert.rejects(itemsOf(store, whole), failure(expect));
      return;
    }
    const items = await itemsOf(store, whole);
    assert.deepEqual(
      items.map(({ text }) => text),
      expect,
    );
    assert.deepEqual(
      items.map(({ bytes }) => bytes),
      expect.map((text) => Buffer.byteLength(text)),
    );
    // From every cursor on, and in pieces of one byte, the same items.
    for (const [index, { cursor }] of items.entries()) {
      const rest = await itemsOf(store, whole, { after: JSON.parse(JSON.stringify(cursor)) });
      assert.deepEqual(rest, items.slice(index + 1), `after item ${index}`);
    }
    assert.deepEqual(
      await Array.fromAsync(readItems(byteByByte(store), { bucket: "data", ...whole })),
      items,
    );
  });
}

test("a listing gives the service's members, by the bytes of the keys, and goes on after any of them", async (t) => {
  const { store } = await localBucket(t);
  for (const key of ["b", "a/b", "a.txt", "a/a/c", "é", "\u{1f600}", "\uffee"]) await put(store, key, "x");
  const items = await itemsOf(store, { resource: "listObjectsV2" });
  const keys = items.map(({ text }) => (JSON.parse(text) as { Key: string }).Key);
  assert.deepEqual(keys, ["a.txt", "a/a/c", "a/b", "b", "é", "\uffee", "\u{1f600}"]);
  const first = JSON.parse(items[0]?.text ?? "") as Record<string, unknown>;
  assert.deepEqual(Object.keys(first), ["Etag", "Key", "LastModified", "Size", "StorageClass"]);
  for (const [index, { cursor }] of items.entries()) {
    assert.deepEqual(
      await itemsOf(store, { resource: "listObjectsV2" }, { after: cursor }),
      items.slice(index + 1),
    );
  }
  assert.equal((await itemsOf(store, { resource: "listObjectsV2", prefix: "a/" })).length, 2);
});

test("a listing begins after a key, if it is told to", async (t) => {
  const { store } = await localBucket(t);
  for (const key of ["a", "b", "c"]) await put(store, key, `["${key}"]`);
  const source = { resource: "listObjectsV2", startAfter: "a" } as const;
  const listed = await itemsOf(store, source);
  assert.deepEqual(
    listed.map(({ cursor }) => cursor.key),
    ["b", "c"],
  );
  assert.deepEqual(await itemsOf(store, source, { after: listed[0]?.cursor as Cursor }), listed.slice(1));
  const loaded = await itemsOf(store, { ...source, transformation: "LOAD_AND_FLATTEN", inputType: "JSON" });
  assert.deepEqual(
    loaded.map(({ text }) => text),
    ['"b"', '"c"'],
  );
});

test("LOAD_AND_FLATTEN reads every object under the prefix, and goes on inside any of them", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "in/1", "[1,2]");
  await put(store, "in/2", "[]");
  await put(store, "in/3", "[3,4]");
  await put(store, "out", "nothing");
  const source = {
    resource: "listObjectsV2",
    prefix: "in/",
    inputType: "JSON",
    transformation: "LOAD_AND_FLATTEN",
  } as const;
  const items = await itemsOf(store, source);
  assert.deepEqual(
    items.map(({ text }) => text),
    ["1", "2", "3", "4"],
  );
  for (const [index, { cursor }] of items.entries()) {
    assert.deepEqual(await itemsOf(store, source, { after: cursor }), items.slice(index + 1));
  }
});

test("manifests name the objects that are read: Athena's lines and S3's inventory", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "part 1", "1\n");
  await put(store, "part 2", "2\n");
  await put(store, "athena.csv", "s3://data/part 1\ns3://data/part 2");
  await put(store, "files/1.csv.gz", gzipSync('"data","k1","5"\n'));
  await put(
    store,
    "manifest.json",
    JSON.stringify({
      destinationBucket: "arn:aws:s3:::data",
      fileFormat: "CSV",
      fileSchema: "Bucket, Key, Size",
      files: [{ key: "files/1.csv.gz" }],
    }),
  );
  const athena = await itemsOf(store, {
    resource: "getObject",
    key: "athena.csv",
    inputType: "JSONL",
    manifestType: "ATHENA_DATA",
  });
  assert.deepEqual(
    athena.map(({ text }) => text),
    ["1", "2"],
  );
  const inventory = await itemsOf(store, {
    resource: "getObject",
    key: "manifest.json",
    manifestType: "S3_INVENTORY",
  });
  assert.deepEqual(
    inventory.map(({ text }) => text),
    [`{"Bucket":"data","Key":"k1","Size":"5"}`],
  );
});

test("an object that changed since the cursor was made is not read on with", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "file", "[1,2]");
  const [first] = await itemsOf(store, { resource: "getObject", key: "file", inputType: "JSON" });
  await put(store, "file", "[3,4]");
  assert.ok(first);
  await assert.rejects(
    itemsOf(store, { resource: "getObject", key: "file", inputType: "JSON" }, { after: first.cursor }),
    failure(/has changed/u),
  );
});

test("missing objects and buckets say which they are", async (t) => {
  const { store } = await localBucket(t);
  await assert.rejects(
    itemsOf(store, { resource: "getObject", key: "none", inputType: "JSON" }),
    failure(/s3:\/\/data\/none failed: .*NoSuchKey, status 404/u),
  );
});

for (const [type, before, unit] of [
  ["JSONL", "", "x"],
  ["JSON", '["', "x"],
  ["CSV", 'a\n"', 'y""\n'],
] as const) {
  test(`${type}: an item of 100 MB fails after its limit, not after its end`, async () => {
    const chunk = Buffer.from(unit.repeat(65_536 / unit.length));
    const { store, sent } = endless(before, chunk, 100 * 1024 * 1024);
    const source = {
      resource: "getObject",
      key: "file",
      inputType: type,
      csvHeaderLocation: "FIRST_ROW",
    } as const;
    const limits = { ...SERVICE_LIMITS, itemBytes: 1024 * 1024 };
    await assert.rejects(itemsOf(store, source, { limits }), failure(/longer than 1048576 bytes/u));
    assert.ok(sent() >= 1024 * 1024 && sent() <= 1024 * 1024 + 2 * 65_536, `${sent()} bytes were taken`);
  });
}

function failure(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ItemReaderError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

/** The same store, but no chunk is longer than one byte. */
function byteByByte(store: ObjectStore): ObjectStore {
  return {
    head: (bucket, key) => store.head(bucket, key),
    list: (bucket, options) => store.list(bucket, options),
    writer: (bucket, key) => store.writer(bucket, key),
    async *read(bucket, key, range) {
      for await (const chunk of store.read(bucket, key, range)) {
        // The first ones say how an object is compressed; stores send at least those together.
        yield chunk.subarray(0, 4);
        for (let i = 4; i < chunk.length; i++) yield chunk.subarray(i, i + 1);
      }
    },
  };
}

/** An object of one line without an end, and how much of it has been taken. */
function endless(before: string, chunk: Buffer, size: number): { store: ObjectStore; sent: () => number } {
  let taken = 0;
  const unused = (): never => assert.fail("not for this test");
  return {
    sent: () => taken,
    store: {
      head: async () => ({ size, etag: '"1"', lastModifiedMs: 0 }),
      list: unused,
      writer: unused,
      async *read(_bucket, _key, range) {
        if (range?.end !== undefined) {
          yield Buffer.from(before).subarray(0, range.end);
          return;
        }
        yield Buffer.from(before);
        while (taken < size) {
          taken += chunk.length;
          yield chunk;
        }
      },
    },
  };
}
