// Kills the real server under the mixed load of src/torture, again and again, then checks everything.
//
//   node test/crash/run.ts --kills 1000 --seed 1 [--power]
//
// With --power the kills are power cuts: what was written and not synced is lost or torn (test/power).

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { reportLines, torture, type TortureReport } from "../../src/torture/index.ts";
import { applyPowerLoss, buildShim, makePowerDirectories, powerEnvironment } from "../power/restore.ts";
import { freePort, ServerProcess } from "./server.ts";

export interface CrashOptions {
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds that a server lives between kills: uniform in [0, this). */
  readonly lifetimeMs: number;
  readonly startsPerSecond: number;
  /** The shim of test/power: makes each kill a power cut, after which unsynced writes are lost or torn. */
  readonly powerShim?: string;
  readonly log?: (line: string) => void;
}

export interface CrashReport extends TortureReport {
  /** Writes that had not been synced when the power went, and those of them that were lost or torn. */
  readonly unsyncedWrites: number;
  readonly lostWrites: number;
}

/** @throws AssertionError naming the broken invariant */
export async function runCrashes(options: CrashOptions): Promise<CrashReport> {
  const { kills, seed, powerShim, log = () => {} } = options;
  const directories = makePowerDirectories();
  const environment = powerShim === undefined ? {} : powerEnvironment(powerShim, directories);
  const port = await freePort();
  let unsyncedWrites = 0;
  let lostWrites = 0;
  try {
    const report = await torture({
      ...options,
      server: (lambdaEndpoint) =>
        new ServerProcess(
          port,
          ["--data", directories.directory, "--lambda-endpoint", lambdaEndpoint],
          environment,
        ),
      faults: kills,
      calmMs: 2_000,
      fault: async (server, round) => {
        assert.ok(server.isRunning, `the server ended by itself: ${server.errors}`);
        await server.kill();
        if (powerShim !== undefined) {
          const loss = applyPowerLoss(directories.directory, directories.shadow, seed + round);
          unsyncedWrites += loss.unsyncedWrites;
          lostWrites += loss.lostWrites + loss.tornWrites;
        }
        await server.start();
      },
    });
    rmSync(directories.root, { recursive: true });
    return { ...report, unsyncedWrites, lostWrites };
  } catch (error) {
    log(`data kept in ${directories.root}; seed ${seed}`);
    throw error;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "100" },
      seed: { type: "string", default: String(Date.now() % 100_000) },
      lifetime: { type: "string", default: "1200" },
      rate: { type: "string", default: "8" },
      power: { type: "boolean", default: false },
    },
  });
  const shim = values.power ? buildShim() : undefined;
  if (values.power && shim === undefined) throw new Error("--power needs a C compiler (cc)");
  const report = await runCrashes({
    kills: Number(values.kills),
    seed: Number(values.seed),
    lifetimeMs: Number(values.lifetime),
    startsPerSecond: Number(values.rate),
    ...(shim === undefined ? {} : { powerShim: shim }),
    log: console.log,
  });
  console.log(reportLines(report).join("\n"));
  if (values.power)
    console.log(`${report.lostWrites} of ${report.unsyncedWrites} unsynced writes lost or torn`);
}
