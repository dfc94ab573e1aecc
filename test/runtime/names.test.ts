// Names of executions: at most one of a name, whatever is asked when (E2).

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, isSettled, ONE_CALL, open, outcome, PASS, restart, start, wait } from "./harness.ts";
import { settle } from "./manual-clock.ts";

const EXISTS = { code: "ExecutionAlreadyExists" };

test("the same start while it runs is answered with the original", async () => {
  const harness = await open();
  const machine = await createMachine(harness, ONE_CALL);
  const request = { machine, name: "x", input: { text: "{}" } as never };
  const first = await harness.runtime.executions.start(request);
  await harness.clock.advance(1000);
  assert.deepEqual(await harness.runtime.executions.start(request), first);
  await assert.rejects(start(harness, machine, { other: 1 }, "x"), {
    ...EXISTS,
    message: `Execution Already Exists: '${first.executionArn}'`,
  });
  await harness.runtime.close(0);
});

test("a name stays taken after its execution has ended", async () => {
  const harness = await open();
  const machine = await createMachine(harness, PASS);
  const arn = await start(harness, machine, {}, "x");
  assert.equal(await outcome(harness, arn), "SUCCEEDED {}");
  await assert.rejects(start(harness, machine, {}, "x"), EXISTS);
  assert.equal(harness.store.stored.length, 1);
  await harness.runtime.close(0);
});

test("twenty starts of one name at once make one execution", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  const arns = await Promise.all(Array.from({ length: 20 }, () => start(harness, machine, {}, "x")));
  assert.equal(new Set(arns).size, 1);
  assert.equal(harness.store.stored.length, 1);
  await harness.runtime.close(0);
});

test("a start whose original is not durable yet is answered with it, when it is", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  harness.store.isHolding = true;
  const first = start(harness, machine, {}, "x");
  const second = start(harness, machine, {}, "x");
  const different = start(harness, machine, { n: 1 }, "x");
  different.catch(() => {});
  assert.equal(await isSettled(second), false);
  assert.equal(await isSettled(different), false);
  harness.store.letGo();
  assert.equal(await first, await second);
  await assert.rejects(different, EXISTS);
  await harness.runtime.close(0);
});

test("a refused start that meets another one about to be refused reaches the execution that has the name", async () => {
  const old = await open();
  const machine = await createMachine(old, wait(3600));
  await start(old, machine, {}, "x");
  const { runtime, store } = await restart(old);
  const again = (): Promise<unknown> =>
    runtime.executions.start({ machine, name: "x", input: { text: '{"new":1}' } as never });
  // 1. the commit refuses `first`; 2. `second` takes the name in memory before `first` has asked who has it;
  // 3. `first` finds `second`, whose own commit is refused next.
  let second: Promise<unknown> | undefined;
  const commit = store.commit.bind(store);
  store.commit = (turns) => {
    const committed = commit(turns);
    queueMicrotask(() => {
      void committed.then(() => {
        second ??= again();
        second.catch(() => {});
      });
    });
    return committed;
  };
  const first = again();
  await assert.rejects(first, EXISTS);
  assert.ok(second !== undefined, "the second start was made");
  await assert.rejects(second, EXISTS);
  await runtime.close(0);
});

test("what meets a start that is refused reaches the execution that has the name", async () => {
  const old = await open();
  const machine = await createMachine(old, wait(3600));
  const arn = await start(old, machine, {}, "x");
  const harness = await restart(old);
  harness.store.isHolding = true;
  const { start: startExecution, stop, describe, history } = harness.runtime.executions;
  const starting = startExecution({ machine, name: "x", input: { text: '{"new":1}' } as never });
  starting.catch(() => {});
  const describing = describe(arn);
  const telling = history(arn, { reverse: false, limit: 10, offset: 0 });
  const stopping = stop(arn, "Stopped", undefined);
  await settle();
  harness.store.letGo();
  await assert.rejects(starting, EXISTS);
  assert.equal((await describing)?.execution.started.input.text, "{}");
  assert.equal((await telling)?.events[0]?.details?.["input"], "{}");
  await stopping;
  assert.equal(await outcome(harness, arn), "ABORTED Stopped");
  // The same name, the other input, and the refused one left no trace.
  assert.deepEqual(
    harness.store.stored.map(({ status }) => status),
    ["RUNNING", "ABORTED"],
  );
  assert.equal((await harness.runtime.statistics())["openExecutions"], 0);
  await harness.runtime.close(0);
});

test("a refused start calls nothing and gives its room back", async () => {
  const old = await open();
  const machine = await createMachine(old, ONE_CALL);
  await start(old, machine, {}, "x");
  await settle();
  const harness = await restart(old, { settings: { callsUnderWay: 1 } });
  await assert.rejects(start(harness, machine, { new: 1 }, "x"), EXISTS);
  await settle();
  assert.equal(harness.integrations.calls.length, 0);
  await start(harness, machine);
  await settle();
  assert.equal(harness.integrations.calls.length, 1);
  await harness.runtime.close(0);
});

test("what is not there is not there", async () => {
  const harness = await open();
  const arn = "arn:aws:states:us-east-1:123456789012:execution:machine:none";
  const { describe, history, stop, waitForEnd } = harness.runtime.executions;
  const missing = { code: "ExecutionDoesNotExist", message: `Execution Does Not Exist: '${arn}'` };
  assert.equal(await describe(arn), undefined);
  assert.equal(await history(arn, { reverse: false, limit: 10, offset: 0 }), undefined);
  await assert.rejects(stop(arn, undefined, undefined), missing);
  await assert.rejects(waitForEnd(arn, new AbortController().signal), missing);
  await harness.runtime.close(0);
});

test("whoever waits for an end is told after it is durable, or gives up", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  const arn = await start(harness, machine);
  const { waitForEnd, stop } = harness.runtime.executions;
  const waiting = waitForEnd(arn, new AbortController().signal);
  const impatient = new AbortController();
  const givenUp = waitForEnd(arn, impatient.signal);
  assert.equal(await isSettled(waiting), false);
  impatient.abort(new Error("no time"));
  await assert.rejects(givenUp, { message: "no time" });
  harness.store.isHolding = true;
  const stopping = stop(arn, undefined, undefined);
  assert.equal(await isSettled(waiting), false);
  harness.store.letGo();
  await Promise.all([stopping, waiting]);
  await waitForEnd(arn, new AbortController().signal);
  assert.equal((await harness.runtime.statistics())["executionsWaitedFor"], 0);
  await harness.runtime.close(0);
});
