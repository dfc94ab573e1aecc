// What a command is, and what it is given.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Json, JsonObject } from "../base/json.ts";
import {
  type CommandDeclaration,
  jsonOption,
  type OptionDeclaration,
  type ParsedArguments,
} from "./arguments.ts";
import { connect, DEFAULT_ENDPOINT, endpointOf, signingOf } from "./client.ts";
import type { Caller, CliEnvironment } from "./environment.ts";
import { objectsOf } from "./follow.ts";
import { CliError } from "./problem.ts";
import { nearest, type Palette, paletteFor, printable, printableLines } from "./text.ts";
import { stringOf } from "./timeline.ts";

export interface Command extends CommandDeclaration {
  /** @returns the exit code. @throws CliError, ServiceError */
  readonly run: (environment: CliEnvironment, args: ParsedArguments) => Promise<number>;
}

export const ENDPOINT_OPTION: OptionDeclaration = {
  value: "URL",
  help: `Where the server is (else STEPWELL_ENDPOINT, AWS_ENDPOINT_URL_SFN, ${DEFAULT_ENDPOINT}).`,
};

/** The API of the server that the command line or the environment names. */
export function callerFor(environment: CliEnvironment, args: ParsedArguments): Caller {
  return connect(endpointOf(args.value("endpoint"), environment.env), signingOf(environment));
}

export function paletteOf(environment: CliEnvironment): Palette {
  return paletteFor(environment.isTerminal, environment.env);
}

/** Writes text that may end in a line break of its own; made of printable pieces. */
export function say(environment: CliEnvironment, text: string): void {
  environment.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** One JSON document on one line: what a program that reads our output gets. */
export function sayJson(environment: CliEnvironment, value: Json): void {
  environment.stdout.write(`${JSON.stringify(value)}\n`);
}

/** JSON text as people read it, safe to print; what is no JSON is shown as it is. */
export function prettyJson(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return printableLines(text);
  }
  return printableLines(JSON.stringify(value, null, 2));
}

/**
 * JSON from the command line: the text itself, `@FILE`, or `-` for standard input.
 * @throws CliError for what cannot be read or is no JSON
 */
export async function jsonArgument(
  environment: CliEnvironment,
  option: string,
  written: string,
): Promise<string> {
  if (written === "-") return jsonOption(option, await environment.readStdin());
  if (!written.startsWith("@")) return jsonOption(option, written);
  const path = written.slice(1);
  return jsonOption(option, await readTextFile(environment, path));
}

/** @throws CliError that names the file and what is wrong with it */
export async function readTextFile(environment: CliEnvironment, path: string): Promise<string> {
  try {
    return await readFile(resolve(environment.workingDirectory, path), "utf8");
  } catch (error) {
    throw new CliError(`Cannot read ${printable(path)}: ${reasonOf(error)}.`);
  }
}

/** What a file operation failed of, in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EISDIR: "it is a directory",
    ENOTDIR: "it is not a directory",
    EACCES: "permission denied",
  };
  return (code === undefined ? undefined : words[code]) ?? printable(message);
}

/** Whether `text` is an ARN rather than a name. */
export function isArn(text: string): boolean {
  return text.startsWith("arn:");
}

/** The ARN of the state machine that `written` names. @throws CliError with a guess if there is none */
export async function machineArn(call: Caller, written: string): Promise<string> {
  if (isArn(written)) return written;
  const machines = await listAll(call, "ListStateMachines", {}, "stateMachines");
  const found = machines.find((machine) => stringOf(machine, "name") === written);
  const arn = found === undefined ? undefined : stringOf(found, "stateMachineArn");
  if (arn !== undefined) return arn;
  const guess = nearest(
    written,
    machines.map((machine) => stringOf(machine, "name") ?? ""),
  );
  throw new CliError(
    `There is no state machine named "${printable(written)}".` +
      (guess === undefined
        ? " `stepwell list` shows those there are."
        : ` Did you mean "${printable(guess)}"?`),
  );
}

/** The pages of a list, each asked for when it is wanted. */
export async function* pagesOf(
  call: Caller,
  operation: string,
  input: JsonObject,
  key: string,
): AsyncGenerator<readonly JsonObject[]> {
  let nextToken: string | undefined;
  do {
    const page: JsonObject = await call(operation, {
      ...input,
      maxResults: 1_000,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    yield objectsOf(page, key);
    nextToken = stringOf(page, "nextToken");
  } while (nextToken !== undefined);
}

/** All items of a paged list, at most `limit`. */
export async function listAll(
  call: Caller,
  operation: string,
  input: JsonObject,
  key: string,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  let nextToken: string | undefined;
  do {
    const page: JsonObject = await call(operation, {
      ...input,
      maxResults: Math.min(1_000, limit - items.length),
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    items.push(...objectsOf(page, key));
    nextToken = stringOf(page, "nextToken");
  } while (nextToken !== undefined && items.length < limit);
  return items.slice(0, limit);
}

/** A moment as the wire has it (epoch seconds), as people read it: local time to the second. */
export function moment(epochSeconds: number | undefined): string {
  if (epochSeconds === undefined) return "";
  const date = new Date(epochSeconds * 1_000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
