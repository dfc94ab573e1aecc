// What the runtime asks of an integration: call something outside, once, and say how it ended.
//
// Knows:          parameters, tokens, endpoints. Does not know: stores, frames, histories.
//
// Invariants
//   N1. `call` is made after the attempt's TaskStarted is durable, at most once for each attempt (D7).
//   N2. An outcome is a value, never a throw. A throw is a bug of the integration and fails the attempt.
//   N3. An integration that can find out what became of an earlier call has `resume`; for the others an
//       attempt that was under way when the process died has an unknown outcome, and fails.

import type { Resource } from "../asl/ast.ts";
import type { JsonObject, Payload } from "../base/json.ts";

/**
 * The reason that `signal` is aborted with when this process lets go of an attempt that lives on (it is closing):
 * waiting ends, but the work outside must not be stopped; `resume` takes it up again later.
 */
export class LetGo extends Error {
  override readonly name = "LetGo";
}

export interface TaskCall {
  readonly resource: Resource;
  readonly parameters: Payload;
  readonly executionArn: string;
  readonly stateMachineArn: string;
  /** The same for the attempt whenever it is asked for: idempotency tokens and names are derived from it. */
  readonly attemptId: string;
  readonly region: string;
  readonly account: string;
  readonly traceHeader?: string;
  readonly timeoutAtMs?: number;
  /** Aborted when the attempt is dead: stop the work outside, best effort (unless its reason is a LetGo). */
  readonly signal: AbortSignal;
  /** For `.sync` and `.waitForTaskToken`: records that the call was accepted (TaskSubmitted), durable when it resolves. */
  readonly submitted: (output: Payload) => Promise<void>;
}

export type TaskOutcome =
  | { readonly kind: "succeeded"; readonly output: Payload }
  | {
      readonly kind: "failed";
      readonly phase: "schedule" | "start" | "submit" | "run";
      readonly error: string;
      readonly cause?: string;
      /** True: fails the state without a …Failed event of its own (States.Runtime). */
      readonly runtime?: boolean;
    }
  /** `.waitForTaskToken`: accepted; the outcome comes by token. */
  | { readonly kind: "pending" };

export interface Integration {
  readonly call: (call: TaskCall) => Promise<TaskOutcome>;
  /** After a restart: picks up an attempt whose call was made (`submitted` tells whether that much is known). */
  readonly resume?: (call: TaskCall, submitted: boolean) => Promise<TaskOutcome>;
}

/** Our own API, as nested executions and `aws-sdk:sfn` tasks use it. */
export interface ServiceClient {
  /** Any operation, `StartExecution`, with the members of the wire. @throws ServiceError */
  readonly call: (operation: string, input: JsonObject, signal: AbortSignal) => Promise<JsonObject>;
  /** Resolves once the execution has ended (at once if it has). @throws ServiceError ExecutionDoesNotExist */
  readonly waitForEnd: (executionArn: string, signal: AbortSignal) => Promise<void>;
}
