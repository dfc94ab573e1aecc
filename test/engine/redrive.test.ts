// Redrives, input by input: who is refused, what a repeated call is answered, what goes on after which end. What a
// history shows of each type of state is in histories/redrive-*.txt.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Payload } from "../../src/base/json.ts";
import {
  decide,
  type Decision,
  type Execution,
  type Input,
  type JournalTurn,
  type Limits,
  needsAttention,
  nextWakeAt,
  redrivenBy,
  redriveRefusal,
  SERVICE_LIMITS,
} from "../../src/engine/index.ts";
import { mulberry32 } from "../chance.ts";
import { compile, play, STARTED_AT_MS } from "./player.ts";
import { randomAnswer, randomDefinition } from "./random-definition.ts";

const FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
type Bare<I> = I extends Input ? Omit<I, "nowMs" | "seed"> : never;

/** One execution that is told things. */
class Told {
  readonly #program;
  readonly limits: Limits;
  execution: Execution;

  constructor(definition: object, limits: Partial<Limits> = {}) {
    this.#program = compile(definition);
    this.limits = { ...SERVICE_LIMITS, ...limits };
    this.execution = this.#decide(undefined, {
      kind: "Start",
      executionArn: "arn:aws:states:us-east-1:123456789012:execution:M:x",
      stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:M",
      name: "x",
      roleArn: "arn:aws:iam::123456789012:role/r",
      revisionId: "r",
      input: Payload.ofText("{}"),
      nowMs: STARTED_AT_MS,
      seed: [1, 2, 3, 4],
    }).execution;
  }

  #decide(execution: Execution | undefined, input: Input): Decision {
    return decide(this.#program, execution, input, {
      limits: this.limits,
      taskToken: () => "token",
      activityExists: () => true,
      admit: 10,
    });
  }

  tell(afterMs: number, input: Bare<Input>): Decision {
    return this.#decide(this.execution, { ...input, nowMs: STARTED_AT_MS + afterMs, seed: [5, 6, 7, 8] });
  }

  redrive(afterMs: number, clientToken?: string): Decision {
    return this.tell(afterMs, { kind: "Redrive", ...(clientToken === undefined ? {} : { clientToken }) });
  }

  refusal(afterMs: number): string | undefined {
    return redriveRefusal(this.execution, this.limits, STARTED_AT_MS + afterMs);
  }
}

const machine = (states: Record<string, object>, more: object = {}): object => ({
  StartAt: Object.keys(states)[0],
  States: states,
  ...more,
});
const TASK = { Type: "Task", Resource: FUNCTION, End: true };
const FAIL = machine({ F: { Type: "Fail", Error: "Broken" } });
const kindsOf = (turn: JournalTurn | undefined): string[] => turn?.events.map(({ kind }) => kind) ?? [];

interface Refused {
  readonly name: string;
  readonly definition: object;
  readonly limits?: Partial<Limits>;
  readonly stop?: boolean;
  readonly afterMs: number;
  readonly refusal: string;
}
const REFUSED: readonly Refused[] = [
  {
    name: "an execution that runs",
    definition: machine({ T: TASK }),
    afterMs: 1,
    refusal: "Execution is RUNNING and cannot be redriven",
  },
  {
    name: "an execution that succeeded",
    definition: machine({ P: { Type: "Pass", End: true } }),
    afterMs: 1,
    refusal: "Execution is SUCCEEDED and cannot be redriven",
  },
  {
    name: "an execution whose history has no room for the redrive and its end",
    definition: FAIL,
    limits: { historyEvents: 4 },
    afterMs: 1,
    refusal: "Execution history event limit exceeded",
  },
  {
    name: "an execution that has been open for as long as it may be",
    definition: FAIL,
    limits: { executionSeconds: 60 },
    afterMs: MINUTE_MS,
    refusal: "Execution has exceeded the max execution time",
  },
  {
    name: "an execution that ended more than 14 days ago",
    definition: machine({ T: TASK }),
    stop: true,
    afterMs: 14 * DAY_MS + 2,
    refusal: "Execution redrivable period exceeded",
  },
];

for (const { name, definition, limits, stop, afterMs, refusal } of REFUSED) {
  test(`${name} is refused`, () => {
    const told = new Told(definition, limits);
    if (stop === true) told.tell(1, { kind: "Stop" });
    const { status, eventCount } = told.execution;
    assert.equal(told.refusal(afterMs), refusal);
    const { accepted, turn, commands } = told.redrive(afterMs, "token");
    assert.deepEqual([accepted, turn, commands], [false, undefined, []]);
    assert.deepEqual([told.execution.status, told.execution.eventCount], [status, eventCount]);
  });
}

test("to the last moment it is accepted", () => {
  const told = new Told(machine({ T: TASK }));
  told.tell(1, { kind: "Stop" });
  assert.equal(told.refusal(14 * DAY_MS + 1), undefined);
  assert.equal(told.redrive(14 * DAY_MS + 1).accepted, true);
  assert.equal(told.execution.status, "RUNNING");
});

test("a client token that redrove the execution is answered again for 15 minutes, and counts once", () => {
  const told = new Told(FAIL);
  const when = (token: string, afterMs: number): number | undefined => {
    const atMs = redrivenBy(told.execution, token, STARTED_AT_MS + afterMs);
    return atMs === undefined ? undefined : atMs - STARTED_AT_MS;
  };
  assert.equal(when("a", 1000), undefined);
  assert.deepEqual(kindsOf(told.redrive(1000, "a").turn), [
    "ExecutionRedriven",
    "StateEntered",
    "ExecutionFailed",
  ]);
  const again = told.redrive(2000, "a");
  assert.deepEqual([again.accepted, again.turn, when("a", 2000)], [true, undefined, 1000]);
  assert.equal(told.redrive(3000, "b").accepted, true);
  assert.equal(told.redrive(4000, "a").turn, undefined, "others in between do not matter");
  assert.equal(told.execution.redrive?.count, 2);
  assert.equal(when("a", 1000 + 15 * MINUTE_MS), 1000);
  assert.equal(when("a", 1001 + 15 * MINUTE_MS), undefined);
  assert.notEqual(told.redrive(1001 + 15 * MINUTE_MS, "a").turn, undefined, "it is a new call by then");
  assert.equal(told.execution.redrive?.count, 3);
});

test("a repeated call is answered while the redriven execution runs, another one is refused", () => {
  const told = new Told(machine({ T: TASK }));
  told.tell(1, { kind: "Stop" });
  told.redrive(10, "a");
  assert.deepEqual([told.redrive(11, "a").accepted, told.redrive(11, "b").accepted], [true, false]);
  assert.deepEqual([told.redrive(11).accepted, told.execution.redrive?.count], [false, 1]);
});

test("the last ten client tokens are known, and calls without one always count", () => {
  const told = new Told(FAIL);
  for (let i = 0; i <= 10; i++) told.redrive(i, `token ${i}`);
  told.redrive(11);
  told.redrive(12);
  assert.equal(told.execution.redrive?.count, 13);
  const known = Array.from({ length: 11 }, (_, i) =>
    redrivenBy(told.execution, `token ${i}`, STARTED_AT_MS + 20),
  );
  assert.deepEqual(known, [undefined, ...Array.from({ length: 10 }, (_, i) => STARTED_AT_MS + i + 1)]);
});

test("an attempt that was open at the end is dead: a new one is made, with a token of its own", () => {
  const told = new Told(machine({ T: { ...TASK, TimeoutSeconds: 10, HeartbeatSeconds: 5 } }));
  told.tell(1000, { kind: "Stop", error: "States.DataLimitExceeded" });
  assert.deepEqual([needsAttention(told.execution), nextWakeAt(told.execution)], [false, undefined]);
  const { turn, commands } = told.redrive(8000);
  assert.deepEqual(kindsOf(turn), ["ExecutionRedriven", "TaskScheduled", "TaskStarted"]);
  assert.deepEqual(
    commands.map((command) => [command.kind, "task" in command ? command.task : undefined]),
    [["CallTask", 2]],
  );
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 13_000, "its timers begin anew");
  assert.equal(needsAttention(told.execution), true);
  const outcome = (task: number): boolean =>
    told.tell(9000, { kind: "TaskSucceeded", task, output: Payload.ofText("1") }).accepted;
  assert.deepEqual([outcome(1), outcome(2), told.execution.status], [false, true, "SUCCEEDED"]);
  assert.deepEqual([told.execution.error, told.execution.output?.text], [undefined, "1"]);
});

test("a try that Retry had put off is made at once", () => {
  const retry = [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 100, MaxAttempts: 1 }];
  const told = new Told(machine({ T: { ...TASK, Retry: retry } }));
  told.tell(1, { kind: "TaskFailed", task: 1, phase: "run", error: "E" });
  told.tell(2, { kind: "Stop" });
  assert.deepEqual(kindsOf(told.redrive(3).turn), ["ExecutionRedriven", "TaskScheduled", "TaskStarted"]);
  told.tell(4, { kind: "TaskFailed", task: 2, phase: "run", error: "E" });
  assert.equal(told.execution.status, "RUNNING", "its retries are counted anew");
});

test("a Wait for a moment that has passed is left at once", () => {
  const timestamp = new Date(STARTED_AT_MS + 5000).toISOString();
  const told = new Told(machine({ W: { Type: "Wait", Timestamp: timestamp, End: true } }));
  told.tell(1000, { kind: "Stop" });
  assert.deepEqual(kindsOf(told.redrive(6000).turn), [
    "ExecutionRedriven",
    "StateExited",
    "ExecutionSucceeded",
  ]);
});

test("an end between two states is followed by the second", () => {
  // The wait is over and the execution stopped before anything looked at it: one turn does both.
  const told = new Told(
    machine(
      { W: { Type: "Wait", Seconds: 5, Next: "T" }, T: { ...TASK, End: true } },
      { TimeoutSeconds: 10 },
    ),
  );
  const stopped = told.tell(7000, { kind: "Stop" });
  assert.deepEqual(kindsOf(stopped.turn), ["StateExited", "Paused", "ExecutionAborted"]);
  assert.deepEqual(kindsOf(told.redrive(60_000).turn), [
    "ExecutionRedriven",
    "StateEntered",
    "TaskScheduled",
    "TaskStarted",
  ]);
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 70_000, "TimeoutSeconds begins anew");
  told.tell(75_000, { kind: "TimeReached" });
  assert.deepEqual(
    [told.execution.status, told.execution.stoppedAtMs],
    ["TIMED_OUT", STARTED_AT_MS + 70_000],
  );
});

test("a redrive does not prolong the time that an execution may be open at all", () => {
  const told = new Told(machine({ T: TASK }), { executionSeconds: 100 });
  told.tell(1, { kind: "Stop" });
  told.redrive(90_000);
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 100_000);
});

test("what was stopped is redriven branch by branch, and nothing that has finished", () => {
  const branch = (name: string, state: object): object => ({ StartAt: name, States: { [name]: state } });
  const told = new Told(
    machine({
      P: {
        Type: "Parallel",
        Branches: [
          branch("Done", { Type: "Pass", End: true }),
          branch("Open", TASK),
          branch("Empty", {
            Type: "Map",
            MaxConcurrency: 1,
            ItemsPath: "$.items",
            ItemProcessor: branch("Each", TASK),
            End: true,
          }),
        ],
        Parameters: { items: [1, 2] },
        End: true,
      },
    }),
  );
  assert.deepEqual([...told.execution.tasks.keys()], [1, 2]);
  told.tell(1, { kind: "Stop" });
  assert.deepEqual(kindsOf(told.redrive(2).turn), [
    "ExecutionRedriven",
    "TaskScheduled",
    "TaskStarted",
    "TaskScheduled",
    "TaskStarted",
  ]);
  for (const task of [3, 4, 5]) {
    told.tell(3, { kind: "TaskSucceeded", task, output: Payload.ofText(String(task)) });
  }
  assert.equal(told.execution.output?.text, '[{"items":[1,2]},3,[4,5]]');
});

test("time does not go back: a redrive is not before the end that it undoes", () => {
  const told = new Told(FAIL);
  const { turn } = told.redrive(-5000);
  assert.equal(turn?.atMs, STARTED_AT_MS);
});

const RUNS = 150;
test(`${RUNS} random state machines are redriven: no state is worked at that was left, nothing that has finished goes on`, () => {
  let redrives = 0;
  let recovered = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const chance = mulberry32(seed + 7_000_000);
    const definition = randomDefinition(chance);
    try {
      const { execution, turns } = play({
        definition,
        input: { items: [1, 2, 3] },
        answer: () => randomAnswer(chance),
        redrives: 3,
      });
      redrives += execution.redrive?.count ?? 0;
      if (execution.redrive !== undefined && execution.status === "SUCCEEDED") recovered += 1;
      checkNothingIsRepeated(turns);
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(definition)}`, { cause: error });
    }
  }
  assert.ok(redrives > RUNS / 2, `only ${redrives} redrives`);
  assert.ok(recovered > 20, `only ${recovered} executions succeeded in the end`);
});

function checkNothingIsRepeated(turns: readonly JournalTurn[]): void {
  const inState = new Map<number, boolean>();
  const finished = new Set<number>();
  for (const event of turns.flatMap(({ events }) => events)) {
    if (!("frame" in event)) continue;
    const { frame, kind } = event;
    assert.ok(!finished.has(frame), `${kind} of frame ${frame}, which has finished`);
    if (kind === "StateEntered") inState.set(frame, true);
    else if (kind === "StateExited") inState.set(frame, false);
    else if (kind === "BranchSucceeded") finished.add(frame);
    else if (kind === "MapIterationEnded") {
      if (event.outcome === "Succeeded" || event.tolerated === true) finished.add(frame);
    } else if (
      kind === "TaskScheduled" ||
      kind === "ParallelStarted" ||
      kind === "MapStarted" ||
      kind === "WaitStarted"
    )
      assert.equal(inState.get(frame), true, `${kind} of frame ${frame}, which is in no state`);
  }
}
