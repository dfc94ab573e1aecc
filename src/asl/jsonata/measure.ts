// How much work the parser of an expression would have, found by a look at its characters.
//
// Knows:          strings, comments, regular expressions, brackets; enough to count.
// Does not know:  the grammar. Where it is wrong about one, it is wrong on the strict side by a little.

import { JsonataError } from "./errors.ts";

/** UTF-16 units of one expression. */
const MAX_LENGTH = 65_536;
/** Brackets within brackets. */
const MAX_DEPTH = 200;
/** Dots of one expression: the parser's time grows with the square of a path. */
const MAX_DOTS = 4000;
/** `((a ?? b) ?? c) ?? d`: each level doubles the tree. */
const MAX_DOUBLINGS = 10;

/** What comes before a `/` that divides; any other begins a regular expression. */
const ENDS_OPERAND = /[\w$)\]}"'`\u0080-\uffff]/;

/** @throws JsonataError S0501 */
export function measure(text: string): void {
  if (text.length > MAX_LENGTH) throw tooLarge(`it has ${text.length} characters, of at most ${MAX_LENGTH}`);
  /** For each open bracket, how often what it holds is doubled already. */
  const open: number[] = [0];
  let dots = 0;
  let before = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (/\s/.test(char)) continue;
    if (char === '"' || char === "'" || char === "`") {
      at = endOfString(text, at, char);
    } else if (char === "/" && text.charAt(at + 1) === "*") {
      at = endOf(text, "*/", at + 2) + 1;
      continue;
    } else if (char === "/" && !ENDS_OPERAND.test(before)) {
      at = endOfRegex(text, at);
    } else if (char === "(" || char === "[" || char === "{") {
      open.push(0);
      if (open.length > MAX_DEPTH) throw tooLarge(`its brackets are nested more than ${MAX_DEPTH} deep`);
    } else if (char === ")" || char === "]" || char === "}") {
      const inner = open.length > 1 ? (open.pop() ?? 0) : 0;
      const rest = text.slice(at + 1, at + 200).trimStart();
      const doubled = rest.startsWith("??") || rest.startsWith("?:") ? inner + 1 : inner;
      if (doubled > MAX_DOUBLINGS) throw tooLarge(`?? and ?: are nested more than ${MAX_DOUBLINGS} deep`);
      open[open.length - 1] = Math.max(open.at(-1) ?? 0, doubled);
    } else if (char === ".") {
      dots += 1;
      if (dots > MAX_DOTS) throw tooLarge(`its paths have more than ${MAX_DOTS} steps`);
    }
    before = text.charAt(at);
  }
}

function tooLarge(message: string): JsonataError {
  return new JsonataError("S0501", { message });
}

function endOf(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found < 0 ? text.length : found;
}

function endOfString(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === "\\" && quote !== "`") at += 1;
    else if (text.charAt(at) === quote) return at;
  }
  return text.length;
}

/** Like the language's scanner: a slash inside of brackets does not end it. */
function endOfRegex(text: string, start: number): number {
  let depth = 0;
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at += 1;
    else if ("([{".includes(char)) depth += 1;
    else if (")]}".includes(char)) depth -= 1;
    else if (char === "/" && depth === 0) return at;
  }
  return text.length;
}
