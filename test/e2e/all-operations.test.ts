// Every operation of the API through the AWS SDK against the real server, each answer looked at whole.
//
// Knows:          the operations that the SDK has: one that is not exercised fails the test.
// Does not know:  what they do in their corners (sdk.test.ts, express.test.ts, test/api).
//
// Times, ids and tokens differ from run to run: an answer is compared with `<date>`, `<uuid>` and `<token>` for them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as sdk from "@aws-sdk/client-sfn";
import { freePort, ServerProcess } from "../crash/server.ts";

const ACCOUNT = "123456789012";
const PREFIX = `arn:aws:states:eu-central-1:${ACCOUNT}`;
const roleArn = `arn:aws:iam::${ACCOUNT}:role/orders`;
const MACHINE = `${PREFIX}:stateMachine:orders`;
const EXPRESS = `${PREFIX}:stateMachine:prices`;
const ACTIVITY = `${PREFIX}:activity:approve`;
const RUN = `${PREFIX}:execution:orders:first`;

const APPROVE = JSON.stringify({
  StartAt: "Approve",
  States: { Approve: { Type: "Task", Resource: ACTIVITY, HeartbeatSeconds: 600, End: true } },
});
const UPDATED = APPROVE.replace("600", "60");
const ADD = JSON.stringify({
  QueryLanguage: "JSONata",
  StartAt: "Add",
  States: { Add: { Type: "Pass", Output: "{% $states.input.a + 1 %}", End: true } },
});

/** A Map whose children are executions of their own, and last. */
const PROCESSOR = {
  ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
  StartAt: "Wait",
  States: { Wait: { Type: "Wait", Seconds: 600, End: true } },
};
const EACH = JSON.stringify({
  StartAt: "Each",
  States: { Each: { Type: "Map", Label: "each", MaxConcurrency: 1, ItemProcessor: PROCESSOR, End: true } },
});
const BATCH = `${PREFIX}:stateMachine:batch`;
const BATCH_RUN = `${PREFIX}:execution:batch:monday`;
const CHILD = {
  executionArn: `${PREFIX}:execution:batch/each:<uuid>`,
  stateMachineArn: `${BATCH}/each`,
  name: "<uuid>",
  status: "RUNNING",
  startDate: "<date>",
  mapRunArn: `${PREFIX}:mapRun:batch/each:<uuid>`,
  itemCount: 1,
  redriveCount: 0,
};
const NONE = {
  pending: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  timedOut: 0,
  aborted: 0,
  total: 0,
  resultsWritten: 0,
};

/** What steps keep for later ones: task tokens, revision ids. */
const kept = new Map<string, string>();
const keep = (name: string): string => {
  const value = kept.get(name);
  assert.ok(value !== undefined, `${name} was kept`);
  return value;
};

interface Step {
  readonly operation: string;
  /** A function where it speaks of what an earlier answer gave. */
  readonly input: object | (() => object);
  /** The whole answer, as `shown` shows it. */
  readonly answer: object;
  /** Repeats the call until the answer has this status or is ready otherwise, for what goes on by itself. */
  readonly until?: string | ((answer: Readonly<Record<string, unknown>>) => boolean);
  readonly keeps?: (answer: Readonly<Record<string, unknown>>) => void;
}

const OWNED = { type: "AWS_OWNED_KEY" };
const SETTINGS = {
  encryptionConfiguration: OWNED,
  loggingConfiguration: { includeExecutionData: false, level: "OFF" },
  tracingConfiguration: { enabled: false },
};
const DATA = { included: true };
const DESCRIBED_RUN = {
  executionArn: RUN,
  name: "first",
  stateMachineArn: MACHINE,
  startDate: "<date>",
  input: '{"order":7}',
  inputDetails: DATA,
  redriveCount: 0,
};
const ALIAS = {
  stateMachineAliasArn: `${MACHINE}:live`,
  name: "live",
  description: "what customers use",
  creationDate: "<date>",
  updateDate: "<date>",
};
const ALL_TO_ONE = [{ stateMachineVersionArn: `${MACHINE}:1`, weight: 100 }];
const HALF = [
  { stateMachineVersionArn: `${MACHINE}:1`, weight: 50 },
  { stateMachineVersionArn: `${MACHINE}:2`, weight: 50 },
];
const APPROVED = "approve";

const STEPS: readonly Step[] = [
  {
    operation: "ValidateStateMachineDefinition",
    input: { definition: APPROVE, type: "STANDARD" },
    answer: { result: "OK", diagnostics: [], truncated: false },
  },
  {
    operation: "TestState",
    input: {
      definition: '{"Type":"Pass","InputPath":"$.order","ResultPath":"$.number","Next":"Pay"}',
      input: '{"order":7}',
      inspectionLevel: "DEBUG",
    },
    answer: {
      status: "SUCCEEDED",
      output: '{"order":7,"number":7}',
      nextState: "Pay",
      inspectionData: {
        input: '{"order":7}',
        afterInputPath: "7",
        afterParameters: "7",
        afterResultSelector: "7",
        afterResultPath: '{"order":7,"number":7}',
      },
    },
  },
  {
    operation: "CreateActivity",
    input: { name: APPROVED, tags: [{ key: "team", value: "sales" }] },
    answer: { activityArn: ACTIVITY, creationDate: "<date>" },
  },
  {
    operation: "DescribeActivity",
    input: { activityArn: ACTIVITY },
    answer: {
      activityArn: ACTIVITY,
      name: APPROVED,
      creationDate: "<date>",
      encryptionConfiguration: OWNED,
    },
  },
  {
    operation: "ListActivities",
    input: { maxResults: 10 },
    answer: { activities: [{ activityArn: ACTIVITY, name: APPROVED, creationDate: "<date>" }] },
  },
  {
    operation: "CreateStateMachine",
    input: { name: "orders", definition: APPROVE, roleArn, publish: true, versionDescription: "one" },
    answer: {
      stateMachineArn: MACHINE,
      stateMachineVersionArn: `${MACHINE}:1`,
      creationDate: "<date>",
    },
  },
  {
    operation: "CreateStateMachine",
    input: { name: "prices", definition: ADD, roleArn, type: "EXPRESS" },
    answer: { stateMachineArn: EXPRESS, creationDate: "<date>" },
  },
  {
    operation: "UpdateStateMachine",
    input: { stateMachineArn: MACHINE, definition: UPDATED },
    answer: { updateDate: "<date>", revisionId: "<uuid>" },
    keeps: ({ revisionId }) => kept.set("revision", String(revisionId)),
  },
  {
    operation: "DescribeStateMachine",
    input: { stateMachineArn: MACHINE },
    answer: {
      stateMachineArn: MACHINE,
      name: "orders",
      status: "ACTIVE",
      definition: UPDATED,
      roleArn,
      type: "STANDARD",
      creationDate: "<date>",
      revisionId: "<uuid>",
      ...SETTINGS,
    },
  },
  {
    operation: "ListStateMachines",
    input: {},
    answer: {
      stateMachines: [
        { stateMachineArn: MACHINE, name: "orders", type: "STANDARD", creationDate: "<date>" },
        { stateMachineArn: EXPRESS, name: "prices", type: "EXPRESS", creationDate: "<date>" },
      ],
    },
  },
  {
    operation: "PublishStateMachineVersion",
    input: () => ({ stateMachineArn: MACHINE, revisionId: keep("revision"), description: "two" }),
    answer: { stateMachineVersionArn: `${MACHINE}:2`, creationDate: "<date>" },
  },
  {
    operation: "ListStateMachineVersions",
    input: { stateMachineArn: MACHINE },
    answer: {
      stateMachineVersions: [
        { stateMachineVersionArn: `${MACHINE}:2`, creationDate: "<date>" },
        { stateMachineVersionArn: `${MACHINE}:1`, creationDate: "<date>" },
      ],
    },
  },
  {
    operation: "CreateStateMachineAlias",
    input: { name: "live", description: "what customers use", routingConfiguration: ALL_TO_ONE },
    answer: { stateMachineAliasArn: `${MACHINE}:live`, creationDate: "<date>" },
  },
  {
    operation: "UpdateStateMachineAlias",
    input: { stateMachineAliasArn: `${MACHINE}:live`, routingConfiguration: HALF },
    answer: { updateDate: "<date>" },
  },
  {
    operation: "DescribeStateMachineAlias",
    input: { stateMachineAliasArn: `${MACHINE}:live` },
    answer: { ...ALIAS, routingConfiguration: HALF },
  },
  {
    operation: "ListStateMachineAliases",
    input: { stateMachineArn: MACHINE },
    answer: {
      stateMachineAliases: [{ stateMachineAliasArn: `${MACHINE}:live`, creationDate: "<date>" }],
    },
  },
  {
    operation: "TagResource",
    input: { resourceArn: MACHINE, tags: [{ key: "team", value: "a" }] },
    answer: {},
  },
  {
    operation: "TagResource",
    input: { resourceArn: MACHINE, tags: [{ key: "cost", value: "b" }] },
    answer: {},
  },
  { operation: "UntagResource", input: { resourceArn: MACHINE, tagKeys: ["team"] }, answer: {} },
  {
    operation: "ListTagsForResource",
    input: { resourceArn: MACHINE },
    answer: { tags: [{ key: "cost", value: "b" }] },
  },
  {
    operation: "StartExecution",
    input: { stateMachineArn: MACHINE, name: "first", input: '{"order":7}' },
    answer: { executionArn: RUN, startDate: "<date>" },
  },
  {
    operation: "GetActivityTask",
    input: { activityArn: ACTIVITY, workerName: "desk" },
    answer: { taskToken: "<token>", input: '{"order":7}' },
    keeps: ({ taskToken }) => kept.set("token", String(taskToken)),
  },
  { operation: "SendTaskHeartbeat", input: () => ({ taskToken: keep("token") }), answer: {} },
  {
    operation: "DescribeExecution",
    input: { executionArn: RUN },
    answer: {
      ...DESCRIBED_RUN,
      status: "RUNNING",
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution is RUNNING and cannot be redriven",
    },
  },
  {
    operation: "DescribeStateMachineForExecution",
    input: { executionArn: RUN },
    answer: {
      stateMachineArn: MACHINE,
      name: "orders",
      definition: UPDATED,
      roleArn,
      updateDate: "<date>",
      revisionId: "<uuid>",
      ...SETTINGS,
    },
  },
  {
    operation: "SendTaskFailure",
    input: () => ({ taskToken: keep("token"), error: "Refused", cause: "too dear" }),
    answer: {},
  },
  {
    operation: "DescribeExecution",
    input: { executionArn: RUN },
    until: "FAILED",
    answer: {
      ...DESCRIBED_RUN,
      status: "FAILED",
      stopDate: "<date>",
      error: "Refused",
      cause: "too dear",
      redriveStatus: "REDRIVABLE",
    },
  },
  { operation: "RedriveExecution", input: { executionArn: RUN }, answer: { redriveDate: "<date>" } },
  {
    operation: "GetActivityTask",
    input: { activityArn: ACTIVITY },
    answer: { taskToken: "<token>", input: '{"order":7}' },
    keeps: ({ taskToken }) => kept.set("token", String(taskToken)),
  },
  {
    operation: "SendTaskSuccess",
    input: () => ({ taskToken: keep("token"), output: '{"approved":true}' }),
    answer: {},
  },
  {
    operation: "DescribeExecution",
    input: { executionArn: RUN },
    until: "SUCCEEDED",
    answer: {
      ...DESCRIBED_RUN,
      status: "SUCCEEDED",
      stopDate: "<date>",
      output: '{"approved":true}',
      outputDetails: DATA,
      redriveCount: 1,
      redriveDate: "<date>",
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
    },
  },
  {
    operation: "GetExecutionHistory",
    input: { executionArn: RUN, maxResults: 2, includeExecutionData: false },
    answer: {
      events: [
        {
          id: 1,
          previousEventId: 0,
          timestamp: "<date>",
          type: "ExecutionStarted",
          executionStartedEventDetails: { roleArn },
        },
        {
          id: 2,
          previousEventId: 0,
          timestamp: "<date>",
          type: "TaskStateEntered",
          stateEnteredEventDetails: { name: "Approve" },
        },
      ],
      nextToken: "<token>",
    },
  },
  {
    operation: "ListExecutions",
    input: { stateMachineArn: MACHINE, statusFilter: "SUCCEEDED", maxResults: 5 },
    answer: {
      executions: [
        {
          executionArn: RUN,
          stateMachineArn: MACHINE,
          name: "first",
          status: "SUCCEEDED",
          startDate: "<date>",
          stopDate: "<date>",
          redriveCount: 1,
          redriveDate: "<date>",
        },
      ],
    },
  },
  { operation: "ListMapRuns", input: { executionArn: RUN }, answer: { mapRuns: [] } },
  {
    operation: "CreateStateMachine",
    input: { name: "batch", definition: EACH, roleArn },
    answer: { stateMachineArn: BATCH, creationDate: "<date>" },
  },
  {
    operation: "StartExecution",
    input: { stateMachineArn: BATCH, name: "monday", input: "[1,2,3]" },
    answer: { executionArn: BATCH_RUN, startDate: "<date>" },
  },
  {
    operation: "ListMapRuns",
    input: { executionArn: BATCH_RUN },
    until: ({ mapRuns }) => (mapRuns as readonly object[]).length > 0,
    answer: {
      mapRuns: [
        {
          executionArn: BATCH_RUN,
          mapRunArn: `${PREFIX}:mapRun:batch/each:<uuid>`,
          stateMachineArn: `${BATCH}/each`,
          startDate: "<date>",
        },
      ],
    },
    keeps: ({ mapRuns }) =>
      kept.set("map run", (mapRuns as readonly { mapRunArn: string }[])[0]?.mapRunArn ?? ""),
  },
  {
    operation: "UpdateMapRun",
    input: () => ({
      mapRunArn: keep("map run"),
      maxConcurrency: 2,
      toleratedFailureCount: 1,
      toleratedFailurePercentage: 50,
    }),
    answer: {},
  },
  {
    operation: "DescribeMapRun",
    input: () => ({ mapRunArn: keep("map run") }),
    until: ({ executionCounts }) => (executionCounts as typeof NONE).running === 2,
    answer: {
      mapRunArn: `${PREFIX}:mapRun:batch/each:<uuid>`,
      executionArn: BATCH_RUN,
      status: "RUNNING",
      startDate: "<date>",
      maxConcurrency: 2,
      toleratedFailureCount: 1,
      toleratedFailurePercentage: 50,
      itemCounts: { ...NONE, running: 2, pending: 1, total: 3 },
      executionCounts: { ...NONE, running: 2, pending: 1, total: 3 },
      redriveCount: 0,
    },
  },
  {
    operation: "ListExecutions",
    input: () => ({ mapRunArn: keep("map run"), statusFilter: "RUNNING" }),
    answer: { executions: [CHILD, CHILD] },
    keeps: ({ executions }) =>
      kept.set("child", (executions as readonly { executionArn: string }[])[0]?.executionArn ?? ""),
  },
  {
    operation: "DescribeExecution",
    input: () => ({ executionArn: keep("child"), includedData: "METADATA_ONLY" }),
    answer: {
      executionArn: CHILD.executionArn,
      stateMachineArn: CHILD.stateMachineArn,
      name: "<uuid>",
      status: "RUNNING",
      startDate: "<date>",
      inputDetails: { included: false },
      mapRunArn: CHILD.mapRunArn,
      redriveCount: 0,
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution is RUNNING and cannot be redriven",
    },
  },
  {
    operation: "DescribeStateMachineForExecution",
    input: () => ({ executionArn: keep("child") }),
    answer: {
      stateMachineArn: `${BATCH}/each`,
      name: "batch/each",
      definition: JSON.stringify(PROCESSOR),
      roleArn,
      updateDate: "<date>",
      mapRunArn: CHILD.mapRunArn,
      label: "each",
      ...SETTINGS,
    },
  },
  {
    operation: "StopExecution",
    input: { executionArn: BATCH_RUN },
    answer: { stopDate: "<date>" },
  },
  {
    operation: "DescribeMapRun",
    input: () => ({ mapRunArn: keep("map run") }),
    until: "ABORTED",
    answer: {
      mapRunArn: `${PREFIX}:mapRun:batch/each:<uuid>`,
      executionArn: BATCH_RUN,
      status: "ABORTED",
      startDate: "<date>",
      stopDate: "<date>",
      maxConcurrency: 2,
      toleratedFailureCount: 1,
      toleratedFailurePercentage: 50,
      itemCounts: { ...NONE, aborted: 2, pending: 1, total: 3 },
      executionCounts: { ...NONE, aborted: 2, pending: 1, total: 3 },
      redriveCount: 0,
    },
  },
  { operation: "DeleteStateMachine", input: { stateMachineArn: BATCH }, answer: {} },
  {
    operation: "StartExecution",
    input: { stateMachineArn: MACHINE, name: "second" },
    answer: { executionArn: `${PREFIX}:execution:orders:second`, startDate: "<date>" },
  },
  {
    operation: "StopExecution",
    input: { executionArn: `${PREFIX}:execution:orders:second`, error: "Enough", cause: "closed" },
    answer: { stopDate: "<date>" },
  },
  {
    operation: "StartSyncExecution",
    input: { stateMachineArn: EXPRESS, name: "quote", input: '{"a":1}' },
    answer: {
      executionArn: `${PREFIX}:express:prices:quote:<uuid>`,
      stateMachineArn: EXPRESS,
      name: "quote",
      startDate: "<date>",
      stopDate: "<date>",
      status: "SUCCEEDED",
      input: '{"a":1}',
      inputDetails: DATA,
      output: "2",
      outputDetails: DATA,
      billingDetails: { billedDurationInMilliseconds: 100, billedMemoryUsedInMB: 64 },
    },
  },
  {
    operation: "DeleteStateMachineAlias",
    input: { stateMachineAliasArn: `${MACHINE}:live` },
    answer: {},
  },
  {
    operation: "DeleteStateMachineVersion",
    input: { stateMachineVersionArn: `${MACHINE}:1` },
    answer: {},
  },
  { operation: "DeleteStateMachine", input: { stateMachineArn: MACHINE }, answer: {} },
  { operation: "DeleteActivity", input: { activityArn: ACTIVITY }, answer: {} },
  { operation: "ListActivities", input: {}, answer: { activities: [] } },
];

const server = new ServerProcess(await freePort(), ["--memory"]);
const client = new sdk.SFNClient({
  endpoint: server.url,
  region: "eu-central-1",
  credentials: { accessKeyId: ACCOUNT, secretAccessKey: "any" },
  disableHostPrefix: true,
});
before(() => server.start());
after(async () => {
  client.destroy();
  assert.equal(await server.stop(), 0, server.errors);
});

/** The operations of the SDK: what it exports as `…Command`. */
const OPERATIONS: readonly string[] = Object.keys(sdk)
  .filter((name) => /^[A-Z]\w+Command$/.test(name))
  .map((name) => name.replace(/Command$/, ""));

type AnyCommand = new (input: object) => Parameters<typeof client.send>[0];

async function send(operation: string, input: object): Promise<Readonly<Record<string, unknown>>> {
  const Command = (sdk as unknown as Readonly<Record<string, AnyCommand | undefined>>)[`${operation}Command`];
  assert.ok(Command !== undefined, `the SDK has ${operation}`);
  const { $metadata, ...answer } = await client.send(new Command(input));
  assert.match($metadata.requestId ?? "", /^[0-9a-f-]{36}$/);
  return answer;
}

/** An answer with what differs from run to run named only; members that the SDK left undefined are not there. */
function shown(value: unknown): unknown {
  if (value instanceof Date) return "<date>";
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "string") {
    return value.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<uuid>");
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.map(([name, member]) => [name, name.endsWith("Token") ? "<token>" : shown(member)]),
  );
}

test("every operation of the SDK is exercised", () => {
  assert.equal(OPERATIONS.length, 37);
  const exercised = new Set(STEPS.map(({ operation }) => operation));
  assert.deepEqual([...exercised].toSorted(), OPERATIONS.toSorted());
});

test("an order is made, approved, redriven and cleaned up with every operation, and every answer is whole", async (t) => {
  for (const [at, { operation, input, answer, until, keeps }] of STEPS.entries()) {
    await t.test(`${at + 1}. ${operation}`, async () => {
      const given = typeof input === "function" ? (input as () => object)() : input;
      let got = await send(operation, given);
      const isThere = (): boolean =>
        until === undefined || (typeof until === "string" ? got["status"] === until : until(got));
      for (let asked = 1; !isThere(); asked++) {
        assert.ok(asked < 500, `${operation} says ${JSON.stringify(got)}, not ${String(until)}`);
        await new Promise((done) => setTimeout(done, 10));
        got = await send(operation, given);
      }
      assert.deepEqual(shown(got), answer);
      keeps?.(got);
    });
  }
});
