// The functions of the `jsonata` package that format and parse by picture strings, fenced in.
//
// Knows:          how to reach them, which inputs they must not be given, what they throw.
// Does not know:  their rules (XPath's picture strings); that is why they are borrowed.
//
// Invariants
//   B1. No input makes them run long: pictures are short, widths are small, options are characters. Without that,
//       a width of a billion allocates a billion zeros, and an empty grouping separator loops for ever.
//   B2. The only clock they can read is the one they are given.
//
// Rejected: our own. 900 lines for what hardly any workflow uses, to be kept equal to what AWS does.

import jsonata from "jsonata";
import { assert } from "../../../base/assert.ts";
import { JsonataError, isJsonataCode } from "../errors.ts";
import type { Value } from "../values.ts";

type Native = (this: unknown, ...args: readonly unknown[]) => unknown;

interface PackageEnvironment {
  readonly lookup: (name: string) => unknown;
}

/**
 * The environment in which the package evaluates. Its evaluator is asynchronous, but it calls this hook before it
 * waits for anything, so the functions are there at once, without a promise.
 */
function packageEnvironment(): PackageEnvironment {
  let found: PackageEnvironment | undefined;
  const expression = jsonata("null");
  // The name of the hook is a symbol, which the package's types do not say.
  const hook = Symbol.for("jsonata.__evaluate_entry") as unknown as string;
  expression.assign(hook, (_node: unknown, _input: unknown, environment: PackageEnvironment) => {
    found = environment;
  });
  void expression.evaluate(undefined);
  assert(found !== undefined, "the jsonata package no longer calls its entry hook synchronously");
  return found;
}

const ENVIRONMENT: PackageEnvironment = packageEnvironment();

function native(name: string): Native {
  const found = ENVIRONMENT.lookup(name);
  assert(
    typeof found === "object" && found !== null && "implementation" in found,
    `the jsonata package has no function ${name}`,
  );
  return found.implementation as Native;
}

const FORMAT_NUMBER: Native = native("formatNumber");
const FORMAT_INTEGER: Native = native("formatInteger");
const PARSE_INTEGER: Native = native("parseInteger");
const FROM_MILLIS: Native = native("fromMillis");
const TO_MILLIS: Native = native("toMillis");

const MAX_PICTURE = 500;
/** Of a text that a picture is parsed from, and of a width in a picture. */
const MAX_PARSED = 1000;
/** A roman numeral has a letter for each thousand, and a call for each letter. */
const MAX_ROMAN = 1_000_000;

export function formatNumber(number: number, picture: string, options: Value): Value {
  checkPicture(picture);
  if (options !== undefined) checkOptions(options);
  return call(FORMAT_NUMBER, undefined, [number, picture, options]);
}

/** Options that are more than one character long are the words for infinity and the like. */
const CHARACTER_OPTIONS: ReadonlySet<string> = new Set([
  "decimal-separator",
  "grouping-separator",
  "exponent-separator",
  "zero-digit",
  "digit",
  "pattern-separator",
]);

function checkOptions(options: Value): void {
  for (const [key, value] of Object.entries(options as object)) {
    const isCharacter = CHARACTER_OPTIONS.has(key);
    if (typeof value !== "string" || (isCharacter && value.length !== 1)) {
      const expected = isCharacter ? "a single character" : "a string";
      throw new JsonataError("D3094", { message: `the option '${key}' must be ${expected}` });
    }
  }
}

export function formatInteger(number: number, picture: string): Value {
  checkPicture(picture);
  if (/^i/i.test(picture) && Math.abs(number) > MAX_ROMAN) {
    throw new JsonataError("D3094", { message: `roman numerals go to ${MAX_ROMAN}` });
  }
  return call(FORMAT_INTEGER, undefined, [number, picture]);
}

export function parseInteger(text: string, picture: string): Value {
  checkPicture(picture);
  checkParsed(text);
  return call(PARSE_INTEGER, undefined, [text, picture]);
}

export function formatMillis(ms: number, picture: string | undefined, zone: string | undefined): Value {
  if (picture !== undefined) checkPicture(picture);
  return call(FROM_MILLIS, undefined, [ms, picture, zone]);
}

/** @param now What the parts of a time that the picture does not mention are taken from. */
export function parseMillis(text: string, picture: string, now: PackageDate): Value {
  checkPicture(picture);
  checkParsed(text);
  checkAmbiguity(text, picture);
  return call(TO_MILLIS, { environment: { timestamp: now } }, [text, picture]);
}

/** What the package asks of the Date that holds its idea of now. */
export interface PackageDate {
  getUTCFullYear(): number;
  getUTCMonth(): number;
  getUTCDate(): number;
  getUTCDay(): number;
  getUTCHours(): number;
  getUTCMinutes(): number;
  getUTCSeconds(): number;
  getUTCMilliseconds(): number;
  getTime(): number;
}

function checkPicture(picture: string): void {
  if (picture.length > MAX_PICTURE) {
    throw new JsonataError("D3094", { message: `it is longer than ${MAX_PICTURE} characters` });
  }
  if (/,[^\]]*\d{4}/.test(picture)) {
    throw new JsonataError("D3094", { message: "a width has more than three digits" });
  }
}

function checkParsed(text: string): void {
  if (text.length > MAX_PARSED) {
    throw new JsonataError("D3094", { message: `the text is longer than ${MAX_PARSED} characters` });
  }
}

/** Splits of a text among the parts of a picture that may be tried. */
const MAX_SPLITS = 100_000;

/**
 * The package makes a backtracking regular expression of a picture. Parts of open length that touch each other, or
 * are kept apart by characters that they could take themselves, can be matched in many ways; with too many of them,
 * the text is refused.
 */
function checkAmbiguity(text: string, picture: string): void {
  let parts = 0;
  let last = "";
  for (const [part, literal] of pictureParts(picture)) {
    if (literal === undefined) {
      const kind =
        /^[MxFP]?[Nn]/.test(part) || /[wW]/.test(part.slice(1)) || part.startsWith("P") ? "word" : "digits";
      // Digits right before digits have a fixed width.
      if ((last === kind && kind === "word") || last === "either") parts += 1;
      last = kind;
    } else if (literal !== "") {
      const isWord = /^[A-Za-z ,-]/.test(literal);
      const isDigit = /^\d/.test(literal);
      const isSame = (last === "word" && isWord) || (last === "digits" && isDigit);
      last = isSame ? "either" : "";
    }
  }
  let splits = 1;
  for (let i = 1; i <= parts; i++) splits *= text.length + i;
  if (splits > MAX_SPLITS) {
    throw new JsonataError("D3094", { message: "its parts cannot be told apart in a text of this length" });
  }
}

/** Markers (`Y0001`) and literals, in order; a pair has one of the two. */
function* pictureParts(picture: string): Generator<readonly [marker: string, literal: string | undefined]> {
  for (const [, marker, literal] of picture.matchAll(/\[([^[\]]*)\]|([^[\]]+|\[\[|\]\])/g)) {
    yield literal === undefined ? [marker ?? "", undefined] : ["", literal];
  }
}

/** The package throws plain objects with a code. A host error means that it was given what it does not expect. */
function call(target: Native, self: unknown, args: readonly unknown[]): Value {
  try {
    return Reflect.apply(target, self, args) as Value;
  } catch (fault) {
    if (typeof fault === "object" && fault !== null && "code" in fault && isJsonataCode(fault.code)) {
      const value = "value" in fault ? (fault.value as Value) : undefined;
      throw new JsonataError(fault.code, { value });
    }
    if (fault instanceof TypeError || fault instanceof RangeError) {
      throw new JsonataError("D3094", { message: fault.message });
    }
    throw fault;
  }
}
