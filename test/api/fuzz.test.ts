// Nothing that a caller sends brings a server to 5xx, to a malformed answer or to a stop.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../../src/api/index.ts";
import { createApi } from "../../src/api/index.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { createFakeEngine } from "./fake-engine.ts";
import { fuzz } from "./fuzz.ts";
import { post, sendRaw } from "./raw-http.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const COUNT = Number(process.env["FUZZ_COUNT"] ?? 12_000);

test(`${COUNT} damaged requests (seed ${SEED}) are answered with 2xx or 4xx`, async () => {
  const faults: Fault[] = [];
  const api = createApi(createFakeEngine(), {
    account: "000000000000",
    region: "us-east-1",
    limits: SERVICE_LIMITS,
    activityPollMs: 5,
    onFault: (fault) => faults.push(fault),
  });
  const server = await api.listen({ host: "127.0.0.1", port: 0 });
  try {
    const report = await fuzz({ port: server.port, seed: SEED, count: COUNT, connections: 8 });
    const answer = await sendRaw(server.port, post("ListActivities", "{}"));
    assert.equal(answer.status, 200);
    assert.deepEqual(
      report.failures,
      [],
      faults
        .map(({ error }) => (error as Error).stack)
        .slice(0, 3)
        .join("\n"),
    );
    assert.equal(
      [...report.statuses.values()].reduce((sum, n) => sum + n, 0),
      COUNT,
    );
    // The damage is neither too small nor too great: all layers were reached.
    assert.ok((report.statuses.get(200) ?? 0) > COUNT / 20);
    for (const name of [
      "SerializationException",
      "ValidationException",
      "UnknownOperationException",
      "InvalidArn",
      "InvalidName",
      "InvalidDefinition",
      "InvalidToken",
      "InvalidExecutionInput",
      "UnsupportedMediaTypeException",
    ]) {
      assert.ok((report.errors.get(name) ?? 0) > 0, `no ${name} among ${JSON.stringify([...report.errors])}`);
    }
  } finally {
    await server.close(1000);
  }
});
