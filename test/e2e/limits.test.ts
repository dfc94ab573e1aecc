// A server whose limits were set on its command line.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect } from "../../src/cli/client.ts";
import { freePort, ServerProcess } from "../crash/server.ts";

const server = new ServerProcess(await freePort(), [
  "--memory",
  ...["payloadBytes=2000", "historyEvents=10", "versionsPerMachine=1", "expressKeptChars=0"].flatMap(
    (limit) => ["--limit", limit],
  ),
]);
await server.start();
after(async () => assert.equal(await server.stop(), 0, server.errors));
const call = connect(new URL(server.url));

async function machine(name: string, type: string, definition: object): Promise<string> {
  const roleArn = "arn:aws:iam::000000000000:role/test";
  const request = { name, type, roleArn, definition: JSON.stringify(definition) };
  return (await call("CreateStateMachine", request))["stateMachineArn"] as string;
}

const names = ["A", "B", "C", "D", "E", "F"];
/** 14 events. */
const CHAIN = {
  StartAt: "A",
  States: Object.fromEntries(
    names.map((name, i) => [name, { Type: "Pass", ...(i < 5 ? { Next: names[i + 1] } : { End: true }) }]),
  ) as object,
};
const ONE = { StartAt: "A", States: { A: { Type: "Pass", End: true } } };

test("limits of the engine, the API and the runtime hold", async () => {
  const stateMachineArn = await machine("chain", "STANDARD", CHAIN);
  const tooLong = { stateMachineArn, input: JSON.stringify("x".repeat(2_000)) };
  await assert.rejects(call("StartExecution", tooLong), { code: "ValidationException" });

  const { executionArn } = await call("StartExecution", { stateMachineArn });
  let status: unknown = "RUNNING";
  while (status === "RUNNING") {
    ({ status } = await call("DescribeExecution", { executionArn: executionArn as string }));
    await new Promise((done) => setTimeout(done, 20));
  }
  assert.equal(status, "FAILED");
  const history = await call("GetExecutionHistory", { executionArn: executionArn as string });
  assert.equal((history["events"] as unknown[]).length, 10);

  await call("PublishStateMachineVersion", { stateMachineArn });
  await call("UpdateStateMachine", { stateMachineArn, definition: JSON.stringify(ONE) });
  await assert.rejects(call("PublishStateMachineVersion", { stateMachineArn }), {
    code: "ServiceQuotaExceededException",
  });

  const express = await machine("express", "EXPRESS", ONE);
  await call("StartSyncExecution", { stateMachineArn: express });
  assert.deepEqual(await call("Stepwell.ListExpressExecutions", { stateMachineArn: express }), {
    executions: [],
  });
});
