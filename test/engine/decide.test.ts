// What decide answers and commands, input by input: what a history alone does not show.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Payload } from "../../src/base/json.ts";
import {
  decide,
  type Decision,
  type Execution,
  type Input,
  needsAttention,
  nextWakeAt,
  SERVICE_LIMITS,
} from "../../src/engine/index.ts";
import { compile, STARTED_AT_MS } from "./player.ts";

const FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f";
const ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:a";
type Bare<I> = I extends Input ? Omit<I, "nowMs" | "seed"> : never;

/** One execution that is told things. */
class Told {
  readonly #program;
  readonly #admit: number;
  execution: Execution;
  readonly first: Decision;

  constructor(definition: object, admit = 10) {
    this.#program = compile(definition);
    this.#admit = admit;
    this.first = this.#decide(undefined, {
      kind: "Start",
      executionArn: "arn:aws:states:us-east-1:123456789012:execution:M:x",
      stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:M",
      name: "x",
      roleArn: "arn:aws:iam::123456789012:role/r",
      revisionId: "r",
      input: Payload.ofText("{}"),
      nowMs: STARTED_AT_MS,
      seed: [1, 2, 3, 4],
    });
    this.execution = this.first.execution;
  }

  #decide(execution: Execution | undefined, input: Input): Decision {
    return decide(this.#program, execution, input, {
      limits: SERVICE_LIMITS,
      taskToken: () => "token",
      activityExists: () => true,
      admit: this.#admit,
    });
  }

  tell(afterMs: number, input: Bare<Input>): Decision {
    return this.#decide(this.execution, {
      ...input,
      nowMs: STARTED_AT_MS + afterMs,
      seed: [5, 6, 7, 8],
    });
  }
}

const task = (rest: object = {}): object => ({
  StartAt: "T",
  States: {
    T: { Type: "Task", Resource: FUNCTION, ...rest, Next: "W" },
    W: { Type: "Wait", Seconds: 60, End: true },
  },
});
const succeeded = (id: number): Bare<Input> => ({
  kind: "TaskSucceeded",
  task: id,
  output: Payload.ofText("1"),
});
const kinds = ({ commands }: Decision): string[] => commands.map(({ kind }) => kind);

test("an attempt has one outcome: whatever comes after it is refused and changes nothing", () => {
  const told = new Told(task());
  assert.equal(told.tell(1, succeeded(1)).accepted, true);
  const late: Bare<Input>[] = [
    succeeded(1),
    { kind: "TaskFailed", task: 1, phase: "run", error: "E" },
    { kind: "Heartbeat", task: 1 },
    { kind: "TaskSubmitted", task: 1, output: Payload.ofText("1") },
    { kind: "TaskStart", task: 1 },
    succeeded(2),
  ];
  for (const input of late) {
    const { accepted, turn, commands } = told.tell(2, input);
    assert.deepEqual([accepted, turn, commands], [false, undefined, []], input.kind);
  }
  assert.equal(told.execution.tasks.size, 0);
  assert.equal(needsAttention(told.execution), false);
});

test("an execution that has ended takes nothing any more", () => {
  const told = new Told(task());
  assert.deepEqual(kinds(told.tell(1, { kind: "Stop" })), ["CancelTask", "AnnounceEnd"]);
  for (const input of [succeeded(1), { kind: "Stop" }, { kind: "TimeReached" }] as Bare<Input>[]) {
    const { accepted, turn } = told.tell(99_999_999_999, input);
    assert.deepEqual([accepted, turn], [false, undefined]);
  }
  assert.equal(told.execution.status, "ABORTED");
});

test("an attempt is handed over once, and only while there is room", () => {
  const roomy = new Told(task());
  assert.deepEqual(kinds(roomy.first), ["CallTask"]);
  const full = new Told(task(), 0);
  assert.deepEqual(kinds(full.first), ["QueueTask"]);
  assert.equal(full.tell(1, succeeded(1)).accepted, false, "nobody was called yet");
  assert.equal(needsAttention(full.execution), true);
  assert.deepEqual(kinds(full.tell(2, { kind: "TaskStart", task: 1 })), ["CallTask"]);
  assert.equal(full.tell(3, { kind: "TaskStart", task: 1 }).accepted, false, "it was handed over");
});

test("an activity's task waits for a worker, and the worker is not called", () => {
  const told = new Told({ StartAt: "A", States: { A: { Type: "Task", Resource: ACTIVITY, End: true } } });
  assert.deepEqual(kinds(told.first), ["QueueTask"]);
  const handed = told.tell(5, { kind: "TaskStart", task: 1 });
  assert.deepEqual([handed.accepted, kinds(handed)], [true, []]);
});

test("a heartbeat counts from the hand-over, moves the deadline, and never beyond TimeoutSeconds", () => {
  const told = new Told(task({ HeartbeatSeconds: 10, TimeoutSeconds: 25 }));
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 10_000);
  told.tell(9_000, { kind: "Heartbeat", task: 1 });
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 19_000);
  told.tell(18_000, { kind: "Heartbeat", task: 1 });
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 25_000);
  assert.equal(told.tell(24_999, { kind: "TimeReached" }).turn, undefined, "not a millisecond early");
  assert.equal(told.tell(25_000, { kind: "TimeReached" }).turn?.events[0]?.kind, "TaskTimedOut");
});

test("a deadline that has passed wins over the outcome that comes after it", () => {
  const told = new Told(task({ TimeoutSeconds: 5 }));
  const { accepted, execution } = told.tell(5_000, succeeded(1));
  assert.deepEqual([accepted, execution.status, execution.error], [false, "FAILED", "States.Timeout"]);
});

test("the deadline of an execution is the latest it is looked at, and the time at which it ends", () => {
  const told = new Told({ ...task(), TimeoutSeconds: 30 });
  assert.equal(nextWakeAt(told.execution), STARTED_AT_MS + 30_000);
  const { execution, turn } = told.tell(3_600_000, { kind: "TimeReached" });
  assert.deepEqual([execution.status, turn?.atMs], ["TIMED_OUT", STARTED_AT_MS + 30_000]);
});

test("time never goes back within an execution, whatever the wall clock does", () => {
  const told = new Told(task());
  told.tell(10_000, { kind: "TaskFailed", task: 99, phase: "run" });
  const { turn } = told.tell(-3_600_000, succeeded(1));
  assert.equal(turn?.atMs, STARTED_AT_MS);
});

test("what siblings do outside is cancelled when a branch fails", () => {
  const branch = (name: string): object => ({
    StartAt: name,
    States: { [name]: { Type: "Task", Resource: FUNCTION, End: true } },
  });
  const told = new Told({
    StartAt: "P",
    States: { P: { Type: "Parallel", Branches: [branch("A"), branch("B")], End: true } },
  });
  const decision = told.tell(1, { kind: "TaskFailed", task: 1, phase: "run", error: "E" });
  assert.deepEqual(decision.commands, [{ kind: "CancelTask", task: 2 }, { kind: "AnnounceEnd" }]);
});

test("a machine that would hold the thread for ever is due again at once, turn after turn", () => {
  const told = new Told({
    QueryLanguage: "JSONata",
    StartAt: "Spin",
    States: {
      Spin: { Type: "Pass", Output: "{% $sum([1..60000]) %}", Next: "Again" },
      Again: {
        Type: "Choice",
        Choices: [{ Condition: "{% $states.input > 0 %}", Next: "Spin" }],
        Default: "End",
      },
      End: { Type: "Succeed" },
    },
  });
  let events = 0;
  let decision = told.first;
  for (let i = 0; i < 5; i++) {
    const { turn } = decision;
    assert.equal(turn?.events.at(-1)?.kind, "Paused");
    assert.ok(turn.events.length < 100, "a turn is short");
    events += turn.events.length;
    assert.equal(nextWakeAt(told.execution), STARTED_AT_MS);
    decision = told.tell(0, { kind: "TimeReached" });
  }
  assert.ok(events > 20);
  assert.equal(told.execution.status, "RUNNING");
});
