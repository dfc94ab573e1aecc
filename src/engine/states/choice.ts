// Choice. The first rule that holds wins. Spec: https://states-language.net/spec.html#choice-state

import type { ChoiceState } from "../../asl/ast.ts";
import { StatesError } from "../../asl/errors.ts";
import { exitWithInput } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { inputOf, scopeOf, statesScope } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** @throws StatesError States.NoChoiceMatched, States.Runtime, States.QueryEvaluationError */
export function enterChoice(turn: Turn, frame: Frame, state: ChoiceState): void {
  const input = inputOf(turn, frame, state);
  const { queryLanguage } = state;
  const scope = queryLanguage === "JSONata" ? statesScope(turn, frame) : scopeOf(turn, frame, input);
  const rule = state.choices.find(({ test }) => test(scope));
  const next = rule?.next ?? state.default;
  if (next === undefined) {
    const cause = "Failed to transition out of the state. The state does not point to a next state.";
    throw new StatesError("States.NoChoiceMatched", cause);
  }
  // A rule's Assign and Output stand in for the state's, which belong to Default.
  const { assign, output } = rule ?? state;
  exitWithInput(
    turn,
    frame,
    {
      queryLanguage,
      next,
      ...(output === undefined ? {} : { output }),
      ...(state.outputPath === undefined ? {} : { outputPath: state.outputPath }),
      ...(assign === undefined ? {} : { assign }),
    },
    input,
  );
}
