// Executions: start, stop, describe, list, history.

import type { JsonObject } from "../../base/json.ts";
import { Payload } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Execution } from "../../engine/execution.ts";
import type { Limits } from "../../engine/limits.ts";
import { executionDoesNotExist } from "../../runtime/failures.ts";
import { splitRevisionId } from "../../runtime/revision-id.ts";
import type { EngineService, ExpressChild, Revision, StartRequest } from "../../runtime/interface.ts";
import type { ExecutionRow, ListQuery } from "../../store/store.ts";
import type { StateMachineArn } from "../arns.ts";
import {
  isExpressArn,
  parseExecutionArn,
  parseExpressArn,
  parseStateMachineArn,
  splitTestCase,
} from "../arns.ts";
import { checkName } from "../names.ts";
import { issuePageToken, numberPosition, readPageToken } from "../page-token.ts";
import type { Call, Operations } from "./call.ts";
import { pageSizeOf, present, requiredText, textOf, validationFailed, wireTime } from "./call.ts";
import { checkData } from "./data.ts";
import { getExecutionHistory } from "./history.ts";
import { withItemProcessor } from "./labelled.ts";
import { listChildren } from "./map-runs.ts";
import { redriveMembers, showRedrives, statusOf } from "./redrive.ts";
import {
  existingStateMachine,
  showRevision,
  startTarget,
  stateMachineDoesNotExist,
  unlabelled,
} from "./state-machines.ts";

type ExecutionOperation =
  | "StartExecution"
  | "StopExecution"
  | "DescribeExecution"
  | "DescribeStateMachineForExecution"
  | "ListExecutions"
  | "GetExecutionHistory";

export const executionOperations: Pick<Operations, ExecutionOperation> = {
  StartExecution: startExecution,
  StopExecution: stopExecution,
  DescribeExecution: describeExecution,
  DescribeStateMachineForExecution: describeStateMachineForExecution,
  ListExecutions: listExecutions,
  GetExecutionHistory: getExecutionHistory,
};

/** Idempotent while a Standard execution runs: the same name and input get the original answer. */
async function startExecution(call: Call): Promise<JsonObject> {
  const { engine } = call;
  const request = await toStartRequest(call);
  const { start } = request.machine.type === "EXPRESS" ? engine.express : engine.executions;
  const { executionArn, startedAtMs } = await start(request);
  return { executionArn, startDate: wireTime(startedAtMs) };
}

/** @throws ServiceError ValidationException, InvalidArn, InvalidName, InvalidExecutionInput, StateMachineDoesNotExist */
export async function toStartRequest({ request, caller, engine, settings }: Call): Promise<StartRequest> {
  const { arn: arnText, testCase } = splitTestCase(requiredText(request, "stateMachineArn"));
  const arn = unlabelled(arnText);
  const name = textOf(request, "name");
  if (name !== undefined) checkName(name);
  const input = toInput(textOf(request, "input") ?? "{}", settings.limits);
  const target = await startTarget(engine, arn);
  // The header of the HTTP request wins over the member of the body.
  const traceHeader = caller.traceHeader ?? textOf(request, "traceHeader");
  return {
    ...target,
    input,
    ...(name === undefined ? {} : { name }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
    ...(testCase === undefined ? {} : { testCase }),
  };
}

/** @throws ServiceError InvalidExecutionInput */
export function toInput(text: string, limits: Limits): Payload {
  const problem = text === "" ? "Invalid execution input." : checkData(text, limits);
  if (problem !== undefined) {
    throw new ServiceError("InvalidExecutionInput", `Invalid State Machine Execution Input: '${problem}'`);
  }
  return Payload.ofText(text);
}

async function stopExecution({ request, engine }: Call): Promise<JsonObject> {
  const { arn } = parseExecutionArn(requiredText(request, "executionArn"));
  const { stoppedAtMs } = await engine.executions.stop(
    arn,
    textOf(request, "error"),
    textOf(request, "cause"),
  );
  return { stopDate: wireTime(stoppedAtMs) };
}

/** Also of an Express execution, if a Map Run started it. */
async function describeExecution(call: Call): Promise<JsonObject> {
  const execution = await executionOrChild(call);
  if (!("started" in execution)) return describeExpressChild(call, execution);
  const { started } = execution;
  const isWithData = textOf(call.request, "includedData") !== "METADATA_ONLY";
  const details = { included: isWithData };
  return present({
    executionArn: started.executionArn,
    stateMachineArn: started.stateMachineArn,
    name: started.name,
    status: await statusOf(call, execution),
    startDate: wireTime(execution.startedAtMs),
    stopDate: execution.stoppedAtMs === undefined ? undefined : wireTime(execution.stoppedAtMs),
    input: isWithData ? started.input.text : undefined,
    inputDetails: details,
    output: isWithData ? execution.output?.text : undefined,
    outputDetails: execution.output && details,
    error: isWithData ? execution.error : undefined,
    cause: isWithData ? execution.cause : undefined,
    traceHeader: started.traceHeader,
    mapRunArn: started.mapRunArn,
    stateMachineVersionArn: started.stateMachineVersionArn,
    stateMachineAliasArn: started.stateMachineAliasArn,
    ...(await showRedrives(call, execution)),
  });
}

/** One whose history is not kept. */
function describeExpressChild({ request }: Call, child: ExpressChild): JsonObject {
  const isWithData = textOf(request, "includedData") !== "METADATA_ONLY";
  const details = { included: isWithData };
  return present({
    executionArn: child.executionArn,
    stateMachineArn: child.stateMachineArn,
    name: child.name,
    status: child.status,
    startDate: wireTime(child.startedAtMs),
    stopDate: wireTime(child.stoppedAtMs),
    input: isWithData ? child.input : undefined,
    inputDetails: { included: isWithData && child.input !== undefined },
    output: isWithData ? child.output : undefined,
    outputDetails: child.output === undefined ? undefined : details,
    error: isWithData ? child.error : undefined,
    cause: isWithData ? child.cause : undefined,
    mapRunArn: child.mapRunArn,
  });
}

/** The machine as it was when the execution started; of a child of a Map Run, the labelled one. */
async function describeStateMachineForExecution(call: Call): Promise<JsonObject> {
  const { executionArn, stateMachineArn, revisionId, mapRunArn } = (await existingExecution(call)).started;
  const revision = await pinnedRevision(call.engine, revisionId);
  if (!revision) throw executionDoesNotExist(executionArn);
  const { name, label } = parseStateMachineArn(stateMachineArn);
  return present({
    stateMachineArn,
    name: label === undefined ? name : `${name}/${label}`,
    updateDate: wireTime(revision.createdAtMs),
    ...showRevision(revision, textOf(call.request, "includedData")),
    mapRunArn,
    label,
  });
}

async function pinnedRevision({ catalog }: EngineService, id: string): Promise<Revision | undefined> {
  const { revisionId, state } = splitRevisionId(id);
  const revision = await catalog.getRevision(revisionId);
  return revision === undefined || state === undefined ? revision : withItemProcessor(revision, state);
}

/** Newest first. */
async function listExecutions(call: Call): Promise<JsonObject> {
  const { request, caller, engine, operation } = call;
  const stateMachineArn = textOf(request, "stateMachineArn");
  const status = textOf(request, "statusFilter");
  const mapRunArn = textOf(request, "mapRunArn");
  if (mapRunArn !== undefined && stateMachineArn === undefined) return listChildren(call, mapRunArn);
  if (mapRunArn !== undefined || stateMachineArn === undefined) {
    throw validationFailed("Exactly one of stateMachineArn and mapRunArn must be specified");
  }
  const arn = unlabelled(stateMachineArn);
  if (textOf(request, "redriveFilter") !== undefined) {
    throw validationFailed("redriveFilter can only be used with mapRunArn");
  }
  if (status === "PENDING_REDRIVE") {
    throw validationFailed("The statusFilter PENDING_REDRIVE can only be used with mapRunArn");
  }
  const through = await startedThrough(engine, arn);
  const machine = await existingStateMachine(engine, through.stateMachineArn);
  if (machine.type === "EXPRESS") throw typeNotSupported();

  const question = { operation, scope: caller, request };
  const nowMs = engine.now();
  const beforeId = numberPosition(readPageToken(question, textOf(request, "nextToken"), nowMs));
  const size = pageSizeOf(request);
  const rows = await engine.executions.list({
    ...through,
    limit: size + 1,
    ...(status === undefined ? {} : { status }),
    ...(beforeId === undefined ? {} : { beforeId }),
  });
  const page = rows.slice(0, size);
  const last = page.at(-1);
  return present({
    executions: page.map(toListItem),
    nextToken: rows.length > size && last ? issuePageToken(question, last.id, nowMs) : undefined,
  });
}

/** Which executions an ARN lists: all of a machine, or those that were started through one version or alias. */
async function startedThrough(
  engine: EngineService,
  { arn, stateMachineArn, qualifier }: StateMachineArn,
): Promise<Pick<ListQuery, "stateMachineArn" | "stateMachineVersionArn" | "stateMachineAliasArn">> {
  if (qualifier === undefined) return { stateMachineArn };
  const { versions, aliases } = await engine.catalog.versions.of(stateMachineArn);
  if (versions.some((version) => version.arn === arn))
    return { stateMachineArn, stateMachineVersionArn: arn };
  if (aliases.some((alias) => alias.arn === arn)) return { stateMachineArn, stateMachineAliasArn: arn };
  throw stateMachineDoesNotExist(arn);
}

function toListItem(row: ExecutionRow): JsonObject {
  return present({
    executionArn: row.arn,
    stateMachineArn: row.stateMachineArn,
    name: row.name,
    status: row.status,
    startDate: wireTime(row.startedAtMs),
    stopDate: row.stoppedAtMs === undefined ? undefined : wireTime(row.stoppedAtMs),
    stateMachineVersionArn: row.stateMachineVersionArn,
    stateMachineAliasArn: row.stateMachineAliasArn,
    ...redriveMembers(row.redrive),
  });
}

async function executionOrChild(call: Call): Promise<Execution | ExpressChild> {
  const text = requiredText(call.request, "executionArn");
  if (!isExpressArn(text)) return existingExecution(call);
  const found = call.engine.express.describe(parseExpressArn(text));
  // Others are refused as the service refuses them: by their kind.
  if (found === undefined && text.includes("/")) {
    const child = await call.engine.mapRuns.expressChild(text);
    if (child === undefined) throw executionDoesNotExist(text);
    return child;
  }
  return found?.execution.started.mapRunArn === undefined ? existingExecution(call) : found.execution;
}

async function existingExecution({ request, engine }: Call): Promise<Execution> {
  const { arn } = parseExecutionArn(requiredText(request, "executionArn"));
  const found = await engine.executions.describe(arn);
  if (!found) throw executionDoesNotExist(arn);
  return found.execution;
}

export function typeNotSupported(): ServiceError {
  const message = "This operation is not supported by this type of state machine";
  return new ServiceError("StateMachineTypeNotSupported", message);
}
