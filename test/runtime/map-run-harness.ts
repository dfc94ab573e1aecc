// What the tests of Map Runs have in common: machines with a distributed Map, a worker that answers its children's
// calls and remembers them, and looks at the counters that check that they add up.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { folderStore, type ObjectStore } from "../../src/datasets/index.ts";
import type { TaskOutcome } from "../../src/integrations/integration.ts";
import type { MapRun, MapRunCounts } from "../../src/runtime/interface.ts";
import { type Harness, LAMBDA, succeeded } from "./harness.ts";
import { settle } from "./manual-clock.ts";

/** A machine of one Map state `M`, label `each`. What its children do is `child`: one Task that gets the item. */
export function mapOf(fields: JsonObject, child: "STANDARD" | "EXPRESS" | JsonObject = "STANDARD"): Json {
  return { StartAt: "M", States: { M: mapState(fields, child) } };
}

export function mapState(
  fields: JsonObject,
  child: "STANDARD" | "EXPRESS" | JsonObject = "STANDARD",
): JsonObject {
  const processor =
    typeof child === "object"
      ? { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" }, ...child }
      : processorOf(child);
  return { Type: "Map", Label: "each", ItemProcessor: processor, End: true, ...fields };
}

/** An ItemProcessor of one Task. */
export function processorOf(type: "STANDARD" | "EXPRESS", task = "T"): JsonObject {
  return {
    ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: type },
    StartAt: task,
    States: { [task]: { Type: "Task", Resource: LAMBDA, End: true } },
  };
}

/** One that anybody's distributed Map may be: `Each`, label `each`, whose children end at once. */
export const DISTRIBUTED: Json = {
  StartAt: "Each",
  States: {
    Each: mapState({}, { StartAt: "P", States: { P: { Type: "Pass", End: true } } }),
  },
};

export const broken: TaskOutcome = { kind: "failed", phase: "run", error: "Broken", cause: "it is" };

/** Lets time pass in small steps until it holds. */
export async function until(
  { clock }: Harness,
  what: string,
  holds: () => boolean | Promise<boolean>,
  rounds = 2000,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await settle();
    if (await holds()) return;
    await clock.advance(25);
  }
  assert.fail(`in vain: ${what}`);
}

export async function statusOf({ runtime }: Harness, executionArn: string): Promise<string> {
  return (await runtime.executions.describe(executionArn))?.execution.status ?? "none";
}

export async function untilEnded(harness: Harness, executionArn: string, rounds?: number): Promise<void> {
  const hasEnded = async (): Promise<boolean> => (await statusOf(harness, executionArn)) !== "RUNNING";
  await until(harness, "the execution ends", hasEnded, rounds);
}

/** Their ARNs, oldest first. */
export async function mapRunsOf({ runtime }: Harness, executionArn: string): Promise<readonly string[]> {
  return (await runtime.mapRuns.list(executionArn, 0, 100)).map(({ mapRunArn }) => mapRunArn).toReversed();
}

/** The last Map Run of the execution, which must be there, with counters that add up. */
export async function lastRun(harness: Harness, executionArn: string): Promise<MapRun> {
  const arn = (await mapRunsOf(harness, executionArn)).at(-1);
  assert(arn !== undefined, "the execution has a Map Run");
  const run = await harness.runtime.mapRuns.describe(arn);
  assert(run !== undefined, "the Map Run is there");
  assertAddsUp(run);
  return run;
}

export function assertAddsUp(run: MapRun): void {
  for (const counts of [run.items, run.executions]) {
    const { pending, running, succeeded: done, failed, timedOut, aborted, pendingRedrive, total } = counts;
    const text = JSON.stringify(counts);
    for (const value of Object.values(counts)) assert(value >= 0, `a counter is negative: ${text}`);
    assert.equal(pending + running + done + failed + timedOut + aborted + pendingRedrive, total, text);
  }
}

/** Those that are not 0. */
export function nonZero(counts: MapRunCounts): Partial<MapRunCounts> {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0));
}

/** `FAILED items {"succeeded":…} children {…}`; once if both are the same. */
export function shown(run: MapRun): string {
  const items = JSON.stringify(nonZero(run.items));
  const children = JSON.stringify(nonZero(run.executions));
  return items === children ? `${run.status} ${items}` : `${run.status} items ${items} children ${children}`;
}

/** Answers the children's calls at once, by what they are given; the ledger is what was called, in order. */
export class Worker {
  readonly ledger: Json[] = [];
  /** What comes of a call: default, its input. Undefined: the test will answer. */
  judge: (input: Json) => TaskOutcome | undefined = succeeded;

  attach({ integrations }: Pick<Harness, "integrations">): this {
    integrations.answering = ({ parameters }) => {
      const input = parameters.value;
      this.ledger.push(input);
      return this.judge(input);
    };
    return this;
  }

  /** What was called since the last time. */
  take(): readonly Json[] {
    return this.ledger.splice(0);
  }
}

/** Buckets in a temporary folder: what is in them, and what is found there. */
export class Buckets {
  readonly #folder: string;
  readonly store: ObjectStore;

  private constructor(folder: string, store: ObjectStore) {
    this.#folder = folder;
    this.store = store;
  }

  /** With an empty bucket `data` and `out`. */
  static async create(t: TestContext): Promise<Buckets> {
    const folder = mkdtempSync(join(tmpdir(), "stepwell-buckets-"));
    t.after(() => rmSync(folder, { recursive: true }));
    for (const bucket of ["data", "out"]) mkdirSync(join(folder, bucket));
    return new Buckets(folder, await folderStore(folder));
  }

  put(key: string, text: string, bucket = "data"): void {
    const path = join(this.#folder, bucket, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  json(key: string, bucket = "out"): Json {
    return JSON.parse(readFileSync(join(this.#folder, bucket, key), "utf8")) as Json;
  }
}

/** An ItemReader of an object in the bucket `data`. */
export function reader(key: string, config: JsonObject = { InputType: "JSON" }): JsonObject {
  return {
    ItemReader: {
      Resource: "arn:aws:states:::s3:getObject",
      ReaderConfig: config,
      Parameters: { Bucket: "data", Key: key },
    },
  };
}

/** A ResultWriter into the bucket `out`. */
export const writer: JsonObject = {
  ResultWriter: {
    Resource: "arn:aws:states:::s3:putObject",
    Parameters: { Bucket: "out", Prefix: "results" },
  },
};

export const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
