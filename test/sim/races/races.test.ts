// A share of the races that fits into every test run; `npm run races` plays as many as one likes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { playMany, RACES } from "./play.ts";

const PLAYS = 100;

for (const race of RACES) {
  test(`${race.name}: ${PLAYS} interleavings`, async () => {
    const { interleavings, ways, failures } = await playMany(race, 1, PLAYS);
    assert.deepEqual(failures, []);
    assert.ok(interleavings > PLAYS * 0.95, `only ${interleavings} are different`);
    assert.deepEqual([...ways.keys()].toSorted(), race.ways.toSorted());
  });
}

test("a seed is the same race whenever it is run", async () => {
  for (const race of RACES) {
    // oxlint-disable-next-line no-await-in-loop -- one race at a time
    const [first, second] = [await playMany(race, 5, 3), await playMany(race, 5, 3)];
    assert.deepEqual(first, second, race.name);
  }
});
