// The service's limits as settings. Spec: "Quotas" of the developer guide.

import { DEFAULT_JSONATA_LIMITS, type JsonataLimits } from "../asl/jsonata/index.ts";

export interface Limits {
  /** UTF-8 bytes of an input, an output, a parameter or a result. */
  readonly payloadBytes: number;
  /** Visible events of one execution; the last is ExecutionFailed if it has not ended by then. */
  readonly historyEvents: number;
  /** UTF-8 bytes of a definition. */
  readonly definitionBytes: number;
  /** How long an execution may be open. */
  readonly executionSeconds: number;
  /** Iterations of an inline Map side by side, where MaxConcurrency asks for more or for no limit. */
  readonly inlineMapConcurrency: number;
  /** UTF-16 units kept of an error name, of a cause. */
  readonly errorChars: number;
  readonly causeChars: number;
  /** UTF-8 bytes of one variable, of all variables of an execution. */
  readonly variableBytes: number;
  readonly variablesBytes: number;
  /** What one JSONata evaluation may use. The service counts otherwise (a second, bytes, 100 levels). */
  readonly jsonata: JsonataLimits;
  /**
   * Steps of evaluation (and so many for each state) after which a turn enters no further state: the next turn goes
   * on. The evaluations of one turn may use ten times as much, then they fail. A step is 20 to 50 ns.
   */
  readonly turnSteps: number;
}

export const SERVICE_LIMITS: Limits = {
  payloadBytes: 262_144,
  historyEvents: 25_000,
  definitionBytes: 1_048_576,
  executionSeconds: 31_536_000,
  inlineMapConcurrency: 40,
  errorChars: 256,
  causeChars: 32_768,
  variableBytes: 262_144,
  variablesBytes: 10_485_760,
  jsonata: DEFAULT_JSONATA_LIMITS,
  turnSteps: 1_000_000,
};
