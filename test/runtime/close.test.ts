// Closing: what is accepted is durable, what is under way gets its time, and nothing is made up (R4, C5).

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createMachine,
  isSettled,
  LAMBDA,
  ONE_CALL,
  open,
  outcome,
  restart,
  start,
  succeeded,
  tasks,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

test("a call that ends in time has its outcome stored; the next task stays scheduled", async () => {
  const old = await open();
  const arn = await start(old, await createMachine(old, tasks(LAMBDA, LAMBDA)));
  await settle();
  const closing = old.runtime.close(3000);
  assert.equal(await isSettled(closing), false);
  old.integrations.next().answer(succeeded(1));
  await closing;
  assert.equal(old.integrations.calls.length, 0);
  assert.equal(old.clock.timerCount, 0);
  const next = await open({ store: old.store, clock: old.clock });
  assert.equal(await outcome(next, arn), "RUNNING");
  next.integrations.next().answer(succeeded(2));
  await settle();
  assert.equal(await outcome(next, arn), "SUCCEEDED 2");
  await next.runtime.close(0);
});

test("a call that does not end in time is aborted, and its outcome left unknown", async () => {
  const old = await open();
  const arn = await start(old, await createMachine(old, ONE_CALL));
  await settle();
  const { call, answer } = old.integrations.next();
  call.signal.addEventListener("abort", () =>
    answer({ kind: "failed", phase: "run", error: "Aborted", cause: "made up" }),
  );
  const closing = old.runtime.close(3000);
  await old.clock.advance(3000);
  await closing;
  const next = await open({ store: old.store, clock: old.clock });
  assert.match(await outcome(next, arn), /^FAILED States.TaskFailed The server ended while/);
  await next.runtime.close(0);
});

test("what is accepted before the end is durable and answered; after it requests are refused", async () => {
  const harness = await open();
  const machine = await createMachine(harness, ONE_CALL);
  harness.store.isHolding = true;
  const starting = start(harness, machine);
  await settle();
  const closing = harness.runtime.close(1000);
  // A call under way may be one that starts an execution here: it is taken, its task stays scheduled.
  const nested = start(harness, machine, { nested: true });
  assert.equal(await isSettled(closing), false);
  harness.store.letGo();
  const arns = [await starting, await nested];
  await settle();
  assert.equal(harness.integrations.calls.length, 1);
  harness.integrations.next().answer(succeeded(1));
  await closing;
  await assert.rejects(start(harness, machine), { code: "ServiceUnavailable", status: 503 });
  await assert.rejects(harness.runtime.tasks.heartbeat("x"), { code: "ServiceUnavailable" });
  const next = await open({ store: harness.store, clock: harness.clock });
  assert.equal(await outcome(next, arns[0] ?? ""), "SUCCEEDED 1");
  assert.equal(await outcome(next, arns[1] ?? ""), "RUNNING");
  assert.equal(next.integrations.calls.length, 1);
  await next.runtime.close(0);
  assert.equal(harness.fatal.length + next.fatal.length, 0);
});

test("an owner that another one has replaced stores nothing, and is told so once", async () => {
  const old = await open();
  const machine = await createMachine(old, ONE_CALL);
  const arn = await start(old, machine);
  await settle();
  const next = await restart(old);
  await assert.rejects(start(old, machine), { code: "ServiceUnavailable" });
  assert.deepEqual(
    old.fatal.map(({ name }) => name),
    ["StaleEpoch"],
  );
  assert.match(await outcome(next, arn), /^FAILED/);
  await next.runtime.close(0);
});

test("executions spread over the shards that the store was made with, whatever is asked later", async () => {
  const old = await open({ settings: { shards: 3 } });
  const machine = await createMachine(old, ONE_CALL);
  const arns = await Promise.all(Array.from({ length: 9 }, () => start(old, machine)));
  assert.deepEqual(new Set(old.store.stored.map(({ shard }) => shard)), new Set([0, 1, 2]));
  const next = await restart(old, { settings: { shards: 1 } });
  for (const arn of arns) assert.match(await outcome(next, arn), /^FAILED States.TaskFailed/);
  await next.runtime.close(0);
});
