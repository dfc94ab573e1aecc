// A Map whose iterations are mocked: everything of it but them. Items, ItemSelector, ItemBatcher and the limits are
// evaluated and told to `inspect`; the mock stands for what the iterations gave.
//
// Spec: "Testing Map states" of TestState in the developer guide.

import type { Expression, MapState, Path, Scope } from "../../asl/ast.ts";
import type { ItemBatcher } from "../../asl/distributed-ast.ts";
import { StatesError } from "../../asl/errors.ts";
import { isArray, type Json, Payload, utf8Bytes, withMember } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { exitWithResult } from "../data-flow.ts";
import type { Frame } from "../execution.ts";
import { failState, THRESHOLD_EXCEEDED } from "../failure.ts";
import { inputOf, scopeOf } from "../scope.ts";
import { concurrency, itemsOf, type Tolerances, tolerances } from "../states/map.ts";
import type { Turn } from "../turn.ts";
import { itemsFromReader } from "./reader-data.ts";
import type { Mock } from "./request.ts";

export interface MockedMap {
  readonly mock: Mock;
  /** How many iterations have failed: more than are tolerated fail the state. */
  readonly failedIterations: number | undefined;
  /** What the ItemReader would have read; without it the items of a Map that has one are not known. */
  readonly readerData: string | undefined;
}

/** @throws StatesError; ServiceError ValidationException: more iterations are to have failed than there are */
export function enterMockedMap(
  turn: Turn,
  frame: Frame,
  state: MapState,
  { mock, failedIterations, readerData }: MockedMap,
): void {
  const input = inputOf(turn, frame, state);
  turn.inspect("maxConcurrency", Payload.ofValue(concurrency(turn, frame, state, input)));
  const tolerated = tolerances(turn, frame, state);
  if (tolerated.count !== undefined) {
    turn.inspect("toleratedFailureCount", Payload.ofValue(tolerated.count));
  }
  if (tolerated.percentage !== undefined) {
    turn.inspect("toleratedFailurePercentage", Payload.ofValue(tolerated.percentage));
  }
  const items = givenItems(turn, frame, state, input, readerData);
  const iterations =
    items === undefined ? undefined : inputsOfIterations(turn, frame, state, input, items).length;

  const result = mock.kind === "result" ? mock.result.value : undefined;
  const count = result !== undefined && isArray(result) ? result.length : iterations;
  if (failedIterations !== undefined && count !== undefined && failedIterations > count) {
    throw new ServiceError(
      "ValidationException",
      "Map iteration failure count must be less than or equal to the number of Map iterations",
    );
  }
  if (mock.kind === "error") return failState(turn, frame, mock);
  if (failedIterations !== undefined && isExceeded(tolerated, failedIterations, count ?? 0)) {
    return failState(turn, frame, THRESHOLD_EXCEEDED);
  }
  exitWithResult(turn, frame, state, mock.result);
}

/** Where the state names no threshold, a mocked result is what the iterations gave, failed ones or not (recorded). */
function isExceeded({ count, percentage }: Tolerances, failed: number, iterations: number): boolean {
  if (count !== undefined && failed > count) return true;
  return percentage !== undefined && failed * 100 > percentage * iterations;
}

function givenItems(
  turn: Turn,
  frame: Frame,
  state: MapState,
  input: Payload,
  readerData: string | undefined,
): readonly Json[] | undefined {
  const reader = state.itemReader;
  if (reader === undefined) {
    const items = itemsOf(turn, frame, state, input);
    turn.inspect("afterItemsPath", Payload.ofValue(items));
    return items;
  }
  // What it asks for is not read; whether it can be evaluated is part of the test.
  const scope = scopeOf(turn, frame, input);
  reader.parameters.evaluate(scope);
  const most = limitOf(scope, "MaxItems", reader.maxItems, reader.maxItemsPath);
  if (readerData === undefined) return undefined;
  const items = itemsFromReader(turn, reader, readerData);
  return most === undefined || most === 0 ? items : items.slice(0, most);
}

/** What each iteration, or each child execution of a batch, would get. */
function inputsOfIterations(
  turn: Turn,
  frame: Frame,
  state: MapState,
  input: Payload,
  items: readonly Json[],
): readonly Json[] {
  const { itemSelector, itemBatcher } = state;
  let inputs = items;
  if (itemSelector !== undefined) {
    inputs = items.map((value, index) =>
      itemSelector.evaluate(scopeOf(turn, frame, input, { item: { index, value } })),
    );
    turn.inspect("afterItemSelector", Payload.ofValue(inputs));
  }
  if (itemBatcher === undefined) return inputs;
  const batches = batchesOf(scopeOf(turn, frame, input), itemBatcher, inputs);
  turn.inspect("afterItemBatcher", Payload.ofValue(batches));
  return batches;
}

function batchesOf(scope: Scope, batcher: ItemBatcher, inputs: readonly Json[]): readonly Json[] {
  const mostItems =
    limitOf(scope, "MaxItemsPerBatch", batcher.maxItemsPerBatch, batcher.maxItemsPerBatchPath) ??
    Number.POSITIVE_INFINITY;
  const mostBytes =
    limitOf(
      scope,
      "MaxInputBytesPerBatch",
      batcher.maxInputBytesPerBatch,
      batcher.maxInputBytesPerBatchPath,
    ) ?? Number.POSITIVE_INFINITY;
  const batchInput = batcher.batchInput?.evaluate(scope);
  const made = (Items: readonly Json[]): Json =>
    batchInput === undefined ? { Items } : withMember({ Items }, "BatchInput", batchInput);
  const emptyBytes = utf8Bytes(JSON.stringify(made([])));
  const batches: Json[][] = [];
  let batch: Json[] = [];
  let bytes = emptyBytes;
  for (const item of inputs) {
    const size = utf8Bytes(JSON.stringify(item));
    // With its comma.
    if (batch.length > 0 && (batch.length >= mostItems || bytes + 1 + size > mostBytes)) {
      batches.push(batch);
      batch = [];
      bytes = emptyBytes;
    }
    bytes += size + (batch.length === 0 ? 0 : 1);
    batch.push(item);
  }
  if (batch.length > 0) batches.push(batch);
  return batches.map(made);
}

function limitOf(
  scope: Scope,
  field: string,
  given: number | Expression | undefined,
  path: Path | undefined,
): number | undefined {
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
  if (typeof given === "object") return given.number(scope, isCount, "an integer that is not negative");
  if (path === undefined) return given;
  const value = path.read(scope);
  if (typeof value === "number" && isCount(value)) return value;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  throw new StatesError(
    "States.Runtime",
    `The ${field}Path field refers to value "${shown}" which is not a valid integer: ${path.text}`,
  );
}
