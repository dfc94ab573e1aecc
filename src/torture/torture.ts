// One run: a server under the mixed load, faults one after the other, and then the check of everything.
//
//   calm, with load  ->  faults, with load  ->  calm, with load  ->  all executions end  ->  check
//
// Knows:          the order of a run. Does not know:  what a fault is: the caller inflicts it.
//
// Invariants
//   O1. A run in which more than 5 % of the calm calls fail has failed: a server that is down breaks no promise.
//   O2. The same seed asks for the same load; when faults meet it differs, since the machine does.

import assert from "node:assert/strict";
import { Random } from "../base/random.ts";
import { type Checked, check } from "./checker.ts";
import { type CallCounts, Client, pause } from "./client.ts";
import { FakeLambda } from "./fake-lambda.ts";
import { Load } from "./load.ts";
import { Records } from "./records.ts";
import { sendByMany } from "./senders.ts";
import type { ServerProcess } from "./server-process.ts";
import { Workers } from "./workers.ts";
import { definitionOf, WORKLOAD } from "./workload.ts";

export interface TortureOptions {
  /** The server, not started yet, given where functions are to be asked. */
  readonly server: (lambdaEndpoint: string) => ServerProcess;
  /** Does something bad to the running server, and resolves when it runs again. Rounds count from 1. */
  readonly fault: (server: ServerProcess, round: number) => Promise<void>;
  /** How often; with `untilMs` (epoch milliseconds) at most until then. */
  readonly faults: number;
  readonly untilMs?: number;
  /** Milliseconds between the end of a fault and the next: uniform in [0, this). */
  readonly lifetimeMs: number;
  /** Milliseconds of load before the first and after the last fault. */
  readonly calmMs: number;
  readonly startsPerSecond: number;
  readonly seed: number;
  /** false: the server's clock is not this machine's, so their times are not compared. */
  readonly sharesClock?: boolean;
  readonly log?: (line: string) => void;
}

export interface TortureReport extends Checked {
  readonly seed: number;
  readonly records: Records;
  readonly calls: CallCounts;
  readonly seconds: number;
}

const SENDERS_PER_TOKEN = 8;
const CALM_FAILURES_AT_MOST = 0.05;
const END_WITHIN_MS = 120_000;

/** @throws AssertionError naming the broken invariant; the server is gone in any case */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { seed, log = () => {} } = options;
  const began = performance.now();
  const records = new Records();
  const randomFor = (part: number): Random => new Random([seed >>> 0, part, 0x9e3779b9, 0x243f6a88]);
  const lambda = new FakeLambda(records, randomFor(1));
  const server = options.server(await lambda.listen());
  const client = new Client(server.url);
  const senderRandom = randomFor(2);
  lambda.onToken = (token, value) =>
    sendByMany(client, records, senderRandom, token, { value }, SENDERS_PER_TOKEN);
  let load: Load | undefined;
  let workers: Workers | undefined;
  try {
    await server.start();
    const { machines, activityArn } = await createMachines(client);
    workers = new Workers(client, records, randomFor(3), activityArn);
    load = new Load({
      client,
      records,
      random: randomFor(4),
      machines,
      startsPerSecond: options.startsPerSecond,
    });
    workers.start();
    load.begin();
    client.setCalm(true);
    await pause(options.calmMs);
    client.setCalm(false);
    await inflict(options, server, client, records, randomFor(5), [load, workers]);
    client.setCalm(true);
    await pause(options.calmMs);
    await load.end();
    await untilAllEnded(client, records, log);
    await workers.stop();
    await lambda.close();
    const { calmCalls, calmFailures } = client.counts;
    assert.ok(
      calmCalls > 0 && calmFailures <= CALM_FAILURES_AT_MOST * calmCalls,
      `${calmFailures} of ${calmCalls} calls failed while there was no fault`,
    );
    const checked = await check({ client, records, machines, sharesClock: options.sharesClock ?? true });
    assert.equal(await server.stop(), 0, "asked to end, the server ended with an error");
    const seconds = (performance.now() - began) / 1000;
    return { ...checked, seed, records, calls: client.counts, seconds };
  } catch (error) {
    log(`server said: ${server.errors}`);
    throw error;
  } finally {
    client.abandon();
    load?.abandon();
    workers?.abandon();
    lambda.abandon();
    await server.kill();
  }
}

async function inflict(
  options: TortureOptions,
  server: ServerProcess,
  client: Client,
  records: Records,
  random: Random,
  parts: readonly (Load | Workers)[],
): Promise<void> {
  const throwFailure = (): void => {
    for (const part of parts) part.throwFailure();
  };
  const { faults, untilMs = Number.POSITIVE_INFINITY, lifetimeMs, log = () => {} } = options;
  for (let round = 1; round <= faults && Date.now() < untilMs; round++) {
    await pause(random.next01() * lifetimeMs);
    throwFailure();
    const fromMs = Date.now();
    const from = performance.now();
    records.faults += 1;
    await options.fault(server, round);
    await client.call("ListStateMachines", {});
    const recoveryMs = performance.now() - from;
    records.outages.push({ fromMs, untilMs: Date.now() });
    records.recoveryMs.push(recoveryMs);
    const { starts, receipts } = records;
    log(
      `fault ${round}: answers again after ${recoveryMs.toFixed(0)} ms; ` +
        `${starts.length} starts acknowledged, ${receipts.length} tasks delivered`,
    );
  }
  throwFailure();
}

async function createMachines(
  client: Client,
): Promise<{ readonly machines: ReadonlyMap<string, string>; readonly activityArn: string }> {
  const activity = (await client.call("CreateActivity", { name: "work" }))["activityArn"] as string;
  const machines = new Map<string, string>();
  for (const [name, work] of Object.entries(WORKLOAD)) {
    const { stateMachineArn } = await client.call("CreateStateMachine", {
      name,
      definition: definitionOf(work, { child: machines.get("chain") ?? "", activity }),
      roleArn: "arn:aws:iam::000000000000:role/torture",
    });
    machines.set(name, stateMachineArn as string);
  }
  return { machines, activityArn: activity };
}

/** I31 */
async function untilAllEnded(
  client: Client,
  { starts }: Records,
  log: (line: string) => void,
): Promise<void> {
  const open = new Set(starts.map(({ executionArn }) => executionArn));
  for (const deadline = Date.now() + END_WITHIN_MS; ; ) {
    for (const executionArn of open) {
      const { status } = await client.call("DescribeExecution", { executionArn });
      if (status !== "RUNNING") open.delete(executionArn);
    }
    if (open.size === 0) return;
    const some = [...open].slice(0, 5).join(" ");
    assert.ok(Date.now() < deadline, `I31: ${open.size} executions do not end: ${some}`);
    log(`${open.size} executions are still open`);
    await pause(500);
  }
}
