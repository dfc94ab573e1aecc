// From the raw result of a state to its output: ResultSelector, ResultPath, OutputPath, Assign, and the exit.
//
//   JSONPath  state input → InputPath → Parameters → [work] → result → ResultSelector → ResultPath → OutputPath → output
//   JSONata   state input → Arguments → [work] → result → Output → output
//
// ResultPath puts the result into the raw input of the state; Assign reads the raw result, beside ResultSelector or
// Output. Spec: "Processing input and output", "Transforming data with JSONata" of the developer guide.

import type { Path, QueryLanguage, ReferencePath, Scope, Template } from "../asl/ast.ts";
import { StatesError } from "../asl/errors.ts";
import { isObject, Payload } from "../base/json.ts";
import type { Frame } from "./execution.ts";
import { applyPath, type ContextExtras, scopeOf, statesScope } from "./scope.ts";
import { refer, type Turn } from "./turn.ts";

/** What a state says about its exit. */
export interface Exit {
  readonly queryLanguage: QueryLanguage;
  readonly next?: string;
  readonly output?: Template;
  readonly resultSelector?: Template;
  readonly resultPath?: ReferencePath | null;
  readonly outputPath?: Path | null;
  readonly assign?: Template;
}
type Assigned = readonly (readonly [string, string])[];

/** Leaves the state with the raw `result` of its work. @throws StatesError */
export function exitWithResult(turn: Turn, frame: Frame, exit: Exit, result: Payload): void {
  turn.inspect("result", result);
  if (exit.queryLanguage === "JSONata") return transform(turn, frame, exit, { result }, result);
  const scope = scopeOf(turn, frame, result);
  const selected =
    exit.resultSelector === undefined
      ? result
      : turn.inspect("afterResultSelector", Payload.ofValue(exit.resultSelector.evaluate(scope)));
  const assigned = assignments(turn, exit.assign, scope);
  const combined = turn.inspect("afterResultPath", putResult(exit.resultPath, frame.input, selected));
  leave(turn, frame, exit.next, applyPath(turn, frame, exit.outputPath, combined), assigned);
}

/** Leaves the state with its effective input (Choice, Wait, Succeed). @throws StatesError */
export function exitWithInput(turn: Turn, frame: Frame, exit: Exit, input: Payload): void {
  if (exit.queryLanguage === "JSONata") return transform(turn, frame, exit, {}, input);
  const assigned = assignments(turn, exit.assign, scopeOf(turn, frame, input));
  leave(turn, frame, exit.next, applyPath(turn, frame, exit.outputPath, input), assigned);
}

/** Leaves the state through a Catcher: the error output goes where its ResultPath says. @throws StatesError */
export function exitWithError(turn: Turn, frame: Frame, exit: Exit, errorOutput: Payload): void {
  if (exit.queryLanguage === "JSONata") return transform(turn, frame, exit, { errorOutput }, errorOutput);
  const assigned = assignments(turn, exit.assign, scopeOf(turn, frame, errorOutput));
  leave(turn, frame, exit.next, putResult(exit.resultPath, frame.input, errorOutput), assigned);
}

/** JSONata: Output and Assign see the same values, those of before. Without Output `standard` is the output. */
function transform(
  turn: Turn,
  frame: Frame,
  { next, output, assign }: Exit,
  extras: ContextExtras,
  standard: Payload,
): void {
  const scope = statesScope(turn, frame, extras);
  const transformed = output === undefined ? standard : Payload.ofValue(output.evaluate(scope));
  leave(turn, frame, next, transformed, assignments(turn, assign, scope));
}

function putResult(path: ReferencePath | null | undefined, input: Payload, result: Payload): Payload {
  if (path === undefined || path?.isRoot === true) return result;
  if (path === null) return input;
  return Payload.ofValue(path.put(input.value, result.value));
}

/** @throws StatesError States.DataLimitExceeded when the output is too large: final, as between states on the service */
function leave(
  turn: Turn,
  frame: Frame,
  next: string | undefined,
  output: Payload,
  assigned: Assigned | undefined,
): void {
  if (output.bytes > turn.limits.payloadBytes) {
    const { error, cause } = resultTooLarge(frame.state as string);
    throw new StatesError(error, cause, false, undefined, true);
  }
  turn.emit({
    kind: "StateExited",
    frame: frame.id,
    output: refer(frame, output),
    ...(assigned === undefined ? {} : { assigned }),
  });
  turn.ready.push(next === undefined ? { kind: "end", frame } : { kind: "enter", frame, state: next });
}

/** All values are computed from what was there before; then they are assigned at once. */
function assignments(turn: Turn, assign: Template | undefined, scope: Scope): Assigned | undefined {
  if (assign === undefined) return undefined;
  const values = assign.evaluate(scope);
  if (!isObject(values))
    throw new StatesError("States.Runtime", "The value of the field 'Assign' is not an object.");
  turn.inspect("variables", Payload.ofValue(values));
  const assigned = Object.entries(values).map(([name, value]) => [name, Payload.ofValue(value)] as const);
  if (assigned.length === 0) return undefined;
  const { variableBytes, variablesBytes } = turn.limits;
  let sum = 0;
  for (const [name, { bytes }] of assigned) {
    sum += bytes;
    if (bytes > variableBytes || sum > variableBytes) {
      throw new StatesError(
        "States.DataLimitExceeded",
        `The variable '${name}' exceeds the maximum number of bytes.`,
        false,
      );
    }
  }
  if (sum + bytesOfVariables(turn) > variablesBytes) {
    throw new StatesError(
      "States.DataLimitExceeded",
      "The variables of the execution exceed the maximum number of bytes.",
      false,
    );
  }
  return assigned.map(([name, value]) => [name, value.text] as const);
}

function bytesOfVariables(turn: Turn): number {
  let sum = 0;
  for (const { variables } of turn.execution.frames.values()) {
    if (variables !== undefined) for (const value of variables.values()) sum += value.bytes;
  }
  return sum;
}

/** @param name The state, or for a task its service or function. Spec: recorded wording. */
export function resultTooLarge(name: string): StatesError {
  return new StatesError(
    "States.DataLimitExceeded",
    `The state/task '${name}' returned a result with a size exceeding the maximum number of bytes service limit.`,
    false,
  );
}
