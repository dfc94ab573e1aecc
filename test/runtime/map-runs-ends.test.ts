// How Map Runs end: stopped, timed out, aborted by a sibling, tried again, redriven, and how these cross each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import type { MapRunChild } from "../../src/runtime/interface.ts";
import {
  createMachine,
  eventTypes,
  FakeIntegrations,
  isSettled,
  open,
  outcome,
  restart,
  start,
  succeeded,
  tasks,
} from "./harness.ts";
import { HeldStore } from "./held-store.ts";
import { settle } from "./manual-clock.ts";
import {
  broken,
  lastRun,
  mapOf,
  mapRunsOf,
  mapState,
  numbers,
  processorOf,
  shown,
  statusOf,
  until,
  untilEnded,
  Worker,
  writer,
} from "./map-run-harness.ts";
import { MemoryObjects } from "./memory-objects.ts";
import type { Harness } from "./harness.ts";

const TYPES = ["STANDARD", "EXPRESS"] as const;
const THRESHOLD =
  "States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded";

/** Calls that the test answers. */
async function calls(harness: Harness, count: number): Promise<void> {
  await until(
    harness,
    `${count} calls are under way`,
    () => harness.integrations.calls.length === count,
    100,
  );
}

function inputsOf({ integrations }: Harness): readonly Json[] {
  return integrations.calls.map(({ call }) => call.parameters.value);
}

async function stop({ runtime }: Harness, executionArn: string): Promise<void> {
  await runtime.executions.stop(executionArn, "Stopped", "by hand");
}

async function untilOver(harness: Harness, executionArn: string): Promise<string> {
  const isOver = async (): Promise<boolean> => (await lastRun(harness, executionArn)).status !== "RUNNING";
  await until(harness, "the Map Run ends", isOver, 200);
  return shown(await lastRun(harness, executionArn));
}

for (const type of TYPES) {
  test(`${type} children: a stop of the execution stops them, and starts no more`, async () => {
    const harness = await open();
    const machine = await createMachine(harness, mapOf({ MaxConcurrency: 3 }, type));
    const execution = await start(harness, machine, numbers(10));
    await calls(harness, 3);
    harness.integrations.next().answer(succeeded("done"));
    await calls(harness, 3);
    assert.equal(
      shown(await lastRun(harness, execution)),
      'RUNNING {"pending":6,"running":3,"succeeded":1,"total":10}',
    );
    await stop(harness, execution);
    assert.equal(
      await untilOver(harness, execution),
      'ABORTED {"pending":6,"succeeded":1,"aborted":3,"total":10}',
    );
    assert.equal(await outcome(harness, execution), "ABORTED Stopped by hand");
    // A late answer changes nothing.
    for (const call of harness.integrations.calls) call.answer(succeeded("late"));
    await settle();
    assert.equal(
      shown(await lastRun(harness, execution)),
      'ABORTED {"pending":6,"succeeded":1,"aborted":3,"total":10}',
    );
    assert.deepEqual(harness.log, []);
  });

  test(`${type} children: a redrive in the moment of the stop waits for the abortion, then runs the rest`, async () => {
    const harness = await open();
    const machine = await createMachine(harness, mapOf({ MaxConcurrency: 2 }, type));
    const execution = await start(harness, machine, numbers(4));
    await calls(harness, 2);
    harness.integrations.next().answer(succeeded("first"));
    await calls(harness, 2);
    await stop(harness, execution);
    harness.integrations.calls.length = 0;
    // Not a moment is given to the children.
    await harness.runtime.executions.redrive(execution, undefined);
    const worker = new Worker().attach(harness);
    await untilEnded(harness, execution, 100);
    assert.equal(await outcome(harness, execution), 'SUCCEEDED ["first",1,2,3]');
    assert.deepEqual(worker.take(), [1, 2, 3]);
    const run = await lastRun(harness, execution);
    assert.equal(shown(run), 'SUCCEEDED {"succeeded":4,"total":4,"resultsWritten":4}');
    assert.equal(run.redriveCount, 1);
    assert.deepEqual(harness.log, []);
  });

  test(`${type} children: redriven, stopped and redriven again without a pause`, async () => {
    const harness = await open();
    const machine = await createMachine(harness, mapOf({ MaxConcurrency: 2 }, type));
    const execution = await start(harness, machine, numbers(5));
    await calls(harness, 2);
    for (let round = 0; round < 3; round++) {
      await stop(harness, execution);
      await harness.runtime.executions.redrive(execution, undefined);
    }
    harness.integrations.calls.length = 0;
    const worker = new Worker().attach(harness);
    await untilEnded(harness, execution, 100);
    assert.equal(await outcome(harness, execution), "SUCCEEDED [0,1,2,3,4]");
    assert.deepEqual(
      worker.take().toSorted((a, b) => Number(a) - Number(b)),
      numbers(5),
    );
    const run = await lastRun(harness, execution);
    assert.equal(shown(run), 'SUCCEEDED {"succeeded":5,"total":5,"resultsWritten":5}');
    assert.equal(run.redriveCount, 3);
    assert.equal((await mapRunsOf(harness, execution)).length, 1);
  });

  test(`${type} children: the time-out of the execution stops them`, async () => {
    const harness = await open();
    const definition = { ...(mapOf({}, type) as JsonObject), TimeoutSeconds: 30 };
    const execution = await start(harness, await createMachine(harness, definition), numbers(3));
    await calls(harness, 3);
    await harness.clock.advance(31_000);
    assert.equal(await statusOf(harness, execution), "TIMED_OUT");
    assert.equal(await untilOver(harness, execution), 'ABORTED {"aborted":3,"total":3}');
  });

  test(`${type} children: a sibling's failure aborts the Map Run, a Retry of the Parallel begins another`, async () => {
    const harness = await open();
    const definition: Json = {
      StartAt: "P",
      States: {
        P: {
          Type: "Parallel",
          Branches: [
            { StartAt: "M", States: { M: mapState({}, type) } },
            {
              StartAt: "F",
              States: {
                F: {
                  Type: "Task",
                  Resource: "arn:aws:lambda:us-east-1:123456789012:function:sibling",
                  End: true,
                },
              },
            },
          ],
          Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 5, MaxAttempts: 1 }],
          End: true,
        },
      },
    };
    const execution = await start(harness, await createMachine(harness, definition), numbers(2));
    await calls(harness, 3);
    const at = harness.integrations.calls.findIndex(({ call }) => call.resource.arn.endsWith("sibling"));
    harness.integrations.calls.splice(at, 1)[0]?.answer(broken);
    assert.equal(await untilOver(harness, execution), 'ABORTED {"aborted":2,"total":2}');
    harness.integrations.calls.length = 0;
    new Worker().attach(harness);
    await harness.clock.advance(6000);
    await untilEnded(harness, execution);
    assert.equal(await outcome(harness, execution), "SUCCEEDED [[0,1],[0,1]]");
    const [first, second] = await mapRunsOf(harness, execution);
    assert(first !== undefined && second !== undefined, "there are two Map Runs");
    const statuses = await Promise.all([first, second].map((arn) => harness.runtime.mapRuns.describe(arn)));
    assert.deepEqual(
      statuses.map((run) => run?.status),
      ["ABORTED", "SUCCEEDED"],
    );
  });

  test(`${type} children: every Retry makes new Map Runs; they are listed newest first, in pages`, async () => {
    const harness = await open();
    const worker = new Worker().attach(harness);
    let failures = 2;
    worker.judge = (input) => {
      if (input !== 1 || failures === 0) return succeeded(input);
      failures -= 1;
      return broken;
    };
    // Those of the branches begin in the same moment.
    const branch = (name: string): Json => ({
      StartAt: name,
      States: { [name]: mapState({ Label: name, ItemProcessor: processorOf(type, `T${name}`) }) },
    });
    const retry = { ErrorEquals: ["States.ALL"], IntervalSeconds: 1, MaxAttempts: 5 };
    const definition: Json = {
      StartAt: "P",
      States: {
        P: { Type: "Parallel", Branches: ["a", "b", "c", "d"].map(branch), Retry: [retry], End: true },
      },
    };
    const execution = await start(harness, await createMachine(harness, definition), [1, 2]);
    await untilEnded(harness, execution);
    assert.equal(await outcome(harness, execution), "SUCCEEDED [[1,2],[1,2],[1,2],[1,2]]");
    const query = { reverse: true, limit: 1000, offset: 0 };
    const history = await harness.runtime.executions.history(execution, query);
    const begun = history?.events.flatMap(({ type: kind, details }) =>
      kind === "MapRunStarted" ? (details?.["mapRunArn"] as string) : [],
    );
    assert(begun !== undefined && begun.length >= 8, "there were at least two tries");
    const page = async (skip: number, limit: number): Promise<readonly string[]> => {
      const runs = await harness.runtime.mapRuns.list(execution, skip, limit);
      return runs.map(({ mapRunArn }) => mapRunArn);
    };
    assert.deepEqual(await page(0, 100), begun);
    assert.deepEqual([...(await page(0, 3)), ...(await page(3, 100))], begun);
    assert.deepEqual(await page(begun.length, 3), []);
  });

  test(`${type} children: a redrive of a failed Map Run runs what failed, was stopped, or never ran`, async () => {
    const harness = await open();
    const worker = new Worker().attach(harness);
    worker.judge = (input) => (input === 2 ? broken : input === 3 ? undefined : succeeded(input));
    const machine = await createMachine(harness, mapOf({ MaxConcurrency: 2, ItemsPath: "$" }, type));
    const execution = await start(harness, machine, [0, 1, 3, 2, 4, 5]);
    await untilEnded(harness, execution);
    assert.equal(await outcome(harness, execution), `FAILED ${THRESHOLD}`);
    assert.deepEqual(worker.take(), [0, 1, 3, 2]);
    assert.equal(
      shown(await lastRun(harness, execution)),
      'FAILED {"pending":2,"succeeded":2,"failed":1,"aborted":1,"total":6}',
    );
    harness.integrations.calls.length = 0;

    // Again in vain: the order is that of the items.
    worker.judge = (input) => (input === 2 ? broken : undefined);
    await harness.runtime.executions.redrive(execution, undefined);
    await untilEnded(harness, execution);
    assert.deepEqual(worker.take(), [3, 2]);
    assert.equal(
      shown(await lastRun(harness, execution)),
      'FAILED {"pending":2,"succeeded":2,"failed":1,"aborted":1,"total":6}',
    );
    harness.integrations.calls.length = 0;

    worker.judge = succeeded;
    await harness.runtime.executions.redrive(execution, undefined);
    await untilEnded(harness, execution);
    assert.deepEqual(worker.take(), [3, 2, 4, 5]);
    assert.equal(await outcome(harness, execution), "SUCCEEDED [0,1,3,2,4,5]");
    const run = await lastRun(harness, execution);
    assert.equal(shown(run), 'SUCCEEDED {"succeeded":6,"total":6,"resultsWritten":6}');
    assert.equal(run.redriveCount, 2);
    assert.deepEqual(
      (await eventTypes(harness, execution)).filter((event) => event.startsWith("MapRun")),
      [
        "MapRunStarted",
        "MapRunFailed",
        "MapRunRedriven",
        "MapRunFailed",
        "MapRunRedriven",
        "MapRunSucceeded",
      ],
    );
  });

  test(`${type} children: MaxConcurrency is raised and lowered while they run, and never passed`, async () => {
    const harness = await open();
    const machine = await createMachine(harness, mapOf({ MaxConcurrency: 2 }, type));
    const execution = await start(harness, machine, numbers(12));
    const { mapRuns } = harness.runtime;
    await calls(harness, 2);
    const arn = (await lastRun(harness, execution)).mapRunArn;
    assert.equal(await mapRuns.update(arn, { maxConcurrency: 5 }), true);
    await calls(harness, 5);
    assert.equal(await mapRuns.update(arn, { maxConcurrency: 1 }), true);
    assert.equal((await lastRun(harness, execution)).maxConcurrency, 1);
    for (let left = 4; left >= 1; left--) {
      harness.integrations.next().answer(succeeded(0));
      await calls(harness, left);
    }
    harness.integrations.next().answer(succeeded(0));
    await calls(harness, 1);
    // No limit of its own.
    assert.equal(await mapRuns.update(arn, { maxConcurrency: 0 }), true);
    await calls(harness, 7);
    for (const call of harness.integrations.calls.splice(0)) call.answer(succeeded(0));
    await untilEnded(harness, execution);
    assert.equal(await statusOf(harness, execution), "SUCCEEDED");
    assert.equal(await mapRuns.update(arn, { maxConcurrency: 3 }), false);
  });

  test(`${type} children: the tolerance is raised, then lowered below what has failed`, async () => {
    const harness = await open();
    const machine = await createMachine(harness, mapOf({ ToleratedFailureCount: 1 }, type));
    const execution = await start(harness, machine, numbers(8));
    await calls(harness, 8);
    harness.integrations.next().answer(broken);
    const arn = (await lastRun(harness, execution)).mapRunArn;
    assert.equal(await harness.runtime.mapRuns.update(arn, { toleratedFailureCount: 3 }), true);
    for (const call of harness.integrations.calls.splice(0, 2)) call.answer(broken);
    const haveFailed = async (): Promise<boolean> => (await lastRun(harness, execution)).items.failed === 3;
    await until(harness, "three have failed", haveFailed);
    assert.equal(await statusOf(harness, execution), "RUNNING");
    assert.equal(await harness.runtime.mapRuns.update(arn, { toleratedFailurePercentage: 25 }), true);
    await untilEnded(harness, execution);
    assert.equal(await outcome(harness, execution), `FAILED ${THRESHOLD}`);
    const run = await lastRun(harness, execution);
    assert.equal(shown(run), 'FAILED {"failed":3,"aborted":5,"total":8}');
    assert.deepEqual([run.toleratedFailureCount, run.toleratedFailurePercentage], [3, 25]);
  });

  test(`${type} children: they are listed newest first, by status, in pages`, async () => {
    const harness = await open();
    const worker = new Worker().attach(harness);
    worker.judge = (input) => {
      const n = Number(input);
      return n % 3 === 0 ? broken : n > 8 ? undefined : succeeded(n);
    };
    const machine = await createMachine(harness, mapOf({ ToleratedFailureCount: 100 }, type));
    const execution = await start(harness, machine, numbers(12));
    await calls(harness, 2);
    const { mapRunArn } = await lastRun(harness, execution);
    const list = async (
      query: { readonly status?: MapRunChild["status"]; readonly isRedriven?: boolean },
      limit = 3,
    ): Promise<readonly MapRunChild[]> => {
      const found: MapRunChild[] = [];
      for (let after: string | undefined; ; ) {
        const page = await harness.runtime.mapRuns.children({
          mapRunArn,
          limit,
          ...query,
          ...(after === undefined ? {} : { after }),
        });
        assert(page.children.length <= limit, "a page holds no more than was asked for");
        found.push(...page.children);
        if (page.next === undefined) return found;
        after = page.next;
      }
    };
    const all = await list({}, 100);
    assert.deepEqual(
      all.map(({ status }) => status[0]).join(""),
      // 11 … 0
      "RRFSSFSSFSSF",
    );
    assert.deepEqual(await list({}), all);
    assert.deepEqual(await list({}, 1), all);
    for (const status of ["RUNNING", "FAILED", "SUCCEEDED", "ABORTED", "PENDING_REDRIVE"] as const) {
      assert.deepEqual(
        await list({ status }),
        all.filter((child) => child.status === status),
      );
    }
    assert.equal(new Set(all.map(({ executionArn }) => executionArn)).size, 12);
    await stop(harness, execution);
    await untilOver(harness, execution);
    assert.equal((await list({})).map(({ status }) => status[0]).join(""), "AAFSSFSSFSSF");

    harness.integrations.calls.length = 0;
    await harness.runtime.mapRuns.update(mapRunArn, { maxConcurrency: 1 });
    await harness.runtime.executions.redrive(execution, undefined);
    worker.judge = () => undefined;
    await calls(harness, 6);
    const again = await list({});
    if (type === "STANDARD") {
      assert.equal(again.map(({ status }) => status[0]).join(""), "RRRSSRSSRSSR");
      assert.equal((await list({ isRedriven: true })).length, 6);
      assert.equal((await list({ isRedriven: false })).length, 6);
    } else {
      assert.equal(again.map(({ status }) => status[0]).join(""), "RRRSSRSSRSSR");
      assert.equal((await list({ isRedriven: true })).length, 0);
    }
  });
}

/** Reads of journals take so many rounds of the event loop, but for that of the first execution. */
class SlowStore extends HeldStore {
  rounds = 0;

  override async readJournal(executionId: number): ReturnType<HeldStore["readJournal"]> {
    const rounds = executionId === 1 ? 0 : this.rounds;
    for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
    return super.readJournal(executionId);
  }
}

test("a redrive while children that sleep are still being read to be stopped waits for that", async () => {
  const store = new SlowStore();
  const harness = await open({ store });
  const sleep = { StartAt: "W", States: { W: { Type: "Wait", SecondsPath: "$", End: true } } };
  const execution = await start(harness, await createMachine(harness, mapOf({}, sleep)), [1000, 1100, 1200]);
  const areAsleep = async (): Promise<boolean> =>
    (await lastRun(harness, execution)).executions.running === 3;
  await until(harness, "the children sleep", areAsleep);
  store.rounds = 40;
  await stop(harness, execution);
  await harness.runtime.executions.redrive(execution, undefined);
  assert.equal(await statusOf(harness, execution), "RUNNING");
  await until(harness, "they sleep again", async () => {
    const run = await lastRun(harness, execution);
    return run.redriveCount === 1 && run.executions.running === 3;
  });
  store.rounds = 0;
  await harness.clock.advance(1_300_000);
  await untilEnded(harness, execution);
  assert.equal(await outcome(harness, execution), "SUCCEEDED [1000,1100,1200]");
  assert.deepEqual(harness.log, []);
});

test("a redrive while the server that stopped the execution has died: the children are not counted as its failures", async () => {
  const first = await open();
  const machine = await createMachine(first, mapOf({ MaxConcurrency: 2 }));
  const execution = await start(first, machine, numbers(4));
  await calls(first, 2);
  // The stop is durable, and nothing else comes to be.
  await stop(first, execution);
  const harness = await restart(first);
  const worker = new Worker().attach(harness);
  await harness.runtime.executions.redrive(execution, undefined);
  await untilEnded(harness, execution, 100);
  assert.equal(await outcome(harness, execution), "SUCCEEDED [0,1,2,3]");
  assert.deepEqual(worker.take(), [0, 1, 2, 3]);
  assert.equal(
    shown(await lastRun(harness, execution)),
    'SUCCEEDED {"succeeded":4,"total":4,"resultsWritten":4}',
  );
});

test("a Map Run that nobody waits for any more after a restart is aborted with its children", async () => {
  const first = await open();
  const machine = await createMachine(first, mapOf({ MaxConcurrency: 2 }));
  const execution = await start(first, machine, numbers(4));
  await calls(first, 2);
  first.integrations.next().answer(succeeded(0));
  await calls(first, 2);
  await stop(first, execution);
  const harness = await restart(first);
  assert.equal(
    await untilOver(harness, execution),
    // Whether the calls had an effect is not known: that is a failure (D7).
    'ABORTED {"pending":1,"succeeded":1,"failed":2,"total":4}',
  );
  // A second restart finds nothing to do.
  const again = await restart(harness);
  assert.equal(
    shown(await lastRun(again, execution)),
    'ABORTED {"pending":1,"succeeded":1,"failed":2,"total":4}',
  );
});

test("results of a try whose process died before it wrote any are in the files of the redrive", async () => {
  const objects = new MemoryObjects();
  const first = await open({ objects });
  const machine = await createMachine(first, mapOf({ MaxConcurrency: 2, ...writer }));
  const execution = await start(first, machine, numbers(4));
  await calls(first, 2);
  first.integrations.next().answer(succeeded("first"));
  await calls(first, 2);
  await stop(first, execution);
  const harness = await restart(first, { objects });
  await untilOver(harness, execution);
  const worker = new Worker().attach(harness);
  await harness.runtime.executions.redrive(execution, undefined);
  await untilEnded(harness, execution);
  assert.deepEqual(worker.take(), [1, 2, 3]);
  const { mapRunArn } = await lastRun(harness, execution);
  const folder = `results/${mapRunArn.slice(mapRunArn.lastIndexOf(":") + 1)}/Redrive-1`;
  const manifest = JSON.parse(objects.text("out", `${folder}/manifest.json`)) as {
    readonly ResultFiles: { readonly SUCCEEDED: readonly { readonly Key: string }[] };
  };
  const keys = manifest.ResultFiles.SUCCEEDED.map(({ Key }) => Key);
  assert.deepEqual(keys, [`${folder}/SUCCEEDED_0.json`]);
  const entries = JSON.parse(objects.text("out", keys[0] as string)) as readonly {
    readonly Output: string;
  }[];
  assert.deepEqual(
    entries.map(({ Output }) => JSON.parse(Output) as Json),
    ["first", 1, 2, 3],
  );
});

test("a redrive that nobody waits for any more counts what ran in it, and nothing twice", async () => {
  const first = await open();
  const worker = new Worker().attach(first);
  worker.judge = (input) => (Number(input) > 1 ? broken : succeeded(input));
  const map = { ToleratedFailureCount: 0, MaxConcurrency: 1 };
  const machine = await createMachine(first, mapOf(map));
  const execution = await start(first, machine, numbers(5));
  await untilEnded(first, execution);
  assert.equal(
    shown(await lastRun(first, execution)),
    'FAILED {"pending":2,"succeeded":2,"failed":1,"total":5}',
  );
  worker.judge = () => undefined;
  await first.runtime.executions.redrive(execution, undefined);
  await calls(first, 1);
  await stop(first, execution);
  const harness = await restart(first);
  assert.equal(
    await untilOver(harness, execution),
    'ABORTED {"pending":2,"succeeded":2,"failed":1,"total":5}',
  );
});

test("a server that is closed during its recovery aborts no Map Run", async () => {
  const store = new SlowStore();
  const first = await open({ store });
  const machine = await createMachine(first, mapOf({}));
  // A call that is under way, and that the next process takes up, keeps it from closing at once.
  const keep = "arn:aws:lambda:us-east-1:123456789012:function:keep";
  await start(first, await createMachine(first, tasks(keep), "keep"));
  // What recovery reads is more than a page.
  const executions = [await start(first, machine, numbers(110))];
  await calls(first, 111);
  executions.push(await start(first, machine, numbers(3)));
  await calls(first, 114);
  await first.store.close();
  store.rounds = 40;
  const integrations = new FakeIntegrations();
  integrations.resumable.add("keep");
  const closing = await open({ store, clock: first.clock, integrations });
  const closed = closing.runtime.close(5000);
  for (let round = 0; round < 10; round++) await settle();
  assert(!(await isSettled(closed)), "it waits for the call");
  await closing.clock.advance(6000);
  await closed;
  store.rounds = 0;
  const harness = await open({ store, clock: first.clock });
  for (const execution of executions) {
    await untilEnded(harness, execution);
    // The calls' outcome is not known (D7): nobody has aborted anything.
    assert.equal(await outcome(harness, execution), `FAILED ${THRESHOLD}`);
    assert.equal((await lastRun(harness, execution)).status, "FAILED");
  }
  assert.deepEqual(harness.log, []);
});

test("a nested distributed Map: Map Runs in the children of a Map Run, stopped together", async () => {
  const inner = mapState({ Label: "inner" });
  const definition = mapOf({ Label: "outer" }, { StartAt: "N", States: { N: inner } });
  const harness = await open();
  const machine = await createMachine(harness, definition);
  const execution = await start(harness, machine, [
    [1, 2],
    [3, 4, 5],
  ]);
  await calls(harness, 5);
  assert.deepEqual(
    inputsOf(harness).toSorted((a, b) => Number(a) - Number(b)),
    [1, 2, 3, 4, 5],
  );
  for (const { call, answer } of harness.integrations.calls.splice(0, 1))
    answer(succeeded(call.parameters.value));
  await calls(harness, 4);
  await stop(harness, execution);
  assert.equal(await untilOver(harness, execution), 'ABORTED {"aborted":2,"total":2}');
  const outer = await lastRun(harness, execution);
  const { children } = await harness.runtime.mapRuns.children({ mapRunArn: outer.mapRunArn, limit: 10 });
  const inners: string[] = [];
  for (const child of children) inners.push(await untilOver(harness, child.executionArn));
  assert.deepEqual(inners, [
    'ABORTED {"aborted":3,"total":3}',
    'ABORTED {"succeeded":1,"aborted":1,"total":2}',
  ]);

  harness.integrations.calls.length = 0;
  const worker = new Worker().attach(harness);
  await harness.runtime.executions.redrive(execution, undefined);
  await untilEnded(harness, execution);
  assert.equal(await outcome(harness, execution), "SUCCEEDED [[1,2],[3,4,5]]");
  assert.deepEqual(
    worker.take().toSorted((a, b) => Number(a) - Number(b)),
    [2, 3, 4, 5],
  );
});
