// Histories against what the world outside saw: receipts of services, calls of clients and workers, children.

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Attempt } from "./execution.ts";
import {
  type Call,
  type CallOf,
  type Checks,
  type Evidence,
  type Receipt,
  type StoredExecution,
  Violation,
} from "./evidence.ts";

export interface CheckedExecution {
  readonly stored: StoredExecution;
  readonly attempts: readonly Attempt[];
}

/** The id that an integration is given for an attempt: part of what users may rely on (idempotency tokens). */
export function attemptIdOf({ arn, revisionId }: StoredExecution, number: number): string {
  const hex = createHash("sha256").update(`${arn}\n${revisionId}\n${number}`).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** @param latestMs How long a child that nobody waits for may go on; undefined: as long as it likes (crashes). */
export function checkOutside(
  checks: Checks,
  evidence: Evidence,
  executions: readonly CheckedExecution[],
  latestMs: number | undefined,
): void {
  const byArn = new Map(executions.map((each) => [each.stored.arn, each]));
  const byAttempt = new Map<string, { readonly execution: CheckedExecution; readonly attempt: Attempt }>();
  for (const execution of executions) {
    for (const attempt of execution.attempts)
      byAttempt.set(attemptIdOf(execution.stored, attempt.number), { execution, attempt });
  }
  const tokens = new Map<string, Attempt>();
  const isFull = (attempt: Attempt): boolean => fullHistories.has(attempt);
  const fullHistories = new Set<Attempt>(
    executions.filter(({ stored }) => endedAsFull(stored)).flatMap(({ attempts }) => attempts),
  );
  const called = new Set<string>();
  for (const receipt of evidence.receipts) {
    const { attemptId, executionArn, resource } = receipt;
    const found = byAttempt.get(attemptId);
    if (found === undefined)
      throw new Violation("I11", `${resource} was called for an attempt that ${executionArn} does not know`);
    const { execution, attempt } = found;
    const { started } = attempt;
    const durable = execution.stored.eventsAfterTurn[receipt.durableTurns - 1] ?? 0;
    checks.holds(
      "I11",
      started !== undefined && started.id <= durable,
      () =>
        `${executionArn}: ${resource} was called when ${durable} events were durable; started is ${started?.id}`,
    );
    if (receipt.token !== undefined) tokens.set(receipt.token, attempt);
    if (receipt.isResumed) continue;
    checks.holds(
      "I10",
      !called.has(attemptId),
      () => `${executionArn}: attempt ${attempt.number} was called twice`,
    );
    called.add(attemptId);
    if (receipt.token === undefined) checkFidelity(checks, receipt, attempt);
  }
  const workers = new Map<string, Attempt>();
  for (const { attempts, stored } of executions) {
    for (const attempt of attempts) {
      const worker = attempt.started?.details?.["workerName"] as string | undefined;
      if (worker === undefined) continue;
      checks.holds("I20", !workers.has(worker), () => `${stored.arn}: a poll was given two tasks: ${worker}`);
      workers.set(worker, attempt);
    }
  }
  checkPolls(checks, evidence, workers, tokens);
  checkTokens(checks, evidence, tokens, isFull);
  checkStarts(checks, evidence, byArn);
  checkStops(checks, evidence, executions);
  checkChildren(checks, executions, byArn, latestMs);
}

/** I13: what the function answered is what the history holds, or a failure. */
function checkFidelity(checks: Checks, { reply, executionArn }: Receipt, { end }: Attempt): void {
  if (reply === undefined || end?.type.endsWith("Succeeded") !== true) return;
  if (end.type === "TaskSucceeded" && reply.kind === "other") return;
  const output = JSON.parse(end.details?.["output"] as string) as { Payload?: unknown };
  const given = end.type === "TaskSucceeded" ? output.Payload : output;
  checks.holds(
    "I13",
    reply.kind === "output" && isDeepStrictEqual(given, valueOf(reply.text)),
    () => `${executionArn} event ${end.id}: the function answered ${JSON.stringify(reply).slice(0, 200)}`,
  );
}

/** A body that is no JSON is the text that it is. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function callsOf<O extends Call["request"]["operation"]>(evidence: Evidence, operation: O): CallOf<O>[] {
  return evidence.calls.filter((call): call is CallOf<O> => call.request.operation === operation);
}

function checkPolls(
  checks: Checks,
  evidence: Evidence,
  workers: ReadonlyMap<string, Attempt>,
  tokens: Map<string, Attempt>,
): void {
  for (const { request, answer } of callsOf(evidence, "GetActivityTask")) {
    if (answer?.kind !== "ok" || answer.value === undefined) continue;
    const { taskToken, input } = answer.value as { taskToken: string; input: string };
    const attempt = workers.get(request.worker);
    checks.holds(
      "I20",
      attempt !== undefined && attempt.scheduled.details?.["input"] === input,
      () => `${request.worker} was given a task that no history gave it`,
    );
    checks.holds(
      "I20",
      !tokens.has(taskToken),
      () => `a task of ${request.activityArn} was given to two pollers`,
    );
    tokens.set(taskToken, attempt as Attempt);
  }
}

/** The history was full when something came: it ended the execution instead. */
function endedAsFull({ events }: StoredExecution): boolean {
  const cause = events.at(-1)?.details?.["cause"];
  return (
    typeof cause === "string" &&
    cause.startsWith("The execution reached the maximum number of history events")
  );
}

function checkTokens(
  checks: Checks,
  evidence: Evidence,
  tokens: ReadonlyMap<string, Attempt>,
  isFull: (attempt: Attempt) => boolean,
): void {
  type Completion = CallOf<"SendTaskSuccess"> | CallOf<"SendTaskFailure">;
  const completions = new Map<string, Completion[]>();
  const all = [...callsOf(evidence, "SendTaskSuccess"), ...callsOf(evidence, "SendTaskFailure")];
  for (const call of all) {
    const list = completions.get(call.request.token);
    if (list === undefined) completions.set(call.request.token, [call]);
    else list.push(call);
  }
  for (const [token, calls] of completions) {
    const attempt = tokens.get(token);
    const isOwn = ({ request }: Completion): boolean => {
      const { end } = attempt as Attempt;
      if (end === undefined) return isFull(attempt as Attempt);
      if (request.operation === "SendTaskSuccess")
        return end.type.endsWith("Succeeded") && end.details?.["output"] === request.output;
      const { error, cause } = end.details ?? {};
      return end.type.endsWith("Failed") && error === request.error && cause === request.cause;
    };
    for (const call of calls) {
      if (call.answer?.kind !== "ok") continue;
      checks.holds("I15", attempt !== undefined && isOwn(call), () => {
        const shown = attempt?.end === undefined ? "no end" : JSON.stringify(attempt.end).slice(0, 300);
        return `${JSON.stringify(call.request).slice(0, 300)} was accepted, and the history holds ${shown}`;
      });
    }
  }
  const heartbeats = callsOf(evidence, "SendTaskHeartbeat").filter(({ answer }) => answer?.kind === "ok");
  for (const { request, sent, answered } of heartbeats) {
    const attempt = tokens.get(request.token);
    const end = attempt?.end;
    const seconds = attempt?.scheduled.details?.["heartbeatInSeconds"] as number | undefined;
    const timeout = attempt?.scheduled.details?.["timeoutInSeconds"] as number | undefined;
    if (attempt === undefined || end?.type.endsWith("TimedOut") !== true || seconds === undefined) continue;
    if (answered === undefined || sent.jumps !== answered.jumps) continue;
    const byTimeout =
      end.timestampMs >= attempt.scheduled.timestampMs + (timeout ?? Number.POSITIVE_INFINITY) * 1000;
    checks.holds(
      "I17",
      byTimeout || end.timestampMs >= sent.wallMs + seconds * 1000,
      () => `event ${end.id} timed out ${end.timestampMs - sent.wallMs} ms after a heartbeat was sent`,
    );
  }
}

/** I21, I23: a start that was answered is there, with its own input; one that was refused has left nothing. */
function checkStarts(checks: Checks, evidence: Evidence, byArn: ReadonlyMap<string, CheckedExecution>): void {
  const refused = new Map<string, boolean>();
  for (const { request, answer } of callsOf(evidence, "StartExecution")) {
    if (answer?.kind === "ok") {
      const { executionArn } = answer.value as { executionArn: string };
      const found = byArn.get(executionArn);
      checks.holds(
        "I21",
        found?.stored.events[0]?.details?.["input"] === request.input,
        () => `${executionArn} was answered for another input than it has`,
      );
    }
    if (request.name === undefined) continue;
    const arn = `${request.machineArn.replace(":stateMachine:", ":execution:")}:${request.name}`;
    const mayBe = answer?.kind !== "refused";
    refused.set(arn, (refused.get(arn) ?? true) && !mayBe);
    if (answer?.kind === "error" && answer.code === "ExecutionAlreadyExists")
      checks.holds("I21", byArn.has(arn), () => `${arn} was said to exist, and does not`);
  }
  for (const [arn, isRefused] of refused)
    if (isRefused) checks.holds("I23", !byArn.has(arn), () => `${arn} was refused every time, and exists`);
}

function checkStops(checks: Checks, evidence: Evidence, executions: readonly CheckedExecution[]): void {
  const stops = callsOf(evidence, "StopExecution");
  const byArn = new Map<string, CallOf<"StopExecution">[]>();
  for (const stop of stops) {
    const list = byArn.get(stop.request.arn);
    if (list === undefined) byArn.set(stop.request.arn, [stop]);
    else list.push(stop);
  }
  for (const { stored } of executions) {
    const own = byArn.get(stored.arn) ?? [];
    const last = stored.events.at(-1);
    for (const { answer } of own) {
      if (answer?.kind !== "ok") continue;
      const { stoppedAtMs } = answer.value as { stoppedAtMs: number };
      checks.holds("I24", stored.stoppedAtMs === stoppedAtMs, () => `${stored.arn}: stopped at two times`);
    }
    if (last?.type !== "ExecutionAborted") continue;
    const { error, cause } = last.details ?? {};
    const isAsked =
      own.some(({ request }) => request.error === error && request.cause === cause) ||
      // A child whose parent's attempt was given up.
      (error === undefined && cause === undefined);
    checks.holds("I24", isAsked, () => `${stored.arn} was aborted as nobody had asked: ${String(error)}`);
  }
}

/** I28: one child for an attempt, and its end is the attempt's. */
function checkChildren(
  checks: Checks,
  executions: readonly CheckedExecution[],
  byArn: ReadonlyMap<string, CheckedExecution>,
  latestMs: number | undefined,
): void {
  for (const { stored, attempts } of executions) {
    for (const { scheduled, submitted, end } of attempts) {
      const resource = String(scheduled.details?.["resource"]);
      if (!resource.startsWith("startExecution")) continue;
      const told = submitted ?? (end?.type === "TaskSucceeded" ? end : undefined);
      if (told === undefined) continue;
      const childArn = (JSON.parse(told.details?.["output"] as string) as { ExecutionArn: string })
        .ExecutionArn;
      const child = byArn.get(childArn)?.stored;
      checks.holds("I28", child !== undefined, () => `${stored.arn}: its child ${childArn} does not exist`);
      if (child === undefined || !resource.includes(".sync")) continue;
      const isGivenUp = end === undefined || end.type === "TaskTimedOut";
      if (isGivenUp && latestMs !== undefined) {
        const stopMs = (end?.timestampMs ?? stored.stoppedAtMs ?? Number.POSITIVE_INFINITY) + latestMs;
        checks.holds(
          "I28",
          child.stoppedAtMs !== undefined && child.stoppedAtMs <= stopMs,
          () => `${childArn} goes on, though the attempt of ${stored.arn} that waited for it was given up`,
        );
      }
      if (end === undefined) continue;
      const last = child.events.at(-1);
      if (end.type === "TaskSucceeded") {
        const { Output } = JSON.parse(end.details?.["output"] as string) as { Output: unknown };
        const output = last?.details?.["output"] as string;
        const expected: unknown = resource.endsWith(":2") ? JSON.parse(output) : output;
        checks.holds(
          "I28",
          child.status === "SUCCEEDED" && isDeepStrictEqual(Output, expected),
          () => `${stored.arn} event ${end.id} is not the end of ${childArn}`,
        );
      } else if (end.type === "TaskFailed" && String(end.details?.["cause"]).startsWith("{")) {
        const { Status } = JSON.parse(end.details?.["cause"] as string) as { Status: string };
        checks.holds(
          "I28",
          child.status === Status,
          () => `${stored.arn} event ${end.id}: ${childArn} is ${child.status}`,
        );
      }
    }
  }
}
