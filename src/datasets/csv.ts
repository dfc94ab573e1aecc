// CSV as the service reads it: every value is text.
//
// Spec: developer guide, "ItemReader (Map)", CSV. Rows may lack fields (they are "") and have too many (left out);
// empty lines are skipped, but a line of blanks is a row (recorded); `""` and `\"` are quotes; a quote opens a
// quoted field only where a field begins.
//
// Invariants: C1. At most `itemBytes` and one chunk are held: a quote that is never closed fails there or at the end.

import { isAscii, isUtf8 } from "node:buffer";

import type { Limits, Piece, Splitter } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import { Lines, textOf } from "./lines.ts";

export const DELIMITERS = { COMMA: ",", PIPE: "|", SEMICOLON: ";", SPACE: " ", TAB: "\t" } as const;

/** @param name As CSVDelimiter has it. */
export function delimiterOf(name: keyof typeof DELIMITERS = "COMMA"): string {
  return DELIMITERS[name];
}

const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = "\ufeff";

export interface CsvOptions {
  /** One character. */
  readonly delimiter: string;
  /** Undefined: the first row has them. */
  readonly headers: readonly string[] | undefined;
}

export class CsvRows implements Splitter {
  readonly done = false;
  readonly #lines: Lines;
  readonly #limits: Limits;
  readonly #delimiter: string;
  /** `"name":` of every column. */
  #members: string[] | undefined;
  #headers: readonly string[] | undefined;
  #row: Row | undefined;

  constructor({ delimiter, headers }: CsvOptions, limits: Limits, at: number) {
    this.#lines = new Lines(limits.itemBytes, at, () => this.#row === undefined);
    this.#limits = limits;
    this.#delimiter = delimiter;
    if (headers !== undefined) this.#setHeaders(headers);
  }

  /** Once they are known. */
  get headers(): readonly string[] | undefined {
    return this.#headers;
  }

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    // Behind the line that the chunk before has begun, and before the one that goes on in the next.
    const first = this.#lines.isHolding || this.#members === undefined ? chunk.indexOf(LF) + 1 : 0;
    this.#lineByLine(pieces, chunk.subarray(0, first));
    const last = chunk.lastIndexOf(LF) + 1;
    const whole = chunk.subarray(first, Math.max(first, last));
    if (this.#isSimple(whole)) this.#simpleRows(pieces, whole);
    else this.#lineByLine(pieces, whole);
    this.#lineByLine(pieces, chunk.subarray(first + whole.length));
    return pieces;
  }

  #lineByLine(pieces: Piece[], bytes: Buffer): void {
    if (bytes.length === 0) return;
    for (const { line, end } of this.#lines.push(bytes)) this.#line(pieces, line, end);
  }

  /** Whether the lines are rows without quotes: most of what CSV files have, at twice the speed. */
  #isSimple(whole: Buffer): boolean {
    return (
      this.#row === undefined &&
      this.#members !== undefined &&
      whole.length <= this.#limits.itemBytes &&
      !whole.includes(QUOTE) &&
      !whole.includes(BACKSLASH) &&
      !whole.includes(BYTE_ORDER_MARK) &&
      isUtf8(whole)
    );
  }

  #simpleRows(pieces: Piece[], whole: Buffer): void {
    const isOneByteEach = isAscii(whole);
    const bytesOf = (text: string): number => (isOneByteEach ? text.length : Buffer.byteLength(text));
    const text = whole.toString("utf8");
    let end = this.#lines.pass(whole.length);
    for (let start = 0, stop: number; start < text.length; start = stop + 1) {
      stop = text.indexOf("\n", start);
      const line = text.slice(start, stop);
      end += bytesOf(line) + 1;
      const stripped = line.endsWith("\r") ? line.slice(0, -1) : line;
      if (stripped === "") continue;
      const row = this.#rowOf(stripped.split(this.#delimiter), PLAIN.test(stripped));
      pieces.push({ text: row, bytes: bytesOf(row), end });
    }
  }

  end(): Piece[] {
    const pieces: Piece[] = [];
    const rest = this.#lines.rest();
    if (rest !== undefined) this.#line(pieces, rest.line, rest.end);
    if (this.#row !== undefined) throw new ItemReaderError("The CSV file ends inside a quoted field.");
    return pieces;
  }

  #line(pieces: Piece[], line: Buffer, end: number): void {
    const text = textOf(line, end - line.length);
    const stripped = text.endsWith("\r") ? text.slice(0, -1) : text;
    const isFirst = this.#row === undefined;
    if (isFirst && stripped === "") return;
    let fields: readonly string[];
    let isPlain = false;
    if (isFirst && !text.includes('"') && !text.includes("\\")) {
      fields = stripped.split(this.#delimiter);
      isPlain = PLAIN.test(stripped);
    } else {
      this.#row ??= { fields: [], field: "", isQuoted: false, bytes: 0 };
      const row = this.#row;
      row.bytes += line.length + 1;
      if (row.bytes > this.#limits.itemBytes) {
        throw new ItemReaderError(
          `The row before byte ${end} is longer than ${this.#limits.itemBytes} bytes.`,
        );
      }
      if (!isFirst) row.field += "\n";
      parseLine(row, stripped, this.#delimiter);
      if (row.isQuoted) {
        row.field += text.slice(stripped.length);
        return;
      }
      row.fields.push(row.field);
      fields = row.fields;
      this.#row = undefined;
    }
    if (this.#members === undefined) {
      if (Buffer.byteLength(fields.join()) > this.#limits.csvHeaderBytes) {
        throw new ItemReaderError(`The CSV header is longer than ${this.#limits.csvHeaderBytes} bytes.`);
      }
      this.#setHeaders(fields);
      return;
    }
    const row = this.#rowOf(fields, isPlain);
    pieces.push({ text: row, bytes: Buffer.byteLength(row), end });
  }

  /** @param isPlain Whether no field needs the general printer. */
  #rowOf(fields: readonly string[], isPlain: boolean): string {
    // One string of its own: slices of the chunk would keep all of it as long as one of its items waits.
    const members = (this.#members ?? []).map((member, index) => {
      const field = fields[index] ?? "";
      return member + (isPlain || PLAIN.test(field) ? `"${field}"` : JSON.stringify(field));
    });
    return `{${members.join(",")}}`;
  }

  #setHeaders(headers: readonly string[]): void {
    if (new Set(headers).size < headers.length) {
      throw new ItemReaderError("CSV headers cannot contain duplicates.");
    }
    this.#headers = headers;
    this.#members = headers.map((header) => `${JSON.stringify(header)}:`);
  }
}

/** Text that is quoted without the general printer: most of what CSV files have. */
const PLAIN = /^[ !#-[\]-\ud7ff]*$/u;

/** A row under way: one whose quoted field goes on in the next line. */
interface Row {
  readonly fields: string[];
  field: string;
  isQuoted: boolean;
  bytes: number;
}

/** Goes on with `row`, so that a field of many lines is read once. The last field stays in `row.field`. */
function parseLine(row: Row, text: string, delimiter: string): void {
  let isStart = !row.isQuoted;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === "\\") {
      i += 1;
      row.field += text[i] ?? "";
    } else if (row.isQuoted) {
      if (char !== '"') row.field += char;
      else if (text[i + 1] === '"') {
        row.field += '"';
        i += 1;
      } else row.isQuoted = false;
    } else if (char === '"' && isStart) {
      row.isQuoted = true;
    } else if (char === delimiter) {
      row.fields.push(row.field);
      row.field = "";
      isStart = true;
      continue;
    } else {
      row.field += char;
    }
    isStart = false;
  }
}
