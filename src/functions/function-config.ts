// function.json: the small file beside a function's code that says what the folder alone cannot.
//
// Knows:          its members, their types and ranges, what people write instead of them.
// Does not know:  which files the folder holds (discovery.ts), processes.
//
// Every member may be left out. Nothing wrong is ever ignored: an unknown member, a wrong type and a value out
// of range each become one problem that names file, member, what was expected and a guess.

import { Suggester } from "../asl/suggest.ts";
import { type Json, fromMembers, isObject } from "../base/json.ts";

export interface FunctionConfig {
  /** `nodejs24.x`, `python3.12`, `provided.al2023`, or only `nodejs`, `python`, `provided`. */
  readonly runtime?: string;
  /** `<module>.<export>`: `index.handler`, `src/app.main`, `lambda_function.lambda_handler`. */
  readonly handler?: string;
  /** 1 to 900. */
  readonly timeoutSeconds: number;
  /** 128 to 10,240. */
  readonly memoryMegabytes: number;
  /** Variables of this function alone; they win over those given to every function. */
  readonly environment: Readonly<Record<string, string>>;
  /** Execution environments at most; 0 throttles every invocation, as on Lambda. */
  readonly reservedConcurrency?: number;
}

export const DEFAULT_CONFIG: FunctionConfig = { timeoutSeconds: 3, memoryMegabytes: 128, environment: {} };

const FILE = "function.json";

/** One member: what it must be, and how a value becomes it (undefined: it does not). */
interface Rule {
  readonly expected: string;
  readonly accepts: (value: Json) => boolean;
  /** The names that other tools give to the same thing. */
  readonly aliases: readonly string[];
}

const RULES: Readonly<Record<string, Rule>> = {
  runtime: {
    expected: 'a runtime such as "nodejs24.x", "python3.12" or "provided.al2023"',
    accepts: (value) =>
      typeof value === "string" && /^(nodejs(\d+\.x)?|python(3(\.\d+)?)?|provided(\.al\d+)?)$/.test(value),
    aliases: ["language", "engine"],
  },
  handler: {
    expected: 'text of the form "<module>.<function>", such as "index.handler"',
    accepts: (value) =>
      typeof value === "string" && /^[^.\s][^\s]*\.[^.\s]+$/.test(value) && !value.includes(".."),
    aliases: ["entry", "entrypoint", "main"],
  },
  timeoutSeconds: wholeNumber(1, 900, ["timeout", "timeoutinseconds"]),
  memoryMegabytes: wholeNumber(128, 10_240, ["memory", "memorysize", "memorymb", "memoryinmb"]),
  environment: {
    expected: "an object of text values",
    accepts: (value) => isObject(value) && Object.values(value).every((entry) => typeof entry === "string"),
    aliases: ["env", "variables", "environmentvariables"],
  },
  reservedConcurrency: wholeNumber(0, 1000, [
    "concurrency",
    "reservedconcurrentexecutions",
    "maxconcurrency",
  ]),
};

function wholeNumber(minimum: number, maximum: number, aliases: readonly string[]): Rule {
  return {
    expected: `a whole number from ${minimum} to ${maximum}`,
    accepts: (value) => Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum,
    aliases,
  };
}

/** Set by us for every invocation: a function that changed them would not find its runtime. */
const RESERVED =
  /^(_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR|AWS_LAMBDA_.*|AWS_EXECUTION_ENV)$/;

/** Reads the text of a function.json. Never throws: what is wrong is in `problems`, and its member keeps the default. */
export function parseFunctionConfig(text: string): {
  readonly config: FunctionConfig;
  readonly problems: readonly string[];
} {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return { config: DEFAULT_CONFIG, problems: [`${FILE} is not JSON: ${(error as Error).message}`] };
  }
  if (!isObject(value))
    return { config: DEFAULT_CONFIG, problems: [`${FILE} must hold an object, not ${shown(value)}.`] };
  const problems: string[] = [];
  const accepted: [string, Json][] = [];
  for (const [name, given] of Object.entries(value)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
    if (rule === undefined) problems.push(unknownMember(name));
    else if (!rule.accepts(given)) problems.push(wrongValue(name, rule, given));
    else accepted.push([name, given]);
  }
  const config = { ...DEFAULT_CONFIG, ...(fromMembers(accepted) as Partial<FunctionConfig>) };
  for (const name of Object.keys(config.environment)) {
    if (RESERVED.test(name)) {
      problems.push(
        `${FILE}: environment.${name} is set by the runtime itself and cannot be changed. Remove it.`,
      );
    } else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      problems.push(
        `${FILE}: environment has "${name}"; expected a name of letters, digits and "_" that begins with no digit.`,
      );
    }
  }
  return { config, problems };
}

function unknownMember(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, "");
  const known = Object.keys(RULES);
  const guess =
    known.find(
      (candidate) => candidate.toLowerCase() === plain || RULES[candidate]?.aliases.includes(plain),
    ) ?? new Suggester().nearest(name, known);
  return `${FILE}: unknown member "${name}"; expected one of ${known.join(", ")}.${guess === undefined ? "" : ` Did you mean "${guess}"?`}`;
}

function wrongValue(name: string, rule: Rule, given: Json): string {
  // The commonest slip: a number written as text.
  const asNumber = typeof given === "string" && given.trim() !== "" ? Number(given) : Number.NaN;
  const guess = !Number.isNaN(asNumber) && rule.accepts(asNumber) ? ` Did you mean ${asNumber}?` : "";
  return `${FILE}: ${name} must be ${rule.expected}, not ${shown(given)}.${guess}`;
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
