// The elements of a JSON array inside a file of any size, found by a JSON Pointer (RFC 6901).
//
// Knows:          where values begin and end. Each item is checked by base/json-text once it is whole; what the
//                 pointer passes by is only stepped over, not checked.
//
// Invariants
//   JI1. Nothing recurses and no stack is kept: depth is a number.
//   JI2. At most one item (`itemBytes`) or one key of the way is held.

import { assert } from "../base/assert.ts";
import type { Limits, Piece, Splitter } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import { pieceOf, textOf } from "./lines.ts";

type Phase = "value" | "key" | "colon" | "element" | "items" | "itemKey" | "itemColon" | "rest" | "done";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The recorded cause when there is nothing to map over. */
const NOT_ITERABLE = "Attempting to map over non-iterable node.";

interface Scan {
  /** Undefined: stepped over. */
  readonly kept: Buffer[] | undefined;
  bytes: number;
  depth: number;
  inString: boolean;
  escaped: boolean;
  /** First byte. */
  readonly kind: number;
}

export class JsonItems implements Splitter {
  readonly #tokens: readonly string[];
  readonly #limits: Limits;
  #at: number;
  #phase: Phase = "value";
  /** Tokens that led here. */
  #level = 0;
  #index = 0;
  #isObject = false;
  /** What may follow in the innermost container of the way. */
  #place: "start" | "afterComma" | "afterValue" = "start";
  #hasColon = false;
  #key = "";
  /** A value or key that is being scanned; undefined between them. */
  #scan: Scan | undefined;

  /**
   * @param pointer Of the array or object; undefined or "" is the whole document, which must then be an array.
   * @param at      Offset that reading goes on from: 0, or the end of an item of an array.
   */
  constructor(pointer: string | undefined, limits: Limits, at: number, isObject = false) {
    if (pointer !== undefined && pointer !== "" && !pointer.startsWith("/")) {
      throw new ItemReaderError(`ItemsPointer '${pointer}' is not a JSON Pointer.`);
    }
    this.#tokens = (pointer ?? "")
      .split("/")
      .slice(1)
      .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
    this.#limits = limits;
    this.#at = at;
    if (at > 0) {
      this.#isObject = isObject;
      this.#phase = isObject ? "itemKey" : "items";
      this.#place = "afterValue";
    }
  }

  /** Whether the items are members of an object. */
  get isObject(): boolean {
    return this.#isObject;
  }

  get done(): boolean {
    return this.#phase === "done";
  }

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let i = 0;
    while (i < chunk.length && this.#phase !== "done") {
      if (this.#scan !== undefined) {
        i = this.#goOn(chunk, i, pieces);
        continue;
      }
      const byte = chunk[i] as number;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) i += 1;
      else if (this.#at + i === 0 && byte === 0xef) i += 3;
      else if (this.#step(byte)) i += 1;
    }
    this.#at += chunk.length;
    return pieces;
  }

  end(): Piece[] {
    if (this.#phase !== "done" && this.#phase !== "rest") {
      throw new ItemReaderError(
        this.#at === 0 ? NOT_ITERABLE : `The JSON file ends too early, at byte ${this.#at}.`,
      );
    }
    return [];
  }

  /** Takes the structural `byte`, or starts a scan at it (false). */
  #step(byte: number): boolean {
    const char = String.fromCharCode(byte);
    switch (this.#phase) {
      case "value":
        return this.#enter(char);
      case "key":
      case "itemKey":
        if (char === "," || char === "}") return this.#separator(char);
        if (char !== '"' || this.#place === "afterValue") throw this.#unexpected(char);
        return this.#begin(byte, true);
      case "colon":
      case "itemColon":
        if ((char === ":") === this.#hasColon) throw this.#unexpected(char);
        if (char === ":") {
          this.#hasColon = true;
          return true;
        }
        this.#hasColon = false;
        if (this.#phase === "itemColon") return this.#begin(byte, true);
        if (this.#key !== this.#tokens[this.#level]) return this.#begin(byte, false);
        return this.#descend();
      case "element":
        if (char === "," || char === "]") return this.#separator(char);
        if (this.#place === "afterValue") throw this.#unexpected(char);
        if (String(this.#index) !== this.#tokens[this.#level]) return this.#begin(byte, false);
        return this.#descend();
      case "items":
        if (char === "," || char === "]") return this.#separator(char);
        if (this.#place === "afterValue") throw this.#unexpected(char);
        return this.#begin(byte, true);
      case "rest":
        throw this.#unexpected(char);
      case "done":
        return true;
    }
  }

  /** A comma, or the end of the container: of the target, or of one that the pointer does not get past. */
  #separator(char: string): true {
    if (char !== "," && this.#place === "afterComma") throw this.#unexpected(char);
    if (char === ",") {
      if (this.#place !== "afterValue") throw this.#unexpected(char);
      this.#place = "afterComma";
      return true;
    }
    if (this.#phase === "key" || this.#phase === "element") throw this.#notFound();
    // What follows the target of a pointer is not read: it may be gigabytes.
    this.#phase = this.#tokens.length === 0 ? "rest" : "done";
    return true;
  }

  #descend(): false {
    this.#level += 1;
    this.#phase = "value";
    return false;
  }

  #enter(char: string): true {
    const isTarget = this.#level === this.#tokens.length;
    this.#place = "start";
    if (char === "[") {
      this.#phase = isTarget ? "items" : "element";
      this.#index = 0;
    } else if (char === "{" && (!isTarget || this.#level > 0)) {
      this.#phase = isTarget ? "itemKey" : "key";
      this.#isObject = isTarget;
    } else if (isTarget) throw new ItemReaderError(NOT_ITERABLE);
    else throw this.#notFound();
    return true;
  }

  #begin(kind: number, keep: boolean): false {
    if (kind === 0x5d || kind === 0x7d || kind === 0x3a) throw this.#unexpected(String.fromCharCode(kind));
    this.#scan = { kept: keep ? [] : undefined, bytes: 0, depth: 0, inString: false, escaped: false, kind };
    return false;
  }

  /** Scans on from `i`; the offset where it stopped. */
  #goOn(chunk: Buffer, start: number, pieces: Piece[]): number {
    const scan = this.#scan;
    assert(scan !== undefined, "a scan goes on that was not begun");
    const isScalar = scan.kind !== QUOTE && scan.kind !== 0x5b && scan.kind !== 0x7b;
    let { depth, inString, escaped } = scan;
    let i = start;
    let isWhole = false;
    for (; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          isWhole = depth === 0;
        }
      } else if (isScalar) {
        if (byte <= 0x20 || byte === 0x2c || byte === 0x5d || byte === 0x7d) {
          isWhole = true;
          break;
        }
      } else if (byte === QUOTE) inString = true;
      else if (byte === 0x5b || byte === 0x7b) depth += 1;
      else if (byte === 0x5d || byte === 0x7d) {
        depth -= 1;
        isWhole = depth === 0;
      }
      if (isWhole) {
        i += 1;
        break;
      }
    }
    scan.depth = depth;
    scan.inString = inString;
    scan.escaped = escaped;
    if (scan.kept !== undefined) {
      scan.kept.push(chunk.subarray(start, i));
      scan.bytes += i - start;
      if (scan.bytes > this.#limits.itemBytes) {
        throw new ItemReaderError(
          `The item before byte ${this.#at + i} is longer than ${this.#limits.itemBytes} bytes.`,
        );
      }
    }
    if (isWhole) {
      this.#scan = undefined;
      this.#take(scan.kept, this.#at + i, pieces);
    }
    return i;
  }

  #take(kept: readonly Buffer[] | undefined, end: number, pieces: Piece[]): void {
    switch (this.#phase) {
      case "key":
      case "itemKey": {
        const text = textOf(Buffer.concat(kept ?? []), end);
        pieceOf(text, end, this.#limits.depth);
        this.#key = this.#phase === "key" ? (JSON.parse(text) as string) : text;
        this.#phase = this.#phase === "key" ? "colon" : "itemColon";
        return;
      }
      case "colon":
        this.#place = "afterValue";
        this.#phase = "key";
        return;
      case "element":
        this.#place = "afterValue";
        this.#index += 1;
        return;
      case "items":
      case "itemColon": {
        this.#place = "afterValue";
        const piece = pieceOf(textOf(Buffer.concat(kept ?? []), end), end, this.#limits.depth);
        if (!this.#isObject) {
          pieces.push(piece);
          return;
        }
        const text = `{"Key":${this.#key},"Value":${piece.text}}`;
        pieces.push({ text, bytes: Buffer.byteLength(text), end });
        this.#phase = "itemKey";
        return;
      }
      case "value":
      case "rest":
      case "done":
        assert(false, "nothing is scanned there");
    }
  }

  #notFound(): ItemReaderError {
    return new ItemReaderError(`ItemsPointer '/${this.#tokens.join("/")}' leads to nothing in the file.`);
  }

  #unexpected(char: string): ItemReaderError {
    return new ItemReaderError(`The JSON file is not valid: unexpected '${char}'.`);
  }
}
