// Which variables each state of a definition reads: the `variableReferences` of DescribeStateMachine.
//
// Reads the text again instead of the Program: a closure does not tell what it will read.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html

import { type Json, type JsonObject, isArray, isObject, member } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import type { QueryLanguage } from "./ast.ts";
import { expressionText } from "./expressions.ts";
import { compileJsonata } from "./jsonata/index.ts";
import { languageOf } from "./parse/common.ts";
import { referencedVariables } from "./templates.ts";

/** Never evaluated, whatever they hold; blocks are visited as states of their own. */
const NOT_READ: ReadonlySet<string> = new Set([
  "Result",
  "ResultPath",
  "Comment",
  "Branches",
  "ItemProcessor",
  "Iterator",
]);

/**
 * The names of the variables that each state reads, sorted; states that read none are left out.
 *
 * @param text A definition that `parse` accepts.
 */
export function variableReferences(text: string): ReadonlyMap<string, readonly string[]> {
  const references = new Map<string, readonly string[]>();
  const json = parseJson(text);
  if (json.ok && isObject(json.value)) {
    visitBlock(json.value, languageOf(member(json.value, "QueryLanguage"), "JSONPath"), references);
  }
  return references;
}

function visitBlock(
  block: JsonObject,
  inherited: QueryLanguage,
  references: Map<string, readonly string[]>,
): void {
  const states = member(block, "States");
  if (!isObject(states)) return;
  for (const [name, state] of Object.entries(states)) {
    if (!isObject(state)) continue;
    const names = new Set<string>();
    const language = languageOf(member(state, "QueryLanguage"), inherited);
    for (const [field, value] of Object.entries(state)) {
      if (NOT_READ.has(field)) continue;
      if (language === "JSONata") visitJsonata(value, names);
      else visitValue(field, value, names);
    }
    if (names.size > 0) references.set(name, Array.from(names).toSorted());
    for (const inner of innerBlocks(state)) visitBlock(inner, inherited, references);
  }
}

function innerBlocks(state: JsonObject): JsonObject[] {
  const branches = member(state, "Branches");
  const candidates = [
    ...(isArray(branches) ? branches : []),
    member(state, "ItemProcessor"),
    member(state, "Iterator"),
  ];
  return candidates.filter((candidate) => isObject(candidate));
}

/** Expressions stand anywhere; $states is no variable of the state machine's. */
function visitJsonata(value: Json, names: Set<string>): void {
  if (typeof value === "string") {
    const text = expressionText(value);
    if (text === undefined) return;
    for (const name of compileJsonata(text).freeVariables) if (name !== "states") names.add(name);
  } else if (isArray(value)) {
    for (const element of value) visitJsonata(element, names);
  } else if (isObject(value)) {
    for (const inner of Object.values(value)) visitJsonata(inner, names);
  }
}

/** Of JSONPath: expressions stand in fields called `….$`, `…Path` and `Variable`; anything else is text. */
function visitValue(field: string, value: Json, names: Set<string>): void {
  if (typeof value === "string") {
    if (!field.endsWith(".$") && !field.endsWith("Path") && field !== "Variable") return;
    for (const name of referencedVariables(value)) names.add(name);
  } else if (isArray(value)) {
    for (const element of value) visitValue(field, element, names);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (key !== "ResultPath") visitValue(key, inner, names);
    }
  }
}
