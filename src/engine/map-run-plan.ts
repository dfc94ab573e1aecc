// What a Map Run is to do: the fields of its Map state, evaluated once, when the Map Run began.
//
// It is part of the journal (events.ts, MapRunStarted): members may be added, their meaning never changes.

import type { ExecutionType, ItemReader, ResultWriter } from "../asl/distributed-ast.ts";
import type { Json } from "../base/json.ts";
import type { Seed } from "../base/random.ts";

export interface MapRunPlan {
  readonly label: string;
  /** Of the children. */
  readonly executionType: ExecutionType;
  /** Absent: the items are in the input of the state. */
  readonly reader?: ReaderPlan;
  /** Absent: a child for each item. */
  readonly batch?: BatchPlan;
  /** 0 = no limit of its own. */
  readonly maxConcurrency: number;
  /** Absent, both: none may fail. */
  readonly toleratedFailureCount?: number;
  /** 0 to 100. */
  readonly toleratedFailurePercentage?: number;
  readonly writer: WriterPlan;
  /** Of what ItemSelector sees: the moment that the Map Run began, and its randomness. */
  readonly atMs: number;
  readonly seed: Seed;
}

export interface ReaderPlan extends Omit<ItemReader, "parameters" | "maxItems" | "maxItemsPath"> {
  /** Bucket, Key or Prefix … as they came out; an object, or the reading fails. */
  readonly parameters: Json;
  /** 0 = all. A negative one makes the reading fail. */
  readonly maxItems: number;
}

export interface BatchPlan {
  readonly maxItems?: number;
  /** UTF-8 bytes of the input of a child. */
  readonly maxInputBytes?: number;
  readonly batchInput?: Json;
}

export interface WriterPlan extends Omit<ResultWriter, "parameters"> {
  /** Bucket, Prefix as they came out. Absent: the results are the output of the state. */
  readonly parameters?: Json;
}
