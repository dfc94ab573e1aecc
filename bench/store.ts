// Turns per second through SqliteStore, beside a plain log file on the same disk in the same run.
//
//   node bench/store.ts [--seconds 2] [--directory DIR] [--executions 4096]
//
// "waiting": that many writers, each of which waits for its turn to be durable before it writes the next; what
// waits is handed over in one `commit`, as the runtime does, and two such batches are kept under way.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SqliteStore } from "../src/store/sqlite/store.ts";
import type { TurnWrite } from "../src/store/store.ts";
import { plainLogAppendsPerSecond } from "./plain-log.ts";

const RECORD_BYTES = 400;
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    directory: { type: "string", default: tmpdir() },
    executions: { type: "string", default: "4096" },
  },
});
const seconds = Number(values.seconds);
const executions = Number(values.executions);

interface Measured {
  readonly turnsPerSecond: number;
  /** Of one commit, in ms, ascending. */
  readonly latencies: readonly number[];
}

async function storeTurnsPerSecond(waiting: number): Promise<Measured> {
  const directory = mkdtempSync(join(values.directory, "store-bench-"));
  const store = new SqliteStore({ directory });
  await store.open();
  const { epoch } = await store.claim(0);
  let lsn = 0;
  const heads: number[] = [];
  const data = JSON.stringify({ record: "x".repeat(RECORD_BYTES - 13) });
  const turnOf = (executionId: number): TurnWrite => {
    const prevLsn = heads[executionId] ?? 0;
    heads[executionId] = ++lsn;
    const arn = `arn:aws:states:us-east-1:000000000000:execution:bench:${executionId}`;
    const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:bench";
    const turn = {
      executionId,
      shard: 0,
      epoch,
      lsn,
      prevLsn,
      atMs: 1,
      data,
      status: "RUNNING",
      attention: true,
    };
    if (prevLsn > 0) return turn;
    return {
      ...turn,
      created: { arn, stateMachineArn, name: String(executionId), revisionId: "r", startedAtMs: 1 },
    };
  };
  await store.commit(Array.from({ length: executions }, (_, index) => turnOf(index)));

  const latencies: number[] = [];
  const started = performance.now();
  const endsAt = started + seconds * 1000;
  let turns = 0;
  let next = 0;
  // Half of the writers are in the batch under way, the other half in the batch behind it.
  const lane = async (size: number): Promise<void> => {
    while (performance.now() < endsAt) {
      const batch: TurnWrite[] = [];
      for (let i = 0; i < size; i++) batch.push(turnOf(next++ % executions));
      const at = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- a writer waits for its turn
      await store.commit(batch);
      latencies.push(performance.now() - at);
      turns += size;
    }
  };
  await Promise.all(waiting === 1 ? [lane(1)] : [lane(waiting / 2), lane(waiting / 2)]);
  const turnsPerSecond = turns / ((performance.now() - started) / 1000);
  await store.close();
  rmSync(directory, { recursive: true });
  return { turnsPerSecond, latencies: latencies.toSorted((a, b) => a - b) };
}

console.log("waiting   store turns/s   p50 ms   p99 ms   max ms   plain log/s   ratio");
for (const waiting of [1, 16, 256, 1024]) {
  // oxlint-disable no-await-in-loop -- one measurement after the other
  const { turnsPerSecond, latencies } = await storeTurnsPerSecond(waiting);
  const { directory } = values;
  const log = await plainLogAppendsPerSecond({
    directory,
    recordBytes: RECORD_BYTES,
    concurrency: waiting,
    seconds,
  });
  const at = (share: number): string =>
    (latencies[Math.floor((latencies.length - 1) * share)] ?? 0).toFixed(2);
  console.log(
    `${String(waiting).padStart(7)}${turnsPerSecond.toFixed(0).padStart(16)}${at(0.5).padStart(9)}${at(0.99).padStart(9)}` +
      `${at(1).padStart(9)}${log.toFixed(0).padStart(14)}${(turnsPerSecond / log).toFixed(2).padStart(8)}`,
  );
}
