// What leaves, and when: nothing before its turn is durable (D1), everything in order, one execution at a time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OutcomeUnknown } from "../../src/store/store.ts";
import {
  BY_TOKEN,
  createMachine,
  isSettled,
  LAMBDA,
  ONE_CALL,
  open,
  outcome,
  PASS,
  start,
  succeeded,
  tasks,
  wait,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

test("a start is answered, and its task called, after the commit only", async () => {
  const harness = await open();
  const machine = await createMachine(harness, ONE_CALL);
  harness.store.isHolding = true;
  const starting = start(harness, machine);
  assert.equal(await isSettled(starting), false);
  assert.equal(harness.store.held.length, 1);
  assert.equal(harness.integrations.calls.length, 0);
  harness.store.letGo();
  const arn = await starting;
  await settle();
  assert.equal(harness.integrations.calls.length, 1);
  harness.integrations.next().answer(succeeded({ done: true }));
  await settle();
  assert.equal(await outcome(harness, arn), 'SUCCEEDED {"done":true}');
  await harness.runtime.close(0);
});

test("a later turn is decided while the first is being committed, and answered after it", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  harness.store.isHolding = true;
  const starting = start(harness, machine, {}, "x");
  await settle();
  const arn = `${machine.arn.replace("stateMachine", "execution")}:x`;
  const stopping = harness.runtime.executions.stop(arn, "Stopped", undefined);
  await settle();
  assert.deepEqual(
    harness.store.held.map(({ turns }) => turns.map(({ status }) => status)),
    [["RUNNING"], ["ABORTED"]],
  );
  assert.equal(await isSettled(stopping), false);
  harness.store.held.shift()?.release();
  await starting;
  assert.equal(await isSettled(stopping), false);
  harness.store.letGo();
  await stopping;
  assert.equal(await outcome(harness, arn), "ABORTED Stopped");
  await harness.runtime.close(0);
});

test("a look is answered with what it saw, when that is durable", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  harness.store.isHolding = true;
  const starting = start(harness, machine, {}, "x");
  const arn = `${machine.arn.replace("stateMachine", "execution")}:x`;
  const looking = harness.runtime.executions.describe(arn);
  assert.equal(await isSettled(looking), false);
  const stopping = harness.runtime.executions.stop(arn, undefined, undefined);
  const again = harness.runtime.executions.describe(arn);
  harness.store.letGo();
  assert.equal((await looking)?.execution.status, "RUNNING");
  assert.equal((await looking)?.row.status, "RUNNING");
  assert.equal((await again)?.execution.status, "ABORTED");
  await Promise.all([starting, stopping]);
  await harness.runtime.close(0);
});

test("turns gather while two batches are under way, and become one batch", async () => {
  const harness = await open();
  const machine = await createMachine(harness, PASS);
  harness.store.isHolding = true;
  const starts: Promise<string>[] = [];
  for (let i = 0; i < 3; i++) {
    starts.push(start(harness, machine, { i }));
    await settle();
  }
  for (let i = 3; i < 53; i++) starts.push(start(harness, machine, { i }));
  await settle();
  assert.deepEqual(
    harness.store.held.map(({ turns }) => turns.length),
    [1, 1],
  );
  harness.store.held.shift()?.release();
  await settle();
  assert.deepEqual(
    harness.store.held.map(({ turns }) => turns.length),
    [1, 51],
  );
  harness.store.letGo();
  assert.equal(new Set(await Promise.all(starts)).size, 53);
  const lsns = harness.store.stored.map(({ lsn }) => lsn);
  assert.deepEqual(
    lsns,
    lsns.toSorted((a, b) => a - b),
  );
  await harness.runtime.close(0);
});

test("executions do not wait for each other: a chain goes on while another waits for its call", async () => {
  const harness = await open();
  const machine = await createMachine(harness, tasks(LAMBDA, LAMBDA));
  const first = await start(harness, machine, { n: 1 });
  const second = await start(harness, machine, { n: 2 });
  await settle();
  harness.integrations.next();
  for (const n of [1, 2]) {
    harness.integrations.next().answer(succeeded(n));
    await settle();
  }
  assert.equal(await outcome(harness, first), "RUNNING");
  assert.equal(await outcome(harness, second), "SUCCEEDED 2");
  await harness.runtime.close(0);
});

for (const failure of [new OutcomeUnknown("fsync failed"), new Error("no reason")]) {
  test(`after a commit that fails with ${failure.name} nothing is answered, called or stored`, async () => {
    const harness = await open();
    const machine = await createMachine(harness, ONE_CALL);
    const running = await start(harness, machine);
    await settle();
    harness.store.isHolding = true;
    const commits = harness.store.commits;
    const starting = start(harness, machine);
    await settle();
    harness.integrations.next().answer(succeeded(1));
    await settle();
    assert.equal(harness.store.held.length, 2);
    harness.store.held[0]?.fail(failure);
    await assert.rejects(starting, { code: "ServiceUnavailable" });
    assert.deepEqual(harness.fatal, [failure]);
    harness.store.letGo();
    await settle();
    assert.equal(harness.integrations.calls.length, 0);
    await assert.rejects(start(harness, machine), { code: "ServiceUnavailable" });
    await assert.rejects(harness.runtime.executions.stop(running, undefined, undefined), {
      code: "ServiceUnavailable",
    });
    await assert.rejects(harness.runtime.executions.describe(running), { code: "ServiceUnavailable" });
    assert.equal(harness.store.commits, commits + 2);
    assert.equal(harness.fatal.length, 1);
    assert.equal(harness.clock.timerCount, 0);
    await harness.runtime.close(0);
  });
}

test("an outcome for an attempt that is dead changes nothing", async () => {
  const harness = await open();
  const machine = await createMachine(harness, ONE_CALL);
  const arn = await start(harness, machine);
  await settle();
  const { call, answer } = harness.integrations.next();
  const { signal } = call;
  await harness.runtime.executions.stop(arn, undefined, undefined);
  assert.equal(signal.aborted, true);
  const stored = harness.store.stored.length;
  answer(succeeded(1));
  await settle();
  assert.equal(harness.store.stored.length, stored);
  assert.equal(await outcome(harness, arn), "ABORTED");
  await harness.runtime.close(0);
});

test("a task token is accepted once, also when it is used eight times at once", async () => {
  const harness = await open();
  const machine = await createMachine(harness, BY_TOKEN);
  const arn = await start(harness, machine);
  await settle();
  const { call, answer } = harness.integrations.next();
  const { Payload: payload } = call.parameters.value as { Payload: { token: string } };
  await call.submitted(call.parameters);
  answer({ kind: "pending" });
  const answers = await Promise.allSettled(
    Array.from({ length: 8 }, () => harness.runtime.tasks.succeed(payload.token, call.parameters)),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [
    "fulfilled",
    ...Array.from({ length: 7 }, () => "rejected"),
  ]);
  const refused = answers.find((one) => one.status === "rejected");
  assert.equal((refused?.reason as { code: string } | undefined)?.code, "TaskTimedOut");
  assert.match(await outcome(harness, arn), /^SUCCEEDED/);
  await assert.rejects(harness.runtime.tasks.heartbeat(payload.token), {
    code: "TaskTimedOut",
    message: "Task Timed Out: 'Provided task does not exist anymore'",
  });
  await harness.runtime.close(0);
});
