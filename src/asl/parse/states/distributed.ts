// The fields of a Map that only its DISTRIBUTED mode has: ItemReader, ItemBatcher, ResultWriter, Label, and the
// ProcessorConfig that chooses the mode.
//
// Knows:          types, limits and combinations, in the service's words where they are known.
// Does not know:  how items are read and results written.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html

import { type Json, type JsonObject, isObject, member } from "../../../base/json.ts";
import type { Template } from "../../ast.ts";
import type { ItemBatcher, ItemReader, ProcessorConfig, ResultWriter } from "../../distributed-ast.ts";
import { checkLabel } from "../../rules/names.ts";
import { type Field, type Reader, readFields } from "../fields.ts";
import { type Place, inside } from "../place.ts";
import type { Reading } from "../reading.ts";
import { integer, limitPath, listOf, object, oneOf, string, template } from "../values.ts";

const MAX_ITEMS = 100_000_000;
const MAX_INPUT_BYTES = 262_144;

export const DISTRIBUTED: {
  readonly ItemReader: Field<ItemReader>;
  readonly ItemBatcher: Field<ItemBatcher>;
  readonly ResultWriter: Field<ResultWriter>;
  readonly Label: Field<string>;
} = {
  ItemReader: { read: itemReader },
  ItemBatcher: { read: itemBatcher },
  ResultWriter: { read: resultWriter },
  Label: { read: label },
};

/** Told of a Map that is not DISTRIBUTED but has a field that only this mode has. */
export function checkInline(map: JsonObject, place: Place, reading: Reading): void {
  for (const name of Object.keys(DISTRIBUTED)) {
    if (!Object.hasOwn(map, name)) continue;
    reading.fault(`Field '${name}' is not supported`, place, {
      focus: inside(place, name),
      expected: `"ProcessorConfig": { "Mode": "DISTRIBUTED" } beside '${name}'`,
    });
  }
}

const PROCESSOR_CONFIG = {
  Mode: { read: oneOf("INLINE", "DISTRIBUTED") },
  ExecutionType: { read: oneOf("STANDARD", "EXPRESS") },
} as const;

/** The mode is INLINE unless told. What is wrong was reported when the answer is undefined. */
export function readProcessorConfig(
  value: Json,
  place: Place,
  reading: Reading,
): ProcessorConfig | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const values = readFields(source, PROCESSOR_CONFIG, place, reading, undefined);
  const { executionType } = values;
  if (values.mode === undefined && Object.hasOwn(source, "Mode")) return undefined;
  const mode = values.mode ?? "INLINE";
  if (mode === "DISTRIBUTED") {
    if (!Object.hasOwn(source, "ExecutionType")) {
      reading.fault("These fields are required: [ExecutionType]", place);
    }
    if (reading.isExpress) {
      reading.fault("Express state machine does not support Map state in DISTRIBUTED mode", place, {
        expected: "a Standard workflow, or a Map in INLINE mode",
        focus: inside(place, "Mode"),
      });
    }
  }
  return { mode, ...(executionType === undefined ? {} : { executionType }) };
}

function label(value: Json, place: Place, reading: Reading): string | undefined {
  checkLabel(value, place, reading);
  if (typeof value !== "string") return undefined;
  if (reading.labels.has(value)) {
    return reading.report("ERROR", "DUPLICATE_LABEL_NAME", `Duplicate label name: ${value}`, place, {
      expected: "a label that no other Map of the machine has",
    });
  }
  reading.labels.add(value);
  return value;
}

const S3_ACTION = /^arn:aws(?:-[a-z]+)*:states:::s3:([A-Za-z0-9]+)$/u;

/** The name of one of the S3 actions that a Map can use by itself. */
function s3Action<T extends string>(...actions: readonly T[]): Reader<T> {
  return (value, place, reading) => {
    const arn = string(value, place, reading);
    if (arn === undefined) return undefined;
    const written = S3_ACTION.exec(arn)?.[1];
    const found = actions.find((action) => action === written);
    if (found !== undefined) return found;
    const known = actions.map((action) => `arn:aws:states:::s3:${action}`);
    return reading.fault(
      `The resource provided ${arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.`,
      place,
      { expected: `one of [${known.join(", ")}]`, suggestion: reading.didYouMean(arn, known), value },
    );
  };
}

const REQUEST = {
  Parameters: { language: "JSONPath", read: template },
  Arguments: { language: "JSONata", read: template },
} as const;

const READER_CONFIG = {
  InputType: { read: oneOf("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST") },
  ManifestType: { read: oneOf("ATHENA_DATA", "S3_INVENTORY") },
  Transformation: { read: oneOf("NONE", "LOAD_AND_FLATTEN") },
  CSVDelimiter: { read: oneOf("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB") },
  CSVHeaderLocation: { read: oneOf("FIRST_ROW", "GIVEN") },
  CSVHeaders: { read: listOf(string, { allowEmpty: false }) },
  MaxItems: { expression: true, read: integer(0, MAX_ITEMS) },
  MaxItemsPath: { language: "JSONPath", read: limitPath },
  ItemsPointer: { read: string },
} as const;

const ITEM_READER = {
  Resource: { required: true, read: s3Action("getObject", "listObjectsV2") },
  ...REQUEST,
  ReaderConfig: { read: object },
} as const;

function itemReader(value: Json, place: Place, reading: Reading): ItemReader | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const { stateLanguage } = reading;
  const {
    resource,
    parameters,
    arguments: given,
  } = readFields(source, ITEM_READER, place, reading, stateLanguage);
  const config = readReaderConfig(source, resource, place, reading);
  if (resource !== undefined) {
    checkRequest(source, resource === "getObject" ? ["Bucket", "Key"] : ["Bucket"], place, reading);
  }
  const request = parameters ?? given;
  if (resource === undefined || request === undefined) return undefined;
  const { cSVDelimiter, cSVHeaderLocation, cSVHeaders, transformation, ...rest } = config;
  return {
    action: resource,
    parameters: request,
    transformation: transformation ?? "NONE",
    csvDelimiter: cSVDelimiter ?? "COMMA",
    ...(cSVHeaderLocation === undefined ? {} : { csvHeaderLocation: cSVHeaderLocation }),
    ...(cSVHeaders === undefined ? {} : { csvHeaders: cSVHeaders }),
    ...rest,
  };
}

type ReaderConfig = ReturnType<typeof readFields<typeof READER_CONFIG>>;

function readReaderConfig(
  itemReaderSource: JsonObject,
  action: ItemReader["action"] | undefined,
  itemReaderPlace: Place,
  reading: Reading,
): ReaderConfig {
  const written = member(itemReaderSource, "ReaderConfig");
  if (written === undefined && action === "getObject") {
    reading.fault("These fields are required: [ReaderConfig]", itemReaderPlace);
  }
  // Of another type: reported by the table of the ItemReader.
  if (!isObject(written)) return {};
  const place = inside(itemReaderPlace, "ReaderConfig");
  const config = readFields(written, READER_CONFIG, place, reading, reading.stateLanguage);
  checkOnlyOne(written, "MaxItems", place, reading);
  const missing: string[] = [];
  const loads = config.transformation === "LOAD_AND_FLATTEN" && action === "listObjectsV2";
  if (!Object.hasOwn(written, "InputType") && (action === "getObject" || loads)) {
    if (config.manifestType !== "S3_INVENTORY") missing.push("InputType");
  }
  if (config.inputType === "CSV" && !Object.hasOwn(written, "CSVHeaderLocation")) {
    missing.push("CSVHeaderLocation");
  }
  if (config.cSVHeaderLocation === "GIVEN" && !Object.hasOwn(written, "CSVHeaders")) {
    missing.push("CSVHeaders");
  }
  if (missing.length > 0) {
    reading.fault(`These fields are required: [${missing.join(", ")}]`, place);
  }
  return config;
}

/** A limit and its path exclude each other; inside these objects the service says so in words of its own. */
function checkOnlyOne(limits: JsonObject, name: string, place: Place, reading: Reading): void {
  if (!Object.hasOwn(limits, name) || !Object.hasOwn(limits, `${name}Path`)) return;
  reading.fault(`There should only be one of the following fields: [${name}, ${name}Path]`, place, {
    focus: inside(place, `${name}Path`),
  });
}

/** The members of Parameters, or of Arguments, that the S3 action cannot do without. */
function checkRequest(source: JsonObject, required: readonly string[], place: Place, reading: Reading): void {
  const field = reading.stateLanguage === "JSONata" ? "Arguments" : "Parameters";
  const request = member(source, field);
  if (request === undefined) {
    reading.fault(`These fields are required: [${field}]`, place);
  } else if (isObject(request)) {
    for (const name of required) {
      if (Object.hasOwn(request, name) || Object.hasOwn(request, `${name}.$`)) continue;
      reading.fault(`The field '${name}' is required but was missing`, inside(place, field));
    }
  }
}

const ITEM_BATCHER = {
  MaxItemsPerBatch: { expression: true, read: integer(1) },
  MaxItemsPerBatchPath: { language: "JSONPath", read: limitPath },
  MaxInputBytesPerBatch: { expression: true, read: integer(1, MAX_INPUT_BYTES) },
  MaxInputBytesPerBatchPath: { language: "JSONPath", read: limitPath },
  BatchInput: { read: template },
} as const;
const BATCH_LIMITS: readonly string[] = ["MaxItemsPerBatch", "MaxInputBytesPerBatch"];

function itemBatcher(value: Json, place: Place, reading: Reading): ItemBatcher | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const values = readFields(source, ITEM_BATCHER, place, reading, reading.stateLanguage);
  for (const name of BATCH_LIMITS) checkOnlyOne(source, name, place, reading);
  const isLimited = BATCH_LIMITS.some(
    (name) => Object.hasOwn(source, name) || Object.hasOwn(source, `${name}Path`),
  );
  if (!isLimited) {
    return reading.fault(
      "At least one of these fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]",
      place,
    );
  }
  return values;
}

const RESULT_WRITER = {
  Resource: { read: s3Action("putObject") },
  ...REQUEST,
  WriterConfig: { read: object },
} as const;
const WRITER_CONFIG = {
  Transformation: { read: oneOf("NONE", "COMPACT", "FLATTEN") },
  OutputType: { read: oneOf("JSON", "JSONL") },
} as const;

/** Legal are: a WriterConfig alone (it formats the output), Resource and request, and all three. */
function resultWriter(value: Json, place: Place, reading: Reading): ResultWriter | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const { stateLanguage } = reading;
  const values = readFields(source, RESULT_WRITER, place, reading, stateLanguage);
  const { writerConfig: written } = values;
  const config =
    written === undefined
      ? {}
      : readFields(written, WRITER_CONFIG, inside(place, "WriterConfig"), reading, stateLanguage);
  const hasRequest = Object.hasOwn(source, "Parameters") || Object.hasOwn(source, "Arguments");
  if (Object.hasOwn(source, "Resource")) checkRequest(source, ["Bucket"], place, reading);
  else if (hasRequest || !Object.hasOwn(source, "WriterConfig")) {
    return reading.fault("These fields are required: [Resource]", place, {
      expected: "a Resource with its request, a WriterConfig, or all of them",
    });
  }
  const request: Template | undefined = values.parameters ?? values.arguments;
  return {
    transformation: config.transformation ?? (request === undefined ? "COMPACT" : "NONE"),
    outputType: config.outputType ?? "JSON",
    ...(request === undefined ? {} : { parameters: request }),
  };
}
