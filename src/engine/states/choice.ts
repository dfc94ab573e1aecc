// Choice. The first rule that holds wins. Spec: https://states-language.net/spec.html#choice-state

import type { ChoiceState } from "../../asl/ast.ts";
import { StatesError } from "../../asl/errors.ts";
import { exitWithInput } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { inputOf, scopeOf } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** @throws StatesError States.NoChoiceMatched, States.Runtime */
export function enterChoice(turn: Turn, frame: Frame, state: ChoiceState): void {
  const input = inputOf(turn, frame, state);
  const scope = scopeOf(turn, frame, input);
  const rule = state.choices.find(({ test }) => test(scope));
  const next = rule?.next ?? state.default;
  if (next === undefined) {
    const cause = "Failed to transition out of the state. The state does not point to a next state.";
    throw new StatesError("States.NoChoiceMatched", cause);
  }
  // A rule's Assign stands in for the state's, which belongs to Default.
  const assign = rule === undefined ? state.assign : rule.assign;
  exitWithInput(
    turn,
    frame,
    {
      next,
      ...(state.outputPath === undefined ? {} : { outputPath: state.outputPath }),
      ...(assign === undefined ? {} : { assign }),
    },
    input,
  );
}
