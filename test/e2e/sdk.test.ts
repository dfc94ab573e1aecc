// The AWS SDK for JavaScript against the real server: what a user's code does on AWS, by changing an endpoint.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateActivityCommand,
  CreateStateMachineCommand,
  DeleteActivityCommand,
  DeleteStateMachineCommand,
  DescribeActivityCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  GetActivityTaskCommand,
  GetExecutionHistoryCommand,
  InvalidDefinition,
  ListActivitiesCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  ListTagsForResourceCommand,
  paginateGetExecutionHistory,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StateMachineDoesNotExist,
  StopExecutionCommand,
  TagResourceCommand,
  TaskTimedOut,
  UntagResourceCommand,
  UpdateStateMachineCommand,
  ValidateStateMachineDefinitionCommand,
} from "@aws-sdk/client-sfn";
import { freePort, ServerProcess } from "../crash/server.ts";

const ACCOUNT = "123456789012";
const roleArn = `arn:aws:iam::${ACCOUNT}:role/test`;
const server = new ServerProcess(await freePort(), ["--memory"]);
const client = new SFNClient({
  endpoint: server.url,
  region: "eu-central-1",
  credentials: { accessKeyId: ACCOUNT, secretAccessKey: "any" },
});
before(() => server.start());
after(async () => {
  client.destroy();
  assert.equal(await server.stop(), 0, server.errors);
});

const machine = (name: string, definition: object): Promise<string> =>
  client
    .send(new CreateStateMachineCommand({ name, definition: JSON.stringify(definition), roleArn }))
    .then(({ stateMachineArn }) => stateMachineArn as string);

async function ended(
  executionArn: string,
): Promise<{ status: string; output: string | undefined; error: string | undefined }> {
  for (;;) {
    const { status, output, error } = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== "RUNNING") return { status: status as string, output, error };
    await new Promise((done) => setTimeout(done, 20));
  }
}

test("a state machine is created, described, listed, updated, tagged and deleted", async () => {
  const pass = { StartAt: "A", States: { A: { Type: "Pass", End: true } } };
  const stateMachineArn = await machine("life", pass);
  assert.equal(
    stateMachineArn,
    `arn:aws:states:eu-central-1:${ACCOUNT}:stateMachine:life`,
    "region and account of the caller",
  );
  assert.equal(await machine("life", pass), stateMachineArn, "an equal one is the same one");

  const described = await client.send(new DescribeStateMachineCommand({ stateMachineArn }));
  assert.deepEqual(JSON.parse(described.definition as string), pass);
  assert.equal(described.status, "ACTIVE");
  assert.ok(described.creationDate instanceof Date);
  const { stateMachines } = await client.send(new ListStateMachinesCommand({}));
  assert.ok(stateMachines?.some((found) => found.stateMachineArn === stateMachineArn));

  const changed = { StartAt: "B", States: { B: { Type: "Succeed" } } };
  const { revisionId } = await client.send(
    new UpdateStateMachineCommand({ stateMachineArn, definition: JSON.stringify(changed) }),
  );
  assert.match(revisionId as string, /^[0-9a-f-]{36}$/);

  await client.send(
    new TagResourceCommand({ resourceArn: stateMachineArn, tags: [{ key: "team", value: "a" }] }),
  );
  await client.send(
    new TagResourceCommand({ resourceArn: stateMachineArn, tags: [{ key: "more", value: "b" }] }),
  );
  await client.send(new UntagResourceCommand({ resourceArn: stateMachineArn, tagKeys: ["team"] }));
  const { tags } = await client.send(new ListTagsForResourceCommand({ resourceArn: stateMachineArn }));
  assert.deepEqual(tags, [{ key: "more", value: "b" }]);

  await client.send(new DeleteStateMachineCommand({ stateMachineArn }));
  await assert.rejects(
    client.send(new DescribeStateMachineCommand({ stateMachineArn })),
    StateMachineDoesNotExist,
  );
});

test("an execution is started, found again under its name, described and read", async () => {
  const definition = {
    StartAt: "W",
    States: {
      W: { Type: "Wait", Seconds: 1, Next: "P" },
      P: { Type: "Pass", Result: 42, ResultPath: "$.n", End: true },
    },
  };
  const stateMachineArn = await machine("runs", definition);
  const start = { stateMachineArn, name: "first", input: '{"in": [1, 2]}' };
  const { executionArn, startDate } = await client.send(new StartExecutionCommand(start));
  const again = await client.send(new StartExecutionCommand(start));
  assert.deepEqual(
    [again.executionArn, again.startDate],
    [executionArn, startDate],
    "the same start is answered alike",
  );
  await assert.rejects(
    client.send(new StartExecutionCommand({ ...start, input: "{}" })),
    ExecutionAlreadyExists,
  );

  const { status, output } = await ended(executionArn as string);
  assert.equal(status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(output as string), { in: [1, 2], n: 42 });
  const types: string[] = [];
  for await (const page of paginateGetExecutionHistory({ client, pageSize: 2 }, { executionArn })) {
    types.push(...(page.events ?? []).map(({ type }) => type as string));
  }
  assert.deepEqual(types, [
    "ExecutionStarted",
    "WaitStateEntered",
    "WaitStateExited",
    "PassStateEntered",
    "PassStateExited",
    "ExecutionSucceeded",
  ]);
  const { events } = await client.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 1 }),
  );
  assert.equal(events?.[0]?.executionSucceededEventDetails?.output, output);

  const { executions } = await client.send(
    new ListExecutionsCommand({ stateMachineArn, statusFilter: "SUCCEEDED" }),
  );
  assert.deepEqual(
    executions?.map(({ name }) => name),
    ["first"],
  );
  const used = await client.send(new DescribeStateMachineForExecutionCommand({ executionArn }));
  assert.deepEqual(JSON.parse(used.definition as string), definition);
  await assert.rejects(
    client.send(new DescribeExecutionCommand({ executionArn: `${executionArn as string}x` })),
    ExecutionDoesNotExist,
  );
});

test("an execution is stopped with its reason", async () => {
  const stateMachineArn = await machine("stops", {
    StartAt: "W",
    States: { W: { Type: "Wait", Seconds: 600, End: true } },
  });
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  const { stopDate } = await client.send(
    new StopExecutionCommand({ executionArn, error: "Enough", cause: "of this" }),
  );
  const described = await client.send(new DescribeExecutionCommand({ executionArn }));
  assert.deepEqual(
    [described.status, described.error, described.cause, described.stopDate],
    ["ABORTED", "Enough", "of this", stopDate],
  );
  const again = await client.send(new StopExecutionCommand({ executionArn }));
  assert.deepEqual(again.stopDate, stopDate, "stopping twice changes nothing");
});

test("an activity's worker polls, beats, succeeds and fails", async () => {
  const { activityArn } = await client.send(new CreateActivityCommand({ name: "work" }));
  assert.equal((await client.send(new DescribeActivityCommand({ activityArn }))).name, "work");
  assert.ok(
    (await client.send(new ListActivitiesCommand({}))).activities?.some(
      (found) => found.activityArn === activityArn,
    ),
  );
  const stateMachineArn = await machine("worked", {
    StartAt: "T",
    States: {
      T: {
        Type: "Task",
        Resource: activityArn,
        HeartbeatSeconds: 60,
        TimeoutSeconds: 300,
        Catch: [{ ErrorEquals: ["Tired"], Next: "Z" }],
        End: true,
      },
      Z: { Type: "Pass", End: true },
    },
  });
  const polled = client.send(new GetActivityTaskCommand({ activityArn, workerName: "one" }));
  const first = await client.send(new StartExecutionCommand({ stateMachineArn, input: '{"n":1}' }));
  const { taskToken, input } = await polled;
  assert.equal(input, '{"n":1}');
  await client.send(new SendTaskHeartbeatCommand({ taskToken }));
  await client.send(new SendTaskSuccessCommand({ taskToken, output: '"done"' }));
  assert.deepEqual(await ended(first.executionArn as string), {
    status: "SUCCEEDED",
    output: '"done"',
    error: undefined,
  });
  await assert.rejects(
    client.send(new SendTaskSuccessCommand({ taskToken, output: "1" })),
    TaskTimedOut,
    "a token works once",
  );

  const second = await client.send(new StartExecutionCommand({ stateMachineArn, input: "{}" }));
  const task = await client.send(new GetActivityTaskCommand({ activityArn }));
  await client.send(new SendTaskFailureCommand({ taskToken: task.taskToken, error: "Tired", cause: "late" }));
  const { output } = await ended(second.executionArn as string);
  assert.deepEqual(JSON.parse(output as string), { Error: "Tired", Cause: "late" });
  await client.send(new DeleteActivityCommand({ activityArn }));
});

test("a nested execution runs to its end", async () => {
  const child = await machine("child", {
    StartAt: "P",
    States: { P: { Type: "Pass", Parameters: { "twice.$": "States.MathAdd($.n, $.n)" }, End: true } },
  });
  const parent = await machine("parent", {
    StartAt: "C",
    States: {
      C: {
        Type: "Task",
        Resource: "arn:aws:states:::states:startExecution.sync:2",
        Parameters: { StateMachineArn: child, Input: { "n.$": "$.n" } },
        OutputPath: "$.Output",
        End: true,
      },
    },
  });
  const { executionArn } = await client.send(
    new StartExecutionCommand({ stateMachineArn: parent, input: '{"n": 21}' }),
  );
  const { status, output } = await ended(executionArn as string);
  assert.equal(status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(output as string), { twice: 42 });
});

test("a wrong definition is refused, and explained", async () => {
  const definition = { StartAt: "A", States: { A: { Type: "Pas", End: true } } };
  await assert.rejects(machine("wrong", definition), (error) => {
    assert.ok(error instanceof InvalidDefinition);
    assert.match(
      error.message,
      /^Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: .* at \/States\/A\/Type'$/,
    );
    return true;
  });
  const { result, diagnostics } = await client.send(
    new ValidateStateMachineDefinitionCommand({ definition: JSON.stringify(definition) }),
  );
  assert.equal(result, "FAIL");
  assert.equal(diagnostics?.[0]?.location, "/States/A/Type");
});
