// A failing plan made smaller, as long as it fails in the same way.
//
// Greedy and bounded: fewer disturbances, fewer executions, fewer kinds of faults, smaller definitions. Each choice has a
// stream of its own (generate/chance.ts), so that a smaller plan often still meets what the larger one met.

import type { Plan } from "./plan.ts";
import { simulate } from "./casts.ts";
import type { Report } from "./simulate.ts";

/** How a run failed, without the details that a smaller one will not have. */
export function kindOf(problem: Error): string {
  return "invariant" in problem ? String(problem.invariant) : problem.name;
}

export async function shrink(failed: Report, withinMs: number): Promise<Report> {
  const wanted = kindOf(failed.problem as Error);
  const untilMs = Date.now() + withinMs;
  let best = failed;
  const fails = async (plan: Plan): Promise<boolean> => {
    if (Date.now() > untilMs) return false;
    const report = await simulate(plan);
    if (report.problem === undefined || kindOf(report.problem) !== wanted) return false;
    best = report;
    return true;
  };
  const counts = ["disturbances", "executions", "size", "machines"] as const;
  for (let isSmaller = true; isSmaller && Date.now() < untilMs; ) {
    isSmaller = false;
    for (const count of counts) {
      for (const share of [0, 0.5, 0.75]) {
        const least = count === "disturbances" ? 0 : count === "machines" ? 2 : 1;
        const next = Math.max(least, Math.floor(best.plan[count] * share));
        // oxlint-disable-next-line no-await-in-loop -- each try depends on the last
        if (next < best.plan[count] && (await fails({ ...best.plan, [count]: next }))) {
          isSmaller = true;
          break;
        }
      }
    }
    for (const kind of best.plan.faults) {
      const isLeft = best.plan.faults.includes(kind);
      // oxlint-disable-next-line no-await-in-loop -- each try depends on the last
      if (
        isLeft &&
        (await fails({ ...best.plan, faults: best.plan.faults.filter((each) => each !== kind) }))
      ) {
        isSmaller = true;
      }
    }
  }
  return best;
}
