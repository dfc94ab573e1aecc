// One event of a history as the service logs it: which levels take it, what is left out, what is cut.
//
// Spec: "Logging using CloudWatch Logs" of the Step Functions developer guide: log levels, execution data.

import { fromMembers, isObject, type Json, type JsonObject } from "../../base/json.ts";
import type { HistoryEvent } from "../../engine/index.ts";

export type LogLevel = "ALL" | "ERROR" | "FATAL" | "OFF";

/** A revision's loggingConfiguration, as far as it matters here. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly includesData: boolean;
  /** The name of its log group; undefined: there is no destination. */
  readonly group: string | undefined;
}

/** A LoggingConfiguration as it is on the wire. */
export function logSettings(configuration: JsonObject): LogSettings {
  const { level = "OFF", includeExecutionData = false, destinations = [] } = configuration;
  const [destination] = destinations as readonly JsonObject[];
  const group = destination?.["cloudWatchLogsLogGroup"];
  const arn = isObject(group) ? group["logGroupArn"] : undefined;
  return {
    level: level as LogLevel,
    includesData: includeExecutionData === true,
    group: typeof arn === "string" ? /:log-group:([^:]+)/u.exec(arn)?.[1] : undefined,
  };
}

const FATAL: ReadonlySet<string> = new Set(["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"]);

export function isLogged(type: string, level: LogLevel): boolean {
  if (level === "ALL") return true;
  if (level === "OFF") return false;
  if (FATAL.has(type)) return true;
  return level === "ERROR" && (/(?:Failed|TimedOut|Aborted)$/u.test(type) || type === "FailStateEntered");
}

/** Members with the data of an execution: absent unless the configuration includes them. */
const DATA: ReadonlySet<string> = new Set([
  "input",
  "inputDetails",
  "output",
  "outputDetails",
  "parameters",
  "assignedVariables",
  "assignedVariablesDetails",
]);
/** The service's: 248 KiB, of a text as it stands in the JSON of the log event. */
const MAX_DATA_BYTES = 248 * 1024;

/** Whose event it is. */
export interface LoggedExecution {
  readonly executionArn: string;
  /** Of a child of a Map Run. */
  readonly mapRunArn?: string;
}

/** The log event, one line of JSON. Members in the service's order. */
export function logLine(
  event: HistoryEvent,
  { executionArn, mapRunArn }: LoggedExecution,
  redriveCount: number,
  includesData: boolean,
): string {
  return JSON.stringify({
    id: String(event.id),
    type: event.type,
    details: detailsOf(event, includesData),
    previous_event_id: String(event.previousEventId),
    event_timestamp: String(event.timestampMs),
    execution_arn: executionArn,
    ...(mapRunArn === undefined ? {} : { map_run_arn: mapRunArn }),
    redrive_count: String(redriveCount),
  });
}

function detailsOf({ details = {} }: HistoryEvent, includesData: boolean): JsonObject {
  const members: [string, Json][] = [];
  const truncated = new Set<string>();
  for (const [name, value] of Object.entries(details)) {
    if (DATA.has(name) && !includesData) continue;
    if (typeof value === "string" && isTooLong(value)) {
      members.push([name, cut(value)]);
      truncated.add(`${name}Details`);
    } else {
      // The details of a member come after it.
      members.push([name, truncated.has(name) ? { truncated: true } : value]);
    }
  }
  return fromMembers(members);
}

/** A character takes six bytes at most. */
function isTooLong(text: string): boolean {
  return text.length * 6 > MAX_DATA_BYTES && escapedBytes(text) > MAX_DATA_BYTES;
}

function escapedBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

/** The longest beginning that fits, found by halves; no pair of surrogates is cut in two. */
function cut(text: string): string {
  let fits = 0;
  let tooLong = text.length;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (escapedBytes(text.slice(0, middle)) <= MAX_DATA_BYTES) fits = middle;
    else tooLong = middle;
  }
  const code = text.charCodeAt(fits - 1);
  return text.slice(0, code >= 0xd8_00 && code <= 0xdb_ff ? fits - 1 : fits);
}
