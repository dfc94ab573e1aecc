// Map in both modes; what only the DISTRIBUTED one has is read in distributed.ts.
//
// ItemProcessor has an older form, Iterator, and ItemSelector one called Parameters. Both are still accepted.
//
// Spec: https://states-language.net/spec.html#map-state

import { type Json, isObject, member } from "../../../base/json.ts";
import type { Block, MapState, Template } from "../../ast.ts";
import type { ProcessorConfig } from "../../distributed-ast.ts";
import { expressionText } from "../../expressions.ts";
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
import { checkOneOf } from "../fields.ts";
import { type Place, inside } from "../place.ts";
import type { Reading } from "../reading.ts";
import { RETRY_CATCH } from "../retry-catch.ts";
import { integer, limitPath, number, path, template } from "../values.ts";
import { DISTRIBUTED, checkInline, readProcessorConfig } from "./distributed.ts";

interface Processor {
  readonly block: Block;
  /** undefined: what is wrong with it was reported. */
  readonly config: ProcessorConfig | undefined;
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
  MaxConcurrencyPath: { language: "JSONPath", read: limitPath },
  ToleratedFailureCount: { expression: true, read: integer(0) },
  ToleratedFailureCountPath: { language: "JSONPath", read: limitPath },
  ToleratedFailurePercentage: { expression: true, read: number(0, 100) },
  ToleratedFailurePercentagePath: { language: "JSONPath", read: limitPath },
  ...DISTRIBUTED,
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
  const read = itemProcessor ?? iterator;
  if (read === undefined) return undefined;
  const { block, config } = read;
  if (config?.mode === "INLINE") checkInline(object, place, reading);
  const itemSelector = values.itemSelector ?? parameters;
  return {
    ...headOf(source),
    type: "Map",
    mode: "INLINE",
    ...config,
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

const INLINE: ProcessorConfig = { mode: "INLINE" };

/** The block, and the mode that its ProcessorConfig chooses. */
function processor(value: Json, place: Place, reading: Reading): Processor | undefined {
  const written = isObject(value) ? member(value, "ProcessorConfig") : undefined;
  const at = inside(place, "ProcessorConfig");
  const config = written === undefined ? INLINE : readProcessorConfig(written, at, reading);
  const block = reading.readBlock(value, place, reading);
  return block === undefined ? undefined : { block, config };
}
