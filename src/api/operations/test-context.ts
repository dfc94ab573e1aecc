// The context object that a caller of TestState makes up: it may have what the service's own has, in its types.
//
// Spec: "Accessing execution data from the Context object" of the developer guide; wording as recorded.

import type { State } from "../../asl/index.ts";
import { isObject, type Json, type JsonObject, member } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import type { ServiceError } from "../../base/service-error.ts";
import { validationFailed } from "./call.ts";

type Type = "string" | "number" | "any";
/** Of an object that was parsed from JSON every member is checked, so names are looked up here, not in it. */
type Fields = ReadonlyMap<string, Type>;

const CONTEXT: ReadonlyMap<string, Fields> = new Map<string, Fields>([
  [
    "Execution",
    new Map<string, Type>([
      ["Id", "string"],
      ["Input", "any"],
      ["Name", "string"],
      ["RoleArn", "string"],
      ["StartTime", "string"],
      ["RedriveCount", "number"],
      ["RedriveTime", "string"],
    ]),
  ],
  [
    "State",
    new Map<string, Type>([
      ["EnteredTime", "string"],
      ["Name", "string"],
      ["RetryCount", "number"],
    ]),
  ],
  [
    "StateMachine",
    new Map<string, Type>([
      ["Id", "string"],
      ["Name", "string"],
    ]),
  ],
  ["Task", new Map<string, Type>([["Token", "string"]])],
]);

/** @throws ServiceError ValidationException */
export function checkedContext(text: string, state: State): JsonObject {
  const json = parseJson(text);
  if (!json.ok || !isObject(json.value)) throw invalid("Context object must be a valid JSON object");
  const context = json.value;
  for (const [name, value] of Object.entries(context)) checkPart(name, value);
  if (member(context, "Task") !== undefined && !hasToken(state)) {
    throw invalid(
      "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
    );
  }
  return context;
}

function checkPart(name: string, value: Json): void {
  // It is made from the items of the Map under test.
  if (name === "Map") throw invalid("'Map' field is not supported when mocking a Context object");
  const fields = CONTEXT.get(name);
  if (fields === undefined) throw invalid(`Field '${name}' is not allowed`);
  if (!isObject(value)) throw invalid(`${name} must be an object`);
  for (const [field, given] of Object.entries(value)) {
    const type = fields.get(field);
    if (type === undefined) throw invalid(`Field '${field}' is not allowed`);
    if (type !== "any" && typeof given !== type) throw invalid(`${name}.${field} must be a ${type}`);
  }
}

function hasToken(state: State): boolean {
  return (
    state.type === "Task" && state.resource.kind === "service" && state.resource.pattern !== "requestResponse"
  );
}

function invalid(what: string): ServiceError {
  return validationFailed(`Invalid Context object provided: ${what}`);
}
