// Pass. Spec: https://states-language.net/spec.html#pass-state

import type { PassState } from "../../asl/ast.ts";
import { exitWithInput, exitWithResult } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { givenTo, inputOf, scopeOf } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** @throws StatesError */
export function enterPass(turn: Turn, frame: Frame, state: PassState): void {
  const input = inputOf(turn, frame, state);
  // JSONata: it has no result of its own.
  if (state.queryLanguage === "JSONata") return exitWithInput(turn, frame, state, input);
  const result = state.result ?? givenTo(turn, state, scopeOf(turn, frame, input), input);
  exitWithResult(turn, frame, state, result);
}
