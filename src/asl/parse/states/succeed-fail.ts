// The two states that end everything by themselves.
//
// Spec: https://states-language.net/spec.html#succeed-state, #fail-state

import type { Json } from "../../../base/json.ts";
import type { FailState, SucceedState } from "../../ast.ts";
import { checkNoPath } from "../../rules/no-path.ts";
import { COMMON, INPUT_OUTPUT, type StateSource, headOf, readState } from "../common.ts";
import { checkOneOf } from "../fields.ts";
import type { Place } from "../place.ts";
import type { Reading } from "../reading.ts";
import { fieldExpression, string } from "../values.ts";

const SUCCEED = { ...COMMON, ...INPUT_OUTPUT };

const FAIL = {
  ...COMMON,
  Error: { expression: true, read: constantText },
  Cause: { expression: true, read: constantText },
  ErrorPath: { language: "JSONPath", read: fieldExpression("ErrorPath") },
  CausePath: { language: "JSONPath", read: fieldExpression("CausePath") },
} as const;

export function readSucceed(source: StateSource, reading: Reading): SucceedState {
  const values = readState(source, SUCCEED, reading);
  if (reading.graph !== undefined) reading.graph.hasTerminal = true;
  return { ...headOf(source), type: "Succeed", ...values };
}

export function readFail(source: StateSource, reading: Reading): FailState {
  const values = readState(source, FAIL, reading);
  checkOneOf(source.object, ["Error", "ErrorPath"], false, source.place, reading);
  checkOneOf(source.object, ["Cause", "CausePath"], false, source.place, reading);
  if (reading.graph !== undefined) reading.graph.hasTerminal = true;
  return { ...headOf(source), type: "Fail", ...values };
}

function constantText(value: Json, place: Place, reading: Reading): string | undefined {
  checkNoPath(value, place, reading);
  return string(value, place, reading);
}
