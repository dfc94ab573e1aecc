// Log groups as files: a line of JSON for each log event, rotated.
//
// Invariants
//   L1. A log group is one file, `<name>.jsonl`, in the folder; its name cannot leave it, and is no other group's
//       (fileNameOf).
//   L2. A file grows to `maxBytes` and one write more, then becomes `<name>.jsonl.1`, `.1` becomes `.2`, and so on; the
//       oldest beyond `generations` goes. The number is last so that the group `a.1` is not taken for an older `a`.
//   L3. A line that was not written whole (a crash, a full disk) is ended before the next one is written.

import { createHash } from "node:crypto";
import { appendFile, mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { LogLine, LogSink } from "./log-sink.ts";

/** The folder of the log groups within a data directory. */
export const EXECUTION_LOGS = "execution-logs";

export interface LogFilesOptions {
  readonly maxBytes?: number;
  readonly generations?: number;
}

/**
 * What names the file of a log group, without a suffix: names are for people, so only what must be is encoded.
 * `/aws/orders` is `aws~orders`, and `aws/orders`, another group, is `+aws~orders`.
 */
export function fileNameOf(group: string): string {
  const parts = group.replace(/^\//u, "").split("/");
  const encoded = parts.map((part) => encodeURIComponent(part).replaceAll("~", "%7E")).join("~");
  const name = group.startsWith("/") ? encoded.replace(/^\./u, "%2E") : `+${encoded}`;
  // File systems take 255 bytes.
  if (name.length <= 200) return name;
  return `${name.slice(0, 180)}-${createHash("sha256").update(group).digest("hex").slice(0, 12)}`;
}

export class LogFiles implements LogSink {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #generations: number;
  /** Sizes of the files that were written to, by group. */
  readonly #sizes = new Map<string, number>();

  constructor(directory: string, { maxBytes = 64 * 1024 * 1024, generations = 4 }: LogFilesOptions = {}) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#generations = generations;
  }

  async write(group: string, _stream: string, lines: readonly LogLine[]): Promise<void> {
    const path = join(this.#directory, `${fileNameOf(group)}.jsonl`);
    let size = this.#sizes.get(group);
    // Unknown until this write has succeeded: a failed one may have left the beginning of a line (L3).
    this.#sizes.delete(group);
    if (size === undefined) {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      size = await sizeOfWhole(path);
    }
    if (size >= this.#maxBytes) {
      for (let generation = this.#generations; generation > 0; generation--) {
        const older = generation === 1 ? path : `${path}.${generation - 1}`;
        // oxlint-disable-next-line no-await-in-loop -- the oldest first
        await rename(older, `${path}.${generation}`).catch(unlessMissing);
      }
      size = 0;
    }
    const text = lines.map(({ line }) => `${line}\n`).join("");
    await appendFile(path, text, { mode: 0o600 });
    this.#sizes.set(group, size + Buffer.byteLength(text));
  }
}

/** The size of the file after its last line was ended (L3); 0: there is none. */
async function sizeOfWhole(path: string): Promise<number> {
  const file = await open(path, "r+").catch(unlessMissing);
  if (file === undefined) return 0;
  try {
    const { size } = await file.stat();
    if (size === 0) return 0;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] === 0x0a) return size;
    await file.write("\n", size);
    return size + 1;
  } finally {
    await file.close();
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  return undefined;
}
