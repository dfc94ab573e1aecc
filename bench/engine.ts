// Durable transitions per second: the whole engine in one process, with calls that return at once.
//
// Beside it, in the same run, the machine's limit: a plain log file that is written and synced with records of the
// same size by as many writers. Said as a ratio: turns per second / appends per second.
//
//   node bench/engine.ts [--seconds 5] [--concurrency 64,256,1024]
//   node bench/engine.ts --observed     with metrics and without, three times in turn: what measuring costs

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Payload } from "../src/base/json.ts";
import { SERVICE_LIMITS } from "../src/engine/index.ts";
import type { Integration } from "../src/integrations/index.ts";
import type { StateMachine } from "../src/runtime/interface.ts";
import { Metrics } from "../src/observation/index.ts";
import { Runtime } from "../src/runtime/runtime.ts";
import { SqliteStore } from "../src/store/sqlite/store.ts";
import { plainLogAppendsPerSecond } from "./plain-log.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    concurrency: { type: "string", default: "64,256,1024" },
    observed: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const CHAIN = 10;
const INPUT = '{"orderId":"7f3c1b7e-2f0a-4a53-9f5e-5d1f5f0f8a11","amount":129.95,"items":["a","b","c"]}';

const WORKLOADS = {
  tasks: chain((next) => ({
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke",
    Parameters: { FunctionName: "f", Payload: { "id.$": "$.orderId" } },
    ResultPath: "$.result",
    ...next,
  })),
  passes: chain((next, i) => ({
    Type: "Pass",
    Parameters: { "id.$": "$.orderId", step: i },
    ResultPath: "$.result",
    ...next,
  })),
};

function chain(state: (next: object, i: number) => object): string {
  const states = Array.from({ length: CHAIN }, (_, i) => [
    `S${i}`,
    state(i + 1 < CHAIN ? { Next: `S${i + 1}` } : { End: true }, i),
  ]);
  return JSON.stringify({ StartAt: "S0", States: Object.fromEntries(states) as object });
}

const RESULT = Payload.ofText('{"accepted":true,"score":712}');
const INSTANT: Integration = { call: () => Promise.resolve({ kind: "succeeded", output: RESULT }) };

interface Measured {
  readonly transitions: number;
  readonly turns: number;
  readonly recordBytes: number;
}

async function measure(
  definition: string,
  hasTasks: boolean,
  concurrency: number,
  metrics?: Metrics,
): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-bench-"));
  const store = new SqliteStore({ directory });
  let turns = 0;
  let bytes = 0;
  const commit = store.commit.bind(store);
  store.commit = (batch) => {
    turns += batch.length;
    for (const { data } of batch) bytes += data.length;
    return commit(batch);
  };
  const runtime = await Runtime.open({
    store: metrics?.measured(store) ?? store,
    ...(metrics === undefined ? {} : { observers: [metrics.observe] }),
    limits: SERVICE_LIMITS,
    settings: { callsUnderWay: 2 * concurrency },
    integrations: () => INSTANT,
    log: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    const arn = "arn:aws:states:us-east-1:000000000000:stateMachine:bench";
    const machine: StateMachine = {
      arn,
      name: "bench",
      type: "STANDARD",
      status: "ACTIVE",
      createdAtMs: Date.now(),
      updated: false,
      revision: {
        revisionId: "initial-bench",
        stateMachineArn: arn,
        createdAtMs: Date.now(),
        definition,
        roleArn: "arn:aws:iam::000000000000:role/bench",
        loggingConfiguration: {},
        tracingConfiguration: {},
        encryptionConfiguration: {},
      },
    };
    await runtime.catalog.createStateMachine(machine, []);
    const input = Payload.ofText(INPUT);
    const never = new AbortController().signal;
    let ended = 0;
    const began = performance.now();
    const endsAt = began + seconds * 1000;
    const worker = async (): Promise<void> => {
      while (performance.now() < endsAt) {
        // oxlint-disable-next-line no-await-in-loop -- one execution after the other is the workload
        const { executionArn } = await runtime.executions.start({ machine, input });
        // A chain of Pass states is one turn: the start is answered when the execution has ended.
        // oxlint-disable-next-line no-await-in-loop
        if (hasTasks) await runtime.executions.waitForEnd(executionArn, never);
        ended += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    const took = (performance.now() - began) / 1000;
    return {
      transitions: (ended * CHAIN) / took,
      turns: turns / took,
      recordBytes: Math.round(bytes / turns),
    };
  } finally {
    await runtime.close(1_000);
    rmSync(directory, { recursive: true });
  }
}

/** Alternating, so that what the machine does beside it falls on both. */
async function compareObserved(): Promise<void> {
  console.log("chain of 10   waiting   transitions/s without   with metrics   ratio");
  for (const [name, definition] of Object.entries(WORKLOADS)) {
    for (const concurrency of values.concurrency.split(",").map(Number)) {
      const sums = { without: 0, observed: 0 };
      for (let round = 0; round < 3; round++) {
        const metrics = new Metrics();
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        sums.without += (await measure(definition, name === "tasks", concurrency)).transitions / 3;
        // oxlint-disable-next-line no-await-in-loop
        sums.observed += (await measure(definition, name === "tasks", concurrency, metrics)).transitions / 3;
        metrics.close();
      }
      const cells = [sums.without.toFixed(0), sums.observed.toFixed(0)];
      const ratio = (sums.observed / sums.without).toFixed(2);
      console.log(
        `${name.padEnd(12)} ${String(concurrency).padStart(8)} ${cells[0]?.padStart(23)} ${cells[1]?.padStart(14)} ${ratio.padStart(7)}`,
      );
    }
  }
}

async function compareWithLog(): Promise<void> {
  console.log("chain of 10   waiting   transitions/s   turns/s   B/turn   plain log appends/s   ratio");
  for (const [name, definition] of Object.entries(WORKLOADS)) {
    for (const concurrency of values.concurrency.split(",").map(Number)) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { transitions, turns, recordBytes } = await measure(definition, name === "tasks", concurrency);
      // oxlint-disable-next-line no-await-in-loop
      const limit = await plainLogAppendsPerSecond({
        recordBytes,
        concurrency,
        seconds: Math.min(seconds, 3),
      });
      const cells = [
        name.padEnd(12),
        concurrency,
        transitions.toFixed(0),
        turns.toFixed(0),
        recordBytes,
        limit.toFixed(0),
        (turns / limit).toFixed(2),
      ];
      console.log(
        cells
          .map((cell, i) => (i === 0 ? cell : String(cell).padStart([0, 8, 15, 9, 8, 21, 7][i] ?? 0)))
          .join(" "),
      );
    }
  }
}

await (values.observed ? compareObserved() : compareWithLog());
