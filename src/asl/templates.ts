// Payload templates: `{"name.$": "$.user.name", "kind": "fixed"}` compiled to a closure that builds the payload.
//
// Knows:          keys that end in `.$`, what may stand there, how a missing value is reported.
// Does not know:  which field of which state the template belongs to.
//
// Invariants
//   L1. What does not depend on the Scope is made once and shared by all evaluations.
//   L2. Keys are data: a member named `__proto__` comes out as one.
//
// Spec: https://states-language.net/spec.html#payload-template

import { type Json, isArray, isObject, setMember } from "../base/json.ts";
import type { Scope, Template } from "./ast.ts";
import { StatesError } from "./errors.ts";
import { type Intrinsic, compileIntrinsic } from "./intrinsics/index.ts";
import { InvalidExpression } from "./invalid-expression.ts";
import { type CompiledPath, compilePath } from "./paths/index.ts";

/** A part of a template: a constant, or a closure. */
type Part =
  | { readonly constant: Json; readonly evaluate?: never }
  | { readonly evaluate: (scope: Scope) => Json; readonly constant?: never };

/**
 * Parameters, ResultSelector, ItemSelector, Assign, Credentials: objects, arrays and texts as they are, except
 * that a member `k.$` becomes `k` with the value of its path or intrinsic function.
 *
 * @throws InvalidExpression with `at` (the member) and `field` (its key)
 */
export function compileTemplate(template: Json): Template {
  return asTemplate(compilePart(template, ""));
}

/**
 * A field that is a path or a call by itself: ErrorPath, CausePath.
 *
 * @param field Its name in errors: `The JSONPath '$.e' specified for the field 'ErrorPath' could not be found …`
 * @throws InvalidExpression
 */
export function compileFieldExpression(text: string, field: string): Template {
  return { evaluate: compileExpression(text, field, undefined) };
}

/** The variables (`$name`) that a path or a call mentions, each once; none if `text` is neither. */
export function referencedVariables(text: string): readonly string[] {
  try {
    return parseExpression(text)?.variables ?? [];
  } catch (error) {
    if (error instanceof InvalidExpression) return [];
    throw error;
  }
}

function asTemplate(part: Part): Template {
  if (part.evaluate !== undefined) return { evaluate: part.evaluate };
  const { constant } = part;
  return { evaluate: () => constant };
}

function compilePart(template: Json, at: string): Part {
  if (isArray(template)) {
    const parts = template.map((item, i) => compilePart(item, `${at}/${i}`));
    if (parts.every((part) => part.evaluate === undefined)) return { constant: template };
    return { evaluate: (scope) => parts.map((part) => valueOf(part, scope)) };
  }
  if (!isObject(template)) return { constant: template };
  const members: [name: string, part: Part][] = [];
  for (const [key, value] of Object.entries(template)) {
    const pointer = `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!key.endsWith(".$")) {
      members.push([key, compilePart(value, pointer)]);
      continue;
    }
    const name = key.slice(0, -2);
    if (Object.hasOwn(template, name)) {
      throw new InvalidExpression(`The fields '${name}' and '${key}' cannot be used together`, {
        at: pointer,
        field: key,
      });
    }
    if (typeof value !== "string") throw notAnExpression(key, pointer, undefined);
    members.push([name, { evaluate: compileExpression(value, key, pointer) }]);
  }
  if (members.every(([, part]) => part.evaluate === undefined)) return { constant: template };
  return {
    evaluate: (scope) => {
      const object = {};
      for (const [name, part] of members) setMember(object, name, valueOf(part, scope));
      return object;
    },
  };
}

function valueOf(part: Part, scope: Scope): Json {
  return part.evaluate === undefined ? part.constant : part.evaluate(scope);
}

function parseExpression(text: string): CompiledPath | Intrinsic | undefined {
  if (text.startsWith("$")) return compilePath(text);
  return text.startsWith("States.") ? compileIntrinsic(text) : undefined;
}

function compileExpression(text: string, field: string, at: string | undefined): (scope: Scope) => Json {
  let expression: CompiledPath | Intrinsic | undefined;
  try {
    expression = parseExpression(text);
  } catch (error) {
    throw error instanceof InvalidExpression ? notAnExpression(field, at, error) : error;
  }
  if (expression === undefined) throw notAnExpression(field, at, undefined);
  if ("evaluate" in expression) return expression.evaluate;
  const path = expression;
  return (scope) => {
    const value = path.find(scope);
    if (value !== undefined) return value;
    // The service gives null for an item past the end of an array here, but nowhere else.
    if (path.endsPastArray(scope)) return null;
    const input = JSON.stringify(path.documentOf(scope) ?? scope.input);
    throw new StatesError(
      "States.Runtime",
      `The JSONPath '${text}' specified for the field '${field}' could not be found in the input '${input}'`,
    );
  };
}

function notAnExpression(
  field: string,
  at: string | undefined,
  why: InvalidExpression | undefined,
): InvalidExpression {
  const suggestion = why?.suggestion ?? why?.message;
  return new InvalidExpression(
    `The value for the field '${field}' must be a valid JSONPath or a valid intrinsic function call`,
    {
      field,
      ...(at === undefined ? {} : { at }),
      ...(suggestion === undefined ? {} : { suggestion }),
    },
  );
}
