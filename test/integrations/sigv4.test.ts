// Signature Version 4 against the signatures that AWS published with its description of the algorithm.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalRequest,
  sha256Hex,
  sign,
  signatureOf,
  signingKey,
  signParts,
} from "../../src/integrations/sigv4.ts";

interface Case {
  /** As in AWS's test suite for the algorithm. */
  readonly name: string;
  readonly method?: string;
  readonly query?: string;
  /** Beside host and x-amz-date. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signature: string;
}

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const MOMENT = "20150830T123600Z";

const CASES: readonly Case[] = [
  { name: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
  {
    name: "post-vanilla",
    method: "POST",
    signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
  {
    name: "get-vanilla-query-order-key-case",
    query: "Param2=value2&Param1=value1",
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "get-header-value-trim",
    headers: { "my-header1": " value1", "my-header2": ' "a   b   c"' },
    signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  },
  {
    name: "get-header-key-duplicate",
    headers: { "my-header1": "value2,value2,value1" },
    signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
  },
  {
    name: "get-header-value-multiline",
    headers: { "my-header1": "value1,value2,value3" },
    signature: "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
  },
  {
    name: "post-x-www-form-urlencoded",
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "Param1=value1",
    signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  },
];

for (const { name, method = "GET", query = "", headers = {}, body = "", signature } of CASES) {
  test(`the signature of ${name} is AWS's`, () => {
    const all = { ...headers, host: "example.amazonaws.com", "x-amz-date": MOMENT };
    const canonical = canonicalRequest({
      method,
      path: "/",
      query: new URLSearchParams(query),
      headers: Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      payloadHash: sha256Hex(body),
    });
    const key = signingKey(SECRET, "20150830", "us-east-1", "service");
    const scope = "20150830/us-east-1/service/aws4_request";
    assert.equal(signatureOf(key, MOMENT, scope, sha256Hex(canonical)).toString("hex"), signature);
  });
}

test("the signer signs all headers, the host, the moment and the session token", () => {
  const signed = sign(
    { method: "GET", url: new URL("https://example.amazonaws.com/"), headers: {}, body: "" },
    { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: "token" },
    { region: "us-east-1", service: "service", nowMs: Date.UTC(2015, 7, 30, 12, 36) },
  );
  assert.deepEqual(Object.keys(signed), ["host", "x-amz-date", "x-amz-security-token", "authorization"]);
  assert.match(
    signed["authorization"] ?? "",
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\/service\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
  );
});

test("a query is sorted by names before values", () => {
  const canonical = canonicalRequest({
    method: "GET",
    path: "/",
    query: new URLSearchParams("a-b=1&a=2&a=1&b=%20%2B"),
    headers: [],
    payloadHash: "",
  });
  assert.equal(canonical.split("\n")[2], "a=1&a=2&a-b=1&b=%20%2B");
});

/** Amazon S3 API reference, "Examples: signature calculations" (authorization header). */
const S3_CASES = [
  {
    name: "GetObject of a range",
    method: "GET",
    path: "/test.txt",
    query: "",
    headers: { range: "bytes=0-9" },
    body: "",
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  {
    name: "PutObject, whose key is encoded once",
    method: "PUT",
    path: "/test%24file.text",
    query: "",
    headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    body: "Welcome to Amazon S3.",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  },
  {
    name: "a query without values",
    method: "GET",
    path: "/",
    query: "lifecycle=",
    headers: {},
    body: "",
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  },
  {
    name: "a listing",
    method: "GET",
    path: "/",
    query: "max-keys=2&prefix=J",
    headers: {},
    body: "",
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
];

for (const { name, method, path, query, headers, body, signature } of S3_CASES) {
  test(`S3's example: ${name}`, () => {
    const payloadHash = sha256Hex(body);
    const signed = signParts(
      {
        method,
        host: "examplebucket.s3.amazonaws.com",
        path,
        query: new URLSearchParams(query),
        headers: { ...headers, "x-amz-content-sha256": payloadHash },
        payloadHash,
      },
      { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
      { region: "us-east-1", service: "s3", nowMs: Date.UTC(2013, 4, 24) },
    );
    assert.equal(signed["authorization"]?.split("Signature=")[1], signature);
  });
}
