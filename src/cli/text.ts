// Text for terminals: what is safe to print, how wide it is, and how it is coloured.
//
// Knows:          control characters, columns, ANSI colours, durations in words.
// Does not know:  executions, commands, streams.
//
// Invariants
//   T1. Nothing that came from outside reaches a terminal before `printable` has seen it: names, errors
//       and payloads may hold escape sequences that rewrite the screen, or direction marks that lie.
//   T2. Widths are counted on plain text; colours are put on afterwards.

import { Suggester } from "../asl/suggest.ts";

/** Colours, or their absence. Each takes plain text. */
export interface Palette {
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly blue: (text: string) => string;
  readonly cyan: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`;
const plain = (text: string): string => text;

export const COLOURS: Palette = {
  green: sgr(32, 39),
  red: sgr(31, 39),
  yellow: sgr(33, 39),
  blue: sgr(34, 39),
  cyan: sgr(36, 39),
  dim: sgr(2, 22),
  bold: sgr(1, 22),
};
export const NO_COLOURS: Palette = {
  green: plain,
  red: plain,
  yellow: plain,
  blue: plain,
  cyan: plain,
  dim: plain,
  bold: plain,
};

/** The palette for a stream; https://no-color.org: any value of NO_COLOR but the empty one turns colours off. */
export function paletteFor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Palette {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return isTerminal && !refused ? COLOURS : NO_COLOURS;
}

// C0 and C1 controls, DEL, line and paragraph separators, direction marks, isolates, lone surrogates,
// the byte order mark and the tag characters: all that is not seen, or changes what is seen.
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `text` on one line, with what a terminal would obey written as `\u001b` (T1). */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeOne);
}

/** Like `printable`, for text of several lines that keeps its line breaks. */
export function printableLines(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(UNSAFE, (c) => (c === "\n" ? c : escapeOne(c)));
}

/** JSON text on one line, with the same characters escaped as JSON does: what it says stays the same (T1). */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

function escapeOne(character: string): string {
  const point = character.codePointAt(0) as number;
  const hex = point.toString(16);
  return SHORT[character] ?? (point > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`);
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// East Asian wide and fullwidth forms, and what is shown as a picture. Terminals differ in rare cases;
// being one column off spoils an alignment, nothing else.
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|.\ufe0f)/u;
const ASCII = /^[ -~]*$/;

/** Columns that printable text takes. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of SEGMENTER.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

/** `text` cut to `columns`, the cut shown by `…`. */
export function fit(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "";
  let used = 1;
  for (const { segment } of SEGMENTER.segment(text)) {
    used += WIDE.test(segment) ? 2 : 1;
    if (used > columns) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** `text` with blanks after it to fill `columns`; longer text is left as it is. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/** A length of time in two units at most: `312 ms`, `3.1 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`. */
export function duration(milliseconds: number): string {
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor(minutes / 60) % 24} h`;
}

/** Rows under each other; columns as wide as they need, the last cut at `width`. */
export function table(rows: readonly (readonly string[])[], width: number): string[] {
  const columns: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (columns[i] = Math.max(columns[i] ?? 0, columnsOf(cell))));
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, columns[i] as number)));
    return fit(cells.join("  ").trimEnd(), width);
  });
}

/** The candidate that was probably meant: few letters differ, or it begins with what was written. */
export function nearest(written: string, candidates: readonly string[]): string | undefined {
  return (
    new Suggester().nearest(written, candidates) ??
    candidates.find((candidate) => written.length >= 2 && candidate.startsWith(written))
  );
}
