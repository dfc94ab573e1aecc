// Writing one object at an endpoint with S3's API.
//
// Knows:          PutObject, and the multipart upload that a larger object needs.
//
// Invariants
//   SW1. At most one part (`PART_BYTES`) is held, and all parts but the last have that size: some endpoints insist on it.
//   SW2. The object appears with its last request (O1). A crash before leaves an upload that S3 keeps, unseen, until a
//        lifecycle rule of the bucket removes it.

import { createHash, type Hash } from "node:crypto";

import { ObjectError, type ObjectHead, type ObjectWriter } from "./object-store.ts";
import type { S3Requests } from "./s3-request.ts";
import { escaped, textOfElement } from "./s3-xml.ts";

/** S3 asks for 5 MiB at least and takes 10,000 parts: 80 GB. */
export const PART_BYTES: number = 8 * 1024 * 1024;

interface Upload {
  readonly id: string;
  /** ETags of its parts, in their order. */
  readonly parts: string[];
}

export class S3Writer implements ObjectWriter {
  readonly #requests: S3Requests;
  readonly #bucket: string;
  readonly #key: string;
  readonly #head: () => Promise<ObjectHead>;
  /** The part under way; made when something is written, and used again for the next part. */
  #part: Buffer | undefined;
  #filled = 0;
  /** Of the part, kept up while it grows: hashing a whole part at once would hold up everybody for 10 to 30 ms. */
  #hash: Hash = createHash("sha256");
  #upload: Upload | undefined;
  #bytes = 0;

  /** @param head Of the object as it is. */
  constructor(requests: S3Requests, bucket: string, key: string, head: () => Promise<ObjectHead>) {
    this.#requests = requests;
    this.#head = head;
    this.#bucket = bucket;
    this.#key = key;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      // oxlint-disable-next-line no-await-in-loop -- parts go one after the other (SW1)
      if (this.#filled === PART_BYTES) await this.#sendPart();
      this.#part ??= Buffer.allocUnsafe(PART_BYTES);
      const piece = bytes.subarray(at, at + PART_BYTES - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#hash.update(piece);
      this.#filled += piece.length;
      at += piece.length;
    }
    this.#bytes += bytes.length;
  }

  async commit(): Promise<void> {
    if (this.#upload === undefined) {
      await this.#requests.call({ ...this.#at, method: "PUT", ...this.#taken() });
      return;
    }
    await this.#sendPart();
    await this.#complete(this.#upload);
  }

  async abort(): Promise<void> {
    const upload = this.#upload;
    this.#upload = undefined;
    this.#part = undefined;
    if (upload === undefined) return;
    await this.#requests.call({ ...this.#at, method: "DELETE", query: { uploadId: upload.id } });
  }

  get #at(): { readonly bucket: string; readonly key: string } {
    return { bucket: this.#bucket, key: this.#key };
  }

  /** What is held, as the body of a request that must be over before anything else is written. */
  #taken(): { readonly body: Uint8Array; readonly payloadHash: string } {
    const body = this.#part?.subarray(0, this.#filled) ?? new Uint8Array();
    const payloadHash = this.#hash.digest("hex");
    this.#hash = createHash("sha256");
    this.#filled = 0;
    return { body, payloadHash };
  }

  async #sendPart(): Promise<void> {
    this.#upload ??= await this.#create();
    const { id, parts } = this.#upload;
    const query = { partNumber: String(parts.length + 1), uploadId: id };
    const { headers } = await this.#requests.call({ ...this.#at, method: "PUT", query, ...this.#taken() });
    parts.push(this.#expected(headers["etag"], "an ETag of a part"));
  }

  async #create(): Promise<Upload> {
    const { text } = await this.#requests.call({ ...this.#at, method: "POST", query: { uploads: "" } });
    return { id: this.#expected(textOfElement(text, "UploadId"), "an upload"), parts: [] };
  }

  async #complete({ id, parts }: Upload): Promise<void> {
    const list = parts.map(
      (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
    );
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`);
    try {
      await this.#requests.call({ ...this.#at, method: "POST", query: { uploadId: id }, body });
    } catch (error) {
      // 1. The upload is completed, the answer is lost. 2. It is asked for again: there is no such upload any more.
      // So the object decides: it is ours if it was made of as many parts and has the size.
      if (!(error instanceof ObjectError && error.code === "NoSuchUpload")) throw error;
      const { size, etag } = await this.#head();
      if (size !== this.#bytes || !etag.includes(`-${parts.length}`)) throw error;
    }
  }

  #expected(value: string | undefined, what: string): string {
    if (value !== undefined) return value;
    throw new ObjectError(
      { ...this.#at, status: 501, code: "UnexpectedAnswer" },
      `The endpoint answers without ${what}.`,
    );
  }
}
