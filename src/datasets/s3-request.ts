// Requests to an endpoint with S3's API: how they look on the wire, and what becomes of those that fail.
//
// Knows:          paths, signatures (given), retries, errors. Does not know:  operations (s3-store.ts, s3-writer.ts).
//
// Buckets are in the path, as every endpoint understands it. `node:http` and not `fetch`: a URL loses what keys may have,
// such as `a/../b` and `a/./b`.
//
// Invariants
//   SR1. A request is made again while the other side is away or busy, `TRIES` times, with growing pauses; never after an
//        answer that says that the request itself is wrong. All requests here may be made twice.
//   SR2. No answer is held beyond `MAX_ANSWER_BYTES`; bodies of objects stream.
//   SR3. Silence on a connection for `SILENCE_MS` breaks it.

import { createHash } from "node:crypto";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout } from "node:timers/promises";

import { ObjectError } from "./object-store.ts";
import { textOfElement } from "./s3-xml.ts";

/** Adds what proves who asks: `host`, `x-amz-date`, `authorization` and so on. */
export type S3Signer = (request: {
  readonly method: string;
  /** With its port. */
  readonly host: string;
  /** As it is sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256, hexadecimal. */
  readonly payloadHash: string;
}) => Readonly<Record<string, string>>;

export interface S3Options {
  /** `https://s3.eu-central-1.amazonaws.com`, `http://127.0.0.1:9000`, or with a path that buckets are appended to. */
  readonly endpoint: string;
  readonly sign: S3Signer;
  /** Milliseconds after so many failures; shorter in tests. */
  readonly delayMs?: (failures: number) => number;
}

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly bucket: string;
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** SHA-256 of the body, hexadecimal, where it is known already. */
  readonly payloadHash?: string;
}

export interface S3Answer {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

export const TRIES = 6;
const SILENCE_MS = 60_000;
/** Idle connections are dropped before the far end drops them. */
const IDLE_MS = 4_000;
/** A page of a listing has up to 1,000 keys of up to 1,024 bytes, each byte encoded as three. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const BUCKET = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/u;

export class S3Requests {
  readonly #base: URL;
  readonly #path: string;
  readonly #sign: S3Signer;
  readonly #delayMs: (failures: number) => number;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor({ endpoint, sign, delayMs = backoffMs }: S3Options) {
    this.#base = new URL(endpoint);
    this.#path = this.#base.pathname.replace(/\/+$/u, "");
    this.#sign = sign;
    this.#delayMs = delayMs;
    const settings = { keepAlive: true, timeout: IDLE_MS };
    this.#agent = this.#base.protocol === "https:" ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  /** The whole answer, after as many tries as it takes (SR1). @throws {ObjectError} */
  call(request: S3Request): Promise<S3Answer> {
    return this.again(async () => {
      const answer = await this.open(request);
      const text = await textOf(answer, request);
      // CompleteMultipartUpload begins to answer before it knows how it ends.
      if (request.method === "POST" && text.includes("<Error>")) throw refusal(request, 500, text);
      return { headers: headersOf(answer), text };
    });
  }

  /** The answer to one try, its body unread. @throws {ObjectError} */
  async open(request: S3Request): Promise<IncomingMessage> {
    const answer = await this.#send(request).catch((error: unknown) => {
      throw broken(error, request);
    });
    const { statusCode: status = 0 } = answer;
    if (status >= 200 && status < 300) return answer;
    throw refusal(request, status, await textOf(answer, request));
  }

  /** @param work Throws ObjectErrors; is done again if that can help. */
  async again<T>(work: (failures: number) => Promise<T>): Promise<T> {
    for (let failures = 0; ; ) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        return await work(failures);
      } catch (error) {
        failures += 1;
        // oxlint-disable-next-line no-await-in-loop -- see above
        await this.pause(error, failures);
      }
    }
  }

  /** Waits until it may be tried again. @throws `error` if that cannot help, or no longer */
  async pause(error: unknown, failures: number): Promise<void> {
    if (failures >= TRIES || !(error instanceof ObjectError) || !isPassing(error)) throw error;
    await setTimeout(this.#delayMs(failures));
  }

  #send(request: S3Request): Promise<IncomingMessage> {
    const { method, body = NOTHING } = request;
    const path = `${this.#path}/${pathOf(request)}`;
    const query = new URLSearchParams(request.query);
    const payloadHash = request.payloadHash ?? createHash("sha256").update(body).digest("hex");
    const headers = this.#sign({
      method,
      host: this.#base.host,
      path,
      query,
      headers: { ...request.headers, "x-amz-content-sha256": payloadHash },
      payloadHash,
    });
    const { protocol, hostname, port } = this.#base;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send({
      protocol,
      // Of an IPv6 address without its brackets.
      hostname: hostname.replace(/^\[|\]$/gu, ""),
      ...(port === "" ? {} : { port }),
      method,
      path: query.size === 0 ? path : `${path}?${queryOf(query)}`,
      headers: { ...headers, "content-length": String(body.length) },
      agent: this.#agent,
    });
    outgoing.setTimeout(SILENCE_MS, () => {
      outgoing.destroy(new Error(`nothing was heard for ${SILENCE_MS / 1000} seconds`));
    });
    outgoing.on("response", resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
    return promise;
  }
}

const NOTHING = new Uint8Array();

/** Makes what a connection throws an ObjectError. */
export function broken(error: unknown, { bucket, key }: S3Request): ObjectError {
  if (error instanceof ObjectError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new ObjectError({ bucket, key, status: 503, code: code ?? "ServiceUnavailable" }, message);
}

function headersOf({ headers }: IncomingMessage): Record<string, string | undefined> {
  return headers as Record<string, string | undefined>;
}

async function textOf(answer: IncomingMessage, request: S3Request): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw broken(error, request);
  }
  return Buffer.concat(chunks).toString();
}

/** What S3 says in its error document, or what the status says without one: HEAD has no body. */
function refusal({ bucket, key }: S3Request, status: number, xml: string): ObjectError {
  const code = textOfElement(xml, "Code");
  const message = textOfElement(xml, "Message");
  const known = STATUSES[status === 404 && key === undefined ? 0 : status];
  return new ObjectError(
    { bucket, key, status: statusOf(code) ?? status, code: code ?? known?.code ?? "UnexpectedAnswer" },
    message ?? known?.message ?? `The endpoint answers with the status ${status}.`,
  );
}

const STATUSES: Readonly<Record<number, { readonly code: string; readonly message: string }>> = {
  0: { code: "NoSuchBucket", message: "The specified bucket does not exist" },
  403: { code: "AccessDenied", message: "Access Denied" },
  404: { code: "NoSuchKey", message: "The specified key does not exist." },
  412: {
    code: "PreconditionFailed",
    message: "At least one of the pre-conditions you specified did not hold",
  },
  416: { code: "InvalidRange", message: "The requested range is not satisfiable" },
  500: { code: "InternalError", message: "We encountered an internal error. Please try again." },
  503: { code: "SlowDown", message: "Please reduce your request rate." },
};

/** Of errors that come inside an answer of 200. */
function statusOf(code: string | undefined): number | undefined {
  return code === "NoSuchUpload"
    ? 404
    : code === "InvalidPart" || code === "InvalidPartOrder"
      ? 400
      : undefined;
}

function isPassing({ status, code }: ObjectError): boolean {
  return (
    (status >= 500 && status !== 501) ||
    status === 429 ||
    code === "RequestTimeout" ||
    code.startsWith("Throttl")
  );
}

function pathOf({ bucket, key }: S3Request): string {
  // Also keeps a name out of the path that would be another path.
  if (!BUCKET.test(bucket)) {
    throw new ObjectError(
      { bucket, key, status: 400, code: "InvalidBucketName" },
      "The specified bucket is not valid.",
    );
  }
  if (key === undefined) return bucket;
  if (key === "" || Buffer.byteLength(key) > 1024) {
    throw new ObjectError(
      { bucket, key, status: 400, code: "KeyTooLongError" },
      "A key has 1 to 1024 bytes.",
    );
  }
  return `${bucket}/${key.split("/").map(encode).join("/")}`;
}

function queryOf(query: URLSearchParams): string {
  return [...query].map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
}

/** RFC 3986, as the signature has it. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/gu,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function backoffMs(failures: number): number {
  return 100 * 3 ** (failures - 1) * (0.5 + Math.random() / 2);
}
