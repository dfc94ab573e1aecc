// The log events in memory: how much is kept, and that a reader gets each once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LogRing } from "../../src/observation/index.ts";

const lines = (...numbers: readonly number[]): { line: string; atMs: number }[] =>
  numbers.map((number) => ({ line: `{"id":"${number}"}`, atMs: number }));

/** A line as above, with the room of its entry. */
const bytesOf = (line: string): number => 2 * line.length + 100;

function readAll(
  ring: LogRing,
  group: string | undefined,
  position: string | undefined,
  limit: number,
): { readonly ids: readonly string[]; readonly position: string; readonly lostCount: number } {
  const ids: string[] = [];
  let lostCount = 0;
  for (let at = position; ; ) {
    const page = ring.read({ group, position: at, limit });
    assert(page !== undefined);
    lostCount += page.lostCount;
    at = page.position;
    if (page.events.length === 0) return { ids, position: at, lostCount };
    assert(page.events.length <= limit);
    ids.push(...page.events.map(({ line }) => (JSON.parse(line) as { id: string }).id));
  }
}

test("what is read on from a position comes once, in its order, by group if asked", async () => {
  const ring = new LogRing(100_000);
  await ring.write("/a", "s", lines(1, 2));
  await ring.write("/b", "s", lines(3));
  await ring.write("/a", "s", lines(4, 5));
  const all = readAll(ring, undefined, undefined, 2);
  assert.deepEqual(all, { ids: ["1", "2", "3", "4", "5"], position: all.position, lostCount: 0 });
  assert.deepEqual(readAll(ring, "/a", undefined, 3).ids, ["1", "2", "4", "5"]);
  assert.deepEqual(readAll(ring, undefined, all.position, 2).ids, []);
  await ring.write("/b", "s", lines(6));
  assert.deepEqual(readAll(ring, undefined, all.position, 2).ids, ["6"]);
});

test("the oldest go when there is no room, and who comes late is told how many", async () => {
  const ring = new LogRing(3 * bytesOf('{"id":"1"}'));
  await ring.write("/a", "s", lines(1, 2));
  const { position } = readAll(ring, undefined, undefined, 10);
  await ring.write("/a", "s", lines(3, 4, 5, 6, 7));
  const late = readAll(ring, undefined, position, 10);
  assert.deepEqual([late.ids, late.lostCount], [["5", "6", "7"], 2]);
  const fresh = readAll(ring, undefined, undefined, 10);
  assert.deepEqual([fresh.ids, fresh.lostCount], [["5", "6", "7"], 0], "nobody was there to lose them");
});

test("many times its room keeps it bounded, and numbers go on", async () => {
  const ring = new LogRing(50 * bytesOf('{"id":"10000"}'));
  let position: string | undefined;
  let count = 0;
  for (let number = 10_000; number < 30_000; number += 10) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await ring.write("/a", "s", lines(...Array.from({ length: 10 }, (_, i) => number + i)));
    const page = ring.read({ group: undefined, position, limit: 100 });
    assert(page !== undefined);
    count += page.events.length;
    ({ position } = page);
    assert.equal(page.lostCount, 0);
  }
  assert.equal(count, 20_000);
  assert.equal(readAll(ring, undefined, undefined, 100).ids.length, 50);
});

test("a line larger than all the room is not kept, and takes the others with it", async () => {
  const ring = new LogRing(10_000);
  await ring.write("/a", "s", [...lines(1), { line: JSON.stringify({ id: "x".repeat(6_000) }), atMs: 2 }]);
  assert.deepEqual(readAll(ring, undefined, undefined, 10).ids, []);
  await ring.write("/a", "s", lines(3));
  assert.deepEqual(readAll(ring, undefined, undefined, 10).ids, ["3"]);
});

test("the position of an earlier process is the beginning here; what is none is none", async () => {
  const earlier = new LogRing(10_000);
  await earlier.write("/a", "s", lines(1, 2, 3));
  const { position } = readAll(earlier, undefined, undefined, 10);
  const ring = new LogRing(10_000);
  await ring.write("/a", "s", lines(4));
  const read = readAll(ring, undefined, position, 10);
  assert.deepEqual([read.ids, read.lostCount], [["4"], 0]);
  for (const nonsense of [
    "",
    "1",
    position.slice(1),
    `${position}0000000000000000`,
    position.replace(".", ""),
  ])
    assert.equal(ring.read({ group: undefined, position: nonsense, limit: 1 }), undefined, nonsense);
});
