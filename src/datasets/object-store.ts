// Objects in buckets, as a Map state with an ItemReader or a ResultWriter needs them.
//
// Knows:          names, sizes, versions (ETags) and bytes of objects; failures in S3's codes.
// Does not know:  what the bytes mean, where they lie (folder-store.ts).
//
// Invariants
//   O1. An object is seen whole or not at all: what a writer has not committed, nobody reads.
//   O2. `list` goes by the UTF-8 bytes of the keys, as S3 does, whatever order the store keeps.

export interface ObjectHead {
  /** Bytes. */
  readonly size: number;
  /** With its quotes, as S3 sends it. Another content has another ETag. */
  readonly etag: string;
  /** Epoch milliseconds. */
  readonly lastModifiedMs: number;
}

export interface ObjectSummary extends ObjectHead {
  readonly key: string;
  readonly storageClass: string;
}

export interface ReadRange {
  /** First byte that is read; 0 unless told. */
  readonly start?: number;
  /** The byte after the last one; the object's end unless told. */
  readonly end?: number;
  /** Read this content or fail with PreconditionFailed. */
  readonly etag?: string;
  /** In a bucket that keeps versions; the latest unless told. */
  readonly versionId?: string;
}

export interface ObjectWriter {
  /** Resolves when more may be written without piling up. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes everything written the object, durably and at once (O1). */
  commit(): Promise<void>;
  /** Forgets everything written. */
  abort(): Promise<void>;
}

/** All of them throw an ObjectError. */
export interface ObjectStore {
  /** @param versionId As in ReadRange. */
  head(bucket: string, key: string, versionId?: string): Promise<ObjectHead>;
  read(bucket: string, key: string, range?: ReadRange): AsyncIterable<Uint8Array>;
  /** Pages are the store's own business; objects that vanish while it runs are left out. */
  list(bucket: string, options: { prefix?: string; startAfter?: string }): AsyncIterable<ObjectSummary>;
  /** Replaces an object of that name when it is committed. */
  writer(bucket: string, key: string): Promise<ObjectWriter>;
}

/** A store that said no. */
export class ObjectError extends Error {
  override readonly name = "ObjectError";
  readonly bucket: string;
  readonly key: string | undefined;
  /** As HTTP has it. */
  readonly status: number;
  /** S3's: `NoSuchKey`, `NoSuchBucket`, `PreconditionFailed`, … */
  readonly code: string;

  constructor(
    at: { bucket: string; key?: string | undefined; status: number; code: string },
    message: string,
  ) {
    super(message);
    this.bucket = at.bucket;
    this.key = at.key;
    this.status = at.status;
    this.code = at.code;
  }
}
