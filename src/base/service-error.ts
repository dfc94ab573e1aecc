// The service's errors as the caller of the API meets them: an error name of the model and a message.

import type { JsonObject } from "./json.ts";

/** Thrown by operations, turned into an answer in one place of `api` (and into a task's failure by integrations). */
export class ServiceError extends Error {
  /** `StateMachineDoesNotExist`, `ValidationException`, … */
  readonly code: string;
  /** Further members of the answer: `reason`, `resourceName`. */
  readonly members: JsonObject;
  /** HTTP status: 400 for everything modelled. */
  readonly status: number;

  constructor(code: string, message: string, members: JsonObject = {}, status = 400) {
    super(message);
    this.name = "ServiceError";
    this.code = code;
    this.members = members;
    this.status = status;
  }
}
