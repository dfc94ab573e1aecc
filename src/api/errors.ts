// The errors that the protocol itself answers with, and the namespaces in which the service names them.

import { ServiceError } from "../base/service-error.ts";

/** A request that the protocol layer refuses, before any operation has seen it. */
export class ProtocolError extends ServiceError {
  /** What stands before the `#` of `__type`. */
  readonly namespace: string;

  constructor(namespace: string, code: string, message: string, status = 400) {
    super(code, message, {}, status);
    this.namespace = namespace;
  }
}

/** A value has the wrong JSON type, or the body is not JSON at all. */
export function serializationError(message: string): ProtocolError {
  return new ProtocolError("com.amazon.coral.service", "SerializationException", message);
}

/** Members break the model's constraints. `clauses` is not empty. */
export function constraintError(clauses: readonly string[]): ProtocolError {
  const errors = clauses.length === 1 ? "error" : "errors";
  const message = `${clauses.length} validation ${errors} detected: ${clauses.join("; ")}`;
  return new ProtocolError("com.amazon.coral.validate", "ValidationException", message);
}

export function unknownOperation(message: string, status = 400): ProtocolError {
  return new ProtocolError("com.amazon.coral.service", "UnknownOperationException", message, status);
}

/** Our own fault: says nothing but the request id, under which the log holds the rest. */
export function internalFailure(requestId: string): ProtocolError {
  const message = `The request failed because of an internal error (request id ${requestId}).`;
  return new ProtocolError("com.amazon.coral.service", "InternalFailure", message, 500);
}

const SERVICE_NAMESPACE = "com.amazonaws.swf.service.v2.model";

/** `__type` of an error: SDKs look at what follows the `#` only. */
export function typeOf(error: ServiceError): string {
  if (error instanceof ProtocolError) return `${error.namespace}#${error.code}`;
  if (error.code === "ThrottlingException") return `com.amazon.coral.availability#${error.code}`;
  return `${SERVICE_NAMESPACE}#${error.code}`;
}
