// Spec: https://states-language.net/spec.html#choice-state

import { type Json, type JsonObject, fromMembers } from "../../../base/json.ts";
import type { ChoiceRule, ChoiceState } from "../../ast.ts";
import { CHOICE_OPERATORS, compileChoiceTest } from "../../choice.ts";
import { expressionText } from "../../expressions.ts";
import type { InvalidExpression } from "../../invalid-expression.ts";
import {
  ASSIGN,
  COMMON,
  INPUT_OUTPUT,
  OUTPUT,
  type StateSource,
  headOf,
  readState,
  target,
} from "../common.ts";
import { readExpression } from "../expressions.ts";
import { type Place, inside } from "../place.ts";
import type { Reading } from "../reading.ts";
import { boolean, compiled, ignored, listOf, notReferencePath, object, string } from "../values.ts";
import { type Field, readFields } from "../fields.ts";

const CHOICE = {
  ...COMMON,
  Choices: { required: true, read: listOf(rule, { allowEmpty: false }) },
  Default: { read: target },
  ...INPUT_OUTPUT,
  ...ASSIGN,
} as const;

/** The part of a rule that is not its test. */
const RULE = { Next: { required: true, read: target }, ...ASSIGN, Comment: { read: string } } as const;

const JSONPATH_ONLY: Field<never> = { language: "JSONPath", read: ignored };
const JSONATA_RULE = {
  Condition: { required: true, read: condition },
  ...RULE,
  Output: OUTPUT,
  ...Object.fromEntries(
    ["Variable", "And", "Or", "Not", ...CHOICE_OPERATORS].map((name) => [name, JSONPATH_ONLY]),
  ),
} as const;
const JSONATA_RULE_FIELDS: readonly string[] = ["Condition", "Output"];

export function readChoice(source: StateSource, reading: Reading): ChoiceState | undefined {
  const values = readState(source, CHOICE, reading);
  const { choices } = values;
  return choices === undefined ? undefined : { ...headOf(source), type: "Choice", ...values, choices };
}

const UNSUPPORTED = /^The field '(.*)' is not supported in a rule$/su;

/** The service's words for what it says of rules in its own way. */
function ruleMessage(reason: string, error: InvalidExpression): string {
  const unsupported = UNSUPPORTED.exec(reason);
  if (unsupported !== null) return `Field '${unsupported[1]}' is not supported`;
  const isNoPath = error.field === "Variable" && error.suggestion?.includes("must begin with '$'") === true;
  return isNoPath ? notReferencePath("", reason) : reason;
}

/** A boolean, or an expression that gives one. */
function condition(value: Json, place: Place, reading: Reading): ChoiceRule["test"] | undefined {
  const text = typeof value === "string" ? expressionText(value) : undefined;
  if (text !== undefined) return readExpression(text, place, reading)?.boolean;
  const constant = boolean(value, place, reading);
  return constant === undefined ? undefined : () => constant;
}

function jsonataRule(source: JsonObject, place: Place, reading: Reading): ChoiceRule | undefined {
  const {
    condition: test,
    next,
    assign,
    output,
  } = readFields(source, JSONATA_RULE, place, reading, "JSONata");
  if (test === undefined || next === undefined) return undefined;
  return {
    test,
    next,
    ...(assign === undefined ? {} : { assign }),
    ...(output === undefined ? {} : { output }),
  };
}

function rule(value: Json, place: Place, reading: Reading): ChoiceRule | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  if (reading.stateLanguage === "JSONata") return jsonataRule(source, place, reading);
  const isOfRule = ([name]: readonly [string, Json]): boolean => Object.hasOwn(RULE, name);
  const members = Object.entries(source);
  const { next, assign } = readFields(
    fromMembers(members.filter(isOfRule)),
    RULE,
    place,
    reading,
    reading.stateLanguage,
  );
  let isRight = true;
  for (const name of JSONATA_RULE_FIELDS.filter((field) => Object.hasOwn(source, field))) {
    isRight = false;
    reading.fault(
      `The QueryLanguage is set to 'JSONPath', but field '${name}' is only supported for the 'JSONata' QueryLanguage`,
      place,
      { focus: inside(place, name) },
    );
  }
  if (!isRight) return undefined;
  const test = fromMembers(members.filter((entry) => !isOfRule(entry)));
  const compiledTest = compiled(place, reading, () => compileChoiceTest(test), {
    message: ruleMessage,
    value: test,
    isAtField: (error) => !UNSUPPORTED.test(error.message),
  });
  if (compiledTest === undefined || next === undefined) return undefined;
  return { test: compiledTest, next, ...(assign === undefined ? {} : { assign }) };
}
