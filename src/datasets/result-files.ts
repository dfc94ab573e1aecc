// What a Map Run leaves in a bucket: the results of its children in files by status, and a manifest of them.
//
// Knows:          the names, order and members of what the service writes; where one file ends and the next begins.
// Does not know:  Map Runs, which children there are, when writing begins.
//
// Spec: developer guide, "ResultWriter (Map)". It shows the entry of a child that succeeded; members go by the alphabet,
// as in everything that the service tells of executions in this form. So a failed child has Cause and Error first, no
// Output, but OutputDetails; a child that never started has Input, InputDetails and Status alone (both, and the folder of
// a redrive, as public recordings of the service have them). Under COMPACT and FLATTEN "a failed child's result is
// unchanged, as with NONE": its whole entry goes to the FAILED file.
//
// Invariants
//   RF1. Nothing is visible before it is whole: a file is committed when the next one begins or at the end, the manifest
//        last. Whoever finds a manifest finds all its files.
//   RF2. Names follow from the Map Run and the order of the calls alone: writing again after a crash replaces.
//   RF3. Memory is flat: per status one open object and `BUFFER_BYTES`.

import { assert } from "../base/assert.ts";
import { isArray, isObject, type Json, member } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import { formatTimestamp } from "../base/time.ts";
import { SERVICE_LIMITS } from "./item.ts";
import { JsonItems } from "./json-items.ts";
import { ObjectError, type ObjectStore, type ObjectWriter } from "./object-store.ts";

export interface ChildResult {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly status: "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "PENDING";
  /** JSON text. */
  readonly input: string;
  /** JSON text; of SUCCEEDED always there. */
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
  /** Epoch milliseconds. */
  readonly startedAtMs?: number;
  readonly stoppedAtMs?: number;
  readonly redriveCount: number;
  /** Of Standard children. */
  readonly redriveStatus?: string;
  readonly redriveStatusReason?: string;
  readonly redrivenAtMs?: number;
}

export type Transformation = "NONE" | "COMPACT" | "FLATTEN";

export interface ResultTarget {
  readonly bucket: string;
  /** With or without a slash at its end. */
  readonly prefix?: string;
  /** Ends in the UUID that names the folder. */
  readonly mapRunArn: string;
  readonly transformation: Transformation;
  readonly outputType: "JSON" | "JSONL";
  /**
   * How often the Map Run was redriven; 0 unless told. A redrive writes into a folder of its own, and its manifest names
   * the SUCCEEDED files of the attempts before, too. Only what they do not hold is to be added then.
   */
  readonly redriveCount?: number;
  /** The last attempt before this one whose files are known to be all there: what later ones left does not count; -1: none. */
  readonly lastWritten?: number;
}

/** Becomes the failure States.ResultWriterFailed, with the message as its cause. */
export class ResultWriterError extends Error {
  override readonly name = "ResultWriterError";
}

const GROUPS = ["FAILED", "PENDING", "SUCCEEDED"] as const;
type Group = (typeof GROUPS)[number];

interface WrittenFile {
  readonly Key: string;
  /** Bytes. */
  readonly Size: number;
}

/** The service's: 5 GB. */
const FILE_BYTES = 5 * 1024 ** 3;
const BUFFER_BYTES = 256 * 1024;

/** One Map Run's results. Calls must not overlap. */
export class ResultFiles {
  readonly #store: ObjectStore;
  readonly #target: ResultTarget;
  readonly #run: string;
  readonly #folder: string;
  readonly #groups: Readonly<Record<Group, GroupFiles>>;

  /** @param options `fileBytes`: where a file ends and the next begins; an entry that is larger has a file of its own. */
  constructor(store: ObjectStore, target: ResultTarget, options: { readonly fileBytes?: number } = {}) {
    const { prefix = "", mapRunArn, redriveCount = 0 } = target;
    const uuid = mapRunArn.slice(mapRunArn.lastIndexOf(":") + 1);
    this.#store = store;
    this.#target = target;
    this.#run = `${prefix}${prefix === "" || prefix.endsWith("/") ? "" : "/"}${uuid}/`;
    this.#folder = attemptFolder(this.#run, redriveCount);
    const files = (group: Group): GroupFiles =>
      new GroupFiles(store, target, `${this.#folder}${group}_`, options.fileBytes ?? FILE_BYTES);
    this.#groups = { FAILED: files("FAILED"), PENDING: files("PENDING"), SUCCEEDED: files("SUCCEEDED") };
  }

  /** In the order of the calls. @throws {ResultWriterError} */
  async add(result: ChildResult): Promise<void> {
    const group = this.#groups[groupOf(result)];
    for (const text of transformed(this.#target.transformation, result)) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await this.#orFail(() => group.add(text));
    }
  }

  /** Makes everything visible, the manifest last. @returns where that is @throws {ResultWriterError} */
  async finish(): Promise<{ readonly bucket: string; readonly key: string }> {
    const { bucket, mapRunArn } = this.#target;
    const key = `${this.#folder}manifest.json`;
    await this.#orFail(async () => {
      const files: Partial<Record<Group, readonly WrittenFile[]>> = {};
      // oxlint-disable-next-line no-await-in-loop -- one after the other is simple, and a handful of files at most
      for (const group of GROUPS) files[group] = await this.#groups[group].finish();
      const earlier = await this.#earlierSuccesses();
      const manifest = {
        DestinationBucket: bucket,
        MapRunArn: mapRunArn,
        ResultFiles: { ...files, SUCCEEDED: [...earlier, ...(files.SUCCEEDED ?? [])] },
      };
      const writer = await this.#store.writer(bucket, key);
      await written(writer, Buffer.from(JSON.stringify(manifest)));
    });
    return { bucket, key };
  }

  /** Forgets what is not visible yet. Never throws: what is left over has no name that anybody reads. */
  async abort(): Promise<void> {
    await Promise.allSettled(GROUPS.map((group) => this.#groups[group].abort()));
  }

  /** Of the last attempt that has a manifest: it names those of all attempts before it. */
  async #earlierSuccesses(): Promise<readonly WrittenFile[]> {
    const { bucket, redriveCount = 0, lastWritten = redriveCount - 1 } = this.#target;
    for (let attempt = lastWritten; attempt >= 0; attempt--) {
      const key = `${attemptFolder(this.#run, attempt)}manifest.json`;
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next one is only read if this one is not there
        const text = await Array.fromAsync(this.#store.read(bucket, key));
        return successesOf(Buffer.concat(text).toString(), key);
      } catch (error) {
        if (!(error instanceof ObjectError && error.code === "NoSuchKey")) throw error;
      }
    }
    return [];
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ObjectError)) throw error;
      throw new ResultWriterError(
        `Writing s3://${error.bucket}/${error.key ?? ""} failed: ${error.message} (${error.code}, status ${error.status})`,
        { cause: error },
      );
    }
  }
}

/** The files of one status. */
class GroupFiles {
  readonly #store: ObjectStore;
  readonly #target: ResultTarget;
  readonly #stem: string;
  readonly #fileBytes: number;
  readonly #done: WrittenFile[] = [];
  #open: { readonly key: string; readonly writer: ObjectWriter } | undefined;
  /** Of the open file, with what is still held. */
  #bytes = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(store: ObjectStore, target: ResultTarget, stem: string, fileBytes: number) {
    this.#store = store;
    this.#target = target;
    this.#stem = stem;
    this.#fileBytes = fileBytes;
  }

  get #isLines(): boolean {
    return this.#target.outputType === "JSONL";
  }

  async add(text: string): Promise<void> {
    // A line break inside a JSON text is white space: in strings it is escaped.
    const entry = Buffer.from(this.#isLines ? `${text.replace(/[\r\n]/gu, " ")}\n` : text);
    // A comma or the opening bracket before it, the closing one after it.
    const around = this.#isLines ? 0 : 2;
    if (this.#open !== undefined && this.#bytes + entry.length + around > this.#fileBytes)
      await this.#close();
    if (this.#open === undefined) await this.#begin();
    else if (!this.#isLines) this.#hold(COMMA);
    this.#hold(entry);
    if (this.#heldBytes >= BUFFER_BYTES) await this.#flush();
  }

  async finish(): Promise<readonly WrittenFile[]> {
    await this.#close();
    return this.#done;
  }

  async abort(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.writer.abort();
  }

  async #begin(): Promise<void> {
    const key = `${this.#stem}${this.#done.length}.${this.#isLines ? "jsonl" : "json"}`;
    this.#open = { key, writer: await this.#store.writer(this.#target.bucket, key) };
    this.#bytes = 0;
    this.#held = [];
    this.#heldBytes = 0;
    if (!this.#isLines) this.#hold(OPEN);
  }

  async #close(): Promise<void> {
    if (this.#open === undefined) return;
    if (!this.#isLines) this.#hold(CLOSE);
    await this.#flush();
    const { key, writer } = this.#open;
    await writer.commit();
    this.#open = undefined;
    this.#done.push({ Key: key, Size: this.#bytes });
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#bytes += bytes.length;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    assert(this.#open !== undefined, "something is written while no file is open");
    await this.#open.writer.write(bytes);
  }
}

const OPEN = Buffer.from("[");
const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("]");

/**
 * What one child contributes to the results, as JSON texts: none, one or, with FLATTEN, many. Also for results that
 * become the state's output instead of files.
 */
export function transformed(transformation: Transformation, result: ChildResult): readonly string[] {
  if (transformation === "NONE" || result.status !== "SUCCEEDED") return [entryOf(result)];
  const { output } = result;
  assert(output !== undefined, "a child that succeeded has no output");
  return transformation === "FLATTEN" ? elementsOf(output) : [output];
}

function entryOf(result: ChildResult): string {
  const { status } = result;
  const input = { Input: result.input, InputDetails: INCLUDED };
  if (status === "PENDING") return JSON.stringify({ ...input, Status: status });
  // Members without a value are left out.
  return JSON.stringify({
    Cause: result.cause,
    Error: result.error,
    ExecutionArn: result.executionArn,
    ...input,
    Name: result.name,
    Output: result.output,
    OutputDetails: INCLUDED,
    RedriveCount: result.redriveCount,
    RedriveDate: timestamp(result.redrivenAtMs),
    RedriveStatus: result.redriveStatus,
    RedriveStatusReason: result.redriveStatusReason,
    StartDate: timestamp(result.startedAtMs),
    StateMachineArn: result.stateMachineArn,
    Status: status,
    StopDate: timestamp(result.stoppedAtMs),
  });
}

const INCLUDED = { Included: true };

function timestamp(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatTimestamp(ms);
}

/** Sizes were checked where the output was made. */
const UNLIMITED = { ...SERVICE_LIMITS, itemBytes: Number.POSITIVE_INFINITY, depth: Number.POSITIVE_INFINITY };

/** The elements of an array, else the value itself. Cut out of the text, so that numbers stay as they were written. */
function elementsOf(json: string): readonly string[] {
  if (!json.trimStart().startsWith("[")) return [json];
  return new JsonItems(undefined, UNLIMITED, 0).push(Buffer.from(json)).map(({ text }) => text);
}

function groupOf({ status }: ChildResult): Group {
  return status === "SUCCEEDED" || status === "PENDING" ? status : "FAILED";
}

/** The service's name for the attempts after the first. */
function attemptFolder(run: string, redriveCount: number): string {
  return redriveCount === 0 ? run : `${run}Redrive-${redriveCount}/`;
}

function successesOf(text: string, key: string): readonly WrittenFile[] {
  const parsed = parseJson(text);
  const files = parsed.ok ? memberOf(memberOf(parsed.value, "ResultFiles"), "SUCCEEDED") : undefined;
  if (!isArray(files)) throw new ResultWriterError(`${key} is not the manifest of an earlier attempt.`);
  return files.map((file) => {
    const [Key, Size] = [memberOf(file, "Key"), memberOf(file, "Size")];
    if (typeof Key !== "string" || typeof Size !== "number") {
      throw new ResultWriterError(`${key} is not the manifest of an earlier attempt.`);
    }
    return { Key, Size };
  });
}

function memberOf(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) ? member(value, key) : undefined;
}

/** Writes it all and commits. */
async function written(writer: ObjectWriter, bytes: Buffer): Promise<void> {
  try {
    await writer.write(bytes);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.commit();
}
