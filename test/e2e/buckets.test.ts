// Where a real server finds buckets: at endpoints with S3's API, with the keys of its environment, or nowhere.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { connect } from "../../src/cli/client.ts";
import { freePort, ServerProcess } from "../crash/server.ts";
import { type FakeS3, fakeS3, KEY } from "../datasets/s3-fake.ts";
import { put } from "../datasets/support.ts";

const ROWS = 3_000;
const DEFINITION = JSON.stringify({
  StartAt: "Each",
  States: {
    Each: {
      Type: "Map",
      End: true,
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        ReaderConfig: { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" },
        Parameters: { Bucket: "data", Key: "rows.csv" },
      },
      ItemBatcher: { MaxItemsPerBatch: 500 },
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
        StartAt: "Count",
        States: {
          Count: {
            Type: "Pass",
            Parameters: { "count.$": "States.ArrayLength($.Items)", "first.$": "$.Items[0].n" },
            End: true,
          },
        },
      },
      ResultWriter: {
        Resource: "arn:aws:states:::s3:putObject",
        Parameters: { Bucket: "data", Prefix: "results" },
        WriterConfig: { Transformation: "COMPACT", OutputType: "JSON" },
      },
    },
  },
});

/** How the execution of the Map ends on a server with these arguments. */
async function run(t: TestContext, args: readonly string[], key = KEY): Promise<JsonObject> {
  const server = new ServerProcess(await freePort(), ["--memory", "--region", "us-east-1", ...args], {
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
  });
  await server.start();
  t.after(async () => assert.equal(await server.stop(), 0, server.errors));
  const call = connect(new URL(server.url));
  const { stateMachineArn } = await call("CreateStateMachine", {
    name: "each",
    definition: DEFINITION,
    roleArn: "arn:aws:iam::000000000000:role/r",
  });
  const { executionArn } = await call("StartExecution", { stateMachineArn: stateMachineArn as string });
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- until it has ended
    const described = await call("DescribeExecution", { executionArn: executionArn as string });
    if (described["status"] !== "RUNNING") return described;
    // oxlint-disable-next-line no-await-in-loop -- see above
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function fakeWithRows(t: TestContext): Promise<FakeS3> {
  const fake = await fakeS3(t);
  const rows = Array.from({ length: ROWS }, (_, n) => `${n},${"x".repeat(100)}\n`);
  await put(fake.store, "rows.csv", `n,text\n${rows.join("")}`);
  return fake;
}

describe("buckets of a real server", () => {
  for (const option of ["--s3-endpoint", "--service-endpoint"]) {
    it(`are at ${option}, also when connections break`, async (t) => {
      const fake = await fakeWithRows(t);
      let broken = 0;
      // The first try of each kind of request.
      const seen = new Set<string>();
      fake.fault = (request) => {
        const kind = request.split("/", 1)[0] ?? "";
        if (seen.has(kind)) return undefined;
        seen.add(kind);
        broken += 1;
        return kind === "GET " ? { kind: "cut", bytes: 100_000 } : { kind: "lost", done: false };
      };
      const { status, output, cause } = await run(t, [option, fake.url]);
      assert.equal(status, "SUCCEEDED", String(cause));
      assert.equal(broken, 3);
      const { ResultWriterDetails: at } = JSON.parse(output as string) as {
        ResultWriterDetails: { Bucket: string; Key: string };
      };
      const read = (key: string): unknown => JSON.parse(String(fake.objects.get(key)?.body));
      const { ResultFiles: files } = read(at.Key) as { ResultFiles: { SUCCEEDED: { Key: string }[] } };
      assert.deepEqual(
        files.SUCCEEDED.map(({ Key }) => read(Key)),
        [Array.from({ length: ROWS / 500 }, (_, i) => ({ count: 500, first: String(i * 500) }))],
      );
    });
  }

  it("are refused to who has the wrong key", async (t) => {
    const fake = await fakeWithRows(t);
    const { error, cause } = await run(t, ["--s3-endpoint", fake.url], { ...KEY, secretAccessKey: "other" });
    assert.deepEqual(
      { error, cause },
      {
        error: "States.ItemReaderFailed",
        cause:
          "Reading s3://data/rows.csv failed: The request signature we calculated does not match (SignatureDoesNotMatch, status 403)",
      },
    );
  });

  it("are nowhere, and the cause says how to have some", async (t) => {
    const { error, cause } = await run(t, []);
    assert.deepEqual(
      { error, cause },
      {
        error: "States.ItemReaderFailed",
        cause:
          "Reading s3://data/ failed: This server was not told where buckets are: start it with --s3 DIR, --s3-endpoint URL or --service-endpoint URL (NoSuchBucket, status 404)",
      },
    );
  });
});
