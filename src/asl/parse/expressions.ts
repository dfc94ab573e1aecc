// Reads JSONata where a definition may have it: single fields, and templates (Arguments, Output, Assign …) with
// expressions at any depth.
//
// Knows:          what the service refuses of an expression before it runs, in its words (as measured).
// Does not know:  how an expression is evaluated (../expressions.ts).
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html

import { type Json, isArray, isObject, setMember } from "../../base/json.ts";
import type { Expression, Scope, Template } from "../ast.ts";
import { STATES_MEMBERS, expressionText, makeExpression, statesReferences } from "../expressions.ts";
import { JsonataError, type JsonataExpression, compileJsonata, illegalReferences } from "../jsonata/index.ts";
import { type Place, inside, locationOf } from "./place.ts";
import type { Reading } from "./reading.ts";

/** An expression, its text without the brackets. What is wrong with it was reported when the answer is undefined. */
export function readExpression(text: string, place: Place, reading: Reading): Expression | undefined {
  let compiled: JsonataExpression;
  try {
    compiled = compileJsonata(text);
  } catch (fault) {
    if (!(fault instanceof JsonataError)) throw fault;
    return reading.report("ERROR", "INVALID_JSONATA_EXPRESSION", fault.message, place, {
      value: text,
      ...(fault.position === undefined ? {} : { expected: `JSONata (at character ${fault.position})` }),
    });
  }
  const field = locationOf(place).slice(reading.statePointer.length + 1);
  const isRight = checkReferences(compiled, place, reading) && checkStates(compiled, field, place, reading);
  return isRight ? makeExpression(text, field, compiled) : undefined;
}

/** There is no context item: what would read it means nothing. */
function checkReferences({ ast }: JsonataExpression, place: Place, reading: Reading): boolean {
  const names = new Set(illegalReferences(ast).map((each) => each.reference));
  for (const name of names) {
    reading.report(
      "ERROR",
      "UNSUPPORTED_JSONATA_EXPRESSION",
      `Reference to '${name}'${name === "$$" ? "" : " at the top level"} is not supported.`,
      place,
      {
        expected: "a path that begins with $states or with a variable",
        suggestion: name.startsWith("$")
          ? 'Did you mean "$states.input"?'
          : `Did you mean "$states.input.${name}"?`,
      },
    );
  }
  return names.size === 0;
}

/** Members of $states that do not exist where the expression stands. */
function checkStates({ ast }: JsonataExpression, field: string, place: Place, reading: Reading): boolean {
  const existing = STATES_MEMBERS.filter((member) => {
    if (member === "result") return reading.hasResult && /^(?:Output|Assign)(?![^/[])/u.test(field);
    return member !== "errorOutput" || /^Catch\[\d+\]\/(?:Output|Assign)(?![^/[])/u.test(field);
  });
  let isRight = true;
  for (const member of statesReferences(ast).members) {
    if (existing.some((name) => name === member)) continue;
    isRight = false;
    reading.report(
      "ERROR",
      "UNSUPPORTED_JSONATA_EXPRESSION",
      `Field '$states.${member}' does not exist.`,
      place,
      {
        expected: `one of [${existing.map((name) => `$states.${name}`).join(", ")}]`,
        suggestion: reading.didYouMean(member, existing),
      },
    );
  }
  return isRight;
}

/** A part of a template: a constant, an expression, or a closure that builds an array or an object. */
type Part = { readonly constant: Json } | Template;

/** Objects, arrays and texts as they are, but with the values of their expressions. */
export function readJsonataTemplate(value: Json, place: Place, reading: Reading): Template | undefined {
  const part = readPart(value, place, reading);
  if (part === undefined || "evaluate" in part) return part;
  return { evaluate: () => part.constant };
}

function readPart(value: Json, place: Place, reading: Reading): Part | undefined {
  if (typeof value === "string") {
    const text = expressionText(value);
    return text === undefined ? { constant: value } : readExpression(text, place, reading);
  }
  if (isArray(value)) {
    const items = value.map((item, index) => readPart(item, inside(place, index), reading));
    const parts = items.filter((part) => part !== undefined);
    if (parts.length < items.length) return undefined;
    if (parts.every((part) => "constant" in part)) return { constant: value };
    return { evaluate: (scope) => parts.map((part) => valueOf(part, scope)) };
  }
  if (!isObject(value)) return { constant: value };
  const members: [name: string, part: Part][] = [];
  let isRight = true;
  for (const [name, member] of Object.entries(value)) {
    const part = readPart(member, inside(place, name), reading);
    if (part === undefined) isRight = false;
    else members.push([name, part]);
  }
  if (!isRight) return undefined;
  if (members.every(([, part]) => "constant" in part)) return { constant: value };
  return {
    evaluate: (scope) => {
      const object = {};
      for (const [name, part] of members) setMember(object, name, valueOf(part, scope));
      return object;
    },
  };
}

function valueOf(part: Part, scope: Scope): Json {
  return "evaluate" in part ? part.evaluate(scope) : part.constant;
}
