// What the follower shows for a history. Order and `previousEventId`s are those of recorded executions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { COLOURS, NO_COLOURS } from "../../src/cli/text.ts";
import { Timeline } from "../../src/cli/timeline.ts";
import { renderOutcome, renderTimeline } from "../../src/cli/timeline-view.ts";
import { at, historyOf } from "./history-text.ts";

interface Case {
  readonly name: string;
  readonly history: string;
  /** Milliseconds after the start. */
  readonly now?: number;
  readonly width?: number;
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "a state that ran shows what it took",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 PassStateEntered {"name":"Hello","input":"{}"}
      3<-2 +5 PassStateExited {"name":"Hello","output":"{}"}
      4<-3 +5 ExecutionSucceeded {"output":"{}"}`,
    expected: ["✓ Hello                                           5 ms", "✓ SUCCEEDED in 5 ms"],
  },
  {
    name: "a running task shows the time so far",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 TaskStateEntered {"name":"Call","input":"{}"}
      3<-2 +0 TaskScheduled {"resourceType":"lambda","resource":"invoke","parameters":"{}"}
      4<-3 +1 TaskStarted {"resourceType":"lambda","resource":"invoke"}`,
    now: 1_500,
    expected: ["● Call                                         1.5 s …", "● RUNNING in 1.5 s"],
  },
  {
    name: "a choice shows where it went",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 ChoiceStateEntered {"name":"Large?","input":"{}"}
      3<-2 +0 ChoiceStateExited {"name":"Large?","output":"{}"}
      4<-3 +0 SucceedStateEntered {"name":"Yes","input":"{}"}
      5<-4 +0 SucceedStateExited {"name":"Yes","output":"{}"}
      6<-5 +0 ExecutionSucceeded {"output":"{}"}`,
    expected: [
      "✓ Large?  → Yes                                   0 ms",
      "✓ Yes                                             0 ms",
      "✓ SUCCEEDED in 0 ms",
    ],
  },
  {
    name: "retries stay visible below the state that succeeded in the end",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 TaskStateEntered {"name":"Limit","input":"{}"}
      3<-2 +0 TaskScheduled {"resourceType":"lambda","resource":"invoke"}
      4<-3 +0 TaskStarted {"resourceType":"lambda","resource":"invoke"}
      5<-4 +40 TaskFailed {"error":"Busy","cause":"{\\"errorMessage\\":\\"try again\\",\\"errorType\\":\\"Busy\\"}"}
      6<-5 +1040 TaskScheduled {"resourceType":"lambda","resource":"invoke"}
      7<-6 +1040 TaskStarted {"resourceType":"lambda","resource":"invoke"}
      8<-7 +6040 TaskTimedOut {"error":"States.Timeout"}
      9<-8 +8040 TaskScheduled {"resourceType":"lambda","resource":"invoke"}
      10<-9 +8040 TaskStarted {"resourceType":"lambda","resource":"invoke"}
      11<-10 +8060 TaskSucceeded {"output":"{}"}
      12<-11 +8060 TaskStateExited {"name":"Limit","output":"{}"}
      13<-12 +8060 ExecutionSucceeded {"output":"{}"}`,
    expected: [
      "✓ Limit                                          8.1 s",
      "  ↻ attempt 1  Busy: try again                   40 ms",
      "  ⏱ attempt 2  States.Timeout                    5.0 s",
      "✓ SUCCEEDED in 8.1 s",
    ],
  },
  {
    name: "a task between two attempts waits to be tried again",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 TaskStateEntered {"name":"Limit","input":"{}"}
      3<-2 +0 LambdaFunctionScheduled {"resource":"arn:aws:lambda:us-east-1:000000000000:function:limit"}
      4<-3 +0 LambdaFunctionStarted
      5<-4 +40 LambdaFunctionFailed {"error":"Busy","cause":"wait"}`,
    now: 540,
    expected: [
      "↻ Limit  will be tried again                  540 ms …",
      "  ↻ attempt 1  Busy: wait                        40 ms",
      "● RUNNING in 540 ms",
    ],
  },
  {
    name: "a caught error is shown with what it was",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 TaskStateEntered {"name":"Work","input":"{}"}
      3<-2 +0 ActivityScheduled {"resource":"arn:aws:states:us-east-1:000000000000:activity:a"}
      4<-3 +10 ActivityStarted
      5<-4 +30 ActivityFailed {"error":"Nope","cause":"no paper"}
      6<-5 +30 TaskStateExited {"name":"Work","output":"{}"}
      7<-6 +30 PassStateEntered {"name":"Undo","input":"{}"}
      8<-7 +30 PassStateExited {"name":"Undo","output":"{}"}
      9<-8 +30 ExecutionSucceeded {"output":"{}"}`,
    expected: [
      "✗ Work  caught Nope: no paper                    30 ms",
      "✓ Undo                                            0 ms",
      "✓ SUCCEEDED in 30 ms",
    ],
  },
  {
    name: "a wait, and a task that waits for a token, show the clock",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 ParallelStateEntered {"name":"Both","input":"{}"}
      3<-2 +0 ParallelStateStarted
      4<-3 +0 WaitStateEntered {"name":"Sleep","input":"{}"}
      5<-3 +0 TaskStateEntered {"name":"Ask","input":"{}"}
      6<-5 +0 TaskScheduled {"resourceType":"lambda","resource":"invoke.waitForTaskToken"}
      7<-6 +0 TaskStarted {"resourceType":"lambda","resource":"invoke.waitForTaskToken"}
      8<-7 +9 TaskSubmitted {"output":"{}"}`,
    now: 65_000,
    expected: [
      "● Both                                     1 min 5 s …",
      "  ├─ ⏱ Sleep  waits                        1 min 5 s …",
      "  └─ ⏱ Ask  waits for a task token         1 min 5 s …",
      "● RUNNING in 1 min 5 s",
    ],
  },
  {
    name: "branches of several states have a line of their own",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 ParallelStateEntered {"name":"Both","input":"{}"}
      3<-2 +0 ParallelStateStarted
      4<-3 +0 PassStateEntered {"name":"A1","input":"{}"}
      5<-3 +0 PassStateEntered {"name":"B1","input":"{}"}
      6<-4 +1 PassStateExited {"name":"A1","output":"{}"}
      7<-6 +1 PassStateEntered {"name":"A2","input":"{}"}
      8<-5 +2 PassStateExited {"name":"B1","output":"{}"}
      9<-7 +4 PassStateExited {"name":"A2","output":"{}"}
      10<-9 +4 ParallelStateSucceeded
      11<-9 +4 ParallelStateExited {"name":"Both","output":"[]"}
      12<-11 +4 PassStateEntered {"name":"After","input":"[]"}
      13<-12 +4 PassStateExited {"name":"After","output":"[]"}
      14<-13 +4 ExecutionSucceeded {"output":"[]"}`,
    expected: [
      "✓ Both                                            4 ms",
      "  ├─ ✓ branch 1                                   4 ms",
      "  │    ✓ A1                                       1 ms",
      "  │    ✓ A2                                       3 ms",
      "  └─ ✓ B1                                         2 ms",
      "✓ After                                           0 ms",
      "✓ SUCCEEDED in 4 ms",
    ],
  },
  {
    name: "a branch that fails gives up its siblings, and the catcher of the Parallel goes on",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 ParallelStateEntered {"name":"Both","input":"{}"}
      3<-2 +0 ParallelStateStarted
      4<-3 +0 TaskStateEntered {"name":"Slow","input":"{}"}
      5<-4 +0 TaskScheduled {"resourceType":"sqs","resource":"sendMessage.waitForTaskToken"}
      6<-3 +0 FailStateEntered {"name":"No","input":"{}"}
      7<-6 +0 TaskStateAborted
      8<-6 +0 ParallelStateFailed
      9<-8 +0 ParallelStateExited {"name":"Both","output":"{}"}
      10<-9 +0 PassStateEntered {"name":"Undo","input":"{}"}
      11<-10 +0 PassStateExited {"name":"Undo","output":"{}"}
      12<-11 +0 ExecutionSucceeded {"output":"{}"}`,
    expected: [
      "✗ Both  caught                                    0 ms",
      "  ├─ ⊘ Slow  given up                             0 ms",
      "  └─ ✗ No                                         0 ms",
      "✓ Undo                                            0 ms",
      "✓ SUCCEEDED in 0 ms",
    ],
  },
  {
    name: "iterations one after the other hang on each other's last event",
    history: `
      1<-0 +0 ExecutionStarted {"input":"[1,2]"}
      2<-0 +0 MapStateEntered {"name":"Each","input":"[1,2]"}
      3<-2 +0 MapStateStarted {"length":2}
      4<-3 +0 MapIterationStarted {"name":"Each","index":0}
      5<-4 +0 PassStateEntered {"name":"One","input":"1"}
      6<-5 +3 PassStateExited {"name":"One","output":"1"}
      7<-6 +3 MapIterationSucceeded {"name":"Each","index":0}
      8<-6 +3 MapIterationStarted {"name":"Each","index":1}
      9<-8 +3 PassStateEntered {"name":"One","input":"2"}
      10<-9 +7 PassStateExited {"name":"One","output":"2"}
      11<-10 +7 MapIterationSucceeded {"name":"Each","index":1}
      12<-11 +7 MapStateSucceeded
      13<-11 +7 MapStateExited {"name":"Each","output":"[1,2]"}
      14<-13 +7 ExecutionSucceeded {"output":"[1,2]"}`,
    expected: [
      "✓ Each  2 of 2 iterations                         7 ms",
      "  ├─ ✓ [0] One                                    3 ms",
      "  └─ ✓ [1] One                                    4 ms",
      "✓ SUCCEEDED in 7 ms",
    ],
  },
  {
    name: "a Map inside a Map finds the iterations of its own visit",
    history: `
      1<-0 +0 ExecutionStarted {"input":"[[1],[4]]"}
      2<-0 +0 MapStateEntered {"name":"L1","input":"[[1],[4]]"}
      3<-2 +0 MapStateStarted {"length":2}
      4<-3 +0 MapIterationStarted {"name":"L1","index":0}
      5<-3 +0 MapIterationStarted {"name":"L1","index":1}
      6<-4 +0 MapStateEntered {"name":"L2","input":"[1]"}
      7<-5 +0 MapStateEntered {"name":"L2","input":"[4]"}
      8<-6 +0 MapStateStarted {"length":1}
      9<-7 +0 MapStateStarted {"length":1}
      10<-8 +0 MapIterationStarted {"name":"L2","index":0}
      11<-9 +0 MapIterationStarted {"name":"L2","index":0}
      12<-10 +0 PassStateEntered {"name":"P","input":"1"}
      13<-11 +0 PassStateEntered {"name":"P","input":"4"}
      14<-13 +2 PassStateExited {"name":"P","output":"4"}
      15<-14 +2 MapIterationSucceeded {"name":"L2","index":0}
      16<-15 +2 MapStateSucceeded
      17<-15 +2 MapStateExited {"name":"L2","output":"[4]"}
      18<-17 +2 MapIterationSucceeded {"name":"L1","index":1}`,
    now: 10,
    expected: [
      "● L1  1 of 2 iterations                        10 ms …",
      "  ├─ ● [0] L2  0 of 1 iteration                10 ms …",
      "  │    └─ ● [0] P                              10 ms …",
      "  └─ ✓ [1] L2  1 of 1 iteration                   2 ms",
      "       └─ ✓ [0] P                                 2 ms",
      "● RUNNING in 10 ms",
    ],
  },
  {
    name: "a retried Map starts again on the event that failed inside of it",
    history: `
      1<-0 +0 ExecutionStarted {"input":"[1]"}
      2<-0 +0 MapStateEntered {"name":"Each","input":"[1]"}
      3<-2 +0 MapStateStarted {"length":1}
      4<-3 +0 MapIterationStarted {"name":"Each","index":0}
      5<-4 +0 FailStateEntered {"name":"No","input":"1"}
      6<-5 +0 MapIterationFailed {"name":"Each","index":0}
      7<-5 +1000 MapStateStarted {"length":1}
      8<-7 +1000 MapIterationStarted {"name":"Each","index":0}
      9<-8 +1000 FailStateEntered {"name":"No","input":"1"}
      10<-9 +1000 MapIterationFailed {"name":"Each","index":0}
      11<-9 +1000 MapStateFailed
      12<-11 +1000 ExecutionFailed {"error":"E","cause":"because"}`,
    expected: [
      "✗ Each                                           1.0 s",
      "  ↻ attempt 1                                    1.0 s",
      "  └─ ✗ [0] No                                     0 ms",
      "✗ FAILED in 1.0 s",
      "  E: because",
    ],
  },
  {
    name: "an expression that fails names the state and the reason",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 PassStateEntered {"name":"Compute","input":"{}"}
      3<-0 +0 EvaluationFailed {"state":"Compute","location":"Output","error":"States.QueryEvaluationError","cause":"bad"}
      4<-3 +0 ExecutionFailed {"error":"States.QueryEvaluationError","cause":"bad"}`,
    expected: [
      "✗ Compute  States.QueryEvaluationError: bad       0 ms",
      "✗ FAILED in 0 ms",
      "  States.QueryEvaluationError: bad",
    ],
  },
  {
    name: "a stopped execution gives up what was running",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 WaitStateEntered {"name":"Sleep","input":"{}"}
      3<-0 +900 ExecutionAborted {"cause":"enough"}`,
    now: 5_000,
    expected: ["⊘ Sleep  given up                               900 ms", "⊘ ABORTED in 900 ms", "  enough"],
  },
  {
    name: "of many iterations those that succeeded are counted, the others shown",
    history: [
      '1<-0 +0 ExecutionStarted {"input":"[]"}',
      '2<-0 +0 MapStateEntered {"name":"Each","input":"[]"}',
      '3<-2 +0 MapStateStarted {"length":30}',
      ...Array.from(
        { length: 30 },
        (_, i) => `${4 + i}<-3 +0 MapIterationStarted {"name":"Each","index":${i}}`,
      ),
      ...Array.from(
        { length: 30 },
        (_, i) => `${34 + i}<-${4 + i} +0 PassStateEntered {"name":"P","input":"1"}`,
      ),
      ...Array.from(
        { length: 20 },
        (_, i) => `${64 + i}<-${34 + i} +1 PassStateExited {"name":"P","output":"1"}`,
      ),
      ...Array.from(
        { length: 20 },
        (_, i) => `${84 + i}<-${64 + i} +1 MapIterationSucceeded {"name":"Each","index":${i}}`,
      ),
    ].join("\n"),
    now: 9,
    expected: [
      "● Each  20 of 30 iterations                     9 ms …",
      "  ├─ ✓ [0] P                                      1 ms",
      "  ├─ ✓ [1] P                                      1 ms",
      ...Array.from({ length: 9 }, (_, i) => `  ├─ ● [${20 + i}] P                                   9 ms …`),
      "  └─ ● [29] P                                   9 ms …",
      "  ✓ 18 more iterations",
      "● RUNNING in 9 ms",
    ],
  },
  {
    name: "names and causes cannot move the cursor, and long ones are cut to the width",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-0 +0 TaskStateEntered {"name":"A\\u001b[2Jb","input":"{}"}
      3<-2 +0 TaskScheduled {"resourceType":"lambda","resource":"invoke"}
      4<-3 +0 TaskFailed {"error":"E\\nF","cause":"${"long ".repeat(20)}"}
      5<-4 +0 ExecutionFailed {"error":"E\\nF","cause":"\\u202etxt"}`,
    width: 40,
    expected: ["✗ A\\u001b[2Jb  E\\nF: long long lo…  0 ms", "✗ FAILED in 0 ms", "  E\\nF: \\u202etxt"],
  },
  {
    name: "a history that makes no sense changes nothing and throws nothing",
    history: `
      1<-0 +0 ExecutionStarted {"input":"{}"}
      2<-99 +0 MapIterationSucceeded {"name":"Each","index":0}
      3<-2 +0 PassStateExited {"name":"Nobody","output":"{}"}
      4<-3 +0 TaskSucceeded {"output":"{}"}
      5<-4 +0 SomethingNew`,
    now: 1,
    expected: ["● RUNNING in 1 ms"],
  },
];

for (const { name, history, now = 0, width = 54, expected } of CASES) {
  test(name, () => {
    const timeline = new Timeline();
    const events = historyOf(history);
    assert.ok(events.length > 0);
    for (const event of events) timeline.add(event);
    const options = { width, palette: NO_COLOURS, nowMs: at(now), mapRuns: new Map() };
    const lines = [...renderTimeline(timeline, options), ...renderOutcome(timeline, options)];
    assert.deepEqual(lines, expected);
  });
}

test("events that come twice count once", () => {
  const history = historyOf(CASES[3]?.history ?? "");
  const once = new Timeline();
  const twice = new Timeline();
  for (const event of history) once.add(event);
  for (const event of [...history, ...history]) twice.add(event);
  const options = { width: 60, palette: NO_COLOURS, nowMs: at(0), mapRuns: new Map() };
  assert.ok(once.root.visits.length > 0);
  assert.deepEqual(renderTimeline(twice, options), renderTimeline(once, options));
});

test("colours change no character that is seen", () => {
  const timeline = new Timeline();
  for (const event of historyOf(CASES[3]?.history ?? "")) timeline.add(event);
  const lines = (palette: typeof COLOURS): string[] => {
    const options = { width: 60, palette, nowMs: at(0), mapRuns: new Map() };
    return [...renderTimeline(timeline, options), ...renderOutcome(timeline, options)];
  };
  const coloured = lines(COLOURS);
  assert.ok(coloured.every((line) => line.includes("\u001b[")));
  assert.deepEqual(coloured.map(stripVTControlCharacters), lines(NO_COLOURS));
});
