// The short form of the kill test; `node test/crash/run.ts` is the long one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildShim } from "../power/restore.ts";
import { runCrashes } from "./run.ts";

test("a server that is killed again and again loses nothing, doubles nothing", {
  timeout: 300_000,
}, async () => {
  const report = await runCrashes({
    executions: 210,
    kills: 15,
    seed: 20_261,
    lifetimeMs: 1_200,
    log: (line) => console.log(line),
  });
  assert.equal(report.acknowledged, 210);
  assert.equal(report.executions, 210);
  assert.ok(report.receipts > 200, `the fake Lambda was called ${report.receipts} times only`);
  assert.ok(report.attempts > 300, `${report.attempts} attempts only`);
  assert.ok(report.unknownOutcomes > 0, "no kill met a call under way");
});

const shim = buildShim();
const skip = shim === undefined ? "no C compiler: power cuts were NOT tested" : false;

test("power cuts that lose and tear unsynced writes lose nothing that was acknowledged", {
  skip,
  timeout: 300_000,
}, async () => {
  const report = await runCrashes({
    executions: 210,
    kills: 15,
    seed: 20_262,
    lifetimeMs: 1_500,
    powerShim: shim as string,
    log: (line) => console.log(line),
  });
  assert.equal(report.executions, 210);
  assert.ok(report.unsyncedWrites > 0, "no write was ever unsynced: the power cuts cut nothing");
  assert.ok(report.lostWrites > 0, "no write was lost");
});
