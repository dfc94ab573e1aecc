// AWS Signature Version 4: what signers and verifiers of a request compute alike, and the signer.
//
// Knows:          the algorithm. Does not know:  where credentials come from, how requests are sent, which
//                 signatures are accepted (api/auth).
//
// Spec: IAM user guide, "Create a signed AWS API request".

import { createHash, createHmac } from "node:crypto";

export const ALGORITHM = "AWS4-HMAC-SHA256";
/** The last part of a credential scope. */
export const TERMINATOR = "aws4_request";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** From AWS_ACCESS_KEY_ID and its companions; undefined unless both halves of the key are there. */
export function credentialsOf(
  environment: Readonly<Record<string, string | undefined>>,
): Credentials | undefined {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = environment["AWS_SESSION_TOKEN"];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** `request.headers` with `host`, `x-amz-date`, the session token and `authorization` added. */
export function sign(
  request: SignedRequest,
  credentials: Credentials,
  scope: SigningScope,
): Record<string, string> {
  const { method, url, headers, body } = request;
  return signParts(
    {
      method,
      host: url.host,
      // The path of the URL is encoded once already; every service but S3 wants it encoded once more.
      path: url.pathname.split("/").map(encode).join("/"),
      query: url.searchParams,
      headers,
      payloadHash: sha256Hex(body),
    },
    credentials,
    scope,
  );
}

export interface PartsToSign {
  readonly method: string;
  /** With its port. */
  readonly host: string;
  /** Encoded as the service wants it: for S3, as it is sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, hexadecimal. */
  readonly payloadHash: string;
}

/** As `sign`, for requests that no URL describes: S3 takes paths as they are, with `..` and all. */
export function signParts(
  parts: PartsToSign,
  credentials: Credentials,
  { region, service, nowMs }: SigningScope,
): Record<string, string> {
  const moment = momentOf(nowMs);
  const day = moment.slice(0, 8);
  const headers: Record<string, string> = { ...parts.headers, host: parts.host, "x-amz-date": moment };
  if (credentials.sessionToken !== undefined) headers["x-amz-security-token"] = credentials.sessionToken;
  const names = Object.keys(headers).toSorted();
  const canonical = canonicalRequest({
    ...parts,
    headers: names.map((name) => [name, headers[name] as string]),
  });
  const scope = `${day}/${region}/${service}/${TERMINATOR}`;
  const key = signingKey(credentials.secretAccessKey, day, region, service);
  const signature = signatureOf(key, moment, scope, sha256Hex(canonical));
  headers["authorization"] =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature.toString("hex")}`;
  return headers;
}

/** A moment as `x-amz-date` has it: `20150830T123600Z`. */
export function momentOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d+/gu, "");
}

export interface CanonicalParts {
  readonly method: string;
  /** Encoded as the service wants it. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The signed ones, in the order of their lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Hexadecimal. */
  readonly payloadHash: string;
}

/** The text whose hash is signed. */
export function canonicalRequest({ method, path, query, headers, payloadHash }: CanonicalParts): string {
  return [
    method,
    path,
    canonicalQuery(query),
    ...headers.map(([name, value]) => `${name}:${value.replace(/[ \t]+/gu, " ").trim()}`),
    "",
    headers.map(([name]) => name).join(";"),
    payloadHash,
  ].join("\n");
}

/** Derived of the secret for one day, region and service: it can be kept, the four HMACs are most of the cost. */
export function signingKey(secretAccessKey: string, day: string, region: string, service: string): Buffer {
  let key = hmac(`AWS4${secretAccessKey}`, day);
  for (const part of [region, service, TERMINATOR]) key = hmac(key, part);
  return key;
}

/**
 * 32 bytes.
 * @param moment        As in `x-amz-date`.
 * @param scope         `20150830/us-east-1/states/aws4_request`
 * @param canonicalHash Of the canonical request, hexadecimal.
 */
export function signatureOf(key: Buffer, moment: string, scope: string, canonicalHash: string): Buffer {
  return hmac(key, `${ALGORITHM}\n${moment}\n${scope}\n${canonicalHash}`);
}

export function sha256Hex(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function canonicalQuery(query: URLSearchParams): string {
  // Sorted as pairs: of the joined texts `a-b=1` would come before `a=1`, since `-` is less than `=`.
  return [...query]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(([name, value], [otherName, otherValue]) =>
      name === otherName ? compare(value, otherValue) : compare(name, otherName),
    )
    .map((pair) => pair.join("="))
    .join("&");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986: also what encodeURIComponent leaves as it is. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/gu,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
