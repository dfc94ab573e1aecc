// `stepwell test-state`: runs one state of a definition file and shows what becomes of its data on the way.

import { fromMembers, isObject, type Json, type JsonObject, member } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { type ParsedArguments, patternOption } from "../arguments.ts";
import {
  type Command,
  callerFor,
  ENDPOINT_OPTION,
  jsonArgument,
  paletteOf,
  prettyJson,
  readTextFile,
  say,
  sayJson,
} from "../command.ts";
import { readDefinition } from "../definition-file.ts";
import type { CliEnvironment } from "../environment.ts";
import { CliError } from "../problem.ts";
import { pad, printable } from "../text.ts";
import { numberOf, stringOf } from "../timeline.ts";

export const testState: Command = {
  name: "test-state",
  usage: "<file> [state] [--input JSON|@FILE|-] [--mock JSON|@FILE] [--mock-error NAME]",
  summary: "Run one state by itself and show its data flow.",
  options: {
    input: { value: "JSON", help: "Input of the state: JSON, @FILE, or - for standard input ({})." },
    mock: { value: "JSON", help: "What a Task, Map or Parallel gives, in place of its work." },
    "mock-error": { value: "NAME", help: "The error that it fails with instead." },
    "mock-cause": { value: "TEXT", help: "The cause of that error." },
    validation: {
      value: "MODE",
      help: "How a mock is held against the API: STRICT, PRESENT or NONE (STRICT).",
    },
    variables: { value: "JSON", help: "What earlier states have assigned: an object." },
    context: { value: "JSON", help: "The context object; with a mock only." },
    retries: { value: "COUNT", help: "Retries that were made before; with --mock-error." },
    "failed-iterations": { value: "COUNT", help: "Iterations of a mocked Map that failed." },
    "reader-data": { value: "FILE", help: "What the ItemReader of a mocked Map would read." },
    level: { value: "LEVEL", help: "INFO, DEBUG or TRACE (DEBUG)." },
    role: { value: "ARN", help: "The role of a Task that is called (one that stands for any)." },
    json: { help: "The answer of TestState as one line of JSON." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: { least: 1, most: 2, names: "A definition file, and the name of a state in it" },
  examples: [
    `stepwell test-state orders.asl.json Price --input '{"orderId": 17}'`,
    `stepwell test-state orders.asl.json Charge --mock '{"Payload": {"ok": true}}'`,
    "stepwell test-state charge-state.json --mock-error CardDeclined --retries 2",
  ],
  run: async (environment, args) => {
    const [file, stateName] = args.positionals;
    const call = callerFor(environment, args);
    const json = (option: string): Promise<string> | undefined => {
      const written = args.value(option);
      return written === undefined ? undefined : jsonArgument(environment, option, written);
    };
    const level = patternOption(
      "level",
      (args.value("level") ?? "DEBUG").toUpperCase(),
      /^(?:INFO|DEBUG|TRACE)$/,
      "INFO, DEBUG or TRACE",
    );
    const mock = mockOf({
      result: await json("mock"),
      error: args.value("mock-error"),
      cause: args.value("mock-cause"),
      mode: args.value("validation")?.toUpperCase(),
    });
    const request: Readonly<Record<string, Json | undefined>> = {
      definition: await definitionText(environment, file as string, stateName),
      stateName,
      input: (await json("input")) ?? "{}",
      inspectionLevel: level,
      roleArn: args.value("role") ?? ANY_ROLE,
      mock,
      variables: await json("variables"),
      context: await json("context"),
      stateConfiguration: await configurationOf(environment, args),
    };
    const given = Object.entries(request).filter((entry): entry is [string, Json] => entry[1] !== undefined);
    const answer = await call("TestState", fromMembers(given));
    if (args.flag("json")) sayJson(environment, answer);
    else show(environment, answer);
    const status = stringOf(answer, "status");
    return status === "SUCCEEDED" || status === "CAUGHT_ERROR" ? 0 : 1;
  },
};

/** Roles are kept and shown, not enforced; a Task that is called must have one. */
const ANY_ROLE = "arn:aws:iam::123456789012:role/stepwell-test-state";

function mockOf({
  result,
  error,
  cause,
  mode,
}: Readonly<Record<"result" | "error" | "cause" | "mode", string | undefined>>): JsonObject | undefined {
  const hasError = error !== undefined || cause !== undefined;
  if (result !== undefined && hasError) {
    throw new CliError("A state gives a result or fails: --mock and --mock-error exclude each other.", 2);
  }
  if (result === undefined && !hasError) return undefined;
  const errorOutput = {
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  };
  return {
    ...(result === undefined ? { errorOutput } : { result }),
    ...(mode === undefined ? {} : { fieldValidationMode: mode }),
  };
}

async function configurationOf(
  environment: CliEnvironment,
  args: ParsedArguments,
): Promise<JsonObject | undefined> {
  const count = (option: string): number | undefined => {
    const written = args.value(option);
    return written === undefined
      ? undefined
      : Number(patternOption(option, written, /^\d{1,8}$/, "a whole number"));
  };
  const file = args.value("reader-data");
  const configuration: Readonly<Record<string, Json | undefined>> = {
    retrierRetryCount: count("retries"),
    mapIterationFailureCount: count("failed-iterations"),
    mapItemReaderData: file === undefined ? undefined : await readTextFile(environment, file),
  };
  const given = Object.entries(configuration).filter(
    (entry): entry is [string, Json] => entry[1] !== undefined,
  );
  return given.length === 0 ? undefined : fromMembers(given);
}

/** In the order of the data flow, with what they are called in a definition. */
const STAGES: readonly (readonly [name: string, shown: string])[] = [
  ["input", "input"],
  ["afterInputPath", "after InputPath"],
  ["afterParameters", "after Parameters"],
  ["afterArguments", "after Arguments"],
  ["afterItemsPath", "after ItemsPath"],
  ["afterItemsPointer", "after ItemsPointer"],
  ["afterItemSelector", "after ItemSelector"],
  ["afterItemBatcher", "after ItemBatcher"],
  ["maxConcurrency", "MaxConcurrency"],
  ["toleratedFailureCount", "tolerated failures"],
  ["toleratedFailurePercentage", "tolerated failures %"],
  ["result", "result"],
  ["afterResultSelector", "after ResultSelector"],
  ["afterResultPath", "after ResultPath"],
  ["variables", "variables"],
];

function show(environment: CliEnvironment, answer: JsonObject): void {
  const { bold, dim, green, yellow, red } = paletteOf(environment);
  const status = stringOf(answer, "status") ?? "";
  const isGood = status === "SUCCEEDED";
  const colour = isGood ? green : status === "FAILED" ? red : yellow;
  say(environment, colour(`${isGood ? "✓" : "✗"} ${bold(printable(status))}`));
  const reason = [stringOf(answer, "error"), stringOf(answer, "cause")].filter((part) => part !== undefined);
  if (reason.length > 0) say(environment, `  ${colour(printable(reason.join(": ")))}`);

  const inspection = member(answer, "inspectionData");
  const data = isObject(inspection) ? inspection : {};
  const details = member(data, "errorDetails");
  if (isObject(details)) say(environment, `  ${dim(detailsText(details))}`);
  let before: string | undefined;
  for (const [name, shown] of STAGES) {
    const value = member(data, name);
    if (value === undefined) continue;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    sayStage(environment, shown, text === before ? dim("as before") : prettyJson(text));
    before = text;
  }
  const output = stringOf(answer, "output");
  if (output !== undefined) sayStage(environment, "output", prettyJson(output));
  const next = stringOf(answer, "nextState");
  if (next !== undefined) sayStage(environment, "next state", bold(printable(next)));
}

const LABEL_COLUMNS = 22;

/** A short value beside its label, a longer one below it. */
function sayStage(environment: CliEnvironment, label: string, value: string): void {
  const { dim } = paletteOf(environment);
  const isShort = !value.includes("\n");
  const shown = isShort ? value : value.replaceAll(/^/gmu, "    ");
  say(environment, isShort ? `  ${dim(pad(label, LABEL_COLUMNS))}${shown}` : `  ${dim(label)}\n${shown}`);
}

function detailsText(details: JsonObject): string {
  const [retry, wait, caught] = ["retryIndex", "retryBackoffIntervalSeconds", "catchIndex"].map((name) =>
    numberOf(details, name),
  );
  const parts: string[] = [];
  if (retry !== undefined) {
    parts.push(
      wait === undefined ? `Retry[${retry}] is exhausted` : `Retry[${retry}] tries again in ${wait} s`,
    );
  }
  if (caught !== undefined) parts.push(`Catch[${caught}] takes it`);
  return parts.join("; ");
}

/** @throws CliError for what is no JSON or YAML, and for a whole definition of which no state is named */
async function definitionText(
  environment: CliEnvironment,
  file: string,
  stateName: string | undefined,
): Promise<string> {
  const { json, faults } = readDefinition(file, await readTextFile(environment, file));
  if (json === undefined) {
    const [fault] = faults;
    const at = fault === undefined ? "" : `:${fault.line}:${fault.column}`;
    throw new CliError(`${printable(file)}${at}: ${printable(fault?.message ?? "this is no definition")}`);
  }
  if (stateName === undefined) refuseWhole(file, json);
  return json;
}

function refuseWhole(file: string, json: string): void {
  const parsed = parseJson(json);
  const states = parsed.ok && isObject(parsed.value) ? member(parsed.value, "States") : undefined;
  if (!isObject(states)) return;
  const names = Object.keys(states).map(printable).join(", ");
  throw new CliError(`${printable(file)} is a whole definition: name one of its states (${names}).`, 2);
}
