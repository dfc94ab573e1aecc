// The rules between states, and the warnings.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../src/asl/parse.ts";

interface Case {
  readonly name: string;
  readonly startAt?: string;
  readonly states: Record<string, unknown>;
  /** `CODE message location`, or less: how each diagnostic begins and where it is. */
  readonly expect: readonly (readonly [code: string, message: string, location: string])[];
}

const end = { Type: "Pass", End: true };
const to = (next: string): unknown => ({ Type: "Pass", Next: next });
const block = (startAt: string, states: Record<string, unknown>): unknown => ({
  StartAt: startAt,
  States: states,
});
const MISSING = "MISSING_TRANSITION_TARGET";

const cases: readonly Case[] = [
  {
    name: "a loop without a way out has no terminal state, and nothing else is said",
    states: { A: to("B"), B: to("A"), Unused: to("A") },
    expect: [["MISSING_END_STATE", "Workflow has no terminal state", ""]],
  },
  {
    name: "a loop inside a Map needs no terminal state",
    states: { A: { Type: "Map", ItemProcessor: block("L", { L: to("M"), M: to("L") }), End: true } },
    expect: [],
  },
  {
    name: "a missing target comes before the missing end",
    states: { A: to("NOPE") },
    expect: [
      [MISSING, "Missing 'Next' target: NOPE", "/States/A/Next"],
      ["MISSING_END_STATE", "Workflow has no terminal state", ""],
    ],
  },
  {
    name: "every field that names a state is judged alike",
    states: {
      A: {
        Type: "Choice",
        Choices: [{ Variable: "$.x", IsPresent: true, Next: "Ghost" }],
        Default: "Spectre",
      },
      B: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Phantom" }],
        End: true,
      },
    },
    expect: [
      [MISSING, "Missing 'Next' target: Ghost", "/States/A/Choices[0]/Next"],
      [MISSING, "Missing 'Next' target: Spectre", "/States/A/Default"],
      [MISSING, "Missing 'Next' target: Phantom", "/States/B/Catch[0]/Next"],
      [MISSING, 'State "B" is not reachable.', "/States/B"],
    ],
  },
  {
    name: "a start that does not exist leaves only the states that nothing names",
    startAt: "Nope",
    states: { A: to("B"), B: end },
    expect: [
      [MISSING, "Missing 'Next' target: Nope", "/StartAt"],
      [MISSING, 'State "A" is not reachable.', "/States/A"],
    ],
  },
  {
    name: "states that lead only to each other are a warning",
    states: { A: end, B: to("C"), C: to("B") },
    expect: [
      ["UNREACHABLE_STATE", 'No path leads from the start to the state "B"', "/States/B"],
      ["UNREACHABLE_STATE", 'No path leads from the start to the state "C"', "/States/C"],
    ],
  },
  {
    name: "no transition leads out of a block",
    states: {
      A: { Type: "Parallel", Branches: [block("In", { In: to("Out") })], Next: "Out" },
      Out: end,
    },
    expect: [[MISSING, "Missing 'Next' target: Out", "/States/A/Branches[0]/States/In/Next"]],
  },
  {
    name: "an unreachable state in an iteration",
    states: { A: { Type: "Map", ItemProcessor: block("In", { In: end, Lost: end }), End: true } },
    expect: [[MISSING, 'State "Lost" is not reachable.', "/States/A/ItemProcessor/States/Lost"]],
  },
  {
    name: "both Next and End, or neither",
    states: { A: { Type: "Pass", Next: "B", End: true }, B: { Type: "Pass", End: false } },
    expect: [
      ["SCHEMA_VALIDATION_FAILED", "Only one of these fields is allowed: [Next, End]", "/States/A"],
      ["SCHEMA_VALIDATION_FAILED", "Exactly one of these fields is required: [Next, End]", "/States/B"],
    ],
  },
  {
    name: "names are unique in the whole machine",
    states: { A: { Type: "Parallel", Branches: [block("A", { A: end })], End: true } },
    expect: [["DUPLICATE_STATE_NAME", "Duplicate State name: A", "/States/A/Branches[0]/States/A"]],
  },
  {
    name: "names have at most 80 characters, however they are encoded",
    startAt: "😀".repeat(80),
    states: { ["😀".repeat(80)]: to("x".repeat(81)), ["x".repeat(81)]: end },
    expect: [["INVALID_STATE_NAME", `Invalid State name: ${"x".repeat(81)}`, `/States/${"x".repeat(81)}`]],
  },
  {
    name: "a path or a function under a name without .$",
    states: {
      A: {
        Type: "Pass",
        Parameters: { a: "$.x", b: ["States.UUID()"], "c.$": "$.x", d: "$5.00", e: "text" },
        End: true,
      },
    },
    expect: [
      ["NO_DOLLAR", "The value of the field 'a' looks like", "/States/A/Parameters/a"],
      ["NO_DOLLAR", "The value of the field 'b' looks like", "/States/A/Parameters/b[0]"],
    ],
  },
  {
    name: "a path under a name without Path",
    states: { A: { Type: "Fail", Error: "$.error", Cause: "States.Format('{}', $.a)" } },
    expect: [
      ["NO_PATH", "The value of the field 'Error' looks like", "/States/A/Error"],
      ["NO_PATH", "The value of the field 'Cause' looks like", "/States/A/Cause"],
    ],
  },
  {
    name: "paths in the Result of a Pass",
    states: { A: { Type: "Pass", Result: { a: "$.x", "b.$": "States.UUID()", c: "text" }, End: true } },
    expect: [
      ["PASS_RESULT_IS_STATIC", "The Result of a Pass state is static", "/States/A/Result/a"],
      ["PASS_RESULT_IS_STATIC", "The Result of a Pass state is static", "/States/A/Result/b.$"],
    ],
  },
];

for (const { name, startAt, states, expect } of cases) {
  test(name, () => {
    const text = JSON.stringify({ StartAt: startAt ?? "A", States: states });
    const { diagnostics, program } = parse(text);
    const found = diagnostics.map(({ code, message, location }, index) => {
      const begin = expect[index]?.[1] ?? message;
      return [code, message.startsWith(begin) ? begin : message, location];
    });
    assert.deepEqual(found, expect);
    assert.equal(
      program === undefined,
      diagnostics.some(({ severity }) => severity === "ERROR"),
    );
  });
}

test("a name that comes twice in the text is reported, although JSON keeps only the last", () => {
  const text = '{"StartAt":"A","States":{"A":{"Type":"Succeed"},"A":{"Type":"Pass","End":true}}}';
  const { diagnostics } = parse(text);
  assert.deepEqual(
    diagnostics.map(({ code, location, offset }) => ({ code, location, offset })),
    [{ code: "DUPLICATE_STATE_NAME", location: "/States/A", offset: text.lastIndexOf('"A"') }],
  );
});
