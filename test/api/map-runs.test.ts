// Map Runs and their children, as a caller in this process sees them: stories of calls and their whole answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import { type JsonObject, Payload } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import type { MapRun, MapRunChild, MapRunCounts, StateMachine } from "../../src/runtime/interface.ts";
import { createFakeEngine, type FakeEngine } from "./fake-engine.ts";

const caller = { region: "us-east-1", account: "123456789012" };
const arn = (rest: string): string => `arn:aws:states:us-east-1:123456789012:${rest}`;
const roleArn = "arn:aws:iam::123456789012:role/r";
const machineArn = arn("stateMachine:m");
const labelledArn = arn("stateMachine:m/each");
const executionArn = arn("execution:m:e");
const runArn = arn("mapRun:m/each:1");
const endedRunArn = arn("mapRun:m/each:0");
const childArn = arn("execution:m/each:c");
/** The fake engine's clock, as the wire shows it. */
const now = 1767323045.678;
const nowMs = now * 1000;

const processor = {
  ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
  StartAt: "W",
  States: { W: { Type: "Wait", Seconds: 60, End: true } },
};
const each = { Type: "Map", Label: "each", ItemProcessor: processor, End: true };
/** The Map is in a branch: it is looked for everywhere. */
const definition = JSON.stringify({
  QueryLanguage: "JSONata",
  StartAt: "P",
  States: {
    P: { Type: "Parallel", Branches: [{ StartAt: "Every #1", States: { "Every #1": each } }], End: true },
  },
});
const itemProcessor = JSON.stringify({ QueryLanguage: "JSONata", ...processor });
const settings = {
  encryptionConfiguration: { type: "AWS_OWNED_KEY" },
  loggingConfiguration: { includeExecutionData: false, level: "OFF" },
  tracingConfiguration: { enabled: false },
};

const none = {
  pending: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  timedOut: 0,
  aborted: 0,
  total: 0,
  resultsWritten: 0,
};
const uncounted: MapRunCounts = { ...none, failuresNotRedrivable: 0, pendingRedrive: 0 };
const run: MapRun = {
  mapRunArn: runArn,
  executionArn,
  stateMachineArn: labelledArn,
  startedAtMs: nowMs,
  status: "RUNNING",
  maxConcurrency: 0,
  toleratedFailureCount: 0,
  toleratedFailurePercentage: 12.5,
  items: { ...uncounted, pending: 30, running: 10, total: 40 },
  executions: { ...uncounted, pending: 3, running: 1, total: 4 },
  redriveCount: 0,
};
const endedRun: MapRun = {
  ...run,
  mapRunArn: endedRunArn,
  status: "FAILED",
  startedAtMs: nowMs - 9000,
  stoppedAtMs: nowMs - 1000,
  executions: { ...uncounted, failed: 1, failuresNotRedrivable: 1, pendingRedrive: 2, total: 3 },
  redriveCount: 2,
  redrivenAtMs: nowMs - 2000,
};
const shownRun = {
  mapRunArn: runArn,
  executionArn,
  status: "RUNNING",
  startDate: now,
  maxConcurrency: 0,
  toleratedFailurePercentage: 12.5,
  toleratedFailureCount: 0,
  itemCounts: { ...none, pending: 30, running: 10, total: 40 },
  executionCounts: { ...none, pending: 3, running: 1, total: 4 },
  redriveCount: 0,
};
const listed = { executionArn, mapRunArn: runArn, stateMachineArn: labelledArn, startDate: now };
const listedEnded = {
  executionArn,
  mapRunArn: endedRunArn,
  stateMachineArn: labelledArn,
  startDate: now - 9,
  stopDate: now - 1,
};

const child = (name: string, more: Partial<MapRunChild> = {}): MapRunChild => ({
  executionArn: arn(`execution:m/each:${name}`),
  name,
  status: "SUCCEEDED",
  startedAtMs: nowMs,
  stoppedAtMs: nowMs,
  itemCount: 10,
  redriveCount: 0,
  ...more,
});
const children = [
  child("c3", { status: "PENDING_REDRIVE" }),
  child("c2", { redriveCount: 1, redrivenAtMs: nowMs }),
  child("c1"),
];
const shownChild = (name: string, more: JsonObject = {}): JsonObject => ({
  executionArn: arn(`execution:m/each:${name}`),
  stateMachineArn: labelledArn,
  name,
  status: "SUCCEEDED",
  startDate: now,
  stopDate: now,
  mapRunArn: runArn,
  itemCount: 10,
  redriveCount: 0,
  ...more,
});
const shownChildren = [
  shownChild("c3", { status: "PENDING_REDRIVE" }),
  shownChild("c2", { redriveCount: 1, redriveDate: now }),
  shownChild("c1"),
];

const shownExecution = {
  executionArn: childArn,
  stateMachineArn: labelledArn,
  name: "c",
  startDate: now,
  input: '{"Items": [1]}',
  inputDetails: { included: true },
  mapRunArn: runArn,
  redriveCount: 0,
};
const labelledMachine = {
  stateMachineArn: labelledArn,
  name: "m/each",
  definition: itemProcessor,
  roleArn,
  ...settings,
  label: "each",
};

/** An operation, its input, and its answer: all of it, or `[code, message, further members]`. */
type Step = readonly [
  operation: string,
  input: JsonObject,
  expected: JsonObject | readonly [string, string, JsonObject?],
];
const refused = (problem: string): Step[2] => ["InvalidArn", `Invalid Arn: '${problem}'`, {}];
const noRun = (resourceName: string): Step[2] => [
  "ResourceNotFound",
  "Request references a resource that does not exist.",
  { resourceName },
];
const noLabels = (operation: string, input: JsonObject = {}): Step => [
  operation,
  { stateMachineArn: labelledArn, ...input },
  [
    "ValidationException",
    `This operation does not support the labelled state machine ARN '${labelledArn}'`,
    { reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS" },
  ],
];
const notRedrivable = (message: string): Step[2] => ["ExecutionNotRedrivable", message, {}];
const unsupported = "Resource type not valid in this context: express";

const stories: Readonly<Record<string, readonly Step[]>> = {
  "a Map Run that runs": [["DescribeMapRun", { mapRunArn: runArn }, shownRun]],
  "a Map Run that has ended, redriven": [
    [
      "DescribeMapRun",
      { mapRunArn: endedRunArn },
      {
        ...shownRun,
        mapRunArn: endedRunArn,
        status: "FAILED",
        startDate: now - 9,
        stopDate: now - 1,
        executionCounts: { ...none, failed: 1, failuresNotRedrivable: 1, pendingRedrive: 2, total: 3 },
        redriveCount: 2,
        redriveDate: now - 2,
      },
    ],
  ],
  "a Map Run that there is not": [
    ["DescribeMapRun", { mapRunArn: arn("mapRun:m/each:7") }, noRun(arn("mapRun:m/each:7"))],
    ["UpdateMapRun", { mapRunArn: arn("mapRun:m/x:1"), maxConcurrency: 1 }, noRun(arn("mapRun:m/x:1"))],
    ["ListExecutions", { mapRunArn: arn("mapRun:m/x:1") }, noRun(arn("mapRun:m/x:1"))],
  ],
  "ARNs of anything else": [
    ["DescribeMapRun", { mapRunArn: "x" }, refused("Invalid ARN prefix: x")],
    [
      "DescribeMapRun",
      { mapRunArn: executionArn },
      refused("Resource type not valid in this context: execution"),
    ],
    ["UpdateMapRun", { mapRunArn: arn("mapRun:m:1") }, refused(`Invalid Map Run ARN: ${arn("mapRun:m:1")}`)],
    [
      "ListExecutions",
      { mapRunArn: arn("mapRun:m/each") },
      refused(`Invalid Map Run ARN: ${arn("mapRun:m/each")}`),
    ],
    ["ListMapRuns", { executionArn: arn("express:m:e:1") }, refused(unsupported)],
  ],
  "the Map Runs of an execution, newest first": [
    ["ListMapRuns", { executionArn }, { mapRuns: [listed, listedEnded] }],
  ],
  "an execution without any": [["ListMapRuns", { executionArn: childArn }, { mapRuns: [] }]],
  "an execution that there is not": [
    [
      "ListMapRuns",
      { executionArn: arn("execution:m:none") },
      ["ExecutionDoesNotExist", `Execution Does Not Exist: '${arn("execution:m:none")}'`, {}],
    ],
  ],
  "limits change while a Map Run runs": [
    ["UpdateMapRun", { mapRunArn: runArn, maxConcurrency: 5, toleratedFailurePercentage: 0 }, {}],
    ["UpdateMapRun", { mapRunArn: runArn, toleratedFailureCount: 7 }, {}],
    [
      "DescribeMapRun",
      { mapRunArn: runArn },
      { ...shownRun, maxConcurrency: 5, toleratedFailurePercentage: 0, toleratedFailureCount: 7 },
    ],
  ],
  "limits change only while it runs": [
    [
      "UpdateMapRun",
      { mapRunArn: endedRunArn, maxConcurrency: 5 },
      [
        "ValidationException",
        `The Map Run has completed and cannot be updated: '${endedRunArn}'`,
        { reason: "CANNOT_UPDATE_COMPLETED_MAP_RUN" },
      ],
    ],
  ],
  "an update says what to change": [
    [
      "UpdateMapRun",
      { mapRunArn: runArn },
      [
        "ValidationException",
        "Either the maxConcurrency, the toleratedFailureCount, or the toleratedFailurePercentage must be specified",
        { reason: "MISSING_REQUIRED_PARAMETER" },
      ],
    ],
  ],
  "limits have ranges": [
    [
      "UpdateMapRun",
      { mapRunArn: runArn, maxConcurrency: -1, toleratedFailurePercentage: 100.5, toleratedFailureCount: -2 },
      [
        "ValidationException",
        "3 validation errors detected: Value '-1' at 'maxConcurrency' failed to satisfy constraint: Member must have " +
          "value greater than or equal to 0; Value '100.5' at 'toleratedFailurePercentage' failed to satisfy " +
          "constraint: Member must have value less than or equal to 100; Value '-2' at 'toleratedFailureCount' failed " +
          "to satisfy constraint: Member must have value greater than or equal to 0",
        {},
      ],
    ],
  ],
  "the children of a Map Run": [
    ["ListExecutions", { mapRunArn: runArn }, { executions: shownChildren }],
    ["ListExecutions", { mapRunArn: endedRunArn }, { executions: [] }],
  ],
  "children by status and redrive": [
    [
      "ListExecutions",
      { mapRunArn: runArn, statusFilter: "PENDING_REDRIVE" },
      { executions: shownChildren.slice(0, 1) },
    ],
    [
      "ListExecutions",
      { mapRunArn: runArn, redriveFilter: "REDRIVEN" },
      { executions: shownChildren.slice(1, 2) },
    ],
    [
      "ListExecutions",
      { mapRunArn: runArn, redriveFilter: "NOT_REDRIVEN", statusFilter: "SUCCEEDED" },
      { executions: shownChildren.slice(2) },
    ],
  ],
  "a child that runs": [
    [
      "DescribeExecution",
      { executionArn: childArn },
      {
        ...shownExecution,
        status: "RUNNING",
        redriveStatus: "NOT_REDRIVABLE",
        redriveStatusReason: "Execution is RUNNING and cannot be redriven",
      },
    ],
    [
      "RedriveExecution",
      { executionArn: childArn },
      notRedrivable("Execution is RUNNING and cannot be redriven"),
    ],
  ],
  "a child that was stopped goes on with its Map Run only": [
    ["StopExecution", { executionArn: childArn, error: "E" }, { stopDate: now }],
    [
      "DescribeExecution",
      { executionArn: childArn },
      {
        ...shownExecution,
        status: "ABORTED",
        stopDate: now,
        error: "E",
        redriveStatus: "REDRIVABLE_BY_MAP_RUN",
      },
    ],
    [
      "RedriveExecution",
      { executionArn: childArn },
      notRedrivable("Execution was started by a Map Run and can only be redriven by redriving the Map Run"),
    ],
  ],
  "the machine of a child is the ItemProcessor": [
    [
      "DescribeStateMachineForExecution",
      { executionArn: childArn },
      { ...labelledMachine, updateDate: now, mapRunArn: runArn },
    ],
    [
      "DescribeStateMachine",
      { stateMachineArn: labelledArn },
      { ...labelledMachine, status: "ACTIVE", type: "STANDARD", creationDate: now },
    ],
    [
      "DescribeStateMachine",
      { stateMachineArn: labelledArn, includedData: "METADATA_ONLY" },
      { ...labelledMachine, definition: "{}", status: "ACTIVE", type: "STANDARD", creationDate: now },
    ],
  ],
  "there is no machine of another label": [
    [
      "DescribeStateMachine",
      { stateMachineArn: arn("stateMachine:m/other") },
      ["StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn("stateMachine:m/other")}'`, {}],
    ],
    [
      "DescribeStateMachine",
      { stateMachineArn: `${labelledArn}:1` },
      ["StateMachineDoesNotExist", `State Machine Does Not Exist: '${labelledArn}:1'`, {}],
    ],
  ],
  "a labelled machine can only be looked at": [
    noLabels("StartExecution"),
    noLabels("StartSyncExecution"),
    noLabels("UpdateStateMachine", { definition }),
    noLabels("DeleteStateMachine"),
    noLabels("ListExecutions"),
    noLabels("PublishStateMachineVersion"),
    noLabels("ListStateMachineVersions"),
    noLabels("ListStateMachineAliases"),
  ],
};

/** A machine with an execution, two Map Runs of that and one child that waits. */
async function setUp(): Promise<{
  readonly engine: FakeEngine;
  readonly call: (operation: string, input: JsonObject) => Promise<JsonObject>;
  readonly labelled: StateMachine;
}> {
  const engine = createFakeEngine();
  const api = createApi(engine, { account: "000000000000", region: "us-east-1", limits: SERVICE_LIMITS });
  const { signal } = new AbortController();
  const call = (operation: string, input: JsonObject): Promise<JsonObject> =>
    api.call(operation, input, caller, signal);
  await call("CreateStateMachine", { name: "m", definition, roleArn });
  await call("StartExecution", { stateMachineArn: machineArn, name: "e" });
  engine.runs.push({ run: endedRun, children: [] }, { run, children });
  const machine = await engine.catalog.getStateMachine(machineArn);
  assert.ok(machine !== undefined);
  const revision = { ...machine.revision, revisionId: `${machine.revision.revisionId}#Every #1` };
  const labelled = { ...machine, arn: labelledArn, name: "m/each", revision };
  const input = Payload.ofText('{"Items": [1]}');
  await engine.executions.start({ machine: labelled, name: "c", input, mapRunArn: runArn });
  return { engine, call, labelled };
}

for (const [name, steps] of Object.entries(stories)) {
  test(name, async () => {
    const { call } = await setUp();
    assert.ok(steps.length > 0);
    for (const [operation, input, expected] of steps) {
      const outcome = await call(operation, input).catch((error: unknown) => {
        if (error instanceof ServiceError) return [error.code, error.message, error.members];
        throw error;
      });
      assert.deepEqual(outcome, expected, `${operation} ${JSON.stringify(input)}`);
    }
  });
}

test("pages neither repeat nor hide Map Runs, whatever begins meanwhile", async () => {
  const { call, engine } = await setUp();
  const first = await call("ListMapRuns", { executionArn, maxResults: 1 });
  assert.deepEqual(first["mapRuns"], [listed]);
  engine.runs.push({
    run: { ...run, mapRunArn: arn("mapRun:m/each:2"), startedAtMs: nowMs + 1 },
    children: [],
  });
  const nextToken = first["nextToken"] as string;
  assert.deepEqual(await call("ListMapRuns", { executionArn, nextToken }), { mapRuns: [listedEnded] });
  await assert.rejects(call("ListMapRuns", { executionArn: childArn, nextToken }), { code: "InvalidToken" });
});

test("pages of children, whose tokens are good for the same filter only", async () => {
  const { call } = await setUp();
  const first = await call("ListExecutions", { mapRunArn: runArn, maxResults: 2 });
  assert.deepEqual(first["executions"], shownChildren.slice(0, 2));
  const nextToken = first["nextToken"] as string;
  const second = await call("ListExecutions", { mapRunArn: runArn, maxResults: 2, nextToken });
  assert.deepEqual(second, { executions: shownChildren.slice(2) });
  const filtered = call("ListExecutions", { mapRunArn: runArn, statusFilter: "FAILED", nextToken });
  await assert.rejects(filtered, { code: "InvalidToken" });
});

test("a child that its Map Run is going to redrive waits for that", async () => {
  const { call, engine } = await setUp();
  await call("StopExecution", { executionArn: childArn });
  engine.advance(1000);
  const found = engine.runs.find((there) => there.run.mapRunArn === runArn);
  assert.ok(found !== undefined);
  found.run = { ...run, redriveCount: 1, redrivenAtMs: nowMs + 1000 };
  const { status, redriveStatus } = await call("DescribeExecution", { executionArn: childArn });
  assert.deepEqual(
    { status, redriveStatus },
    { status: "PENDING_REDRIVE", redriveStatus: "REDRIVABLE_BY_MAP_RUN" },
  );
});

test("a child cannot be redriven once its machine is deleted", async () => {
  const { call } = await setUp();
  await call("StopExecution", { executionArn: childArn });
  await call("DeleteStateMachine", { stateMachineArn: machineArn });
  const { redriveStatus, redriveStatusReason } = await call("DescribeExecution", { executionArn: childArn });
  assert.deepEqual(
    { redriveStatus, redriveStatusReason },
    { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason: "State machine is in DELETING status" },
  );
});

test("an Express execution is described if a Map Run started it", async () => {
  const { call, engine, labelled } = await setUp();
  const input = Payload.ofText("7");
  const { executionArn: ofRun } = await engine.express.start({
    machine: labelled,
    name: "x",
    input,
    mapRunArn: runArn,
  });
  assert.deepEqual(await call("DescribeExecution", { executionArn: ofRun }), {
    ...shownExecution,
    executionArn: ofRun,
    name: "x",
    status: "SUCCEEDED",
    stopDate: now,
    input: "7",
    output: "7",
    outputDetails: { included: true },
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
  });
  const refusal = { code: "InvalidArn", message: `Invalid Arn: '${unsupported}'` };
  await assert.rejects(call("GetExecutionHistory", { executionArn: ofRun }), refusal);
  await assert.rejects(call("DescribeStateMachineForExecution", { executionArn: ofRun }), refusal);
  const gone = `${ofRun}9`;
  await assert.rejects(call("DescribeExecution", { executionArn: gone }), { code: "ExecutionDoesNotExist" });
  const { executionArn: other } = await engine.express.start({ machine: labelled, name: "x", input });
  await assert.rejects(call("DescribeExecution", { executionArn: other }), refusal);
});
