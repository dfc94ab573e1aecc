// Fail. Writes no exit event. Spec: https://states-language.net/spec.html#fail-state

import type { Expression, FailState, Template } from "../../asl/ast.ts";
import { StatesError } from "../../asl/errors.ts";
import type { Frame } from "../execution.ts";
import { failState } from "../failure.ts";
import { scopeOf, statesScope } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** @throws StatesError */
export function enterFail(turn: Turn, frame: Frame, state: FailState): void {
  const error = state.error ?? text(turn, frame, "ErrorPath", state.errorPath);
  const cause = state.cause ?? text(turn, frame, "CausePath", state.causePath);
  const evaluate = (value: string | Expression | undefined): string | undefined =>
    typeof value === "object" ? value.string(statesScope(turn, frame)) : value;
  failState(turn, frame, { error: evaluate(error), cause: evaluate(cause) });
}

function text(turn: Turn, frame: Frame, field: string, template: Template | undefined): string | undefined {
  if (template === undefined) return undefined;
  const value = template.evaluate(scopeOf(turn, frame, frame.input));
  if (typeof value === "string") return value;
  throw new StatesError(
    "States.Runtime",
    `The ${field} parameter does not reference a string: ${JSON.stringify(value)}`,
  );
}
