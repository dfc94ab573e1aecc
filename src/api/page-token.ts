// Page tokens: where the next page begins, in a text that clients hand back unread.
//
// Invariants
//   P1. A token is good for 24 hours and for the same question only: operation, caller and arguments (except
//       the page size) are part of its checksum.
//   P2. It grants nothing: a forged token could at most start a page elsewhere in what its caller may list
//       anyway. So the checksum needs no key, and tokens outlive restarts and work on every node.

import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../base/json.ts";
import { fromMembers, isArray } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Scope } from "./arns.ts";

const VALID_MS = 24 * 60 * 60 * 1000;
const CHECKSUM_BYTES = 16;

/** What a token belongs to. */
export interface Question {
  readonly operation: string;
  readonly scope: Scope;
  /** The checked input of the operation. */
  readonly request: JsonObject;
}

/** @param position Where the next page begins, in the operation's own terms. */
export function issuePageToken(question: Question, position: string | number, nowMs: number): string {
  const content = Buffer.from(JSON.stringify([position, nowMs + VALID_MS]), "utf8");
  return Buffer.concat([checksum(question, content), content]).toString("base64url");
}

/**
 * The position that the token of the request names; undefined without a token.
 *
 * @throws ServiceError InvalidToken
 */
export function readPageToken(
  question: Question,
  token: string | undefined,
  nowMs: number,
): string | number | undefined {
  if (token === undefined) return undefined;
  const bytes = Buffer.from(token, "base64url");
  const content = bytes.subarray(CHECKSUM_BYTES);
  // Decoding forgives stray characters; a token is the text that was issued.
  if (
    bytes.toString("base64url") !== token ||
    !checksum(question, content).equals(bytes.subarray(0, CHECKSUM_BYTES))
  ) {
    throw invalidToken();
  }
  const [position, validUntilMs] = parseContent(content.toString("utf8"));
  if (typeof validUntilMs !== "number" || validUntilMs < nowMs) throw invalidToken();
  if (typeof position === "string") return position;
  if (typeof position !== "number" || !Number.isSafeInteger(position) || position < 0) throw invalidToken();
  return position;
}

/** `numberPosition` and `textPosition` narrow a position to what the operation issues. @throws ServiceError InvalidToken */
export function numberPosition(position: string | number | undefined): number | undefined {
  if (typeof position === "string") throw invalidToken();
  return position;
}

export function textPosition(position: string | number | undefined): string | undefined {
  if (typeof position === "number") throw invalidToken();
  return position;
}

/** Without a key (P2) the content may be anything, even under a right checksum. */
function parseContent(content: string): readonly Json[] {
  const parsed = parseJson(content);
  return parsed.ok && isArray(parsed.value) ? parsed.value : [];
}

function checksum({ operation, scope, request }: Question, content: Buffer): Buffer {
  const asked = fromMembers(
    Object.entries(request)
      .filter(([name]) => name !== "nextToken" && name !== "maxResults")
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const hash = createHash("sha256");
  hash.update(JSON.stringify([operation, scope.region, scope.account, asked]));
  hash.update(content);
  return hash.digest().subarray(0, CHECKSUM_BYTES);
}

export function invalidToken(): ServiceError {
  return new ServiceError("InvalidToken", "Invalid Token: 'Invalid token'");
}
