// An ObjectStore at an endpoint with S3's API.
//
// Knows:          HeadObject, GetObject, ListObjectsV2. Does not know:  how writing goes (s3-writer.ts), signatures.
//
// Invariants
//   S3A. A read that breaks off goes on where it was, in the same version of the object or not at all.
//   S3B. A listing that is not in the order of O2 fails: a cursor in it would leave out keys.
//
// Spec: Amazon S3 API reference. Only what every implementation of it has is used.

import type { ObjectHead, ObjectStore, ObjectSummary, ObjectWriter, ReadRange } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";
import { broken, type S3Options, type S3Request, S3Requests } from "./s3-request.ts";
import { S3Writer } from "./s3-writer.ts";
import { elements, textOfElement } from "./s3-xml.ts";

export class S3Store implements ObjectStore {
  readonly #requests: S3Requests;

  constructor(options: S3Options) {
    this.#requests = new S3Requests(options);
  }

  async head(bucket: string, key: string, versionId?: string): Promise<ObjectHead> {
    const object = { bucket, key, ...versionQuery(versionId) };
    try {
      return await this.#head(object);
    } catch (error) {
      if (!(error instanceof ObjectError) || error.status < 400 || error.status >= 500) throw error;
      // HEAD has no body, so it does not say whether the key or the bucket is missing, or that it took too long. GET does.
      await this.#requests.call({ ...object, method: "GET", headers: { range: "bytes=0-0" } });
      return this.#head(object);
    }
  }

  async #head(object: Pick<S3Request, "bucket" | "key" | "query">): Promise<ObjectHead> {
    const { headers } = await this.#requests.call({ ...object, method: "HEAD" });
    const { etag } = headers;
    const size = Number(headers["content-length"]);
    const lastModifiedMs = Date.parse(headers["last-modified"] ?? "");
    if (etag === undefined || !Number.isSafeInteger(size) || Number.isNaN(lastModifiedMs)) {
      throw unexpected(object.bucket, "no size, ETag or time of an object", object.key);
    }
    return { size, etag, lastModifiedMs };
  }

  async *read(bucket: string, key: string, range: ReadRange = {}): AsyncIterable<Uint8Array> {
    let { start: at = 0, etag } = range;
    const { end = Number.POSITIVE_INFINITY } = range;
    for (let failures = 0; at < end; ) {
      const headers = {
        ...(at === 0 && end === Number.POSITIVE_INFINITY
          ? {}
          : { range: `bytes=${at}-${end === Number.POSITIVE_INFINITY ? "" : String(end - 1)}` }),
        ...(etag === undefined ? {} : { "if-match": etag }),
      };
      const request = { method: "GET", bucket, key, headers, ...versionQuery(range.versionId) } as const;
      try {
        const answer = await this.#requests.open(request);
        // An endpoint may know nothing of ranges and answer with the whole object (RFC 9110, 14.2).
        const isWhole = answer.statusCode !== 206;
        let before = isWhole ? at : 0;
        etag ??= answer.headers.etag;
        try {
          for await (const chunk of answer as AsyncIterable<Buffer>) {
            const from = Math.min(before, chunk.length);
            before -= from;
            const part = chunk.subarray(from, from + end - at);
            if (part.length === 0) continue;
            at += part.length;
            failures = 0;
            yield part;
            // A part ends by itself, and its connection can be used again.
            if (isWhole && at >= end) return;
          }
        } finally {
          answer.destroy();
        }
        return;
      } catch (caught) {
        const error = broken(caught, request);
        // Nothing is there; also of an empty object, which has no range at all.
        if (error.code === "InvalidRange") return;
        if (error.code === "PreconditionFailed") throw changed(bucket, key);
        failures += 1;
        await this.#requests.pause(error, failures);
      }
    }
  }

  async *list(
    bucket: string,
    { prefix = "", startAfter }: { prefix?: string; startAfter?: string },
  ): AsyncIterable<ObjectSummary> {
    let last = Buffer.from(startAfter ?? "");
    let token: string | undefined;
    do {
      const query = {
        "list-type": "2",
        // Keys have characters that XML has not.
        "encoding-type": "url",
        ...(prefix === "" ? {} : { prefix }),
        ...(startAfter === undefined || token !== undefined ? {} : { "start-after": startAfter }),
        ...(token === undefined ? {} : { "continuation-token": token }),
      };
      // oxlint-disable-next-line no-await-in-loop -- each page names the next
      const { text } = await this.#requests.call({ method: "GET", bucket, query });
      const isEncoded = textOfElement(text, "EncodingType") === "url";
      for (const contents of elements(text, "Contents")) {
        const object = summaryOf(contents, isEncoded);
        if (object === undefined) throw unexpected(bucket, "a listing without keys, sizes, ETags or times");
        const order = Buffer.from(object.key);
        if (Buffer.compare(last, order) >= 0)
          throw unexpected(bucket, "a listing that is not in the order of its keys");
        last = order;
        yield object;
      }
      token =
        textOfElement(text, "IsTruncated") === "true"
          ? textOfElement(text, "NextContinuationToken")
          : undefined;
    } while (token !== undefined);
  }

  async writer(bucket: string, key: string): Promise<ObjectWriter> {
    return new S3Writer(this.#requests, bucket, key, () => this.head(bucket, key));
  }
}

function summaryOf(contents: string, isEncoded: boolean): ObjectSummary | undefined {
  const key = textOfElement(contents, "Key");
  const etag = textOfElement(contents, "ETag");
  const size = Number(textOfElement(contents, "Size"));
  const lastModifiedMs = Date.parse(textOfElement(contents, "LastModified") ?? "");
  if (
    key === undefined ||
    etag === undefined ||
    !Number.isSafeInteger(size) ||
    Number.isNaN(lastModifiedMs)
  ) {
    return undefined;
  }
  return {
    // As in a form: a plus is a space.
    key: isEncoded ? decodeURIComponent(key.replaceAll("+", " ")) : key,
    size,
    etag,
    lastModifiedMs,
    storageClass: textOfElement(contents, "StorageClass") ?? "STANDARD",
  };
}

function versionQuery(versionId: string | undefined): Pick<S3Request, "query"> {
  return versionId === undefined ? {} : { query: { versionId } };
}

function changed(bucket: string, key: string): ObjectError {
  return new ObjectError(
    { bucket, key, status: 412, code: "PreconditionFailed" },
    "The object has changed since it was first read.",
  );
}

function unexpected(bucket: string, what: string, key?: string): ObjectError {
  return new ObjectError(
    { bucket, key, status: 501, code: "UnexpectedAnswer" },
    `The endpoint answers with ${what}.`,
  );
}
