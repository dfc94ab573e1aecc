// CSV as the service reads it: every value is text.
//
// Spec: developer guide, "ItemReader (Map)", CSV. Rows may lack fields (they are "") and have too many (left out);
// empty lines are skipped, but a line of blanks is a row (recorded); `""` and `\"` are quotes; a quote opens a
// quoted field only where a field begins.
//
// Invariants: C1. At most `itemBytes` and one chunk are held: a quote that is never closed fails there or at the end.

import type { Limits, Piece, Splitter } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import { Lines, textOf } from "./lines.ts";

export const DELIMITERS = { COMMA: ",", PIPE: "|", SEMICOLON: ";", SPACE: " ", TAB: "\t" } as const;

/** @param name As CSVDelimiter has it. */
export function delimiterOf(name: keyof typeof DELIMITERS = "COMMA"): string {
  return DELIMITERS[name];
}

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
    for (const { line, end } of this.#lines.push(chunk)) this.#line(pieces, line, end);
    return pieces;
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
    const members = this.#members.map((member, index) => {
      const field = fields[index] ?? "";
      return member + (isPlain || PLAIN.test(field) ? `"${field}"` : JSON.stringify(field));
    });
    const row = `{${members.join(",")}}`;
    pieces.push({ text: row, bytes: Buffer.byteLength(row), end });
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
