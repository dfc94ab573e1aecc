// Reference Paths: one place of a document, to put a result in (ResultPath).
//
// Spec: https://states-language.net/spec.html#reference-paths

import { type Json, isArray, isObject, member, withMember } from "../../base/json.ts";
import type { ReferencePath } from "../ast.ts";
import { StatesError } from "../errors.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { simpleKeys } from "./evaluate.ts";
import { parsePath } from "./parse.ts";

/** @throws InvalidExpression for anything that could name more than one place, the context object and variables */
export function compileReferencePath(text: string): ReferencePath {
  const { root, steps } = parsePath(text);
  const keys = simpleKeys(steps);
  if (root.kind !== "input") {
    const what = root.kind === "context" ? "the context object" : "a variable";
    throw new InvalidExpression(
      `The value '${text}' is not a Reference Path: a result cannot be put in ${what}`,
    );
  }
  if (keys === undefined) {
    throw new InvalidExpression(
      `The value '${text}' is not a Reference Path: it must name one place, without '..', '*', ':', ',' or '?'`,
    );
  }
  return { text, isRoot: keys.length === 0, put: (input, result) => putAt(keys, input, result) };
}

/**
 * A copy of `input` with `result` at the end of `keys`; only what lies on the way is copied. Missing objects are
 * made. An item of an array can be replaced, not added.
 */
function putAt(keys: readonly (string | number)[], input: Json, result: Json): Json {
  // Down: what is at each key now. A loop, not a recursion, because a path may have thousands of steps.
  const onTheWay: Json[] = [];
  let here: Json = input;
  for (const key of keys) {
    onTheWay.push(here);
    if (typeof key === "string") {
      if (!isObject(here)) throw mismatch(key, input);
      const found = member(here, key);
      here = found === undefined ? {} : found;
    } else {
      const at = isArray(here) && key < 0 ? here.length + key : key;
      const item = isArray(here) ? here[at] : undefined;
      if (item === undefined) throw mismatch(key, input);
      here = item;
    }
  }
  // Up: copies that hold the new value.
  let made: Json = result;
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i];
    const old = onTheWay[i];
    if (typeof key === "string" && isObject(old)) made = withMember(old, key, made);
    else if (typeof key === "number" && isArray(old)) made = old.with(key, made);
  }
  return made;
}

/** The service calls it States.ReferencePathConflict; the States Language, States.ResultPathMatchFailure. */
function mismatch(key: string | number, input: Json): StatesError {
  return new StatesError(
    "States.ReferencePathConflict",
    unableToApply(key, input),
    true,
    "States.ResultPathMatchFailure",
  );
}

/** How the service says that a document has no place for a step of a Reference Path. */
export function unableToApply(key: string | number, input: Json): string {
  return `Unable to apply step ${typeof key === "string" ? `"${key}"` : String(key)} to input ${JSON.stringify(input)}`;
}
