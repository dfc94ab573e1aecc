// Distributed Maps: items per second and memory, by the number of items and of children at a time, beside the same work
// as one inline Map and as a plain loop over the file, in the same run.
//
// The items are rows of a CSV file in a local bucket. The work on each is one Task whose function answers at once, and
// the results are written to the bucket. Every measurement has a process of its own; its memory is what it takes at
// most beyond what the engine takes when it is idle.
//
//   node bench/map-runs.ts [--items 1000,10000,100000,1000000] [--children 1,10,100,1000]

import { spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Payload } from "../src/base/json.ts";
import { folderStore } from "../src/datasets/index.ts";
import { SERVICE_LIMITS } from "../src/engine/index.ts";
import type { Integration } from "../src/integrations/index.ts";
import type { StateMachine } from "../src/runtime/interface.ts";
import { Runtime } from "../src/runtime/runtime.ts";
import { SqliteStore } from "../src/store/sqlite/store.ts";
import { ordersCsv } from "./orders.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "1000,10000,100000,1000000" },
    children: { type: "string", default: "1,10,100,1000" },
    /** Of a process that measures one: a Measure as JSON. */
    measure: { type: "string" },
    /** A bucket's folder with the file in it. */
    directory: { type: "string" },
  },
});

type Way = "STANDARD" | "EXPRESS" | "inline" | "loop";
interface Measure {
  readonly way: Way;
  readonly items: number;
  readonly children: number;
  /** Items of a child; 0 = no batches. */
  readonly batch: number;
}
interface Measured {
  readonly seconds: number;
  readonly peakBytes: number;
}

const SCORE = Payload.ofText('{"score":712}');
const INSTANT: Integration = { call: () => Promise.resolve({ kind: "succeeded", output: SCORE }) };
const ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:scores";
/** An inline Map has all of it in one execution: beyond this its history and its items are no fair comparison. */
const MOST_INLINE = 10_000;

/** A child for each item is measured up to here, one at a time up to there. */
const MOST_SINGLE = 100_000;
const MOST_ONE_BY_ONE = 1000;

const STATES = {
  StartAt: "Score",
  States: {
    Score: { Type: "Task", Resource: "arn:aws:lambda:us-east-1:000000000000:function:score", End: true },
  },
};

function definition({ way, children, batch }: Measure): string {
  const map =
    way === "inline"
      ? { Type: "Map", MaxConcurrency: children, ItemProcessor: STATES }
      : {
          Type: "Map",
          MaxConcurrency: children,
          ItemReader: {
            Resource: "arn:aws:states:::s3:getObject",
            ReaderConfig: { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" },
            Parameters: { Bucket: "data", Key: "orders.csv" },
          },
          ...(batch === 0 ? {} : { ItemBatcher: { MaxItemsPerBatch: batch } }),
          ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: way }, ...STATES },
          ResultWriter: {
            Resource: "arn:aws:states:::s3:putObject",
            Parameters: { Bucket: "data", Prefix: "results" },
          },
        };
  return JSON.stringify({ StartAt: "Map", States: { Map: { ...map, End: true } } });
}

async function measureMap(measure: Measure, directory: string): Promise<Measured> {
  const store = mkdtempSync(join(tmpdir(), "stepwell-map-runs-"));
  const limits =
    measure.way === "inline"
      ? {
          ...SERVICE_LIMITS,
          payloadBytes: Number.MAX_SAFE_INTEGER,
          historyEvents: Number.MAX_SAFE_INTEGER,
          inlineMapConcurrency: measure.children,
        }
      : SERVICE_LIMITS;
  const runtime = await Runtime.open({
    store: new SqliteStore({ directory: store }),
    integrations: () => INSTANT,
    limits,
    objects: await folderStore(directory),
    onFatal: (error) => {
      throw error;
    },
    log: console.error,
  });
  const machine: StateMachine = {
    arn: ARN,
    name: "scores",
    type: "STANDARD",
    status: "ACTIVE",
    createdAtMs: 0,
    updated: false,
    revision: {
      revisionId: "revision",
      stateMachineArn: ARN,
      createdAtMs: 0,
      definition: definition(measure),
      roleArn: "arn:aws:iam::000000000000:role/r",
      loggingConfiguration: {},
      tracingConfiguration: {},
      encryptionConfiguration: {},
    },
  };
  await runtime.catalog.createStateMachine(machine, []);
  const input = measure.way === "inline" ? await itemsOf(directory) : "{}";
  const idleBytes = process.memoryUsage.rss();
  const before = performance.now();
  const { executionArn } = await runtime.executions.start({ machine, input: Payload.ofText(input) });
  await runtime.executions.waitForEnd(executionArn, new AbortController().signal);
  const seconds = (performance.now() - before) / 1000;
  const execution = (await runtime.executions.describe(executionArn))?.execution;
  if (execution?.status !== "SUCCEEDED") throw new Error(`${execution?.error}: ${execution?.cause}`);
  const peakBytes = process.resourceUsage().maxRSS * 1024 - idleBytes;
  await runtime.close(1000);
  rmSync(store, { recursive: true });
  return { seconds, peakBytes };
}

async function* rowsOf(directory: string): AsyncGenerator<Record<string, string>> {
  const lines = createInterface({ input: createReadStream(join(directory, "data", "orders.csv")) });
  let header: readonly string[] | undefined;
  for await (const line of lines) {
    const cells = line.split(",");
    if (header === undefined) header = cells;
    else yield Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ""]));
  }
}

async function itemsOf(directory: string): Promise<string> {
  const texts: string[] = [];
  for await (const row of rowsOf(directory)) texts.push(JSON.stringify(row));
  return `[${texts.join(",")}]`;
}

/** What one would write by hand: nothing of it survives anything. */
async function measureLoop(directory: string): Promise<Measured> {
  const idleBytes = process.memoryUsage.rss();
  const before = performance.now();
  const out = createWriteStream(join(directory, "data", "results.jsonl"));
  const score = async (row: unknown): Promise<unknown> => Promise.resolve({ row, ...{ score: 712 } });
  for await (const row of rowsOf(directory)) {
    const line = `${JSON.stringify(await score(row))}\n`;
    if (!out.write(line)) await new Promise<void>((resolve) => void out.once("drain", () => resolve()));
  }
  await new Promise<void>((resolve) => void out.end(() => resolve()));
  return {
    seconds: (performance.now() - before) / 1000,
    peakBytes: process.resourceUsage().maxRSS * 1024 - idleBytes,
  };
}

function measured(measure: Measure, directory: string): Measured {
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      // As bin/stepwell starts the server.
      "--max-semi-space-size=8",
      "--disable-warning=ExperimentalWarning",
      import.meta.filename,
      "--measure",
      JSON.stringify(measure),
      "--directory",
      directory,
    ],
    { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`measuring ${JSON.stringify(measure)} failed`);
  return JSON.parse(stdout) as Measured;
}

function show(measure: Measure, { seconds, peakBytes }: Measured, loop: Measured): void {
  const rate = Math.round(measure.items / seconds);
  const cells = [
    measure.way,
    String(measure.items),
    measure.way === "loop" ? "" : String(measure.children),
    measure.batch === 0 ? "" : String(measure.batch),
    String(rate),
    (loop.seconds / seconds).toFixed(3),
    String(Math.round(peakBytes / 1024 ** 2)),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

async function compare(): Promise<void> {
  console.log(
    "| way | items | children at a time | batch | items/s | of the loop's | memory above idle, MiB |",
  );
  console.log("|---|---|---|---|---|---|---|");
  const sizes = values.items.split(",").map(Number);
  for (const items of sizes) {
    const directory = mkdtempSync(join(tmpdir(), "stepwell-map-runs-"));
    await mkdir(join(directory, "data"));
    await writeFile(join(directory, "data", "orders.csv"), ordersCsv(items));
    const loop = measured({ way: "loop", items, children: 0, batch: 0 }, directory);
    const measures: Measure[] = [{ way: "loop", items, children: 0, batch: 0 }];
    if (items <= MOST_INLINE) measures.push({ way: "inline", items, children: 100, batch: 0 });
    measures.push({ way: "STANDARD", items, children: 200, batch: 1000 });
    measures.push({ way: "EXPRESS", items, children: 200, batch: 1000 });
    // A child for each item: how it grows with the items, and with the children at a time.
    if (items <= MOST_SINGLE) {
      measures.push({ way: "EXPRESS", items, children: 100, batch: 0 });
      for (const children of values.children.split(",").map(Number)) {
        if (children === 1 && items > MOST_ONE_BY_ONE) continue;
        measures.push({ way: "STANDARD", items, children, batch: 0 });
      }
    }
    for (const measure of measures) {
      show(measure, measure.way === "loop" ? loop : measured(measure, directory), loop);
    }
    await rm(directory, { recursive: true });
  }
}

if (values.measure === undefined) {
  await compare();
} else {
  const measure = JSON.parse(values.measure) as Measure;
  const directory = values.directory as string;
  const result = measure.way === "loop" ? await measureLoop(directory) : await measureMap(measure, directory);
  console.log(JSON.stringify(result));
}
