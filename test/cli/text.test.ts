// Text for terminals.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  COLOURS,
  columnsOf,
  duration,
  fit,
  NO_COLOURS,
  paletteFor,
  printable,
  printableLines,
  table,
} from "../../src/cli/text.ts";

const PRINTABLE: readonly (readonly [string, string, string])[] = [
  ["plain text stays", "Grüße, 世界 🎉", "Grüße, 世界 🎉"],
  ["escape sequences become visible", "\u001b]0;title\u0007", "\\u001b]0;title\\u0007"],
  ["line breaks and tabs are short", "a\r\n\tb", "a\\r\\n\\tb"],
  ["C1 controls and DEL", "\u009b2J\u007f", "\\u009b2J\\u007f"],
  ["direction marks", "\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"],
  ["line separators", "\u2028\u2029", "\\u2028\\u2029"],
  ["half a surrogate pair", "\ud83dx", "\\ud83dx"],
  ["tag characters", "\u{e0041}", "\\u{e0041}"],
];
for (const [name, text, expected] of PRINTABLE) {
  test(`printable: ${name}`, () => assert.equal(printable(text), expected));
}

test("several lines keep their breaks, and only those", () => {
  assert.equal(printableLines("a\r\nb\n\u001bc\rd"), "a\nb\n\\u001bc\\rd");
});

const WIDTHS: readonly (readonly [string, number])[] = [
  ["abc", 3],
  ["é", 1],
  ["e\u0301", 1],
  ["世界", 4],
  ["👩‍👩‍👧", 2],
  ["✓ ●", 3],
];
for (const [text, columns] of WIDTHS) {
  test(`${text} takes ${columns} columns`, () => assert.equal(columnsOf(text), columns));
}

const CUTS: readonly (readonly [string, number, string])[] = [
  ["abcdef", 6, "abcdef"],
  ["abcdef", 4, "abc…"],
  ["世界世界", 5, "世界…"],
  ["世界世界", 4, "世…"],
  ["abc", 1, "…"],
  ["abc", 0, ""],
];
for (const [text, columns, expected] of CUTS) {
  test(`${text} cut to ${columns} columns`, () => assert.equal(fit(text, columns), expected));
}

const DURATIONS: readonly (readonly [number, string])[] = [
  [-5, "0 ms"],
  [0.4, "0 ms"],
  [999, "999 ms"],
  [1_000, "1.0 s"],
  [59_949, "59.9 s"],
  [59_950, "1 min 0 s"],
  [3_599_400, "59 min 59 s"],
  [3_600_000, "1 h 0 min"],
  [86_400_000, "1 d 0 h"],
  [200_000_000, "2 d 7 h"],
];
for (const [ms, expected] of DURATIONS) {
  test(`${ms} milliseconds are ${expected}`, () => assert.equal(duration(ms), expected));
}

test("a table is aligned by columns as they are seen", () => {
  const rows = [
    ["a", "long", "x"],
    ["世界", "s", "yyyyyyyy"],
  ];
  assert.deepEqual(table(rows, 15), ["a     long  x", "世界  s     yy…"]);
});

test("colours are for terminals, unless they are refused", () => {
  assert.equal(paletteFor(true, {}), COLOURS);
  assert.equal(paletteFor(true, { NO_COLOR: "" }), COLOURS);
  assert.equal(paletteFor(true, { NO_COLOR: "1" }), NO_COLOURS);
  assert.equal(paletteFor(true, { TERM: "dumb" }), NO_COLOURS);
  assert.equal(paletteFor(false, {}), NO_COLOURS);
});
