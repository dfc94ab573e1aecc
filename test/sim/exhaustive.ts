// A fault at the n-th operation, for every n: of every scenario, each call of the store and of an integration meets each
// fault once, in a world of its own; then the server is opened again, and everything is checked.
//
// After SQLite's I/O error tests: what is random in the other simulations is complete here.

import { hash } from "node:crypto";
import type { Limits } from "../../src/engine/index.ts";
import type { Plan } from "./plan.ts";
import { readScenarios, type Scenario, ScenarioActors, ScenarioFunctions } from "./scenario.ts";
import { LIMITS, machineArnOf, play, type Report } from "./simulate.ts";
import type { DiskFault } from "./world/disk.ts";
import type { CallFault, Storm, World } from "./world/world.ts";

const FAULTS: readonly CallFault[] = [
  "error",
  "error for ever",
  "done but reported as failed",
  "crash before",
  "crash after",
];
/** How long "for ever" lasts: until somebody repairs it. */
const FOR_EVER_MS = 2_500;

export interface Exhausted {
  scenarios: number;
  cases: number;
  readonly kinds: Map<string, number>;
  readonly failures: string[];
}

/** Where a fault strikes: which operation, counted from 1, of what. */
interface Strike {
  readonly of: "store" | "integration";
  readonly at: number;
  readonly fault: CallFault;
}

interface Counted {
  readonly report: Report;
  /** Operations of each kind that there were. */
  readonly store: number;
  readonly integration: number;
}

/**
 * @param options.share, options.shares Runs every `shares`-th case, beginning at the `share`-th.
 * @param options.only A part of the scenario's name.
 */
export async function exhaust(options: {
  readonly share: number;
  readonly shares: number;
  readonly only?: string | undefined;
}): Promise<Exhausted> {
  const result: Exhausted = { scenarios: 0, cases: 0, kinds: new Map(), failures: [] };
  let index = 0;
  for (const scenario of readScenarios()) {
    if (options.only !== undefined && !scenario.name.includes(options.only)) continue;
    result.scenarios += 1;
    // oxlint-disable-next-line no-await-in-loop -- one world at a time
    const usual = await run(scenario, undefined);
    const problem = usual.report.problem?.message ?? unexpectedEnd(scenario, usual.report);
    if (problem !== undefined) {
      result.failures.push(`${scenario.name} without a fault: ${problem}`);
      continue;
    }
    for (const strike of strikesOf(usual)) {
      index += 1;
      // Sheared, so that a share of any size meets every fault.
      const row = index + Math.floor(index / FAULTS.length);
      if (row % options.shares !== options.share % options.shares) continue;
      result.cases += 1;
      const kind = `${strike.of} ${strike.fault}`;
      result.kinds.set(kind, (result.kinds.get(kind) ?? 0) + 1);
      // oxlint-disable-next-line no-await-in-loop -- one world at a time
      const { report } = await run(scenario, strike);
      if (report.problem === undefined) continue;
      const where = `${scenario.name}: ${strike.of} call ${strike.at} × ${strike.fault}`;
      result.failures.push(
        `FAILED, again with: npm run sim -- --exhaustive --scenario ${scenario.name}\n${where}: ${report.problem.stack}`,
      );
      if (result.failures.length >= 5) return result;
    }
  }
  return result;
}

function strikesOf({ store, integration }: Counted): readonly Strike[] {
  const strikes: Strike[] = [];
  for (const [of, count] of [
    ["store", store],
    ["integration", integration],
  ] as const) {
    for (let at = 1; at <= count; at++) for (const fault of FAULTS) strikes.push({ of, at, fault });
  }
  return strikes;
}

function unexpectedEnd(scenario: Scenario, { ends }: Report): string | undefined {
  const end = ends.get(`${machineArnOf(scenario.name).replace(":stateMachine:", ":execution:")}:x`);
  return end === scenario.status ? undefined : `it ends as ${end}, not as ${scenario.status}`;
}

async function run(scenario: Scenario, strike: Strike | undefined): Promise<Counted> {
  const limits: Limits = LIMITS;
  const seed = Number.parseInt(hash("sha256", `${scenario.name} ${JSON.stringify(strike)}`).slice(0, 8), 16);
  const plan: Plan = {
    seed,
    machines: 0,
    executions: 1,
    disturbances: 0,
    faults: [],
    size: 0,
    isExpress: false,
  };
  const counter = new Counter(strike);
  const children = Object.entries(scenario.children ?? {});
  const report = await play(plan, {
    machines: [
      ...children.map(([name, definition]) => ({ name, definition })),
      { name: scenario.name, definition: scenario.definition },
    ],
    limits,
    actors: (world, arns) => new ScenarioActors(world, scenario, arns.at(-1) as string),
    functions: (world) => new ScenarioFunctions(world, limits.payloadBytes),
    storm: (world) => counter.storm(world),
    callFault: () => counter.callFault(),
    timing: { calmMs: 0, settlingMs: 0, lastMs: 0 },
    isPrompt: strike === undefined,
    isCalmCounted: false,
  });
  return { report, store: counter.store, integration: counter.integration };
}

/** Counts operations and strikes at one of them. */
class Counter {
  readonly #strike: Strike | undefined;
  #areCallsBroken = false;
  store = 0;
  integration = 0;

  constructor(strike: Strike | undefined) {
    this.#strike = strike;
  }

  storm(world: World): Storm {
    const fault = (): DiskFault | undefined => {
      this.store += 1;
      const strike = this.#strike;
      if (strike?.of !== "store" || strike.at !== this.store) return undefined;
      if (strike.fault === "error for ever") {
        world.scheduler.add(undefined, FOR_EVER_MS, "repair", () => {
          world.disk.isBroken = false;
        });
      }
      return strike.fault;
    };
    return { left: 0, step: () => undefined, end: () => undefined, fault };
  }

  callFault(): CallFault | undefined {
    this.integration += 1;
    if (this.#areCallsBroken) return "error";
    const strike = this.#strike;
    if (strike?.of !== "integration" || strike.at !== this.integration) return undefined;
    if (strike.fault === "error for ever") this.#areCallsBroken = true;
    return strike.fault;
  }
}
