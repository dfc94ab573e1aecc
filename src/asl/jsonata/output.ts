// What leaves an evaluation: JSON without marks, or the function that makes it something else.
//
// Invariants
//   O1. A result holds no flags, no functions, no numbers that JSON cannot hold (they become texts), and is not nested deeper than
//       the readers of JSON accept. It does not change when it is printed and read again.
//   O2. What came from the caller and was not changed is handed back as it is, not copied.

import type { Json } from "../../base/json.ts";
import { JsonataError } from "./errors.ts";
import type { Run } from "./limits.ts";
import { contextOf } from "./sequences.ts";
import {
  JsonataFunction,
  type Value,
  type ValueArray,
  type ValueObject,
  isArray,
  setMember,
} from "./values.ts";

/** The value as JSON, or a function if it is one or holds one anywhere. */
export function toResult(value: Value, run: Run): Json | undefined | JsonataFunction {
  if (value === undefined) return undefined;
  const cleaner = new Cleaner(run);
  const json = cleaner.clean(contextOf(value), 0);
  return cleaner.found ?? json;
}

class Cleaner {
  /** The first function that was met. */
  found: JsonataFunction | undefined;
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  clean(value: Value, depth: number): Json {
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") {
      // The service writes what JSON has no number for as JavaScript prints it: `1/0` is "Infinity" (measured).
      if (value - value !== 0) return String(value);
      // JSON text has no negative zero that would survive being read.
      return value === 0 ? 0 : value;
    }
    if (value === undefined || value === null) return null;
    if (value instanceof JsonataFunction) {
      this.found ??= value;
      return null;
    }
    if (depth >= this.#run.limits.maxResultDepth) {
      throw new JsonataError("D1015", { value: this.#run.limits.maxResultDepth });
    }
    return isArray(value) ? this.#array(value, depth) : this.#object(value, depth);
  }

  #array(items: ValueArray, depth: number): Json {
    const { length } = items;
    this.#run.spend(length / 8);
    let copy: Json[] | undefined = items.flags === undefined ? undefined : [];
    for (let i = 0; i < length; i++) {
      const item = items[i];
      const json = this.clean(item, depth + 1);
      if (copy === undefined && json !== item) copy = items.slice(0, i) as Json[];
      copy?.push(json);
    }
    return copy ?? (items as Json);
  }

  #object(object: ValueObject, depth: number): Json {
    let copy: Record<string, Json> | undefined;
    const keys = Object.keys(object);
    this.#run.spend(keys.length / 8);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const value = object[key];
      if (value === undefined) continue;
      const json = this.clean(value, depth + 1);
      if (json === value) continue;
      copy ??= { ...(object as Record<string, Json>) };
      setMember(copy, key, json);
    }
    return (copy ?? object) as Json;
  }
}
