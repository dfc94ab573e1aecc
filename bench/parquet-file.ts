// The least Parquet that a reader can be measured with: required columns, PLAIN, uncompressed, one page a column chunk.
//
// Spec: https://github.com/apache/parquet-format, parquet.thrift; Thrift's compact protocol.

import type { FileHandle } from "node:fs/promises";

type Type = "INT64" | "DOUBLE" | "BYTE_ARRAY";
const TYPES: Readonly<Record<Type, number>> = { INT64: 2, DOUBLE: 5, BYTE_ARRAY: 6 };

export interface Column {
  readonly name: string;
  readonly type: Type;
  /** Of the row with that number. */
  readonly value: (row: number) => bigint | number | string;
}

/** @returns bytes written */
export async function writeParquet(
  file: FileHandle,
  columns: readonly Column[],
  rows: number,
  groupRows: number,
): Promise<number> {
  let at = 0;
  const write = async (bytes: Buffer): Promise<void> => {
    await file.write(bytes);
    at += bytes.length;
  };
  await write(Buffer.from("PAR1"));
  const groups: Field[][] = [];
  for (let first = 0; first < rows; first += groupRows) {
    const count = Math.min(groupRows, rows - first);
    const chunks: Field[][] = [];
    let groupBytes = 0;
    for (const { name, type, value } of columns) {
      const values = Buffer.concat(Array.from({ length: count }, (_, row) => plain(value(first + row))));
      const header = struct([
        [1, int(0)],
        [2, int(values.length)],
        [3, int(values.length)],
        // The encodings of values and of levels, of which required columns have none: PLAIN, RLE, RLE.
        [
          5,
          nested([
            [1, int(count)],
            [2, int(0)],
            [3, int(3)],
            [4, int(3)],
          ]),
        ],
      ]);
      const bytes = header.length + values.length;
      chunks.push([
        [2, long(at)],
        [
          3,
          nested([
            [1, int(TYPES[type])],
            [2, list(INT, [int(0).bytes])],
            [3, list(BINARY, [binary(name).bytes])],
            [4, int(0)],
            [5, long(count)],
            [6, long(bytes)],
            [7, long(bytes)],
            [9, long(at)],
          ]),
        ],
      ]);
      groupBytes += bytes;
      // oxlint-disable-next-line no-await-in-loop -- in order
      await write(Buffer.concat([header, values]));
    }
    groups.push([
      [1, list(STRUCT, chunks.map(struct))],
      [2, long(groupBytes)],
      [3, long(count)],
    ]);
  }
  const root: Field[] = [
    [4, binary("root")],
    [5, int(columns.length)],
  ];
  const schema = columns.map(({ name, type }): Field[] => [
    [1, int(TYPES[type])],
    [3, int(0)],
    [4, binary(name)],
    // UTF8
    ...(type === "BYTE_ARRAY" ? [[6, int(0)] as const] : []),
  ]);
  const footer = struct([
    [1, int(1)],
    [2, list(STRUCT, [root, ...schema].map(struct))],
    [3, long(rows)],
    [4, list(STRUCT, groups.map(struct))],
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  await write(Buffer.concat([footer, length, Buffer.from("PAR1")]));
  return at;
}

function plain(value: bigint | number | string): Buffer {
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  }
  const bytes = Buffer.alloc(8);
  if (typeof value === "bigint") bytes.writeBigInt64LE(value);
  else bytes.writeDoubleLE(value);
  return bytes;
}

const INT = 5;
const LONG = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

interface Value {
  readonly type: number;
  readonly bytes: Buffer;
}
type Field = readonly [id: number, value: Value];

function struct(fields: readonly Field[]): Buffer {
  let last = 0;
  const parts: Buffer[] = [];
  for (const [id, { type, bytes }] of fields) {
    parts.push(Buffer.from([((id - last) << 4) | type]), bytes);
    last = id;
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function nested(fields: readonly Field[]): Value {
  return { type: STRUCT, bytes: struct(fields) };
}

function list(type: number, items: readonly Buffer[]): Value {
  const head =
    items.length < 15
      ? Buffer.from([(items.length << 4) | type])
      : Buffer.concat([Buffer.from([0xf0 | type]), varint(BigInt(items.length))]);
  return { type: LIST, bytes: Buffer.concat([head, ...items]) };
}

function int(value: number): Value {
  return { type: INT, bytes: varint(BigInt(value) * 2n) };
}

/** No negative numbers are needed, so zigzag is doubling. */
function long(value: number): Value {
  return { type: LONG, bytes: varint(BigInt(value) * 2n) };
}

function binary(text: string): Value {
  const bytes = Buffer.from(text);
  return { type: BINARY, bytes: Buffer.concat([varint(BigInt(bytes.length)), bytes]) };
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest > 0n);
  return Buffer.from(bytes);
}
