// TestState: one state, run by the engine that runs executions, and looked at from inside.
//
// Knows:          one state, what it is given, what is mocked. Does not know:  stores, clocks, integrations.
//
// Invariants
//   S1. It is the engine's own code that runs (`work` of decide.ts): nothing of a state's meaning is said again here.
//       Only a Map or Parallel is not entered but mocked (mocked-map.ts).
//   S2. The execution is a throwaway: no event of it is stored, no history is told.
//   S3. Whatever the state leads to is not entered: the step that would do so stays in `Turn.ready`.
//
// Spec: "Using TestState API" of the developer guide.

import type { Program, State } from "../../asl/ast.ts";
import { assert } from "../../base/assert.ts";
import { fromMembers, isObject, type Json, type JsonObject, member, Payload } from "../../base/json.ts";
import { Random, type Seed } from "../../base/random.ts";
import { applyEvent } from "../apply.ts";
import type { CallTask } from "../commands.ts";
import { exitWithResult } from "../data-flow.ts";
import { work } from "../decide.ts";
import type { Event } from "../events.ts";
import type { Execution, Frame, TaskRest } from "../execution.ts";
import { attempt, failState } from "../failure.ts";
import type { TaskFailedInput } from "../inputs.ts";
import type { Limits } from "../limits.ts";
import { type Failure, matches } from "../retry.ts";
import { givenTo, inputOf, scopeOf } from "../scope.ts";
import { taskFailed, tasksTimedOut, taskSucceeded } from "../states/task.ts";
import { exitWait } from "../states/wait.ts";
import { type DecideEnvironment, type Stage, Turn } from "../turn.ts";
import { enterMockedMap } from "./mocked-map.ts";
import type { ErrorDetails, Mock, StateTestRequest, TestedState } from "./request.ts";
import { shownStages } from "./stages.ts";

/** What the service calls a state under test, also one of a whole definition (recorded). */
export const TESTED_NAME = "StateName";

/** What the test waits for outside. */
export type Pending =
  | { readonly kind: "call"; readonly command: CallTask }
  | { readonly kind: "wait"; readonly untilMs: number };

/** How that ended. `limit`: the test has taken as long as a test may. */
export type PendingOutcome =
  | { readonly kind: "succeeded"; readonly output: Payload }
  | ({ readonly kind: "failed" } & Pick<TaskFailedInput, "phase" | "error" | "cause" | "runtime">)
  | { readonly kind: "timedOut" }
  | { readonly kind: "waited" }
  | { readonly kind: "limit" };

export interface Moment {
  readonly nowMs: number;
  readonly seed: Seed;
}

export class StateTest {
  readonly #request: StateTestRequest;
  readonly #program: Program;
  readonly #execution: Execution;
  readonly #environment: DecideEnvironment;
  readonly #told = new Map<Stage, Payload>();
  readonly #events: Event[] = [];
  #failure: Failure | undefined;
  #turn: Turn;

  constructor(request: StateTestRequest, limits: Limits, moment: Moment) {
    this.#request = request;
    const state: State = { ...request.state, name: TESTED_NAME };
    this.#program = {
      queryLanguage: state.queryLanguage,
      root: { startAt: TESTED_NAME, states: new Map([[TESTED_NAME, state]]) },
      states: new Map([[TESTED_NAME, state]]),
    };
    const random = new Random(moment.seed);
    const token = random.uuid();
    this.#environment = {
      limits,
      taskToken: () => token,
      activityExists: () => true,
      admit: 1,
      inspect: (stage, value) => this.#told.set(stage, value),
      inspectFailure: (failure) => {
        this.#failure = failure;
      },
      contextObject: (made) => this.#contextObject(made),
    };
    const { region, account, roleArn, input } = request;
    const prefix = `arn:aws:states:${region}:${account}`;
    const [machine, name] = [random.uuid(), random.uuid()];
    // A test runs as an Express execution would (recorded).
    this.#execution = applyEvent(
      undefined,
      {
        kind: "ExecutionStarted",
        executionArn: `${prefix}:express:${machine}:${name}`,
        stateMachineArn: `${prefix}:stateMachine:${machine}`,
        name,
        roleArn: roleArn ?? "",
        revisionId: name,
        input,
      },
      moment.nowMs,
    );
    this.#turn = this.#newTurn(moment);
  }

  get execution(): Execution {
    return this.#execution;
  }

  /** Enters the state. Undefined: it is through. @throws ServiceError ValidationException for what cannot be mocked so */
  begin(): Pending | undefined {
    const turn = this.#turn;
    const frame = this.#frame;
    const { state, mock, retries, variables } = this.#request;
    turn.emit({
      kind: "StateEntered",
      frame: frame.id,
      state: TESTED_NAME,
      type: state.type,
      input: "output",
    });
    // Both are what came before: no event of this execution has told them (S2).
    if (variables.length > 0) {
      frame.variables = new Map(variables.map(([name, value]) => [name, Payload.ofValue(value)]));
    }
    if ("retry" in state && retries > 0) frame.retries = state.retry.map(() => retries);

    attempt(turn, frame, () => this.#enter(turn, frame, mock));
    this.#collect(turn);
    return this.#pending();
  }

  /** What `begin` waited for is there. Undefined: the state is through. */
  resume(outcome: PendingOutcome, moment: Moment): void {
    const turn = this.#newTurn(moment);
    this.#turn = turn;
    const frame = this.#frame;
    const state = turn.stateOf(frame);
    if (outcome.kind === "limit") {
      const cause = "The test of a state may take 5 minutes at most.";
      failState(turn, frame, { error: "States.Timeout", cause, isFinal: true });
    } else if (state.type === "Wait") {
      attempt(turn, frame, () => exitWait(turn, frame, state));
    } else {
      assert(state.type === "Task", `a ${state.type} state waits for nothing`);
      const { task } = frame.rest as TaskRest;
      if (outcome.kind === "timedOut") tasksTimedOut(turn, [frame]);
      else if (outcome.kind === "succeeded") taskSucceeded(turn, frame, state, outcome.output);
      else if (outcome.kind === "failed")
        taskFailed(turn, frame, { ...moment, ...outcome, kind: "TaskFailed", task });
    }
    this.#collect(turn);
  }

  /** Once nothing is pending. */
  result(): TestedState {
    const { state, input } = this.#request;
    const frame = this.#execution.frames.get(0);
    const stages = shownStages(state, input, this.#told, frame?.variables);
    const details = this.#errorDetails();
    const shared = { stages, ...(details === undefined ? {} : { errorDetails: details }) };
    const failure = this.#failure;
    const retry = this.#events.find((event) => event.kind === "RetryGranted");
    if (retry !== undefined) return { status: "RETRIABLE", ...errorOf(failure), ...shared };
    const { status, error, cause } = this.#execution;
    if (status === "FAILED") return { status: "FAILED", ...errorOf({ error, cause }), ...shared };
    assert(frame?.rest.kind === "left", "the state under test has been left");
    const step = this.#turn.ready.at(-1);
    return {
      status: failure === undefined ? "SUCCEEDED" : "CAUGHT_ERROR",
      output: frame.output,
      ...(failure === undefined ? {} : errorOf(failure)),
      ...(step?.kind === "enter" ? { nextState: step.state } : {}),
      ...shared,
    };
  }

  /** It keeps its place in the execution also when that has failed (engine/execution.ts, E4). */
  get #frame(): Frame {
    const frame = this.#execution.frames.get(0);
    assert(frame !== undefined, "an execution that has not succeeded has its root");
    return frame;
  }

  #enter(turn: Turn, frame: Frame, mock: Mock | undefined): void {
    const state = turn.stateOf(frame);
    if (state.type === "Map" || state.type === "Parallel") {
      assert(mock !== undefined, "a Map or Parallel is tested with a mock only");
      if (state.type === "Map") {
        const { failedIterations, readerData } = this.#request;
        return enterMockedMap(turn, frame, state, { mock, failedIterations, readerData });
      }
      const input = inputOf(turn, frame, state);
      givenTo(turn, state, scopeOf(turn, frame, input), input);
      if (mock.kind === "error") return failState(turn, frame, mock);
      return exitWithResult(turn, frame, state, mock.result);
    }
    work(turn, frame, state);
    if (mock === undefined) return;
    assert(state.type === "Task", "only a Task, Map or Parallel is mocked");
    // Not by `resume`: there is one turn, at one moment.
    const { task } = frame.rest as TaskRest;
    if (mock.kind === "result") return taskSucceeded(turn, frame, state, mock.result);
    const { error, cause } = mock;
    turn.emit({ kind: "TaskFailed", frame: frame.id, task, phase: "run", ...errorOf(mock) });
    failState(turn, frame, { error, cause });
  }

  #pending(): Pending | undefined {
    const { rest } = this.#frame;
    if (rest.kind === "waiting") return { kind: "wait", untilMs: rest.untilMs };
    if (rest.kind !== "task") return undefined;
    const command = this.#turn.commands.find((each) => each.kind === "CallTask");
    assert(command?.kind === "CallTask", "a task that was started is to be called");
    return { kind: "call", command };
  }

  #newTurn({ nowMs, seed }: Moment): Turn {
    return new Turn(this.#program, this.#execution, nowMs, new Random(seed), this.#environment);
  }

  #collect(turn: Turn): void {
    this.#events.push(...turn.events);
  }

  #errorDetails(): ErrorDetails | undefined {
    const { state } = this.#request;
    const failure = this.#failure;
    if (failure === undefined || !("retry" in state)) return undefined;
    const retryIndex = state.retry.findIndex(({ errorEquals }) => matches(errorEquals, failure));
    const retry = this.#events.find((event) => event.kind === "RetryGranted");
    const isCaught = retry === undefined && failure.isFinal !== true;
    const catchIndex = isCaught
      ? state.catch.findIndex(({ errorEquals }) => matches(errorEquals, failure))
      : -1;
    const details: ErrorDetails = {
      ...(catchIndex < 0 ? {} : { catchIndex }),
      ...(retryIndex < 0 || failure.isFinal === true ? {} : { retryIndex }),
      ...(retry === undefined
        ? {}
        : { retryBackoffIntervalSeconds: Math.ceil((retry.untilMs - this.#turn.nowMs) / 1000) }),
    };
    return Object.keys(details).length === 0 ? undefined : details;
  }

  #contextObject(made: JsonObject): JsonObject {
    const { context, roleArn, retries } = this.#request;
    const map = member(made, "Map");
    const withMap = (given: JsonObject): JsonObject => (map === undefined ? given : { ...given, Map: map });
    if (context !== undefined) return withMap(context);
    const execution = Object.entries(member(made, "Execution") as JsonObject)
      .filter(([name]) => name !== "RedriveCount")
      .map(([name, value]): readonly [string, Json] =>
        name === "RoleArn" ? [name, roleArn ?? null] : [name, value],
      );
    const state = member(made, "State");
    assert(isObject(state), "the context object has a State");
    return {
      ...made,
      Execution: fromMembers(execution),
      State: "RetryCount" in state ? { ...state, RetryCount: retries } : state,
    };
  }
}

function errorOf(
  failure: { readonly error: string | undefined; readonly cause: string | undefined } | undefined,
): {
  readonly error?: string;
  readonly cause?: string;
} {
  return {
    ...(failure?.error === undefined ? {} : { error: failure.error }),
    ...(failure?.cause === undefined ? {} : { cause: failure.cause }),
  };
}
