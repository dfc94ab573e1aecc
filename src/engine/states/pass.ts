// Pass. Spec: https://states-language.net/spec.html#pass-state

import type { PassState } from "../../asl/ast.ts";
import { Payload } from "../../base/json.ts";
import { exitWithResult } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { inputOf, scopeOf } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** @throws StatesError */
export function enterPass(turn: Turn, frame: Frame, state: PassState): void {
  const input = inputOf(turn, frame, state);
  const parameters = state.parameters;
  const result =
    state.result ??
    (parameters === undefined ? input : Payload.ofValue(parameters.evaluate(scopeOf(turn, frame, input))));
  exitWithResult(turn, frame, state, result);
}
