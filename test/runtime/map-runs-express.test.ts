// Express children that have ended: their Map Run says what came of each; the history is kept of those that failed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, open, start } from "./harness.ts";
import { broken, lastRun, mapOf, untilEnded, Worker } from "./map-run-harness.ts";

test("an Express child is found by its ARN, however it ended", async () => {
  const harness = await open();
  const { express, mapRuns } = harness.runtime;
  const worker = new Worker().attach(harness);
  const { judge } = worker;
  worker.judge = (input) => (input === 2 ? broken : judge(input));
  const fields = { ItemsPath: "$.list", ToleratedFailureCount: 1 };
  const machine = await createMachine(harness, mapOf(fields, "EXPRESS"));
  const execution = await start(harness, machine, { list: [1, 2] }, "e");
  await untilEnded(harness, execution);

  const { mapRunArn } = await lastRun(harness, execution);
  const { children } = await mapRuns.children({ mapRunArn, limit: 10 });
  const [second = "", first = ""] = children.map(({ executionArn }) => executionArn);
  const found = await Promise.all([first, second].map((arn) => mapRuns.expressChild(arn)));
  const withoutTimes = found.map((child) => {
    assert(child !== undefined && child.startedAtMs <= child.stoppedAtMs);
    const { startedAtMs: _, stoppedAtMs: __, ...rest } = child;
    return rest;
  });
  const common = (executionArn: string): object => ({
    executionArn,
    mapRunArn,
    stateMachineArn: `${machine.arn}/each`,
    name: executionArn.split(":").at(-2),
  });
  assert.deepEqual(withoutTimes, [
    { ...common(first), status: "SUCCEEDED", output: "1" },
    { ...common(second), status: "FAILED", input: "2", error: "Broken", cause: "it is" },
  ]);
  assert.equal(express.history(first), undefined);
  assert.equal(express.history(second)?.at(-1)?.type, "ExecutionFailed");
});

test("what is no Express child is not found", async () => {
  const { mapRuns } = (await open()).runtime;
  const uuid = "0b8f5a06-8f4e-8a52-9c00-010000000001";
  const arns = [
    `arn:aws:states:us-east-1:123456789012:express:machine/each:${uuid}:${uuid}`,
    `arn:aws:states:us-east-1:123456789012:express:machine:${uuid}:${uuid}`,
    `arn:aws:states:us-east-1:123456789012:execution:machine/each:${uuid}`,
    "",
  ];
  for (const arn of arns) assert.equal(await mapRuns.expressChild(arn), undefined, arn);
});
