// The AWS CLI against the real server, where it is installed.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { freePort, ServerProcess } from "../crash/server.ts";

const run = promisify(execFile);
const version = findCli();
const skip = version === undefined ? "the AWS CLI is not installed: this test looked at nothing" : false;
const server = new ServerProcess(await freePort(), ["--memory"]);
before(() => server.start());
after(() => server.stop());

async function aws(...words: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(
    "aws",
    ["stepfunctions", "--endpoint-url", server.url, "--output", "json", ...words],
    {
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: "x",
        AWS_SECRET_ACCESS_KEY: "x",
        AWS_REGION: "us-east-1",
        AWS_DEFAULT_REGION: "us-east-1",
      },
    },
  );
  return stdout.trim() === "" ? {} : (JSON.parse(stdout) as Record<string, unknown>);
}

test("the AWS CLI creates, starts, describes, lists, reads histories, polls and answers", {
  skip,
  timeout: 120_000,
}, async () => {
  const { activityArn } = await aws("create-activity", "--name", "cli");
  const definition = JSON.stringify({
    StartAt: "T",
    States: { T: { Type: "Task", Resource: activityArn, End: true } },
  });
  const { stateMachineArn } = await aws(
    "create-state-machine",
    "--name",
    "cli",
    "--definition",
    definition,
    "--role-arn",
    "arn:aws:iam::000000000000:role/r",
  );
  const { executionArn } = await aws(
    "start-execution",
    "--state-machine-arn",
    String(stateMachineArn),
    "--input",
    '{"n": 1}',
  );
  const { taskToken, input } = await aws(
    "get-activity-task",
    "--activity-arn",
    String(activityArn),
    "--worker-name",
    "w",
  );
  assert.equal(input, '{"n": 1}');
  await aws("send-task-success", "--task-token", String(taskToken), "--task-output", '{"ok": true}');
  const described = await aws("describe-execution", "--execution-arn", String(executionArn));
  assert.equal(described["status"], "SUCCEEDED");
  assert.equal(described["output"], '{"ok": true}');
  const { executions } = await aws("list-executions", "--state-machine-arn", String(stateMachineArn));
  assert.equal((executions as unknown[]).length, 1);
  const { events } = await aws("get-execution-history", "--execution-arn", String(executionArn));
  assert.deepEqual(
    (events as { type: string }[]).map(({ type }) => type),
    [
      "ExecutionStarted",
      "TaskStateEntered",
      "ActivityScheduled",
      "ActivityStarted",
      "ActivitySucceeded",
      "TaskStateExited",
      "ExecutionSucceeded",
    ],
  );
});

function findCli(): string | undefined {
  try {
    return execFileSync("aws", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}
