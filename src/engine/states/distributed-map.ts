// Map, distributed: its children are executions of their own, which a Map Run starts. Here is the state's part of it:
// what its fields say, and what comes of the Map Run's end. The Map Run itself is the runtime's.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html; order as recorded.

import type { Expression, MapState, Path, Program, Scope } from "../../asl/ast.ts";
import { QueryEvaluationError, StatesError } from "../../asl/errors.ts";
import { digestHex } from "../../asl/intrinsics/digest.ts";
import { utf8Encode } from "../../asl/intrinsics/bytes.ts";
import { assert } from "../../base/assert.ts";
import { isArray, isObject, type Json, type JsonObject, member, Payload } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { Random, type Seed } from "../../base/random.ts";
import { mapRunRest } from "../apply.ts";
import { exitWithResult, resultTooLarge } from "../data-flow.ts";
import type { TaskId } from "../events.ts";
import type { Execution, Frame } from "../execution.ts";
import { attempt, failState, failureOf } from "../failure.ts";
import type { MapRunOutcome } from "../inputs.ts";
import type { BatchPlan, MapRunPlan, ReaderPlan, WriterPlan } from "../map-run-plan.ts";
import type { Failure } from "../retry.ts";
import { inputOf, lastSegment, scopeOf, selectItems, statesScope } from "../scope.ts";
import { type DecideEnvironment, Turn } from "../turn.ts";
import { concurrency, isCount, itemsOf, notA, tolerances, wholeNumber } from "./map.ts";

/** Also begins a further try: with a new Map Run. @throws StatesError */
export function enterDistributedMap(turn: Turn, frame: Frame, state: MapState): void {
  const input = inputOf(turn, frame, state);
  const maxConcurrency = concurrency(turn, frame, state, input);
  const items = state.itemReader === undefined ? itemsOrMembers(turn, frame, state, input) : undefined;
  const length = items === undefined ? 0 : isObject(items) ? Object.keys(items).length : items.length;
  turn.emit({
    kind: "MapStarted",
    frame: frame.id,
    length,
    maxConcurrency,
    ...(items === undefined || state.items === undefined ? {} : { items: Payload.ofValue(items) }),
  });
  // The service asks for these after MapStateStarted.
  const plan = planOf(turn, frame, state, input, maxConcurrency);
  const name = lastSegment(turn.execution.started.stateMachineArn).split("/")[0] ?? "";
  const arn = turn.execution.started.stateMachineArn.replace(/:stateMachine:.*$/su, ":mapRun:");
  const task = turn.execution.nextTask;
  turn.emit({
    kind: "MapRunStarted",
    frame: frame.id,
    task,
    mapRunArn: `${arn}${name}/${plan.label}:${turn.random.uuid()}`,
    plan: Payload.ofValue(plan as unknown as Json),
  });
  turn.commands.push({ kind: "StartMapRun", task });
}

/** The service takes the members of an object for items as well. */
function itemsOrMembers(
  turn: Turn,
  frame: Frame,
  state: MapState,
  input: Payload,
): readonly Json[] | JsonObject {
  const { items: given } = state;
  if (given === undefined) {
    const selected = selectItems(turn, frame, state, input);
    if (state.itemsPath !== undefined && isObject(selected)) return selected;
  } else if (!("array" in given)) {
    const evaluated = given.evaluate(statesScope(turn, frame));
    if (isObject(evaluated)) return evaluated;
  }
  return itemsOf(turn, frame, state, input);
}

/** @throws StatesError */
function planOf(
  turn: Turn,
  frame: Frame,
  state: MapState,
  input: Payload,
  maxConcurrency: number,
): MapRunPlan {
  const { count, percentage } = tolerances(turn, frame, state);
  const scope = state.queryLanguage === "JSONata" ? statesScope(turn, frame) : scopeOf(turn, frame, input);
  const reader = readerPlan(state, scope);
  const batch = batchPlan(state, scope);
  const { random } = turn;
  return {
    label: labelOf(state),
    executionType: state.executionType ?? "STANDARD",
    ...(reader === undefined ? {} : { reader }),
    ...(batch === undefined ? {} : { batch }),
    maxConcurrency,
    ...(count === undefined ? {} : { toleratedFailureCount: count }),
    ...(percentage === undefined ? {} : { toleratedFailurePercentage: percentage }),
    writer: writerPlan(state, scope),
    atMs: turn.nowMs,
    seed: [random.next32(), random.next32(), random.next32(), random.next32()],
  };
}

/** The Label, or one made of the state's name, which is unique in the machine. */
export function labelOf({ label, name }: MapState): string {
  if (label !== undefined) return label;
  const hex = digestHex("SHA-256", utf8Encode(name));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function readerPlan({ itemReader }: MapState, scope: Scope): ReaderPlan | undefined {
  if (itemReader === undefined) return undefined;
  const { parameters, maxItems, maxItemsPath, ...rest } = itemReader;
  return {
    ...rest,
    parameters: parameters.evaluate(scope),
    maxItems: limit(scope, "MaxItems", maxItems, maxItemsPath, Number.isInteger, "an integer") ?? 0,
  };
}

function batchPlan({ itemBatcher }: MapState, scope: Scope): BatchPlan | undefined {
  if (itemBatcher === undefined) return undefined;
  const { maxItemsPerBatch, maxItemsPerBatchPath, maxInputBytesPerBatch, maxInputBytesPerBatchPath } =
    itemBatcher;
  const isPositive = (value: number): boolean => isCount(value) && value > 0;
  const expected = "a positive integer";
  const counts = limit(
    scope,
    "MaxItemsPerBatch",
    maxItemsPerBatch,
    maxItemsPerBatchPath,
    isPositive,
    expected,
  );
  const bytes = limit(
    scope,
    "MaxInputBytesPerBatch",
    maxInputBytesPerBatch,
    maxInputBytesPerBatchPath,
    isPositive,
    expected,
  );
  for (const [name, value] of [
    ["MaxItemsPerBatch", counts],
    ["MaxInputBytesPerBatch", bytes],
  ] as const) {
    if (value !== undefined && value <= 0) {
      throw new StatesError("States.Runtime", `${name} must be positive.`);
    }
  }
  return {
    ...(counts === undefined ? {} : { maxItems: counts }),
    ...(bytes === undefined ? {} : { maxInputBytes: bytes }),
    ...(itemBatcher.batchInput === undefined ? {} : { batchInput: itemBatcher.batchInput.evaluate(scope) }),
  };
}

function writerPlan({ resultWriter }: MapState, scope: Scope): WriterPlan {
  if (resultWriter === undefined) return { transformation: "COMPACT", outputType: "JSON" };
  const { parameters, ...rest } = resultWriter;
  return { ...rest, ...(parameters === undefined ? {} : { parameters: parameters.evaluate(scope) }) };
}

/** What a number field says, whether written, computed or found. @throws StatesError */
function limit(
  scope: Scope,
  field: string,
  given: number | Expression | undefined,
  path: Path | undefined,
  isRight: (value: number) => boolean,
  expected: string,
): number | undefined {
  if (typeof given === "object") return given.number(scope, isRight, expected);
  if (path === undefined) return given;
  const value = path.read(scope);
  const whole = wholeNumber(value);
  if (whole === undefined) throw notA("integer", `${field}Path`, path, value);
  return whole;
}

/** The Map Run has ended by itself. */
export function mapRunEnded(turn: Turn, frame: Frame, state: MapState, outcome: MapRunOutcome): void {
  const { task } = mapRunRest(frame);
  if (outcome.kind === "succeeded" && outcome.output.bytes <= turn.limits.payloadBytes) {
    const { output } = outcome;
    turn.emit({ kind: "MapRunEnded", frame: frame.id, task, outcome: "Succeeded", output });
    turn.emit({ kind: "ChildrenEnded", frame: frame.id, outcome: "Succeeded" });
    attempt(turn, frame, () => exitWithResult(turn, frame, state, output));
    return;
  }
  const failed: { readonly error: string; readonly cause?: string | undefined } =
    outcome.kind === "failed" ? outcome : resultTooLarge(state.name);
  const error = failed.error.slice(0, turn.limits.errorChars);
  const cause = failed.cause?.slice(0, turn.limits.causeChars);
  turn.emit({
    kind: "MapRunEnded",
    frame: frame.id,
    task,
    outcome: "Failed",
    error,
    ...(cause === undefined ? {} : { cause }),
  });
  failState(turn, frame, { error, cause });
}

/** The most redrives of one Map Run. Spec: "Quotas" of the developer guide. */
const MOST_REDRIVES = 1000;

/** Goes on with the Map Run that a failure, a stop or a time-out has ended. */
export function redriveMapRun(turn: Turn, frame: Frame): void {
  const { mapRunArn, redriveCount } = mapRunRest(frame);
  if (redriveCount >= MOST_REDRIVES) {
    const cause = `The Map Run ${mapRunArn} was redriven ${MOST_REDRIVES} times already.`;
    return failState(turn, frame, failureOf(frame, new StatesError("States.Runtime", cause)));
  }
  const task = turn.execution.nextTask;
  turn.emit({ kind: "MapRunRedriven", frame: frame.id, task, mapRunArn, redriveCount: redriveCount + 1 });
  turn.commands.push({ kind: "StartMapRun", task });
}

/** A Map Run as its execution has it: all that is needed to run it. */
export interface MapRunWork {
  readonly mapRunArn: string;
  /** The Map state. */
  readonly state: string;
  readonly plan: MapRunPlan;
  readonly redriveCount: number;
  /** Items that are in the input of the state; undefined if there is a reader. */
  readonly items: readonly SelectableItem[] | undefined;
  /**
   * What a child gets for the item: its JSON text, or what ItemSelector makes of it. It is a function of its argument:
   * the same item gives the same text whenever it is asked for.
   *
   * @throws MapRunFailure
   */
  readonly select: (item: SelectableItem) => string;
}

export interface SelectableItem {
  /** Of all items, from 0. */
  readonly index: number;
  /** JSON. */
  readonly text: string;
  /** Its name, if it is the member of an object. */
  readonly key?: string;
}

/** Why a Map Run cannot go on. */
export class MapRunFailure extends Error {
  override readonly name = "MapRunFailure";
  readonly error: string;

  constructor(error: string, cause: string) {
    super(cause);
    this.error = error;
  }
}

/** Undefined: the attempt is none, or not a Map Run. */
export function mapRunWork(
  program: Program,
  execution: Execution,
  task: TaskId,
  environment: DecideEnvironment,
): MapRunWork | undefined {
  const frame = execution.tasks.get(task);
  if (frame?.rest.kind !== "mapRun") return undefined;
  const { mapRunArn, redriveCount, items: recorded } = frame.rest;
  const plan = frame.rest.plan.value as unknown as MapRunPlan;
  const turnOf = (index: number): Turn =>
    new Turn(program, execution, plan.atMs, new Random(seedOf(plan.seed, index)), environment);
  const turn = turnOf(0);
  const state = turn.stateOf(frame);
  assert(state.type === "Map", `"${state.name}" is no Map`);
  const input = inputOf(turn, frame, state);
  const source =
    plan.reader === undefined ? (recorded?.value ?? selectItems(turn, frame, state, input)) : undefined;
  return {
    mapRunArn,
    state: state.name,
    plan,
    redriveCount,
    items: source === undefined ? undefined : itemTexts(source),
    select: ({ index, text, key }) => {
      const { itemSelector } = state;
      if (itemSelector === undefined) return text;
      const value = valueOf(text);
      const item = { index, value, ...(key === undefined ? {} : { key }) };
      try {
        const scope = scopeOf(turnOf(index), frame, input, { item });
        return Payload.ofValue(itemSelector.evaluate(scope)).text;
      } catch (problem) {
        if (!(problem instanceof StatesError)) throw problem;
        throw mapRunFailure(failureOf(frame, problem), problem);
      }
    },
  };
}

function mapRunFailure({ error, cause }: Failure, problem: StatesError): MapRunFailure {
  const place = problem instanceof QueryEvaluationError ? "ItemSelector: " : "";
  return new MapRunFailure(error ?? "States.Runtime", `${place}${cause ?? ""}`);
}

function itemTexts(source: Json): readonly SelectableItem[] {
  const textOf = (value: Json): string => Payload.ofValue(value).text;
  if (isArray(source)) return source.map((value, index) => ({ index, text: textOf(value) }));
  assert(isObject(source), "items are an array or an object");
  return Object.keys(source).map((key, index) => ({ index, key, text: textOf(member(source, key) ?? null) }));
}

function valueOf(text: string): Json {
  const json = parseJson(text);
  if (!json.ok)
    throw new MapRunFailure("States.ItemReaderFailed", `An item is no valid JSON: ${json.message}`);
  return json.value;
}

function seedOf([a, b, c, d]: Seed, index: number): Seed {
  return [(a ^ index) >>> 0, (b ^ Math.floor(index / 2 ** 32)) >>> 0, c, d];
}

/** The program of the children: the ItemProcessor of the Map state as a machine of its own. */
export function itemProcessorProgram(program: Program, stateName: string): Program {
  const state = program.states.get(stateName);
  assert(state?.type === "Map", `"${stateName}" is no Map of this program`);
  const { timeoutSeconds: _, ...rest } = program;
  return { ...rest, root: state.processor };
}
