// Intrinsic functions: values, failures, syntax; digests and Base64 against Node's.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { base64Decode, base64Encode, utf8Decode, utf8Encode } from "../../src/asl/intrinsics/bytes.ts";
import { HASH_ALGORITHMS, digestHex } from "../../src/asl/intrinsics/digest.ts";
import { compileIntrinsic } from "../../src/asl/intrinsics/index.ts";
import { InvalidExpression } from "../../src/asl/invalid-expression.ts";
import type { Json } from "../../src/base/json.ts";
import { outcome, scopeOf } from "./scope.ts";

const OBJECT: Json = { Arg1: 1, Arg2: [] };
const INPUT: Json = {
  a: 1,
  half: -1.5,
  text: "hello",
  none: null,
  empty: [],
  list: [1, 2, 3, 4, 5],
  mixed: [[1, 2, 3], 2, OBJECT],
  object: OBJECT,
  template: "n={}",
  "odd, name)": "odd",
};

const VALUES: readonly (readonly [call: string, value: Json])[] = [
  ["States.Array()", []],
  ["States.Array(1, 'b', true, null, $.object)", [1, "b", true, null, OBJECT]],
  ["States.Array(-1.5, 2e3, false)", [-1.5, 2000, false]],
  ["  States.Array( 1 , 2 ) ".trim(), [1, 2]],
  ["States.Array($['odd, name)'], $.list[?(@ > 4)], $.list.length())", ["odd", [5], 5]],
  ["States.Array($$.Execution.Id, $v.x)", ["id", 9]],
  ["States.ArrayPartition($.list, 2)", [[1, 2], [3, 4], [5]]],
  ["States.ArrayPartition($.list, 2.9)", [[1, 2], [3, 4], [5]]],
  ["States.ArrayPartition($.list, 9)", [[1, 2, 3, 4, 5]]],
  ["States.ArrayPartition($.empty, 3)", []],
  ["States.ArrayContains($.mixed, States.Array(1, 2, 3))", true],
  ["States.ArrayContains($.mixed, $.object)", true],
  ["States.ArrayContains($.mixed, 1)", false],
  ["States.ArrayContains($.empty, null)", false],
  ["States.ArrayRange(0, 10, 3)", [0, 3, 6, 9]],
  ["States.ArrayRange(1, 9, 9)", [1]],
  ["States.ArrayRange(5, 1, -2)", [5, 3, 1]],
  ["States.ArrayRange(1, 5, -1)", []],
  ["States.ArrayRange(-1, 1, 1)", [-1, 0, 1]],
  ["States.ArrayRange(1.6, 1.4, 1)", [1]],
  ["States.ArrayGetItem($.list, 4)", 5],
  ["States.ArrayLength($.mixed)", 3],
  [
    "States.ArrayUnique(States.Array(1, 1.0, '1', null, null, $.object, $.object, $.empty))",
    [1, "1", null, OBJECT, []],
  ],
  ["States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="],
  ["States.Base64Encode('')", ""],
  ["States.Base64Encode('é😀')", "w6nwn5iA"],
  ["States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"],
  ["States.Base64Decode('RGF0\nYQ')", "Data"],
  ["States.Base64Decode('')", ""],
  ["States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"],
  ["States.Hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"],
  ["States.Hash(123, 'SHA-256')", createHash("sha256").update("123").digest("hex")],
  [
    'States.JsonMerge($.object, States.StringToJson(\'{"Arg1": {"b": 2}, "c": 3}\'), false)',
    { Arg1: { b: 2 }, Arg2: [], c: 3 },
  ],
  ["States.StringToJson('[1, \"a\"]')", [1, "a"]],
  ["States.StringToJson('')", null],
  ["States.StringToJson(' ')", null],
  ["States.StringToJson('-0')", 0],
  ["States.JsonToString($.object)", '{"Arg1":1,"Arg2":[]}'],
  ["States.JsonToString(null)", "null"],
  ["States.JsonToString('a')", '"a"'],
  ["States.MathAdd(1.49, 1.5)", 3],
  ["States.MathAdd($.half, 0)", -1],
  ["States.MathAdd(-1.51, 0)", -2],
  ["States.MathAdd(-0.5, 0)", 0],
  ["States.MathAdd(2147483646, 1)", 2147483647],
  ["States.MathAdd($.list[2], -1)", 2],
  ["States.StringSplit('1,2,3', ',')", ["1", "2", "3"]],
  ["States.StringSplit(' , ', ',')", [" ", " "]],
  ["States.StringSplit(',,,,', ',')", []],
  ["States.StringSplit('This.is+a,test=string', '.+,=')", ["This", "is", "a", "test", "string"]],
  ["States.StringSplit('a\nb', '\n')", ["a", "b"]],
  ["States.StringSplit('abc', '')", ["abc"]],
  ["States.Format('no placeholders')", "no placeholders"],
  ["States.Format('{} {} {} {} {}', 'a', 1, 1.1, true, null)", "a 1 1.1 true null"],
  ["States.Format('{} {}', $.object, $.mixed)", "{Arg1=1, Arg2=[]} [[1, 2, 3], 2, {Arg1=1, Arg2=[]}]"],
  ["States.Format($.template, 1)", "n=1"],
  [String.raw`States.Format('\{{}\} it\'s \\ \{\}', 1)`, String.raw`{1} it's \ {}`],
  [String.raw`States.Array('it\'s \{\} \\')`, [String.raw`it's {} \ `.trim()]],
  ["States.Format('{}', 12345678.5)", "1.23456785E7"],
  ["States.ArrayGetItem(States.StringSplit('a-b', '-'), 1)", "b"],
];

test("functions give their values", () => {
  const scope = scopeOf(INPUT, { Execution: { Id: "id" } }, { v: { x: 9 } });
  for (const [text, value] of VALUES) {
    assert.deepEqual(
      outcome(() => compileIntrinsic(text).evaluate(scope)),
      value,
      text,
    );
  }
});

const FAILURES: readonly (readonly [call: string, reason: string])[] = [
  ["States.ArrayPartition($.text, 2)", "Invalid arguments in States.ArrayPartition: an array is needed"],
  [
    "States.ArrayPartition($.list, 0.9)",
    "Invalid arguments in States.ArrayPartition: the size of a part must be a positive integer",
  ],
  ["States.ArrayRange(1, 1001, 1)", "Invalid arguments in States.ArrayRange: a range has at most 1000 items"],
  ["States.ArrayRange(1, 10, 0)", "Invalid arguments in States.ArrayRange: the step must not be zero"],
  [
    "States.ArrayGetItem($.list, 5)",
    "Invalid arguments in States.ArrayGetItem: the array has 5 items, and none at 5",
  ],
  [
    "States.ArrayGetItem($.list, -1)",
    "Invalid arguments in States.ArrayGetItem: the array has 5 items, and none at -1",
  ],
  ["States.ArrayLength($.text)", "Invalid arguments in States.ArrayLength: an array is needed"],
  ["States.ArrayUnique(1)", "Invalid arguments in States.ArrayUnique: an array is needed"],
  ["States.Base64Encode(1)", "Invalid arguments in States.Base64Encode: a string is needed"],
  ["States.Base64Decode('A')", "Invalid arguments in States.Base64Decode: the string is not Base64"],
  [
    "States.Hash('a', 'sha1')",
    "Invalid arguments in States.Hash: the algorithm must be one of [MD5, SHA-1, SHA-256, SHA-384, SHA-512]",
  ],
  [
    "States.JsonMerge($.object, $.list, false)",
    "Invalid arguments in States.JsonMerge: two objects are needed",
  ],
  [
    "States.JsonMerge($.object, $.object, true)",
    "Invalid arguments in States.JsonMerge: only the shallow merge is supported: the third argument must be false",
  ],
  [
    "States.StringToJson('{x}')",
    "Invalid arguments in States.StringToJson: the string is not JSON: Unexpected character ('x' (code 120)): was expecting double-quote to start field name",
  ],
  [
    "States.MathAdd(2147483647, 1)",
    "Invalid arguments in States.MathAdd: numbers and their sum must be from -2147483648 to 2147483647",
  ],
  ["States.MathAdd('1', 1)", "Invalid arguments in States.MathAdd: two numbers are needed"],
  ["States.MathRandom(1, 1)", "Invalid arguments in States.MathRandom: the start must be less than the end"],
  ["States.MathRandom(1, 10, null)", "Invalid arguments in States.MathRandom: the seed must be a number"],
  ["States.StringSplit(null, ',')", "Invalid arguments in States.StringSplit: two strings are needed"],
  [
    "States.Format('{}')",
    "Invalid arguments in States.Format: number of arguments (0 for 1 occurrences of {}) does not match",
  ],
  ["States.Format('{', 1)", "Invalid template in States.Format: matching '}' not found for '{'."],
  ["States.Format('}')", "Invalid template in States.Format: matching '{' not found for '}'."],
  ["States.Format($.a)", "Invalid arguments in States.Format: the template must be a string"],
  ["States.Array(States.MathAdd(null, 1))", "Invalid arguments in States.MathAdd: two numbers are needed"],
];

test("functions fail with the text of the whole call", () => {
  for (const [text, reason] of FAILURES) {
    assert.equal(
      outcome(() => compileIntrinsic(text).evaluate(scopeOf(INPUT))),
      `States.IntrinsicFailure: The function '${text}' had the following error: ${reason}`,
    );
  }
});

test("an argument that is not there fails as a path does", () => {
  const scope = scopeOf({ other: 1, items: [1] });
  for (const [text, path] of [
    ["States.Format('{}',$.nope)", "$.nope"],
    ["States.Format('{}', States.Array($.items[5]))", "$.items[5]"],
    ["States.Format($.nope, 1)", "$.nope"],
  ]) {
    assert.equal(
      outcome(() => compileIntrinsic(text ?? "").evaluate(scope)),
      `States.Runtime: The function '${text}' had the following error: The JsonPath argument for the field '${path}' could not be found in the input '{"other":1,"items":[1]}'`,
    );
  }
});

const nested = (levels: number): string => `${"States.Array(".repeat(levels)}1${")".repeat(levels)}`;

const INVALID = [
  "States.Nope()",
  "States.format('x')",
  "States.UUID",
  "States.UUID(",
  "States.UUID(1)",
  "States.UUID() x",
  "States.Array(1,)",
  "States.Array(,1)",
  "States.Array(1 2)",
  "States.Array(abc)",
  "States.Array(01)",
  "States.Array(1e999)",
  'States.Array("a")',
  "States.Array('a)",
  "States.Array($.a[)",
  "States.Array([1])",
  "States.MathAdd(1)",
  "States.MathRandom(1, 2, 3, 4)",
  "States.Format()",
  String.raw`States.Format('He said, \"Hello, {}!\"', 'Test \"Name\" Here')`,
  String.raw`States.Format('\')`,
  String.raw`States.Format('\n')`,
  nested(11),
];

test("calls that could never succeed do not compile", () => {
  for (const text of INVALID) {
    assert.match(String(outcome(() => compileIntrinsic(text).evaluate(scopeOf(INPUT)))), /^invalid: /, text);
  }
  assert.ok(compileIntrinsic(nested(10)).evaluate(scopeOf(INPUT)));
});

test("MathRandom stays within its bounds, and repeats itself for a seed", () => {
  const scope = scopeOf(INPUT);
  const call = (text: string): Json => compileIntrinsic(text).evaluate(scope);
  const drawn = new Set<Json>();
  for (let i = 0; i < 200; i++) drawn.add(call("States.MathRandom(-2, 2)"));
  assert.deepEqual(drawn, new Set([-2, -1, 0, 1]));
  assert.equal(call("States.MathRandom(1, 1000000, 42)"), call("States.MathRandom(1, 1000000, 42)"));
  assert.notEqual(call("States.MathRandom(1, 1000000, 42)"), call("States.MathRandom(1, 1000000, 43)"));
});

test("UUID gives version 4, from the scope's randomness", () => {
  const uuid = compileIntrinsic("States.UUID()");
  const scope = scopeOf(INPUT);
  const first = uuid.evaluate(scope);
  assert.match(String(first), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(uuid.evaluate(scope), first);
  assert.equal(uuid.evaluate(scopeOf(INPUT)), first);
});

test("digests are those of Node, around the lengths of blocks and for long data", () => {
  const lengths = [0, 1, 3, 55, 56, 57, 63, 64, 65, 111, 112, 113, 119, 120, 127, 128, 129, 1000, 30_000];
  let checked = 0;
  for (const algorithm of HASH_ALGORITHMS) {
    const name = algorithm.toLowerCase().replace("sha-", "sha");
    for (const length of lengths) {
      const data = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff);
      assert.equal(
        digestHex(algorithm, data),
        createHash(name).update(data).digest("hex"),
        `${algorithm} ${length}`,
      );
      checked += 1;
    }
  }
  assert.equal(checked, 95);
});

test("UTF-8 and Base64 are those of Node", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.string({ unit: "grapheme" }), (bytes, text) => {
      assert.equal(base64Encode(bytes), Buffer.from(bytes).toString("base64"));
      assert.deepEqual(base64Decode(base64Encode(bytes)), Uint8Array.from(bytes));
      assert.equal(utf8Decode(bytes), new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
      assert.deepEqual(utf8Encode(text), Uint8Array.from(new TextEncoder().encode(text)));
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(utf8Encode("\ud800x"), Uint8Array.from([0x3f, 0x78]));
});

test("any text either compiles or is refused", () => {
  const pieces = fc.constantFrom(
    "States.",
    "Format",
    "Array",
    "(",
    ")",
    ",",
    "'",
    "a",
    "\\",
    "{}",
    "$",
    "$.a",
    "[",
    "]",
    "1",
    "null",
    " ",
    "$$",
    "$v",
    "States.Array(",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        compileIntrinsic(`States.Array(${parts.join("")}`);
      } catch (error) {
        assert.ok(error instanceof InvalidExpression, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});
