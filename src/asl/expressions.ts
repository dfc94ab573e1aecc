// JSONata in a definition: `{% … %}` compiled to an Expression, whose failures are those of a running state.
//
// Knows:          the brackets, $states, the words in which the service reports a failed evaluation.
// Does not know:  JSONata itself (jsonata/), which field of which state may hold an expression (parse/).
//
// Invariants
//   X1. A text is an expression exactly if it begins with `{%` and ends with `%}`; anything else is itself.
//   X2. Only the members of $states that an expression mentions are made for it.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html; causes as recorded.

import { type Json, isArray, isObject } from "../base/json.ts";
import type { Expression, Scope, StatesMember } from "./ast.ts";
import { QueryEvaluationError } from "./errors.ts";
import {
  JsonataError,
  type JsonataExpression,
  JsonataFunction,
  type JsonataNode,
  type JsonataResult,
} from "./jsonata/index.ts";
import { childrenOf } from "./jsonata/ast.ts";

const OPEN = "{%";
const CLOSE = "%}";

/** What stands between the brackets, without the blanks around it; undefined if `text` is no expression (X1). */
export function expressionText(text: string): string | undefined {
  if (!text.startsWith(OPEN) || !text.endsWith(CLOSE) || text.length < OPEN.length + CLOSE.length) return;
  return text.slice(OPEN.length, -CLOSE.length).trim();
}

export const STATES_MEMBERS: readonly StatesMember[] = ["input", "result", "errorOutput", "context"];

/**
 * The members of $states that an expression mentions, misspelt ones included.
 * `whole`: it also uses $states as a value of its own.
 */
export function statesReferences(ast: JsonataNode): {
  readonly members: ReadonlySet<string>;
  readonly whole: boolean;
} {
  const members = new Set<string>();
  let whole = false;
  const visit = (node: JsonataNode): void => {
    if (node.type === "path") {
      const [first, second] = node.steps;
      if (first !== undefined && isStates(first) && second?.type === "name") {
        members.add(second.value);
        for (const part of childrenOf(node)) if (part !== first) visit(part);
        return;
      }
    }
    if (isStates(node)) whole = true;
    for (const child of childrenOf(node)) visit(child);
  };
  visit(ast);
  return { members, whole };
}

function isStates(node: JsonataNode): boolean {
  return node.type === "variable" && node.value === "states" && node.predicate === undefined;
}

type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

/** @param field As the service names it in causes: `Output/total`, `Choices[0]/Condition`. */
export function makeExpression(text: string, field: string, compiled: JsonataExpression): Expression {
  const { members, whole } = statesReferences(compiled.ast);
  const needed = whole ? STATES_MEMBERS : STATES_MEMBERS.filter((member) => members.has(member));
  const fail = (what: string): QueryEvaluationError =>
    new QueryEvaluationError(
      `The JSONata expression '${text}' specified for the field '${field}' ${what}`,
      field,
    );

  const evaluate = (scope: Scope): Json => {
    const bindings = {
      get: (name: string): Json | undefined =>
        name === "states" ? scope.states(needed) : scope.variable(name),
    };
    const { nowMs, random, jsonataLimits: limits, meter } = scope;
    let value: JsonataResult;
    try {
      value = compiled.evaluate(bindings, { nowMs, random, limits, meter });
    } catch (fault) {
      if (!(fault instanceof JsonataError)) throw fault;
      throw fail(`threw an error during evaluation${wording(fault)}`);
    }
    if (value === undefined) throw fail("returned nothing (undefined).");
    if (value instanceof JsonataFunction) throw fail("returned an unsupported result type.");
    return value;
  };
  const evaluateAs = (scope: Scope, expected: JsonType): Json => {
    const value = evaluate(scope);
    const actual = typeOf(value);
    if (actual === expected) return value;
    throw fail(
      `returned an unexpected result type. Expected '${expected}', but was '${actual}' for value: ${JSON.stringify(value)}`,
    );
  };
  return {
    text,
    field,
    evaluate,
    array: (scope) => evaluateAs(scope, "array") as readonly Json[],
    boolean: (scope) => evaluateAs(scope, "boolean") as boolean,
    string: (scope) => evaluateAs(scope, "string") as string,
    number: (scope, isRight, expected) => {
      const value = evaluateAs(scope, "number") as number;
      if (isRight(value)) return value;
      throw fail(`returned a value out of range. Expected ${expected}, but was: ${value}`);
    },
  };
}

/** The service has sentences of its own for what its bounds end. */
const OUT_OF_BOUNDS: ReadonlyMap<string, string> = new Map([
  [
    "D1011",
    "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
  ],
  ["D1012", "Expression evaluation timeout: Check for infinite loop"],
  ...["D1014", "D2014", "D2015"].map(
    (code) =>
      [code, "Expression evaluation memory limit exceeded: Check for excessive memory usage"] as const,
  ),
]);

/** The rest has the code and the words of JSONata. */
function wording({ code, message }: JsonataError): string {
  const sentence = OUT_OF_BOUNDS.get(code);
  return sentence === undefined ? `. ${code}: ${message}` : `: ${sentence}`;
}

function typeOf(value: Json): JsonType {
  if (value === null) return "null";
  if (isArray(value)) return "array";
  if (isObject(value)) return "object";
  return typeof value as JsonType;
}
