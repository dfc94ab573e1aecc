// `test`: the cases of a mock file, run without a server, held against what is expected of them.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeTerminal } from "./environment-fake.ts";

const TASK = { Type: "Task", Resource: "arn:aws:states:us-east-1:000000000000:activity:work" };
const DEFINITION = {
  StartAt: "A",
  States: {
    A: { ...TASK, Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 3600 }], Next: "W" },
    W: { Type: "Wait", Seconds: 2_592_000, Next: "B" },
    B: { ...TASK, End: true },
  },
};
const RESPONSES = {
  one: { "0": { Return: 1 } },
  busyOnce: { "0": { Throw: { Error: "Busy" } }, "1": { Return: 2 } },
  broken: { "0": { Throw: { Error: "Broken", Cause: "in two" } } },
};

interface Case {
  readonly name: string;
  readonly testCase: JsonObject;
  readonly expectation?: Json;
  readonly exitCode: number;
  readonly expected: JsonObject;
}

const CASES: readonly Case[] = [
  {
    name: "a retry and a month of waiting take no time",
    testCase: { A: "busyOnce", B: "one" },
    expectation: { status: "SUCCEEDED", output: 1, states: ["A", "W", "B"] },
    exitCode: 0,
    expected: { ok: true, status: "SUCCEEDED", output: 1, states: ["A", "W", "B"], faults: [] },
  },
  {
    name: "a failure is fine where nothing else is expected",
    testCase: { A: "broken", B: "one" },
    exitCode: 0,
    expected: { ok: true, status: "FAILED", error: "Broken", cause: "in two", states: ["A"], faults: [] },
  },
  {
    name: "another output than the expected one is wrong",
    testCase: { A: "one", B: "one" },
    expectation: { output: 2, states: ["A", "W", "B"] },
    exitCode: 1,
    expected: {
      ok: false,
      status: "SUCCEEDED",
      output: 1,
      states: ["A", "W", "B"],
      faults: ["output should be 2, but it is 1"],
    },
  },
  {
    name: "a task that is not mentioned is not called",
    testCase: { A: "one" },
    exitCode: 1,
    expected: {
      ok: false,
      cause: `the test case does not mention the state "B", which would call ${TASK.Resource}`,
      states: ["A", "W", "B"],
      faults: [`the test case does not mention the state "B", which would call ${TASK.Resource}`],
    },
  },
  {
    name: "a state that the definition does not have is told",
    testCase: { Shipment: "one" },
    exitCode: 1,
    expected: {
      ok: false,
      states: [],
      faults: [`The test case 'x' of 'm' cannot be run: the definition has no state "Shipment".`],
    },
  },
];

for (const { name, testCase, expectation, exitCode, expected } of CASES) {
  test(`test: ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "stepwell-test-"));
    try {
      const mocks = { StateMachines: { m: { TestCases: { x: testCase } } }, MockedResponses: RESPONSES };
      await writeFile(join(folder, "m.asl.json"), JSON.stringify(DEFINITION));
      await writeFile(join(folder, "mocks.json"), JSON.stringify(mocks));
      await writeFile(join(folder, "expected.json"), JSON.stringify({ m: { x: expectation ?? {} } }));
      const expect = expectation === undefined ? [] : ["--expect", "expected.json"];
      const terminal = fakeTerminal(["test", ".", "--mocks", "mocks.json", ...expect, "--json"], {
        workingDirectory: folder,
      });
      assert.equal(await runCli(terminal.environment), exitCode, terminal.err());
      assert.deepEqual(JSON.parse(terminal.out()), { machine: "m", testCase: "x", ...expected });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

const EXAMPLE = "examples/mocked-tests";

test("test: the example, as a table", async () => {
  const terminal = fakeTerminal([
    "test",
    `${EXAMPLE}/orders.asl.json`,
    "--mocks",
    `${EXAMPLE}/mocks.json`,
    "--expect",
    `${EXAMPLE}/expected.json`,
  ]);
  assert.equal(await runCli(terminal.environment), 0, terminal.out() + terminal.err());
  assert.match(terminal.out(), /^ok +orders#BankBusyTwice +SUCCEEDED +Charge > WaitForStock > Ship$/m);
  assert.match(terminal.out(), /^ok +orders#CardDeclined +OrderRefused +Charge > Refuse$/m);
  assert.match(terminal.out(), /^3 test cases, 0 wrong$/m);
});

test("test: an expectation of a case that is not there is refused with a guess", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stepwell-test-"));
  try {
    const expected = join(folder, "expected.json");
    await writeFile(expected, '{"orders":{"Hapy":{}}}');
    const terminal = fakeTerminal([
      "test",
      EXAMPLE,
      "--mocks",
      `${EXAMPLE}/mocks.json`,
      "--expect",
      expected,
    ]);
    assert.equal(await runCli(terminal.environment), 2);
    assert.match(terminal.err(), /there is no test case of "orders" "Hapy"\. Did you mean "Happy"\?/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
