// Wait. The moment of waking is recorded, not the seconds; it is a moment of the wall clock.
//
// Spec: https://states-language.net/spec.html#wait-state; causes as recorded from the service.

import type { Expression, Path, WaitState } from "../../asl/ast.ts";
import { QueryEvaluationError, StatesError } from "../../asl/errors.ts";
import type { Json } from "../../base/json.ts";
import { parseTimestampMs } from "../../base/time.ts";
import { exitWithInput } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { inputOf, scopeOf, statesScope } from "../scope.ts";
import type { Turn } from "../turn.ts";

/** The service refuses to wait 2^31 seconds and more. */
const LONGEST_WAIT_MS = 2 ** 31 * 1000;

/** @throws StatesError States.Runtime, States.QueryEvaluationError */
export function enterWait(turn: Turn, frame: Frame, state: WaitState): void {
  const untilMs = wakeAtMs(turn, frame, state);
  if (untilMs - turn.nowMs >= LONGEST_WAIT_MS)
    throw new StatesError("States.Runtime", "Wait state delay is too long.");
  if (untilMs <= turn.nowMs) exitWait(turn, frame, state);
  else turn.emit({ kind: "WaitStarted", frame: frame.id, untilMs });
}

/** The moment has come. @throws StatesError */
export function exitWait(turn: Turn, frame: Frame, state: WaitState): void {
  exitWithInput(turn, frame, state, inputOf(turn, frame, state));
}

function wakeAtMs(turn: Turn, frame: Frame, state: WaitState): number {
  const { seconds: given, timestamp: moment } = state;
  if (typeof given === "object") {
    const scope = statesScope(turn, frame);
    return turn.nowMs + given.number(scope, isWholeSeconds, "an integer from 0 to 99999999") * 1000;
  }
  if (given !== undefined) return turn.nowMs + given * 1000;
  if (typeof moment === "object") return momentOf(moment, turn, frame);
  if (moment !== undefined) return moment;
  if (state.secondsPath !== undefined) {
    const seconds = lookUp(turn, frame, state, "SecondsPath", state.secondsPath);
    const shown = `${state.secondsPath.text} == ${plain(seconds)}`;
    if (!isLong(seconds)) {
      throw new StatesError(
        "States.Runtime",
        `The SecondsPath parameter cannot be parsed as a long value: ${shown}`,
      );
    }
    if (Number(seconds) < 0) {
      throw new StatesError(
        "States.Runtime",
        `The SecondsPath parameter references a negative value: ${shown}`,
      );
    }
    return turn.nowMs + Number(seconds) * 1000;
  }
  const path = state.timestampPath as Path;
  const timestamp = lookUp(turn, frame, state, "TimestampPath", path);
  const momentMs = typeof timestamp === "string" ? parseTimestampMs(timestamp) : undefined;
  if (momentMs !== undefined) return momentMs;
  throw new StatesError(
    "States.Runtime",
    `The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: ${path.text} == ${plain(timestamp)}`,
  );
}

function isWholeSeconds(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 99_999_999;
}

function momentOf(expression: Expression, turn: Turn, frame: Frame): number {
  const text = expression.string(statesScope(turn, frame));
  const momentMs = parseTimestampMs(text);
  if (momentMs !== undefined) return momentMs;
  throw new QueryEvaluationError(
    `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`,
    expression.field,
    true,
  );
}

function lookUp(turn: Turn, frame: Frame, state: WaitState, field: string, path: Path): Json {
  const value = path.find(scopeOf(turn, frame, inputOf(turn, frame, state)));
  if (value !== undefined) return value;
  throw new StatesError(
    "States.Runtime",
    `The ${field} parameter does not reference an input value: ${path.text}`,
  );
}

/** An integer, as a number or as the text of one. */
function isLong(value: Json): boolean {
  return Number.isInteger(value) || (typeof value === "string" && /^-?\d{1,18}$/.test(value));
}

/** As the service shows values in causes: texts without quotes. */
function plain(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
