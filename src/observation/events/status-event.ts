// The event that EventBridge gets when an execution starts, is redriven or ends.
//
// Spec: "Automating Step Functions event delivery with EventBridge" of the developer guide. Standard executions only.

import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../../base/json.ts";
import type { ObservedTurn } from "../../runtime/index.ts";

/** The envelope, as rules and webhooks get it. */
export interface StatusEvent {
  readonly version: "0";
  /** Follows from what it tells: the same event has the same id, however often it is delivered. */
  readonly id: string;
  readonly "detail-type": "Step Functions Execution Status Change";
  readonly source: "aws.states";
  readonly account: string;
  /** ISO 8601, whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: JsonObject;
}

/** The service's: UTF-8 bytes of input and output as they stand in the event. */
const MAX_DATA_BYTES = 248 * 1024;

/** What the turn changed of the status, in order; mostly nothing. */
export function statusEvents(observed: ObservedTurn): readonly StatusEvent[] {
  const { turn, status } = observed;
  const events: StatusEvent[] = [];
  const hasBegun = turn.events.some(
    ({ kind }) => kind === "ExecutionStarted" || kind === "ExecutionRedriven",
  );
  if (hasBegun) events.push(statusEvent(observed, "RUNNING"));
  if (status !== "RUNNING") events.push(statusEvent(observed, status));
  return events;
}

function statusEvent(observed: ObservedTurn, status: ObservedTurn["status"]): StatusEvent {
  const { started, turn, startedAtMs, stoppedAtMs, redrive, error, cause } = observed;
  const { executionArn, stateMachineArn } = started;
  const [, , , region = "", account = ""] = executionArn.split(":");
  const hasEnded = status !== "RUNNING";
  const output = hasEnded ? observed.output?.text : undefined;
  const isOutputIncluded = output !== undefined && escapedBytes(output) <= MAX_DATA_BYTES;
  const outputBytes = isOutputIncluded ? escapedBytes(output) : 0;
  const isInputIncluded = escapedBytes(started.input.text) + outputBytes <= MAX_DATA_BYTES;
  const isRedrivable = hasEnded && status !== "SUCCEEDED";
  const redrivable = started.mapRunArn === undefined ? "REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN";
  const detail: Record<string, Json> = {
    executionArn,
    stateMachineArn,
    stateMachineVersionArn: started.stateMachineVersionArn ?? null,
    stateMachineAliasArn: started.stateMachineAliasArn ?? null,
    name: started.name,
    status,
    startDate: startedAtMs,
    stopDate: hasEnded ? (stoppedAtMs ?? turn.atMs) : null,
    input: isInputIncluded ? started.input.text : null,
    inputDetails: { included: isInputIncluded },
    output: isOutputIncluded ? output : null,
    outputDetails: output === undefined ? null : { included: isOutputIncluded },
    error: (hasEnded ? error : undefined) ?? null,
    cause: (hasEnded ? cause : undefined) ?? null,
    redriveCount: redrive?.count ?? 0,
    redriveDate: redrive?.atMs ?? null,
    redriveStatus: isRedrivable ? redrivable : "NOT_REDRIVABLE",
    redriveStatusReason: isRedrivable ? null : `Execution is ${status} and cannot be redriven`,
  };
  return {
    version: "0",
    id: idOf(`${executionArn} ${status} ${redrive?.count ?? 0}`),
    "detail-type": "Step Functions Execution Status Change",
    source: "aws.states",
    account,
    time: new Date(turn.atMs).toISOString().replace(/\.\d+Z$/u, "Z"),
    region,
    resources: [executionArn],
    detail,
  };
}

function escapedBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

function idOf(text: string): string {
  const digits = createHash("sha256").update(text).digest("hex");
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}
