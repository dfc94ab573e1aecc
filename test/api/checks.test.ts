// Request checks: what the model allows, and the service's words for what it does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/base/json.ts";
import { checkRequest } from "../../src/api/checks.ts";
import type { OperationName } from "../../src/api/requests.ts";
import { requestShapes } from "../../src/api/requests.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";

const shapes = requestShapes(SERVICE_LIMITS);
const machine = { name: "m", definition: "{}", roleArn: "r" };
const at = (path: string, value: string): string =>
  `1 validation error detected: Value ${value} at '${path}' failed to satisfy constraint: `;
const alias = "^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$";

type Case = readonly [
  name: string,
  operation: OperationName,
  input: Json,
  expected: Json | readonly [string, string],
];

const accepted: readonly Case[] = [
  ["an empty request of optional members", "ListActivities", {}, {}],
  [
    "null members count as absent",
    "ListActivities",
    { maxResults: null, nextToken: "t" },
    { nextToken: "t" },
  ],
  ["unknown members are dropped", "ListActivities", { maxresults: 5, toString: 1 }, {}],
  [
    "prototype keys are dropped",
    "ListActivities",
    JSON.parse('{"__proto__":{"maxResults":7},"constructor":1}') as Json,
    {},
  ],
  ["a fraction is cut off", "ListActivities", { maxResults: 3.9 }, { maxResults: 3 }],
  ["the longest name", "CreateActivity", { name: "x".repeat(80) }, { name: "x".repeat(80) }],
  [
    "nested structures keep what the model knows",
    "CreateStateMachine",
    {
      ...machine,
      loggingConfiguration: {
        level: "ALL",
        destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: "a", x: 1 } }],
      },
    },
    {
      ...machine,
      loggingConfiguration: {
        level: "ALL",
        destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: "a" } }],
      },
    },
  ],
  [
    "an empty list of tag keys",
    "UntagResource",
    { resourceArn: "a", tagKeys: [] },
    { resourceArn: "a", tagKeys: [] },
  ],
  [
    "an empty trace header",
    "StartExecution",
    { stateMachineArn: "a", traceHeader: "" },
    { stateMachineArn: "a", traceHeader: "" },
  ],
];

const refused: readonly Case[] = [
  [
    "a page too large",
    "ListExecutions",
    { stateMachineArn: "a", maxResults: 1001 },
    ["ValidationException", `${at("maxResults", "'1001'")}Member must have value less than or equal to 1000`],
  ],
  [
    "a negative page",
    "ListExecutions",
    { maxResults: -1 },
    ["ValidationException", `${at("maxResults", "'-1'")}Member must have value greater than or equal to 0`],
  ],
  [
    "a huge number",
    "ListExecutions",
    { maxResults: 1e300 },
    [
      "ValidationException",
      `${at("maxResults", "'1e+300'")}Member must have value less than or equal to 1000`,
    ],
  ],
  [
    "an unknown status",
    "ListExecutions",
    { statusFilter: "succeeded" },
    [
      "ValidationException",
      `${at("statusFilter", "'succeeded'")}Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]`,
    ],
  ],
  [
    "a token too long for executions",
    "ListExecutions",
    { nextToken: "x".repeat(3097) },
    [
      "ValidationException",
      `${at("nextToken", `'${"x".repeat(3097)}'`)}Member must have length less than or equal to 3096`,
    ],
  ],
  [
    "a token too long for activities",
    "ListActivities",
    { nextToken: "x".repeat(1025) },
    [
      "ValidationException",
      `${at("nextToken", `'${"x".repeat(1025)}'`)}Member must have length less than or equal to 1024`,
    ],
  ],
  [
    "an empty token",
    "ListActivities",
    { nextToken: "" },
    ["ValidationException", `${at("nextToken", "''")}Member must have length greater than or equal to 1`],
  ],
  [
    "a missing member",
    "DescribeExecution",
    {},
    ["ValidationException", `${at("executionArn", "null")}Member must not be null`],
  ],
  [
    "a null member that is required",
    "DescribeExecution",
    { executionArn: null },
    ["ValidationException", `${at("executionArn", "null")}Member must not be null`],
  ],
  [
    "several faults at once",
    "CreateActivity",
    { name: "", encryptionConfiguration: { kmsDataKeyReusePeriodSeconds: 59, type: "x" } },
    [
      "ValidationException",
      "3 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '59' at 'encryptionConfiguration.kmsDataKeyReusePeriodSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60; Value 'x' at 'encryptionConfiguration.type' failed to satisfy constraint: Member must satisfy enum value set: [AWS_OWNED_KEY, CUSTOMER_MANAGED_KMS_KEY]",
    ],
  ],
  [
    "an alias of digits",
    "CreateStateMachineAlias",
    { name: "123", routingConfiguration: [{ stateMachineVersionArn: "a", weight: 100 }] },
    ["ValidationException", `${at("name", "'123'")}Member must satisfy regular expression pattern: ${alias}`],
  ],
  [
    "a weight too large",
    "CreateStateMachineAlias",
    { name: "a", routingConfiguration: [{ stateMachineVersionArn: "a", weight: 101 }] },
    [
      "ValidationException",
      `${at("routingConfiguration.1.member.weight", "'101'")}Member must have value less than or equal to 100`,
    ],
  ],
  [
    "too many routes",
    "CreateStateMachineAlias",
    {
      name: "a",
      routingConfiguration: [
        { stateMachineVersionArn: "m:1", weight: 50 },
        { stateMachineVersionArn: "m:2", weight: 30 },
        { stateMachineVersionArn: "m:3", weight: 20 },
      ],
    },
    [
      "ValidationException",
      `${at("routingConfiguration", "'[RoutingConfigurationListItem(stateMachineVersionArn=m:1, weight=50), RoutingConfigurationListItem(stateMachineVersionArn=m:2, weight=30), RoutingConfigurationListItem(stateMachineVersionArn=m:3, weight=20)]'")}Member must have length less than or equal to 2`,
    ],
  ],
  [
    "no routes",
    "CreateStateMachineAlias",
    { name: "a", routingConfiguration: [] },
    [
      "ValidationException",
      `${at("routingConfiguration", "'[]'")}Member must have length greater than or equal to 1`,
    ],
  ],
  [
    "a null in a list",
    "UntagResource",
    { resourceArn: "a", tagKeys: ["k", null] },
    ["ValidationException", `${at("tagKeys.2.member", "null")}Member must not be null`],
  ],
  [
    "a tag without a key",
    "TagResource",
    { resourceArn: "a", tags: [{ value: "v" }] },
    ["ValidationException", `${at("tags.1.member.key", "null")}Member must not be null`],
  ],
  [
    "a definition too long is not echoed",
    "CreateStateMachine",
    { ...machine, definition: "d".repeat(1_048_577) },
    [
      "ValidationException",
      `1 validation error detected: Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576`,
    ],
  ],
  [
    "an input too long is not echoed",
    "StartExecution",
    { stateMachineArn: "a", input: "d".repeat(262_145) },
    [
      "ValidationException",
      `1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144`,
    ],
  ],
  [
    "a trace header that is not ASCII",
    "StartExecution",
    { stateMachineArn: "a", traceHeader: "ä" },
    [
      "ValidationException",
      `${at("traceHeader", "'ä'")}Member must satisfy regular expression pattern: \\p{ASCII}*`,
    ],
  ],
  [
    "a number for a text",
    "DescribeExecution",
    { executionArn: 5 },
    ["SerializationException", "NUMBER_VALUE can not be converted to a String (at 'executionArn')"],
  ],
  [
    "a boolean for a text",
    "DescribeExecution",
    { executionArn: true },
    ["SerializationException", "TRUE_VALUE can not be converted to a String (at 'executionArn')"],
  ],
  [
    "a text for a number",
    "ListActivities",
    { maxResults: "10" },
    ["SerializationException", "STRING_VALUE can not be converted to an Integer (at 'maxResults')"],
  ],
  [
    "a text for a boolean",
    "GetExecutionHistory",
    { executionArn: "a", reverseOrder: "true" },
    ["SerializationException", "STRING_VALUE can not be converted to a Boolean (at 'reverseOrder')"],
  ],
  [
    "a list for a text",
    "DescribeExecution",
    { executionArn: [] },
    ["SerializationException", "Start of list found where not expected. (at 'executionArn')"],
  ],
  [
    "a structure for a list",
    "TagResource",
    { resourceArn: "a", tags: {} },
    ["SerializationException", "Start of structure or map found where not expected. (at 'tags')"],
  ],
  [
    "a text for a structure",
    "CreateActivity",
    { name: "a", encryptionConfiguration: "x" },
    [
      "SerializationException",
      "STRING_VALUE can not be converted to a structure (at 'encryptionConfiguration')",
    ],
  ],
  [
    "a text for a list member",
    "TagResource",
    { resourceArn: "a", tags: ["x"] },
    ["SerializationException", "STRING_VALUE can not be converted to a structure (at 'tags.1.member')"],
  ],
];

for (const [name, operation, input, expected] of accepted) {
  test(`accepts: ${name}`, () => {
    assert.deepEqual(checkRequest(shapes[operation], input), expected);
  });
}

for (const [name, operation, input, expected] of refused) {
  test(`refuses: ${name}`, () => {
    assert.throws(
      () => checkRequest(shapes[operation], input),
      (error) => {
        assert(error instanceof ServiceError);
        assert.deepEqual([error.code, error.message], expected);
        return true;
      },
    );
  });
}

test("every operation of the API has a shape", () => {
  assert.equal(Object.keys(shapes).length, 37);
});

test("raised limits are the limits that a request is checked against", () => {
  const raised = requestShapes({ ...SERVICE_LIMITS, payloadBytes: 1_000_000 });
  const input = { stateMachineArn: "a", input: "1".repeat(300_000) };
  assert.deepEqual(checkRequest(raised.StartExecution, input), input);
});
