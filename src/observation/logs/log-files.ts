// Log groups as files: a line of JSON for each log event, rotated.
//
// Invariants
//   L1. A log group is one file, `<name>.jsonl`, in the folder; its name cannot leave it (fileNameOf).
//   L2. A file grows to `maxBytes` and one write more, then becomes `<name>.1.jsonl`, `.1` becomes `.2`, and so on; the
//       oldest beyond `generations` goes.

import { createHash } from "node:crypto";
import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LogSink } from "./logs.ts";

/** The folder of the log groups within a data directory. */
export const EXECUTION_LOGS = "execution-logs";

export interface LogFilesOptions {
  readonly maxBytes?: number;
  readonly generations?: number;
}

/** What names the file of a log group, without a suffix: names are for people, so only what must be is encoded. */
export function fileNameOf(group: string): string {
  const name = encodeURIComponent(group.replace(/^\//u, "").replaceAll("/", "~")).replace(/^\./u, "%2E");
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

  async write(group: string, _stream: string, lines: readonly { readonly line: string }[]): Promise<void> {
    const base = join(this.#directory, fileNameOf(group));
    const path = `${base}.jsonl`;
    let size = this.#sizes.get(group);
    if (size === undefined) {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      size = await sizeOf(path);
    }
    if (size >= this.#maxBytes) {
      for (let generation = this.#generations; generation > 0; generation--) {
        const older = generation === 1 ? path : `${base}.${generation - 1}.jsonl`;
        // oxlint-disable-next-line no-await-in-loop -- the oldest first
        await rename(older, `${base}.${generation}.jsonl`).catch(unlessMissing);
      }
      size = 0;
    }
    const text = lines.map(({ line }) => `${line}\n`).join("");
    await appendFile(path, text, { mode: 0o600 });
    this.#sizes.set(group, size + Buffer.byteLength(text));
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(unlessMissing);
  return found?.size ?? 0;
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  return undefined;
}
