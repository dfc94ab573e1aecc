// The fuzz driver against the whole server in process: API, runtime, engine, SQLite.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createApi, type Fault } from "../../src/api/index.ts";
import { SERVICE_LIMITS } from "../../src/engine/index.ts";
import { Runtime } from "../../src/runtime/index.ts";
import { SqliteStore } from "../../src/store/sqlite/store.ts";
import { fuzz } from "../api/fuzz.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 2);
const COUNT = Number(process.env["FUZZ_COUNT"] ?? 10_000);

test(`${COUNT} damaged requests (seed ${SEED}) leave the whole server up and its store sound`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-fuzz-"));
  const faults: Fault[] = [];
  const fatal: Error[] = [];
  const runtime = await Runtime.open({
    store: new SqliteStore({ directory, durability: "none" }),
    limits: SERVICE_LIMITS,
    integrations: () => ({
      call: () => Promise.resolve({ kind: "failed", phase: "run", error: "NoFunctions" }),
    }),
    log: () => {},
    onFatal: (error) => fatal.push(error),
  });
  const api = createApi(runtime, {
    account: "000000000000",
    region: "us-east-1",
    limits: SERVICE_LIMITS,
    activityPollMs: 5,
    onFault: (fault) => faults.push(fault),
  });
  const server = await api.listen({ host: "127.0.0.1", port: 0 });
  try {
    const report = await fuzz({ port: server.port, seed: SEED, count: COUNT, connections: 8 });
    const stacks = faults.map(({ error }) => (error as Error).stack).slice(0, 3);
    assert.deepEqual(report.failures, [], stacks.join("\n"));
    assert.deepEqual([...faults, ...fatal], []);
    assert.ok(
      (report.statuses.get(200) ?? 0) > COUNT / 20,
      `too few requests were good: ${JSON.stringify([...report.statuses])}`,
    );
    const answer = await fetch(`${server.url}/health`);
    assert.equal(answer.status, 200);
  } finally {
    await server.close(1_000);
    await runtime.close(1_000);
    rmSync(directory, { recursive: true });
  }
});
