// NOT_EVALUATED: text that is an expression in the other language, or would be one if it began and ended with the
// brackets. (Of JSONPath's own slips, NO_DOLLAR and NO_PATH tell.)

import { type Json, isObject, member } from "../../base/json.ts";
import { expressionText } from "../expressions.ts";
import { inside } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { looksLikeIntrinsic, looksLikePath, visitStrings } from "./looks-like.ts";
import { type StateView, objectsIn } from "./views.ts";

const FIELDS: readonly string[] = [
  "Arguments",
  "Parameters",
  "Output",
  "Assign",
  "Items",
  "ItemSelector",
  "ResultSelector",
];
const BRACKETS = /^\s*\{%[\s\S]*%\}\s*$/u;

export function checkNotEvaluated(state: StateView, reading: Reading): void {
  const holders = [[state.object, state.place] as const];
  for (const list of ["Choices", "Catch"]) {
    holders.push(...objectsIn(member(state.object, list), inside(state.place, list)));
  }
  for (const [holder, place] of holders) {
    for (const field of FIELDS) checkField(member(holder, field), inside(place, field), state, reading);
  }
}

function checkField(
  value: Json | undefined,
  place: StateView["place"],
  { language }: StateView,
  reading: Reading,
): void {
  if (value === undefined || (language === "JSONPath" && !isObject(value))) return;
  visitStrings(value, place, (text, key, at) => {
    if (language === "JSONPath") {
      if (!BRACKETS.test(text)) return;
      reading.warn(
        "NOT_EVALUATED",
        "The value looks like a JSONata expression, but it is taken as text in a state of JSONPath",
        at,
        { suggestion: 'Set "QueryLanguage": "JSONata" for the state.' },
      );
    } else if (expressionText(text) === undefined) {
      const isPath = looksLikePath(text) || looksLikeIntrinsic(text);
      if (!BRACKETS.test(text) && !isPath) return;
      reading.warn(
        "NOT_EVALUATED",
        isPath
          ? `The value of '${key}' looks like a JSONPath or an intrinsic function, but it is taken as text in a state of JSONata`
          : "The value looks like a JSONata expression, but it is taken as text: nothing may stand outside of {% and %}",
        at,
      );
    }
  });
}
