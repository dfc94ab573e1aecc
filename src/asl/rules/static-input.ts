// Paths that find nothing in an input that is known: what a Pass state of constants gives to the only state after it.
//
// Invariant
//   K1. No false alarm. Only inputs that are known whole are looked into, and only by paths of plain names; whatever
//       else could have made the input (another way to the state, a ResultPath, an expression) ends the certainty.

import { type Json, isArray, isObject, member } from "../../base/json.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { parsePath } from "../paths/parse.ts";
import { type Place, inside } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { expressionText } from "../expressions.ts";
import { type BlockView, type StateView, objectsIn } from "./views.ts";

/** Fields that read the effective input at once, by type. Choice rules and Parameters come beside these. */
const PATHS: { readonly [type: string]: readonly string[] } = {
  Wait: ["SecondsPath", "TimestampPath"],
  Task: ["TimeoutSecondsPath", "HeartbeatSecondsPath"],
  Map: ["ItemsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath"],
};
const WITH_PARAMETERS: readonly string[] = ["Pass", "Task", "Parallel"];

export function checkStaticInputs(block: BlockView, reading: Reading): void {
  const before = new Map<string, StateView[]>();
  for (const state of block.states.values()) {
    for (const { to } of state.edges) {
      if (to === undefined) continue;
      const list = before.get(to);
      if (list === undefined) before.set(to, [state]);
      else list.push(state);
    }
  }
  for (const [name, earlier] of before) {
    const [only, other] = earlier;
    const state = block.states.get(name);
    if (only === undefined || other !== undefined || state === undefined) continue;
    if (name === block.startAt || state.language !== "JSONPath") continue;
    const input = staticOutput(only);
    if (input !== undefined) checkState(state, input, only.name, reading);
  }
}

/** What a Pass state gives whatever it gets; undefined if that depends on anything. */
function staticOutput(state: StateView): Json | undefined {
  const { object } = state;
  if (state.type !== "Pass") return undefined;
  if (state.language === "JSONata") {
    const output = member(object, "Output");
    return output !== undefined && isConstant(output, "JSONata") ? output : undefined;
  }
  if (["ResultPath", "OutputPath"].some((field) => Object.hasOwn(object, field) && object[field] !== "$")) {
    return undefined;
  }
  const result = member(object, "Result");
  const parameters = member(object, "Parameters");
  if (result !== undefined) return parameters === undefined ? result : undefined;
  return parameters !== undefined && isConstant(parameters, "JSONPath") ? parameters : undefined;
}

function isConstant(value: Json, language: StateView["language"]): boolean {
  if (typeof value === "string") return language === "JSONPath" || expressionText(value) === undefined;
  if (isArray(value)) return value.every((each) => isConstant(each, language));
  if (!isObject(value)) return true;
  return Object.entries(value).every(
    ([key, each]) => (language === "JSONata" || !key.endsWith(".$")) && isConstant(each, language),
  );
}

function checkState(state: StateView, input: Json, from: string, reading: Reading): void {
  const { object, place, type } = state;
  const tell = (text: string, at: Place): void => {
    reading.warn(
      "PATH_NEVER_MATCHES",
      `Nothing is at '${text}': the state before, "${from}", always gives the same output, without it`,
      at,
    );
  };
  const inputPath = member(object, "InputPath") ?? "$";
  if (object["InputPath"] === null || typeof inputPath !== "string") return;
  const effective = find(inputPath, input);
  if (effective === "unknown") return;
  if (effective === "nothing") {
    tell(inputPath, inside(place, "InputPath"));
    return;
  }
  const check = (text: Json | undefined, at: Place): void => {
    if (typeof text === "string" && find(text, effective.value) === "nothing") tell(text, at);
  };
  for (const field of PATHS[type] ?? []) check(member(object, field), inside(place, field));
  if (WITH_PARAMETERS.includes(type)) {
    checkTemplate(member(object, "Parameters"), inside(place, "Parameters"), check);
  }
  if (type === "Choice") {
    for (const [rule, at] of objectsIn(member(object, "Choices"), inside(place, "Choices"))) {
      if (!Object.hasOwn(rule, "IsPresent")) check(member(rule, "Variable"), inside(at, "Variable"));
    }
  }
}

function checkTemplate(
  template: Json | undefined,
  place: Place,
  check: (text: Json | undefined, at: Place) => void,
): void {
  if (isArray(template)) template.forEach((each, index) => checkTemplate(each, inside(place, index), check));
  if (!isObject(template)) return;
  for (const [key, value] of Object.entries(template)) {
    if (key.endsWith(".$")) check(value, inside(place, key));
    else checkTemplate(value, inside(place, key), check);
  }
}

type Found = { readonly value: Json } | "nothing" | "unknown";

/** `unknown` for paths of other roots, and for those that are more than names. */
function find(text: string, input: Json): Found {
  if (!text.startsWith("$")) return "unknown";
  let at: Json | undefined = input;
  try {
    const { root, steps } = parsePath(text);
    if (root.kind !== "input") return "unknown";
    if (!steps.every((step) => step.kind === "member")) return "unknown";
    for (const { name } of steps) {
      at = isObject(at) ? member(at, name) : undefined;
      if (at === undefined) return "nothing";
    }
  } catch (error) {
    if (error instanceof InvalidExpression) return "unknown";
    throw error;
  }
  return { value: at };
}
