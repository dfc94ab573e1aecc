// Paths: text compiled once to closures over a Scope.
//
// Knows:          the roots `$`, `$$` and `$name`, and how a missing value is reported.
// Does not know:  the fields that hold paths. Templates word a missing value in their own way, with `documentOf`.
//
// Invariants
//   I1. `find` gives undefined exactly where `read` throws for want of a value.
//   I2. A path of members and indices, as nearly all are, is a loop over its keys: no allocation, no parsing.
//
// Spec: https://states-language.net/spec.html#path, https://github.com/json-path/JsonPath

import { unreachable } from "../../base/assert.ts";
import { type Json, isArray, isObject } from "../../base/json.ts";
import type { Path, Scope } from "../ast.ts";
import { StatesError } from "../errors.ts";
import { FUEL, child, select, simpleKeys, walk } from "./evaluate.ts";
import { NoValue } from "./functions.ts";
import { javaText } from "./java-text.ts";
import { parsePath } from "./parse.ts";
import { type Root, type Step, stepText } from "./steps.ts";

export { compileReferencePath, unableToApply } from "./reference.ts";

export interface CompiledPath extends Path {
  /** The names of the variables that the text mentions, filters included. */
  readonly variables: readonly string[];
  /** The document that the path is applied to; undefined for a variable without a value. */
  readonly documentOf: (scope: Scope) => Json | undefined;
  /** Whether the path ends in an index, and there is an array there that is too short for it. */
  readonly endsPastArray: (scope: Scope) => boolean;
}

/** @throws InvalidExpression */
export function compilePath(text: string): CompiledPath {
  const { root, steps, definite, variables } = parsePath(text);
  const documentOf = rootReader(root);
  const keys = simpleKeys(steps);

  const search = (scope: Scope): Json | undefined | NoValue => {
    const document = documentOf(scope);
    if (document === undefined) return undefined;
    return select(steps, document, { scope, root: document, fuel: FUEL });
  };
  const find = (scope: Scope): Json | undefined => {
    if (keys !== undefined) {
      const document = documentOf(scope);
      return document === undefined ? undefined : walk(keys, document);
    }
    const found = search(scope);
    return found instanceof NoValue ? undefined : found;
  };
  const read = (scope: Scope): Json => {
    const found = keys === undefined ? search(scope) : find(scope);
    if (found !== undefined && !(found instanceof NoValue)) return found;
    const why = found instanceof NoValue ? found.detail : whyMissing(root, steps, documentOf(scope));
    throw new StatesError("States.Runtime", `Invalid path '${text}' : ${why}`);
  };
  const endsPastArray = (scope: Scope): boolean => {
    const last = keys?.at(-1);
    const document = documentOf(scope);
    if (keys === undefined || typeof last !== "number" || document === undefined) return false;
    const array = walk(keys.slice(0, -1), document);
    return isArray(array) && child(array, last) === undefined;
  };
  const path = { text, definite, variables, documentOf, endsPastArray, find, read };
  return keys !== undefined && root.kind === "input" ? { ...path, plain: keys } : path;
}

function rootReader(root: Root): (scope: Scope) => Json | undefined {
  switch (root.kind) {
    case "context":
      return (scope) => scope.context();
    case "variable": {
      const { name } = root;
      return (scope) => scope.variable(name);
    }
    case "input":
    case "item":
      return (scope) => scope.input;
    default:
      return unreachable(root);
  }
}

/** Why a definite path has no value, in the words of the service's library. */
function whyMissing(root: Root, steps: readonly Step[], document: Json | undefined): string {
  const all = `$${steps.map(stepText).join("")}`;
  if (document === undefined) {
    return root.kind === "variable"
      ? `The variable '${root.name}' has no value`
      : `No results for path: ${all}`;
  }
  let here: Json = document;
  let path = "$";
  for (const [i, step] of steps.entries()) {
    const fragment = stepText(step);
    let next: Json | undefined;
    if (step.kind === "member") {
      if (!isObject(here)) return `Property ${fragment} not found in path ${path}`;
      next = child(here, step.name);
      if (next === undefined && i < steps.length - 1) return `Missing property in path ${path}${fragment}`;
    } else if (step.kind === "index") {
      if (!isArray(here)) {
        return `Filter: ${fragment} can only be applied to arrays. Current context is: ${javaText(here)}`;
      }
      next = child(here, step.index);
    }
    if (next === undefined) break;
    path += fragment;
    here = next;
  }
  return `No results for path: ${all}`;
}
