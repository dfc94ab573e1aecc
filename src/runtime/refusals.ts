// Starts that are refused because too much is under way: counted, by whoever wants to know.
//
// Knows:          which refusals are for want of room. Does not know: who counts.
//
// A refused start stores nothing, so there is no turn to tell observers of. Only starts of callers count: a Map Run that
// waits for room asks again by itself.

import { ServiceError } from "../base/service-error.ts";
import type { Executions, ExpressExecutions, StartRequest } from "./interface.ts";

export interface RefusedStart {
  readonly stateMachineArn: string;
  readonly type: "STANDARD" | "EXPRESS";
  /** Over a bound of the moment, or of open executions. */
  readonly error: "ThrottlingException" | "ExecutionLimitExceeded";
}

/** Must not throw. */
export type RefusalObserver = (refused: RefusedStart) => void;

/** The executions, with refused starts told. Member by member: a spread would lose what a class keeps in its prototype. */
export function tellingOf(executions: Executions, tell: RefusalObserver | undefined): Executions {
  if (tell === undefined) return executions;
  const { stop, redrive, describe, history, list, waitForEnd } = executions;
  const start = telling(executions.start, tell);
  return { start, stop, redrive, describe, history, list, waitForEnd };
}

export function tellingOfExpress(
  express: ExpressExecutions,
  tell: RefusalObserver | undefined,
): ExpressExecutions {
  if (tell === undefined) return express;
  const { describe, history, list } = express;
  return { start: telling(express.start, tell), run: telling(express.run, tell), describe, history, list };
}

function telling<T>(
  start: (request: StartRequest) => Promise<T>,
  tell: RefusalObserver,
): (request: StartRequest) => Promise<T> {
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
