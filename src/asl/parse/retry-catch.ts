// Retry and Catch: which errors, how often, how long between, and where to go.
//
// Spec: https://states-language.net/spec.html#errors

import { type Json, isArray, isObject, member } from "../../base/json.ts";
import type { Catcher, Retrier } from "../ast.ts";
import { ASSIGN, OUTPUT, RESULT_PATH, target } from "./common.ts";
import { type Field, readFields } from "./fields.ts";
import { type Place, inside } from "./place.ts";
import type { Reading } from "./reading.ts";
import { integer, listOf, number, object, oneOf, string } from "./values.ts";

/** The documentation says: less than 31,622,400, a leap year of seconds. */
const MAX_DELAY_SECONDS = 31_622_399;

const ERROR_EQUALS = {
  ErrorEquals: { required: true, read: listOf(string, { allowEmpty: false }) },
} as const;
const COMMENT = { Comment: { read: string } };

const RETRIER = {
  ...ERROR_EQUALS,
  IntervalSeconds: { read: integer(1) },
  MaxAttempts: { read: integer(0) },
  BackoffRate: { read: number(1) },
  MaxDelaySeconds: { read: integer(1, MAX_DELAY_SECONDS) },
  JitterStrategy: { read: oneOf("FULL", "NONE") },
  ...COMMENT,
};

const CATCHER = {
  ...ERROR_EQUALS,
  Next: { required: true, read: target },
  ...RESULT_PATH,
  Output: OUTPUT,
  ...ASSIGN,
  ...COMMENT,
} as const;

function retrier(value: Json, place: Place, reading: Reading): Retrier | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const { comment: _, ...values } = readFields(source, RETRIER, place, reading, undefined);
  return {
    errorEquals: [],
    intervalSeconds: 1,
    maxAttempts: 3,
    backoffRate: 2,
    jitterStrategy: "NONE",
    ...values,
  };
}

function catcher(value: Json, place: Place, reading: Reading): Catcher | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const { comment: _, ...values } = readFields(source, CATCHER, place, reading, reading.stateLanguage);
  const { errorEquals, next } = values;
  return errorEquals === undefined || next === undefined ? undefined : { ...values, errorEquals, next };
}

/** States.ALL stands for every name: beside another, or before the last entry, it would hide what follows. */
function checkStatesAll(value: Json, place: Place, reading: Reading): void {
  if (!isArray(value)) return;
  value.forEach((entry, index) => {
    const names = isObject(entry) ? member(entry, "ErrorEquals") : undefined;
    if (!isArray(names)) return;
    const at = names.indexOf("States.ALL");
    if (at < 0 || (names.length === 1 && index === value.length - 1)) return;
    reading.fault(
      "States.ALL must appear alone and at end of list",
      inside(inside(inside(place, index), "ErrorEquals"), at),
    );
  });
}

export const RETRY_CATCH: {
  readonly Retry: Field<readonly Retrier[]>;
  readonly Catch: Field<readonly Catcher[]>;
} = {
  Retry: {
    read: (value, place, reading) => {
      const retriers = listOf(retrier, { allowEmpty: true })(value, place, reading);
      checkStatesAll(value, place, reading);
      return retriers;
    },
  },
  Catch: {
    read: (value, place, reading) => {
      const catchers = listOf(catcher, { allowEmpty: true })(value, place, reading);
      checkStatesAll(value, place, reading);
      return catchers;
    },
  },
};
