// NO_DOLLAR: a field of a payload template whose value looks like an expression, but whose name lacks the `.$`.

import type { Json } from "../../base/json.ts";
import type { Place } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { looksLikeIntrinsic, looksLikePath, visitStrings } from "./looks-like.ts";

export function checkNoDollar(template: Json, place: Place, reading: Reading): void {
  visitStrings(template, place, (text, key, at) => {
    if (key === "" || key.endsWith(".$") || !(looksLikePath(text) || looksLikeIntrinsic(text))) return;
    reading.warn(
      "NO_DOLLAR",
      `The value of the field '${key}' looks like a JSONPath or an intrinsic function, but it is taken as text because the field's name does not end with '.$'`,
      at,
      { suggestion: `Did you mean "${key}.$"?` },
    );
  });
}
