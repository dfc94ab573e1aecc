// Functions over texts. Characters are code points where the language counts them.
//
// Spec: https://docs.jsonata.org/string-functions

import type { Run } from "../limits.ts";
import { toText } from "../text.ts";
import type { Value } from "../values.ts";
import { type Definitions, type Implementation, define, ofText } from "./builtin.ts";

/** Whether one UTF-16 unit may not be one character. */
const SURROGATES = /[\ud800-\udfff]/;

function characterCount(text: string): number {
  if (!SURROGATES.test(text)) return text.length;
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}

function substring(text: string, from: number, length: number | undefined, run: Run): string {
  if (SURROGATES.test(text)) run.spend(text.length);
  const characters: { readonly length: number; slice(from: number, to?: number): string | string[] } =
    SURROGATES.test(text) ? Array.from(text) : text;
  const start = characters.length + from < 0 ? 0 : from;
  let part: string | string[];
  if (length === undefined) {
    part = characters.slice(start);
  } else {
    if (length <= 0) return "";
    part = characters.slice(start, start >= 0 ? start + length : characters.length + start + length);
  }
  return typeof part === "string" ? part : part.join("");
}

/** The part before or after the first `mark`; the whole text where there is none. */
function around(pick: (text: string, at: number, mark: string) => string): Implementation {
  return ([text, mark], run) => {
    if (typeof text !== "string") return undefined;
    run.spendText(text.length);
    // A missing mark is looked for as the word, as in the language's evaluator.
    const wanted = mark === undefined ? "undefined" : (mark as string);
    const at = text.indexOf(wanted);
    return at < 0 ? text : pick(text, at, wanted);
  };
}

function trim(text: string): string {
  let result = text.replaceAll(/[ \t\n\r]+/g, " ");
  if (result.startsWith(" ")) result = result.slice(1);
  return result.endsWith(" ") ? result.slice(0, -1) : result;
}

function pad(text: string, width: number, filler: string, run: Run): string {
  const missing = Math.abs(Math.trunc(width)) - characterCount(text);
  if (!(missing > 0)) return text;
  run.spendText(text.length + missing * (SURROGATES.test(filler) ? 2 : 1));
  const repeated = filler.repeat(Math.ceil(missing / characterCount(filler)));
  const padding = filler.length > 1 ? substring(repeated, 0, missing, run) : repeated;
  return width > 0 ? text + padding : padding + text;
}

function join(items: readonly string[], separator: string, run: Run): string {
  let length = separator.length * Math.max(0, items.length - 1);
  for (let i = 0; i < items.length; i++) length += (items[i] as string).length;
  run.spend(items.length);
  run.spendText(length);
  return items.join(separator);
}

export const STRINGS: Definitions = {
  string: define("<x-b?:s>", 1, ([value, pretty], run) =>
    value === undefined ? undefined : toText(value, run, pretty === true ? 2 : 0),
  ),
  substring: define("<s-nn?:s>", 3, ([text, from, length], run) => {
    if (typeof text !== "string") return undefined;
    run.spendText(text.length);
    // Without a start, as without a value for it: from the beginning.
    const start = from === undefined ? Number.NaN : (from as number);
    return substring(text, start, length as number | undefined, run);
  }),
  substringBefore: define(
    "<s-s:s>",
    2,
    around((text, at) => text.slice(0, at)),
  ),
  substringAfter: define(
    "<s-s:s>",
    2,
    around((text, at, mark) => text.slice(at + mark.length)),
  ),
  lowercase: define(
    "<s-:s>",
    1,
    ofText((text) => text.toLowerCase()),
  ),
  uppercase: define(
    "<s-:s>",
    1,
    ofText((text) => text.toUpperCase()),
  ),
  length: define("<s-:n>", 1, ofText(characterCount)),
  trim: define("<s-:s>", 1, ofText(trim)),
  pad: define("<s-ns?:s>", 3, ([text, width, filler], run) => {
    if (typeof text !== "string") return undefined;
    run.spendText(text.length);
    const fill = filler === undefined || filler === "" ? " " : (filler as string);
    return pad(text, width === undefined ? Number.NaN : (width as number), fill, run);
  }),
  join: define("<a<s>s?:s>", 2, ([items, separator], run) =>
    items === undefined
      ? undefined
      : join(items as readonly string[], (separator as string | undefined) ?? "", run),
  ) satisfies { call: (args: readonly Value[], run: Run) => Value },
};
