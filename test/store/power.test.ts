// SqliteStore against kills, power cuts, failing syncs and full disks. What `commit` acknowledged must be there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Random } from "../../src/base/random.ts";
import { SqliteStore } from "../../src/store/sqlite/store.ts";
import { applyPowerLoss, buildShim, makePowerDirectories, powerEnvironment } from "../power/restore.ts";
import type { PowerFaults } from "../power/restore.ts";

const EXECUTIONS = 40;
const PROGRAM = new URL("./numbered-turns.ts", import.meta.url).pathname;
/** Another seed finds other moments: POWER_SEED=… */
const SEED = Number(process.env["POWER_SEED"] ?? 1);
const temporary: string[] = [];
after(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

const shim = buildShim();
const needsShim =
  shim === undefined ? { skip: "NO POWER-LOSS TEST: it needs Linux and a C compiler (cc)" } : {};

interface Life {
  /** Acknowledged LSNs by execution, in the order of the answers. */
  readonly acknowledged: ReadonlyMap<number, readonly number[]>;
  readonly count: number;
  /** All lines that are not acknowledgements, with `ack` once for each run of them. */
  readonly story: readonly string[];
}

/** Lets the program write until `isEnough` (then it is killed) or until it ends by itself. */
async function live(
  directory: string,
  options: {
    environment?: Record<string, string>;
    durability?: "full" | "none";
    isEnough?: (story: readonly string[], count: number) => boolean;
  },
): Promise<Life> {
  const { environment = {}, durability = "full", isEnough } = options;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", PROGRAM, directory, durability],
    {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const acknowledged = new Map<number, number[]>();
  const story: string[] = [];
  let count = 0;
  let rest = "";
  let complaints = "";
  child.stderr.on("data", (data: Buffer) => (complaints += data.toString()));
  child.stdout.on("data", (data: Buffer) => {
    const lines = (rest + data.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [word, execution, lsn] = line.split(" ");
      if (word !== "ack") {
        story.push(line);
        continue;
      }
      if (story.at(-1) !== "ack") story.push("ack");
      count += 1;
      const list = acknowledged.get(Number(execution));
      if (list === undefined) acknowledged.set(Number(execution), [Number(lsn)]);
      else list.push(Number(lsn));
    }
    if (isEnough?.(story, count) === true) child.kill("SIGKILL");
  });
  await new Promise<void>((resolve) => child.on("close", () => resolve()));
  assert.equal(complaints, "");
  return { acknowledged, count, story };
}

/** Opens a copy, so that the next life starts from what the cut left, and looks at everything. */
async function missingTurns(
  directory: string,
  acknowledged: readonly ReadonlyMap<number, readonly number[]>[],
): Promise<number> {
  const copy = mkdtempSync(join(tmpdir(), "stepwell-power-look-"));
  temporary.push(copy);
  cpSync(directory, copy, { recursive: true });
  const store = new SqliteStore({ directory: copy, durability: "none" });
  await store.open();
  let missing = 0;
  for (let id = 1; id <= EXECUTIONS; id++) {
    // oxlint-disable-next-line no-await-in-loop -- a small store
    const journal = await store.readJournal(id);
    let prevLsn = 0;
    for (const { lsn, data } of journal) {
      const turn = JSON.parse(data) as { id: number; lsn: number; prevLsn: number };
      assert.deepEqual({ id: turn.id, lsn: turn.lsn, prevLsn: turn.prevLsn }, { id, lsn, prevLsn });
      prevLsn = lsn;
    }
    const stored = new Set(journal.map(({ lsn }) => lsn));
    for (const life of acknowledged) missing += (life.get(id) ?? []).filter((lsn) => !stored.has(lsn)).length;
  }
  await store.close();
  rmSync(copy, { recursive: true });
  return missing;
}

describe("SqliteStore after a kill", () => {
  it("keeps what it acknowledged, three times over", async () => {
    const directory = mkdtempSync(join(tmpdir(), "stepwell-kill-"));
    temporary.push(directory);
    const lives: Life[] = [];
    for (const enough of [1, 700, 40]) {
      // oxlint-disable no-await-in-loop -- one life after the other
      lives.push(await live(directory, { isEnough: (_, count) => count >= enough }));
      assert.equal(
        await missingTurns(
          directory,
          lives.map((life) => life.acknowledged),
        ),
        0,
      );
    }
    assert.ok(lives.every((life) => life.count > 0));
  });
});

describe("SqliteStore after a power cut", needsShim, () => {
  // Two chains beside each other, one for each core.
  for (const chain of [1, 2]) {
    it(`keeps what it acknowledged (chain ${chain}, POWER_SEED=${SEED})`, async () => {
      const directories = makePowerDirectories();
      temporary.push(directories.root);
      const random = new Random([SEED, chain, 7, 11]);
      const lives: Life[] = [];
      let unsynced = 0;
      let lost = 0;
      for (let round = 0; round < 16; round++) {
        // Early operations are the first opening or the recovery, later ones commits, the latest checkpoints.
        const killAt = 1 + Math.floor(10 ** (1 + 2.8 * random.next01()));
        const environment = powerEnvironment(shim as string, directories, { killAt });
        // oxlint-disable no-await-in-loop -- one life after the other
        lives.push(await live(directories.directory, { environment }));
        const loss = applyPowerLoss(directories.directory, directories.shadow, random.next32());
        unsynced += loss.unsyncedWrites;
        lost += loss.lostWrites + loss.tornWrites + loss.lostNames;
        const missing = await missingTurns(
          directories.directory,
          lives.map((life) => life.acknowledged),
        );
        assert.equal(missing, 0, `round ${round}, killed at operation ${killAt}`);
      }
      const total = lives.reduce((sum, life) => sum + life.count, 0);
      assert.ok(
        total > 100 && unsynced > 10 && lost > 10,
        `looked at ${total} turns, ${lost} of ${unsynced} writes lost`,
      );
    });
  }

  it("would be caught if it did not sync", async () => {
    const directories = makePowerDirectories();
    temporary.push(directories.root);
    const environment = powerEnvironment(shim as string, directories);
    const lives = [await live(directories.directory, { environment, isEnough: (_, count) => count > 0 })];
    // From here on the store exists; the next life writes without syncing.
    applyPowerLoss(directories.directory, directories.shadow, SEED);
    let missing = 0;
    for (let round = 0; round < 5 && missing === 0; round++) {
      // oxlint-disable no-await-in-loop -- one life after the other
      const life = await live(directories.directory, {
        environment,
        durability: "none",
        isEnough: (_, count) => count > 300,
      });
      applyPowerLoss(directories.directory, directories.shadow, SEED + round);
      try {
        missing = await missingTurns(
          directories.directory,
          [...lives, life].map(({ acknowledged }) => acknowledged),
        );
      } catch {
        // A database that cannot even be opened or read is a loss as well.
        missing = Number.POSITIVE_INFINITY;
      }
    }
    assert.ok(missing > 0);
  });
});

describe("SqliteStore on a failing disk", needsShim, () => {
  const failures: readonly {
    readonly name: string;
    readonly faults: PowerFaults;
    readonly story: readonly string[];
  }[] = [
    { name: "one failed sync", faults: { failSync: 30 }, story: ["opened", "ack"] },
    {
      name: "a sync that fails for ever",
      faults: { failSync: 21, failSyncAlways: true },
      story: ["opened", "ack"],
    },
    // The checkpoints sync the log and the database file: somewhere among these is one of theirs.
    { name: "a failed sync after many", faults: { failSync: 400 }, story: ["opened", "ack"] },
  ];
  for (const { name, faults, story } of failures) {
    it(`acknowledges nothing after ${name}`, async () => {
      const directories = makePowerDirectories();
      temporary.push(directories.root);
      const environment = powerEnvironment(shim as string, directories, faults);
      const life = await live(directories.directory, { environment });
      const unknown = life.story.slice(story.length);
      assert.deepEqual(life.story.slice(0, story.length), story);
      assert.deepEqual(unknown.at(-1), "closed");
      assert.ok(unknown.length > 2);
      for (const line of unknown.slice(0, -1))
        assert.match(line, /^fail (reading: |closing: )?OutcomeUnknown$/);
      applyPowerLoss(directories.directory, directories.shadow, SEED);
      assert.equal(await missingTurns(directories.directory, [life.acknowledged]), 0);
      assert.ok(life.count > 0);
    });
  }

  for (const spaceBytes of [200_000, 260_123, 3_000_000, 9_000_000]) {
    it(`stores nothing of a commit that found no room after ${spaceBytes} bytes, and goes on when there is some`, async () => {
      const directories = makePowerDirectories();
      temporary.push(directories.root);
      const environment = powerEnvironment(shim as string, directories, { spaceBytes, spaceFails: 7 });
      let atFailure = 0;
      const life = await live(directories.directory, {
        environment,
        isEnough(story, count) {
          const failed = story.lastIndexOf("fail StorageFull");
          if (failed < 0) return false;
          if (story.length - 1 === failed || atFailure === 0) atFailure = count;
          return story.at(-1) === "ack" && count > atFailure + 500;
        },
      });
      assert.deepEqual(new Set(life.story), new Set(["opened", "ack", "fail StorageFull"]));
      applyPowerLoss(directories.directory, directories.shadow, SEED);
      assert.equal(await missingTurns(directories.directory, [life.acknowledged]), 0);
    });
  }
});
