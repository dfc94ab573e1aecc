// All operations by name. A total table: an operation of the API without an entry does not compile.

import { activityOperations } from "./activities.ts";
import { aliasOperations } from "./aliases.ts";
import type { Operations } from "./call.ts";
import { definitionOperations } from "./definitions.ts";
import { executionOperations } from "./executions.ts";
import { mapRunOperations } from "./map-runs.ts";
import { redriveOperations } from "./redrive.ts";
import { stateMachineOperations } from "./state-machines.ts";
import { syncOperations } from "./sync.ts";
import { tagOperations } from "./tags.ts";
import { testStateOperations } from "./test-state.ts";
import { versionOperations } from "./versions.ts";

/** The operations with what they share: whose tags are being changed. One per API. */
export function createOperations(): Operations {
  return {
    ...stateMachineOperations,
    ...versionOperations,
    ...aliasOperations,
    ...executionOperations,
    ...redriveOperations,
    ...mapRunOperations,
    ...syncOperations,
    ...activityOperations,
    ...tagOperations(),
    ...definitionOperations,
    ...testStateOperations,
  };
}
