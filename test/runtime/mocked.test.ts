// Executions with a test case of the mock file: which answer each attempt gets, also after a restart.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Json, Payload } from "../../src/base/json.ts";
import { FileMocks, type Mocks } from "../../src/integrations/mocked/index.ts";
import {
  ACTIVITY,
  createMachine,
  eventTypes,
  type Harness,
  LAMBDA,
  open,
  outcome,
  restart,
  succeeded,
  tasks,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

const SYNC = "arn:aws:states:::states:startExecution.sync:2";
const TOKEN = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
const OTHER = LAMBDA.replace(/[^:]+$/u, "other");

/** A mock file with one case of the state machine `machine`; `write` replaces its responses. */
function mockFile(
  t: TestContext,
  states: Json,
  responses: Json,
): { readonly mocks: Mocks; readonly log: string[]; readonly write: (text: string) => void } {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-mocks-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "mocks.json");
  const write = (text: string): void => writeFileSync(path, text);
  write(
    JSON.stringify({
      StateMachines: { machine: { TestCases: { Case: states } } },
      MockedResponses: responses,
    }),
  );
  const log: string[] = [];
  return { mocks: new FileMocks(path, (line) => log.push(line)), log, write };
}

async function startCase(harness: Harness, definition: Json, testCase = "Case"): Promise<string> {
  const machine = await createMachine(harness, definition);
  const started = await harness.runtime.executions.start({ machine, input: Payload.ofValue({}), testCase });
  await settle();
  return started.executionArn;
}

const RETRIED: Json = {
  StartAt: "S0",
  States: {
    S0: {
      Type: "Task",
      Resource: LAMBDA,
      Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 5 }],
      End: true,
    },
  },
};
const BUSY_TWICE: Json = { R: { "0-1": { Throw: { Error: "Busy" } }, "2": { Return: { done: true } } } };

test("every attempt gets its answer, and nobody is called", async (t) => {
  const { mocks } = mockFile(t, { S0: "R" }, BUSY_TWICE);
  const harness = await open({ mocks });
  const arn = await startCase(harness, RETRIED);
  await harness.clock.advance(1_000);
  await harness.clock.advance(1_000);
  assert.equal(await outcome(harness, arn), 'SUCCEEDED {"done":true}');
  assert.equal(harness.integrations.calls.length, 0);
  assert.equal((await eventTypes(harness, arn)).filter((type) => type === "LambdaFunctionFailed").length, 2);
  await harness.runtime.close(0);
});

test("attempts are counted over a restart", async (t) => {
  const { mocks } = mockFile(t, { S0: "R" }, BUSY_TWICE);
  const first = await open({ mocks });
  const arn = await startCase(first, RETRIED);
  await first.clock.advance(1_000);
  const second = await restart(first, { mocks });
  await second.clock.advance(2_000);
  assert.equal(await outcome(second, arn), 'SUCCEEDED {"done":true}');
  await second.runtime.close(0);
});

test("a server without the mock file fails what was started as a test, and calls nobody", async (t) => {
  const { mocks } = mockFile(t, { S0: "R" }, BUSY_TWICE);
  const first = await open({ mocks });
  const arn = await startCase(first, RETRIED);
  const second = await restart(first);
  await second.clock.advance(1_000);
  assert.match(
    await outcome(second, arn),
    /^FAILED States\.Runtime .*The mock file of this server has no test case 'Case'/,
  );
  assert.equal(second.integrations.calls.length, 0);
  await second.runtime.close(0);
});

test("a state that the case does not mention is really called", async (t) => {
  const { mocks } = mockFile(t, { S0: "R" }, { R: { "0": { Return: 1 } } });
  const harness = await open({ mocks });
  const arn = await startCase(harness, tasks(LAMBDA, OTHER));
  harness.integrations.next().answer(succeeded("real"));
  await settle();
  assert.equal(await outcome(harness, arn), 'SUCCEEDED "real"');
  await harness.runtime.close(0);
});

test("an attempt without an answer fails the execution, past Retry", async (t) => {
  const { mocks } = mockFile(t, { S0: "R" }, { R: { "0": { Throw: { Error: "Busy" } } } });
  const harness = await open({ mocks });
  const arn = await startCase(harness, RETRIED);
  await harness.clock.advance(1_000);
  assert.equal(
    await outcome(harness, arn),
    "FAILED States.Runtime An error occurred while executing the state 'S0' (entered at the event id #2). The mocked response 'R' has no answer for attempt 1 of the state 'S0' (counted from 0); " +
      "it has answers for: 0.",
  );
  await harness.runtime.close(0);
});

interface Kind {
  readonly name: string;
  readonly resource: string;
  readonly types: readonly string[];
}

/** Between TaskStateEntered and TaskStateExited. */
const KINDS: readonly Kind[] = [
  {
    name: "a function",
    resource: LAMBDA,
    types: ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded"],
  },
  {
    name: "an activity that does not exist",
    resource: ACTIVITY,
    types: ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"],
  },
  {
    name: ".sync",
    resource: SYNC,
    types: ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"],
  },
  {
    name: ".waitForTaskToken",
    resource: TOKEN,
    types: ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"],
  },
];

for (const { name, resource, types } of KINDS) {
  test(`the history of a mocked task is that of a real one: ${name}`, async (t) => {
    const { mocks } = mockFile(t, { S0: "R" }, { R: { "0": { Return: { x: 1 } } } });
    const harness = await open({ mocks });
    const parameters: Json = {
      ...(resource === SYNC
        ? { Parameters: { StateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:x" } }
        : {}),
      ...(resource === TOKEN
        ? { Parameters: { QueueUrl: "q", MessageBody: { "token.$": "$$.Task.Token" } } }
        : {}),
    };
    const arn = await startCase(harness, {
      StartAt: "S0",
      States: { S0: { Type: "Task", Resource: resource, ...parameters, End: true } },
    });
    assert.equal(await outcome(harness, arn), 'SUCCEEDED {"x":1}');
    assert.deepEqual(await eventTypes(harness, arn), [
      "ExecutionStarted",
      "TaskStateEntered",
      ...types,
      "TaskStateExited",
      "ExecutionSucceeded",
    ]);
    assert.equal(harness.integrations.calls.length, 0);
    await harness.runtime.close(0);
  });
}

test("iterations of a Map share the count of their state", async (t) => {
  const { mocks } = mockFile(t, { Each: "R" }, { R: { "0": { Return: "a" }, "1-2": { Return: "b" } } });
  const harness = await open({ mocks });
  const each = { StartAt: "Each", States: { Each: { Type: "Task", Resource: LAMBDA, End: true } } };
  const arn = await startCase(harness, {
    StartAt: "Make",
    States: {
      Make: { Type: "Pass", Result: [1, 2, 3], Next: "All" },
      All: { Type: "Map", MaxConcurrency: 1, ItemProcessor: each, End: true },
    },
  });
  assert.equal(await outcome(harness, arn), 'SUCCEEDED ["a","b","b"]');
  await harness.runtime.close(0);
});

test("Express executions have test cases too", async (t) => {
  const { mocks } = mockFile(t, { S0: "R" }, { R: { "0": { Return: 7 } } });
  const harness = await open({ mocks });
  const machine = await createMachine(harness, tasks(LAMBDA), "machine", "EXPRESS");
  const { execution } = await harness.runtime.express.run({
    machine,
    input: Payload.ofValue({}),
    testCase: "Case",
  });
  assert.equal(execution.output?.text, "7");
  await harness.runtime.close(0);
});

interface Refused {
  readonly name: string;
  readonly states: Json;
  readonly testCase?: string;
  readonly expected: RegExp;
}

const REFUSED: readonly Refused[] = [
  {
    name: "a case that the file does not have",
    states: {},
    testCase: "Cse",
    expected: /^Invalid mock test case name 'Cse' for state machine 'machine'\. Did you mean "Case"\?$/,
  },
  {
    name: "a state that the definition does not have",
    states: { S00: "R" },
    expected:
      /^The test case 'Case' of 'machine' cannot be run: the definition has no state "S00"\. Did you mean "S0"\?$/,
  },
  {
    name: "a response that is not there",
    states: { S0: "Q" },
    expected: /there is no mocked response "Q"/,
  },
];

for (const { name, states, testCase, expected } of REFUSED) {
  test(`a start is refused: ${name}`, async (t) => {
    const { mocks } = mockFile(t, states, { R: { "0": { Return: 7 } } });
    const harness = await open({ mocks });
    await assert.rejects(startCase(harness, tasks(LAMBDA), testCase), { message: expected });
    await harness.runtime.close(0);
  });
}

test("a changed file is read again; one that is no JSON refuses new starts only", async (t) => {
  const { mocks, write, log } = mockFile(t, { S0: "R" }, BUSY_TWICE);
  const harness = await open({ mocks });
  const arn = await startCase(harness, RETRIED);
  write("{ being saved");
  await harness.clock.advance(1_000);
  await assert.rejects(startCase(harness, RETRIED), { code: "ValidationException" });
  assert.match(log.join("\n"), /it is no JSON/);
  await harness.clock.advance(1_000);
  assert.equal(await outcome(harness, arn), 'SUCCEEDED {"done":true}');
  write(
    JSON.stringify({
      StateMachines: { machine: { TestCases: { Case: { S0: "R" } } } },
      MockedResponses: { R: { "0": { Return: "changed" } } },
    }),
  );
  assert.equal(await outcome(harness, await startCase(harness, RETRIED)), 'SUCCEEDED "changed"');
  await harness.runtime.close(0);
});
