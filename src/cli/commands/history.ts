// `stepwell history`: the events of an execution as a table, a tree, or JSON.

import type { JsonObject } from "../../base/json.ts";
import { type Command, callerFor, ENDPOINT_OPTION, paletteOf, say, sayJson } from "../command.ts";
import { type Bill, expressBill, priceOf, TransitionCounter } from "../bill.ts";
import type { Caller } from "../environment.ts";
import { isExpressArn } from "../express.ts";
import { readHistory } from "../follow.ts";
import { MapRunWatch } from "../map-runs.ts";
import { DEFAULT_PRICES, money } from "../prices.ts";
import { viewOptions } from "../progress.ts";
import { columnsOf, duration, fit, type Palette, pad, printable } from "../text.ts";
import { detailsOf, numberOf, stringOf, Timeline } from "../timeline.ts";
import { failureText, renderOutcome, renderTimeline } from "../timeline-view.ts";

export const history: Command = {
  name: "history",
  usage: "<execution arn> [--tree] [--json]",
  summary: "Show what an execution did, event by event.",
  options: {
    tree: { help: "The states as a tree instead of the events." },
    json: { help: "One event a line as JSON; what a pipe gets anyway." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: { least: 1, most: 1, names: "The ARN of the execution" },
  examples: [
    "stepwell history arn:aws:states:us-east-1:000000000000:execution:orders:1",
    "stepwell history arn:aws:states:us-east-1:000000000000:execution:orders:1 --json | jq .type",
  ],
  run: async (environment, args) => {
    const executionArn = args.positionals[0] as string;
    const call = callerFor(environment, args);
    const events = await readHistory(call, executionArn);
    const isForPeople = args.flag("tree") || (environment.isTerminal && !args.flag("json"));
    if (args.flag("tree")) {
      const timeline = new Timeline();
      for (const event of events) timeline.add(event);
      const mapRuns = new MapRunWatch(call, environment.now);
      await mapRuns.update(timeline);
      const options = viewOptions(environment, mapRuns);
      for (const line of [...renderTimeline(timeline, options), ...renderOutcome(timeline, options)]) {
        say(environment, line);
      }
    } else if (args.flag("json") || !environment.isTerminal) {
      for (const event of events) sayJson(environment, event);
    } else {
      const { columns } = environment.size();
      for (const line of historyTable(events, columns - 1, paletteOf(environment))) say(environment, line);
    }
    if (isForPeople) {
      say(environment, paletteOf(environment).dim(await costLine(call, executionArn, events)));
    }
    return 0;
  },
};

/** `7 transitions, 0.000175 USD on AWS`; `stepwell cost` tells more. */
async function costLine(call: Caller, executionArn: string, events: readonly JsonObject[]): Promise<string> {
  if (isExpressArn(executionArn)) {
    const input = { executionArn, includedData: "METADATA_ONLY" };
    const bill = expressBill(await call("Stepwell.DescribeExpressExecution", input));
    const spent = `${duration(bill.billedMs)} billed, ${Number(bill.gbSeconds.toFixed(6))} GB-seconds`;
    return `1 request, ${bill.open > 0 ? "still running" : spent}, ${defaultPrice(bill)} on AWS`;
  }
  const counter = new TransitionCounter();
  for (const event of events) counter.add(event);
  const bill = counter.bill(DEFAULT_PRICES);
  return `${bill.transitions} transitions, ${defaultPrice(bill)} on AWS`;
}

function defaultPrice(bill: Bill): string {
  return money(priceOf(bill, DEFAULT_PRICES, false), DEFAULT_PRICES);
}

/** The events as a table: id, time since the start, type, state, and what matters most of the details. */
export function historyTable(events: readonly JsonObject[], width: number, palette: Palette): string[] {
  const startedAt = numberOf(events[0] ?? {}, "timestamp") ?? 0;
  // An event that names no state belongs to the one of its predecessor.
  const names = new Map<number, string>();
  const rows = events.map((event) => {
    const details = detailsOf(event);
    const type = stringOf(event, "type") ?? "";
    const state = stateName(type, details) ?? names.get(numberOf(event, "previousEventId") ?? 0) ?? "";
    names.set(numberOf(event, "id") ?? 0, state);
    return {
      type,
      cells: [
        String(numberOf(event, "id") ?? ""),
        `+${duration(((numberOf(event, "timestamp") ?? startedAt) - startedAt) * 1_000)}`,
        type,
        type.startsWith("Execution") ? "" : state,
      ] as const,
      detail: detail(details),
    };
  });
  const head = ["ID", "TIME", "EVENT", "STATE"] as const;
  const columns = head.map((title, i) =>
    Math.max(columnsOf(title), ...rows.map(({ cells }) => columnsOf(cells[i] ?? ""))),
  );
  const line = (cells: readonly string[], rest: string): string => {
    const left = cells.map((cell, i) => pad(cell, columns[i] ?? 0)).join("  ");
    return fit(`${left}  ${rest}`.trimEnd(), width);
  };
  return [
    palette.dim(line(head, "DETAIL")),
    ...rows.map(({ type, cells, detail: rest }) => inkOf(type, palette)(line(cells, rest))),
  ];
}

function stateName(type: string, details: JsonObject): string | undefined {
  const name = stringOf(details, "name");
  if (name === undefined) return undefined;
  const index = type.startsWith("MapIteration") ? numberOf(details, "index") : undefined;
  return printable(index === undefined ? name : `${name} [${index}]`);
}

function detail(details: JsonObject): string {
  const error = stringOf(details, "error");
  const cause = stringOf(details, "cause");
  if (error !== undefined || cause !== undefined) return failureText({ error, cause, timedOut: false });
  const output = stringOf(details, "output");
  if (output !== undefined) return `→ ${printable(output)}`;
  const input = stringOf(details, "input") ?? stringOf(details, "parameters");
  if (input !== undefined) return `← ${printable(input)}`;
  const mapRunArn = stringOf(details, "mapRunArn");
  if (mapRunArn !== undefined) return printable(mapRunArn);
  const length = numberOf(details, "length");
  return length === undefined ? "" : `${length} items`;
}

function inkOf(type: string, palette: Palette): (text: string) => string {
  if (/Failed$|TimedOut$/.test(type)) return palette.red;
  if (type.endsWith("Aborted")) return palette.dim;
  return type === "ExecutionSucceeded" ? palette.green : (text) => text;
}
