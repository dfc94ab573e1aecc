// The command line: from words to checked values, and the help that says what is possible.
//
// Knows:          how a command declares its options; node:util parseArgs; guesses.
// Does not know:  what a command does.

import { isIP } from "node:net";
import { parseArgs } from "node:util";
import { CliError } from "./problem.ts";
import { columnsOf, nearest, pad, printable } from "./text.ts";

export interface OptionDeclaration {
  /** What the help calls the value: `PORT`; absent: the option takes none. */
  readonly value?: string;
  readonly help: string;
}

export interface CommandDeclaration {
  readonly name: string;
  /** After the name: `<name|arn> [--input JSON]`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionDeclaration>>;
  /** How many arguments there may be, and what they are called. */
  readonly positionals: { readonly least: number; readonly most: number; readonly names: string };
  readonly examples: readonly string[];
}

export interface ParsedArguments {
  readonly positionals: readonly string[];
  /** The last value given to an option. */
  readonly value: (option: string) => string | undefined;
  /** All values given to an option that may be repeated. */
  readonly values: (option: string) => readonly string[];
  /** Whether an option without value was given. */
  readonly flag: (option: string) => boolean;
}

/** @throws CliError (exit code 2) that says what is wrong, what was expected, and a guess */
export function parseArguments(command: CommandDeclaration, args: readonly string[]): ParsedArguments {
  const declared: Readonly<Record<string, OptionDeclaration>> = { ...command.options, help: HELP_OPTION };
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries([
      ...Object.entries(declared).map(([name, option]) => [
        name,
        { type: option.value === undefined ? ("boolean" as const) : ("string" as const) },
      ]),
      ["help", { type: "boolean" as const, short: "h" }],
    ]),
  });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  const flags = new Set<string>();
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(declared, token.name) ? declared[token.name] : undefined;
    if (option === undefined) throw unknownOption(command, token.rawName, Object.keys(declared));
    if (option.value === undefined) {
      if (token.value !== undefined) throw wrong(command, `${token.rawName} takes no value.`);
      flags.add(token.name);
      continue;
    }
    if (token.value === undefined)
      throw wrong(command, `${token.rawName} needs a value: ${token.rawName} ${option.value}.`);
    // `--name --port 1`: more likely a forgotten value than a name that begins with a dash.
    if (!token.inlineValue && token.value.startsWith("-") && token.value.length > 1) {
      throw wrong(
        command,
        `${token.rawName} needs a value: ${token.rawName} ${option.value}. ` +
          `For a value that begins with a dash write ${token.rawName}=${printable(token.value)}.`,
      );
    }
    values.set(token.name, [...(values.get(token.name) ?? []), token.value]);
  }
  const { least, most, names } = command.positionals;
  if (!flags.has("help") && positionals.length < least) throw wrong(command, `${names} is missing.`);
  if (positionals.length > most) {
    const extra = printable(positionals[most] as string);
    throw wrong(command, `There is one argument too many: "${extra}".`);
  }
  return {
    positionals,
    value: (option) => values.get(option)?.at(-1),
    values: (option) => values.get(option) ?? [],
    flag: (option) => flags.has(option),
  };
}

const HELP_OPTION: OptionDeclaration = { help: "Show this help." };

function unknownOption(command: CommandDeclaration, written: string, names: readonly string[]): CliError {
  const guess = nearest(written.replace(/^-+/, ""), names);
  const hint = guess === undefined ? "" : ` Did you mean --${guess}?`;
  return wrong(command, `${command.name} has no option ${printable(written)}.${hint}`);
}

function wrong(command: CommandDeclaration, message: string): CliError {
  return new CliError(`${message}\nUsage: stepwell ${command.name} ${command.usage}`, 2);
}

/** @throws CliError naming the option and what was expected */
export function integerOption(option: string, text: string, least: number, most: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new CliError(
      `--${option} must be a number from ${least} to ${most}, but is "${printable(text)}".`,
      2,
    );
  }
  return value;
}

/** Epoch milliseconds; undefined without a text. @throws CliError for what is neither a length of time nor a moment */
export function sinceOption(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ""] = /^(\d{1,6})([dhm])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * ({ d: 1_440, h: 60, m: 1 }[unit] ?? 0) * 60_000;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new CliError(
      `--since must be like 7d, 24h, 30m, 2026-11-01 or 2026-11-01T12:00:00Z, but is "${printable(text)}".`,
      2,
    );
  }
  return ms;
}

/** @throws CliError for what is no http or https URL */
export function urlOption(option: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new CliError(
      `--${option} must be a URL like http://127.0.0.1:4566, but is "${printable(text)}".`,
      2,
    );
  }
  return text;
}

/** @throws CliError unless `text` has the pattern; `expected` says it in words */
export function patternOption(option: string, text: string, pattern: RegExp, expected: string): string {
  if (!pattern.test(text))
    throw new CliError(`--${option} must be ${expected}, but is "${printable(text)}".`, 2);
  return text;
}

/** @throws CliError for what is no address and no host name */
export function hostOption(option: string, text: string): string {
  if (isIP(text) !== 0 || /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)) return text;
  throw new CliError(`--${option} must be an IP address or a host name, but is "${printable(text)}".`, 2);
}

/** @throws CliError unless `text` is JSON */
export function jsonOption(option: string, text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    const reason = printable((error as Error).message);
    throw new CliError(`--${option} must be JSON, @FILE or - (standard input): ${reason}`, 2);
  }
  return text;
}

/** The help of one command. */
export function commandHelp(command: CommandDeclaration): string {
  const options = Object.entries({ ...command.options, help: HELP_OPTION }).map(
    ([name, { value, help }]) => [`  --${name}${value === undefined ? "" : ` ${value}`}`, help] as const,
  );
  const width = Math.max(...options.map(([left]) => columnsOf(left)));
  return [
    command.summary,
    "",
    `Usage: stepwell ${command.name} ${command.usage}`.trimEnd(),
    "",
    "Options:",
    ...options.map(([left, help]) => `${pad(left, width)}  ${help}`),
    ...(command.examples.length === 0 ? [] : ["", "Examples:"]),
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

/** The help of the program. */
export function programHelp(commands: readonly CommandDeclaration[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "Stepwell: AWS Step Functions that anyone can run.",
    "",
    "Usage: stepwell <command> [options]",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${pad(name, width)}  ${summary}`),
    "",
    "`stepwell <command> --help` explains a command; `stepwell --version` names the version.",
    "",
  ].join("\n");
}
