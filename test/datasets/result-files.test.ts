// What a Map Run leaves in a bucket: names, entries, where files end, and what is visible when.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ChildResult,
  ResultFiles,
  type ResultTarget,
  ResultWriterError,
  transformed,
} from "../../src/datasets/result-files.ts";
import { localBucket, textOfObject } from "./support.ts";

const UUID = "ad9b5f27-090b-3ac6-9beb-243cd77144a7";
const MAP_RUN = `arn:aws:states:us-east-2:123456789012:mapRun:csvProcess/Map:${UUID}`;
const TARGET: ResultTarget = {
  bucket: "data",
  prefix: "jobs",
  mapRunArn: MAP_RUN,
  transformation: "NONE",
  outputType: "JSON",
};

function child(name: string, rest: Partial<ChildResult> = {}): ChildResult {
  return {
    executionArn: `arn:aws:states:us-east-2:123456789012:execution:csvProcess/Map:${name}`,
    stateMachineArn: "arn:aws:states:us-east-2:123456789012:stateMachine:csvProcess/Map",
    name,
    status: "SUCCEEDED",
    input: `{"n":1}`,
    output: `[{"n":1.0},2]`,
    startedAtMs: 1_738_633_790_099,
    stoppedAtMs: 1_738_633_790_163,
    redriveCount: 0,
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
    ...rest,
  };
}

function failedChild(name: string, status: "FAILED" | "TIMED_OUT" | "ABORTED" = "FAILED"): ChildResult {
  const { output: _, redriveStatusReason: __, ...rest } = child(name);
  return { ...rest, status, redriveStatus: "REDRIVABLE_BY_MAP_RUN", error: "Oops", cause: "it broke" };
}

const SUCCEEDED_ENTRY =
  `{"ExecutionArn":"arn:aws:states:us-east-2:123456789012:execution:csvProcess/Map:a","Input":"{\\"n\\":1}",` +
  `"InputDetails":{"Included":true},"Name":"a","Output":"[{\\"n\\":1.0},2]","OutputDetails":{"Included":true},` +
  `"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven",` +
  `"StartDate":"2025-02-04T01:49:50.099Z","StateMachineArn":"arn:aws:states:us-east-2:123456789012:stateMachine:csvProcess/Map",` +
  `"Status":"SUCCEEDED","StopDate":"2025-02-04T01:49:50.163Z"}`;

const FAILED_ENTRY =
  `{"Cause":"it broke","Error":"Oops","ExecutionArn":"arn:aws:states:us-east-2:123456789012:execution:csvProcess/Map:f",` +
  `"Input":"{\\"n\\":1}","InputDetails":{"Included":true},"Name":"f","OutputDetails":{"Included":true},"RedriveCount":0,` +
  `"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2025-02-04T01:49:50.099Z",` +
  `"StateMachineArn":"arn:aws:states:us-east-2:123456789012:stateMachine:csvProcess/Map","Status":"FAILED",` +
  `"StopDate":"2025-02-04T01:49:50.163Z"}`;

const PENDING_ENTRY = `{"Input":"{\\"n\\":1}","InputDetails":{"Included":true},"Status":"PENDING"}`;

describe("what one child contributes", () => {
  const cases: readonly {
    readonly name: string;
    readonly transformation: ResultTarget["transformation"];
    readonly result: ChildResult;
    readonly texts: readonly string[];
  }[] = [
    {
      name: "NONE is the whole entry, with texts in it",
      transformation: "NONE",
      result: child("a"),
      texts: [SUCCEEDED_ENTRY],
    },
    {
      name: "COMPACT is the output as it was written",
      transformation: "COMPACT",
      result: child("a"),
      texts: [`[{"n":1.0},2]`],
    },
    {
      name: "FLATTEN is each element of an array, as it was written",
      transformation: "FLATTEN",
      result: child("a", { output: ` [ {"n":1.0} , 12345678901234567890, [3], "a]," ] ` }),
      texts: [`{"n":1.0}`, "12345678901234567890", "[3]", `"a],"`],
    },
    {
      name: "FLATTEN of no array is the output",
      transformation: "FLATTEN",
      result: child("a", { output: `{"a":[1]}` }),
      texts: [`{"a":[1]}`],
    },
    {
      name: "FLATTEN of an empty array is nothing",
      transformation: "FLATTEN",
      result: child("a", { output: "[]" }),
      texts: [],
    },
    {
      name: "a failed child keeps its entry under COMPACT",
      transformation: "COMPACT",
      result: failedChild("f"),
      texts: [FAILED_ENTRY],
    },
    {
      name: "a failed child keeps its entry under FLATTEN",
      transformation: "FLATTEN",
      result: failedChild("f"),
      texts: [FAILED_ENTRY],
    },
    {
      name: "a child that never started has only its input",
      transformation: "COMPACT",
      result: child("p", { status: "PENDING" }),
      texts: [PENDING_ENTRY],
    },
  ];
  for (const { name, transformation, result, texts } of cases) {
    it(name, () => assert.deepEqual(transformed(transformation, result), texts));
  }
});

describe("the files of a Map Run", () => {
  const cases: readonly {
    readonly name: string;
    readonly target?: Partial<ResultTarget>;
    readonly fileBytes?: number;
    readonly results: readonly ChildResult[];
    /** All that is in the folder of the Map Run, the manifest as its ResultFiles. */
    readonly files: Readonly<Record<string, string>>;
    readonly folder?: string;
  }[] = [
    {
      name: "go by status; failed, timed out and aborted are together, in the order of the calls",
      results: [
        child("a"),
        failedChild("f"),
        child("p", { status: "PENDING" }),
        failedChild("t", "TIMED_OUT"),
        child("a"),
      ],
      files: {
        "FAILED_0.json": `[${FAILED_ENTRY},${FAILED_ENTRY.replaceAll(':f"', ':t"').replace('Name":"f"', 'Name":"t"').replace('Status":"FAILED"', 'Status":"TIMED_OUT"')}]`,
        "PENDING_0.json": `[${PENDING_ENTRY}]`,
        "SUCCEEDED_0.json": `[${SUCCEEDED_ENTRY},${SUCCEEDED_ENTRY}]`,
      },
    },
    { name: "are none where no child is", results: [], files: {} },
    {
      name: "have one line an entry as JSONL",
      target: { transformation: "COMPACT", outputType: "JSONL" },
      results: [child("a", { output: `{\n "a": "\\n"\n}` }), failedChild("f"), child("b", { output: "2" })],
      files: { "FAILED_0.jsonl": `${FAILED_ENTRY}\n`, "SUCCEEDED_0.jsonl": `{  "a": "\\n" }\n2\n` },
    },
    {
      name: "are as large as they may be, and no larger",
      target: { transformation: "COMPACT" },
      fileBytes: 9,
      results: ["11", "22", "33", "4444444444", "5"].map((output) => child("a", { output })),
      files: {
        "SUCCEEDED_0.json": "[11,22]",
        "SUCCEEDED_1.json": "[33]",
        "SUCCEEDED_2.json": "[4444444444]",
        "SUCCEEDED_3.json": "[5]",
      },
    },
    {
      name: "fill a file of lines to the byte",
      target: { transformation: "COMPACT", outputType: "JSONL" },
      fileBytes: 6,
      results: ["11", "22", "3"].map((output) => child("a", { output })),
      files: { "SUCCEEDED_0.jsonl": "11\n22\n", "SUCCEEDED_1.jsonl": "3\n" },
    },
    {
      name: "have no second slash after a prefix that ends in one",
      target: { prefix: "jobs/", transformation: "COMPACT" },
      results: [child("a", { output: "1" })],
      files: { "SUCCEEDED_0.json": "[1]" },
    },
    {
      name: "are at the top of the bucket without a prefix",
      target: { prefix: "", transformation: "COMPACT" },
      results: [child("a", { output: "1" })],
      files: { "SUCCEEDED_0.json": "[1]" },
      folder: `${UUID}/`,
    },
  ];
  for (const { name, target, fileBytes, results, files, folder = `jobs/${UUID}/` } of cases) {
    it(name, async (t) => {
      const { store } = await localBucket(t);
      const writer = new ResultFiles(
        store,
        { ...TARGET, ...target },
        fileBytes === undefined ? {} : { fileBytes },
      );
      for (const result of results) await writer.add(result);
      assert.deepEqual(await writer.finish(), { bucket: "data", key: `${folder}manifest.json` });

      const found: Record<string, string> = {};
      for await (const { key } of store.list("data", {})) found[key] = await textOfObject(store, key);
      const sizes = (status: string): { Key: string; Size: number }[] =>
        Object.entries(files)
          .filter(([file]) => file.startsWith(status))
          .map(([file, text]) => ({ Key: `${folder}${file}`, Size: Buffer.byteLength(text) }));
      const manifest = {
        DestinationBucket: "data",
        MapRunArn: MAP_RUN,
        ResultFiles: { FAILED: sizes("FAILED"), PENDING: sizes("PENDING"), SUCCEEDED: sizes("SUCCEEDED") },
      };
      assert.deepEqual(found, {
        ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`${folder}${file}`, text])),
        [`${folder}manifest.json`]: JSON.stringify(manifest),
      });
    });
  }

  it("of a redrive have a folder of their own, and a manifest with the successes before", async (t) => {
    const { store } = await localBucket(t);
    const compact = { ...TARGET, transformation: "COMPACT" } as const;
    const write = async (redriveCount: number, results: readonly ChildResult[]): Promise<void> => {
      const writer = new ResultFiles(store, { ...compact, redriveCount });
      for (const result of results) await writer.add(result);
      await writer.finish();
    };
    await write(0, [child("a", { output: "1" }), failedChild("f")]);
    // The second attempt has written nothing.
    await write(2, [child("f", { output: "22" })]);
    const manifest = JSON.parse(await textOfObject(store, `jobs/${UUID}/Redrive-2/manifest.json`)) as {
      ResultFiles: unknown;
    };
    assert.deepEqual(manifest.ResultFiles, {
      FAILED: [],
      PENDING: [],
      SUCCEEDED: [
        { Key: `jobs/${UUID}/SUCCEEDED_0.json`, Size: 3 },
        { Key: `jobs/${UUID}/Redrive-2/SUCCEEDED_0.json`, Size: 4 },
      ],
    });
  });

  it("are visible whole or not at all, and gone when writing is given up", async (t) => {
    const { store } = await localBucket(t);
    const keys = async (): Promise<string[]> =>
      (await Array.fromAsync(store.list("data", {}))).map(({ key }) => key);
    const writer = new ResultFiles(store, { ...TARGET, transformation: "COMPACT" }, { fileBytes: 600_000 });
    const large = JSON.stringify("x".repeat(400_000));
    await writer.add(child("a", { output: large }));
    assert.deepEqual(await keys(), []);
    await writer.add(child("b", { output: large }));
    assert.deepEqual(await keys(), [`jobs/${UUID}/SUCCEEDED_0.json`]);
    await writer.abort();
    assert.deepEqual(await keys(), [`jobs/${UUID}/SUCCEEDED_0.json`]);
  });

  it("are replaced by writing them again", async (t) => {
    const { store } = await localBucket(t);
    for (const output of ["1", "2"]) {
      const writer = new ResultFiles(store, { ...TARGET, transformation: "COMPACT" });
      await writer.add(child("a", { output }));
      await writer.finish();
    }
    assert.equal(await textOfObject(store, `jobs/${UUID}/SUCCEEDED_0.json`), "[2]");
  });

  it("fail with the bucket, the key and S3's code", async (t) => {
    const { store } = await localBucket(t);
    const writer = new ResultFiles(store, { ...TARGET, bucket: "missing" });
    await assert.rejects(
      writer.add(child("a")),
      new ResultWriterError(
        "Writing s3://missing/ failed: The specified bucket does not exist (NoSuchBucket, status 404)",
      ),
    );
    await writer.abort();
  });

  it("take no more memory for many children", async (t) => {
    const { store } = await localBucket(t);
    const sink = { bytes: 0 };
    const counting = {
      ...store,
      writer: async () => ({
        write: async (bytes: Uint8Array) => void (sink.bytes += bytes.length),
        commit: async () => {},
        abort: async () => {},
      }),
    };
    const writer = new ResultFiles(counting, TARGET);
    const result = child("a");
    for (let i = 0; i < 5_000; i++) await writer.add(result);
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 30_000; i++) await writer.add(result);
    assert.ok(process.memoryUsage().heapUsed - before < 32 * 1024 * 1024);
    await writer.finish();
    assert.ok(sink.bytes > 35_000 * SUCCEEDED_ENTRY.length);
  });
});
