// Timers: never early, soon after, and after whatever happens to the clock or the process (T1 to T5).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimeReached, Waiter } from "../../src/runtime/slot.ts";
import { TimerHeap } from "../../src/runtime/timer-heap.ts";
import { Timers } from "../../src/runtime/timers.ts";
import { mulberry32 } from "../chance.ts";
import { createMachine, eventTypes, LAMBDA, open, outcome, restart, start, wait } from "./harness.ts";
import { ManualClock, settle } from "./manual-clock.ts";

test("a Wait ends at its moment, not a millisecond before", async () => {
  for (const seconds of [1, 4, 6, 61, 3600]) {
    const harness = await open();
    const arn = await start(harness, await createMachine(harness, wait(seconds)));
    await harness.clock.advance(seconds * 1000 - 1);
    assert.equal(await outcome(harness, arn), "RUNNING", `${seconds} s`);
    await harness.clock.advance(1);
    assert.equal(await outcome(harness, arn), "SUCCEEDED {}", `${seconds} s`);
    assert.equal(harness.clock.timerCount, 1);
    await harness.runtime.close(0);
    assert.equal(harness.clock.timerCount, 0);
  }
});

test("timers of a process that ended are met by the next, at once if they are overdue", async () => {
  const old = await open();
  const machine = await createMachine(old, wait(100));
  const arn = await start(old, machine);
  await old.clock.advance(40_000);
  const next = await restart(old);
  await next.clock.advance(59_999);
  assert.equal(await outcome(next, arn), "RUNNING");
  await next.clock.advance(1);
  assert.equal(await outcome(next, arn), "SUCCEEDED {}");

  const late = await start(next, machine);
  await next.store.close();
  next.clock.wallMs += 1_000_000;
  const last = await restart(next);
  assert.equal(await outcome(last, late), "SUCCEEDED {}");
  await last.runtime.close(0);
});

test("a clock that is set forward is noticed within a second; one that is set back makes nothing early or lost", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(30));
  const forward = await start(harness, machine);
  harness.clock.wallMs += 3_600_000;
  await harness.clock.advance(1000);
  assert.equal(await outcome(harness, forward), "SUCCEEDED {}");

  const back = await start(harness, machine);
  await harness.clock.advance(28_000);
  harness.clock.wallMs -= 20_000;
  await harness.clock.advance(21_999);
  assert.equal(await outcome(harness, back), "RUNNING");
  await harness.clock.advance(1);
  assert.equal(await outcome(harness, back), "SUCCEEDED {}");
  await harness.runtime.close(0);
});

test("a timer that was found due is not lost when the clock is set back before it is decided", async () => {
  const harness = await open({ settings: { cachedExecutions: 0 } });
  const arn = await start(harness, await createMachine(harness, wait(10)));
  const { store, clock } = harness;
  const readJournal = store.readJournal.bind(store);
  store.readJournal = async (id) => {
    store.readJournal = readJournal;
    clock.wallMs -= 3000;
    return readJournal(id);
  };
  await clock.advance(10_000);
  assert.equal(await outcome(harness, arn), "SUCCEEDED {}");
  await harness.runtime.close(0);
});

test("an attempt times out when its time has passed, and its call is aborted", async () => {
  const harness = await open();
  const task = { Type: "Task", Resource: LAMBDA, TimeoutSeconds: 7, End: true };
  const arn = await start(harness, await createMachine(harness, { StartAt: "T", States: { T: task } }));
  await settle();
  const { signal } = harness.integrations.next().call;
  await harness.clock.advance(6_999);
  assert.equal(signal.aborted, false);
  await harness.clock.advance(1);
  assert.equal(signal.aborted, true);
  assert.equal(await outcome(harness, arn), "FAILED States.Timeout");
  assert.equal((await eventTypes(harness, arn)).at(-2), "LambdaFunctionTimedOut");
  await harness.runtime.close(0);
});

test("the heap gives back the earliest first", () => {
  const random = mulberry32(7);
  const heap = new TimerHeap();
  const moments: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const atMs = Math.floor(random() * 500);
    heap.push(atMs, atMs * 10);
    moments.push(atMs);
    if (random() < 0.4) {
      moments.sort((a, b) => a - b);
      assert.equal(heap.nextAtMs, moments[0]);
      assert.equal(heap.pop(), (moments.shift() as number) * 10);
    }
  }
  assert.ok(heap.size > 500);
  for (const atMs of moments.toSorted((a, b) => a - b)) assert.equal(heap.pop(), atMs * 10);
  assert.equal(heap.nextAtMs, Number.POSITIVE_INFINITY);
});

interface Driven {
  readonly clock: ManualClock;
  readonly timers: Timers;
  readonly fired: number[];
}

/** Timers over a list of rows that stay as they are. */
function drive(rows: readonly { readonly id: number; readonly wakeAtMs: number }[]): Driven {
  const clock = new ManualClock(0);
  const fired: number[] = [];
  const timers = new Timers({
    clock,
    shardCount: 1,
    due: async (_shard, untilMs, limit) => rows.filter(({ wakeAtMs }) => wakeAtMs <= untilMs).slice(0, limit),
    fire: (id, _input, waiter) => {
      fired.push(id);
      waiter.resolve(undefined);
    },
    stuckCount: () => 0,
    onFailure: (error) => assert.fail(error),
  });
  timers.start();
  return { clock, timers, fired };
}

test("windows overlap, and what two of them show is told once", async () => {
  const { clock, timers, fired } = drive([
    { id: 1, wakeAtMs: 4500 },
    { id: 2, wakeAtMs: 4999 },
    { id: 3, wakeAtMs: 7000 },
  ]);
  await clock.advance(4400);
  assert.equal(timers.size, 3);
  await clock.advance(20_000);
  assert.deepEqual(fired, [1, 2, 3]);
  timers.stop();
});

test("a clock that is set back far does not make the window an hour wide", async () => {
  const { clock, timers } = drive([]);
  await clock.advance(10_000);
  clock.wallMs -= 3_600_000;
  await clock.advance(1000);
  assert.equal(timers.scheduled(1, clock.wallMs + 60_000), false);
  assert.equal(timers.scheduled(1, clock.wallMs + 100), true);
  timers.stop();
});

test("after an outage overdue timers come by in pages, in order, a bounded number at once", async () => {
  const clock = new ManualClock();
  const count = 23_456;
  const rows = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    // Thousands share a millisecond: pages must not lose those that stand beyond the edge.
    wakeAtMs: clock.wallMs - 10 + Math.floor(i / 4000),
  }));
  const dueRows = new Map(rows.map((row) => [row.id, row]));
  const told: number[] = [];
  let underWay = 0;
  let most = 0;
  const timers = new Timers({
    clock,
    shardCount: 1,
    due: async (_shard, untilMs, limit) =>
      [...dueRows.values()].filter(({ wakeAtMs }) => wakeAtMs <= untilMs).slice(0, limit),
    fire: (id: number, { readMs }: TimeReached, waiter: Waiter<unknown>) => {
      assert.ok((dueRows.get(id)?.wakeAtMs ?? 0) <= readMs);
      underWay += 1;
      most = Math.max(most, underWay);
      setImmediate(() => {
        underWay -= 1;
        if (dueRows.delete(id)) told.push(id);
        waiter.resolve(undefined);
      });
    },
    stuckCount: () => 0,
    onFailure: (error) => assert.fail(error),
  });
  timers.start();
  for (let i = 0; i < 20 && dueRows.size > 0; i++) await clock.advance(1000);
  assert.equal(told.length, count);
  const moments = told.map((id) => rows[id - 1]?.wakeAtMs as number);
  assert.deepEqual(
    moments,
    moments.toSorted((a, b) => a - b),
  );
  assert.ok(most <= 1000, `${most} at once`);
  timers.stop();
});
