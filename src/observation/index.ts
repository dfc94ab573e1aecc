// What others see of the engine: metrics, traces, the logs of executions.

export { CloudWatchLogs } from "./logs/cloudwatch.ts";
export { EXECUTION_LOGS, fileNameOf, LogFiles } from "./logs/log-files.ts";
export { ExecutionLogs, type LogSink } from "./logs/logs.ts";
export { Metrics } from "./metrics/metrics.ts";
export { metricsPage, readyPage } from "./metrics/pages.ts";
export { Traces, type TraceSettings } from "./traces/traces.ts";
