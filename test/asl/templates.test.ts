// Payload templates and single-field expressions.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InvalidExpression } from "../../src/asl/invalid-expression.ts";
import { compileFieldExpression, compileTemplate, referencedVariables } from "../../src/asl/templates.ts";
import { type Json, fromMembers, isArray, isObject } from "../../src/base/json.ts";
import { outcome, scopeOf } from "./scope.ts";

const INPUT: Json = { a: 1, items: [1, 2], none: null };
const CONTEXT: Json = { Execution: { Input: { x: 3 } } };
const VARIABLES = { v: { z: [7] } };

const CASES: readonly (readonly [name: string, template: Json, payload: Json])[] = [
  ["constants stay", { a: "$.a", b: [1, { c: null }] }, { a: "$.a", b: [1, { c: null }] }],
  ["any JSON may be a template", "$.a", "$.a"],
  ["a path gives its value", { "v.$": "$.a" }, { v: 1 }],
  ["the whole input", { "v.$": "$" }, { v: INPUT }],
  ["the context object", { "v.$": "$$.Execution.Input.x" }, { v: 3 }],
  ["a variable", { "v.$": "$v.z[0]" }, { v: 7 }],
  ["an intrinsic function", { "v.$": "States.Format('{}', $.a)" }, { v: "1" }],
  ["null is a value", { "v.$": "$.none" }, { v: null }],
  ["an indefinite path gives an array", { "v.$": "$.no[*].x" }, { v: [] }],
  ["objects and arrays at any depth", { a: [{ b: [{ "c.$": "$.a" }] }] }, { a: [{ b: [{ c: 1 }] }] }],
  ["texts in arrays are not evaluated", { a: ["$.a", { "b.$": "$.a" }] }, { a: ["$.a", { b: 1 }] }],
  ["members keep their order", { z: 0, "b.$": "$.a", a: 1 }, { z: 0, b: 1, a: 1 }],
  // The service gives null here; the same path as an argument of a function fails.
  ["an item past the end of an array is null", { "v.$": "$.items[5]" }, { v: null }],
  [
    "a missing value fails, with the input",
    { "value.$": "$.x" },
    `States.Runtime: The JSONPath '$.x' specified for the field 'value.$' could not be found in the input '{"a":1,"items":[1,2],"none":null}'`,
  ],
  [
    "a missing value of the context object fails, with the context object",
    { n: { "value.$": "$$.Execution.Input.no" } },
    `States.Runtime: The JSONPath '$$.Execution.Input.no' specified for the field 'value.$' could not be found in the input '{"Execution":{"Input":{"x":3}}}'`,
  ],
  [
    "a missing value of a variable fails, with the variable",
    { "value.$": "$v.no" },
    `States.Runtime: The JSONPath '$v.no' specified for the field 'value.$' could not be found in the input '{"z":[7]}'`,
  ],
];

test("templates are evaluated", () => {
  for (const [name, template, payload] of CASES) {
    const result = outcome(() => compileTemplate(template).evaluate(scopeOf(INPUT, CONTEXT, VARIABLES)));
    assert.equal(JSON.stringify(result), JSON.stringify(payload), name);
  }
});

const NOT_AN_EXPRESSION = (field: string): string =>
  `The value for the field '${field}' must be a valid JSONPath or a valid intrinsic function call`;

const INVALID: readonly (readonly [template: Json, message: string, at: string, field: string])[] = [
  [{ "v.$": "a" }, NOT_AN_EXPRESSION("v.$"), "/v.$", "v.$"],
  [{ "v.$": 5 }, NOT_AN_EXPRESSION("v.$"), "/v.$", "v.$"],
  [{ "v.$": { a: 1 } }, NOT_AN_EXPRESSION("v.$"), "/v.$", "v.$"],
  [{ "v.$": "$.a[" }, NOT_AN_EXPRESSION("v.$"), "/v.$", "v.$"],
  [{ a: [{}, { "b/c.$": "States.Nope()" }] }, NOT_AN_EXPRESSION("b/c.$"), "/a/1/b~1c.$", "b/c.$"],
  [{ "v.$": String.raw`States.Format('\"{}\"', $.a)` }, NOT_AN_EXPRESSION("v.$"), "/v.$", "v.$"],
  [{ k: 1, "k.$": "$.a" }, "The fields 'k' and 'k.$' cannot be used together", "/k.$", "k.$"],
];

test("what cannot be evaluated does not compile, and is located", () => {
  for (const [template, message, at, field] of INVALID) {
    assert.throws(
      () => compileTemplate(template),
      (error) => {
        assert.ok(error instanceof InvalidExpression);
        assert.deepEqual(
          { message: error.message, at: error.at, field: error.field },
          { message, at, field },
        );
        return true;
      },
    );
  }
});

test("a misspelt function is guessed", () => {
  assert.throws(() => compileTemplate({ "v.$": "States.format('x')" }), {
    suggestion: 'Did you mean "States.Format"?',
  });
});

test("a single field is named as it is", () => {
  const scope = scopeOf(INPUT);
  assert.equal(compileFieldExpression("States.Format('{}!', $.a)", "ErrorPath").evaluate(scope), "1!");
  assert.equal(
    outcome(() => compileFieldExpression("$.ErrorX", "ErrorPath").evaluate(scope)),
    `States.Runtime: The JSONPath '$.ErrorX' specified for the field 'ErrorPath' could not be found in the input '{"a":1,"items":[1,2],"none":null}'`,
  );
  assert.throws(() => compileFieldExpression("oops", "CausePath"), {
    message: NOT_AN_EXPRESSION("CausePath"),
    field: "CausePath",
  });
});

test("constant parts are made once", () => {
  const template = compileTemplate({ fixed: { a: [1] }, "v.$": "$.a" });
  const [first, second] = [template.evaluate(scopeOf(INPUT)), template.evaluate(scopeOf(INPUT))];
  assert.ok(isObject(first) && isObject(second));
  assert.equal(first["fixed"], second["fixed"]);
  assert.notEqual(first, second);
});

test("keys are data", () => {
  const template: Json = JSON.parse(
    '{"__proto__":{"constructor.$":"$.a"},"toString.$":"$.a","__proto__.$x":2}',
  );
  assert.equal(
    JSON.stringify(compileTemplate(template).evaluate(scopeOf(INPUT))),
    '{"__proto__":{"constructor":1},"toString":1,"__proto__.$x":2}',
  );
  const made = compileTemplate({ "__proto__.$": "$" }).evaluate(scopeOf({ polluted: true }));
  assert.equal(JSON.stringify(made), '{"__proto__":{"polluted":true}}');
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});

test("names the variables that a text mentions", () => {
  assert.deepEqual(referencedVariables("$x.a[?(@.b == $y)]"), ["x", "y"]);
  assert.deepEqual(referencedVariables("States.Format($x, States.Array($y, $x), $.a, $$.b, '$z')"), [
    "x",
    "y",
  ]);
  for (const text of ["$.a", "$$.a", "text $x", "$x[", "States.Nope($x)"])
    assert.deepEqual(referencedVariables(text), []);
});

test("a template without expressions gives itself", () => {
  const keys = fc.string().filter((key) => !key.endsWith(".$"));
  const { value: values } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<Json>(null, 1, "$.a", true),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.array(fc.tuple(keys, tie("value")), { maxLength: 3 }).map(fromMembers),
    ),
  }));
  fc.assert(
    fc.property(values, (value) => {
      assert.equal(compileTemplate(value).evaluate(scopeOf(null)), value);
      const around = compileTemplate({ "v.$": "$", value }).evaluate(scopeOf(1));
      assert.ok(isObject(around) && !isArray(around));
      assert.equal(JSON.stringify(around), JSON.stringify({ v: 1, value }));
    }),
  );
});
