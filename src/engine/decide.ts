// decide: what an input does to an execution. Pure and synchronous (D2).
//
// Knows:          programs, executions, inputs. Does not know: clocks, stores, sockets, threads.
//
// Invariants
//   K1. It advances the execution through `apply` only, and returns the events that did it: folding the same
//       events into the state before gives the same state after (D3).
//   K2. A turn runs through as many states as it can, within Limits.turnSteps; after it every frame is at rest
//       (execution.ts, E2).
//   K3. An input that comes too late (the attempt is closed, the execution has ended) changes nothing and says so.
//   K4. Failures of the workflow are events, never throws. A throw is a bug of ours: the execution is then
//       half advanced and must be read again from its journal.

import type { MapState, Program, State } from "../asl/ast.ts";
import { assert } from "../base/assert.ts";
import { Random } from "../base/random.ts";
import { applyEvent, childrenRest } from "./apply.ts";
import { continueParent, endFrame } from "./children.ts";
import type { Command } from "./commands.ts";
import type { ExecutionStarted, JournalTurn, TaskId } from "./events.ts";
import type { Execution, Frame } from "./execution.ts";
import { attempt, endExecution, failExecution } from "./failure.ts";
import type { Input, RedriveInput, StartInput } from "./inputs.ts";
import { beginRedrive, leaveAgain, redriveRefusal, redrivenBy } from "./redrive.ts";
import { frameDueAt } from "./rest.ts";
import { enterChoice } from "./states/choice.ts";
import { enterDistributedMap, mapRunEnded } from "./states/distributed-map.ts";
import { enterFail } from "./states/fail.ts";
import { enterMap } from "./states/map.ts";
import { enterParallel } from "./states/parallel.ts";
import { enterPass } from "./states/pass.ts";
import { enterSucceed } from "./states/succeed.ts";
import { enterTask, startTask, taskFailed, tasksTimedOut, taskSucceeded } from "./states/task.ts";
import { enterWait, exitWait } from "./states/wait.ts";
import { type DecideEnvironment, HistoryFull, type Step, Turn } from "./turn.ts";

export type { DecideEnvironment } from "./turn.ts";

export interface Decision {
  readonly execution: Execution;
  /** Undefined: the input changed nothing. */
  readonly turn: JournalTurn | undefined;
  /** To be carried out once the turn is durable (D1). */
  readonly commands: readonly Command[];
  /** False: the input came too late (K3). */
  readonly accepted: boolean;
}

/**
 * What `input` does. Advances `execution` in place (execution.ts, E1); it is undefined for a StartInput only.
 */
export function decide(
  program: Program,
  execution: Execution | undefined,
  input: Input,
  environment: DecideEnvironment,
): Decision {
  if (input.kind === "Start") {
    assert(execution === undefined, "an execution starts once");
    return start(program, input, environment);
  }
  assert(execution !== undefined, `${input.kind} for an execution that was not started`);
  if (input.kind === "Redrive") return redriven(program, execution, input, environment);
  if (execution.status !== "RUNNING") return { execution, turn: undefined, commands: [], accepted: false };

  const turn = new Turn(program, execution, turnTime(execution, input), new Random(input.seed), environment);
  const accepted = run(turn, () => take(turn, input));
  return { execution, turn: finish(turn), commands: turn.commands, accepted };
}

function start(program: Program, input: StartInput, environment: DecideEnvironment): Decision {
  const seconds = Math.min(
    program.timeoutSeconds ?? Number.POSITIVE_INFINITY,
    environment.limits.executionSeconds,
  );
  const { executionArn, stateMachineArn, name, roleArn, revisionId } = input;
  const started: ExecutionStarted = {
    kind: "ExecutionStarted",
    executionArn,
    stateMachineArn,
    name,
    roleArn,
    revisionId,
    input: input.input,
    timeoutAtMs: input.nowMs + seconds * 1000,
    ...(input.stateMachineVersionArn === undefined
      ? {}
      : { stateMachineVersionArn: input.stateMachineVersionArn }),
    ...(input.stateMachineAliasArn === undefined ? {} : { stateMachineAliasArn: input.stateMachineAliasArn }),
    ...(input.traceHeader === undefined ? {} : { traceHeader: input.traceHeader }),
    ...(input.testCase === undefined ? {} : { testCase: input.testCase }),
    ...(input.mapRunArn === undefined ? {} : { mapRunArn: input.mapRunArn }),
  };
  const execution = applyEvent(undefined, started, input.nowMs);
  const turn = new Turn(program, execution, input.nowMs, new Random(input.seed), environment);
  turn.events.push(started);
  run(turn, () => {
    turn.ready.push({ kind: "enter", frame: execution.frames.get(0) as Frame, state: program.root.startAt });
    return true;
  });
  return { execution, turn: finish(turn), commands: turn.commands, accepted: true };
}

function redriven(
  program: Program,
  execution: Execution,
  input: RedriveInput,
  environment: DecideEnvironment,
): Decision {
  // Not before the end that it undoes, whatever the wall clock says.
  const nowMs = Math.max(execution.nowMs, input.nowMs);
  const isRepeated = redrivenBy(execution, input.clientToken, nowMs) !== undefined;
  if (isRepeated || redriveRefusal(execution, environment.limits, nowMs) !== undefined) {
    return { execution, turn: undefined, commands: [], accepted: isRepeated };
  }
  const turn = new Turn(program, execution, nowMs, new Random(input.seed), environment);
  run(turn, () => {
    beginRedrive(turn, input);
    return true;
  });
  return { execution, turn: finish(turn), commands: turn.commands, accepted: true };
}

function finish(turn: Turn): JournalTurn | undefined {
  return turn.events.length === 0 ? undefined : { atMs: turn.nowMs, events: turn.events };
}

/**
 * The time of a turn. Never before the last one (the wall clock may go back). An execution that has timed out
 * did so at its deadline, however late that is noticed; so do its start and stop times differ by TimeoutSeconds.
 */
function turnTime({ nowMs, timeoutAtMs }: Execution, input: Input): number {
  const wallMs = timeoutAtMs !== undefined && input.nowMs > timeoutAtMs ? timeoutAtMs : input.nowMs;
  return Math.max(nowMs, wallMs);
}

/** Takes the input, then lets frames enter states until all are at rest. */
function run(turn: Turn, begin: () => boolean): boolean {
  try {
    const accepted = begin();
    // By index: entries are appended while the loop runs, and a queue that shifts is quadratic.
    for (let i = 0; i < turn.ready.length && turn.execution.status === "RUNNING"; i++) {
      const step = turn.ready[i] as Step;
      if (!turn.isAlive(step.frame)) continue;
      if (step.kind === "enter") enterOrPause(turn, step.frame, step.state);
      else if (step.kind === "again") workAgain(turn, step.frame);
      else if (step.kind === "end") endFrame(turn, step.frame);
      else if (step.frame.rest === step.children) continueParent(turn, step.frame);
    }
    return accepted;
  } catch (problem) {
    if (!(problem instanceof HistoryFull)) throw problem;
    const count = turn.limits.historyEvents;
    const cause = `The execution reached the maximum number of history events (${count}).`;
    failExecution(turn, { error: "States.Runtime", cause });
    return true;
  }
}

/** What entering a state counts for beside the steps of its expressions. */
const STATE_STEPS = 250;

function enterOrPause(turn: Turn, frame: Frame, state: string): void {
  if (turn.isSpent) return turn.emit({ kind: "Paused", frame: frame.id, state });
  turn.meter.steps += STATE_STEPS;
  enterState(turn, frame, state);
}

function enterState(turn: Turn, frame: Frame, name: string): void {
  const state = turn.program.states.get(name);
  assert(state !== undefined, `"${name}" is no state of this program`);
  turn.emit({ kind: "StateEntered", frame: frame.id, state: name, type: state.type, input: "output" });
  attempt(turn, frame, () => work(turn, frame, state));
}

function workAgain(turn: Turn, frame: Frame): void {
  turn.meter.steps += STATE_STEPS;
  if (!leaveAgain(turn, frame)) attempt(turn, frame, () => work(turn, frame, turn.stateOf(frame)));
}

/** The state's work: when it is entered, and again for each try that Retry grants. @throws StatesError */
export function work(turn: Turn, frame: Frame, state: State): void {
  switch (state.type) {
    case "Pass":
      return enterPass(turn, frame, state);
    case "Task":
      return enterTask(turn, frame, state);
    case "Choice":
      return enterChoice(turn, frame, state);
    case "Wait":
      return enterWait(turn, frame, state);
    case "Succeed":
      return enterSucceed(turn, frame, state);
    case "Fail":
      return enterFail(turn, frame, state);
    case "Parallel":
      return enterParallel(turn, frame, state);
    case "Map":
      if (state.mode === "DISTRIBUTED") return enterDistributedMap(turn, frame, state);
      enterMap(turn, frame, state);
      if (frame.rest.kind === "children" && frame.rest.count === 0) continueParent(turn, frame);
  }
}

/** Says whether the input was in time (K3). */
function take(turn: Turn, input: Exclude<Input, StartInput | RedriveInput>): boolean {
  // A deadline that has passed wins over whatever arrives after it, also when the timer is late.
  passTime(turn);
  if (input.kind === "TimeReached") return true;
  if (turn.execution.status !== "RUNNING") return false;
  switch (input.kind) {
    case "Stop": {
      const { error, cause } = input;
      endExecution(turn, {
        kind: "ExecutionAborted",
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      });
      return true;
    }
    case "MapRunEnded": {
      const frame = turn.execution.tasks.get(input.task);
      if (frame?.rest.kind !== "mapRun") return false;
      mapRunEnded(turn, frame, turn.stateOf(frame) as MapState, input.outcome);
      return true;
    }
    case "TaskStart":
    case "TaskSubmitted":
    case "TaskSucceeded":
    case "TaskFailed":
    case "Heartbeat":
      return takeForTask(turn, input);
  }
}

type TaskInput = Exclude<Extract<Input, { task: TaskId }>, { kind: "MapRunEnded" }>;

function takeForTask(turn: Turn, input: TaskInput): boolean {
  const frame = turn.execution.tasks.get(input.task);
  if (frame?.rest.kind !== "task") return false;
  const { phase, heartbeatSeconds } = frame.rest;
  const state = turn.stateOf(frame);
  assert(state.type === "Task", `"${state.name}" is not a Task`);
  switch (input.kind) {
    case "TaskStart":
      if (phase !== "scheduled") return false;
      startTask(turn, frame, state, input);
      return true;
    case "TaskSubmitted":
      if (phase !== "started") return false;
      turn.emit({ kind: "TaskSubmitted", frame: frame.id, task: input.task, output: input.output });
      return true;
    case "Heartbeat":
      if (phase === "scheduled") return false;
      if (heartbeatSeconds !== undefined) {
        const dueAtMs = turn.nowMs + heartbeatSeconds * 1000;
        turn.emit({ kind: "HeartbeatReceived", frame: frame.id, task: input.task, dueAtMs });
      }
      return true;
    case "TaskSucceeded":
      if (phase === "scheduled") return false;
      taskSucceeded(turn, frame, state, input.output);
      return true;
    case "TaskFailed":
      if (phase === "scheduled" && input.phase !== "schedule") return false;
      taskFailed(turn, frame, input);
      return true;
  }
}

/** Lets every deadline act that has passed, in the order of their times. */
function passTime(turn: Turn): void {
  const { execution, nowMs } = turn;
  const due = [...execution.frames.values()]
    .map((frame) => ({ frame, atMs: frameDueAt(frame) }))
    .filter(({ atMs }) => atMs <= nowMs)
    .toSorted((a, b) => a.atMs - b.atMs || orderOf(a.frame) - orderOf(b.frame) || a.frame.id - b.frame.id);
  const endsAtMs = execution.timeoutAtMs ?? Number.POSITIVE_INFINITY;
  for (const { frame, atMs } of due) {
    if (atMs >= endsAtMs || execution.status !== "RUNNING") break;
    // An earlier deadline may have changed this frame, or given it up.
    const isDue = (each: Frame): boolean => turn.isAlive(each) && frameDueAt(each) === atMs;
    if (isDue(frame)) passDeadline(turn, frame, isDue);
  }
  if (execution.status === "RUNNING" && endsAtMs <= nowMs) endExecution(turn, { kind: "ExecutionTimedOut" });
}

/** Paused frames before others, in their order. */
function orderOf({ rest }: Frame): number {
  return rest.kind === "paused" ? rest.order : Number.MAX_SAFE_INTEGER;
}

function passDeadline(turn: Turn, frame: Frame, isDue: (frame: Frame) => boolean): void {
  const { rest } = frame;
  if (rest.kind === "paused") {
    turn.ready.push({ kind: "enter", frame, state: rest.state });
    return;
  }
  const state = turn.stateOf(frame);
  if (rest.kind === "waiting" && state.type === "Wait") {
    attempt(turn, frame, () => exitWait(turn, frame, state));
  } else if (rest.kind === "retrying") {
    attempt(turn, frame, () => work(turn, frame, state));
  } else if (rest.kind === "task") {
    const iterations =
      frame.kind === "iteration" ? childrenRest(frame.parent as Frame).children.values() : [];
    const others = [...iterations].filter(
      (each) => each !== frame && each.rest.kind === "task" && isDue(each),
    );
    tasksTimedOut(turn, [frame, ...others]);
  }
}
