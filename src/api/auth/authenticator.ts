// Who signed a request: verification of SigV4 in the Authorization header.
//
// Knows:          which headers must be signed, for how long a signature holds, what a body must hash to.
// Does not know:  where keys come from (KeySource), what a caller may do: whoever has a key may call everything.
//
// Invariants
//   S1. What is verified is what is used: the values of signed headers are those that the protocol reads, the body
//       that is hashed is the one that is parsed. A header that the protocol reads may occur once.
//   S2. Every header named `x-amz-…` that is sent is signed, and `host` and `x-amz-date` and `x-amz-target` are.
//   S3. Nothing of the body is read for a caller without a known key and a moment within five minutes of ours.
//   S4. Secrets are compared in constant time.
//
// Not accepted, though the algorithm knows them: signatures in the query (presigned; no client of this service
// makes them), bodies that are not signed (UNSIGNED-PAYLOAD, STREAMING-…: S3's), and the `Date` header instead of
// `x-amz-date`. A request can be repeated by who can read it, as at AWS, for as long as its signature holds.
//
// Spec: IAM user guide, "Signature Version 4 for API requests".

import { createHash, timingSafeEqual } from "node:crypto";
import { parseTimestampMs } from "../../base/time.ts";
import { canonicalRequest, momentOf, sha256Hex, signatureOf, signingKey } from "../../integrations/sigv4.ts";
import type { Authorization } from "./authorization.ts";
import { parseAuthorization } from "./authorization.ts";
import {
  expiredToken,
  incompleteSignature,
  invalidSignature,
  MISMATCH,
  unrecognizedClient,
} from "./faults.ts";

/** A pair of keys that may call. A new object for every reading: signing keys are kept with it. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Then requests must bring it along. */
  readonly sessionToken?: string;
  /** Epoch milliseconds; from then on the key is refused. */
  readonly expiresAtMs?: number;
}

export interface KeySource {
  /** The key as it is configured now. */
  readonly find: (accessKeyId: string) => Promise<AccessKey | undefined>;
}

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** What follows the `?`. */
  readonly query: string;
  /** All values of every header, by its lower-case name. */
  readonly headers: NodeJS.Dict<string[]>;
}

export interface Identity {
  readonly accessKeyId: string;
  /** Of the credential scope. */
  readonly region: string;
}

export interface Claim {
  /** Proven only after `prove`. */
  readonly identity: Identity;
  /** @throws ServiceError InvalidSignatureException unless the signature is of this request with this body */
  readonly prove: (body: Uint8Array) => void;
}

export interface Authenticator {
  /**
   * Everything that can be refused without the body.
   * @throws ServiceError as the service words it; status 400
   */
  readonly examine: (head: RequestHead) => Promise<Claim>;
}

const MAX_SKEW_MINUTES = 5;
const MUST_BE_SIGNED = ["host", "x-amz-date", "x-amz-target"];
/** What the protocol or this check reads: a second value could be read by one of them only (S1). */
const ONCE = [
  "authorization",
  "content-encoding",
  "content-type",
  "host",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-security-token",
  "x-amz-target",
];
/** Regions that one key may have signing keys for at once: they come from callers. */
const MAX_KEPT_KEYS = 64;

/** @param now Epoch milliseconds. */
export function createAuthenticator(keys: KeySource, now: () => number): Authenticator {
  const signingKeys = new WeakMap<AccessKey, Map<string, Buffer>>();

  function signingKeyOf(key: AccessKey, { day, region }: Authorization): Buffer {
    const kept = signingKeys.get(key) ?? new Map<string, Buffer>();
    signingKeys.set(key, kept);
    const name = `${day}/${region}`;
    const known = kept.get(name);
    if (known !== undefined) return known;
    if (kept.size >= MAX_KEPT_KEYS) kept.clear();
    const derived = signingKey(key.secretAccessKey, day, region, "states");
    kept.set(name, derived);
    return derived;
  }

  async function examine(head: RequestHead): Promise<Claim> {
    refuseQuerySignature(head);
    const one = (name: string): string | undefined => head.headers[name]?.[0];
    const authorization = parseAuthorization(one("authorization"));
    checkHeaders(head, authorization);
    const moment = one("x-amz-date") ?? "";
    checkMoment(moment, authorization.day, now());
    const key = await keys.find(authorization.accessKeyId);
    if (key === undefined) throw unrecognizedClient();
    checkToken(key, one("x-amz-security-token"), now());
    const declaredHash = one("x-amz-content-sha256");
    if (declaredHash !== undefined && !/^[0-9a-f]{64}$/.test(declaredHash)) {
      throw invalidSignature(
        "'X-Amz-Content-SHA256' must be the SHA-256 of the body: unsigned and streamed bodies are not accepted.",
      );
    }
    const verify = (payloadHash: string): void => {
      const expected = expectedSignature(
        head,
        authorization,
        moment,
        signingKeyOf(key, authorization),
        payloadHash,
      );
      if (!timingSafeEqual(expected, authorization.signature)) throw invalidSignature(MISMATCH);
    };
    // The hash that a client declares is signed (S2): then the body need not be read to know a forgery.
    if (declaredHash !== undefined) verify(declaredHash);
    return {
      identity: { accessKeyId: authorization.accessKeyId, region: authorization.region },
      prove: (body) => {
        const actual = sha256Hex(body);
        if (declaredHash === undefined) verify(actual);
        else if (actual !== declaredHash) {
          throw invalidSignature(
            "The provided 'X-Amz-Content-SHA256' header does not match what was computed.",
          );
        }
      },
    };
  }

  return { examine };
}

function expectedSignature(
  { method, path, query, headers }: RequestHead,
  { signedHeaders, day, region }: Authorization,
  moment: string,
  key: Buffer,
  payloadHash: string,
): Buffer {
  const canonical = canonicalRequest({
    method,
    path,
    query: new URLSearchParams(query),
    headers: signedHeaders.map((name) => [name, (headers[name] ?? []).join(",")]),
    payloadHash,
  });
  // Node decodes headers byte by byte: latin1 brings back the bytes that the client signed.
  const hash = sha256Hex(Buffer.from(canonical, "latin1"));
  return signatureOf(key, moment, `${day}/${region}/states/aws4_request`, hash);
}

function refuseQuerySignature({ query }: RequestHead): void {
  for (const name of new URLSearchParams(query).keys()) {
    if (/^x-amz-(?:algorithm|credential|signature)$/i.test(name)) {
      throw incompleteSignature(
        "Signatures in the query (presigned requests) are not accepted: sign with the Authorization header.",
      );
    }
  }
}

/** S1, S2. */
function checkHeaders({ headers }: RequestHead, { signedHeaders }: Authorization): void {
  for (const name of ONCE) {
    if ((headers[name]?.length ?? 0) > 1)
      throw invalidSignature(`The header '${name}' occurs more than once.`);
  }
  if (headers["x-amz-date"] === undefined) {
    throw incompleteSignature("Authorization header requires existence of a 'X-Amz-Date' header.");
  }
  const sent = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  const unsigned = [...MUST_BE_SIGNED, ...sent].find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined) {
    const name = unsigned === "host" ? "'Host' or ':authority'" : `'${unsigned}'`;
    throw invalidSignature(`${name} must be a 'SignedHeader' in the AWS Authorization.`);
  }
  const absent = signedHeaders.find((name) => headers[name] === undefined);
  if (absent !== undefined) throw invalidSignature(`The signed header '${absent}' is not in the request.`);
}

function checkMoment(moment: string, day: string, nowMs: number): void {
  const signedAtMs = epochMsOf(moment);
  if (signedAtMs === undefined) {
    throw incompleteSignature(
      "Date must be in ISO-8601 'basic format': YYYYMMDD'T'HHMMSS'Z', in the header 'X-Amz-Date'.",
    );
  }
  if (!moment.startsWith(day)) {
    throw invalidSignature(
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        `'${day}' != '${moment.slice(0, 8)}', from '${moment}'.`,
    );
  }
  // Signatures have whole seconds.
  const nowSecond = Math.floor(nowMs / 1_000) * 1_000;
  const skewMs = MAX_SKEW_MINUTES * 60_000;
  const server = momentOf(nowSecond);
  if (signedAtMs < nowSecond - skewMs) {
    const limit = momentOf(nowSecond - skewMs);
    throw invalidSignature(
      `Signature expired: ${moment} is now earlier than ${limit} (${server} - ${MAX_SKEW_MINUTES} min.)`,
    );
  }
  if (signedAtMs > nowSecond + skewMs) {
    const limit = momentOf(nowSecond + skewMs);
    throw invalidSignature(
      `Signature not yet current: ${moment} is still later than ${limit} (${server} + ${MAX_SKEW_MINUTES} min.)`,
    );
  }
}

/** Of `20150830T123600Z`; undefined for what is no moment of the calendar. */
function epochMsOf(moment: string): number | undefined {
  if (!/^\d{8}T\d{6}Z$/.test(moment)) return undefined;
  return parseTimestampMs(moment.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

function checkToken({ sessionToken, expiresAtMs }: AccessKey, sent: string | undefined, nowMs: number): void {
  if (sessionToken === undefined ? sent !== undefined : sent === undefined || !isEqual(sent, sessionToken)) {
    throw unrecognizedClient();
  }
  if (expiresAtMs !== undefined && nowMs >= expiresAtMs) throw expiredToken();
}

/** Of the hashes, so that neither the length nor the first difference shows (S4). */
function isEqual(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
