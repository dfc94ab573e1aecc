// `npm run races -- --count 10000 --seed 1`: so many interleavings, shared out over the races.

import { parseArgs } from "node:util";
import { playMany, RACES } from "./play.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    /** Of the first interleaving of each race; a failure names the one that repeats it. */
    seed: { type: "string", default: "1" },
    /** A part of a race's name. */
    only: { type: "string", default: "" },
  },
});
const races = RACES.filter(({ name }) => name.includes(values.only));
if (races.length === 0) throw new Error(`no race is called like ${values.only}`);
const each = Math.ceil(Number(values.count) / races.length);
let interleavings = 0;
let failed = 0;
for (const race of races) {
  // oxlint-disable-next-line no-await-in-loop -- one race at a time
  const report = await playMany(race, Number(values.seed), each);
  interleavings += report.interleavings;
  failed += report.failures.length;
  const ways = [...report.ways].map(([way, count]) => `${way} ${count}`).join(", ");
  console.log(
    `${race.name} (${race.invariants}): ${report.interleavings} interleavings, ${report.steps} steps`,
  );
  console.log(`  ${ways}`);
  for (const failure of report.failures) console.error(failure);
}
console.log(`${interleavings} different interleavings, ${failed} failures`);
if (failed > 0) process.exitCode = 1;
