// Functions over numbers, and conversions to numbers, booleans and types.
//
// Spec: https://docs.jsonata.org/numeric-functions, boolean-functions, aggregation-functions

import { JsonataError } from "../errors.ts";
import { JsonataFunction, type Value, isArray, isNumeric, toBoolean } from "../values.ts";
import { type Definition, type Definitions, define, defined } from "./builtin.ts";

function ofNumber(call: (number: number) => Value): (args: readonly Value[]) => Value {
  return (args) => {
    const number = args[0] as number | undefined;
    return number === undefined ? undefined : call(number);
  };
}

/** What a non-empty array of numbers gives. */
function ofNumbers(call: (numbers: readonly number[]) => number, ofNone: Value): Definition {
  return define("<a<n>:n>", 1, (args, run) => {
    const numbers = args[0] as readonly number[] | undefined;
    if (numbers === undefined) return undefined;
    run.spend(numbers.length / 4);
    return numbers.length === 0 ? ofNone : call(numbers);
  });
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < numbers.length; i++) total += numbers[i] as number;
  return total;
}

function extreme(numbers: readonly number[], pick: (a: number, b: number) => number): number {
  let found = numbers[0] as number;
  for (let i = 1; i < numbers.length; i++) found = pick(found, numbers[i] as number);
  return found;
}

/** Half to even. Decimal places are shifted in text, since a product of binary fractions would round by itself. */
export function round(number: number, precision = 0): number {
  let shifted = precision === 0 ? number : shift(number, precision);
  const nearest = Math.round(shifted);
  const isWrongWay = Math.abs(nearest - shifted) === 0.5 && Math.abs(nearest % 2) === 1;
  shifted = isWrongWay ? nearest - 1 : nearest;
  return (precision === 0 ? shifted : shift(shifted, -precision)) + 0;
}

function shift(number: number, places: number): number {
  const [digits, exponent] = number.toString().split("e");
  return Number(`${digits}e${exponent === undefined ? places : Number(exponent) + places}`);
}

const DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?$/;
/** As the language's evaluator has it: the alternatives are not anchored alike. */
const OTHER_BASE = /^0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][0-1]+$/;

function toNumber(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string") {
    if (DECIMAL.test(value) && Number.isFinite(Number(value))) return Number.parseFloat(value);
    if (OTHER_BASE.test(value)) return Number(value);
  }
  throw new JsonataError("D3030", { value });
}

function typeName(value: Value): string | undefined {
  if (value === undefined) return undefined;
  if (value === null) return "null";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "boolean";
  // What is not a number is no other type of JSON either.
  if (typeof value === "number") return isNumeric(value) ? "number" : "object";
  if (isArray(value)) return "array";
  return value instanceof JsonataFunction ? "function" : "object";
}

export const NUMBERS: Definitions = {
  sum: ofNumbers(sum, 0),
  max: ofNumbers((numbers) => extreme(numbers, Math.max), undefined),
  min: ofNumbers((numbers) => extreme(numbers, Math.min), undefined),
  average: ofNumbers((numbers) => sum(numbers) / numbers.length, undefined),
  count: define("<a:n>", 1, ([items]) => (isArray(items) ? items.length : 0)),
  number: define(
    "<(nsb)-:n>",
    1,
    defined((value) => toNumber(value)),
  ),
  floor: define("<n-:n>", 1, ofNumber(Math.floor)),
  ceil: define("<n-:n>", 1, ofNumber(Math.ceil)),
  abs: define("<n-:n>", 1, ofNumber(Math.abs)),
  round: define("<n-n?:n>", 2, ([number, precision]) =>
    number === undefined ? undefined : round(number as number, precision as number | undefined),
  ),
  sqrt: define(
    "<n-:n>",
    1,
    ofNumber((number) => {
      if (number < 0) throw new JsonataError("D3060", { value: number, index: 1 });
      return Math.sqrt(number);
    }),
  ),
  power: define("<n-n:n>", 2, ([base, exponent]) => {
    if (base === undefined) return undefined;
    const result = (base as number) ** (exponent === undefined ? Number.NaN : (exponent as number));
    if (result - result === 0) return result;
    throw new JsonataError("D3061", { value: base, exp: exponent, index: 1 });
  }),
  formatBase: define("<n-n?:s>", 2, ([number, radix]) => {
    if (number === undefined) return undefined;
    const base = radix === undefined ? 10 : round(radix as number);
    if (!(base >= 2 && base <= 36)) throw new JsonataError("D3100", { value: base });
    return round(number as number).toString(base);
  }),
  boolean: define("<x-:b>", 1, ([value], run) => toBoolean(value, run)),
  not: define("<x-:b>", 1, ([value], run) =>
    value === undefined ? undefined : toBoolean(value, run) !== true,
  ),
  exists: define("<x:b>", 1, ([value]) => value !== undefined),
  type: define("<x:s>", 1, ([value]) => typeName(value)),
};
