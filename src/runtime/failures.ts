// What callers are told when it is not their fault, in the words that AWS clients know how to take.

import { ServiceError } from "../base/service-error.ts";

/** The server is over a bound: clients wait and try again. */
export function throttled(): ServiceError {
  return new ServiceError("ThrottlingException", "Rate exceeded");
}

/** The server is about to end, or cannot go on: whether the call had an effect is not known to the caller. */
export function unavailable(message = "The server is shutting down."): ServiceError {
  return new ServiceError("ServiceUnavailable", message, {}, 503);
}

/** A fault of ours stopped this execution; the log says more. */
export function quarantined(executionArn: string): ServiceError {
  const message = `The execution is stopped by an internal error of this server: ${executionArn}`;
  return new ServiceError("InternalFailure", message, {}, 500);
}

export function executionDoesNotExist(arn: string): ServiceError {
  return new ServiceError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
}

/** A version or an alias that there is not. */
export function resourceNotFound(resourceName: string): ServiceError {
  const message = "Request references a resource that does not exist.";
  return new ServiceError("ResourceNotFound", message, { resourceName });
}
