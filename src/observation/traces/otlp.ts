// Spans in the JSON form of the OpenTelemetry protocol.
//
// Spec: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Ids are hexadecimal there, 64-bit numbers are
// texts, enumerations are numbers.

import type { Json } from "../../base/json.ts";
import type { Attributes, Span } from "./spans.ts";

const KINDS: Readonly<Record<Span["kind"], number>> = { internal: 1, client: 3 };
const OK = 1;
const ERROR = 2;

/** The body of a request to `/v1/traces`. */
export function encodeTraces(spans: readonly Span[], resource: Attributes): string {
  const body: Json = {
    resourceSpans: [
      {
        resource: { attributes: encodeAttributes(resource) },
        scopeSpans: [{ scope: { name: "stepwell" }, spans: spans.map(encodeSpan) }],
      },
    ],
  };
  return JSON.stringify(body);
}

function encodeSpan({ status, ...span }: Span): Json {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: encodeAttributes(span.attributes),
    events: span.events.map(({ name, atMs, attributes }) => ({
      name,
      timeUnixNano: nanoseconds(atMs),
      attributes: encodeAttributes(attributes),
    })),
    ...(status === undefined
      ? {}
      : { status: status.ok ? { code: OK } : { code: ERROR, message: status.message } }),
  };
}

function encodeAttributes(attributes: Attributes): Json[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === "string"
        ? { stringValue: value }
        : Number.isInteger(value)
          ? { intValue: String(value) }
          : { doubleValue: value },
  }));
}

/** Times are whole milliseconds. */
function nanoseconds(ms: number): string {
  return `${ms}000000`;
}
