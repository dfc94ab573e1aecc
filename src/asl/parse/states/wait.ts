// Spec: https://states-language.net/spec.html#wait-state

import type { Json } from "../../../base/json.ts";
import { parseTimestampMs } from "../../../base/time.ts";
import type { WaitState } from "../../ast.ts";
import { checkNoPath } from "../../rules/no-path.ts";
import {
  COMMON,
  INPUT_OUTPUT,
  type StateSource,
  TRANSITION,
  checkTransition,
  headOf,
  readState,
} from "../common.ts";
import { checkOneOf } from "../fields.ts";
import type { Place } from "../place.ts";
import type { Reading } from "../reading.ts";
import { integer, path, string } from "../values.ts";

const WAIT = {
  ...COMMON,
  Seconds: { expression: true, read: integer(0) },
  Timestamp: { expression: true, read: timestamp },
  SecondsPath: { language: "JSONPath", read: path },
  TimestampPath: { language: "JSONPath", read: path },
  ...INPUT_OUTPUT,
  ...TRANSITION,
} as const;

export function readWait(source: StateSource, reading: Reading): WaitState {
  const values = readState(source, WAIT, reading);
  checkOneOf(
    source.object,
    ["Seconds", "Timestamp", "SecondsPath", "TimestampPath"],
    true,
    source.place,
    reading,
  );
  checkTransition(source, reading);
  return {
    ...headOf(source),
    type: "Wait",
    ...values,
  };
}

/** A constant moment, in epoch milliseconds. */
function timestamp(value: Json, place: Place, reading: Reading): number | undefined {
  const text = string(value, place, reading);
  if (text === undefined) return undefined;
  const ms = parseTimestampMs(text);
  if (ms !== undefined) return ms;
  checkNoPath(text, place, reading);
  return reading.fault("String does not match RFC3339 timestamp", place, {
    expected: "a time with an offset: 2026-03-14T01:59:00Z",
    value,
  });
}
