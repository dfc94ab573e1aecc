// What only a Map in DISTRIBUTED mode has: where its items come from, how they are batched, where results go.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html

import type { Expression, Path, Template } from "./ast.ts";

export type ExecutionType = "STANDARD" | "EXPRESS";

export interface ProcessorConfig {
  readonly mode: "INLINE" | "DISTRIBUTED";
  /** Of the child executions; always there in DISTRIBUTED mode. */
  readonly executionType?: ExecutionType;
}

export interface ItemReader {
  readonly action: "getObject" | "listObjectsV2";
  /** Parameters, or JSONata's Arguments: Bucket, Key or Prefix … */
  readonly parameters: Template;
  readonly inputType?: "CSV" | "JSON" | "JSONL" | "PARQUET" | "MANIFEST";
  readonly manifestType?: "ATHENA_DATA" | "S3_INVENTORY";
  readonly transformation: "NONE" | "LOAD_AND_FLATTEN";
  readonly csvDelimiter: "COMMA" | "PIPE" | "SEMICOLON" | "SPACE" | "TAB";
  readonly csvHeaderLocation?: "FIRST_ROW" | "GIVEN";
  /** There if the location is GIVEN. That they differ is asked when the items are read. */
  readonly csvHeaders?: readonly string[];
  /** 0 = no limit. A negative one can only come from an expression or a path, and fails when the items are read. */
  readonly maxItems?: number | Expression;
  readonly maxItemsPath?: Path;
  /** JSON pointer (RFC 6901) to the array or object in a JSON file. */
  readonly itemsPointer?: string;
}

/** At least one of the two limits is there. */
export interface ItemBatcher {
  readonly maxItemsPerBatch?: number | Expression;
  readonly maxItemsPerBatchPath?: Path;
  readonly maxInputBytesPerBatch?: number | Expression;
  readonly maxInputBytesPerBatchPath?: Path;
  readonly batchInput?: Template;
}

export interface ResultWriter {
  /** Bucket, Prefix. undefined: results stay in the output, formatted as said below. */
  readonly parameters?: Template;
  readonly transformation: "NONE" | "COMPACT" | "FLATTEN";
  readonly outputType: "JSON" | "JSONL";
}
