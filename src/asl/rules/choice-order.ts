// Choice rules that come too late: one before them takes all that they could take.

import { type JsonObject, fromMembers, member } from "../../base/json.ts";
import { inside } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { type StateView, objectsIn } from "./views.ts";

/** No part of a rule's test. */
const BESIDE: readonly string[] = ["Next", "Assign", "Output", "Comment"];
/** Two evaluations of the same text may differ. */
const CHANGING = /\$(?:random|uuid|now|millis|shuffle)\b/u;

export function checkChoiceOrder(state: StateView, reading: Reading): void {
  if (state.type !== "Choice") return;
  const seen = new Map<string, number>();
  const place = inside(state.place, "Choices");
  for (const [index, [rule, at]] of objectsIn(member(state.object, "Choices"), place).entries()) {
    const key = testOf(rule);
    const earlier = seen.get(key);
    const always = seen.get(ALWAYS);
    if (always !== undefined || earlier !== undefined) {
      reading.warn(
        "NEVER_MATCHES",
        always === undefined
          ? `This rule is never taken: Choices[${earlier}] has the same test`
          : `This rule is never taken: Choices[${always}] is always true`,
        at,
      );
    } else if (!CHANGING.test(key)) {
      seen.set(key, index);
    }
  }
}

function testOf(rule: JsonObject): string {
  return JSON.stringify(fromMembers(Object.entries(rule).filter(([name]) => !BESIDE.includes(name))));
}

const ALWAYS = testOf({ Condition: true });
