// The intrinsic functions but States.Format, as a table: how many arguments, and what they give.
//
// Where the developer guide and the service differ, the service counts:
//   F1. MathAdd rounds halves up, towards positive infinity: -1.5 is -1 (recorded). ArrayRange, ArrayPartition
//       and MathRandom cut fractions off, although the guide says that they round.
//   F2. StringSplit splits at any character of its second argument and drops empty parts (recorded).
//   F3. StringToJson of an empty or blank text is null (recorded).
//   F4. Base64Decode skips what is not Base64; Hash takes numbers and booleans as their text.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html

import { type Json, fromMembers, isArray, isObject, jsonEquals } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { expandSeed, Random, type Seed } from "../../base/random.ts";
import { base64Decode, base64Encode, utf8Decode, utf8Encode } from "./bytes.ts";
import { HASH_ALGORITHMS, digestHex } from "./digest.ts";
import { Refused } from "./format.ts";

export interface IntrinsicFunction {
  readonly minArguments: number;
  readonly maxArguments: number;
  readonly call: (values: readonly Json[], random: Random) => Json | Refused;
}

const MAX_CHARACTERS = 10_000;
const MAX_RANGE = 1000;
const MAX_INT = 2_147_483_647;
const MIN_INT = -2_147_483_648;

type Call = IntrinsicFunction["call"];

function exactly(count: number, call: Call): IntrinsicFunction {
  return { minArguments: count, maxArguments: count, call };
}

export const FUNCTIONS: ReadonlyMap<string, IntrinsicFunction> = new Map<string, IntrinsicFunction>([
  [
    "States.Array",
    { minArguments: 0, maxArguments: Number.POSITIVE_INFINITY, call: (values) => [...values] },
  ],
  ["States.ArrayPartition", exactly(2, ([array, size]) => partition(array, size))],
  ["States.ArrayContains", exactly(2, ([array, value]) => contains(array, value))],
  ["States.ArrayRange", exactly(3, ([first, last, step]) => range(first, last, step))],
  ["States.ArrayGetItem", exactly(2, ([array, index]) => item(array, index))],
  [
    "States.ArrayLength",
    exactly(1, ([array]) => (isArray(array) ? array.length : refuse("an array is needed"))),
  ],
  ["States.ArrayUnique", exactly(1, ([array]) => unique(array))],
  ["States.Base64Encode", exactly(1, ([text]) => withText(text, (each) => base64Encode(utf8Encode(each))))],
  ["States.Base64Decode", exactly(1, ([text]) => withText(text, decode))],
  ["States.Hash", exactly(2, ([data, algorithm]) => hash(data, algorithm))],
  ["States.JsonMerge", exactly(3, ([left, right, deep]) => merge(left, right, deep))],
  ["States.StringToJson", exactly(1, ([text]) => toJson(text))],
  ["States.JsonToString", exactly(1, ([value]) => JSON.stringify(value ?? null))],
  [
    "States.MathRandom",
    {
      minArguments: 2,
      maxArguments: 3,
      call: ([start, end, seed], random) => mathRandom(start, end, seed, random),
    },
  ],
  ["States.MathAdd", exactly(2, ([left, right]) => mathAdd(left, right))],
  ["States.StringSplit", exactly(2, ([text, delimiters]) => split(text, delimiters))],
  ["States.UUID", exactly(0, (_values, random) => random.uuid())],
]);

function refuse(reason: string): Refused {
  return new Refused(reason);
}

function partition(array: Json | undefined, size: Json | undefined): Json | Refused {
  if (!isArray(array)) return refuse("an array is needed");
  if (typeof size !== "number" || size < 1) return refuse("the size of a part must be a positive integer");
  const chunk = Math.trunc(size);
  const parts: Json[] = [];
  for (let i = 0; i < array.length; i += chunk) parts.push(array.slice(i, i + chunk));
  return parts;
}

function contains(array: Json | undefined, value: Json | undefined): Json | Refused {
  if (!isArray(array) || value === undefined) return refuse("an array is needed");
  return array.some((each) => jsonEquals(each, value));
}

function range(first: Json | undefined, last: Json | undefined, step: Json | undefined): Json | Refused {
  if (typeof first !== "number" || typeof last !== "number" || typeof step !== "number") {
    return refuse("three numbers are needed");
  }
  const from = Math.trunc(first);
  const to = Math.trunc(last);
  const by = Math.trunc(step);
  if (by === 0) return refuse("the step must not be zero");
  const count = Math.max(0, Math.floor((to - from) / by) + 1);
  if (count > MAX_RANGE) return refuse(`a range has at most ${MAX_RANGE} items`);
  // `+ 0` makes -0 a 0.
  return Array.from({ length: count }, (_, i) => from + i * by + 0);
}

function item(array: Json | undefined, index: Json | undefined): Json | Refused {
  if (!isArray(array)) return refuse("an array is needed");
  if (typeof index !== "number") return refuse("the index must be a number");
  const found = array[Math.trunc(index)];
  return found === undefined ? refuse(`the array has ${array.length} items, and none at ${index}`) : found;
}

/** The first of several equal items stays. Equal items have equal canonical texts: comparing pairs would be slow. */
function unique(array: Json | undefined): Json | Refused {
  if (!isArray(array)) return refuse("an array is needed");
  const seen = new Map<string, Json>();
  for (const each of array) {
    const text = canonicalText(each);
    if (!seen.has(text)) seen.set(text, each);
  }
  return [...seen.values()];
}

/** JSON with the members of objects in order of their names. */
function canonicalText(value: Json): string {
  if (isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonicalText(each)}`).join(",")}}`;
}

function withText(text: Json | undefined, call: (text: string) => Json | Refused): Json | Refused {
  if (typeof text !== "string") return refuse("a string is needed");
  if (text.length > MAX_CHARACTERS)
    return refuse(`a string of at most ${MAX_CHARACTERS} characters is needed`);
  return call(text);
}

function decode(text: string): Json | Refused {
  const bytes = base64Decode(text);
  return bytes === undefined ? refuse("the string is not Base64") : utf8Decode(bytes);
}

function hash(data: Json | undefined, algorithm: Json | undefined): Json | Refused {
  const known = HASH_ALGORITHMS.find((each) => each === algorithm);
  if (known === undefined) return refuse(`the algorithm must be one of [${HASH_ALGORITHMS.join(", ")}]`);
  const text = typeof data === "number" || typeof data === "boolean" ? String(data) : data;
  return withText(text, (each) => digestHex(known, utf8Encode(each)));
}

function merge(left: Json | undefined, right: Json | undefined, deep: Json | undefined): Json | Refused {
  if (!isObject(left) || !isObject(right)) return refuse("two objects are needed");
  if (deep !== false) return refuse("only the shallow merge is supported: the third argument must be false");
  return fromMembers([...Object.entries(left), ...Object.entries(right)]);
}

function toJson(text: Json | undefined): Json | Refused {
  if (typeof text !== "string") return refuse("a string is needed");
  if (text.trim() === "") return null;
  const parsed = parseJson(text);
  if (!parsed.ok) return refuse(`the string is not JSON: ${parsed.message}`);
  return Object.is(parsed.value, -0) ? 0 : parsed.value;
}

function mathRandom(
  start: Json | undefined,
  end: Json | undefined,
  seed: Json | undefined,
  random: Random,
): Json | Refused {
  if (typeof start !== "number" || typeof end !== "number") return refuse("two numbers are needed");
  if (seed !== undefined && typeof seed !== "number") return refuse("the seed must be a number");
  const from = Math.trunc(start);
  const to = Math.trunc(end);
  if (!isInt(from) || !isInt(to)) return refuse(`the numbers must be from ${MIN_INT} to ${MAX_INT}`);
  if (from >= to) return refuse("the start must be less than the end");
  const source = seed === undefined ? random : new Random(spread(seed));
  return from + Math.floor(source.next01() * (to - from)) + 0;
}

/** 128 bits from one number: the same for the same number, for ever. */
function spread(seed: number): Seed {
  const bits = new Uint32Array(new Float64Array([Math.trunc(seed)]).buffer);
  return expandSeed((bits[0] ?? 0) ^ (bits[1] ?? 0));
}

function mathAdd(left: Json | undefined, right: Json | undefined): Json | Refused {
  if (typeof left !== "number" || typeof right !== "number") return refuse("two numbers are needed");
  const a = Math.round(left);
  const b = Math.round(right);
  if (!isInt(a) || !isInt(b) || !isInt(a + b)) {
    return refuse(`numbers and their sum must be from ${MIN_INT} to ${MAX_INT}`);
  }
  return a + b + 0;
}

function isInt(value: number): boolean {
  return value >= MIN_INT && value <= MAX_INT;
}

function split(text: Json | undefined, delimiters: Json | undefined): Json | Refused {
  if (typeof text !== "string" || typeof delimiters !== "string") return refuse("two strings are needed");
  const parts: string[] = [];
  let part = "";
  const ends = new Set(delimiters);
  for (const char of text) {
    if (!ends.has(char)) {
      part += char;
    } else if (part !== "") {
      parts.push(part);
      part = "";
    }
  }
  if (part !== "") parts.push(part);
  return parts;
}
