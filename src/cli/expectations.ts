// The expectations file of `stepwell test`: how each test case of a mock file is started, and how it should end.
//
//   { <machine>: { <case>: { "input": …, "status": …, "output": …, "error": …, "states": ["A", "B"] } } }
//
// Every member is optional; what is absent is not compared. A case that is absent must succeed, or fail by an error
// of its own: not run out of time or of answers.

import { isArray, isObject, type Json, jsonEquals, type JsonObject, member } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import type { MockedRun } from "./mocked-run.ts";
import { CliError } from "./problem.ts";
import { nearest, printable } from "./text.ts";

const STATUSES = ["SUCCEEDED", "FAILED", "TIMED_OUT"];
const MEMBERS = ["input", "status", "output", "error", "states"];

export type Expectations = ReadonlyMap<string, ReadonlyMap<string, JsonObject>>;

/**
 * @param testCases Those of the mock file, by machine: an expectation of anything else is a mistake.
 * @throws CliError that names the place and what was expected there
 */
export function readExpectations(
  text: string,
  testCases: ReadonlyMap<string, readonly string[]>,
): Expectations {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new CliError(`The expectations are no JSON: ${parsed.message}.`, 2);
  const machines = objectAt("the expectations", parsed.value);
  return new Map(
    Object.entries(machines).map(([machine, value]) => {
      known("state machine", machine, [...testCases.keys()]);
      const cases = Object.entries(objectAt(`"${machine}"`, value));
      return [
        machine,
        new Map(
          cases.map(([name, expected]) => {
            known(`test case of "${machine}"`, name, testCases.get(machine) ?? []);
            return [name, expectationAt(`"${name}" of "${machine}"`, expected)];
          }),
        ),
      ];
    }),
  );
}

/** What is not as expected, a sentence each; none: it is. */
export function differences(run: MockedRun, expected: JsonObject | undefined): readonly string[] {
  const { status, output, error, cause, states } = run;
  if (status === undefined) return [cause ?? "it did not end"];
  if (expected === undefined) {
    if (status === "SUCCEEDED" || (status === "FAILED" && error !== "States.Runtime")) return [];
    return [`${status}: ${cause ?? "it did not end in time"}`];
  }
  const actual: readonly (readonly [string, Json | undefined])[] = [
    ["status", status],
    ["output", output?.value],
    ["error", error],
    ["states", states],
  ];
  const found: string[] = [];
  for (const [name, value] of actual) {
    const wanted = member(expected, name);
    if (wanted === undefined || (value !== undefined && jsonEquals(wanted, value))) continue;
    const shown = value === undefined ? "there is none" : `it is ${JSON.stringify(value)}`;
    found.push(`${name} should be ${JSON.stringify(wanted)}, but ${shown}`);
  }
  return found.length > 0 && cause !== undefined ? [...found, `the cause: ${cause}`] : found;
}

function expectationAt(place: string, value: Json): JsonObject {
  const expected = objectAt(place, value);
  for (const name of Object.keys(expected)) known(`member of ${place}`, name, MEMBERS);
  const status = member(expected, "status");
  if (status !== undefined && !(typeof status === "string" && STATUSES.includes(status)))
    throw wrong(`status of ${place}`, `one of ${STATUSES.join(", ")}`);
  const error = member(expected, "error");
  if (error !== undefined && typeof error !== "string") throw wrong(`error of ${place}`, "a string");
  const states = member(expected, "states");
  if (states !== undefined && !(isArray(states) && states.every((name) => typeof name === "string")))
    throw wrong(`states of ${place}`, "an array of state names");
  return expected;
}

function objectAt(place: string, value: Json): JsonObject {
  if (!isObject(value)) throw wrong(place, "an object");
  return value;
}

function known(what: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const guess = nearest(name, names);
  const hint = guess === undefined ? "" : ` Did you mean "${printable(guess)}"?`;
  throw new CliError(`The expectations: there is no ${printable(what)} "${printable(name)}".${hint}`, 2);
}

function wrong(place: string, expected: string): CliError {
  return new CliError(`The expectations: ${printable(place)} must be ${expected}.`, 2);
}
