// Runs the mixed load against the real server while it is killed at random moments, then checks everything.
//
//   node test/crash/run.ts --executions 400 --kills 100 --seed 1 [--power]
//
// With --power the kills are power cuts: what was written and not synced is lost or torn (test/power).

import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { mulberry32 } from "../chance.ts";
import { applyPowerLoss, buildShim, makePowerDirectories, powerEnvironment } from "../power/restore.ts";
import { type Acknowledged, check, type Counts } from "./checker.ts";
import { FakeLambda } from "./fake-lambda.ts";
import { Answered, call, callOnce, freePort, ServerProcess } from "./server.ts";
import { WORKLOAD } from "./workload.ts";

export interface CrashOptions {
  readonly executions: number;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds that a server lives between kills: uniform in [0, this). */
  readonly lifetimeMs: number;
  /** The shim of test/power: makes each kill a power cut, after which unsynced writes are lost or torn. */
  readonly powerShim?: string;
  readonly log?: (line: string) => void;
}

export interface CrashReport extends Counts {
  readonly kills: number;
  readonly acknowledged: number;
  /** Writes that had not been synced when the power went, and those of them that were lost or torn. */
  readonly unsyncedWrites: number;
  readonly lostWrites: number;
  /** Milliseconds from each kill to the next ready server. */
  readonly recoveryMs: readonly number[];
}

/** @throws AssertionError naming the broken invariant */
export async function runCrashes(options: CrashOptions): Promise<CrashReport> {
  const { executions, kills, seed, lifetimeMs, powerShim, log = () => {} } = options;
  const random = mulberry32(seed);
  const directories = makePowerDirectories();
  const lambda = new FakeLambda(mulberry32(seed + 1));
  const lambdaUrl = await lambda.listen();
  const server = new ServerProcess(
    await freePort(),
    ["--data", directories.directory, "--lambda-endpoint", lambdaUrl],
    powerShim === undefined ? {} : powerEnvironment(powerShim, directories),
  );
  const { url } = server;
  lambda.onToken = async (taskToken, output) => {
    try {
      await call(url, "SendTaskSuccess", { taskToken, output: JSON.stringify(output) });
    } catch (error) {
      // A token whose attempt has timed out or was given up meanwhile.
      if (!(error instanceof Answered && error.code === "TaskTimedOut")) throw error;
    }
  };
  const acknowledged: Acknowledged[] = [];
  const recoveryMs: number[] = [];
  let unsyncedWrites = 0;
  let lostWrites = 0;
  try {
    await server.start();
    const machines = await createMachines(url);
    // Spread over the whole run, so that every kill meets work of every kind.
    const paceMs = (0.8 * kills * (lifetimeMs / 2 + 700)) / executions;
    const starting = startAll(url, machines, executions, paceMs, acknowledged);
    let failure: unknown;
    starting.catch((error: unknown) => {
      failure = error;
    });
    for (let round = 1; round <= kills; round++) {
      await pause(random() * lifetimeMs);
      await server.kill();
      if (powerShim !== undefined) {
        const loss = applyPowerLoss(directories.directory, directories.shadow, seed + round);
        unsyncedWrites += loss.unsyncedWrites;
        lostWrites += loss.lostWrites + loss.tornWrites;
      }
      const after = await server.start();
      recoveryMs.push(after);
      if (failure !== undefined) throw failure;
      log(
        `kill ${round}: ready after ${after.toFixed(0)} ms, ${acknowledged.length} starts acknowledged, ${lambda.ledger.length} calls`,
      );
    }
    await starting;
    await waitForAll(url, acknowledged, log);
    const counts = await check(url, acknowledged, lambda.ledger);
    rmSync(directories.root, { recursive: true });
    return { ...counts, kills, acknowledged: acknowledged.length, unsyncedWrites, lostWrites, recoveryMs };
  } catch (error) {
    log(`server said: ${server.errors}`);
    log(`data kept in ${directories.root}; seed ${seed}`);
    throw error;
  } finally {
    await server.kill();
    await lambda.close();
  }
}

async function createMachines(url: string): Promise<Map<string, string>> {
  const machines = new Map<string, string>();
  for (const [name, { definition }] of Object.entries(WORKLOAD)) {
    const text = JSON.stringify(definition).replaceAll("{child}", machines.get("chain") ?? "");
    const { stateMachineArn } = await call(url, "CreateStateMachine", {
      name,
      definition: text,
      roleArn: "arn:aws:iam::000000000000:role/crash",
    });
    machines.set(name, stateMachineArn as string);
  }
  return machines;
}

const STARTERS = 4;

/** Starts them a few at a time, each under a name of its own, until each start is acknowledged. */
async function startAll(
  url: string,
  machines: ReadonlyMap<string, string>,
  executions: number,
  paceMs: number,
  acknowledged: Acknowledged[],
): Promise<void> {
  const kinds = Object.keys(WORKLOAD);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < executions) {
      const n = next++;
      const work = kinds[n % kinds.length] as string;
      const stateMachineArn = machines.get(work) as string;
      const name = `${work}-${n}`;
      const input = JSON.stringify(WORKLOAD[work]?.input(n));
      for (;;) {
        try {
          const answer = await callOnce(url, "StartExecution", { stateMachineArn, name, input });
          acknowledged.push({
            executionArn: answer["executionArn"] as string,
            startDate: answer["startDate"] as number,
            work,
            n,
          });
          break;
        } catch (error) {
          if (error instanceof Answered && error.code === "ExecutionAlreadyExists") {
            // It was started by a call that got no answer, and has ended since.
            const executionArn = stateMachineArn.replace(":stateMachine:", ":execution:").concat(`:${name}`);
            const { startDate } = await call(url, "DescribeExecution", { executionArn });
            acknowledged.push({ executionArn, startDate: startDate as number, work, n });
            break;
          }
          if (
            error instanceof Answered &&
            error.code !== "ThrottlingException" &&
            error.code !== "ServiceUnavailable"
          )
            throw error;
          await pause(20);
        }
      }
      await pause(STARTERS * paceMs);
    }
  };
  await Promise.all(Array.from({ length: STARTERS }, worker));
}

async function waitForAll(
  url: string,
  acknowledged: readonly Acknowledged[],
  log: (line: string) => void,
): Promise<void> {
  const open = new Set(acknowledged.map(({ executionArn }) => executionArn));
  const deadline = Date.now() + 120_000;
  while (open.size > 0) {
    for (const executionArn of open) {
      const { status } = await call(url, "DescribeExecution", { executionArn });
      if (status !== "RUNNING") open.delete(executionArn);
    }
    if (Date.now() > deadline) {
      throw new Error(`I31: ${open.size} executions do not end: ${[...open].slice(0, 5).join(" ")}`);
    }
    log(`${open.size} executions are still open`);
    if (open.size > 0) await pause(500);
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      executions: { type: "string", default: "400" },
      kills: { type: "string", default: "100" },
      seed: { type: "string", default: String(Date.now() % 100_000) },
      lifetime: { type: "string", default: "1200" },
      power: { type: "boolean", default: false },
    },
  });
  const shim = values.power ? buildShim() : undefined;
  if (values.power && shim === undefined) throw new Error("--power needs a C compiler (cc)");
  const started = performance.now();
  const { recoveryMs, ...counts } = await runCrashes({
    executions: Number(values.executions),
    kills: Number(values.kills),
    seed: Number(values.seed),
    lifetimeMs: Number(values.lifetime),
    ...(shim === undefined ? {} : { powerShim: shim }),
    log: console.log,
  });
  const sorted = recoveryMs.toSorted((a, b) => a - b);
  console.log(JSON.stringify(counts));
  console.log(
    `from a kill to the next ready server: median ${sorted[sorted.length >> 1]?.toFixed(0)} ms, worst ${sorted.at(-1)?.toFixed(0)} ms`,
  );
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s, seed ${values.seed}`);
}
