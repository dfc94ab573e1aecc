// `stepwell describe`: whatever an ARN names, with all that the API says of it.

import type { JsonObject } from "../../base/json.ts";
import {
  type Command,
  callerFor,
  ENDPOINT_OPTION,
  isArn,
  listAll,
  machineArn,
  moment,
  paletteOf,
  prettyJson,
  say,
} from "../command.ts";
import type { Caller, CliEnvironment } from "../environment.ts";
import { mapRunText, mapRunView } from "../map-runs.ts";
import { CliError } from "../problem.ts";
import { columnsOf, duration, pad, printable } from "../text.ts";
import { stringOf } from "../timeline.ts";

export const describe: Command = {
  name: "describe",
  usage: "<name|arn>",
  summary: "Describe an execution, a state machine, an activity or a Map Run.",
  options: { endpoint: ENDPOINT_OPTION },
  positionals: { least: 1, most: 1, names: "A name or an ARN" },
  examples: [
    "stepwell describe orders",
    "stepwell describe arn:aws:states:us-east-1:000000000000:execution:orders:1",
  ],
  run: async (environment, args) => {
    const call = callerFor(environment, args);
    const written = args.positionals[0] as string;
    const arn = isArn(written) ? written : await machineArn(call, written);
    const kind = arn.split(":")[5] ?? "";
    const operation = Object.hasOwn(OPERATIONS, kind) ? OPERATIONS[kind] : undefined;
    if (operation === undefined) {
      throw new CliError(
        `"${printable(arn)}" is no ARN of an execution, a state machine, an activity or a map run.`,
        2,
      );
    }
    const answer = await call(operation.name, { [operation.key]: arn });
    if (!environment.isTerminal) {
      say(environment, JSON.stringify(answer, null, 2));
      return 0;
    }
    showDetails(environment, answer);
    if (kind === "execution") await showMapRuns(environment, call, arn);
    return 0;
  },
};

const SHOWN_MAP_RUNS = 20;

const OPERATIONS: Readonly<Record<string, { readonly name: string; readonly key: string }>> = {
  execution: { name: "DescribeExecution", key: "executionArn" },
  express: { name: "Stepwell.DescribeExpressExecution", key: "executionArn" },
  stateMachine: { name: "DescribeStateMachine", key: "stateMachineArn" },
  activity: { name: "DescribeActivity", key: "activityArn" },
  mapRun: { name: "DescribeMapRun", key: "mapRunArn" },
};

/** Newest first; nothing where there are none. */
async function showMapRuns(environment: CliEnvironment, call: Caller, executionArn: string): Promise<void> {
  const runs = await listAll(call, "ListMapRuns", { executionArn }, "mapRuns", SHOWN_MAP_RUNS);
  if (runs.length === 0) return;
  const { bold, dim } = paletteOf(environment);
  say(environment, `\n${bold("Map Runs")}`);
  for (const run of runs) {
    const mapRunArn = stringOf(run, "mapRunArn") ?? "";
    const view = mapRunView(await call("DescribeMapRun", { mapRunArn }), environment.now());
    say(environment, `${view.status} ${mapRunText(view)} ${dim(`in ${duration(view.tookMs)}`)}`);
    say(environment, `  ${dim(printable(mapRunArn))}`);
  }
}

/** Members that hold documents: shown below the others, each with its own heading. */
const DOCUMENTS = new Set(["definition", "input", "output", "cause"]);

function showDetails(environment: CliEnvironment, answer: JsonObject): void {
  const { bold, dim } = paletteOf(environment);
  const entries = Object.entries(answer).filter(([, value]) => value !== null);
  const short = entries.filter(([key]) => !DOCUMENTS.has(key));
  const width = Math.max(...short.map(([key]) => columnsOf(key)));
  for (const [key, value] of short) {
    const isMoment = key.endsWith("Date") && typeof value === "number";
    const text = isMoment ? moment(value) : typeof value === "string" ? value : JSON.stringify(value);
    say(environment, `${dim(pad(printable(key), width))}  ${printable(text)}`);
  }
  for (const [key, value] of entries) {
    if (!DOCUMENTS.has(key)) continue;
    say(environment, `\n${bold(key)}`);
    say(environment, prettyJson(typeof value === "string" ? value : JSON.stringify(value)));
  }
}
