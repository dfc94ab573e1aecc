// Rows of a Parquet object, some rows of one row group at a time.
//
// Knows:          hyparquet, and how its values become JSON. Does not know:  what rows are for.
//
// Invariants
//   PQ1. A footer or row group larger than the limit is refused before it is read, and so is whatever the footer says
//        about places outside of the file.
//   PQ2. Of a row group at most `WINDOW_VALUES` values are decoded at a time, since small integers take many times the
//        memory that they have in the file. Its bytes are read again for the next window, by pages where the file has an
//        index of them.
//   PQ3. A column that has fewer values than the group has rows fails; no value becomes null because it is missing.

import { parquetMetadataAsync, parquetScan, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";

import type { Limits, Piece } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import type { ObjectHead, ObjectStore } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";

const WINDOW_VALUES = 2_000_000;
const PIECES_AT_ONCE = 1000;

/** From the row `start` on; `end` of a piece counts rows. */
export async function* parquetRows(
  store: ObjectStore,
  { bucket, key, size, etag }: ObjectHead & { readonly bucket: string; readonly key: string },
  start: number,
  limits: Limits,
  windowValues: number = WINDOW_VALUES,
): AsyncIterable<readonly Piece[]> {
  const longest = Math.max(limits.parquetRowGroupBytes, limits.parquetFooterBytes);
  const read = async (from: number, to: number): Promise<ArrayBuffer> => {
    if (!(from >= 0 && from <= to && to <= size && to - from <= longest)) {
      throw new ItemReaderError(`The Parquet file ${key} names bytes that it cannot have.`);
    }
    const bytes = new Uint8Array(to - from);
    let at = 0;
    for await (const chunk of store.read(bucket, key, { start: from, end: to, etag })) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    if (at !== bytes.length) throw new ItemReaderError(`The Parquet file ${key} ends too early.`);
    return bytes.buffer;
  };
  const file = {
    byteLength: size,
    slice(from: number, to: number = size): Promise<ArrayBuffer> {
      const bytes = read(from, to);
      // hyparquet may fail elsewhere and never look at this one again: unheard, its failure would end the process.
      bytes.catch(() => {});
      return bytes;
    },
  };
  const failed = (error: unknown): never => {
    if (error instanceof ObjectError || error instanceof ItemReaderError) throw error;
    throw new ItemReaderError(
      `The Parquet file ${key} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  };
  const tail = size < 12 ? Buffer.alloc(8) : Buffer.from(await file.slice(size - 8, size));
  const footerBytes = tail.readUInt32LE(0);
  if (tail.toString("latin1", 4) !== "PAR1" || footerBytes + 12 > size) {
    throw new ItemReaderError(`The object ${key} is not a whole Parquet file.`);
  }
  if (footerBytes > limits.parquetFooterBytes) {
    throw new ItemReaderError(
      `The Parquet footer of ${key} is longer than ${limits.parquetFooterBytes} bytes.`,
    );
  }
  const metadata = await parquetMetadataAsync(file, { initialFetchSize: footerBytes + 8 }).catch(failed);
  const columns = await columnsOf(metadata).catch(failed);
  // Only what is marked as text is text: other bytes would lose what is not UTF-8.
  const scan = await parquetScan({ file, metadata, compressors: bounded(limits), utf8: false }).catch(failed);
  const windowRows = Math.max(1, Math.floor(windowValues / Math.max(1, columns.length)));
  let first = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = first + Number(group.num_rows);
    if (groupEnd > start && Number(group.total_byte_size) > limits.parquetRowGroupBytes) {
      throw new ItemReaderError(
        `A row group of the Parquet file ${key} is larger than ${limits.parquetRowGroupBytes} bytes.`,
      );
    }
    for (let rowStart = Math.max(first, start); rowStart < groupEnd; rowStart += windowRows) {
      const rowEnd = Math.min(groupEnd, rowStart + windowRows);
      const valuesOf = async (column: string): Promise<ArrayLike<unknown>> => {
        const values = await scan.readColumn({ column, rowStart, rowEnd });
        if (values.length === rowEnd - rowStart) return values;
        throw new ItemReaderError(
          `A column of the Parquet file ${key} has fewer values than there are rows.`,
        );
      };
      // All settle before the first failure is told: what goes on in the background could fail unheard.
      const settled = await Promise.allSettled(columns.map(({ name }) => valuesOf(name)));
      const values = settled.map((column) =>
        column.status === "fulfilled" ? column.value : failed(column.reason),
      );
      let pieces: Piece[] = [];
      for (let row = rowStart; row < rowEnd; row++) {
        const members = columns.map(
          ({ member }, index) => member + textOfValue(values[index]?.[row - rowStart]),
        );
        const text = `{${members.join(",")}}`;
        const bytes = Buffer.byteLength(text);
        if (bytes > limits.itemBytes) {
          throw new ItemReaderError(
            `A row of the Parquet file ${key} is longer than ${limits.itemBytes} bytes.`,
          );
        }
        pieces.push({ text, bytes, end: row + 1 });
        if (pieces.length === PIECES_AT_ONCE) {
          yield pieces;
          pieces = [];
        }
      }
      yield pieces;
    }
    first = groupEnd;
  }
}

interface Column {
  readonly name: string;
  /** `"name":` */
  readonly member: string;
}

async function columnsOf(metadata: Parameters<typeof parquetSchema>[0]): Promise<readonly Column[]> {
  return parquetSchema(metadata).children.map(({ element: { name } }) => ({
    name,
    member: `${JSON.stringify(name)}:`,
  }));
}

/** A page says how long it is unpacked, and that much is allocated. */
function bounded(limits: Limits): typeof compressors {
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (bytes: Uint8Array, length: number): Uint8Array => {
        if (length > limits.parquetRowGroupBytes) {
          throw new ItemReaderError(
            `A page of the Parquet file is larger than ${limits.parquetRowGroupBytes} bytes.`,
          );
        }
        return unpack(bytes, length);
      },
    ]),
  );
}

/** 64-bit integers stay whole, binary values are base64, dates are ISO 8601. */
function textOfValue(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) {
    return JSON.stringify(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"));
  }
  if (Array.isArray(value)) return `[${value.map(textOfValue).join(",")}]`;
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    const members = Object.entries(value).map(
      ([name, member]) => `${JSON.stringify(name)}:${textOfValue(member)}`,
    );
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}
