// What a power cut leaves of a directory that was written under shim.c.
//
// Knows:          the shim's logs, and what a disk may do with writes that were never synced.
// Does not know:  what the files mean.
//
// Invariants
//   P1. What was synced is kept. Of the rest, any part may be lost: a file goes back to its synced content, then a
//       random choice of the later writes is put on it again, in order, some of them torn into sectors.
//   P2. Names change in the order in which they were changed: a random prefix of what was not synced is kept.
//   P3. The same seed over the same logs leaves the same directory.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../src/base/random.ts";

const SECTOR_BYTES = 512;
const RECORD_BYTES = 40;
const MAGIC = 0x57505350;

/** The shim as a library, compiled once per version of its source; undefined: there is no C compiler here. */
export function buildShim(): string | undefined {
  const source = new URL("./shim.c", import.meta.url).pathname;
  if (process.platform !== "linux") return undefined;
  const version = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const directory = join(tmpdir(), `stepwell-power-shim-${process.getuid?.() ?? 0}-${version}`);
  const library = join(directory, "shim.so");
  if (existsSync(library)) return library;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Under a name of its own first: two test processes may build at once.
  const built = join(directory, `${process.pid}.so`);
  const { error, status, stderr } = spawnSync(
    "cc",
    ["-O2", "-shared", "-fPIC", "-o", built, source, "-ldl", "-lpthread"],
    { encoding: "utf8" },
  );
  if (error !== undefined && "code" in error && error.code === "ENOENT") return undefined;
  if (status !== 0) throw new Error(`the power shim does not compile: ${error?.message ?? stderr}`);
  renameSync(built, library);
  return library;
}

export interface PowerDirectories {
  /** Holds the other two. */
  readonly root: string;
  /** Watched: what the process under test writes to. */
  readonly directory: string;
  readonly shadow: string;
}

/** A watched directory and its shadow, empty, under a new temporary directory. */
export function makePowerDirectories(): PowerDirectories {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "stepwell-power-")));
  const directories = { root, directory: join(root, "data"), shadow: join(root, "shadow") };
  mkdirSync(directories.directory);
  mkdirSync(directories.shadow);
  return directories;
}

export interface PowerFaults {
  /** The n-th sync of a file fails with EIO (from 1). */
  readonly failSync?: number;
  /** And every later one. */
  readonly failSyncAlways?: boolean;
  readonly slowSyncMs?: number;
  /** SIGKILL before the n-th watched operation (from 1). */
  readonly killAt?: number;
  /** Bytes that can be written before the disk is full. */
  readonly spaceBytes?: number;
  /** So many writes fail for want of space; then there is room again. */
  readonly spaceFails?: number;
}

/** The environment of a process that runs under the shim. */
export function powerEnvironment(
  shim: string,
  { directory, shadow }: PowerDirectories,
  faults: PowerFaults = {},
): Record<string, string> {
  const settings: Record<string, number | undefined> = {
    POWER_FAIL_SYNC: faults.failSync,
    POWER_FAIL_SYNC_ALWAYS: faults.failSyncAlways === true ? 1 : undefined,
    POWER_SLOW_SYNC_MS: faults.slowSyncMs,
    POWER_KILL_AT: faults.killAt,
    POWER_SPACE: faults.spaceBytes,
    POWER_SPACE_FAILS: faults.spaceFails,
  };
  const environment: Record<string, string> = {
    LD_PRELOAD: shim,
    POWER_DIR: directory,
    POWER_SHADOW: shadow,
  };
  for (const [name, value] of Object.entries(settings))
    if (value !== undefined) environment[name] = String(value);
  return environment;
}

/** What was found unsynced, and what became of it. */
export interface PowerLoss {
  readonly unsyncedWrites: number;
  readonly lostWrites: number;
  readonly tornWrites: number;
  readonly unsyncedNames: number;
  readonly lostNames: number;
}

/**
 * Makes `directory` what it may be after the power went, now that the process is dead, and empties the shadow:
 * what is left is durable, and the next process starts from it.
 */
export function applyPowerLoss(directory: string, shadow: string, seed: number): PowerLoss {
  const random = new Random([seed >>> 0, 0x9e3779b9, 0x243f6a88, 0xb7e15162]);
  const names = loseNames(shadow, random);
  const losses = filesBelow(directory).map((file) => {
    const log = join(shadow, `f${statSync(file, { bigint: true }).ino}.undo`);
    return existsSync(log)
      ? loseWrites(file, log, random)
      : { unsyncedWrites: 0, lostWrites: 0, tornWrites: 0 };
  });
  for (const name of readdirSync(shadow)) rmSync(join(shadow, name));
  const sum = (pick: (loss: (typeof losses)[number]) => number): number =>
    losses.reduce((total, loss) => total + pick(loss), 0);
  return {
    ...names,
    unsyncedWrites: sum((loss) => loss.unsyncedWrites),
    lostWrites: sum((loss) => loss.lostWrites),
    tornWrites: sum((loss) => loss.tornWrites),
  };
}

/** Undoes the last of the unsynced changes of names (P2). */
function loseNames(shadow: string, random: Random): Pick<PowerLoss, "unsyncedNames" | "lostNames"> {
  let unsyncedNames = 0;
  let lostNames = 0;
  for (const log of readdirSync(shadow).filter((name) => name.endsWith(".log"))) {
    const lines = readFileSync(join(shadow, log), "utf8").split("\n").slice(0, -1);
    const keptCount = Math.floor(random.next01() * (lines.length + 1));
    unsyncedNames += lines.length;
    lostNames += lines.length - keptCount;
    for (const line of lines.slice(keptCount).toReversed()) {
      const [kind, path = "", ...rest] = line.split("\t");
      if (kind === "C") {
        rmSync(path, { force: true });
      } else if (kind === "U") {
        renameSync(join(shadow, rest[0] as string), path);
      } else {
        // Killed before the rename itself: there is nothing to undo.
        if (existsSync(path) && !existsSync(rest[0] as string)) renameSync(path, rest[0] as string);
        if (existsSync(join(shadow, rest[1] as string))) renameSync(join(shadow, rest[1] as string), path);
      }
    }
  }
  return { unsyncedNames, lostNames };
}

interface Change {
  readonly type: "W" | "T";
  readonly offset: number;
  readonly length: number;
  readonly oldSize: number;
  readonly old: Buffer;
}

function readChanges(log: string): readonly Change[] {
  const bytes = readFileSync(log);
  const changes: Change[] = [];
  for (let at = 0; at + RECORD_BYTES <= bytes.length; ) {
    if (bytes.readUInt32LE(at) !== MAGIC) throw new Error(`${log} is damaged at ${at}`);
    const number = (index: number): number => Number(bytes.readBigUInt64LE(at + 8 + 8 * index));
    const end = at + RECORD_BYTES + number(3);
    // The process was killed while it wrote this record: the change itself was not made.
    if (end > bytes.length) break;
    const type = String.fromCharCode(bytes.readUInt32LE(at + 4)) as "W" | "T";
    changes.push({
      type,
      offset: number(0),
      length: number(1),
      oldSize: number(2),
      old: bytes.subarray(at + RECORD_BYTES, end),
    });
    at = end;
  }
  return changes;
}

/** P1 */
function loseWrites(
  file: string,
  log: string,
  random: Random,
): Pick<PowerLoss, "unsyncedWrites" | "lostWrites" | "tornWrites"> {
  const changes = readChanges(log);
  if (changes.length === 0) return { unsyncedWrites: 0, lostWrites: 0, tornWrites: 0 };
  let image: Buffer = readFileSync(file);
  const written: Buffer[] = [];
  for (const change of changes.toReversed()) {
    written.unshift(
      Buffer.from(
        image.subarray(change.offset, change.type === "W" ? change.offset + change.length : change.offset),
      ),
    );
    image = resized(image, change.oldSize);
    change.old.copy(image, change.offset);
  }
  const keepShare = random.next01();
  const style = random.next32() % 4;
  const prefix = Math.floor(random.next01() * (changes.length + 1));
  let lostWrites = 0;
  let tornWrites = 0;
  for (const [index, change] of changes.entries()) {
    // Styles: everything lost; a prefix kept, cut within a write; any choice; any choice with torn writes.
    const isKept = style === 0 ? false : style === 1 ? index < prefix : random.next01() < keepShare;
    const isTorn = style === 1 ? index === prefix : style === 3 && random.next01() < 0.3;
    if (!isKept && !isTorn) {
      lostWrites += 1;
    } else if (change.type === "T") {
      image = resized(image, change.offset);
    } else if (isTorn) {
      tornWrites += 1;
      const data = written[index] as Buffer;
      for (let at = 0; at < data.length; at += SECTOR_BYTES) {
        if (random.next32() % 2 === 0)
          image = put(image, data.subarray(at, at + SECTOR_BYTES), change.offset + at);
      }
    } else {
      image = put(image, written[index] as Buffer, change.offset);
    }
  }
  writeFileSync(file, image);
  return { unsyncedWrites: changes.length, lostWrites, tornWrites };
}

function resized(image: Buffer, size: number): Buffer {
  if (size <= image.length) return image.subarray(0, size);
  return Buffer.concat([image, Buffer.alloc(size - image.length)]);
}

function put(image: Buffer, data: Buffer, offset: number): Buffer {
  const wide = offset + data.length > image.length ? resized(image, offset + data.length) : image;
  data.copy(wide, offset);
  return wide;
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
