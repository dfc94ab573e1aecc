// A server with a mock file, and one that is watched: what a user of the SDK and of Prometheus sees.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { freePort, ServerProcess } from "../crash/server.ts";

const directory = mkdtempSync(join(tmpdir(), "stepwell-mocked-"));
after(() => rmSync(directory, { recursive: true }));

const DEFINITION = JSON.stringify({
  StartAt: "Charge",
  States: {
    Charge: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Parameters: { FunctionName: "charge" },
      Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 1 }],
      End: true,
    },
  },
});
const MOCKS = {
  StateMachines: { orders: { TestCases: { Slow: { Charge: "BusyFirst" } } } },
  MockedResponses: {
    BusyFirst: { "0": { Throw: { Error: "Busy" } }, "1": { Return: { Payload: { ok: true } } } },
  },
};

test("a test case survives SIGKILL between its attempts; metrics count it", async () => {
  const mocks = join(directory, "mocks.json");
  writeFileSync(mocks, JSON.stringify(MOCKS));
  const server = new ServerProcess(await freePort(), [
    "--data",
    join(directory, "data"),
    "--mock-config",
    mocks,
    "--account",
    "123456789012",
  ]);
  await server.start();
  const client = new SFNClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
  });
  try {
    const { stateMachineArn } = await client.send(
      new CreateStateMachineCommand({
        name: "orders",
        definition: DEFINITION,
        roleArn: "arn:aws:iam::123456789012:role/r",
      }),
    );
    await assert.rejects(
      client.send(new StartExecutionCommand({ stateMachineArn: `${stateMachineArn}#Slwo` })),
      {
        name: "InvalidName",
        message: "Invalid mock test case name 'Slwo' for state machine 'orders'. Did you mean \"Slow\"?",
      },
    );
    const { executionArn } = await client.send(
      new StartExecutionCommand({ stateMachineArn: `${stateMachineArn}#Slow` }),
    );
    await server.kill();
    await server.start();
    let described = await client.send(new DescribeExecutionCommand({ executionArn }));
    while (described.status === "RUNNING") {
      // oxlint-disable-next-line no-await-in-loop -- until it has ended
      described = await client.send(new DescribeExecutionCommand({ executionArn }));
    }
    assert.equal(described.status, "SUCCEEDED");
    assert.equal(described.stateMachineArn, stateMachineArn);
    assert.equal(described.output, '{"Payload":{"ok":true}}');

    const metrics = await fetch(`${server.url}/metrics`);
    assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const text = await metrics.text();
    assert.match(
      text,
      /^stepwell_executions_ended_total\{state_machine="orders",type="STANDARD",status="SUCCEEDED"\} 1$/mu,
    );
    assert.match(text, /^stepwell_requests_total\{operation="DescribeExecution",status="200"\} \d+$/mu);
    const ready = await fetch(`${server.url}/ready`);
    assert.equal(ready.status, 200);
    assert.deepEqual(await ready.json(), { status: "ready" });
  } finally {
    client.destroy();
    await server.stop();
  }
});
