// What an operator may set of the runtime. Limits of the service are elsewhere (engine/limits.ts).

export interface RuntimeSettings {
  /** Units of ownership. Fixed when the store is made; later values are ignored. */
  readonly shards: number;
  /** Calls of integrations under way at once; further tasks stay scheduled. */
  readonly callsUnderWay: number;
  /** Hand out again an attempt whose outcome is unknown after a crash, with the same attemptId (D7). */
  readonly redeliverUnknown: boolean;
  /** Idle executions that are kept in memory. */
  readonly cachedExecutions: number;
  /** Executions that are being worked on; past it starts are refused with ThrottlingException. */
  readonly busyExecutions: number;
  /** Turns decided and not yet durable; past either starts are refused with ThrottlingException. */
  readonly queuedTurns: number;
  readonly queuedChars: number;
  /** Open executions; past it starts are refused with ExecutionLimitExceeded. */
  readonly openExecutions: number;
  /** Children of one Map Run at a time, where MaxConcurrency says nothing, or more. */
  readonly mapRunChildren: number;
  /** Express executions that run at once; past it starts are refused with ThrottlingException. */
  readonly expressExecutions: number;
  /** Memory for Express executions that have ended, in characters: they can be read until it is full. */
  readonly expressKeptChars: number;
  /** Past them creating fails with StateMachineLimitExceeded and ActivityLimitExceeded. */
  readonly stateMachines: number;
  readonly activities: number;
  /** Workers that wait for a task of one activity; past them polling fails with ActivityWorkerLimitExceeded. */
  readonly activityPollers: number;
  /** Of one state machine; past them publishing and creating fail with ServiceQuotaExceededException. */
  readonly versionsPerMachine: number;
  readonly aliasesPerMachine: number;
}

export const DEFAULT_SETTINGS: RuntimeSettings = {
  shards: 1,
  callsUnderWay: 1000,
  redeliverUnknown: false,
  cachedExecutions: 10_000,
  busyExecutions: 50_000,
  queuedTurns: 50_000,
  queuedChars: 256 * 1024 * 1024,
  openExecutions: 1_000_000,
  mapRunChildren: 10_000,
  expressExecutions: 50_000,
  expressKeptChars: 32 * 1024 * 1024,
  stateMachines: 100_000,
  activities: 100_000,
  activityPollers: 1_000,
  versionsPerMachine: 1_000,
  aliasesPerMachine: 100,
};
