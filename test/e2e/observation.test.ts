// What an operator sees of a real server: /health, /ready, /metrics, and status changes at a webhook.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/cli/client.ts";
import { freePort, ServerProcess } from "../crash/server.ts";

test("what waits when the process is killed is not sent; the next change is, with its data whole", async (t) => {
  const data = await mkdtemp(join(tmpdir(), "stepwell-events-"));
  t.after(() => rm(data, { recursive: true }));
  const seen: string[] = [];
  let isAway = true;
  const changed = new EventEmitter();
  const webhook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { detail } = JSON.parse(Buffer.concat(chunks).toString()) as { detail: Record<string, unknown> };
    if (!isAway)
      seen.push(`${String(detail["status"])} ${String(detail["input"])} ${String(detail["output"])}`);
    response.writeHead(isAway ? 503 : 200).end();
    changed.emit("request");
  }).listen(0, "127.0.0.1");
  await once(webhook, "listening");
  t.after(() => {
    webhook.closeAllConnections();
    webhook.close();
  });
  const hook = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hook`;
  const server = new ServerProcess(await freePort(), ["--data", data, "--events-webhook", hook]);
  await server.start();
  t.after(() => server.kill());
  const call = connect(new URL(server.url));
  const activity = await call("CreateActivity", { name: "review" });
  const { stateMachineArn } = await call("CreateStateMachine", {
    name: "reviews",
    definition: JSON.stringify({
      StartAt: "Review",
      States: { Review: { Type: "Task", Resource: activity["activityArn"] as string, End: true } },
    }),
    roleArn: "arn:aws:iam::000000000000:role/r",
  });
  const tried = once(changed, "request");
  await call("StartExecution", { stateMachineArn: stateMachineArn as string, input: "[1]" });
  await tried;
  await server.kill();

  isAway = false;
  await server.start();
  const { taskToken } = await call("GetActivityTask", { activityArn: activity["activityArn"] as string });
  await call("SendTaskSuccess", { taskToken: taskToken as string, output: "[2]" });
  assert.equal(await server.stop(), 0, server.errors);
  assert.deepEqual(seen, ["SUCCEEDED [1] [2]"]);
});

test("a known load is seen in the metrics, and its status changes arrive in order", async (t) => {
  const bodies: { readonly source: string; readonly detail: { name: string; status: string } }[] = [];
  const webhook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(webhook, "listening");
  t.after(() => webhook.close());
  const hook = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hook`;

  const server = new ServerProcess(await freePort(), ["--memory", "--events-webhook", hook]);
  await server.start();
  const get = async (path: string): Promise<readonly [status: number, type: string, body: string]> => {
    const answer = await fetch(new URL(path, server.url));
    return [answer.status, answer.headers.get("content-type") ?? "", await answer.text()];
  };
  assert.deepEqual(await get("/health"), [200, "application/json", '{"status":"ok"}']);
  assert.deepEqual(await get("/ready"), [200, "application/json", '{"status":"ready"}']);

  const call = connect(new URL(server.url));
  const { stateMachineArn } = await call("CreateStateMachine", {
    name: "orders",
    definition: JSON.stringify({ StartAt: "Done", States: { Done: { Type: "Succeed" } } }),
    roleArn: "arn:aws:iam::000000000000:role/r",
  });
  for (const name of ["a", "b", "c"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await call("StartExecution", { stateMachineArn: stateMachineArn as string, name });
  }
  await assert.rejects(call("DescribeExecution", { executionArn: "no ARN" }));

  const [status, type, text] = await get("/metrics");
  assert.deepEqual([status, type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  const lines = new Set(text.split("\n"));
  for (const line of [
    'stepwell_executions_started_total{state_machine="orders",type="STANDARD"} 3',
    'stepwell_executions_ended_total{state_machine="orders",type="STANDARD",status="SUCCEEDED"} 3',
    'stepwell_state_transitions_total{type="STANDARD"} 3',
    'stepwell_requests_total{operation="StartExecution",status="200"} 3',
    'stepwell_request_errors_total{operation="DescribeExecution",error="InvalidArn"} 1',
    "stepwell_open_executions 0",
  ]) {
    assert(lines.has(line), `${line} is missing:\n${text}`);
  }

  // What waits is sent at a graceful end.
  assert.equal(await server.stop(), 0, server.errors);
  assert.deepEqual(
    bodies.map(({ source, detail }) => `${source} ${detail.name} ${detail.status}`),
    ["a", "b", "c"].flatMap((name) => [`aws.states ${name} RUNNING`, `aws.states ${name} SUCCEEDED`]),
  );
});
