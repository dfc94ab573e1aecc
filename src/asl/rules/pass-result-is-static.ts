// PASS_RESULT_IS_STATIC: the Result of a Pass state is given out as it stands; nothing in it is evaluated.

import type { Json } from "../../base/json.ts";
import type { Place } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { looksLikeIntrinsic, looksLikePath, visitStrings } from "./looks-like.ts";

export function checkPassResult(result: Json, place: Place, reading: Reading): void {
  visitStrings(result, place, (text, key, at) => {
    if (!(looksLikePath(text) || (key.endsWith(".$") && looksLikeIntrinsic(text)))) return;
    reading.warn(
      "PASS_RESULT_IS_STATIC",
      "The Result of a Pass state is static: paths in it are not evaluated",
      at,
      {
        suggestion: "Use Parameters to evaluate paths.",
      },
    );
  });
}
