// Random expressions give what the `jsonata` package gives. More by hand: npm run jsonata-fuzz.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/base/random.ts";
import { fuzz } from "./jsonata/differences.ts";

const PAIRS = 3000;

test("random expressions give what the jsonata package gives", async () => {
  const { differences, pairs, tally } = await fuzz(new Random([20_260_102, 2, 3, 4]), PAIRS);
  assert.deepEqual(differences, []);
  assert.equal(pairs, PAIRS);
  assert.ok((tally["limit"] ?? 0) < PAIRS / 100, JSON.stringify(tally));
  assert.ok((tally["same value"] ?? 0) > PAIRS / 10, JSON.stringify(tally));
});
