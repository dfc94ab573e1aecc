// JSONata as Step Functions has it: what AWS adds and takes away, messages, results, references.
// The language itself is proved by the official suite (jsonata/suite.ts) and by comparison (jsonata-fuzz.test.ts).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  JsonataError,
  JsonataFunction,
  compileJsonata,
  illegalReferences,
} from "../../src/asl/jsonata/index.ts";
import type { JsonataLimits } from "../../src/asl/jsonata/index.ts";
import type { Json } from "../../src/base/json.ts";
import { Random } from "../../src/base/random.ts";

const NOW_MS = 1_767_322_800_123;

const STATES: Json = {
  input: {
    order: {
      id: "o-1",
      items: [
        { sku: "a", price: 2 },
        { sku: "b", price: 3 },
      ],
    },
    empty: [],
    one: [7],
  },
  context: { Execution: { Name: "run" } },
};

function evaluate(text: string, limits: Partial<JsonataLimits> = {}): string {
  try {
    const environment = { nowMs: NOW_MS, random: new Random([1, 2, 3, 4]), limits };
    const result = compileJsonata(text).evaluate(new Map([["states", STATES]]), environment);
    if (result instanceof JsonataFunction) return "a function";
    return result === undefined ? "nothing" : JSON.stringify(result);
  } catch (fault) {
    if (!(fault instanceof JsonataError)) throw fault;
    return `${fault.code}: ${fault.message}`;
  }
}

/** What it shows, the expression, and the result as JSON text, or the error. */
const RESULTS: readonly (readonly [name: string, expression: string, result: string])[] = [
  ["a path that finds one thing gives that thing", "$states.input.order.items[price > 2].sku", '"b"'],
  ["a path that finds several gives an array", "$states.input.order.items.sku", '["a","b"]'],
  ["a path that finds nothing gives nothing", "$states.input.order.items[price > 5]", "nothing"],
  ["an array of the data stays one, however short", "$states.input.one", "[7]"],
  ["an empty array of the data stays one", "$states.input.empty", "[]"],
  ["brackets keep an array of one", "$states.input.order.items[price > 2].sku[]", '["b"]'],
  ["a function is no result", "$fn := function($x) { $x }", "a function"],
  ["a regular expression is no result", "/a/", "a function"],
  ["nor is what holds a function", "{'f': [$sum]}", "a function"],
  ["null is a result", "null", "null"],
  ["there is no negative zero", "-0 * 1", "0"],
  ["infinity is a text, as on AWS", "[1 / 0, -1 / 0]", '["Infinity","-Infinity"]'],
  ["keys are data", "{'__proto__': 1, 'constructor': 2}.`__proto__`", "1"],
  [
    "keys are data in what is built",
    "$merge([{'__proto__': {'a': 1}}, {'b': 2}])",
    '{"__proto__":{"a":1},"b":2}',
  ],
  ["keys are data in what is looked up", "$lookup({'a': 1}, 'constructor')", "nothing"],
  // Functions that AWS adds.
  ["$partition makes parts", "$partition([1, 2, 3, 4, 5], 2)", "[[1,2],[3,4],[5]]"],
  ["$partition of a single item is an array of arrays (recorded)", "$partition([0], 3)", "[[0]]"],
  ["$partition floors its size", "$partition([1, 2, 3], 2.9)", "[[1,2],[3]]"],
  ["$range goes to its end", "$range(0, 10, 3)", "[0,3,6,9]"],
  ["$range of one item is that item (recorded)", "$range(1, 9, 9)", "1"],
  ["$range goes down", "$range(3, 1, -1)", "[3,2,1]"],
  ["$range to nowhere is nothing", "$range(3, 1, 1)", "nothing"],
  ["$hash hashes", "$hash('a', 'MD5')", '"0cc175b9c0f1b6a831c399e269772661"'],
  ["$hash knows the algorithms of States.Hash", "$length($hash('a', 'SHA-512'))", "128"],
  [
    "$hash knows no others",
    "$hash('a', 'MD4')",
    'D3150: Argument 2 of function "hash" must be one of [MD5, SHA-1, SHA-256, SHA-384, SHA-512]',
  ],
  ["$random with a seed repeats itself", "$random(42) = $random(42)", "true"],
  ["$random is below one", "$random() < 1 and $random() >= 0", "true"],
  ["$random goes on", "$random() = $random()", "false"],
  [
    "$uuid is a version 4",
    "$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)",
    "true",
  ],
  ["$parse reads JSON", "$parse('{\"a\": [1, null]}')", '{"a":[1,null]}'],
  ["$parse knows no negative zero (recorded)", "$parse('-0')", "0"],
  [
    "$parse says what is wrong",
    "$parse('{')",
    'D3150: Argument 1 of function "parse" is not JSON: Unexpected end-of-input: expected close marker for Object',
  ],
  ["$eval is not there", "$eval('1')", "T1006: Attempted to invoke a non-function"],
  ["$randomSeeded is not there (recorded)", "$randomSeeded(1)", "T1006: Attempted to invoke a non-function"],
  // The clock is the input's.
  ["$millis is the input's time", "$millis()", "1767322800123"],
  ["$now is the input's time", "$now()", '"2026-01-02T03:00:00.123Z"'],
  ["$now takes a picture and a zone", "$now('[H01]:[m01] [z]', '+0130')", '"04:30 GMT+01:30"'],
  ["a time without a zone is UTC", "$toMillis('2026-01-02T03:00:00')", "1767322800000"],
  [
    "a time of day is today's",
    "$fromMillis($toMillis('05:06', '[H01]:[m01]'))",
    '"2026-01-02T05:06:00.000Z"',
  ],
  // Messages name what failed.
  [
    "a type error of an operator",
    "1 + 'a'",
    'T2002: The right side of the "+" operator must evaluate to a number',
  ],
  [
    "a type error of a function",
    "$uppercase(1)",
    'T0410: Argument 1 of function "uppercase" does not match function signature',
  ],
  [
    "a type error of items",
    "$sum(['a'])",
    'T0412: Argument 1 of function "sum" must be an array of "numbers"',
  ],
  ["a number that is none", "$number('x')", 'D3030: Unable to cast value to a number: "x"'],
  [
    "a type error on the right of `and`",
    "true and 1 < 'a'",
    'T2009: The values 1 and "a" either side of operator "and" must be of the same data type',
  ],
  [
    "a transform of what is no object",
    "[1] ~> |$|{'a': 1}|",
    "T2014: The transform expression can only update objects; got: 1",
  ],
  ["keys that are the same", "{'a': 1, 'a': 2}", 'D1009: Multiple key definitions evaluate to same key: "a"'],
  [
    "a function without its dollar",
    "sum([1])",
    "T1005: Attempted to invoke a non-function. Did you mean $sum?",
  ],
  ["an error of one's own", "$error('no stock')", "D3137: no stock"],
  ["an assertion", "$assert(1 = 2, 'differs')", "D3141: differs"],
  ["text that is no expression", "$states.input.", "S0207: Unexpected end of expression"],
  ["a bracket that is not closed", "$sum([1, 2)", 'S0202: Expected "]", got ")"'],
  [
    "a pattern that would need backtracking",
    "$contains('a', /(?=a)/)",
    "S0303: The regular expression /(?=a)/ cannot be used: look-ahead and look-behind cannot be matched in linear time",
  ],
  [
    "a pattern that refers to itself",
    "$contains('aa', /(a)\\1/)",
    "S0303: The regular expression /(a)\\1/ cannot be used: references to groups cannot be matched in linear time",
  ],
  ["a regular expression on the left of ??", "$match('a', /b/) ?? 'none'", '"none"'],
  ["a call in tail position on the left of ??", "(function() { $lookup({}, 'a') ?? 2 })()", "2"],
];

describe("expressions", () => {
  test("give results and errors", () => {
    for (const [name, expression, result] of RESULTS) assert.equal(evaluate(expression), result, name);
    assert.ok(RESULTS.length > 0);
  });

  test("leave what they are given as it is", () => {
    const before = JSON.stringify(STATES);
    evaluate("$states.input ~> |order.items|{'price': 0}|");
    evaluate("$states ~> |$states.input.order|{'id': 'changed'}|");
    evaluate("$states.input.empty{'a': 1}");
    evaluate("$append($states.input.one, 8)");
    assert.equal(JSON.stringify(STATES), before);
  });

  test("hand back what they pass through, without a copy", () => {
    const result = compileJsonata("$states.input").evaluate(new Map([["states", STATES]]), {
      nowMs: NOW_MS,
      random: new Random([1, 2, 3, 4]),
    });
    assert.equal(result, (STATES as { input: Json }).input);
  });

  test("say which variables they need", () => {
    const names = (text: string): readonly string[] => compileJsonata(text).freeVariables;
    assert.deepEqual(names("$x + $sum($y)").toSorted(), ["x", "y"]);
    assert.deepEqual(names("($x := 1; $x + $y)"), ["y"]);
    assert.deepEqual(names("function($x) { $x }"), []);
    assert.deepEqual(names("($f := function($n) { $f($n) }; $f(1))"), []);
    // Read before it is assigned here: whoever calls may have given it.
    assert.deepEqual(names("($y := $x; $x := 1; $y)"), ["x"]);
  });

  test("keep to the limits they are given", () => {
    assert.equal(evaluate("$count([1..100])", { maxItems: 100 }), "100");
    assert.equal(
      evaluate("$count([1..101])", { maxItems: 100 }),
      "D2015: The maximum sequence length of 100 was exceeded.",
    );
    assert.equal(
      evaluate("$pad('', 100)", { maxStringLength: 99 }),
      "D1014: The maximum string length of 99 characters was exceeded",
    );
    assert.equal(
      evaluate("$map([1..100], $string)", { maxSteps: 50 }),
      "D1012: Evaluation timeout after 50 steps. Check for infinite loop",
    );
  });
});

/** What a definition's expression may not refer to, and where. */
const REFERENCES: readonly (readonly [expression: string, references: readonly string[]])[] = [
  ["$states.input.name", []],
  ["$states.input[name = 'a'].($.b)", []],
  ["$map($x, function($v) { $v.a })", []],
  ["$map($x, function($v) { $ })", ["$ at 25"]],
  ["$map($x, function($v) { b })", ["b at 25"]],
  ["$x^(name)", []],
  ["$x{name: $}", []],
  ["$", ["$ at 1"]],
  ["$$.a", ["$$ at 2"]],
  ["name", ["name at 4"]],
  ["name.first & last", ["name at 4", "last at 17"]],
  ["{'a': $, 'b': [b]}", ["$ at 7", "b at 16"]],
  ["$x[$$.a]", ["$$ at 5"]],
  ["* ~> $sum", ["* at 1"]],
  ["sum(1)", ["sum at 3"]],
];

test("references to a context that there is not are found", () => {
  for (const [expression, references] of REFERENCES) {
    const found = illegalReferences(compileJsonata(expression).ast);
    assert.deepEqual(
      found.map((each) => `${each.reference} at ${each.position}`),
      references,
      expression,
    );
  }
  assert.ok(REFERENCES.length > 0);
});

/** Text that would keep the parser busy, or bring it down. */
const TOO_LARGE: readonly (readonly [name: string, text: string])[] = [
  ["a long text", `'${"a".repeat(70_000)}'`],
  ["many brackets", `${"(".repeat(300)}1${")".repeat(300)}`],
  ["a long path", `$x${".a".repeat(5000)}`],
  ["operators whose left side doubles", `${"(".repeat(40)}1${" ?? 1)".repeat(40)}`],
  ["a long chain", `1${" + 1".repeat(15_000)}`],
];

test("texts that are too large for the parser are refused", () => {
  for (const [name, text] of TOO_LARGE) {
    const began = performance.now();
    assert.throws(
      () => compileJsonata(text),
      (fault) => fault instanceof JsonataError && fault.code === "S0501",
      name,
    );
    assert.ok(performance.now() - began < 1000, name);
  }
  assert.ok(TOO_LARGE.length > 0);
});
