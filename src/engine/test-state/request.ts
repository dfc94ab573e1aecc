// What is to be tested, and what came of it: the engine's side of TestState. Checked by whoever makes it.

import type { State } from "../../asl/ast.ts";
import type { Json, JsonObject, Payload } from "../../base/json.ts";

/** What stands for the work of a Task, Map or Parallel. */
export type Mock =
  | { readonly kind: "result"; readonly result: Payload }
  | { readonly kind: "error"; readonly error: string | undefined; readonly cause: string | undefined };

export interface StateTestRequest {
  readonly state: State;
  readonly input: Payload;
  readonly roleArn: string | undefined;
  readonly region: string;
  readonly account: string;
  /** What earlier states have assigned. */
  readonly variables: readonly (readonly [name: string, value: Json])[];
  /** Without it a Task is called and a Wait waits; a Map or Parallel must have one. */
  readonly mock?: Mock;
  /** All that expressions see as the context object, but for the Map part, which is made. */
  readonly context?: JsonObject;
  /** Retries that the Retrier which takes the failure has granted before. */
  readonly retries: number;
  /** Of a Map. */
  readonly failedIterations?: number;
  /** What the ItemReader of a Map would have read. */
  readonly readerData?: string;
}

export interface TestedState {
  readonly status: "SUCCEEDED" | "FAILED" | "RETRIABLE" | "CAUGHT_ERROR";
  readonly output?: Payload;
  readonly error?: string;
  readonly cause?: string;
  readonly nextState?: string;
  /** The stages of the data flow that the service shows for the state, in their order. */
  readonly stages: readonly (readonly [name: string, value: Payload])[];
  readonly errorDetails?: ErrorDetails;
}

export interface ErrorDetails {
  readonly catchIndex?: number;
  readonly retryIndex?: number;
  /** Whole seconds, rounded up. */
  readonly retryBackoffIntervalSeconds?: number;
}
