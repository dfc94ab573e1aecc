// AWS JSON 1.0 over HTTP: from a request's bytes to an operation and its input, and from an answer to bytes.
//
// Knows:          HTTP, the envelope of the protocol, the shapes of errors.
// Does not know:  operations, requests' members, the engine.
//
// Invariants
//   W1. Whatever arrives is answered with 2xx or 4xx in the form of the protocol; 5xx only for our own faults.
//   W2. A body is never held beyond MAX_BODY_BYTES, never decoded unless it is strict UTF-8, never parsed
//       deeper than MAX_DEPTH.
//
// Spec: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Json, JsonObject } from "../base/json.ts";
import { isObject } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import type { ServiceError } from "../base/service-error.ts";
import { ProtocolError, serializationError, typeOf, unknownOperation } from "./errors.ts";
import { OWN_PREFIX } from "./own-requests.ts";

export const TARGET_PREFIX = "AWSStepFunctions.";
const BOTH_PREFIXES = TARGET_PREFIX + OWN_PREFIX;
/** A definition of 1 MiB as a JSON text, with its escapes, and the rest of the request. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** What of a too large body is still read, so that its sender gets to see the answer. */
const MAX_DRAIN_BYTES = 16 * 1024 * 1024;
/** The deepest request of the model has six levels. Payloads are texts within: their depth is not meant. */
const MAX_DEPTH = 100;

/** The operation that X-Amz-Target names, our own ones with their prefix; whether there is such a one, the caller looks up. */
export function targetOf(request: IncomingMessage): string {
  const target = request.headers["x-amz-target"];
  if (typeof target === "string" && target.startsWith(OWN_PREFIX)) return target;
  // One prefix or the other: both together name nothing.
  if (typeof target !== "string" || !target.startsWith(TARGET_PREFIX) || target.startsWith(BOTH_PREFIXES)) {
    throw unknownOperation(`The header X-Amz-Target must be ${TARGET_PREFIX}<Operation>.`);
  }
  return target.slice(TARGET_PREFIX.length);
}

/** @throws ServiceError if the body is announced as something else than plain JSON */
export function checkContentType({ headers }: IncomingMessage): void {
  const [mediaType = "", ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  const isJson = ["application/x-amz-json-1.0", "application/json"].includes(mediaType.trim());
  const isUtf8 = parameters.every((parameter) => /^\s*(charset\s*=\s*"?utf-8"?)?\s*$/.test(parameter));
  // A simple cross-origin POST cannot carry either type: a second lock beside the guard.
  if (!isJson || !isUtf8) {
    throw unsupportedMedia("The header Content-Type must be application/x-amz-json-1.0.");
  }
  if (!["identity", undefined].includes(headers["content-encoding"]?.toLowerCase())) {
    throw unsupportedMedia("A request body cannot be compressed.");
  }
}

function unsupportedMedia(message: string): ProtocolError {
  return new ProtocolError("com.amazon.coral.service", "UnsupportedMediaTypeException", message, 415);
}

/**
 * A body as a JSON object; nothing at all counts as `{}`.
 *
 * @throws ServiceError SerializationException
 */
export function parseInput(bytes: Uint8Array): JsonObject {
  if (bytes.length === 0) return {};
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw serializationError("The request body is not valid UTF-8.");
  }
  const parsed = parseJson(text, { maxDepth: MAX_DEPTH });
  if (!parsed.ok) throw serializationError(parsed.message);
  if (!isObject(parsed.value)) throw serializationError("The request body is not a JSON object.");
  return parsed.value;
}

/** @throws ServiceError RequestEntityTooLargeException */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > MAX_DRAIN_BYTES) break;
  }
  if (bytes > MAX_BODY_BYTES) {
    const message = `The request body exceeds the limit of ${MAX_BODY_BYTES} bytes.`;
    throw new ProtocolError("com.amazon.coral.service", "RequestEntityTooLargeException", message, 413);
  }
  return Buffer.concat(chunks, bytes);
}

export function writeAnswer(response: ServerResponse, status: number, body: Json): void {
  writeBody(response, status, "application/x-amz-json-1.0", JSON.stringify(body));
}

/** `{ __type, message, …members }`, and the error's name in a header for those who read no bodies. */
export function writeError(response: ServerResponse, error: ServiceError): void {
  response.setHeader("x-amzn-ErrorType", error.code);
  writeAnswer(response, error.status, { __type: typeOf(error), message: error.message, ...error.members });
}

export function writeBody(response: ServerResponse, status: number, contentType: string, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": bytes.length,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(bytes);
}
