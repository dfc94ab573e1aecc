// Express workflows through the AWS SDK, and after a SIGKILL (D8).

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  CreateStateMachineCommand,
  InvalidArn,
  InvalidDefinition,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StateMachineTypeNotSupported,
} from "@aws-sdk/client-sfn";
import { freePort, ServerProcess } from "../crash/server.ts";

const directory = mkdtempSync(join(tmpdir(), "stepwell-express-"));
const server = new ServerProcess(await freePort(), ["--data", directory]);
const client = new SFNClient({
  endpoint: server.url,
  region: "eu-central-1",
  credentials: { accessKeyId: "123456789012", secretAccessKey: "any" },
  // The service answers synchronous starts at a host of their own.
  disableHostPrefix: true,
});
await server.start();
after(async () => {
  client.destroy();
  assert.equal(await server.stop(), 0, server.errors);
  rmSync(directory, { recursive: true, force: true });
});

const ADD = {
  QueryLanguage: "JSONata",
  StartAt: "Add",
  States: {
    Add: { Type: "Pass", Output: "{% $states.input.a + $states.input.b %}", Next: "Enough?" },
    "Enough?": {
      Type: "Choice",
      Choices: [{ Condition: "{% $states.input > 10 %}", Next: "Too much" }],
      Default: "Done",
    },
    "Too much": { Type: "Fail", Error: "TooMuch", Cause: "{% 'It is ' & $states.input %}" },
    Done: { Type: "Succeed" },
  },
};

async function machine(
  name: string,
  definition: object,
  type: "EXPRESS" | "STANDARD" = "EXPRESS",
): Promise<string> {
  const { stateMachineArn } = await client.send(
    new CreateStateMachineCommand({
      name,
      type,
      definition: JSON.stringify(definition),
      roleArn: "arn:aws:iam::123456789012:role/test",
    }),
  );
  return stateMachineArn as string;
}

test("a synchronous start answers with the end, whatever it is", async () => {
  const stateMachineArn = await machine("sync", ADD);
  const start = (input: object) =>
    client.send(new StartSyncExecutionCommand({ stateMachineArn, name: "n", input: JSON.stringify(input) }));
  const succeeded = await start({ a: 1, b: 2 });
  assert.equal(succeeded.status, "SUCCEEDED");
  assert.equal(succeeded.output, "3");
  assert.equal(succeeded.input, '{"a":1,"b":2}');
  assert.match(succeeded.executionArn ?? "", /:express:sync:n:[0-9a-f-]{36}$/);
  assert.deepEqual(succeeded.billingDetails, { billedDurationInMilliseconds: 100, billedMemoryUsedInMB: 64 });
  assert.ok((succeeded.stopDate as Date) >= (succeeded.startDate as Date));
  const failed = await start({ a: 10, b: 2 });
  assert.deepEqual([failed.status, failed.error, failed.cause], ["FAILED", "TooMuch", "It is 12"]);
  assert.equal(failed.output, undefined);
});

test("what the service refuses of Express is refused", async () => {
  const stateMachineArn = await machine("refused", ADD);
  const { executionArn } = await client.send(
    new StartExecutionCommand({ stateMachineArn, input: '{"a":1,"b":1}' }),
  );
  await assert.rejects(client.send(new DescribeExecutionCommand({ executionArn })), InvalidArn);
  await assert.rejects(
    client.send(new ListExecutionsCommand({ stateMachineArn })),
    StateMachineTypeNotSupported,
  );
  const waiting = {
    StartAt: "A",
    States: {
      A: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
        Parameters: { FunctionName: "f" },
        End: true,
      },
    },
  };
  await assert.rejects(machine("waiting", waiting), InvalidDefinition);
  const standard = await machine("standard", ADD, "STANDARD");
  await assert.rejects(
    client.send(new StartSyncExecutionCommand({ stateMachineArn: standard })),
    StateMachineTypeNotSupported,
  );
});

test("an accepted asynchronous start survives a SIGKILL: it runs again, to an effect that can be seen", async () => {
  const target = await machine(
    "target",
    { StartAt: "A", States: { A: { Type: "Pass", End: true } } },
    "STANDARD",
  );
  const stateMachineArn = await machine("effect", {
    StartAt: "Wait",
    States: {
      Wait: { Type: "Wait", Seconds: 2, Next: "Start" },
      Start: {
        Type: "Task",
        Resource: "arn:aws:states:::aws-sdk:sfn:startExecution",
        Parameters: { StateMachineArn: target, "Name.$": "$.name", Input: "{}" },
        End: true,
      },
    },
  });
  const names = Array.from({ length: 20 }, (_, i) => `effect-${i}`);
  await Promise.all(
    names.map((name) =>
      client.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify({ name }) })),
    ),
  );
  await server.kill();
  await server.start();
  let seen: readonly string[] = [];
  while (seen.length < names.length) {
    const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn: target }));
    seen = executions.map(({ name }) => name as string);
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.deepEqual(seen.toSorted(), names.toSorted());
});
