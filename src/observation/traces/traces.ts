// Traces of executions, sent to a collector of OpenTelemetry when an execution ends.
//
// Knows:          which executions are traced, what waits to be sent, how often a request is tried.
// Does not know:  what a span is (spans.ts), the wire format (otlp.ts).
//
// Invariants
//   T1. Nothing here holds an execution up: what cannot be sent is dropped, and the log says how much.
//   T2. Memory is bounded: `MAX_ENDED` executions whose journal is still to be read, the spans of one request and of one
//       execution more.
//   T3. Best effort: what waits when the process dies is not sent. `close` sends what it can within its time.
//
// Spec: https://opentelemetry.io/docs/specs/otlp/#otlphttp

import type { Log } from "../../base/log.ts";
import type { Observer, ObservedTurn } from "../../runtime/observer.ts";
import { Backlog } from "../backlog.ts";
import { post, type PostOptions } from "../post.ts";
import { encodeTraces } from "./otlp.ts";
import { type Span, spansOf } from "./spans.ts";
import { idOf, isSampled, parseTraceHeader } from "./trace-context.ts";

export interface TraceSettings {
  /** Of the collector: `http://127.0.0.1:4318`; `/v1/traces` is added. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** The share of executions, 0 to 1, whose start does not say whether it is sampled. */
  readonly ratio: number;
}

export interface TraceOptions {
  readonly settings: TraceSettings;
  readonly log: Log;
  readonly delayMs?: PostOptions["delayMs"];
}

const MAX_ENDED = 10_000;
const SPANS_PER_REQUEST = 2_000;

export class Traces {
  readonly #options: TraceOptions;
  readonly #ended: Backlog<ObservedTurn>;

  constructor(options: TraceOptions) {
    this.#options = options;
    this.#ended = new Backlog({
      most: MAX_ENDED,
      work: (take, signal) => this.#tell(take, signal),
      dropped: (count) =>
        options.log(
          `traces: ${count} executions ended faster than their traces could be sent; these are lost`,
          "warn",
        ),
    });
  }

  readonly observe: Observer = (observed) => {
    if (observed.status === "RUNNING" || this.#ended.isClosed || !this.#isTraced(observed)) return;
    this.#ended.add(observed);
  };

  /** Resolves when what waits was sent, or the time is over. */
  close(graceMs: number): Promise<void> {
    return this.#ended.close(graceMs);
  }

  /** Children of Map Runs are not, as with the service: a trace of a million executions tells nobody anything. */
  #isTraced({ started }: ObservedTurn): boolean {
    if (started.mapRunArn !== undefined) return false;
    const parent = parseTraceHeader(started.traceHeader);
    return parent?.isSampled ?? isSampled(traceIdOf(started), this.#options.settings.ratio);
  }

  async #tell(take: (count: number) => readonly ObservedTurn[], signal: AbortSignal): Promise<void> {
    let spans: readonly Span[] = [];
    do {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time
      spans = await this.#gather(spans, take);
      const batch = spans.slice(0, SPANS_PER_REQUEST);
      spans = spans.slice(SPANS_PER_REQUEST);
      // oxlint-disable-next-line no-await-in-loop -- see above
      if (batch.length > 0) await this.#send(batch, signal);
    } while (spans.length > 0 && !signal.aborted);
  }

  /** Reads the journals of ended executions until a request is full. */
  async #gather(
    waiting: readonly Span[],
    take: (count: number) => readonly ObservedTurn[],
  ): Promise<readonly Span[]> {
    const spans = [...waiting];
    while (spans.length < SPANS_PER_REQUEST) {
      const [observed] = take(1);
      if (observed === undefined) break;
      try {
        // oxlint-disable-next-line no-await-in-loop -- journals are read one by one, so that others have the store
        spans.push(...(await told(observed)));
      } catch (error) {
        const { executionArn } = observed.started;
        this.#options.log(`no trace of ${executionArn}: ${String(error)}`, "warn", { executionArn });
      }
    }
    return spans;
  }

  async #send(spans: readonly Span[], signal: AbortSignal): Promise<void> {
    const { settings, log, delayMs } = this.#options;
    const body = encodeTraces(spans, { "service.name": settings.serviceName });
    const url = `${settings.endpoint.replace(/\/+$/u, "")}/v1/traces`;
    const headers = { ...settings.headers, "content-type": "application/json" };
    try {
      await post(url, () => headers, body, { delayMs, signal });
    } catch (error) {
      log(`traces: ${spans.length} spans are lost: ${(error as Error).message}`, "warn");
    }
  }
}

async function told({ started, turn, before }: ObservedTurn): Promise<readonly Span[]> {
  const traceId = traceIdOf(started);
  return spansOf({
    turns: [...(await before()), turn],
    ids: { traceId, spanId: (key) => idOf(`${started.executionArn} ${key}`, 16) },
    parent: parseTraceHeader(started.traceHeader),
  });
}

function traceIdOf({ traceHeader, executionArn }: ObservedTurn["started"]): string {
  return parseTraceHeader(traceHeader)?.traceId ?? idOf(executionArn, 32);
}
