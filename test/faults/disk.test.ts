// Disks that are full, fail or are slow under the real server: through the shim of test/power, and on a small file system.
//
// A server whose disk refuses a commit ends, says why, and never acknowledges anything after it. What it has acknowledged is
// there when it starts again; the checker of src/torture looks at all of it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pause } from "../../src/torture/index.ts";
import type { ServerProcess } from "../crash/server.ts";
import {
  applyPowerLoss,
  buildShim,
  type PowerDirectories,
  type PowerFaults,
  powerEnvironment,
} from "../power/restore.ts";
import { endsByItself, runFaults } from "./rig.ts";

const shim = buildShim();
const needsShim = {
  timeout: 200_000,
  skip: shim === undefined ? "NO FAILING DISKS: they need Linux and a C compiler (cc)" : false,
};
/** From the moment the server says that it cannot go on until it is gone. */
const ENDS_WITHIN_MS = 2_000;

/** Starts it again with the next faults of its disk, the unsynced writes of the last life lost. */
async function restart(
  server: ServerProcess,
  { directory, shadow }: PowerDirectories,
  seed: number,
  faults: PowerFaults,
): Promise<void> {
  await server.kill();
  applyPowerLoss(directory, shadow, seed);
  server.setEnvironment(powerEnvironment(shim as string, { root: "", directory, shadow }, faults));
  server.errors = "";
  await server.start();
}

/** Lets the server run into the faults of its disk, then gives it a good one. */
async function runInto(
  server: ServerProcess,
  directories: PowerDirectories,
  seed: number,
  faults: PowerFaults,
  says: RegExp,
): Promise<void> {
  await restart(server, directories, seed, faults);
  for (const deadline = Date.now() + 30_000; server.errors === "" && server.isRunning; await pause(20)) {
    assert.ok(Date.now() < deadline, "the disk never failed");
  }
  const saidAt = performance.now();
  const code = await endsByItself(server, ENDS_WITHIN_MS);
  console.log(`gone ${(performance.now() - saidAt).toFixed(0)} ms after it said why`);
  assert.equal(code, 1, `ended with ${code}: ${server.errors}`);
  assert.match(server.errors, says);
  await restart(server, directories, seed + 1, {});
}

/** A small file system over a directory. */
function mountSmall(directory: string): { readonly status: number | null } {
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "stepwell-test", directory]);
}

/** Whether one may mount here. */
function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-mount-"));
  const { status } = mountSmall(directory);
  if (status === 0) spawnSync("umount", [directory]);
  rmSync(directory, { recursive: true });
  return status === 0;
}

/** Takes all the room there is. */
function fill(file: string): void {
  for (let bytes = 1 << 20; bytes >= 1024; ) {
    try {
      writeFileSync(file, Buffer.alloc(bytes, 1), { flag: "a" });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
      bytes /= 2;
    }
  }
}

// Two at a time: each waits more than it works.
describe("a real server on a bad disk", { concurrency: 2 }, () => {
  it(
    "a server whose disk is full says so and ends; with room again everything is there",
    needsShim,
    async () => {
      await runFaults({
        seed: 41,
        faults: 4,
        lifetimeMs: 500,
        environment: (directories) => powerEnvironment(shim as string, directories),
        fault: (server, round, directories) =>
          runInto(
            server,
            directories,
            100 * round,
            { spaceBytes: [300_000, 523_456, 900_001, 700_000][round % 4] as number },
            /cannot go on: there is no room left/,
          ),
      });
    },
  );

  it("a server whose disk fails to sync ends, and has acknowledged nothing after it", needsShim, async () => {
    const faults: readonly PowerFaults[] = [
      { failSync: 12 },
      { failSync: 25, failSyncAlways: true },
      { failSync: 47 },
      { failSync: 80, failSyncAlways: true },
      { failSync: 15 },
    ];
    await runFaults({
      seed: 42,
      faults: faults.length,
      lifetimeMs: 500,
      environment: (directories) => powerEnvironment(shim as string, directories),
      fault: (server, round, directories) =>
        runInto(server, directories, 100 * round, faults[round - 1] as PowerFaults, /cannot go on/),
    });
  });

  it("a slow disk makes everything later, and nothing wrong", needsShim, async () => {
    await runFaults({
      seed: 43,
      faults: 4,
      lifetimeMs: 2_000,
      environment: (directories) => powerEnvironment(shim as string, directories, { slowSyncMs: 60 }),
      fault: (server, round, directories) => restart(server, directories, round, { slowSyncMs: 40 * round }),
    });
  });

  it("a file system that fills up under load ends the server, and loses nothing", {
    timeout: 200_000,
    skip: mayMount() ? false : "NO FULL FILE SYSTEM: mounting a tmpfs needs root",
  }, async () => {
    let mounted: string | undefined;
    await runFaults({
      seed: 44,
      faults: 3,
      lifetimeMs: 1_000,
      environment: ({ directory }) => {
        assert.equal(mountSmall(directory).status, 0);
        mounted = directory;
        return {};
      },
      release: () => {
        if (mounted !== undefined) spawnSync("umount", ["-l", mounted]);
      },
      fault: async (server, _, { directory }) => {
        const ballast = join(directory, "ballast");
        server.errors = "";
        fill(ballast);
        const code = await endsByItself(server, 30_000);
        assert.equal(code, 1, `ended with ${code}: ${server.errors}`);
        assert.match(server.errors, /cannot go on: there is no room left/);
        rmSync(ballast);
        await server.start();
      },
    });
  });
});
