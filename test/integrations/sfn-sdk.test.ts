// `aws-sdk:sfn`: the same operations in another spelling.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { createIntegrations } from "../../src/integrations/registry.ts";
import { FakeService, outcomeOf, resourceOf, task } from "./fakes.ts";

interface Case {
  readonly name: string;
  readonly action: string;
  readonly parameters: Json;
  readonly answer: JsonObject | Error;
  /** Undefined: the API must not be asked. */
  readonly asked?: [string, JsonObject];
  readonly outcome: Json;
  readonly submitted?: Json[];
}

const cases: Case[] = [
  {
    name: "an empty answer is an empty object",
    action: "sendTaskSuccess",
    parameters: { TaskToken: "t", Output: '{"A":1}' },
    answer: {},
    asked: ["SendTaskSuccess", { taskToken: "t", output: '{"A":1}' }],
    outcome: { kind: "succeeded", output: {} },
  },
  {
    name: "a poll that finds no task has no members",
    action: "getActivityTask",
    parameters: { ActivityArn: "a", WorkerName: "w" },
    answer: { taskToken: null },
    asked: ["GetActivityTask", { activityArn: "a", workerName: "w" }],
    outcome: { kind: "succeeded", output: {} },
  },
  {
    name: "an activity's task keeps its input as a text",
    action: "getActivityTask",
    parameters: { ActivityArn: "a" },
    answer: { taskToken: "t", input: '{"value1": 1}' },
    asked: ["GetActivityTask", { activityArn: "a" }],
    outcome: { kind: "succeeded", output: { TaskToken: "t", Input: '{"value1": 1}' } },
  },
  {
    name: "times become texts, and null is absent",
    action: "startExecution",
    parameters: { StateMachineArn: "m", Input: null, Name: "n" },
    answer: { executionArn: "e", startDate: 1_700_000_000.5 },
    asked: ["StartExecution", { stateMachineArn: "m", name: "n" }],
    outcome: { kind: "succeeded", output: { ExecutionArn: "e", StartDate: "2023-11-14T22:13:20.500Z" } },
  },
  {
    name: "a time without a fraction shows none",
    action: "stopExecution",
    parameters: { ExecutionArn: "e" },
    answer: { stopDate: 1_700_000_000 },
    asked: ["StopExecution", { executionArn: "e" }],
    outcome: { kind: "succeeded", output: { StopDate: "2023-11-14T22:13:20Z" } },
  },
  {
    name: "an input given as JSON is printed",
    action: "startSyncExecution",
    parameters: { StateMachineArn: "m", Input: { Key: [1, null] } },
    answer: { output: "{}", billingDetails: { billedMemoryUsedInMB: 64 }, outputDetails: { included: true } },
    asked: ["StartSyncExecution", { stateMachineArn: "m", input: '{"Key":[1,null]}' }],
    outcome: {
      kind: "succeeded",
      output: {
        Output: "{}",
        BillingDetails: { BilledMemoryUsedInMB: 64 },
        OutputDetails: { Included: true },
      },
    },
  },
  {
    name: "members inside of lists and structures are respelled, too",
    action: "createStateMachine",
    parameters: {
      Name: "m",
      Tags: [{ Key: "Owner", Value: "Me" }],
      LoggingConfiguration: {
        IncludeExecutionData: true,
        Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: "g" } }],
      },
    },
    answer: { stateMachineArn: "m", creationDate: 0 },
    asked: [
      "CreateStateMachine",
      {
        name: "m",
        tags: [{ key: "Owner", value: "Me" }],
        loggingConfiguration: {
          includeExecutionData: true,
          destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: "g" } }],
        },
      },
    ],
    outcome: { kind: "succeeded", output: { StateMachineArn: "m", CreationDate: "1970-01-01T00:00:00Z" } },
  },
  {
    name: "keys of maps are data",
    action: "getExecutionHistory",
    parameters: { ExecutionArn: "e" },
    answer: {
      events: [
        {
          timestamp: 1.001,
          id: 1,
          stateExitedEventDetails: {
            name: "s",
            assignedVariables: JSON.parse('{"aName":"1","__proto__":"2"}') as JsonObject,
          },
        },
      ],
    },
    asked: ["GetExecutionHistory", { executionArn: "e" }],
    outcome: {
      kind: "succeeded",
      output: {
        Events: [
          {
            Timestamp: "1970-01-01T00:00:01.001Z",
            Id: 1,
            StateExitedEventDetails: {
              Name: "s",
              AssignedVariables: JSON.parse('{"aName":"1","__proto__":"2"}') as JsonObject,
            },
          },
        ],
      },
    },
  },
  {
    name: "an error has the new SDK's name and details",
    action: "sendTaskFailure",
    parameters: { TaskToken: "x" },
    answer: new ServiceError("InvalidToken", "Invalid Token: 'Invalid token'"),
    asked: ["SendTaskFailure", { taskToken: "x" }],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "Sfn.InvalidTokenException",
      cause:
        "Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: *) (SDK Attempt Count: 1)",
    },
  },
  {
    name: "an error that has no class is the base class",
    action: "listExecutions",
    parameters: {},
    answer: new ServiceError("ThrottlingException", "Rate exceeded", {}, 429),
    asked: ["ListExecutions", {}],
    outcome: {
      kind: "failed",
      phase: "run",
      error: "Sfn.SfnException",
      cause: "Rate exceeded (Service: Sfn, Status Code: 429, Request ID: *) (SDK Attempt Count: 1)",
    },
  },
  {
    name: "names in the API's own spelling are refused",
    action: "startExecution",
    parameters: { stateMachineArn: "m" },
    answer: {},
    outcome: {
      kind: "failed",
      phase: "schedule",
      error: "States.Runtime",
      cause:
        "The Parameters '{\"stateMachineArn\":\"m\"}' could not be used to start the Task: [The field 'stateMachineArn' is not supported by Step Functions]",
      runtime: true,
    },
  },
  {
    name: "with a token the answer is submitted, and the task waits",
    action: "startExecution.waitForTaskToken",
    parameters: { StateMachineArn: "m" },
    answer: { executionArn: "e" },
    asked: ["StartExecution", { stateMachineArn: "m" }],
    outcome: { kind: "pending" },
    submitted: [{ ExecutionArn: "e" }],
  },
];

const everywhere = [
  "arn:aws:states:::sqs:sendMessage",
  "arn:aws:states:::http:invoke",
  "arn:aws:states:::ecs:runTask.sync",
  "arn:aws:states:::aws-sdk:lambda:invoke",
];
for (const arn of everywhere) {
  test(`${arn} fails and names itself`, async () => {
    assert.deepEqual(await outcomeOf(task(arn, {}), {}), {
      kind: "failed",
      phase: "schedule",
      error: "States.Runtime",
      cause: `The resource '${arn}' is valid, but this version of Stepwell has no such integration yet.`,
      runtime: true,
    });
  });
}

test("an activity has no integration, and a resource has the same one each time", () => {
  const integrations = createIntegrations({ service: new FakeService([]) });
  assert.equal(integrations(resourceOf("arn:aws:states:us-east-1:123456789012:activity:a")), undefined);
  const arn = "arn:aws:states:::states:startExecution.sync";
  assert.equal(integrations(resourceOf(arn)), integrations(resourceOf(arn)));
});

for (const { name, action, parameters, answer, asked, outcome, submitted } of cases) {
  test(name, async () => {
    const run = task(`arn:aws:states:::aws-sdk:sfn:${action}`, parameters);
    const service = new FakeService(asked === undefined ? [] : [[asked[0], answer]]);
    const got = JSON.stringify(await outcomeOf(run, { service })).replace(
      /Request ID: [^)]+/u,
      "Request ID: *",
    );
    assert.deepEqual(JSON.parse(got), outcome);
    assert.deepEqual(service.calls, asked === undefined ? [] : [asked]);
    assert.deepEqual(run.submitted, submitted ?? []);
  });
}
