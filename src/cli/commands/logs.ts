// `stepwell logs`: the log events of executions, from the files in a data directory; also while a server writes them.
//
// Invariants
//   V1. A line that is not yet whole is left for the next look. Rotated files are read before the one that is written to.

import { open, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isObject, type JsonObject } from "../../base/json.ts";
import { EXECUTION_LOGS, fileNameOf } from "../../observation/index.ts";
import { type Command, moment, paletteOf, say } from "../command.ts";
import type { CliEnvironment } from "../environment.ts";
import { CliError } from "../problem.ts";
import { listenForSignals } from "../serving.ts";
import { printable } from "../text.ts";
import { stringOf } from "../timeline.ts";

/** How often files are looked at with --follow. */
const LOOK_MS = 300;
const CHUNK_BYTES = 1024 * 1024;

export const logs: Command = {
  name: "logs",
  usage: "[--state-machine NAME] [--execution ARN] [--follow]",
  summary: "Show the log events of executions (loggingConfiguration), from the files of a data directory.",
  options: {
    data: { value: "DIR", help: "Directory of the durable store (.stepwell)." },
    group: { value: "NAME", help: "Only this log group." },
    "state-machine": { value: "NAME", help: "Only executions of this state machine." },
    execution: { value: "ARN", help: "Only this execution: its ARN or its name." },
    follow: { help: "Go on with what is written from now on, until a signal." },
    json: { help: "The log events as they are; what a pipe gets anyway." },
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: ["stepwell logs --state-machine orders", "stepwell logs --follow"],
  run: async (environment, args) => {
    const data = resolve(environment.workingDirectory, args.value("data") ?? ".stepwell");
    const directory = join(data, EXECUTION_LOGS);
    const group = args.value("group");
    const filter = filterOf(args.value("state-machine"), args.value("execution"));
    const isPlain = args.flag("json") || !environment.isTerminal;
    const show = (line: string): void => {
      const event = JSON.parse(line) as JsonObject;
      if (filter(stringOf(event, "execution_arn") ?? ""))
        say(environment, isPlain ? line : pretty(environment, event));
    };
    const reader = new FilesReader(directory, group, show);
    if (!(await reader.look()) && !args.flag("follow")) {
      throw new CliError(
        `There are no log events in ${directory}. A state machine logs if its loggingConfiguration has a level and a log ` +
          "group, and a server with --data and without --service-endpoint writes them there.",
      );
    }
    if (!args.flag("follow")) return 0;
    const { first, off } = listenForSignals(environment);
    while (!first.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- look after look
      await pause(LOOK_MS, first);
      // oxlint-disable-next-line no-await-in-loop -- see above
      await reader.look();
    }
    off();
    return 0;
  },
};

/** Both are compared with parts of `arn:aws:states:<region>:<account>:execution:<machine>:<name>`, or of an Express one. */
function filterOf(machine: string | undefined, execution: string | undefined): (arn: string) => boolean {
  return (arn) => {
    const [, , , , , , machineName, name] = arn.split(":");
    if (machine !== undefined && machineName !== machine) return false;
    return execution === undefined || arn === execution || name === execution;
  };
}

function pretty(environment: CliEnvironment, event: JsonObject): string {
  const palette = paletteOf(environment);
  const details = isObject(event["details"]) ? event["details"] : {};
  const { name, error, cause, input, output, parameters } = details;
  const type = stringOf(event, "type") ?? "";
  const isBad = /(?:Failed|TimedOut|Aborted)$/u.test(type);
  const what = [name, error, cause, output ?? input ?? parameters]
    .filter((part) => typeof part === "string")
    .map((part) => printable(part));
  const [, , , , , , machine = "", execution = ""] = (stringOf(event, "execution_arn") ?? "").split(":");
  return [
    palette.dim(moment(Number(event["event_timestamp"]) / 1000)),
    palette.dim(printable(`${machine}:${execution} ${stringOf(event, "id") ?? ""}`)),
    isBad ? palette.red(printable(type)) : printable(type),
    ...what,
  ].join("  ");
}

class FilesReader {
  readonly #directory: string;
  readonly #file: string | undefined;
  readonly #show: (line: string) => void;
  /** How far each file was read, by its inode: a rotated file keeps it. */
  readonly #offsets = new Map<number, number>();

  constructor(directory: string, group: string | undefined, show: (line: string) => void) {
    this.#directory = directory;
    this.#file = group === undefined ? undefined : fileNameOf(group);
    this.#show = show;
  }

  /** Shows what is new. False: there are no files. */
  async look(): Promise<boolean> {
    const names = await readdir(this.#directory).catch(unlessMissing);
    const files = (names ?? [])
      .map((name) => ({ name, parts: /^(.*?)(?:\.(\d+))?\.jsonl$/u.exec(name) }))
      .filter(({ parts }) => parts !== null && (this.#file === undefined || parts[1] === this.#file))
      .toSorted((a, b) => Number(b.parts?.[2] ?? 0) - Number(a.parts?.[2] ?? 0));
    for (const { name } of files) {
      // oxlint-disable-next-line no-await-in-loop -- the older first (V1)
      await this.#read(join(this.#directory, name));
    }
    return files.length > 0;
  }

  async #read(path: string): Promise<void> {
    const found = await stat(path).catch(unlessMissing);
    // Rotated away since its name was read: it is found under the next one at the next look.
    if (found === undefined) return;
    let offset = this.#offsets.get(found.ino) ?? 0;
    const file = await open(path);
    try {
      let rest = Buffer.alloc(0);
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- piece by piece
        const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, offset + rest.length);
        if (bytesRead === 0) break;
        const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        const end = bytes.lastIndexOf(0x0a) + 1;
        for (const line of bytes.subarray(0, end).toString("utf8").split("\n"))
          if (line !== "") this.#show(line);
        rest = bytes.subarray(end);
        offset += end;
      }
    } finally {
      await file.close();
    }
    this.#offsets.set(found.ino, offset);
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  return undefined;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
