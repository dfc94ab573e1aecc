// Map, and the fields that both its modes have. Inline: one frame for each item, MaxConcurrency of them at a time; the result is the array of their
// outputs in the order of the items; the first that fails ends the state.
//
// Spec: https://states-language.net/spec.html#map-state; causes as recorded from the service.

import type { Expression, MapState, Path } from "../../asl/ast.ts";
import { QueryEvaluationError, StatesError } from "../../asl/errors.ts";
import { isArray, type Json, Payload } from "../../base/json.ts";
import { childrenRest } from "../apply.ts";
import type { Frame } from "../execution.ts";
import { inputOf, mapItems, scopeOf, selectItems, statesScope } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** Also begins a further try. @throws StatesError */
export function enterMap(turn: Turn, frame: Frame, state: MapState): void {
  const input = inputOf(turn, frame, state);
  const maxConcurrency = concurrency(turn, frame, state, input);
  const items = itemsOf(turn, frame, state, input);
  const tolerated = evaluatedTolerance(turn, frame, state, items.length);
  turn.inspect("afterItemsPath", Payload.ofValue(items));
  turn.emit({
    kind: "MapStarted",
    frame: frame.id,
    length: items.length,
    maxConcurrency,
    ...(state.items === undefined ? {} : { items: Payload.ofValue(items) }),
    ...(tolerated === undefined ? {} : { toleratedFailures: tolerated }),
  });
  // Asked here for what may be wrong with it (the service does so after MapStateStarted), and again at a failure.
  toleratedFailures(turn, frame, state);
  startIterations(turn, frame, state);
}

/** The items that are in the input of the state. @throws StatesError when they are no array */
export function itemsOf(turn: Turn, frame: Frame, state: MapState, input: Payload): readonly Json[] {
  const { items: given } = state;
  if (given !== undefined && "array" in given) return given.array(statesScope(turn, frame));
  const items =
    given === undefined ? selectItems(turn, frame, state, input) : given.evaluate(statesScope(turn, frame));
  if (!isArray(items)) {
    if (state.queryLanguage === "JSONata") {
      const shown = JSON.stringify(items);
      throw new QueryEvaluationError(`Map state input must be an array but was: ${shown}`, undefined);
    }
    throw new StatesError(
      "States.Runtime",
      `Reference path "${state.itemsPath?.text ?? "$"}" must point to array.`,
      false,
    );
  }
  return items;
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
        ? Payload.ofValue(value)
        : turn.inspect(
            "afterItemSelector",
            Payload.ofValue(selector.evaluate(scopeOf(turn, frame, input, { item: { index, value } }))),
          );
    turn.emit({ kind: "MapIterationStarted", frame: frame.id, child, index, input: given });
    turn.ready.push({
      kind: "enter",
      frame: rest.children.get(index) as Frame,
      state: state.processor.startAt,
    });
  }
}

/** 0 = no limit. @throws StatesError */
export function concurrency(turn: Turn, frame: Frame, state: MapState, input: Payload): number {
  const { maxConcurrency: given, maxConcurrencyPath: path } = state;
  if (typeof given === "object") return given.number(statesScope(turn, frame), isCount, COUNT);
  if (path === undefined) return given;
  const value = path.read(scopeOf(turn, frame, input));
  const whole = wholeNumber(value);
  if (whole === undefined) throw notA("integer", "MaxConcurrencyPath", path, value);
  if (whole < 0) throw new StatesError("States.Runtime", "MaxConcurrency cannot be negative.");
  return whole;
}

/** The service takes a text of digits for a number. */
export function wholeNumber(value: Json): number | undefined {
  const number = typeof value === "string" && /^-?\d+$/u.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

function decimalNumber(value: Json): number | undefined {
  const number = typeof value === "string" && /^-?\d+(?:\.\d+)?$/u.test(value) ? Number(value) : value;
  return typeof number === "number" ? number : undefined;
}

const COUNT = "an integer that is not negative";
export const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
const isPercentage = (value: number): boolean => value >= 0 && value <= 100;

/** Of expressions: they are evaluated once, and what they gave is recorded. */
function evaluatedTolerance(turn: Turn, frame: Frame, state: MapState, count: number): number | undefined {
  const { toleratedFailureCount, toleratedFailurePercentage } = state;
  if (typeof toleratedFailureCount !== "object" && typeof toleratedFailurePercentage !== "object")
    return undefined;
  const { count: given, percentage } = tolerances(turn, frame, state);
  return tolerance(given, percentage, count);
}

export interface Tolerances {
  readonly count: number | undefined;
  readonly percentage: number | undefined;
}

/** What the fields say, however they say it. @throws StatesError */
export function tolerances(turn: Turn, frame: Frame, state: MapState): Tolerances {
  const { toleratedFailureCount: givenCount, toleratedFailurePercentage: givenPercentage } = state;
  const { toleratedFailureCountPath: countPath, toleratedFailurePercentagePath: percentagePath } = state;
  const numberOf = (
    given: number | Expression | undefined,
    isRight: (value: number) => boolean,
    expected: string,
  ): number | undefined =>
    typeof given === "object" ? given.number(statesScope(turn, frame), isRight, expected) : given;
  let count = numberOf(givenCount, isCount, COUNT);
  let percentage = numberOf(givenPercentage, isPercentage, "a number from 0 to 100");
  if (countPath === undefined && percentagePath === undefined) return { count, percentage };
  const scope = scopeOf(turn, frame, inputOf(turn, frame, state));
  if (countPath !== undefined) {
    const value = countPath.read(scope);
    count = wholeNumber(value);
    if (count === undefined) throw notA("integer", "ToleratedFailureCountPath", countPath, value);
    if (count < 0) throw new StatesError("States.Runtime", "ToleratedFailureCount cannot be negative.");
  }
  if (percentagePath !== undefined) {
    const value = percentagePath.read(scope);
    percentage = decimalNumber(value);
    if (percentage === undefined)
      throw notA("float", "ToleratedFailurePercentagePath", percentagePath, value);
    if (percentage < 0 || percentage > 100) {
      throw new StatesError("States.Runtime", "ToleratedFailurePercentage must be between 0 and 100.");
    }
  }
  return { count, percentage };
}

/** Of a count and a percentage the smaller one binds; without both none is tolerated. */
function tolerance(count: number | undefined, percentage: number | undefined, items: number): number {
  if (count === undefined && percentage === undefined) return 0;
  const share = percentage === undefined ? undefined : Math.floor((items * percentage) / 100);
  return Math.min(count ?? Number.POSITIVE_INFINITY, share ?? Number.POSITIVE_INFINITY);
}

/**
 * How many iterations may fail without failing the Map; 0 unless the state says otherwise.
 * A function of what is recorded: it can be asked again at any time.
 *
 * @throws StatesError States.Runtime
 */
export function toleratedFailures(turn: Turn, frame: Frame, state: MapState): number {
  const { toleratedFailures: recorded, count: items } = childrenRest(frame);
  if (recorded !== undefined) return recorded;
  const { count, percentage } = tolerances(turn, frame, state);
  return tolerance(count, percentage, items);
}

export function notA(type: "integer" | "float", field: string, path: Path, value: Json): StatesError {
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return new StatesError(
    "States.Runtime",
    `The ${field} field refers to value "${shown}" which is not a valid ${type}: ${path.text}`,
  );
}
