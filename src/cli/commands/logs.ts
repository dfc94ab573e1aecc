// `stepwell logs`: the log events of executions, from the files in a data directory; also while a server writes them.

import { join, resolve } from "node:path";
import { isObject, type JsonObject } from "../../base/json.ts";
import { EXECUTION_LOGS, isLogged } from "../../observation/index.ts";
import { patternOption, sinceOption } from "../arguments.ts";
import { type Command, moment, paletteOf, say } from "../command.ts";
import type { CliEnvironment } from "../environment.ts";
import { LogReader } from "../log-reader.ts";
import { pause } from "../follow.ts";
import { CliError } from "../problem.ts";
import { listenForSignals } from "../serving.ts";
import { printable } from "../text.ts";
import { stringOf } from "../timeline.ts";

/** How often files are looked at with --follow. */
const LOOK_MS = 300;

export const logs: Command = {
  name: "logs",
  usage: "[--state-machine NAME] [--execution ARN] [--level LEVEL] [--since TIME] [--follow]",
  summary: "Show the log events of executions (loggingConfiguration), from the files of a data directory.",
  options: {
    data: { value: "DIR", help: "Directory of the durable store (.stepwell)." },
    group: { value: "NAME", help: "Only this log group." },
    "state-machine": { value: "NAME", help: "Only executions of this state machine." },
    execution: { value: "ARN", help: "Only this execution: its ARN or its name." },
    level: { value: "LEVEL", help: "Only what this level takes: ALL, ERROR or FATAL." },
    since: { value: "TIME", help: "Only what is not older: 7d, 24h, 30m, or 2026-11-01." },
    follow: { help: "Go on with what is written from now on, until a signal." },
    json: { help: "The log events as they are; what a pipe gets anyway." },
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: [
    "stepwell logs --state-machine orders",
    "stepwell logs --level ERROR --since 1h",
    "stepwell logs --follow",
  ],
  run: async (environment, args) => {
    const data = resolve(environment.workingDirectory, args.value("data") ?? ".stepwell");
    const directory = join(data, EXECUTION_LOGS);
    const isWanted = filterOf({
      machine: args.value("state-machine"),
      execution: args.value("execution"),
      level: patternOption("level", args.value("level") ?? "ALL", /^(?:ALL|ERROR|FATAL)$/u, LEVELS) as Level,
      sinceMs: sinceOption(args.value("since"), environment.now()) ?? 0,
    });
    const isPlain = args.flag("json") || !environment.isTerminal;
    const reader = new LogReader(directory, args.value("group"), (line) => {
      const event = parse(line);
      if (event === undefined) environment.stderr.write(`A damaged line was left out: ${clip(line)}\n`);
      else if (isWanted(event)) say(environment, isPlain ? line : pretty(environment, event));
    });
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

type Level = "ALL" | "ERROR" | "FATAL";
const LEVELS = "ALL, ERROR or FATAL";

interface Filter {
  readonly machine: string | undefined;
  readonly execution: string | undefined;
  readonly level: Level;
  readonly sinceMs: number;
}

/** Names are parts of `arn:aws:states:<region>:<account>:execution:<machine>:<name>`, or of an Express one. */
function filterOf({ machine, execution, level, sinceMs }: Filter): (event: JsonObject) => boolean {
  return (event) => {
    const arn = stringOf(event, "execution_arn") ?? "";
    const [, , , , , , machineName, name] = arn.split(":");
    if (machine !== undefined && machineName !== machine) return false;
    if (execution !== undefined && arn !== execution && name !== execution) return false;
    return Number(event["event_timestamp"]) >= sinceMs && isLogged(stringOf(event, "type") ?? "", level);
  };
}

/** Undefined: it was not written whole, since the process or the machine went down. */
function parse(line: string): JsonObject | undefined {
  try {
    const event: unknown = JSON.parse(line);
    return isObject(event as JsonObject) ? (event as JsonObject) : undefined;
  } catch {
    return undefined; // the caller says so
  }
}

function clip(line: string): string {
  return printable(line.length > 60 ? `${line.slice(0, 60)}…` : line);
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
