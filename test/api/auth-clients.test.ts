// Requests that real clients signed, against a server that asks for signatures.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import {
  CreateStateMachineCommand,
  DescribeStateMachineCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { type AccessKey, createApi, createAuthenticator, type Listening } from "../../src/api/index.ts";
import { connect } from "../../src/cli/client.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { createFakeEngine } from "./fake-engine.ts";
import { post, sendRaw } from "./raw-http.ts";

const run = promisify(execFile);
const KEY: AccessKey = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi" };
const SESSION: AccessKey = {
  accessKeyId: "ASIASESSION",
  secretAccessKey: "a secret of a session",
  sessionToken: "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJ=",
};
const roleArn = "arn:aws:iam::123456789012:role/r";
const definition = '{"Comment":"\\u00e9 é ❄","StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}';

let server: Listening;
const calls = { count: 0 };
before(async () => {
  const find = async (id: string): Promise<AccessKey | undefined> => {
    calls.count++;
    return [KEY, SESSION].find(({ accessKeyId }) => accessKeyId === id);
  };
  server = await createApi(createFakeEngine(), {
    account: "123456789012",
    region: "us-east-1",
    limits: SERVICE_LIMITS,
    authenticator: createAuthenticator({ find }, Date.now),
  }).listen({ host: "localhost", port: 0 });
});
after(() => server.close(0));

function sdk(credentials: AccessKey, more: object = {}): SFNClient {
  const { sessionToken, accessKeyId, secretAccessKey } = credentials;
  return new SFNClient({
    endpoint: server.url,
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    ...more,
  });
}

for (const [name, key] of [
  ["a key", KEY],
  ["the key of a session", SESSION],
] as const) {
  test(`the SDK for JavaScript calls with ${name}`, async () => {
    const client = sdk(key);
    const { stateMachineArn } = await client.send(
      new CreateStateMachineCommand({ name: `js-${key.accessKeyId}`, definition, roleArn }),
    );
    assert.equal(
      stateMachineArn,
      `arn:aws:states:eu-central-1:123456789012:stateMachine:js-${key.accessKeyId}`,
    );
    const described = await client.send(new DescribeStateMachineCommand({ stateMachineArn }));
    assert.equal(described.definition, definition);
    const input = JSON.stringify({ text: "é ❄ \u0000".repeat(10_000) });
    const started = await client.send(new StartExecutionCommand({ stateMachineArn, input, name: "é" }));
    assert.ok(started.executionArn?.endsWith(":é"));
    client.destroy();
  });
}

const REFUSED: readonly (readonly [string, AccessKey, object, string])[] = [
  ["an unknown key", { ...KEY, accessKeyId: "AKIDOTHER" }, {}, "UnrecognizedClientException"],
  ["another secret", { ...KEY, secretAccessKey: "another" }, {}, "InvalidSignatureException"],
  ["another token", { ...SESSION, sessionToken: "another" }, {}, "UnrecognizedClientException"],
  // The SDK learns the server's clock from the answer; without a second attempt the error shows.
  ["a clock an hour behind", KEY, { systemClockOffset: -3_600_000 }, "InvalidSignatureException"],
];
for (const [name, key, more, error] of REFUSED) {
  test(`the SDK for JavaScript is refused with ${name}`, async () => {
    const client = sdk(key, more);
    await assert.rejects(client.send(new ListStateMachinesCommand({})), { name: error });
    client.destroy();
  });
}

test("a clock that is wrong is put right by the SDK at its second attempt", async () => {
  const client = sdk(KEY, { systemClockOffset: -3_600_000, maxAttempts: 2 });
  const { $metadata } = await client.send(new ListStateMachinesCommand({}));
  assert.equal($metadata.attempts, 2);
  client.destroy();
});

test("the commands of this program sign once they are asked to", async () => {
  const earlier = calls.count;
  const signing = { credentials: { ...KEY }, region: "eu-west-1", now: Date.now };
  const call = connect(new URL(server.url), signing);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await call("ListActivities", {}), { activities: [] });
  }
  assert.equal(calls.count, earlier + 2);
  await assert.rejects(connect(new URL(server.url))("ListActivities", {}), {
    name: "CliError",
    message: /wants signed requests\. Put a key of its credentials file into the environment/,
  });
});

test("without a signature nobody gets to an operation, and the rest tells nothing", async () => {
  const answers = await Promise.all([
    sendRaw(server.port, post("ListStateMachines", "{}")),
    sendRaw(server.port, post("NoSuchOperation", "{}")),
    sendRaw(server.port, post("ListStateMachines", "not JSON")),
  ]);
  for (const { status, body, headers } of answers) {
    assert.equal(status, 400);
    assert.equal(
      body,
      '{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
    );
    assert.match(headers.get("x-amzn-requestid") ?? "", /^[0-9a-f-]{36}$/);
  }
  const health = await sendRaw(server.port, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal(health.body, '{"status":"ok"}');
});

function versionOf(command: string, ...words: string[]): string | undefined {
  try {
    return execFileSync(command, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

const environment = (key: AccessKey, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  AWS_ACCESS_KEY_ID: key.accessKeyId,
  AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
  ...(key.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: key.sessionToken }),
  AWS_REGION: "us-east-1",
  AWS_DEFAULT_REGION: "us-east-1",
  AWS_EC2_METADATA_DISABLED: "true",
  ...more,
});

const cli = versionOf("aws", "--version");
test("the AWS CLI calls with keys, directly and through a proxy", {
  skip: cli === undefined ? "the AWS CLI is not installed: this test looked at nothing" : false,
  timeout: 60_000,
}, async () => {
  const aws = (env: NodeJS.ProcessEnv, url: string, ...words: string[]) =>
    run("aws", ["stepfunctions", "--endpoint-url", url, "--output", "json", ...words], { env });
  const create = ["create-state-machine", "--name", "cli", "--definition", definition, "--role-arn", roleArn];
  const created = await aws(environment(SESSION), server.url, ...create);
  assert.match(created.stdout, /stateMachine:cli/);
  // An absolute-form target: the host that was signed is the one that the client believes it calls.
  const proxied = environment(KEY, { HTTP_PROXY: server.url });
  const listed = await aws(proxied, "http://sync-localhost:1", "list-state-machines");
  assert.match(listed.stdout, /stateMachine:cli/);
  await assert.rejects(
    aws(environment({ ...KEY, secretAccessKey: "x" }), server.url, "list-state-machines"),
    {
      stderr: /\(InvalidSignatureException\) when calling the ListStateMachines operation/,
    },
  );
});

const boto3 = versionOf("python3", "-c", "import boto3; print(boto3.__version__)");
test("boto3 calls with keys", {
  skip: boto3 === undefined ? "boto3 is not installed: this test looked at nothing" : false,
  timeout: 60_000,
}, async () => {
  const script = [
    "import boto3, sys",
    "sfn = boto3.client('stepfunctions', endpoint_url=sys.argv[1])",
    "arn = sfn.create_state_machine(name='boto3', definition=sys.argv[2], roleArn=sys.argv[3])['stateMachineArn']",
    "print(sfn.describe_state_machine(stateMachineArn=arn)['definition'] == sys.argv[2])",
    "try:",
    "  boto3.client('stepfunctions', endpoint_url=sys.argv[1], aws_access_key_id='AKIDOTHER', aws_secret_access_key='x').list_activities()",
    "except Exception as error: print(error)",
  ].join("\n");
  const env = { ...environment(KEY), PYTHONIOENCODING: "utf-8", PYTHONUTF8: "1" };
  const { stdout } = await run("python3", ["-c", script, server.url, definition, roleArn], { env });
  assert.deepEqual(stdout.trim().split("\n"), [
    "True",
    "An error occurred (UnrecognizedClientException) when calling the ListActivities operation: " +
      "The security token included in the request is invalid.",
  ]);
});
