// The log events in the files of a data directory, also while a server writes them.
//
// Knows:          how the files are named and rotated. Does not know: what a log event says.
//
// Invariants
//   V1. A line that is not yet whole is left for the next look. Rotated files are read before the one that is written to.
//   V2. A file is known by its inode, which it keeps when it is rotated. An inode that was given to a new file is noticed by
//       its size, which is less than what was read.

import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileNameOf } from "../observation/index.ts";

const CHUNK_BYTES = 1024 * 1024;

export class LogReader {
  readonly #directory: string;
  readonly #file: string | undefined;
  readonly #show: (line: string) => void;
  /** How far each file was read, by its inode (V2). */
  readonly #offsets = new Map<number, number>();

  /** @param group Only this log group; undefined: all of them. */
  constructor(directory: string, group: string | undefined, show: (line: string) => void) {
    this.#directory = directory;
    this.#file = group === undefined ? undefined : fileNameOf(group);
    this.#show = show;
  }

  /** Shows what is new. False: there are no files. */
  async look(): Promise<boolean> {
    const names = await readdir(this.#directory).catch(unlessMissing);
    const files = (names ?? [])
      .map((name) => ({ name, parts: /^(.*)\.jsonl(?:\.(\d+))?$/u.exec(name) }))
      .filter(({ parts }) => parts !== null && (this.#file === undefined || parts[1] === this.#file))
      .toSorted((a, b) => Number(b.parts?.[2] ?? 0) - Number(a.parts?.[2] ?? 0));
    for (const { name } of files) {
      // oxlint-disable-next-line no-await-in-loop -- the older first (V1)
      await this.#read(join(this.#directory, name));
    }
    return files.length > 0;
  }

  async #read(path: string): Promise<void> {
    // Rotated away since its name was read: it is found under the next one at the next look.
    const file = await open(path).catch(unlessMissing);
    if (file === undefined) return;
    try {
      const { ino, size } = await file.stat();
      const known = this.#offsets.get(ino) ?? 0;
      let offset = known > size ? 0 : known;
      let rest = Buffer.alloc(0);
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(1, size - offset)));
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- piece by piece
        const { bytesRead } = await file.read(chunk, 0, chunk.length, offset + rest.length);
        if (bytesRead === 0) break;
        const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        const end = bytes.lastIndexOf(0x0a) + 1;
        for (const line of bytes.subarray(0, end).toString("utf8").split("\n"))
          if (line !== "") this.#show(line);
        rest = bytes.subarray(end);
        offset += end;
      }
      this.#offsets.set(ino, offset);
    } finally {
      await file.close();
    }
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  return undefined;
}
