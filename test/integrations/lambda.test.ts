// Lambda functions as tasks: what is sent to the function, and what becomes of its answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, Payload } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import type { InvokeResponse } from "../../src/integrations/lambda-invoker.ts";
import { createIntegrations } from "../../src/integrations/registry.ts";
import { FakeLambda, FakeService, outcomeOf, task } from "./fakes.ts";

const ARN = "arn:aws:lambda:us-east-1:123456789012:function:f:live";
const INVOKE = "arn:aws:states:::lambda:invoke";
const WITH_TOKEN = "arn:aws:states:::lambda:invoke.waitForTaskToken";

interface Case {
  readonly name: string;
  readonly resource: string;
  readonly parameters: Json | Payload;
  readonly answer: Partial<InvokeResponse> | Error;
  /** Undefined: the function must not be called. */
  readonly sent?: Json;
  readonly outcome: Json;
  readonly submitted?: Json[];
}

const METADATA = {
  SdkHttpMetadata: {
    AllHttpHeaders: { "Content-Type": ["application/json"], "x-amzn-RequestId": ["r-1"] },
    HttpHeaders: { "Content-Type": "application/json", "x-amzn-RequestId": "r-1" },
    HttpStatusCode: 200,
  },
  SdkResponseMetadata: { RequestId: "r-1" },
};
const invoked = (payload: string, more: Record<string, Json> = {}): Json => ({
  functionName: "f",
  invocationType: "RequestResponse",
  payload,
  ...more,
});
const result = (payload: Json): Json => ({
  kind: "succeeded",
  output: { Payload: payload, ...METADATA, StatusCode: 200 },
});
const failed = (phase: string, error: string, cause: string): Json => ({
  kind: "failed",
  phase,
  error,
  cause,
});
const refusedParameters = (parameters: Json, faults: string): Json => ({
  kind: "failed",
  phase: "schedule",
  error: "States.Runtime",
  cause: `The Parameters '${JSON.stringify(parameters)}' could not be used to start the Task: [${faults}]`,
  runtime: true,
});
const notFound = new ServiceError(
  "ResourceNotFoundException",
  "Function not found: f:$LATEST",
  { requestId: "r-2" },
  404,
);
const NOT_FOUND_CAUSE =
  "Function not found: f:$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: r-2; Proxy: null)";
const errorDocument = '{"errorMessage": "no", "errorType": "CustomException", "stackTrace": []}';

const cases: Case[] = [
  {
    name: "a function's ARN gets the input as it is and gives its payload",
    resource: ARN,
    parameters: Payload.ofText('{"a": 1.0}'),
    answer: { payload: '{"b": 2}\n', executedVersion: "1" },
    sent: { functionName: ARN, invocationType: "RequestResponse", payload: '{"a": 1.0}' },
    outcome: { kind: "succeeded", output: { b: 2 } },
  },
  {
    name: "a payload that is a JSON text stays one text",
    resource: ARN,
    parameters: {},
    answer: { payload: '"HelloWorld!"' },
    sent: { functionName: ARN, invocationType: "RequestResponse", payload: "{}" },
    outcome: { kind: "succeeded", output: "HelloWorld!" },
  },
  {
    name: "a payload that is no JSON is the text it is",
    resource: ARN,
    parameters: {},
    answer: { payload: "aaa" },
    sent: { functionName: ARN, invocationType: "RequestResponse", payload: "{}" },
    outcome: { kind: "succeeded", output: "aaa" },
  },
  {
    name: "a function that fails names its error, and its document is the cause as it came",
    resource: ARN,
    parameters: {},
    answer: { payload: errorDocument, functionError: "Unhandled" },
    sent: { functionName: ARN, invocationType: "RequestResponse", payload: "{}" },
    outcome: failed("run", "CustomException", errorDocument),
  },
  {
    name: "a function that fails without an error type is Lambda.Unknown",
    resource: ARN,
    parameters: {},
    answer: { payload: '{"errorMessage":"Task timed out after 3.00 seconds"}', functionError: "Unhandled" },
    sent: { functionName: ARN, invocationType: "RequestResponse", payload: "{}" },
    outcome: failed(
      "run",
      "Lambda.Unknown",
      'The cause could not be determined because Lambda did not return an error type. Returned payload: {"errorMessage":"Task timed out after 3.00 seconds"}',
    ),
  },
  {
    name: "a function that is not there fails its direct task, too",
    resource: ARN,
    parameters: {},
    answer: notFound,
    sent: { functionName: ARN, invocationType: "RequestResponse", payload: "{}" },
    outcome: failed("run", "Lambda.ResourceNotFoundException", NOT_FOUND_CAUSE),
  },
  {
    name: "lambda:invoke without a payload sends an empty object, and shows all metadata",
    resource: INVOKE,
    parameters: { FunctionName: "f" },
    answer: {
      payload: "[]",
      executedVersion: "$LATEST",
      logResult: "TE9H",
      headers: {
        date: "Tue, 01 Jul 2025 00:00:00 GMT",
        connection: "keep-alive",
        "x-amzn-requestid": "r-1",
        "x-amzn-trace-id": "root=1",
        "x-amz-executed-version": "$LATEST",
        "x-amzn-remapped-content-length": "0",
      },
    },
    sent: invoked("{}"),
    outcome: {
      kind: "succeeded",
      output: {
        ExecutedVersion: "$LATEST",
        LogResult: "TE9H",
        Payload: [],
        SdkHttpMetadata: {
          AllHttpHeaders: {
            Connection: ["keep-alive"],
            Date: ["Tue, 01 Jul 2025 00:00:00 GMT"],
            "X-Amz-Executed-Version": ["$LATEST"],
            "x-amzn-Remapped-Content-Length": ["0"],
            "x-amzn-RequestId": ["r-1"],
            "X-Amzn-Trace-Id": ["root=1"],
          },
          HttpHeaders: {
            Connection: "keep-alive",
            Date: "Tue, 01 Jul 2025 00:00:00 GMT",
            "X-Amz-Executed-Version": "$LATEST",
            "x-amzn-Remapped-Content-Length": "0",
            "x-amzn-RequestId": "r-1",
            "X-Amzn-Trace-Id": "root=1",
          },
          HttpStatusCode: 200,
        },
        SdkResponseMetadata: { RequestId: "r-1" },
        StatusCode: 200,
      },
    },
  },
  {
    name: "a payload of null is an empty object",
    resource: INVOKE,
    parameters: { FunctionName: "f", Payload: null },
    answer: { payload: "{}" },
    sent: invoked("{}"),
    outcome: result({}),
  },
  {
    name: "a text that is JSON is the payload itself",
    resource: INVOKE,
    parameters: { FunctionName: "f", Payload: '"HelloWorld"' },
    answer: { payload: '"HelloWorld"' },
    sent: invoked('"HelloWorld"'),
    outcome: result("HelloWorld"),
  },
  {
    name: "a text that is no JSON is sent as a text",
    resource: INVOKE,
    parameters: { FunctionName: "f", Payload: "Hello World" },
    answer: { payload: "null" },
    sent: invoked('"Hello World"'),
    outcome: result(null),
  },
  {
    name: "keys of a payload are data",
    resource: INVOKE,
    parameters: Payload.ofText('{"FunctionName":"f","Payload":{"__proto__":{"a":1}}}'),
    answer: { payload: '{"__proto__":1}' },
    sent: invoked('{"__proto__":{"a":1}}'),
    outcome: result(JSON.parse('{"__proto__":1}') as Json),
  },
  {
    name: "all parameters reach the function; an object as client context is encoded",
    resource: INVOKE,
    parameters: {
      FunctionName: "f",
      Payload: [1],
      Qualifier: "7",
      InvocationType: "Event",
      LogType: "Tail",
      ClientContext: { a: 1 },
    },
    answer: { statusCode: 202, payload: "", headers: {} },
    sent: {
      functionName: "f",
      invocationType: "Event",
      payload: "[1]",
      qualifier: "7",
      logType: "Tail",
      clientContext: "eyJhIjoxfQ==",
    },
    outcome: {
      kind: "succeeded",
      output: {
        Payload: "",
        SdkHttpMetadata: { AllHttpHeaders: {}, HttpHeaders: {}, HttpStatusCode: 202 },
        SdkResponseMetadata: { RequestId: "r-1" },
        StatusCode: 202,
      },
    },
  },
  {
    name: "a function that fails fails its lambda:invoke",
    resource: INVOKE,
    parameters: { FunctionName: "f" },
    answer: { payload: errorDocument, functionError: "Unhandled" },
    sent: invoked("{}"),
    outcome: failed("run", "CustomException", errorDocument),
  },
  {
    name: "a refusal of Lambda carries the old SDK's details",
    resource: INVOKE,
    parameters: { FunctionName: "f" },
    answer: notFound,
    sent: invoked("{}"),
    outcome: failed("run", "Lambda.ResourceNotFoundException", NOT_FOUND_CAUSE),
  },
  {
    name: "a refusal that Lambda's client has no class for is its base class",
    resource: INVOKE,
    parameters: { FunctionName: "f" },
    answer: new ServiceError("AccessDeniedException", "Not you", { requestId: "r-3" }, 403),
    sent: invoked("{}"),
    outcome: failed(
      "run",
      "Lambda.AWSLambdaException",
      "Not you (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: r-3; Proxy: null)",
    ),
  },
  {
    name: "no connection is an SdkClientException, and says which address refused",
    resource: INVOKE,
    parameters: { FunctionName: "f" },
    answer: new AggregateError([
      new Error("connect ECONNREFUSED ::1:9"),
      new Error("connect ECONNREFUSED 127.0.0.1:9"),
    ]),
    sent: invoked("{}"),
    outcome: failed(
      "run",
      "Lambda.SdkClientException",
      "Unable to execute HTTP request: connect ECONNREFUSED ::1:9, connect ECONNREFUSED 127.0.0.1:9",
    ),
  },
  {
    name: "faults of the parameters are told all at once, and nothing is called",
    resource: INVOKE,
    parameters: { functionName: "f", InvocationType: "Sync", Qualifier: 7 },
    answer: {},
    outcome: refusedParameters(
      { functionName: "f", InvocationType: "Sync", Qualifier: 7 },
      "The field 'functionName' is not supported by Step Functions, The field 'FunctionName' is required but was missing, The value of the field 'Qualifier' has an invalid format, The value of the field 'InvocationType' has an invalid format",
    ),
  },
  {
    name: "parameters that are no object start nothing",
    resource: INVOKE,
    parameters: [1],
    answer: {},
    outcome: refusedParameters(
      [1],
      "The Parameters must be a JSON object, The field 'FunctionName' is required but was missing",
    ),
  },
  {
    name: "with a token the answer is what was submitted, and the task waits",
    resource: WITH_TOKEN,
    parameters: { FunctionName: "f", Payload: { token: "t" } },
    answer: { payload: "1" },
    sent: invoked('{"token":"t"}'),
    outcome: { kind: "pending" },
    submitted: [{ Payload: 1, ...METADATA, StatusCode: 200 }],
  },
  {
    name: "with a token a function that fails fails the task at once",
    resource: WITH_TOKEN,
    parameters: { FunctionName: "f" },
    answer: { payload: errorDocument, functionError: "Unhandled" },
    sent: invoked("{}"),
    outcome: failed("run", "CustomException", errorDocument),
  },
  {
    name: "with a token a refusal means that nothing was submitted",
    resource: WITH_TOKEN,
    parameters: { FunctionName: "f" },
    answer: notFound,
    sent: invoked("{}"),
    outcome: failed("submit", "Lambda.ResourceNotFoundException", NOT_FOUND_CAUSE),
  },
];

test("numbers that JavaScript cannot hold pass through functions untouched", async () => {
  const big = '{"n":12345678901234567890.0}';
  const { call } = task(INVOKE, { FunctionName: "f" });
  const lambda = new FakeLambda({ payload: big });
  const outcome = await createIntegrations({ lambda, service: new FakeService([]) })(call.resource)?.call(
    call,
  );
  assert.equal(outcome?.kind, "succeeded");
  assert.match(outcome.output.text, /^\{"Payload":\{"n":12345678901234567890\.0\},"SdkHttp/u);
});

test("a call that was cut short because its attempt died says only that", async () => {
  const run = task(INVOKE, { FunctionName: "f" });
  run.abort();
  assert.deepEqual(
    await outcomeOf(run, { lambda: new FakeLambda({}) }),
    failed("run", "States.TaskFailed", "The task was cancelled."),
  );
});

test("without anything that runs functions, a function is not found, and the cause says why", async () => {
  const outcome = (await outcomeOf(task(ARN, {}), {})) as { error: string; cause: string };
  assert.equal(outcome.error, "Lambda.ResourceNotFoundException");
  assert.match(outcome.cause, /^Function not found: arn:.*:f:live \(this server has no functions/u);
});

for (const { name, resource, parameters, answer, sent, outcome, submitted } of cases) {
  test(name, async () => {
    const run = task(resource, parameters);
    const lambda = new FakeLambda(answer);
    assert.deepEqual(await outcomeOf(run, { lambda }), outcome);
    assert.deepEqual(lambda.requests, sent === undefined ? [] : [sent]);
    assert.deepEqual(run.submitted, submitted ?? []);
  });
}
