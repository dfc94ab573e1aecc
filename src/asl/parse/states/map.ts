// Map, in its INLINE mode; of the DISTRIBUTED one the fields are known and reported as not run yet.
//
// ItemProcessor has an older form, Iterator, and ItemSelector one called Parameters. Both are still accepted.
//
// Spec: https://states-language.net/spec.html#map-state

import { type Json, isObject, member } from "../../../base/json.ts";
import type { Block, MapState, Template } from "../../ast.ts";
import { expressionText } from "../../expressions.ts";
import { checkLabel } from "../../rules/names.ts";
import {
  COMMON,
  INPUT_OUTPUT,
  PARAMETERS,
  RESULT,
  type StateSource,
  TRANSITION,
  checkTransition,
  headOf,
  readState,
} from "../common.ts";
import { type Field, checkOneOf } from "../fields.ts";
import { type Place, inside } from "../place.ts";
import type { Reading } from "../reading.ts";
import { RETRY_CATCH } from "../retry-catch.ts";
import { integer, number, oneOf, path, template } from "../values.ts";

function distributed(what: string): Field<never> {
  return { read: (_value, place, reading) => reading.notYet(what, place) };
}

const MAP = {
  ...COMMON,
  ItemProcessor: { read: processor },
  Iterator: { read: processor },
  ItemsPath: { language: "JSONPath", read: path },
  Items: { language: "JSONata", read: items },
  ItemSelector: { read: template },
  ...PARAMETERS,
  MaxConcurrency: { expression: true, read: integer(0) },
  MaxConcurrencyPath: { language: "JSONPath", read: path },
  ToleratedFailureCount: { expression: true, read: integer(0) },
  ToleratedFailureCountPath: { language: "JSONPath", read: path },
  ToleratedFailurePercentage: { expression: true, read: number(0, 100) },
  ToleratedFailurePercentagePath: { language: "JSONPath", read: path },
  ItemReader: distributed("ItemReader (for a Map in DISTRIBUTED mode)"),
  ItemBatcher: distributed("ItemBatcher (for a Map in DISTRIBUTED mode)"),
  ResultWriter: distributed("ResultWriter (for a Map in DISTRIBUTED mode)"),
  Label: { read: label },
  ...INPUT_OUTPUT,
  ...RESULT,
  ...RETRY_CATCH,
  ...TRANSITION,
} as const;

/** A value, and the path that may take its place. */
const WITH_PATH = ["MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"];

export function readMap(source: StateSource, reading: Reading): MapState | undefined {
  const { object, place } = source;
  const { itemProcessor, iterator, parameters, ...values } = readState(source, MAP, reading);
  checkTransition(source, reading);
  if (!Object.hasOwn(object, "ItemProcessor") && !Object.hasOwn(object, "Iterator")) {
    reading.fault("These fields are required: [ItemProcessor]", place);
  }
  checkOneOf(object, ["ItemProcessor", "Iterator"], false, place, reading);
  checkOneOf(object, ["ItemSelector", "Parameters"], false, place, reading);
  for (const name of WITH_PATH) checkOneOf(object, [name, `${name}Path`], false, place, reading);
  const block = itemProcessor ?? iterator;
  if (block === undefined) return undefined;
  const itemSelector = values.itemSelector ?? parameters;
  return {
    ...headOf(source),
    type: "Map",
    mode: "INLINE",
    retry: [],
    catch: [],
    maxConcurrency: 0,
    ...values,
    processor: block,
    ...(itemSelector === undefined ? {} : { itemSelector }),
  };
}

/** An array, an object, or an expression that gives one. */
function items(value: Json, place: Place, reading: Reading): Template | undefined {
  if (typeof value === "object" && value !== null) return template(value, place, reading);
  if (typeof value === "string" && expressionText(value) !== undefined)
    return template(value, place, reading);
  return reading.fault("Expected value of type [ARRAY]", place, {
    expected: "an array, an object, or an expression that gives one",
    value,
  });
}

const PROCESSOR_CONFIG: readonly string[] = ["Mode", "ExecutionType"];
const oneOfModes = oneOf("INLINE", "DISTRIBUTED");
const executionType = oneOf("STANDARD", "EXPRESS");

function processor(value: Json, place: Place, reading: Reading): Block | undefined {
  const config = isObject(value) ? member(value, "ProcessorConfig") : undefined;
  if (config !== undefined) processorConfig(config, inside(place, "ProcessorConfig"), reading);
  return reading.readBlock(value, place, reading);
}

function processorConfig(value: Json, place: Place, reading: Reading): void {
  if (!isObject(value)) {
    reading.fault("Expected value of type [OBJECT]", place);
    return;
  }
  for (const name of Object.keys(value)) {
    if (PROCESSOR_CONFIG.includes(name)) continue;
    reading.fault(`Field '${name}' is not supported`, place, {
      focus: inside(place, name),
      suggestion: reading.didYouMean(name, PROCESSOR_CONFIG),
    });
  }
  const mode = member(value, "Mode");
  if (mode !== undefined) oneOfModes(mode, inside(place, "Mode"), reading);
  const type = member(value, "ExecutionType");
  if (type !== undefined) executionType(type, inside(place, "ExecutionType"), reading);
  if (mode === "DISTRIBUTED") {
    if (type === undefined) reading.fault("These fields are required: [ExecutionType]", place);
    reading.notYet("A Map in DISTRIBUTED mode", inside(place, "Mode"));
  }
}

function label(value: Json, place: Place, reading: Reading): undefined {
  checkLabel(value, place, reading);
  return reading.notYet("Label (for a Map in DISTRIBUTED mode)", place);
}
