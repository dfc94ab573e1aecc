// Map Runs over 10,000 items with seeded failures: where they trip, in which order results come, what a redrive runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { mulberry32 } from "../chance.ts";
import {
  createMachine,
  FakeIntegrations,
  type Harness,
  open,
  outcome,
  restart,
  start,
  succeeded,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";
import {
  assertAddsUp,
  broken,
  Buckets,
  lastRun,
  mapOf,
  numbers,
  reader,
  shown,
  statusOf,
  untilEnded,
  Worker,
  writer,
} from "./map-run-harness.ts";

const ITEMS = 10_000;
const THRESHOLD =
  "FAILED States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded";

/** So many of the items, drawn by the seed. */
function drawn(count: number, seed: number): ReadonlySet<number> {
  const chance = mulberry32(seed);
  const found = new Set<number>();
  while (found.size < count) found.add(Math.floor(chance() * ITEMS));
  return found;
}

/** A child fails if one of its items does. */
function failing(items: ReadonlySet<number>): Worker["judge"] {
  return (input) => {
    const batch = (input as { readonly Items?: readonly number[] }).Items ?? [input as number];
    return batch.some((item) => items.has(item)) ? broken : succeeded(input);
  };
}

interface Threshold {
  readonly name: string;
  readonly tolerance: JsonObject;
  readonly batch?: number;
  readonly isRead?: boolean;
  /** Items that may fail. */
  readonly most: number;
  readonly isOfBoth?: true;
}

const thresholds: readonly Threshold[] = [
  { name: "none", tolerance: {}, most: 0 },
  { name: "a count", tolerance: { ToleratedFailureCount: 57 }, most: 57, isOfBoth: true },
  { name: "a percentage", tolerance: { ToleratedFailurePercentage: 0.5 }, most: 50 },
  {
    name: "both, the count is smaller",
    tolerance: { ToleratedFailureCount: 20, ToleratedFailurePercentage: 1 },
    most: 20,
  },
  {
    name: "both, the percentage is smaller",
    tolerance: { ToleratedFailureCount: 200, ToleratedFailurePercentage: 0.33 },
    most: 33,
  },
  {
    name: "a count, of items in batches",
    tolerance: { ToleratedFailureCount: 100 },
    batch: 10,
    most: 100,
    isOfBoth: true,
  },
  {
    name: "a count, of items that are read",
    tolerance: { ToleratedFailureCount: 57 },
    isRead: true,
    most: 57,
  },
  {
    name: "a percentage, of items that are read",
    tolerance: { ToleratedFailurePercentage: 0.5 },
    isRead: true,
    most: 50,
  },
];

async function rangeBucket(t: Parameters<typeof Buckets.create>[0]): Promise<Buckets> {
  const buckets = await Buckets.create(t);
  buckets.put("items.jsonl", numbers(ITEMS).join("\n"));
  return buckets;
}

for (const type of ["STANDARD", "EXPRESS"] as const) {
  for (const { name, tolerance, batch = 1, isRead = false, most, isOfBoth = false } of thresholds) {
    // They are the same for both; a run of Standard children takes its time.
    if (type === "STANDARD" && !isOfBoth) continue;
    test(`${type} children: tolerated: ${name}: exactly so many items of ${ITEMS} may fail`, async (t) => {
      const buckets = await rangeBucket(t);
      const harness = await open({ objects: buckets.store });
      const worker = new Worker().attach(harness);
      const map: JsonObject = {
        ...tolerance,
        ...(batch === 1 ? {} : { ItemBatcher: { MaxItemsPerBatch: batch } }),
        ...(isRead ? reader("items.jsonl", { InputType: "JSONL" }) : {}),
        ...writer,
        // A percentage of what is not read yet is not known: nothing of it may be over before.
        MaxConcurrency: 40,
      };
      const machine = await createMachine(harness, mapOf(map, type));
      const input: Json = isRead ? {} : numbers(ITEMS);
      const children = ITEMS / batch;
      // A child of a batch fails with all its items.
      const bad = [...drawn(ITEMS / 10, 42)].filter(
        (item, i, all) => all.findIndex((n) => Math.floor(n / batch) === Math.floor(item / batch)) === i,
      );

      worker.judge = failing(new Set(bad.slice(0, most / batch)));
      const within = await start(harness, machine, input, "within");
      await untilEnded(harness, within);
      assert.equal(await statusOf(harness, within), "SUCCEEDED");
      const run = await lastRun(harness, within);
      assert.deepEqual(
        [run.items.failed, run.items.succeeded, run.executions.failed, run.executions.succeeded],
        [most, ITEMS - most, most / batch, children - most / batch],
      );

      worker.take();
      worker.judge = failing(new Set(bad.slice(0, most / batch + 1)));
      const past = await start(harness, machine, input, "past");
      await untilEnded(harness, past);
      assert.equal(await outcome(harness, past), THRESHOLD);
      const failed = await lastRun(harness, past);
      assert.equal(failed.status, "FAILED");
      // What fails before the stop reaches it has failed as well.
      const over = failed.items.failed - most;
      assert(over >= batch && over < 40 * batch, `${failed.items.failed} have failed`);
      if (name !== "a percentage, of items that are read")
        assert(failed.items.pending > 0, "not all were started");
      assert(worker.take().length <= children, "no child runs twice");
    });
  }

  test(`${type} children: results are in the order of the items, whatever the order of the ends`, async (t) => {
    const buckets = await rangeBucket(t);
    const harness = await open({ objects: buckets.store, limits: { payloadBytes: 262_144 } });
    const chance = mulberry32(7);
    const machine = await createMachine(harness, mapOf({ MaxConcurrency: 500 }, type));
    const files = await createMachine(
      harness,
      mapOf(
        {
          MaxConcurrency: 500,
          ...reader("items.jsonl", { InputType: "JSONL" }),
          ResultWriter: {
            ...(writer["ResultWriter"] as JsonObject),
            WriterConfig: { Transformation: "COMPACT", OutputType: "JSON" },
          },
        },
        type,
      ),
      "files",
    );
    for (const [of, input] of [
      [machine, numbers(ITEMS)],
      [files, {}],
    ] as const) {
      const execution = await start(harness, of, input);
      let answered = 0;
      let isInOrder = true;
      let last = -1;
      while ((await statusOf(harness, execution)) === "RUNNING") {
        await settle();
        const { calls } = harness.integrations;
        if (calls.length === 0) await harness.clock.advance(25);
        for (let n = calls.length / 2; n > 0; n--) {
          const [pending] = calls.splice(Math.floor(chance() * calls.length), 1);
          assert(pending !== undefined, "there is one");
          const item = Number(pending.call.parameters.value);
          isInOrder &&= item > last;
          last = item;
          answered += 1;
          pending.answer(succeeded(item));
        }
      }
      assert.equal(answered, ITEMS);
      assert(!isInOrder, "they ended in another order");
      if (of === machine) {
        assert.equal(await outcome(harness, execution), `SUCCEEDED [${numbers(ITEMS).join(",")}]`);
      } else {
        const { mapRunArn } = await lastRun(harness, execution);
        const uuid = mapRunArn.slice(mapRunArn.lastIndexOf(":") + 1);
        assert.deepEqual(buckets.json(`results/${uuid}/SUCCEEDED_0.json`), numbers(ITEMS));
      }
    }
  });

  test(`${type} children: redrives run what failed and what never ran, also across restarts`, async () => {
    const bad = drawn(500, 3);
    const worse = new Set([...bad].slice(0, 150));
    let worker = new Worker();
    /** The process dies, and another one opens what was stored. */
    const begin = async (before?: Harness): Promise<Harness> => {
      const integrations = new FakeIntegrations();
      worker = new Worker().attach({ integrations });
      worker.judge = failing(worse);
      return before === undefined ? await open({ integrations }) : await restart(before, { integrations });
    };
    let harness = await begin();
    worker.judge = failing(bad);
    // More than may fail in the first round, less in the second.
    const map = { ToleratedFailureCount: 300, MaxConcurrency: 50 };
    const machine = await createMachine(harness, mapOf(map, type));
    const execution = await start(harness, machine, numbers(ITEMS));
    await untilEnded(harness, execution);
    assert.equal(await outcome(harness, execution), THRESHOLD);
    const ran = new Set(worker.take().map(Number));
    const { items } = await lastRun(harness, execution);
    assert.equal(items.pending, ITEMS - ran.size);
    assert.equal(ran.size, items.failed + items.succeeded + items.aborted);
    const done = new Set([...ran].filter((item) => !bad.has(item)));
    assert(done.size > 1000 && items.pending > 1000, "something was done, and something was not begun");

    // The process dies among the children that run again, and later among new ones.
    const again: number[] = [];
    /** Those that fail in the end. */
    const bound = new Set(worse);
    await harness.runtime.executions.redrive(execution, undefined);
    for (const limit of [100, 1500]) {
      const { ledger } = worker;
      worker.judge = (input) => (ledger.length > limit ? undefined : failing(worse)(input));
      let last = -1;
      // Until it comes no further: as many calls wait as there is room for.
      while (ledger.length > last || ledger.length <= limit) {
        last = ledger.length;
        await settle();
        await harness.clock.advance(25);
        assertAddsUp(await lastRun(harness, execution));
      }
      const { calls } = harness.integrations;
      assert.equal(calls.length, 50);
      // What was under way was not done: an Express child runs again, a Standard one has failed (D7).
      const isUnderWay = new Set(calls.map(({ call }) => Number(call.parameters.value)));
      if (type === "STANDARD") for (const item of isUnderWay) bound.add(item);
      const called = worker.take().map(Number);
      again.push(...(type === "STANDARD" ? called : called.filter((item) => !isUnderWay.has(item))));
      const before = (await lastRun(harness, execution)).items;
      harness = await begin(harness);
      const after = (await lastRun(harness, execution)).items;
      assert(after.succeeded >= before.succeeded, "what has succeeded stays so");
    }
    await untilEnded(harness, execution);
    again.push(...worker.take().map(Number));
    const run = await lastRun(harness, execution);
    assert.equal(again.filter((item) => done.has(item)).length, 0);
    assert.equal(new Set(again).size, again.length);
    assert.equal(again.length, ITEMS - done.size);
    const failed = bound.size;
    const successes = ITEMS - failed;
    assert.equal(
      shown(run),
      `SUCCEEDED {"succeeded":${successes},"failed":${failed},"total":${ITEMS},"resultsWritten":${ITEMS}}`,
    );
    assert.equal(run.redriveCount, 1);
  });
}
