// The machines of the children of distributed Maps: `<state machine>/<label>`.
//
// They are no resources of their own: such a machine is the ItemProcessor of a Map state in a definition. Its definition
// is that object as it was written; where the machine around it says `QueryLanguage`, that is said in it too, for a
// definition is read by itself.

import { type Json, type JsonObject, isArray, isObject, member, setMember } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { type MapState, parse } from "../../asl/index.ts";
import { labelOf } from "../../engine/index.ts";
import type { Revision } from "../../runtime/interface.ts";

/** The distributed Map with that label; undefined if there is none. */
export function mapLabelled({ definition }: Revision, label: string): MapState | undefined {
  // It was accepted under the limits of its time.
  const { program } = parse(definition, { maxBytes: Number.MAX_SAFE_INTEGER });
  const states = Array.from(program?.states.values() ?? []);
  return states.find(
    (state): state is MapState =>
      state.type === "Map" && state.mode === "DISTRIBUTED" && labelOf(state) === label,
  );
}

/** The revision with the ItemProcessor of that Map state as its definition; undefined if there is no such state. */
export function withItemProcessor(revision: Revision, stateName: string): Revision | undefined {
  const machine = parseJson(revision.definition, { maxDepth: Number.POSITIVE_INFINITY });
  if (!machine.ok || !isObject(machine.value)) return undefined;
  const processor = findProcessor(machine.value, stateName);
  if (processor === undefined) return undefined;
  const language = member(machine.value, "QueryLanguage");
  const own: JsonObject = {};
  if (language !== undefined && member(processor, "QueryLanguage") === undefined) {
    setMember(own, "QueryLanguage", language);
  }
  for (const [name, value] of Object.entries(processor)) setMember(own, name, value);
  return { ...revision, definition: JSON.stringify(own) };
}

function findProcessor(block: Json | undefined, stateName: string): JsonObject | undefined {
  const states = isObject(block) ? member(block, "States") : undefined;
  if (!isObject(states)) return undefined;
  for (const [name, state] of Object.entries(states)) {
    if (!isObject(state)) continue;
    const processor = member(state, "ItemProcessor") ?? member(state, "Iterator");
    if (name === stateName) return isObject(processor) ? processor : undefined;
    const branches = member(state, "Branches");
    for (const inner of [processor, ...(isArray(branches) ? branches : [])]) {
      const found = findProcessor(inner, stateName);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
