// The children that a Map Run is to have: items, selected and put into batches, in their order.
//
// Knows:          items and where reading goes on. Does not know:  executions.
//
// Invariant
//   C1. What comes after a child is a function of where reading goes on after it: a restart makes the same children.

import type { Cursor, Item } from "../../datasets/item.ts";
import { ItemReaderError } from "../../datasets/item.ts";
import type { ObjectStore } from "../../datasets/object-store.ts";
import { type ItemSource, readItems } from "../../datasets/read-items.ts";
import { MapRunFailure, type MapRunWork, type ReaderPlan } from "../../engine/index.ts";
import { isObject, type Json, type JsonObject, member, utf8Bytes } from "../../base/json.ts";
import type { Progress } from "./stored.ts";

export interface PlannedChild {
  readonly index: number;
  readonly itemCount: number;
  /** JSON text. */
  readonly input: string;
  /** After this child. */
  readonly next: Progress;
}

/** The children from `from` on. @throws MapRunFailure while iterating. */
export async function* plannedChildren(
  work: MapRunWork,
  objects: ObjectStore,
  from: Progress,
  payloadBytes: number,
): AsyncGenerator<PlannedChild> {
  const batch = new Batch(work, from, payloadBytes);
  try {
    for await (const item of itemsOf(work, objects, from)) {
      const full = batch.add(item);
      if (full !== undefined) yield full;
      const now = batch.takeIfFull();
      if (now !== undefined) yield now;
    }
  } catch (problem) {
    if (problem instanceof ItemReaderError) throw readerFailed(problem.message);
    throw problem;
  }
  const last = batch.take();
  if (last !== undefined) yield last;
}

interface IndexedItem {
  readonly index: number;
  readonly text: string;
  readonly key?: string;
  readonly cursor: Cursor | undefined;
}

async function* itemsOf(work: MapRunWork, objects: ObjectStore, from: Progress): AsyncGenerator<IndexedItem> {
  const { plan, items } = work;
  if (items !== undefined) {
    for (const item of items.slice(from.items)) yield { ...item, cursor: undefined };
    return;
  }
  let index = from.items;
  const after = from.cursor === undefined ? {} : { after: from.cursor };
  const read: AsyncIterable<Item> = readItems(objects, sourceOf(plan.reader as ReaderPlan), after);
  for await (const { text, cursor } of read) {
    yield { index, text, cursor };
    index += 1;
  }
}

/** @throws MapRunFailure */
function sourceOf({ parameters, action, maxItems, ...config }: ReaderPlan): ItemSource {
  if (!isObject(parameters)) throw readerFailed("The request of the ItemReader is not an object.");
  const { csvHeaders } = config;
  if (csvHeaders !== undefined && new Set(csvHeaders).size < csvHeaders.length) {
    throw readerFailed("CSV headers cannot contain duplicates.");
  }
  const key = stringOf(parameters, "Key");
  const versionId = stringOf(parameters, "VersionId");
  const prefix = stringOf(parameters, "Prefix");
  const startAfter = stringOf(parameters, "StartAfter");
  const bucket = stringOf(parameters, "Bucket");
  if (bucket === undefined) throw readerFailed("The request of the ItemReader has no Bucket.");
  return {
    ...config,
    resource: action,
    bucket,
    ...(key === undefined ? {} : { key }),
    ...(versionId === undefined ? {} : { versionId }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(startAfter === undefined ? {} : { startAfter }),
    maxItems,
  };
}

function stringOf(parameters: JsonObject, name: string): string | undefined {
  const value: Json | undefined = member(parameters, name);
  if (value === undefined) return undefined;
  if (typeof value !== "string") {
    throw readerFailed(`${name} must be a string, but was: ${JSON.stringify(value).slice(0, 100)}`);
  }
  return value;
}

function readerFailed(cause: string): MapRunFailure {
  return new MapRunFailure("States.ItemReaderFailed", cause);
}

/** Items that will be the input of the next child. Without an ItemBatcher each is one by itself. */
class Batch {
  readonly #work: MapRunWork;
  readonly #maxItems: number;
  readonly #maxBytes: number;
  /** The input of a child is this, the items with commas between, and TAIL. Empty: there are no batches. */
  readonly #head: string;
  readonly #headBytes: number;
  #index: number;
  #texts: string[] = [];
  /** Of the texts. */
  #bytes = 0;
  #next: Progress;

  constructor(work: MapRunWork, from: Progress, payloadBytes: number) {
    const { batch } = work.plan;
    this.#work = work;
    this.#maxItems = batch === undefined ? 1 : (batch.maxItems ?? Number.POSITIVE_INFINITY);
    this.#maxBytes = Math.min(batch?.maxInputBytes ?? payloadBytes, payloadBytes);
    this.#head = batch === undefined ? "" : headOf(batch.batchInput);
    this.#headBytes = utf8Bytes(this.#head);
    this.#index = from.child;
    this.#next = from;
  }

  /** The child that the item did not fit into. @throws MapRunFailure */
  add({ index, text, key, cursor }: IndexedItem): PlannedChild | undefined {
    const selected = this.#work.select({ index, text, ...(key === undefined ? {} : { key }) });
    const bytes = utf8Bytes(selected);
    const around = this.#head === "" ? 0 : this.#headBytes + TAIL.length;
    if (bytes + around > this.#maxBytes) {
      throw readerFailed(
        `Item ${index} has ${bytes} bytes; the input of a child execution may have ${this.#maxBytes}, ${around} of which are around the items.`,
      );
    }
    // With a comma before each but the first.
    const full = this.#bytes + this.#texts.length + bytes + around > this.#maxBytes ? this.take() : undefined;
    this.#texts.push(selected);
    this.#bytes += bytes;
    this.#next = {
      child: this.#index + 1,
      items: index + 1,
      ...(cursor === undefined ? {} : { cursor }),
    };
    return full;
  }

  takeIfFull(): PlannedChild | undefined {
    return this.#texts.length >= this.#maxItems ? this.take() : undefined;
  }

  take(): PlannedChild | undefined {
    if (this.#texts.length === 0) return undefined;
    const input =
      this.#head === "" ? (this.#texts[0] as string) : `${this.#head}${this.#texts.join(",")}${TAIL}`;
    const child = { index: this.#index, itemCount: this.#texts.length, input, next: this.#next };
    this.#index += 1;
    this.#texts = [];
    this.#bytes = 0;
    return child;
  }
}

const TAIL = "]}";

function headOf(batchInput: Json | undefined): string {
  return batchInput === undefined ? `{"Items":[` : `{"BatchInput":${JSON.stringify(batchInput)},"Items":[`;
}
