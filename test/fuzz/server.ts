// The fuzz of a whole server in a process of its own: its speed, all the damage, its speed again.
//
// Knows:          what must still be so at the end. Does not know:  how requests and sockets are damaged.

import { fuzz, type FuzzReport } from "../api/fuzz.ts";
import { callOnce, freePort, ServerProcess } from "../crash/server.ts";
import { attackSockets, type SocketsReport } from "./sockets.ts";

export interface ServerFuzzOptions {
  readonly seed: number;
  /** Of HTTP requests; sockets besides. */
  readonly requests: number;
  readonly sockets: number;
  /** Calls of each measurement of the speed. */
  readonly calls: number;
  /** Of `stepwell serve`: where the store is. */
  readonly serveArguments: readonly string[];
}

export interface ServerFuzzReport {
  readonly requests: FuzzReport;
  readonly sockets: SocketsReport;
  /** Calls per second, before and after; medians. */
  readonly before: number;
  readonly after: number;
  /** What the server said of faults of its own, and whether it still was the same process. */
  readonly faults: readonly string[];
}

const CONNECTIONS = 8;
const ROUNDS = 5;
const STOPPED = 0;

/** Starts a server, fuzzes it, stops it. */
export async function fuzzServer(options: ServerFuzzOptions): Promise<ServerFuzzReport> {
  const { seed, calls } = options;
  const port = await freePort();
  const server = new ServerProcess(port, options.serveArguments);
  await server.start();
  try {
    const { pid } = server;
    await speed(server.url, calls);
    const before = await speed(server.url, calls);
    const requests = await fuzz({ port, seed, count: options.requests, connections: CONNECTIONS });
    const sockets = await attackSockets({ port, seed, count: options.sockets, connections: CONNECTIONS });
    const after = await speed(server.url, calls);
    const faults: string[] = [];
    if (!server.isRunning || server.pid !== pid) faults.push("the server is not running any more");
    const code = await server.stop();
    if (code !== STOPPED) faults.push(`the server ended with ${String(code)}`);
    faults.push(...server.errors.split("\n").filter((line) => /internal failure|fatal|Warning/i.test(line)));
    return { requests, sockets, before, after, faults };
  } finally {
    await server.kill();
  }
}

/** Calls per second of what users call most: the median of some rounds. Every call must succeed. */
async function speed(url: string, calls: number): Promise<number> {
  const definition = JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", End: true } } });
  const roleArn = "arn:aws:iam::000000000000:role/speed";
  const created = await callOnce(url, "CreateStateMachine", { name: "speed", definition, roleArn });
  const { stateMachineArn } = created as { readonly stateMachineArn: string };
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    let left = calls;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        if (left % 2 === 0) await callOnce(url, "DescribeStateMachine", { stateMachineArn });
        else await callOnce(url, "StartExecution", { stateMachineArn, input: '{"a":1}' });
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
    rates.push((calls * 1000) / (performance.now() - startedAt));
  }
  return rates.toSorted((a, b) => a - b)[ROUNDS >> 1] as number;
}
