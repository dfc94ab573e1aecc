// Operations, as a caller in this process sees them: stories of calls and their whole answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { Api } from "../../src/api/index.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import type { FakeEngine } from "./fake-engine.ts";
import { createFakeEngine } from "./fake-engine.ts";

const caller = { region: "us-east-1", account: "123456789012" };
const arn = (rest: string): string => `arn:aws:states:us-east-1:123456789012:${rest}`;
const machineArn = arn("stateMachine:m");
const roleArn = "arn:aws:iam::123456789012:role/r";
const definition = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}';
const definition2 = '{"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}';
const waiting = '{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}';
const variables =
  '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "B"}, "B": {"Type": "Pass", "OutputPath": "$x", "End": true}}}';
const noState = '{"StartAt": "A"}';
const m = { name: "m", definition, roleArn };
/** The fake engine's clock, as the wire shows it. */
const now = 1767323045.678;
const group = arn("x").replace(":states:", ":logs:").replace(/:x$/, ":log-group:/g:*");
const logging = { level: "ALL", destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: group } }] };
const defaults = {
  encryptionConfiguration: { type: "AWS_OWNED_KEY" },
  loggingConfiguration: { includeExecutionData: false, level: "OFF" },
  tracingConfiguration: { enabled: false },
};
const described = {
  stateMachineArn: machineArn,
  name: "m",
  status: "ACTIVE",
  type: "STANDARD",
  creationDate: now,
  definition,
  roleArn,
  ...defaults,
};

/** An operation, its input, and its answer: all of it, or `[code, message]`, or nothing if it does not matter. */
type Step = readonly [
  operation: string,
  input: JsonObject,
  expected?: JsonObject | readonly [string, string],
];

const created: Step = ["CreateStateMachine", m, { stateMachineArn: machineArn, creationDate: now }];
const createdWaiting: Step = ["CreateStateMachine", { ...m, definition: waiting }];
const executionArn = arn("execution:m:e");
const started: Step = [
  "StartExecution",
  { stateMachineArn: machineArn, name: "e", input: '{"a": 1}' },
  { executionArn, startDate: now },
];
const noMachine = (shown = machineArn): readonly [string, string] => [
  "StateMachineDoesNotExist",
  `State Machine Does Not Exist: '${shown}'`,
];
const invalidArn = (problem: string): readonly [string, string] => [
  "InvalidArn",
  `Invalid Arn: '${problem}'`,
];
const noDestination = [
  "InvalidLoggingConfiguration",
  "Invalid Logging Configuration: Must specify exactly one Log Destination.",
] as const;
const data = { input: '{"a": 1}', inputDetails: { truncated: false } };
const history = [
  {
    timestamp: now,
    type: "ExecutionStarted",
    id: 1,
    previousEventId: 0,
    executionStartedEventDetails: { ...data, roleArn },
  },
  {
    timestamp: now,
    type: "PassStateEntered",
    id: 2,
    previousEventId: 0,
    stateEnteredEventDetails: { ...data, name: "A" },
  },
  {
    timestamp: now,
    type: "PassStateExited",
    id: 3,
    previousEventId: 2,
    stateExitedEventDetails: { name: "A", output: '{"a": 1}', outputDetails: { truncated: false } },
  },
  {
    timestamp: now,
    type: "ExecutionSucceeded",
    id: 4,
    previousEventId: 3,
    executionSucceededEventDetails: { output: '{"a": 1}', outputDetails: { truncated: false } },
  },
];

const stories: Readonly<Record<string, readonly Step[]>> = {
  // State machines
  "a new machine is described with its defaults and without a revision": [
    created,
    ["DescribeStateMachine", { stateMachineArn: machineArn }, described],
  ],
  "metadata comes without the definition": [
    created,
    [
      "DescribeStateMachine",
      { stateMachineArn: machineArn, includedData: "METADATA_ONLY" },
      { ...described, definition: "{}" },
    ],
  ],
  "the same machine may be created again, with another role and other tags": [
    created,
    created,
    [
      "CreateStateMachine",
      { ...m, roleArn: `${roleArn}2`, tags: [{ key: "k", value: "v" }] },
      { stateMachineArn: machineArn, creationDate: now },
    ],
  ],
  "a name is taken by another definition, were it only another layout": [
    created,
    [
      "CreateStateMachine",
      { ...m, definition: definition.replaceAll(" ", "") },
      ["StateMachineAlreadyExists", `State Machine Already Exists: '${machineArn}'`],
    ],
  ],
  "a name is taken by other settings": [
    created,
    [
      "CreateStateMachine",
      { ...m, tracingConfiguration: { enabled: true } },
      ["StateMachineAlreadyExists", `State Machine Already Exists: '${machineArn}'`],
    ],
  ],
  "a name with a forbidden character": [
    ["CreateStateMachine", { ...m, name: "a b" }, ["InvalidName", "Invalid Name: 'a b'"]],
  ],
  "a role that is no ARN": [
    ["CreateStateMachine", { ...m, roleArn: "role" }, ["InvalidArn", "Invalid Role Arn: 'role'"]],
  ],
  "a definition that is invalid": [
    [
      "CreateStateMachine",
      { ...m, definition: noState },
      [
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
      ],
    ],
    ["DescribeStateMachine", { stateMachineArn: machineArn }, noMachine()],
  ],
  "an Express machine is started, and its executions are not shown": [
    ["CreateStateMachine", { ...m, type: "EXPRESS" }, { stateMachineArn: machineArn, creationDate: now }],
    ["StartExecution", { stateMachineArn: machineArn }],
    ["StartSyncExecution", { stateMachineArn: machineArn }],
    [
      "ListExecutions",
      { stateMachineArn: machineArn },
      ["StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"],
    ],
    [
      "DescribeExecution",
      { executionArn: arn("express:m:e:1") },
      ["InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'"],
    ],
  ],
  "a synchronous start is for Express": [
    created,
    [
      "StartSyncExecution",
      { stateMachineArn: machineArn },
      ["StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"],
    ],
  ],
  "a wrong Express machine is refused": [
    [
      "CreateStateMachine",
      { ...m, type: "EXPRESS", definition: noState },
      [
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
      ],
    ],
    ["ListStateMachines", {}, { stateMachines: [] }],
  ],
  "a version description needs a version": [
    [
      "CreateStateMachine",
      { ...m, versionDescription: "d" },
      ["ValidationException", "Version description can only be set when publish is true"],
    ],
  ],
  "logging is kept with its destination": [
    ["CreateStateMachine", { ...m, loggingConfiguration: logging }],
    [
      "DescribeStateMachine",
      { stateMachineArn: machineArn },
      { ...described, loggingConfiguration: { ...logging, includeExecutionData: false } },
    ],
  ],
  "an empty list of destinations is shown as it was given": [
    ["CreateStateMachine", { ...m, loggingConfiguration: { destinations: [] } }],
    [
      "DescribeStateMachine",
      { stateMachineArn: machineArn },
      { ...described, loggingConfiguration: { destinations: [], includeExecutionData: false, level: "OFF" } },
    ],
  ],
  "logging needs exactly one destination": [
    ["CreateStateMachine", { ...m, loggingConfiguration: { level: "ALL" } }, noDestination],
    ["CreateStateMachine", { ...m, loggingConfiguration: { level: "ALL", destinations: [] } }, noDestination],
    [
      "CreateStateMachine",
      { ...m, loggingConfiguration: { destinations: [...logging.destinations, ...logging.destinations] } },
      noDestination,
    ],
    [
      "CreateStateMachine",
      { ...m, loggingConfiguration: { level: "ALL", destinations: [{}] } },
      noDestination,
    ],
  ],
  "a destination that is no log group": [
    [
      "CreateStateMachine",
      {
        ...m,
        loggingConfiguration: {
          level: "ALL",
          destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: "g" } }],
        },
      },
      ["InvalidLoggingConfiguration", "Invalid Logging Configuration: Log Destination not found."],
    ],
  ],
  "a key of one's own is refused": [
    [
      "CreateStateMachine",
      { ...m, encryptionConfiguration: { type: "CUSTOMER_MANAGED_KMS_KEY", kmsKeyId: "k" } },
      [
        "InvalidEncryptionConfiguration",
        "Invalid Encryption Configuration: CUSTOMER_MANAGED_KMS_KEY is not available in this version of Stepwell.",
      ],
    ],
  ],
  "an update of nothing": [
    created,
    [
      "UpdateStateMachine",
      { stateMachineArn: machineArn },
      [
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
      ],
    ],
  ],
  "an update with what is there already makes no revision": [
    created,
    ["UpdateStateMachine", { stateMachineArn: machineArn, definition }, { updateDate: now }],
    ["DescribeStateMachine", { stateMachineArn: machineArn }, described],
  ],
  "an update with an invalid definition": [
    created,
    [
      "UpdateStateMachine",
      { stateMachineArn: machineArn, definition: noState },
      [
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
      ],
    ],
    ["DescribeStateMachine", { stateMachineArn: machineArn }, described],
  ],
  "an update of a version": [
    created,
    ["UpdateStateMachine", { stateMachineArn: `${machineArn}:2`, definition }, noMachine(`${machineArn}:2`)],
  ],
  "an update of a labelled machine": [
    [
      "UpdateStateMachine",
      { stateMachineArn: `${machineArn}/l`, definition },
      [
        "ValidationException",
        `This operation does not support the labelled state machine ARN '${machineArn}/l'`,
      ],
    ],
  ],
  "the variables that states read are shown": [
    ["CreateStateMachine", { ...m, definition: variables }],
    [
      "DescribeStateMachine",
      { stateMachineArn: machineArn },
      { ...described, definition: variables, variableReferences: { B: ["x"] } },
    ],
  ],
  "a deleted machine is gone, and may be deleted again": [
    created,
    ["DeleteStateMachine", { stateMachineArn: machineArn }, {}],
    ["DeleteStateMachine", { stateMachineArn: machineArn }, {}],
    ["DescribeStateMachine", { stateMachineArn: machineArn }, noMachine()],
    ["ListExecutions", { stateMachineArn: machineArn }, noMachine()],
  ],
  "ARNs of the wrong kind": [
    ["DescribeStateMachine", { stateMachineArn: "not_an_arn" }, invalidArn("Invalid ARN prefix: not_an_arn")],
    [
      "DescribeStateMachine",
      { stateMachineArn: arn("activity:a") },
      invalidArn("Resource type not valid in this context: activity"),
    ],
    [
      "DescribeStateMachine",
      { stateMachineArn: "arn:aws:lambda:r:1:function:f" },
      invalidArn("Service not valid in this context: lambda"),
    ],
    [
      "DescribeStateMachine",
      { stateMachineArn: arn("stateMachine:a:b:c") },
      invalidArn(`Invalid state machine ARN: ${arn("stateMachine:a:b:c")}`),
    ],
    [
      "DescribeExecution",
      { executionArn: machineArn },
      invalidArn("Resource type not valid in this context: stateMachine"),
    ],
    [
      "DescribeExecution",
      { executionArn: arn("execution:m") },
      invalidArn(`Invalid execution ARN: ${arn("execution:m")}`),
    ],
    [
      "DescribeActivity",
      { activityArn: machineArn },
      invalidArn("Resource type not valid in this context: stateMachine"),
    ],
    ["ListTagsForResource", { resourceArn: "x" }, invalidArn("Invalid ARN prefix: x")],
  ],
  "Express executions are not known by their ARN": [
    "DescribeExecution",
    "StopExecution",
    "GetExecutionHistory",
    "DescribeStateMachineForExecution",
  ].map((name) => [
    name,
    { executionArn: arn("express:m:e:1") },
    invalidArn("Resource type not valid in this context: express"),
  ]),

  // Executions
  "an execution is described as it ended": [
    created,
    started,
    [
      "DescribeExecution",
      { executionArn },
      {
        executionArn,
        stateMachineArn: machineArn,
        name: "e",
        status: "SUCCEEDED",
        startDate: now,
        stopDate: now,
        input: '{"a": 1}',
        inputDetails: { included: true },
        output: '{"a": 1}',
        outputDetails: { included: true },
        redriveCount: 0,
        redriveStatus: "NOT_REDRIVABLE",
        redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
      },
    ],
  ],
  "metadata comes without data": [
    created,
    started,
    [
      "DescribeExecution",
      { executionArn, includedData: "METADATA_ONLY" },
      {
        executionArn,
        stateMachineArn: machineArn,
        name: "e",
        status: "SUCCEEDED",
        startDate: now,
        stopDate: now,
        inputDetails: { included: false },
        outputDetails: { included: false },
        redriveCount: 0,
        redriveStatus: "NOT_REDRIVABLE",
        redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
      },
    ],
  ],
  "an open execution cannot be redriven, a stopped one could": [
    createdWaiting,
    ["StartExecution", { stateMachineArn: machineArn, name: "e", traceHeader: "Root=1" }],
    [
      "DescribeExecution",
      { executionArn },
      {
        executionArn,
        stateMachineArn: machineArn,
        name: "e",
        status: "RUNNING",
        startDate: now,
        input: "{}",
        inputDetails: { included: true },
        traceHeader: "Root=1",
        redriveCount: 0,
        redriveStatus: "NOT_REDRIVABLE",
        redriveStatusReason: "Execution is RUNNING and cannot be redriven",
      },
    ],
    ["StopExecution", { executionArn, error: "E", cause: "C" }, { stopDate: now }],
    ["StopExecution", { executionArn }, { stopDate: now }],
    [
      "DescribeExecution",
      { executionArn },
      {
        executionArn,
        stateMachineArn: machineArn,
        name: "e",
        status: "ABORTED",
        startDate: now,
        stopDate: now,
        input: "{}",
        inputDetails: { included: true },
        error: "E",
        cause: "C",
        traceHeader: "Root=1",
        redriveCount: 0,
        redriveStatus: "REDRIVABLE",
      },
    ],
  ],
  "an open execution is started again by the same name and input only": [
    createdWaiting,
    started,
    started,
    [
      "StartExecution",
      { stateMachineArn: machineArn, name: "e", input: "2" },
      ["ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`],
    ],
  ],
  "inputs that are no JSON": [
    created,
    [
      "StartExecution",
      { stateMachineArn: machineArn, input: "" },
      ["InvalidExecutionInput", "Invalid State Machine Execution Input: 'Invalid execution input.'"],
    ],
    [
      "StartExecution",
      { stateMachineArn: machineArn, input: "not some json" },
      [
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
      ],
    ],
    [
      "StartExecution",
      { stateMachineArn: machineArn, input: "{'not': 'json'" },
      [
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input: 'Unexpected character (''' (code 39)): was expecting double-quote to start field name'",
      ],
    ],
  ],
  "an input that is too large in bytes": [
    created,
    [
      "StartExecution",
      { stateMachineArn: machineArn, input: `"${"ä".repeat(140_000)}"` },
      [
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input: 'Size 280002 bytes exceeds the limit of 262144 bytes'",
      ],
    ],
  ],
  "starting what is not there": [
    ["StartExecution", { stateMachineArn: machineArn }, noMachine()],
    ["StartExecution", { stateMachineArn: `${machineArn}:1` }, noMachine(`${machineArn}:1`)],
    ["StartExecution", { stateMachineArn: machineArn, name: "a/b" }, ["InvalidName", "Invalid Name: 'a/b'"]],
  ],
  "asking for an execution that is not there": [
    "DescribeExecution",
    "StopExecution",
    "GetExecutionHistory",
    "DescribeStateMachineForExecution",
    "ListMapRuns",
  ].map((name) => [
    name,
    { executionArn },
    ["ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`],
  ]),
  "an execution keeps the definition it began with": [
    created,
    started,
    ["UpdateStateMachine", { stateMachineArn: machineArn, definition: definition2 }],
    [
      "DescribeStateMachineForExecution",
      { executionArn },
      { stateMachineArn: machineArn, name: "m", updateDate: now, definition, roleArn, ...defaults },
    ],
  ],
  "an execution has no map runs": [created, started, ["ListMapRuns", { executionArn }, { mapRuns: [] }]],
  "a history in both orders": [
    created,
    started,
    ["GetExecutionHistory", { executionArn }, { events: history }],
    ["GetExecutionHistory", { executionArn, reverseOrder: true }, { events: history.toReversed() }],
  ],
  "a history without data": [
    created,
    started,
    [
      "GetExecutionHistory",
      { executionArn, includeExecutionData: false },
      {
        events: [
          { ...history[0], executionStartedEventDetails: { roleArn } },
          { ...history[1], stateEnteredEventDetails: { name: "A" } },
          { ...history[2], stateExitedEventDetails: { name: "A" } },
          { ...history[3], executionSucceededEventDetails: {} },
        ] as Json,
      },
    ],
  ],
  "listing executions needs one kind of parent": [
    [
      "ListExecutions",
      {},
      ["ValidationException", "Exactly one of stateMachineArn and mapRunArn must be specified"],
    ],
    [
      "ListExecutions",
      { stateMachineArn: "a", mapRunArn: "b" },
      ["ValidationException", "Exactly one of stateMachineArn and mapRunArn must be specified"],
    ],
    ["ListExecutions", { mapRunArn: "b" }, invalidArn("Invalid ARN prefix: b")],
    [
      "ListExecutions",
      { stateMachineArn: machineArn, redriveFilter: "REDRIVEN" },
      ["ValidationException", "redriveFilter can only be used with mapRunArn"],
    ],
    [
      "ListExecutions",
      { stateMachineArn: machineArn, statusFilter: "PENDING_REDRIVE" },
      ["ValidationException", "The statusFilter PENDING_REDRIVE can only be used with mapRunArn"],
    ],
    ["ListExecutions", { stateMachineArn: "x" }, invalidArn("Invalid ARN prefix: x")],
    ["ListExecutions", { stateMachineArn: machineArn }, noMachine()],
  ],
  "executions are listed by status": [
    created,
    started,
    [
      "ListExecutions",
      { stateMachineArn: machineArn, statusFilter: "SUCCEEDED", maxResults: 0 },
      {
        executions: [
          {
            executionArn,
            stateMachineArn: machineArn,
            name: "e",
            status: "SUCCEEDED",
            startDate: now,
            stopDate: now,
            redriveCount: 0,
          },
        ],
      },
    ],
    ["ListExecutions", { stateMachineArn: machineArn, statusFilter: "RUNNING" }, { executions: [] }],
  ],

  // Activities
  "an activity is made once": [
    ["CreateActivity", { name: "a" }, { activityArn: arn("activity:a"), creationDate: now }],
    [
      "CreateActivity",
      { name: "a", tags: [{ key: "k" }] },
      { activityArn: arn("activity:a"), creationDate: now },
    ],
    [
      "DescribeActivity",
      { activityArn: arn("activity:a") },
      {
        activityArn: arn("activity:a"),
        name: "a",
        creationDate: now,
        encryptionConfiguration: { type: "AWS_OWNED_KEY" },
      },
    ],
    [
      "ListActivities",
      {},
      { activities: [{ activityArn: arn("activity:a"), name: "a", creationDate: now }] },
    ],
    ["DeleteActivity", { activityArn: arn("activity:a") }, {}],
    ["DeleteActivity", { activityArn: arn("activity:a") }, {}],
  ],
  "asking for an activity that is not there": [
    [
      "DescribeActivity",
      { activityArn: arn("activity:a") },
      ["ActivityDoesNotExist", `Activity Does Not Exist: '${arn("activity:a")}'`],
    ],
    [
      "GetActivityTask",
      { activityArn: arn("activity:a") },
      ["ActivityDoesNotExist", `Activity Does Not Exist: '${arn("activity:a")}'`],
    ],
  ],
  "tokens and outputs that are invalid": [
    ["SendTaskSuccess", { taskToken: "t", output: "{}" }, ["InvalidToken", "Invalid Token: 'Invalid token'"]],
    ["SendTaskFailure", { taskToken: "t" }, ["InvalidToken", "Invalid Token: 'Invalid token'"]],
    ["SendTaskHeartbeat", { taskToken: "t" }, ["InvalidToken", "Invalid Token: 'Invalid token'"]],
    [
      "SendTaskSuccess",
      { taskToken: "t", output: "nope" },
      [
        "InvalidOutput",
        "Invalid Output: 'Unrecognized token 'nope': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
      ],
    ],
  ],

  // Tags
  "tags are added, replaced and removed": [
    ["CreateStateMachine", { ...m, tags: [{ key: "a", value: "1" }] }],
    [
      "TagResource",
      { resourceArn: machineArn, tags: [{ key: "b", value: "2" }, { key: "a", value: "3" }, { key: "b" }] },
      {},
    ],
    [
      "ListTagsForResource",
      { resourceArn: machineArn },
      {
        tags: [
          { key: "a", value: "3" },
          { key: "b", value: "" },
        ],
      },
    ],
    ["UntagResource", { resourceArn: machineArn, tagKeys: ["a", "a", "c"] }, {}],
    ["ListTagsForResource", { resourceArn: machineArn }, { tags: [{ key: "b", value: "" }] }],
  ],
  "only machines and activities have tags": [
    created,
    [
      "TagResource",
      { resourceArn: `${machineArn}:1`, tags: [] },
      ["ResourceNotFound", `Resource not found: '${machineArn}:1'`],
    ],
    [
      "UntagResource",
      { resourceArn: `${machineArn}:1`, tagKeys: [] },
      ["ResourceNotFound", `Resource not found: '${machineArn}:1'`],
    ],
  ],
  "too many tags": [
    [
      "CreateStateMachine",
      { ...m, tags: Array.from({ length: 51 }, (_, i) => ({ key: `k${i}`, value: "" })) },
      ["TooManyTags", "Too many tags: at most 50 per resource"],
    ],
  ],
  "a tag with a forbidden character": [
    [
      "CreateActivity",
      { name: "a", tags: [{ key: "<", value: "" }] },
      [
        "ValidationException",
        "Invalid tag '<': tags may hold letters, digits, white space and the characters _ . : / = + - @ only.",
      ],
    ],
  ],

  // Definitions and the rest
  "a definition is validated": [
    ["ValidateStateMachineDefinition", { definition }, { result: "OK", diagnostics: [], truncated: false }],
    [
      "ValidateStateMachineDefinition",
      {
        definition: '{"StartAt":"X","States":{"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}}}',
        maxResults: 1,
      },
      {
        result: "FAIL",
        diagnostics: [
          {
            severity: "ERROR",
            code: "MISSING_TRANSITION_TARGET",
            message: "Missing 'Next' target: X",
            location: "/StartAt",
          },
        ],
        truncated: true,
      },
    ],
    [
      "ValidateStateMachineDefinition",
      {
        definition: '{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"v":1},"End":true}}}',
        severity: "WARNING",
      },
      {
        result: "OK",
        diagnostics: [
          {
            severity: "WARNING",
            code: "UNUSED_VARIABLE",
            message: "The variable 'v' is assigned, but nothing in its scope reads it",
            location: "/States/A/Assign/v",
          },
        ],
        truncated: false,
      },
    ],
    [
      "ValidateStateMachineDefinition",
      { definition: noState, severity: "WARNING", maxResults: 1 },
      {
        result: "FAIL",
        diagnostics: [
          {
            severity: "ERROR",
            code: "SCHEMA_VALIDATION_FAILED",
            message: "These fields are required: [States]",
            location: "/",
          },
        ],
        truncated: false,
      },
    ],
  ],
  "an operation that nobody has": [
    ["Nothing", {}, ["UnknownOperationException", "There is no operation 'Nothing'."]],
  ],
};

function setUp(activityPollMs = 60_000): {
  readonly api: Api;
  readonly engine: FakeEngine;
  readonly call: (operation: string, input: JsonObject) => Promise<JsonObject>;
} {
  const engine = createFakeEngine();
  const api = createApi(engine, {
    account: "000000000000",
    region: "us-east-1",
    limits: SERVICE_LIMITS,
    activityPollMs,
  });
  const { signal } = new AbortController();
  return { api, engine, call: (operation, input) => api.call(operation, input, caller, signal) };
}

for (const [name, steps] of Object.entries(stories)) {
  test(name, async () => {
    const { call } = setUp();
    assert.ok(steps.length > 0);
    for (const [operation, input, expected] of steps) {
      const outcome = await call(operation, input).catch((error: unknown) => {
        if (error instanceof ServiceError) return [error.code, error.message] as const;
        throw error;
      });
      if (expected !== undefined)
        assert.deepEqual(outcome, expected, `${operation} ${JSON.stringify(input).slice(0, 200)}`);
    }
  });
}

test("an update makes a revision that is shown from then on", async () => {
  const { call, engine } = setUp();
  await call("CreateStateMachine", m);
  engine.advance(1000);
  const { revisionId, ...rest } = await call("UpdateStateMachine", {
    stateMachineArn: machineArn,
    definition: definition2,
    loggingConfiguration: logging,
  });
  assert.deepEqual(rest, { updateDate: now + 1 });
  assert.match(String(revisionId), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const after = {
    ...described,
    definition: definition2,
    loggingConfiguration: { ...logging, includeExecutionData: false },
    revisionId,
  };
  assert.deepEqual(await call("DescribeStateMachine", { stateMachineArn: machineArn }), after);
  assert.deepEqual(await call("UpdateStateMachine", { stateMachineArn: machineArn, roleArn }), {
    updateDate: now + 1,
    revisionId,
  });
  const { executionArn: begun } = await call("StartExecution", { stateMachineArn: machineArn });
  const shown = await call("DescribeStateMachineForExecution", { executionArn: begun as string });
  assert.equal(shown["revisionId"], revisionId);
  assert.equal(shown["updateDate"], now + 1);
});

const errorMembers: readonly (readonly [string, JsonObject, JsonObject])[] = [
  ["TagResource", { resourceArn: machineArn, tags: [] }, { resourceName: machineArn }],
  ["StartExecution", { stateMachineArn: `${machineArn}/l` }, { reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS" }],
];
for (const [operation, input, members] of errorMembers) {
  test(`the error of ${operation} has its further members`, async () => {
    const { call } = setUp();
    await assert.rejects(call(operation, input), (error) => {
      assert(error instanceof ServiceError);
      assert.deepEqual(error.members, members);
      return true;
    });
  });
}

/** Each list of the API, with five things to list, in pages of two. */
const lists: readonly (readonly [
  operation: string,
  input: JsonObject,
  member: string,
  key: string,
  expected: readonly unknown[],
])[] = [
  ["ListStateMachines", {}, "stateMachines", "name", ["m", "m1", "m2", "m3", "m4"]],
  ["ListActivities", {}, "activities", "name", ["a0", "a1", "a2", "a3", "a4"]],
  ["ListExecutions", { stateMachineArn: machineArn }, "executions", "name", ["e4", "e3", "e2", "e1", "e0"]],
  ["GetExecutionHistory", { executionArn: arn("execution:m:e0") }, "events", "id", [1, 2, 3, 4]],
  [
    "GetExecutionHistory",
    { executionArn: arn("execution:m:e0"), reverseOrder: true },
    "events",
    "id",
    [4, 3, 2, 1],
  ],
];
async function setUpLists(): Promise<ReturnType<typeof setUp>> {
  const all = setUp();
  await all.call("CreateStateMachine", m);
  for (let i = 0; i < 5; i++) {
    await all.call("CreateActivity", { name: `a${i}` });
    await all.call("StartExecution", { stateMachineArn: machineArn, name: `e${i}` });
    if (i > 0) await all.call("CreateStateMachine", { ...m, name: `m${i}` });
  }
  // Of others: another region's and another account's are not listed.
  const signal = new AbortController().signal;
  await all.api.call("CreateStateMachine", m, { ...caller, region: "us-east-2" }, signal);
  await all.api.call("CreateActivity", { name: "z" }, { ...caller, account: "999999999999" }, signal);
  return all;
}
for (const [operation, input, member, key, expected] of lists) {
  test(`pages of ${operation} ${JSON.stringify(input)} hold everything once`, async () => {
    const { call } = await setUpLists();
    const seen: unknown[] = [];
    let nextToken: Json | undefined;
    do {
      const page: JsonObject = await call(operation, {
        ...input,
        maxResults: 2,
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      const items = page[member] as readonly JsonObject[];
      assert.ok(items.length > 0 && items.length <= 2);
      seen.push(...items.map((item) => item[key]));
      nextToken = page["nextToken"];
    } while (nextToken !== undefined);
    assert.deepEqual(seen, expected);
  });

  test(`a page token of ${operation} ${JSON.stringify(input)} is good for its question and its day only`, async () => {
    const { call, api, engine } = await setUpLists();
    const nextToken = (await call(operation, { ...input, maxResults: 2 }))["nextToken"] as string;
    const invalid = { code: "InvalidToken", message: "Invalid Token: 'Invalid token'" };
    const flipped = nextToken.slice(0, 30) + (nextToken[30] === "A" ? "B" : "A") + nextToken.slice(31);
    for (const token of ["x", flipped, `${nextToken}=`, ` ${nextToken}`, nextToken.slice(0, -4)]) {
      await assert.rejects(call(operation, { ...input, nextToken: token }), invalid, token);
    }
    const elsewhere = { ...caller, region: "us-east-2" };
    if (operation.startsWith("List")) {
      await assert.rejects(
        api.call(operation, { ...input, nextToken }, elsewhere, new AbortController().signal),
        invalid,
      );
    }
    // The size of the page may change from page to page.
    assert.ok(await call(operation, { ...input, nextToken, maxResults: 1 }));
    engine.advance(24 * 60 * 60 * 1000 + 1);
    await assert.rejects(call(operation, { ...input, nextToken }), invalid);
  });
}

test("the pages of a reversed history do not move when events are added", async () => {
  const { call } = setUp();
  await call("CreateStateMachine", { ...m, definition: waiting });
  await call("StartExecution", { stateMachineArn: machineArn, name: "e" });
  const question = { executionArn, reverseOrder: true, maxResults: 1 };
  const first = await call("GetExecutionHistory", question);
  await call("StopExecution", { executionArn });
  const second = await call("GetExecutionHistory", { ...question, nextToken: first["nextToken"] as string });
  const ids = [first, second].map((page) =>
    (page["events"] as readonly JsonObject[]).map(({ id }) => id as number),
  );
  assert.deepEqual(ids, [[2], [1]]);
  assert.equal(second["nextToken"], undefined);
});

test("tags that are changed at the same time are all kept", async () => {
  const { call } = setUp();
  await call("CreateStateMachine", m);
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  await Promise.all(
    keys.map((key) => call("TagResource", { resourceArn: machineArn, tags: [{ key, value: "" }] })),
  );
  const { tags } = await call("ListTagsForResource", { resourceArn: machineArn });
  assert.deepEqual(
    (tags as readonly JsonObject[]).map(({ key }) => key as string),
    keys,
  );
});

test("a task goes to the worker that polls, and its answers reach the engine", async () => {
  const { call, engine } = setUp();
  const { activityArn } = await call("CreateActivity", { name: "a" });
  const polled = call("GetActivityTask", { activityArn: activityArn as string, workerName: "w" });
  engine.offerTask(activityArn as string, { taskToken: "token", input: '{"x": 1}' });
  assert.deepEqual(await polled, { taskToken: "token", input: '{"x": 1}' });
  assert.deepEqual(await call("SendTaskHeartbeat", { taskToken: "token" }), {});
  assert.deepEqual(await call("SendTaskSuccess", { taskToken: "token", output: "[1, 2]" }), {});
  assert.deepEqual(await call("SendTaskFailure", { taskToken: "token", error: "E", cause: "C" }), {});
  assert.deepEqual(engine.calls, ["poll w", "heartbeat", "succeed [1, 2]", "fail E C"]);
});

test("a poll that nothing comes for ends empty", async () => {
  const { call } = setUp(1);
  const { activityArn } = await call("CreateActivity", { name: "a" });
  assert.deepEqual(await call("GetActivityTask", { activityArn: activityArn as string }), {});
});

test("the trace header of HTTP wins over the one of the body", async () => {
  const { api, call } = setUp();
  await call("CreateStateMachine", m);
  const input = { stateMachineArn: machineArn, name: "e", traceHeader: "Root=body" };
  await api.call(
    "StartExecution",
    input,
    { ...caller, traceHeader: "Root=http" },
    new AbortController().signal,
  );
  assert.equal((await call("DescribeExecution", { executionArn }))["traceHeader"], "Root=http");
});
