// `stepwell torture`: a server of its own, killed again and again under load, and the check of what is left of it.
//
// The one command that starts a process: a server that is to be killed cannot be this one.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort, reportLines, ServerProcess, torture as run } from "../../torture/index.ts";
import { integerOption, type ParsedArguments } from "../arguments.ts";
import { type Command, paletteOf, say } from "../command.ts";
import type { CliEnvironment } from "../environment.ts";
import { CliError } from "../problem.ts";
import { printable, printableLines } from "../text.ts";

const KILLS_AT_MOST = 1_000_000;

export const torture: Command = {
  name: "torture",
  usage: "[--minutes N] [--kills N] [--data DIR] [--seed N]",
  summary: "Kill a server of its own under load, and check that nothing is lost.",
  options: {
    minutes: { value: "N", help: "How long to go on killing (1; with --kills as long as they take)." },
    kills: { value: "N", help: "How many times to kill (as many as there is time for)." },
    data: { value: "DIR", help: "An empty directory for the store: choose the disk (a temporary one)." },
    seed: { value: "N", help: "Asks for the same load again." },
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: ["stepwell torture", "stepwell torture --kills 1000 --data /mnt/disk/torture"],
  run: async (environment, args) => {
    const options = optionsOf(environment, args);
    const { directory, isTemporary } = dataDirectory(environment, args.value("data"));
    const { dim, red } = paletteOf(environment);
    const log = (line: string): unknown => environment.stderr.write(`${dim(printableLines(line))}\n`);
    const port = await freePort();
    let server: ServerProcess | undefined;
    // A server that outlives us would hold the port and the directory.
    const off = environment.onSignal(() => {
      void server?.kill().then(() => environment.abandon(130));
    });
    try {
      const report = await run({
        ...options,
        server: (lambdaEndpoint) => {
          const words = ["--data", directory, "--lambda-endpoint", lambdaEndpoint];
          return (server = new ServerProcess(ownProgram(), port, words));
        },
        fault: async (running) => {
          if (!running.isRunning) throw new Error("the server ended by itself");
          await running.kill();
          await running.start();
        },
        lifetimeMs: 1_200,
        calmMs: 3_000,
        startsPerSecond: 8,
        log,
      });
      say(environment, reportLines(report).join("\n"));
      if (isTemporary) rmSync(directory, { recursive: true });
      return 0;
    } catch (error) {
      // What is broken, and what it takes to look into it.
      const reason = error instanceof Error ? error.message : String(error);
      say(environment, red(`FAILED: ${printableLines(reason)}`));
      say(environment, `The data is kept in ${printable(directory)}; the seed was ${options.seed}.`);
      return 1;
    } finally {
      off();
    }
  },
};

function optionsOf(
  environment: CliEnvironment,
  args: ParsedArguments,
): { readonly faults: number; readonly untilMs?: number; readonly seed: number } {
  const kills = args.value("kills");
  const minutes = args.value("minutes") ?? (kills === undefined ? "1" : undefined);
  const seed = args.value("seed");
  return {
    faults: kills === undefined ? KILLS_AT_MOST : integerOption("kills", kills, 1, KILLS_AT_MOST),
    ...(minutes === undefined
      ? {}
      : { untilMs: environment.now() + integerOption("minutes", minutes, 1, 10_000) * 60_000 }),
    seed: seed === undefined ? environment.now() % 1_000_000 : integerOption("seed", seed, 0, 4_294_967_295),
  };
}

/** @throws CliError for a directory that holds something: it could be somebody's */
function dataDirectory(
  environment: CliEnvironment,
  written: string | undefined,
): { readonly directory: string; readonly isTemporary: boolean } {
  if (written === undefined) {
    return { directory: mkdtempSync(join(tmpdir(), "stepwell-torture-")), isTemporary: true };
  }
  const directory = resolve(environment.workingDirectory, written);
  mkdirSync(directory, { recursive: true });
  if (readdirSync(directory).length > 0) {
    throw new CliError(
      `--data must be an empty directory, but there is something in ${printable(written)}.`,
      2,
    );
  }
  return { directory, isTemporary: false };
}

/** What this very process was started with. */
function ownProgram(): [string, ...string[]] {
  return [process.execPath, ...process.execArgv, process.argv[1] as string];
}
