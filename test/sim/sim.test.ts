// A share of the simulation that fits into every test run; `npm run sim` does as much as one likes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { exhaust } from "./exhaustive.ts";
import { simulateMany, type Totals } from "./many.ts";
import { FAULT_KINDS, planOf } from "./plan.ts";
import { simulate } from "./casts.ts";

const CRASHES = 700;
/** Every so-manieth case of the exhaustive run. */
const SHARES = 12;
const INVARIANTS =
  "I1 I2 I3 I4 I5 I6 I7 I8 I9 I10 I11 I12 I13 I14 I15 I16 I17 I18 I19 I20 I21 I22 I23 I24 I25 I26 I28 I30 I31 I32 CALM X1 X2 X4";

function assertAllHold({ failures }: Totals): void {
  for (const { plan, problem } of failures)
    assert.fail(`again with: npm run sim -- --seed ${plan.seed}\n${problem?.stack}`);
}

test("a seed is the same run whenever it is run", async () => {
  const hashes = new Set<string>();
  for (const seed of [3, 10]) {
    const first = await simulate(planOf(seed));
    const second = await simulate(planOf(seed));
    assert.equal(first.hash, second.hash, `seed ${seed}`);
    assert.equal(first.steps, second.steps);
    assert.ok(first.steps > 500, `only ${first.steps} steps`);
    hashes.add(first.hash);
  }
  assert.equal(hashes.size, 2, "the hash says nothing about the run");
});

test("seeds that once failed do not fail again", async () => {
  const lines = readFileSync(join(import.meta.dirname, "seeds.txt"), "utf8").split("\n");
  const seeds = lines.filter((line) => /^\d/u.test(line)).map((line) => Number.parseInt(line, 10));
  assert.ok(seeds.length > 0, "there are seeds");
  for (const seed of seeds) assertAllHold(await simulateMany(seed, ({ runs }) => runs >= 1));
});

test(`${CRASHES} crashes, and every other fault: all invariants hold`, async () => {
  const totals = await simulateMany(1001, ({ crashes }) => crashes >= CRASHES);
  assertAllHold(totals);
  for (const kind of FAULT_KINDS)
    assert.ok((totals.faults.get(kind) ?? 0) >= 20, `${kind} happened ${totals.faults.get(kind) ?? 0} times`);
  for (const invariant of INVARIANTS.split(" "))
    assert.ok((totals.checks.get(invariant) ?? 0) > 0, `${invariant} was held against nothing`);
});

test("a fault at the n-th operation of each scenario leaves all invariants whole", async () => {
  // Another share each day; all of them in `npm run sim -- --exhaustive`.
  const share = Math.floor(Date.now() / 86_400_000) % SHARES;
  const { scenarios, cases, failures } = await exhaust({ share, shares: SHARES });
  assert.deepEqual(failures, []);
  assert.ok(scenarios >= 40 && cases >= 500, `${scenarios} scenarios, ${cases} cases`);
});
