// Redrives: the operation, and what descriptions and lists of executions show of them.
//
// Knows:          whether the state machine is still there. Does not know:  what a redrive does (engine/redrive.ts).

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Execution } from "../../engine/execution.ts";
import { redriveRefusal } from "../../engine/redrive.ts";
import type { EngineService } from "../../runtime/interface.ts";
import type { RedriveNote } from "../../store/store.ts";
import { parseExecutionArn, parseStateMachineArn } from "../arns.ts";
import type { Call, Operations } from "./call.ts";
import { requiredText, textOf, wireTime } from "./call.ts";

export const redriveOperations: Pick<Operations, "RedriveExecution"> = { RedriveExecution: redriveExecution };

/** A deleted state machine is gone at once; the service says so while it is being deleted. */
const DELETED = "State machine is in DELETING status";

const CHILD = "Execution was started by a Map Run and can only be redriven by redriving the Map Run";

/** Idempotent for a while: a repeated client token gets the original answer. */
async function redriveExecution({ request, engine, settings }: Call): Promise<JsonObject> {
  const { arn } = parseExecutionArn(requiredText(request, "executionArn"));
  const { executions } = engine;
  const described = await executions.describe(arn);
  if (described?.execution.started.mapRunArn !== undefined) {
    const refusal = redriveRefusal(described.execution, settings.limits, engine.now());
    throw new ServiceError("ExecutionNotRedrivable", refusal ?? CHILD);
  }
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
      ? { redriveStatus: execution.started.mapRunArn === undefined ? "REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN" }
      : { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason: refusal }),
  };
}

/** As DescribeExecution shows it: a child that its Map Run is going to redrive waits for that. */
export async function statusOf({ engine, settings }: Call, execution: Execution): Promise<string> {
  const { status, started, stoppedAtMs = Number.POSITIVE_INFINITY } = execution;
  if (
    started.mapRunArn === undefined ||
    redriveRefusal(execution, settings.limits, engine.now()) !== undefined
  ) {
    return status;
  }
  const run = await engine.mapRuns.describe(started.mapRunArn);
  const isToCome = run?.status === "RUNNING" && stoppedAtMs <= (run.redrivenAtMs ?? Number.NEGATIVE_INFINITY);
  return isToCome ? "PENDING_REDRIVE" : status;
}

/** What descriptions and lists have in common. */
export function redriveMembers(redrive: RedriveNote | undefined): JsonObject {
  if (redrive === undefined) return { redriveCount: 0 };
  return { redriveCount: redrive.count, redriveDate: wireTime(redrive.atMs) };
}

async function isDeleted({ catalog }: EngineService, { started }: Execution): Promise<boolean> {
  const { stateMachineArn } = parseStateMachineArn(started.stateMachineArn);
  const machine = await catalog.getStateMachine(stateMachineArn);
  return machine === undefined || machine.status === "DELETING";
}
