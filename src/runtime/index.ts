// The runtime: executions that run, durably, on a store and integrations.

export type { Clock } from "./clock.ts";
export type {
  Activity,
  Catalog,
  EngineService,
  Executions,
  Revision,
  StateMachine,
  Tag,
  Tasks,
} from "./interface.ts";
export type { RefusedStart } from "./refusals.ts";
export type { ObservedTurn, Observer } from "./observer.ts";
export { Runtime, type RuntimeOptions } from "./runtime.ts";
export type { RuntimeSettings } from "./settings.ts";
