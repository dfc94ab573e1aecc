// Map, inline: one frame for each item, MaxConcurrency of them at a time; the result is the array of their
// outputs in the order of the items; the first that fails ends the state.
//
// Spec: https://states-language.net/spec.html#map-state; causes as recorded from the service.

import type { MapState, Path } from "../../asl/ast.ts";
import { StatesError } from "../../asl/errors.ts";
import { isArray, type Json, Payload } from "../../base/json.ts";
import { childrenRest } from "../apply.ts";
import type { Frame } from "../execution.ts";
import { inputOf, mapItems, scopeOf, selectItems } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** Also begins a further try. @throws StatesError */
export function enterMap(turn: Turn, frame: Frame, state: MapState): void {
  const input = inputOf(turn, frame, state);
  const maxConcurrency = concurrency(turn, frame, state, input);
  const items = selectItems(turn, frame, state, input);
  if (!isArray(items)) {
    throw new StatesError(
      "States.Runtime",
      `Reference path "${state.itemsPath?.text ?? "$"}" must point to array.`,
      false,
    );
  }
  turn.emit({ kind: "MapStarted", frame: frame.id, length: items.length, maxConcurrency });
  // Asked here for what may be wrong with it (the service does so after MapStateStarted), and again at a failure.
  toleratedFailures(turn, frame, state);
  startIterations(turn, frame, state);
}

/** Starts iterations while there is room; called again when one has ended. @throws StatesError */
export function startIterations(turn: Turn, frame: Frame, state: MapState): void {
  const rest = childrenRest(frame);
  if (rest.startedCount >= rest.count) return;
  const ceiling = turn.limits.inlineMapConcurrency;
  const most = rest.maxConcurrency === 0 ? ceiling : Math.min(rest.maxConcurrency, ceiling);
  const items = mapItems(turn, frame, state);
  const input = inputOf(turn, frame, state);
  while (rest.startedCount < rest.count && rest.startedCount - rest.endedCount < most) {
    const index = rest.startedCount;
    const value = items[index] as Json;
    const child = turn.execution.nextFrame;
    const selector = state.itemSelector;
    const given =
      selector === undefined
        ? value
        : selector.evaluate(scopeOf(turn, frame, input, { item: { index, value } }));
    turn.emit({ kind: "MapIterationStarted", frame: frame.id, child, index, input: Payload.ofValue(given) });
    turn.ready.push({
      kind: "enter",
      frame: rest.children.get(index) as Frame,
      state: state.processor.startAt,
    });
  }
}

function concurrency(turn: Turn, frame: Frame, state: MapState, input: Payload): number {
  const path = state.maxConcurrencyPath;
  if (path === undefined) return state.maxConcurrency;
  const value = path.read(scopeOf(turn, frame, input));
  if (!Number.isInteger(value)) throw notA("integer", "MaxConcurrencyPath", path, value);
  if ((value as number) < 0) throw new StatesError("States.Runtime", "MaxConcurrency cannot be negative.");
  return value as number;
}

/**
 * How many iterations may fail without failing the Map; 0 unless the state says otherwise. Of a count and a
 * percentage the smaller one binds. A function of the recorded input: it can be asked again at any time.
 *
 * @throws StatesError States.Runtime
 */
export function toleratedFailures(turn: Turn, frame: Frame, state: MapState): number {
  const { toleratedFailureCountPath: countPath, toleratedFailurePercentagePath: percentagePath } = state;
  let count = state.toleratedFailureCount;
  let percentage = state.toleratedFailurePercentage;
  if (countPath !== undefined || percentagePath !== undefined) {
    const scope = scopeOf(turn, frame, inputOf(turn, frame, state));
    if (countPath !== undefined) {
      const value = countPath.read(scope);
      if (!Number.isInteger(value)) throw notA("integer", "ToleratedFailureCountPath", countPath, value);
      count = value as number;
      if (count < 0) throw new StatesError("States.Runtime", "ToleratedFailureCount cannot be negative.");
    }
    if (percentagePath !== undefined) {
      const value = percentagePath.read(scope);
      if (typeof value !== "number")
        throw notA("float", "ToleratedFailurePercentagePath", percentagePath, value);
      percentage = value;
      if (percentage < 0 || percentage > 100) {
        throw new StatesError("States.Runtime", "ToleratedFailurePercentage must be between 0 and 100.");
      }
    }
  }
  if (count === undefined && percentage === undefined) return 0;
  const share =
    percentage === undefined ? undefined : Math.floor((childrenRest(frame).count * percentage) / 100);
  return Math.min(count ?? Number.POSITIVE_INFINITY, share ?? Number.POSITIVE_INFINITY);
}

function notA(type: "integer" | "float", field: string, path: Path, value: Json): StatesError {
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return new StatesError(
    "States.Runtime",
    `The ${field} field refers to value "${shown}" which is not a valid ${type}: ${path.text}`,
  );
}
