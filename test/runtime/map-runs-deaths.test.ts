// A process that dies in every one of its writes, one after the other: the next one finishes the Map Run, calls nothing
// again whose end is recorded, and shows counters that add up at every moment. So for a first run, and for a redrive.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/base/json.ts";
import { createMachine, FakeIntegrations, type Harness, open, outcome, start, succeeded } from "./harness.ts";
import { HeldStore } from "./held-store.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import { assertAddsUp, broken, lastRun, mapOf, mapRunsOf, numbers, statusOf } from "./map-run-harness.ts";
import { type Death, MortalStore } from "./mortal-store.ts";

const ITEMS = 9;
const NEVER: Death = { writes: Number.POSITIVE_INFINITY, isStored: true };

interface Process {
  readonly harness: Harness;
  readonly store: MortalStore;
}

/** Every call is remembered; those of the items in `failing` fail. */
async function begin(
  of: HeldStore,
  clock: ManualClock,
  death: Death,
  ledger: number[],
  failing: readonly number[],
): Promise<Process> {
  const integrations = new FakeIntegrations();
  let store: MortalStore | undefined;
  integrations.answering = ({ parameters }) => {
    if (store?.isDead === true) return undefined;
    const item = parameters.value as number;
    ledger.push(item);
    return failing.includes(item) ? broken : succeeded(item * 10);
  };
  const wrap = (inner: HeldStore): MortalStore => (store = new MortalStore(inner, death));
  const harness = await open({ store: of, clock, integrations, wrap });
  assert(store !== undefined, "the runtime has a store");
  return { harness, store };
}

/** Until it has ended or the process has died; what is shown adds up, and never falls. */
async function watch({ harness, store }: Process, execution: string, clock: ManualClock): Promise<void> {
  let before: readonly number[] = [];
  for (let round = 0; round < 200 && !store.isDead; round++) {
    await settle();
    const isOver = { yes: false };
    const look = async (): Promise<void> => {
      isOver.yes = (await statusOf(harness, execution)) !== "RUNNING";
      const arn = (await mapRunsOf(harness, execution)).at(-1);
      const run = arn === undefined ? undefined : await harness.runtime.mapRuns.describe(arn);
      if (run === undefined) return;
      assertAddsUp(run);
      assert(run.executions.running <= 2, "no more run than may");
      const { succeeded: good, failed, aborted } = run.executions;
      const now = [good, failed, aborted];
      for (const [i, value] of before.entries())
        assert((now[i] ?? 0) >= value, `${before.join()} → ${now.join()}`);
      before = now;
    };
    const looked = look();
    for (let turn = 0; turn < 4 && !store.isDead; turn++) await Promise.race([looked, settle()]);
    if (store.isDead) return;
    await looked;
    if (isOver.yes) return;
    await clock.advance(25);
  }
  assert(store.isDead, "it ends");
}

for (const type of ["STANDARD", "EXPRESS"] as const) {
  for (const isStored of [false, true]) {
    const when = isStored ? "after" : "before";
    test(`${type} children: a process that dies ${when} any write of a Map Run`, async () => {
      const input: Json = numbers(ITEMS);
      let deaths = 0;
      for (let writes = 0; ; writes++) {
        const of = new HeldStore();
        const ledger: number[] = [];
        const first = await begin(of, new ManualClock(), NEVER, ledger, [4]);
        const machine = await createMachine(
          first.harness,
          mapOf({ MaxConcurrency: 2, ToleratedFailureCount: ITEMS }, type),
        );
        const name = "e";
        // Begun, and gone with its process.
        const clock = new ManualClock();
        await first.store.die();
        const mortal = await begin(of, clock, { writes: writes + 2, isStored }, ledger, [4]);
        const execution = machine.arn.replace(":stateMachine:", ":execution:").concat(":e");
        const begun = start(mortal.harness, machine, input, name);
        for (let turn = 0; turn < 4; turn++) await Promise.race([begun, settle()]);
        if (!mortal.store.isDead) await watch(mortal, execution, clock);
        const hasDied = mortal.store.isDead;
        const before = ledger.splice(0);
        await mortal.store.die();
        const last = await begin(of, new ManualClock(clock.wallMs + 5000), NEVER, ledger, [4]);
        if ((await statusOf(last.harness, execution)) !== "none") {
          deaths += Number(hasDied);
          await watch(last, execution, last.harness.clock);
          const run = await lastRun(last.harness, execution);
          const { succeeded: good, failed, total, resultsWritten } = run.items;
          assert.equal(good + failed, ITEMS);
          assert.deepEqual([total, resultsWritten], [ITEMS, ITEMS]);
          const output = JSON.parse(
            (await outcome(last.harness, execution)).slice("SUCCEEDED ".length),
          ) as Json[];
          const results = output.map((entry, i) => (typeof entry === "number" ? entry : `failed ${i}`));
          const expected = numbers(ITEMS).map((i) => (results[i] === `failed ${i}` ? results[i] : i * 10));
          assert.deepEqual(results, expected);
          assert.equal(results[4], "failed 4");
          const again = ledger.filter((item) => before.includes(item));
          if (type === "STANDARD") assert.deepEqual(again, []);
          // In memory when the process died: two, and what was not yet stored.
          assert(again.length <= 4, `again: ${again.join()}`);
          if (type === "EXPRESS") assert.equal(failed, 1);
          assert(failed <= 3, "what was under way when the process died");
        }
        await last.harness.runtime.close(0);
        if (!hasDied) break;
      }
      assert(deaths >= 8, `it died ${deaths} times`);
    });

    test(`${type} children: a process that dies ${when} any write of a redrive`, async () => {
      let deaths = 0;
      for (let writes = 0; ; writes++) {
        const of = new HeldStore();
        const ledger: number[] = [];
        const first = await begin(of, new ManualClock(), NEVER, ledger, [1, 4]);
        const machine = await createMachine(
          first.harness,
          mapOf({ MaxConcurrency: 2, ToleratedFailureCount: 1 }, type),
        );
        const execution = await start(first.harness, machine, numbers(ITEMS), "e");
        await watch(first, execution, first.harness.clock);
        const done = (await lastRun(first.harness, execution)).items.succeeded;
        const ran = ledger.splice(0);
        const good = ran.filter((item) => item !== 1 && item !== 4);
        const { clock } = first.harness;
        await first.store.die();
        const mortal = await begin(of, clock, { writes: writes + 2, isStored }, ledger, []);
        const { executions } = mortal.harness.runtime;
        const redriven = executions.redrive(execution, undefined);
        for (let turn = 0; turn < 4; turn++) await Promise.race([redriven, settle()]);
        if (!mortal.store.isDead) await watch(mortal, execution, clock);
        const hasDied = mortal.store.isDead;
        deaths += Number(hasDied);
        const before = ledger.splice(0);
        await mortal.store.die();
        const last = await begin(of, new ManualClock(clock.wallMs + 5000), NEVER, ledger, []);
        await watch(last, execution, last.harness.clock);
        const again = ledger.filter((item) => before.includes(item));
        if (type === "STANDARD") assert.deepEqual(again, []);
        assert(again.length <= 4, `again: ${again.join()}`);
        // What was under way has failed, which may be too much; what it had begun with is never run again.
        if ((await statusOf(last.harness, execution)) !== "SUCCEEDED") {
          await last.harness.runtime.executions.redrive(execution, undefined);
          await watch(last, execution, last.harness.clock);
        }
        const called = [...before, ...ledger];
        const stopped = ran.length - done - 2;
        assert.equal(called.filter((item) => good.includes(item)).length <= stopped, true);
        const text = await outcome(last.harness, execution);
        assert(text.startsWith("SUCCEEDED "), text);
        const run = await lastRun(last.harness, execution);
        assert.equal(run.items.succeeded + run.items.failed, ITEMS);
        assert(run.items.failed <= 1, "no more than may");
        await last.harness.runtime.close(0);
        if (!hasDied) break;
      }
      assert(deaths >= 5, `it died ${deaths} times`);
    });
  }
}
