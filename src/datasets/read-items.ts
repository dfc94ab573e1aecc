// Items of a distributed Map, one after another, out of objects of any size.
//
// Knows:          the fields of ItemReader (as values), which objects there are, cursors, resuming.
// Does not know:  JSONPath and JSONata (fields arrive evaluated), formats (object-items.ts), children, batches.
//
// Invariants
//   R1. Memory is flat: one chunk and its items, and for listings what the store holds.
//   R2. Reading from the cursor of an item gives what follows that item, and nothing else. If the object is
//       another version by then, reading fails; it never mixes two.
//   R3. Every failure is an ItemReaderError; nothing is left out silently.
//
// Inside, items go by batches: an item costs one step of an asynchronous generator, each of which takes a microsecond.

import type { DELIMITERS } from "./csv.ts";
import type { Cursor, Item, Limits, Piece } from "./item.ts";
import { ItemReaderError, SERVICE_LIMITS } from "./item.ts";
import { athenaPlaces, inventoryOf } from "./manifests.ts";
import { type DataType, type ObjectFormat, objectItems, type Place } from "./object-items.ts";
import type { ObjectStore } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";

/** Names and values of ItemReader and its ReaderConfig. */
export interface ItemSource {
  readonly resource: "getObject" | "listObjectsV2";
  readonly bucket: string;
  /** For getObject. */
  readonly key?: string;
  /** Of that object; the latest unless told. */
  readonly versionId?: string;
  /** For listObjectsV2. */
  readonly prefix?: string;
  /** Of a listing: only keys after it. */
  readonly startAfter?: string;
  readonly inputType?: DataType | "MANIFEST";
  readonly manifestType?: "ATHENA_DATA" | "S3_INVENTORY";
  readonly transformation?: "NONE" | "LOAD_AND_FLATTEN";
  readonly csvHeaderLocation?: "FIRST_ROW" | "GIVEN";
  readonly csvHeaders?: readonly string[];
  readonly csvDelimiter?: keyof typeof DELIMITERS;
  /** 0 or absent: all. */
  readonly maxItems?: number;
  readonly itemsPointer?: string;
}

export interface ReadOptions {
  /** Go on after the item that had it. */
  readonly after?: Cursor;
  readonly limits?: Limits;
}

/** @throws {ItemReaderError} while iterating. */
export async function* readItems(
  store: ObjectStore,
  source: ItemSource,
  { after, limits = SERVICE_LIMITS }: ReadOptions = {},
): AsyncIterable<Item> {
  const { maxItems = 0 } = source;
  if (maxItems < 0) throw new ItemReaderError("field MaxItems must be positive");
  const end = maxItems === 0 ? Number.POSITIVE_INFINITY : maxItems;
  let index = after?.index ?? 0;
  if (index >= end) return;
  try {
    for await (const { pieces, at } of batchesOf({ store, source, limits }, after)) {
      for (const { text, bytes, end: offset } of pieces) {
        index += 1;
        yield { text, bytes, cursor: { index, offset, ...at } };
        if (index >= end) return;
      }
    }
  } catch (error) {
    if (error instanceof ObjectError) {
      throw new ItemReaderError(
        `Reading s3://${error.bucket}/${error.key ?? ""} failed: ${error.message} (${error.code}, status ${error.status})`,
        { cause: error },
      );
    }
    throw error;
  }
}

interface Reading {
  readonly store: ObjectStore;
  readonly source: ItemSource;
  readonly limits: Limits;
}

interface Batch {
  readonly pieces: readonly Piece[];
  /** What the cursors of all of them have in common. */
  readonly at: Omit<Cursor, "index" | "offset">;
}

function batchesOf(given: Reading, after: Cursor | undefined): AsyncIterable<Batch> {
  const { source, limits } = given;
  const store =
    source.versionId === undefined ? given.store : inVersion(given.store, source, source.versionId);
  const reading = { ...given, store };
  if (source.resource === "listObjectsV2") {
    return source.transformation === "LOAD_AND_FLATTEN"
      ? manyObjects(reading, after, listedPlaces(store, source), formatOf(source))
      : listing(reading, after);
  }
  const { bucket, key } = source;
  if (key === undefined) throw new ItemReaderError("The ItemReader needs the Key of an object.");
  const place = { bucket, key };
  if (source.manifestType === "S3_INVENTORY" || source.inputType === "MANIFEST") {
    return inventoried(reading, after, place);
  }
  const format = formatOf(source);
  return source.manifestType === "ATHENA_DATA"
    ? manyObjects(reading, after, athenaPlaces(store, limits, place), format)
    : objectItems(store, limits, place, format, after ?? START);
}

const START = { offset: 0 };

function formatOf(source: ItemSource): ObjectFormat {
  const { inputType, csvHeaderLocation, csvHeaders = [], csvDelimiter, itemsPointer } = source;
  if (inputType === undefined || inputType === "MANIFEST") {
    throw new ItemReaderError("The ItemReader needs the InputType of its data: JSON, JSONL, CSV or PARQUET.");
  }
  const headers = csvHeaderLocation === "GIVEN" ? csvHeaders : undefined;
  return { type: inputType, csvDelimiter, headers, itemsPointer };
}

/** The same store, where the source's own object is that version of it. */
function inVersion(store: ObjectStore, source: ItemSource, versionId: string): ObjectStore {
  const isIt = (bucket: string, key: string): boolean => bucket === source.bucket && key === source.key;
  return {
    list: (bucket, options) => store.list(bucket, options),
    writer: (bucket, key) => store.writer(bucket, key),
    head: (bucket, key) => (isIt(bucket, key) ? store.head(bucket, key, versionId) : store.head(bucket, key)),
    read: (bucket, key, range) =>
      store.read(bucket, key, isIt(bucket, key) ? { ...range, versionId } : range),
  };
}

/** @param after The last key that was read already. */
function listOptions(
  { prefix = "", startAfter }: ItemSource,
  after?: string,
): Parameters<ObjectStore["list"]>[1] {
  const from = after ?? startAfter;
  return { prefix, ...(from === undefined ? {} : { startAfter: from }) };
}

async function* listing({ store, source }: Reading, after: Cursor | undefined): AsyncIterable<Batch> {
  for await (const object of store.list(source.bucket, listOptions(source, after?.key))) {
    const text = JSON.stringify({
      Etag: object.etag,
      Key: object.key,
      LastModified: Math.floor(object.lastModifiedMs / 1000),
      Size: object.size,
      StorageClass: object.storageClass,
    });
    yield { pieces: [{ text, bytes: Buffer.byteLength(text), end: 0 }], at: { key: object.key } };
  }
}

async function* listedPlaces(store: ObjectStore, source: ItemSource): AsyncIterable<Place> {
  // An object that a console made to show a folder has nothing in it.
  for await (const { key, size } of store.list(source.bucket, listOptions(source)))
    if (size > 0 || !key.endsWith("/")) yield { bucket: source.bucket, key };
}

/** The items of each object in turn. The cursor's key says which one it is in. */
async function* manyObjects(
  { store, limits }: Reading,
  after: Cursor | undefined,
  places: AsyncIterable<Place> | Iterable<Place>,
  format: ObjectFormat,
): AsyncIterable<Batch> {
  let from = after;
  for await (const place of places) {
    if (from?.key !== undefined && place.key !== from.key) continue;
    for await (const { pieces, at } of objectItems(store, limits, place, format, from ?? START)) {
      yield { pieces, at: { ...at, key: place.key } };
    }
    from = undefined;
  }
  if (from?.key !== undefined)
    throw new ItemReaderError(`The object ${from.key} that was being read is gone.`);
}

async function* inventoried(reading: Reading, after: Cursor | undefined, place: Place): AsyncIterable<Batch> {
  const { places, type, columns } = await inventoryOf(reading.store, reading.limits, place);
  yield* manyObjects(reading, after, places, { type, headers: columns });
}
