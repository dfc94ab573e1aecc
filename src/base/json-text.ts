// JSON text from outside: is it valid, how deep is it, and what is wrong with it in the words of the service.
//
// Knows:          the grammar of RFC 8259, and the messages of the parser that the service uses.
// Does not know:  encodings (the caller has decoded the bytes), sizes (the caller has measured them).
//
// Invariants
//   T1. Nothing here recurses, and nothing deeper than `maxDepth` reaches JSON.parse or anybody else.
//   T2. Valid text is scanned once for its depth and parsed once by JSON.parse. Only text that failed is read
//       by `fault`, character by character; `fault` and JSON.parse agree on what is valid.

import { assert } from "./assert.ts";
import type { Json } from "./json.ts";

export interface JsonFault {
  readonly ok: false;
  /** As the service words it: `Unrecognized token 'not': was expecting (JSON String, Number, …`. */
  readonly message: string;
  /** In UTF-16 units. */
  readonly offset: number;
}

export interface JsonTextOptions {
  /** Deepest nesting of arrays and objects that is accepted; 1,000 unless told. */
  readonly maxDepth?: number;
}

/** The value of `text`, or what is wrong with it. */
export function parseJson(text: string, options?: JsonTextOptions): { ok: true; value: Json } | JsonFault {
  const tooDeep = depthFault(text, options?.maxDepth ?? 1000);
  if (tooDeep !== undefined) return tooDeep;
  try {
    const value: Json = JSON.parse(text);
    return { ok: true, value };
  } catch {
    // The words of JSON.parse differ between engines; ours are the service's.
    const found = fault(text);
    assert(found !== undefined, "the JSON scanner accepts a text that JSON.parse rejects");
    return found;
  }
}

/** Like `parseJson`, for callers that need no value. */
export function checkJson(text: string, options?: JsonTextOptions): { ok: true } | JsonFault {
  const result = parseJson(text, options);
  return result.ok ? { ok: true } : result;
}

function failure(message: string, offset: number): JsonFault {
  return { ok: false, message, offset };
}

/** Counts brackets outside of strings. Of a text that is no JSON the answer only has to be bounded. */
function depthFault(text: string, maxDepth: number): JsonFault | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = text.indexOf('"', i + 1);
      while (i !== -1 && isEscaped(text, i)) i = text.indexOf('"', i + 1);
      if (i === -1) return undefined;
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      depth += 1;
      if (depth > maxDepth) {
        return failure(`Document nesting depth (${depth}) exceeds the maximum allowed (${maxDepth})`, i);
      }
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return undefined;
}

/** Whether an odd number of backslashes stands before `at`. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/** What the scanner waits for. The stack says what it is inside of. */
type Expecting = "value" | "valueOrEnd" | "name" | "nameOrEnd" | "colon" | "separator";

/** The first fault of `text`, or undefined if it is JSON. */
function fault(text: string): JsonFault | undefined {
  const stack: ("{" | "[")[] = [];
  let expecting: Expecting = "value";
  let at = 0;
  for (;;) {
    while (isBlank(text, at)) at += 1;
    const inside = stack.at(-1);
    if (at >= text.length) {
      if (expecting === "separator" && inside === undefined) return undefined;
      return failure(endOfInput(inside, expecting), text.length);
    }
    const char = text.charAt(at);
    if (char < " ") {
      const allowed = "only regular white space (\\r, \\n, \\t) is allowed between tokens";
      return failure(`Illegal character (${described(char)}): ${allowed}`, at);
    }
    switch (expecting) {
      case "colon":
        if (char !== ":")
          return unexpected(char, at, "was expecting a colon to separate field name and value");
        expecting = "value";
        at += 1;
        continue;
      case "separator":
        if (inside === undefined) return afterRoot(text, at);
        if (char === "}" || char === "]") {
          if ((char === "}") !== (inside === "{")) return wrongClose(char, at);
          stack.pop();
        } else if (char === ",") {
          expecting = inside === "{" ? "name" : "value";
        } else {
          const kind = inside === "{" ? "Object" : "Array";
          return unexpected(char, at, `was expecting comma to separate ${kind} entries`);
        }
        at += 1;
        continue;
      case "name":
      case "nameOrEnd": {
        if (char === "}" && expecting === "nameOrEnd") {
          stack.pop();
          expecting = "separator";
          at += 1;
          continue;
        }
        if (char === "]" && expecting === "nameOrEnd") return wrongClose(char, at);
        if (char !== '"') return unexpected(char, at, "was expecting double-quote to start field name");
        const end = scanString(text, at, "name");
        if (typeof end !== "number") return end;
        expecting = "colon";
        at = end;
        continue;
      }
      case "valueOrEnd":
        if (char === "]") {
          stack.pop();
          expecting = "separator";
          at += 1;
          continue;
        }
        if (char === "}") return wrongClose(char, at);
        break;
      case "value":
        break;
    }
    if (char === "{" || char === "[") {
      stack.push(char);
      expecting = char === "{" ? "nameOrEnd" : "valueOrEnd";
      at += 1;
      continue;
    }
    const end = scanScalar(text, at);
    if (typeof end !== "number") return end;
    expecting = "separator";
    at = end;
  }
}

/** The offset after the string, number or literal that starts at `at`. */
function scanScalar(text: string, at: number): number | JsonFault {
  const char = text.charAt(at);
  if (char === '"') return scanString(text, at, "string value");
  if (char === "-" || isDigit(char)) return scanNumber(text, at);
  if (!isIdentifierPart(char) || isDigit(char))
    return unexpected(char, at, `expected a valid value ${VALUES}`);
  const token = identifier(text, at);
  if (token === "null" || token === "true" || token === "false") return at + token.length;
  return unrecognized(token, at);
}

function scanString(text: string, start: number, what: "name" | "string value"): number | JsonFault {
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') return at + 1;
    if (char < " ") {
      const must = `has to be escaped using backslash to be included in ${what}`;
      return failure(`Illegal unquoted character (${described(char)}): ${must}`, at);
    }
    if (char !== "\\") continue;
    at += 1;
    const escaped = text.charAt(at);
    if (escaped === "u") {
      for (let digit = 1; digit <= 4; digit++) {
        const hex = text.charAt(at + digit);
        if (hex === "") return failure("Unexpected end-of-input in character escape sequence", text.length);
        if (!/[0-9a-fA-F]/.test(hex)) {
          return unexpected(hex, at + digit, "expected a hex-digit for character escape sequence");
        }
      }
      at += 4;
    } else if (escaped !== "" && !'"\\/bfnrt'.includes(escaped)) {
      return failure(`Unrecognized character escape ${described(escaped)}`, at);
    }
  }
  const where = what === "name" ? " in field name" : ": was expecting closing quote for a string value";
  return failure(`Unexpected end-of-input${where}`, text.length);
}

function scanNumber(text: string, start: number): number | JsonFault {
  const wrong = (at: number, why: string): JsonFault =>
    at >= text.length
      ? failure(`Unexpected end-of-input in numeric value: ${why}`, at)
      : failure(`Unexpected character (${described(text.charAt(at))}) in numeric value: ${why}`, at);
  let at = start;
  if (text.charAt(at) === "-") {
    at += 1;
    const why = "expected digit (0-9) to follow minus sign, for valid numeric value";
    if (!isDigit(text.charAt(at))) return wrong(at, why);
  }
  if (text.charAt(at) === "0" && isDigit(text.charAt(at + 1))) {
    return failure("Invalid numeric value: Leading zeroes not allowed", at);
  }
  while (isDigit(text.charAt(at))) at += 1;
  if (text.charAt(at) === ".") {
    at += 1;
    if (!isDigit(text.charAt(at))) return wrong(at, "Decimal point not followed by a digit");
    while (isDigit(text.charAt(at))) at += 1;
  }
  if (text.charAt(at) === "e" || text.charAt(at) === "E") {
    at += 1;
    if (text.charAt(at) === "+" || text.charAt(at) === "-") at += 1;
    if (!isDigit(text.charAt(at))) return wrong(at, "Exponent indicator not followed by a digit");
    while (isDigit(text.charAt(at))) at += 1;
  }
  return at;
}

/** Text that follows a complete value. */
function afterRoot(text: string, at: number): JsonFault {
  const char = text.charAt(at);
  if (!isBlank(text, at - 1) && (isDigit(text.charAt(at - 1)) || isIdentifierPart(text.charAt(at - 1)))) {
    if (char !== "{" && char !== "[")
      return unexpected(char, at, "Expected space separating root-level values");
  }
  if (char === "]" || char === "}") return failure(`Unexpected close marker '${char}': no value is open`, at);
  if (char !== "{" && char !== "[") {
    const end = scanScalar(text, at);
    if (typeof end !== "number") return end;
  }
  return failure("Trailing token found after value", at);
}

function endOfInput(inside: "{" | "[" | undefined, expecting: Expecting): string {
  if (inside === undefined) return "No content to map due to end-of-input";
  if (expecting === "colon" || expecting === "value") return "Unexpected end-of-input within/between entries";
  return `Unexpected end-of-input: expected close marker for ${inside === "{" ? "Object" : "Array"}`;
}

function wrongClose(char: string, at: number): JsonFault {
  return failure(`Unexpected close marker '${char}': expected '${char === "}" ? "]" : "}"}'`, at);
}

function unexpected(char: string, at: number, why: string): JsonFault {
  return failure(`Unexpected character (${described(char)}): ${why}`, at);
}

function unrecognized(token: string, at: number): JsonFault {
  const shown = token.length > 256 ? `${token.slice(0, 256)}...` : token;
  return failure(`Unrecognized token '${shown}': was expecting ${VALUES}`, at);
}

/** `'x' (code 120)`, `(CTRL-CHAR, code 1)`, `'€' (code 8364 / 0x20ac)`. */
function described(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) return `(CTRL-CHAR, code ${code})`;
  if (code > 0xff) return `'${char}' (code ${code} / 0x${code.toString(16)})`;
  return `'${char}' (code ${code})`;
}

function identifier(text: string, at: number): string {
  let end = at;
  while (end < text.length && isIdentifierPart(text.charAt(end))) end += 1;
  return text.slice(at, end);
}

function isBlank(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9" && char.length === 1;
}

function isIdentifierPart(char: string): boolean {
  return char !== "" && /[\p{L}\p{N}_$]/u.test(char);
}
