// The checker notices: a history that is as it must be, and the same with one thing wrong.

import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { Random } from "../../src/base/random.ts";
import { type Attempt, checkHistory, type History, prefixHashes } from "../../src/torture/histories.ts";
import { forge } from "../../src/torture/senders.ts";
import { checkRetries, checkTimeout, checkWaits, type Lateness } from "../../src/torture/timing.ts";

const DEFINITION = {
  StartAt: "W",
  States: {
    W: { Type: "Wait", Seconds: 2, Next: "T" },
    T: { Type: "Task", Resource: "arn:aws:states:::lambda:invoke", End: true },
  },
} as const;

const entered = (name: string): object => ({ stateEnteredEventDetails: { name } });
const exited = (name: string): object => ({ stateExitedEventDetails: { name } });
const failed = { taskFailedEventDetails: { error: "Busy" } };

type Row = readonly [type: string, previousEventId: number, timestamp: number, details?: object];

/** A wait, a try that fails, one that succeeds. */
const GOOD: readonly Row[] = [
  ["ExecutionStarted", 0, 100],
  ["WaitStateEntered", 0, 100, entered("W")],
  ["WaitStateExited", 2, 102, exited("W")],
  ["TaskStateEntered", 3, 102, entered("T")],
  ["TaskScheduled", 4, 102, { taskScheduledEventDetails: { timeoutInSeconds: 3 } }],
  ["TaskStarted", 5, 102],
  ["TaskFailed", 6, 103, failed],
  ["TaskScheduled", 7, 104, { taskScheduledEventDetails: { timeoutInSeconds: 3 } }],
  ["TaskStarted", 8, 104],
  ["TaskSucceeded", 9, 105],
  ["TaskStateExited", 10, 105, exited("T")],
  ["ExecutionSucceeded", 11, 105],
];

/** Puts rows in the place of `count` rows from `at` (event ids count from 1). */
const change = (at: number, count: number, ...rows: readonly Row[]): readonly Row[] =>
  GOOD.toSpliced(at - 1, count, ...rows);

function history(rows: readonly Row[]): History {
  return rows.map(([type, previousEventId, timestamp, details = {}], index) => ({
    id: index + 1,
    previousEventId,
    timestamp,
    type,
    ...details,
  }));
}

function checkAll(rows: readonly Row[]): { waits: number; retries: number; lateness: Lateness } {
  const events = history(rows);
  const lateness: Lateness = { up: [], afterOutage: [] };
  const attempts = checkHistory("arn", events, DEFINITION);
  for (const attempt of attempts) checkTimeout("arn", attempt);
  return {
    waits: checkWaits("arn", events, DEFINITION, [], lateness),
    retries: checkRetries("arn", attempts),
    lateness,
  };
}

const WRONG: readonly { readonly name: string; readonly rows: readonly Row[]; readonly invariant: string }[] =
  [
    {
      name: "an event follows a later one",
      rows: change(3, 1, ["WaitStateExited", 4, 102, exited("W")]),
      invariant: "I2",
    },
    {
      name: "a state is entered that does not follow",
      rows: change(4, 1, ["TaskStateEntered", 3, 102, entered("W")]),
      invariant: "I3",
    },
    {
      name: "a state is entered that begins nothing",
      rows: change(2, 1, ["WaitStateEntered", 0, 100, entered("T")]),
      invariant: "I3",
    },
    { name: "two ends", rows: [...GOOD, ["ExecutionAborted", 0, 106]], invariant: "I5" },
    { name: "no end", rows: change(12, 1), invariant: "I5" },
    {
      name: "time goes back",
      rows: change(4, 1, ["TaskStateEntered", 3, 101.9, entered("T")]),
      invariant: "I7",
    },
    { name: "a state is not left", rows: change(11, 2, ["ExecutionSucceeded", 10, 105]), invariant: "I8" },
    {
      name: "a state is left twice",
      rows: change(12, 1, ["TaskStateExited", 11, 105, exited("T")], ["ExecutionSucceeded", 12, 105]),
      invariant: "I8",
    },
    {
      name: "an attempt starts twice",
      rows: change(9, 2, ["TaskStarted", 8, 104], ["TaskStarted", 9, 104], ["TaskSucceeded", 10, 105]),
      invariant: "I9",
    },
    {
      name: "an attempt has two outcomes",
      rows: change(7, 1, ["TaskFailed", 6, 103, failed], ["TaskSucceeded", 6, 103]),
      invariant: "I12",
    },
    {
      name: "an attempt has no outcome",
      rows: change(10, 3, ["TaskStateExited", 9, 105, exited("T")], ["ExecutionSucceeded", 10, 105]),
      invariant: "I12",
    },
    {
      name: "an outcome belongs to no attempt",
      rows: change(5, 3, ["TaskFailed", 4, 103, failed]),
      invariant: "I12",
    },
    { name: "a retry comes early", rows: change(7, 1, ["TaskFailed", 6, 103.001, failed]), invariant: "I14" },
    { name: "a success is retried", rows: change(7, 1, ["TaskSucceeded", 6, 103]), invariant: "I14" },
    {
      name: "a wait ends early",
      rows: change(2, 1, ["WaitStateEntered", 0, 100.001, entered("W")]),
      invariant: "I18",
    },
    { name: "a time-out comes early", rows: change(10, 1, ["TaskTimedOut", 9, 105]), invariant: "I18" },
  ];

test("a history that is as it must be is taken, and its waits and retries are looked at", () => {
  assert.deepEqual(checkAll(GOOD), { waits: 1, retries: 1, lateness: { up: [0], afterOutage: [] } });
});

describe("noticed", () => {
  for (const { name, rows, invariant } of WRONG) {
    it(name, () => assert.throws(() => checkAll(rows), new RegExp(`^AssertionError.*: ${invariant}:`)));
  }
  it("an id that is left out", () => {
    const events = history(GOOD).map((event) => (event.id < 5 ? event : { ...event, id: event.id + 1 }));
    assert.throws(() => checkHistory("arn", events, DEFINITION), /: I1:/);
  });
  it("a retry that no retrier grants", () => {
    const attempt = checkHistory("arn", history(GOOD), DEFINITION)[0] as Attempt;
    // Busy may be retried five times: the delays of all of them are over here.
    const tries = Array.from({ length: 7 }, (_, index) => ({
      ...attempt,
      scheduled: { ...attempt.scheduled, timestamp: 1000 + 100 * index },
      outcome: { ...(attempt.outcome as Attempt["scheduled"]), timestamp: 1001 + 100 * index },
    }));
    assert.equal(checkRetries("arn", tries.slice(0, 6)), 5);
    assert.throws(() => checkRetries("arn", tries), /: I9:/);
  });
  it("a beginning that has changed", () => {
    const changed = change(3, 1, ["WaitStateExited", 2, 102.001, exited("W")]);
    const [before, after] = [GOOD, changed].map((rows) => prefixHashes(history(rows), new Set([2, 3])));
    assert.equal(before?.get(2), after?.get(2));
    assert.notEqual(before?.get(3), after?.get(3));
  });
});

test("a forged token is never one of those that it was made from", () => {
  const random = new Random([1, 2, 3, 4]);
  const token = (): string =>
    Buffer.from(Array.from({ length: 60 + (random.next32() % 3) }, () => random.next32() & 0xff)).toString(
      "base64",
    );
  for (let i = 0; i < 5_000; i++) {
    const [a, b] = [token(), token()];
    const forged = forge(a, i % 7 === 0 ? a : b, random);
    assert.ok(forged !== a && forged !== b && forged !== "", forged);
  }
});
