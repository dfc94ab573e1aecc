// StartSyncExecution: an Express execution, and its end in the answer.

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { EndedExpress } from "../../runtime/interface.ts";
import type { Call, Operations } from "./call.ts";
import { present, textOf, wireTime } from "./call.ts";
import { toStartRequest } from "./executions.ts";

export const syncOperations: Pick<Operations, "StartSyncExecution"> = {
  StartSyncExecution: startSyncExecution,
};

/** Answers with 200 however the execution ends. At most once: a caller without an answer does not know. */
async function startSyncExecution(call: Call): Promise<JsonObject> {
  const request = await toStartRequest(call);
  if (request.machine.type !== "EXPRESS") {
    const message = "This operation is not supported by this type of state machine";
    throw new ServiceError("StateMachineTypeNotSupported", message);
  }
  const ended = await call.engine.express.run(request);
  const { execution, stoppedAtMs } = ended;
  const { started, startedAtMs, status, output, error, cause } = execution;
  const isWithData = textOf(call.request, "includedData") !== "METADATA_ONLY";
  const details = { included: isWithData };
  return present({
    executionArn: started.executionArn,
    stateMachineArn: started.stateMachineArn,
    name: started.name,
    startDate: wireTime(startedAtMs),
    stopDate: wireTime(stoppedAtMs),
    status,
    error: isWithData ? error : undefined,
    cause: isWithData ? cause : undefined,
    input: isWithData ? started.input.text : undefined,
    inputDetails: details,
    output: isWithData ? output?.text : undefined,
    outputDetails: output && details,
    traceHeader: started.traceHeader,
    billingDetails: billingOf(ended),
  });
}

const BILLED_MS = 100;
const BILLED_MB = 64;
const MB = 1024 * 1024;

/** Rounded up as the service bills: to 100 ms, to 64 MB. */
function billingOf({ execution, stoppedAtMs, usedBytes }: EndedExpress): JsonObject {
  return {
    billedDurationInMilliseconds: roundUp(stoppedAtMs - execution.startedAtMs, BILLED_MS),
    billedMemoryUsedInMB: roundUp(usedBytes / MB, BILLED_MB),
  };
}

function roundUp(value: number, unit: number): number {
  return Math.max(1, Math.ceil(value / unit)) * unit;
}
