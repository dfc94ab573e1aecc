// What readers of every format have in common: items, cursors, limits, and how reading fails.
//
// Knows:          shapes. Does not know:  formats, stores.

/**
 * Where reading goes on after an item. A caller stores it as it is and gives it back; it never looks inside.
 * All of it is JSON.
 */
export interface Cursor {
  /** Items before this position, in the whole data set. */
  readonly index: number;
  /** Of the next byte in the (decompressed) object; of the next row in Parquet; 0 in a listing. */
  readonly offset: number;
  /** Of several objects, or of a listing: the key that `offset` is in, or the last one listed. */
  readonly key?: string;
  /** Version of the object: reading another one with this cursor fails. */
  readonly etag?: string;
  /** The items are the members of a JSON object. */
  readonly isObject?: boolean;
}

export interface Item {
  /** A JSON text, ready to be the input of a child execution. */
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
  readonly cursor: Cursor;
}

/** An item inside one object. */
export interface Piece {
  readonly text: string;
  readonly bytes: number;
  /** Byte after it (row after it in Parquet). */
  readonly end: number;
}

/** Takes the bytes of one object, from some offset on, and gives what they hold. */
export interface Splitter {
  push(chunk: Buffer): Piece[];
  /** After the last chunk. */
  end(): Piece[];
  /** Whether the rest of the object does not matter. */
  readonly done: boolean;
}

export interface Limits {
  /** Longest item as it lies in the file, 8 MiB. Nothing buffers more than this and one chunk. */
  readonly itemBytes: number;
  /** 10 KiB. */
  readonly csvHeaderBytes: number;
  /** 10 GiB, compressed or not. */
  readonly fileBytes: number;
  /** Nesting of one item, 1,000. */
  readonly depth: number;
  /** Uncompressed, 256 MiB. */
  readonly parquetRowGroupBytes: number;
  /** 5 MiB. */
  readonly parquetFooterBytes: number;
}

/** The service's (developer guide, "ItemReader (Map)"). */
export const SERVICE_LIMITS: Limits = {
  itemBytes: 8 * 1024 * 1024,
  csvHeaderBytes: 10 * 1024,
  fileBytes: 10 * 1024 ** 3,
  depth: 1000,
  parquetRowGroupBytes: 256 * 1024 * 1024,
  parquetFooterBytes: 5 * 1024 * 1024,
};

/** Becomes the failure States.ItemReaderFailed, with the message as its cause. */
export class ItemReaderError extends Error {
  override readonly name = "ItemReaderError";
}
