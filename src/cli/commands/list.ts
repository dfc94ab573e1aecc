// `stepwell list`: the state machines, or the executions of one.

import type { JsonObject } from "../../base/json.ts";
import { integerOption, patternOption } from "../arguments.ts";
import {
  type Command,
  callerFor,
  ENDPOINT_OPTION,
  listAll,
  machineArn,
  moment,
  paletteOf,
  say,
  sayJson,
} from "../command.ts";
import type { Caller, CliEnvironment } from "../environment.ts";
import { ServiceError } from "../../base/service-error.ts";
import { CliError } from "../problem.ts";
import { duration, printable, table } from "../text.ts";
import { numberOf, stringOf } from "../timeline.ts";

export const list: Command = {
  name: "list",
  usage: "[machines | activities | executions <name|arn> | map-runs <execution arn>]",
  summary: "List state machines, activities, Map Runs, or the executions of a state machine or a Map Run.",
  options: {
    status: {
      value: "STATUS",
      help: "Executions: only RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED ones.",
    },
    limit: { value: "N", help: "Executions: at most so many, the newest (50)." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: { least: 0, most: 2, names: "" },
  examples: [
    "stepwell list",
    "stepwell list executions orders --status FAILED",
    "stepwell list map-runs arn:aws:states:us-east-1:000000000000:execution:orders:1",
  ],
  run: async (environment, args) => {
    const call = callerFor(environment, args);
    const [what = "machines", machine] = args.positionals;
    if (what === "machines" && machine === undefined) {
      const items = await listAll(call, "ListStateMachines", {}, "stateMachines");
      show(environment, items, "state machines", ["NAME", "TYPE", "CREATED", "ARN"], machineRow);
      return 0;
    }
    if (what === "activities" && machine === undefined) {
      const items = await listAll(call, "ListActivities", {}, "activities");
      show(environment, items, "activities", ["NAME", "CREATED", "ARN"], (item) => [
        printable(stringOf(item, "name") ?? ""),
        moment(numberOf(item, "creationDate")),
        printable(stringOf(item, "activityArn") ?? ""),
      ]);
      return 0;
    }
    if (what === "map-runs" && machine !== undefined) {
      const items = await listAll(call, "ListMapRuns", { executionArn: machine }, "mapRuns");
      show(environment, items, "Map Runs", ["STARTED", "TOOK", "ARN"], (item) => [
        ...timesOf(item),
        printable(stringOf(item, "mapRunArn") ?? ""),
      ]);
      return 0;
    }
    if (what !== "executions" || machine === undefined) {
      throw new CliError(
        "`stepwell list` takes nothing, `machines`, `activities`, `executions` and a state machine or a Map Run, " +
          "or `map-runs` and an execution.",
        2,
      );
    }
    const limit = integerOption("limit", args.value("limit") ?? "50", 1, 1_000_000);
    const status = args.value("status")?.toUpperCase();
    const input = {
      ...(isMapRunArn(machine)
        ? { mapRunArn: machine }
        : { stateMachineArn: await machineArn(call, machine) }),
      ...(status === undefined
        ? {}
        : { statusFilter: patternOption("status", status, STATUS, STATUS_WORDS) }),
    };
    const items = await listExecutions(call, input, limit);
    show(environment, items, "executions", ["STATUS", "STARTED", "TOOK", "NAME", "ARN"], executionRow);
    return 0;
  },
};

function isMapRunArn(text: string): boolean {
  return text.split(":")[5] === "mapRun";
}

/** Of a Map Run, of a Standard machine, or what is still kept of an Express one. */
async function listExecutions(
  call: Caller,
  input: JsonObject,
  limit: number,
): Promise<readonly JsonObject[]> {
  try {
    return await listAll(call, "ListExecutions", input, "executions", limit);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== "StateMachineTypeNotSupported") throw error;
    return listAll(call, "Stepwell.ListExpressExecutions", input, "executions", limit);
  }
}

const STATUS = /^(?:RUNNING|SUCCEEDED|FAILED|TIMED_OUT|ABORTED|PENDING_REDRIVE)$/;
const STATUS_WORDS = "RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE";

function machineRow(item: JsonObject): readonly string[] {
  return [
    printable(stringOf(item, "name") ?? ""),
    stringOf(item, "type") ?? "",
    moment(numberOf(item, "creationDate")),
    printable(stringOf(item, "stateMachineArn") ?? ""),
  ];
}

/** When it began, and how long it took. */
function timesOf(item: JsonObject): readonly string[] {
  const started = numberOf(item, "startDate");
  const stopped = numberOf(item, "stopDate");
  return [
    moment(started),
    started === undefined || stopped === undefined ? "" : duration((stopped - started) * 1_000),
  ];
}

function executionRow(item: JsonObject): readonly string[] {
  return [
    stringOf(item, "status") ?? "",
    ...timesOf(item),
    printable(stringOf(item, "name") ?? ""),
    printable(stringOf(item, "executionArn") ?? ""),
  ];
}

/** A table on a terminal; elsewhere one JSON document a line, as the API gave it. */
function show(
  environment: CliEnvironment,
  items: readonly JsonObject[],
  what: string,
  head: readonly string[],
  row: (item: JsonObject) => readonly string[],
): void {
  if (!environment.isTerminal) {
    for (const item of items) sayJson(environment, item);
    return;
  }
  if (items.length === 0) {
    say(environment, `no ${what}`);
    return;
  }
  // The ARN, last, is not cut: it is there to be copied.
  const [first, ...rest] = table([head, ...items.map(row)], Number.POSITIVE_INFINITY);
  say(environment, paletteOf(environment).dim(first as string));
  for (const line of rest) say(environment, line);
}
