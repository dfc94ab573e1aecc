// The settings that come with a state machine or an activity: logging, tracing, encryption. Checked, defaults
// filled in, in the form in which Describe… shows them.

import type { JsonObject } from "../../base/json.ts";
import { isObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { flagOf, listOf, present, structureOf, textOf } from "./call.ts";

export const AWS_OWNED_KEY: JsonObject = { type: "AWS_OWNED_KEY" };

/** `{ level, includeExecutionData, destinations? }`. @throws ServiceError InvalidLoggingConfiguration */
export function toLoggingConfiguration(given: JsonObject = {}): JsonObject {
  const level = textOf(given, "level") ?? "OFF";
  const destinations = listOf(given, "destinations");
  const logGroups = (destinations ?? []).map((destination) =>
    isObject(destination) ? structureOf(destination, "cloudWatchLogsLogGroup") : undefined,
  );
  const isOneWanted = level !== "OFF" || logGroups.length > 0;
  if (isOneWanted && (logGroups.length !== 1 || logGroups[0] === undefined)) {
    throw invalidLogging("Must specify exactly one Log Destination.");
  }
  for (const group of logGroups) {
    // Whether the group exists is not known here; that this can be the ARN of one is.
    const arn = textOf(group ?? {}, "logGroupArn") ?? "";
    if (!/^arn:[^:]+:logs:[^:]*:[^:]*:log-group:[^:]+:\*$/u.test(arn)) {
      throw invalidLogging("Log Destination not found.");
    }
  }
  return present({
    destinations,
    includeExecutionData: flagOf(given, "includeExecutionData") ?? false,
    level,
  });
}

function invalidLogging(problem: string): ServiceError {
  return new ServiceError("InvalidLoggingConfiguration", `Invalid Logging Configuration: ${problem}`);
}

/** `{ enabled }` */
export function toTracingConfiguration(given: JsonObject = {}): JsonObject {
  return { enabled: flagOf(given, "enabled") ?? false };
}

/**
 * `{ type }`. A key of one's own is refused rather than ignored: nothing would be encrypted with it.
 *
 * @throws ServiceError InvalidEncryptionConfiguration
 */
export function toEncryptionConfiguration(given: JsonObject = AWS_OWNED_KEY): JsonObject {
  const isOwned = textOf(given, "type") === "AWS_OWNED_KEY";
  if (!isOwned || "kmsKeyId" in given || "kmsDataKeyReusePeriodSeconds" in given) {
    const problem = isOwned
      ? "kmsKeyId and kmsDataKeyReusePeriodSeconds need the type CUSTOMER_MANAGED_KMS_KEY."
      : "CUSTOMER_MANAGED_KMS_KEY is not available in this version of Stepwell.";
    throw new ServiceError("InvalidEncryptionConfiguration", `Invalid Encryption Configuration: ${problem}`);
  }
  return AWS_OWNED_KEY;
}
