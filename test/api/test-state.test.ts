// TestState over the API: what it refuses, in whose words, and what it answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { Payload } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import type { Integration } from "../../src/integrations/integration.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemSeeds } from "../../src/runtime/seeds.ts";
import { StateTests } from "../../src/runtime/test-state.ts";
import { createFakeEngine } from "./fake-engine.ts";

const ROLE = "arn:aws:iam::000000000000:role/r";
const SERVICE = "arn:aws:states:::";
const NOTHING = { StartAt: "Inner", States: { Inner: { Type: "Pass", End: true } } };
const task = (resource: string, Parameters: JsonObject = {}): JsonObject => ({
  Type: "Task",
  Resource: resource,
  Parameters,
  End: true,
});
const INVOKE = task(`${SERVICE}lambda:invoke`, { FunctionName: "f", "Payload.$": "$" });
const START = task(`${SERVICE}states:startExecution`, { StateMachineArn: "arn" });
const START_AND_WAIT = task(`${SERVICE}states:startExecution.sync:2`, { StateMachineArn: "arn" });
const BATCH = task(`${SERVICE}batch:submitJob.sync`, { JobName: "j", JobQueue: "q", JobDefinition: "d" });
const PUT = task(`${SERVICE}dynamodb:putItem`, { TableName: "t", Item: {} });
const UNKNOWN = task(`${SERVICE}aws-sdk:textract:detectDocumentText`, { Document: {} });
const ACTIVITY = task("arn:aws:states:us-east-1:000000000000:activity:a");
const MAP = { Type: "Map", ItemProcessor: NOTHING, End: true };
const PARALLEL = { Type: "Parallel", Branches: [NOTHING], End: true };
const WRITING_MAP = {
  Type: "Map",
  ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" }, ...NOTHING },
  ResultWriter: { Resource: "arn:aws:states:::s3:putObject", Parameters: { Bucket: "b" } },
  End: true,
};
const READING_MAP = {
  Type: "Map",
  ItemReader: {
    Resource: "arn:aws:states:::s3:getObject",
    ReaderConfig: { InputType: "JSON" },
    Parameters: { Bucket: "b", Key: "k" },
  },
  ItemProcessor: WRITING_MAP.ItemProcessor,
  End: true,
};
const PASS = { Type: "Pass", End: true };

const mocked = (
  definition: JsonObject,
  result: Json,
  more: JsonObject = {},
  mock: JsonObject = {},
): JsonObject => ({
  definition: JSON.stringify(definition),
  mock: { result: JSON.stringify(result), ...mock },
  ...more,
});
const plain = (definition: JsonObject, more: JsonObject = {}): JsonObject => ({
  definition: JSON.stringify(definition),
  ...more,
});
const context = (value: Json): JsonObject => ({ context: JSON.stringify(value) });

type Refusal = readonly [request: JsonObject, code: string, message: string];

const invalid = (request: JsonObject, message: string): Refusal => [request, "ValidationException", message];
const schema = (request: JsonObject, fault: string): Refusal =>
  invalid(request, `Mock result schema validation error: ${fault}`);
const badContext = (request: JsonObject, fault: string): Refusal =>
  invalid(request, `Invalid Context object provided: ${fault}`);

const refusals: Readonly<Record<string, Refusal>> = {
  "both kinds of a mock": invalid(
    mocked(INVOKE, {}, {}, { errorOutput: { error: "E" } }),
    "A test mock should have only one of the following fields: [result, errorOutput].",
  ),
  "a mock without either": invalid(
    plain(INVOKE, { mock: { fieldValidationMode: "NONE" } }),
    "A test mock should have only one of the following fields: [result, errorOutput].",
  ),
  "secrets with a mock": invalid(
    mocked(INVOKE, {}, { revealSecrets: true }),
    "TestState does not support RevealSecrets when a mock is specified.",
  ),
  "failed iterations without a mock": invalid(
    plain(MAP, { stateConfiguration: { mapIterationFailureCount: 1 } }),
    "TestState does not support MapIterationFailureCount when a mock is not specified.",
  ),
  "a context without a mock": invalid(
    plain(PASS, context({})),
    "TestState does not support Context when a mock is not specified.",
  ),
  "more failed iterations than there are": invalid(
    mocked(MAP, [1], { input: "[1]", stateConfiguration: { mapIterationFailureCount: 2 } }),
    "Map iteration failure count must be less than or equal to the number of Map iterations",
  ),
  "a mock of a Pass": invalid(mocked(PASS, 1), "State type 'Pass' is not supported when a mock is specified"),
  "a mock of a Wait": invalid(
    mocked({ Type: "Wait", Seconds: 1, End: true }, 1),
    "State type 'Wait' is not supported when a mock is specified",
  ),
  "a Map without a mock": [
    plain(MAP),
    "InvalidDefinition",
    "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
  ],
  "a Task without a mock and a role": invalid(
    plain(INVOKE),
    "RoleArn must be specified when testing a Task state",
  ),
  "a role that is no ARN": [plain(INVOKE, { roleArn: "r" }), "InvalidArn", "Invalid Role Arn: 'r'"],
  "an activity without a mock": [
    plain(ACTIVITY, { roleArn: ROLE }),
    "InvalidDefinition",
    "TestState API does not support Activity tasks when a mock is not specified.",
  ],
  "a job that is waited for without a mock": [
    plain(START_AND_WAIT, { roleArn: ROLE }),
    "InvalidDefinition",
    "TestState API does not support the '.sync:2' service integration pattern when a mock is not specified.",
  ],
  "a name that no state has": invalid(
    plain({ StartAt: "A", States: { A: PASS } }, { stateName: "B" }),
    "State not found in definition",
  ),
  "a name, but only one state": [
    plain(PASS, { stateName: "B" }),
    "InvalidDefinition",
    "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'Type' is not supported at /, " +
      "SCHEMA_VALIDATION_FAILED: Field 'End' is not supported at /, " +
      "SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'",
  ],
  "an input that is no JSON": [
    plain(PASS, { input: "{" }),
    "InvalidExecutionInput",
    "Invalid State Machine Execution Input: 'Unexpected end-of-input: expected close marker for Object'",
  ],
  "variables that are no object": invalid(
    plain(PASS, { variables: "[]" }),
    "Variables must be a valid JSON object",
  ),
  "variables that are nested too deep": invalid(
    plain(PASS, { variables: `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}` }),
    "Variables must be a valid JSON object",
  ),
  "a mocked result that is nested too deep": invalid(
    plain(MAP, { mock: { result: `${"[".repeat(100_000)}${"]".repeat(100_000)}` } }),
    "Mocked result must be valid JSON",
  ),
  "a mocked result that is no JSON": invalid(
    plain(INVOKE, { mock: { result: "{", fieldValidationMode: "NONE" } }),
    "Mocked result must be valid JSON",
  ),
  "a mocked Map whose result is no array": invalid(mocked(MAP, {}), "Mocked result must be an array."),
  "a mocked Map with a ResultWriter whose result is no object": invalid(
    mocked(WRITING_MAP, []),
    "Mocked result must be a JSON object.",
  ),
  "a mocked Parallel with a result too many": invalid(
    mocked(PARALLEL, [1, 2]),
    "Mocked result must contain the same number of items as number of Parallel branches.",
  ),

  "a field that must be there": schema(
    mocked(START, { StartDate: "x" }),
    "Required field 'ExecutionArn' is missing",
  ),
  "a field that is too short": schema(
    mocked(START, { ExecutionArn: "", StartDate: "x" }),
    "Field 'ExecutionArn' is smaller than the minimum length",
  ),
  "a number where a text belongs": schema(
    mocked(START, { ExecutionArn: 1 }, {}, { fieldValidationMode: "PRESENT" }),
    "Field 'ExecutionArn' must be a string",
  ),
  "a text where a number belongs": schema(
    mocked(PUT, { ConsumedCapacity: { Table: { CapacityUnits: "1" } } }),
    "Field 'CapacityUnits' must be a number",
  ),
  "a list where a structure belongs": schema(
    mocked(PUT, { ConsumedCapacity: [] }),
    "Field 'ConsumedCapacity' must be an object",
  ),
  "a wrong value in a map, by its key": schema(
    mocked(PUT, { Attributes: { id: "1" } }),
    "Field 'id' must be an object",
  ),
  "a wrong flag, deep inside": schema(
    mocked(PUT, { Attributes: { id: { BOOL: "true" } } }),
    "Field 'BOOL' must be a boolean",
  ),
  "a job is mocked as the API shows it that is asked for it": schema(
    mocked(START_AND_WAIT, { ExecutionArn: "a", StateMachineArn: "m", Status: "SUCCEEDED" }),
    "Required field 'StartDate' is missing",
  ),
  "a state that no job has": schema(
    mocked(BATCH, { Jobs: [{ JobName: "j", JobId: "1", JobQueue: "q", Status: "DONE" }] }),
    "Field 'Status' is not an expected value",
  ),

  "a context that is no object": badContext(
    mocked(INVOKE, {}, { context: "[]" }),
    "Context object must be a valid JSON object",
  ),
  "a part that no context object has": badContext(
    mocked(INVOKE, {}, context({ Machine: {} })),
    "Field 'Machine' is not allowed",
  ),
  "a field that no context object has": badContext(
    mocked(INVOKE, {}, { context: '{"State":{"__proto__":1}}' }),
    "Field '__proto__' is not allowed",
  ),
  "the item of a Map": badContext(
    mocked(MAP, [], context({ Map: {} })),
    "'Map' field is not supported when mocking a Context object",
  ),
  "a number as the name of an execution": badContext(
    mocked(INVOKE, {}, context({ Execution: { Name: 1 } })),
    "Execution.Name must be a string",
  ),
  "a text as the number of retries": badContext(
    mocked(INVOKE, {}, context({ State: { RetryCount: "1" } })),
    "State.RetryCount must be a number",
  ),
  "a token where nothing is waited for": badContext(
    mocked(INVOKE, {}, context({ Task: { Token: "t" } })),
    "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
  ),
};

const answers: Readonly<Record<string, readonly [request: JsonObject, answer: JsonObject]>> = {
  "INFO shows no data flow, and `{}` is the input": [
    plain({ Type: "Pass", Next: "N" }),
    { status: "SUCCEEDED", output: "{}", nextState: "N" },
  ],
  "a state inside of a Map is found by its name": [
    plain({ StartAt: "All", States: { All: MAP } }, { stateName: "Inner", input: '{ "n": 1.0 }' }),
    { status: "SUCCEEDED", output: '{ "n": 1.0 }' },
  ],
  "numbers and texts of inspectionData": [
    mocked({ ...MAP, MaxConcurrency: 2 }, ["a"], { input: "[1]", inspectionLevel: "DEBUG" }),
    {
      status: "SUCCEEDED",
      output: '["a"]',
      inspectionData: {
        input: "[1]",
        afterInputPath: "[1]",
        afterItemsPath: "[1]",
        maxConcurrency: 2,
        afterResultSelector: '["a"]',
        afterResultPath: '["a"]',
      },
    },
  ],
  "a Task is called, and shown stage by stage": [
    plain(INVOKE, { roleArn: ROLE, input: '{"n":1}', inspectionLevel: "TRACE" }),
    {
      status: "SUCCEEDED",
      output: '{"called":{"FunctionName":"f","Payload":{"n":1}}}',
      inspectionData: {
        input: '{"n":1}',
        afterInputPath: '{"n":1}',
        afterParameters: '{"FunctionName":"f","Payload":{"n":1}}',
        result: '{"called":{"FunctionName":"f","Payload":{"n":1}}}',
        afterResultSelector: '{"called":{"FunctionName":"f","Payload":{"n":1}}}',
        afterResultPath: '{"called":{"FunctionName":"f","Payload":{"n":1}}}',
      },
    },
  ],
  "a call that fails is caught": [
    plain(
      { ...PUT, Retry: [{ ErrorEquals: ["X"] }], Catch: [{ ErrorEquals: ["Down"], Next: "N" }] },
      { roleArn: ROLE, inspectionLevel: "DEBUG" },
    ),
    {
      status: "CAUGHT_ERROR",
      output: '{"Error":"Down","Cause":"no table"}',
      error: "Down",
      cause: "no table",
      nextState: "N",
      inspectionData: {
        input: "{}",
        afterInputPath: "{}",
        afterParameters: '{"TableName":"t","Item":{}}',
        errorDetails: { catchIndex: 0 },
      },
    },
  ],
  "nothing is known of an API that is not in the table": [
    mocked(UNKNOWN, { Blocks: "none" }),
    { status: "SUCCEEDED", output: '{"Blocks":"none"}' },
  ],
  "what comes back with a task token is free": [
    mocked(
      task(`${SERVICE}sqs:sendMessage.waitForTaskToken`, { QueueUrl: "q", "MessageBody.$": "$$.Task.Token" }),
      [1],
    ),
    { status: "SUCCEEDED", output: "[1]" },
  ],
  "reader data that is nested too deep fails the Map": [
    mocked(READING_MAP, [], {
      stateConfiguration: { mapItemReaderData: `${"[".repeat(100_000)}${"]".repeat(100_000)}` },
    }),
    {
      status: "FAILED",
      error: "States.ItemReaderFailed",
      cause:
        "An error occurred while executing the state 'StateName' (entered at the event id #2). " +
        "The file is no valid JSON: Document nesting depth (1001) exceeds the maximum allowed (1000)",
    },
  ],
  "members that the API does not have are kept": [
    mocked(START, { ExecutionArn: "a", StartDate: "x", Colour: 1 }),
    { status: "SUCCEEDED", output: '{"ExecutionArn":"a","StartDate":"x","Colour":1}' },
  ],
  "PRESENT asks for nothing": [
    mocked(START, {}, {}, { fieldValidationMode: "PRESENT" }),
    { status: "SUCCEEDED", output: "{}" },
  ],
  "NONE asks nothing at all": [
    mocked(START, 17, {}, { fieldValidationMode: "NONE" }),
    { status: "SUCCEEDED", output: "17" },
  ],
  "an error needs no cause": [
    plain(INVOKE, { mock: { errorOutput: { error: "E" } } }),
    { status: "FAILED", error: "E" },
  ],
};

const integration: Integration = {
  call: async ({ resource, parameters }) =>
    resource.arn.includes("dynamodb")
      ? { kind: "failed", phase: "run", error: "Down", cause: "no table" }
      : { kind: "succeeded", output: Payload.ofText(`{"called":${parameters.text}}`) },
};
const scope = { account: "000000000000", region: "us-east-1" };
const engine = createFakeEngine();
const api = createApi(
  {
    ...engine,
    tests: new StateTests({
      clock: systemClock,
      seeds: systemSeeds(),
      limits: SERVICE_LIMITS,
      integrations: () => integration,
      log: (line) => assert.fail(line),
    }),
  },
  { ...scope, limits: SERVICE_LIMITS, activityPollMs: 1_000 },
);
const ask = (request: JsonObject): Promise<JsonObject> =>
  api.call("TestState", request, scope, new AbortController().signal);

for (const [name, [request, code, message]] of Object.entries(refusals)) {
  test(`refused: ${name}`, async () => {
    await assert.rejects(ask(request), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.deepEqual([error.code, error.message], [code, message]);
      return true;
    });
  });
}

for (const [name, [request, answer]] of Object.entries(answers)) {
  test(name, async () => {
    assert.deepEqual(await ask(request), answer);
  });
}

test("nothing of it can be seen in the engine", async () => {
  assert.deepEqual(engine.calls, []);
  assert.deepEqual(await api.call("ListStateMachines", {}, scope, new AbortController().signal), {
    stateMachines: [],
  });
});
