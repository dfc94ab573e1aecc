// A small S3 in memory: the operations that Stepwell uses, checked signatures, and faults on demand.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import type { S3Signer } from "../../src/datasets/s3-request.ts";
import { S3Store } from "../../src/datasets/s3-store.ts";
import { type Credentials, signParts } from "../../src/integrations/sigv4.ts";

export interface Stored {
  readonly body: Buffer;
  readonly etag: string;
}

/** What happens to a request instead of, or to the body of, its answer. */
export type Fault =
  | { readonly kind: "status"; readonly status: number; readonly code: string }
  /** The connection ends before the answer; `done`: after the work is done. */
  | { readonly kind: "lost"; readonly done: boolean }
  /** The body ends after so many bytes. */
  | { readonly kind: "cut"; readonly bytes: number }
  /** S3 says 200 and then that it failed. */
  | { readonly kind: "errorInside" };

export interface FakeS3 {
  readonly url: string;
  readonly store: S3Store;
  readonly objects: Map<string, Stored>;
  /** By key and version id, with a space between. */
  readonly versions: Map<string, Stored>;
  /** `PUT /data/key?partNumber=1&uploadId=u1`, as they came. */
  readonly requests: string[];
  /** Uploads that are neither completed nor aborted. */
  readonly uploads: Map<string, Map<number, Buffer>>;
  /** Asked of each request. */
  fault: (request: string, headers: IncomingMessage["headers"]) => Fault | undefined;
  pageKeys: number;
  /** Whether listings are in order. */
  isSorted: boolean;
  /** Whether a part of an object can be asked for. */
  hasRanges: boolean;
}

export const KEY: Credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };

export function signerOf(credentials: Credentials): S3Signer {
  return (parts) => signParts(parts, credentials, { region: "us-east-1", service: "s3", nowMs: Date.now() });
}

/** With one bucket, `data`. */
export async function fakeS3(t: TestContext): Promise<FakeS3> {
  const server = createServer((request, response) => {
    void serve(fake, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeS3 = {
    url,
    store: new S3Store({ endpoint: url, sign: signerOf(KEY), delayMs: () => 1 }),
    objects: new Map(),
    versions: new Map(),
    requests: [],
    uploads: new Map(),
    fault: () => undefined,
    pageKeys: 3,
    isSorted: true,
    hasRanges: true,
  };
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return fake;
}

async function serve(fake: FakeS3, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
  const line = `${request.method} ${request.url}`;
  fake.requests.push(line);
  const fault = fake.fault(line, request.headers);
  if (fault?.kind === "lost" && !fault.done) {
    request.socket.destroy();
    return;
  }
  const answer =
    fault?.kind === "status"
      ? refused(fault.status, fault.code, "as told")
      : fault?.kind === "errorInside"
        ? { ...refused(500, "InternalError", "inside"), status: 200 }
        : (wrongSignature(request, body) ?? answerTo(fake, request, body));
  if (fault?.kind === "lost") {
    request.socket.destroy();
    return;
  }
  const content = request.method === "HEAD" ? Buffer.alloc(0) : Buffer.from(answer.body);
  response.writeHead(answer.status, { "content-length": content.length, ...answer.headers });
  if (fault?.kind === "cut") {
    response.write(content.subarray(0, fault.bytes), () => request.socket.destroy());
    return;
  }
  response.end(content);
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer;
}

function answerTo(fake: FakeS3, request: IncomingMessage, body: Buffer): Answer {
  const [path = "", search = ""] = (request.url ?? "").split("?");
  const query = new URLSearchParams(search);
  const [, bucket, ...rest] = path.split("/").map(decodeURIComponent);
  const key = rest.join("/");
  if (bucket !== "data") return refused(404, "NoSuchBucket", "The specified bucket does not exist");
  if (rest.length === 0) return listing(fake, query);
  const uploadId = query.get("uploadId");
  switch (request.method ?? "") {
    case "PUT": {
      if (uploadId === null) fake.objects.set(key, stored(body, etagOf(body)));
      else {
        const parts = fake.uploads.get(uploadId);
        if (parts === undefined) return noSuchUpload();
        parts.set(Number(query.get("partNumber")), body);
      }
      return { status: 200, headers: { etag: etagOf(body) }, body: "" };
    }
    case "POST": {
      if (uploadId === null) {
        const id = `u${fake.requests.length}`;
        fake.uploads.set(id, new Map());
        return {
          status: 200,
          body: `<?xml version="1.0"?><InitiateMultipartUploadResult xmlns="x"><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
        };
      }
      const parts = fake.uploads.get(uploadId);
      if (parts === undefined) return noSuchUpload();
      const wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/gu)].map(([, number]) =>
        Number(number),
      );
      const whole = Buffer.concat(wanted.map((number) => parts.get(number) ?? Buffer.alloc(0)));
      fake.uploads.delete(uploadId);
      fake.objects.set(
        key,
        stored(whole, `"${createHash("md5").update(whole).digest("hex")}-${wanted.length}"`),
      );
      return { status: 200, body: "<CompleteMultipartUploadResult/>" };
    }
    case "DELETE":
      return fake.uploads.delete(uploadId ?? "") ? { status: 204, body: "" } : noSuchUpload();
    default:
      return objectAnswer(
        query.has("versionId")
          ? fake.versions.get(`${key} ${query.get("versionId")}`)
          : fake.objects.get(key),
        request,
        fake.hasRanges,
      );
  }
}

function objectAnswer(object: Stored | undefined, { headers }: IncomingMessage, hasRanges: boolean): Answer {
  if (object === undefined) return refused(404, "NoSuchKey", "The specified key does not exist.");
  const { body, etag } = object;
  const about = { etag, "last-modified": "Tue, 04 Feb 2025 01:49:50 GMT" };
  if (headers["if-match"] !== undefined && headers["if-match"] !== etag) {
    return refused(
      412,
      "PreconditionFailed",
      "At least one of the pre-conditions you specified did not hold",
    );
  }
  const range = /^bytes=(\d+)-(\d*)$/u.exec(hasRanges ? (headers.range ?? "") : "");
  if (range === null) return { status: 200, headers: { ...about, "content-length": body.length }, body };
  const start = Number(range[1]);
  if (start >= body.length) return refused(416, "InvalidRange", "The requested range is not satisfiable");
  const part = body.subarray(start, range[2] === "" ? body.length : Number(range[2]) + 1);
  return { status: 206, headers: about, body: part };
}

function listing(fake: FakeS3, query: URLSearchParams): Answer {
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const keys = [...fake.objects.keys()]
    .filter((key) => key.startsWith(query.get("prefix") ?? ""))
    .filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0)
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (!fake.isSorted) keys.reverse();
  const page = keys.slice(0, fake.pageKeys);
  const contents = page.map((key) => {
    const { body, etag } = fake.objects.get(key) as Stored;
    const encoded = new URLSearchParams({ k: key }).toString().slice(2);
    return (
      `<Contents><Key>${encoded}</Key><LastModified>2025-02-04T01:49:50.000Z</LastModified>` +
      `<ETag>${etag.replaceAll('"', "&quot;")}</ETag><Size>${body.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    );
  });
  const isTruncated = keys.length > page.length;
  const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
  return {
    status: 200,
    body:
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<Name>data</Name><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
  };
}

/** Signs it again as it came, and compares. */
function wrongSignature(request: IncomingMessage, body: Buffer): Answer | undefined {
  const { authorization = "", "x-amz-date": date } = request.headers;
  const names = /SignedHeaders=([^,]+)/u.exec(authorization)?.[1]?.split(";") ?? [];
  const [path = "", search = ""] = (request.url ?? "").split("?");
  const payloadHash = createHash("sha256").update(body).digest("hex");
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
  const again = signParts(
    {
      method: request.method ?? "",
      host: request.headers.host ?? "",
      path,
      query: new URLSearchParams(search),
      headers,
      payloadHash,
    },
    KEY,
    {
      region: "us-east-1",
      service: "s3",
      nowMs: Date.parse(
        String(date).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u, "$1-$2-$3T$4:$5:$6Z"),
      ),
    },
  );
  const isRight = again["authorization"] === authorization && headers["x-amz-content-sha256"] === payloadHash;
  return isRight
    ? undefined
    : refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match");
}

function stored(body: Buffer, etag: string): Stored {
  return { body, etag };
}

function etagOf(body: Buffer): string {
  return `"${createHash("md5").update(body).digest("hex")}"`;
}

function noSuchUpload(): Answer {
  return refused(404, "NoSuchUpload", "The specified upload does not exist.");
}

function refused(status: number, code: string, message: string): Answer {
  return {
    status,
    body: `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  };
}
