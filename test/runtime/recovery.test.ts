// What becomes of open tasks when a process dies (D7): the table of recovery.ts, played.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, Payload } from "../../src/base/json.ts";
import {
  ACTIVITY,
  BY_TOKEN,
  createActivity,
  createMachine,
  eventTypes,
  FakeIntegrations,
  type Harness,
  LAMBDA,
  ONE_CALL,
  open,
  outcome,
  restart,
  start,
  succeeded,
  tasks,
  wait,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

const SYNC = "arn:aws:states:::states:startExecution.sync:2";
const nested: Json = {
  StartAt: "N",
  States: { N: { Type: "Task", Resource: SYNC, Parameters: { StateMachineArn: "x" }, End: true } },
};
const UNKNOWN =
  `FAILED States.TaskFailed The server ended while the call of ${LAMBDA} was under way. ` +
  "Whether it had an effect is not known, and it was not made again.";

interface Case {
  readonly name: string;
  readonly definition: Json;
  /** What happens before the process dies; the default is nothing more than the call. */
  readonly before?: (harness: Harness) => Promise<void>;
  readonly resumable?: boolean;
  readonly redeliverUnknown?: boolean;
  /** Calls after the restart, and how. */
  readonly expectCalls: readonly ("no" | "started" | "submitted")[];
  /** The outcome at once, before any call is answered. */
  readonly expectOutcome: string;
  readonly expectUnknown?: boolean;
}

const submit = async ({ integrations }: Harness): Promise<void> => {
  const { call } = integrations.calls[0] as (typeof integrations.calls)[0];
  await call.submitted(call.parameters);
};

const CASES: readonly Case[] = [
  {
    name: "a call that was under way fails: its outcome is unknown",
    definition: ONE_CALL,
    expectCalls: [],
    expectOutcome: UNKNOWN,
  },
  {
    name: "a setting hands such a call out again",
    definition: ONE_CALL,
    redeliverUnknown: true,
    expectCalls: ["no"],
    expectOutcome: "RUNNING",
  },
  {
    name: "the state's own Retry decides whether it is made again",
    definition: {
      StartAt: "T",
      States: {
        T: {
          Type: "Task",
          Resource: LAMBDA,
          Retry: [{ ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 1 }],
          End: true,
        },
      },
    },
    expectCalls: [],
    expectOutcome: "RUNNING",
  },
  {
    name: "an integration that can find out is asked, also where it would be handed out again",
    definition: nested,
    resumable: true,
    redeliverUnknown: true,
    expectCalls: ["started"],
    expectOutcome: "RUNNING",
  },
  {
    name: "an integration that can find out is told that its call was accepted",
    definition: nested,
    resumable: true,
    before: submit,
    expectCalls: ["submitted"],
    expectOutcome: "RUNNING",
  },
  {
    name: "a job that was accepted by an integration that cannot find out is unknown",
    definition: nested,
    before: submit,
    expectCalls: [],
    expectOutcome: UNKNOWN.replace(LAMBDA, SYNC),
  },
  {
    name: "a task whose token is out is waited for, whether the call had returned or not",
    definition: BY_TOKEN,
    expectCalls: [],
    expectOutcome: "RUNNING",
  },
  {
    name: "a task whose token is out and whose call was accepted is waited for",
    definition: BY_TOKEN,
    before: submit,
    redeliverUnknown: true,
    expectCalls: [],
    expectOutcome: "RUNNING",
  },
  {
    name: "an activity that no worker has taken waits for one again",
    definition: tasks(ACTIVITY),
    expectCalls: [],
    expectOutcome: "RUNNING",
  },
  {
    name: "executions that only wait are not read",
    definition: wait(3600),
    expectCalls: [],
    expectOutcome: "RUNNING",
  },
];

for (const { name, definition, before, resumable, expectCalls, expectOutcome, ...settings } of CASES) {
  test(name, async () => {
    const integrations = new FakeIntegrations();
    const old = await open({ integrations });
    await createActivity(old);
    const arn = await start(old, await createMachine(old, definition));
    await settle();
    await before?.(old);
    if (resumable === true) integrations.resumable.add("states:startExecution");
    const attemptIds = integrations.calls.map(({ call }) => call.attemptId);
    integrations.calls.length = 0;

    const { redeliverUnknown = false } = settings;
    const next = await restart(old, { integrations, settings: { redeliverUnknown } });
    assert.deepEqual(
      integrations.calls.map(({ resumed }) => resumed),
      expectCalls,
    );
    assert.equal(await outcome(next, arn), expectOutcome);
    for (const { call } of integrations.calls) assert.ok(attemptIds.includes(call.attemptId));
    for (const { answer } of integrations.calls.splice(0)) answer(succeeded("late"));
    await settle();
    if (expectCalls.length > 0) assert.equal(await outcome(next, arn), 'SUCCEEDED "late"');
    assert.deepEqual(next.log, []);
    await next.runtime.close(0);
  });
}

test("tasks that were scheduled and not started are started, each once", async () => {
  const old = await open({ settings: { callsUnderWay: 1 } });
  const machine = await createMachine(old, ONE_CALL);
  const arns: string[] = [];
  for (let i = 0; i < 4; i++) arns.push(await start(old, machine, i));
  await settle();
  assert.equal(old.integrations.calls.length, 1);
  const next = await restart(old);
  assert.deepEqual(
    next.integrations.calls.map(({ call }) => call.parameters.value),
    [1, 2, 3],
  );
  for (const { answer, call } of next.integrations.calls) answer(succeeded(call.parameters.value));
  await settle();
  assert.equal(await outcome(next, arns[0] as string), UNKNOWN);
  for (const i of [1, 2, 3]) assert.equal(await outcome(next, arns[i] as string), `SUCCEEDED ${i}`);
  await next.runtime.close(0);
});

test("who holds a token or an activity's task from before may still answer", async () => {
  const old = await open();
  await createActivity(old);
  const byToken = await start(old, await createMachine(old, BY_TOKEN, "byToken"));
  const byWorker = await start(old, await createMachine(old, tasks(ACTIVITY), "byWorker"), { n: 1 });
  await settle();
  const { call } = old.integrations.next();
  const token = (call.parameters.value as { Payload: { token: string } }).Payload.token;
  const polled = await old.runtime.tasks.poll(ACTIVITY, "w", new AbortController().signal);
  assert.equal(polled?.input, '{"n":1}');
  const next = await restart(old);
  const nothing = next.runtime.tasks.poll(ACTIVITY, "w", AbortSignal.abort());
  assert.equal(await nothing, undefined);
  await next.runtime.tasks.succeed(token, call.parameters);
  await next.runtime.tasks.fail(polled?.taskToken, "Refused", "because");
  assert.match(await outcome(next, byToken), /^SUCCEEDED/);
  assert.equal(await outcome(next, byWorker), "FAILED Refused because");
  await next.runtime.close(0);
});

for (const isSweepLate of [true, false]) {
  const when = isSweepLate ? "comes late" : "is over";
  test(`an attempt of this process is not judged, though its execution is older and the sweep ${when}`, async () => {
    const old = await open();
    await createActivity(old);
    const arn = await start(old, await createMachine(old, tasks(ACTIVITY, SYNC)));
    const polled = await old.runtime.tasks.poll(ACTIVITY, undefined, new AbortController().signal);
    const { store } = old;
    const attention = store.attention.bind(store);
    const { promise: late, resolve: sweep } = Promise.withResolvers<void>();
    if (!isSweepLate) sweep();
    store.attention = async (...query) => {
      await late;
      return attention(...query);
    };
    const next = await restart(old, { settings: { cachedExecutions: 0 } });
    await next.runtime.tasks.succeed(polled?.taskToken ?? "", Payload.ofValue(1));
    await settle();
    // Accepted, and waiting for its end: the execution leaves memory, and is read again.
    const { call, answer } = next.integrations.next();
    await call.submitted(call.parameters);
    await settle();
    assert.equal((await next.runtime.statistics())["cachedExecutions"], 0);
    sweep();
    await settle();
    assert.equal(await outcome(next, arn), "RUNNING");
    answer(succeeded(2));
    await settle();
    assert.equal(await outcome(next, arn), "SUCCEEDED 2");
    await next.runtime.close(0);
  });
}

test("one branch's unknown outcome fails both: the job of the other is not asked for", async () => {
  const branch = (resource: string): Json => ({
    StartAt: resource,
    States: { [resource]: { Type: "Task", Resource: resource, End: true } },
  });
  const both = { Type: "Parallel", Branches: [branch(LAMBDA), branch(SYNC)], End: true };
  const old = await open();
  const arn = await start(old, await createMachine(old, { StartAt: "P", States: { P: both } }));
  await settle();
  assert.equal(old.integrations.calls.length, 2);
  const integrations = new FakeIntegrations();
  integrations.resumable.add("states:startExecution");
  const next = await restart(old, { integrations });
  assert.equal(integrations.calls.length, 0);
  assert.equal(await outcome(next, arn), UNKNOWN);
  await next.runtime.close(0);
});

test("one sibling's unknown outcome fails both; the other is not called again", async () => {
  const branch = (name: string): Json => ({
    StartAt: name,
    States: { [name]: { Type: "Task", Resource: LAMBDA, End: true } },
  });
  const both = { Type: "Parallel", Branches: [branch("A"), branch("B")], End: true };
  const old = await open();
  const arn = await start(old, await createMachine(old, { StartAt: "P", States: { P: both } }));
  await settle();
  assert.equal(old.integrations.calls.length, 2);
  const next = await restart(old);
  assert.equal(next.integrations.calls.length, 0);
  assert.equal(await outcome(next, arn), UNKNOWN);
  assert.deepEqual((await eventTypes(next, arn)).slice(-6), [
    "LambdaFunctionStarted",
    "LambdaFunctionFailed",
    "TaskStateAborted",
    "TaskStateAborted",
    "ParallelStateFailed",
    "ExecutionFailed",
  ]);
  await next.runtime.close(0);
});

test("more executions than a page of the sweep are all judged", async () => {
  const old = await open();
  const machine = await createMachine(old, ONE_CALL);
  const arns = await Promise.all(Array.from({ length: 250 }, () => start(old, machine)));
  const next = await restart(old);
  for (let i = 0; i < 5; i++) await settle();
  const outcomes = new Set(await Promise.all(arns.map((arn) => outcome(next, arn))));
  assert.deepEqual([...outcomes], [UNKNOWN]);
  assert.equal((await next.runtime.statistics())["recoveredExecutions"], 250);
  assert.equal((await next.runtime.statistics())["openExecutions"], 0);
  await next.runtime.close(0);
});
