// Which stages of its data flow the service shows of a state. All facts here were recorded from it.

import type { State, StateType } from "../../asl/ast.ts";
import { fromMembers, Payload } from "../../base/json.ts";
import type { Stage } from "../turn.ts";

const RESULT: readonly Stage[] = ["afterResultSelector", "afterResultPath"];
const MAP: readonly Stage[] = [
  "afterItemsPointer",
  "afterItemSelector",
  "afterItemBatcher",
  "maxConcurrency",
  "toleratedFailureCount",
  "toleratedFailurePercentage",
];

/** The effective input of a Parallel is not shown, nor is the raw result of a Map or Parallel, which is the mock. */
const SHOWN_JSONPATH: Readonly<Record<StateType, readonly Stage[]>> = {
  Pass: ["afterInputPath", "afterParameters", ...RESULT],
  Task: ["afterInputPath", "afterParameters", "result", ...RESULT],
  Choice: ["afterInputPath"],
  Wait: ["afterInputPath"],
  Succeed: ["afterInputPath"],
  Fail: ["afterInputPath"],
  Parallel: RESULT,
  Map: ["afterInputPath", "afterItemsPath", ...MAP, ...RESULT],
};
/** A Pass with a Result looks at nothing else. */
const SHOWN_PASS_WITH_RESULT: readonly Stage[] = ["result", ...RESULT];

const SHOWN_JSONATA: Readonly<Record<StateType, readonly Stage[]>> = {
  Pass: [],
  Task: ["afterArguments", "result"],
  Choice: [],
  Wait: [],
  Succeed: [],
  Fail: [],
  Parallel: [],
  Map: MAP,
};

/**
 * @param told      What the engine told, the latest of each stage: only fields that the state has.
 * @param variables As they are after the state.
 */
export function shownStages(
  state: State,
  input: Payload,
  told: ReadonlyMap<Stage, Payload>,
  variables: ReadonlyMap<string, Payload> | undefined,
): readonly (readonly [Stage | "input", Payload])[] {
  const complete = withDefaults(state, input, told);
  const shown: (readonly [Stage | "input", Payload])[] = [["input", input]];
  for (const stage of shownOf(state)) {
    const value = complete.get(stage);
    if (value !== undefined) shown.push([stage, value]);
  }
  if (variables !== undefined && variables.size > 0) {
    const all = Array.from(variables, ([name, value]) => [name, value.value] as const);
    shown.push(["variables", Payload.ofValue(fromMembers(all))]);
  }
  return shown;
}

function shownOf(state: State): readonly Stage[] {
  if (state.queryLanguage === "JSONata") return SHOWN_JSONATA[state.type];
  if (state.type === "Pass" && state.result !== undefined) return SHOWN_PASS_WITH_RESULT;
  return SHOWN_JSONPATH[state.type];
}

/** JSONPath: a field that the state has not passes on what was there before, and the service shows that. */
function withDefaults(
  state: State,
  input: Payload,
  told: ReadonlyMap<Stage, Payload>,
): ReadonlyMap<Stage, Payload> {
  const complete = new Map(told);
  if (state.queryLanguage === "JSONata") return complete;
  const keep = (stage: Stage, isWritten: boolean, before: Payload | undefined): void => {
    if (!isWritten && before !== undefined) complete.set(stage, before);
  };
  keep("afterInputPath", "inputPath" in state && state.inputPath !== undefined, input);
  keep(
    "afterParameters",
    "parameters" in state && state.parameters !== undefined,
    complete.get("afterInputPath"),
  );
  keep(
    "afterResultSelector",
    "resultSelector" in state && state.resultSelector !== undefined,
    complete.get("result"),
  );
  return complete;
}
