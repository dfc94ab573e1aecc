// Signed requests as the authenticator gets them, in the styles of the clients that people use.

import type { AccessKey, Claim, KeySource, RequestHead } from "../../src/api/auth/authenticator.ts";
import { createAuthenticator } from "../../src/api/auth/authenticator.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { sha256Hex, sign } from "../../src/integrations/sigv4.ts";

export const NOW_MS: number = Date.UTC(2026, 10, 25, 7, 0, 0);

export const KEY: AccessKey = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfi" };
export const SESSION: AccessKey = {
  accessKeyId: "ASIASESSION",
  secretAccessKey: "another secret of forty characters, about",
  sessionToken: "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJ=",
  expiresAtMs: NOW_MS + 60_000,
};

export interface Signed {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** One value each, by lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Signer {
  readonly key?: AccessKey;
  readonly nowMs?: number;
  readonly region?: string;
  readonly service?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const BODY = '{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:é","input":"{}"}';

/** As the AWS CLI and boto3 sign: four headers, the hash of the body only within the signature. */
export function signedRequest({
  key = KEY,
  nowMs = NOW_MS,
  region = "us-east-1",
  service = "states",
  headers = {},
  body = BODY,
}: Signer = {}): Signed {
  const given = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "AWSStepFunctions.StartExecution",
    ...headers,
  };
  const request = { method: "POST", url: new URL("http://localhost:8083/"), headers: given, body };
  const signed = sign(request, key, { region, service, nowMs });
  return { method: "POST", path: "/", query: "", headers: signed, body: Buffer.from(body) };
}

/** As the SDK for JavaScript signs: more headers, the hash of the body among them. */
export function signedWithHash(signer: Signer = {}): Signed {
  const { headers = {}, body = BODY } = signer;
  return signedRequest({
    ...signer,
    headers: {
      "content-length": String(Buffer.byteLength(body)),
      "x-amz-content-sha256": sha256Hex(body),
      "x-amz-user-agent": "aws-sdk-js/3.1164.0",
      "amz-sdk-invocation-id": "4bff1b1d-7c3e-4a51-8f9b-8a1ad3a6a9d6",
      "amz-sdk-request": "attempt=1; max=3",
      ...headers,
    },
  });
}

export function headOf({ method, path, query, headers }: Signed): RequestHead {
  return {
    method,
    path,
    query,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
  };
}

export const KEYS: KeySource = {
  find: async (id) => [KEY, SESSION].find(({ accessKeyId }) => accessKeyId === id),
};

export type Outcome =
  | { readonly accepted: Claim["identity"] }
  | { readonly error: string; readonly status: number; readonly message: string };

/** What becomes of a request; `head` where its headers are not one each. */
export async function judge(
  signed: Signed,
  head: RequestHead = headOf(signed),
  nowMs = NOW_MS,
): Promise<Outcome> {
  try {
    const claim = await createAuthenticator(KEYS, () => nowMs).examine(head);
    claim.prove(signed.body);
    return { accepted: claim.identity };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { error: error.code, status: error.status, message: error.message };
  }
}
