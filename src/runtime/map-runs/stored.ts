// What is stored of Map Runs, as entities: the run, its children that have ended, who has which.
//
//   mapRun        <ARN>                        StoredRun; written again with every group of ends
//   mapRunChild   <uuid>/<index, 12 digits>    StoredChild: a child that has ended
//   mapRunOf      <execution ARN>\n<task><ARN> the Map Runs of an execution, in their order
//   openMapRun    <ARN>                        those that have not ended: what a start looks at
//
// Invariant
//   S1. The counters and the progress of a run are written together with the children that they count.

import type { Cursor } from "../../datasets/item.ts";
import type { MapRunOutcome, TaskId } from "../../engine/index.ts";
import { Payload } from "../../base/json.ts";
import type { EntityWrite, Store } from "../../store/store.ts";
import type { MapRunStatus } from "../interface.ts";
import type { ChildStatus, Ended } from "./counts.ts";
import { mapRunUuid } from "./names.ts";

export interface StoredRun {
  readonly mapRunArn: string;
  readonly executionArn: string;
  readonly executionId: number;
  readonly isExpress: boolean;
  readonly startedAtMs: number;
  readonly stoppedAtMs?: number;
  readonly status: MapRunStatus;
  readonly maxConcurrency: number;
  readonly toleratedFailureCount?: number;
  readonly toleratedFailurePercentage?: number;
  readonly redriveCount: number;
  readonly redrivenAtMs?: number;
  readonly children: Ended;
  readonly items: Ended;
  /** All children before this one have ended, and are stored. */
  readonly progress: Progress;
  /** So far: whatever has ended is among them. */
  readonly planned: { readonly children: number; readonly items: number };
  /** Absent as long as they are not known. */
  readonly totalChildren?: number;
  readonly totalItems?: number;
  /** Children whose results were given on: into the output, or into the files. */
  readonly results?: { readonly children: number; readonly items: number };
  /** The last redrive whose files are all written; 0: the first try. */
  readonly lastWritten?: number;
  /** Why it starts no more children; it ends so when those that run have ended. */
  readonly ending?: StoredOutcome;
  /** What its state was told, or is to be told. */
  readonly outcome?: StoredOutcome;
}

export interface Progress {
  /** The index of the child. */
  readonly child: number;
  /** The items before it. */
  readonly items: number;
  /** Where reading goes on; absent at the beginning, and for items of the state's input. */
  readonly cursor?: Cursor;
}

export type StoredOutcome =
  | { readonly kind: "succeeded"; readonly output: string }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "failed"; readonly error: string; readonly cause: string };

export interface StoredChild {
  readonly name: string;
  readonly itemCount: number;
  readonly status: ChildStatus;
  readonly startedAtMs: number;
  readonly stoppedAtMs: number;
  /** JSON texts. The input is kept where somebody will ask for it: results in full, an Express child to run again. */
  readonly input?: string;
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
  /** Of an Express child, whose ARN does not follow from its name. */
  readonly executionArn?: string;
  /** How often the execution had been redriven. */
  readonly redriveCount?: number;
  readonly redrivenAtMs?: number;
  /** The redrive of the Map Run that it ended in. */
  readonly round: number;
  readonly isNotRedrivable?: true;
}

const PAGE = 500;
/** What a page of children should hold, in characters: their results may be short, or as long as a payload. */
const PAGE_CHARS = 1024 * 1024;

export function outcomeOf(stored: StoredOutcome): MapRunOutcome {
  if (stored.kind !== "succeeded") return stored;
  return { kind: "succeeded", output: Payload.ofText(stored.output) };
}

export function runWrite(run: StoredRun): EntityWrite {
  return { kind: "mapRun", key: run.mapRunArn, data: JSON.stringify(run) };
}

/** The first writes of a run. */
export function newRunWrites(run: StoredRun, task: TaskId): readonly EntityWrite[] {
  // Two may begin in the same moment, and a clock may be set back; attempts are numbered in their order.
  const place = String(task).padStart(12, "0");
  return [
    runWrite(run),
    openWrite(run.mapRunArn),
    {
      kind: "mapRunOf",
      key: `${run.executionArn}\n${place}${run.mapRunArn}`,
      data: JSON.stringify(run.mapRunArn),
    },
  ];
}

export function openWrite(mapRunArn: string): EntityWrite {
  return { kind: "openMapRun", key: mapRunArn, data: "true" };
}

export function closedWrite(mapRunArn: string): EntityWrite {
  return { kind: "openMapRun", key: mapRunArn, data: undefined };
}

export function childWrite(mapRunArn: string, index: number, child: StoredChild): EntityWrite {
  return { kind: "mapRunChild", key: childKey(mapRunUuid(mapRunArn), index), data: JSON.stringify(child) };
}

export async function readRun(store: Store, mapRunArn: string): Promise<StoredRun | undefined> {
  const data = await store.getEntity("mapRun", mapRunArn);
  return data === undefined ? undefined : (JSON.parse(data) as StoredRun);
}

export async function readChild(
  store: Store,
  mapRunArn: string,
  index: number,
): Promise<StoredChild | undefined> {
  const data = await store.getEntity("mapRunChild", childKey(mapRunUuid(mapRunArn), index));
  return data === undefined ? undefined : (JSON.parse(data) as StoredChild);
}

/** Those that have ended, in the order of the items, from `first` on. */
export async function* readChildren(
  store: Store,
  mapRunArn: string,
  first = 0,
): AsyncGenerator<{ readonly index: number; readonly child: StoredChild }> {
  const uuid = mapRunUuid(mapRunArn);
  let limit = 8;
  for (let after = first === 0 ? `${uuid}/` : childKey(uuid, first - 1); ; ) {
    const page = await store.listEntities("mapRunChild", after, limit);
    let chars = 0;
    for (const { key, data } of page) {
      if (!key.startsWith(`${uuid}/`)) return;
      yield { index: Number(key.slice(uuid.length + 1)), child: JSON.parse(data) as StoredChild };
      after = key;
      chars += data.length;
    }
    if (page.length < limit) return;
    limit = Math.min(PAGE, Math.max(1, Math.floor((PAGE_CHARS * limit) / chars)), limit * 4);
  }
}

/** The Map Runs of an execution, oldest first. */
export async function runsOf(store: Store, executionArn: string): Promise<readonly string[]> {
  const found: string[] = [];
  const prefix = `${executionArn}\n`;
  for (let after = prefix; ; ) {
    const page = await store.listEntities("mapRunOf", after, PAGE);
    for (const { key, data } of page) {
      if (!key.startsWith(prefix)) return found;
      found.push(JSON.parse(data) as string);
      after = key;
    }
    if (page.length < PAGE) return found;
  }
}

export async function* openRuns(store: Store): AsyncGenerator<string> {
  for (let after = ""; ; ) {
    const page = await store.listEntities("openMapRun", after, PAGE);
    for (const { key } of page) {
      yield key;
      after = key;
    }
    if (page.length < PAGE) return;
  }
}

function childKey(uuid: string, index: number): string {
  return `${uuid}/${String(index).padStart(12, "0")}`;
}
