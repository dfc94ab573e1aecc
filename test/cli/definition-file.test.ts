// Definitions as files: the JSON that YAML means, and the way back to its lines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Position, readDefinition } from "../../src/cli/definition-file.ts";

interface YamlCase {
  readonly name: string;
  readonly yaml: string;
  readonly json: string;
}

const YAML: readonly YamlCase[] = [
  {
    name: "block maps and lists",
    yaml: "a:\n  - 1\n  - x\nb: {c: true, d: null}\n",
    json: '{"a":[1,"x"],"b":{"c":true,"d":null}}',
  },
  {
    name: "text that looks like something else stays text",
    yaml: "a: '1'\nb: 2024-01-01\nc: on\nd: ''\n",
    json: '{"a":"1","b":"2024-01-01","c":"on","d":""}',
  },
  {
    name: "block text",
    yaml: "a: |\n  one\n  two\nb: >-\n  three\n  four\n",
    json: '{"a":"one\\ntwo\\n","b":"three four"}',
  },
  { name: "keys that are numbers", yaml: "1: a\ntrue: b\n", json: '{"1":"a","true":"b"}' },
  { name: "anchors are written out", yaml: "a: &x {n: 1}\nb: *x\n", json: '{"a":{"n":1},"b":{"n":1}}' },
  {
    name: "merged maps give way to what is written",
    yaml: "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist:\n  <<: [*b, {z: 9, x: 8}]\n",
    json: '{"base":{"x":1,"y":2},"use":{"y":3,"x":1},"list":{"x":1,"y":2,"z":9}}',
  },
  {
    name: "keys that are dangerous elsewhere",
    yaml: "__proto__: {a: 1}\nconstructor: 2\n",
    json: '{"__proto__":{"a":1},"constructor":2}',
  },
  { name: "JSON is YAML", yaml: '{"a": [1, {"b": "c"}]}', json: '{"a":[1,{"b":"c"}]}' },
  { name: "an empty file", yaml: "", json: "null" },
];

for (const { name, yaml, json } of YAML) {
  test(`YAML: ${name}`, () => {
    const definition = readDefinition("x.asl.yaml", yaml);
    assert.deepEqual(definition.faults, []);
    assert.equal(definition.json, json);
  });
}

interface FaultCase {
  readonly name: string;
  readonly yaml: string;
  readonly line: number;
  readonly column: number;
  readonly message: RegExp;
}

const FAULTS: readonly FaultCase[] = [
  { name: "no YAML", yaml: "a: [1,\nb: 2\n", line: 2, column: 1, message: /./ },
  { name: "the same key twice", yaml: "a: 1\nb: 2\na: 3\n", line: 3, column: 1, message: /unique/ },
  {
    name: "a number that JSON has not",
    yaml: "a: 1\nb: .nan\n",
    line: 2,
    column: 4,
    message: /^JSON has no number NaN$/,
  },
  {
    name: "a key that is a list",
    yaml: "? [a]\n: 1\n",
    line: 1,
    column: 3,
    message: /^a key must be plain text$/,
  },
  {
    name: "an anchor that contains itself",
    yaml: "a: &x\n  b: *x\n",
    line: 2,
    column: 6,
    message: /contains itself|Unresolved alias/,
  },
  { name: "an anchor that is nowhere", yaml: "a: *x\n", line: 1, column: 4, message: /x/ },
  { name: "merging what is no map", yaml: "a:\n  <<: 1\n", line: 2, column: 3, message: /takes a map/ },
];

for (const { name, yaml, line, column, message } of FAULTS) {
  test(`YAML is refused: ${name}`, () => {
    const { json, faults } = readDefinition("x.asl.yml", yaml);
    assert.equal(json, undefined);
    const errors = faults.filter(({ severity }) => severity === "ERROR");
    assert.ok(errors.length > 0);
    assert.match(errors[0]?.message ?? "", message);
    assert.deepEqual({ line: errors[0]?.line, column: errors[0]?.column }, { line, column });
  });
}

test("nested aliases cannot make a small file large", () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`,
  );
  const { json, faults } = readDefinition("x.asl.yaml", `l0: &l0 [x]\n${levels.join("\n")}\n`);
  assert.equal(json, undefined);
  assert.equal(faults.at(-1)?.message, "the definition is larger than 4 MiB");
});

test("a tag that means something elsewhere is pointed out", () => {
  const { faults } = readDefinition("x.asl.yaml", "a: !Sub '${x}'\n");
  assert.deepEqual(
    faults.map(({ severity, line, column }) => ({ severity, line, column })),
    [{ severity: "WARNING", line: 1, column: 4 }],
  );
});

const SOURCE = [
  "# a comment",
  "StartAt: First",
  "States:",
  "  First:",
  "    Type: Task # why not",
  "    Parameters: &p",
  "      'a key': \"t\\u0065xt\"",
  "    End: true",
  "  Second:",
  "    Type: Wait",
  "    Parameters: *p",
  "",
].join("\n");

const PLACES: readonly (readonly [string, string, Position])[] = [
  ["the document", "{", { line: 2, column: 1 }],
  ["a key", '"StartAt"', { line: 2, column: 1 }],
  ["a value", '"First",', { line: 2, column: 10 }],
  ["a nested key", '"Type":"Task"', { line: 5, column: 5 }],
  ["a nested value", '"Task"', { line: 5, column: 11 }],
  ["a quoted key", '"a key"', { line: 7, column: 7 }],
  ["the middle of a quoted value", 'xt"', { line: 7, column: 16 }],
  ["a value after an anchor", "true", { line: 8, column: 10 }],
  ["a state", '"Second"', { line: 9, column: 3 }],
];

for (const [name, piece, expected] of PLACES) {
  test(`an offset in the JSON leads back to the YAML: ${name}`, () => {
    const definition = readDefinition("x.asl.yaml", SOURCE);
    const offset = definition.json?.indexOf(piece) ?? -1;
    assert.ok(offset >= 0);
    assert.deepEqual(definition.positionOf({ offset, location: "/" }), expected);
  });
}

const POINTERS: readonly (readonly [string, Position])[] = [
  ["/", { line: 2, column: 1 }],
  ["/States/First/Type", { line: 5, column: 5 }],
  ["/States/First/Nothing/There", { line: 4, column: 3 }],
];
for (const [location, expected] of POINTERS) {
  test(`without an offset the location ${location} is found`, () => {
    assert.deepEqual(readDefinition("x.asl.yaml", SOURCE).positionOf({ location }), expected);
  });
}

test("JSON goes through as it is, and its places are its own", () => {
  const text = '\ufeff{\n  "StartAt": "A",\n  "States": {\n    "A": {"Type": "Pass"}\n  }\n}\n';
  const definition = readDefinition("x.asl.json", text);
  assert.equal(definition.json, text.slice(1));
  const offset = text.slice(1).indexOf('"Pass"');
  assert.deepEqual(definition.positionOf({ offset, location: "/" }), { line: 4, column: 19 });
  assert.deepEqual(definition.positionOf({ location: "/States/A" }), { line: 4, column: 5 });
});
