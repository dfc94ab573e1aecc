// The program `stepwell`: finds the command, runs it, and turns what it throws into words and an exit code.
//
// Knows:          the commands; exit codes: 0 done, 1 it did not work out, 2 the command line was wrong.
// Does not know:  how any command works.

import { commandHelp, parseArguments, programHelp } from "./arguments.ts";
import type { Command } from "./command.ts";
import { cost } from "./commands/cost.ts";
import { demo } from "./commands/demo.ts";
import { describe } from "./commands/describe.ts";
import { dev } from "./commands/dev.ts";
import { doctor } from "./commands/doctor.ts";
import { env } from "./commands/env.ts";
import { history } from "./commands/history.ts";
import { limits } from "./commands/limits.ts";
import { list } from "./commands/list.ts";
import { logs } from "./commands/logs.ts";
import { serve } from "./commands/serve.ts";
import { start } from "./commands/start.ts";
import { stop } from "./commands/stop.ts";
import { test } from "./commands/test.ts";
import { testState } from "./commands/test-state.ts";
import { approve, reject } from "./commands/tokens.ts";
import { torture } from "./commands/torture.ts";
import { validate } from "./commands/validate.ts";
import type { CliEnvironment } from "./environment.ts";
import { CliError, wordsOf } from "./problem.ts";
import { nearest, paletteFor, printable, printableLines } from "./text.ts";

export const COMMANDS: readonly Command[] = [
  serve,
  dev,
  demo,
  start,
  history,
  list,
  describe,
  stop,
  cost,
  logs,
  approve,
  reject,
  validate,
  test,
  testState,
  limits,
  env,
  doctor,
  torture,
];

/** Runs the command line to its end. @returns the exit code of the process; never rejects */
export async function runCli(environment: CliEnvironment): Promise<number> {
  try {
    return await dispatch(environment);
  } catch (error) {
    return report(environment, error);
  }
}

async function dispatch(environment: CliEnvironment): Promise<number> {
  const [word, ...rest] = environment.argv;
  if (word === undefined) {
    environment.stderr.write(programHelp(COMMANDS));
    return 2;
  }
  if (word === "--version" || word === "-V" || word === "version") {
    environment.stdout.write(`stepwell ${environment.version}\n`);
    return 0;
  }
  if (word === "--help" || word === "-h" || word === "help") {
    const about = rest[0];
    environment.stdout.write(about === undefined ? programHelp(COMMANDS) : commandHelp(find(about)));
    return 0;
  }
  const command = find(word);
  const args = parseArguments(command, rest);
  if (args.flag("help")) {
    environment.stdout.write(commandHelp(command));
    return 0;
  }
  return command.run(environment, args);
}

function find(word: string): Command {
  const command = COMMANDS.find(({ name }) => name === word);
  if (command !== undefined) return command;
  const names = COMMANDS.map(({ name }) => name);
  const guess = nearest(word, names);
  throw new CliError(
    `There is no command "${printable(word)}".` +
      (guess === undefined ? ` There are: ${names.join(", ")}.` : ` Did you mean "${guess}"?`),
    2,
  );
}

function report(environment: CliEnvironment, error: unknown): number {
  const { red } = paletteFor(environment.isTerminal, environment.env);
  const { text, exitCode } = wordsOf(error);
  environment.stderr.write(`${red("error:")} ${printableLines(text)}\n`);
  return exitCode;
}
