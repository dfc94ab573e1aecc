// Spec: https://states-language.net/spec.html#task-state

import { type Json, isObject, member } from "../../../base/json.ts";
import type { Resource, TaskState, Template } from "../../ast.ts";
import { parseResource, suggestResource } from "../../resource.ts";
import { memberNames, SERVICE_PARAMETERS } from "../../service-parameters.ts";
import {
  ARGUMENTS,
  COMMON,
  INPUT_OUTPUT,
  PARAMETERS,
  RESULT,
  type StateSource,
  TRANSITION,
  checkTransition,
  headOf,
  readState,
} from "../common.ts";
import { checkOneOf } from "../fields.ts";
import { type Place, inside } from "../place.ts";
import type { Reading } from "../reading.ts";
import { RETRY_CATCH } from "../retry-catch.ts";
import { integer, object, path, string, template } from "../values.ts";

const TASK = {
  ...COMMON,
  Resource: { required: true, read: resource },
  ...INPUT_OUTPUT,
  ...PARAMETERS,
  ...ARGUMENTS,
  ...RESULT,
  TimeoutSeconds: { expression: true, read: integer(1) },
  TimeoutSecondsPath: { language: "JSONPath", read: path },
  HeartbeatSeconds: { expression: true, read: integer(1) },
  HeartbeatSecondsPath: { language: "JSONPath", read: path },
  Credentials: { read: credentials },
  ...RETRY_CATCH,
  ...TRANSITION,
} as const;

export function readTask(source: StateSource, reading: Reading): TaskState | undefined {
  const { object: state, place } = source;
  const { arguments: given, ...values } = readState(source, TASK, reading);
  checkTransition(source, reading);
  checkOneOf(state, ["TimeoutSeconds", "TimeoutSecondsPath"], false, place, reading);
  checkOneOf(state, ["HeartbeatSeconds", "HeartbeatSecondsPath"], false, place, reading);
  const { timeoutSeconds, heartbeatSeconds } = values;
  if (
    typeof timeoutSeconds === "number" &&
    typeof heartbeatSeconds === "number" &&
    heartbeatSeconds >= timeoutSeconds
  ) {
    reading.fault("HeartbeatSeconds must be smaller than TimeoutSeconds", place, {
      focus: inside(place, "HeartbeatSeconds"),
    });
  }
  if (values.resource === undefined) return undefined;
  const field = source.language === "JSONata" ? "Arguments" : "Parameters";
  checkParameters(member(state, field), values.resource, inside(place, field), reading);
  return {
    ...headOf(source),
    type: "Task",
    retry: [],
    catch: [],
    ...values,
    ...(given === undefined ? {} : { parameters: given }),
    resource: values.resource,
  };
}

/** The Resource, if there is such an integration and the workflow's type may use it. */
function resource(value: Json, place: Place, reading: Reading): Resource | undefined {
  const arn = string(value, place, reading);
  if (arn === undefined) return undefined;
  const found = parseResource(arn);
  if (found === undefined) {
    return reading.fault(
      `The resource provided ${arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.`,
      place,
      {
        expected: "the ARN of a function, of an activity or of a service integration",
        suggestion: suggestResource(arn),
        value,
      },
    );
  }
  if (reading.isExpress) checkExpress(found, place, reading);
  return found;
}

/** The names of the Parameters (or Arguments), where their API is known: what they hold is known only when the task runs. */
function checkParameters(value: Json | undefined, found: Resource, place: Place, reading: Reading): void {
  const known =
    found.kind === "service" ? SERVICE_PARAMETERS.get(`${found.service}:${found.api}`) : undefined;
  if (known === undefined || !isObject(value)) return;
  const allowed = memberNames(known);
  const expected = `some of [${allowed.join(", ")}]`;
  const given = new Map(Object.keys(value).map((key) => [key.replace(/\.\$$/u, ""), key]));
  for (const [name, key] of given) {
    if (allowed.includes(name)) continue;
    reading.fault(`The field '${name}' is not supported by Step Functions`, place, {
      expected,
      focus: inside(place, key),
      suggestion: reading.didYouMean(name, allowed),
    });
  }
  for (const name of known.required.filter((each) => !given.has(each))) {
    reading.fault(`The field '${name}' is required but was missing`, place, { expected });
  }
}

/** An Express workflow cannot wait for anything outside. */
function checkExpress(found: Resource, place: Place, reading: Reading): void {
  const hints = { expected: "a Standard workflow, or a resource that answers at once" };
  if (found.kind === "activity") {
    reading.fault("Express state machine does not support Activity ARN", place, hints);
  } else if (found.kind === "service" && found.pattern === "waitForTaskToken") {
    // The blank at the end is the service's: its message reads `… integration  at /States/…`.
    reading.fault(
      "Express state machine does not support '.waitForTaskToken' service integration ",
      place,
      hints,
    );
  } else if (found.kind === "service" && found.pattern !== "requestResponse") {
    reading.fault("Express state machine does not support '.sync' service integration", place, hints);
  }
}

/** `{ RoleArn }`: constant, `RoleArn.$` (JSONPath), or an expression (JSONata); other members are let through, as the service does. */
function credentials(value: Json, place: Place, reading: Reading): Template | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  if (!isObject(source) || !(Object.hasOwn(source, "RoleArn") || Object.hasOwn(source, "RoleArn.$"))) {
    return reading.fault("The field 'RoleArn' is required but was missing", place);
  }
  return template(source, place, reading);
}
