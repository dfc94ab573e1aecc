// What a run found, in a few lines for people; and what it must have looked at to count as a run.

import assert from "node:assert/strict";
import type { Counts } from "./checker.ts";
import type { TortureReport } from "./torture.ts";

/** The value below which `share` of the numbers lie; undefined of none. */
export function percentile(numbers: readonly number[], share: number): number | undefined {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export function spread(numbers: readonly number[]): string {
  if (numbers.length === 0) return "none";
  const at = (share: number): string => (percentile(numbers, share) as number).toFixed(0);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms (${numbers.length})`;
}

/** Everything that a run with faults of any kind meets. @throws AssertionError naming what was never there */
export function assertLooked(report: TortureReport, rare: ReadonlySet<string> = new Set()): void {
  const { records, counts } = report;
  const all: Record<string, number> = {
    ...counts,
    forgedTokens: records.forgedTokens,
    repeatsRunning: records.repeatsRunning,
    repeatsClosed: records.repeatsClosed,
    repeatsRefused: records.repeatsRefused,
    repeatsAfterLoss: records.repeatsAfterLoss,
    crossReads: records.crossReads,
    faults: records.faults,
  };
  for (const [name, count] of Object.entries(all)) {
    if (!rare.has(name)) assert.ok(count > 0, `the run proves little: ${name} is 0`);
  }
}

export function reportLines({ records, counts, lateness, calls, seconds, seed }: TortureReport): string[] {
  const of = (name: keyof Counts): string => counts[name].toLocaleString("en-US");
  return [
    `${records.faults} faults, ${seconds.toFixed(0)} s, seed ${seed}`,
    `${of("executions")} executions acknowledged and ${of("children")} nested ones: none lost, all ended as they must`,
    `${of("events")} events of histories: no gap, no transition twice; ${of("prefixes")} earlier reads unchanged`,
    `${of("attempts")} attempts of tasks, ${of("receipts")} delivered, none twice; ` +
      `${of("unknownOutcomes")} unknown outcomes said so; ${of("hostileAnswers")} hostile answers`,
    `${of("tokens")} task tokens, each accepted at most once; ${of("refusedSenders")} senders too many refused; ` +
      `${records.forgedTokens.toLocaleString("en-US")} forged tokens, 0 accepted`,
    `${of("stopsThatWon")} stops won, ${of("stopsThatCameLate")} came after the end; ` +
      `${of("beats")} heartbeats, ${of("beatenAcrossFaults")} tasks kept alive across faults`,
    `${of("waits")} waits, ${of("timeouts")} time-outs and ${of("retries")} retries: 0 early`,
    `waits late while the server was up: ${spread(lateness.up)}`,
    `waits late after an outage: ${spread(lateness.afterOutage)}`,
    `from a fault to the first answer: ${spread(records.recoveryMs)}`,
    `${calls.calls.toLocaleString("en-US")} calls, ${calls.unanswered.toLocaleString("en-US")} without an answer; ` +
      `in calm times ${calls.calmFailures} of ${calls.calmCalls.toLocaleString("en-US")} failed`,
  ];
}
