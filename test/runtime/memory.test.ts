// What stays in memory, what leaves it, and that nobody can tell (H4, D9).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/base/json.ts";
import {
  BY_TOKEN,
  createMachine,
  type Harness,
  LAMBDA,
  ONE_CALL,
  open,
  outcome,
  start,
  succeeded,
  tasks,
  wait,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

async function statistic({ runtime }: Harness, name: string): Promise<Json | undefined> {
  return (await runtime.statistics())[name];
}

test("executions that wait long, and those that have ended, are not kept in memory", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  const arns: string[] = [];
  for (let i = 0; i < 20; i++) arns.push(await start(harness, machine, { i }));
  assert.equal(await statistic(harness, "openExecutions"), 20);
  assert.equal(await statistic(harness, "cachedExecutions"), 0);
  await harness.runtime.executions.stop(arns[0] as string, "E", "C");
  assert.equal(await outcome(harness, arns[0] as string), "ABORTED E C");
  assert.equal(await outcome(harness, arns[1] as string), "RUNNING");
  assert.equal(await statistic(harness, "openExecutions"), 19);
  assert.equal(await statistic(harness, "cachedExecutions"), 0);
  await harness.runtime.close(0);
});

test("past the bound of the cache the execution that was used longest ago leaves, and comes back when needed", async () => {
  const harness = await open({ settings: { cachedExecutions: 2 } });
  const machine = await createMachine(harness, wait(10));
  const arns: string[] = [];
  for (let i = 0; i < 3; i++) arns.push(await start(harness, machine, { i }));
  assert.equal(await statistic(harness, "cachedExecutions"), 2);
  assert.deepEqual(harness.store.journalReads, []);
  assert.equal(await outcome(harness, arns[0] as string), "RUNNING");
  assert.equal(harness.store.journalReads.length, 1);
  await harness.clock.advance(10_000);
  for (const [i, arn] of arns.entries()) assert.equal(await outcome(harness, arn), `SUCCEEDED {"i":${i}}`);
  await harness.runtime.close(0);
});

test("an execution is loaded once, however many ask for it at the same time", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  const arn = await start(harness, machine);
  const { describe, stop } = harness.runtime.executions;
  const [first, , last] = await Promise.all([
    describe(arn),
    stop(arn, "Stopped", undefined),
    describe(arn),
    describe(arn),
  ]);
  assert.equal(first?.execution.status, "RUNNING");
  assert.equal(last?.execution.status, "ABORTED");
  assert.equal(harness.store.journalReads.length, 1);
  await harness.runtime.close(0);
});

test("an execution with a call under way stays, one that waits for a token may go", async () => {
  const harness = await open({ settings: { cachedExecutions: 0 } });
  const calling = await start(harness, await createMachine(harness, ONE_CALL, "calling"));
  const waiting = await start(harness, await createMachine(harness, BY_TOKEN, "waiting"));
  await settle();
  assert.equal(await statistic(harness, "cachedExecutions"), 2);
  const one = harness.integrations.next();
  const two = harness.integrations.next();
  await two.call.submitted(two.call.parameters);
  two.answer({ kind: "pending" });
  await settle();
  assert.equal(await statistic(harness, "cachedExecutions"), 1);
  const { Payload: payload } = two.call.parameters.value as { Payload: { token: string } };
  await harness.runtime.tasks.succeed(payload.token, two.call.parameters);
  one.answer(succeeded(1));
  await settle();
  assert.equal(await outcome(harness, calling), "SUCCEEDED 1");
  assert.match(await outcome(harness, waiting), /^SUCCEEDED/);
  await harness.runtime.close(0);
});

test("past the bounds starts are refused, and what makes room still passes", async () => {
  const harness = await open({ settings: { queuedTurns: 3 } });
  const machine = await createMachine(harness, ONE_CALL);
  const arn = await start(harness, machine);
  await settle();
  harness.store.isHolding = true;
  const starts = [start(harness, machine), start(harness, machine), start(harness, machine)];
  await settle();
  await assert.rejects(start(harness, machine), { code: "ThrottlingException", message: "Rate exceeded" });
  const stopping = harness.runtime.executions.stop(arn, undefined, undefined);
  await settle();
  harness.store.letGo();
  await Promise.all([...starts, stopping]);
  await start(harness, machine);
  assert.equal(await outcome(harness, arn), "ABORTED");
  await harness.runtime.close(0);
});

test("more open executions than the limit are refused until one ends", async () => {
  const harness = await open({ settings: { openExecutions: 2 } });
  const machine = await createMachine(harness, wait(3600));
  const arn = await start(harness, machine);
  await start(harness, machine);
  await assert.rejects(start(harness, machine), { code: "ExecutionLimitExceeded" });
  await harness.runtime.executions.stop(arn, undefined, undefined);
  await start(harness, machine);
  await harness.runtime.close(0);
});

test("calls are bounded; tasks past the bound start in their order when there is room", async () => {
  const harness = await open({ settings: { callsUnderWay: 2 } });
  const machine = await createMachine(harness, ONE_CALL);
  const arns: string[] = [];
  for (let i = 0; i < 5; i++) arns.push(await start(harness, machine, i));
  await settle();
  assert.equal(harness.integrations.calls.length, 2);
  assert.equal(await statistic(harness, "queuedTasks"), 3);
  // One that dies in the queue is not called.
  await harness.runtime.executions.stop(arns[3] as string, undefined, undefined);
  const called: unknown[] = [];
  while (harness.integrations.calls.length > 0) {
    const { call, answer } = harness.integrations.next();
    called.push(call.parameters.value);
    answer(succeeded(call.parameters.value));
    await settle();
  }
  assert.deepEqual(called, [0, 1, 2, 4]);
  for (const i of called) assert.equal(await outcome(harness, arns[i] as string), `SUCCEEDED ${i}`);
  await harness.runtime.close(0);
});

test("a task that waits for room goes before the next task of an execution that has it", async () => {
  const harness = await open({ settings: { callsUnderWay: 1 } });
  const machine = await createMachine(harness, tasks(LAMBDA, LAMBDA));
  for (const n of [1, 2]) await start(harness, machine, n);
  await settle();
  const called: unknown[] = [];
  while (harness.integrations.calls.length > 0) {
    const { call, answer } = harness.integrations.next();
    called.push(call.parameters.value);
    answer(succeeded(call.parameters.value));
    await settle();
  }
  assert.deepEqual(called, [1, 2, 1, 2]);
  await harness.runtime.close(0);
});

test("an execution whose turn is not durable yet is not dropped, however full the cache is", async () => {
  const harness = await open({ settings: { cachedExecutions: 1 } });
  const waiting = await createMachine(harness, wait(10), "waiting");
  const others = [await start(harness, waiting), await start(harness, waiting)];
  const state = { ...(BY_TOKEN as { States: { T: object } }).States.T, HeartbeatSeconds: 30 };
  const machine = await createMachine(harness, { StartAt: "T", States: { T: state } });
  const arn = await start(harness, machine);
  await settle();
  const { call, answer } = harness.integrations.next();
  answer({ kind: "pending" });
  await settle();
  const { token } = (call.parameters.value as { Payload: { token: string } }).Payload;
  harness.store.isHolding = true;
  const beats = [harness.runtime.tasks.heartbeat(token)];
  await settle();
  for (const other of others) assert.equal(await outcome(harness, other), "RUNNING");
  beats.push(harness.runtime.tasks.heartbeat(token));
  await settle();
  assert.equal(harness.store.held.length, 2);
  harness.store.letGo();
  await Promise.all(beats);
  await harness.runtime.tasks.succeed(token, call.parameters);
  assert.match(await outcome(harness, arn), /^SUCCEEDED/);
  assert.deepEqual(harness.fatal, []);
  await harness.runtime.close(0);
});

test("a call that was submitted holds no room: parents cannot starve their children", async () => {
  const harness = await open({ settings: { callsUnderWay: 1 } });
  const parents = await createMachine(harness, {
    StartAt: "N",
    States: {
      N: {
        Type: "Task",
        Resource: "arn:aws:states:::states:startExecution.sync:2",
        Parameters: { StateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:child" },
        End: true,
      },
    },
  });
  const children = await createMachine(harness, ONE_CALL, "child");
  const parent = await start(harness, parents);
  await settle();
  const nested = harness.integrations.next();
  const child = await start(harness, children);
  await settle();
  assert.equal(harness.integrations.calls.length, 0);
  await nested.call.submitted(nested.call.parameters);
  await settle();
  harness.integrations.next().answer(succeeded("child"));
  await settle();
  assert.equal(await outcome(harness, child), 'SUCCEEDED "child"');
  nested.answer(succeeded("parent"));
  await settle();
  assert.equal(await outcome(harness, parent), 'SUCCEEDED "parent"');
  await harness.runtime.close(0);
});

test("a fault of ours stops the execution that met it, and no other; a Stop still ends it", async () => {
  const harness = await open();
  const machine = await createMachine(harness, ONE_CALL);
  const [arn, other] = [await start(harness, machine), await start(harness, machine)];
  await settle();
  const poison = {
    text: "1",
    get bytes() {
      throw new Error("a bug of the engine");
    },
  };
  harness.integrations.next().answer({ kind: "succeeded", output: poison as never });
  harness.integrations.next().answer(succeeded(1));
  await settle();
  assert.equal(harness.log.length, 1);
  assert.match(harness.log[0] as string, /is stopped by an internal error/);
  assert.equal(await outcome(harness, other), "SUCCEEDED 1");
  assert.equal(await outcome(harness, arn), "RUNNING");
  assert.equal(await statistic(harness, "stoppedByInternalError"), 1);
  await harness.runtime.executions.stop(arn, "GivenUp", undefined);
  assert.equal(await outcome(harness, arn), "ABORTED GivenUp");
  assert.equal(await statistic(harness, "stoppedByInternalError"), 0);
  await harness.runtime.close(0);
});
