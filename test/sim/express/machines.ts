// State machines for the Express world: random ones without what Express refuses, and one that takes too long.

import { Chance } from "../generate/chance.ts";
import { LANGUAGES, randomDefinition } from "../generate/definition.ts";
import type { Plan } from "../plan.ts";

export interface NamedMachine {
  readonly name: string;
  readonly definition: unknown;
  readonly type: "EXPRESS";
}

/** Longer than the five minutes that an Express execution has. */
const TOO_LONG = {
  StartAt: "A",
  States: {
    A: { Type: "Wait", Seconds: 170, Next: "B" },
    B: { Type: "Wait", Seconds: 170, End: true },
  },
};

export function expressMachines(plan: Plan): readonly NamedMachine[] {
  const chance = new Chance(plan.seed, "express definitions");
  // Five minutes of simulated time are many steps of everybody else: not in every world.
  const isLong = chance.likely(0.25);
  return [
    ...Array.from({ length: plan.machines }, (_, i) => ({
      name: `express${i}`,
      definition: randomDefinition(chance, {
        children: [],
        size: plan.size,
        language: chance.pick(LANGUAGES),
        isExpress: true,
      }),
      type: "EXPRESS" as const,
    })),
    ...(isLong ? [{ name: "toolong", definition: TOO_LONG, type: "EXPRESS" as const }] : []),
  ];
}
