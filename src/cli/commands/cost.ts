// `stepwell cost`: what executions would have cost on AWS, one or those of a state machine.
//
// Invariants
//   Q1. Nothing is kept of an execution but its numbers: a state machine may have had any number of them.

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { addBills, type Bill, expressBill, NO_BILL, priceOf, TransitionCounter } from "../bill.ts";
import {
  type Command,
  callerFor,
  ENDPOINT_OPTION,
  isArn,
  machineArn,
  moment,
  pagesOf,
  paletteOf,
  readTextFile,
  say,
  sayJson,
} from "../command.ts";
import { type ParsedArguments, sinceOption } from "../arguments.ts";
import type { Caller, CliEnvironment } from "../environment.ts";
import { isExpressArn } from "../express.ts";
import { DEFAULT_PRICES, money, parsePrices, type Prices } from "../prices.ts";
import { CliError } from "../problem.ts";
import { columnsOf, duration, pad, printable } from "../text.ts";
import { numberOf, stringOf } from "../timeline.ts";

/** Histories that are read side by side. */
const SIDE_BY_SIDE = 8;

export const cost: Command = {
  name: "cost",
  usage: "<execution arn> | --state-machine <name|arn> [--since TIME] [--each]",
  summary: "Show what executions would have cost on AWS.",
  options: {
    "state-machine": { value: "NAME", help: "All executions of this state machine (name or ARN)." },
    since: { value: "TIME", help: "Only what started since then: 7d, 24h, 30m, or 2026-11-01." },
    each: { help: "A line for each execution before the sum." },
    "free-tier": { help: "Take the free transitions of a month off." },
    prices: { value: "FILE", help: "A price table of your own (JSON); what it leaves out stays." },
    "print-prices": { help: "Print the price table, to be changed." },
    json: { help: "JSON; what a pipe gets anyway." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: { least: 0, most: 1, names: "The ARN of the execution" },
  examples: [
    "stepwell cost arn:aws:states:us-east-1:000000000000:execution:orders:1",
    "stepwell cost --state-machine orders --since 7d",
    "stepwell cost --print-prices > prices.json",
  ],
  run: async (environment, args) => {
    const file = args.value("prices");
    const prices =
      file === undefined ? DEFAULT_PRICES : parsePrices(await readTextFile(environment, file), file);
    if (args.flag("print-prices")) {
      say(environment, JSON.stringify(prices, null, 2));
      return 0;
    }
    const report = reporter(environment, args, prices);
    const call = callerFor(environment, args);
    const [executionArn] = args.positionals;
    const machine = args.value("state-machine");
    if ((executionArn === undefined) === (machine === undefined)) {
      throw new CliError("`stepwell cost` takes the ARN of an execution, or --state-machine NAME.", 2);
    }
    if (executionArn !== undefined) {
      if (!isArn(executionArn)) {
        throw new CliError(
          `"${printable(executionArn)}" is no ARN of an execution. For a state machine: --state-machine ${printable(executionArn)}.`,
          2,
        );
      }
      report({ executionArn }, await billOf(call, { executionArn }, prices));
      return 0;
    }
    const sinceMs = sinceOption(args.value("since"), environment.now());
    const stateMachineArn = await machineArn(call, machine as string);
    let sum = NO_BILL;
    for await (const items of executionsSince(call, stateMachineArn, sinceMs)) {
      await billAll(
        items,
        (item) => billOf(call, item, prices),
        (item, bill) => {
          const arn = stringOf(item, "executionArn") ?? "";
          if (args.flag("each")) report({ executionArn: arn }, bill);
          sum = addBills(sum, bill);
        },
      );
    }
    report({ stateMachineArn, ...(sinceMs === undefined ? {} : { since: sinceMs / 1_000 }) }, sum);
    return 0;
  },
};

/** Pages of executions, newest first; whichever type the machine has. Ends with the first page that is all older. */
async function* executionsSince(
  call: Caller,
  stateMachineArn: string,
  sinceMs: number | undefined,
): AsyncGenerator<readonly JsonObject[]> {
  const machine = await call("DescribeStateMachine", { stateMachineArn });
  const operation =
    stringOf(machine, "type") === "EXPRESS" ? "Stepwell.ListExpressExecutions" : "ListExecutions";
  for await (const page of pagesOf(call, operation, { stateMachineArn }, "executions")) {
    const items = page.filter((item) => (numberOf(item, "startDate") ?? 0) * 1_000 >= (sinceMs ?? 0));
    if (items.length === 0) return;
    yield items;
  }
}

/** Bills of many, some side by side; `add` gets them in order. */
async function billAll(
  items: readonly JsonObject[],
  billed: (item: JsonObject) => Promise<Bill>,
  add: (item: JsonObject, bill: Bill) => void,
): Promise<void> {
  for (let i = 0; i < items.length; i += SIDE_BY_SIDE) {
    const some = items.slice(i, i + SIDE_BY_SIDE);
    const bills = await Promise.all(some.map(billed));
    bills.forEach((bill, at) => add(some[at] as JsonObject, bill));
  }
}

/**
 * With all that its Map Runs have started.
 *
 * @param item With `executionArn`; of a list it may have the billing details of an Express execution already.
 */
async function billOf(call: Caller, item: JsonObject, prices: Prices): Promise<Bill> {
  const executionArn = stringOf(item, "executionArn") ?? "";
  if (isExpressArn(executionArn)) {
    const isListed = stringOf(item, "status") !== undefined;
    return expressBill(isListed ? item : await describeExpress(call, executionArn));
  }
  const counter = new TransitionCounter();
  const input = { executionArn, includeExecutionData: false };
  for await (const events of pagesOf(call, "GetExecutionHistory", input, "events")) {
    for (const event of events) counter.add(event);
  }
  let sum = counter.bill(prices);
  for (const mapRunArn of counter.mapRunArns) {
    for await (const children of pagesOf(call, "ListExecutions", { mapRunArn }, "executions")) {
      await billAll(
        children,
        (child) => childBill(call, child, prices),
        (_, bill) => {
          sum = addBills(sum, bill);
        },
      );
    }
  }
  return sum;
}

/** @param child As ListExecutions shows it: that of an Express child lacks its billing details. */
async function childBill(call: Caller, child: JsonObject, prices: Prices): Promise<Bill> {
  const executionArn = stringOf(child, "executionArn") ?? "";
  if (!isExpressArn(executionArn)) return billOf(call, { executionArn }, prices);
  const found = await keptExpress(call, executionArn);
  return found === undefined ? { ...NO_BILL, executions: 1, requests: 1, forgotten: 1 } : expressBill(found);
}

async function describeExpress(call: Caller, executionArn: string): Promise<JsonObject> {
  const found = await keptExpress(call, executionArn);
  if (found !== undefined) return found;
  throw new CliError(
    `${printable(executionArn)} is not kept any more: only the latest Express executions are, in memory.`,
  );
}

async function keptExpress(call: Caller, executionArn: string): Promise<JsonObject | undefined> {
  try {
    return await call("Stepwell.DescribeExpressExecution", { executionArn, includedData: "METADATA_ONLY" });
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ExecutionDoesNotExist") return undefined;
    throw error;
  }
}

function reporter(
  environment: CliEnvironment,
  args: ParsedArguments,
  prices: Prices,
): (about: JsonObject, bill: Bill) => void {
  const isForPeople = environment.isTerminal && !args.flag("json");
  const isWithFreeTier = args.flag("free-tier");
  return (about, bill) => {
    const price = priceOf(bill, prices, isWithFreeTier);
    if (!isForPeople) {
      const { currency, region, asOf } = prices;
      sayJson(environment, { ...about, ...bill, price, currency, prices: { region, asOf } });
      return;
    }
    const { bold, dim } = paletteOf(environment);
    const since = numberOf(about, "since");
    const title = stringOf(about, "executionArn") ?? stringOf(about, "stateMachineArn") ?? "";
    say(environment, dim(printable(title) + (since === undefined ? "" : ` since ${moment(since)}`)));
    const rows = billRows(bill);
    const width = Math.max(0, ...rows.map(([name]) => columnsOf(name)));
    for (const [name, value] of rows) say(environment, `  ${pad(name, width)}  ${value}`);
    const prefix = bill.open > 0 ? "so far " : bill.forgotten > 0 ? "at least " : "";
    const table = `${printable(prices.region)}, prices of ${printable(prices.asOf)}`;
    say(environment, `  ${bold(`${prefix}${money(price, prices)}`)} ${dim(`on AWS (${table})`)}`);
  };
}

function billRows(bill: Bill): readonly (readonly [string, string])[] {
  const rows: [string, string][] = [["executions", String(bill.executions)]];
  if (bill.open > 0) rows.push(["still running", String(bill.open)]);
  if (bill.forgotten > 0) rows.push(["not kept any more", `${bill.forgotten}, without their duration`]);
  if (bill.requests < bill.executions) {
    const attempts = bill.attempts === 0 ? "" : ` (${bill.attempts} of them retries and redriven steps)`;
    rows.push(["transitions", `${bill.transitions}${attempts}`]);
  }
  if (bill.requests > 0) {
    rows.push(["requests", String(bill.requests)]);
    rows.push(["billed duration", duration(bill.billedMs)]);
    rows.push(["GB-seconds", String(Number(bill.gbSeconds.toFixed(6)))]);
  }
  return rows;
}
