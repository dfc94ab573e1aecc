// Advice: what is valid, on AWS too, and yet cannot be meant. All of it WARNINGs, with codes of our own.
//
// Knows:          which rules there are.
// Does not know:  faults. It is asked only of definitions that AWS would accept.
//
// Invariants
//   A1. No false alarm: a rule that is not certain says nothing.
//   A2. Linear in the definition, but for searches with a budget (variables.ts, suggest.ts).

import { type JsonObject, isObject, member } from "../../base/json.ts";
import { type Place, inside } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { parseResource } from "../resource.ts";
import { CERTAIN_PARAMETERS, memberNames } from "../service-parameters.ts";
import { Suggester } from "../suggest.ts";
import { checkChoiceOrder } from "./choice-order.ts";
import { checkContextMembers, checkTaskToken } from "./context-members.ts";
import { checkEndless } from "./endless.ts";
import { checkErrorNames } from "./error-names.ts";
import { checkNotEvaluated } from "./not-evaluated.ts";
import { checkStaticInputs } from "./static-input.ts";
import { type Use, usesOf } from "./uses.ts";
import { checkVariables } from "./variables.ts";
import { type StateView, blocksOf, viewMachine } from "./views.ts";

export function advise(machine: JsonObject, place: Place, reading: Reading): void {
  const blocks = blocksOf(viewMachine(machine, place));
  const uses = new Map<StateView, readonly Use[]>();
  const suggester = new Suggester();
  for (const block of blocks) {
    for (const state of block.states.values()) {
      const ofState = usesOf(state);
      uses.set(state, ofState);
      checkErrorNames(state, suggester, reading);
      checkChoiceOrder(state, reading);
      checkNotEvaluated(state, reading);
      checkContextMembers(ofState, reading);
      checkTaskToken(state, ofState, reading);
      checkParameters(state, reading);
    }
    checkEndless(block, reading);
    checkStaticInputs(block, reading);
  }
  checkVariables(blocks, uses, reading);
}

/** Parameters of integrations that this version does not run, but whose API is known. */
function checkParameters({ object, type, place, language }: StateView, reading: Reading): void {
  const arn = type === "Task" ? member(object, "Resource") : undefined;
  const resource = typeof arn === "string" ? parseResource(arn) : undefined;
  if (resource?.kind !== "service") return;
  const { service, api } = resource;
  const known = CERTAIN_PARAMETERS.get(`${service}:${api}`);
  const field = language === "JSONata" ? "Arguments" : "Parameters";
  const given = member(object, field);
  if (known === undefined || !isObject(given)) return;
  const at = inside(place, field);
  const allowed = memberNames(known);
  const names = new Map(Object.keys(given).map((key) => [key.replace(/\.\$$/u, ""), key]));
  for (const [name, key] of names) {
    if (allowed.includes(name)) continue;
    reading.warn("UNKNOWN_PARAMETER", `${service}:${api} has no parameter '${name}'`, inside(at, key), {
      expected: `some of [${allowed.join(", ")}]`,
      suggestion: reading.didYouMean(name, allowed),
    });
  }
  const missing = known.required.filter((name) => !names.has(name));
  if (missing.length > 0) {
    reading.warn("MISSING_PARAMETER", `${service}:${api} needs the parameters [${missing.join(", ")}]`, at);
  }
}
