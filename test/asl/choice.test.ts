// Choice rules: the operators on values of every type, missing values, combinations, and rules that are wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CHOICE_OPERATORS, compileChoiceTest } from "../../src/asl/choice.ts";
import { InvalidExpression } from "../../src/asl/invalid-expression.ts";
import { compileWildcards } from "../../src/asl/wildcards.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { outcome, scopeOf } from "./scope.ts";

const EARLY = "2012-10-09T19:00:55Z";
const LATE = "2012-10-09T19:00:56Z";

/** One value of every kind that the recorded answers use. */
const VALUES: readonly Json[] = [
  null,
  0,
  1,
  1.1,
  "",
  " ",
  "HelloWorld",
  "2012-10-09T19:00:55",
  EARLY,
  "2012-10-09T19:00:55+01:00",
  "2023-02-24",
  [],
  [""],
  {},
  { A: 0 },
  true,
  false,
];

/** Which of VALUES each test is true of. */
const OVER_VALUES: readonly (readonly [operator: string, operand: Json, matching: readonly Json[]])[] = [
  ["IsNull", true, [null]],
  ["IsNumeric", true, [0, 1, 1.1]],
  ["IsString", true, VALUES.filter((value) => typeof value === "string")],
  ["IsBoolean", true, [true, false]],
  ["IsTimestamp", true, [EARLY, "2012-10-09T19:00:55+01:00"]],
  ["IsPresent", true, VALUES],
  ["IsNull", false, VALUES.filter((value) => value !== null)],
  ["IsPresent", false, []],
  ["BooleanEquals", true, [true]],
  ["BooleanEquals", false, [false]],
  ["NumericEquals", 1, [1]],
  ["NumericEquals", 0, [0]],
  ["NumericLessThan", 1, [0]],
  ["NumericLessThanEquals", 1, [0, 1]],
  ["NumericGreaterThan", 0, [1, 1.1]],
  ["NumericGreaterThanEquals", 1, [1, 1.1]],
  ["StringEquals", "", [""]],
  ["StringLessThan", " ", [""]],
  ["StringGreaterThan", "2023-02-24", ["HelloWorld"]],
  ["StringGreaterThanEquals", "2023-02-24", ["HelloWorld", "2023-02-24"]],
  ["StringLessThanEquals", " ", ["", " "]],
  ["StringMatches", "*World", ["HelloWorld"]],
  ["StringMatches", "*", VALUES.filter((value) => typeof value === "string")],
  ["TimestampEquals", EARLY, [EARLY]],
  ["TimestampLessThan", EARLY, ["2012-10-09T19:00:55+01:00"]],
  ["TimestampLessThanEquals", EARLY, [EARLY, "2012-10-09T19:00:55+01:00"]],
  ["TimestampGreaterThan", "2012-10-09T18:30:00Z", [EARLY]],
  ["TimestampGreaterThanEquals", LATE, []],
];

test("a value of another type is no match, and no error", () => {
  for (const [operator, operand, matching] of OVER_VALUES) {
    const rule = compileChoiceTest({ Variable: "$.v", [operator]: operand, Next: "X" });
    const found = VALUES.filter((value) => rule(scopeOf({ v: value })));
    assert.deepEqual(found, matching, `${operator} ${JSON.stringify(operand)}`);
  }
});

test("the operand may be a path, and compares like a constant", () => {
  for (const [operator, operand, matching] of OVER_VALUES) {
    if (operator.startsWith("Is") || operator === "StringMatches") continue;
    const rule = compileChoiceTest({ Variable: "$.v", [`${operator}Path`]: "$$.operand" });
    const found = VALUES.filter((value) => rule(scopeOf({ v: value }, { operand })));
    assert.deepEqual(found, matching, `${operator}Path ${JSON.stringify(operand)}`);
    for (const other of [null, [], {}]) {
      assert.equal(
        rule(scopeOf({ v: operand }, { operand: other })),
        false,
        `${operator}Path to ${JSON.stringify(other)}`,
      );
    }
  }
});

test("there are 39 operators", () => {
  assert.equal(new Set(CHOICE_OPERATORS).size, 39);
});

test("strings are ordered by UTF-16 code units", () => {
  const rule = compileChoiceTest({ Variable: "$", StringLessThan: "\uff5e" });
  assert.equal(rule(scopeOf("😀")), true);
});

const GONE =
  "States.Runtime: Invalid path '$.gone': The choice state's condition path references an invalid value.";
const present = { Variable: "$.gone", IsPresent: true };
const gone = { Variable: "$.gone", NumericEquals: 1 };
const yes = { Variable: "$.one", NumericEquals: 1 };
const no = { Variable: "$.one", NumericEquals: 2 };

const RULES: readonly (readonly [rule: JsonObject, result: Json])[] = [
  [gone, GONE],
  [{ Variable: "$.gone", IsNull: true }, GONE],
  [{ Variable: "$.one", NumericEqualsPath: "$.gone" }, GONE],
  [present, false],
  [{ Variable: "$.gone", IsPresent: false }, true],
  [{ Variable: "$.nothing", IsPresent: true }, true],
  [{ And: [present, gone] }, false],
  [{ And: [gone, present] }, GONE],
  [{ Or: [yes, gone] }, true],
  [{ Or: [no, gone] }, GONE],
  [{ And: [yes] }, true],
  [{ And: [yes, no] }, false],
  [{ Or: [no, { Comment: "nested", And: [yes, { Not: no }] }], Next: "X", Comment: "c", Assign: {} }, true],
  [{ Not: yes }, false],
  [{ Variable: "$v.x", StringEqualsPath: "$$.Name" }, true],
  [{ Variable: "$.list[*]", IsPresent: true }, true],
  [{ Variable: "$.list[?(@ > 1)]", IsNumeric: true }, false],
  [{ Variable: "$.early", TimestampLessThan: "2026-01-02T03:04:05.0000002Z" }, true],
  [{ Variable: "$.early", TimestampEquals: "2026-01-02T04:04:05.0000001+01:00" }, true],
];

test("missing values fail except for IsPresent, and combinations stop early", () => {
  const scope = scopeOf(
    { one: 1, nothing: null, list: [1, 2], early: "2026-01-02T03:04:05.0000001Z" },
    { Name: "n" },
    { v: { x: "n" } },
  );
  for (const [rule, result] of RULES) {
    assert.deepEqual(
      outcome(() => compileChoiceTest(rule)(scope)),
      result,
      JSON.stringify(rule),
    );
  }
});

let tooDeep: JsonObject = yes;
for (let i = 0; i < 300; i++) tooDeep = { Not: tooDeep };

const INVALID: readonly (readonly [rule: JsonObject, fault: string])[] = [
  [{}, "undefined A rule must have a comparison operator"],
  [{ Variable: "$.a" }, "undefined A rule must have a comparison operator"],
  [{ NumericEquals: 1 }, "undefined These fields are required: [Variable]"],
  [
    { Variable: "$.a", StringEqual: "x" },
    `/StringEqual The field 'StringEqual' is not supported in a rule Did you mean "StringEquals"?`,
  ],
  [
    { Variable: "$.a", NumericEquals: 1, IsNull: true },
    "/IsNull A rule must have one comparison operator, and not both 'NumericEquals' and 'IsNull'",
  ],
  [
    { Variable: "$.a", NumericEquals: "1" },
    "/NumericEquals The value for the field 'NumericEquals' must be a number",
  ],
  [
    { Variable: "$.a", StringEquals: 1 },
    "/StringEquals The value for the field 'StringEquals' must be a string",
  ],
  [
    { Variable: "$.a", BooleanEquals: "true" },
    "/BooleanEquals The value for the field 'BooleanEquals' must be a boolean",
  ],
  [{ Variable: "$.a", IsNull: "true" }, "/IsNull The value for the field 'IsNull' must be a boolean"],
  [
    { Variable: "$.a", StringMatches: null },
    "/StringMatches The value for the field 'StringMatches' must be a string",
  ],
  [{ Variable: "$.a", TimestampEquals: "2012" }, "/TimestampEquals String does not match RFC3339 timestamp"],
  [
    { Variable: "$.a", TimestampEquals: 1 },
    "/TimestampEquals The value for the field 'TimestampEquals' must be a timestamp",
  ],
  [
    { Variable: "a", IsNull: true },
    "/Variable The value for the field 'Variable' must be a valid JSONPath The path 'a' must begin with '$'",
  ],
  [{ Variable: 1, IsNull: true }, "/Variable The value for the field 'Variable' must be a path"],
  [
    { Variable: "$.a", NumericEqualsPath: "b" },
    "/NumericEqualsPath The value for the field 'NumericEqualsPath' must be a valid JSONPath The path 'b' must begin with '$'",
  ],
  [{ And: [] }, "/And Value cannot be empty"],
  [{ And: yes }, "/And The value for the field 'And' must be an array of rules"],
  [{ Or: [yes, 1] }, "/Or/1 The value for the field 'Or' must be a rule"],
  [{ Not: [yes] }, "/Not The value for the field 'Not' must be a rule"],
  [{ And: [yes], Or: [yes] }, "/Or The field 'Or' cannot be used together with 'And'"],
  [{ Not: yes, Variable: "$.a" }, "/Variable The field 'Variable' cannot be used together with 'Not'"],
  [{ And: [{ Not: { ...yes, Next: "X" } }] }, `/And/0/Not/Next The field 'Next' is not supported in a rule`],
];

test("rules that are wrong do not compile, and are located", () => {
  for (const [rule, fault] of INVALID) {
    assert.throws(
      () => compileChoiceTest(rule),
      (error) => {
        assert.ok(error instanceof InvalidExpression);
        const suggestion = error.suggestion === undefined ? "" : ` ${error.suggestion}`;
        assert.equal(`${error.at} ${error.message}${suggestion}`, fault);
        return true;
      },
    );
  }
  assert.throws(() => compileChoiceTest(tooDeep), InvalidExpression);
});

const WILDCARDS: readonly (readonly [
  pattern: string,
  matching: readonly string[],
  others: readonly string[],
])[] = [
  ["log-*.txt", ["log-.txt", "log-a.b.txt"], ["log-.tx", "xlog-.txt", "log.txt"]],
  ["*", ["", "x"], []],
  ["", [""], ["x"]],
  ["a*a", ["aa", "aba"], ["a"]],
  ["*a*b*", ["ab", "xaxbx"], ["ba"]],
  [String.raw`\*`, ["*"], ["x", String.raw`\*`]],
  [String.raw`a\\*`, [String.raw`a\b`], ["ab"]],
  [String.raw`\a`, [String.raw`\a`], ["a"]],
  ["a.c", ["a.c"], ["abc"]],
];

test("StringMatches knows an asterisk and two escapes, and nothing else", () => {
  for (const [pattern, matching, others] of WILDCARDS) {
    const matches = compileWildcards(pattern);
    for (const text of matching) assert.equal(matches(text), true, `${pattern} on ${text}`);
    for (const text of others) assert.equal(matches(text), false, `${pattern} on ${text}`);
  }
  assert.equal(compileWildcards("*a".repeat(200))("b".repeat(200_000)), false);
});

test("StringMatches agrees with a regular expression", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab*]{0,8}$/), fc.stringMatching(/^[ab]{0,10}$/), (pattern, text) => {
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text);
      assert.equal(compileWildcards(pattern)(text), expected, `${pattern} on ${text}`);
    }),
    { numRuns: 2000 },
  );
});
