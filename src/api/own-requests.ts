// The requests of our own operations: what the service does not have, under a prefix that it will never use.
//
// Knows:          names, types and limits of their members; this is the place that documents them for clients.
// Does not know:  what they do (operations/express.ts, operations/log-events.ts).
//
// The header is `X-Amz-Target: Stepwell.<Operation>`; all else is as for the service's operations: POST /, AWS JSON
// 1.0, signatures, page tokens, errors. The service keeps no record of Express executions, so its own operations
// refuse their ARNs, here too; three of these read what is still in memory. The log events of executions are in
// CloudWatch Logs where the service runs; the last one reads those that this server has kept.
//
//   Stepwell.ListExpressExecutions       stateMachineArn, statusFilter?, maxResults?, nextToken?
//                                        → executions[] (newest first; each with billingDetails once it has ended), nextToken?
//   Stepwell.DescribeExpressExecution    executionArn, includedData?   → as StartSyncExecution answers, RUNNING ones too
//   Stepwell.GetExpressExecutionHistory  as GetExecutionHistory        → events[], nextToken?
//   Stepwell.GetLogEvents                logGroupName?, maxResults?, nextToken?
//                                        → events[] (oldest first; logGroupName and message, which is JSON), nextForwardToken,
//                                          lostCount. As CloudWatch Logs has it: there is always a next token, and with
//                                          nothing new the page is empty. lostCount: so many were gone before this page.

import type { StructureShape } from "./shapes.ts";
import { flag, oneOf, structure, text, whole } from "./shapes.ts";

/** With the prefix: what X-Amz-Target says. */
export type OwnOperationName =
  | "Stepwell.DescribeExpressExecution"
  | "Stepwell.GetExpressExecutionHistory"
  | "Stepwell.GetLogEvents"
  | "Stepwell.ListExpressExecutions";

export const OWN_PREFIX = "Stepwell.";

export function ownRequestShapes(): Readonly<Record<OwnOperationName, StructureShape>> {
  // Longer than those of Standard executions: two names and an id.
  const executionArn = text(1, 512);
  const maxResults = whole(0, 1000);
  const nextToken = text(1, 1024);
  return {
    "Stepwell.DescribeExpressExecution": structure("DescribeExpressExecutionInput", {
      "executionArn*": executionArn,
      includedData: oneOf("ALL_DATA", "METADATA_ONLY"),
    }),
    "Stepwell.GetExpressExecutionHistory": structure("GetExpressExecutionHistoryInput", {
      "executionArn*": executionArn,
      maxResults,
      reverseOrder: flag,
      nextToken,
      includeExecutionData: flag,
    }),
    "Stepwell.GetLogEvents": structure("GetLogEventsInput", {
      logGroupName: text(1, 512),
      maxResults: whole(0, 10_000),
      nextToken,
    }),
    "Stepwell.ListExpressExecutions": structure("ListExpressExecutionsInput", {
      "stateMachineArn*": text(1, 256),
      statusFilter: oneOf("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT"),
      maxResults,
      nextToken,
    }),
  };
}
