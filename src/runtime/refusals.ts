// Starts that are refused because too much is under way: counted, by whoever wants to know.
//
// Knows:          which refusals are for want of room. Does not know: who counts.
//
// A refused start stores nothing, so there is no turn to tell observers of. Only starts of callers count: a Map Run that
// waits for room asks again by itself.

import { ServiceError } from "../base/service-error.ts";
import type { StartRequest } from "./interface.ts";

export interface RefusedStart {
  readonly stateMachineArn: string;
  readonly type: "STANDARD" | "EXPRESS";
  /** Over a bound of the moment, or of open executions. */
  readonly error: "ThrottlingException" | "ExecutionLimitExceeded";
}

/** Must not throw. */
export type RefusalObserver = (refused: RefusedStart) => void;

/** `start`, with its refusals told. */
export function tellingRefusals<T>(
  start: (request: StartRequest) => Promise<T>,
  tell: RefusalObserver | undefined,
): (request: StartRequest) => Promise<T> {
  if (tell === undefined) return start;
  return async (request) => {
    try {
      return await start(request);
    } catch (error) {
      const code = error instanceof ServiceError ? error.code : undefined;
      const { arn, type } = request.machine;
      if (code === "ThrottlingException" || code === "ExecutionLimitExceeded")
        tell({ stateMachineArn: arn, type, error: code });
      throw error;
    }
  };
}
