// Names: of states (unique in the whole machine, at most 80 characters), of Map labels, of variables.
//
// Spec: https://states-language.net/spec.html#states-fields, #assigning-variables-from-jsonpath

import { type Json, isObject } from "../../base/json.ts";
import { type Place, inside } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";

const MAX_NAME = 80;
const MAX_LABEL = 40;

export function checkStateName(name: string, place: Place, reading: Reading): void {
  if (name === "" || tooLong(name, MAX_NAME)) {
    reading.report("ERROR", "INVALID_STATE_NAME", `Invalid State name: ${name.slice(0, 200)}`, place, {
      expected: `a name of 1 to ${MAX_NAME} characters`,
    });
  }
  if (reading.names.has(name)) duplicateState(name, place, reading);
  else reading.names.set(name, place);
}

export function duplicateState(name: string, place: Place, reading: Reading): void {
  reading.report("ERROR", "DUPLICATE_STATE_NAME", `Duplicate State name: ${name}`, place, {
    expected: "a name that no other state of the machine has, in any block",
  });
}

// What the service forbids in a label: whitespace, wildcards, brackets, special and control characters.
const LABEL = /^[^\s?*<>{}[\]"#%\\^|~`$&,;:/\p{Cc}\p{Cs}\ufffe\uffff]+$/u;

export function checkLabel(value: Json, place: Place, reading: Reading): void {
  if (typeof value === "string" && LABEL.test(value) && !tooLong(value, MAX_LABEL)) return;
  reading.report(
    "ERROR",
    "INVALID_LABEL_NAME",
    `Invalid label name: ${JSON.stringify(value).slice(0, 200)}`,
    place,
    {
      expected: `at most ${MAX_LABEL} characters without whitespace, wildcards, brackets and special characters`,
    },
  );
}

const VARIABLE = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/** The names that an Assign gives: `total`, `total.$`. Its values are a template's business. */
export function checkVariableNames(assign: Json, place: Place, reading: Reading): void {
  if (!isObject(assign)) return;
  for (const key of Object.keys(assign)) {
    const name = key.endsWith(".$") ? key.slice(0, -2) : key;
    if (VARIABLE.test(name) && name !== "states" && !tooLong(name, MAX_NAME)) continue;
    reading.fault(`The variable name '${name.slice(0, 200)}' is not valid`, place, {
      expected: `an identifier of at most ${MAX_NAME} characters, other than 'states'`,
      focus: inside(place, key),
    });
  }
}

/** Counts characters, not UTF-16 units. */
function tooLong(name: string, max: number): boolean {
  return name.length > max && (name.length > 2 * max || Array.from(name).length > max);
}
