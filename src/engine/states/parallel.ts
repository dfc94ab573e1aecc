// Parallel. Every branch gets the same input; the result is the array of their outputs, in the order of the
// branches; the first that fails ends the state. Spec: https://states-language.net/spec.html#parallel-state

import type { ParallelState } from "../../asl/ast.ts";
import { childrenRest } from "../apply.ts";
import type { Frame } from "../execution.ts";
import { givenTo, inputOf, scopeOf } from "../scope.ts";
import { refer, type Turn } from "../turn.ts";

/** Also begins a further try. @throws StatesError */
export function enterParallel(turn: Turn, frame: Frame, state: ParallelState): void {
  const input = inputOf(turn, frame, state);
  const { branches } = state;
  const given = givenTo(turn, state, scopeOf(turn, frame, input), input);
  turn.emit({
    kind: "ParallelStarted",
    frame: frame.id,
    input: refer(frame, given),
    firstChild: turn.execution.nextFrame,
    count: branches.length,
  });
  const { children } = childrenRest(frame);
  branches.forEach(({ startAt }, index) => {
    turn.ready.push({ kind: "enter", frame: children.get(index) as Frame, state: startAt });
  });
}
