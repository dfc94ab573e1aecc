// Errors in the words of the service, one row for each that a recording of the real one holds: the situation, the request,
// the answer. (Names, accounts and numbers are ours; the words are the service's.)

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { createFakeEngine } from "./fake-engine.ts";

const caller = { region: "us-east-1", account: "123456789012" };
const arn = (rest: string): string => `arn:aws:states:us-east-1:123456789012:${rest}`;
const stateMachineArn = arn("stateMachine:m");
const executionArn = arn("execution:m:e");
const activityArn = arn("activity:a");
const roleArn = "arn:aws:iam::123456789012:role/r";
const version = (number: number): string => `${stateMachineArn}:${number}`;

const text = (states: JsonObject, startAt: string = Object.keys(states)[0] ?? ""): string =>
  JSON.stringify({ StartAt: startAt, States: states });
const PASS = text({ A: { Type: "Pass", End: true } });
const OTHER = text({ B: { Type: "Pass", End: true } });
const m = { name: "m", definition: PASS, roleArn };

type Step = readonly [operation: string, input: JsonObject];
type Row = readonly [given: readonly Step[], request: Step, code: string, message: string];

const created: Step = ["CreateStateMachine", m];
const versions: readonly Step[] = [
  ["CreateStateMachine", { ...m, publish: true }],
  ["UpdateStateMachine", { stateMachineArn, definition: OTHER, publish: true }],
  ["UpdateStateMachine", { stateMachineArn, definition: PASS, publish: true }],
];
const express: Step = ["CreateStateMachine", { ...m, type: "EXPRESS" }];
const expressArn = arn("express:m:e:0b2e1d5e-2f0f-4f0a-9d8a-5d0f5f6d7e8f");

const route = (stateMachineVersionArn: string, weight: number): JsonObject => ({
  stateMachineVersionArn,
  weight,
});
const alias = (routingConfiguration: Json[], name = "live"): Step => [
  "CreateStateMachineAlias",
  { name, routingConfiguration },
];
const define = (definition: string, more: JsonObject = {}): Step => [
  "CreateStateMachine",
  { ...m, definition, ...more },
];
const schema = (problem: string): string =>
  `Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ${problem}'`;
const task = (name: string, resource: string, more: JsonObject = {}): string =>
  text({ [name]: { Type: "Task", Resource: resource, ...more, End: true } });
const logging = (configuration: JsonObject): JsonObject => ({ loggingConfiguration: configuration });
const group = (name: string): JsonObject => ({
  cloudWatchLogsLogGroup: { logGroupArn: `arn:aws:logs:us-east-1:123456789012:log-group:${name}` },
});
const aliasName = (name: string, constraint: string): Row => [
  versions,
  alias([route(version(1), 100)], name),
  "ValidationException",
  `1 validation error detected: Value '${name}' at 'name' failed to satisfy constraint: Member must ${constraint}`,
];
const ALIAS_PATTERN = String.raw`satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`;
const prefix = (operation: string, member: string, given: string): Row => [
  [created],
  [operation, { [member]: given }],
  "InvalidArn",
  `Invalid Arn: 'Invalid ARN prefix: ${given}'`,
];
const token = (length: number, most: number, operation: string, more: JsonObject = {}): Row => [
  [created, ["StartExecution", { stateMachineArn, name: "e" }]],
  [operation, { ...more, nextToken: "x".repeat(length) }],
  "ValidationException",
  `1 validation error detected: Value '${"x".repeat(length)}' at 'nextToken' failed to satisfy constraint: Member must have length less than or equal to ${most}`,
];

const rows: Readonly<Record<string, Row>> = {
  "an activity that there is not": [
    [],
    ["DescribeActivity", { activityArn }],
    "ActivityDoesNotExist",
    `Activity Does Not Exist: '${activityArn}'`,
  ],
  "a poll of an activity that there is not": [
    [],
    ["GetActivityTask", { activityArn }],
    "ActivityDoesNotExist",
    `Activity Does Not Exist: '${activityArn}'`,
  ],
  "an alias made again with another routing": [
    [...versions, alias([route(version(1), 100)])],
    alias([route(version(1), 50), route(version(2), 50)]),
    "ConflictException",
    "Failed to create alias because an alias with the same name and a different routing configuration already exists.",
  ],
  "a version that an alias refers to": [
    [...versions, alias([route(version(1), 100)])],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: version(1) }],
    "ConflictException",
    "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]",
  ],
  "a name that is taken, with another input": [
    [created, ["StartExecution", { stateMachineArn, name: "e", input: "1" }]],
    ["StartExecution", { stateMachineArn, name: "e", input: "2" }],
    "ExecutionAlreadyExists",
    `Execution Already Exists: '${executionArn}'`,
  ],
  "DescribeExecution of nothing": [
    [created],
    ["DescribeExecution", { executionArn }],
    "ExecutionDoesNotExist",
    `Execution Does Not Exist: '${executionArn}'`,
  ],
  "GetExecutionHistory of nothing": [
    [created],
    ["GetExecutionHistory", { executionArn }],
    "ExecutionDoesNotExist",
    `Execution Does Not Exist: '${executionArn}'`,
  ],
  ...Object.fromEntries(
    ["DescribeExecution", "GetExecutionHistory", "StopExecution", "DescribeStateMachineForExecution"].map(
      (operation) => [
        `${operation} of an Express execution`,
        [
          [express],
          [operation, { executionArn: expressArn }],
          "InvalidArn",
          "Invalid Arn: 'Resource type not valid in this context: express'",
        ] satisfies Row,
      ],
    ),
  ),
  "DescribeActivity by no ARN": prefix("DescribeActivity", "activityArn", "no_an_activity_arn"),
  "GetActivityTask by no ARN": prefix("GetActivityTask", "activityArn", "no_an_activity_arn"),
  "DescribeExecution by no ARN": prefix("DescribeExecution", "executionArn", "invalid_state_machine_arn"),
  "GetExecutionHistory by no ARN": prefix("GetExecutionHistory", "executionArn", "invalid_state_machine_arn"),
  "DescribeStateMachine by no ARN": prefix("DescribeStateMachine", "stateMachineArn", "not_a_valid_arn"),
  "ListExecutions by no ARN": prefix("ListExecutions", "stateMachineArn", "invalid_state_machine_arn"),
  "PublishStateMachineVersion by no ARN": prefix(
    "PublishStateMachineVersion",
    "stateMachineArn",
    "invalid_arn",
  ),

  "Express: .sync": [
    [],
    define(
      task("StartExecution", "arn:aws:states:::states:startExecution.sync", {
        Parameters: { StateMachineArn: stateMachineArn },
      }),
      { type: "EXPRESS" },
    ),
    "InvalidDefinition",
    schema(
      "Express state machine does not support '.sync' service integration at /States/StartExecution/Resource",
    ),
  ],
  "Express: .waitForTaskToken": [
    [],
    define(
      task("Publish", "arn:aws:states:::sqs:sendMessage.waitForTaskToken", {
        Parameters: { QueueUrl: "q", "MessageBody.$": "$$.Task.Token" },
      }),
      { type: "EXPRESS" },
    ),
    "InvalidDefinition",
    // Two blanks: as it is recorded.
    schema(
      "Express state machine does not support '.waitForTaskToken' service integration  at /States/Publish/Resource",
    ),
  ],
  "Express: an activity": [
    [],
    define(task("ActivityTask", activityArn), { type: "EXPRESS" }),
    "InvalidDefinition",
    schema("Express state machine does not support Activity ARN at /States/ActivityTask/Resource"),
  ],
  "Credentials without RoleArn": [
    [],
    define(
      task("State0", "arn:aws:states:::lambda:invoke", {
        Parameters: { FunctionName: "f" },
        Credentials: {},
      }),
    ),
    "InvalidDefinition",
    schema("The field 'RoleArn' is required but was missing at /States/State0/Credentials"),
  ],
  "a type that there is not": [
    [],
    define(text({ ExistingButInvalidState: { Type: "No", End: true } })),
    "InvalidDefinition",
    schema(
      "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/ExistingButInvalidState/Type",
    ),
  ],
  "no States": [
    [],
    define('{"StartAt":"A"}'),
    "InvalidDefinition",
    schema("These fields are required: [States] at /"),
  ],
  "a Parallel without branches": [
    [],
    define(text({ StateName: { Type: "Parallel", Branches: [], End: true } })),
    "InvalidDefinition",
    schema("Value cannot be empty at /States/StateName/Branches"),
  ],
  "a Timestamp that is none": [
    [],
    define(text({ WaitUntil: { Type: "Wait", Timestamp: "2016-12-05 21:29:29Z", End: true } })),
    "InvalidDefinition",
    schema("String does not match RFC3339 timestamp at /States/WaitUntil/Timestamp"),
  ],
  "a resource that there is not": [
    [],
    define(task("Query", "arn:aws:states:::dynamodb:query", { Parameters: {} })),
    "InvalidDefinition",
    schema(
      "The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/Query/Resource",
    ),
  ],
  "a path that is none": [
    [],
    define(
      text({
        IntrinsicEscape: {
          Type: "Pass",
          Parameters: { "parsed.$": "States.Format('{}', 'it's')" },
          End: true,
        },
      }),
    ),
    "InvalidDefinition",
    schema(
      "The value for the field 'parsed.$' must be a valid JSONPath or a valid intrinsic function call at /States/IntrinsicEscape/Parameters",
    ),
  ],

  "an empty input": [
    [created],
    ["StartExecution", { stateMachineArn, input: "" }],
    "InvalidExecutionInput",
    "Invalid State Machine Execution Input: 'Invalid execution input.'",
  ],
  "an input with single quotes": [
    [created],
    ["StartExecution", { stateMachineArn, input: "{'a': 1}" }],
    "InvalidExecutionInput",
    "Invalid State Machine Execution Input: 'Unexpected character (''' (code 39)): was expecting double-quote to start field name'",
  ],
  "an input that is text": [
    [created],
    ["StartExecution", { stateMachineArn, input: "not some JSON" }],
    "InvalidExecutionInput",
    "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
  ],

  "a log group that is none": [
    [],
    define(PASS, logging({ level: "ALL", destinations: [group("no wildcard")] })),
    "InvalidLoggingConfiguration",
    "Invalid Logging Configuration: Log Destination not found.",
  ],
  "no destination": [
    [],
    define(PASS, logging({ level: "ALL" })),
    "InvalidLoggingConfiguration",
    "Invalid Logging Configuration: Must specify exactly one Log Destination.",
  ],
  "two destinations": [
    [],
    define(PASS, logging({ level: "ALL", destinations: [group("a:*"), group("b:*")] })),
    "InvalidLoggingConfiguration",
    "Invalid Logging Configuration: Must specify exactly one Log Destination.",
  ],
  "no destination, updated": [
    [created],
    ["UpdateStateMachine", { stateMachineArn, ...logging({ level: "ALL", destinations: [] }) }],
    "InvalidLoggingConfiguration",
    "Invalid Logging Configuration: Must specify exactly one Log Destination.",
  ],
  "a token of nobody": [
    [created],
    ["ListStateMachineAliases", { stateMachineArn, nextToken: "InvalidToken" }],
    "InvalidToken",
    "Invalid Token: 'Invalid token'",
  ],
  "an update of nothing": [
    [created],
    ["UpdateStateMachine", { stateMachineArn }],
    "MissingRequiredParameter",
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
  ],
  "an alias that there is not": [
    versions,
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: `${stateMachineArn}:live`, routingConfiguration: [route(version(1), 100)] },
    ],
    "ResourceNotFound",
    "Request references a resource that does not exist.",
  ],
  "a name with another definition": [
    [created],
    define(OTHER),
    "StateMachineAlreadyExists",
    `State Machine Already Exists: '${stateMachineArn}'`,
  ],
  "a name with the same definition, written differently": [
    [created],
    define(JSON.stringify(JSON.parse(PASS), undefined, 2)),
    "StateMachineAlreadyExists",
    `State Machine Already Exists: '${stateMachineArn}'`,
  ],
  "a version that there is not": [
    [created],
    ["DescribeStateMachine", { stateMachineArn: version(2) }],
    "StateMachineDoesNotExist",
    `State Machine Does Not Exist: '${version(2)}'`,
  ],
  ...Object.fromEntries(
    ["DescribeStateMachine", "ListExecutions", "PublishStateMachineVersion", "StartExecution"].map(
      (operation) => [
        `${operation} of a machine that there is not`,
        [
          [],
          [operation, { stateMachineArn: arn("stateMachine:nonexistent") }],
          "StateMachineDoesNotExist",
          `State Machine Does Not Exist: '${arn("stateMachine:nonexistent")}'`,
        ] satisfies Row,
      ],
    ),
  ),
  "ListExecutions of an Express machine": [
    [express],
    ["ListExecutions", { stateMachineArn }],
    "StateMachineTypeNotSupported",
    "This operation is not supported by this type of state machine",
  ],
  "StartSyncExecution of a Standard machine": [
    [created],
    ["StartSyncExecution", { stateMachineArn }],
    "StateMachineTypeNotSupported",
    "This operation is not supported by this type of state machine",
  ],
  "too many results": [
    [created],
    ["ListStateMachines", { maxResults: 1001 }],
    "ValidationException",
    "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
  ],
  "a long token of aliases": token(1025, 1024, "ListStateMachineAliases", { stateMachineArn }),
  "a long token of versions": token(1025, 1024, "ListStateMachineVersions", { stateMachineArn }),
  "a long token of state machines": token(1025, 1024, "ListStateMachines"),
  "a long token of a history": token(1025, 1024, "GetExecutionHistory", { executionArn }),
  "a long token of executions": token(3097, 3096, "ListExecutions", { stateMachineArn }),
  "a status that there is not": [
    [created],
    ["ListExecutions", { stateMachineArn, statusFilter: "succeeded" }],
    "ValidationException",
    "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
  ],
  "a description of a version that is not published": [
    [],
    define(PASS, { versionDescription: "d" }),
    "ValidationException",
    "Version description can only be set when publish is true",
  ],

  "an alias's name with a mark": aliasName("!INVALID", ALIAS_PATTERN),
  "an alias's name of digits": aliasName("123", ALIAS_PATTERN),
  "an alias's name with @": aliasName("ALIAS@", ALIAS_PATTERN),
  "an alias's name with a blank": aliasName("INVALID ALIAS", ALIAS_PATTERN),
  "an alias's long name": aliasName("A".repeat(81), "have length less than or equal to 80"),
  "a weight above 100": [
    versions,
    alias([route(version(1), 101)]),
    "ValidationException",
    "1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100",
  ],
  "three routes": [
    versions,
    alias([route(version(1), 50), route(version(2), 30), route(version(3), 20)]),
    "ValidationException",
    `1 validation error detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn=${version(1)}, weight=50), RoutingConfigurationListItem(stateMachineVersionArn=${version(2)}, weight=30), RoutingConfigurationListItem(stateMachineVersionArn=${version(3)}, weight=20)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2`,
  ],
  "a version twice": [
    versions,
    alias([route(version(1), 50), route(version(1), 50)]),
    "ValidationException",
    `Routing configuration must contain distinct state machine version ARNs. Received: [${version(1)}, ${version(1)}]`,
  ],
  "a machine beside a version": [
    versions,
    alias([route(stateMachineArn, 70), route(version(2), 30)]),
    "ValidationException",
    `Routing configuration must contain state machine version ARNs. Received: [${stateMachineArn}, ${version(2)}]`,
  ],
  "a machine for a version": [
    versions,
    alias([route(stateMachineArn, 100)]),
    "ValidationException",
    `Routing configuration must contain state machine version ARNs. Received: [${stateMachineArn}]`,
  ],
  "weights of 99": [
    versions,
    alias([route(version(1), 70), route(version(2), 29)]),
    "ValidationException",
    "Sum of routing configuration weights must equal 100. Received: [70, 29]",
  ],
  "weights of 101": [
    versions,
    alias([route(version(1), 70), route(version(2), 31)]),
    "ValidationException",
    "Sum of routing configuration weights must equal 100. Received: [70, 31]",
  ],
};

async function run([given, [operation, input], code, message]: Row): Promise<void> {
  const api = createApi(createFakeEngine(), { limits: SERVICE_LIMITS, ...caller });
  const call = (name: string, request: JsonObject): Promise<JsonObject> =>
    api.call(name, request, caller, new AbortController().signal);
  for (const [name, request] of given) await call(name, request);
  await assert.rejects(call(operation, input), (error) => {
    assert.ok(error instanceof ServiceError, String(error));
    assert.deepEqual({ code: error.code, message: error.message }, { code, message });
    return true;
  });
}

for (const [situation, row] of Object.entries(rows)) test(situation, () => run(row));

/** Blanks, brackets and marks that a name must not have; of control characters those at the ends of their ranges. */
const MARKS = [...' #$%&*,/:;<>?[\\]^`{|}~"'.split(""), "\u0000", "\u001f", "\u007f", "\u009f"];

test(`a name with one of ${MARKS.length} marks is no name, of an activity, a machine or an execution`, async () => {
  assert.equal(MARKS.length, 27);
  for (const mark of MARKS) {
    const name = `activity${mark}name`;
    const message = `Invalid Name: '${name}'`;
    await run([[], ["CreateActivity", { name }], "InvalidName", message]);
    await run([[], ["CreateStateMachine", { ...m, name }], "InvalidName", message]);
    await run([[created], ["StartExecution", { stateMachineArn, name }], "InvalidName", message]);
  }
  await run([[], ["CreateActivity", { name: " activity" }], "InvalidName", "Invalid Name: ' activity'"]);
});
