// The requests of our own operations: what the service does not have, under a prefix that it will never use.
//
// Knows:          names, types and limits of their members; this is the place that documents them for clients.
// Does not know:  what they do (operations/express.ts).
//
// The header is `X-Amz-Target: Stepwell.<Operation>`; all else is as for the service's operations: POST /, AWS JSON
// 1.0, signatures, page tokens, errors. The service keeps no record of Express executions, so its own operations
// refuse their ARNs, here too; these three read what is still in memory.
//
//   Stepwell.ListExpressExecutions       stateMachineArn, statusFilter?, maxResults?, nextToken?
//                                        → executions[] (newest first; each with billingDetails once it has ended), nextToken?
//   Stepwell.DescribeExpressExecution    executionArn, includedData?   → as StartSyncExecution answers, RUNNING ones too
//   Stepwell.GetExpressExecutionHistory  as GetExecutionHistory        → events[], nextToken?

import type { StructureShape } from "./shapes.ts";
import { flag, oneOf, structure, text, whole } from "./shapes.ts";

/** With the prefix: what X-Amz-Target says. */
export type OwnOperationName =
  | "Stepwell.DescribeExpressExecution"
  | "Stepwell.GetExpressExecutionHistory"
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
    "Stepwell.ListExpressExecutions": structure("ListExpressExecutionsInput", {
      "stateMachineArn*": text(1, 256),
      statusFilter: oneOf("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT"),
      maxResults,
      nextToken,
    }),
  };
}
