// A wall clock that jumps by an hour while the server runs and while it is down, by libfaketime.
//
// Times of a history never go back (I7), and nothing is early by the times of its history (I14, I18). Due moments are
// moments of the wall clock: while the clock is behind them, what waits goes on waiting. So each jump back is followed
// by one forward, and the run ends with the clock at its latest.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pause } from "../../src/torture/index.ts";
import { runFaults } from "./rig.ts";

const LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1";
let [library] = globSync(LIBRARY);
if (library === undefined && process.getuid?.() === 0 && process.env["CI"] === "true") {
  spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "faketime"], { stdio: "ignore" });
  [library] = globSync(LIBRARY);
}
const skip = library === undefined ? "NO CLOCK JUMPS: they need libfaketime (Debian: faketime)" : false;

/** Offset of the clock in each round, seconds; the last is the greatest. */
const OFFSETS = [3_600, 0, 3_601, -3_600, 3_602, 1, 3_700];

test("a clock that jumps by an hour makes no history go back, and nothing early", {
  skip,
  timeout: 200_000,
}, async () => {
  let file = "";
  const set = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? "" : "+"}${seconds}s\n`);
  const { records } = await runFaults({
    seed: 51,
    faults: OFFSETS.length,
    lifetimeMs: 1_500,
    sharesClock: false,
    // It compares the server's times with ours.
    rare: ["beatenAcrossFaults"],
    environment: ({ root }) => {
      file = join(root, "clock");
      set(0);
      return {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: file,
        // The clock is read anew at each call, and timers follow the monotonic clock, which does not jump.
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      };
    },
    fault: async (server, round) => {
      set(OFFSETS[round - 1] as number);
      // Every other jump meets a server that is down.
      if (round % 2 === 0) {
        await server.kill();
        await server.start();
      } else {
        await pause(700);
      }
    },
  });
  // The clock was moved indeed: starts an hour ahead of ours, with ours, and an hour behind.
  const offsets = records.starts.map(({ startDate }) => startDate - Date.now() / 1000);
  assert.ok(offsets.some((seconds) => seconds > 3_000));
  assert.ok(offsets.some((seconds) => Math.abs(seconds) < 300));
  assert.ok(offsets.some((seconds) => seconds < -3_000));
});
