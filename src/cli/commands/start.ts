// `stepwell start`: starts an execution and stays with it to its end.

import type { JsonObject } from "../../base/json.ts";
import {
  type Command,
  callerFor,
  ENDPOINT_OPTION,
  jsonArgument,
  machineArn,
  paletteOf,
  prettyJson,
  say,
  sayJson,
} from "../command.ts";
import type { Caller, CliEnvironment } from "../environment.ts";
import { follow } from "../follow.ts";
import { CliError } from "../problem.ts";
import { jsonProgress, liveProgress } from "../progress.ts";
import { listenForSignals } from "../serving.ts";
import { duration, printable } from "../text.ts";
import { numberOf, stringOf } from "../timeline.ts";

export const start: Command = {
  name: "start",
  usage: "<name|arn> [--input JSON|@FILE|-] [--name NAME] [--no-follow]",
  summary: "Start an execution and follow it to its end.",
  options: {
    input: { value: "JSON", help: "Input: JSON, @FILE, or - for standard input ({})." },
    name: { value: "NAME", help: "Name of the execution (a new UUID)." },
    "no-follow": { help: "Only start it." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: { least: 1, most: 1, names: "The name or the ARN of a state machine" },
  examples: [
    `stepwell start orders --input '{"orderId": 17}'`,
    "stepwell start orders --input @order.json --name order-17",
    "stepwell start orders --no-follow | jq -r .executionArn",
  ],
  run: async (environment, args) => {
    const call = callerFor(environment, args);
    const input = await jsonArgument(environment, "input", args.value("input") ?? "{}");
    const stateMachineArn = await machineArn(call, args.positionals[0] as string);
    const name = args.value("name");
    const request = { stateMachineArn, input, ...(name === undefined ? {} : { name }) };
    if (args.flag("no-follow")) {
      const started = await call("StartExecution", request);
      if (environment.isTerminal) say(environment, printable(stringOf(started, "executionArn") ?? ""));
      else sayJson(environment, started);
      return 0;
    }
    // An Express execution has no history to follow; it is short, so its end is waited for.
    const machine = await call("DescribeStateMachine", { stateMachineArn });
    if (stringOf(machine, "type") === "EXPRESS") {
      return showSyncResult(environment, await call("StartSyncExecution", request));
    }
    const started = await call("StartExecution", request);
    return followToEnd(environment, call, stringOf(started, "executionArn") ?? "");
  },
};

/** @returns 0 if it succeeded, 1 if it did not, 130 if a signal ended the following */
async function followToEnd(environment: CliEnvironment, call: Caller, executionArn: string): Promise<number> {
  const { dim } = paletteOf(environment);
  if (environment.isTerminal) say(environment, dim(printable(executionArn)));
  const progress = environment.isTerminal
    ? liveProgress(environment, call)
    : jsonProgress(environment, call, executionArn);
  const { first, off } = listenForSignals(environment);
  try {
    await follow(call, executionArn, { onEvents: progress.onEvents, signal: first });
  } finally {
    off();
    progress.finish();
  }
  if (progress.timeline.ended) return progress.timeline.status === "succeeded" ? 0 : 1;
  environment.stderr.write(`The execution goes on. Stop it with: stepwell stop ${printable(executionArn)}\n`);
  return 130;
}

function showSyncResult(environment: CliEnvironment, result: JsonObject): number {
  const status = stringOf(result, "status");
  if (status === undefined) throw new CliError("The server's answer to StartSyncExecution has no status.");
  if (!environment.isTerminal) {
    sayJson(environment, result);
    return status === "SUCCEEDED" ? 0 : 1;
  }
  const { green, red, bold, dim } = paletteOf(environment);
  const spent = ((numberOf(result, "stopDate") ?? 0) - (numberOf(result, "startDate") ?? 0)) * 1_000;
  const mark = status === "SUCCEEDED" ? green(`✓ ${bold(status)}`) : red(`✗ ${bold(status)}`);
  say(environment, `${mark} ${dim(`in ${duration(spent)}`)}`);
  const reason = [stringOf(result, "error"), stringOf(result, "cause")].filter((part) => part !== undefined);
  if (reason.length > 0) say(environment, `  ${red(printable(reason.join(": ")))}`);
  const output = stringOf(result, "output");
  if (output !== undefined) say(environment, prettyJson(output));
  return status === "SUCCEEDED" ? 0 : 1;
}
