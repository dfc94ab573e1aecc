// The pages that operators and their tools ask for: /metrics and /ready.
//
// Invariants
//   O1. Metrics name state machines and resources, so where requests must be signed they are shown to this machine only,
//       unless the operator opened them: Prometheus does not sign.

import type { IncomingMessage } from "node:http";
import type { Metrics, Statistics } from "./metrics.ts";
import { CONTENT_TYPE } from "./registry.ts";

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}
type Show = (request: IncomingMessage) => Promise<Page>;

/** @param isOpen Whether anybody who reaches the server may read them (O1). */
export function metricsPage(metrics: Metrics, statistics: () => Promise<Statistics>, isOpen: boolean): Show {
  return async ({ socket }) => {
    if (!isOpen && !isLoopback(socket.remoteAddress)) {
      const body =
        "Metrics are shown to this machine only: start the server with --open-metrics to change that.\n";
      return { status: 403, contentType: "text/plain; charset=utf-8", body };
    }
    return { status: 200, contentType: CONTENT_TYPE, body: metrics.text(await statistics()) };
  };
}

/** @param notReady Why requests should go elsewhere; undefined: they are welcome. */
export function readyPage(notReady: () => string | undefined): Show {
  return async () => {
    const reason = notReady();
    const body = reason === undefined ? { status: "ready" } : { status: "not ready", reason };
    return {
      status: reason === undefined ? 200 : 503,
      contentType: "application/json",
      body: JSON.stringify(body),
    };
  };
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/u.test(address);
}
