// Random histories of Map Runs: answers in any order, failures, stops, redrives, updates, processes that close or die in
// any write. What must hold whatever happens:
//
//   1. counters add up, and are never negative;
//   2. what has ended stays counted as it ended, until a redrive; what has succeeded always;
//   3. never more children run than MaxConcurrency says, but for those that ran when it was lowered;
//   4. an item of a child that is shown as succeeded is never called again; an item of a Standard child is called once
//      at most between two redrives;
//   5. a Map Run that succeeds has a result of every child, in the order of the items, and no more failures than it may;
//      one that fails has more;
//   6. once nothing fails any more, a redrive runs exactly what has not succeeded, and all results are there.
//
// A seed that fails is in the name of its test: `SEED=17` runs it alone, with what happened.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import type { MapRun, MapRunChild } from "../../src/runtime/interface.ts";
import { readChildName } from "../../src/runtime/map-runs/names.ts";
import { mulberry32 } from "../chance.ts";
import { createMachine, FakeIntegrations, type Harness, open, outcome, start, succeeded } from "./harness.ts";
import { HeldStore } from "./held-store.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import {
  assertAddsUp,
  broken,
  mapOf,
  mapRunsOf,
  numbers,
  reader,
  statusOf,
  writer,
} from "./map-run-harness.ts";
import { MemoryObjects } from "./memory-objects.ts";
import { MortalStore } from "./mortal-store.ts";

/** `SEEDS=1000` tries more of them. */
const SEEDS = Number(process.env["SEEDS"] ?? 60);
const STEPS = 60;
const FINAL_ROUNDS = 400;

interface Plan {
  readonly type: "STANDARD" | "EXPRESS";
  readonly items: number;
  readonly batch: number | undefined;
  readonly maxConcurrency: number;
  readonly count: number | undefined;
  readonly percentage: number | undefined;
  readonly isRead: boolean;
  readonly isWritten: boolean;
  /** Of calls. */
  readonly failures: number;
  readonly deaths: boolean;
}

class World {
  readonly #t: TestContext;
  readonly #chance: () => number;
  readonly #isTold: boolean;
  readonly plan: Plan;
  readonly #store = new HeldStore();
  readonly #buckets = new MemoryObjects();
  #process!: { readonly harness: Harness; readonly store: MortalStore };
  #machine!: Awaited<ReturnType<typeof createMachine>>;
  #execution = "";
  #clock = new ManualClock();
  #succeeded = new Set<number>();
  #calledThisRound = new Map<number, number>();
  #before: MapRun | undefined;
  #limit: number;
  #cap = Number.POSITIVE_INFINITY;
  #tolerance: { count: number | undefined; percentage: number | undefined };
  looks = 0;
  crashes = 0;

  constructor(t: TestContext, seed: number) {
    this.#t = t;
    this.#chance = mulberry32(seed);
    this.#isTold = process.env["SEED"] !== undefined;
    this.plan = this.#draw();
    this.#limit = this.plan.maxConcurrency;
    this.#tolerance = { count: this.plan.count, percentage: this.plan.percentage };
    this.#tell("plan", this.plan);
  }

  async run(): Promise<void> {
    await this.#begin();
    await this.#startAll();
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      if (this.#process.store.isDead) await this.#reborn();
    }
    await this.#finish();
    await this.#process.harness.runtime.close(0);
  }

  #draw(): Plan {
    const items = this.#below(25);
    return {
      type: this.#is(0.5) ? "STANDARD" : "EXPRESS",
      items,
      batch: this.#is(0.4) ? 1 + this.#below(4) : undefined,
      maxConcurrency: this.#below(6),
      count: this.#is(0.5) ? this.#below(6) : undefined,
      percentage: this.#is(0.3) ? this.#below(60) : undefined,
      isRead: this.#is(0.3),
      isWritten: this.#is(0.3),
      failures: this.#is(0.3) ? 0 : this.#chance() * 0.5,
      deaths: this.#is(0.8),
    };
  }

  async #begin(): Promise<void> {
    const death = {
      writes: this.plan.deaths && this.#is(0.7) ? this.#below(40) + 4 : Number.POSITIVE_INFINITY,
      isStored: this.#is(0.5),
    };
    const integrations = new FakeIntegrations();
    integrations.answering = ({ parameters }) => {
      this.#called(parameters.value);
      return undefined;
    };
    let store: MortalStore | undefined;
    const harness = await Promise.race([
      open({
        store: this.#store,
        clock: this.#clock,
        integrations,
        objects: this.#buckets,
        wrap: (inner) => (store = new MortalStore(inner, death)),
      }),
      settle()
        .then(settle)
        .then(settle)
        .then(() => undefined),
    ]);
    assert(store !== undefined && harness !== undefined, "the process has begun");
    this.#process = { harness, store };
  }

  async #startAll(): Promise<void> {
    const { type, items, batch, maxConcurrency, count, percentage, isRead, isWritten } = this.plan;
    this.#buckets.put("data", "items.jsonl", numbers(items).join("\n"));
    const map: JsonObject = {
      MaxConcurrency: maxConcurrency,
      ...(batch === undefined ? {} : { ItemBatcher: { MaxItemsPerBatch: batch } }),
      ...(count === undefined ? {} : { ToleratedFailureCount: count }),
      ...(percentage === undefined ? {} : { ToleratedFailurePercentage: percentage }),
      ...(isRead ? reader("items.jsonl", { InputType: "JSONL" }) : {}),
      ...(isWritten ? writer : {}),
    };
    const input: Json = isRead ? {} : numbers(items);
    while (this.#execution === "") {
      const { harness, store } = this.#process;
      const begun = (async () => {
        this.#machine ??= await createMachine(harness, mapOf(map, type));
        this.#execution = await start(harness, this.#machine, input, "e");
      })();
      await Promise.race([begun, this.#dies(store)]);
      if (store.isDead) {
        // The machine may or may not be stored; its name is free for the same definition.
        await this.#reborn();
        this.#execution = `arn:aws:states:us-east-1:123456789012:execution:machine:e`;
        if ((await statusOf(this.#process.harness, this.#execution)) === "none") this.#execution = "";
      }
    }
  }

  async #dies(store: MortalStore): Promise<void> {
    for (let round = 0; round < 20 && !store.isDead; round++) await settle();
  }

  async #reborn(): Promise<void> {
    this.crashes += 1;
    this.#tell("dies");
    await this.#process.store.die();
    this.#clock = new ManualClock(this.#clock.wallMs + 1000);
    // A successor that dies as it begins has a successor.
    for (;;) {
      await this.#begin();
      await settle();
      if (!this.#process.store.isDead) return;
      this.crashes += 1;
    }
  }

  async #step(): Promise<void> {
    const { harness, store } = this.#process;
    const { runtime } = harness;
    const dice = this.#chance();
    if (dice < 0.5) {
      this.#answerOne();
    } else if (dice < 0.62) {
      await this.#clock.advance(25 * (1 + this.#below(8)));
    } else if (dice < 0.66) {
      this.#tell("stop");
      void runtime.executions.stop(this.#execution, undefined, undefined).catch(ignored);
    } else if (dice < 0.72) {
      await this.#redrive();
    } else if (dice < 0.77) {
      await this.#update();
    } else if (dice < 0.79 && this.plan.deaths) {
      await this.#reborn();
      return;
    } else if (dice < 0.81 && this.plan.deaths) {
      this.#tell("closes");
      await Promise.race([runtime.close(0), this.#dies(store).then(settle)]);
      await this.#reborn();
      return;
    }
    if (this.#is(0.7)) await settle();
    if (this.#is(0.6)) await this.#look();
  }

  async #redrive(): Promise<void> {
    const { harness, store } = this.#process;
    const status = await Promise.race([statusOf(harness, this.#execution), this.#dies(store)]);
    if (status === undefined || status === "RUNNING" || status === "SUCCEEDED") return;
    await this.#look();
    this.#tell("redrive");
    this.#newRound();
    await Promise.race([
      harness.runtime.executions.redrive(this.#execution, undefined).catch(ignored),
      this.#dies(store),
    ]);
  }

  #newRound(): void {
    this.#calledThisRound = new Map();
    this.#before = undefined;
  }

  async #update(): Promise<void> {
    const run = await this.#current();
    if (run === undefined) return;
    const { store, harness } = this.#process;
    const change = this.#is(0.6)
      ? { maxConcurrency: this.#below(6) }
      : { toleratedFailureCount: this.#below(8) };
    this.#tell("update", change);
    const update = harness.runtime.mapRuns.update(run.mapRunArn, change).catch(ignored);
    const isChanged = await Promise.race([update, this.#dies(store)]);
    if (isChanged === false) return;
    // Without an answer it may have been stored: then what is shown says so.
    if (isChanged === undefined) {
      this.#cap = Number.POSITIVE_INFINITY;
      return;
    }
    if (change.maxConcurrency !== undefined) {
      this.#limit = change.maxConcurrency;
      this.#cap = Number.POSITIVE_INFINITY;
    }
  }

  #answerOne(): void {
    const { calls } = this.#process.harness.integrations;
    if (calls.length === 0) return;
    const [pending] = calls.splice(this.#below(calls.length), 1);
    const { value } = pending!.call.parameters;
    const fails = this.#is(this.plan.failures);
    this.#tell(fails ? "fails" : "succeeds", value);
    pending?.answer(fails ? broken : succeeded(value));
  }

  #called(value: Json): void {
    const { isDead } = this.#process?.store ?? { isDead: false };
    if (isDead) return;
    this.#tell("call", value);
    for (const item of itemsOf(value)) {
      assert(!this.#succeeded.has(item), `item ${item} has succeeded, and is called again`);
      const before = this.#calledThisRound.get(item) ?? 0;
      if (this.plan.type === "STANDARD") {
        assert.equal(before, 0, `item ${item} of a Standard child is called twice`);
      }
      this.#calledThisRound.set(item, before + 1);
    }
  }

  async #current(): Promise<MapRun | undefined> {
    const { harness, store } = this.#process;
    const asked = (async () => {
      const arn = (await mapRunsOf(harness, this.#execution)).at(-1);
      return arn === undefined ? undefined : await harness.runtime.mapRuns.describe(arn);
    })();
    const run = await Promise.race([asked, this.#dies(store)]);
    return run ?? undefined;
  }

  async #look(): Promise<void> {
    const before = this.#before;
    const run = await this.#current();
    if (run === undefined || this.#process.store.isDead) return;
    this.looks += 1;
    assertAddsUp(run);
    this.#tell("look", [run.status, run.executions]);
    if (before !== undefined && before.redriveCount === run.redriveCount) {
      for (const counts of ["items", "executions"] as const) {
        for (const field of ["succeeded", "failed", "timedOut", "aborted"] as const) {
          assert(run[counts][field] >= before[counts][field], `${counts}.${field} falls`);
        }
      }
    }
    this.#before = run;
    this.#limit = run.maxConcurrency;
    const { running } = run.executions;
    const limit = this.#limit === 0 ? Number.POSITIVE_INFINITY : this.#limit;
    assert(running <= Math.max(this.#cap, limit), `${running} run, ${limit} may`);
    this.#cap = Math.max(limit, running);
    for (const child of await this.#children(run)) {
      if (child.status === "SUCCEEDED")
        for (const item of this.#itemsOfChild(child)) this.#succeeded.add(item);
    }
  }

  async #children({ mapRunArn }: MapRun): Promise<readonly MapRunChild[]> {
    const { harness, store } = this.#process;
    const asked = harness.runtime.mapRuns.children({ mapRunArn, limit: 1000 });
    const page = await Promise.race([asked, this.#dies(store)]);
    return page?.children ?? [];
  }

  #itemsOfChild({ name, itemCount }: MapRunChild): readonly number[] {
    const { index } = readChildName(name);
    return numbers(itemCount).map((n) => index * (this.plan.batch ?? 1) + n);
  }

  /** 5 and 6: nothing dies any more, nothing fails. */
  async #finish(): Promise<void> {
    await this.#reborn();
    while (Number.isFinite(this.#process.store.writesLeft)) await this.#reborn();
    this.#tell("finish");
    await this.#untilEnded(() => this.#answerOne());
    await this.#judge();
    for (let round = 0; (await statusOf(this.#process.harness, this.#execution)) !== "SUCCEEDED"; round++) {
      assert(round < 1, "a redrive in which nothing fails succeeds");
      await this.#look();
      await this.#untilOver();
      const missing = new Set(numbers(this.plan.items).filter((item) => !this.#succeeded.has(item)));
      this.#newRound();
      this.#tell("last redrive");
      await this.#process.harness.runtime.executions.redrive(this.#execution, undefined);
      await this.#untilEnded(() => this.#answerWell());
      assert.deepEqual(
        [...this.#calledThisRound.keys()].toSorted((a, b) => a - b),
        [...missing],
      );
      for (const times of this.#calledThisRound.values()) assert.equal(times, 1);
      await this.#judge();
    }
  }

  #answerWell(): void {
    for (const { call, answer } of this.#process.harness.integrations.calls.splice(0)) {
      answer(succeeded(call.parameters.value));
    }
  }

  async #untilEnded(work: () => void): Promise<void> {
    for (let round = 0; round < FINAL_ROUNDS; round++) {
      work();
      await settle();
      if ((await statusOf(this.#process.harness, this.#execution)) !== "RUNNING") return;
      if (round % 4 === 3) await this.#clock.advance(100);
    }
    assert.fail("the execution does not end");
  }

  async #untilOver(): Promise<MapRun> {
    for (let round = 0; round < FINAL_ROUNDS; round++) {
      const run = await this.#current();
      if (run !== undefined && run.status !== "RUNNING") {
        await this.#look();
        return run;
      }
      await this.#clock.advance(100);
    }
    return assert.fail("the Map Run does not end");
  }

  async #judge(): Promise<void> {
    const { harness } = this.#process;
    const status = await statusOf(harness, this.#execution);
    const run = await this.#untilOver();
    const { succeeded: good, failed, timedOut, aborted, total, resultsWritten } = run.items;
    const unsuccessful = failed + timedOut + aborted;
    const { toleratedFailureCount: count, toleratedFailurePercentage: percentage } = run;
    const { batch, items } = this.plan;
    if (status === "FAILED" && (await outcome(harness, this.#execution)).includes("Threshold")) {
      assert(unsuccessful > 0, "something has failed");
      assert.equal(run.status, "FAILED");
      const share = (percentage / 100) * items;
      const isCounted = this.#tolerance.count !== undefined || count > 0;
      const isOver = (isCounted && unsuccessful > count) || unsuccessful > share;
      assert(isOver, `${unsuccessful} of ${items} are tolerated: ${count}, ${percentage} %`);
    }
    if (status !== "SUCCEEDED") return;
    assert.equal(run.status, "SUCCEEDED");
    assert.equal(good + unsuccessful, items);
    assert.deepEqual([total, resultsWritten], [items, items]);
    const children = Math.ceil(items / (batch ?? 1));
    const inputs = numbers(children).map((index) =>
      batch === undefined ? index : { Items: numbers(items).slice(index * batch, (index + 1) * batch) },
    );
    const described = await harness.runtime.executions.describe(this.#execution);
    const output = described?.execution.output?.value as Json;
    const results = this.plan.isWritten ? this.#written(output) : (output as readonly Json[]);
    if (!this.plan.isWritten) {
      assert.equal(results.length, children);
      for (const [i, result] of results.entries()) {
        const { Status, Input } = (result ?? {}) as { Status?: string; Input?: string };
        const told = Status === undefined ? result : JSON.parse(Input ?? "");
        assert.deepEqual(told, inputs[i]);
      }
    } else {
      const expected = (await this.#children(run))
        .filter((child) => child.status === "SUCCEEDED")
        .map(({ name }) => readChildName(name).index)
        .toSorted((a, b) => a - b)
        .map((index) => inputs[index]);
      const given = results.map((entry) => JSON.parse((entry as { Output: string }).Output) as Json);
      assert.deepEqual(
        given.toSorted((a, b) => (itemsOf(a)[0] ?? 0) - (itemsOf(b)[0] ?? 0)),
        expected,
      );
    }
  }

  /** What the manifest's files of successes hold. */
  #written(output: Json): readonly Json[] {
    const { Key } = (output as { ResultWriterDetails: { Key: string } }).ResultWriterDetails;
    const manifest = this.#json(Key) as {
      ResultFiles: { SUCCEEDED: readonly { Key: string }[] };
    };
    return manifest.ResultFiles.SUCCEEDED.flatMap((file) => this.#json(file.Key) as readonly Json[]);
  }

  #json(key: string): Json {
    return JSON.parse(this.#buckets.text("out", key)) as Json;
  }

  #is(probability: number): boolean {
    return this.#chance() < probability;
  }

  #below(count: number): number {
    return Math.floor(this.#chance() * count);
  }

  #tell(what: string, value?: unknown): void {
    if (this.#isTold) this.#t.diagnostic(`${what} ${value === undefined ? "" : JSON.stringify(value)}`);
  }
}

/** That a child is called with: one, or those of a batch. */
function itemsOf(value: Json): readonly number[] {
  return typeof value === "number" ? [value] : (value as { readonly Items: readonly number[] }).Items;
}

function ignored(): undefined {
  return undefined;
}

const only = process.env["SEED"];
/** `FROM=60 SEEDS=100`: others. */
const from = Number(process.env["FROM"] ?? 0);
for (const seed of only === undefined ? numbers(SEEDS).map((n) => from + n) : [Number(only)]) {
  test(`seed ${seed}`, async (t) => {
    const world = new World(t, seed);
    await world.run();
    assert(world.looks > 0, "something was looked at");
  });
}
