// Functions that look for a text or a pattern: $contains, $match, $replace, $split.
//
// A pattern is a regular expression, or any function that gives objects of the same shape.
//
// Spec: https://docs.jsonata.org/regex, https://docs.jsonata.org/string-functions

import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { type Match, RegexFunction } from "../regex/function.ts";
import { createSequence } from "../sequences.ts";
import { JsonataFunction, type Value, apply, isArray, isObject, memberOf } from "../values.ts";
import { type Definitions, define } from "./builtin.ts";

/** The matches of a pattern, one after the other. */
class Matches {
  readonly #pattern: JsonataFunction;
  readonly #text: string;
  readonly #run: Run;
  #last: Match | undefined;
  /** `next` of the last match of a pattern that is no regular expression. */
  #next: Value;

  constructor(pattern: JsonataFunction, text: string, run: Run) {
    this.#pattern = pattern;
    this.#text = text;
    this.#run = run;
  }

  next(): Match | undefined {
    this.#run.spend(3);
    const pattern = this.#pattern;
    if (pattern instanceof RegexFunction) {
      this.#last =
        this.#last === undefined
          ? pattern.exec(this.#text, 0, this.#run)
          : pattern.after(this.#text, this.#last, this.#run);
      return this.#last;
    }
    const found =
      this.#last === undefined
        ? apply(pattern, [this.#text], null, this.#run)
        : apply(this.#next, [], null, this.#run);
    if (found === undefined) return undefined;
    this.#last = this.#toMatch(found);
    return this.#last;
  }

  #toMatch(found: Value): Match {
    if (isObject(found)) {
      const whole = memberOf(found, "match");
      const start = memberOf(found, "start");
      const end = memberOf(found, "end");
      const groups = memberOf(found, "groups");
      this.#next = memberOf(found, "next");
      if (typeof whole === "string" && typeof start === "number" && this.#next instanceof JsonataFunction) {
        return {
          match: whole,
          start,
          end: typeof end === "number" ? end : start + whole.length,
          groups: isArray(groups) ? groups : [],
        };
      }
    }
    throw new JsonataError("T1010");
  }
}

function contains(text: string, pattern: Value, run: Run): Value {
  run.spendText(text.length);
  if (typeof pattern === "string") return text.includes(pattern);
  return new Matches(pattern as JsonataFunction, text, run).next() !== undefined;
}

function match(text: string, pattern: JsonataFunction, limit: number | undefined, run: Run): Value {
  const result = createSequence();
  const most = limit ?? Number.POSITIVE_INFINITY;
  if (!(most > 0)) return result;
  const matches = new Matches(pattern, text, run);
  for (let found = matches.next(); found !== undefined; found = matches.next()) {
    if (!(result.length < most)) break;
    result.push({ match: found.match, index: found.start, groups: found.groups });
  }
  return result;
}

function replace(
  text: string,
  pattern: Value,
  replacement: Value,
  limit: number | undefined,
  run: Run,
): string {
  const most = limit ?? Number.POSITIVE_INFINITY;
  if (!(most > 0)) return text;
  const result = new TextBuilder(run);
  let count = 0;
  let at = 0;
  if (typeof pattern === "string") {
    const by = typeof replacement === "string" ? replacement : "";
    for (let found = text.indexOf(pattern); found >= 0 && count < most; found = text.indexOf(pattern, at)) {
      result.add(text.slice(at, found));
      result.add(by);
      at = found + pattern.length;
      count += 1;
    }
  } else {
    const matches = new Matches(pattern as JsonataFunction, text, run);
    for (let found = matches.next(); found !== undefined && count < most; found = matches.next()) {
      result.add(text.slice(at, found.start));
      result.add(substitute(found, replacement, run));
      at = found.start + found.match.length;
      count += 1;
    }
  }
  result.add(text.slice(at));
  return result.text;
}

class TextBuilder {
  text = "";
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  add(part: string): void {
    this.#run.spendText(part.length);
    this.#run.spend(1);
    this.text += part;
    if (this.text.length > this.#run.limits.maxStringLength) this.#run.spendText(this.text.length);
  }
}

function substitute(found: Match, replacement: Value, run: Run): string {
  if (typeof replacement === "string") return expand(replacement, found, run);
  const { match: whole, start, end, groups } = found;
  const by = apply(replacement, [{ match: whole, start, end, groups }], null, run);
  if (typeof by !== "string") throw new JsonataError("D3012", { value: by });
  return by;
}

/** `$1` to a group, `$0` to the whole match, `$$` to a dollar; more digits as long as there are that many groups. */
function expand(template: string, found: Match, run: Run): string {
  if (!template.includes("$")) return template;
  const result = new TextBuilder(run);
  const { groups } = found;
  let at = 0;
  for (let dollar = template.indexOf("$"); dollar >= 0 && at < template.length; ) {
    result.add(template.slice(at, dollar));
    at = dollar + 1;
    const next = template.charAt(at);
    if (next === "$" || next === "0") {
      result.add(next === "$" ? "$" : found.match);
      at += 1;
    } else {
      const digits = groups.length === 0 ? 1 : String(groups.length).length;
      let index = Number.parseInt(template.slice(at, at + digits), 10);
      if (digits > 1 && index > groups.length)
        index = Number.parseInt(template.slice(at, at + digits - 1), 10);
      if (Number.isNaN(index)) {
        result.add("$");
      } else {
        const group = groups[index - 1];
        if (typeof group === "string") result.add(group);
        at += String(index).length;
      }
    }
    dollar = template.indexOf("$", at);
  }
  result.add(template.slice(at));
  return result.text;
}

function split(text: string, separator: Value, limit: number | undefined, run: Run): Value {
  const most = limit ?? Number.POSITIVE_INFINITY;
  if (!(most > 0)) return [];
  if (typeof separator === "string") {
    run.spendText(text.length);
    run.spend(text.length / (separator === "" ? 1 : separator.length * 4));
    return limit === undefined ? text.split(separator) : text.split(separator, limit);
  }
  const parts: string[] = [];
  const matches = new Matches(separator as JsonataFunction, text, run);
  let at = 0;
  for (let found = matches.next(); found !== undefined && parts.length < most; found = matches.next()) {
    parts.push(text.slice(at, found.start));
    at = found.end;
  }
  if (parts.length < most) parts.push(text.slice(at));
  return parts;
}

function checkLimit(limit: Value, code: "D3011" | "D3020" | "D3040", index: number): number | undefined {
  if (typeof limit === "number" && limit < 0) throw new JsonataError(code, { value: limit, index });
  return limit as number | undefined;
}

export const MATCHING: Definitions = {
  contains: define("<s-(sf):b>", 2, ([text, pattern], run) =>
    typeof text !== "string" || pattern === undefined ? undefined : contains(text, pattern, run),
  ),
  match: define("<s-f<s:o>n?:a<o>>", 3, ([text, pattern, limit], run) => {
    if (typeof text !== "string") return undefined;
    return match(text, pattern as JsonataFunction, checkLimit(limit, "D3040", 3), run);
  }),
  replace: define("<s-(sf)(sf)n?:s>", 4, ([text, pattern, replacement, limit], run) => {
    if (typeof text !== "string") return undefined;
    if (pattern === "") throw new JsonataError("D3010", { value: pattern, index: 2 });
    return replace(text, pattern, replacement, checkLimit(limit, "D3011", 4), run);
  }),
  split: define("<s-(sf)n?:a<s>>", 3, ([text, separator, limit], run) => {
    if (typeof text !== "string") return undefined;
    return split(text, separator, checkLimit(limit, "D3020", 3), run);
  }),
};
