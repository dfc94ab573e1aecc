// The SDK for JavaScript in a page, in a real Chromium: bundled, signed, against a server that asks for signatures and
// names the page's origin (--cors-origin). Other origins stay outside.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ListExecutionsCommand, ListStateMachinesCommand, SFNClient } from "@aws-sdk/client-sfn";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { freePort, ServerProcess } from "../crash/server.ts";
import { findChromium } from "./chromium.ts";
import { PageServer } from "./page-server.ts";
import { Wire } from "./wire.ts";

const CREDENTIALS = { accessKeyId: "AKIDBROWSER", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi" };
/**
 * The origins' hosts. A page without TLS is not a secure context unless its host is loopback: then the SDK has no
 * crypto.subtle, and hashes by itself.
 */
const ALLOWED: readonly { readonly host: string; readonly isSecure: boolean }[] = [
  { host: "console.example", isSecure: false },
  { host: "localhost", isSecure: true },
];

const DEFINITION = JSON.stringify({
  StartAt: "P",
  States: {
    P: { Type: "Pass", Parameters: { "greeting.$": "States.Format('Hello, {}', $.name)" }, End: true },
  },
});

/** As an application would do it. `sfn` is the bundled SDK, `endpoint` the server. */
const APPLICATION = `
  const client = new sfn.SFNClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  const roleArn = "arn:aws:iam::000000000000:role/r";
  const { stateMachineArn } = await client.send(new sfn.CreateStateMachineCommand({ name: machine, definition, roleArn }));
  const { executionArn, startDate } = await client.send(
    new sfn.StartExecutionCommand({ stateMachineArn, name: "by-the-page", input: '{"name":"Grüße"}' }),
  );
  let described;
  do described = await client.send(new sfn.DescribeExecutionCommand({ executionArn }));
  while (described.status === "RUNNING");
  const types = [];
  for await (const { events } of sfn.paginateGetExecutionHistory({ client, pageSize: 2 }, { executionArn }))
    types.push(...events.map(({ type }) => type));
  const refusal = await client.send(new sfn.DescribeExecutionCommand({ executionArn: executionArn + "-not" })).catch((error) => error);
  return {
    status: described.status,
    output: described.output,
    isDated: startDate instanceof Date,
    types,
    isTyped: refusal instanceof sfn.ExecutionDoesNotExist,
    refusal: refusal.name + " " + refusal.$metadata.httpStatusCode,
    hasRequestId: /^[0-9a-f-]{36}$/.test(described.$metadata.requestId) && refusal.$metadata.requestId !== undefined,
  };`;

const SUCCEEDED = {
  status: "SUCCEEDED",
  output: '{"greeting":"Hello, Grüße"}',
  isDated: true,
  types: ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"],
  isTyped: true,
  refusal: "ExecutionDoesNotExist 400",
  hasRequestId: true,
};

/** The SDK prefixes the host with `sync-`. */
const EXPRESS = `
  const client = new sfn.SFNClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  const roleArn = "arn:aws:iam::000000000000:role/r";
  const { stateMachineArn } = await client.send(
    new sfn.CreateStateMachineCommand({ name: machine, definition, roleArn, type: "EXPRESS" }),
  );
  const { status, output } = await client.send(
    new sfn.StartSyncExecutionCommand({ stateMachineArn, input: '{"name":"you"}' }),
  );
  return { status, output };`;

const chromium = await findChromium();
const skip = typeof chromium === "string" && chromium;
const open = new AsyncDisposableStack();
let browser: Browser;
let pages: PageServer;
let wire: Wire;
let client: SFNClient;

before(async () => {
  if (typeof chromium === "string") return;
  const sdk = new Map([["/sdk.js", await bundledSdk()]]);
  pages = open.adopt(await PageServer.start(sdk), (started) => started.close());
  const directory = await mkdtemp(join(tmpdir(), "stepwell-browser-"));
  open.defer(() => rm(directory, { recursive: true }));
  const keys = join(directory, "keys");
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const profile = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  await writeFile(keys, profile, { mode: 0o600 });
  const origins = ALLOWED.map(({ host }) => `http://${host}:${pages.port}`).join(",");
  const words = ["--memory", "--credentials", keys, "--cors-origin", origins];
  const server = new ServerProcess(await freePort(), words);
  await server.start();
  open.defer(async () => assert.equal(await server.stop(), 0, server.errors));
  wire = open.adopt(await Wire.to(server.url), (started) => started.close());
  client = new SFNClient({ endpoint: server.url, region: "us-east-1", credentials: CREDENTIALS });
  open.defer(() => client.destroy());
  browser = open.adopt(await chromium.launch(), (started) => started.close());
});
after(() => open.disposeAsync());

/** As an application's bundler would do it. */
async function bundledSdk(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export * from "@aws-sdk/client-sfn";',
      resolveDir: fileURLToPath(new URL("../..", import.meta.url)),
    },
    bundle: true,
    format: "iife",
    globalName: "sfn",
    platform: "browser",
    minify: true,
    write: false,
  });
  return outputFiles[0]?.text as string;
}

async function pageAt(host: string): Promise<Page> {
  const tab = await browser.newPage();
  await tab.goto(`http://${host}:${pages.port}/`);
  await tab.addScriptTag({ url: "/sdk.js" });
  return tab;
}

interface Run {
  readonly host: string;
  readonly machine: string;
  readonly script: string;
  /** How the page names the server's host. */
  readonly server?: string;
}

async function runAt({ host, machine, script, server: name = "localhost" }: Run): Promise<unknown> {
  const tab = await pageAt(host);
  const words = {
    endpoint: `http://${name}:${wire.port}`,
    credentials: CREDENTIALS,
    definition: DEFINITION,
    machine,
  };
  const constants = Object.entries(words).map(([word, value]) => `const ${word} = ${JSON.stringify(value)};`);
  try {
    return await tab.evaluate(`(async () => { ${constants.join(" ")} ${script} })()`);
  } finally {
    await tab.close();
  }
}

async function machineNames(): Promise<readonly string[]> {
  const { stateMachines } = await client.send(new ListStateMachinesCommand({}));
  return (stateMachines ?? []).map(({ name }) => name as string);
}

test("a page of another origin is refused, though it has a key", { skip }, async () => {
  const script = `return await (async () => { ${APPLICATION} })().catch((error) => error.name);`;
  assert.equal(await runAt({ host: "evil.example", machine: "evil", script }), "TypeError");
  const exchanges = await wire.take(1);
  assert.deepEqual(
    exchanges.map(({ method, status }) => [method, status]),
    [["OPTIONS", 403]],
  );
  assert.deepEqual(await machineNames(), []);
});

for (const { host, isSecure } of ALLOWED) {
  test(`the SDK creates, starts, describes and reads from ${host}`, { skip }, async () => {
    const machine = `of-${host.replace(".", "-")}`;
    const script = `if (isSecureContext !== ${isSecure}) throw new Error("not as it is meant"); ${APPLICATION}`;
    assert.deepEqual(await runAt({ host, machine, script }), SUCCEEDED);
    const { executions } = await client.send(
      new ListExecutionsCommand({
        stateMachineArn: `arn:aws:states:us-east-1:000000000000:stateMachine:${machine}`,
      }),
    );
    assert.deepEqual(
      executions?.map(({ name, status }) => [name, status]),
      [["by-the-page", "SUCCEEDED"]],
    );
  });
}

test("the SDK starts an Express execution and waits for it", { skip }, async () => {
  const run = { host: "console.example", machine: "express", script: EXPRESS, server: "steps.localhost" };
  await wire.take(0);
  assert.deepEqual(await runAt(run), { status: "SUCCEEDED", output: '{"greeting":"Hello, you"}' });
  const hosts = (await wire.take(1)).map(({ host }) => host);
  assert.ok(hosts.includes(`sync-steps.localhost:${wire.port}`), hosts.join(", "));
});

test("an allowed page without a key is refused in words that it can read", { skip }, async () => {
  const script = `const headers = { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.ListStateMachines" };
    const answer = await fetch(endpoint, { method: "POST", headers, body: "{}" });
    return [answer.status, (await answer.json()).__type];`;
  assert.deepEqual(await runAt({ host: "console.example", machine: "", script }), [
    400,
    "com.amazon.coral.service#MissingAuthenticationTokenException",
  ]);
});
