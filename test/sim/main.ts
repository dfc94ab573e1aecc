import { planOf } from "./plan.ts";
import { simulate } from "./simulate.ts";
const from = Number(process.argv[2] ?? 1);
const to = Number(process.argv[3] ?? from);
const t = Date.now();
let deaths = 0,
  steps = 0,
  sim = 0;
for (let seed = from; seed <= to; seed++) {
  const report = await simulate({ ...planOf(seed), isTraced: process.argv[4] !== undefined });
  deaths += report.deaths;
  steps += report.steps;
  sim += report.simulatedMs;
  if (report.problem) {
    console.log(seed, report.problem.stack?.slice(0, 1500));
    if (process.argv[4]) {
      console.log(report.trace?.slice(-Number(process.argv[4])).join("\n"));
      console.log(report.log.slice(-20).join("\n"));
    }
  } else if (to - from < 5)
    console.log(
      seed,
      report.hash,
      report.steps,
      report.deaths,
      report.executions,
      report.events,
      report.calls,
      Object.fromEntries(report.faults),
      Object.fromEntries(report.checks),
    );
}
console.log({ deaths, steps, simSec: sim / 1000, ms: Date.now() - t });
