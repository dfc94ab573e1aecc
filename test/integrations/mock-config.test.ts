// The mock file: what is read of it, and what is wrong with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerAt, attemptsOf, readMockConfig } from "../../src/integrations/mocked/config.ts";

const WHOLE = JSON.stringify({
  StateMachines: {
    orders: { TestCases: { Happy: { Charge: "Charged", Ship: "Shipped" }, Sad: { Charge: "Refused" } } },
  },
  MockedResponses: {
    Charged: { "0": { Return: { ok: true } } },
    Shipped: { "0": { Throw: { Error: "Busy" } }, "1-2": { Return: [1] }, "3": { Return: null } },
    Refused: { "0-9": { Throw: { Error: "CardDeclined", Cause: "no money" } } },
  },
});

test("a whole file is read", () => {
  const { config, faults } = readMockConfig(WHOLE);
  assert.deepEqual(faults, []);
  const happy = config?.machines.get("orders")?.get("Happy");
  const ship = happy?.responses.get("Ship");
  assert(ship !== undefined);
  assert.equal(attemptsOf(ship), "0, 1-2, 3");
  const answers = [0, 1, 2, 3, 4].map((attempt) => {
    const answer = answerAt(ship, attempt);
    return answer?.kind === "return" ? answer.output.text : answer?.error;
  });
  assert.deepEqual(answers, ["Busy", "[1]", "[1]", "null", undefined]);
});

interface Faulty {
  readonly name: string;
  readonly file: unknown;
  /** `location: message` of each fault. */
  readonly expected: readonly string[];
}

const machine = (states: unknown): unknown => ({ orders: { TestCases: { Case: states } } });

const FAULTY: readonly Faulty[] = [
  {
    name: "no JSON",
    file: "{",
    expected: [": it is no JSON: Unexpected end-of-input: expected close marker for Object (offset 1)"],
  },
  { name: "no object", file: [], expected: [": expected an object with StateMachines and MockedResponses"] },
  {
    name: "a misspelt member",
    file: { StateMachine: {}, StateMachines: {}, MockedResponses: {} },
    expected: ['/StateMachine: there is no such member here. Did you mean "StateMachines"?'],
  },
  {
    name: "a response that is not there",
    file: {
      StateMachines: machine({ Charge: "Chraged" }),
      MockedResponses: { Charged: { "0": { Return: 1 } } },
    },
    expected: [
      '/StateMachines/orders/TestCases/Case/Charge: there is no mocked response "Chraged". Did you mean "Charged"?',
    ],
  },
  {
    name: "both Return and Throw, neither of them, no Error",
    file: {
      StateMachines: {},
      MockedResponses: {
        R: { "0": { Return: 1, Throw: { Error: "E" } }, "1": {}, "2": { Throw: { Cause: "c" } } },
      },
    },
    expected: [
      "/MockedResponses/R/0: it has both Return and Throw: expected one of them",
      "/MockedResponses/R/1: it has neither Return nor Throw: expected one of them",
      "/MockedResponses/R/2/Throw: Error is missing: expected the name of an error",
    ],
  },
  {
    name: "attempts that are none, backwards or given twice",
    file: {
      StateMachines: {},
      MockedResponses: {
        R: { first: { Return: 1 }, "5-3": { Return: 1 }, "0-2": { Return: 1 }, "2": { Return: 1 } },
      },
    },
    expected: [
      '/MockedResponses/R/first: expected the number of an attempt, counted from 0 ("0"), or a range ("1-2")',
      '/MockedResponses/R/5-3: the range ends before it begins; expected "3-5"',
      '/MockedResponses/R: attempt 2 has two answers: of "0-2" and of "2"',
    ],
  },
];

for (const { name, file, expected } of FAULTY) {
  test(`told: ${name}`, () => {
    const { faults } = readMockConfig(typeof file === "string" ? file : JSON.stringify(file));
    assert.deepEqual(
      faults.map(({ location, message }) => `${location}: ${message}`).toSorted(),
      expected.toSorted(),
    );
  });
}

test("a fault spoils the test cases that use what is at fault, and no other", () => {
  const { config } = readMockConfig(
    JSON.stringify({
      StateMachines: { m: { TestCases: { Bad: { S: "broken" }, Good: { S: "fine" } } } },
      MockedResponses: { broken: { "0": {} }, fine: { "0": { Return: 1 } } },
    }),
  );
  const cases = config?.machines.get("m");
  assert.equal(cases?.get("Bad")?.faults.length, 1);
  assert.deepEqual(cases?.get("Good")?.faults, []);
});
