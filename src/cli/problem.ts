// What ends a command, in words that help: mostly a fault of whoever typed it.

import { ServiceError } from "../base/service-error.ts";

/** Ends the command; `message` is all that is printed. Exit code 2: the command line itself was wrong. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Whatever a command threw, as it is told. */
export function wordsOf(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof CliError) return { text: error.message, exitCode: error.exitCode };
  if (error instanceof ServiceError) return { text: `${error.code}: ${error.message}`, exitCode: 1 };
  // Ours: whoever reports it needs the place.
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 };
}
