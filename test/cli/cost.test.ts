// What executions would cost: counting, prices, and the command against a server that answers as it is told.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { type Bill, expressBill, NO_BILL, priceOf, TransitionCounter } from "../../src/cli/bill.ts";
import { runCli } from "../../src/cli/index.ts";
import { DEFAULT_PRICES, durationPrice, money, parsePrices } from "../../src/cli/prices.ts";
import { fakeTerminal } from "./environment-fake.ts";
import { historyOf } from "./history-text.ts";

interface CountCase {
  readonly name: string;
  readonly history: string;
  readonly expected: Partial<Bill>;
}

const COUNTS: readonly CountCase[] = [
  {
    name: "a state that was entered, and the start",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 PassStateEntered {"name":"A"}
      3<-2 +0 PassStateExited {"name":"A"}
      4<-3 +0 ExecutionSucceeded {"output":"{}"}`,
    expected: { executions: 1, transitions: 2 },
  },
  {
    name: "each retry of a task",
    history: `
      1<-0 +0 ExecutionStarted
      2<-0 +0 TaskStateEntered {"name":"A"}
      3<-2 +0 TaskScheduled
      4<-3 +0 TaskStarted
      5<-4 +0 TaskFailed
      6<-5 +9 TaskScheduled
      7<-6 +9 TaskStarted
      8<-7 +9 TaskTimedOut
      9<-8 +10 TaskScheduled
      10<-9 +10 TaskSucceeded
      11<-10 +10 TaskStateExited {"name":"A"}
      12<-11 +10 ExecutionSucceeded`,
    expected: { executions: 1, transitions: 4, attempts: 2 },
  },
  {
    name: "the retry of a Map and what it enters again",
    history: `
      1<-0 +0 ExecutionStarted
      2<-0 +0 MapStateEntered {"name":"M"}
      3<-2 +0 MapStateStarted {"length":1}
      4<-3 +0 MapIterationStarted {"name":"M","index":0}
      5<-4 +0 FailStateEntered {"name":"F"}
      6<-5 +0 MapIterationFailed {"name":"M","index":0}
      7<-6 +1 MapStateStarted {"length":1}
      8<-7 +1 MapIterationStarted {"name":"M","index":0}
      9<-8 +1 FailStateEntered {"name":"F"}
      10<-9 +1 MapIterationFailed {"name":"M","index":0}
      11<-9 +1 MapStateFailed
      12<-11 +1 ExecutionFailed`,
    expected: { executions: 1, transitions: 5, attempts: 1 },
  },
  {
    name: "what a redrive ran again, of an execution that runs once more",
    history: `
      1<-0 +0 ExecutionStarted
      2<-0 +0 TaskStateEntered {"name":"A"}
      3<-2 +0 LambdaFunctionScheduled
      4<-3 +0 LambdaFunctionFailed
      5<-4 +0 ExecutionFailed
      6<-5 +1 ExecutionRedriven {"redriveCount":1}
      7<-6 +1 LambdaFunctionScheduled`,
    expected: { executions: 1, transitions: 3, attempts: 1, open: 1 },
  },
  {
    name: "a Map Run is no transition beside its state, going on with it is one",
    history: `
      1<-0 +0 ExecutionStarted
      2<-0 +0 MapStateEntered {"name":"M"}
      3<-2 +0 MapStateStarted {"length":0}
      4<-3 +0 MapRunStarted {"mapRunArn":"run"}
      5<-4 +1 MapRunFailed {"error":"E"}
      6<-5 +1 MapStateFailed
      7<-6 +1 ExecutionFailed
      8<-7 +2 ExecutionRedriven {"redriveCount":1}
      9<-4 +2 MapRunRedriven {"mapRunArn":"run","redriveCount":1}
      10<-9 +3 MapRunSucceeded
      11<-10 +3 MapStateSucceeded
      12<-10 +3 MapStateExited {"name":"M"}
      13<-12 +3 ExecutionSucceeded`,
    expected: { executions: 1, transitions: 3, attempts: 1 },
  },
];

for (const { name, history, expected } of COUNTS) {
  test(`transitions: ${name}`, () => {
    const counter = new TransitionCounter();
    for (const event of historyOf(history)) counter.add(event);
    assert.deepEqual(counter.bill(DEFAULT_PRICES), { ...NO_BILL, ...expected });
  });
}

test("an Express execution is billed by its details; one that runs only as a request", () => {
  const details = { billedDurationInMilliseconds: 2_000, billedMemoryUsedInMB: 128 };
  assert.deepEqual(expressBill({ billingDetails: details }), {
    ...NO_BILL,
    executions: 1,
    requests: 1,
    billedMs: 2_000,
    gbSeconds: 0.25,
  });
  assert.deepEqual(expressBill({}), { ...NO_BILL, executions: 1, requests: 1, open: 1 });
});

test("prices: transitions above the free ones, and tiers of GB-seconds", () => {
  const bill = { ...NO_BILL, transitions: 400_000 };
  assert.equal(money(priceOf(bill, DEFAULT_PRICES, false), DEFAULT_PRICES), "10 USD");
  assert.equal(money(priceOf(bill, DEFAULT_PRICES, true), DEFAULT_PRICES), "9.9 USD");
  assert.equal(priceOf({ ...NO_BILL, transitions: 10 }, DEFAULT_PRICES, true), 0);
  const hours = (count: number): string => durationPrice(DEFAULT_PRICES, count * 3_600).toFixed(3);
  assert.deepEqual(
    [hours(0), hours(1_000), hours(5_000), hours(6_000)],
    ["0.000", "60.012", "179.964", "196.380"],
  );
});

test("money: one transition is seen, float noise is not", () => {
  assert.deepEqual(
    [0, 0.000_025, 0.1 + 0.2, 1e-12, 1_200].map((value) => money(value, DEFAULT_PRICES)),
    ["0 USD", "0.000025 USD", "0.3 USD", "less than 0.0000000001 USD", "1200 USD"],
  );
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ["{", /^Prices of p\.json: no JSON/],
  ["[]", /the document must be an object/],
  ['{"standart":{}}', /no member "standart"\. Did you mean "standard"\?/],
  ['{"standard":{"perTransition":"1"}}', /perTransition must be a number, 0 or more/],
  ['{"standard":{"perTransition":-1}}', /perTransition must be a number, 0 or more/],
  ['{"express":{"tiers":[]}}', /at least one tier/],
  ['{"express":{"tiers":[{"upTo":5,"perGbSecond":1}]}}', /the last tier must have no upTo/],
  ['{"express":{"tiers":[{"upTo":0,"perGbSecond":1},{"perGbSecond":1}]}}', /upTo of the tiers must grow/],
];

test("a price table says what is wrong with it; what it leaves out stays", () => {
  for (const [document, message] of WRONG) assert.throws(() => parsePrices(document, "p.json"), { message });
  assert.deepEqual(parsePrices("{}", "p.json"), DEFAULT_PRICES);
  const prices = parsePrices('{"region":"eu-west-3","standard":{"perTransition":0.0000297}}', "p.json");
  assert.equal(prices.region, "eu-west-3");
  assert.deepEqual(prices.standard, { ...DEFAULT_PRICES.standard, perTransition: 0.000_029_7 });
  assert.deepEqual(prices.express, DEFAULT_PRICES.express);
});

// The command

const MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:orders";
const EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:orders";
const NOW = 1_764_000_000;
const HISTORY = historyOf(COUNTS[1]?.history ?? "");
/** Of an execution with a Map Run of three children: a Standard one, an Express one, one that is not kept any more. */
const BATCH = historyOf(COUNTS[4]?.history ?? "");
const CHILDREN = [
  `${EXECUTION}/each:c`,
  "arn:aws:states:us-east-1:0:express:orders/each:kept:1",
  "arn:aws:states:us-east-1:0:express:orders/each:gone:1",
];
const BILLED = { billedDurationInMilliseconds: 2_000, billedMemoryUsedInMB: 128 };
const directory = mkdtempSync(join(tmpdir(), "stepwell-cost-"));
const calls: [string, JsonObject][] = [];

/** 25 executions, one an hour, in pages of 10; histories in pages of 5. */
function answer(operation: string, input: JsonObject): JsonObject {
  const from = Number(input["nextToken"] ?? 0);
  const page = (items: readonly JsonObject[], key: string, size: number): JsonObject => ({
    [key]: [...items.slice(from, from + size)],
    ...(from + size < items.length ? { nextToken: String(from + size) } : {}),
  });
  switch (operation) {
    case "ListStateMachines":
      return { stateMachines: [{ name: "orders", stateMachineArn: MACHINE }] };
    case "DescribeStateMachine":
      return { type: "STANDARD" };
    case "GetExecutionHistory":
      return page(input["executionArn"] === `${EXECUTION}:batch` ? BATCH : HISTORY, "events", 5);
    case "Stepwell.DescribeExpressExecution":
      if (input["executionArn"] === CHILDREN[1]) return { billingDetails: BILLED };
      return { __type: "ExecutionDoesNotExist", message: "gone" };
    case "ListExecutions": {
      if (input["mapRunArn"] === "run") {
        return page(
          CHILDREN.map((executionArn) => ({ executionArn, status: "SUCCEEDED" })),
          "executions",
          2,
        );
      }
      const items = Array.from({ length: 25 }, (_, i) => ({
        executionArn: `${EXECUTION}:${i}`,
        status: "SUCCEEDED",
        startDate: NOW - i * 3_600,
      }));
      return page(items, "executions", 10);
    }
    default:
      return { __type: "UnknownOperationException", message: operation };
  }
}

const server = createServer((request, response) => {
  void text(request).then((body) => {
    const operation = String(request.headers["x-amz-target"]).replace("AWSStepFunctions.", "");
    const input = JSON.parse(body) as JsonObject;
    calls.push([operation, input]);
    const result = answer(operation, input);
    response.writeHead("__type" in result ? 400 : 200).end(JSON.stringify(result));
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

async function stepwell(
  argv: readonly string[],
  isTerminal = false,
): Promise<{ code: number; out: string; err: string }> {
  calls.length = 0;
  const terminal = fakeTerminal([...argv, "--endpoint", endpoint], {
    isTerminal,
    env: { NO_COLOR: "1" },
    now: () => NOW * 1_000,
  });
  const code = await runCli(terminal.environment);
  return { code, out: terminal.out(), err: terminal.err() };
}

const PRICED = { currency: "USD", prices: { region: "us-east-1", asOf: DEFAULT_PRICES.asOf } };

test("one execution, over the pages of its history, without its data", async () => {
  const { code, out, err } = await stepwell(["cost", `${EXECUTION}:1`]);
  assert.equal(code, 0, err);
  assert.deepEqual(JSON.parse(out), {
    executionArn: `${EXECUTION}:1`,
    ...NO_BILL,
    executions: 1,
    transitions: 4,
    attempts: 2,
    price: 0.0001,
    ...PRICED,
  });
  assert.equal(calls.length, 3);
  for (const [, input] of calls) assert.equal(input["includeExecutionData"], false);
});

test("an execution with a Map Run: its children by their type", async () => {
  const { code, out, err } = await stepwell(["cost", `${EXECUTION}:batch`]);
  assert.equal(code, 0, err);
  const { price, ...rest } = JSON.parse(out) as JsonObject;
  assert.deepEqual(rest, {
    executionArn: `${EXECUTION}:batch`,
    executions: 4,
    transitions: 3 + 4,
    attempts: 1 + 2,
    requests: 2,
    billedMs: 2_000,
    gbSeconds: 0.25,
    open: 0,
    forgotten: 1,
    ...PRICED,
  });
  assert.ok(Number(price) > 7 * 0.000_025);
  const shown = await stepwell(["cost", `${EXECUTION}:batch`], true);
  assert.match(shown.out, /\n  not kept any more {2}1, without their duration\n[^]*\n  at least \d/);
});

test("a state machine: all executions, or those since a moment, read no further than needed", async () => {
  const all = JSON.parse((await stepwell(["cost", "--state-machine", "orders"])).out) as JsonObject;
  assert.deepEqual([all["executions"], all["transitions"], all["attempts"]], [25, 100, 50]);
  const { out } = await stepwell(["cost", "--state-machine", MACHINE, "--since", "150m", "--each"]);
  const lines = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonObject);
  assert.deepEqual(
    lines.map((line) => [line["executionArn"], line["transitions"]]),
    [...[0, 1, 2].map((i) => [`${EXECUTION}:${i}`, 4]), [undefined, 12]],
  );
  assert.equal(lines[3]?.["since"], NOW - 9_000);
  assert.equal(calls.filter(([operation]) => operation === "ListExecutions").length, 2);
});

test("on a terminal, with prices of one's own", async () => {
  const file = join(directory, "prices.json");
  writeFileSync(file, '{"currency":"EUR","standard":{"perTransition":1}}');
  const { out } = await stepwell(["cost", `${EXECUTION}:1`, "--prices", file], true);
  assert.equal(
    out,
    `${EXECUTION}:1\n  executions   1\n  transitions  4 (2 of them retries and redriven steps)\n` +
      `  4 EUR on AWS (us-east-1, prices of ${DEFAULT_PRICES.asOf})\n`,
  );
  const { out: history } = await stepwell(["history", `${EXECUTION}:1`], true);
  assert.match(history, /\n4 transitions, 0\.0001 USD on AWS\n$/);
});

test("the table that is printed is the table that is read", async () => {
  const { out } = await stepwell(["cost", "--print-prices"]);
  assert.deepEqual(parsePrices(out, "p.json"), DEFAULT_PRICES);
});

const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [["cost"], /takes the ARN of an execution, or --state-machine NAME/],
  [["cost", `${EXECUTION}:1`, "--state-machine", "orders"], /takes the ARN of an execution/],
  [["cost", "orders"], /is no ARN of an execution\. For a state machine: --state-machine orders/],
  [["cost", "--state-machine", "orders", "--since", "yesterday"], /--since must be like 7d/],
  [
    ["cost", "--print-prices", "--prices", "missing.json"],
    /Cannot read missing\.json: there is no such file/,
  ],
];

test("what the command line got wrong", async () => {
  for (const [argv, message] of REFUSED) {
    const { code, err } = await stepwell(argv);
    assert.ok(code > 0);
    assert.match(err, message);
  }
});
