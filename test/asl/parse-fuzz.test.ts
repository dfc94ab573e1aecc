// Hostile and broken definitions: never a throw, always a program or an error, and in linear time.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { parse, parseState } from "../../src/asl/parse.ts";
import { locate, survey } from "../../src/asl/parse/text-scan.ts";

const directory = new URL("./definitions/", import.meta.url);
const samples: readonly string[] = readdirSync(directory)
  .filter((name) => name.endsWith(".asl.json"))
  .map((name) => readFileSync(new URL(name, directory), "utf8"));

/** The two things that must hold for every text (P1, P2). */
function check(text: string): boolean {
  const { program, diagnostics } = parse(text);
  const hasError = diagnostics.some(({ severity }) => severity === "ERROR");
  assert.equal(program === undefined, hasError, text);
  return program !== undefined;
}

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

/** Replaces, removes or doubles one member or element, chosen by `pick` (each in [0, 1)). */
function mutate(tree: Tree, pick: readonly number[], strange: Tree): Tree {
  let at: Tree = tree;
  for (const [level, random] of pick.entries()) {
    if (typeof at !== "object" || at === null) return tree;
    const keys = Object.keys(at);
    const key = keys[Math.floor(random * keys.length)];
    if (key === undefined) return tree;
    const node = at as { [key: string]: Tree };
    const isLast = level === pick.length - 1 || typeof node[key] !== "object" || node[key] === null;
    if (!isLast) {
      at = node[key] as Tree;
      continue;
    }
    const action = Math.floor(random * 997) % 4;
    if (action === 0) delete node[key];
    else if (action === 1) node[key] = strange;
    else if (action === 2) node[`${key}x`] = node[key] as Tree;
    else node[key] = [node[key] as Tree, strange];
    return tree;
  }
  return tree;
}

const strange: fc.Arbitrary<Tree> = fc.oneof(
  fc.constantFrom<Tree>(null, true, -1, 1.5, 1e300, "", "$", "$.a[", "States.Format(", "{% $x %}", "JSONata"),
  fc.constantFrom<Tree>({}, [], [null], { a: 1 }, { "x.$": 1 }, { "x.$": "$[?(@" }, "__proto__", "Charge"),
  fc.string({ maxLength: 12 }),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Tree>,
);

test("10,000 mutated definitions give a program or an error each", () => {
  let programs = 0;
  let runs = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.array(
        fc.tuple(
          fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
            minLength: 1,
            maxLength: 9,
          }),
          strange,
        ),
        { minLength: 1, maxLength: 3 },
      ),
      (sample, mutations) => {
        let tree = JSON.parse(sample) as Tree;
        for (const [pick, value] of mutations) tree = mutate(tree, pick, value);
        runs += 1;
        if (check(JSON.stringify(tree))) programs += 1;
      },
    ),
    { numRuns: 10_000 },
  );
  assert.ok(runs >= 10_000);
  // Both outcomes are met, so the mutations neither miss nor destroy everything.
  assert.ok(programs > 100 && programs < runs - 100, `${programs} programs`);
});

test("cut and spoiled texts give an error each", () => {
  let runs = 0;
  for (const sample of samples) {
    for (let at = 0; at < sample.length; at += 13) {
      check(sample.slice(0, at));
      check(`${sample.slice(0, at)}}${sample.slice(at)}`);
      check(`${sample.slice(0, at)}"${sample.slice(at + 1)}`);
      runs += 1;
    }
  }
  assert.ok(runs > 100);
});

test("any JSON value is judged, as a machine and as a state", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      check(text);
      const { program, diagnostics } = parseState(text, "X");
      assert.equal(
        program === undefined,
        diagnostics.some(({ severity }) => severity === "ERROR"),
      );
    }),
    { numRuns: 500 },
  );
});

const prefix = '{"StartAt":"s0","States":{';
const many = (count: number, state: (index: number) => string): string =>
  `${prefix}${Array.from({ length: count }, (_, index) => `"s${index}":${state(index)}`).join(",")}}}`;

const hostile: readonly (readonly [name: string, text: string])[] = [
  [
    "20,000 states in a row",
    many(20_000, (i) => (i === 19_999 ? '{"Type":"Succeed"}' : `{"Type":"Pass","Next":"s${i + 1}"}`)),
  ],
  ["20,000 states that all lead to misspelt names", many(20_000, (i) => `{"Type":"Pass","Next":"t${i}"}`)],
  ["20,000 states without a type", many(20_000, () => "{}")],
  ["60,000 unknown fields", `{${Array.from({ length: 60_000 }, (_, i) => `"f${i}":0`).join(",")}}`],
  [
    "the same state 30,000 times",
    `${prefix}${'"s0":{"Type":"Succeed"},'.repeat(30_000)}"s0":{"Type":"Succeed"}}}`,
  ],
  ["a million brackets", "[".repeat(1_000_000)],
  [
    "nested arrays in a Result",
    `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":${"[".repeat(4000)}${"]".repeat(4000)},"End":true}}}`,
  ],
  ["a long row of backslashes", `{"Comment":"${"\\\\".repeat(500_000)}"}`],
];

for (const [name, text] of hostile) {
  test(`hostile: ${name}`, () => {
    const start = performance.now();
    check(text);
    // Generous: linear work on 1 MiB takes well under a second here, quadratic work takes minutes.
    assert.ok(performance.now() - start < 5000);
  });
}

test("places in the text are found for every value, and its nesting is measured", () => {
  let places = 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const wanted: { path: (string | number)[]; text: string }[] = [];
      const depth = collect(value as Tree, [], wanted);
      const offsets = locate(
        text,
        wanted.map(({ path }) => path),
      );
      for (const [index, { text: expected }] of wanted.entries()) {
        const offset = offsets[index] ?? -1;
        assert.ok(offset >= 0 && text.startsWith(expected, offset), `${text} ${expected} at ${offset}`);
        places += 1;
      }
      assert.equal(survey(text).depth, depth);
      assert.deepEqual(survey(text).duplicates, []);
    }),
    { numRuns: 500 },
  );
  assert.ok(places > 500);
});

/** What must stand at each place (a member's key, else how the value begins); answers the depth of `tree`. */
function collect(
  tree: Tree,
  path: (string | number)[],
  into: { path: (string | number)[]; text: string }[],
): number {
  const last = path.at(-1);
  into.push({ path, text: typeof last === "string" ? JSON.stringify(last) : JSON.stringify(tree).charAt(0) });
  if (typeof tree !== "object" || tree === null) return 0;
  const inner = Array.isArray(tree)
    ? tree.map((element, index) => collect(element, [...path, index], into))
    : Object.entries(tree).map(([key, member]) => collect(member, [...path, key], into));
  return 1 + Math.max(0, ...inner);
}
