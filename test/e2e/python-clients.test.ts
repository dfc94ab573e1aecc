// boto3 and the AWS CLI, where they are installed: Express, versions, aliases, redrive. (The SDK for JavaScript has all
// operations in all-operations.test.ts.)

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { freePort, ServerProcess } from "../crash/server.ts";

const run = promisify(execFile);
const server = new ServerProcess(await freePort(), ["--memory"]);
const env = {
  ...process.env,
  AWS_ENDPOINT_URL_SFN: server.url,
  AWS_ACCESS_KEY_ID: "x",
  AWS_SECRET_ACCESS_KEY: "x",
  AWS_REGION: "us-east-1",
  AWS_DEFAULT_REGION: "us-east-1",
  // Else StartSyncExecution goes to a host `sync-127.0.0.1`.
  AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
};
before(() => server.start());
after(async () => assert.equal(await server.stop(), 0, server.errors));

function missing(command: string, words: readonly string[], name: string): string | false {
  try {
    execFileSync(command, words, { stdio: "ignore" });
    return false;
  } catch {
    return `${name} is not installed: this test looked at nothing`;
  }
}

const ROLE = "arn:aws:iam::000000000000:role/r";
const SUCCEED = JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", Result: 1, End: true } } });
const OTHER = JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", Result: 2, End: true } } });
const FAIL = JSON.stringify({
  StartAt: "A",
  States: { A: { Type: "Pass", Next: "No" }, No: { Type: "Fail", Error: "No" } },
});

async function aws(
  operation: string,
  options: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const { stdout } = await run("aws", ["stepfunctions", "--output", "json", operation, ...words], { env });
  return stdout.trim() === "" ? {} : (JSON.parse(stdout) as Record<string, unknown>);
}

test("the AWS CLI starts synchronously, publishes, routes through an alias and redrives", {
  skip: missing("aws", ["--version"], "the AWS CLI"),
  timeout: 120_000,
}, async () => {
  const machine = async (name: string, definition: string, type = "STANDARD"): Promise<string> => {
    const made = await aws("create-state-machine", { name, definition, type, "role-arn": ROLE });
    return String(made["stateMachineArn"]);
  };
  const express = await machine("cli-express", SUCCEED, "EXPRESS");
  const ended = await aws("start-sync-execution", { "state-machine-arn": express, input: "{}" });
  assert.deepEqual([ended["status"], ended["output"]], ["SUCCEEDED", "1"]);

  const standard = await machine("cli-standard", FAIL);
  const published = await aws("publish-state-machine-version", { "state-machine-arn": standard });
  const version = String(published["stateMachineVersionArn"]);
  assert.equal(version, `${standard}:1`);
  const { stateMachineAliasArn } = await aws("create-state-machine-alias", {
    name: "live",
    "routing-configuration": `stateMachineVersionArn=${version},weight=100`,
  });
  const { executionArn } = await aws("start-execution", {
    "state-machine-arn": String(stateMachineAliasArn),
  });
  const described = await aws("describe-execution", { "execution-arn": String(executionArn) });
  assert.equal(described["stateMachineVersionArn"], version);
  assert.deepEqual([described["status"], described["redriveStatus"]], ["FAILED", "REDRIVABLE"]);
  assert.ok("redriveDate" in (await aws("redrive-execution", { "execution-arn": String(executionArn) })));
  const again = await aws("describe-execution", { "execution-arn": String(executionArn) });
  assert.deepEqual([again["status"], again["redriveCount"]], ["FAILED", 1]);
});

/** Prints what it saw as one JSON document. */
const SCRIPT = `
import boto3, json, sys
role, succeed, other, fail = sys.argv[1:]
sfn = boto3.client("stepfunctions")
seen = {}
express = sfn.create_state_machine(name="boto-express", definition=succeed, type="EXPRESS", roleArn=role)["stateMachineArn"]
ended = sfn.start_sync_execution(stateMachineArn=express, input="{}")
seen["sync"] = [ended["status"], ended["output"], ended["billingDetails"]]
try:
    sfn.list_executions(stateMachineArn=express)
except sfn.exceptions.StateMachineTypeNotSupported as error:
    seen["refused"] = error.response["Error"]["Code"]

arn = sfn.create_state_machine(name="boto", definition=succeed, roleArn=role, publish=True)["stateMachineArn"]
second = sfn.update_state_machine(stateMachineArn=arn, definition=other, publish=True)["stateMachineVersionArn"]
alias = sfn.create_state_machine_alias(name="live", routingConfiguration=[
    {"stateMachineVersionArn": arn + ":1", "weight": 0}, {"stateMachineVersionArn": second, "weight": 100}])["stateMachineAliasArn"]
started = sfn.start_execution(stateMachineArn=alias)["executionArn"]
seen["through"] = sfn.describe_execution(executionArn=started)["output"]
pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=alias, PaginationConfig={"PageSize": 1})
seen["listed"] = sum(len(page["executions"]) for page in pages)
versions = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
seen["versions"] = [version["stateMachineVersionArn"][len(arn):] for version in versions]
try:
    sfn.delete_state_machine_version(stateMachineVersionArn=second)
except sfn.exceptions.ConflictException as error:
    seen["conflict"] = error.response["Error"]["Code"]

failing = sfn.create_state_machine(name="boto-fail", definition=fail, roleArn=role)["stateMachineArn"]
failed = sfn.start_execution(stateMachineArn=failing)["executionArn"]
sfn.redrive_execution(executionArn=failed)
described = sfn.describe_execution(executionArn=failed)
seen["redriven"] = [described["status"], described["redriveCount"], described["redriveDate"] > described["startDate"]]
print(json.dumps(seen))
`;

test("boto3 starts synchronously, publishes, routes through an alias, pages and redrives", {
  skip: missing("python3", ["-c", "import boto3"], "boto3"),
  timeout: 120_000,
}, async () => {
  const { stdout } = await run("python3", ["-c", SCRIPT, ROLE, SUCCEED, OTHER, FAIL], { env });
  assert.deepEqual(JSON.parse(stdout), {
    sync: ["SUCCEEDED", "1", { billedDurationInMilliseconds: 100, billedMemoryUsedInMB: 64 }],
    refused: "StateMachineTypeNotSupported",
    through: "2",
    listed: 1,
    versions: [":2", ":1"],
    conflict: "ConflictException",
    redriven: ["FAILED", 1, true],
  });
});
