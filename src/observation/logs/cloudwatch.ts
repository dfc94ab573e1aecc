// Log groups of CloudWatch Logs, at any endpoint with its API.
//
// Knows:          CreateLogStream and PutLogEvents. Does not know: what is logged.
//
// Invariants
//   C1. A request has at most `MAX_EVENTS` events and `MAX_BYTES` bytes, in the order of their times, as the service wants
//       it. Events of one time keep their order.
//   C2. A request that fails for good (post.ts) throws LostEvents, which counts it and all that was to come after it.
//   C3. A stream is made once; again if it is gone when events are put into it.
//
// Spec: CloudWatch Logs API reference, PutLogEvents.

import { type AwsService, postAws, type PostOptions } from "../post.ts";
import { type LogLine, type LogSink, LostEvents } from "./log-sink.ts";

export type CloudWatchOptions = AwsService & Pick<PostOptions, "delayMs">;

const MAX_EVENTS = 10_000;
const MAX_BYTES = 1_048_576;
/** What the service counts for each event beside its text. */
const EVENT_BYTES = 26;
const MAX_STREAMS = 1_000;

interface Names {
  readonly logGroupName: string;
  readonly logStreamName: string;
}

export class CloudWatchLogs implements LogSink {
  readonly #options: CloudWatchOptions;
  /** Those that are known to be there. */
  readonly #streams = new Set<string>();

  constructor(options: CloudWatchOptions) {
    this.#options = options;
  }

  async write(group: string, stream: string, lines: readonly LogLine[]): Promise<void> {
    const names = { logGroupName: group, logStreamName: stream };
    const sorted = lines.toSorted((a, b) => a.atMs - b.atMs);
    let refused = 0;
    for (let from = 0; from < sorted.length; ) {
      const page = sorted.slice(from, endOfPage(sorted, from));
      try {
        // oxlint-disable-next-line no-await-in-loop -- in order
        refused += await this.#put(names, page);
      } catch (error) {
        throw new LostEvents(refused + sorted.length - from, (error as Error).message);
      }
      from += page.length;
    }
    if (refused > 0) throw new LostEvents(refused, `${this.#options.endpoint}: they are too old or too new`);
  }

  /** @returns how many of them were not taken */
  async #put(names: Names, page: readonly LogLine[]): Promise<number> {
    const logEvents = page.map(({ line, atMs }) => ({ message: line, timestamp: atMs }));
    const put = (): Promise<string> => this.#call("PutLogEvents", { ...names, logEvents });
    const isNew = await this.#ensureStream(names);
    try {
      return refusedOf(await put(), page.length);
    } catch (error) {
      if (isNew || !isError(error, "ResourceNotFoundException")) throw error;
    }
    this.#streams.delete(keyOf(names));
    await this.#ensureStream(names);
    return refusedOf(await put(), page.length);
  }

  /** @returns whether it had to be made. One that is there already is as good. */
  async #ensureStream(names: Names): Promise<boolean> {
    const key = keyOf(names);
    if (this.#streams.has(key)) return false;
    try {
      await this.#call("CreateLogStream", names);
    } catch (error) {
      if (!isError(error, "ResourceAlreadyExistsException")) throw error;
    }
    if (this.#streams.size >= MAX_STREAMS) this.#streams.clear();
    this.#streams.add(key);
    return true;
  }

  #call(operation: string, input: object): Promise<string> {
    return postAws(this.#options, "logs", `Logs_20140328.${operation}`, input, this.#options);
  }
}

function endOfPage(lines: readonly LogLine[], from: number): number {
  let bytes = 0;
  let end = from;
  while (end < lines.length && end - from < MAX_EVENTS) {
    bytes += Buffer.byteLength((lines[end] as LogLine).line) + EVENT_BYTES;
    if (bytes > MAX_BYTES && end > from) break;
    end += 1;
  }
  return end;
}

interface PutAnswer {
  readonly rejectedLogEventsInfo?: {
    readonly tooNewLogEventStartIndex?: number;
    readonly tooOldLogEventEndIndex?: number;
    readonly expiredLogEventEndIndex?: number;
  };
}

/** Events are sorted, so those that are too old are the first ones. */
function refusedOf(answer: string, count: number): number {
  const { rejectedLogEventsInfo: info } = JSON.parse(answer || "{}") as PutAnswer;
  if (info === undefined) return 0;
  const tooOld = Math.max(info.tooOldLogEventEndIndex ?? 0, info.expiredLogEventEndIndex ?? 0);
  return Math.min(count, tooOld + count - (info.tooNewLogEventStartIndex ?? count));
}

function keyOf({ logGroupName, logStreamName }: Names): string {
  return `${logGroupName} ${logStreamName}`;
}

function isError(error: unknown, code: string): boolean {
  return String(error).includes(code);
}
