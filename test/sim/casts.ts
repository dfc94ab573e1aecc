// Who plays in the world of a seed: Standard executions, or mostly Express ones.

import type { Limits } from "../../src/engine/index.ts";
import { ExpressClients } from "./express/clients.ts";
import { expressMachines } from "./express/machines.ts";
import { ExpressWatch } from "./express/watch.ts";
import { Chance } from "./generate/chance.ts";
import { LANGUAGES, randomDefinition } from "./generate/definition.ts";
import type { Plan } from "./plan.ts";
import { type Cast, LIMITS, machineArnOf, play, type Report } from "./simulate.ts";
import { Clients } from "./world/clients.ts";
import { Disturbances } from "./world/disturbances.ts";
import { RandomFunctions } from "./world/functions.ts";

/** Runs the plan of a seed. */
export function simulate(plan: Plan): Promise<Report> {
  const chance = new Chance(plan.seed, "limits");
  const limits: Limits = { ...LIMITS, ...(chance.likely(0.1) ? { historyEvents: 60 } : {}) };
  return play(plan, {
    ...(plan.isExpress ? expressPlayers(plan, limits) : standardPlayers(plan)),
    limits,
    functions: (world) => new RandomFunctions(world, limits.payloadBytes),
    storm: (world, processes) => new Disturbances(world, processes),
    callFault: () => undefined,
    timing: { calmMs: 3_000, settlingMs: 8_000, lastMs: 6_000 },
    isPrompt: plan.disturbances === 0,
    isCalmCounted: true,
  });
}

type Players = Pick<Cast, "machines" | "actors" | "express">;

function standardPlayers(plan: Plan): Players {
  return {
    machines: randomMachines(plan),
    actors: (world, machineArns) => new Clients(world, machineArns),
  };
}

/** A few Standard executions, and many Express ones. */
function expressPlayers(plan: Plan, limits: Limits): Players {
  const chance = new Chance(plan.seed, "express settings");
  const machines: Cast["machines"] = [...randomMachines({ ...plan, machines: 4 }), ...expressMachines(plan)];
  const settings = {
    expressExecutions: chance.pick([2, 5, 50_000]),
    expressKeptChars: chance.pick([0, 20_000, 32_000_000]),
  };
  const { payloadBytes, variableBytes, inlineMapConcurrency, executionSeconds } = limits;
  const told = {
    payloadBytes,
    variableBytes,
    historyEvents: Number.POSITIVE_INFINITY,
    executionSeconds,
    mapConcurrency: inlineMapConcurrency,
  };
  let express: ExpressWatch;
  return {
    machines,
    express: {
      settings,
      watch: (world) => {
        express = new ExpressWatch(world, settings, told);
        return express;
      },
    },
    actors: (world, arns) => {
      const ofType = (type: string): readonly string[] =>
        arns.filter((_, i) => (machines[i]?.type ?? "STANDARD") === type);
      const starts = { count: plan.executions, machines: ofType("EXPRESS") };
      return new ExpressClients(world, express, starts, ofType("STANDARD"));
    },
  };
}

function randomMachines(plan: Plan): Cast["machines"] {
  const chance = new Chance(plan.seed, "definitions");
  // A third of each language, drawn beside the definitions.
  const languages = new Chance(plan.seed, "languages");
  const leafCount = Math.ceil(plan.machines / 2);
  const children = Array.from({ length: leafCount }, (_, i) => machineArnOf(`m${i}`));
  return Array.from({ length: plan.machines }, (_, i) => ({
    name: `m${i}`,
    definition: randomDefinition(
      chance,
      i < leafCount
        ? { children: [], size: 3, language: languages.pick(LANGUAGES) }
        : { children, size: plan.size, language: languages.pick(LANGUAGES) },
    ),
  }));
}
