// Objects that name other objects: the manifest of an Athena UNLOAD and of an S3 inventory.
//
// Spec: developer guide, "ItemReader (Map)"; Amazon S3 user guide, "Locating your inventory list".

import { isArray, isObject, type Json } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import type { Limits } from "./item.ts";
import { ItemReaderError } from "./item.ts";
import { Lines, textOf } from "./lines.ts";
import type { Place } from "./object-items.ts";
import type { ObjectStore } from "./object-store.ts";
import { decompressed } from "./unpack.ts";

export interface Inventory {
  readonly places: readonly Place[];
  readonly type: "CSV" | "PARQUET";
  /** Names of the columns, which its CSV files do not have. */
  readonly columns: readonly string[];
}

/** One `s3://bucket/key` a line. */
export async function* athenaPlaces(
  store: ObjectStore,
  limits: Limits,
  { bucket, key }: Place,
): AsyncIterable<Place> {
  const lines = new Lines(limits.itemBytes, 0);
  const place = (line: Buffer, end: number): Place | undefined => {
    const text = textOf(line, end - line.length).trim();
    if (text === "") return undefined;
    const found = /^s3:\/\/([^/]+)\/(.+)$/u.exec(text);
    if (found === null) throw new ItemReaderError(`The manifest ${key} has a line that is not an S3 URI.`);
    return { bucket: found[1] as string, key: found[2] as string };
  };
  for await (const chunk of decompressed(store.read(bucket, key), limits)) {
    for (const { line, end } of lines.push(chunk)) {
      const found = place(line, end);
      if (found !== undefined) yield found;
    }
  }
  const rest = lines.rest();
  const last = rest === undefined ? undefined : place(rest.line, rest.end);
  if (last !== undefined) yield last;
}

/** Held as a whole: a manifest has a line for each file, and a file has up to millions of objects. */
export async function inventoryOf(
  store: ObjectStore,
  limits: Limits,
  { bucket, key }: Place,
): Promise<Inventory> {
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of store.read(bucket, key)) {
    bytes += chunk.length;
    if (bytes > limits.itemBytes)
      throw new ItemReaderError(`The manifest ${key} is longer than ${limits.itemBytes} bytes.`);
    kept.push(Buffer.from(chunk));
  }
  const manifest = parseJson(textOf(Buffer.concat(kept), 0));
  return inventoryIn(manifest.ok ? manifest.value : null, { bucket, key });
}

function inventoryIn(manifest: Json, { bucket, key }: Place): Inventory {
  const wrong = new ItemReaderError(
    `${key} is not the manifest.json of an S3 inventory in CSV or Parquet format.`,
  );
  if (!isObject(manifest)) throw wrong;
  const { fileFormat, fileSchema, files, destinationBucket } = manifest as {
    [name: string]: Json | undefined;
  };
  const type = fileFormat === "CSV" ? "CSV" : fileFormat === "Parquet" ? "PARQUET" : undefined;
  if (type === undefined || !isArray(files) || typeof fileSchema !== "string") throw wrong;
  const from = typeof destinationBucket === "string" ? destinationBucket.split(":").at(-1) : undefined;
  const places = files.map((file) => {
    const found = isObject(file) ? file["key"] : undefined;
    if (typeof found !== "string") throw wrong;
    return { bucket: from ?? bucket, key: found };
  });
  return { places, type, columns: fileSchema.split(",").map((column) => column.trim()) };
}
