// Rows of a Parquet object, one row group at a time.
//
// Knows:          hyparquet, and how its values become JSON. Does not know:  what rows are for.
//
// Invariant PQ1: a footer or row group larger than the limit is refused before it is read.

import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

import type { Limits, Piece } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import type { ObjectHead, ObjectStore } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";

/** From the row `start` on; `end` of a piece counts rows. */
export async function* parquetRows(
  store: ObjectStore,
  { bucket, key, size, etag }: ObjectHead & { readonly bucket: string; readonly key: string },
  start: number,
  limits: Limits,
): AsyncIterable<Piece> {
  const file = {
    byteLength: size,
    async slice(from: number, to: number = size): Promise<ArrayBuffer> {
      const bytes = new Uint8Array(to - from);
      let at = 0;
      for await (const chunk of store.read(bucket, key, { start: from, end: to, etag })) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      return bytes.buffer;
    },
  };
  const failed = (error: unknown): Error =>
    error instanceof ObjectError || error instanceof ItemReaderError
      ? error
      : new ItemReaderError(
          `The Parquet file ${key} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
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
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
    throw failed(error);
  });
  let first = 0;
  for (const group of metadata.row_groups) {
    const rowStart = Math.max(first, start);
    const rowEnd = first + Number(group.num_rows);
    first = rowEnd;
    if (rowStart >= rowEnd) continue;
    if (Number(group.total_byte_size) > limits.parquetRowGroupBytes) {
      throw new ItemReaderError(
        `A row group of the Parquet file ${key} is larger than ${limits.parquetRowGroupBytes} bytes.`,
      );
    }
    const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors }).catch(
      (error: unknown) => {
        throw failed(error);
      },
    );
    for (const [index, row] of rows.entries()) {
      const text = textOfValue(row);
      const bytes = Buffer.byteLength(text);
      if (bytes > limits.itemBytes) {
        throw new ItemReaderError(
          `A row of the Parquet file ${key} is longer than ${limits.itemBytes} bytes.`,
        );
      }
      yield { text, bytes, end: rowStart + index + 1 };
    }
  }
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
