// Map Runs: describe, list, change while they run, and the list of their children.
//
// Knows:          how they are shown.
// Does not know:  how they run (runtime/map-runs).
//
// Invariants
//   R1. A page token of ListMapRuns holds the ARN of the last one shown: Map Runs that begin meanwhile, at the other end of
//       the list, neither repeat nor hide others.

import type { JsonObject } from "../../base/json.ts";
import { executionDoesNotExist, resourceNotFound } from "../../runtime/failures.ts";
import type {
  MapRun,
  MapRunChange,
  MapRunChild,
  MapRunCounts,
  MapRunSummary,
} from "../../runtime/interface.ts";
import { parseExecutionArn, parseMapRunArn } from "../arns.ts";
import { invalidToken, issuePageToken, readPageToken, textPosition } from "../page-token.ts";
import type { Call, Operations } from "./call.ts";
import { numberOf, pageSizeOf, present, requiredText, textOf, validationFailed, wireTime } from "./call.ts";
import { pageOfWhole } from "./list-page.ts";
import { redriveMembers } from "./redrive.ts";

export const mapRunOperations: Pick<Operations, "DescribeMapRun" | "ListMapRuns" | "UpdateMapRun"> = {
  DescribeMapRun: describeMapRun,
  ListMapRuns: listMapRuns,
  UpdateMapRun: updateMapRun,
};

async function describeMapRun(call: Call): Promise<JsonObject> {
  const run = await existingMapRun(call, requiredText(call.request, "mapRunArn"));
  return present({
    mapRunArn: run.mapRunArn,
    executionArn: run.executionArn,
    status: run.status,
    startDate: wireTime(run.startedAtMs),
    stopDate: run.stoppedAtMs === undefined ? undefined : wireTime(run.stoppedAtMs),
    maxConcurrency: run.maxConcurrency,
    toleratedFailurePercentage: run.toleratedFailurePercentage,
    toleratedFailureCount: run.toleratedFailureCount,
    itemCounts: showCounts(run.items),
    executionCounts: showCounts(run.executions),
    ...showRedrive(run),
  });
}

/** @throws ServiceError InvalidArn, ResourceNotFound */
async function existingMapRun({ engine }: Call, text: string): Promise<MapRun> {
  const arn = parseMapRunArn(text);
  const run = await engine.mapRuns.describe(arn);
  if (run === undefined) throw resourceNotFound(arn);
  return run;
}

/** Those about redrives came later to the service and are optional: they are shown where they count something. */
function showCounts({ failuresNotRedrivable, pendingRedrive, ...counts }: MapRunCounts): JsonObject {
  return {
    ...counts,
    ...(failuresNotRedrivable === 0 ? {} : { failuresNotRedrivable }),
    ...(pendingRedrive === 0 ? {} : { pendingRedrive }),
  };
}

function showRedrive({
  redriveCount,
  redrivenAtMs,
}: Pick<MapRun, "redriveCount" | "redrivenAtMs">): JsonObject {
  if (redrivenAtMs === undefined) return { redriveCount };
  return redriveMembers({ count: redriveCount, atMs: redrivenAtMs });
}

/** Newest first. @throws ServiceError InvalidArn, InvalidToken, ExecutionDoesNotExist */
async function listMapRuns(call: Call): Promise<JsonObject> {
  const { request, engine } = call;
  const { arn } = parseExecutionArn(requiredText(request, "executionArn"));
  if ((await engine.executions.describe(arn)) === undefined) throw executionDoesNotExist(arn);
  // All of them: an execution's history bounds how many there are.
  const runs = await engine.mapRuns.list(arn, 0, Number.MAX_SAFE_INTEGER);
  const places = new Map(runs.map(({ mapRunArn }, place) => [mapRunArn, place]));
  const placeOf = (mapRunArn: string): number => {
    const place = places.get(mapRunArn);
    if (place === undefined) throw invalidToken();
    return place;
  };
  return pageOfWhole(call, {
    items: runs,
    member: "mapRuns",
    positionOf: ({ mapRunArn }) => mapRunArn,
    isAfter: ({ mapRunArn }, last) => placeOf(mapRunArn) > placeOf(last),
    show: toListItem,
  });
}

function toListItem(run: MapRunSummary): JsonObject {
  const { executionArn, mapRunArn, stateMachineArn, startedAtMs, stoppedAtMs } = run;
  return present({
    executionArn,
    mapRunArn,
    stateMachineArn,
    startDate: wireTime(startedAtMs),
    stopDate: stoppedAtMs === undefined ? undefined : wireTime(stoppedAtMs),
  });
}

/** @throws ServiceError InvalidArn, ResourceNotFound, ValidationException */
async function updateMapRun({ request, engine }: Call): Promise<JsonObject> {
  const arn = parseMapRunArn(requiredText(request, "mapRunArn"));
  const maxConcurrency = numberOf(request, "maxConcurrency");
  const toleratedFailureCount = numberOf(request, "toleratedFailureCount");
  const toleratedFailurePercentage = numberOf(request, "toleratedFailurePercentage");
  const change: MapRunChange = {
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    ...(toleratedFailureCount === undefined ? {} : { toleratedFailureCount }),
    ...(toleratedFailurePercentage === undefined ? {} : { toleratedFailurePercentage }),
  };
  if (Object.keys(change).length === 0) {
    const message =
      "Either the maxConcurrency, the toleratedFailureCount, or the toleratedFailurePercentage must be specified";
    throw validationFailed(message, "MISSING_REQUIRED_PARAMETER");
  }
  if (!(await engine.mapRuns.update(arn, change))) {
    throw validationFailed(
      `The Map Run has completed and cannot be updated: '${arn}'`,
      "CANNOT_UPDATE_COMPLETED_MAP_RUN",
    );
  }
  return {};
}

/**
 * ListExecutions of a Map Run: its children of either type, newest first.
 *
 * @throws ServiceError InvalidArn, InvalidToken, ResourceNotFound
 */
export async function listChildren(call: Call, mapRunArn: string): Promise<JsonObject> {
  const { request, caller, engine, operation } = call;
  const run = await existingMapRun(call, mapRunArn);
  const question = { operation, scope: caller, request };
  const nowMs = engine.now();
  const after = textPosition(readPageToken(question, textOf(request, "nextToken"), nowMs));
  const status = textOf(request, "statusFilter");
  const redriven = textOf(request, "redriveFilter");
  const { children, next } = await engine.mapRuns.children({
    mapRunArn: run.mapRunArn,
    limit: pageSizeOf(request),
    // Checked: the shape of the request has the same statuses.
    ...(status === undefined ? {} : { status: status as MapRunChild["status"] }),
    ...(redriven === undefined ? {} : { isRedriven: redriven === "REDRIVEN" }),
    ...(after === undefined ? {} : { after }),
  });
  return present({
    executions: children.map((child) => toChildItem(child, run)),
    nextToken: next === undefined ? undefined : issuePageToken(question, next, nowMs),
  });
}

function toChildItem(child: MapRunChild, { mapRunArn, stateMachineArn }: MapRun): JsonObject {
  const { executionArn, name, status, startedAtMs, stoppedAtMs, itemCount } = child;
  return present({
    executionArn,
    stateMachineArn,
    name,
    status,
    startDate: wireTime(startedAtMs),
    stopDate: stoppedAtMs === undefined ? undefined : wireTime(stoppedAtMs),
    mapRunArn,
    itemCount,
    ...showRedrive(child),
  });
}
