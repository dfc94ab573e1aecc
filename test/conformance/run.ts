// Runs answers recorded from the real service against this server, and holds the result against what is known.
//
//   npm run conformance -- DIRECTORY [--filter TEXT] [--verbose]
//
// DIRECTORY holds the runner and the cases (they are not part of this project). A case counts if it needs nothing
// that this version does not have, tasks of another AWS service, and if what it expects are the service's words. Of
// those at least REQUIRED_SHARE must pass; each that fails must be listed in known-gaps.json with its reason.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, ServerProcess } from "../crash/server.ts";

/** The groups that this version answers for. */
const GROUPS =
  /^(base|choice-operators|intrinsic-functions.*|error-handling.*|timeouts|callback|activities|comments|context-object|services-lambda.*|services-sfn.*|scenarios.*|api|api-activities|api-tagging|api-validation|api-variable-references|api-versioning|api-aliasing|api-express|api-map-run|express|arguments|assign|evaluate-jsonata|outputdecl|query-language|states-variables|test-state|local-mocking|logs)$/;
/** Recordings contradict each other in how MapStateExited follows (known-gaps.json): no server can pass all. */
const REQUIRED_SHARE = 0.93;
/** Services whose integration comes later. */
const LATER_SERVICES = /^(?:sqs|sns|dynamodb|secretsmanager)/;
/** The emulator that the recordings were made with says so of what it refuses itself. */
const NOT_OF_THE_SERVICE = "Error=ValueError Args=";

interface Result {
  readonly id: string;
  readonly group: string;
  readonly status: "passed" | "failed" | "skipped";
}
interface Case {
  readonly id: string;
  readonly group: string;
  readonly needs?: readonly string[];
  readonly steps: readonly {
    readonly op?: string;
    readonly args?: { readonly definition?: string };
    readonly expect?: { readonly message?: string };
  }[];
}

const [directory, ...rest] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: npm run conformance -- DIRECTORY [--filter TEXT] [--verbose]");
  process.exit(2);
}
const known = JSON.parse(readFileSync(new URL("known-gaps.json", import.meta.url), "utf8")) as Record<
  string,
  string
>;
const output = join(mkdtempSync(join(tmpdir(), "stepwell-conformance-")), "results.json");
const lambdaPort = await freePort();
const servicePort = await freePort();
const server = new ServerProcess(await freePort(), [
  "--memory",
  "--region",
  "us-east-1",
  "--account",
  "123456789012",
  "--lambda-endpoint",
  `http://127.0.0.1:${lambdaPort}`,
  "--service-endpoint",
  `http://127.0.0.1:${servicePort}`,
]);
await server.start();
const runner = spawn(
  process.execPath,
  [
    join(directory, "run.mjs"),
    "--endpoint",
    server.url,
    "--lambda-port",
    String(lambdaPort),
    "--service-port",
    String(servicePort),
    "--json",
    output,
    ...rest,
  ],
  { stdio: "inherit" },
);
await once(runner, "exit");
await server.stop();

const results = JSON.parse(readFileSync(output, "utf8")) as readonly Result[];
const cases = new Map<string, Case>();
for (const group of new Set(results.map((result) => result.group))) {
  const file = JSON.parse(readFileSync(join(directory, "cases", `${group}.json`), "utf8")) as {
    cases: readonly Case[];
  };
  for (const found of file.cases) cases.set(found.id, found);
}
const counted = results.filter(({ id, group, status }) => {
  if (status === "skipped" || !GROUPS.test(group)) return false;
  const found = cases.get(id) as Case;
  return !needsMore(found) && !isOfTheEmulator(found);
});
const failures = counted.filter(({ status }) => status === "failed");
const passed = counted.length - failures.length;
const share = passed / counted.length;
console.log(
  `\nOf what this version answers for: ${passed} of ${counted.length} cases pass (${(share * 100).toFixed(1)} %).`,
);
console.log(
  `Not counted: ${results.filter(({ id }) => isOfTheEmulator(cases.get(id) as Case)).length} in other words.`,
);
let isFailed = counted.length === 0 || share < REQUIRED_SHARE;
for (const { id } of failures) {
  const reason = known[id];
  if (reason === undefined) isFailed = true;
  console.log(
    `  ${reason === undefined ? "NEW" : "known"}: ${id}${reason === undefined ? "" : ` (${reason})`}`,
  );
}
const passing = new Set(counted.filter(({ status }) => status === "passed").map(({ id }) => id));
for (const id of Object.keys(known).filter((gap) => passing.has(gap))) {
  console.log(`  passes now, take it out of known-gaps.json: ${id}`);
  isFailed = true;
}
process.exitCode = isFailed ? 1 : 0;

/** A state that is only tested calls nothing. */
function needsMore({ steps, needs = [] }: Case): boolean {
  const isOnlyTested = steps.every(({ op }) => op === undefined || op === "TestState");
  if (isOnlyTested) return false;
  if (needs.some((need) => LATER_SERVICES.test(need))) return true;
  // Reading and writing the objects of a Map is there, tasks that do so are not.
  return steps.some(({ args }) => args?.definition?.includes(":aws-sdk:s3:"));
}

function isOfTheEmulator({ steps }: Case): boolean {
  return steps.some(({ expect }) => (expect?.message ?? "").startsWith(NOT_OF_THE_SERVICE));
}
