// Parses a folder of real state machines: every definition must do so without a false diagnostic.
//
//   npm run corpus -- DIRECTORY
//
// DIRECTORY holds *.asl.json and an index.json that says what a deployment puts in the place of each `${Name}`.
// Definitions with faults of their own are told apart.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "../../src/asl/index.ts";

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

let runnable = 0;
let wrong = 0;
for (const { file, type, substitutionTypes = {} } of index.definitions) {
  const text = readFileSync(join(directory, file), "utf8").replaceAll(/\$\{([^}]+)\}/g, (_, name: string) =>
    deployed(name, substitutionTypes[name]),
  );
  const { program, diagnostics } = parse(text, type === undefined ? {} : { type });
  const errors = diagnostics.filter(({ severity }) => severity === "ERROR");
  if (program !== undefined) runnable += 1;
  else if (errors.every(({ code }) => code === faulty[file]))
    console.log(`  at fault itself: ${file}: ${errors[0]?.message}`);
  else {
    wrong += 1;
    for (const { code, message, location } of errors)
      console.log(`  WRONG: ${file}: ${code} ${message} at ${location}`);
  }
}
console.log(`${runnable} definitions parse, ${wrong} are refused wrongly.`);
process.exitCode = wrong > 0 || runnable === 0 ? 1 : 0;

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
