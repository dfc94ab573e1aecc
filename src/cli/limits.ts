// `--limit NAME=VALUE`: what a user may set of the engine and the runtime.
//
// Knows:          every limit: its bounds, what it means, what the service has.
// Does not know:  what a limit does where it is reached.
//
// Invariants
//   M1. The table is total: a limit of the engine or a setting of the runtime that is missing here does not compile.
//       `shards` alone is left out: it is fixed when a store is made.
//   M2. The bounds are those within which the engine was tried; beyond them memory or the stack would be the limit.

import type { JsonataLimits } from "../asl/jsonata/index.ts";
import { type Limits, SERVICE_LIMITS } from "../engine/limits.ts";
import { DEFAULT_SETTINGS, type RuntimeSettings } from "../runtime/settings.ts";
import { CliError } from "./problem.ts";
import { nearest, printable } from "./text.ts";

type EngineName = Exclude<keyof Limits, "jsonata">;
type JsonataName = `jsonata.${keyof JsonataLimits}`;
type RuntimeName = Exclude<keyof RuntimeSettings, "shards">;
export type LimitName = EngineName | JsonataName | RuntimeName;

interface LimitRow {
  /** Absent for what is true or false. */
  readonly bounds?: readonly [least: number, most: number];
  /** The service's value where it has one, as text. */
  readonly service?: string;
  readonly meaning: string;
}

const MI = 1_048_576;

const ENGINE: Readonly<Record<EngineName, LimitRow>> = {
  payloadBytes: {
    bounds: [1_024, 16 * MI],
    service: "262144",
    meaning: "UTF-8 bytes of an input, an output, a parameter or a result; a request has 2 MiB at most",
  },
  historyEvents: {
    bounds: [10, 10_000_000],
    service: "25000",
    meaning: "events of one Standard execution; it fails at the last",
  },
  definitionBytes: { bounds: [1_024, MI], service: "1048576", meaning: "UTF-8 bytes of a definition" },
  executionSeconds: {
    bounds: [1, 315_360_000],
    service: "31536000",
    meaning: "how long an execution may be open; Express: 300 at most",
  },
  inlineMapConcurrency: {
    bounds: [1, 10_000],
    service: "40",
    meaning: "iterations of an inline Map side by side",
  },
  errorChars: { bounds: [1, 32_768], service: "256", meaning: "characters kept of an error name" },
  causeChars: { bounds: [1, MI], service: "32768", meaning: "characters kept of a cause" },
  variableBytes: { bounds: [1_024, 16 * MI], service: "262144", meaning: "UTF-8 bytes of one variable" },
  variablesBytes: {
    bounds: [1_024, 256 * MI],
    service: "10485760",
    meaning: "UTF-8 bytes of all variables of an execution",
  },
  turnSteps: {
    bounds: [1_000, 100_000_000],
    meaning: "steps of evaluation after which others have their turn; a step is 20 to 50 ns",
  },
};

const JSONATA: Readonly<Record<JsonataName, LimitRow>> = {
  "jsonata.maxSteps": {
    bounds: [100, 100_000_000],
    meaning: "steps of one evaluation; the service has a second",
  },
  "jsonata.maxDepth": { bounds: [10, 500], meaning: "calls within calls of one evaluation" },
  "jsonata.maxStringLength": { bounds: [100, 64 * MI], meaning: "characters of any string of an evaluation" },
  "jsonata.maxItems": { bounds: [100, 10_000_000], meaning: "items of any array of an evaluation" },
  "jsonata.maxResultDepth": { bounds: [10, 900], meaning: "nesting of a result" },
};

const RUNTIME: Readonly<Record<RuntimeName, LimitRow>> = {
  callsUnderWay: { bounds: [1, 100_000], meaning: "calls of integrations at once; further tasks wait" },
  redeliverUnknown: {
    meaning: "hand out again, with the same attempt id, a task whose outcome a crash left unknown",
  },
  cachedExecutions: { bounds: [1, 10_000_000], meaning: "idle executions kept in memory" },
  busyExecutions: {
    bounds: [1, 10_000_000],
    meaning: "executions being worked on; past it starts are throttled",
  },
  queuedTurns: { bounds: [1, 10_000_000], meaning: "turns not yet durable; past it starts are throttled" },
  queuedChars: { bounds: [MI, 16_384 * MI], meaning: "their characters; past it starts are throttled" },
  openExecutions: {
    bounds: [1, 1_000_000_000],
    service: "1000000",
    meaning: "open executions; past it starts fail with ExecutionLimitExceeded",
  },
  mapRunChildren: {
    bounds: [1, 1_000_000],
    meaning: "children of one Map Run at once, where MaxConcurrency allows more",
  },
  expressExecutions: {
    bounds: [1, 10_000_000],
    meaning: "Express executions at once; past it starts are throttled",
  },
  expressKeptChars: {
    bounds: [0, 16_384 * MI],
    service: "0",
    meaning: "memory for Express executions that have ended, in characters",
  },
  stateMachines: {
    bounds: [1, 10_000_000],
    service: "100000",
    meaning: "state machines; past it creating fails with StateMachineLimitExceeded",
  },
  activities: {
    bounds: [1, 10_000_000],
    service: "100000",
    meaning: "activities; past it creating fails with ActivityLimitExceeded",
  },
  activityPollers: {
    bounds: [1, 1_000_000],
    service: "1000",
    meaning: "workers that poll one activity; past it polling fails with ActivityWorkerLimitExceeded",
  },
  versionsPerMachine: { bounds: [1, 10_000], service: "1000", meaning: "versions of a state machine" },
  aliasesPerMachine: { bounds: [1, 10_000], service: "100", meaning: "aliases of a state machine" },
};

const TABLE: Readonly<Record<LimitName, LimitRow>> = { ...ENGINE, ...JSONATA, ...RUNTIME };
const NAMES = Object.keys(TABLE) as readonly LimitName[];

/** What a server is opened with. */
export interface LimitSettings {
  readonly limits: Limits;
  readonly settings: RuntimeSettings;
}

export const DEFAULT_LIMITS: LimitSettings = { limits: SERVICE_LIMITS, settings: DEFAULT_SETTINGS };

/**
 * @param written `NAME=VALUE` each; the last of a name counts
 * @throws CliError that says what is wrong, the bounds, and a guess
 */
export function parseLimits(written: readonly string[]): LimitSettings {
  const given = new Map(written.map(parseLimit));
  const chosen = (names: readonly string[], prefix = ""): Record<string, number | boolean> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = given.get(name as LimitName);
        return value === undefined ? [] : [[name.slice(prefix.length), value]];
      }),
    );
  return {
    limits: {
      ...SERVICE_LIMITS,
      ...(chosen(Object.keys(ENGINE)) as Partial<Limits>),
      jsonata: {
        ...SERVICE_LIMITS.jsonata,
        ...(chosen(Object.keys(JSONATA), "jsonata.") as Partial<JsonataLimits>),
      },
    },
    settings: { ...DEFAULT_SETTINGS, ...(chosen(Object.keys(RUNTIME)) as Partial<RuntimeSettings>) },
  };
}

function parseLimit(written: string): readonly [LimitName, number | boolean] {
  const at = written.indexOf("=");
  if (at < 0) {
    throw new CliError(`--limit must be NAME=VALUE, but is "${printable(written)}". ${SEE}`, 2);
  }
  const name = written.slice(0, at);
  const text = written.slice(at + 1);
  if (!isLimitName(name)) {
    const guess = nearest(name, NAMES);
    const hint = guess === undefined ? SEE : `Did you mean "${guess}"?`;
    throw new CliError(`--limit: there is no limit "${printable(name)}". ${hint}`, 2);
  }
  const { bounds } = TABLE[name];
  if (bounds === undefined) {
    if (text === "true" || text === "false") return [name, text === "true"];
    throw new CliError(`--limit ${name} must be true or false, but is "${printable(text)}".`, 2);
  }
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds[0] && value <= bounds[1]) return [name, value];
  throw new CliError(
    `--limit ${name} must be a whole number from ${bounds[0]} to ${bounds[1]}, but is "${printable(text)}".`,
    2,
  );
}

const SEE = "`stepwell limits` shows those there are.";

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(TABLE, name);
}

export interface LimitLine {
  readonly name: LimitName;
  readonly value: number | boolean;
  readonly default: number | boolean;
  readonly service: string | undefined;
  readonly bounds: string;
  readonly meaning: string;
}

/** All limits in the order of the table. */
export function limitLines(current: LimitSettings): readonly LimitLine[] {
  return NAMES.map((name) => {
    const { bounds, service, meaning } = TABLE[name];
    return {
      name,
      value: valueOf(current, name),
      default: valueOf(DEFAULT_LIMITS, name),
      service,
      bounds: bounds === undefined ? "true, false" : `${bounds[0]} to ${bounds[1]}`,
      meaning,
    };
  });
}

function valueOf({ limits, settings }: LimitSettings, name: LimitName): number | boolean {
  const { jsonata, ...engine } = limits;
  const values: Readonly<Record<string, number | boolean>> = {
    ...engine,
    ...Object.fromEntries(Object.entries(jsonata).map(([key, value]) => [`jsonata.${key}`, value])),
    ...settings,
  };
  return values[name] as number | boolean;
}
