// Items out of a local bucket: items/s and MB/s of each format, beside a plain loop over the same file in the same run,
// and the most memory that a process of its own took for it.
//
//   node bench/datasets.ts [--items 200000] [--rounds 2] [--directory DIR]
//
// The plain loop is what one would write by hand: readline and JSON.parse or split, JSON.parse of the whole file,
// hyparquet over the whole file, readdir and stat. It checks nothing, keeps no cursors, and for JSON and Parquet its
// memory grows with the file. Both make the text of each item, since that is what a child is started with.

import { spawnSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createGunzip, createGzip } from "node:zlib";

import { parquetReadObjects } from "hyparquet";
import { folderStore } from "../src/datasets/folder-store.ts";
import { type ItemSource, readItems } from "../src/datasets/read-items.ts";
import { writeParquet } from "./parquet-file.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "200000" },
    rounds: { type: "string", default: "2" },
    directory: { type: "string", default: tmpdir() },
    /** Of a process that measures one: the format and who reads, by a colon. */
    measure: { type: "string" },
  },
});
const itemCount = Number(values.items);

interface Format {
  readonly name: string;
  readonly source: Omit<ItemSource, "bucket">;
  /** Items, and characters of their texts. */
  readonly plain: (bucket: string) => Promise<Counted>;
}

interface Counted {
  items: number;
  characters: number;
}

interface Measured extends Counted {
  readonly seconds: number;
  readonly peakBytes: number;
}

async function count(texts: AsyncIterable<string> | Iterable<string>): Promise<Counted> {
  const counted = { items: 0, characters: 0 };
  for await (const text of texts) {
    counted.items += 1;
    counted.characters += text.length;
  }
  return counted;
}

async function* lines(path: string): AsyncGenerator<string> {
  const bytes = createReadStream(path);
  yield* createInterface({ input: path.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes });
}

async function* parsedLines(path: string): AsyncGenerator<string> {
  for await (const line of lines(path)) yield JSON.stringify(JSON.parse(line));
}

async function* csvLines(path: string): AsyncGenerator<string> {
  let header: string[] | undefined;
  for await (const line of lines(path)) {
    const fields = line.split(",");
    if (header === undefined) header = fields;
    else yield JSON.stringify(Object.fromEntries(header.map((name, index) => [name, fields[index] ?? ""])));
  }
}

async function* listed(folder: string): AsyncGenerator<string> {
  for (const name of (await readdir(folder)).toSorted()) {
    // oxlint-disable-next-line no-await-in-loop -- a plain loop
    const { size, mtimeMs } = await stat(join(folder, name));
    yield JSON.stringify({ Key: `objects/${name}`, Size: size, LastModified: Math.floor(mtimeMs / 1000) });
  }
}

const FORMATS: readonly Format[] = [
  {
    name: "JSON Lines",
    source: { resource: "getObject", key: "items.jsonl", inputType: "JSONL" },
    plain: (bucket) => count(parsedLines(join(bucket, "items.jsonl"))),
  },
  {
    name: "JSON Lines, gzip",
    source: { resource: "getObject", key: "items.jsonl.gz", inputType: "JSONL" },
    plain: (bucket) => count(parsedLines(join(bucket, "items.jsonl.gz"))),
  },
  {
    name: "JSON array",
    source: { resource: "getObject", key: "items.json", inputType: "JSON" },
    plain: async (bucket) => {
      const items = JSON.parse(await readFile(join(bucket, "items.json"), "utf8")) as unknown[];
      return count(items.values().map((item) => JSON.stringify(item)));
    },
  },
  {
    name: "CSV",
    source: { resource: "getObject", key: "items.csv", inputType: "CSV", csvHeaderLocation: "FIRST_ROW" },
    plain: (bucket) => count(csvLines(join(bucket, "items.csv"))),
  },
  {
    name: "Parquet",
    source: { resource: "getObject", key: "items.parquet", inputType: "PARQUET" },
    plain: async (bucket) => {
      const { buffer, byteOffset, length } = await readFile(join(bucket, "items.parquet"));
      const file = buffer.slice(byteOffset, byteOffset + length);
      const rows = await parquetReadObjects({ file });
      return count(rows.values().map((row) => JSON.stringify({ ...row, id: Number(row["id"]) })));
    },
  },
  {
    name: "listing",
    source: { resource: "listObjectsV2", prefix: "objects/" },
    plain: (bucket) => count(listed(join(bucket, "objects"))),
  },
];

/** Objects of the listing; a file each, so fewer. */
const objectCount = Math.min(20_000, Math.ceil(itemCount / 10));

function itemOf(i: number): Record<string, string | number> {
  return {
    id: i,
    customer: `customer-${i % 9973}`,
    status: "shipped",
    total: (i % 10_000) / 100 + 0.5,
    note: "left at the door",
  };
}

/** @returns bytes of each source, unpacked; a listing has no bytes of its own */
async function makeFiles(bucket: string): Promise<Record<string, number>> {
  await mkdir(join(bucket, "objects"), { recursive: true });
  const texts = function* (prefix: string, text: (i: number) => string, suffix: string): Generator<string> {
    yield prefix;
    for (let first = 0; first < itemCount; first += 1000) {
      let chunk = "";
      for (let i = first; i < Math.min(itemCount, first + 1000); i++) chunk += text(i);
      yield chunk;
    }
    yield suffix;
  };
  const jsonl = join(bucket, "items.jsonl");
  await writeFile(
    jsonl,
    texts("", (i) => `${JSON.stringify(itemOf(i))}\n`, ""),
  );
  await writeFile(
    join(bucket, "items.json"),
    texts("[", (i) => `${i === 0 ? "" : ","}${JSON.stringify(itemOf(i))}`, "]"),
  );
  await writeFile(
    join(bucket, "items.csv"),
    texts(`${Object.keys(itemOf(0)).join()}\n`, (i) => `${Object.values(itemOf(i)).join()}\n`, ""),
  );
  const packed = await open(`${jsonl}.gz`, "w");
  await pipeline(createReadStream(jsonl), createGzip(), packed.createWriteStream());
  const parquet = await open(join(bucket, "items.parquet"), "w");
  await writeParquet(
    parquet,
    [
      { name: "id", type: "INT64", value: BigInt },
      { name: "customer", type: "BYTE_ARRAY", value: (i) => `customer-${i % 9973}` },
      { name: "status", type: "BYTE_ARRAY", value: () => "shipped" },
      { name: "total", type: "DOUBLE", value: (i) => (i % 10_000) / 100 + 0.5 },
      { name: "note", type: "BYTE_ARRAY", value: () => "left at the door" },
    ],
    itemCount,
    50_000,
  );
  await parquet.close();
  for (let i = 0; i < objectCount; i++) {
    // oxlint-disable-next-line no-await-in-loop -- not thousands of files at once
    await writeFile(join(bucket, "objects", String(i).padStart(8, "0")), "x");
  }
  const size = async (file: string): Promise<number> => (await stat(join(bucket, file))).size;
  const unpacked = await size("items.jsonl");
  return {
    "JSON Lines": unpacked,
    "JSON Lines, gzip": unpacked,
    "JSON array": await size("items.json"),
    CSV: await size("items.csv"),
    Parquet: await size("items.parquet"),
  };
}

async function* textsOf(directory: string, source: Omit<ItemSource, "bucket">): AsyncGenerator<string> {
  const store = await folderStore(directory);
  for await (const { text } of readItems(store, { bucket: "bench", ...source })) yield text;
}

/** In this process, which was started for it. */
async function measure(what: string): Promise<Measured> {
  const [name, who] = what.split(":");
  const format = FORMATS.find((one) => one.name === name);
  if (format === undefined) throw new Error(`there is no format ${name}`);
  const began = performance.now();
  const counted =
    who === "plain"
      ? await format.plain(join(values.directory, "bench"))
      : await count(textsOf(values.directory, format.source));
  const seconds = (performance.now() - began) / 1000;
  // What another run of the loop holds at once is not asked: the peak of the process is what the machine must have.
  return { ...counted, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

function measureElsewhere(directory: string, what: string): Measured {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      import.meta.filename,
      "--directory",
      directory,
      "--items",
      values.items,
      "--measure",
      what,
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`${what}: ${stderr}`);
  return JSON.parse(stdout) as Measured;
}

function best(runs: readonly Measured[]): Measured {
  const [first, ...rest] = runs;
  if (first === undefined) throw new Error("there was no round");
  return rest.reduce((a, b) => (a.seconds <= b.seconds ? a : b), first);
}

if (values.measure !== undefined) {
  console.log(JSON.stringify(await measure(values.measure)));
} else {
  const directory = await mkdtemp(join(values.directory, "datasets-bench-"));
  try {
    const sizes = await makeFiles(join(directory, "bench"));
    console.log(
      `${itemCount} items; the listing has ${objectCount} objects; the best of ${values.rounds} rounds`,
    );
    console.log("| format | items/s | MB/s | peak MB | plain loop: items/s | peak MB | ratio |");
    console.log("|---|---|---|---|---|---|---|");
    for (const { name } of FORMATS) {
      const ours: Measured[] = [];
      const plain: Measured[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        ours.push(measureElsewhere(directory, `${name}:ours`));
        plain.push(measureElsewhere(directory, `${name}:plain`));
      }
      const [a, b] = [best(ours), best(plain)];
      if (a.items !== b.items || a.items === 0)
        throw new Error(`${name}: ${a.items} items, the plain loop has ${b.items}`);
      const perSecond = ({ items, seconds }: Measured): string =>
        Math.round(items / seconds).toLocaleString("en");
      const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
      const size = sizes[name];
      console.log(
        `| ${name} | ${perSecond(a)} | ${size === undefined ? "" : megabytes(size / a.seconds)} | ${megabytes(a.peakBytes)} | ` +
          `${perSecond(b)} | ${megabytes(b.peakBytes)} | ${(b.seconds / a.seconds).toFixed(2)} |`,
      );
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}
