// Succeed. Spec: https://states-language.net/spec.html#succeed-state

import type { SucceedState } from "../../asl/ast.ts";
import { exitWithInput } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { inputOf } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** @throws StatesError */
export function enterSucceed(turn: Turn, frame: Frame, state: SucceedState): void {
  exitWithInput(turn, frame, state, inputOf(turn, frame, state));
}
