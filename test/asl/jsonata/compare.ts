// One expression, evaluated by the `jsonata` package and by ours.

import jsonata from "jsonata";
import { JsonataError, JsonataFunction, compileJsonata } from "../../../src/asl/jsonata/index.ts";
import type { Json } from "../../../src/base/json.ts";
import { Random } from "../../../src/base/random.ts";

/** What an evaluation came to, as text: JSON, `nothing`, `a function`, or the code of an error. */
export type Outcome = string;

const TOO_MUCH = /^(?:D1011|D1012|D1014|D1015|D2015)$/;

/** Ours. */
export function evaluateOurs(text: string, input: Json): Outcome {
  try {
    const result = compileJsonata(text).evaluate(
      new Map(),
      {
        nowMs: 0,
        random: new Random([1, 2, 3, 4]),
      },
      input,
    );
    if (result instanceof JsonataFunction) return "a function";
    return JSON.stringify(result) ?? "nothing";
  } catch (fault) {
    if (!(fault instanceof JsonataError)) throw fault;
    return fault.code;
  }
}

/** The package's. Its own mishaps, where it fails with an error of the host, come as `host: message`. */
export async function evaluateTheirs(text: string, input: Json): Promise<Outcome> {
  const watch = new Watch();
  try {
    const outcome = await evaluatePackage(text, input);
    return watch.didWrite ? "host: wrote to an empty array" : outcome;
  } finally {
    watch.end();
  }
}

async function evaluatePackage(text: string, input: Json): Promise<Outcome> {
  try {
    // A copy: the package writes to its input in some cases.
    const result: unknown = await jsonata(text, { stack: 400 }).evaluate(structuredClone(input));
    if (hasFunction(result)) return "a function";
    if (hasNoJson(result)) return "D1001";
    return JSON.stringify(result) ?? "nothing";
  } catch (fault) {
    if (typeof fault === "object" && fault !== null && "code" in fault && typeof fault.code === "string") {
      return fault.code;
    }
    return `host: ${fault instanceof Error ? fault.message : String(fault)}`;
  }
}

/**
 * The package adds an item to an empty array when that array is grouped, also where the array belongs to the data or
 * to a variable; whoever reads it later sees a null. We do not write to what is not ours, so such pairs say nothing.
 */
class Watch {
  didWrite = false;
  readonly #push = Array.prototype.push;

  constructor() {
    const { push } = Array.prototype;
    const note = (): void => {
      this.didWrite = true;
    };
    // oxlint-disable-next-line no-extend-native -- put back by `end`
    Array.prototype.push = function watched(this: unknown[], ...items: unknown[]): number {
      const isNothing = items.length === 1 && items[0] === undefined;
      if (isNothing && this.length === 0 && !("sequence" in this)) {
        // Arguments that are nothing are pushed too.
        if (new Error().stack?.includes("evaluateGroupExpression (") === true) note();
      }
      return Reflect.apply(push, this, items);
    };
  }

  end(): void {
    // oxlint-disable-next-line no-extend-native -- the original
    Array.prototype.push = this.#push;
  }
}

/** Whether ours stopped at a limit that the package does not have. */
export function isLimit(outcome: Outcome): boolean {
  return TOO_MUCH.test(outcome);
}

function hasFunction(value: unknown): boolean {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null) return false;
  if ("_jsonata_lambda" in value || "_jsonata_function" in value) return true;
  return Object.values(value).some(hasFunction);
}

function hasNoJson(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  return typeof value === "object" && value !== null && Object.values(value).some(hasNoJson);
}
