// `stepwell logs`: the log events of executions, from the files in a data directory, also while a server writes them, or from
// a server over its API: what it has in memory.
//
// Where from: --data and --endpoint say so. Else the files of this folder where there are some, since they go back further,
// else the server that every other command would ask.

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isObject, type JsonObject } from "../../base/json.ts";
import { EXECUTION_LOGS, isLogged } from "../../observation/index.ts";
import { type ParsedArguments, patternOption, sinceOption } from "../arguments.ts";
import { endpointOf } from "../client.ts";
import { callerFor, type Command, ENDPOINT_OPTION, moment, paletteOf, say } from "../command.ts";
import type { CliEnvironment } from "../environment.ts";
import { LogReader } from "../log-reader.ts";
import { RemoteLogReader } from "../remote-log-reader.ts";
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
  summary: "Show the log events of executions (loggingConfiguration), from files or from a server.",
  options: {
    data: {
      value: "DIR",
      help: "Directory of a durable store with log files (.stepwell, where it has some).",
    },
    endpoint: { ...ENDPOINT_OPTION, help: `Without files: ${ENDPOINT_OPTION.help}` },
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
    "stepwell logs --follow --endpoint http://10.0.0.7:8083",
  ],
  run: async (environment, args) => {
    const isWanted = filterOf({
      machine: args.value("state-machine"),
      execution: args.value("execution"),
      level: patternOption("level", args.value("level") ?? "ALL", /^(?:ALL|ERROR|FATAL)$/u, LEVELS) as Level,
      sinceMs: sinceOption(args.value("since"), environment.now()) ?? 0,
    });
    const isPlain = args.flag("json") || !environment.isTerminal;
    const show = (line: string): void => {
      const event = parse(line);
      if (event === undefined) environment.stderr.write(`A damaged line was left out: ${clip(line)}\n`);
      else if (isWanted(event)) say(environment, isPlain ? line : pretty(environment, event));
    };
    const source = await sourceFor(environment, args, show);
    if (!args.flag("follow")) {
      if (!(await source.look())) throw new CliError(source.nothing);
      return 0;
    }
    const { first, off } = listenForSignals(environment);
    try {
      while (!first.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- look after look
        await source.look();
        // oxlint-disable-next-line no-await-in-loop -- see above
        await pause(LOOK_MS, first);
      }
      await source.look();
    } finally {
      off();
    }
    return 0;
  },
};

interface Source {
  /** Shows what is new. False: there is nothing at all. */
  readonly look: () => Promise<boolean>;
  /** What to say then. */
  readonly nothing: string;
}

/** @throws CliError for both --data and --endpoint */
async function sourceFor(
  environment: CliEnvironment,
  args: ParsedArguments,
  show: (line: string) => void,
): Promise<Source> {
  const [data, endpoint, group] = [args.value("data"), args.value("endpoint"), args.value("group")];
  if (data !== undefined && endpoint !== undefined)
    throw new CliError("--data and --endpoint exclude each other: choose one.", 2);
  const directory = join(resolve(environment.workingDirectory, data ?? ".stepwell"), EXECUTION_LOGS);
  if (data !== undefined || (endpoint === undefined && (await isThere(directory)))) {
    const reader = new LogReader(directory, group, show);
    const nothing = `There are no log events in ${directory}. ${WHO_LOGS}, and a server with --data and without --service-endpoint writes them there.`;
    return { look: () => reader.look(), nothing };
  }
  const reader = new RemoteLogReader(callerFor(environment, args), group, {
    show,
    lost: (count) =>
      void environment.stderr.write(`${count} log events were gone before they could be read\n`),
  });
  const { origin } = endpointOf(endpoint, environment.env);
  return { look: () => reader.look(), nothing: `${origin} has no log events in memory. ${WHO_LOGS}.` };
}

const WHO_LOGS = "A state machine logs if its loggingConfiguration has a level and a log group";

async function isThere(directory: string): Promise<boolean> {
  return stat(directory).then(
    () => true,
    () => false,
  );
}

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
