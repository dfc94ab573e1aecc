// Items of a distributed Map, one after another, out of objects of any size.
//
// Knows:          the fields of ItemReader (as values), which splitter reads which format, resuming.
// Does not know:  JSONPath and JSONata (fields arrive evaluated), children, batches.
//
// Invariants
//   R1. Memory is flat: one chunk, one item, and for listings what the store holds.
//   R2. Reading from the cursor of an item gives what follows that item, and nothing else. If the object is
//       another version by then, reading fails; it never mixes two.
//   R3. Every failure is an ItemReaderError; nothing is left out silently.

import { type Duplex, pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

import { isArray, isObject, type Json } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import { CsvRows, DELIMITERS } from "./csv.ts";
import type { Cursor, Item, Limits, Splitter } from "./item.ts";
import { ItemReaderError, SERVICE_LIMITS } from "./item.ts";
import { JsonItems } from "./json-items.ts";
import { JsonLines, Lines, textOf } from "./lines.ts";
import type { ObjectStore } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";
import { parquetRows } from "./parquet.ts";

type DataType = "JSON" | "JSONL" | "CSV" | "PARQUET";

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
  const maxItems = source.maxItems ?? 0;
  if (maxItems < 0) throw new ItemReaderError("field MaxItems must be positive");
  let left = maxItems === 0 ? Number.POSITIVE_INFINITY : maxItems - (after?.index ?? 0);
  if (left <= 0) return;
  const reading: Reading = { store, source, limits };
  try {
    for await (const item of allItems(reading, after)) {
      yield item;
      left -= 1;
      if (left <= 0) return;
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

function allItems(given: Reading, after: Cursor | undefined): AsyncIterable<Item> {
  const { source } = given;
  const store =
    source.versionId === undefined ? given.store : inVersion(given.store, source, source.versionId);
  const reading = { ...given, store };
  const start = after ?? { index: 0, offset: 0 };
  if (source.resource === "listObjectsV2") {
    return source.transformation === "LOAD_AND_FLATTEN"
      ? manyObjects(reading, start, listedKeys(store, source), dataType(source))
      : listing(reading, start);
  }
  const key = source.key;
  if (key === undefined) throw new ItemReaderError("The ItemReader needs the Key of an object.");
  if (source.manifestType === "S3_INVENTORY") return inventory(reading, start, key);
  if (source.inputType === "MANIFEST") return inventory(reading, start, key);
  const type = dataType(source);
  if (source.manifestType === "ATHENA_DATA") {
    return manyObjects(reading, start, athenaKeys(reading, source.bucket, key), type);
  }
  return objectItems(reading, source.bucket, key, type, start, undefined);
}

function dataType({ inputType }: ItemSource): DataType {
  if (inputType === undefined || inputType === "MANIFEST") {
    throw new ItemReaderError("The ItemReader needs the InputType of its data: JSON, JSONL, CSV or PARQUET.");
  }
  return inputType;
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

async function* listing({ store, source }: Reading, start: Cursor): AsyncIterable<Item> {
  let index = start.index;
  for await (const object of store.list(source.bucket, listOptions(source, start.key))) {
    index += 1;
    const text = JSON.stringify({
      Etag: object.etag,
      Key: object.key,
      LastModified: Math.floor(object.lastModifiedMs / 1000),
      Size: object.size,
      StorageClass: object.storageClass,
    });
    yield { text, bytes: Buffer.byteLength(text), cursor: { index, offset: 0, key: object.key } };
  }
}

interface Place {
  readonly bucket: string;
  readonly key: string;
}

async function* listedKeys(store: ObjectStore, source: ItemSource): AsyncIterable<Place> {
  // An object that a console made to show a folder has nothing in it.
  for await (const { key, size } of store.list(source.bucket, listOptions(source)))
    if (size > 0 || !key.endsWith("/")) yield { bucket: source.bucket, key };
}

/** One `s3://bucket/key` a line. */
async function* athenaKeys(reading: Reading, bucket: string, key: string): AsyncIterable<Place> {
  const lines = new Lines(reading.limits.itemBytes, 0);
  const place = (line: Buffer, end: number): Place | undefined => {
    const text = textOf(line, end - line.length).trim();
    if (text === "") return undefined;
    const found = /^s3:\/\/([^/]+)\/(.+)$/u.exec(text);
    if (found === null) throw new ItemReaderError(`The manifest ${key} has a line that is not an S3 URI.`);
    return { bucket: found[1] as string, key: found[2] as string };
  };
  for await (const chunk of decompressed(reading.store.read(bucket, key), reading.limits)) {
    for (const { line, end } of lines.push(chunk)) {
      const found = place(line, end);
      if (found !== undefined) yield found;
    }
  }
  const rest = lines.rest();
  const last = rest === undefined ? undefined : place(rest.line, rest.end);
  if (last !== undefined) yield last;
}

/** The items of each object in turn. The cursor's key says which one it is in. */
async function* manyObjects(
  reading: Reading,
  start: Cursor,
  places: AsyncIterable<Place>,
  type: DataType,
  headers?: readonly string[],
): AsyncIterable<Item> {
  let index = start.index;
  let isReached = start.key === undefined;
  for await (const { bucket, key } of places) {
    const isStart = !isReached && key === start.key;
    if (!isReached && !isStart) continue;
    isReached = true;
    const from: Cursor = isStart ? { ...start } : { index, offset: 0 };
    for await (const item of objectItems(reading, bucket, key, type, from, headers)) {
      index = item.cursor.index;
      yield { ...item, cursor: { ...item.cursor, key } };
    }
  }
  if (!isReached) throw new ItemReaderError(`The object ${start.key ?? ""} that was being read is gone.`);
}

async function* inventory(reading: Reading, start: Cursor, key: string): AsyncIterable<Item> {
  const { bucket } = reading.source;
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of reading.store.read(bucket, key)) {
    bytes += chunk.length;
    if (bytes > reading.limits.itemBytes)
      throw new ItemReaderError(`The manifest ${key} is longer than ${reading.limits.itemBytes} bytes.`);
    kept.push(Buffer.from(chunk));
  }
  const manifest = parseJson(textOf(Buffer.concat(kept), 0));
  const { files, format, columns, from } = manifestOf(manifest.ok ? manifest.value : null, key);
  async function* places(): AsyncIterable<Place> {
    for (const file of files) yield { bucket: from ?? bucket, key: file };
  }
  yield* manyObjects(reading, start, places(), format, columns);
}

function manifestOf(
  manifest: Json,
  key: string,
): { files: string[]; format: "CSV" | "PARQUET"; columns: string[]; from: string | undefined } {
  const wrong = new ItemReaderError(
    `${key} is not the manifest.json of an S3 inventory in CSV or Parquet format.`,
  );
  if (!isObject(manifest)) throw wrong;
  const { fileFormat, fileSchema, files, destinationBucket } = manifest as {
    [name: string]: Json | undefined;
  };
  const format = fileFormat === "CSV" ? "CSV" : fileFormat === "Parquet" ? "PARQUET" : undefined;
  if (format === undefined || !isArray(files) || typeof fileSchema !== "string") throw wrong;
  const keys = files.map((file) => {
    const found = isObject(file) ? file["key"] : undefined;
    if (typeof found !== "string") throw wrong;
    return found;
  });
  const from = typeof destinationBucket === "string" ? destinationBucket.split(":").at(-1) : undefined;
  return { files: keys, format, columns: fileSchema.split(",").map((column) => column.trim()), from };
}

/** @param headers Columns of CSV that the source does not say; undefined: as the source says. */
async function* objectItems(
  reading: Reading,
  bucket: string,
  key: string,
  type: DataType,
  start: Cursor,
  headers: readonly string[] | undefined,
): AsyncIterable<Item> {
  const { store, limits, source } = reading;
  const head = await store.head(bucket, key);
  if (start.etag !== undefined && start.etag !== head.etag) {
    throw new ItemReaderError(`The object ${key} has changed since reading began.`);
  }
  if (head.size > limits.fileBytes) {
    throw new ItemReaderError(`The object ${key} is larger than ${limits.fileBytes} bytes.`);
  }
  const { etag } = head;
  let index = start.index;
  if (type === "PARQUET") {
    for await (const piece of parquetRows(store, { bucket, key, ...head }, start.offset, limits)) {
      index += 1;
      yield { text: piece.text, bytes: piece.bytes, cursor: { index, offset: piece.end, etag } };
    }
    return;
  }
  const isPacked = await isCompressed(store, bucket, key, etag);
  let splitter: Splitter;
  if (type === "CSV") {
    const delimiter = DELIMITERS[source.csvDelimiter ?? "COMMA"];
    let given = headers ?? (source.csvHeaderLocation === "GIVEN" ? (source.csvHeaders ?? []) : undefined);
    if (given === undefined && start.offset > 0) {
      given = await firstRow(decompressed(store.read(bucket, key, { etag }), limits), delimiter, limits);
    }
    splitter = new CsvRows({ delimiter, headers: given }, limits, start.offset);
  } else if (type === "JSONL") splitter = new JsonLines(limits, start.offset);
  else splitter = new JsonItems(source.itemsPointer, limits, start.offset, start.isObject === true);

  // A compressed stream has no places to start from: what was read already is unpacked again and dropped.
  const bytes = isPacked
    ? skipping(decompressed(store.read(bucket, key, { etag }), limits), start.offset)
    : buffers(store.read(bucket, key, { etag, start: start.offset }));
  const entries = (): { isObject?: true } =>
    splitter instanceof JsonItems && splitter.isObject ? { isObject: true } : {};
  for await (const chunk of bytes) {
    for (const piece of splitter.push(chunk)) {
      index += 1;
      yield {
        text: piece.text,
        bytes: piece.bytes,
        cursor: { index, offset: piece.end, etag, ...entries() },
      };
    }
    if (splitter.done) return;
  }
  for (const piece of splitter.end()) {
    index += 1;
    yield { text: piece.text, bytes: piece.bytes, cursor: { index, offset: piece.end, etag } };
  }
}

async function firstRow(
  bytes: AsyncIterable<Buffer>,
  delimiter: string,
  limits: Limits,
): Promise<readonly string[]> {
  const rows = new CsvRows({ delimiter, headers: undefined }, limits, 0);
  for await (const chunk of bytes) {
    rows.push(chunk);
    if (rows.headers !== undefined) return rows.headers;
  }
  rows.end();
  return rows.headers ?? [];
}

async function* skipping(bytes: AsyncIterable<Buffer>, count: number): AsyncIterable<Buffer> {
  let left = count;
  for await (const chunk of bytes) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

async function isCompressed(store: ObjectStore, bucket: string, key: string, etag: string): Promise<boolean> {
  const first = Buffer.concat(await Array.fromAsync(store.read(bucket, key, { etag, end: 4 })));
  return packing(first) !== undefined;
}

function packing(first: Buffer): (() => Duplex) | undefined {
  if (GZIP.equals(first.subarray(0, 2))) return createGunzip;
  return ZSTD.equals(first.subarray(0, 4)) ? createZstdDecompress : undefined;
}

/** Unpacked if its first bytes say that it is packed: names of objects and their metadata are often wrong. */
async function* decompressed(bytes: AsyncIterable<Uint8Array>, { fileBytes }: Limits): AsyncIterable<Buffer> {
  const iterator = buffers(bytes)[Symbol.asyncIterator]();
  // A connection gives as many bytes at a time as it likes.
  let first: Buffer = Buffer.alloc(0);
  while (first.length < 4) {
    // oxlint-disable-next-line no-await-in-loop -- until there are enough
    const next = await iterator.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  async function* all(): AsyncIterable<Buffer> {
    try {
      yield first;
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- a stream
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  const unpack = packing(first);
  if (unpack === undefined) {
    yield* all();
    return;
  }
  let unpackedBytes = 0;
  try {
    // Either end closes the other: a reader that stops early leaves no file open. Failures arrive in the loop.
    const unpacked = pipeline(Readable.from(all()), unpack(), () => {});
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      unpackedBytes += chunk.length;
      if (unpackedBytes > fileBytes) {
        throw new ItemReaderError(
          `The compressed data is larger than ${fileBytes} bytes when it is unpacked.`,
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ObjectError || error instanceof ItemReaderError) throw error;
    throw new ItemReaderError(`The compressed data cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

async function* buffers(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  for await (const chunk of bytes) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
