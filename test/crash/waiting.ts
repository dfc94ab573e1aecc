// What a waiting execution costs: starts many that wait for a year, kills the server, starts it again.
//
//   node test/crash/waiting.ts --executions 100000

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { call, freePort, ServerProcess } from "./server.ts";

export interface WaitingReport {
  readonly executions: number;
  readonly startsPerSecond: number;
  readonly startUpEmptyMs: number;
  readonly startUpMs: number;
  /** Resident bytes of the server, each after a pause. */
  readonly emptyBytes: number;
  readonly afterStartsBytes: number;
  readonly afterRestartBytes: number;
  readonly diskBytes: number;
}

export async function measureWaiting(
  executions: number,
  log: (line: string) => void = () => {},
): Promise<WaitingReport> {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-waiting-"));
  const data = join(directory, "data");
  const server = new ServerProcess(await freePort(), ["--data", data]);
  try {
    const startUpEmptyMs = await server.start();
    const { stateMachineArn } = await call(server.url, "CreateStateMachine", {
      name: "year",
      roleArn: "arn:aws:iam::000000000000:role/waiting",
      definition: JSON.stringify({
        StartAt: "W",
        States: { W: { Type: "Wait", Seconds: 31_000_000, End: true } },
      }),
    });
    const emptyBytes = await settledBytes(server.pid);
    const began = performance.now();
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < executions) {
        const n = next++;
        if (n % 10_000 === 0) log(`${n} started`);
        await call(server.url, "StartExecution", {
          stateMachineArn,
          input: JSON.stringify({ order: n, note: "a year is long" }),
        });
      }
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    const startsPerSecond = executions / ((performance.now() - began) / 1000);
    const afterStartsBytes = await settledBytes(server.pid);
    await server.kill();
    const startUpMs = await server.start();
    // The first answer shows that it serves; the last page shows that all are there.
    let listed = 0;
    for (let nextToken: unknown; ; ) {
      const page = await call(server.url, "ListExecutions", {
        stateMachineArn,
        maxResults: 1000,
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      listed += (page["executions"] as unknown[]).length;
      nextToken = page["nextToken"];
      if (nextToken === undefined) break;
    }
    if (listed !== executions) throw new Error(`${executions} were started, ${listed} are there`);
    const afterRestartBytes = await settledBytes(server.pid);
    const diskBytes = statSync(join(data, "stepwell.db")).size;
    return {
      executions,
      startsPerSecond,
      startUpEmptyMs,
      startUpMs,
      emptyBytes,
      afterStartsBytes,
      afterRestartBytes,
      diskBytes,
    };
  } finally {
    await server.kill();
    rmSync(directory, { recursive: true });
  }
}

/** Resident memory once garbage has had time to be collected: the least of some readings. */
async function settledBytes(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 6; i++) {
    await new Promise((done) => setTimeout(done, 500));
    const kibibytes = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    least = Math.min(least, kibibytes * 1024);
  }
  return least;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { executions: { type: "string", default: "100000" } } });
  const report = await measureWaiting(Number(values.executions), console.log);
  const { executions, emptyBytes, afterStartsBytes, afterRestartBytes } = report;
  console.log(
    JSON.stringify(report, (_, value: unknown) => (typeof value === "number" ? Math.round(value) : value), 1),
  );
  console.log(
    `bytes of memory for each waiting execution: ${((afterStartsBytes - emptyBytes) / executions).toFixed(0)} after the starts, ${((afterRestartBytes - emptyBytes) / executions).toFixed(0)} after a restart`,
  );
}
