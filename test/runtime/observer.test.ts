// What observers are told, and when.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Payload } from "../../src/base/json.ts";
import type { ObservedTurn, Observer } from "../../src/runtime/observer.ts";
import { createMachine, LAMBDA, open, restart, start, succeeded, tasks } from "./harness.ts";
import { settle } from "./manual-clock.ts";

/** An observer that notes a line for each turn. */
function noting(): {
  readonly told: ObservedTurn[];
  readonly observer: Observer;
  readonly lines: () => string[];
} {
  const told: ObservedTurn[] = [];
  return {
    told,
    observer: (turn) => told.push(turn),
    lines: () =>
      told.map(
        ({ turn, status, lastEventId }) =>
          `${turn.events.map(({ kind }) => kind).join(" ")}: ${status}, ${lastEventId}`,
      ),
  };
}

const FIRST = "ExecutionStarted StateEntered TaskScheduled TaskStarted: RUNNING, 4";
const LAST = "TaskSucceeded StateExited ExecutionSucceeded: SUCCEEDED, 7";

test("a turn is told when it is durable, in order", async () => {
  const { observer, lines } = noting();
  const harness = await open({ observers: [observer] });
  const machine = await createMachine(harness, tasks(LAMBDA));
  harness.store.isHolding = true;
  const started = start(harness, machine);
  await settle();
  assert.deepEqual(lines(), []);
  harness.store.letGo();
  await started;
  assert.deepEqual(lines(), [FIRST]);
  harness.integrations.next().answer(succeeded(1));
  await settle();
  assert.deepEqual(lines(), [FIRST, LAST]);
  await harness.runtime.close(0);
});

test("a start whose name was taken is not told", async () => {
  const { observer, told } = noting();
  const harness = await open({ observers: [observer] });
  const machine = await createMachine(harness, tasks(LAMBDA));
  await start(harness, machine, {}, "one");
  await settle();
  harness.integrations.next().answer(succeeded(1));
  await settle();
  const before = told.length;
  assert.equal(before, 2);
  await assert.rejects(start(harness, machine, { other: true }, "one"), { code: "ExecutionAlreadyExists" });
  assert.equal(told.length, before);
  await harness.runtime.close(0);
});

test("who meets an execution late can read what was before", async () => {
  const first = await open();
  first.integrations.resumable.add("function");
  const machine = await createMachine(first, tasks(LAMBDA));
  await start(first, machine);
  const { observer, told } = noting();
  const second = await restart(first, { integrations: first.integrations, observers: [observer] });
  first.integrations.calls.at(-1)?.answer(succeeded(1));
  await settle();
  const last = told.at(-1);
  assert(last !== undefined);
  const before = await last.before();
  const kinds = [...before, last.turn].flatMap(({ events }) => events.map(({ kind }) => kind));
  assert.deepEqual(kinds.slice(0, 4), ["ExecutionStarted", "StateEntered", "TaskScheduled", "TaskStarted"]);
  assert.deepEqual(kinds.slice(-3), ["TaskSucceeded", "StateExited", "ExecutionSucceeded"]);
  await second.runtime.close(0);
});

test("Express executions are told too", async () => {
  const { observer, told, lines } = noting();
  const harness = await open({ observers: [observer] });
  const machine = await createMachine(harness, tasks(LAMBDA), "machine", "EXPRESS");
  const ended = harness.runtime.express.run({ machine, input: Payload.ofValue({}) });
  await settle();
  harness.integrations.next().answer(succeeded(1));
  await ended;
  assert.deepEqual(lines(), [FIRST, LAST]);
  assert.equal(told[1]?.isExpress, true);
  assert.deepEqual(await told[1]?.before(), [told[0]?.turn]);
  await harness.runtime.close(0);
});

test("an observer that throws changes nothing, and is logged", async () => {
  const { observer, told } = noting();
  const broken: Observer = () => {
    throw new Error("broken");
  };
  const harness = await open({ observers: [broken, observer] });
  const machine = await createMachine(harness, tasks(LAMBDA));
  const arn = await start(harness, machine);
  assert.equal(told.length, 1);
  assert.match(harness.log.join("\n"), new RegExp(`an observer failed at ${arn}: Error: broken`));
  await harness.runtime.close(0);
});
