// Log events of executions that this server has kept in memory (own-requests.ts documents the request).
//
// Knows:          how a page is shown. Does not know: what is kept, and for how long (observation/logs/log-ring.ts).

import type { JsonObject } from "../../base/json.ts";
import { invalidToken } from "../page-token.ts";
import { type Call, pageSizeOf, textOf, validationFailed } from "./call.ts";

/** @throws ServiceError InvalidToken; ValidationException where the server keeps none */
export function getLogEvents({ request, settings }: Call): Promise<JsonObject> {
  if (settings.logEvents === undefined) {
    throw validationFailed("This server keeps no log events in memory: it was started with --log-buffer 0");
  }
  const page = settings.logEvents({
    group: textOf(request, "logGroupName"),
    position: textOf(request, "nextToken"),
    limit: pageSizeOf(request, 1_000),
  });
  if (page === undefined) throw invalidToken();
  return Promise.resolve({
    events: page.events.map(({ group, line }) => ({ logGroupName: group, message: line })),
    nextForwardToken: page.position,
    lostCount: page.lostCount,
  });
}
