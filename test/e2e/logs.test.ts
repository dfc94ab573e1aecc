// The logs of executions as a user reads them: a real server, and `stepwell logs`.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "../../src/cli/client.ts";
import { freePort, ServerProcess } from "../crash/server.ts";

const data = mkdtempSync(join(tmpdir(), "stepwell-e2e-logs-"));
after(() => rmSync(data, { recursive: true }));
const COMMAND = fileURLToPath(new URL("../../bin/stepwell", import.meta.url));

const DEFINITION = JSON.stringify({
  StartAt: "Choose",
  States: {
    Choose: { Type: "Pass", Next: "Give up" },
    "Give up": { Type: "Fail", Error: "Refused", Cause: "not today" },
  },
});

async function logs(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(COMMAND, ["logs", "--data", data, ...args]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const { id, type, details } = JSON.parse(line) as { id: string; type: string; details: object };
      return `${id} ${type} ${JSON.stringify(details)}`;
    });
}

test("a server in memory has the latest log events, for whoever reaches its API", async () => {
  const server = new ServerProcess(await freePort(), ["--memory"]);
  await server.start();
  const call = connect(new URL(server.url));
  const { stateMachineArn } = await call("CreateStateMachine", {
    name: "remote",
    definition: DEFINITION,
    roleArn: "arn:aws:iam::000000000000:role/r",
    loggingConfiguration: {
      level: "ALL",
      destinations: [
        {
          cloudWatchLogsLogGroup: {
            logGroupArn: "arn:aws:logs:us-east-1:000000000000:log-group:/states/remote:*",
          },
        },
      ],
    },
  });
  await call("StartExecution", { stateMachineArn: stateMachineArn as string });
  const show = promisify(execFile);
  const words = ["logs", "--endpoint", server.url, "--level", "ERROR"];
  let shown = "";
  // It is written a moment after the execution has ended.
  while (shown === "") {
    // oxlint-disable-next-line no-await-in-loop -- until it is there
    shown = await show(COMMAND, words).then(
      ({ stdout }) => stdout,
      () => "",
    );
  }
  const types = shown
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { type: string }).type);
  assert.deepEqual(types, ["FailStateEntered", "ExecutionFailed"]);
  await assert.rejects(call("Stepwell.GetLogEvents", { nextToken: "none" }), { code: "InvalidToken" });
  await assert.rejects(call("Stepwell.GetLogEvents", { logGroupName: "" }), { code: "ValidationException" });
  const { events, lostCount } = await call("Stepwell.GetLogEvents", { logGroupName: "/states/other" });
  assert.deepEqual([events, lostCount], [[], 0]);
  assert.equal(await server.stop(), 0, server.errors);
});

test("a server with --log-buffer 0 keeps none, and says so", async () => {
  const server = new ServerProcess(await freePort(), ["--memory", "--log-buffer", "0"]);
  await server.start();
  await assert.rejects(connect(new URL(server.url))("Stepwell.GetLogEvents", {}), {
    code: "ValidationException",
    message: "This server keeps no log events in memory: it was started with --log-buffer 0",
  });
  assert.equal(await server.stop(), 0, server.errors);
});

test("Standard and Express executions are logged, and `stepwell logs` shows them", async () => {
  const server = new ServerProcess(await freePort(), ["--data", data]);
  await server.start();
  const call = connect(new URL(server.url));
  const arns: string[] = [];
  for (const type of ["STANDARD", "EXPRESS"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { stateMachineArn } = await call("CreateStateMachine", {
      name: type.toLowerCase(),
      type,
      definition: DEFINITION,
      roleArn: "arn:aws:iam::000000000000:role/r",
      loggingConfiguration: {
        level: "ERROR",
        destinations: [
          {
            cloudWatchLogsLogGroup: {
              logGroupArn: "arn:aws:logs:us-east-1:000000000000:log-group:/states/both:*",
            },
          },
        ],
      },
    });
    // oxlint-disable-next-line no-await-in-loop -- see above
    const { executionArn } = await call("StartExecution", {
      stateMachineArn: stateMachineArn as string,
      input: '{"secret":1}',
    });
    arns.push(executionArn as string);
  }
  // What waits is written at a graceful end.
  assert.equal(await server.stop(), 0, server.errors);
  const expected = [
    '4 FailStateEntered {"name":"Give up"}',
    '5 ExecutionFailed {"error":"Refused","cause":"not today"}',
  ];
  for (const arn of arns) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.deepEqual(await logs("--execution", arn), expected);
  }
  assert.deepEqual(await logs("--state-machine", "express", "--group", "/states/both"), expected);
  assert.equal((await logs()).length, 4);
});
