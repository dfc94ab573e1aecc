// Many simulations, and what they add up to.

import { type Plan, planOf } from "./plan.ts";
import { simulate } from "./casts.ts";
import type { Report } from "./simulate.ts";

export interface Totals {
  runs: number;
  crashes: number;
  executions: number;
  events: number;
  calls: number;
  steps: number;
  simulatedMs: number;
  readonly faults: Map<string, number>;
  readonly checks: Map<string, number>;
  readonly failures: Report[];
}

export function noTotals(): Totals {
  return {
    runs: 0,
    crashes: 0,
    executions: 0,
    events: 0,
    calls: 0,
    steps: 0,
    simulatedMs: 0,
    faults: new Map(),
    checks: new Map(),
    failures: [],
  };
}

/** Runs seed after seed from `firstSeed` on, until `isEnough` or the third failure. */
export async function simulateMany(
  firstSeed: number,
  isEnough: (totals: Totals) => boolean,
  change: (plan: Plan) => Plan = (plan) => plan,
): Promise<Totals> {
  const totals = noTotals();
  for (let seed = firstSeed; !isEnough(totals) && totals.failures.length < 3; seed++) {
    // oxlint-disable-next-line no-await-in-loop -- one world at a time
    add(totals, await simulate(change(planOf(seed))));
  }
  return totals;
}

export function add(totals: Totals, report: Report): void {
  totals.runs += 1;
  totals.crashes += report.deaths;
  totals.executions += report.executions;
  totals.events += report.events;
  totals.calls += report.calls;
  totals.steps += report.steps;
  totals.simulatedMs += report.simulatedMs;
  for (const [kind, count] of report.faults) totals.faults.set(kind, (totals.faults.get(kind) ?? 0) + count);
  for (const [kind, count] of report.checks) totals.checks.set(kind, (totals.checks.get(kind) ?? 0) + count);
  if (report.problem !== undefined) totals.failures.push(report);
}

export function summary(totals: Totals, seconds: number): string {
  const { runs, crashes, executions, events, calls, steps, simulatedMs, faults, checks, failures } = totals;
  const rate = Math.round((crashes / Math.max(seconds, 0.001)) * 60);
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .toSorted(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  return [
    `${runs} runs, ${crashes} crashes in ${seconds.toFixed(1)} s (${rate} a minute); ${failures.length} runs failed`,
    `${executions} executions, ${events} events, ${calls} calls, ${steps} steps, ${Math.round(simulatedMs / 3_600_000)} simulated hours`,
    `faults: ${list(faults)}`,
    `checks: ${list(checks)}`,
  ].join("\n");
}
