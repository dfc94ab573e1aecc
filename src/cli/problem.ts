// A fault of whoever typed the command, in words that help.

/** Ends the command; `message` is all that is printed. Exit code 2: the command line itself was wrong. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
