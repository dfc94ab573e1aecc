// The items of one object, in pieces that were read together.
//
// Knows:          which splitter reads which format, where in the object reading goes on.
// Does not know:  which objects there are, cursors of a whole data set (read-items.ts).

import { CsvRows, type DELIMITERS, delimiterOf } from "./csv.ts";
import type { Limits, Piece, Splitter } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import { JsonItems } from "./json-items.ts";
import { JsonLines } from "./lines.ts";
import type { ObjectStore } from "./object-store.ts";
import { parquetRows } from "./parquet.ts";
import { buffers, decompressed, MAGIC_BYTES, packing, skipping } from "./unpack.ts";

export type DataType = "JSON" | "JSONL" | "CSV" | "PARQUET";

export interface Place {
  readonly bucket: string;
  readonly key: string;
}

export interface ObjectFormat {
  readonly type: DataType;
  readonly csvDelimiter?: keyof typeof DELIMITERS | undefined;
  /** Of CSV; undefined: the first row has them. */
  readonly headers?: readonly string[] | undefined;
  /** Of JSON. */
  readonly itemsPointer?: string | undefined;
}

/** Where reading begins: what a cursor says about one object. */
export interface ObjectPosition {
  readonly offset: number;
  readonly etag?: string;
  readonly isObject?: boolean;
}

/** What follows a position; `at` is true of the position after each piece, beside its end. */
export interface Batch {
  readonly pieces: readonly Piece[];
  readonly at: { readonly etag: string; readonly isObject?: boolean };
}

export async function* objectItems(
  store: ObjectStore,
  limits: Limits,
  { bucket, key }: Place,
  format: ObjectFormat,
  start: ObjectPosition,
): AsyncIterable<Batch> {
  const head = await store.head(bucket, key);
  if (start.etag !== undefined && start.etag !== head.etag) {
    throw new ItemReaderError(`The object ${key} has changed since reading began.`);
  }
  if (head.size > limits.fileBytes) {
    throw new ItemReaderError(`The object ${key} is larger than ${limits.fileBytes} bytes.`);
  }
  const { etag } = head;
  if (format.type === "PARQUET") {
    for await (const pieces of parquetRows(store, { bucket, key, ...head }, start.offset, limits)) {
      yield { pieces, at: { etag } };
    }
    return;
  }
  const whole = (): AsyncIterable<Buffer> => decompressed(store.read(bucket, key, { etag }), limits);
  const first = Buffer.concat(await Array.fromAsync(store.read(bucket, key, { etag, end: MAGIC_BYTES })));
  const splitter = await splitterOf(format, limits, start, whole);
  // A packed stream has no places to start from: what was read already is unpacked again and dropped.
  const bytes =
    packing(first) === undefined
      ? buffers(store.read(bucket, key, { etag, start: start.offset }))
      : skipping(whole(), start.offset);
  const at = (): Batch["at"] =>
    splitter instanceof JsonItems && splitter.isObject ? { etag, isObject: true } : { etag };
  for await (const chunk of bytes) {
    const pieces = splitter.push(chunk);
    if (pieces.length > 0) yield { pieces, at: at() };
    if (splitter.done) return;
  }
  yield { pieces: splitter.end(), at: at() };
}

/** @param whole The object from its beginning, for the header that is there. */
async function splitterOf(
  { type, csvDelimiter, headers, itemsPointer }: ObjectFormat,
  limits: Limits,
  start: ObjectPosition,
  whole: () => AsyncIterable<Buffer>,
): Promise<Splitter> {
  if (type === "JSONL") return new JsonLines(limits, start.offset);
  if (type !== "CSV") return new JsonItems(itemsPointer, limits, start.offset, start.isObject === true);
  const delimiter = delimiterOf(csvDelimiter);
  const known = headers ?? (start.offset > 0 ? await firstRow(whole(), delimiter, limits) : undefined);
  return new CsvRows({ delimiter, headers: known }, limits, start.offset);
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
