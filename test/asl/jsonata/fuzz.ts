// Compares random expressions with the `jsonata` package:
//   npm run jsonata-fuzz -- [--pairs 100000] [--seed 1] [--show 20]
import { parseArgs } from "node:util";
import { Random } from "../../../src/base/random.ts";
import { type Difference, fuzz } from "./differences.ts";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    show: { type: "string", default: "20" },
  },
});
const seed = Number(values.seed);
const report = await fuzz(new Random([seed, 2, 3, 4]), Number(values.pairs));
const differences: readonly Difference[] = report.differences;
for (const { text, input, ours, theirs } of differences.slice(0, Number(values.show))) {
  console.log(
    `${text}\n   of ${JSON.stringify(input)}\n   ours   ${ours.slice(0, 300)}\n   theirs ${theirs.slice(0, 300)}`,
  );
}
console.log(report.tally);
console.log(`${differences.length} differences in ${report.pairs} pairs, seed ${seed}`);
if (report.pairs === 0 || differences.length > 0) process.exit(1);
