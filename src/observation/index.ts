// What others see of the engine: traces.

export { Traces, type TraceSettings } from "./traces/traces.ts";
