// What others see of the engine: metrics, traces, the logs and status changes of executions.

export { eventBus, type EventTarget, StatusChanges, webhook } from "./events/status-changes.ts";
export { CloudWatchLogs } from "./logs/cloudwatch.ts";
export { isLogged } from "./logs/log-event.ts";
export { EXECUTION_LOGS, fileNameOf, LogFiles } from "./logs/log-files.ts";
export { LogRing } from "./logs/log-ring.ts";
export type { LogSink } from "./logs/log-sink.ts";
export { ExecutionLogs } from "./logs/logs.ts";
export { Metrics } from "./metrics/metrics.ts";
export { metricsPage, readyPage } from "./metrics/pages.ts";
export { Traces, type TraceSettings } from "./traces/traces.ts";
