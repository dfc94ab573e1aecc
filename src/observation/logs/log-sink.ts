// Where log events go: what a destination offers, and how it says that it did not take some.

import type { Log } from "../../base/log.ts";

export interface LogLine {
  /** One line of JSON, without its end. */
  readonly line: string;
  readonly atMs: number;
}

export interface LogSink {
  /**
   * Writes the lines in their order.
   *
   * @throws LostEvents if not all were taken; any other Error if none was
   */
  readonly write: (group: string, stream: string, lines: readonly LogLine[]) => Promise<void>;
}

/** In words for people; `count` log events were not written. */
export class LostEvents extends Error {
  readonly count: number;

  constructor(count: number, message: string) {
    super(message);
    this.name = "LostEvents";
    this.count = count;
  }
}

const TELL_MS = 60_000;
const MAX_GROUPS = 1_000;

interface Loss {
  count: number;
  problem: string;
  readonly toldAtMs: number;
}

/** Says what is lost: at once, then once a minute for each log group, so that a destination that is gone floods nothing. */
export class Losses {
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #groups = new Map<string, Loss>();

  constructor(log: Log, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  add(group: string, count: number, problem: string): void {
    const nowMs = this.#nowMs();
    const known = this.#groups.get(group);
    if (known !== undefined && nowMs - known.toldAtMs < TELL_MS) {
      known.count += count;
      known.problem = problem;
      return;
    }
    this.#tell(group, count + (known?.count ?? 0), problem);
    if (this.#groups.size >= MAX_GROUPS) this.tellAll();
    this.#groups.set(group, { count: 0, problem, toldAtMs: nowMs });
  }

  /** Says what was not said so far. */
  tellAll(): void {
    for (const [group, { count, problem }] of this.#groups) {
      if (count > 0) this.#tell(group, count, problem);
    }
    this.#groups.clear();
  }

  #tell(group: string, count: number, problem: string): void {
    this.#log(`execution logs: ${count} events of ${group} are lost: ${problem}`, "warn", {
      logGroup: group,
    });
  }
}
