// Local functions: warm invocations per second, latency, cold starts. Needs nothing but this checkout.
//
//   node bench/functions.ts [seconds for each measurement, default 2]

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LocalFunctions } from "../src/functions/local-functions.ts";
import { findPython } from "../src/functions/launch.ts";

const seconds = Number(process.argv[2] ?? 2);
const directory = mkdtempSync(path.join(tmpdir(), "functions-bench-"));

function write(name: string, file: string, text: string): void {
  mkdirSync(path.join(directory, name));
  writeFileSync(path.join(directory, name, file), text);
  writeFileSync(path.join(directory, name, "function.json"), '{"memoryMegabytes":512,"timeoutSeconds":30}');
}

const runtimes = ["node"];
write("node", "index.mjs", "export const handler = async (event) => event;\n");
if ((await findPython()) === undefined) console.error("python3 is missing: Python is not measured");
else {
  runtimes.push("python");
  write("python", "lambda_function.py", "def lambda_handler(event, context):\n    return event\n");
}

const functions = await LocalFunctions.open({ directory, region: "us-east-1", account: "000000000000" });
const { signal } = new AbortController();

async function invoke(functionName: string, payload: string): Promise<number> {
  const startedAtMs = performance.now();
  const response = await functions.invoke({
    functionName,
    invocationType: "RequestResponse",
    payload,
    signal,
  });
  if (response.functionError !== undefined) throw new Error(response.payload);
  return performance.now() - startedAtMs;
}

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(2);
}

async function warm(name: string, callers: number, payload: string): Promise<string> {
  const latencies: number[] = [];
  await Promise.all(Array.from({ length: callers }, () => invoke(name, payload)));
  const startedAtMs = performance.now();
  const untilMs = startedAtMs + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < untilMs) latencies.push(await invoke(name, payload));
    }),
  );
  const perSecond = Math.round((latencies.length / (performance.now() - startedAtMs)) * 1000);
  return `${String(perSecond).padStart(6)}/s   p50 ${quantile(latencies, 0.5)} ms   p99 ${quantile(latencies, 0.99)} ms`;
}

async function cold(name: string, rounds: number): Promise<string> {
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await functions.reload(name);
    latencies.push(await invoke(name, "{}"));
  }
  return `p50 ${quantile(latencies, 0.5)} ms   max ${quantile(latencies, 1)} ms   of ${rounds}`;
}

const small = JSON.stringify({ order: 17, items: ["a", "b"] });
const large = JSON.stringify({ text: "x".repeat(250_000) });
for (const name of runtimes) {
  console.log(`${name.padEnd(7)} cold start            ${await cold(name, 15)}`);
  console.log(`${name.padEnd(7)} warm, 1 caller        ${await warm(name, 1, small)}`);
  console.log(`${name.padEnd(7)} warm, 4 callers       ${await warm(name, 4, small)}`);
  console.log(`${name.padEnd(7)} warm, 1 caller, 250 KB ${await warm(name, 1, large)}`);
}
await functions.close();
rmSync(directory, { recursive: true });
