// Definitions at the door: what is wrong with them, in all detail or in one message.

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { type Diagnostic, parse, serviceText, toServiceMessage } from "../../asl/index.ts";
import type { Limits } from "../../engine/limits.ts";
import type { StateMachine } from "../../runtime/interface.ts";
import type { Call, Operations } from "./call.ts";
import { pageSizeOf, requiredText, textOf } from "./call.ts";

/** @throws ServiceError InvalidDefinition */
export function checkDefinition(definition: string, type: StateMachine["type"], limits: Limits): void {
  const { diagnostics } = parse(definition, { type, maxBytes: limits.definitionBytes });
  const errors = diagnostics.filter(({ severity }) => severity === "ERROR");
  if (errors.length > 0) throw new ServiceError("InvalidDefinition", toServiceMessage(errors));
}

export const definitionOperations: Pick<Operations, "ValidateStateMachineDefinition"> = {
  ValidateStateMachineDefinition: async ({ request, settings }: Call) => {
    const type = textOf(request, "type") === "EXPRESS" ? "EXPRESS" : "STANDARD";
    const isWithWarnings = textOf(request, "severity") === "WARNING";
    const { diagnostics } = parse(requiredText(request, "definition"), {
      type,
      maxBytes: settings.limits.definitionBytes,
      advice: isWithWarnings,
    });
    const asked = diagnostics.filter(({ severity }) => isWithWarnings || severity === "ERROR");
    const shown = asked.slice(0, pageSizeOf(request));
    return {
      result: diagnostics.some(({ severity }) => severity === "ERROR") ? "FAIL" : "OK",
      diagnostics: shown.map(toWire),
      truncated: shown.length < asked.length,
    };
  },
};

function toWire(diagnostic: Diagnostic): JsonObject {
  const { severity, code, location } = diagnostic;
  return { severity, code, message: serviceText(diagnostic), ...(location === "" ? {} : { location }) };
}
