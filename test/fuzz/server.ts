// The fuzz of a whole server in a process of its own: its speed, all the damage, its speed again.
//
// A second server that nobody fuzzes is measured in turns with it, before and after: what else the machine does slows
// both. Without it the same run said 1.30 on a quiet machine and 0.44 on a busy one.
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
  /** Of `stepwell serve`: where the store of the fuzzed server is, and of the other one. */
  readonly serveArguments: readonly string[];
  readonly controlArguments: readonly string[];
}

export interface ServerFuzzReport {
  readonly requests: FuzzReport;
  readonly sockets: SocketsReport;
  readonly before: Speeds;
  readonly after: Speeds;
  /** What the server said of faults of its own, and whether it still was the same process. */
  readonly faults: readonly string[];
}

/** Calls per second, measured in turns; medians. */
export interface Speeds {
  readonly fuzzed: number;
  readonly control: number;
}

/** How fast the fuzzed server has become, where 1 is as fast as before, whatever else the machine does. */
export function speedRatio({ before, after }: Pick<ServerFuzzReport, "before" | "after">): number {
  return after.fuzzed / after.control / (before.fuzzed / before.control);
}

const CONNECTIONS = 8;
const ROUNDS = 7;
const STOPPED = 0;

/** Starts both servers, fuzzes one, stops them. */
export async function fuzzServer(options: ServerFuzzOptions): Promise<ServerFuzzReport> {
  const { seed, calls } = options;
  const port = await freePort();
  const server = new ServerProcess(port, options.serveArguments);
  const control = new ServerProcess(await freePort(), options.controlArguments);
  try {
    await server.start();
    await control.start();
    const { pid } = server;
    // The first measurement is warm-up.
    await measure(server, control, calls);
    const before = await measure(server, control, calls);
    const requests = await fuzz({ port, seed, count: options.requests, connections: CONNECTIONS });
    const sockets = await attackSockets({ port, seed, count: options.sockets, connections: CONNECTIONS });
    const after = await measure(server, control, calls);
    const faults: string[] = [];
    if (!server.isRunning || server.pid !== pid) faults.push("the server is not running any more");
    const code = await server.stop();
    if (code !== STOPPED) faults.push(`the server ended with ${String(code)}`);
    faults.push(...server.errors.split("\n").filter((line) => /internal failure|fatal|Warning/i.test(line)));
    return { requests, sockets, before, after, faults };
  } finally {
    await server.kill();
    await control.kill();
  }
}

async function measure(server: ServerProcess, control: ServerProcess, calls: number): Promise<Speeds> {
  const arns = new Map([
    [server, await createMachine(server.url)],
    [control, await createMachine(control.url)],
  ]);
  const rates = new Map<ServerProcess, number[]>([
    [server, []],
    [control, []],
  ]);
  for (let round = 0; round < ROUNDS; round++) {
    // Neither is always the first.
    for (const which of round % 2 === 0 ? [server, control] : [control, server]) {
      rates.get(which)?.push(await rateOf(which.url, arns.get(which) as string, calls));
    }
  }
  return { fuzzed: median(rates.get(server) ?? []), control: median(rates.get(control) ?? []) };
}

async function createMachine(url: string): Promise<string> {
  const definition = JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", End: true } } });
  const roleArn = "arn:aws:iam::000000000000:role/speed";
  const created = await callOnce(url, "CreateStateMachine", { name: "speed", definition, roleArn });
  return String(created["stateMachineArn"]);
}

/** Calls per second of what users call most. Every call must succeed. */
async function rateOf(url: string, stateMachineArn: string, calls: number): Promise<number> {
  const startedAt = performance.now();
  let left = calls;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      if (left % 2 === 0) await callOnce(url, "DescribeStateMachine", { stateMachineArn });
      else await callOnce(url, "StartExecution", { stateMachineArn, input: '{"a":1}' });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return (calls * 1000) / (performance.now() - startedAt);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
