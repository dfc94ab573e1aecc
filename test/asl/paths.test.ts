// Paths: the dialect, the texts of failures, Reference Paths, and the limits.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compilePath, compileReferencePath } from "../../src/asl/paths/index.ts";
import { compileRegex } from "../../src/asl/paths/regex.ts";
import { type Json, fromMembers, isArray, isObject, jsonEquals } from "../../src/base/json.ts";
import { outcome, scopeOf } from "./scope.ts";

const DOCUMENT: Json = {
  a: 1,
  "input-value": 2,
  größe: 3,
  "two words": 4,
  'Test\\""Name"': 5,
  none: null,
  numbers: [1, 2, 3, 6],
  text: "hello",
  items: [
    { k: 1, name: "Ada", tags: ["p", "q"], ok: true },
    { k: 2, name: "Receipt", tags: [], ok: false },
    { k: 3, other: { k: 9 } },
  ],
  wanted: ["Ada", "Bob"],
};
const CONTEXT: Json = { Execution: { Input: { "input-value": 7 } } };
const VARIABLES = { v: { z: [7, 8] }, größe: 1, limit: 2 };

/** What each path reads of DOCUMENT. */
const READS: readonly (readonly [path: string, value: Json])[] = [
  ["$.a", 1],
  ["$['a']", 1],
  ['$["a"]', 1],
  ["$.['a']", 1],
  ["$.input-value", 2],
  ["$.größe", 3],
  ["$['two words']", 4],
  [String.raw`$['Test\""Name"']`, 5],
  ["$.none", null],
  ["$.numbers[0]", 1],
  ["$.numbers.[0]", 1],
  ["$.numbers[-1]", 6],
  ["$.numbers[ 1 ]", 2],
  ["$.numbers[0,2]", [1, 3]],
  ["$.numbers[0, -1, 9]", [1, 6]],
  ["$.numbers[1:3]", [2, 3]],
  ["$.numbers[:2]", [1, 2]],
  ["$.numbers[2:]", [3, 6]],
  ["$.numbers[-2:]", [3, 6]],
  ["$.numbers[:-1]", [1, 2, 3]],
  // Of two bounds Jayway looks up each index between them.
  ["$.numbers[1:-1]", []],
  ["$.numbers[-3:-1]", [2, 3]],
  ["$.numbers[-1:1]", [6, 1]],
  ["$.numbers[-999999999999:1]", [1, 2, 3, 6, 1]],
  ["$.numbers[:]", [1, 2, 3, 6]],
  ["$.numbers[*]", [1, 2, 3, 6]],
  ["$.numbers.*", [1, 2, 3, 6]],
  ["$.a[*]", []],
  ["$.items[*].k", [1, 2, 3]],
  ["$.items[:1].name", ["Ada"]],
  ["$.items[0]['k','name','missing']", { k: 1, name: "Ada" }],
  [
    "$.items[0,1].['k', 'name']",
    [
      { k: 1, name: "Ada" },
      { k: 2, name: "Receipt" },
    ],
  ],
  ["$.items[*].other.*", [9]],
  ["$..k", [1, 2, 3, 9]],
  ["$..other.k", [9]],
  ["$.items[2]..*", [3, { k: 9 }, 9]],
  ["$..[0]", [1, { k: 1, name: "Ada", tags: ["p", "q"], ok: true }, "p", "Ada"]],
  ["$..tags[0]", ["p"]],
  // Indefinite paths read as arrays, also where their beginning is missing (recorded).
  ["$.no.items[1:5].itemValue", []],
  ["$.no[*]", []],
  // Filters
  ["$.items[?(@.k == 1)].name", ["Ada"]],
  ["$.items[?(@.k==1 && (@.name =~ /a.*/i || !@.other))].k", [1]],
  ["$.items[?(@.name==Receipt)].k", [2]],
  ["$.items[?(@.name == 'Receipt')].k", [2]],
  ['$.items[?("Receipt" == @.name)].k', [2]],
  ["$.items[?(@.name)].k", [1, 2]],
  ["$.items[?(!@.name)].k", [3]],
  ["$.items[?(!(@.k > 1))].k", [1]],
  ["$.items[?(@.k != 1)].k", [2, 3]],
  ["$.items[?(@.name != 'Ada')].k", [2, 3]],
  ["$.items[?(@.k > 1 && @.k <= 3)].k", [2, 3]],
  ["$.items[?(@.name < 'B')].k", [1]],
  ["$.items[?(@.name > 1)].k", []],
  ["$.items[?(@.k == '1')].k", [1]],
  ["$.items[?(@.k === '1')].k", []],
  ["$.items[?(@.k !== 1)].k", [2, 3]],
  ["$.items[?(@.ok == true)].k", [1]],
  ["$.items[?(@.missing == null)].k", []],
  ["$.items[?(@.k == $.a)].k", [1]],
  ["$.items[?(@.k == $limit)].k", [2]],
  ["$.items[?(@.k in [1, 3])].k", [1, 3]],
  ["$.items[?(@.name in ['Ada', 'x'])].k", [1]],
  ["$.items[?(@.name in $.wanted)].k", [1]],
  ["$.items[?(@.k NIN [1])].k", [2, 3]],
  ["$.items[?(@.tags subsetof ['p','q','r'])].k", [1, 2]],
  ["$.items[?(@.tags anyof ['q'])].k", [1]],
  ["$.items[?(@.tags noneof ['q'])].k", [2]],
  ["$.items[?(@.tags all ['q'])].k", [1]],
  ["$.items[?(@.tags size 2)].k", [1]],
  ["$.items[?(@.tags empty true)].k", [2]],
  ["$.items[?(@.tags empty false)].k", [1]],
  ["$.items[?(@.tags contains 'p')].k", [1]],
  ["$.items[?(@.name contains 'ecei')].k", [2]],
  ["$.items[?(@.tags[0] == 'p')].k", [1]],
  ["$.items[?(@.tags[?(@ == 'q')])].k", [1]],
  ["$.items[?(@.tags.length() == 2)].k", [1]],
  ["$.numbers[?(@ > 2)]", [3, 6]],
  ["$.[?(@.a > 0)].a", [1]],
  ["$.items[?(@.name =~ /A/)].k", []],
  ["$.items[?(@.name =~ /A[a-z]+/)].k", [1]],
  ["$.items[2].other[?(@.k == 9)]", [{ k: 9 }]],
  ["$..[?(@.k == 9)]", [{ k: 9 }]],
  // Functions
  ["$.items.length()", 3],
  ["$.text.length()", 5],
  ["$.items[0].keys()", ["k", "name", "tags", "ok"]],
  ["$.numbers.min()", 1],
  ["$.numbers.max()", 6],
  ["$.numbers.sum()", 12],
  ["$.numbers.avg()", 3],
  ["$.numbers[0:2].stddev()", 0.5],
  ["$..k.length()", 4],
  ["$.items[?(@.k > 1)].length()", 2],
  ["$.numbers.first()", 1],
  ["$.numbers.last()", 6],
  ["$.numbers.index(1)", 2],
  ["$.wanted.concat()", "AdaBob"],
  ["$.concat($.text, ' ', $.items[0].name)", "hello Ada"],
  ["$.wanted.append('Eve')", ["Ada", "Bob", "Eve"]],
  ["$.sum($.a, $.numbers)", 13],
  // Roots
  ["$$.Execution.Input.input-value", 7],
  ["$v", { z: [7, 8] }],
  ["$v.z[1]", 8],
  ["$größe", 1],
  ["$v.z[?(@ > 7)]", [8]],
];

test("reads values, arrays for indefinite paths, and results of functions", () => {
  const scope = scopeOf(DOCUMENT, CONTEXT, VARIABLES);
  for (const [text, value] of READS) {
    const path = compilePath(text);
    assert.deepEqual(path.read(scope), value, text);
    assert.deepEqual(path.find(scope), value, text);
    assert.equal(path.text, text);
    assert.ok(path.definite || isArray(value), text);
  }
});

const MISSING: readonly (readonly [path: string, why: string])[] = [
  ["$.nope", "No results for path: $['nope']"],
  ["$.no.such.result.path", "Missing property in path $['no']"],
  ["$.items[0].x.y", "Missing property in path $['items'][0]['x']"],
  ["$.a.b", "Property ['b'] not found in path $['a']"],
  ["$.none.b", "Property ['b'] not found in path $['none']"],
  ["$.items[9]", "No results for path: $['items'][9]"],
  ["$.items[-4].k", "No results for path: $['items'][-4]['k']"],
  ["$.items[2].other[0]", "Filter: [0] can only be applied to arrays. Current context is: {k=9}"],
  ["$$.Nope", "No results for path: $['Nope']"],
  ["$v.nope", "No results for path: $['nope']"],
  ["$undefined.a", "The variable 'undefined' has no value"],
  ["$.none.min()", "Aggregation function attempted to calculate value using empty array"],
  ["$.constructor", "No results for path: $['constructor']"],
  ["$.numbers.index(7)", "The array has no item 7"],
];

test("a definite path that finds nothing fails, and says why", () => {
  const scope = scopeOf(DOCUMENT, CONTEXT, VARIABLES);
  for (const [text, why] of MISSING) {
    const path = compilePath(text);
    assert.equal(
      outcome(() => path.read(scope)),
      `States.Runtime: Invalid path '${text}' : ${why}`,
    );
    assert.equal(path.find(scope), undefined, text);
    assert.equal(path.definite, true, text);
  }
});

const INVALID = [
  "",
  "a",
  "@.a",
  " $.a",
  "$.",
  "$..",
  "$.a.",
  "$.a..",
  "$.a b",
  "$.a]",
  "$[",
  "$[]",
  "$['a",
  "$['a' 'b']",
  "$['a',]",
  "$[1,]",
  "$[1:2:3]",
  "$[a]",
  "$.a[?]",
  "$.a[?()]",
  "$.a[?(@.b ==)]",
  "$.a[?(@.b == 1]",
  "$.a[?(1)]",
  "$.a[?(@.b &&)]",
  "$.a[?(@.b like 'x')]",
  "$.a[?(@.b =~ 'x')]",
  "$.a[?(@.b =~ /(x/)]",
  "$.a[(@.length-1)]",
  "$.a.lenth()",
  "$.a.length().b",
  "$.a.index()",
  `$${"[?(".repeat(200)}`,
  `$[?(${"(".repeat(200)}@.a`,
];

test("refuses what is no path", () => {
  for (const text of INVALID) {
    assert.match(String(outcome(() => compilePath(text).text)), /^invalid: /, text.slice(0, 40));
  }
});

const PUTS: readonly (readonly [path: string, input: Json, output: Json])[] = [
  ["$", { a: 1 }, "R"],
  ["$.a", {}, { a: "R" }],
  ["$.a", { a: 1, b: 2 }, { a: "R", b: 2 }],
  ["$.a.b['c d']", { a: { x: 1 } }, { a: { x: 1, b: { "c d": "R" } } }],
  ["$.list[1].x", { list: [{}, { y: 1 }] }, { list: [{}, { y: 1, x: "R" }] }],
  ["$.list[-1]", { list: [1, 2] }, { list: [1, "R"] }],
  ["$[0]", [1], ["R"]],
  ["$.constructor.a", {}, { constructor: { a: "R" } }],
  ["$.a", 5, 'States.ReferencePathConflict: Unable to apply step "a" to input 5'],
  ["$.a.b", { a: 1 }, 'States.ReferencePathConflict: Unable to apply step "b" to input {"a":1}'],
  ["$.a.b", { a: null }, 'States.ReferencePathConflict: Unable to apply step "b" to input {"a":null}'],
  ["$.a", { a: null }, { a: "R" }],
  ["$.a", [], 'States.ReferencePathConflict: Unable to apply step "a" to input []'],
  ["$.a[1]", { a: [1] }, 'States.ReferencePathConflict: Unable to apply step 1 to input {"a":[1]}'],
  ["$.a[0]", {}, "States.ReferencePathConflict: Unable to apply step 0 to input {}"],
];

test("a Reference Path puts a result in its place, and leaves the input as it was", () => {
  for (const [text, input, expected] of PUTS) {
    const before = JSON.stringify(input);
    assert.deepEqual(
      outcome(() => compileReferencePath(text).put(input, "R")),
      expected,
      text,
    );
    assert.equal(JSON.stringify(input), before);
  }
  assert.equal(compileReferencePath("$").isRoot, true);
  assert.equal(compileReferencePath("$.a").isRoot, false);
  const put = compileReferencePath("$.__proto__.x").put({}, 1);
  assert.equal(JSON.stringify(put), '{"__proto__":{"x":1}}');
});

test("a Reference Path names one place of the document only", () => {
  for (const text of [
    "$.*",
    "$..a",
    "$[0,1]",
    "$['a','b']",
    "$[1:]",
    "$.a[?(@.b)]",
    "$.a.length()",
    "$$.a",
    "$v.a",
  ]) {
    assert.match(
      String(outcome(() => compileReferencePath(text).text)),
      /^invalid: .*is not a Reference Path/,
      text,
    );
  }
});

test("documents may be deep, and results may not explode", () => {
  let deep: Json = { k: 0 };
  for (let i = 1; i < 1000; i++) deep = i % 2 === 0 ? { k: i, next: deep } : [deep];
  const found = compilePath("$..k").read(scopeOf(deep));
  assert.equal(isArray(found) && found.length, 500);
  const explosive = compilePath("$..*..*..*..*");
  assert.equal(
    outcome(() => explosive.read(scopeOf(deep))),
    "States.Runtime: A path visits too many values of its document",
  );
});

test("mentions each variable once", () => {
  assert.deepEqual(compilePath("$v.z[?(@.a == $w.b || @.c == $v || @.d == $$.x || @.e == $.v)]").variables, [
    "v",
    "w",
  ]);
});

const REGEXES: readonly (readonly [source: string, flags: string, matching: string[], others: string[]])[] = [
  ["abc", "", ["abc"], ["ab", "abcd", "ABC"]],
  ["a|b+|", "", ["a", "bb", ""], ["ab"]],
  ["ABC", "i", ["abc"], []],
  ["[a-c]+[^x]?", "", ["abcd", "a"], ["x"]],
  [String.raw`\d{2,3}-\w*`, "", ["12-ab", "123-"], ["1-a", "1234-a"]],
  ["(ab){2}", "", ["abab"], ["ab", "ababab"]],
  ["(?:a{0,2}b)*?", "", ["", "aabb"], ["aaab"]],
  ["^a.b$", "", ["axb", "a😀b"], ["a\nb", "ab"]],
  [".*", "s", ["a\nb"], []],
  [String.raw`\p{Lu}+`, "u", ["ÄB"], ["ä"]],
  [String.raw`a\.b\/c`, "", ["a.b/c"], ["axb/c"]],
  [String.raw`\bcat\b.*`, "", ["cat nap"], ["cats"]],
  [String.raw`[\]a-]*`, "", ["]a-"], ["b"]],
];

test("regular expressions match the whole text", () => {
  for (const [source, flags, matching, others] of REGEXES) {
    const regex = compileRegex(source, flags);
    for (const text of matching)
      assert.equal(regex.matches(text), true, `/${source}/ on ${JSON.stringify(text)}`);
    for (const text of others)
      assert.equal(regex.matches(text), false, `/${source}/ on ${JSON.stringify(text)}`);
  }
});

test("regular expressions that need backtracking, or too many states, do not compile", () => {
  for (const source of [
    "(?=a)",
    "(?<!a)",
    String.raw`(a)\1`,
    "a++",
    "(?>a)",
    "a**",
    "(",
    ")",
    "[",
    "*",
    "a{9999}",
    "(a{30}){30}",
    "a{2,1}",
  ]) {
    assert.match(String(outcome(() => compileRegex(source, "").size)), /^invalid: /, source);
  }
});

test("regular expressions that make backtracking matchers hang take linear time", () => {
  for (const source of ["(a+)+", "(a|a)*", "(a*)*b", "(.*a){12}"])
    compileRegex(source, "").matches(`${"a".repeat(20_000)}!`);
});

test("regular expressions agree with RegExp", () => {
  const part = fc.constantFrom("a", "b", "ab", "[ab]", "[^a]", ".", "(a|b)", "(?:ab)", String.raw`\w`);
  const pattern = fc
    .array(fc.tuple(part, fc.constantFrom("", "*", "+", "?", "{2}", "{1,2}", "{1,}", "|")), { maxLength: 5 })
    .map((parts) => parts.map(([atom, times]) => atom + times).join(""));
  fc.assert(
    fc.property(pattern, fc.stringMatching(/^[abc]{0,8}$/), (source, text) => {
      assert.equal(
        compileRegex(source, "").matches(text),
        new RegExp(`^(?:${source})$`, "su").test(text),
        `/${source}/ on ${text}`,
      );
    }),
    { numRuns: 2000 },
  );
});

// Random paths against an evaluator that follows the definitions literally.

type Simple =
  | { kind: "member"; name: string }
  | { kind: "index"; index: number }
  | { kind: "wildcard" }
  | { kind: "slice"; from: number; to: number };

function naive(steps: readonly { step: Simple; deep: boolean }[], document: Json): Json[] {
  let values: Json[] = [document];
  for (const { step, deep } of steps) {
    const bases = deep ? values.flatMap(selfAndBelow) : values;
    values = bases.flatMap((value) => naiveStep(step, value));
  }
  return values;
}

function selfAndBelow(value: Json): Json[] {
  return [value, ...naiveStep({ kind: "wildcard" }, value).flatMap(selfAndBelow)];
}

function naiveStep(step: Simple, value: Json): Json[] {
  if (step.kind === "wildcard")
    return isArray(value) ? [...value] : isObject(value) ? Object.values(value) : [];
  if (step.kind === "member")
    return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name] ?? null] : [];
  if (!isArray(value)) return [];
  if (step.kind === "slice") {
    const indexes = Array.from({ length: 7 }, (_, i) => i - 3).filter((i) => i >= step.from && i < step.to);
    return indexes.map((i) => value.at(i)).filter((item) => item !== undefined);
  }
  return value.filter((_, i) => i === step.index || i - value.length === step.index);
}

function textOf(step: Simple): string {
  if (step.kind === "member") return `['${step.name}']`;
  if (step.kind === "index") return `[${step.index}]`;
  return step.kind === "wildcard" ? "[*]" : `[${step.from}:${step.to}]`;
}

const names = fc.constantFrom("a", "b", "__proto__", "constructor", "größe");
const { document: documents } = fc.letrec<{ document: Json }>((tie) => ({
  document: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Json>(null, 1, "x", true),
    fc.array(tie("document"), { maxLength: 3 }),
    fc.array(fc.tuple(names, tie("document")), { maxLength: 3 }).map(fromMembers),
  ),
}));
const simpleSteps: fc.Arbitrary<Simple> = fc.oneof(
  names.map((name) => ({ kind: "member" as const, name })),
  fc.integer({ min: -3, max: 3 }).map((index) => ({ kind: "index" as const, index })),
  fc.constant({ kind: "wildcard" as const }),
  fc
    .tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 }))
    .map(([from, to]) => ({ kind: "slice" as const, from, to })),
);

test("agrees with a naive evaluator", () => {
  const steps = fc.array(fc.record({ step: simpleSteps, deep: fc.boolean() }), { maxLength: 4 });
  fc.assert(
    fc.property(steps, documents, (chosen, document) => {
      const text = `$${chosen.map(({ step, deep }) => (deep ? ".." : "") + textOf(step)).join("")}`;
      const path = compilePath(text);
      const expected = naive(chosen, document);
      const found = path.find(scopeOf(document));
      if (!path.definite) return assert.equal(JSON.stringify(found), JSON.stringify(expected), text);
      assert.equal(JSON.stringify(found), JSON.stringify(expected[0]), text);
    }),
    { numRuns: 3000 },
  );
});

test("what a Reference Path puts, the same path reads", () => {
  const keys = fc.array(fc.oneof(names, fc.nat({ max: 2 })), { maxLength: 4 });
  fc.assert(
    fc.property(keys, documents, documents, (chosen, document, result) => {
      const text = `$${chosen.map((key) => (typeof key === "string" ? `['${key}']` : `[${key}]`)).join("")}`;
      const before = JSON.stringify(document);
      const output = outcome(() => compileReferencePath(text).put(document, result));
      assert.equal(JSON.stringify(document), before);
      if (typeof output === "string" && output.startsWith("States.ReferencePathConflict")) return;
      assert.ok(jsonEquals(compilePath(text).read(scopeOf(output)), result), text);
    }),
    { numRuns: 2000 },
  );
});

test("any text either compiles or is refused with a reason", () => {
  const pieces = fc.constantFrom(
    "$",
    "$$",
    "@",
    ".",
    "..",
    "*",
    "[",
    "]",
    "(",
    ")",
    "?",
    "?(@.a",
    "'",
    '"',
    "a",
    "0",
    "-1",
    ":",
    ",",
    " ",
    "==",
    "&&",
    "||",
    "!",
    "=~",
    "/a/",
    "in ",
    "\\",
    "length()",
    "v",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), documents, (parts, document) => {
      const text = `$${parts.join("")}`;
      const compiled = outcome(() => (compilePath(text).definite ? "yes" : "no"));
      if (typeof compiled === "string" && compiled.startsWith("invalid: ")) return;
      const found = compilePath(text).find(scopeOf(document));
      assert.ok(compiled === "yes" || found === undefined || isArray(found), text);
    }),
    { numRuns: 5000 },
  );
});
