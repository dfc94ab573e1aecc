// GetExecutionHistory: pages of the history, in either order, in the form of the wire.
//
// Invariants
//   H1. A page token holds the id of the last event shown. Ids count from 1 without gaps, so pages neither skip
//       nor repeat events while an open execution goes on writing.
//   H2. A page ends early rather than grow past PAGE_CHARS; it holds at least one event.

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { HistoryEvent } from "../../engine/history.ts";
import { parseExecutionArn } from "../arns.ts";
import { issuePageToken, numberPosition, readPageToken } from "../page-token.ts";
import type { Call } from "./call.ts";
import { flagOf, pageSizeOf, present, requiredText, textOf, wireTime } from "./call.ts";

/** A page of 1,000 events could hold half a gigabyte; the service cuts pages too, at a size it does not tell. */
const PAGE_CHARS = 4_000_000;

/** Members of event details that are the user's data, or speak about it. */
const DATA_MEMBERS: ReadonlySet<string> = new Set([
  "input",
  "inputDetails",
  "output",
  "outputDetails",
  "parameters",
  "assignedVariables",
  "assignedVariablesDetails",
]);

export async function getExecutionHistory(call: Call): Promise<JsonObject> {
  const { request, caller, engine, operation } = call;
  const { arn } = parseExecutionArn(requiredText(request, "executionArn"));
  const question = { operation, scope: caller, request };
  const nowMs = engine.now();
  const shownId = numberPosition(readPageToken(question, textOf(request, "nextToken"), nowMs));
  const isReverse = flagOf(request, "reverseOrder") ?? false;
  const isWithData = flagOf(request, "includeExecutionData") ?? true;

  const { events, total } = await read(call, arn, isReverse, shownId);
  const page = withinSize(events);
  const lastId = page.at(-1)?.id;
  const isMore = lastId !== undefined && (isReverse ? lastId > 1 : lastId < total);
  return present({
    events: page.map((event) => toWire(event, isWithData)),
    nextToken: isMore ? issuePageToken(question, lastId, nowMs) : undefined,
  });
}

/** At most a page of events after `shownId` in the asked-for order. */
async function read(
  { request, engine }: Call,
  arn: string,
  isReverse: boolean,
  shownId: number | undefined,
): Promise<{ readonly events: readonly HistoryEvent[]; readonly total: number }> {
  const size = pageSizeOf(request);
  // Seen from the end, the ordinal of an event changes with every event that is added (H1): pages after the first
  // are read from the beginning.
  const isFromEnd = isReverse && shownId === undefined;
  const limit = isReverse && shownId !== undefined ? Math.max(0, Math.min(size, shownId - 1)) : size;
  const offset = shownId === undefined ? 0 : isReverse ? shownId - 1 - limit : shownId;
  const found = await engine.executions.history(arn, {
    reverse: isFromEnd,
    limit,
    offset: Math.max(0, offset),
  });
  if (!found) throw new ServiceError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
  return isReverse && !isFromEnd ? { ...found, events: found.events.toReversed() } : found;
}

/** As many of a page as fit (H2). */
export function withinSize(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  let chars = 0;
  const end = events.findIndex(({ details = {} }) => {
    for (const value of Object.values(details)) chars += typeof value === "string" ? value.length : 0;
    return chars > PAGE_CHARS;
  });
  return end < 0 ? events : events.slice(0, Math.max(1, end));
}

/** `{ timestamp, type, id, previousEventId, …EventDetails }` */
export function toWire(event: HistoryEvent, isWithData: boolean): JsonObject {
  const { id, previousEventId, timestampMs, type, detailsName, details = {} } = event;
  const shown = isWithData
    ? details
    : Object.fromEntries(Object.entries(details).filter(([name]) => !DATA_MEMBERS.has(name)));
  return {
    timestamp: wireTime(timestampMs),
    type,
    id,
    previousEventId,
    ...(detailsName === undefined ? {} : { [detailsName]: shown }),
  };
}
