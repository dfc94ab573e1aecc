// Retriers and Catchers that never get an error, and misspelt names of the language's own errors.
//
// The first entry of a list that takes an error decides. States.TaskFailed takes every error but States.Timeout here;
// on AWS some more of the language's own names pass it, so those are never called hidden (no false alarm).
//
// Spec: https://states-language.net/spec.html#error-names, #fallback-states

import { type Json, type JsonObject, isArray, member } from "../../base/json.ts";
import { type Place, inside } from "../parse/place.ts";
import type { Reading } from "../parse/reading.ts";
import { Suggester } from "../suggest.ts";
import { type StateView, objectsIn } from "./views.ts";

const ERROR_NAMES: readonly string[] = [
  "States.ALL",
  "States.TaskFailed",
  "States.Timeout",
  "States.HeartbeatTimeout",
  "States.Permissions",
  "States.DataLimitExceeded",
  "States.Runtime",
  "States.QueryEvaluationError",
  "States.ParameterPathFailure",
  "States.ResultPathMatchFailure",
  "States.BranchFailed",
  "States.NoChoiceMatched",
  "States.IntrinsicFailure",
  "States.ExceedToleratedFailureThreshold",
  "States.ItemReaderFailed",
  "States.ResultWriterFailed",
  "States.Http.Socket",
];
/** Names of the language that States.TaskFailed takes for certain; so it does those that are not of the language. */
const TASK_FAILURES: ReadonlySet<string> = new Set([
  "States.Permissions",
  "States.QueryEvaluationError",
  "States.BranchFailed",
  "States.ExceedToleratedFailureThreshold",
  "States.ItemReaderFailed",
  "States.ResultWriterFailed",
  "States.Http.Socket",
]);
const STATUS_CODE = /^States\.Http\.StatusCode\.\d{3}$/u;
/** Another name that begins with `States.` may be a workflow's own; a slip of so many letters is not. */
const MAX_SLIPS = 2;

export function checkErrorNames(state: StateView, suggester: Suggester, reading: Reading): void {
  for (const field of ["Retry", "Catch"]) {
    checkList(member(state.object, field), field, inside(state.place, field), suggester, reading);
  }
}

function checkList(
  list: Json | undefined,
  field: string,
  place: Place,
  suggester: Suggester,
  reading: Reading,
): void {
  /** Where each name was first seen. */
  const taken = new Map<string, string>();
  for (const [entry, at] of objectsIn(list, place)) {
    const names = namesOf(entry);
    const where = inside(at, "ErrorEquals");
    const fresh: [string, string][] = [];
    const dead: [string, number][] = [];
    names.forEach((name, index) => {
      const why = whyNever(name, taken, fresh);
      if (why !== undefined) dead.push([why, index]);
      fresh.push([name, `${field}[${String(at.key)}]`]);
      checkSpelling(name, inside(where, index), suggester, reading);
    });
    for (const [name, here] of fresh) if (!taken.has(name)) taken.set(name, here);
    if (dead.length === 0) continue;
    const isWhole = dead.length === names.length;
    for (const [why, index] of isWhole ? dead.slice(0, 1) : dead) {
      reading.warn(
        "NEVER_MATCHES",
        isWhole ? `No error ever gets to this entry: ${why}` : `This name never matches: ${why}`,
        isWhole ? at : inside(where, index),
      );
    }
  }
}

function whyNever(
  name: string,
  taken: ReadonlyMap<string, string>,
  fresh: readonly (readonly [string, string])[],
): string | undefined {
  if (name === "States.Runtime") return "States.Runtime is neither retried nor caught";
  const twice = taken.get(name);
  if (twice !== undefined) return `${twice} takes ${name} before`;
  if (fresh.some(([other]) => other === name)) return `${name} stands here twice`;
  const taskFailed = taken.get("States.TaskFailed");
  if (taskFailed !== undefined && (!name.startsWith("States.") || isTaskFailure(name))) {
    return `${taskFailed} takes ${name} before, with States.TaskFailed`;
  }
  const timeout = taken.get("States.Timeout");
  if (name === "States.HeartbeatTimeout" && timeout !== undefined) {
    return `${timeout} takes ${name} before, with States.Timeout`;
  }
  return undefined;
}

function isTaskFailure(name: string): boolean {
  return TASK_FAILURES.has(name) || STATUS_CODE.test(name);
}

function checkSpelling(name: string, place: Place, suggester: Suggester, reading: Reading): void {
  if (!/^states\./iu.test(name) || ERROR_NAMES.includes(name) || STATUS_CODE.test(name)) return;
  const nearest = suggester.nearest(name, ERROR_NAMES, MAX_SLIPS);
  if (nearest === undefined) return;
  reading.warn("UNKNOWN_ERROR_NAME", `The States Language has no error '${name}'`, place, {
    suggestion: `Did you mean "${nearest}"?`,
  });
}

function namesOf(entry: JsonObject): readonly string[] {
  const names = member(entry, "ErrorEquals");
  return isArray(names) ? names.filter((name) => typeof name === "string") : [];
}
