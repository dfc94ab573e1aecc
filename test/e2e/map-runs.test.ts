// Map Runs with the real server and the command line: the example of the orders, and a redrive over the API.

import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "../../src/asl/index.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { connect } from "../../src/cli/client.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeTerminal } from "../cli/environment-fake.ts";
import { freePort, ServerProcess } from "../crash/server.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/orders-batch/", import.meta.url));
const buckets = await mkdtemp(join(tmpdir(), "stepwell-buckets-"));
const functions = join(EXAMPLE, "functions");
const server = new ServerProcess(await freePort(), ["--memory", "--functions", functions, "--s3", buckets]);
before(async () => {
  await cp(join(EXAMPLE, "buckets"), buckets, {
    recursive: true,
    filter: (path) => !path.endsWith("scored"),
  });
  await server.start();
});
after(async () => {
  assert.equal(await server.stop(), 0, server.errors);
  await rm(buckets, { recursive: true });
});
const call = connect(new URL(server.url));
const roleArn = "arn:aws:iam::000000000000:role/test";

async function machine(name: string, definition: string): Promise<string> {
  const { stateMachineArn } = await call("CreateStateMachine", { name, definition, roleArn });
  return stateMachineArn as string;
}

async function ended(executionArn: string): Promise<JsonObject> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- until it has ended
    const described = await call("DescribeExecution", { executionArn });
    if (described["status"] !== "RUNNING") return described;
    // oxlint-disable-next-line no-await-in-loop -- see above
    await new Promise((done) => setTimeout(done, 20));
  }
}

interface Ran {
  readonly code: number;
  readonly err: string;
  readonly lines: readonly JsonObject[];
}

/** What a command writes into a pipe. */
async function stepwell(...argv: string[]): Promise<Ran> {
  const terminal = fakeTerminal([...argv, "--endpoint", server.url], { now: Date.now });
  const code = await runCli(terminal.environment);
  const lines = terminal.out().trimEnd().split("\n");
  return { code, err: terminal.err(), lines: lines.map((line) => JSON.parse(line) as JsonObject) };
}

const text = (name: string): Promise<string> => readFile(join(EXAMPLE, name), "utf8");
const NONE = { pending: 0, running: 0, timedOut: 0, aborted: 0 };

test("the example: its definition is valid, without a single remark", async () => {
  const { program, diagnostics } = parse(await text("orders-batch.asl.json"), { advice: true });
  assert.deepEqual(diagnostics, []);
  assert.equal(program?.states.size, 2);
});

test("the example: orders are scored in batches, one batch fails, the results lie beside", async () => {
  await machine("orders-batch", await text("orders-batch.asl.json"));
  const { code, err, lines } = await stepwell("start", "orders-batch");
  assert.equal(code, 0, err);
  assert.match(err, /^Map Run score: 0 items so far · (?:0\/s · )?\d running\n/);
  assert.match(err, /\nMap Run score: SUCCEEDED in [\d.]+ s, 200 items · [\d.]+\/s · 10 failed\n$/);

  const executionArn = lines.at(-1)?.["executionArn"] as string;
  const output = JSON.parse(lines.at(-1)?.["output"] as string) as JsonObject;
  const mapRunArn = output["MapRunArn"] as string;
  const { itemCounts, executionCounts, status } = await call("DescribeMapRun", { mapRunArn });
  assert.deepEqual(
    [status, itemCounts, executionCounts],
    [
      "SUCCEEDED",
      { ...NONE, succeeded: 190, failed: 10, total: 200, resultsWritten: 200 },
      { ...NONE, succeeded: 19, failed: 1, total: 20, resultsWritten: 20 },
    ],
  );

  const folder = join(buckets, "orders", "scored", mapRunArn.slice(mapRunArn.lastIndexOf(":") + 1));
  assert.deepEqual((await readdir(folder)).toSorted(), [
    "FAILED_0.jsonl",
    "SUCCEEDED_0.jsonl",
    "manifest.json",
  ]);
  const results = (await readFile(join(folder, "SUCCEEDED_0.jsonl"), "utf8")).trimEnd().split("\n");
  const numbers = results.map((line) => (JSON.parse(line) as { orderId: string }).orderId);
  // All in their order, but for the batch with the order that has no amount.
  const all = Array.from({ length: 200 }, (_, i) => `O-${1001 + i}`);
  assert.deepEqual(numbers, [...all.slice(0, 130), ...all.slice(140)]);
  const [failed = "", ...others] = (await readFile(join(folder, "FAILED_0.jsonl"), "utf8"))
    .trimEnd()
    .split("\n");
  assert.deepEqual(others, []);
  assert.equal((JSON.parse(failed) as { Error: string }).Error, "OrderWithoutAmount");

  const listed = await stepwell("list", "executions", mapRunArn, "--status", "FAILED");
  assert.deepEqual(
    listed.lines.map(({ status: of, itemCount, mapRunArn: run }) => [of, itemCount, run]),
    [["FAILED", 10, mapRunArn]],
  );
  assert.deepEqual(
    (await stepwell("list", "map-runs", executionArn)).lines.map(({ mapRunArn: run }) => run),
    [mapRunArn],
  );
  // The machine's own start and Map, and of each batch its start and its task.
  const [bill] = (await stepwell("cost", executionArn)).lines;
  assert.deepEqual([bill?.["executions"], bill?.["transitions"]], [21, 2 + 20 * 2]);
});

test("a redrive runs what failed and what had not begun, in the same Map Run", async () => {
  const { activityArn = "" } = (await call("CreateActivity", { name: "check" })) as { activityArn?: string };
  const each = {
    Type: "Map",
    Label: "each",
    MaxConcurrency: 1,
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
      StartAt: "Check",
      States: { Check: { Type: "Task", Resource: activityArn, End: true } },
    },
    End: true,
  };
  const stateMachineArn = await machine(
    "checked",
    JSON.stringify({ StartAt: "Each", States: { Each: each } }),
  );
  const { executionArn = "" } = (await call("StartExecution", { stateMachineArn, input: "[1,2,3]" })) as {
    executionArn?: string;
  };
  const inputs: unknown[] = [];
  const next = async (): Promise<string> => {
    const { taskToken, input } = await call("GetActivityTask", { activityArn });
    inputs.push(input);
    return taskToken as string;
  };
  await call("SendTaskSuccess", { taskToken: await next(), output: "10" });
  await call("SendTaskFailure", { taskToken: await next(), error: "Wrong", cause: "not two" });
  assert.equal((await ended(executionArn))["error"], "States.ExceedToleratedFailureThreshold");

  const { mapRuns } = await call("ListMapRuns", { executionArn });
  const [{ mapRunArn }] = mapRuns as [{ mapRunArn: string }];
  const [failed] = (await stepwell("list", "executions", mapRunArn, "--status", "FAILED")).lines;
  const child = failed?.["executionArn"] as string;
  assert.equal(
    (await call("DescribeExecution", { executionArn: child }))["redriveStatus"],
    "REDRIVABLE_BY_MAP_RUN",
  );
  await assert.rejects(call("RedriveExecution", { executionArn: child }), { code: "ExecutionNotRedrivable" });

  await call("RedriveExecution", { executionArn });
  for (const output of ["20", "30"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await call("SendTaskSuccess", { taskToken: await next(), output });
  }
  assert.equal((await ended(executionArn))["output"], "[10,20,30]");
  assert.deepEqual(inputs, ["1", "2", "2", "3"]);
  const described = await call("DescribeMapRun", { mapRunArn });
  assert.deepEqual(
    [
      described["status"],
      described["redriveCount"],
      typeof described["redriveDate"],
      described["itemCounts"],
    ],
    ["SUCCEEDED", 1, "number", { ...NONE, succeeded: 3, failed: 0, total: 3, resultsWritten: 3 }],
  );
  const { executions } = await call("ListExecutions", { mapRunArn, redriveFilter: "REDRIVEN" });
  assert.deepEqual(
    (executions as JsonObject[]).map(({ executionArn: of, status, redriveCount }) => [
      of,
      status,
      redriveCount,
    ]),
    [[child, "SUCCEEDED", 1]],
  );
  const types = (await stepwell("history", executionArn)).lines.map(({ type }) => type);
  assert.deepEqual(
    types.filter((type) => /^MapRun|Redriven/.test(String(type))),
    ["MapRunStarted", "MapRunFailed", "ExecutionRedriven", "MapRunRedriven", "MapRunSucceeded"],
  );
});

test("of two children that are to be redriven one at a time, the other is pending", async () => {
  const { activityArn = "" } = (await call("CreateActivity", { name: "slow" })) as { activityArn?: string };
  const each = {
    Type: "Map",
    MaxConcurrency: 2,
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
      StartAt: "Work",
      States: { Work: { Type: "Task", Resource: activityArn, End: true } },
    },
    End: true,
  };
  const stateMachineArn = await machine("slow", JSON.stringify({ StartAt: "Each", States: { Each: each } }));
  const { executionArn = "" } = (await call("StartExecution", { stateMachineArn, input: "[1,2]" })) as {
    executionArn?: string;
  };
  const tasks = [
    await call("GetActivityTask", { activityArn }),
    await call("GetActivityTask", { activityArn }),
  ];
  const { mapRuns } = await call("ListMapRuns", { executionArn });
  const [{ mapRunArn }] = mapRuns as [{ mapRunArn: string }];
  await call("UpdateMapRun", { mapRunArn, maxConcurrency: 1 });
  await call("SendTaskFailure", { taskToken: tasks[0]?.["taskToken"] as string, error: "Wrong" });
  assert.equal((await ended(executionArn))["status"], "FAILED");
  const statuses = async (): Promise<unknown> => {
    const { executions } = await call("ListExecutions", { mapRunArn });
    return (executions as JsonObject[]).map(({ status }) => String(status)).toSorted();
  };
  assert.deepEqual(await statuses(), ["ABORTED", "FAILED"]);

  await call("RedriveExecution", { executionArn });
  const { taskToken } = await call("GetActivityTask", { activityArn });
  assert.deepEqual(await statuses(), ["PENDING_REDRIVE", "RUNNING"]);
  const pending = await call("ListExecutions", { mapRunArn, statusFilter: "PENDING_REDRIVE" });
  const [{ executionArn: child }] = pending["executions"] as [{ executionArn: string }];
  assert.equal((await call("DescribeExecution", { executionArn: child }))["status"], "PENDING_REDRIVE");
  const { itemCounts, maxConcurrency } = await call("DescribeMapRun", { mapRunArn });
  assert.deepEqual(itemCounts, {
    ...NONE,
    running: 1,
    succeeded: 0,
    failed: 0,
    total: 2,
    resultsWritten: 0,
    pendingRedrive: 1,
  });
  assert.equal(maxConcurrency, 1);
  await call("SendTaskSuccess", { taskToken: taskToken as string, output: "1" });
  const last = await call("GetActivityTask", { activityArn });
  await call("SendTaskSuccess", { taskToken: last["taskToken"] as string, output: "2" });
  assert.equal((await ended(executionArn))["status"], "SUCCEEDED");
  assert.deepEqual(await statuses(), ["SUCCEEDED", "SUCCEEDED"]);
});
