// Activities: each task to one worker, each worker one task, and none of them lost in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Payload } from "../../src/base/json.ts";
import { TaskQueue } from "../../src/runtime/task-queue.ts";
import {
  ACTIVITY,
  createActivity,
  createMachine,
  eventTypes,
  type Harness,
  isSettled,
  open,
  outcome,
  start,
  tasks,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

const never = (): AbortSignal => new AbortController().signal;

async function openWithActivity(): Promise<Harness & { readonly begin: (n: number) => Promise<string> }> {
  const harness = await open();
  await createActivity(harness);
  const machine = await createMachine(harness, tasks(ACTIVITY));
  return { ...harness, begin: (n) => start(harness, machine, n) };
}

test("a worker that waits gets the next task, and its answer is the output", async () => {
  const harness = await openWithActivity();
  const polling = harness.runtime.tasks.poll(ACTIVITY, "w1", never());
  assert.equal(await isSettled(polling), false);
  const arn = await harness.begin(1);
  const task = await polling;
  assert.equal(task?.input, "1");
  await harness.runtime.tasks.heartbeat(task?.taskToken);
  await harness.runtime.tasks.succeed(task?.taskToken, Payload.ofValue({ ok: true }));
  assert.equal(await outcome(harness, arn), 'SUCCEEDED {"ok":true}');
  assert.deepEqual(await eventTypes(harness, arn), [
    "ExecutionStarted",
    "TaskStateEntered",
    "ActivityScheduled",
    "ActivityStarted",
    "ActivitySucceeded",
    "TaskStateExited",
    "ExecutionSucceeded",
  ]);
  await harness.runtime.close(0);
});

test("workers and tasks meet in the order in which they came", async () => {
  const harness = await openWithActivity();
  const { poll } = harness.runtime.tasks;
  for (const n of [1, 2, 3]) await harness.begin(n);
  const first = [await poll(ACTIVITY, "a", never()), await poll(ACTIVITY, "b", never())];
  const waiting = [poll(ACTIVITY, "c", never()), poll(ACTIVITY, "d", never()), poll(ACTIVITY, "e", never())];
  await settle();
  for (const n of [4, 5]) await harness.begin(n);
  const inputs = [...first, ...(await Promise.all(waiting))].map((task) => task?.input);
  assert.deepEqual(inputs, ["1", "2", "3", "4", "5"]);
  await harness.runtime.close(0);
});

test("the hand-over is durable before the worker is answered", async () => {
  const harness = await openWithActivity();
  await harness.begin(1);
  harness.store.isHolding = true;
  const polling = harness.runtime.tasks.poll(ACTIVITY, "w", never());
  assert.equal(await isSettled(polling), false);
  assert.equal(harness.store.held.length, 1);
  harness.store.letGo();
  assert.equal((await polling)?.input, "1");
  await harness.runtime.close(0);
});

test("a worker that goes away while it waits gets nothing, and takes nothing with it", async () => {
  const harness = await openWithActivity();
  const impatient = new AbortController();
  const gone = harness.runtime.tasks.poll(ACTIVITY, "gone", impatient.signal);
  await settle();
  impatient.abort();
  assert.equal(await gone, undefined);
  await harness.begin(1);
  assert.equal((await harness.runtime.tasks.poll(ACTIVITY, "w", never()))?.input, "1");
  await harness.runtime.close(0);
});

test("a worker that goes away between being chosen and the hand-over leaves the task to the next", async () => {
  const harness = await openWithActivity();
  const impatient = new AbortController();
  await harness.begin(1);
  const gone = harness.runtime.tasks.poll(ACTIVITY, "gone", impatient.signal);
  impatient.abort();
  assert.equal(await gone, undefined);
  assert.equal((await harness.runtime.tasks.poll(ACTIVITY, "w", never()))?.input, "1");
  await harness.runtime.close(0);
});

test("a worker that goes away during the hand-over keeps the task: no second worker gets it", async () => {
  const harness = await openWithActivity();
  const impatient = new AbortController();
  const arn = await harness.begin(1);
  harness.store.isHolding = true;
  const gone = harness.runtime.tasks.poll(ACTIVITY, "gone", impatient.signal);
  await settle();
  impatient.abort();
  const other = harness.runtime.tasks.poll(ACTIVITY, "w", never());
  harness.store.letGo();
  assert.equal((await gone)?.input, "1");
  assert.equal(await isSettled(other), false);
  assert.equal((await eventTypes(harness, arn)).at(-1), "ActivityStarted");
  await harness.runtime.close(0);
  assert.equal(await other, undefined);
});

test("a task that has died in the queue is not handed over", async () => {
  const harness = await openWithActivity();
  const dead = await harness.begin(1);
  await harness.begin(2);
  harness.store.isHolding = true;
  const stopping = harness.runtime.executions.stop(dead, undefined, undefined);
  // Its end is decided and not durable: the queue still has it, the execution refuses it.
  const polling = harness.runtime.tasks.poll(ACTIVITY, "w", never());
  await settle();
  harness.store.letGo();
  await stopping;
  assert.equal((await polling)?.input, "2");
  const [, other] = [await harness.begin(3), await harness.begin(4)];
  await harness.runtime.executions.stop(other, undefined, undefined);
  assert.equal((await harness.runtime.statistics())["activityTasks"], 1);
  await harness.runtime.close(0);
});

test("a queue gives back in order what is left in it, at the same price when it is long", () => {
  const queue = new TaskQueue();
  const count = 100_000;
  for (let id = 1; id <= count; id++) queue.add(id, 1);
  queue.add(7, 1);
  for (let id = 2; id <= count; id += 2) queue.delete(id, 1);
  const taken: number[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    taken.push(next.executionId);
    // Added while the front moves: taken after all that waited before.
    if (next.executionId === 1) queue.add(count + 1, 1);
  }
  assert.equal(taken.length, count / 2 + 1);
  assert.deepEqual(
    taken,
    taken.toSorted((a, b) => a - b),
  );
  queue.add(5, 2);
  assert.deepEqual(queue.take(), { executionId: 5, task: 2 });
  assert.equal(queue.take(), undefined);
});

test("an activity that does not exist fails its state when it is entered", async () => {
  const harness = await open();
  const arn = await start(harness, await createMachine(harness, tasks(ACTIVITY)));
  assert.equal(
    await outcome(harness, arn),
    "FAILED States.Runtime An error occurred while executing the state 'S0' (entered at the event id #2). " +
      `The activity ${ACTIVITY} does not exist.`,
  );
  await harness.runtime.close(0);
});

test("a task for which nobody polls times out and leaves the queue", async () => {
  const harness = await open();
  await createActivity(harness);
  const task = { Type: "Task", Resource: ACTIVITY, TimeoutSeconds: 5, End: true };
  const arn = await start(harness, await createMachine(harness, { StartAt: "T", States: { T: task } }));
  await harness.clock.advance(5000);
  assert.equal(await outcome(harness, arn), "FAILED States.Timeout");
  assert.equal((await harness.runtime.statistics())["activityTasks"], 0);
  await harness.runtime.close(0);
});
