// What others see of the engine: metrics, traces.

export { Metrics } from "./metrics/metrics.ts";
export { metricsPage, readyPage } from "./metrics/pages.ts";
export { Traces, type TraceSettings } from "./traces/traces.ts";
