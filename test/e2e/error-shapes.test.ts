// Every error of the model, raised by a request of the AWS SDK against the whole server in process.
//
// Knows:          the errors that the SDK has: one that is neither raised nor named with a reason fails the test.
// Does not know:  every text of them (test/api; conformance).

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as sdk from "@aws-sdk/client-sfn";
import { createApi } from "../../src/api/index.ts";
import { SERVICE_LIMITS } from "../../src/engine/index.ts";
import { Runtime } from "../../src/runtime/index.ts";
import { MemoryStore } from "../../src/store/memory.ts";

const ACCOUNT = "123456789012";
const PREFIX = `arn:aws:states:eu-central-1:${ACCOUNT}`;
const roleArn = `arn:aws:iam::${ACCOUNT}:role/test`;
const MACHINE = `${PREFIX}:stateMachine:m`;
const EXPRESS = `${PREFIX}:stateMachine:express`;
const WAITING = `${PREFIX}:stateMachine:waiting`;
const ACTIVITY = `${PREFIX}:activity:a`;
const POLLED = `${PREFIX}:activity:polled`;
/** Of executions open at once, so that the limit can be reached. */
const OPEN_EXECUTIONS = 3;
const POLLERS = 3;
const ALIASES = 100;
const MACHINES = 6;
const ACTIVITIES = 4;

const PASS = JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", End: true } } });
const WAIT = JSON.stringify({ StartAt: "W", States: { W: { Type: "Wait", Seconds: 900, End: true } } });
const TASK = JSON.stringify({ StartAt: "T", States: { T: { Type: "Task", Resource: ACTIVITY, End: true } } });

const fatal: Error[] = [];
const runtime = await Runtime.open({
  store: new MemoryStore(),
  limits: SERVICE_LIMITS,
  settings: {
    openExecutions: OPEN_EXECUTIONS,
    activityPollers: POLLERS,
    stateMachines: MACHINES,
    activities: ACTIVITIES,
  },
  integrations: () => ({
    call: () => Promise.resolve({ kind: "failed", phase: "run", error: "NoFunctions" }),
  }),
  log: () => {},
  onFatal: (error) => fatal.push(error),
});
const api = createApi(runtime, { account: ACCOUNT, region: "eu-central-1", limits: SERVICE_LIMITS });
const server = await api.listen({ host: "127.0.0.1", port: 0 });
const client = new sdk.SFNClient({
  endpoint: server.url,
  region: "eu-central-1",
  credentials: { accessKeyId: ACCOUNT, secretAccessKey: "any" },
  maxAttempts: 1,
  disableHostPrefix: true,
});
const polling = new AbortController();
const polls: Promise<unknown>[] = [];
after(async () => {
  polling.abort();
  await Promise.all(polls);
  client.destroy();
  await server.close(1_000);
  await runtime.close(1_000);
  assert.deepEqual(fatal, []);
});

const { SFNServiceException } = sdk;

type AnyCommand = new (input: object) => Parameters<typeof client.send>[0];

async function call(operation: string, input: object): Promise<Readonly<Record<string, unknown>>> {
  const Command = (sdk as unknown as Readonly<Record<string, AnyCommand | undefined>>)[`${operation}Command`];
  assert.ok(Command !== undefined, `the SDK has ${operation}`);
  const { $metadata: _, ...answer } = await client.send(new Command(input));
  return answer;
}

async function prepare(): Promise<void> {
  const create = (name: string, definition: string, type: "STANDARD" | "EXPRESS" = "STANDARD") =>
    call("CreateStateMachine", { name, definition, roleArn, type, publish: true });
  await create("m", PASS);
  await create("express", PASS, "EXPRESS");
  await create("waiting", WAIT);
  await call("CreateActivity", { name: "a" });
  await call("CreateActivity", { name: "polled" });
  await create("task", TASK);
  await alias("live");
}

let spent = "";
/** A token that was good: its task has succeeded. */
async function usedToken(): Promise<string> {
  await call("StartExecution", { stateMachineArn: `${PREFIX}:stateMachine:task` });
  const { taskToken } = await call("GetActivityTask", { activityArn: ACTIVITY });
  assert.ok(typeof taskToken === "string");
  await call("SendTaskSuccess", { taskToken, output: "1" });
  return taskToken;
}

interface Case {
  readonly error: string;
  readonly message: string | RegExp;
  /** What has to be there for it. */
  readonly given?: () => Promise<unknown>;
  readonly request: () => Promise<unknown>;
}

const CASES: readonly Case[] = [
  {
    error: "ActivityDoesNotExist",
    message: `Activity Does Not Exist: '${ACTIVITY}x'`,
    request: () => call("DescribeActivity", { activityArn: `${ACTIVITY}x` }),
  },
  {
    error: "ActivityLimitExceeded",
    message: `Activity Limit Exceeded: there are ${ACTIVITIES} activities already`,
    given: async () => {
      for (let i = 2; i < ACTIVITIES; i++) await call("CreateActivity", { name: `a${i}` });
      // One that is there already is answered as ever.
      await call("CreateActivity", { name: "a" });
    },
    request: () => call("CreateActivity", { name: "one-too-many" }),
  },
  {
    error: "ActivityWorkerLimitExceeded",
    message: `Activity Worker Limit Exceeded: ${POLLERS} workers poll '${POLLED}' already`,
    given: async () => {
      const caller = { account: ACCOUNT, region: "eu-central-1" };
      for (let i = 0; i < POLLERS; i++) {
        polls.push(api.call("GetActivityTask", { activityArn: POLLED }, caller, polling.signal));
      }
    },
    request: () => call("GetActivityTask", { activityArn: POLLED }),
  },
  {
    error: "ConflictException",
    message:
      "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]",
    request: () => call("DeleteStateMachineVersion", { stateMachineVersionArn: `${MACHINE}:1` }),
  },
  {
    error: "ExecutionAlreadyExists",
    message: `Execution Already Exists: '${PREFIX}:execution:m:once'`,
    given: () => call("StartExecution", { stateMachineArn: MACHINE, name: "once", input: "1" }),
    request: () => call("StartExecution", { stateMachineArn: MACHINE, name: "once", input: "2" }),
  },
  {
    error: "ExecutionDoesNotExist",
    message: `Execution Does Not Exist: '${PREFIX}:execution:m:never'`,
    request: () => call("DescribeExecution", { executionArn: `${PREFIX}:execution:m:never` }),
  },
  {
    error: "ExecutionNotRedrivable",
    message: "Execution is SUCCEEDED and cannot be redriven",
    request: () => call("RedriveExecution", { executionArn: `${PREFIX}:execution:m:once` }),
  },
  {
    error: "InvalidArn",
    message: /^Invalid Arn: '.+'$/,
    request: () => call("DescribeStateMachine", { stateMachineArn: "machine" }),
  },
  {
    error: "InvalidDefinition",
    message: /^Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: .+'$/,
    request: () =>
      call("CreateStateMachine", {
        name: "n",
        roleArn,
        definition: PASS.replace('"StartAt":"A"', '"StartAt":"B"'),
      }),
  },
  {
    error: "InvalidEncryptionConfiguration",
    message: /^Invalid Encryption Configuration: /,
    request: () =>
      call("CreateActivity", {
        name: "n",
        encryptionConfiguration: { type: "AWS_OWNED_KEY", kmsKeyId: "k" },
      }),
  },
  {
    error: "InvalidExecutionInput",
    message: /^Invalid State Machine Execution Input: '.+'$/,
    request: () => call("StartExecution", { stateMachineArn: MACHINE, input: "{" }),
  },
  {
    error: "InvalidLoggingConfiguration",
    message: "Invalid Logging Configuration: Must specify exactly one Log Destination.",
    request: () =>
      call("CreateStateMachine", {
        name: "n",
        roleArn,
        definition: PASS,
        loggingConfiguration: { level: "ALL" },
      }),
  },
  {
    error: "InvalidName",
    message: "Invalid Name: 'a b'",
    request: () => call("CreateActivity", { name: "a b" }),
  },
  {
    error: "InvalidOutput",
    message: /^Invalid Output: '.+'$/,
    request: () => call("SendTaskSuccess", { taskToken: "t", output: "{" }),
  },
  {
    error: "InvalidToken",
    message: "Invalid Token: 'Invalid token'",
    request: () => call("SendTaskSuccess", { taskToken: "forged", output: "{}" }),
  },
  {
    error: "MissingRequiredParameter",
    message: /\S/,
    request: () => call("UpdateStateMachine", { stateMachineArn: MACHINE }),
  },
  {
    error: "ResourceNotFound",
    message: /\S/,
    request: () => call("ListTagsForResource", { resourceArn: `${MACHINE}x` }),
  },
  {
    error: "ServiceQuotaExceededException",
    message: `The state machine '${MACHINE}' has ${ALIASES} aliases already`,
    given: async () => {
      for (let i = 1; i < ALIASES; i++) await alias(`alias-${i}`);
    },
    request: () => alias("one-too-many"),
  },
  {
    error: "StateMachineAlreadyExists",
    message: `State Machine Already Exists: '${MACHINE}'`,
    request: () => call("CreateStateMachine", { name: "m", roleArn, definition: WAIT }),
  },
  {
    error: "StateMachineDoesNotExist",
    message: `State Machine Does Not Exist: '${MACHINE}x'`,
    request: () => call("DescribeStateMachine", { stateMachineArn: `${MACHINE}x` }),
  },
  {
    error: "StateMachineLimitExceeded",
    message: `State Machine Limit Exceeded: there are ${MACHINES} state machines already`,
    given: async () => {
      const create = (name: string): Promise<unknown> =>
        call("CreateStateMachine", { name, definition: PASS, roleArn });
      for (let i = 4; i < MACHINES; i++) await create(`m${i}`);
      await create("m4");
    },
    request: () => call("CreateStateMachine", { name: "one-too-many", definition: PASS, roleArn }),
  },
  {
    error: "StateMachineTypeNotSupported",
    message: /\S/,
    request: () => call("ListExecutions", { stateMachineArn: EXPRESS }),
  },
  {
    error: "TaskTimedOut",
    message: "Task Timed Out: 'Provided task does not exist anymore'",
    given: async () => {
      spent = await usedToken();
    },
    request: () => call("SendTaskSuccess", { taskToken: spent, output: "1" }),
  },
  {
    error: "TooManyTags",
    message: "Too many tags: at most 50 per resource",
    request: () =>
      call("TagResource", {
        resourceArn: MACHINE,
        tags: Array.from({ length: 51 }, (_, i) => ({ key: `k${i}`, value: "v" })),
      }),
  },
  {
    error: "ValidationException",
    message:
      "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
    request: () => call("ListActivities", { maxResults: 1001 }),
  },
  // The last: nothing can be started after it.
  {
    error: "ExecutionLimitExceeded",
    message: `Execution Limit Exceeded: there are ${OPEN_EXECUTIONS} open executions already`,
    given: async () => {
      for (let i = 0; i < OPEN_EXECUTIONS; i++) {
        await call("StartExecution", { stateMachineArn: WAITING, name: `open-${i}` });
      }
    },
    request: () => call("StartExecution", { stateMachineArn: WAITING }),
  },
];

/** What no request to this server can raise, and why. */
const NOT_RAISED: ReadonlyMap<string, string> = new Map([
  ["ActivityAlreadyExists", "an activity differs by its encryption only, and there is one encryption"],
  ["InvalidTracingConfiguration", "tracing is a flag: another type of it is a SerializationException"],
  ["KmsAccessDeniedException", "keys of one's own are refused as InvalidEncryptionConfiguration"],
  ["KmsInvalidStateException", "keys of one's own are refused as InvalidEncryptionConfiguration"],
  ["KmsThrottlingException", "keys of one's own are refused as InvalidEncryptionConfiguration"],
  ["StateMachineDeleting", "a deleted state machine is gone at once"],
  ["TaskDoesNotExist", "a token is forged (InvalidToken) or its task is over (TaskTimedOut)"],
]);

function alias(name: string): Promise<unknown> {
  return call("CreateStateMachineAlias", {
    name,
    routingConfiguration: [{ stateMachineVersionArn: `${MACHINE}:1`, weight: 100 }],
  });
}

/** The errors of the model: the SDK's exception classes. */
const ERRORS: readonly string[] = Object.entries(sdk)
  .filter(([, value]) => typeof value === "function" && value.prototype instanceof SFNServiceException)
  .map(([name]) => name);

test("every error of the SDK is raised or named with the reason why not, and none is both", () => {
  assert.equal(ERRORS.length, 33);
  assert.deepEqual([...CASES.map(({ error }) => error), ...NOT_RAISED.keys()].toSorted(), ERRORS.toSorted());
});

test("each error is raised by a request, with its class, its text and status 400", async (t) => {
  await prepare();
  for (const { error, message, given, request } of CASES) {
    await t.test(error, async () => {
      await given?.();
      await assert.rejects(request(), (raised) => {
        assert.ok(raised instanceof SFNServiceException, String(raised));
        assert.deepEqual([raised.name, raised.constructor.name], [error, error]);
        assert.equal(raised.$metadata.httpStatusCode, 400);
        if (typeof message === "string") assert.equal(raised.message, message);
        else assert.match(raised.message, message);
        return true;
      });
    });
  }
});
