// Which trace an execution belongs to: the `traceHeader` of its start, or one of its own.
//
// Spec: "Tracing header" of the AWS X-Ray developer guide.

import { createHash } from "node:crypto";

export interface Parent {
  readonly traceId: string;
  readonly spanId: string | undefined;
  /** Undefined: left to the receiver. */
  readonly isSampled: boolean | undefined;
}

/**
 * `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`: the id of a trace in X-Ray's form has
 * the digits of one in OpenTelemetry's. Undefined if there is no such root.
 */
export function parseTraceHeader(header: string | undefined): Parent | undefined {
  if (header === undefined) return undefined;
  const fields = new Map(
    header.split(";").map((field) => {
      const [name = "", ...value] = field.trim().split("=");
      return [name.toLowerCase(), value.join("=")] as const;
    }),
  );
  const root = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/iu.exec(fields.get("root") ?? "");
  if (root === null) return undefined;
  const parent = fields.get("parent") ?? "";
  const sampled = fields.get("sampled");
  return {
    traceId: `${root[1]}${root[2]}`.toLowerCase(),
    spanId: /^[0-9a-f]{16}$/iu.test(parent) ? parent.toLowerCase() : undefined,
    isSampled: sampled === "1" ? true : sampled === "0" ? false : undefined,
  };
}

/** The first digits of a hash, which are never all zero (that would be no id). */
export function idOf(text: string, digits: 16 | 32): string {
  const id = createHash("sha256").update(text).digest("hex").slice(0, digits);
  return /^0+$/u.test(id) ? `${id.slice(1)}1` : id;
}

/** Whether a share of all traces, from 0 to 1, takes this one: the same answer wherever it is asked. */
export function isSampled(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32;
}
