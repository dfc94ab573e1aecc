// Log groups of CloudWatch Logs, at any endpoint with its API.
//
// Knows:          CreateLogStream and PutLogEvents. Does not know: what is logged.
//
// Invariants
//   C1. A request has at most `MAX_EVENTS` events and `MAX_BYTES` bytes, as the service wants it.
//   C2. A request is tried again while the service is busy or away; then it throws, and its events are lost.
//
// Spec: CloudWatch Logs API reference, PutLogEvents.

import type { Credentials } from "../../integrations/index.ts";
import { sign } from "../../integrations/sigv4.ts";
import type { LogSink } from "./logs.ts";

export interface CloudWatchOptions {
  readonly endpoint: string;
  readonly region: string;
  /** Absent: requests are signed with a key that stands for any, as emulators accept it. */
  readonly credentials?: Credentials | undefined;
  readonly delayMs?: (attempt: number) => number;
}

const MAX_EVENTS = 10_000;
const MAX_BYTES = 1_048_576;
/** What the service counts for each event beside its text. */
const EVENT_BYTES = 26;
const TRIES = 4;
const REQUEST_MS = 10_000;
const ANY_KEY: Credentials = { accessKeyId: "stepwell", secretAccessKey: "stepwell" };

export class CloudWatchLogs implements LogSink {
  readonly #options: CloudWatchOptions;
  readonly #streams = new Set<string>();

  constructor(options: CloudWatchOptions) {
    this.#options = options;
  }

  async write(
    group: string,
    stream: string,
    lines: readonly { readonly line: string; readonly atMs: number }[],
  ): Promise<void> {
    const names = { logGroupName: group, logStreamName: stream };
    if (!this.#streams.has(`${group} ${stream}`)) {
      await this.#call("CreateLogStream", names, ["ResourceAlreadyExistsException"]);
      this.#streams.add(`${group} ${stream}`);
    }
    for (let from = 0; from < lines.length; ) {
      let bytes = 0;
      let to = from;
      while (to < lines.length && to - from < MAX_EVENTS) {
        bytes += Buffer.byteLength((lines[to] as { line: string }).line) + EVENT_BYTES;
        if (bytes > MAX_BYTES && to > from) break;
        to += 1;
      }
      const logEvents = lines.slice(from, to).map(({ line, atMs }) => ({ message: line, timestamp: atMs }));
      // oxlint-disable-next-line no-await-in-loop -- in order
      await this.#call("PutLogEvents", { ...names, logEvents }, []);
      from = to;
    }
  }

  async #call(operation: string, input: object, accepted: readonly string[]): Promise<void> {
    const { endpoint, region, credentials = ANY_KEY, delayMs = backoffMs } = this.#options;
    const url = new URL(endpoint);
    const body = JSON.stringify(input);
    let problem = "";
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const { host: _, ...headers } = sign(
        {
          method: "POST",
          url,
          headers: {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": `Logs_20140328.${operation}`,
          },
          body,
        },
        credentials,
        { region, service: "logs", nowMs: Date.now() },
      );
      let isWorthATry = true;
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        const answer = await fetch(url, {
          method: "POST",
          headers,
          body,
          signal: AbortSignal.timeout(REQUEST_MS),
        });
        // oxlint-disable-next-line no-await-in-loop -- see above
        const text = await answer.text();
        if (answer.ok || accepted.some((code) => text.includes(code))) return;
        problem = `${answer.status} ${text.slice(0, 300)}`;
        isWorthATry = answer.status >= 500 || text.includes("Throttling");
      } catch (error) {
        const { cause } = error as { readonly cause?: unknown };
        problem = cause instanceof Error ? cause.message : String(error);
      }
      if (!isWorthATry) break;
      // oxlint-disable-next-line no-await-in-loop -- see above
      if (attempt < TRIES) await new Promise((resolve) => setTimeout(resolve, delayMs(attempt)));
    }
    throw new Error(`${operation} at ${endpoint}: ${problem}`);
  }
}

function backoffMs(attempt: number): number {
  return 200 * 4 ** (attempt - 1);
}
