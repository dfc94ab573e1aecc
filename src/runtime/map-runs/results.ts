// What becomes of the results of a Map Run: files in a bucket, or the array that is the output of its state.
//
// Memory is flat: children are read from the store in their order, and written or counted one after the other.

import type { ObjectStore } from "../../datasets/object-store.ts";
import {
  type ChildResult,
  ResultFiles,
  ResultWriterError,
  transformed,
} from "../../datasets/result-files.ts";
import type { MapRunPlan } from "../../engine/index.ts";
import { isObject, type Json, member, utf8Bytes } from "../../base/json.ts";
import type { Store } from "../../store/store.ts";
import { childNames, executionArnOf, labelledMachineArn } from "./names.ts";
import type { PlannedChild } from "./children.ts";
import { readChildren, type StoredChild, type StoredOutcome, type StoredRun } from "./stored.ts";

export interface ResultsOptions {
  readonly store: Store;
  readonly objects: ObjectStore;
  readonly run: StoredRun;
  readonly plan: MapRunPlan;
  /** Children that were planned, and never started. */
  readonly pending: AsyncIterable<PlannedChild>;
  readonly payloadBytes: number;
}

/** How a run ends whose children have all succeeded, or failed within what is tolerated. */
export async function gatherResults(options: ResultsOptions): Promise<StoredOutcome> {
  if (options.plan.writer.parameters === undefined) return await inlineResults(options);
  try {
    const { bucket, key } = await writeResults(options);
    const output = {
      MapRunArn: options.run.mapRunArn,
      ResultWriterDetails: { Bucket: bucket, Key: key },
    };
    return { kind: "succeeded", output: JSON.stringify(output) };
  } catch (problem) {
    if (!(problem instanceof ResultWriterError)) throw problem;
    return { kind: "failed", error: "States.ResultWriterFailed", cause: problem.message };
  }
}

/** The files of a run that has failed or was aborted: for who wants to know what it did. Undefined: all went well. */
export async function writeRemains(options: ResultsOptions): Promise<string | undefined> {
  if (options.plan.writer.parameters === undefined) return undefined;
  try {
    await writeResults(options);
    return undefined;
  } catch (problem) {
    if (!(problem instanceof ResultWriterError)) throw problem;
    return problem.message;
  }
}

async function inlineResults({ store, run, plan, payloadBytes }: ResultsOptions): Promise<StoredOutcome> {
  const { transformation, outputType } = plan.writer;
  const texts: string[] = [];
  let bytes = 2;
  for await (const { child } of readChildren(store, run.mapRunArn)) {
    for (const text of transformed(transformation, resultOf(run, child))) {
      texts.push(text);
      bytes += utf8Bytes(text) + 1;
    }
    if (bytes - 1 > payloadBytes) return { kind: "tooLarge" };
  }
  const output = outputType === "JSONL" ? JSON.stringify(texts.join("\n")) : `[${texts.join(",")}]`;
  return { kind: "succeeded", output };
}

/** @throws ResultWriterError */
async function writeResults({ store, objects, run, plan, pending }: ResultsOptions): Promise<{
  readonly bucket: string;
  readonly key: string;
}> {
  const { parameters, transformation, outputType } = plan.writer;
  // Its own, if it is written again.
  const lastWritten = Math.min(run.lastWritten ?? -1, run.redriveCount - 1);
  const prefix = textOf(parameters, "Prefix");
  const bucket = textOf(parameters, "Bucket");
  if (bucket === undefined) throw new ResultWriterError("The request of the ResultWriter has no Bucket.");
  const files = new ResultFiles(objects, {
    bucket,
    ...(prefix === undefined ? {} : { prefix }),
    mapRunArn: run.mapRunArn,
    transformation,
    outputType,
    redriveCount: run.redriveCount,
    lastWritten,
  });
  try {
    for await (const { child } of readChildren(store, run.mapRunArn)) {
      // The folder of a redrive holds what ended in it, and what succeeded in tries whose process died before it wrote.
      const isMissing = child.status === "SUCCEEDED" && child.round > lastWritten;
      if (child.round === run.redriveCount || isMissing) await files.add(resultOf(run, child));
    }
    const nameOf = childNames(run.mapRunArn);
    for await (const { index, itemCount, input } of pending) {
      await files.add(pendingResult(run, nameOf({ index, itemCount }), input));
    }
    return await files.finish();
  } catch (problem) {
    await files.abort();
    throw problem;
  }
}

function textOf(parameters: Json | undefined, name: string): string | undefined {
  const value = isObject(parameters) ? member(parameters, name) : undefined;
  return typeof value === "string" ? value : undefined;
}

function resultOf(run: StoredRun, child: StoredChild): ChildResult {
  const { itemCount: _count, round: _round, isNotRedrivable: _is, ...ended } = child;
  return {
    executionArn: executionArnOf(run.mapRunArn, child.name),
    input: "",
    redriveCount: 0,
    ...ended,
    stateMachineArn: labelledMachineArn(run.mapRunArn),
    ...(run.isExpress ? {} : redriveStatusOf(child)),
  };
}

function redriveStatusOf({
  status,
  isNotRedrivable,
}: StoredChild): Pick<ChildResult, "redriveStatus" | "redriveStatusReason"> {
  if (status !== "SUCCEEDED" && isNotRedrivable !== true) return { redriveStatus: "REDRIVABLE_BY_MAP_RUN" };
  if (status !== "SUCCEEDED") return { redriveStatus: "NOT_REDRIVABLE" };
  return {
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
  };
}

function pendingResult(run: StoredRun, name: string, input: string): ChildResult {
  return {
    executionArn: executionArnOf(run.mapRunArn, name),
    stateMachineArn: labelledMachineArn(run.mapRunArn),
    name,
    status: "PENDING",
    input,
    redriveCount: 0,
  };
}
