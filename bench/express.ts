// Express transitions per second of one process: chains of Pass and Choice states, beside Standard executions of the
// same chain on SQLite in the same run. Said as a ratio too, since machines differ.
//
//   node bench/express.ts [--seconds 5] [--concurrency 64]

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { assert } from "../src/base/assert.ts";
import { Payload } from "../src/base/json.ts";
import { SERVICE_LIMITS } from "../src/engine/index.ts";
import type { StateMachine } from "../src/runtime/interface.ts";
import { Runtime } from "../src/runtime/runtime.ts";
import { SqliteStore } from "../src/store/sqlite/store.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "5" }, concurrency: { type: "string", default: "64" } },
});
const seconds = Number(values.seconds);
const concurrency = Number(values.concurrency);
const INPUT = Payload.ofText(
  '{"orderId":"7f3c1b7e-2f0a-4a53-9f5e-5d1f5f0f8a11","amount":129.95,"items":["a","b","c"]}',
);
/** States of a chain, each entered once: Pass and Choice in turn. */
const CHAINS = [10, 100];

function definition(length: number): string {
  const states = Array.from({ length }, (_, i): [string, object] => {
    const next = `S${i + 1}`;
    if (i === length - 1) return [`S${i}`, { Type: "Pass", End: true }];
    if (i % 2 === 0) return [`S${i}`, { Type: "Pass", Next: next }];
    const rule = { Variable: "$.amount", NumericGreaterThan: 100, Next: next };
    return [`S${i}`, { Type: "Choice", Choices: [rule], Default: next }];
  });
  return JSON.stringify({ StartAt: "S0", States: Object.fromEntries(states) as object });
}

type Type = StateMachine["type"];

function machineOf(type: Type, length: number): StateMachine {
  const name = `${type.toLowerCase()}-${length}`;
  const arn = `arn:aws:states:us-east-1:000000000000:stateMachine:${name}`;
  return {
    arn,
    name,
    type,
    status: "ACTIVE",
    createdAtMs: Date.now(),
    updated: false,
    revision: {
      revisionId: `initial-${name}`,
      stateMachineArn: arn,
      createdAtMs: Date.now(),
      definition: definition(length),
      roleArn: "arn:aws:iam::000000000000:role/bench",
      loggingConfiguration: {},
      tracingConfiguration: {},
      encryptionConfiguration: {},
    },
  };
}

async function transitionsPerSecond(type: Type, length: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-bench-"));
  const runtime = await Runtime.open({
    store: new SqliteStore({ directory }),
    limits: SERVICE_LIMITS,
    integrations: () => undefined,
    log: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    const machine = machineOf(type, length);
    await runtime.catalog.createStateMachine(machine, []);
    const run =
      type === "EXPRESS"
        ? async () => {
            const { execution } = await runtime.express.run({ machine, input: INPUT });
            const { status, eventCount } = execution;
            // Entered and exited each, started and succeeded.
            assert(
              status === "SUCCEEDED" && eventCount === 2 * length + 2,
              `${status}, ${eventCount} events`,
            );
          }
        : // A chain of Pass and Choice states is one turn: the start is answered when the execution has ended.
          () => runtime.executions.start({ machine, input: INPUT });
    let ended = 0;
    let endsAt = performance.now() + 500;
    const worker = async (): Promise<void> => {
      while (performance.now() < endsAt) {
        // oxlint-disable-next-line no-await-in-loop -- one execution after the other is the workload
        await run();
        ended += 1;
      }
    };
    const all = (): Promise<unknown> => Promise.all(Array.from({ length: concurrency }, worker));
    await all();
    ended = 0;
    const began = performance.now();
    endsAt = began + seconds * 1000;
    await all();
    return (ended * length) / ((performance.now() - began) / 1000);
  } finally {
    await runtime.close(1_000);
    rmSync(directory, { recursive: true });
  }
}

console.log("states   express transitions/s   standard transitions/s   ratio");
for (const length of CHAINS) {
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  const express = await transitionsPerSecond("EXPRESS", length);
  // oxlint-disable-next-line no-await-in-loop
  const standard = await transitionsPerSecond("STANDARD", length);
  const cells = [length, express.toFixed(0), standard.toFixed(0), (express / standard).toFixed(1)];
  console.log(cells.map((cell, i) => String(cell).padStart([6, 24, 25, 8][i] ?? 0)).join(""));
}
