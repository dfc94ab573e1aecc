// The log events of executions: what each level takes, their form, and how they reach files and CloudWatch Logs.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import {
  CloudWatchLogs,
  ExecutionLogs,
  fileNameOf,
  LogFiles,
  type LogSink,
} from "../../src/observation/index.ts";
import { isLogged, logLine, logSettings } from "../../src/observation/logs/log-event.ts";
import {
  createMachine,
  type Harness,
  LAMBDA,
  open,
  restart,
  start,
  succeeded,
  tasks,
} from "../runtime/harness.ts";
import { settle } from "../runtime/manual-clock.ts";

const GROUP = "/aws/vendedlogs/states/orders";
const configuration = (level: string, includeExecutionData: boolean): JsonObject => ({
  level,
  includeExecutionData,
  destinations: [
    { cloudWatchLogsLogGroup: { logGroupArn: `arn:aws:logs:us-east-1:123456789012:log-group:${GROUP}:*` } },
  ],
});

class MemorySink implements LogSink {
  readonly events: JsonObject[] = [];
  readonly streams = new Set<string>();

  write(group: string, stream: string, lines: readonly { readonly line: string }[]): Promise<void> {
    assert.equal(group, GROUP);
    this.streams.add(stream);
    for (const { line } of lines) this.events.push(JSON.parse(line) as JsonObject);
    return Promise.resolve();
  }

  get types(): readonly Json[] {
    return this.events.map(({ type }) => type as Json);
  }
}

function logsTo(sinks: readonly LogSink[], level: string, data = false, log: string[] = []): ExecutionLogs {
  return new ExecutionLogs({
    sinks,
    configurationOf: () => Promise.resolve(configuration(level, data)),
    log: (line) => log.push(line),
  });
}

async function runOnce(harness: Harness, fails = false): Promise<string> {
  const machine = await createMachine(harness, tasks(LAMBDA), "orders");
  const arn = await start(harness, machine, { a: 1 });
  harness.integrations
    .next()
    .answer(
      fails ? { kind: "failed", phase: "run", error: "Broken", cause: "no spring" } : succeeded({ b: 2 }),
    );
  await settle();
  return arn;
}

const WHOLE_RUN = [
  "ExecutionStarted",
  "TaskStateEntered",
  "LambdaFunctionScheduled",
  "LambdaFunctionStarted",
  "LambdaFunctionSucceeded",
  "TaskStateExited",
  "ExecutionSucceeded",
];

test("every event has the service's form", async () => {
  const sink = new MemorySink();
  const logs = logsTo([sink], "ALL");
  const harness = await open({ observers: [logs.observe] });
  const arn = await runOnce(harness);
  await logs.close(1_000);
  assert.deepEqual(sink.types, WHOLE_RUN);
  assert.deepEqual(sink.events[1], {
    id: "2",
    type: "TaskStateEntered",
    details: { name: "S0" },
    previous_event_id: "0",
    event_timestamp: String(harness.clock.wallMs),
    execution_arn: arn,
    redrive_count: "0",
  });
  assert.match([...sink.streams].join(), /^states\/orders\/2026-01-02-03\/[0-9a-f]{8}$/u);
  await harness.runtime.close(0);
});

test("payloads are there where the configuration includes them", async () => {
  const sink = new MemorySink();
  const logs = logsTo([sink], "ALL", true);
  const harness = await open({ observers: [logs.observe] });
  await runOnce(harness);
  await logs.close(1_000);
  assert.deepEqual(sink.events.at(-1)?.["details"], {
    output: '{"b":2}',
    outputDetails: { truncated: false },
  });
  await harness.runtime.close(0);
});

const LEVELS: readonly (readonly [level: "ALL" | "ERROR" | "FATAL" | "OFF", types: readonly string[]])[] = [
  ["ALL", [...WHOLE_RUN.slice(0, 4), "LambdaFunctionFailed", "ExecutionFailed"]],
  ["ERROR", ["LambdaFunctionFailed", "ExecutionFailed"]],
  ["FATAL", ["ExecutionFailed"]],
  ["OFF", []],
];

for (const [level, types] of LEVELS) {
  test(`the level ${level} takes what it should of a failure`, async () => {
    const sink = new MemorySink();
    const logs = logsTo([sink], level);
    const harness = await open({ observers: [logs.observe] });
    await runOnce(harness, true);
    await logs.close(1_000);
    assert.deepEqual(sink.types, types);
    await harness.runtime.close(0);
  });
}

test("ERROR takes failures, time-outs and abortions of everything, and Fail states", () => {
  const taken = [
    "FailStateEntered",
    "MapIterationAborted",
    "TaskTimedOut",
    "TaskSubmitFailed",
    "EvaluationFailed",
  ];
  const left = ["PassStateEntered", "TaskSucceeded", "MapRunRedriven", "FailStateExited"];
  for (const type of taken) assert(isLogged(type, "ERROR") && !isLogged(type, "FATAL"), type);
  for (const type of left) assert(!isLogged(type, "ERROR"), type);
});

test("an execution of an earlier process goes on with its ids", async () => {
  const first = await open();
  first.integrations.resumable.add("function");
  const machine = await createMachine(first, tasks(LAMBDA), "orders");
  await start(first, machine);
  const sink = new MemorySink();
  const logs = logsTo([sink], "ALL");
  const second = await restart(first, { integrations: first.integrations, observers: [logs.observe] });
  first.integrations.calls.at(-1)?.answer(succeeded(1));
  await settle();
  await logs.close(1_000);
  assert.deepEqual(
    sink.events.map(({ id, previous_event_id: previous, type }) => [id, previous, type]),
    [
      ["5", "4", "LambdaFunctionSucceeded"],
      ["6", "5", "TaskStateExited"],
      ["7", "6", "ExecutionSucceeded"],
    ],
  );
  await second.runtime.close(0);
});

test("a large payload is cut, and says so", () => {
  const input = JSON.stringify('ü"'.repeat(200_000));
  const event = {
    id: 1,
    previousEventId: 0,
    timestampMs: 0,
    type: "ExecutionStarted",
    details: { input, inputDetails: { truncated: false }, roleArn: "r" },
  };
  const { details } = JSON.parse(logLine(event, "arn", 0, true)) as { details: JsonObject };
  const kept = details["input"] as string;
  assert(input.startsWith(kept));
  assert(Buffer.byteLength(JSON.stringify(kept)) <= 248 * 1024 + 2);
  assert(Buffer.byteLength(JSON.stringify(kept)) > 247 * 1024);
  assert.deepEqual(details["inputDetails"], { truncated: true });
  assert.equal(details["roleArn"], "r");
});

test("a configuration without a destination, and one that is OFF, log nothing", () => {
  assert.deepEqual(logSettings({}), { level: "OFF", includesData: false, group: undefined });
  assert.equal(logSettings(configuration("ALL", true)).group, GROUP);
});

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-logs-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test("files are rotated, and no name leaves the folder", async (t) => {
  const directory = folder(t);
  const files = new LogFiles(directory, { maxBytes: 10, generations: 2 });
  for (const line of ["first line", "second line", "third line", "fourth line"]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await files.write(GROUP, "stream", [{ line }]);
  }
  const name = fileNameOf(GROUP);
  assert.deepEqual(readdirSync(directory).toSorted(), [
    `${name}.1.jsonl`,
    `${name}.2.jsonl`,
    `${name}.jsonl`,
  ]);
  assert.equal(readFileSync(join(directory, `${name}.jsonl`), "utf8"), "fourth line\n");
  assert.equal(readFileSync(join(directory, `${name}.2.jsonl`), "utf8"), "second line\n");
  for (const group of ["../../etc/passwd", "..", ".", "/", "a/../b", "x".repeat(512)]) {
    const file = fileNameOf(group);
    assert(!file.includes("/") && !file.startsWith(".") && file.length <= 200, file);
  }
});

interface Received {
  readonly target: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
}

test("CloudWatch Logs gets a stream and its events, signed, and is asked again while it is busy", async (t) => {
  const received: Received[] = [];
  const statuses = [400, 503];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    received.push({
      target: incoming.headers["x-amz-target"]?.toString(),
      headers: incoming.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()) as JsonObject,
    });
    const status = statuses.shift() ?? 200;
    // The stream is there already: that is as good.
    response.writeHead(status).end(status === 400 ? '{"__type":"ResourceAlreadyExistsException"}' : "{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const sink = new CloudWatchLogs({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    delayMs: () => 1,
  });
  const logs = logsTo([sink], "FATAL");
  const harness = await open({ observers: [logs.observe] });
  await runOnce(harness, true);
  await logs.close(5_000);
  assert.deepEqual(
    received.map(({ target }) => target),
    ["Logs_20140328.CreateLogStream", "Logs_20140328.PutLogEvents", "Logs_20140328.PutLogEvents"],
  );
  const { body, headers } = received[2] as Received;
  assert.match(
    headers.authorization ?? "",
    /^AWS4-HMAC-SHA256 Credential=stepwell\/\d{8}\/us-east-1\/logs\/aws4_request/u,
  );
  assert.equal(body["logGroupName"], GROUP);
  const events = body["logEvents"] as readonly { readonly message: string; readonly timestamp: number }[];
  assert.equal(events.length, 1);
  assert.equal(events[0]?.timestamp, harness.clock.wallMs);
  assert.equal((JSON.parse(events[0]?.message ?? "") as JsonObject)["type"], "ExecutionFailed");
  await harness.runtime.close(0);
});

test("a destination that takes nothing costs the events and a line in the log, nothing else", async () => {
  const broken: LogSink = { write: () => Promise.reject(new Error("gone")) };
  const sink = new MemorySink();
  const log: string[] = [];
  const logs = logsTo([broken, sink], "FATAL", false, log);
  const harness = await open({ observers: [logs.observe] });
  await runOnce(harness, true);
  await logs.close(1_000);
  assert.deepEqual(sink.types, ["ExecutionFailed"]);
  assert.deepEqual(log, [`execution logs: 1 events of ${GROUP} are lost: gone`]);
  await harness.runtime.close(0);
});
