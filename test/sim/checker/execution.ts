// One execution's history by itself: shape, times, agreement with its row, and whether it is a valid path.

import { Disagreement, judge, type RecordedEvent, type Told } from "../reference/judge.ts";
import { type Checks, type Described, type StoredExecution, Violation } from "./evidence.ts";

/** One attempt of a task, as the history tells it. */
export interface Attempt {
  /** 1, 2, 3 … in the order of scheduling. */
  readonly number: number;
  readonly scheduled: RecordedEvent;
  started: RecordedEvent | undefined;
  submitted: RecordedEvent | undefined;
  end: RecordedEvent | undefined;
}

const END: ReadonlyMap<string, string> = new Map([
  ["ExecutionSucceeded", "SUCCEEDED"],
  ["ExecutionFailed", "FAILED"],
  ["ExecutionTimedOut", "TIMED_OUT"],
  ["ExecutionAborted", "ABORTED"],
]);

export function checkExecution(
  checks: Checks,
  stored: StoredExecution,
  told: Omit<Told, "input">,
  described: Described | undefined,
): readonly Attempt[] {
  const { arn, events } = stored;
  const at = (event: RecordedEvent): string => `${arn} event ${event.id} ${event.type}`;
  let lastMs = 0;
  events.forEach((event, i) => {
    checks.holds("I1", event.id === i + 1, () => `${at(event)} stands in the place of ${i + 1}`);
    checks.holds(
      "I2",
      event.previousEventId < event.id,
      () => `${at(event)} follows ${event.previousEventId}`,
    );
    checks.holds("I7", event.timestampMs >= lastMs, () => `${at(event)} is before the event before it`);
    lastMs = event.timestampMs;
    if (END.has(event.type))
      checks.holds("I5", i === events.length - 1, () => `${at(event)} is not the last event`);
  });
  checks.holds("I1", events.length <= told.limits.historyEvents, () => `${arn} has ${events.length} events`);
  checkAgreement(checks, stored, described);
  try {
    const input = events[0]?.details?.["input"] as string;
    judge({ ...told, input }, events);
    for (const invariant of ["I3", "I8", "I14", "I18", "I30"]) checks.count(invariant);
  } catch (problem) {
    if (!(problem instanceof Disagreement)) throw problem;
    throw new Violation("I3", `${arn} is no path of its definition: ${problem.message}`);
  }
  return attemptsOf(checks, stored);
}

function checkAgreement(checks: Checks, stored: StoredExecution, described: Described | undefined): void {
  const { arn, events, status, stoppedAtMs, startedAtMs } = stored;
  const last = events.at(-1) as RecordedEvent;
  const shown = END.get(last.type) ?? "RUNNING";
  checks.holds("I6", status === shown, () => `${arn}: the row says ${status}, the history ${shown}`);
  checks.holds("I6", startedAtMs === events[0]?.timestampMs, () => `${arn}: two start times`);
  const stop = shown === "RUNNING" ? undefined : last.timestampMs;
  checks.holds(
    "I6",
    stoppedAtMs === stop,
    () => `${arn}: the row stops at ${stoppedAtMs}, the history at ${stop}`,
  );
  if (described === undefined) return;
  const expected: Described = {
    status: shown,
    startedAtMs,
    stoppedAtMs: stop,
    output: last.details?.["output"] as string | undefined,
    error: shown === "RUNNING" ? undefined : (last.details?.["error"] as string | undefined),
    cause: shown === "RUNNING" ? undefined : (last.details?.["cause"] as string | undefined),
  };
  const isSame =
    JSON.stringify({ ...described, output: 0 }) === JSON.stringify({ ...expected, output: 0 }) &&
    (shown !== "SUCCEEDED" || described.output === expected.output);
  checks.holds("I6", isSame, () => `${arn} is described as ${JSON.stringify(described)}`);
}

/** Follows each Scheduled along its chain. */
function attemptsOf(checks: Checks, { arn, events }: StoredExecution): readonly Attempt[] {
  const attempts: Attempt[] = [];
  const byEvent = new Map<number, Attempt>();
  for (const event of events) {
    const parts =
      /^(?:Task|LambdaFunction|Activity)(Scheduled|Started|Submitted|Succeeded|\w*Failed|TimedOut)$/u.exec(
        event.type,
      );
    if (parts === null) continue;
    if (parts[1] === "Scheduled") {
      const attempt: Attempt = {
        number: attempts.length + 1,
        scheduled: event,
        started: undefined,
        submitted: undefined,
        end: undefined,
      };
      attempts.push(attempt);
      byEvent.set(event.id, attempt);
      checks.count("I9");
      continue;
    }
    const attempt = byEvent.get(event.previousEventId);
    if (attempt === undefined)
      throw new Violation("I2", `${arn} event ${event.id} ${event.type} belongs to no attempt`);
    checks.holds(
      "I12",
      attempt.end === undefined,
      () => `${arn} event ${event.id}: the attempt has ended already`,
    );
    if (parts[1] === "Started") attempt.started = event;
    else if (parts[1] === "Submitted") attempt.submitted = event;
    else attempt.end = event;
    byEvent.delete(event.previousEventId);
    byEvent.set(event.id, attempt);
  }
  return attempts;
}
