// What an operation gets: one checked request and its surroundings. And how it reads the request's members.
//
// Requests were checked against their shape (checks.ts): a member of the wrong type here is our own fault.

import { assert } from "../../base/assert.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import { fromMembers, isArray, isObject, member } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Limits } from "../../engine/limits.ts";
import type { EngineService } from "../../runtime/interface.ts";
import type { Scope } from "../arns.ts";
import type { OwnOperationName } from "../own-requests.ts";
import type { OperationName } from "../requests.ts";

export interface Caller extends Scope {
  /** X-Amzn-Trace-Id of the request. */
  readonly traceHeader?: string;
}

export interface Settings {
  readonly limits: Limits;
  /** How long GetActivityTask waits for a task. */
  readonly activityPollMs: number;
  /** Absent: none are kept. */
  readonly logEvents?: LogEvents | undefined;
}

/** The log events that a server has kept; a page of them, from a position on. Undefined: it is no position. */
export type LogEvents = (query: {
  readonly group: string | undefined;
  readonly position: string | undefined;
  readonly limit: number;
}) => LogEventsPage | undefined;

export interface LogEventsPage {
  readonly events: readonly { readonly group: string; readonly line: string }[];
  readonly position: string;
  readonly lostCount: number;
}

export interface Call {
  readonly operation: OperationName | OwnOperationName;
  readonly request: JsonObject;
  readonly caller: Caller;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly engine: EngineService;
  readonly settings: Settings;
}

/** @throws ServiceError for whatever its caller can be blamed for. */
export type Operation = (call: Call) => Promise<JsonObject>;
export type Operations = Readonly<Record<OperationName, Operation>>;

export function textOf(request: JsonObject, name: string): string | undefined {
  const value = member(request, name);
  assert(value === undefined || typeof value === "string", `${name} is not a text`);
  return value;
}

export function requiredText(request: JsonObject, name: string): string {
  const value = textOf(request, name);
  assert(value !== undefined, `${name} is missing`);
  return value;
}

export function flagOf(request: JsonObject, name: string): boolean | undefined {
  const value = member(request, name);
  assert(value === undefined || typeof value === "boolean", `${name} is not a flag`);
  return value;
}

export function structureOf(request: JsonObject, name: string): JsonObject | undefined {
  const value = member(request, name);
  assert(value === undefined || isObject(value), `${name} is not a structure`);
  return value;
}

export function listOf(request: JsonObject, name: string): readonly Json[] | undefined {
  const value = member(request, name);
  assert(value === undefined || isArray(value), `${name} is not a list`);
  return value;
}

export function numberOf(request: JsonObject, name: string): number | undefined {
  const value = member(request, name);
  assert(value === undefined || typeof value === "number", `${name} is not a number`);
  return value;
}

/** `maxResults`, where 0 and nothing mean the default. */
export function pageSizeOf(request: JsonObject, defaultSize = 100): number {
  const value = numberOf(request, "maxResults");
  return value === undefined || value === 0 ? defaultSize : value;
}

/** Epoch milliseconds as the wire has them: seconds with a fraction. */
export function wireTime(ms: number): number {
  return ms / 1000;
}

/** An object of those members that are not undefined. */
export function present(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  return fromMembers(
    Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

export function validationFailed(message: string, reason?: string): ServiceError {
  return new ServiceError("ValidationException", message, reason === undefined ? {} : { reason });
}
