// The engine: what an input does to an execution. Pure and synchronous (D2); see decide.ts and apply.ts.

export { applyTurn } from "./apply.ts";
export { decodeTurn, encodeTurn } from "./codec.ts";
export type { CallTask, Command, TestCaseAttempt } from "./commands.ts";
export { decide, type DecideEnvironment, type Decision } from "./decide.ts";
export type { JournalTurn, TaskId } from "./events.ts";
export type { Execution, ExecutionStatus, Frame, TaskRest } from "./execution.ts";
export { type HistoryEvent, HistoryTeller, projectHistory } from "./history.ts";
export type { Input, StartInput } from "./inputs.ts";
export { type Limits, SERVICE_LIMITS } from "./limits.ts";
export type { MapRunOutcome } from "./inputs.ts";
export type { MapRunPlan, ReaderPlan, WriterPlan } from "./map-run-plan.ts";
export { redriveRefusal, redrivenBy } from "./redrive.ts";
export { needsAttention, nextWakeAt, openMapRuns, openTasks } from "./rest.ts";
export { lastSegment } from "./scope.ts";
export {
  itemProcessorProgram,
  labelOf,
  MapRunFailure,
  type MapRunWork,
  mapRunWork,
  type SelectableItem,
} from "./states/distributed-map.ts";
