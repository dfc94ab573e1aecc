// The functions that AWS adds to the language, and the two that it draws at random.
//
//   A1. Numbers that should be integers are floored.
//   A2. $range gives a sequence: one item is that item ($range(1, 9, 9) is 1: recorded). $partition gives an array.
//   A3. $parse('-0') is 0 (recorded).
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn

import { parseJson } from "../../../base/json-text.ts";
import { expandSeed, Random, type Seed } from "../../../base/random.ts";
import { utf8Encode } from "../../intrinsics/bytes.ts";
import { HASH_ALGORITHMS, digestHex } from "../../intrinsics/digest.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { asSequence } from "../sequences.ts";
import type { Value } from "../values.ts";
import { type Definitions, define } from "./builtin.ts";

function refused(index: number, message: string): JsonataError {
  return new JsonataError("D3150", { index, message });
}

function partition(items: readonly Value[], size: number, run: Run): Value {
  const count = Math.floor(size);
  if (!(count >= 1)) throw refused(2, "must be a positive integer");
  run.spendItems(items.length);
  const parts: Value[] = [];
  for (let i = 0; i < items.length; i += count) parts.push(items.slice(i, i + count));
  return parts;
}

function range(first: number, last: number, delta: number, run: Run): Value {
  const from = Math.floor(first);
  const by = Math.floor(delta);
  if (by === 0 || Number.isNaN(by)) throw refused(3, "must not be zero");
  const count = Math.max(0, Math.floor((Math.floor(last) - from) / by) + 1);
  if (!Number.isFinite(count)) throw refused(2, "must be a number within reach");
  run.spendItems(count);
  return asSequence(Array.from({ length: count }, (_, i) => from + i * by + 0));
}

/** Without an algorithm: SHA-1, the first that the service had. */
function hash(text: string, algorithm: string, run: Run): Value {
  const known = HASH_ALGORITHMS.find((each) => each === algorithm);
  if (known === undefined) throw refused(2, `must be one of [${HASH_ALGORITHMS.join(", ")}]`);
  run.spendText(text.length);
  // A hash takes some 50 ns a byte.
  run.spend(text.length * 3);
  return digestHex(known, utf8Encode(text));
}

/** 128 bits from a number: the same for the same seed, for ever. */
function seedOf(number: number): Seed {
  const bits = new Uint32Array(new Float64Array([number]).buffer);
  return expandSeed((bits[0] ?? 0) ^ Math.imul(bits[1] ?? 0, 0x9e3779b9));
}

function parse(text: string, run: Run): Value {
  run.spendText(text.length);
  run.spend(text.length / 8);
  const parsed = parseJson(text);
  if (!parsed.ok) throw refused(1, `is not JSON: ${parsed.message}`);
  return Object.is(parsed.value, -0) ? 0 : parsed.value;
}

export const AWS: Definitions = {
  partition: define("<an:a>", 2, ([items, size], run) =>
    items === undefined || size === undefined
      ? undefined
      : partition(items as readonly Value[], size as number, run),
  ),
  range: define("<nnn:a>", 3, ([first, last, delta], run) =>
    first === undefined || last === undefined || delta === undefined
      ? undefined
      : range(first as number, last as number, delta as number, run),
  ),
  hash: define("<s-s?:s>", 2, ([text, algorithm], run) =>
    text === undefined ? undefined : hash(text as string, (algorithm as string | undefined) ?? "SHA-1", run),
  ),
  random: define("<n?:n>", 1, ([seed], run) =>
    seed === undefined ? run.random.next01() : new Random(seedOf(seed as number)).next01(),
  ),
  uuid: define("<:s>", 0, (_args, run) => {
    run.spend(2);
    return run.random.uuid();
  }),
  parse: define("<s-:x>", 1, ([text], run) => (text === undefined ? undefined : parse(text as string, run))),
};
