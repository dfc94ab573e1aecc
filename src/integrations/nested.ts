// Nested executions: `states:startExecution` in its four patterns, over our own API.
//
// Knows:          how a child is named, started, found again, waited for, stopped, and told as a result.
// Does not know:  how executions run (ServiceClient).
//
// Invariants
//   C1. One attempt has at most one child. A child that the state machine does not name gets a name that follows
//       from the attempt's id, so starting it again (after a crash) finds the one that is there.
//   C2. A start is never cut short: when the attempt dies meanwhile, the child is known and can be stopped.
//   C3. A child is stopped only when its attempt is dead, never because this process closes (LetGo).
//
// Spec: developer guide, "Start a new AWS Step Functions state machine from a running execution".

import { createHash } from "node:crypto";
import { memberNames, START_EXECUTION } from "../asl/service-parameters.ts";
import { assert } from "../base/assert.ts";
import { type Json, type JsonObject, member, Payload, utf8Bytes } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import { cancelled, type Failed, refused, STEP_FUNCTIONS } from "./errors.ts";
import {
  type Integration,
  LetGo,
  type ServiceClient,
  type TaskCall,
  type TaskOutcome,
} from "./integration.ts";
import { ParameterReader } from "./parameters.ts";
import { httpMetadata, objectOf } from "./results.ts";

export type NestedPattern = "requestResponse" | "sync" | "sync:2" | "waitForTaskToken";

/** What is to be started. */
interface Child {
  readonly stateMachineArn: string;
  readonly name: string;
  /** Whether the name is ours (C1): nobody else can have taken it. */
  readonly nameIsOurs: boolean;
  readonly input: string | undefined;
  readonly traceHeader: string | undefined;
}

/** Calls of which the attempt's death must not take away the answer (C2). */
const UNINTERRUPTED: AbortSignal = new AbortController().signal;

export function nestedExecution(service: ServiceClient, pattern: NestedPattern): Integration {
  const run = async (call: TaskCall, resumed: boolean, submitted: boolean): Promise<TaskOutcome> => {
    const child = childOf(call);
    if (isFailed(child)) return child;
    const byToken = pattern === "waitForTaskToken";
    if (byToken && submitted) return { kind: "pending" };
    let executionArn: string | undefined;
    try {
      if (submitted) {
        executionArn = executionArnOf(child);
      } else {
        const answer = resumed ? await startAgain(service, call, child) : await start(service, child);
        if (isFailed(answer)) return answer;
        executionArn = textOf(answer, "executionArn");
        const started = startResult(answer, call.attemptId);
        if (pattern === "requestResponse") return { kind: "succeeded", output: started };
        if (call.signal.aborted) return cancelled();
        await call.submitted(started);
      }
      if (byToken) return { kind: "pending" };
      for (;;) {
        await service.waitForEnd(executionArn, call.signal);
        const description = await service.call("DescribeExecution", { executionArn }, call.signal);
        // It may have been redriven in between.
        if (textOf(description, "status") !== "RUNNING") return ended(description, pattern);
      }
    } catch (error) {
      if (call.signal.aborted) return cancelled();
      if (!(error instanceof ServiceError)) throw error;
      const isSubmitting = executionArn === undefined && pattern !== "requestResponse";
      return refused(STEP_FUNCTIONS, error, isSubmitting ? "submit" : "run");
    } finally {
      if (call.signal.aborted && executionArn !== undefined && pattern.startsWith("sync")) {
        await stop(service, executionArn, call.signal);
      }
    }
  };
  return {
    call: (call) => run(call, false, false),
    resume: (call, submitted) => run(call, true, submitted),
  };
}

function childOf(call: TaskCall): Child | Failed {
  const parameters = new ParameterReader(call.parameters);
  parameters.only(memberNames(START_EXECUTION));
  const name = parameters.optional("Name");
  const child: Child = {
    stateMachineArn: parameters.required("StateMachineArn"),
    name: name ?? uuidOf(call.attemptId),
    nameIsOurs: name === undefined,
    input: inputOf(parameters.any("Input")),
    traceHeader: parameters.optional("TraceHeader"),
  };
  return parameters.failure() ?? child;
}

/** A text is the input itself, as it is; anything else is printed. */
function inputOf(value: Json | undefined): string | undefined {
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

function requestOf({ stateMachineArn, name, input, traceHeader }: Child): JsonObject {
  return {
    stateMachineArn,
    name,
    ...(input === undefined ? {} : { input }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
  };
}

function start(service: ServiceClient, child: Child): Promise<JsonObject> {
  return service.call("StartExecution", requestOf(child), UNINTERRUPTED);
}

/**
 * After a crash it is not known whether the child was started. Starting it again answers with the one that is there
 * if that is open. If it has ended, the service says that the name is taken: then it must be found out by whom.
 *
 * @throws ServiceError
 */
async function startAgain(
  service: ServiceClient,
  call: TaskCall,
  child: Child,
): Promise<JsonObject | Failed> {
  const { stateMachineArn } = child;
  const machine = await service.call("DescribeStateMachine", { stateMachineArn }, UNINTERRUPTED);
  // Express executions of one name may be many: nothing tells whether ours is among them, and it must not run twice.
  if (member(machine, "type") === "EXPRESS") return OUTCOME_UNKNOWN;
  try {
    return await start(service, child);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== "ExecutionAlreadyExists") throw error;
    const there = await describe(service, executionArnOf(child));
    if (child.nameIsOurs) return there;
    // A name that the state machine gave may have been taken before. It was not by us if the input differs, or if
    // that execution began before our own did. What remains is taken for ours: a foreign execution would have to
    // carry the same name and input, start while ours ran, and end before the crash.
    const parent = await describe(service, call.executionArn);
    const isOurs =
      member(there, "input") === (child.input ?? "{}") &&
      Number(member(there, "startDate")) >= Number(member(parent, "startDate"));
    if (!isOurs) throw error;
    return there;
  }
}

const OUTCOME_UNKNOWN: Failed = {
  kind: "failed",
  phase: "run",
  error: "States.TaskFailed",
  cause:
    "The process ended while an Express execution was being started. Whether it was started is not known, so it was not started again.",
};

function isFailed(value: Child | JsonObject | Failed): value is Failed {
  return "kind" in value && value.kind === "failed";
}

function describe(service: ServiceClient, executionArn: string): Promise<JsonObject> {
  return service.call("DescribeExecution", { executionArn }, UNINTERRUPTED);
}

/** Best effort: a child that has ended meanwhile, or is gone, needs no stop. */
async function stop(service: ServiceClient, executionArn: string, signal: AbortSignal): Promise<void> {
  if (signal.reason instanceof LetGo) return;
  try {
    await service.call("StopExecution", { executionArn }, UNINTERRUPTED);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
  }
}

const SPELLING: Readonly<Record<string, string>> = {
  connection: "connection",
  "x-amzn-requestid": "x-amzn-RequestId",
};

/**
 * The answer of StartExecution as the old SDK tells it. No HTTP was involved: the headers are those of our API. They
 * follow from the attempt and the answer: an attempt that is resumed after a crash is told the same.
 */
function startResult(answer: JsonObject, attemptId: string): Payload {
  const executionArn = textOf(answer, "executionArn");
  const startDate = member(answer, "startDate") as Json;
  const requestId = uuidOf(`${attemptId} StartExecution`);
  const headers = {
    connection: "keep-alive",
    "content-length": String(utf8Bytes(JSON.stringify({ executionArn, startDate }))),
    "content-type": "application/x-amz-json-1.0",
    date: new Date(milliseconds(startDate)).toUTCString(),
    "x-amzn-requestid": requestId,
  };
  return Payload.ofValue({
    ExecutionArn: executionArn,
    SdkHttpMetadata: httpMetadata(headers, 200, SPELLING),
    SdkResponseMetadata: { RequestId: requestId },
    StartDate: milliseconds(startDate),
  });
}

/** The end of a child as the end of its task. */
function ended(description: JsonObject, pattern: NestedPattern): TaskOutcome {
  const status = textOf(description, "status");
  if (status !== "SUCCEEDED") {
    const cause = objectOf(descriptionMembers(description, NOT_IN_A_FAILURE)).text;
    return { kind: "failed", phase: "run", error: "States.TaskFailed", cause };
  }
  const members = descriptionMembers(description, NOTHING).map(([name, document]) => {
    const isText = pattern === "sync:2" && (name === "Input" || name === "Output");
    return [name, isText ? Payload.ofText(document.value as string) : document] as const;
  });
  return { kind: "succeeded", output: objectOf(members) };
}

const NOTHING: ReadonlySet<string> = new Set();
/** The recorded causes of failed children say nothing of redrives, the recorded results of others do. */
const NOT_IN_A_FAILURE: ReadonlySet<string> = new Set([
  "redriveCount",
  "redriveDate",
  "redriveStatus",
  "redriveStatusReason",
]);

/** DescribeExecution's answer in the old SDK's form: PascalCase, in alphabetical order, times in milliseconds. */
function descriptionMembers(
  description: JsonObject,
  without: ReadonlySet<string>,
): (readonly [string, Payload])[] {
  const members: (readonly [string, Payload])[] = [];
  for (const key of Object.keys(description).toSorted()) {
    const value = description[key] as Json;
    if (value === null || without.has(key)) continue;
    members.push([capitalised(key), Payload.ofValue(memberValue(key, value))]);
  }
  return members;
}

function memberValue(key: string, value: Json): Json {
  if (key.endsWith("Date")) return milliseconds(value);
  if (key === "inputDetails" || key === "outputDetails") return { Included: true };
  return value;
}

function capitalised(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}

/** Seconds since 1970, as on the wire, in milliseconds. */
function milliseconds(seconds: Json): number {
  assert(typeof seconds === "number", "a time of the API is no number");
  return Math.round(seconds * 1000);
}

function textOf(answer: JsonObject, key: string): string {
  const value = member(answer, key);
  assert(typeof value === "string", `the API's answer has no ${key}`);
  return value;
}

/** The ARN that a Standard execution of that name has; versions and aliases do not show in it. */
function executionArnOf({ stateMachineArn, name }: Child): string {
  const [arn, partition, states, region, account, , machine] = stateMachineArn.split(":");
  return [arn, partition, states, region, account, "execution", machine, name].join(":");
}

/** The same UUID for the same text, always (version 8: made of a hash). */
function uuidOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  const variant = "89ab"[Number.parseInt(hex.charAt(16), 16) & 3];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
