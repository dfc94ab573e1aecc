// Retry and Catch: which Retrier grants another try and when, and which Catcher takes an error.
//
// Knows:          the Retry and Catch arrays, and the retries already granted in this visit of the state.
// Does not know:  clocks, timers, tasks, histories. It computes; failure.ts acts.
//
// Invariants
//   R1. Each Retrier keeps its own count. Moving to another Retrier never resets the first.
//   R2. The result is a function of the arguments alone; jitter arrives as `random01`, and the moment of the
//       next try is recorded in the event that grants it, so a replay waits equally long.
//
// Spec: https://states-language.net/spec.html#errors

import type { Catcher, Retrier } from "../asl/ast.ts";

/** The failure of a state. `error` and `cause` may both be absent (a Fail state, SendTaskFailure without them). */
export interface Failure {
  readonly error: string | undefined;
  readonly cause: string | undefined;
  /** A second name that ErrorEquals may use: States.HeartbeatTimeout of a States.Timeout. */
  readonly alias?: string;
  /** StatesError.isFinal: it is for the states around this one to retry or catch. */
  readonly isFinal?: boolean;
  /** The state's own expression failed: then the service writes …StateFailed for a Map or Parallel as well. */
  readonly isEvaluation?: boolean;
}

/** Neither retried nor caught, whatever ErrorEquals says (also when it names it). */
const TERMINAL = "States.Runtime";

/** Whether an ErrorEquals list takes the failure. Spec: "Error names". */
export function matches(errorEquals: readonly string[], failure: Failure): boolean {
  if (failure.error === TERMINAL) return false;
  return errorEquals.some(
    (name) =>
      name === "States.ALL" ||
      name === failure.error ||
      name === failure.alias ||
      (name === "States.TaskFailed" && failure.error !== "States.Timeout"),
  );
}

/**
 * The index of the Retrier that grants a retry, or undefined: the first that takes the failure decides, and
 * once it is exhausted no other is asked.
 *
 * @param granted Retries already granted, by index of the Retrier.
 */
export function chooseRetrier(
  retriers: readonly Retrier[],
  granted: readonly number[],
  failure: Failure,
): number | undefined {
  const index = retriers.findIndex(({ errorEquals }) => matches(errorEquals, failure));
  if (index < 0) return undefined;
  return (granted[index] ?? 0) < (retriers[index] as Retrier).maxAttempts ? index : undefined;
}

/**
 * Seconds to wait before the next try.
 *
 * @param granted  Retries this Retrier has granted before (0 = none yet).
 * @param random01 Uniform in [0, 1). Read only for FULL jitter: the wait is then uniform in [0, delay].
 */
export function retryDelaySeconds(retrier: Retrier, granted: number, random01: () => number): number {
  const grown = retrier.intervalSeconds * retrier.backoffRate ** granted;
  // A year bounds what 99,999,999 attempts at any rate could ask for; the execution ends before.
  const delay = Math.min(grown, retrier.maxDelaySeconds ?? Number.POSITIVE_INFINITY, 31_536_000);
  return retrier.jitterStrategy === "FULL" ? delay * random01() : delay;
}

/** The first Catcher that takes the failure. */
export function chooseCatcher(catchers: readonly Catcher[], failure: Failure): Catcher | undefined {
  return catchers.find(({ errorEquals }) => matches(errorEquals, failure));
}
