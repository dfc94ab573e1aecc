// One large Map Run on the real server, killed in the middle: items per second, the most memory, what runs again.
//
// A CSV file in a local bucket, in batches, with a ResultWriter. The work on a batch is a call of Lambda's API, which is
// served here, so that the ledger of calls outlives the server. The server is ended with SIGKILL when a share of the
// batches has been answered, and started again. Checked, and the exit code says so:
//   - every item is in the results once, in order, and every batch was answered;
//   - no batch was called again whose answer the server had had for half a second when it was killed;
//   - the counters of DescribeMapRun add up, whenever they are read.
//
//   node bench/map-run-killed.ts [--items 1000000] [--batch 1000] [--children 200] [--kills 1] [--type STANDARD]

import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { folderStore } from "../src/datasets/index.ts";
import { readItems } from "../src/datasets/read-items.ts";
import { call, freePort, ServerProcess } from "../src/torture/index.ts";
import { ordersCsv } from "./orders.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "1000000" },
    batch: { type: "string", default: "1000" },
    children: { type: "string", default: "200" },
    kills: { type: "string", default: "1" },
    type: { type: "string", default: "STANDARD" },
  },
});
const itemCount = Number(values.items);
const batchSize = Number(values.batch);
const killCount = Number(values.kills);
const batchCount = Math.ceil(itemCount / batchSize);
/** An answer that is older than this when the server is killed was stored. */
const SETTLED_MS = 500;

interface Batch {
  readonly first: string;
  readonly calledAt: number[];
  readonly answeredAt: number[];
}
const ledger = new Map<string, Batch>();
let answers = 0;

const functions = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("error", () => undefined);
  request.on("end", () => {
    const { Items } = JSON.parse(Buffer.concat(chunks).toString()) as {
      Items: { id: string; amount: string }[];
    };
    const first = Items[0]?.id ?? "";
    const batch = ledger.get(first) ?? { first, calledAt: [], answeredAt: [] };
    ledger.set(first, batch);
    batch.calledAt.push(Date.now());
    const total = Items.reduce((sum, { amount }) => sum + Number(amount), 0);
    response.on("finish", () => {
      answers += 1;
      batch.answeredAt.push(Date.now());
    });
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ first: Number(first), count: Items.length, total: Math.round(total * 100) / 100 }),
    );
  });
});
await new Promise<void>((resolve) => void functions.listen(0, "127.0.0.1", () => resolve()));
const lambda = `http://127.0.0.1:${(functions.address() as AddressInfo).port}`;

const directory = mkdtempSync(join(tmpdir(), "stepwell-map-run-"));
await mkdir(join(directory, "s3", "data"), { recursive: true });
await pipeline(
  Readable.from(ordersCsv(itemCount)),
  createWriteStream(join(directory, "s3", "data", "orders.csv")),
);

const port = await freePort();
const newServer = (): ServerProcess =>
  new ServerProcess([fileURLToPath(new URL("../bin/stepwell", import.meta.url))], port, [
    "--data",
    join(directory, "store"),
    "--s3",
    join(directory, "s3"),
    "--lambda-endpoint",
    lambda,
  ]);
let server = newServer();
await server.start();

const map = {
  Type: "Map",
  Label: "orders",
  MaxConcurrency: Number(values.children),
  ItemReader: {
    Resource: "arn:aws:states:::s3:getObject",
    ReaderConfig: { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" },
    Parameters: { Bucket: "data", Key: "orders.csv" },
  },
  ItemBatcher: { MaxItemsPerBatch: batchSize },
  ItemProcessor: {
    ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: values.type },
    StartAt: "Score",
    States: {
      Score: {
        Type: "Task",
        Resource: "arn:aws:lambda:us-east-1:000000000000:function:score",
        Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 1, MaxAttempts: 10 }],
        End: true,
      },
    },
  },
  ResultWriter: {
    Resource: "arn:aws:states:::s3:putObject",
    Parameters: { Bucket: "data", Prefix: "results" },
    WriterConfig: { Transformation: "COMPACT", OutputType: "JSONL" },
  },
  End: true,
};
const { stateMachineArn } = (await ask("CreateStateMachine", {
  name: "orders",
  roleArn: "arn:aws:iam::000000000000:role/r",
  definition: JSON.stringify({ StartAt: "Map", States: { Map: map } }),
})) as { stateMachineArn: string };
const idleBytes = memoryOf(server).now;
const startedAt = performance.now();
const { executionArn } = (await ask("StartExecution", { stateMachineArn })) as { executionArn: string };

let killed = 0;
let killedMs = 0;
let reads = 0;
let peakBytes = 0;
const again: string[] = [];
const killTimes: number[] = [];
for (;;) {
  const { status } = (await ask("DescribeExecution", { executionArn })) as { status: string };
  peakBytes = Math.max(peakBytes, memoryOf(server).most);
  if (status !== "RUNNING") break;
  await checkCounters();
  if (killed < killCount && answers >= ((killed + 1) * batchCount) / (killCount + 1)) {
    const before = performance.now();
    await server.kill();
    killTimes.push(Date.now());
    killed += 1;
    server = newServer();
    await server.start();
    killedMs += performance.now() - before;
  }
  await pause(50);
}
const seconds = (performance.now() - startedAt - killedMs) / 1000;
const ended = (await ask("DescribeExecution", { executionArn })) as Record<string, unknown>;
await checkCounters();

let failures = 0;
function check(what: string, isRight: boolean): void {
  if (!isRight) failures += 1;
  console.log(`${isRight ? "ok  " : "FAIL"} ${what}`);
}

// A batch that was answered in one life of the server runs again only if that life ended soon after.
for (const { first, calledAt, answeredAt } of ledger.values()) {
  for (const at of answeredAt) {
    const endedAt = killTimes.find((killedAt) => killedAt >= at) ?? Number.POSITIVE_INFINITY;
    const wasSettled = endedAt - at > SETTLED_MS;
    if (wasSettled && calledAt.some((calledAgainAt) => calledAgainAt > at)) again.push(first);
  }
}
const calls = [...ledger.values()].reduce((sum, { calledAt }) => sum + calledAt.length, 0);
console.log(
  `${itemCount} items in ${batchCount} batches, ${values.children} children at a time, ${values.type}: ` +
    `${Math.round(itemCount / seconds)} items/s in ${seconds.toFixed(1)} s (without ${Math.round(killedMs)} ms of ${killed} restarts)`,
);
console.log(
  `memory: ${mib(idleBytes)} MiB idle, at most ${mib(peakBytes)} MiB, ${mib(peakBytes - idleBytes)} more`,
);
console.log(`calls: ${calls} for ${batchCount} batches; counters read ${reads} times`);
check(`it succeeded: ${JSON.stringify(ended["error"] ?? ended["status"])}`, ended["status"] === "SUCCEEDED");
check("the server was killed as often as asked", killed === killCount);
check(`no finished batch was called again (${again.length})`, again.length === 0);
check("counters were read", reads > 0);
await checkResults();
await server.kill();
functions.close();
functions.closeAllConnections();
rmSync(directory, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;

async function checkResults(): Promise<void> {
  const bucket = join(directory, "s3", "data");
  const folder = join(bucket, "results", readdirSync(join(bucket, "results"))[0] ?? "");
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
    ResultFiles: { SUCCEEDED: { Key: string }[]; FAILED: unknown[] };
  };
  const store = await folderStore(join(directory, "s3"));
  let next = 0;
  let isOrdered = true;
  for (const { Key } of manifest.ResultFiles.SUCCEEDED) {
    const source = { resource: "getObject", bucket: "data", key: Key, inputType: "JSONL" } as const;
    for await (const { text } of readItems(store, source)) {
      const { first, count } = JSON.parse(text) as { first: number; count: number };
      if (first !== next) isOrdered = false;
      next = first + count;
    }
  }
  check(`the results are whole and in order (${next} of ${itemCount})`, isOrdered && next === itemCount);
  check("no batch failed", manifest.ResultFiles.FAILED.length === 0);
}

async function checkCounters(): Promise<void> {
  const { mapRuns } = (await ask("ListMapRuns", { executionArn })) as { mapRuns: { mapRunArn: string }[] };
  const arn = mapRuns[0]?.mapRunArn;
  if (arn === undefined) return;
  const run = (await ask("DescribeMapRun", { mapRunArn: arn })) as Record<string, Record<string, number>>;
  for (const name of ["itemCounts", "executionCounts"]) {
    const {
      pending = 0,
      running = 0,
      succeeded = 0,
      failed = 0,
      timedOut = 0,
      aborted = 0,
      ...rest
    } = run[name] ?? {};
    reads += 1;
    const sum = pending + running + succeeded + failed + timedOut + aborted + (rest["pendingRedrive"] ?? 0);
    if (sum !== rest["total"] || pending < 0) {
      failures += 1;
      console.log(`FAIL ${name} do not add up: ${JSON.stringify(run[name])}`);
    }
  }
}

async function ask(operation: string, body: object): Promise<unknown> {
  return await call(server.url, operation, body);
}

function memoryOf({ pid }: ServerProcess): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(status)?.[1] ?? 0);
  return { now: kib("VmRSS") * 1024, most: kib("VmHWM") * 1024 };
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}
