// A Scope for tests of expressions.

import type { Scope } from "../../src/asl/ast.ts";
import { StatesError } from "../../src/asl/errors.ts";
import { InvalidExpression } from "../../src/asl/invalid-expression.ts";
import { DEFAULT_JSONATA_LIMITS } from "../../src/asl/jsonata/index.ts";
import { type Json, type JsonObject, member } from "../../src/base/json.ts";
import { Random } from "../../src/base/random.ts";

export function scopeOf(input: Json, context: Json = {}, variables: JsonObject = {}): Scope {
  return {
    input,
    context: () => context,
    variable: (name) => member(variables, name),
    random: new Random([1, 2, 3, 4]),
    nowMs: 0,
    jsonataLimits: DEFAULT_JSONATA_LIMITS,
    meter: { steps: 0 },
    states: () => ({ input, context }),
  };
}

/** The value, or `error: cause` of a failure of the workflow, or `invalid: message` of one to compile. */
export function outcome(evaluate: () => Json): Json {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof StatesError) return `${error.error}: ${error.cause}`;
    if (error instanceof InvalidExpression) return `invalid: ${error.message}`;
    throw error;
  }
}
