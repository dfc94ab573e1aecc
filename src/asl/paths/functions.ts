// The functions at the end of a path: `$.items.length()`, `$..price.max()`.
//
// After an indefinite path a function gets the array of all that was selected. Jayway does so after `..` only, and
// applies it to each value after `[*]` or a filter, where `$.items[?(@.ok)].length()` counts members of objects:
// nobody wants that, and public definitions expect the count of items.

import { unreachable } from "../../base/assert.ts";
import { type Json, isArray, isObject } from "../../base/json.ts";
import type { FunctionName } from "./steps.ts";

/** Why a function has no value: the detail of `Invalid path '…' : …`. */
export class NoValue {
  readonly detail: string;

  constructor(detail: string) {
    this.detail = detail;
  }
}

export function callFunction(name: FunctionName, value: Json, values: readonly Json[]): Json | NoValue {
  switch (name) {
    case "length":
    case "size":
      if (typeof value === "string" || isArray(value)) return value.length;
      return isObject(value) ? Object.keys(value).length : null;
    case "keys":
      return isObject(value) ? Object.keys(value) : null;
    case "min":
      return aggregate(value, values, (numbers) => numbers.reduce((a, b) => Math.min(a, b)));
    case "max":
      return aggregate(value, values, (numbers) => numbers.reduce((a, b) => Math.max(a, b)));
    case "sum":
      return aggregate(value, values, sum);
    case "avg":
      return aggregate(value, values, average);
    case "stddev":
      return aggregate(value, values, (numbers) => {
        const mean = average(numbers);
        return Math.sqrt(average(numbers.map((number) => (number - mean) ** 2)));
      });
    case "concat": {
      const texts = isArray(value) ? [...value, ...values] : values;
      return texts.filter((text) => typeof text === "string").join("");
    }
    case "append":
      return isArray(value) ? [...value, ...values] : value;
    case "first":
      return itemAt(value, 0);
    case "last":
      return itemAt(value, -1);
    case "index":
      return itemAt(value, values[0] ?? null);
    default:
      return unreachable(name);
  }
}

function itemAt(value: Json, index: Json): Json | NoValue {
  if (!isArray(value) || typeof index !== "number") return new NoValue("The function applies to arrays only");
  return value.at(index) ?? new NoValue(`The array has no item ${index}`);
}

function aggregate(
  value: Json,
  values: readonly Json[],
  of: (numbers: readonly number[]) => number,
): Json | NoValue {
  const numbers = [...(isArray(value) ? value : []), ...values.flat()].filter(
    (item) => typeof item === "number",
  );
  if (numbers.length === 0) {
    return new NoValue("Aggregation function attempted to calculate value using empty array");
  }
  return of(numbers);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function average(numbers: readonly number[]): number {
  return sum(numbers) / numbers.length;
}
