// Redrives in a running engine: durable before they are answered, counted once, surviving a restart at any moment.
//
// The ledger is what the integrations were called with, in order: what a redrive runs again is in it twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import {
  ACTIVITY,
  createActivity,
  createMachine,
  eventTypes,
  type Harness,
  isSettled,
  LAMBDA,
  ONE_CALL,
  open,
  outcome,
  PASS,
  restart,
  start,
  succeeded,
  tasks,
  wait,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

const failed = { kind: "failed", phase: "run", error: "Broken", cause: "it is" } as const;

const task = (name: string, next?: string): Json => ({
  Type: "Task",
  Resource: LAMBDA,
  Parameters: { step: name, "input.$": "$" },
  ResultPath: null,
  ...(next === undefined ? { End: true } : { Next: next }),
});
const branch = (name: string, ...steps: readonly string[]): Json => ({
  StartAt: `${name}${steps[0]}`,
  States: Object.fromEntries(
    steps.map((step, i) => [
      `${name}${step}`,
      task(`${name}${step}`, steps[i + 1] && `${name}${steps[i + 1]}`),
    ]),
  ),
});

/** Answers every call as `answers` says by the name of its step (default: it succeeds); tells the names. */
async function serve({ integrations }: Harness, failing: readonly string[]): Promise<readonly string[]> {
  const ledger: string[] = [];
  const left = [...failing];
  for (;;) {
    await settle();
    const pending = integrations.calls.shift();
    if (pending === undefined) return ledger;
    const { step, input } = pending.call.parameters.value as { step: string; input: Json };
    const name = typeof input === "number" ? `${step}(${input})` : step;
    ledger.push(name);
    const fails = left.indexOf(name);
    if (fails >= 0) left.splice(fails, 1);
    pending.answer(fails >= 0 ? failed : succeeded({}));
  }
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  assert(error instanceof ServiceError, "it is refused");
  return `${error.code}: ${error.message}`;
}

interface Ledger {
  readonly name: string;
  readonly definition: Json;
  readonly input?: Json;
  readonly failing: readonly string[];
  readonly first: readonly string[];
  readonly redriven: readonly string[];
}
const LEDGERS: readonly Ledger[] = [
  {
    name: "of a chain of tasks the failed one is called again, and those after it",
    definition: branch("", "A", "B", "C"),
    failing: ["B"],
    first: ["A", "B"],
    redriven: ["B", "C"],
  },
  {
    name: "of a Parallel the failed branch goes on with the failed task, finished branches are not called",
    definition: {
      StartAt: "P",
      States: {
        P: { Type: "Parallel", Branches: [branch("a", "1"), branch("b", "1", "2", "3")], Next: "Z" },
        Z: task("Z"),
      },
    },
    failing: ["b2"],
    first: ["a1", "b1", "b2"],
    redriven: ["b2", "b3", "Z"],
  },
  {
    name: "of a Map the failed iteration goes on with the failed task, then the ones that had not started",
    definition: {
      StartAt: "M",
      States: { M: { Type: "Map", MaxConcurrency: 1, ItemProcessor: branch("", "A", "B"), End: true } },
    },
    input: [1, 2, 3],
    failing: ["B(2)"],
    first: ["A(1)", "B(1)", "A(2)", "B(2)"],
    redriven: ["B(2)", "A(3)", "B(3)"],
  },
];

for (const { name, definition, input, failing, first, redriven } of LEDGERS) {
  for (const restarted of [false, true]) {
    test(`${name}${restarted ? ", also after a restart" : ""}`, async () => {
      let harness = await open();
      const machine = await createMachine(harness, definition);
      const arn = await start(harness, machine, input ?? {});
      assert.deepEqual(await serve(harness, failing), first);
      assert.match(await outcome(harness, arn), /^FAILED Broken/);
      if (restarted) harness = await restart(harness);
      await harness.runtime.executions.redrive(arn, undefined);
      assert.deepEqual(await serve(harness, []), redriven);
      assert.match(await outcome(harness, arn), /^SUCCEEDED/);
    });
  }
}

test("a redrive is answered when it is durable, and nothing is called before that", async () => {
  const harness = await open();
  const arn = await start(harness, await createMachine(harness, ONE_CALL));
  await settle();
  harness.integrations.next().answer(failed);
  await settle();
  harness.store.isHolding = true;
  const redriven = harness.runtime.executions.redrive(arn, "token");
  assert.equal(await isSettled(redriven), false);
  assert.equal(harness.integrations.calls.length, 0);
  harness.store.letGo();
  const { redrivenAtMs } = await redriven;
  assert.equal(redrivenAtMs, harness.runtime.now());
  await settle();
  harness.integrations.next().answer(succeeded(7));
  await settle();
  assert.equal(await outcome(harness, arn), "SUCCEEDED 7");
});

test("a process that dies with the redrive's first turn has called once, and says that it does not know", async () => {
  const before = await open();
  const arn = await start(before, await createMachine(before, ONE_CALL));
  await settle();
  before.integrations.next().answer(failed);
  await settle();
  await before.runtime.executions.redrive(arn, "token");
  const after = await restart(before);
  await settle();
  assert.match(await outcome(after, arn), /^FAILED States.TaskFailed The server ended while the call/);
  assert.equal(after.integrations.calls.length, 0, "the call is not made again by itself");
  const { redrivenAtMs } = await after.runtime.executions.redrive(arn, "token");
  assert.equal(redrivenAtMs, before.runtime.now(), "the token outlives the process");
  await after.runtime.executions.redrive(arn, "another token");
  await settle();
  after.integrations.next().answer(succeeded(1));
  await settle();
  assert.equal(await outcome(after, arn), "SUCCEEDED 1");
});

test("a task of an activity that is scheduled again waits for a worker, with a token of its own", async () => {
  const harness = await open();
  await createActivity(harness);
  const arn = await start(harness, await createMachine(harness, tasks(ACTIVITY)));
  const poll = async (): Promise<string> => {
    const given = await harness.runtime.tasks.poll(ACTIVITY, "w", new AbortController().signal);
    assert(given !== undefined, "a task is there");
    return given.taskToken;
  };
  const first = await poll();
  await harness.runtime.executions.stop(arn, undefined, undefined);
  await harness.runtime.executions.redrive(arn, undefined);
  const second = await poll();
  assert.notEqual(second, first);
  const output = succeeded("late");
  assert(output.kind === "succeeded");
  assert.match(await refusal(harness.runtime.tasks.succeed(first, output.output)), /^TaskTimedOut/);
  await harness.runtime.tasks.succeed(second, output.output);
  assert.equal(await outcome(harness, arn), 'SUCCEEDED "late"');
});

test("a wait goes on by its timer, also one that is read from the store", async () => {
  const before = await open();
  const arn = await start(before, await createMachine(before, wait(1000)));
  await before.runtime.executions.stop(arn, undefined, undefined);
  await before.runtime.executions.redrive(arn, undefined);
  const after = await restart(before);
  await after.clock.advance(999_000);
  assert.equal(await outcome(after, arn), "RUNNING");
  await after.clock.advance(1_000);
  assert.equal(await outcome(after, arn), "SUCCEEDED {}");
});

test("redriven executions are open ones, and counted so", async () => {
  const harness = await open({ settings: { openExecutions: 1 } });
  const count = async (): Promise<unknown> => (await harness.runtime.statistics())["openExecutions"];
  const machine = await createMachine(harness, wait(1000));
  const fails = await createMachine(harness, { StartAt: "F", States: { F: { Type: "Fail" } } }, "fails");
  const arn = await start(harness, machine);
  await harness.runtime.executions.stop(arn, undefined, undefined);
  assert.equal(await count(), 0);
  await harness.runtime.executions.redrive(arn, undefined);
  assert.equal(await count(), 1);
  assert.match(await refusal(start(harness, machine)), /^ExecutionLimitExceeded/);
  await harness.runtime.executions.stop(arn, undefined, undefined);
  // It ends in the turn that redrives it.
  const failing = await start(harness, fails);
  await harness.runtime.executions.redrive(failing, undefined);
  assert.equal(await count(), 0);
  await start(harness, machine);
  assert.match(await refusal(harness.runtime.executions.redrive(arn, undefined)), /^ExecutionLimitExceeded/);
  assert.equal((await restart(harness)).runtime.statistics !== undefined, true);
});

test("at the limit of open executions what cannot be redriven anyway says that", async () => {
  const harness = await open({ settings: { openExecutions: 1 } });
  const { redrive } = harness.runtime.executions;
  const done = await start(harness, await createMachine(harness, PASS, "pass"));
  const arn = await start(harness, await createMachine(harness, wait(1000)));
  const running = "ExecutionNotRedrivable: Execution is RUNNING and cannot be redriven";
  const ended = "ExecutionNotRedrivable: Execution is SUCCEEDED and cannot be redriven";
  assert.equal(await refusal(redrive(arn, undefined)), running);
  assert.equal(await refusal(redrive(done, undefined)), ended);
  await harness.runtime.executions.stop(arn, undefined, undefined);
  const first = await redrive(arn, "token");
  assert.deepEqual(await redrive(arn, "token"), first, "a repeated token gets the original answer");
  await harness.runtime.close(0);
});

test("what cannot be redriven says why", async () => {
  const harness = await open();
  const { redrive } = harness.runtime.executions;
  const running = await start(harness, await createMachine(harness, wait(1000)));
  const ended = await start(harness, await createMachine(harness, PASS, "pass"));
  assert.deepEqual(
    [
      await refusal(redrive(running, undefined)),
      await refusal(redrive(ended, undefined)),
      await refusal(redrive(`${ended}x`, undefined)),
    ],
    [
      "ExecutionNotRedrivable: Execution is RUNNING and cannot be redriven",
      "ExecutionNotRedrivable: Execution is SUCCEEDED and cannot be redriven",
      `ExecutionDoesNotExist: Execution Does Not Exist: '${ended}x'`,
    ],
  );
});

test("of eight redrives at once one is taken, and its token is answered to all that carry it", async () => {
  const harness = await open();
  const arn = await start(harness, await createMachine(harness, wait(1000)));
  await harness.runtime.executions.stop(arn, undefined, undefined);
  const tokens = ["a", "b", "a", "b", "a", "b", "a", "b"];
  const answers = await Promise.allSettled(
    tokens.map((token) => harness.runtime.executions.redrive(arn, token)),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    tokens.map((token) => (token === "a" ? "fulfilled" : "rejected")),
  );
  const described = await harness.runtime.executions.describe(arn);
  assert.equal(described?.execution.redrive?.count, 1);
  assert.deepEqual(await eventTypes(harness, arn), [
    "ExecutionStarted",
    "WaitStateEntered",
    "ExecutionAborted",
    "ExecutionRedriven",
  ]);
});

test("who reads a closed history and who waits for an end see the redriven execution", async () => {
  const harness = await open();
  const arn = await start(harness, await createMachine(harness, wait(1000)));
  await harness.runtime.executions.stop(arn, undefined, undefined);
  assert.equal((await eventTypes(harness, arn)).length, 3, "it is told, and kept");
  await harness.runtime.executions.redrive(arn, undefined);
  assert.equal((await eventTypes(harness, arn)).length, 4);
  const end = harness.runtime.executions.waitForEnd(arn, new AbortController().signal);
  assert.equal(await isSettled(end), false);
  await harness.clock.advance(1_000_000);
  await end;
  assert.equal((await eventTypes(harness, arn)).at(-1), "ExecutionSucceeded");
  const listed = await harness.runtime.executions.list({
    stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:machine",
    status: "SUCCEEDED",
    limit: 10,
  });
  assert.equal(listed.length, 1);
});
