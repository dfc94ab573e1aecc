// Redrives: the operation, and what descriptions and lists of executions show of them.
//
// Knows:          whether the state machine is still there. Does not know:  what a redrive does (engine/redrive.ts).

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Execution } from "../../engine/execution.ts";
import { redriveRefusal } from "../../engine/redrive.ts";
import type { EngineService } from "../../runtime/interface.ts";
import type { RedriveNote } from "../../store/store.ts";
import { parseExecutionArn } from "../arns.ts";
import type { Call, Operations } from "./call.ts";
import { requiredText, textOf, wireTime } from "./call.ts";

export const redriveOperations: Pick<Operations, "RedriveExecution"> = { RedriveExecution: redriveExecution };

/** A deleted state machine is gone at once; the service says so while it is being deleted. */
const DELETED = "State machine is in DELETING status";

/** Idempotent for a while: a repeated client token gets the original answer. */
async function redriveExecution({ request, engine, settings }: Call): Promise<JsonObject> {
  const { arn } = parseExecutionArn(requiredText(request, "executionArn"));
  const { executions } = engine;
  const described = await executions.describe(arn);
  if (described !== undefined && (await isDeleted(engine, described.execution))) {
    const refusal = redriveRefusal(described.execution, settings.limits, engine.now());
    throw new ServiceError("ExecutionNotRedrivable", refusal ?? DELETED);
  }
  const { redrivenAtMs } = await executions.redrive(arn, textOf(request, "clientToken"));
  // Deleted meanwhile: the open executions were aborted, and this one was not open yet.
  if (described !== undefined && (await isDeleted(engine, described.execution))) {
    await executions.stop(arn, undefined, undefined);
  }
  return { redriveDate: wireTime(redrivenAtMs) };
}

/** What DescribeExecution shows. */
export async function showRedrives({ engine, settings }: Call, execution: Execution): Promise<JsonObject> {
  const refusal =
    redriveRefusal(execution, settings.limits, engine.now()) ??
    ((await isDeleted(engine, execution)) ? DELETED : undefined);
  return {
    ...redriveMembers(execution.redrive),
    ...(refusal === undefined
      ? { redriveStatus: "REDRIVABLE" }
      : { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason: refusal }),
  };
}

/** What descriptions and lists have in common. */
export function redriveMembers(redrive: RedriveNote | undefined): JsonObject {
  if (redrive === undefined) return { redriveCount: 0 };
  return { redriveCount: redrive.count, redriveDate: wireTime(redrive.atMs) };
}

async function isDeleted({ catalog }: EngineService, { started }: Execution): Promise<boolean> {
  const machine = await catalog.getStateMachine(started.stateMachineArn);
  return machine === undefined || machine.status === "DELETING";
}
