// The log of a real server, read by a program: every line of stderr is one JSON object, and none holds a secret.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/cli/client.ts";
import { call, freePort, ServerProcess } from "../crash/server.ts";

const KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi" };

type Entry = Readonly<Record<string, string | number>>;

function without(entry: Entry, ...names: readonly string[]): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)));
}

test("with --log-format json every line of stderr is an object, a request has one at debug", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "stepwell-server-log-"));
  t.after(() => rm(directory, { recursive: true }));
  const [keys, functions] = [join(directory, "keys"), join(directory, "functions")];
  // Readable for others: something to warn of.
  await writeFile(
    keys,
    `[default]\naws_access_key_id=${KEY.accessKeyId}\naws_secret_access_key=${KEY.secretAccessKey}\n`,
    { mode: 0o644 },
  );
  await mkdir(join(functions, "talk"), { recursive: true });
  await writeFile(
    join(functions, "talk", "index.mjs"),
    'export const handler = async () => { console.log("two\\twords \\u001b[31m"); console.error("{}"); };',
  );
  const options = ["--memory", "--credentials", keys, "--functions", functions];
  const server = new ServerProcess(await freePort(), [
    ...options,
    ...["--log-format", "json", "--log-level", "debug"],
  ]);
  await server.start();
  t.after(() => server.kill());

  const signed = connect(new URL(server.url), { region: "us-east-1", credentials: KEY, now: Date.now });
  const definition = JSON.stringify({
    StartAt: "Talk",
    States: {
      Talk: { Type: "Task", Resource: "arn:aws:lambda:us-east-1:000000000000:function:talk", End: true },
    },
  });
  const roleArn = "arn:aws:iam::000000000000:role/r";
  const type = "EXPRESS";
  const { stateMachineArn } = await signed("CreateStateMachine", {
    name: "talker",
    definition,
    roleArn,
    type,
  });
  const { status } = await signed("StartSyncExecution", {
    stateMachineArn: stateMachineArn as string,
    input: JSON.stringify({ password: "sesame" }),
  });
  assert.equal(status, "SUCCEEDED");
  await assert.rejects(signed("DescribeExecution", { executionArn: "no ARN" }));
  await assert.rejects(call(server.url, "ListStateMachines", {}), "nobody signed it");
  await (await fetch(new URL("/health?password=sesame", server.url))).text();
  await (await fetch(new URL("/nothing%0Ahere", server.url))).text();
  assert.equal(await server.stop(), 0, server.errors);

  const lines = server.errors.split("\n").slice(0, -1);
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  for (const entry of entries) {
    assert.match(String(entry["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(String(entry["level"]), /^(?:debug|info|warn|error)$/);
    assert.equal(typeof entry["message"], "string");
  }
  const requests = entries.filter((entry) => entry["level"] === "debug");
  for (const entry of requests) {
    assert.match(String(entry["requestId"]), /^[0-9a-f-]{36}$/);
    assert.ok(Number(entry["durationMs"]) >= 0);
  }
  assert.deepEqual(
    requests.map((entry) => without(entry, "time", "level", "message", "requestId", "durationMs")),
    [
      // The client signs once it was asked to.
      { operation: "CreateStateMachine", status: 400, error: "MissingAuthenticationTokenException" },
      { operation: "CreateStateMachine", status: 200, accessKeyId: KEY.accessKeyId },
      { operation: "StartSyncExecution", status: 200, accessKeyId: KEY.accessKeyId },
      { operation: "DescribeExecution", status: 400, error: "InvalidArn", accessKeyId: KEY.accessKeyId },
      { operation: "ListStateMachines", status: 400, error: "MissingAuthenticationTokenException" },
      { method: "GET", path: "/health", status: 200 },
      { method: "GET", path: "/nothing%0Ahere", status: 404, error: "UnknownOperationException" },
    ],
  );
  const others = entries.filter((entry) => entry["level"] !== "debug");
  assert.deepEqual(
    others
      .map((entry) => without(entry, "time"))
      .filter((entry) => entry["level"] === "warn" || "functionName" in entry),
    [
      {
        level: "warn",
        message: `${keys} holds secrets, but others than its owner may use it (mode 0644): chmod 600 ${keys}`,
      },
      { level: "info", message: "[talk] two\twords \u001b[31m", functionName: "talk", stream: "stdout" },
      { level: "info", message: "[talk] {}", functionName: "talk", stream: "stderr" },
    ],
  );
  assert.equal(others.at(-1)?.["message"], "stopping");
  for (const secret of [KEY.secretAccessKey, "sesame", "\u001b"]) {
    assert.ok(!server.errors.includes(secret), `${JSON.stringify(secret)} is in the log`);
  }
});
