// What functions print: lines with their request id, the tail that a caller may ask for, a file for each function.
//
// Knows:          lines, sizes, rotation. Does not know: processes, what a line means.
//
// Invariants
//   L1. Memory is bounded: a line by MAX_LINE_BYTES (a longer one is cut into several), the lines that wait for the
//       disk by MAX_WAITING_BYTES (beyond, lines are dropped, and the file says how many).
//   L2. A file never grows beyond `maxFileBytes` by more than one flush; one older generation is kept as `<name>.log.1`.

import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";

export interface FunctionLogLine {
  readonly functionName: string;
  /** Undefined for what is printed before the first and between two invocations. */
  readonly requestId: string | undefined;
  /** `platform`: START, END, REPORT and what else we have to say. */
  readonly stream: "stdout" | "stderr" | "platform";
  /** Without the line break. */
  readonly text: string;
  /** Milliseconds of the Unix epoch. */
  readonly atMs: number;
}

const MAX_LINE_BYTES = 256 * 1024;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const TAIL_BYTES = 4096;

/** Makes lines of the pieces that come through a pipe. */
export class LineSplitter {
  readonly #emit: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #partial = "";

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  write(chunk: Buffer): void {
    const lines = (this.#partial + this.#decoder.write(chunk)).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#cut(line.endsWith("\r") ? line.slice(0, -1) : line);
    while (this.#partial.length > MAX_LINE_BYTES) {
      this.#emit(this.#partial.slice(0, MAX_LINE_BYTES));
      this.#partial = this.#partial.slice(MAX_LINE_BYTES);
    }
  }

  /** Emits what has no line break yet: the invocation that printed it is over. */
  flush(): void {
    if (this.#partial !== "") this.#cut(this.#partial);
    this.#partial = "";
  }

  #cut(line: string): void {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_BYTES)
      this.#emit(line.slice(at, at + MAX_LINE_BYTES));
  }
}

/** The last 4 KB of what an invocation printed, as `LogType: Tail` asks for. */
export class LogTail {
  #text = "";

  add(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length > 2 * TAIL_BYTES) this.#text = this.#text.slice(-TAIL_BYTES);
  }

  toBase64(): string {
    return Buffer.from(this.#text).subarray(-TAIL_BYTES).toString("base64");
  }
}

/** Appends to `<directory>/<name>.log`, in order, without making anybody wait. */
export class LogFile {
  readonly #path: string;
  readonly #maxFileBytes: number;
  readonly #failed: (error: Error) => void;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #fileBytes = -1;
  #flushing: Promise<void> | undefined;
  #broken = false;

  /** `failed` is told once when the file cannot be written; after that nothing more is kept. */
  constructor(directory: string, name: string, maxFileBytes: number, failed: (error: Error) => void) {
    this.#path = path.join(directory, `${name}.log`);
    this.#maxFileBytes = maxFileBytes;
    this.#failed = failed;
  }

  append(line: string): void {
    if (this.#broken) return;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#flushing ??= this.#flush();
  }

  /** Resolves once everything appended so far is in the file. */
  async close(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    try {
      if (this.#fileBytes < 0) {
        await mkdir(path.dirname(this.#path), { recursive: true });
        this.#fileBytes = await stat(this.#path).then(
          (status) => status.size,
          () => 0,
        );
      }
      while (this.#waiting.length > 0) {
        if (this.#dropped > 0)
          this.#waiting.push(`(${this.#dropped} lines were dropped: the disk was too slow)`);
        const text = `${this.#waiting.join("\n")}\n`;
        this.#waiting = [];
        this.#waitingBytes = 0;
        this.#dropped = 0;
        if (this.#fileBytes > 0 && this.#fileBytes + text.length > this.#maxFileBytes) {
          await rename(this.#path, `${this.#path}.1`);
          this.#fileBytes = 0;
        }
        await appendFile(this.#path, text);
        this.#fileBytes += Buffer.byteLength(text);
      }
    } catch (error) {
      this.#broken = true;
      this.#waiting = [];
      this.#failed(error as Error);
    } finally {
      this.#flushing = undefined;
    }
  }
}
