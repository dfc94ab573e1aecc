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

import type { Observer, ObservedTurn } from "../../runtime/observer.ts";
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
  readonly log: (line: string) => void;
  readonly fetch?: typeof fetch;
  /** Waits between two tries; shorter in tests. */
  readonly delayMs?: (attempt: number) => number;
}

const MAX_ENDED = 10_000;
const SPANS_PER_REQUEST = 2_000;
const REQUEST_MS = 10_000;
const TRIES = 5;
/** Answers after which the protocol asks for another try. */
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export class Traces {
  readonly #options: TraceOptions;
  readonly #ended: ObservedTurn[] = [];
  #spans: Span[] = [];
  #dropped = 0;
  #work: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(options: TraceOptions) {
    this.#options = options;
  }

  readonly observe: Observer = (observed) => {
    if (observed.status === "RUNNING" || this.#stop.signal.aborted || !this.#isTraced(observed)) return;
    if (this.#ended.length >= MAX_ENDED) {
      this.#dropped += 1;
      return;
    }
    this.#ended.push(observed);
    this.#work ??= this.#run();
  };

  /** Resolves when what waits was sent, or the time is over. */
  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await this.#work;
    clearTimeout(timer);
    this.#stop.abort();
  }

  #isTraced({ started }: ObservedTurn): boolean {
    const parent = parseTraceHeader(started.traceHeader);
    return parent?.isSampled ?? isSampled(traceIdOf(started), this.#options.settings.ratio);
  }

  async #run(): Promise<void> {
    // What ends in the same moment goes into one request.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#ended.length + this.#spans.length > 0 && !this.#stop.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time
      await this.#gather();
      const batch = this.#spans.slice(0, SPANS_PER_REQUEST);
      this.#spans = this.#spans.slice(SPANS_PER_REQUEST);
      // oxlint-disable-next-line no-await-in-loop -- see above
      if (batch.length > 0) await this.#send(batch);
    }
    this.#work = undefined;
    this.#dropped += this.#ended.length;
    this.#tellDropped();
  }

  /** Reads the journals of ended executions until a request is full. */
  async #gather(): Promise<void> {
    while (this.#spans.length < SPANS_PER_REQUEST) {
      const observed = this.#ended.shift();
      if (observed === undefined) return;
      try {
        // oxlint-disable-next-line no-await-in-loop -- journals are read one by one, so that others have the store
        this.#spans.push(...(await told(observed)));
      } catch (error) {
        this.#options.log(`no trace of ${observed.started.executionArn}: ${String(error)}`);
      }
    }
  }

  async #send(spans: readonly Span[]): Promise<void> {
    const { settings, log, delayMs = backoffMs } = this.#options;
    const send = this.#options.fetch ?? fetch;
    const body = encodeTraces(spans, { "service.name": settings.serviceName });
    const url = `${settings.endpoint.replace(/\/+$/u, "")}/v1/traces`;
    let problem = "";
    for (let attempt = 1; attempt <= TRIES && !this.#stop.signal.aborted; attempt++) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        const answer = await send(url, {
          method: "POST",
          headers: { ...settings.headers, "content-type": "application/json" },
          body,
          signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REQUEST_MS)]),
        });
        // oxlint-disable-next-line no-await-in-loop -- the connection is free again
        await answer.arrayBuffer();
        if (answer.ok) return;
        problem = `it answers ${answer.status}`;
        if (!RETRIED.has(answer.status)) break;
      } catch (error) {
        problem = causeOf(error);
      }
      // oxlint-disable-next-line no-await-in-loop -- see above
      if (attempt < TRIES) await pause(delayMs(attempt), this.#stop.signal);
    }
    log(`traces: ${spans.length} spans are lost, ${url} could not take them: ${problem}`);
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#options.log(
      `traces: ${this.#dropped} executions ended faster than their traces could be sent; these are lost`,
    );
    this.#dropped = 0;
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

function backoffMs(attempt: number): number {
  return 250 * 4 ** (attempt - 1);
}

function causeOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  const inner = cause instanceof Error ? cause : error;
  return inner instanceof Error ? inner.message : String(inner);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}
