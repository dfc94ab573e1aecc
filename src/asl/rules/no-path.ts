// NO_PATH: a field that takes constant text holds something that looks like a path, and has a twin ending in `Path`.

import type { Json } from "../../base/json.ts";
import type { Place } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { looksLikeIntrinsic, looksLikePath } from "./looks-like.ts";

export function checkNoPath(value: Json, place: Place, reading: Reading): void {
  if (typeof value !== "string" || !(looksLikePath(value) || looksLikeIntrinsic(value))) return;
  const field = String(place.key);
  reading.warn(
    "NO_PATH",
    `The value of the field '${field}' looks like a path, but it is taken as text because the field's name does not end with 'Path'`,
    place,
    { suggestion: `Did you mean "${field}Path"?` },
  );
}
