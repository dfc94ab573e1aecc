// A Map Run as DescribeMapRun and ListMapRuns show it.

import type { MapRun, MapRunSummary } from "../interface.ts";
import { type Ended, shownCounts } from "./counts.ts";
import { labelledMachineArn } from "./names.ts";
import type { StoredRun } from "./stored.ts";

/** Of children, and of their items. */
interface Both {
  readonly children: number;
  readonly items: number;
}

const NEITHER: Both = { children: 0, items: 0 };

/**
 * @param children, items What has ended, as of now.
 * @param total           What is known of.
 * @param again           Of those that run, those that a redrive has started again.
 */
export function shownRun(
  run: StoredRun,
  children: Ended,
  items: Ended,
  total: Both,
  running: Both,
  again: Both,
): MapRun {
  const { results = NEITHER, redrivenAtMs } = run;
  return {
    ...shownSummary(run),
    status: run.status,
    maxConcurrency: run.maxConcurrency,
    toleratedFailureCount: run.toleratedFailureCount ?? 0,
    toleratedFailurePercentage: run.toleratedFailurePercentage ?? 0,
    items: shownCounts(items, total.items, running.items, again.items, results.items),
    executions: shownCounts(children, total.children, running.children, again.children, results.children),
    redriveCount: run.redriveCount,
    ...(redrivenAtMs === undefined ? {} : { redrivenAtMs }),
  };
}

export function totalOf({ totalChildren, totalItems }: StoredRun, planned: Both): Both {
  return { children: totalChildren ?? planned.children, items: totalItems ?? planned.items };
}

/** One that does not run in this process. */
export function shownStored(run: StoredRun): MapRun {
  return shownRun(run, run.children, run.items, totalOf(run, run.planned), NEITHER, NEITHER);
}

export function shownSummary({
  mapRunArn,
  executionArn,
  startedAtMs,
  stoppedAtMs,
}: StoredRun): MapRunSummary {
  return {
    mapRunArn,
    executionArn,
    stateMachineArn: labelledMachineArn(mapRunArn),
    startedAtMs,
    ...(stoppedAtMs === undefined ? {} : { stoppedAtMs }),
  };
}
