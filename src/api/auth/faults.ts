// The refusals of authentication, in the service's names and words.
//
// All have status 400, as the services of AWS JSON 1.0 answer them: the pages about common errors list 403 for
// some, which is what query and REST services send.

import { createHash } from "node:crypto";
import { ProtocolError } from "../errors.ts";

/** There is no signature at all. */
export function missingAuthentication(): ProtocolError {
  return refusal("MissingAuthenticationTokenException", "Missing Authentication Token");
}

/** The Authorization header cannot be read. It is named by its hash, so that no log holds a signature. */
export function incompleteSignature(problem: string, authorization?: string): ProtocolError {
  const hash = createHash("sha256")
    .update(authorization ?? "", "latin1")
    .digest("base64");
  const which =
    authorization === undefined ? "" : ` (Hashed with SHA-256 and encoded with Base64) Authorization=${hash}`;
  return refusal("IncompleteSignatureException", `${problem}${which}`);
}

/** The key is none that this server knows, or its session token is another one. */
export function unrecognizedClient(): ProtocolError {
  return refusal("UnrecognizedClientException", "The security token included in the request is invalid.");
}

export function expiredToken(): ProtocolError {
  return refusal("ExpiredTokenException", "The security token included in the request is expired");
}

/** Readable, but not a signature of this request by this key at this time. */
export function invalidSignature(message: string): ProtocolError {
  return refusal("InvalidSignatureException", message);
}

export const MISMATCH: string =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " +
  "and signing method. Consult the service documentation for details.";

function refusal(code: string, message: string): ProtocolError {
  return new ProtocolError("com.amazon.coral.service", code, message);
}
