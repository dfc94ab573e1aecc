// When things happened: waits, time-outs and retries, by the times of the histories.
//
// Invariants
//   M1. Early is wrong, always: a wait before its moment, a time-out before its seconds, a retry before its delay.
//   M2. Late is only measured: how late depends on the machine. What ended while the server was down counts from its
//       return; what another outage cut into is left out.

import assert from "node:assert/strict";
import type { JsonObject } from "../base/json.ts";
import { type Attempt, detailsOf, type History, msOf } from "./histories.ts";
import type { Outage } from "./records.ts";
import { RETRIERS } from "./workload.ts";

/** Lateness in milliseconds. */
export interface Lateness {
  readonly up: number[];
  readonly afterOutage: number[];
}

/** Checks every Wait of a history. @returns how many there were */
export function checkWaits(
  arn: string,
  history: History,
  definition: JsonObject,
  outages: readonly Outage[],
  lateness: Lateness,
): number {
  const seconds = waitSecondsOf(definition);
  const byId = new Map(history.map((event) => [event.id, event]));
  let count = 0;
  for (const exited of history) {
    if (exited.type !== "WaitStateExited") continue;
    const entered = byId.get(exited.previousEventId);
    const name = detailsOf(exited)["name"] as string;
    assert.equal(entered?.type, "WaitStateEntered", `I8: ${arn} event ${exited.id} leaves no Wait`);
    const dueMs = msOf(entered) + (seconds.get(name) as number) * 1000;
    const lateMs = msOf(exited) - dueMs;
    assert.ok(lateMs >= 0, `I18: ${arn} event ${exited.id}: ${name} ended ${-lateMs} ms early`);
    count += 1;
    measure(dueMs, msOf(exited), outages, lateness);
  }
  return count;
}

/** M2 */
function measure(dueMs: number, endedMs: number, outages: readonly Outage[], lateness: Lateness): void {
  const overlapping = outages.filter(({ fromMs, untilMs }) => fromMs <= endedMs && untilMs >= dueMs);
  const [outage] = overlapping;
  if (outage === undefined) {
    lateness.up.push(endedMs - dueMs);
  } else if (overlapping.length === 1 && outage.fromMs <= dueMs) {
    lateness.afterOutage.push(Math.max(0, endedMs - outage.untilMs));
  }
}

function waitSecondsOf(definition: JsonObject): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      const state = member as { Type?: unknown; Seconds?: unknown } | null;
      if (state?.Type === "Wait" && typeof state.Seconds === "number") found.set(name, state.Seconds);
      visit(member);
    }
  };
  visit(definition);
  return found;
}

/** An attempt that timed out had the seconds that it was given. @returns whether it timed out */
export function checkTimeout(arn: string, { scheduled, outcome }: Attempt): boolean {
  if (outcome?.type.endsWith("TimedOut") !== true) return false;
  const { timeoutInSeconds, heartbeatInSeconds } = detailsOf(scheduled) as {
    timeoutInSeconds?: number;
    heartbeatInSeconds?: number;
  };
  const seconds = Math.min(timeoutInSeconds ?? Infinity, heartbeatInSeconds ?? Infinity);
  const earlyMs = msOf(scheduled) + seconds * 1000 - msOf(outcome);
  assert.ok(earlyMs <= 0, `I18: ${arn} event ${outcome.id}: timed out ${earlyMs} ms early`);
  return true;
}

/**
 * I14: the tries of one visit of a state, in their order: each retry waited at least as long as its retrier says.
 * @returns how many retries there were
 */
export function checkRetries(arn: string, tries: readonly Attempt[]): number {
  const granted = RETRIERS.map(() => 0);
  for (const [index, attempt] of tries.entries()) {
    if (index === 0) continue;
    const { outcome } = tries[index - 1] as Attempt;
    const at = `I14: ${arn} event ${attempt.scheduled.id}`;
    assert.ok(
      outcome !== undefined && !outcome.type.endsWith("Succeeded"),
      `${at}: retried without a failure`,
    );
    const which = detailsOf(outcome)["error"] === "Busy" ? 0 : 1;
    const { IntervalSeconds, BackoffRate, MaxAttempts } = RETRIERS[which];
    const used = granted[which] as number;
    granted[which] = used + 1;
    assert.ok(used < MaxAttempts, `I9: ${arn} event ${attempt.scheduled.id}: more retries than granted`);
    const earlyMs = msOf(outcome) + IntervalSeconds * BackoffRate ** used * 1000 - msOf(attempt.scheduled);
    assert.ok(earlyMs <= 0, `${at}: ${earlyMs} ms early`);
  }
  return Math.max(0, tries.length - 1);
}
