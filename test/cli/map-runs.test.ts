// Map Runs on the command line: asked for as often as needed, and shown as bars and lines.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { MapRunNotes, MapRunWatch } from "../../src/cli/map-runs.ts";
import { NO_COLOURS } from "../../src/cli/text.ts";
import { Timeline } from "../../src/cli/timeline.ts";
import { renderOutcome, renderTimeline } from "../../src/cli/timeline-view.ts";
import { at, historyOf } from "./history-text.ts";

const RUN = "arn:aws:states:us-east-1:000000000000:mapRun:orders/score:1";
const STARTED = `
  1<-0 +0 ExecutionStarted {"input":"{}"}
  2<-0 +0 MapStateEntered {"name":"Score","input":"{}"}
  3<-2 +0 MapStateStarted {"length":0}
  4<-3 +0 MapRunStarted {"mapRunArn":"${RUN}"}`;
const SUCCEEDED = `${STARTED}
  5<-4 +2000 MapRunSucceeded
  6<-5 +2000 MapStateSucceeded
  7<-5 +2000 MapStateExited {"name":"Score","output":"[]"}
  8<-7 +2000 ExecutionSucceeded {"output":"[]"}`;
const FAILED = `${STARTED}
  5<-4 +2000 MapRunFailed {"error":"States.ExceedToleratedFailureThreshold","cause":"too many"}
  6<-5 +2000 MapStateFailed
  7<-6 +2000 ExecutionFailed {"error":"States.ExceedToleratedFailureThreshold","cause":"too many"}`;
const RETRIED = `${STARTED}
  5<-4 +2000 MapRunFailed {"error":"E","cause":"once"}
  6<-5 +3000 MapStateStarted {"length":0}
  7<-6 +3000 MapRunStarted {"mapRunArn":"${RUN}2"}`;
const REDRIVEN = `${FAILED}
  8<-7 +3000 ExecutionRedriven {"redriveCount":1}
  9<-4 +3000 MapRunRedriven {"mapRunArn":"${RUN}","redriveCount":1}`;

/** What DescribeMapRun answers: of items `succeeded`, `failed`, `total`; of children `running`. */
interface Answer {
  readonly status?: string;
  readonly total: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly timedOut?: number;
  readonly aborted?: number;
  readonly running?: number;
  /** Children that wait for their turn. */
  readonly waiting?: number;
  readonly runningItems?: number;
  readonly pending?: number;
  readonly stoppedAfterMs?: number;
  readonly redriveCount?: number;
}

function answerOf({
  status = "RUNNING",
  running = 0,
  waiting = 2,
  runningItems = 0,
  stoppedAfterMs,
  redriveCount = 0,
  ...items
}: Answer): JsonObject {
  return {
    mapRunArn: RUN,
    status,
    startDate: at(0) / 1_000,
    ...(stoppedAfterMs === undefined ? {} : { stopDate: at(stoppedAfterMs) / 1_000 }),
    itemCounts: { ...items, running: runningItems },
    executionCounts: { running, pending: waiting, total: 4 },
    redriveCount,
  };
}

interface Case {
  readonly name: string;
  readonly history: string;
  readonly now: number;
  readonly answer: Answer;
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "a bar while it runs",
    history: STARTED,
    now: 2_000,
    answer: { total: 4_000, succeeded: 1_000, running: 20 },
    expected: [
      "● Score                                                      2.0 s …",
      "  ███░░░░░░░░░░░░ 25 %  1,000 of 4,000 items · 500/s · 20 running",
      "● RUNNING in 2.0 s",
    ],
  },
  {
    name: "failures are told apart while it runs; the bar leaves room for words",
    history: STARTED,
    now: 2_000,
    answer: { total: 30, succeeded: 1, failed: 1, timedOut: 1, aborted: 2, running: 3 },
    expected: [
      "● Score                                                      2.0 s …",
      "  ░░░░ 16 %  5 of 30 items · 2.5/s · 2 failed · 2 aborted · 3 runni…",
      "● RUNNING in 2.0 s",
    ],
  },
  {
    name: "nothing is known of how many there are yet",
    history: STARTED,
    now: 0,
    answer: { total: 0, waiting: 0 },
    expected: [
      "● Score                                                       0 ms …",
      "  ░░░░░░░░░░░░░░░░░░░░███░   0 items so far · 0 running",
      "● RUNNING in 0 ms",
    ],
  },
  {
    name: "one that succeeded is a line",
    history: SUCCEEDED,
    now: 9_000,
    answer: { status: "SUCCEEDED", total: 1, succeeded: 1, stoppedAfterMs: 2_000 },
    expected: [
      "✓ Score  1 item · 0.5/s                                        2.0 s",
      "✓ SUCCEEDED in 2.0 s",
    ],
  },
  {
    name: "one that failed says of what, and how far it came",
    history: FAILED,
    now: 9_000,
    answer: { status: "FAILED", total: 40, succeeded: 3, failed: 1, aborted: 2, stoppedAfterMs: 2_000 },
    expected: [
      "✗ Score  States.ExceedToleratedFailureThreshold: too many      2.0 s",
      "  ✗ Map Run  6 of 40 items · 3/s · 1 failed · 2 aborted",
      "✗ FAILED in 2.0 s",
      "  States.ExceedToleratedFailureThreshold: too many",
    ],
  },
  {
    name: "a retry is another Map Run",
    history: RETRIED,
    now: 3_000,
    answer: { total: 4, running: 4 },
    expected: [
      "● Score                                                      3.0 s …",
      "  ↻ attempt 1  E: once                                         3.0 s",
      "  ░░░░░░░░░░░░░░░░░░░░░░░░ 0 %  0 of 4 items · 0/s · 4 running",
      "● RUNNING in 3.0 s",
    ],
  },
  {
    name: "one that is redriven runs again",
    history: REDRIVEN,
    now: 4_000,
    answer: { total: 40, succeeded: 20, running: 4, redriveCount: 1 },
    expected: [
      "● Score                                                      4.0 s …",
      "  ████████████░░░░░░░░░░░░ 50 %  20 of 40 items · 4 running",
      "● RUNNING in 4.0 s",
    ],
  },
];

function timelineOf(history: string): Timeline {
  const timeline = new Timeline();
  for (const event of historyOf(history)) timeline.add(event);
  return timeline;
}

for (const { name, history, now, answer, expected } of CASES) {
  test(name, async () => {
    const timeline = timelineOf(history);
    const watch = new MapRunWatch(
      async () => answerOf(answer),
      () => at(now),
    );
    await watch.update(timeline);
    const options = { width: 68, palette: NO_COLOURS, nowMs: at(now), mapRuns: watch.views };
    const lines = [...renderTimeline(timeline, options), ...renderOutcome(timeline, options)];
    assert.deepEqual(lines, expected);
  });
}

test("the rate is that of the last five seconds; what ended is asked for once more and no more", async () => {
  let nowMs = 0;
  let answer: Answer = { total: 1_000 };
  const asked: JsonObject[] = [];
  const call = async (operation: string, input: JsonObject): Promise<JsonObject> => {
    assert.equal(operation, "DescribeMapRun");
    asked.push(input);
    return answerOf(answer);
  };
  const watch = new MapRunWatch(call, () => at(nowMs));
  const rate = async (afterMs: number, succeeded: number): Promise<number | undefined> => {
    nowMs = afterMs;
    answer = { total: 1_000, succeeded };
    await watch.update(timelineOf(STARTED));
    return watch.views.get(RUN)?.perSecond;
  };
  assert.deepEqual(
    [
      await rate(1_000, 100),
      await rate(2_000, 120),
      await rate(2_100, 999),
      await rate(8_000, 180),
      await rate(10_000, 180),
    ],
    // Over all; then lately; too soon to ask again; nothing else lately; no progress.
    [100, 20, 20, 22.5, 0],
  );
  assert.equal(asked.length, 4);
  const ended = timelineOf(SUCCEEDED);
  answer = { status: "SUCCEEDED", total: 1_000, succeeded: 1_000, stoppedAfterMs: 2_000 };
  for (let i = 0; i < 3; i += 1) await watch.update(ended);
  assert.deepEqual(
    asked,
    Array.from({ length: 5 }, () => ({ mapRunArn: RUN })),
  );
  assert.equal(watch.views.get(RUN)?.perSecond, 500);
});

test("while items are read, nobody says of how many there are", async () => {
  let nowMs = 0;
  let answer: Answer = { total: 0 };
  const watch = new MapRunWatch(
    async () => answerOf(answer),
    () => at(nowMs),
  );
  const partial = async (afterMs: number, total: number, waiting: number): Promise<boolean | undefined> => {
    nowMs = afterMs;
    answer = { total, waiting, running: 4, runningItems: 40, pending: waiting * 10 };
    await watch.update(timelineOf(STARTED));
    return watch.views.get(RUN)?.isPartial;
  };
  // Without a file to read it is known from the beginning.
  const all: Answer = { total: 200, waiting: 1, running: 4, runningItems: 40, pending: 160 };
  const other = new MapRunWatch(
    async () => answerOf(all),
    () => at(0),
  );
  await other.update(timelineOf(STARTED));
  assert.equal(other.views.get(RUN)?.isPartial, false);
  assert.deepEqual(
    [
      await partial(0, 50, 1),
      await partial(1_000, 130, 1),
      // Nothing new, but one waits: the next is read when that has begun.
      await partial(9_000, 130, 1),
      await partial(10_000, 200, 0),
      await partial(10_500, 200, 0),
      await partial(11_000, 200, 0),
    ],
    [true, true, true, true, true, false],
  );
});

test("where nothing can be redrawn: a line at the start, every two seconds, and at the end", async () => {
  const notes = new MapRunNotes();
  const said: string[] = [];
  const step = async (afterMs: number, answer: Answer): Promise<void> => {
    const watch = new MapRunWatch(
      async () => answerOf(answer),
      () => at(afterMs),
    );
    await watch.update(timelineOf(STARTED));
    said.push(...notes.due(watch.views, at(afterMs)));
  };
  await step(0, { total: 8 });
  await step(1_000, { total: 8, succeeded: 2 });
  await step(1_999, { total: 8, succeeded: 3 });
  await step(2_000, { total: 8, succeeded: 4, running: 2 });
  await step(2_500, { status: "SUCCEEDED", total: 8, succeeded: 7, failed: 1, stoppedAfterMs: 2_500 });
  await step(9_000, { status: "SUCCEEDED", total: 8, succeeded: 7, failed: 1, stoppedAfterMs: 2_500 });
  assert.deepEqual(said, [
    "Map Run score: 0 of 8 items · 0 running",
    "Map Run score: 4 of 8 items · 2/s · 2 running",
    "Map Run score: SUCCEEDED in 2.5 s, 8 items · 3.2/s · 1 failed",
  ]);
});
