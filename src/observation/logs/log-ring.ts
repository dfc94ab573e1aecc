// The latest log events in memory, for whoever asks this server for them: `stepwell logs` from another machine, or of a
// server that writes no files.
//
// Knows:          lines, their log groups, the order in which they came. Does not know: what a line says, who asks.
//
// Invariants
//   R1. What is kept takes `maxBytes` at most, each line with the room of its entry; the oldest goes first. A line that is
//       larger than all of it is not kept.
//   R2. A position is where a reader has come to: of this ring, before the next event. Reading on from it gives every event
//       once, in the order in which they came, and says how many went before they could be read.
//   R3. A position of another ring, which is that of an earlier process, is its beginning here.

import { randomUUID } from "node:crypto";
import type { LogLine, LogSink } from "./log-sink.ts";

/** What an entry takes beside its text: about. */
const ENTRY_BYTES = 100;

interface Entry {
  readonly group: string;
  readonly line: string;
  readonly bytes: number;
}

export interface LogQuery {
  /** Only this log group. */
  readonly group: string | undefined;
  /** Of an earlier page; undefined: from the oldest on. */
  readonly position: string | undefined;
  readonly limit: number;
}

export interface LogPage {
  readonly events: readonly { readonly group: string; readonly line: string }[];
  /** Where the next page begins. */
  readonly position: string;
  /** Events of any group that went between the position that was asked for and the first that is kept. */
  readonly lostCount: number;
}

/** An answer has about so many bytes. */
const PAGE_BYTES = 1024 * 1024;

export class LogRing implements LogSink {
  readonly #maxBytes: number;
  readonly #id = randomUUID();
  #entries: Entry[] = [];
  /** Entries at the beginning of `#entries` that are gone. */
  #goneHere = 0;
  /** The number of `#entries[0]`, counted from 0 for the first of all. */
  #first = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  write(group: string, _stream: string, lines: readonly LogLine[]): Promise<void> {
    for (const { line } of lines) this.#add({ group, line, bytes: 2 * line.length + ENTRY_BYTES });
    return Promise.resolve();
  }

  /** @returns undefined for what is no position at all */
  readonly read = ({ group, position, limit }: LogQuery): LogPage | undefined => {
    const asked = position === undefined ? undefined : parsePosition(position);
    if (asked === null) return undefined;
    const oldest = this.#first + this.#goneHere;
    const end = this.#first + this.#entries.length;
    const from = asked?.ring === this.#id ? Math.min(asked.next, end) : undefined;
    let next = Math.max(from ?? oldest, oldest);
    const events: Entry[] = [];
    for (let bytes = 0; next < end && events.length < limit && bytes < PAGE_BYTES; next++) {
      const entry = this.#entries[next - this.#first] as Entry;
      if (group !== undefined && entry.group !== group) continue;
      events.push(entry);
      bytes += entry.line.length;
    }
    return {
      events: events.map(({ group: name, line }) => ({ group: name, line })),
      position: `${this.#id}.${next}`,
      lostCount: Math.max(0, oldest - (from ?? oldest)),
    };
  };

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    while (this.#bytes > this.#maxBytes) {
      this.#bytes -= (this.#entries[this.#goneHere] as Entry).bytes;
      this.#entries[this.#goneHere] = GONE;
      this.#goneHere += 1;
    }
    if (this.#goneHere < 1024 || this.#goneHere * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#goneHere);
    this.#first += this.#goneHere;
    this.#goneHere = 0;
  }
}

/** Holds the place of an entry that is gone. */
const GONE: Entry = { group: "", line: "", bytes: 0 };

/** null: it is none. */
function parsePosition(text: string): { readonly ring: string; readonly next: number } | null {
  const [, ring = "", next = ""] = /^([0-9a-f-]{36})\.(\d{1,15})$/u.exec(text) ?? [];
  return next === "" ? null : { ring, next: Number(next) };
}
