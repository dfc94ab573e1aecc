// A process that commits numbered turns to a SqliteStore for ever, and prints what it was promised.
//
//   node numbered-turns.ts DIRECTORY [full|none]
//
// Standard output, a line each: `opened`, `ack <execution> <lsn>` for each turn that `commit` acknowledged (written
// at once, so that a kill loses no line), `fail <error name>` for each commit that was rejected, `closed`.
// After a failure it reads again where the executions stand and goes on, as a runtime would; after the second
// OutcomeUnknown in a row it closes and ends.

import { writeSync } from "node:fs";
import { SqliteStore } from "../../src/store/sqlite/store.ts";
import { OutcomeUnknown } from "../../src/store/store.ts";
import type { TurnWrite } from "../../src/store/store.ts";
import { firstTurn, laterTurn } from "./contract.ts";

const LANES = 3;
const EXECUTIONS = 40;

const say = (text: string): void => {
  writeSync(1, text);
};
const [directory, durability] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: numbered-turns.ts DIRECTORY [full|none]");
const store = new SqliteStore({ directory, durability: durability === "none" ? "none" : "full" });
let { nextLsn: lsn } = await store.open();
const { epoch } = await store.claim(0);
say("opened\n");

const heads = new Map<number, number>();
let turnsMade = 0;
let lanesMayRun = true;

async function readHeads(): Promise<void> {
  heads.clear();
  for (let id = 1; id <= EXECUTIONS; id++) {
    // oxlint-disable-next-line no-await-in-loop -- a few rows
    const row = await store.getExecution(id);
    if (row !== undefined) heads.set(id, row.headLsn);
  }
}

/** One to ten turns; every execution gets turns from every lane, in the order of the calls. */
function nextBatch(): readonly TurnWrite[] {
  const batch: TurnWrite[] = [];
  const size = 1 + (turnsMade % 10);
  for (let i = 0; i < size; i++) {
    const id = 1 + ((turnsMade * 7) % EXECUTIONS);
    const prevLsn = heads.get(id) ?? 0;
    const data = JSON.stringify({ id, lsn, prevLsn, filler: "x".repeat((lsn * 131) % 900) });
    batch.push(
      prevLsn === 0
        ? firstTurn(id, lsn, epoch, { data })
        : laterTurn(id, lsn, prevLsn, epoch, { data, wakeAtMs: lsn }),
    );
    heads.set(id, lsn);
    lsn += 1;
    turnsMade += 1;
  }
  return batch;
}

/** Commits until a commit fails, its own or another lane's. True: it ended with OutcomeUnknown. */
async function lane(): Promise<boolean> {
  while (lanesMayRun) {
    const batch = nextBatch();
    try {
      // oxlint-disable-next-line no-await-in-loop -- the next batch follows the answer
      await store.commit(batch);
      say(batch.map((turn) => `ack ${turn.executionId} ${turn.lsn}\n`).join(""));
    } catch (error) {
      lanesMayRun = false;
      say(`fail ${(error as Error).name}\n`);
      if (error instanceof OutcomeUnknown) return true;
    }
  }
  return false;
}

for (let unknownInARow = 0; unknownInARow < 2; ) {
  lanesMayRun = true;
  // oxlint-disable no-await-in-loop -- a life of the process after the other
  await readHeads().catch((error: unknown) => say(`fail reading: ${(error as Error).name}\n`));
  const ends = await Promise.all(Array.from({ length: LANES }, lane));
  unknownInARow = ends.includes(true) ? unknownInARow + 1 : 0;
}
await store.close().catch((error: unknown) => say(`fail closing: ${(error as Error).name}\n`));
say("closed\n");
