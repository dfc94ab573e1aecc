// `aws-sdk:sfn:<action>`: every operation of our own API as a task, in the form of the new SDK.
//
// Knows:          PascalCase <-> camelCase, which members are times, maps or JSON texts.
// Does not know:  what the operations do (ServiceClient).
//
// Invariants
//   S1. Only names of the API are respelled: keys of maps (variable names) and what is inside of JSON texts are data.
//   S2. Members that are absent or null are absent in both directions: an empty answer is `{}`.
//
// Spec: developer guide, "Learning to use AWS service SDK integrations"; the API's model.

import { formatTimestamp } from "../base/time.ts";
import { fromMembers, isArray, isObject, type Json, type JsonObject, Payload } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import { cancelled, refused, SFN } from "./errors.ts";
import type { Integration, ServiceClient, TaskCall } from "./integration.ts";
import { ParameterReader } from "./parameters.ts";

/** Seconds since 1970 on the wire, text in results. */
const TIMES: ReadonlySet<string> = new Set([
  "creationDate",
  "redriveDate",
  "startDate",
  "stopDate",
  "timestamp",
  "updateDate",
]);
/** Their keys are names that users chose (S1). */
const MAPS: ReadonlySet<string> = new Set(["assignedVariables", "variableReferences"]);
/** JSON as text on the wire; a task may give the JSON itself. */
const JSON_TEXTS: ReadonlySet<string> = new Set(["definition", "input", "output"]);

/** @param action One of the API's: the definition was checked (asl/resource.ts). */
export function sfnSdk(service: ServiceClient, action: string, byToken: boolean): Integration {
  const operation = respelled(action, "toUpperCase");
  return { call: (call) => callOperation(service, operation, call, byToken) };
}

const callOperation = async (
  service: ServiceClient,
  operation: string,
  call: TaskCall,
  byToken: boolean,
): ReturnType<Integration["call"]> => {
  const parameters = new ParameterReader(call.parameters);
  const { value } = call.parameters;
  for (const name of isObject(value) ? Object.keys(value) : []) {
    if (!/^[A-Z]/u.test(name)) parameters.fault(`The field '${name}' is not supported by Step Functions`);
  }
  const fault = parameters.failure();
  if (fault !== undefined) return fault;
  try {
    const answer = await service.call(operation, toRequest(value) as JsonObject, call.signal);
    const output = Payload.ofValue(toResult(answer));
    if (!byToken) return { kind: "succeeded", output };
    await call.submitted(output);
    return { kind: "pending" };
  } catch (error) {
    if (call.signal.aborted) return cancelled();
    if (!(error instanceof ServiceError)) throw error;
    return refused(SFN, error, byToken ? "submit" : "run");
  }
};

/** A request has no maps: every key is a name of the API. */
function toRequest(value: Json): Json {
  if (isArray(value)) return value.map(toRequest);
  if (!isObject(value)) return value;
  const members: [string, Json][] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (inner === null) continue;
    const key = respelled(name, "toLowerCase");
    const isDocument = JSON_TEXTS.has(key) && typeof inner === "object";
    members.push([key, isDocument ? JSON.stringify(inner) : toRequest(inner)]);
  }
  return fromMembers(members);
}

function toResult(value: Json): Json {
  if (isArray(value)) return value.map(toResult);
  if (!isObject(value)) return value;
  const members: [string, Json][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== null) members.push([respelled(key, "toUpperCase"), memberResult(key, inner)]);
  }
  return fromMembers(members);
}

function memberResult(key: string, value: Json): Json {
  if (TIMES.has(key) && typeof value === "number") return moment(value);
  return MAPS.has(key) ? value : toResult(value);
}

/** `2026-01-02T03:04:05.678Z`, without a fraction where there is none: as the SDK's own language prints it. */
function moment(seconds: number): string {
  return formatTimestamp(Math.round(seconds * 1000)).replace(".000Z", "Z");
}

function respelled(name: string, how: "toUpperCase" | "toLowerCase"): string {
  return name.charAt(0)[how]() + name.slice(1);
}
