// The short form of the kill test; `node test/crash/run.ts` is the long one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCrashes } from "./run.ts";

test("a server that is killed again and again loses nothing, doubles nothing", { timeout: 300_000 }, async () => {
  const report = await runCrashes({ executions: 210, kills: 15, seed: 20_261, lifetimeMs: 1_200, log: (line) => console.log(line) });
  assert.equal(report.acknowledged, 210);
  assert.equal(report.executions, 210);
  assert.ok(report.receipts > 200, `the fake Lambda was called ${report.receipts} times only`);
  assert.ok(report.attempts > 300, `${report.attempts} attempts only`);
});
