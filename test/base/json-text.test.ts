// JSON text: the faults in the service's words, and agreement with JSON.parse on what is valid.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkJson, parseJson } from "../../src/base/json-text.ts";

const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

const FAULTS: readonly (readonly [text: string, message: string, offset: number])[] = [
  ["not json", `Unrecognized token 'not': was expecting ${VALUES}`, 0],
  ["{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1],
  ["", "No content to map due to end-of-input", 0],
  ["  ", "No content to map due to end-of-input", 2],
  ["nul", `Unrecognized token 'nul': was expecting ${VALUES}`, 0],
  ["[NaN]", `Unrecognized token 'NaN': was expecting ${VALUES}`, 1],
  ["[1,]", `Unexpected character (']' (code 93)): expected a valid value ${VALUES}`, 3],
  ['{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 7],
  ["[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 3],
  [
    '{"a":1 "b":2}',
    "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
    7,
  ],
  [
    '{"a" 1}',
    "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
    5,
  ],
  ['{"a":}', `Unexpected character ('}' (code 125)): expected a valid value ${VALUES}`, 5],
  ['{"a":[1}', "Unexpected close marker '}': expected ']'", 7],
  ["[1", "Unexpected end-of-input: expected close marker for Array", 2],
  ['{"a":1', "Unexpected end-of-input: expected close marker for Object", 6],
  ['{"a":', "Unexpected end-of-input within/between entries", 5],
  ['{"a', "Unexpected end-of-input in field name", 3],
  ['"a', "Unexpected end-of-input: was expecting closing quote for a string value", 2],
  [
    '"a\nb"',
    "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value",
    2,
  ],
  ['"\\x"', "Unrecognized character escape 'x' (code 120)", 2],
  [
    '"\\u12g4"',
    "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence",
    5,
  ],
  ["01", "Invalid numeric value: Leading zeroes not allowed", 0],
  [
    "-a",
    "Unexpected character ('a' (code 97)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
    1,
  ],
  ["1.", "Unexpected end-of-input in numeric value: Decimal point not followed by a digit", 2],
  ["1e", "Unexpected end-of-input in numeric value: Exponent indicator not followed by a digit", 2],
  ["1a", "Unexpected character ('a' (code 97)): Expected space separating root-level values", 1],
  ["{} {}", "Trailing token found after value", 3],
  ["{} x", `Unrecognized token 'x': was expecting ${VALUES}`, 3],
  [
    "\u0001",
    "Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r, \\n, \\t) is allowed between tokens",
    0,
  ],
  ["€", `Unexpected character ('€' (code 8364 / 0x20ac)): expected a valid value ${VALUES}`, 0],
];

test("faults are worded as the service words them", () => {
  for (const [text, message, offset] of FAULTS) {
    assert.deepEqual(checkJson(text), { ok: false, message, offset }, JSON.stringify(text));
  }
});

test("nesting is bounded before anything is parsed, and brackets in strings do not count", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.deepEqual(checkJson(nested(1000)), { ok: true });
  assert.deepEqual(checkJson(nested(1001)), {
    ok: false,
    message: "Document nesting depth (1001) exceeds the maximum allowed (1000)",
    offset: 1000,
  });
  assert.equal(checkJson(nested(3), { maxDepth: 2 }).ok, false);
  assert.equal(checkJson("[".repeat(1_000_000)).ok, false);
  assert.deepEqual(parseJson(String.raw`["\\\"[[[[", "[\\"]`, { maxDepth: 1 }), {
    ok: true,
    value: ['\\"[[[[', "[\\"],
  });
});

test("keys are data", () => {
  const parsed = parseJson('{"__proto__":{"a":1}}');
  assert.ok(parsed.ok);
  assert.equal(JSON.stringify(parsed.value), '{"__proto__":{"a":1}}');
});

test("every text is either parsed as JSON.parse parses it, or refused with a reason and a place", () => {
  const pieces = fc.constantFrom(
    ..."{}[],:\"'\\ \n0123456789.eE+-utfnalsr€".split(""),
    "true",
    "null",
    '"a"',
    "1.5",
    "\\u00",
  );
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.json(),
    fc.tuple(fc.json(), fc.nat(), pieces).map(([json, at, piece]) => {
      const cut = at % (json.length + 1);
      return json.slice(0, cut) + piece + json.slice(cut + 1);
    }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      let expected: { value: unknown } | undefined;
      try {
        expected = { value: JSON.parse(text) };
      } catch {
        expected = undefined;
      }
      const parsed = parseJson(text);
      if (expected !== undefined) return assert.deepEqual(parsed, { ok: true, value: expected.value });
      assert.ok(!parsed.ok && parsed.message !== "" && parsed.offset >= 0 && parsed.offset <= text.length);
    }),
    { numRuns: 5000 },
  );
});
