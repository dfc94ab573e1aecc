// A server that asks for signatures, as a process: who gets in, and that its own functions do.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { freePort, ServerProcess } from "../crash/server.ts";

const KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi" };
const directory = await mkdtemp(join(tmpdir(), "stepwell-auth-"));
const keys = join(directory, "keys");
const functions = join(directory, "functions");
const server = new ServerProcess(await freePort(), [
  "--memory",
  "--credentials",
  keys,
  "--functions",
  functions,
]);

const clientWith = (credentials: {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}): SFNClient => new SFNClient({ endpoint: server.url, region: "us-east-1", maxAttempts: 1, credentials });

before(async () => {
  const text = `[default]\naws_access_key_id = ${KEY.accessKeyId}\naws_secret_access_key = ${KEY.secretAccessKey}\n`;
  await writeFile(keys, text, { mode: 0o600 });
  await mkdir(join(functions, "tell"), { recursive: true });
  const source = `export const handler = async () => ({
    accessKeyId: process.env.AWS_ACCESS_KEY_ID,
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
    sessionToken: process.env.AWS_SESSION_TOKEN,
    endpoint: process.env.AWS_ENDPOINT_URL_SFN,
  });`;
  await writeFile(join(functions, "tell", "index.mjs"), source);
  await server.start();
});
after(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

test("a key of the file gets in; none, another and a known key with another secret do not", async () => {
  const { stateMachines } = await clientWith(KEY).send(new ListStateMachinesCommand({}));
  assert.deepEqual(stateMachines, []);
  for (const [key, name] of [
    [{ ...KEY, accessKeyId: "AKIDOTHER" }, "UnrecognizedClientException"],
    [{ ...KEY, secretAccessKey: "another" }, "InvalidSignatureException"],
    [{ accessKeyId: "stepwell-functions", secretAccessKey: "x" }, "UnrecognizedClientException"],
  ] as const) {
    await assert.rejects(clientWith(key).send(new ListStateMachinesCommand({})), { name });
  }
  const answer = await fetch(server.url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "AWSStepFunctions.ListStateMachines",
    },
    body: "{}",
  });
  assert.equal(answer.status, 400);
  assert.equal(answer.headers.get("x-amzn-errortype"), "MissingAuthenticationTokenException");
});

test("a function can call the server that runs it", { timeout: 60_000 }, async () => {
  const client = clientWith(KEY);
  const Resource = "arn:aws:lambda:us-east-1:000000000000:function:tell";
  const definition = JSON.stringify({ StartAt: "T", States: { T: { Type: "Task", Resource, End: true } } });
  const roleArn = "arn:aws:iam::000000000000:role/r";
  const { stateMachineArn } = await client.send(
    new CreateStateMachineCommand({ name: "m", definition, roleArn }),
  );
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  let described = await client.send(new DescribeExecutionCommand({ executionArn }));
  while (described.status === "RUNNING") {
    await new Promise((resolve) => setTimeout(resolve, 20));
    described = await client.send(new DescribeExecutionCommand({ executionArn }));
  }
  assert.equal(described.status, "SUCCEEDED", described.cause);
  const told = JSON.parse(described.output ?? "{}") as Record<
    "accessKeyId" | "secretAccessKey" | "sessionToken" | "endpoint",
    string
  >;
  assert.equal(told.endpoint, server.url);
  assert.notEqual(told.accessKeyId, KEY.accessKeyId);
  const { stateMachines } = await clientWith(told).send(new ListStateMachinesCommand({}));
  assert.equal(stateMachines?.length, 1);
});
