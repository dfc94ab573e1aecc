// A definition in a file, JSON or YAML, and where in the file a diagnostic points.
//
// Knows:          YAML and its JSON meaning, offsets, lines and columns.
// Does not know:  the States Language.
//
// Invariants
//   Y1. The JSON text made of a YAML document remembers for each key and value where it came from, so an
//       offset into the one becomes an offset into the other.
//   Y2. YAML cannot grow beyond MAX_JSON_LENGTH: aliases are written out, and nested ones multiply.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import type { Diagnostic } from "../asl/diagnostics.ts";

/** Four times what the service accepts as a definition. */
const MAX_JSON_LENGTH = 4 * 1024 * 1024;

export const DEFINITION_FILE: RegExp = /\.asl\.(?:json|yaml|yml)$/;

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number;
}

/** A fault of the file itself: it is no YAML, or means something that JSON cannot say. */
export interface FileFault extends Position {
  readonly severity: "ERROR" | "WARNING";
  readonly message: string;
}

export interface DefinitionFile {
  /** The definition as JSON; undefined if a fault prevents it. */
  readonly json: string | undefined;
  readonly faults: readonly FileFault[];
  readonly positionOf: (diagnostic: Pick<Diagnostic, "offset" | "location">) => Position;
}

/** Reads the text of a definition file. JSON goes through unchanged, faults and all: `parse` judges it. */
export function readDefinition(fileName: string, content: string): DefinitionFile {
  const text = content.startsWith("\ufeff") ? content.slice(1) : content;
  const lines = new LineCounter();
  if (/\.ya?ml$/.test(fileName)) return readYaml(text, lines);
  return {
    json: text,
    faults: [],
    positionOf: ({ offset, location }) => {
      if (offset !== undefined) return positionIn(text, offset);
      // Without an offset the pointer is followed. JSON is YAML, as far as finding places is concerned.
      const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
      return positionIn(text, offsetOfPointer(document, location));
    },
  };
}

function readYaml(text: string, lineCounter: LineCounter): DefinitionFile {
  const document = parseDocument(text, { lineCounter, prettyErrors: false, version: "1.2" });
  const at = (offset: number): Position => positionIn(text, offset);
  const faults: FileFault[] = [
    ...document.errors.map((error) => ({
      severity: "ERROR" as const,
      message: error.message,
      ...at(error.pos[0]),
    })),
    ...document.warnings.map((warning) => ({
      severity: "WARNING" as const,
      message: warning.message,
      ...at(warning.pos[0]),
    })),
  ];
  const failed = (): DefinitionFile => ({
    json: undefined,
    faults,
    positionOf: () => ({ line: 1, column: 1 }),
  });
  if (document.errors.length > 0) return failed();
  const writer = new JsonWriter(document);
  try {
    writer.write(document.contents);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    faults.push({ severity: "ERROR", message: error.message, ...at(error.offset) });
    return failed();
  }
  return {
    json: writer.text(),
    faults,
    positionOf: ({ offset, location }) =>
      at(offset === undefined ? offsetOfPointer(document, location) : writer.sourceOffset(offset)),
  };
}

/** Line and column of an offset; past the end counts as the end. */
export function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, Math.max(0, offset));
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let i = before.indexOf("\n"); i >= 0; i = before.indexOf("\n", i + 1)) line += 1;
  return { line, column: before.length - lineStart + 1 };
}

/** Where the node that a JSON pointer names begins, or the nearest one around it that exists. */
function offsetOfPointer(document: Document, pointer: string): number {
  let node: unknown = document.contents;
  let offset = startOf(node, 0);
  for (const part of pointer.split("/").slice(1)) {
    if (part === "") continue;
    const key = part.replace(/~1/g, "/").replace(/~0/g, "~");
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined) return offset;
      node = pair.value;
      offset = startOf(pair.key, offset);
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (node === undefined) return offset;
      offset = startOf(node, offset);
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown, otherwise: number): number {
  return isNode(node) ? (node.range?.[0] ?? otherwise) : otherwise;
}

/** The document means something that JSON has no word for. */
class NotJson extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Writes a YAML node as compact JSON and keeps where each piece came from (Y1). */
class JsonWriter {
  readonly #document: Document;
  readonly #pieces: string[] = [];
  #length = 0;
  /** Ascending by `json`. */
  readonly #marks: { readonly json: number; readonly source: number }[] = [];
  readonly #open = new Set<Node>();

  constructor(document: Document) {
    this.#document = document;
  }

  text(): string {
    return this.#pieces.join("");
  }

  /** The place in the YAML text of what stands at `offset` of the JSON text. */
  sourceOffset(offset: number): number {
    let low = 0;
    let high = this.#marks.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#marks[middle]?.json ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#marks[low]?.source ?? 0;
  }

  write(node: unknown): void {
    if (node === null || node === undefined) {
      this.#put("null");
      return;
    }
    if (!isNode(node)) throw new NotJson(`not a value: ${JSON.stringify(node)}`, 0);
    this.#mark(node);
    if (isAlias(node)) this.#writeAlias(node);
    else if (isMap(node)) this.#writeMap(this.#members(node.items));
    else if (isSeq(node)) this.#writeList(node.items);
    else this.#writeScalar(node);
  }

  #writeAlias(alias: Alias): void {
    const target = this.#target(alias);
    this.#open.add(target);
    this.write(target);
    this.#open.delete(target);
  }

  #target(alias: Alias): Node {
    const target = alias.resolve(this.#document);
    const offset = startOf(alias, 0);
    if (target === undefined) throw new NotJson(`there is no anchor named "${alias.source}"`, offset);
    if (this.#open.has(target)) throw new NotJson(`the anchor "${alias.source}" contains itself`, offset);
    return target;
  }

  #writeMap(members: readonly Pair[]): void {
    this.#put("{");
    members.forEach((pair, i) => {
      if (i > 0) this.#put(",");
      const key = pair.key;
      if (!isScalar(key)) throw new NotJson("a key must be plain text", startOf(key, 0));
      this.#mark(key);
      this.#put(`${JSON.stringify(String(key.value))}:`);
      this.write(pair.value);
    });
    this.#put("}");
  }

  /** The pairs of a map with `<<` merged: its own pairs win, then the first map that has the key. */
  #members(pairs: readonly Pair[]): readonly Pair[] {
    if (!pairs.some(isMerge)) return pairs;
    const own = pairs.filter((pair) => !isMerge(pair));
    const keys = new Set(own.map((pair) => keyText(pair)));
    for (const merge of pairs.filter(isMerge)) {
      for (const source of isSeq(merge.value) ? merge.value.items : [merge.value]) {
        const map = isAlias(source) ? this.#target(source) : source;
        if (!isMap(map)) throw new NotJson("`<<` takes a map, or a list of maps", startOf(merge.key, 0));
        for (const pair of this.#members(map.items)) {
          if (keys.has(keyText(pair))) continue;
          keys.add(keyText(pair));
          own.push(pair);
        }
      }
    }
    return own;
  }

  #writeList(items: readonly unknown[]): void {
    this.#put("[");
    items.forEach((item, i) => {
      if (i > 0) this.#put(",");
      this.write(item);
    });
    this.#put("]");
  }

  #writeScalar(node: Node): void {
    const value: unknown = isScalar(node) ? node.value : undefined;
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new NotJson(`JSON has no number ${value}`, startOf(node, 0));
    }
    if (value !== null && !["string", "number", "boolean"].includes(typeof value)) {
      throw new NotJson("JSON has no such value", startOf(node, 0));
    }
    this.#put(JSON.stringify(value));
  }

  #mark(node: Node): void {
    if (node.range) this.#marks.push({ json: this.#length, source: node.range[0] });
  }

  #put(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length > MAX_JSON_LENGTH) throw new NotJson("the definition is larger than 4 MiB", 0);
  }
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function isMerge(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.value === "<<" && pair.key.type === "PLAIN";
}
