// Bytes of an object, unpacked if they are packed with gzip or Zstandard.
//
// Knows:          what packed data begins with. Does not know:  what is in it.
//
// Invariants
//   U1. Names of objects and their metadata are often wrong; the first bytes decide.
//   U2. What unpacks to more than `fileBytes` fails there. Nothing is held but what streams hold.

import { type Duplex, pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

import type { Limits } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import { ObjectError } from "./object-store.ts";

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** Enough to tell. */
export const MAGIC_BYTES = 4;

/** How to unpack what begins so; undefined: it is not packed. */
export function packing(first: Buffer): (() => Duplex) | undefined {
  if (GZIP.equals(first.subarray(0, 2))) return createGunzip;
  return ZSTD.equals(first.subarray(0, 4)) ? createZstdDecompress : undefined;
}

/** @throws {ItemReaderError} while iterating */
export async function* decompressed(
  bytes: AsyncIterable<Uint8Array>,
  { fileBytes }: Limits,
): AsyncIterable<Buffer> {
  const iterator = buffers(bytes)[Symbol.asyncIterator]();
  // A connection gives as many bytes at a time as it likes.
  let first: Buffer = Buffer.alloc(0);
  while (first.length < MAGIC_BYTES) {
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

export async function* buffers(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  for await (const chunk of bytes) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** All but the first `count` bytes. */
export async function* skipping(bytes: AsyncIterable<Buffer>, count: number): AsyncIterable<Buffer> {
  let left = count;
  for await (const chunk of bytes) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}
