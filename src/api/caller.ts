// Who calls: region and account from the SigV4 credential scope of a request.
//
// Nothing is authenticated here. Where a server asks for no credentials, the scope only chooses the names in ARNs,
// as every tool that works against local endpoints expects; where it does, auth/ says who was proven to call.

import type { IncomingHttpHeaders } from "node:http";
import type { Identity } from "./auth/authenticator.ts";
import type { Caller } from "./operations/call.ts";

export interface ScopeOptions {
  /** For callers whose access key is no account id. */
  readonly account: string;
  /** For callers without a credential scope. */
  readonly region: string;
  /** Override whatever the caller's credentials say. */
  readonly forceAccount?: string | undefined;
  readonly forceRegion?: string | undefined;
}

// Credential=<access key>/<date>/<region>/states/aws4_request
const CREDENTIAL =
  /^AWS4-HMAC-SHA256\b.*\bCredential=([^/,\s]+)\/\d{8}\/([a-z0-9-]{1,32})\/[a-z0-9-]+\/aws4_request\b/;

/** @param proven Who signed; undefined where nobody is asked. */
export function callerOf(headers: IncomingHttpHeaders, options: ScopeOptions, proven?: Identity): Caller {
  const { accessKeyId: accessKey, region } = proven ?? claimed(headers);
  const trace = headers["x-amzn-trace-id"];
  return {
    // An access key of twelve digits names an account: the convention of LocalStack and its tools.
    account: options.forceAccount ?? (/^\d{12}$/.test(accessKey) ? accessKey : options.account),
    region: options.forceRegion ?? region ?? options.region,
    ...(typeof trace === "string" && trace.length <= 256 ? { traceHeader: trace } : {}),
  };
}

/** Undefined: it names none, or one longer than AccessKeyIds may be (IAM: 128). */
export function claimedAccessKeyId(headers: IncomingHttpHeaders): string | undefined {
  const { accessKeyId } = claimed(headers);
  return accessKeyId === "" || accessKeyId.length > 128 ? undefined : accessKeyId;
}

function claimed({ authorization = "" }: IncomingHttpHeaders): {
  accessKeyId: string;
  region: string | undefined;
} {
  const [, accessKeyId = "", region] = CREDENTIAL.exec(authorization) ?? [];
  return { accessKeyId, region };
}
