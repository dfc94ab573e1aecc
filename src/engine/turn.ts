// A turn under construction: what `decide` and the states write to.
//
// Knows:          the program, the execution, the input's time and randomness, the events and commands so far.
// Does not know:  what any state means.
//
// Invariants
//   T1. Every event passes through `emit`, which applies it at once: the execution is always the fold of its
//       events (apply.ts, P3).
//   T2. `ready` holds the steps to be taken, in the order in which they became possible; frames take turns state by
//       state, as branches do on the service.
//   T3. The last visible event that an execution may have is kept for its end.

import type { Program, State } from "../asl/ast.ts";
import type { JsonataLimits, Meter } from "../asl/jsonata/index.ts";
import { assert } from "../base/assert.ts";
import type { JsonObject, Payload } from "../base/json.ts";
import type { Random } from "../base/random.ts";
import { applyEvent } from "./apply.ts";
import type { Command } from "./commands.ts";
import { type Event, type ExecutionStarted, type PayloadRef, type TaskId, VISIBLE } from "./events.ts";
import type { ChildrenRest, Execution, Frame } from "./execution.ts";
import type { Limits } from "./limits.ts";
import type { Failure } from "./retry.ts";

export interface DecideEnvironment {
  readonly limits: Limits;
  /** The token of an attempt: a function of its arguments (and of a key that never changes). */
  readonly taskToken: (executionArn: string, task: TaskId) => string;
  /** Whether the activity exists now. */
  readonly activityExists: (arn: string) => boolean;
  /** Whether the execution's test case answers for the state: then nobody has to exist who does its work. */
  readonly isMocked?: ((started: ExecutionStarted, state: string) => boolean) | undefined;
  /** How many tasks that are not activities may be handed over in this turn. */
  readonly admit: number;
  /** Is told every stage of the data flow, in order; for TestState. */
  readonly inspect?: ((stage: Stage, value: Payload) => void) | undefined;
  /** Is told that a state has failed, before its Retry and Catch are asked; for TestState. */
  readonly inspectFailure?: ((failure: Failure) => void) | undefined;
  /** What expressions see as the context object in place of the one that was made; for TestState. */
  readonly contextObject?: ((made: JsonObject) => JsonObject) | undefined;
}

/** What TestState shows of a state's data flow; of these `inspect` is told. */
export type Stage =
  | "afterInputPath"
  | "afterParameters"
  | "afterArguments"
  | "afterItemsPath"
  | "afterItemSelector"
  | "afterItemBatcher"
  | "afterItemsPointer"
  | "result"
  | "afterResultSelector"
  | "afterResultPath"
  | "variables"
  | "maxConcurrency"
  | "toleratedFailureCount"
  | "toleratedFailurePercentage";

/** What is to be done for a frame in this turn, if it is still there by then. */
export type Step =
  | { readonly kind: "enter"; readonly frame: Frame; readonly state: string }
  /** It is in a state whose work is to be done again (a redrive). */
  | { readonly kind: "again"; readonly frame: Frame }
  /** It has left its last state. */
  | { readonly kind: "end"; readonly frame: Frame }
  /**
   * A child has ended and is gone: go on with the others, or leave the state. `children` is what the frame rested on
   * then: of several children that end in one turn the first step may have left the state already.
   */
  | { readonly kind: "continue"; readonly frame: Frame; readonly children: ChildrenRest };

/** Of Limits.turnSteps. */
const MOST_TURN_STEPS = 10;

/** Thrown by `emit` when only the end of the execution may still be told (T3); `decide` catches it. */
export class HistoryFull {
  readonly kind = "HistoryFull";
}

export class Turn {
  readonly program: Program;
  readonly execution: Execution;
  readonly nowMs: number;
  readonly random: Random;
  readonly environment: DecideEnvironment;
  readonly events: Event[] = [];
  readonly commands: Command[] = [];
  readonly ready: Step[] = [];
  /** Hand-overs left (DecideEnvironment.admit). */
  admit: number;
  /** Frames whose task has timed out together with another's, and whose failure is still to be told. */
  readonly timedOut: Set<Frame> = new Set();
  readonly meter: Meter = { steps: 0 };

  constructor(
    program: Program,
    execution: Execution,
    nowMs: number,
    random: Random,
    environment: DecideEnvironment,
  ) {
    this.program = program;
    this.execution = execution;
    this.nowMs = nowMs;
    this.random = random;
    this.environment = environment;
    this.admit = environment.admit;
  }

  get limits(): Limits {
    return this.environment.limits;
  }

  /** What one evaluation may still use. */
  get jsonataLimits(): JsonataLimits {
    const { jsonata, turnSteps } = this.limits;
    const left = turnSteps * MOST_TURN_STEPS - this.meter.steps;
    return left >= jsonata.maxSteps ? jsonata : { ...jsonata, maxSteps: Math.max(0, left) };
  }

  /** Whether further states are for the next turn: other executions have waited long enough. */
  get isSpent(): boolean {
    return this.meter.steps >= this.limits.turnSteps;
  }

  inspect(stage: Stage, value: Payload): Payload {
    this.environment.inspect?.(stage, value);
    return value;
  }

  emit(event: Event): void {
    if (VISIBLE[event.kind] && !isEnd(event) && this.execution.eventCount >= this.limits.historyEvents - 1) {
      throw new HistoryFull();
    }
    this.events.push(event);
    applyEvent(this.execution, event, this.nowMs);
  }

  /** Whether a mock file answers for the state that the frame is in. */
  isMocked(frame: Frame): boolean {
    const { started } = this.execution;
    if (started.testCase === undefined) return false;
    return this.environment.isMocked?.(started, frame.state as string) === true;
  }

  /** The state that the frame is in. */
  stateOf(frame: Frame): State {
    const state = this.program.states.get(frame.state as string);
    assert(state !== undefined, `"${frame.state}" is no state of this program`);
    return state;
  }

  /**
   * The state that a frame between two states has not entered yet; undefined if it is at its end. The latest step of a
   * frame is the one that is still to be taken.
   */
  nextOf(frame: Frame): string | undefined {
    const step = this.ready.findLast((each) => each.frame === frame);
    return step?.kind === "enter" ? step.state : undefined;
  }

  /** Whether the frame is still part of the execution (it may have been given up in this turn). */
  isAlive(frame: Frame): boolean {
    return this.execution.frames.get(frame.id) === frame;
  }
}

function isEnd(event: Event): boolean {
  return (
    event.kind === "ExecutionFailed" ||
    event.kind === "ExecutionSucceeded" ||
    event.kind === "ExecutionTimedOut" ||
    event.kind === "ExecutionAborted"
  );
}

/** The shortest way to store `payload` in an event of `frame` (events.ts, PayloadRef). */
export function refer(frame: Frame, payload: Payload): PayloadRef {
  if (payload === frame.output) return "output";
  if (payload === frame.result) return "result";
  return payload;
}
