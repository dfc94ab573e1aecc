// The simulator's command.
//
//   npm run sim -- --seed 7                     one seed; the line that a failure prints
//   npm run sim -- --runs 500 [--seed FIRST]    so many seeds
//   npm run sim -- --crashes 10000              until so many processes have died
//   npm run sim -- --minutes 5
//   npm run sim -- --exhaustive [--share 3/10]  every operation of every scenario × every fault (exhaustive.ts)
//
// To look at one run: --trace tells its steps; --executions, --disturbances, --machines, --size and --only
// (kinds of faults, by comma) make it smaller.

import { parseArgs } from "node:util";
import { exhaust } from "./exhaustive.ts";
import { simulateMany, summary } from "./many.ts";
import { FAULT_KINDS, type FaultKind, type Plan, planOf } from "./plan.ts";
import type { Report } from "./simulate.ts";
import { shrink } from "./shrink.ts";

const SHRINK_MS = 20_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string" },
    crashes: { type: "string" },
    minutes: { type: "string" },
    executions: { type: "string" },
    disturbances: { type: "string" },
    machines: { type: "string" },
    size: { type: "string" },
    only: { type: "string" },
    trace: { type: "boolean", default: false },
    exhaustive: { type: "boolean", default: false },
    scenario: { type: "string" },
    share: { type: "string" },
  },
});

/** The smaller plan that the arguments ask for. */
function changed(plan: Plan): Plan {
  const { executions, disturbances, machines, size, only } = values;
  const number = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : Number(text);
  return {
    ...plan,
    executions: number(executions, plan.executions),
    disturbances: number(disturbances, plan.disturbances),
    machines: number(machines, plan.machines),
    size: number(size, plan.size),
    faults: only === undefined ? plan.faults : (only.split(",").filter((kind) => kind !== "") as FaultKind[]),
    isTraced: values.trace,
  };
}

/** The line that repeats the run. */
function lineOf(plan: Plan): string {
  const usual = planOf(plan.seed);
  const counts = ["executions", "disturbances", "machines", "size"] as const;
  const options = counts
    .filter((count) => plan[count] !== usual[count])
    .map((count) => ` --${count} ${plan[count]}`);
  const only = plan.faults.length === usual.faults.length ? "" : ` --only "${plan.faults.join(",")}"`;
  return `npm run sim -- --seed ${plan.seed}${options.join("")}${only}`;
}

function tell({ problem, plan, trace, log }: Report): void {
  console.error(`\nFAILED, again with: ${lineOf(plan)}\n${problem?.stack ?? String(problem)}`);
  if (trace !== undefined) console.error([...trace, ...log].join("\n"));
}

async function main(): Promise<boolean> {
  const unknown = values.only
    ?.split(",")
    .filter((kind) => kind !== "" && !FAULT_KINDS.includes(kind as FaultKind));
  if (unknown !== undefined && unknown.length > 0)
    throw new Error(`no kinds of faults: ${unknown.join(", ")}. There are ${FAULT_KINDS.join(", ")}`);
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  if (values.exhaustive) {
    const [share, shares] = (values.share ?? "1/1").split("/").map(Number) as [number, number];
    const result = await exhaust({ share, shares, only: values.scenario });
    for (const failure of result.failures) console.error(failure);
    console.log(`${result.scenarios} scenarios, ${result.cases} cases in ${seconds().toFixed(1)} s`);
    for (const [kind, count] of result.kinds) console.log(`  ${kind}: ${count}`);
    return result.failures.length === 0 && result.cases > 0;
  }
  const runs = Number(
    values.runs ?? (values.crashes === undefined && values.minutes === undefined ? 1 : Infinity),
  );
  const crashes = Number(values.crashes ?? Infinity);
  const minutes = Number(values.minutes ?? Infinity);
  const totals = await simulateMany(
    Number(values.seed),
    (sofar) => sofar.runs >= runs || sofar.crashes >= crashes || seconds() >= minutes * 60,
    changed,
  );
  console.log(summary(totals, seconds()));
  const [first] = totals.failures;
  for (const failure of totals.failures) tell(failure);
  if (first !== undefined && runs !== 1) {
    const smaller = await shrink(first, SHRINK_MS);
    console.error("\nmade smaller:");
    tell(smaller);
  }
  return totals.failures.length === 0 && totals.runs > 0;
}

process.exitCode = (await main()) ? 0 : 1;
