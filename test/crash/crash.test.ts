// The short form of the kill test; `npm run crash -- --kills 1000` is the long one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertLooked, reportLines } from "../../src/torture/index.ts";
import { buildShim } from "../power/restore.ts";
import { type CrashReport, runCrashes } from "./run.ts";

function look(report: CrashReport): void {
  assertLooked(report);
  console.log(reportLines(report).join("\n"));
}

test("a server that is killed again and again loses nothing, doubles nothing", {
  timeout: 300_000,
}, async () => {
  look(
    await runCrashes({ kills: 10, seed: 20_261, lifetimeMs: 1_200, startsPerSecond: 10, log: console.log }),
  );
});

const shim = buildShim();
const skip = shim === undefined ? "no C compiler: power cuts were NOT tested" : false;

test("power cuts that lose and tear unsynced writes lose nothing that was acknowledged", {
  skip,
  timeout: 300_000,
}, async () => {
  const report = await runCrashes({
    kills: 10,
    seed: 20_262,
    lifetimeMs: 1_500,
    startsPerSecond: 10,
    powerShim: shim as string,
    log: console.log,
  });
  look(report);
  assert.ok(report.unsyncedWrites > 0, "no write was ever unsynced: the power cuts cut nothing");
  assert.ok(report.lostWrites > 0, "no write was lost");
});
