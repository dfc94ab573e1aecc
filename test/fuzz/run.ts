// `npm run fuzz -- --requests 100000 --seed 7`: as much damage as one likes, and whether the server is as fast afterwards.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fuzzServer, speedRatio } from "./server.ts";

const SPEED_CALLS = 2_000;
/** What a measurement on a machine that others use too may lose by chance. */
const LEAST_SPEED = 0.7;

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    /** A tenth of the requests unless told. */
    sockets: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const requests = Number(values.requests);
const sockets = Number(values.sockets ?? Math.ceil(requests / 10));
const seed = Number(values.seed);
const directory = mkdtempSync(join(tmpdir(), "stepwell-fuzz-"));
try {
  const startedAt = performance.now();
  const report = await fuzzServer({
    seed,
    requests,
    sockets,
    calls: SPEED_CALLS,
    serveArguments: ["--data", join(directory, "fuzzed")],
    controlArguments: ["--data", join(directory, "control")],
  });
  const ratio = speedRatio(report);
  const shown = (counts: ReadonlyMap<unknown, number>): string =>
    [...counts].map(([name, count]) => `${String(name)} ${count}`).join(", ");
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`seed ${seed}, ${seconds} s`);
  console.log(`${requests} requests: ${shown(report.requests.statuses)}`);
  console.log(`errors: ${shown(report.requests.errors)}`);
  console.log(`${sockets} sockets: ${shown(report.sockets.kinds)}`);
  console.log(`answers on sockets: ${shown(report.sockets.statuses)}`);
  for (const when of ["before", "after"] as const) {
    const { fuzzed, control } = report[when];
    console.log(
      `calls per second ${when}: ${Math.round(fuzzed)}, of a server not fuzzed ${Math.round(control)}`,
    );
  }
  console.log(`speed against before, by the server not fuzzed: ${ratio.toFixed(2)}`);
  const failures = [...report.requests.failures, ...report.sockets.failures, ...report.faults];
  const count = report.requests.failureCount + report.sockets.failureCount + report.faults.length;
  console.log(`failures: ${count}`);
  if (report.sockets.failureCount > 0) console.log(`of sockets: ${shown(report.sockets.failedKinds)}`);
  for (const failure of failures) console.log(failure);
  if (count > 0 || ratio < LEAST_SPEED) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
