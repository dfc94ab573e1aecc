// `stepwell demo`: a server with the example in it, one execution of it to look at, and what to try next.
//
// The example asks a person to approve. Here the demo does, after a few seconds, through the API that the
// person would use; whoever is faster with `stepwell approve` decides.

import { join, relative } from "node:path";
import { Approvals } from "../approvals.ts";
import { integerOption } from "../arguments.ts";
import { checkDefinition, problemLines } from "../check.ts";
import { DEFAULT_ENDPOINT } from "../client.ts";
import { type Command, paletteOf, readTextFile, say } from "../command.ts";
import type { CliEnvironment, RunningServer, ServeOptions } from "../environment.ts";
import { follow } from "../follow.ts";
import { CliError } from "../problem.ts";
import { finalProgress, liveProgress } from "../progress.ts";
import { publishMachine } from "../publish.ts";
import { textLog } from "../server-log.ts";
import { runServer, SERVE_OPTIONS, sayReady, serveOptions, serveUntilEnd } from "../serving.ts";
import { NO_COLOURS, printable } from "../text.ts";
import { stringOf } from "../timeline.ts";

/** Options of a server that make no sense here: the example has its functions, and a person reads what is said. */
const NOT_OURS: ReadonlySet<string> = new Set(["functions", "log-format"]);
const EXAMPLE = "credit-card-application";
/** Long enough to see that the execution waits. */
const APPROVAL_DELAY_SECONDS = 3;

export const demo: Command = {
  name: "demo",
  usage: "[--once] [options]",
  summary: "Run the server with an example, and one execution of it.",
  options: {
    once: { help: "End after the example." },
    "approve-after": { value: "SECONDS", help: `How long the approval takes (${APPROVAL_DELAY_SECONDS}).` },
    ...Object.fromEntries(Object.entries(SERVE_OPTIONS).filter(([name]) => !NOT_OURS.has(name))),
    data: { value: "DIR", help: "Directory of the durable store (.stepwell/demo)." },
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: ["stepwell demo", "stepwell demo --once --memory --port 0"],
  run: async (environment, args) => {
    const folder = join(environment.examplesDirectory, EXAMPLE);
    const delaySeconds = args.value("approve-after") ?? String(APPROVAL_DELAY_SECONDS);
    const approvalDelayMs = integerOption("approve-after", delaySeconds, 0, 3_600) * 1_000;
    // While a tree is drawn, what the server says is written above it; stderr would write across it.
    const toStderr = (line: string): void => void environment.stderr.write(`${line}\n`);
    let write = toStderr;
    const log = textLog(environment, args, (line) => write(line));
    const defaults = { data: ".stepwell/demo", functions: join(folder, "functions") };
    const options = serveOptions(environment, args, defaults, log);
    // The usual port may be taken by another server; one that was asked for is not exchanged.
    const mayMove = args.value("port") === undefined;
    return runServer(environment, options, log, mayMove, async (server, stop) => {
      sayReady(environment, server);
      const demonstration = { environment, server, options, folder, approvalDelayMs, stop };
      const succeeded = await runExample(demonstration, (to = toStderr) => (write = to));
      if (!args.flag("once")) return serveUntilEnd(server, stop, log);
      await server.close();
      return succeeded ? 0 : 1;
    });
  },
};

interface Demonstration {
  readonly environment: CliEnvironment;
  readonly server: RunningServer;
  readonly options: ServeOptions;
  /** Of the example. */
  readonly folder: string;
  readonly approvalDelayMs: number;
  readonly stop: AbortSignal;
}

/** @returns whether the execution succeeded; false too if a signal ended the following */
async function runExample(
  demonstration: Demonstration,
  setLog: (write?: (line: string) => void) => void,
): Promise<boolean> {
  const { environment, server, options, folder, approvalDelayMs, stop } = demonstration;
  const { bold, dim } = paletteOf(environment);
  const limit = chooseLimitFunction(server);
  const definition = await exampleDefinition(environment, folder, limit.name);
  const machine = await publishMachine(server.call, options, { name: EXAMPLE, definition, type: "STANDARD" });
  say(environment, `\n${bold("A credit card application")}, from verification to a person's approval.`);
  say(environment, dim(`The credit limit comes from a function in ${limit.language}.`));
  say(environment, dim("It fails twice on purpose, to show a retry.\n"));
  const started = await server.call("StartExecution", {
    stateMachineArn: machine.arn,
    name: `application-${environment.now()}`,
    input: await readTextFile(environment, join(folder, "input.json")),
  });
  const executionArn = stringOf(started, "executionArn") ?? "";
  const { call } = server;
  const progress = environment.isTerminal
    ? liveProgress(environment, call)
    : finalProgress(environment, call);
  const note = (line: string): void => progress.note(dim(printable(line)));
  if (environment.isTerminal) setLog(note);
  const approvals = new Approvals({ call: server.call, delayMs: approvalDelayMs, note });
  try {
    await follow(server.call, executionArn, {
      onEvents: async (events) => {
        await progress.onEvents(events);
        approvals.watch(events);
      },
      signal: AbortSignal.any([stop, signalOf(server.fatal)]),
    });
  } finally {
    approvals.close();
    progress.finish();
    setLog();
  }
  if (progress.timeline.ended) sayNext(demonstration, machine.arn, executionArn);
  return progress.timeline.status === "succeeded";
}

/** A server that fails must not leave the demo waiting for an event. */
function signalOf(fatal: Promise<Error>): AbortSignal {
  const controller = new AbortController();
  void fatal.then(() => controller.abort());
  return controller.signal;
}

/** The function is written twice: in Python, and for machines without Python in JavaScript. */
function chooseLimitFunction(server: RunningServer): { readonly name: string; readonly language: string } {
  const inPython = server.functions?.list().find(({ name }) => name === "credit-limit-python");
  if (inPython?.problems.length === 0) return { name: "credit-limit-python", language: "Python" };
  return { name: "credit-limit-node", language: "JavaScript, since there is no python3 here" };
}

async function exampleDefinition(
  environment: CliEnvironment,
  folder: string,
  limitFunction: string,
): Promise<string> {
  const file = join(folder, `${EXAMPLE}.asl.json`);
  const written = await readTextFile(environment, file);
  const content = written.replace('"credit-limit-python"', JSON.stringify(limitFunction));
  const { json, problems } = checkDefinition(file, content, "STANDARD");
  if (json !== undefined) return json;
  const lines = problems.flatMap((problem) => problemLines(problem, NO_COLOURS));
  throw new CliError(`The example is not valid:\n${lines.join("\n")}`);
}

function sayNext(
  { environment, server, options, folder }: Demonstration,
  machine: string,
  execution: string,
): void {
  const { bold, dim } = paletteOf(environment);
  const { url } = server;
  const endpoint = url === DEFAULT_ENDPOINT ? "" : ` --endpoint ${url}`;
  const inputFile = (name: string): string =>
    `@${relative(environment.workingDirectory, join(folder, name))}`;
  const approval = `'{"by":"me"}'`;
  const request = `'{"executionArn":"${execution}"}'`;
  const steps: readonly (readonly [string, string])[] = [
    [
      "In another terminal, another application. Approve it yourself, with the token that is printed here:",
      `bin/stepwell start ${EXAMPLE} --input ${inputFile("input.json")}${endpoint}`,
    ],
    ["", `bin/stepwell approve TOKEN --output ${approval}${endpoint}`],
    [
      "One that is refused, and what was reserved for it is given back:",
      `bin/stepwell start ${EXAMPLE} --input ${inputFile("input-refused.json")}${endpoint}`,
    ],
    ["The events of the execution above:", `bin/stepwell history ${execution}${endpoint}`],
    [
      "The same server for the AWS CLI, and for anything that speaks HTTP:",
      `aws stepfunctions list-executions --endpoint-url ${url} --region ${options.region} --state-machine-arn ${machine}`,
    ],
    [
      "",
      `curl -s ${url} -H 'content-type: application/x-amz-json-1.0' ` +
        `-H 'x-amz-target: AWSStepFunctions.DescribeExecution' -d ${request}`,
    ],
  ];
  say(environment, `\n${bold("What to try next")}`);
  for (const [what, how] of steps) {
    if (what !== "") say(environment, `  ${dim(what)}`);
    say(environment, `    ${how}`);
  }
  say(environment, "");
}
