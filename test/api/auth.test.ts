// Which signatures are accepted, and in which words the others are refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestHead } from "../../src/api/auth/authenticator.ts";
import { createAuthenticator } from "../../src/api/auth/authenticator.ts";
import {
  headOf,
  judge,
  KEY,
  NOW_MS,
  SESSION,
  type Signed,
  signedRequest,
  signedWithHash,
} from "./auth-requests.ts";

interface Case {
  readonly name: string;
  readonly request: Signed;
  /** Changes what arrives. */
  readonly head?: (head: RequestHead) => RequestHead;
  /** The error; undefined: accepted. */
  readonly error?: string;
  readonly message?: string | RegExp;
}

const MINUTE = 60_000;
const incomplete = { error: "IncompleteSignatureException" };
const invalid = { error: "InvalidSignatureException" };
const unrecognized = {
  error: "UnrecognizedClientException",
  message: "The security token included in the request is invalid.",
};
const mismatch = { ...invalid, message: /^The request signature we calculated does not match/ };
const notSigned = (name: string) => ({
  ...invalid,
  message: `${name} must be a 'SignedHeader' in the AWS Authorization.`,
});

/** Puts another text in the place of a header; undefined takes it away. */
const withHeader =
  (name: string, ...values: string[]) =>
  (head: RequestHead): RequestHead => {
    const headers = { ...head.headers, [name]: values };
    if (values.length === 0) delete headers[name];
    return { ...head, headers };
  };
const withAuthorization =
  (change: (text: string) => string) =>
  (head: RequestHead): RequestHead =>
    withHeader("authorization", change(head.headers["authorization"]?.[0] ?? ""))(head);

const plain = signedRequest();
const hashed = signedWithHash();

const CASES: readonly Case[] = [
  { name: "a request as the CLI and boto3 sign it", request: plain },
  { name: "a request as the SDK for JavaScript signs it", request: hashed },
  { name: "another region", request: signedRequest({ region: "eu-central-1" }) },
  { name: "an empty body", request: signedRequest({ body: "" }) },
  { name: "a session token", request: signedWithHash({ key: SESSION }) },
  {
    name: "headers that are not signed beside those that must be",
    request: plain,
    head: withHeader("user-agent", "x"),
  },
  {
    name: "a signed header of several values",
    request: signedRequest({ headers: { "my-header": "a,b" } }),
    head: withHeader("my-header", "a", "b"),
  },
  {
    name: "blanks within a signed header",
    request: signedRequest({ headers: { "my-header": "a b" } }),
    head: withHeader("my-header", " a   b "),
  },
  {
    name: "an Authorization header without blanks between its parts",
    request: plain,
    head: withAuthorization((text) => text.replaceAll(", ", ",")),
  },

  // No signature, or no readable one
  {
    name: "no Authorization header",
    request: plain,
    head: withHeader("authorization"),
    error: "MissingAuthenticationTokenException",
    message: "Missing Authentication Token",
  },
  {
    name: "another scheme",
    request: plain,
    head: withHeader("authorization", "Bearer x"),
    ...incomplete,
    message:
      "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
      "Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) " +
      "Authorization=uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No=",
  },
  {
    name: "the algorithm with asymmetric keys",
    request: plain,
    head: withAuthorization((text) => text.replace("HMAC-SHA256", "ECDSA-P256-SHA256")),
    ...incomplete,
    message: /^Unsupported AWS 'algorithm'/,
  },
  {
    name: "no Signature",
    request: plain,
    head: withAuthorization((text) => text.replace(/, Signature=.*/, "")),
    ...incomplete,
    message: /^Authorization header requires 'Signature' parameter\. \(Hashed/,
  },
  {
    name: "a part without an equal sign",
    request: plain,
    head: withAuthorization((text) => `${text}, x`),
    ...incomplete,
    message: /missing equal-sign/,
  },
  {
    name: "two credentials, of which one could be proven and the other be used",
    request: plain,
    head: withAuthorization(
      (text) => `${text}, Credential=123456789012/20261125/us-east-1/states/aws4_request`,
    ),
    ...incomplete,
    message: /unknown or occurs twice/,
  },
  {
    name: "two Authorization headers",
    request: plain,
    head: (head) =>
      withHeader("authorization", ...Array<string>(2).fill(plain.headers["authorization"] ?? ""))(head),
    ...invalid,
    message: "The header 'authorization' occurs more than once.",
  },
  {
    name: "a signature in upper case",
    request: plain,
    head: withAuthorization((text) => text.replace(/[0-9a-f]{64}$/, (digits) => digits.toUpperCase())),
    ...incomplete,
  },
  {
    name: "a signature that is too short",
    request: plain,
    head: withAuthorization((text) => text.slice(0, -1)),
    ...incomplete,
  },
  {
    name: "a presigned request",
    request: plain,
    head: (head) => ({ ...withHeader("authorization")(head), query: "X-Amz-Algorithm=AWS4-HMAC-SHA256" }),
    ...incomplete,
    message:
      "Signatures in the query (presigned requests) are not accepted: sign with the Authorization header.",
  },

  // The scope
  {
    name: "another service",
    request: signedRequest({ service: "lambda" }),
    ...invalid,
    message: "Credential should be scoped to correct service: 'states'.",
  },
  {
    name: "another terminator",
    request: plain,
    head: withAuthorization((text) => text.replace("aws4_request", "aws5_request")),
    ...invalid,
    message: "Credential should be scoped with a valid terminator: 'aws4_request'.",
  },
  {
    name: "a region with strange characters",
    request: plain,
    head: withAuthorization((text) => text.replace("us-east-1", "us_east")),
    ...invalid,
    message: "Credential should be scoped to a valid region.",
  },
  {
    name: "another region than was signed",
    request: plain,
    head: withAuthorization((text) => text.replace("us-east-1", "us-east-2")),
    ...mismatch,
  },
  {
    name: "a credential of four parts",
    request: plain,
    head: withAuthorization((text) => text.replace("/aws4_request", "")),
    ...incomplete,
    message: /^Credential must have the form <access key id>\/YYYYMMDD/,
  },
  {
    name: "the day before in the scope",
    request: plain,
    head: withAuthorization((text) => text.replace("20261125", "20261124")),
    ...invalid,
    message:
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
      "'20261124' != '20261125', from '20261125T070000Z'.",
  },

  // Time
  { name: "a clock five minutes behind", request: signedRequest({ nowMs: NOW_MS - 5 * MINUTE }) },
  { name: "a clock five minutes ahead", request: signedRequest({ nowMs: NOW_MS + 5 * MINUTE }) },
  {
    name: "a clock more than five minutes behind",
    request: signedRequest({ nowMs: NOW_MS - 5 * MINUTE - 1_000 }),
    ...invalid,
    message:
      "Signature expired: 20261125T065459Z is now earlier than 20261125T065500Z (20261125T070000Z - 5 min.)",
  },
  {
    name: "a clock more than five minutes ahead",
    request: signedRequest({ nowMs: NOW_MS + 5 * MINUTE + 1_000 }),
    ...invalid,
    message:
      "Signature not yet current: 20261125T070501Z is still later than 20261125T070500Z (20261125T070000Z + 5 min.)",
  },
  {
    name: "no x-amz-date",
    request: plain,
    head: withHeader("x-amz-date"),
    ...incomplete,
    message: "Authorization header requires existence of a 'X-Amz-Date' header.",
  },
  {
    name: "a day that no calendar has",
    request: plain,
    head: withHeader("x-amz-date", "20261131T070000Z"),
    ...incomplete,
    message: /^Date must be in ISO-8601 'basic format'/,
  },

  // What must be signed
  {
    name: "a signature without the host",
    request: plain,
    head: withAuthorization((text) => text.replace("host;", "")),
    ...notSigned("'Host' or ':authority'"),
  },
  {
    name: "a signature without the target",
    request: plain,
    head: withAuthorization((text) => text.replace(";x-amz-target", "")),
    ...notSigned("'x-amz-target'"),
  },
  {
    name: "an x-amz- header that was added",
    request: plain,
    head: withHeader("x-amz-other", "x"),
    ...notSigned("'x-amz-other'"),
  },
  {
    name: "a signed header that was taken away",
    request: hashed,
    head: withHeader("amz-sdk-request"),
    ...invalid,
    message: "The signed header 'amz-sdk-request' is not in the request.",
  },
  {
    name: "signed headers out of order",
    request: plain,
    head: withAuthorization((text) => text.replace("content-type;host", "host;content-type")),
    ...incomplete,
    message: /^'SignedHeaders' must be lower-case names in order/,
  },
  {
    name: "two targets",
    request: plain,
    head: withHeader(
      "x-amz-target",
      "AWSStepFunctions.StartExecution",
      "AWSStepFunctions.DeleteStateMachine",
    ),
    ...invalid,
    message: "The header 'x-amz-target' occurs more than once.",
  },
  {
    name: "another target than was signed",
    request: plain,
    head: withHeader("x-amz-target", "AWSStepFunctions.StopExecution"),
    ...mismatch,
  },
  {
    name: "another host than was signed",
    request: plain,
    head: withHeader("host", "localhost:8084"),
    ...mismatch,
  },
  {
    name: "a query that was added",
    request: plain,
    head: (head) => ({ ...head, query: "a=1" }),
    ...mismatch,
  },
  { name: "another method", request: plain, head: (head) => ({ ...head, method: "PUT" }), ...mismatch },

  // The body
  { name: "another body than was signed", request: { ...plain, body: Buffer.from("{}") }, ...mismatch },
  {
    name: "another body than its declared hash",
    request: { ...hashed, body: Buffer.from("{}") },
    ...invalid,
    message: "The provided 'X-Amz-Content-SHA256' header does not match what was computed.",
  },
  ...["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ""].map((value) => ({
    name: `a body that is not signed: '${value}'`,
    request: signedRequest({ headers: { "x-amz-content-sha256": value } }),
    ...invalid,
    message: /unsigned and streamed bodies are not accepted\.$/,
  })),

  // Keys
  {
    name: "a key that nobody knows",
    request: signedRequest({ key: { ...KEY, accessKeyId: "AKIDOTHER" } }),
    ...unrecognized,
  },
  {
    name: "a key named like a member of objects",
    request: signedRequest({ key: { ...KEY, accessKeyId: "__proto__" } }),
    ...unrecognized,
  },
  {
    name: "another secret",
    request: signedRequest({ key: { ...KEY, secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfj" } }),
    ...mismatch,
  },
  {
    name: "a session token for a key that has none",
    request: signedRequest({ key: { ...KEY, sessionToken: "x" } }),
    ...unrecognized,
  },
  {
    name: "no session token for a key that has one",
    request: signedRequest({
      key: { accessKeyId: SESSION.accessKeyId, secretAccessKey: SESSION.secretAccessKey },
    }),
    ...unrecognized,
  },
  {
    name: "another session token",
    request: signedRequest({ key: { ...SESSION, sessionToken: `${SESSION.sessionToken}=` } }),
    ...unrecognized,
  },
];

for (const { name, request, head = (same: RequestHead) => same, error, message } of CASES) {
  test(`${error ?? "accepted"}: ${name}`, async () => {
    const outcome = await judge(request, head(headOf(request)));
    if (error === undefined) {
      const [accessKeyId = "", , region = ""] =
        /Credential=([^,]+)/.exec(request.headers["authorization"] ?? "")?.[1]?.split("/") ?? [];
      assert.deepEqual(outcome, { accepted: { accessKeyId, region } });
      return;
    }
    assert.ok("error" in outcome, "it was accepted");
    assert.equal(outcome.error, error, outcome.message);
    assert.equal(outcome.status, 400);
    if (typeof message === "string") assert.equal(outcome.message, message);
    else if (message !== undefined) assert.match(outcome.message, message);
  });
}

test("a session's key is refused from the moment of its end", async () => {
  const endMs = SESSION.expiresAtMs as number;
  const request = signedRequest({ key: SESSION, nowMs: endMs });
  const outcome = await judge(request, headOf(request), endMs);
  assert.deepEqual(outcome, {
    error: "ExpiredTokenException",
    status: 400,
    message: "The security token included in the request is expired",
  });
  assert.ok("accepted" in (await judge(request, headOf(request), endMs - 1)));
});

test("a key that was replaced no longer signs, though its derived keys were kept", async () => {
  let current = KEY;
  const authenticator = createAuthenticator({ find: async () => current }, () => NOW_MS);
  const accept = async (): Promise<void> => (await authenticator.examine(headOf(plain))).prove(plain.body);
  await accept();
  await accept();
  current = { ...KEY, secretAccessKey: "a new secret of the same key" };
  await assert.rejects(accept(), { code: "InvalidSignatureException" });
});

test("callers of many regions are served, one after the other", async () => {
  const authenticator = createAuthenticator({ find: async () => KEY }, () => NOW_MS);
  let served = 0;
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 100; index++) {
      const request = signedRequest({ region: `r-${index}` });
      (await authenticator.examine(headOf(request))).prove(request.body);
      served++;
    }
  }
  assert.equal(served, 200);
});
