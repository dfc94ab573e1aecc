// The log of a server on stderr: lines for people, or a JSON object a line for programs.
//
// Knows:          formats and levels, and how they are asked for. Does not know: what is said.
//
// Invariants
//   L1. In JSON every line is one object: `time`, `level`, `message`, and the fields of that line. Nothing else is on
//       stderr from the moment at which the command line was found right.
//   L2. What came from outside reaches a terminal printable only (text.ts, T1), in JSON by JSON's own escapes.
//
// For people nothing is added to a message: they see its time on the clock, and programs have JSON.

import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from "../base/log.ts";
import type { OptionDeclaration, ParsedArguments } from "./arguments.ts";
import type { CliEnvironment } from "./environment.ts";
import { CliError } from "./problem.ts";
import { nearest, printable, printableJson, printableLines } from "./text.ts";

const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_OPTIONS: Readonly<Record<string, OptionDeclaration>> = {
  "log-format": {
    value: "FORMAT",
    help: "How the server's own log is written: text or json (else STEPWELL_LOG_FORMAT; text).",
  },
  "log-level": {
    value: "LEVEL",
    help: "The least serious that is logged: debug (every request), info, warn, error (else STEPWELL_LOG_LEVEL; info).",
  },
};

export interface ServerLog {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** For the server and its functions. */
  readonly log: Log;
  /** For the command itself: what it says is printable already, and may be coloured where the format is text. */
  readonly say: Log;
}

/** As the command line asks for it, else the environment. @throws CliError */
export function serverLog(environment: CliEnvironment, args: ParsedArguments): ServerLog {
  const format = chosen(environment, args, "log-format", LOG_FORMATS, "text");
  const write = (line: string): void => void environment.stderr.write(`${line}\n`);
  if (format === "text") return textLog(environment, args, write);
  const level = chosen(environment, args, "log-level", LOG_LEVELS, "info");
  const log: Log = (message, severity = "info", fields = {}) => {
    if (isLogged(severity, level)) write(jsonLine(environment.now(), message, severity, fields));
  };
  return { format, level, log, say: log };
}

/**
 * For people, whatever format the environment asks for.
 * @param write Gets a message without its last line break.
 * @throws CliError
 */
export function textLog(
  environment: CliEnvironment,
  args: ParsedArguments,
  write: (line: string) => void,
): ServerLog {
  const level = chosen(environment, args, "log-level", LOG_LEVELS, "info");
  return {
    format: "text",
    level,
    log: (message, severity = "info") => {
      if (isLogged(severity, level)) write(printableLines(withoutTabs(message)));
    },
    say: (message, severity = "info") => {
      if (isLogged(severity, level)) write(message);
    },
  };
}

function isLogged(severity: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(severity) >= LOG_LEVELS.indexOf(least);
}

/** `{"time":"2026-11-25T14:00:00.123Z","level":"warn","message":"…","executionArn":"…"}` */
function jsonLine(nowMs: number, message: string, level: LogLevel, fields: LogFields): string {
  // For people the word stands before the message.
  const words = level === "error" ? message.replace(/^error: /u, "") : message;
  const time = new Date(nowMs).toISOString();
  return printableJson(JSON.stringify({ time, level, message: words, ...fields }));
}

/** Lambda separates the parts of its reports by tabs; as `\t` they would be hard to read. */
function withoutTabs(line: string): string {
  return line.replaceAll("\t", "  ");
}

function chosen<T extends string>(
  { env }: CliEnvironment,
  args: ParsedArguments,
  option: string,
  allowed: readonly T[],
  otherwise: T,
): T {
  const variable = `STEPWELL_${option.replace("-", "_").toUpperCase()}`;
  const given = args.value(option);
  const [what, text] = given === undefined ? [variable, env[variable] || otherwise] : [`--${option}`, given];
  const found = allowed.find((word) => word === text);
  if (found !== undefined) return found;
  const written = text.toLowerCase();
  // `warning` is what half of all programs call it.
  const guess = nearest(written, allowed) ?? allowed.find((word) => written.startsWith(word));
  const last = allowed.at(-1) ?? "";
  const list = `${allowed.slice(0, -1).join(", ")} or ${last}`;
  const hint = guess === undefined ? "" : ` Did you mean ${guess}?`;
  throw new CliError(`${what} must be ${list}, but is "${printable(text)}".${hint}`, 2);
}
