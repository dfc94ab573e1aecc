// StartSyncExecution: an Express execution, and its end in the answer.

import type { JsonObject } from "../../base/json.ts";
import type { Call, Operations } from "./call.ts";
import { textOf } from "./call.ts";
import { toStartRequest, typeNotSupported } from "./executions.ts";
import { showExpress } from "./express.ts";

export const syncOperations: Pick<Operations, "StartSyncExecution"> = {
  StartSyncExecution: startSyncExecution,
};

/** Answers with 200 however the execution ends. At most once: a caller without an answer does not know. */
async function startSyncExecution(call: Call): Promise<JsonObject> {
  const request = await toStartRequest(call);
  if (request.machine.type !== "EXPRESS") throw typeNotSupported();
  return showExpress(await call.engine.express.run(request), textOf(call.request, "includedData"));
}
