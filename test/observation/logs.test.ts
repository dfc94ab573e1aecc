// The log events of executions: what each level takes, their form and their ids.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { ExecutionLogs, type LogSink } from "../../src/observation/index.ts";
import { isLogged, logLine, logSettings } from "../../src/observation/logs/log-event.ts";
import {
  createMachine,
  type Harness,
  LAMBDA,
  open,
  outcome,
  restart,
  start,
  succeeded,
  tasks,
} from "../runtime/harness.ts";
import { settle } from "../runtime/manual-clock.ts";
import { DISTRIBUTED } from "../runtime/map-run-harness.ts";

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

function logsTo(
  sinks: readonly LogSink[],
  level: string,
  data = false,
  log: string[] = [],
  maxWaiting = 1_000,
): ExecutionLogs {
  return new ExecutionLogs({
    sinks,
    maxWaiting,
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

test("what a child of a Map Run does names the Map Run, and the stream its labelled machine", async () => {
  const sink = new MemorySink();
  const logs = logsTo([sink], "ALL");
  const harness = await open({ observers: [logs.observe] });
  const machine = await createMachine(harness, DISTRIBUTED, "orders");
  const arn = await start(harness, machine, [7]);
  while ((await outcome(harness, arn)) === "RUNNING") await settle();
  await logs.close(1_000);
  const [run] = await harness.runtime.mapRuns.list(arn, 0, 1);
  const ofParent = sink.events.filter(({ execution_arn: of }) => of === arn);
  const ofChild = sink.events.filter(({ execution_arn: of }) => of !== arn);
  assert.deepEqual(
    ofChild.map(({ type, map_run_arn: of }) => [type, of]),
    ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"].map((type) => [
      type,
      run?.mapRunArn,
    ]),
  );
  assert.deepEqual(Object.keys(ofChild[0] ?? {}).slice(-3), [
    "execution_arn",
    "map_run_arn",
    "redrive_count",
  ]);
  assert.ok(ofParent.length > 0);
  assert.ok(ofParent.every((event) => !("map_run_arn" in event)));
  const names = [...sink.streams].map((stream) => stream.replace(/\/[^/]+\/[^/]+$/u, ""));
  assert.deepEqual(names.toSorted(), ["states/orders", "states/orders/each"]);
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
  const { details } = JSON.parse(logLine(event, { executionArn: "arn" }, 0, true)) as { details: JsonObject };
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

test("after turns that found no room the ids are right, and the log says how many are missing", async () => {
  const sink = new MemorySink();
  const gate = Promise.withResolvers<void>();
  const slow: LogSink = {
    write: async (...given) => {
      await gate.promise;
      await sink.write(...given);
    },
  };
  const log: string[] = [];
  const logs = logsTo([slow], "ALL", false, log, 1);
  const harness = await open({ observers: [logs.observe] });
  await start(harness, await createMachine(harness, tasks(LAMBDA, LAMBDA, LAMBDA), "orders"));
  for (const result of [1, 2]) {
    harness.integrations.next().answer(succeeded(result));
    // oxlint-disable-next-line no-await-in-loop -- one task after the other
    await settle();
  }
  gate.resolve();
  await settle();
  assert(sink.events.length < 14, "some turns found no room");
  harness.integrations.next().answer(succeeded(3));
  await settle();
  await logs.close(1_000);
  assert.deepEqual(
    sink.events.slice(-3).map(({ id, previous_event_id: previous, type }) => [id, previous, type]),
    [
      ["15", "14", "LambdaFunctionSucceeded"],
      ["16", "15", "TaskStateExited"],
      ["17", "16", "ExecutionSucceeded"],
    ],
  );
  assert.match(
    log.join("\n"),
    /^execution logs: [12] turns came faster than they could be written; they are lost$/u,
  );
  await harness.runtime.close(0);
});
