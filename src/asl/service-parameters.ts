// Which Parameters the service integrations take, of those whose API this program knows.
//
// Read twice: for the definition, where a name that can never be right is a fault, and by the integrations for what
// the state machine then hands in.

export interface ServiceParameters {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

export const LAMBDA_INVOKE: ServiceParameters = {
  required: ["FunctionName"],
  optional: ["ClientContext", "InvocationType", "LogType", "Payload", "Qualifier"],
};

export const START_EXECUTION: ServiceParameters = {
  required: ["StateMachineArn"],
  optional: ["Input", "Name", "TraceHeader"],
};

/** By `service:api`. */
export const SERVICE_PARAMETERS: ReadonlyMap<string, ServiceParameters> = new Map([
  ["lambda:invoke", LAMBDA_INVOKE],
  ["states:startExecution", START_EXECUTION],
]);

/** The members that there may be. */
export function memberNames({ required, optional }: ServiceParameters): readonly string[] {
  return [...required, ...optional];
}
