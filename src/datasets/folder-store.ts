// An ObjectStore in a folder: buckets are its folders, keys are paths in them.
//
// Knows:          files. Does not know:  what is in them.
//
// Invariants
//   F1. No name leads out of the folder: buckets have the characters of S3, segments of keys are encoded, and no
//       component that is a symbolic link is followed.
//   F2. Encoding is reversible. What a file system cannot hold is `%XX`; an empty segment is `%` alone. Both `.`
//       and `..` are encoded. Temporary files begin with `%~`, which no key becomes.
//   F3. A put is a temporary file, fsync, rename, fsync of the folder.
//
// A file that somebody drops into the folder by hand is an object too, if its name is in encoded form.

import { randomUUID } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import type { ObjectHead, ObjectStore, ObjectSummary, ObjectWriter, ReadRange } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";

/** With 256 KiB the rows of a chunk outlive young collections: reading CSV then took 270 MB instead of 165. */
const CHUNK_BYTES = 128 * 1024;
/** Files of a listing that are looked at side by side. */
const STATS_AT_ONCE = 64;
/** Longest encoded segment; file systems end at 255, and a temporary name must fit too. */
const SEGMENT_BYTES = 240;
const BUCKET = /^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/u;

/** @throws {Error} unless there is such a folder */
export async function folderStore(folder: string): Promise<ObjectStore> {
  const root = await realpath(folder);
  if (!(await lstat(root)).isDirectory()) throw new Error("it is no folder");
  return new FolderStore(root);
}

class FolderStore implements ObjectStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async head(bucket: string, key: string, versionId?: string): Promise<ObjectHead> {
    noVersions(bucket, key, versionId);
    const stats = await this.#walk(bucket, key, segmentsOf(bucket, key));
    return headOf(stats);
  }

  async *read(bucket: string, key: string, range: ReadRange = {}): AsyncIterable<Uint8Array> {
    const segments = segmentsOf(bucket, key);
    noVersions(bucket, key, range.versionId);
    await this.#walk(bucket, key, segments);
    const file = await open(
      join(this.#root, bucket, ...segments),
      constants.O_RDONLY | constants.O_NOFOLLOW,
    ).catch((error: unknown) => {
      throw translated(error, bucket, key);
    });
    try {
      const head = headOf(await file.stat({ bigint: true }));
      if (range.etag !== undefined && range.etag !== head.etag) throw changed(bucket, key);
      const end = Math.min(range.end ?? head.size, head.size);
      let at = range.start ?? 0;
      while (at < end) {
        // A fresh buffer every time: readers keep slices of it.
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
        // oxlint-disable-next-line no-await-in-loop -- one piece after the other
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        // Somebody may write into the file, though a put never does.
        // oxlint-disable-next-line no-await-in-loop -- after the read that it is about
        const now = headOf(await file.stat({ bigint: true }));
        if (bytesRead === 0 || now.etag !== head.etag) throw changed(bucket, key);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw error instanceof ObjectError ? error : translated(error, bucket, key);
    } finally {
      await file.close();
    }
  }

  async *list(
    bucket: string,
    { prefix = "", startAfter }: { prefix?: string; startAfter?: string },
  ): AsyncIterable<ObjectSummary> {
    await this.#bucket(bucket);
    yield* this.#listFolder(
      join(this.#root, bucket),
      "",
      prefix,
      startAfter === undefined ? undefined : Buffer.from(startAfter),
    );
  }

  /** @param base The part of the key that the folder stands for: empty or ending in a slash. */
  async *#listFolder(
    folder: string,
    base: string,
    prefix: string,
    after: Buffer | undefined,
  ): AsyncIterable<ObjectSummary> {
    const found: Entry[] = [];
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(goneIsEmpty)) {
      const isFolder = entry.isDirectory();
      if (!isFolder && !entry.isFile()) continue;
      const segment = decodeSegment(entry.name);
      if (segment === undefined) continue;
      // With its slash a folder sorts where its keys do: `a.txt` is before `a/b`.
      const key = `${base}${segment}${isFolder ? "/" : ""}`;
      if (isFolder ? !(key.startsWith(prefix) || prefix.startsWith(key)) : !key.startsWith(prefix)) continue;
      found.push({ name: entry.name, key, order: Buffer.from(key), isFolder });
    }
    found.sort((a, b) => Buffer.compare(a.order, b.order));
    for (let from = 0; from < found.length; from += STATS_AT_ONCE) {
      const page = found.slice(from, from + STATS_AT_ONCE).filter((entry) => isAfter(entry, after));
      // oxlint-disable-next-line no-await-in-loop -- a page at a time
      const stats = await Promise.all(
        page.map(async ({ name, isFolder }) =>
          isFolder ? undefined : lstat(join(folder, name), { bigint: true }).catch(goneIsUndefined),
        ),
      );
      for (const [index, { name, key, isFolder }] of page.entries()) {
        const file = stats[index];
        if (isFolder) yield* this.#listFolder(join(folder, name), key, prefix, after);
        else if (file?.isFile() === true) yield { key, ...headOf(file), storageClass: "STANDARD" };
      }
    }
  }

  async writer(bucket: string, key: string): Promise<ObjectWriter> {
    const segments = segmentsOf(bucket, key);
    await this.#bucket(bucket);
    let folder = join(this.#root, bucket);
    for (const segment of segments.slice(0, -1)) {
      folder = join(folder, segment);
      await mkdir(folder).catch((error: unknown) => {
        if (codeOf(error) !== "EEXIST") throw translated(error, bucket, key);
      });
      if (!(await lstat(folder)).isDirectory()) throw clash(bucket, key);
    }
    const target = join(folder, segments.at(-1) as string);
    if ((await lstat(target).catch(goneIsUndefined))?.isDirectory() === true) throw clash(bucket, key);
    const temporary = join(folder, `%~${randomUUID()}`);
    const failed = (error: unknown): never => {
      throw translated(error, bucket, key);
    };
    const file = await open(temporary, "wx").catch(failed);
    return {
      write: (bytes) => file.writeFile(bytes).catch(failed),
      commit: () => durable(file, temporary, target, folder).catch(failed),
      async abort() {
        await file.close();
        await rm(temporary, { force: true });
      },
    };
  }

  async #bucket(bucket: string): Promise<void> {
    const stats = BUCKET.test(bucket)
      ? await lstat(join(this.#root, bucket)).catch(goneIsUndefined)
      : undefined;
    if (stats?.isDirectory() !== true) {
      throw new ObjectError(
        { bucket, status: 404, code: "NoSuchBucket" },
        "The specified bucket does not exist",
      );
    }
  }

  /** The file's stats; every component above it is a real folder (F1). */
  async #walk(bucket: string, key: string, segments: readonly string[]): Promise<BigIntStats> {
    await this.#bucket(bucket);
    let path = join(this.#root, bucket);
    for (const [index, segment] of segments.entries()) {
      path = join(path, segment);
      const stats = await lstat(path, { bigint: true }).catch((error: unknown) => {
        throw translated(error, bucket, key);
      });
      const isLast = index === segments.length - 1;
      if (isLast && stats.isFile()) return stats;
      if (isLast || !stats.isDirectory()) throw noSuchKey(bucket, key);
    }
    throw noSuchKey(bucket, key);
  }
}

interface Entry {
  /** In the file system. */
  readonly name: string;
  /** Of a folder with its slash. */
  readonly key: string;
  readonly order: Buffer;
  readonly isFolder: boolean;
}

/** Whether it is, or may hold, what comes after. */
function isAfter({ order, isFolder }: Entry, after: Buffer | undefined): boolean {
  if (after === undefined || Buffer.compare(order, after) > 0) return true;
  return isFolder && after.subarray(0, order.length).equals(order);
}

/** F3. */
async function durable(file: FileHandle, temporary: string, target: string, folder: string): Promise<void> {
  await file.sync();
  await file.close();
  await rename(temporary, target);
  const parent = await open(folder, "r");
  await parent.sync();
  await parent.close();
}

function headOf(stats: BigIntStats): ObjectHead {
  // Hashing the content would cost a read of it; a put makes a new file, so these three tell contents apart.
  const etag = `"${[stats.size, stats.mtimeNs, stats.ino].map((part) => part.toString(16)).join("-")}"`;
  return { size: Number(stats.size), etag, lastModifiedMs: Number(stats.mtimeMs) };
}

/** At least one; throws for what no key may be. */
function segmentsOf(bucket: string, key: string): string[] {
  if (key === "" || Buffer.byteLength(key) > 1024) {
    throw new ObjectError(
      { bucket, key, status: 400, code: "KeyTooLongError" },
      "A key has 1 to 1024 bytes.",
    );
  }
  return key.split("/").map((segment) => {
    const encoded = encodeSegment(segment);
    if (Buffer.byteLength(encoded) > SEGMENT_BYTES) {
      throw new ObjectError(
        { bucket, key, status: 400, code: "KeyTooLongError" },
        `A part of a key between slashes has at most ${SEGMENT_BYTES} bytes in a local bucket.`,
      );
    }
    return encoded;
  });
}

/** F2. */
function encodeSegment(segment: string): string {
  if (segment === "") return "%";
  if (segment === "." || segment === "..") return segment.replaceAll(".", "%2E");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is encoded.
  // oxlint-disable-next-line no-control-regex -- they are what is encoded
  return segment.replace(/[\u0000-\u001f\u007f%\\:*?"<>|]/gu, percent);
}

/** The segment that `name` encodes; undefined when it encodes none. */
function decodeSegment(name: string): string | undefined {
  if (name === "%") return "";
  const segment = name.replace(/%([0-9A-F]{2})/gu, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return encodeSegment(segment) === name ? segment : undefined;
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function noVersions(bucket: string, key: string, versionId: string | undefined): void {
  if (versionId === undefined) return;
  throw new ObjectError(
    { bucket, key, status: 404, code: "NoSuchVersion" },
    "A local bucket keeps no versions; leave out VersionId.",
  );
}

function changed(bucket: string, key: string): ObjectError {
  return new ObjectError(
    { bucket, key, status: 412, code: "PreconditionFailed" },
    "The object has changed since it was first read.",
  );
}

function noSuchKey(bucket: string, key: string): ObjectError {
  return new ObjectError(
    { bucket, key, status: 404, code: "NoSuchKey" },
    "The specified key does not exist.",
  );
}

function clash(bucket: string, key: string): ObjectError {
  return new ObjectError(
    { bucket, key, status: 409, code: "OperationAborted" },
    "In a local bucket a key cannot be another key and a slash: one of them is a file, the other a folder.",
  );
}

function translated(error: unknown, bucket: string, key: string): ObjectError {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return noSuchKey(bucket, key);
  if (code === "EACCES" || code === "EPERM") {
    return new ObjectError({ bucket, key, status: 403, code: "AccessDenied" }, "Access Denied");
  }
  return new ObjectError(
    { bucket, key, status: 500, code: "InternalError" },
    error instanceof Error ? error.message : String(error),
  );
}

function goneIsUndefined(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
}

function goneIsEmpty(error: unknown): never[] {
  if (codeOf(error) !== "ENOENT") throw error;
  return [];
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
