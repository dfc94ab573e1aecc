// Log groups of CloudWatch Logs, at any endpoint with its API.
//
// Knows:          CreateLogStream and PutLogEvents. Does not know: what is logged.
//
// Invariants
//   C1. A request has at most `MAX_EVENTS` events and `MAX_BYTES` bytes, as the service wants it.
//   C2. A request that fails for good (post.ts) throws, and its events are lost.
//
// Spec: CloudWatch Logs API reference, PutLogEvents.

import { type AwsService, postAws, type PostOptions } from "../post.ts";
import type { LogSink } from "./logs.ts";

export type CloudWatchOptions = AwsService & Pick<PostOptions, "delayMs">;

const MAX_EVENTS = 10_000;
const MAX_BYTES = 1_048_576;
/** What the service counts for each event beside its text. */
const EVENT_BYTES = 26;

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
      await this.#createStream(names);
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
      await postAws(
        this.#options,
        "logs",
        "Logs_20140328.PutLogEvents",
        { ...names, logEvents },
        this.#options,
      );
      from = to;
    }
  }

  /** One that is there already is as good. */
  async #createStream(names: object): Promise<void> {
    try {
      await postAws(this.#options, "logs", "Logs_20140328.CreateLogStream", names, this.#options);
    } catch (error) {
      if (!String(error).includes("ResourceAlreadyExistsException")) throw error;
    }
  }
}
