// What expressions read: the scope of an expression, the context object, the effective input of a state.
//
// These three are one idea: the context object of an iteration holds an item, which is read from the effective
// input of its Map state, which is selected by a path, which reads a scope.
//
// Spec: "Accessing execution data from the Context object" of the developer guide.

import type { MapState, Path, Scope, State, StatesMember, QueryLanguage, Template } from "../asl/ast.ts";
import { StatesError } from "../asl/errors.ts";
import type { JsonataLimits, Meter } from "../asl/jsonata/index.ts";
import { unableToApply } from "../asl/paths/index.ts";
import {
  EMPTY_OBJECT,
  fromMembers,
  isArray,
  isObject,
  member,
  type Json,
  type JsonObject,
  Payload,
} from "../base/json.ts";
import { formatTimestamp } from "../base/time.ts";
import type { Random } from "../base/random.ts";
import { childrenRest } from "./apply.ts";
import type { Frame } from "./execution.ts";
import type { Turn } from "./turn.ts";

/** What only some expressions see. */
export interface ContextExtras {
  /** `$$.Task.Token`. */
  readonly taskToken?: string;
  /** `$$.Map.Item` of an iteration that is about to start. */
  readonly item?: { readonly index: number; readonly value: Json; readonly key?: string };
  /** `$states.result`, `$states.errorOutput`. */
  readonly result?: Payload;
  readonly errorOutput?: Payload;
}

/** The scope of a JSONata expression: it has no `$`, but $states. */
export function statesScope(turn: Turn, frame: Frame, extras: ContextExtras = {}): Scope {
  return new EvaluationScope(turn, frame, frame.input, extras);
}

/** A scope whose `$` is the value of `payload`, parsed when it is first looked at. */
export function scopeOf(turn: Turn, frame: Frame, payload: Payload, extras: ContextExtras = {}): Scope {
  return new EvaluationScope(turn, frame, payload, extras);
}

class EvaluationScope implements Scope {
  readonly #turn: Turn;
  readonly #frame: Frame;
  readonly #payload: Payload;
  readonly #extras: ContextExtras;
  #context: Json | undefined;

  constructor(turn: Turn, frame: Frame, payload: Payload, extras: ContextExtras) {
    this.#turn = turn;
    this.#frame = frame;
    this.#payload = payload;
    this.#extras = extras;
  }

  get input(): Json {
    return this.#payload.value;
  }

  get random(): Random {
    return this.#turn.random;
  }

  get nowMs(): number {
    return this.#turn.nowMs;
  }

  get jsonataLimits(): JsonataLimits {
    return this.#turn.jsonataLimits;
  }

  get meter(): Meter {
    return this.#turn.meter;
  }

  /** Spec: "Reserved variable: $states" of the developer guide. */
  readonly states = (members: readonly StatesMember[]): JsonObject => {
    const { result, errorOutput } = this.#extras;
    const values: readonly (readonly [StatesMember, () => Json | undefined])[] = [
      ["input", () => this.#frame.input.value],
      ["result", () => result?.value],
      ["errorOutput", () => errorOutput?.value],
      ["context", this.context],
    ];
    const present: [string, Json][] = [];
    for (const [name, read] of values) {
      const value = members.includes(name) ? read() : undefined;
      if (value !== undefined) present.push([name, value]);
    }
    return fromMembers(present);
  };

  readonly context = (): Json => {
    if (this.#context === undefined) {
      const made = contextObject(this.#turn, this.#frame, this.#extras);
      this.#context = this.#turn.environment.contextObject?.(made) ?? made;
    }
    return this.#context;
  };

  /** Inner scopes see the variables of the outer ones. Spec: "Passing data between states with variables". */
  readonly variable = (name: string): Json | undefined => {
    for (let frame: Frame | undefined = this.#frame; frame !== undefined; frame = frame.parent) {
      const value = frame.variables?.get(name);
      if (value !== undefined) return value.value;
    }
    return undefined;
  };
}

function contextObject(turn: Turn, frame: Frame, extras: ContextExtras): JsonObject {
  const { started, startedAtMs, redrive } = turn.execution;
  const state = turn.stateOf(frame);
  const item = extras.item ?? currentItem(turn, frame);
  return fromMembers([
    [
      "Execution",
      {
        Id: started.executionArn,
        Input: started.input.value,
        StartTime: formatTimestamp(startedAtMs),
        Name: started.name,
        RoleArn: started.roleArn,
        RedriveCount: redrive?.count ?? 0,
        ...(redrive === undefined ? {} : { RedriveTime: formatTimestamp(redrive.atMs) }),
      },
    ],
    ["StateMachine", { Id: started.stateMachineArn, Name: lastSegment(started.stateMachineArn) }],
    ["State", stateMember(frame, state)],
    ...(item === undefined ? [] : [["Map", { Item: itemMember(item) }] as const]),
    ...(extras.taskToken === undefined ? [] : [["Task", { Token: extras.taskToken }] as const]),
  ]);
}

/** An item that is the member of an object has its name as well. */
function itemMember({ index, value, key }: NonNullable<ContextExtras["item"]>): JsonObject {
  return { Index: index, ...(key === undefined ? {} : { Key: key }), Value: value };
}

function stateMember(frame: Frame, state: State): JsonObject {
  const common = { Name: state.name, EnteredTime: formatTimestamp(frame.enteredAtMs) };
  if (!("retry" in state)) return common;
  return { ...common, RetryCount: frame.retries.reduce((sum, count) => sum + count, 0) };
}

/** The item of the innermost iteration that the frame is part of. */
function currentItem(turn: Turn, frame: Frame): ContextExtras["item"] {
  let inner: Frame | undefined = frame;
  while (inner !== undefined && inner.kind !== "iteration") inner = inner.parent;
  if (inner?.parent === undefined) return undefined;
  const map = inner.parent;
  const value = mapItems(turn, map, turn.stateOf(map) as MapState)[inner.index];
  return value === undefined ? undefined : { index: inner.index, value };
}

/** The items of a Map state in progress: recorded, or read again by a plain path (engine/events.ts, MapStarted). */
export function mapItems(turn: Turn, frame: Frame, state: MapState): readonly Json[] {
  const recorded = childrenRest(frame).items;
  if (recorded !== undefined) return recorded.value as readonly Json[];
  const items = selectItems(turn, frame, state, inputOf(turn, frame, state));
  return isArray(items) ? items : [];
}

/** What ItemsPath selects from the effective input (JSONata without Items: all of it). @throws StatesError */
export function selectItems(turn: Turn, frame: Frame, state: MapState, input: Payload): Json {
  const path = state.itemsPath;
  if (path === undefined) return input.value;
  const scope = scopeOf(turn, frame, input);
  if (path.plain !== undefined && path.find(scope) === undefined) throw noItems(path.plain, input.value);
  return path.read(scope);
}

/** ItemsPath is a Reference Path: the service says which step of it leads nowhere. */
function noItems(steps: readonly (string | number)[], input: Json): StatesError {
  let here: Json | undefined = input;
  const missing = steps.find((step) => {
    here = isObject(here) ? member(here, String(step)) : isArray(here) ? here[Number(step)] : undefined;
    return here === undefined;
  });
  return new StatesError("States.ReferencePathConflict", unableToApply(missing ?? "", input));
}

/** The raw input of the frame's state after InputPath. @throws StatesError */
export function inputOf(turn: Turn, frame: Frame, state: Exclude<State, { type: "Fail" }>): Payload {
  if (state.inputPath === undefined) return frame.input;
  return turn.inspect("afterInputPath", applyPath(turn, frame, state.inputPath, frame.input));
}

/** What the work of a Task, Parallel or Pass is given: Parameters or Arguments, else the effective input. */
export function givenTo(
  turn: Turn,
  state: { readonly queryLanguage: QueryLanguage; readonly parameters?: Template },
  scope: Scope,
  input: Payload,
): Payload {
  if (state.parameters === undefined) return input;
  const given = Payload.ofValue(state.parameters.evaluate(scope));
  return turn.inspect(state.queryLanguage === "JSONata" ? "afterArguments" : "afterParameters", given);
}

/** What a path field selects: undefined is `$`, which keeps the payload as it is; null is the empty object. */
export function applyPath(
  turn: Turn,
  frame: Frame,
  path: Path | null | undefined,
  payload: Payload,
): Payload {
  if (path === undefined) return payload;
  if (path === null) return EMPTY_OBJECT;
  return Payload.ofValue(path.read(scopeOf(turn, frame, payload)));
}

/** What an ARN names, where that has no parts of its own: the name of a state machine. */
export function lastSegment(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
