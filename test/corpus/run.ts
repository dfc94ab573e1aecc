// Parses a folder of real state machines and plays them: every definition must parse without a false diagnostic, and each
// without a distributed Map must run to an end of its own with mocked tasks.
//
//   npm run corpus -- DIRECTORY
//
// DIRECTORY holds *.asl.json and an index.json that says what a deployment puts in the place of each `${Name}`.
// Definitions with faults of their own are told apart.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "../../src/asl/index.ts";
import { type Ending, play } from "./play.ts";

interface Entry {
  readonly file: string;
  readonly type?: "STANDARD" | "EXPRESS";
  readonly substitutionTypes?: Readonly<Record<string, string>>;
}

const directory = process.argv[2];
if (directory === undefined) {
  console.error("usage: npm run corpus -- DIRECTORY");
  process.exit(2);
}
const index = JSON.parse(readFileSync(join(directory, "index.json"), "utf8")) as {
  definitions: readonly Entry[];
};
/** Faults of the samples themselves, found by reading them: file -> code of the diagnostic. */
const faulty = JSON.parse(readFileSync(new URL("faulty.json", import.meta.url), "utf8")) as Record<
  string,
  string
>;

/** So many seeds are tried until the definition ends by its own rules, not by data that does not suit it. */
const SEEDS = 40;

/** Texts that a sample's own template puts into its definition, where any other would not do: file -> name -> text. */
const substitutes = JSON.parse(readFileSync(new URL("substitutes.json", import.meta.url), "utf8")) as Record<
  string,
  Record<string, string>
>;

let runnable = 0;
let wrong = 0;
let played = 0;
const endings = { succeeded: 0, failed: 0, unsuited: 0, fault: 0 };
for (const { file, type, substitutionTypes = {} } of index.definitions) {
  const text = readFileSync(join(directory, file), "utf8").replaceAll(
    /\$\{([^}]+)\}/g,
    (_, name: string) => substitutes[file]?.[name] ?? deployed(name, substitutionTypes[name]),
  );
  const { program, diagnostics } = parse(text, type === undefined ? {} : { type });
  const errors = diagnostics.filter(({ severity }) => severity === "ERROR");
  if (program !== undefined) {
    runnable += 1;
    if (!/"Mode"\s*:\s*"DISTRIBUTED"/u.test(text)) {
      // oxlint-disable-next-line no-await-in-loop -- one world at a time
      await playToItsEnd(file, text, type ?? "STANDARD");
    }
  } else if (errors.every(({ code }) => code === faulty[file]))
    console.log(`  at fault itself: ${file}: ${errors[0]?.message}`);
  else {
    wrong += 1;
    for (const { code, message, location } of errors)
      console.log(`  WRONG: ${file}: ${code} ${message} at ${location}`);
  }
}
console.log(`${runnable} definitions parse, ${wrong} are refused wrongly.`);
console.log(
  `${played} without a distributed Map were played: ${endings.succeeded} succeed, ${endings.failed} end by a failure of ` +
    `their own, ${endings.unsuited + endings.fault} do not end by their own rules.`,
);
process.exitCode = wrong + endings.unsuited + endings.fault > 0 || played === 0 ? 1 : 0;

/** Plays with one seed after another until an execution succeeds; else the best ending counts. */
async function playToItsEnd(file: string, text: string, type: "STANDARD" | "EXPRESS"): Promise<void> {
  played += 1;
  let best: Ending | undefined;
  for (let seed = 1; seed <= SEEDS && best?.kind !== "succeeded"; seed++) {
    // oxlint-disable-next-line no-await-in-loop -- one world at a time
    const ending = await play(text, type, seed);
    if (ending.kind === "fault") {
      best = ending;
      break;
    }
    if (best === undefined || ending.kind === "succeeded" || best.kind === "unsuited") best = ending;
  }
  if (best === undefined) return;
  endings[best.kind] += 1;
  if (best.kind === "unsuited")
    console.log(`  NO END OF ITS OWN: ${file}: ${best.error} ${best.cause.slice(0, 500)}`);
  if (best.kind === "fault") console.log(`  FAULT: ${file}: ${best.reason}`);
}

/** What a deployment would put in the place of a substitution: an ARN where a resource is meant, else a text. */
function deployed(name: string, type = ""): string {
  const arn = (service: string, rest: string): string => `arn:aws:${service}:us-east-1:123456789012:${rest}`;
  if (name === "AWS::Partition") return "aws";
  if (name === "AWS::Region") return "us-east-1";
  if (name === "AWS::AccountId") return "123456789012";
  if (/^AWS::(?:Serverless|Lambda)::Function$/.test(type)) return arn("lambda", `function:${name}`);
  if (/^AWS::(?:Serverless|StepFunctions)::StateMachine$/.test(type))
    return arn("states", `stateMachine:${name}`);
  if (type === "AWS::StepFunctions::Activity") return arn("states", `activity:${name}`);
  if (type !== "" && !type.startsWith("AWS::"))
    return type.replaceAll(/\$\{([^}]+)\}/g, (_, inner: string) => deployed(inner));
  return /Function|Lambda|Arn$/.test(name) ? arn("lambda", `function:${name}`) : name;
}
