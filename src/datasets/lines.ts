// JSON Lines: one item a line.
//
// Invariants: LN1. At most `itemBytes` and one chunk are held, however long a line is.

import { isUtf8 } from "node:buffer";

import { checkJson } from "../base/json-text.ts";
import type { Limits, Piece, Splitter } from "./item.ts";
import { ItemReaderError } from "./item.ts";

const LF = 0x0a;

/** Whole lines of bytes, without their LF; blank ones too, unless `skipsEmpty` says that empty ones are passed over. */
export class Lines {
  readonly #maxBytes: number;
  readonly #skipsEmpty: () => boolean;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #at: number;

  /** @param at Offset of the first byte that will be pushed. */
  constructor(maxBytes: number, at: number, skipsEmpty: () => boolean = () => false) {
    this.#maxBytes = maxBytes;
    this.#skipsEmpty = skipsEmpty;
    this.#at = at;
  }

  /** Whether a line has begun that is not whole. */
  get isHolding(): boolean {
    return this.#heldBytes > 0;
  }

  /** Whole lines that somebody else has read. @returns the offset of their first byte */
  pass(bytes: number): number {
    this.#at += bytes;
    return this.#at - bytes;
  }

  *push(chunk: Buffer): Generator<{ line: Buffer; end: number }> {
    let start = 0;
    for (;;) {
      // A file of nothing else would take minutes, line by line.
      if (this.#heldBytes === 0 && this.#skipsEmpty()) while (chunk[start] === LF) start += 1;
      const found = chunk.indexOf(LF, start);
      const stop = found < 0 ? chunk.length : found;
      if (this.#heldBytes + stop - start > this.#maxBytes) {
        throw new ItemReaderError(
          `The line at byte ${this.#at - this.#heldBytes + start} is longer than ${this.#maxBytes} bytes.`,
        );
      }
      if (found < 0) break;
      let line = chunk.subarray(start, found);
      if (this.#heldBytes > 0) {
        line = Buffer.concat([...this.#held, line]);
        this.#held = [];
        this.#heldBytes = 0;
      }
      start = found + 1;
      yield { line, end: this.#at + start };
    }
    if (start < chunk.length) {
      this.#held.push(chunk.subarray(start));
      this.#heldBytes += chunk.length - start;
    }
    this.#at += chunk.length;
  }

  /** The line that no LF ends, if there is one. */
  rest(): { line: Buffer; end: number } | undefined {
    if (this.#heldBytes === 0) return undefined;
    const line = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return { line, end: this.#at };
  }
}

export class JsonLines implements Splitter {
  readonly done = false;
  readonly #lines: Lines;
  readonly #limits: Limits;

  constructor(limits: Limits, at: number) {
    this.#lines = new Lines(limits.itemBytes, at, () => true);
    this.#limits = limits;
  }

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    for (const { line, end } of this.#lines.push(chunk)) this.#add(pieces, line, end);
    return pieces;
  }

  end(): Piece[] {
    const pieces: Piece[] = [];
    const rest = this.#lines.rest();
    if (rest !== undefined) this.#add(pieces, rest.line, rest.end);
    return pieces;
  }

  #add(pieces: Piece[], line: Buffer, end: number): void {
    const text = textOf(line, end - line.length).trim();
    if (text === "") return;
    pieces.push(pieceOf(text, end, this.#limits.depth));
  }
}

/** @param at Where the bytes begin, for the message. A byte order mark is left out. */
export function textOf(bytes: Buffer, at: number): string {
  if (!isUtf8(bytes)) throw new ItemReaderError(`The text near byte ${Math.max(at, 0)} is not UTF-8.`);
  const text = bytes.toString("utf8");
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Throws unless `text` is JSON of at most that depth. */
export function pieceOf(text: string, end: number, maxDepth: number): Piece {
  const checked = checkJson(text, { maxDepth });
  if (!checked.ok)
    throw new ItemReaderError(`The item that ends at byte ${end} is not valid JSON: ${checked.message}`);
  return { text, bytes: Buffer.byteLength(text), end };
}
