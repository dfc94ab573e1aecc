// The fields of a Map in DISTRIBUTED mode: what is refused, and that what is right is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../src/asl/parse.ts";

interface Case {
  readonly name: string;
  readonly type?: "EXPRESS";
  readonly language?: "JSONata";
  /** Members of the Map beside those that every one has. */
  readonly map: Record<string, unknown>;
  /** Its ProcessorConfig, if not the usual one; `undefined` for none. */
  readonly config?: unknown;
  /** `message at location`, the location without `/States/X`; of SCHEMA_VALIDATION_FAILED or the code told. */
  readonly expect: readonly string[];
}

const s3 = (action: string): string => `arn:aws:states:::s3:${action}`;
const DISTRIBUTED = { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" };
const get = (config: unknown): unknown => ({
  Resource: s3("getObject"),
  Parameters: { Bucket: "b", "Key.$": "$.k" },
  ReaderConfig: config,
});

const cases: readonly Case[] = [
  // Right
  {
    name: "none of the fields is required",
    map: {},
    expect: [],
  },
  {
    name: "everything at once, in JSONPath",
    map: {
      Label: "part",
      ItemReader: get({
        InputType: "CSV",
        CSVHeaderLocation: "GIVEN",
        CSVHeaders: ["a", "b"],
        CSVDelimiter: "TAB",
        MaxItemsPath: "$.n",
      }),
      ItemBatcher: {
        MaxItemsPerBatchPath: "$.size",
        MaxInputBytesPerBatch: 262_144,
        BatchInput: { "a.$": "$.a" },
      },
      ResultWriter: {
        Resource: s3("putObject"),
        Parameters: { Bucket: "b", Prefix: "p" },
        WriterConfig: { Transformation: "FLATTEN", OutputType: "JSONL" },
      },
      ToleratedFailurePercentage: 12.5,
    },
    expect: [],
  },
  {
    name: "everything at once, in JSONata",
    language: "JSONata",
    map: {
      ItemReader: {
        Resource: s3("listObjectsV2"),
        Arguments: { Bucket: "{% $states.input.b %}" },
        ReaderConfig: {
          Transformation: "LOAD_AND_FLATTEN",
          InputType: "JSONL",
          MaxItems: "{% $states.input.n %}",
        },
      },
      ItemBatcher: { MaxItemsPerBatch: "{% 1 + 1 %}", BatchInput: { a: "{% $states.input.a %}" } },
      ResultWriter: { WriterConfig: { OutputType: "JSON" } },
    },
    expect: [],
  },
  {
    name: "an inventory says itself how it is written, and a listing needs no ReaderConfig",
    map: { ItemReader: get({ ManifestType: "S3_INVENTORY", MaxItems: 0 }) },
    expect: [],
  },
  // The mode
  {
    name: "an Express workflow may not hold one",
    type: "EXPRESS",
    map: {},
    expect: [
      "Express state machine does not support Map state in DISTRIBUTED mode at /ItemProcessor/ProcessorConfig",
    ],
  },
  {
    name: "the type of the child executions has no default",
    map: {},
    config: { Mode: "DISTRIBUTED" },
    expect: ["These fields are required: [ExecutionType] at /ItemProcessor/ProcessorConfig"],
  },
  {
    name: "a field and values that the config does not have, and nothing else of them",
    map: { Label: "l" },
    config: { Mode: "DISTRIBUTE", ExecutionType: "FAST", Modus: 1 },
    expect: [
      "Field 'Modus' is not supported at /ItemProcessor/ProcessorConfig",
      "Value should be one of the following: [INLINE, DISTRIBUTED] at /ItemProcessor/ProcessorConfig/Mode",
      "Value should be one of the following: [STANDARD, EXPRESS] at /ItemProcessor/ProcessorConfig/ExecutionType",
    ],
  },
  {
    name: "an inline Map has none of the fields",
    map: {
      Label: "l",
      ItemReader: get({ InputType: "JSON" }),
      ItemBatcher: { MaxItemsPerBatch: 1 },
      ResultWriter: { WriterConfig: {} },
    },
    config: undefined,
    expect: ["ItemReader", "ItemBatcher", "ResultWriter", "Label"].map(
      (name) => `Field '${name}' is not supported at `,
    ),
  },
  // ItemReader
  {
    name: "an empty reader",
    map: { ItemReader: {} },
    expect: ["These fields are required: [Resource] at /ItemReader"],
  },
  {
    name: "a reader that is no object, and a config that is none",
    map: { ItemReader: "s3" },
    expect: ["Expected value of type [OBJECT] at /ItemReader"],
  },
  {
    name: "an action that cannot be read from",
    map: { ItemReader: { Resource: s3("putObject"), Parameters: {} } },
    expect: [
      `The resource provided ${s3("putObject")} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /ItemReader/Resource`,
    ],
  },
  {
    name: "an object without its key, and without saying what it holds",
    map: { ItemReader: { Resource: s3("getObject"), Parameters: { Bucket: "b" } } },
    expect: [
      "These fields are required: [ReaderConfig] at /ItemReader",
      "The field 'Key' is required but was missing at /ItemReader/Parameters",
    ],
  },
  {
    name: "a listing without parameters",
    map: { ItemReader: { Resource: s3("listObjectsV2") } },
    expect: ["These fields are required: [Parameters] at /ItemReader"],
  },
  {
    name: "the request of the other language",
    language: "JSONata",
    map: { ItemReader: { Resource: s3("listObjectsV2"), Parameters: { Bucket: "b" } } },
    expect: [
      "The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' QueryLanguage at /ItemReader",
      "These fields are required: [Arguments] at /ItemReader",
    ],
  },
  {
    name: "a format that does not exist, limits twice, and types",
    map: {
      ItemReader: get({
        InputType: "XML",
        CSVDelimiter: ",",
        CSVHeaders: [],
        MaxItems: 100_000_001,
        MaxItemsPath: "$.n",
        ItemsPointer: 1,
      }),
    },
    expect: [
      "Value should be one of the following: [CSV, JSON, JSONL, PARQUET, MANIFEST] at /ItemReader/ReaderConfig/InputType",
      "Value should be one of the following: [COMMA, PIPE, SEMICOLON, SPACE, TAB] at /ItemReader/ReaderConfig/CSVDelimiter",
      "Value cannot be empty at /ItemReader/ReaderConfig/CSVHeaders",
      "Maximum value is 100000000 at /ItemReader/ReaderConfig/MaxItems",
      "Expected value of type [STRING] at /ItemReader/ReaderConfig/ItemsPointer",
      "There should only be one of the following fields: [MaxItems, MaxItemsPath] at /ItemReader/ReaderConfig",
    ],
  },
  {
    name: "a limit below nothing",
    map: { ItemReader: get({ InputType: "JSON", MaxItems: -1 }) },
    expect: ["Minimum value is 0 at /ItemReader/ReaderConfig/MaxItems"],
  },
  {
    name: "headers: where they are, and which",
    map: { ItemReader: get({ InputType: "CSV" }) },
    expect: ["These fields are required: [CSVHeaderLocation] at /ItemReader/ReaderConfig"],
  },
  {
    name: "headers that are given, but are not there",
    map: { ItemReader: get({ InputType: "CSV", CSVHeaderLocation: "GIVEN" }) },
    expect: ["These fields are required: [CSVHeaders] at /ItemReader/ReaderConfig"],
  },
  // ItemBatcher
  {
    name: "a batcher without a limit",
    map: { ItemBatcher: { BatchInput: {} } },
    expect: [
      "At least one of these fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath] at /ItemBatcher",
    ],
  },
  {
    name: "batches of nothing, and of too much",
    map: {
      ItemBatcher: { MaxItemsPerBatch: 0, MaxInputBytesPerBatch: 262_145, MaxItemsPerBatchPath: "$.n" },
    },
    expect: [
      "Minimum value is 1 at /ItemBatcher/MaxItemsPerBatch",
      "Maximum value is 262144 at /ItemBatcher/MaxInputBytesPerBatch",
      "There should only be one of the following fields: [MaxItemsPerBatch, MaxItemsPerBatchPath] at /ItemBatcher",
    ],
  },
  // ResultWriter
  {
    name: "an empty writer",
    map: { ResultWriter: {} },
    expect: ["These fields are required: [Resource] at /ResultWriter"],
  },
  {
    name: "a request to nothing, and a bucket that is not told",
    map: { ResultWriter: { Parameters: { Bucket: "b" }, WriterConfig: { OutputType: "CSV" } } },
    expect: [
      "Value should be one of the following: [JSON, JSONL] at /ResultWriter/WriterConfig/OutputType",
      "These fields are required: [Resource] at /ResultWriter",
    ],
  },
  {
    name: "a writer without a bucket",
    map: { ResultWriter: { Resource: s3("putObject"), Parameters: { Prefix: "p" } } },
    expect: ["The field 'Bucket' is required but was missing at /ResultWriter/Parameters"],
  },
  // The context object
  {
    name: "only ItemsPath reads the context object, and limits may be variables",
    map: {
      ItemsPath: "$$.Execution.Input.list",
      MaxConcurrencyPath: "$$.Execution.Input.n",
      ToleratedFailureCountPath: "$count",
      ItemBatcher: { MaxItemsPerBatchPath: "$$.Execution.Input.n" },
    },
    expect: [
      "Value is not a Reference Path: the context object cannot be read here at /MaxConcurrencyPath",
      "Value is not a Reference Path: the context object cannot be read here at /ItemBatcher/MaxItemsPerBatchPath",
    ],
  },
  // Label
  {
    name: "a label with a blank in it",
    map: { Label: "a b" },
    expect: ['INVALID_LABEL_NAME: Invalid label name: "a b" at /Label'],
  },
];

for (const { name, type, language, map, expect, ...rest } of cases) {
  test(`distributed Map: ${name}`, () => {
    const config = "config" in rest ? rest.config : DISTRIBUTED;
    const state = {
      Type: "Map",
      ...(language === undefined ? {} : { QueryLanguage: language }),
      ItemProcessor: {
        ...(config === undefined ? {} : { ProcessorConfig: config }),
        StartAt: "A",
        States: { A: { Type: "Pass", End: true } },
      },
      ...map,
      End: true,
    };
    const text = JSON.stringify({ StartAt: "X", States: { X: state } });
    const { program, diagnostics } = parse(text, type === undefined ? {} : { type });
    const found = diagnostics.map(({ code, message, location }) => {
      const told = code === "SCHEMA_VALIDATION_FAILED" ? "" : `${code}: `;
      return `${told}${message} at ${location.slice("/States/X".length)}`;
    });
    assert.deepEqual(found, expect);
    assert.equal(program !== undefined, expect.length === 0);
  });
}

test("distributed Map: two of one label", () => {
  const map = (inner: string, way: object): unknown => ({
    Type: "Map",
    Label: "twin",
    ItemProcessor: {
      ProcessorConfig: DISTRIBUTED,
      StartAt: inner,
      States: { [inner]: { Type: "Pass", End: true } },
    },
    ...way,
  });
  const states = { X: map("A", { Next: "Y" }), Y: map("B", { End: true }) };
  const found = parse(JSON.stringify({ StartAt: "X", States: states })).diagnostics;
  assert.deepEqual(
    found.map(({ code, message, location }) => `${code}: ${message} at ${location}`),
    ["DUPLICATE_LABEL_NAME: Duplicate label name: twin at /States/Y/Label"],
  );
});
