// The example: its definition, its functions called as modules, and the demo around it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "../../src/asl/index.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeServer, fakeTerminal } from "./environment-fake.ts";
import { historyOf } from "./history-text.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const FOLDER = join(EXAMPLES, "credit-card-application");

async function exampleText(name: string): Promise<string> {
  return readFile(join(FOLDER, name), "utf8");
}

/** Calls a function as its runtime would. */
async function invoke(name: string, event: unknown): Promise<unknown> {
  const module = (await import(join(FOLDER, "functions", name, "index.mjs"))) as {
    handler: (event: unknown) => Promise<unknown>;
  };
  return module.handler(event);
}

test("the definition is valid, without a single remark", async () => {
  const { program, diagnostics } = parse(await exampleText("credit-card-application.asl.json"));
  assert.deepEqual(diagnostics, []);
  assert.equal(program?.states.size, 14);
});

test("every function that the definition names is there", async () => {
  const definition = await exampleText("credit-card-application.asl.json");
  const names = [...definition.matchAll(/"FunctionName": "([^"]+)"/g)].map(([, name]) => name as string);
  assert.equal(names.length, 7);
  for (const name of names) {
    const file = name.endsWith("-python") ? "lambda_function.py" : "index.mjs";
    assert.ok((await exampleText(join("functions", name, file))).length > 0, name);
  }
});

const ADDRESS = { street: "Rua das Flores 21", postalCode: "4050-262", city: "Porto", country: "PT" };
const APPLICANT = { name: "Maria Duarte", nationalId: "PT-48213307", dateOfBirth: "2007-11-25" };
const SCORES = [{ score: 600 }, { score: 683 }, { score: 700 }];

const ANSWERS: readonly (readonly [string, string, unknown, unknown])[] = [
  [
    "the same application reserves the same number",
    "reserve-card",
    { applicationId: "A-1001" },
    { cardNumber: "4194 7231 5589 3138" },
  ],
  ["a released number is named", "release-card", { cardNumber: "4 1" }, { released: "4 1" }],
  [
    "of age on the birthday",
    "verify-identity",
    { applicant: APPLICANT, appliedAt: "2025-11-25T00:00:00Z" },
    { verified: true, age: 18 },
  ],
  [
    "an address with a postal code of its country",
    "verify-address",
    { address: ADDRESS },
    { verified: true, label: "Rua das Flores 21, 4050-262 Porto" },
  ],
  [
    "a bureau always says the same of a person",
    "ask-bureau",
    { bureau: "Meridian", nationalId: "PT-48213307" },
    { bureau: "Meridian", score: 792 },
  ],
  [
    "the third try gives the limit",
    "credit-limit-node",
    { annualIncome: 42_000, scores: SCORES, retryCount: 2 },
    { limit: 6_800, averageScore: 661 },
  ],
  [
    "no limit for the lowest scores",
    "credit-limit-node",
    { annualIncome: 42_000, scores: [{ score: 399 }], retryCount: 2 },
    { limit: 0, averageScore: 399 },
  ],
  [
    "the request for approval is sent",
    "request-approval",
    { applicationId: "A", applicant: "M", limit: 1, taskToken: "T" },
    { asked: true },
  ],
];
for (const [name, functionName, event, expected] of ANSWERS) {
  test(`${functionName}: ${name}`, async () => assert.deepEqual(await invoke(functionName, event), expected));
}

const FAILURES: readonly (readonly [string, string, unknown, { name: string; message: string }])[] = [
  [
    "under age",
    "verify-identity",
    { applicant: APPLICANT, appliedAt: "2025-11-24T23:59:59Z" },
    { name: "IdentityNotVerified", message: "Maria Duarte is under 18 years old" },
  ],
  [
    "no identity number",
    "verify-identity",
    { applicant: { ...APPLICANT, nationalId: "x" }, appliedAt: "2025-11-25T00:00:00Z" },
    { name: "IdentityNotVerified", message: "x is no identity number" },
  ],
  [
    "a country that is not served",
    "verify-address",
    { address: { ...ADDRESS, country: "constructor" } },
    { name: "AddressNotVerified", message: "no cards are sent to constructor" },
  ],
  [
    "a postal code of another country",
    "verify-address",
    { address: { ...ADDRESS, country: "DE" } },
    { name: "AddressNotVerified", message: "4050-262 is no postal code of DE" },
  ],
  [
    "the first try",
    "credit-limit-node",
    { annualIncome: 1, scores: SCORES, retryCount: 0 },
    { name: "LimitSystemBusy", message: "try 1: the limit system is busy" },
  ],
];
for (const [name, functionName, event, expected] of FAILURES) {
  test(`${functionName} refuses: ${name}`, async () => {
    await assert.rejects(invoke(functionName, event), expected);
  });
}

test("the Python twin gives the same limits and the same error", async (context) => {
  const script = [
    "import json, sys",
    `sys.path.insert(0, ${JSON.stringify(join(FOLDER, "functions", "credit-limit-python"))})`,
    "import lambda_function as f",
    `print(json.dumps(f.lambda_handler(${JSON.stringify({ annualIncome: 42_000, scores: SCORES, retryCount: 2 })}, None)))`,
    "try:",
    `    f.lambda_handler({"retryCount": 1}, None)`,
    "except f.LimitSystemBusy as e:",
    "    print(json.dumps([type(e).__name__, str(e)]))",
  ].join("\n");
  const run = promisify(execFile)("python3", ["-B", "-c", script]);
  const lines = await run.then(
    ({ stdout }) => stdout.trim().split("\n"),
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return undefined;
    },
  );
  if (lines === undefined) {
    context.skip("there is no python3");
    return;
  }
  assert.equal(lines[0], "income 42000, average score 661: limit 6800");
  assert.deepEqual(JSON.parse(lines[1] ?? ""), { limit: 6_800, averageScore: 661 });
  assert.deepEqual(JSON.parse(lines[2] ?? ""), ["LimitSystemBusy", "try 2: the limit system is busy"]);
});

const EXECUTION =
  "arn:aws:states:us-east-1:000000000000:execution:credit-card-application:application-1764000000000";
const WAITING = historyOf(`
  1<-0 +0 ExecutionStarted {"input":"{}"}
  2<-0 +0 TaskStateEntered {"name":"Ask a person","input":"{}"}
  3<-2 +0 TaskScheduled {"resourceType":"lambda","resource":"invoke.waitForTaskToken","parameters":"{\\"Payload\\":{\\"taskToken\\":\\"T1\\"}}"}
  4<-3 +0 TaskStarted {"resourceType":"lambda","resource":"invoke.waitForTaskToken"}
  5<-4 +9 TaskSubmitted {"output":"{}"}`);
const APPROVED = historyOf(`
  6<-5 +20 TaskSucceeded {"output":"{}"}
  7<-6 +20 TaskStateExited {"name":"Ask a person","output":"{}"}
  8<-7 +20 ExecutionSucceeded {"output":"{\\"status\\":\\"ISSUED\\"}"}`);

/** A server on which the execution of the example waits until its token comes back. */
function exampleServer(python: readonly string[]): {
  server: ReturnType<typeof fakeServer>;
  calls: [string, JsonObject][];
} {
  const calls: [string, JsonObject][] = [];
  const base = fakeServer();
  let events = WAITING;
  const server = {
    ...base,
    functions: {
      list: () => [{ name: "credit-limit-python", problems: python }],
      reload: () => Promise.resolve(),
    },
    call: async (operation: string, input: JsonObject): Promise<JsonObject> => {
      calls.push([operation, input]);
      if (operation === "StartExecution") return { executionArn: EXECUTION };
      if (operation === "GetExecutionHistory")
        return { events: input["reverseOrder"] === true ? events.slice(-1) : events };
      if (operation === "SendTaskSuccess") {
        if (input["taskToken"] !== "T1") throw new ServiceError("InvalidToken", "Invalid token");
        events = [...WAITING, ...APPROVED];
        return {};
      }
      return base.call(operation, input);
    },
  };
  return { server, calls };
}

for (const [language, problems, limitFunction] of [
  ["Python", [], "credit-limit-python"],
  ["JavaScript, since there is no python3 here", ["no python3"], "credit-limit-node"],
] as const) {
  test(`the demo runs the example with ${language}, approves it, and says what to try`, async () => {
    const { server, calls } = exampleServer(problems);
    const terminal = fakeTerminal(["demo", "--once", "--memory", "--approve-after", "0"], {
      examplesDirectory: EXAMPLES,
      openServer: () => Promise.resolve(server),
    });
    assert.equal(await runCli(terminal.environment), 0);
    assert.equal(server.closed(), true);
    const created = calls.find(([operation]) => operation === "CreateStateMachine")?.[1];
    assert.equal(
      String(created?.["definition"])
        .match(/credit-limit-\w+/g)
        ?.join(),
      limitFunction,
    );
    const approval = calls.find(([operation]) => operation === "SendTaskSuccess")?.[1];
    assert.deepEqual(approval, { taskToken: "T1", output: '{"by":"the demo"}' });
    const out = terminal.out();
    assert.equal(
      out
        .split("\n")
        .filter((line) => line.startsWith("ready "))
        .join(),
      "ready http://127.0.0.1:18083",
    );
    assert.ok(out.includes(`The credit limit comes from a function in ${language}.`));
    assert.match(out, /^✓ Ask a person +20 ms\n✓ SUCCEEDED in 20 ms\n\{\n {2}"status": "ISSUED"\n\}$/m);
    assert.ok(out.includes(`bin/stepwell history ${EXECUTION} --endpoint http://127.0.0.1:18083\n`));
    assert.ok(
      out.includes(
        "aws stepfunctions list-executions --endpoint-url http://127.0.0.1:18083 --region us-east-1",
      ),
    );
    assert.equal(terminal.err(), "");
  });
}

test("the demo takes a free port where the usual one is taken, and serves until a signal", async () => {
  const { server } = exampleServer([]);
  const taken = Object.assign(new Error("listen EADDRINUSE"), { code: "EADDRINUSE" });
  const terminal = fakeTerminal(["demo", "--memory", "--approve-after", "0"], {
    examplesDirectory: EXAMPLES,
    openServer: ({ port }) => (port === 8083 ? Promise.reject(taken) : Promise.resolve(server)),
  });
  const exit = runCli(terminal.environment);
  await terminal.until(/What to try next/);
  assert.deepEqual(
    terminal.opened.map(({ port }) => port),
    [8083, 0],
  );
  assert.equal(terminal.err(), "port 8083 is taken; taking a free one\n");
  assert.equal(server.closed(), false);
  terminal.signal("SIGTERM");
  assert.equal(await exit, 0);
  assert.equal(server.closed(), true);
});
