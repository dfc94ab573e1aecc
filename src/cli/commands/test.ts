// `stepwell test`: every test case of a mock file, run against its definition in this process.

import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parse, type Program } from "../../asl/index.ts";
import { member, Payload } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { FileMocks } from "../../integrations/index.ts";
import { checkDefinition, problemLines } from "../check.ts";
import { type Command, paletteOf, readTextFile, reasonOf, say, sayJson } from "../command.ts";
import { DEFINITION_FILE } from "../definition-file.ts";
import type { CliEnvironment } from "../environment.ts";
import { differences, readExpectations } from "../expectations.ts";
import { type MockedRun, runTestCase } from "../mocked-run.ts";
import { CliError } from "../problem.ts";
import { printable, table } from "../text.ts";

interface Result {
  readonly machine: string;
  readonly testCase: string;
  /** Undefined: it could not be started. */
  readonly run: MockedRun | undefined;
  readonly faults: readonly string[];
}

export const test: Command = {
  name: "test",
  usage: "<definition or folder> --mocks FILE [--expect FILE] [--json]",
  summary: "Run the test cases of a mock file, without a server.",
  options: {
    mocks: { value: "FILE", help: "The mock file, as of Step Functions Local." },
    expect: { value: "FILE", help: "Input of each case, and how it should end (see docs/mocked-runs.md)." },
    json: { help: "One JSON document a line for each case, for programs." },
  },
  positionals: { least: 1, most: 1, names: "A definition, or a folder of them," },
  examples: ["stepwell test orders.asl.json --mocks mocks.json --expect expected.json"],
  run: async (environment, args) => {
    const path = args.value("mocks");
    if (path === undefined) throw new CliError("--mocks is missing: the mock file with the test cases.", 2);
    const mocks = new FileMocks(resolve(environment.workingDirectory, path), (line) => {
      environment.stderr.write(`${printable(line)}\n`);
    });
    if (mocks.problem !== undefined) throw new CliError(`The mock file cannot be used: ${mocks.problem}.`, 2);
    const { testCases } = mocks;
    const programs = await programsIn(environment, args.positionals[0] as string, [...testCases.keys()]);
    const expectFile = args.value("expect");
    const expectations =
      expectFile === undefined
        ? undefined
        : readExpectations(await readTextFile(environment, expectFile), testCases);

    const results: Result[] = [];
    for (const [machine, cases] of testCases) {
      const program = programs.get(machine);
      for (const testCase of cases) {
        const expected = expectations?.get(machine)?.get(testCase);
        const input = Payload.ofValue(member(expected ?? {}, "input") ?? {});
        const start = { machine, testCase, input, startMs: environment.now() };
        if (program === undefined) {
          results.push({ machine, testCase, run: undefined, faults: [`there is no ${machine}.asl.json`] });
          continue;
        }
        try {
          const run = await runTestCase(program, mocks, start);
          results.push({ machine, testCase, run, faults: differences(run, expected) });
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
          results.push({ machine, testCase, run: undefined, faults: [error.message] });
        }
      }
    }
    if (results.length === 0) throw new CliError("The mock file has no test cases.");
    if (args.flag("json")) tellAsJson(environment, results);
    else tellAsTable(environment, results);
    return results.every(({ faults }) => faults.length === 0) ? 0 : 1;
  },
};

/**
 * The programs by the name of their machine: the name of the file. A lone definition is that of a lone machine.
 * @throws CliError for what cannot be read or is not valid
 */
async function programsIn(
  environment: CliEnvironment,
  path: string,
  machines: readonly string[],
): Promise<ReadonlyMap<string, Program>> {
  const absolute = resolve(environment.workingDirectory, path);
  const isFolder = await stat(absolute).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw new CliError(`Cannot read ${printable(path)}: ${reasonOf(error)}.`);
    },
  );
  if (!isFolder) {
    const only = machines.length === 1 ? machines[0] : undefined;
    return new Map([[only ?? machineOf(path), await programOf(environment, path)]]);
  }
  const files = (await readdir(absolute)).filter((file) => DEFINITION_FILE.test(file)).toSorted();
  if (files.length === 0)
    throw new CliError(`${printable(path)} has no definitions (*.asl.json, *.asl.yaml).`);
  const programs = await Promise.all(
    files.map(async (file) => [machineOf(file), await programOf(environment, join(absolute, file))] as const),
  );
  return new Map(programs);
}

function machineOf(file: string): string {
  return basename(file)
    .replace(DEFINITION_FILE, "")
    .replace(/\.json$/, "");
}

async function programOf(environment: CliEnvironment, file: string): Promise<Program> {
  const { json, problems } = checkDefinition(file, await readTextFile(environment, file), "STANDARD");
  const program = json === undefined ? undefined : parse(json).program;
  if (program !== undefined) return program;
  const errors = problems.filter(({ severity }) => severity === "ERROR");
  throw new CliError(errors.flatMap((problem) => problemLines(problem, paletteOf(environment))).join("\n"));
}

function tellAsTable(environment: CliEnvironment, results: readonly Result[]): void {
  const rows = results.map(({ machine, testCase, run, faults }) => [
    faults.length === 0 ? "ok" : "WRONG",
    printable(`${machine}#${testCase}`),
    printable(run?.error ?? run?.status ?? "not run"),
    printable(run?.states.join(" > ") ?? ""),
  ]);
  for (const line of table([["", "CASE", "END", "STATES"], ...rows], environment.size().columns))
    say(environment, line);
  for (const { machine, testCase, faults } of results)
    for (const fault of faults) say(environment, printable(`${machine}#${testCase}: ${fault}`));
  const wrong = results.filter(({ faults }) => faults.length > 0).length;
  say(environment, `${results.length} test cases, ${wrong} wrong`);
}

function tellAsJson(environment: CliEnvironment, results: readonly Result[]): void {
  for (const { machine, testCase, run, faults } of results) {
    sayJson(environment, {
      machine,
      testCase,
      ok: faults.length === 0,
      ...(run?.status === undefined ? {} : { status: run.status }),
      ...(run?.output === undefined ? {} : { output: run.output.value }),
      ...(run?.error === undefined ? {} : { error: run.error }),
      ...(run?.cause === undefined ? {} : { cause: run.cause }),
      states: run?.states ?? [],
      faults,
    });
  }
}
