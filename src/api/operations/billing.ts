// What the service would bill for an Express execution: duration and memory, rounded up as it does.
// Spec: "Express Workflows pricing details" of the service's pricing page.

import type { JsonObject } from "../../base/json.ts";

const BILLED_MS = 100;
const BILLED_MB = 64;
const MB = 1024 * 1024;
/** The pricing page's examples begin with this; definition and payloads come on top. */
const BASE_MB = 50;

export interface UsedByExpress {
  readonly startedAtMs: number;
  readonly stoppedAtMs: number;
  /** Of definition, payloads and events. */
  readonly usedBytes: number;
}

/** `billingDetails` of the API: to 100 ms, to 64 MB. */
export function billingOf({ startedAtMs, stoppedAtMs, usedBytes }: UsedByExpress): JsonObject {
  return {
    billedDurationInMilliseconds: roundUp(stoppedAtMs - startedAtMs, BILLED_MS),
    billedMemoryUsedInMB: roundUp(BASE_MB + usedBytes / MB, BILLED_MB),
  };
}

function roundUp(value: number, unit: number): number {
  return Math.max(1, Math.ceil(value / unit)) * unit;
}
