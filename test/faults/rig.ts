// The mixed load of src/torture with other faults than kills, on a data directory that the power shim may watch.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import {
  assertLooked,
  freePort,
  pause,
  reportLines,
  torture,
  type TortureReport,
} from "../../src/torture/index.ts";
import { ServerProcess } from "../crash/server.ts";
import { makePowerDirectories, type PowerDirectories } from "../power/restore.ts";

export interface FaultRun {
  readonly seed: number;
  readonly faults: number;
  readonly lifetimeMs: number;
  /** Of the first start. */
  readonly environment?: (directories: PowerDirectories) => NodeJS.ProcessEnv;
  readonly fault: (server: ServerProcess, round: number, directories: PowerDirectories) => Promise<void>;
  /** Before the directories are removed, also after a failure. */
  readonly release?: () => void;
  readonly sharesClock?: boolean;
  /** What such faults need not bring about. */
  readonly rare?: readonly string[];
}

/** @throws AssertionError naming the broken invariant, or what the run never met */
export async function runFaults(run: FaultRun): Promise<TortureReport> {
  const { environment, fault, release = () => {}, rare = [] } = run;
  const directories = makePowerDirectories();
  const port = await freePort();
  try {
    const report = await torture({
      ...run,
      server: (lambdaEndpoint) =>
        new ServerProcess(
          port,
          ["--data", directories.directory, "--lambda-endpoint", lambdaEndpoint],
          environment?.(directories),
        ),
      fault: (server, round) => fault(server, round, directories),
      calmMs: 2_000,
      startsPerSecond: 10,
      log: console.log,
    });
    console.log(reportLines(report).join("\n"));
    assertLooked(report, new Set(rare));
    release();
    rmSync(directories.root, { recursive: true });
    return report;
  } catch (error) {
    console.log(`data kept in ${directories.root}; seed ${run.seed}`);
    release();
    throw error;
  }
}

/** Waits until the server has ended by itself. @returns its exit code */
export async function endsByItself(server: ServerProcess, withinMs: number): Promise<number | null> {
  const code = await Promise.race([server.ended(), pause(withinMs).then(() => "still there" as const)]);
  assert.notEqual(code, "still there", `the server goes on: ${server.errors}`);
  return code as number | null;
}
