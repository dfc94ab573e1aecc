// What a reader of a definition would take for an expression, although it stands where text is only text.

import { type Json, isArray, isObject } from "../../base/json.ts";
import { type Place, inside } from "../parse/place.ts";

const PATH = /^\$\$?(?:\.[\p{L}_]|\[|$)/u;
const INTRINSIC = /^States\.[A-Z][A-Za-z0-9]*\(.*\)$/su;

/** `$`, `$.a`, `$$.Execution.Id`, `$[0]`; not `$5.00`. */
export function looksLikePath(text: string): boolean {
  return PATH.test(text);
}

/** `States.Format('…')`. */
export function looksLikeIntrinsic(text: string): boolean {
  return INTRINSIC.test(text);
}

/** Visits every string member of `value`, at any depth, with its key (the nearest one, for strings in arrays). */
export function visitStrings(
  value: Json,
  place: Place,
  visit: (text: string, key: string, place: Place) => void,
): void {
  walk(value, "", place, visit);
}

function walk(
  value: Json,
  key: string,
  place: Place,
  visit: (text: string, key: string, place: Place) => void,
): void {
  if (typeof value === "string") {
    visit(value, key, place);
  } else if (isArray(value)) {
    value.forEach((element, index) => walk(element, key, inside(place, index), visit));
  } else if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) walk(inner, name, inside(place, name), visit);
  }
}
