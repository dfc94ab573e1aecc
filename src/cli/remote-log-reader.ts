// The log events that a server has in memory, page by page over its API.
//
// Knows:          Stepwell.GetLogEvents. Does not know: what a log event says.

import { isArray, isObject, type JsonObject, member } from "../base/json.ts";
import type { Caller } from "./environment.ts";
import { stringOf } from "./timeline.ts";

export interface LogListener {
  readonly show: (line: string) => void;
  /** So many went before they could be read. */
  readonly lost: (count: number) => void;
}

export class RemoteLogReader {
  readonly #call: Caller;
  readonly #group: string | undefined;
  readonly #listener: LogListener;
  #position: string | undefined;

  /** @param group Only this log group; undefined: all of them. */
  constructor(call: Caller, group: string | undefined, listener: LogListener) {
    this.#call = call;
    this.#group = group;
    this.#listener = listener;
  }

  /** Shows what is new. False: the server has had nothing so far. @throws ServiceError, CliError */
  async look(): Promise<boolean> {
    const isFirst = this.#position === undefined;
    let count = 0;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- page after page
      const page = await this.#call("Stepwell.GetLogEvents", this.#query());
      const lost = member(page, "lostCount");
      if (typeof lost === "number" && lost > 0) this.#listener.lost(lost);
      const events = member(page, "events");
      const lines = isArray(events) ? events.filter(isObject).map((event) => stringOf(event, "message")) : [];
      for (const line of lines) if (line !== undefined) this.#listener.show(line);
      this.#position = stringOf(page, "nextForwardToken");
      if (lines.length === 0) return !isFirst || count > 0;
      count += lines.length;
    }
  }

  #query(): JsonObject {
    return {
      ...(this.#group === undefined ? {} : { logGroupName: this.#group }),
      ...(this.#position === undefined ? {} : { nextToken: this.#position }),
    };
  }
}
