// The counters of a Map Run, and when too many of its items have failed.
//
// Invariants
//   N1. At every moment total = pending + running + succeeded + failed + timedOut + aborted + pendingRedrive.
//   N2. What has ended stays counted as it ended, until a redrive.

import type { MapRunCounts } from "../interface.ts";

export type ChildStatus = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** Of the children that have ended, or of their items. JSON. */
export interface Ended {
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly aborted: number;
  /** Of those that did not succeed: a redrive cannot run them again. */
  readonly notRedrivable: number;
  /** Ended without success before the last redrive, and not again since. */
  readonly toRedrive: number;
}

export const NONE_ENDED: Ended = {
  succeeded: 0,
  failed: 0,
  timedOut: 0,
  aborted: 0,
  notRedrivable: 0,
  toRedrive: 0,
};

const FIELDS = {
  SUCCEEDED: "succeeded",
  FAILED: "failed",
  TIMED_OUT: "timedOut",
  ABORTED: "aborted",
} as const;

export interface ChildEnd {
  readonly status: ChildStatus;
  /** It had ended before, and was redriven. */
  readonly isAgain: boolean;
  readonly isNotRedrivable: boolean;
}

/** One more has ended; `weight` is 1, or its items. */
export function withEnd(ended: Ended, { status, isAgain, isNotRedrivable }: ChildEnd, weight: number): Ended {
  const field = FIELDS[status];
  return {
    ...ended,
    [field]: ended[field] + weight,
    toRedrive: ended.toRedrive - (isAgain ? weight : 0),
    notRedrivable: ended.notRedrivable + (isNotRedrivable ? weight : 0),
  };
}

/** A redrive begins: what did not succeed is to run again. */
export function redriven(ended: Ended): Ended {
  return { ...NONE_ENDED, succeeded: ended.succeeded, toRedrive: unsuccessful(ended) + ended.toRedrive };
}

export function unsuccessful({ failed, timedOut, aborted }: Ended): number {
  return failed + timedOut + aborted;
}

export function endedCount(ended: Ended): number {
  return ended.succeeded + unsuccessful(ended);
}

/** As DescribeMapRun shows them. */
export function shownCounts(
  ended: Ended,
  total: number,
  running: number,
  runningAgain: number,
  resultsWritten: number,
): MapRunCounts {
  const { succeeded, failed, timedOut, aborted, notRedrivable, toRedrive } = ended;
  const pendingRedrive = toRedrive - runningAgain;
  return {
    pending: total - running - succeeded - failed - timedOut - aborted - pendingRedrive,
    running,
    succeeded,
    failed,
    timedOut,
    aborted,
    total,
    resultsWritten,
    failuresNotRedrivable: notRedrivable,
    pendingRedrive,
  };
}

export interface Tolerance {
  /** Items. */
  readonly count: number | undefined;
  /** 0 to 100, of all items. */
  readonly percentage: number | undefined;
}

/**
 * Whether more items have failed than may. Either limit trips it; without both none may fail. A percentage is of all
 * items: as long as it is not known how many there are, only the smallest share can be said to be passed, none.
 *
 * @param total Undefined: not known yet.
 */
export function isIntolerable(
  { count, percentage }: Tolerance,
  failed: number,
  total: number | undefined,
): boolean {
  if (failed === 0) return false;
  if (count === undefined && percentage === undefined) return true;
  if (count !== undefined && failed > count) return true;
  if (percentage === undefined) return false;
  // In this form a share of 10 % of 30 items is exactly 3.
  return percentage === 0 || (total !== undefined && failed * 100 > percentage * total);
}
