// Nested executions: what is asked of the API, in which order, and what becomes of the answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { LetGo } from "../../src/integrations/integration.ts";
import { createIntegrations } from "../../src/integrations/registry.ts";
import { EXECUTION_ARN, FakeService, MACHINE_ARN, outcomeOf, type ServiceAnswer, task } from "./fakes.ts";

const START = "arn:aws:states:::states:startExecution";
const CHILD = "arn:aws:states:us-east-1:123456789012:execution:child:n";
/** What the attempt of `task` is named after. */
const OWN_NAME = "17c5ec98-5d02-88dc-bf8d-654f69aa2eb8";
const OWN_CHILD = `arn:aws:states:us-east-1:123456789012:execution:child:${OWN_NAME}`;

const started = { executionArn: CHILD, startDate: 1_700_000_000.123 };
const described = (more: JsonObject): JsonObject => ({
  executionArn: CHILD,
  stateMachineArn: MACHINE_ARN,
  name: "n",
  startDate: 1_700_000_000.123,
  stopDate: 1_700_000_001,
  inputDetails: { included: true },
  redriveCount: 0,
  traceHeader: null,
  ...more,
});
const succeeded = described({
  status: "SUCCEEDED",
  input: '{"a": 1.0}',
  output: '{"b":[1, 2]}',
  outputDetails: { included: true },
  redriveStatus: "NOT_REDRIVABLE",
  redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
});
const aborted = described({ status: "ABORTED", input: "{}", redriveStatus: "REDRIVABLE" });
const machine = (type: string): JsonObject => ({ stateMachineArn: MACHINE_ARN, type });
const parent = { executionArn: EXECUTION_ARN, startDate: 1_699_999_999 };
const taken = new ServiceError("ExecutionAlreadyExists", `Execution Already Exists: '${CHILD}'`);
const absent = new ServiceError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${MACHINE_ARN}'`);

const START_RESULT = {
  ExecutionArn: CHILD,
  SdkHttpMetadata: {
    AllHttpHeaders: {
      connection: ["keep-alive"],
      "Content-Length": ["101"],
      "Content-Type": ["application/x-amz-json-1.0"],
      Date: ["*"],
      "x-amzn-RequestId": ["*"],
    },
    HttpHeaders: {
      connection: "keep-alive",
      "Content-Length": "101",
      "Content-Type": "application/x-amz-json-1.0",
      Date: "*",
      "x-amzn-RequestId": "*",
    },
    HttpStatusCode: 200,
  },
  SdkResponseMetadata: { RequestId: "*" },
  StartDate: 1_700_000_000_123,
};
const description = (input: Json, output: Json): Json => ({
  ExecutionArn: CHILD,
  Input: input,
  InputDetails: { Included: true },
  Name: "n",
  Output: output,
  OutputDetails: { Included: true },
  RedriveCount: 0,
  RedriveStatus: "NOT_REDRIVABLE",
  RedriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
  StartDate: 1_700_000_000_123,
  StateMachineArn: MACHINE_ARN,
  Status: "SUCCEEDED",
  StopDate: 1_700_000_001_000,
});
const SYNC_RESULT = { kind: "succeeded", output: description('{"a": 1.0}', '{"b":[1, 2]}') };
const details = (code: string): string =>
  `(Service: AWSStepFunctions; Status Code: 400; Error Code: ${code}; Request ID: *; Proxy: null)`;

interface Case {
  readonly name: string;
  readonly pattern: "" | ".sync" | ".sync:2" | ".waitForTaskToken";
  readonly parameters: JsonObject;
  readonly resume?: { submitted: boolean };
  /** What the API must be asked, in order, and what it answers. */
  readonly answers: [string, ServiceAnswer][];
  readonly inputs: Json[];
  readonly outcome: Json;
  readonly submitted?: Json[];
}

const PARAMETERS = { StateMachineArn: MACHINE_ARN, Name: "n" };
const REQUEST = { stateMachineArn: MACHINE_ARN, name: "n" };

const cases: Case[] = [
  {
    name: "request-response is done once the child is started; a JSON input is printed",
    pattern: "",
    parameters: { ...PARAMETERS, Input: { a: [1] }, TraceHeader: "Root=1" },
    answers: [["StartExecution", started]],
    inputs: [{ ...REQUEST, input: '{"a":[1]}', traceHeader: "Root=1" }],
    outcome: { kind: "succeeded", output: START_RESULT },
  },
  {
    name: "an input that is a text is the input itself",
    pattern: "",
    parameters: { ...PARAMETERS, Input: '"Hello"' },
    answers: [["StartExecution", started]],
    inputs: [{ ...REQUEST, input: '"Hello"' }],
    outcome: { kind: "succeeded", output: START_RESULT },
  },
  {
    name: "an input of null is none, and a child without a name is named after the attempt",
    pattern: "",
    parameters: { StateMachineArn: MACHINE_ARN, Input: null },
    answers: [["StartExecution", started]],
    inputs: [{ stateMachineArn: MACHINE_ARN, name: OWN_NAME }],
    outcome: { kind: "succeeded", output: START_RESULT },
  },
  {
    name: ".sync waits and describes, with input and output as texts",
    pattern: ".sync",
    parameters: PARAMETERS,
    answers: [
      ["StartExecution", started],
      ["DescribeExecution", succeeded],
    ],
    inputs: [REQUEST, { executionArn: CHILD }, { executionArn: CHILD }],
    outcome: SYNC_RESULT,
    submitted: [START_RESULT],
  },
  {
    name: ".sync:2 gives input and output as JSON",
    pattern: ".sync:2",
    parameters: PARAMETERS,
    answers: [
      ["StartExecution", started],
      ["DescribeExecution", succeeded],
    ],
    inputs: [REQUEST, { executionArn: CHILD }, { executionArn: CHILD }],
    outcome: { kind: "succeeded", output: description({ a: 1 }, { b: [1, 2] }) },
    submitted: [START_RESULT],
  },
  {
    name: "a child that did not succeed fails the task with its description",
    pattern: ".sync",
    parameters: PARAMETERS,
    answers: [
      ["StartExecution", started],
      ["DescribeExecution", described({ status: "FAILED", input: "{}", error: "Some", cause: "It's so" })],
    ],
    inputs: [REQUEST, { executionArn: CHILD }, { executionArn: CHILD }],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "States.TaskFailed",
      cause: `{"Cause":"It's so","Error":"Some","ExecutionArn":"${CHILD}","Input":"{}","InputDetails":{"Included":true},"Name":"n","StartDate":1700000000123,"StateMachineArn":"${MACHINE_ARN}","Status":"FAILED","StopDate":1700000001000}`,
    },
    submitted: [START_RESULT],
  },
  {
    name: "a child that was stopped fails the task, too",
    pattern: ".sync:2",
    parameters: PARAMETERS,
    answers: [
      ["StartExecution", started],
      ["DescribeExecution", aborted],
    ],
    inputs: [REQUEST, { executionArn: CHILD }, { executionArn: CHILD }],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "States.TaskFailed",
      cause: `{"ExecutionArn":"${CHILD}","Input":"{}","InputDetails":{"Included":true},"Name":"n","StartDate":1700000000123,"StateMachineArn":"${MACHINE_ARN}","Status":"ABORTED","StopDate":1700000001000}`,
    },
    submitted: [START_RESULT],
  },
  {
    name: "with a token the start is submitted, and the task waits",
    pattern: ".waitForTaskToken",
    parameters: PARAMETERS,
    answers: [["StartExecution", started]],
    inputs: [REQUEST],
    outcome: { kind: "pending" },
    submitted: [START_RESULT],
  },
  {
    name: "a state machine that is not there",
    pattern: "",
    parameters: PARAMETERS,
    answers: [["StartExecution", absent]],
    inputs: [REQUEST],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "StepFunctions.StateMachineDoesNotExistException",
      cause: `State Machine Does Not Exist: '${MACHINE_ARN}' ${details("StateMachineDoesNotExist")}`,
    },
  },
  {
    name: "a name that is taken is refused, in .sync before anything was submitted",
    pattern: ".sync",
    parameters: PARAMETERS,
    answers: [["StartExecution", taken]],
    inputs: [REQUEST],
    outcome: {
      kind: "failed",
      phase: "submit",
      error: "StepFunctions.ExecutionAlreadyExistsException",
      cause: `Execution Already Exists: '${CHILD}' ${details("ExecutionAlreadyExists")}`,
    },
  },
  {
    name: "parameters without a state machine start nothing",
    pattern: ".sync",
    parameters: { Name: 5, Foo: 1 },
    answers: [],
    inputs: [],
    outcome: {
      kind: "failed",
      phase: "schedule",
      error: "States.Runtime",
      cause:
        "The Parameters '{\"Name\":5,\"Foo\":1}' could not be used to start the Task: [The field 'Foo' is not supported by Step Functions, The value of the field 'Name' has an invalid format, The field 'StateMachineArn' is required but was missing]",
      runtime: true,
    },
  },
  {
    name: "a submitted child is waited for again, under the name that follows from the attempt",
    pattern: ".sync",
    parameters: { StateMachineArn: `${MACHINE_ARN}:7` },
    resume: { submitted: true },
    answers: [["DescribeExecution", succeeded]],
    inputs: [{ executionArn: OWN_CHILD }, { executionArn: OWN_CHILD }],
    outcome: SYNC_RESULT,
  },
  {
    name: "a child that may have been started is started again, and found",
    pattern: ".sync",
    parameters: PARAMETERS,
    resume: { submitted: false },
    answers: [
      ["DescribeStateMachine", machine("STANDARD")],
      ["StartExecution", started],
      ["DescribeExecution", succeeded],
    ],
    inputs: [{ stateMachineArn: MACHINE_ARN }, REQUEST, { executionArn: CHILD }, { executionArn: CHILD }],
    outcome: SYNC_RESULT,
    submitted: [START_RESULT],
  },
  {
    name: "a child of our own name that has ended meanwhile is ours",
    pattern: "",
    parameters: { StateMachineArn: MACHINE_ARN },
    resume: { submitted: false },
    answers: [
      ["DescribeStateMachine", machine("STANDARD")],
      ["StartExecution", taken],
      ["DescribeExecution", succeeded],
    ],
    inputs: [
      { stateMachineArn: MACHINE_ARN },
      { stateMachineArn: MACHINE_ARN, name: OWN_NAME },
      { executionArn: OWN_CHILD },
    ],
    outcome: { kind: "succeeded", output: START_RESULT },
  },
  {
    name: "an ended child of a given name is ours if it has our input and began after us",
    pattern: "",
    parameters: { ...PARAMETERS, Input: '{"a": 1.0}' },
    resume: { submitted: false },
    answers: [
      ["DescribeStateMachine", machine("STANDARD")],
      ["StartExecution", taken],
      ["DescribeExecution", succeeded],
      ["DescribeExecution", parent],
    ],
    inputs: [
      { stateMachineArn: MACHINE_ARN },
      { ...REQUEST, input: '{"a": 1.0}' },
      { executionArn: CHILD },
      { executionArn: EXECUTION_ARN },
    ],
    outcome: { kind: "succeeded", output: START_RESULT },
  },
  {
    name: "an ended execution that began before us is not our child",
    pattern: "",
    parameters: { ...PARAMETERS, Input: '{"a": 1.0}' },
    resume: { submitted: false },
    answers: [
      ["DescribeStateMachine", machine("STANDARD")],
      ["StartExecution", taken],
      ["DescribeExecution", succeeded],
      ["DescribeExecution", { ...parent, startDate: 1_700_000_000.124 }],
    ],
    inputs: [
      { stateMachineArn: MACHINE_ARN },
      { ...REQUEST, input: '{"a": 1.0}' },
      { executionArn: CHILD },
      { executionArn: EXECUTION_ARN },
    ],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "StepFunctions.ExecutionAlreadyExistsException",
      cause: `Execution Already Exists: '${CHILD}' ${details("ExecutionAlreadyExists")}`,
    },
  },
  {
    name: "an Express child that may have been started is not started again",
    pattern: "",
    parameters: PARAMETERS,
    resume: { submitted: false },
    answers: [["DescribeStateMachine", machine("EXPRESS")]],
    inputs: [{ stateMachineArn: MACHINE_ARN }],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "States.TaskFailed",
      cause:
        "The process ended while an Express execution was being started. Whether it was started is not known, so it was not started again.",
    },
  },
  {
    name: "a submitted task that waits for its token goes on waiting",
    pattern: ".waitForTaskToken",
    parameters: PARAMETERS,
    resume: { submitted: true },
    answers: [],
    inputs: [],
    outcome: { kind: "pending" },
  },
];

/** Resolves to what the API was asked once the attempt has died while it waits for its child. */
async function dieWaiting(reason?: unknown): Promise<[outcome: Json, calls: string[]]> {
  const run = task(`${START}.sync`, PARAMETERS);
  const service = new FakeService(
    [
      ["StartExecution", started],
      ["StopExecution", new ServiceError("ExecutionDoesNotExist", "gone")],
    ],
    (signal) => {
      run.abort(reason);
      return Promise.reject(signal.reason as Error);
    },
  );
  const outcome = await outcomeOf(run, { service });
  return [outcome, service.calls.map(([operation]) => operation)];
}

const CANCELLED = {
  kind: "failed",
  phase: "run",
  error: "States.TaskFailed",
  cause: "The task was cancelled.",
};

test("an attempt that dies while it waits stops its child, and does not mind if that is gone", async () => {
  assert.deepEqual(await dieWaiting(), [CANCELLED, ["StartExecution", "waitForEnd", "StopExecution"]]);
});

test("a process that closes lets go of the child without stopping it", async () => {
  assert.deepEqual(await dieWaiting(new LetGo()), [CANCELLED, ["StartExecution", "waitForEnd"]]);
});

test("an attempt that dies while its child is being started stops it, and submits nothing", async () => {
  const run = task(`${START}.sync`, PARAMETERS);
  const service = new FakeService([
    [
      "StartExecution",
      () => {
        run.abort();
        return started;
      },
    ],
    ["StopExecution", {}],
  ]);
  assert.deepEqual(await outcomeOf(run, { service }), CANCELLED);
  assert.deepEqual(service.calls.at(-1), ["StopExecution", { executionArn: CHILD }]);
  assert.deepEqual(run.submitted, []);
});

test("numbers that JavaScript cannot hold pass through .sync:2 untouched", async () => {
  const output = '{"n":12345678901234567890.0}';
  const service = new FakeService([
    ["StartExecution", started],
    ["DescribeExecution", { ...succeeded, output }],
  ]);
  const run = task(`${START}.sync:2`, PARAMETERS);
  const outcome = await createIntegrations({ service })(run.call.resource)?.call(run.call);
  assert.equal(outcome?.kind, "succeeded");
  assert.ok(outcome.output.text.includes(`"Output":${output},`));
});

test("a fault of our own is thrown, not told as a failure of the child", async () => {
  const service = new FakeService([["StartExecution", new TypeError("a bug")]]);
  await assert.rejects(outcomeOf(task(START, PARAMETERS), { service }), /a bug/u);
});

/** Request ids and dates are new each time. */
function masked(value: Json): Json {
  return JSON.parse(
    JSON.stringify(value)
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=[";])/gu, "*")
      .replace(/"(Date":\[?)"[^"]*"/gu, '"$1"*"'),
  ) as Json;
}

for (const { name, pattern, parameters, resume, answers, inputs, outcome, submitted } of cases) {
  test(name, async () => {
    const run = task(`${START}${pattern}`, parameters);
    const service = new FakeService(answers);
    assert.deepEqual(masked(await outcomeOf(run, { service }, resume)), outcome);
    assert.deepEqual(
      service.calls.map(([, input]) => input),
      inputs,
    );
    assert.deepEqual(masked(run.submitted), submitted ?? []);
  });
}
