// `stepwell demo`: a server with the example in it, one execution of it to look at, and what to try next.
//
// The example asks a person to approve. Here the demo does, after a few seconds, through the API that the
// person would use; whoever is faster with `stepwell approve` decides.

import { access, constants } from "node:fs/promises";
import { delimiter, join, relative } from "node:path";
import { isObject, type Json, type JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { checkDefinition, problemLines } from "../check.ts";
import { DEFAULT_ENDPOINT } from "../client.ts";
import { type Command, paletteOf, readTextFile, say } from "../command.ts";
import type { CliEnvironment, RunningServer, ServeOptions } from "../environment.ts";
import { follow } from "../follow.ts";
import { CliError } from "../problem.ts";
import { finalProgress, liveProgress, type Progress } from "../progress.ts";
import { publishMachine } from "../publish.ts";
import {
  listenForSignals,
  logTo,
  open,
  SERVE_OPTIONS,
  sayReady,
  serveOptions,
  serveUntilEnd,
} from "../serving.ts";
import { NO_COLOURS, printable } from "../text.ts";
import { detailsOf, stringOf } from "../timeline.ts";

const EXAMPLE = "credit-card-application";
const APPROVAL_DELAY_MS = 3_000;

export const demo: Command = {
  name: "demo",
  usage: "[--once] [options]",
  summary: "Run the server with an example, and one execution of it.",
  options: {
    once: { help: "End after the example." },
    ...Object.fromEntries(Object.entries(SERVE_OPTIONS).filter(([name]) => name !== "functions")),
    data: { value: "DIR", help: "Directory of the durable store (.stepwell/demo)." },
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: ["stepwell demo", "stepwell demo --once --memory --port 0"],
  run: async (environment, args) => {
    const folder = join(environment.examplesDirectory, EXAMPLE);
    // Until there is a tree to write above, lines of the server go to stderr.
    let log = logTo(environment);
    const options = serveOptions(
      environment,
      args,
      { data: ".stepwell/demo", functions: join(folder, "functions") },
      (line) => log(line),
    );
    const { first, off } = listenForSignals(environment);
    try {
      // The usual port may be taken by another server; one that was asked for is not exchanged.
      const server = await open(environment, options, args.value("port") === undefined);
      sayReady(environment, server);
      const status = await runExample(environment, server, options, folder, first, (to) => (log = to));
      if (args.flag("once")) {
        await server.close();
        return status;
      }
      return await serveUntilEnd(environment, server, first);
    } finally {
      off();
    }
  },
};

/** @returns 0 if the execution succeeded */
async function runExample(
  environment: CliEnvironment,
  server: RunningServer,
  options: ServeOptions,
  folder: string,
  stop: AbortSignal,
  setLog: (log: (line: string) => void) => void,
): Promise<number> {
  const { bold, dim } = paletteOf(environment);
  const limitFunction = await chooseLimitFunction(environment);
  const definition = await exampleDefinition(environment, folder, limitFunction.name);
  const { arn } = await publishMachine(server.call, options, { name: EXAMPLE, definition, type: "STANDARD" });
  const input = await readTextFile(environment, join(folder, "input.json"));
  say(environment, `\n${bold("A credit card application")}, from verification to a person's approval.`);
  say(
    environment,
    dim(
      `The credit limit comes from a function in ${limitFunction.language}. It fails twice on purpose, to show a retry.`,
    ),
  );
  say(environment, "");
  const started = await server.call("StartExecution", {
    stateMachineArn: arn,
    name: `application-${environment.now()}`,
    input,
  });
  const executionArn = stringOf(started, "executionArn") ?? "";
  const progress = environment.isTerminal ? liveProgress(environment) : finalProgress(environment);
  // What functions print belongs above the tree; on a terminal, stderr would write across it.
  setLog(environment.isTerminal ? (line) => progress.note(dim(printable(line))) : logTo(environment));
  const approvals = new Approvals(server, progress, dim);
  try {
    await follow(server.call, executionArn, {
      onEvents: (events) => {
        progress.onEvents(events);
        approvals.watch(events);
      },
      signal: AbortSignal.any([stop, fatalSignal(server)]),
    });
  } finally {
    approvals.close();
    progress.finish();
    setLog(logTo(environment));
  }
  if (progress.timeline.ended) sayNext(environment, server.url, options.region, arn, executionArn, folder);
  return progress.timeline.status === "succeeded" ? 0 : 1;
}

/** A server that fails must not leave the demo waiting for an event. */
function fatalSignal(server: RunningServer): AbortSignal {
  const controller = new AbortController();
  void server.fatal.then(() => controller.abort());
  return controller.signal;
}

/** The function is written twice: in Python, and for machines without Python in JavaScript. */
async function chooseLimitFunction(
  environment: CliEnvironment,
): Promise<{ readonly name: string; readonly language: string }> {
  for (const directory of (environment.env["PATH"] ?? "").split(delimiter)) {
    if (directory === "") continue;
    const found = await access(join(directory, "python3"), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return { name: "credit-limit-python", language: "Python" };
  }
  return { name: "credit-limit-node", language: "JavaScript (there is no python3 here)" };
}

async function exampleDefinition(
  environment: CliEnvironment,
  folder: string,
  limitFunction: string,
): Promise<string> {
  const file = join(folder, `${EXAMPLE}.asl.json`);
  const content = (await readTextFile(environment, file)).replace(
    '"credit-limit-python"',
    JSON.stringify(limitFunction),
  );
  const { json, problems } = checkDefinition(file, content, "STANDARD");
  if (json !== undefined) return json;
  const lines = problems.flatMap((problem) => problemLines(problem, NO_COLOURS));
  throw new CliError(`The example is not valid:\n${lines.join("\n")}`);
}

/** Approves whatever waits for a token, a few seconds after it began to wait. */
class Approvals {
  readonly #server: RunningServer;
  readonly #progress: Progress;
  readonly #dim: (text: string) => string;
  readonly #timers = new Set<NodeJS.Timeout>();
  #token: string | undefined;

  constructor(server: RunningServer, progress: Progress, dim: (text: string) => string) {
    this.#server = server;
    this.#progress = progress;
    this.#dim = dim;
  }

  watch(events: readonly JsonObject[]): void {
    for (const event of events) {
      const type = stringOf(event, "type");
      if (type === "TaskScheduled") this.#token = tokenOf(detailsOf(event)) ?? this.#token;
      if (type !== "TaskSubmitted" || this.#token === undefined) continue;
      const token = this.#token;
      this.#token = undefined;
      this.#progress.note(
        this.#dim(`A person is asked to approve. The demo does so in ${APPROVAL_DELAY_MS / 1_000} seconds.`),
      );
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        void this.#approve(token);
      }, APPROVAL_DELAY_MS);
      this.#timers.add(timer);
    }
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #approve(taskToken: string): Promise<void> {
    const output = JSON.stringify({ decision: "approved", by: "the demo" });
    try {
      await this.#server.call("SendTaskSuccess", { taskToken, output });
    } catch (error) {
      // Somebody else answered first, which is welcome, or the execution was stopped.
      if (error instanceof ServiceError && error.code === "TaskTimedOut") return;
      this.#progress.note(
        `approving failed: ${printable(error instanceof Error ? error.message : String(error))}`,
      );
    }
  }
}

/** The token in the parameters of a `lambda:invoke.waitForTaskToken`, where this example puts it. */
function tokenOf(details: JsonObject): string | undefined {
  if (stringOf(details, "resource")?.endsWith(".waitForTaskToken") !== true) return undefined;
  const parameters = JSON.parse(stringOf(details, "parameters") ?? "{}") as Json;
  const payload = isObject(parameters) ? parameters["Payload"] : undefined;
  return isObject(payload) ? stringOf(payload, "taskToken") : undefined;
}

function sayNext(
  environment: CliEnvironment,
  url: string,
  region: string,
  machine: string,
  execution: string,
  folder: string,
): void {
  const { bold, dim } = paletteOf(environment);
  const endpoint = url === DEFAULT_ENDPOINT ? "" : ` --endpoint ${url}`;
  const inputFile = (name: string): string =>
    `@${relative(environment.workingDirectory, join(folder, name))}`;
  const lines: readonly (readonly [string, string])[] = [
    [
      "Run it again and watch:",
      `bin/stepwell start ${EXAMPLE} --input ${inputFile("input.json")}${endpoint}`,
    ],
    [
      "  … and approve it yourself, with the token that the function prints here:",
      `bin/stepwell approve TOKEN --output '{"decision":"approved"}'${endpoint}`,
    ],
    [
      "See a compensation: an applicant who is refused:",
      `bin/stepwell start ${EXAMPLE} --input ${inputFile("input-refused.json")}${endpoint}`,
    ],
    ["Event by event:", `bin/stepwell history ${execution}${endpoint}`],
    [
      "With the AWS CLI:",
      `aws stepfunctions list-executions --endpoint-url ${url} --region ${region} --state-machine-arn ${machine}`,
    ],
    [
      "With curl:",
      `curl -s ${url} -H 'content-type: application/x-amz-json-1.0' -H 'x-amz-target: AWSStepFunctions.DescribeExecution' -d '{"executionArn":"${execution}"}'`,
    ],
  ];
  say(environment, `\n${bold("What to try next")}`);
  for (const [what, how] of lines) say(environment, `  ${dim(what)}\n    ${how}`);
  say(environment, "");
}
