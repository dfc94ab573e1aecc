// The items of a Map from the data that its ItemReader would have read, given as text.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html

import type { ItemReader } from "../../asl/distributed-ast.ts";
import { StatesError } from "../../asl/errors.ts";
import { fromMembers, isArray, isObject, type Json, member, Payload } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import type { Turn } from "../turn.ts";

/**
 * @param text A CSV or JSON Lines file as it is. Of a JSON file its text; of a list of objects, a manifest or a
 *             Parquet file a JSON array of the items.
 * @throws StatesError States.ItemReaderFailed
 */
export function itemsFromReader(turn: Turn, reader: ItemReader, text: string): readonly Json[] {
  if (reader.inputType === "CSV") return rowsOf(reader, text);
  if (reader.inputType === "JSONL") {
    return text
      .split(/\r?\n/u)
      .filter((line) => line.trim() !== "")
      .map(jsonOf);
  }
  const value = jsonOf(text);
  const { itemsPointer } = reader;
  if (itemsPointer === undefined) return itemsIn(value);
  return itemsIn(turn.inspect("afterItemsPointer", Payload.ofValue(pointedTo(value, itemsPointer))).value);
}

function jsonOf(text: string): Json {
  const json = parseJson(text);
  if (!json.ok) throw failed(`The file is no valid JSON: ${json.message}`);
  return json.value;
}

/** Of an object each member is an item. */
function itemsIn(value: Json): readonly Json[] {
  if (isArray(value)) return value;
  if (isObject(value)) return Object.entries(value).map(([Key, Value]) => ({ Key, Value }));
  throw failed("The data is neither an array nor an object.");
}

/** RFC 6901. */
function pointedTo(value: Json, pointer: string): Json {
  let here: Json | undefined = value;
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    here = isObject(here) ? member(here, key) : isArray(here) ? here[Number(key)] : undefined;
  }
  if (here === undefined) throw failed(`The ItemsPointer '${pointer}' leads nowhere.`);
  return here;
}

const DELIMITERS = { COMMA: ",", PIPE: "|", SEMICOLON: ";", SPACE: " ", TAB: "\t" } as const;

function rowsOf(reader: ItemReader, text: string): readonly Json[] {
  const rows = csvRows(text, DELIMITERS[reader.csvDelimiter]);
  const headers = reader.csvHeaderLocation === "GIVEN" ? reader.csvHeaders : rows.shift();
  if (headers === undefined) throw failed("The CSV file is empty.");
  return rows.map((row) => fromMembers(headers.map((header, i) => [header, row[i] ?? ""] as const)));
}

/** RFC 4180, with a delimiter of choice. Empty lines are no rows. */
function csvRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let isQuoted = false;
  const endRow = (): void => {
    row.push(field);
    if (row.length > 1 || field !== "") rows.push(row);
    row = [];
    field = "";
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (isQuoted) {
      if (char !== '"') field += char;
      else if (text[i + 1] === '"') {
        field += char;
        i += 1;
      } else isQuoted = false;
    } else if (char === '"' && field === "") isQuoted = true;
    else if (char === delimiter) {
      row.push(field);
      field = "";
    } else if (char === "\n") endRow();
    else if (char !== "\r") field += char;
  }
  endRow();
  return rows;
}

function failed(cause: string): StatesError {
  return new StatesError("States.ItemReaderFailed", cause);
}
