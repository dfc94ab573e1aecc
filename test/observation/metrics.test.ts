// Metrics: the text format, what is counted, and who may read it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Payload } from "../../src/base/json.ts";
import { Metrics } from "../../src/observation/index.ts";
import { Counter, Histogram } from "../../src/observation/metrics/registry.ts";
import { createMachine, LAMBDA, open, start, succeeded, tasks } from "../runtime/harness.ts";
import { HeldStore } from "../runtime/held-store.ts";
import { settle } from "../runtime/manual-clock.ts";

/** Reads the format strictly: HELP and TYPE before the samples of a metric, each series once. */
function readMetrics(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  let current = "";
  assert(text.endsWith("\n"), "the last line ends");
  for (const line of text.slice(0, -1).split("\n")) {
    const head = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/u.exec(line);
    if (head !== null) {
      const [, what, name = "", rest = ""] = head;
      if (what === "HELP") assert.notEqual(name, current, "a metric comes once");
      else assert.match(rest, /^(?:counter|gauge|histogram)$/u);
      current = name;
      continue;
    }
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/u.exec(
        line,
      );
    assert(sample !== null, `no sample: ${line}`);
    const [, name = "", labels = "", value] = sample;
    assert(name === current || /^(?:_bucket|_sum|_count)$/u.test(name.slice(current.length)), line);
    assert(!samples.has(name + labels), `twice: ${line}`);
    samples.set(name + labels, Number(value));
  }
  assert(samples.size > 0);
  return samples;
}

test("executions, states, tasks and commits are counted", async () => {
  const metrics = new Metrics();
  const store = new HeldStore();
  const harness = await open({ store: metrics.measured(store) as HeldStore, observers: [metrics.observe] });
  const machine = await createMachine(harness, tasks(LAMBDA), "orders");
  for (const outcome of [
    succeeded(1),
    { kind: "failed", phase: "run", error: "Broken" } as const,
    succeeded(2),
  ]) {
    await start(harness, machine);
    harness.integrations.next().answer(outcome);
    await settle();
  }
  await start(harness, machine);
  metrics.answered({ operation: "StartExecution", status: 200, error: undefined, milliseconds: 4 });
  metrics.answered({ operation: undefined, status: 400, error: "SerializationException", milliseconds: 1 });
  const samples = readMetrics(metrics.text(await harness.runtime.statistics()));
  const expected = {
    'stepwell_executions_started_total{state_machine="orders",type="STANDARD"}': 4,
    'stepwell_executions_ended_total{state_machine="orders",type="STANDARD",status="SUCCEEDED"}': 2,
    'stepwell_executions_ended_total{state_machine="orders",type="STANDARD",status="FAILED"}': 1,
    'stepwell_execution_seconds_count{state_machine="orders",type="STANDARD"}': 3,
    'stepwell_execution_seconds_bucket{state_machine="orders",type="STANDARD",le="0.01"}': 3,
    'stepwell_state_transitions_total{type="STANDARD"}': 4,
    [`stepwell_task_attempts_total{resource="${LAMBDA}",outcome="succeeded"}`]: 2,
    [`stepwell_task_attempts_total{resource="${LAMBDA}",outcome="failed"}`]: 1,
    stepwell_open_executions: 1,
    stepwell_commits_total: store.commits,
    stepwell_commit_seconds_count: store.commits,
    'stepwell_requests_total{operation="StartExecution",status="200"}': 1,
    'stepwell_requests_total{operation="none",status="400"}': 1,
    'stepwell_request_errors_total{operation="none",error="SerializationException"}': 1,
    'stepwell_request_seconds_bucket{operation="StartExecution",le="0.0025"}': 0,
    'stepwell_request_seconds_bucket{operation="StartExecution",le="0.005"}': 1,
  };
  for (const [series, value] of Object.entries(expected)) assert.equal(samples.get(series), value, series);
  assert((samples.get("process_resident_memory_bytes") ?? 0) > 1e6);
  metrics.close();
  await harness.runtime.close(0);
});

test("starts that are refused for want of room are counted by state machine, other refusals are not", async () => {
  const metrics = new Metrics();
  const store = new HeldStore();
  const settings = { queuedTurns: 2, openExecutions: 3, expressExecutions: 1 };
  const harness = await open({ store, settings, onRefused: metrics.refused });
  const machine = await createMachine(harness, tasks(LAMBDA), "orders");
  const express = await createMachine(harness, tasks(LAMBDA), "quotes", "EXPRESS");
  const request = { machine: express, input: Payload.ofText("{}") };

  store.isHolding = true;
  const starts = [start(harness, machine), start(harness, machine)];
  await settle();
  for (let i = 0; i < 2; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await assert.rejects(start(harness, machine), { code: "ThrottlingException" });
  }
  store.letGo();
  await Promise.all(starts);
  await start(harness, machine, {}, "third");
  await assert.rejects(start(harness, machine), { code: "ExecutionLimitExceeded" });
  await assert.rejects(start(harness, machine, [2], "third"), {
    code: "ExecutionAlreadyExists",
  });

  const running = harness.runtime.express.run(request);
  await assert.rejects(harness.runtime.express.run(request), { code: "ThrottlingException" });
  await assert.rejects(harness.runtime.express.start(request), { code: "ThrottlingException" });
  harness.integrations.calls.at(-1)?.answer(succeeded(1));
  assert.equal((await running).execution.status, "SUCCEEDED");

  const samples = [...readMetrics(metrics.text(await harness.runtime.statistics()))];
  assert.deepEqual(
    samples.filter(([series]) => series.startsWith("stepwell_executions_throttled_total")),
    [
      [
        'stepwell_executions_throttled_total{state_machine="orders",type="STANDARD",error="ThrottlingException"}',
        2,
      ],
      [
        'stepwell_executions_throttled_total{state_machine="orders",type="STANDARD",error="ExecutionLimitExceeded"}',
        1,
      ],
      [
        'stepwell_executions_throttled_total{state_machine="quotes",type="EXPRESS",error="ThrottlingException"}',
        2,
      ],
    ],
  );
  metrics.close();
  await harness.runtime.close(0);
});

test("labels are escaped, and a metric has an end of series", () => {
  const counter = new Counter("c_total", "C.", ["name"]);
  counter.add(['a"b\\c\nd']);
  assert.equal(readMetrics(counter.text()).get('c_total{name="a\\"b\\\\c\\nd"}'), 1);
  for (let i = 0; i < 5_000; i++) counter.add([`n${i}`]);
  const samples = readMetrics(counter.text());
  assert(samples.size <= 1_001, String(samples.size));
  assert.equal(
    [...samples.values()].reduce((sum, value) => sum + value),
    5_001,
  );
  assert((samples.get('c_total{name="other"}') ?? 0) > 4_000 - 1);
});

test("the buckets of a histogram add up", () => {
  const histogram = new Histogram("h", "H.", ["l"], [1, 10]);
  for (const value of [0, 1, 1.5, 10, 11]) histogram.observe(["x"], value);
  assert.deepEqual(
    [...readMetrics(histogram.text())],
    [
      ['h_bucket{l="x",le="1"}', 2],
      ['h_bucket{l="x",le="10"}', 4],
      ['h_bucket{l="x",le="+Inf"}', 5],
      ['h_sum{l="x"}', 23.5],
      ['h_count{l="x"}', 5],
    ],
  );
});
