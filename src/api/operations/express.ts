// Express executions that can be read: what runs now, and what ended lately (own-requests.ts documents the requests).
//
// Knows:          how they are shown.
// Does not know:  how long they are kept (runtime/express.ts, X4).
//
// Invariants
//   O1. A page token of the list holds start and ARN of the last one shown, in the order of the list: executions that
//       begin or are forgotten meanwhile neither repeat nor hide others.

import type { JsonObject } from "../../base/json.ts";
import type { Execution } from "../../engine/execution.ts";
import { executionDoesNotExist } from "../../runtime/failures.ts";
import type { ExpressSummary } from "../../runtime/interface.ts";
import { parseExpressArn } from "../arns.ts";
import type { OwnOperationName } from "../own-requests.ts";
import { issuePageToken, numberPosition, readPageToken } from "../page-token.ts";
import { billingOf, type UsedByExpress } from "./billing.ts";
import {
  type Call,
  flagOf,
  type Operation,
  pageSizeOf,
  present,
  requiredText,
  textOf,
  validationFailed,
  wireTime,
} from "./call.ts";
import { typeNotSupported } from "./executions.ts";
import { toWire, withinSize } from "./history.ts";
import { getLogEvents } from "./log-events.ts";
import { pageOfWhole } from "./list-page.ts";
import { existingStateMachine, unlabelled } from "./state-machines.ts";

export const ownOperations: Readonly<Record<OwnOperationName, Operation>> = {
  "Stepwell.DescribeExpressExecution": describeExpressExecution,
  "Stepwell.GetExpressExecutionHistory": getExpressExecutionHistory,
  "Stepwell.GetLogEvents": getLogEvents,
  "Stepwell.ListExpressExecutions": listExpressExecutions,
};

/** @throws ServiceError InvalidArn, StateMachineDoesNotExist, StateMachineTypeNotSupported */
async function listExpressExecutions(call: Call): Promise<JsonObject> {
  const { request, engine } = call;
  const { arn, qualifier } = unlabelled(requiredText(request, "stateMachineArn"));
  if (qualifier !== undefined) {
    throw validationFailed("Express executions are listed by their state machine, not by version or alias");
  }
  const machine = await existingStateMachine(engine, arn);
  if (machine.type !== "EXPRESS") throw typeNotSupported();
  const status = textOf(request, "statusFilter");
  const found = engine.express
    .list(arn)
    .filter((item) => status === undefined || item.status === status)
    .map((item) => ({ item, position: positionOf(item) }));
  return pageOfWhole(call, {
    items: found.toSorted((a, b) => (a.position > b.position ? -1 : 1)),
    member: "executions",
    positionOf: ({ position }) => position,
    isAfter: ({ position }, last) => position < last,
    show: ({ item }) => toListItem(item),
  });
}

/** Sorts by time, then by ARN: milliseconds of any year that matters have 13 digits; 15 leave room. */
function positionOf({ startedAtMs, executionArn }: ExpressSummary): string {
  return `${String(startedAtMs).padStart(15, "0")} ${executionArn}`;
}

function toListItem(item: ExpressSummary): JsonObject {
  const { executionArn, stateMachineArn, name, status, startedAtMs, stoppedAtMs, usedBytes } = item;
  return present({
    executionArn,
    stateMachineArn,
    name,
    status,
    startDate: wireTime(startedAtMs),
    stopDate: stoppedAtMs === undefined ? undefined : wireTime(stoppedAtMs),
    billingDetails:
      stoppedAtMs === undefined ? undefined : billingOf({ startedAtMs, stoppedAtMs, usedBytes }),
  });
}

/** @throws ServiceError InvalidArn, ExecutionDoesNotExist (also once it is not kept any more) */
function describeExpressExecution({ request, engine }: Call): Promise<JsonObject> {
  const arn = parseExpressArn(requiredText(request, "executionArn"));
  const found = engine.express.describe(arn);
  if (found === undefined) throw executionDoesNotExist(arn);
  return Promise.resolve(showExpress(found, textOf(request, "includedData")));
}

/** As StartSyncExecution answers; one that runs has no end and no bill yet. */
export function showExpress(
  { execution, usedBytes }: { readonly execution: Execution; readonly usedBytes: number },
  includedData: string | undefined,
): JsonObject {
  const { started, startedAtMs, stoppedAtMs, status, output, error, cause } = execution;
  const isWithData = includedData !== "METADATA_ONLY";
  const details = { included: isWithData };
  const used: UsedByExpress | undefined =
    stoppedAtMs === undefined ? undefined : { startedAtMs, stoppedAtMs, usedBytes };
  return present({
    executionArn: started.executionArn,
    stateMachineArn: started.stateMachineArn,
    name: started.name,
    startDate: wireTime(startedAtMs),
    stopDate: stoppedAtMs === undefined ? undefined : wireTime(stoppedAtMs),
    status,
    error: isWithData ? error : undefined,
    cause: isWithData ? cause : undefined,
    input: isWithData ? started.input.text : undefined,
    inputDetails: details,
    output: isWithData ? output?.text : undefined,
    outputDetails: output && details,
    traceHeader: started.traceHeader,
    billingDetails: used && billingOf(used),
  });
}

/** @throws ServiceError InvalidArn, InvalidToken, ExecutionDoesNotExist */
function getExpressExecutionHistory({ request, caller, engine, operation }: Call): Promise<JsonObject> {
  const arn = parseExpressArn(requiredText(request, "executionArn"));
  const question = { operation, scope: caller, request };
  const nowMs = engine.now();
  const shownId = numberPosition(readPageToken(question, textOf(request, "nextToken"), nowMs));
  const isReverse = flagOf(request, "reverseOrder") ?? false;
  const isWithData = flagOf(request, "includeExecutionData") ?? true;
  const events = engine.express.history(arn);
  if (events === undefined) throw executionDoesNotExist(arn);

  const ordered = isReverse ? events.toReversed() : events;
  const left =
    shownId === undefined ? ordered : ordered.filter(({ id }) => (isReverse ? id < shownId : id > shownId));
  const page = withinSize(left.slice(0, pageSizeOf(request)));
  const last = page.at(-1);
  return Promise.resolve(
    present({
      events: page.map((event) => toWire(event, isWithData)),
      nextToken:
        last !== undefined && page.length < left.length
          ? issuePageToken(question, last.id, nowMs)
          : undefined,
    }),
  );
}
