// Tasks that wait for room take turns by whose they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "../../src/runtime/fair-queue.ts";

function taken(queue: FairQueue, count: number): string[] {
  return Array.from({ length: count }, () => {
    const next = queue.take();
    return next === undefined ? "none" : `${next.executionId}/${next.task}`;
  });
}

test("a Map Run that asks for much room does not keep the others waiting", () => {
  const queue = new FairQueue();
  for (let child = 100; child < 1100; child++) queue.add("run", child, 1);
  queue.add("", 7, 1);
  queue.add("", 7, 2);
  queue.add("other run", 2000, 1);
  assert.equal(queue.size, 1003);
  assert.deepEqual(taken(queue, 7), ["100/1", "7/1", "2000/1", "101/1", "7/2", "102/1", "103/1"]);
  queue.add("", 8, 1);
  assert.deepEqual(taken(queue, 3), ["104/1", "8/1", "105/1"]);
});

test("what is taken out is not handed over, and what is there is not added again", () => {
  const queue = new FairQueue();
  queue.add("run", 1, 1);
  queue.add("run", 1, 1);
  queue.add("", 2, 1);
  assert.equal(queue.size, 2);
  queue.delete(1, 1);
  queue.delete(3, 1);
  assert.equal(queue.size, 1);
  assert.deepEqual(taken(queue, 2), ["2/1", "none"]);
  assert.equal(queue.size, 0);
});
