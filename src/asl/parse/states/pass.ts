// Spec: https://states-language.net/spec.html#pass-state

import type { PassState } from "../../ast.ts";
import { checkPassResult } from "../../rules/pass-result-is-static.ts";
import {
  COMMON,
  INPUT_OUTPUT,
  PARAMETERS,
  RESULT_PATH,
  type StateSource,
  TRANSITION,
  checkTransition,
  headOf,
  readState,
} from "../common.ts";
import type { Field } from "../fields.ts";
import type { Reading } from "../reading.ts";
import { payload } from "../values.ts";
import type { Payload } from "../../../base/json.ts";

const result: Field<Payload> = {
  language: "JSONPath",
  read: (value, place, reading) => {
    checkPassResult(value, place, reading);
    return payload(value, place, reading);
  },
};

const PASS = {
  ...COMMON,
  ...INPUT_OUTPUT,
  ...PARAMETERS,
  Result: result,
  ...RESULT_PATH,
  ...TRANSITION,
};

export function readPass(source: StateSource, reading: Reading): PassState {
  const values = readState(source, PASS, reading);
  checkTransition(source, reading);
  return { ...headOf(source), type: "Pass", ...values };
}
