// Group commit on its own: order, batches, refusals, the end (G1 to G3).

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/runtime/clock.ts";
import { Committer } from "../../src/runtime/committer.ts";
import type { CommitResult, TurnWrite } from "../../src/store/store.ts";
import { settle } from "./manual-clock.ts";

interface Entry {
  readonly write: TurnWrite;
}

function setUp(): {
  readonly committer: Committer<Entry>;
  readonly commits: {
    readonly ids: readonly number[];
    readonly resolve: (result: CommitResult) => void;
    readonly reject: (error: Error) => void;
  }[];
  readonly told: string[];
  readonly add: (id: number, data?: string) => void;
} {
  const told: string[] = [];
  const commits: ReturnType<typeof setUp>["commits"] = [];
  const committer = new Committer<Entry>({
    store: {
      commit: (turns) =>
        new Promise((resolve, reject) => {
          commits.push({ ids: turns.map(({ executionId }) => executionId), resolve, reject });
        }),
    },
    clock: systemClock,
    nextLsn: 5,
    maxTurns: 4,
    maxChars: 100,
    settle: ({ write }, refused) => told.push(`${write.executionId} ${refused ? "refused" : "durable"}`),
    fail: ({ write }, error) => told.push(`${write.executionId} ${error.message}`),
    onFatal: (error) => told.push(`fatal ${error.message}`),
  });
  const add = (executionId: number, data = ""): void => {
    const lsn = committer.takeLsn();
    committer.add({
      write: {
        executionId,
        shard: 0,
        epoch: 1,
        lsn,
        prevLsn: 0,
        atMs: 0,
        data,
        status: "RUNNING",
        attention: false,
      },
    });
  };
  return { committer, commits, told, add };
}

test("what is added in one round of the event loop is one batch", async () => {
  const { commits, add } = setUp();
  for (const id of [1, 2, 3]) add(id);
  assert.equal(commits.length, 0);
  await settle();
  assert.deepEqual(
    commits.map(({ ids }) => ids),
    [[1, 2, 3]],
  );
});

test("batches are settled in their order, though a later one is answered first", async () => {
  const { commits, told, add } = setUp();
  add(1);
  await settle();
  add(2);
  await settle();
  add(3);
  await settle();
  assert.deepEqual(
    commits.map(({ ids }) => ids),
    [[1], [2]],
  );
  commits[1]?.resolve({ arnTaken: [] });
  await settle();
  assert.deepEqual(told, []);
  commits[0]?.resolve({ arnTaken: [] });
  await settle();
  assert.deepEqual(told, ["1 durable", "2 durable"]);
  assert.deepEqual(
    commits.map(({ ids }) => ids),
    [[1], [2], [3]],
  );
});

test("of a batch the refused executions are told so, the rest is durable", async () => {
  const { commits, told, add } = setUp();
  for (const id of [1, 2, 1, 3]) add(id);
  await settle();
  commits[0]?.resolve({ arnTaken: [1] });
  await settle();
  assert.deepEqual(told, ["1 refused", "2 durable", "1 refused", "3 durable"]);
});

test("it is full by turns or by characters, and has room again when they are durable", async () => {
  const { committer, commits, add } = setUp();
  add(1, "x".repeat(99));
  assert.equal(committer.isFull, false);
  add(2, "x");
  assert.equal(committer.isFull, true);
  await settle();
  commits[0]?.resolve({ arnTaken: [] });
  await settle();
  assert.equal(committer.isFull, false);
  for (const id of [3, 4, 5, 6]) add(id);
  assert.equal(committer.isFull, true);
  assert.deepEqual(committer.counts, { queued: 4, turns: 2, commits: 1 });
});

test("draining waits for what was added before, not for what comes after", async () => {
  const { committer, commits, told, add } = setUp();
  add(1);
  const drained = committer.drain().then(() => told.push("drained"));
  await settle();
  add(2);
  commits[0]?.resolve({ arnTaken: [] });
  await drained;
  assert.deepEqual(told, ["1 durable", "drained"]);
});

test("after a rejected commit everything fails, what is under way, what waits and what comes", async () => {
  const { committer, commits, told, add } = setUp();
  add(1);
  await settle();
  add(2);
  await settle();
  add(3);
  const drained = committer.drain();
  commits[0]?.reject(new Error("disk"));
  await drained;
  commits[1]?.resolve({ arnTaken: [] });
  await settle();
  add(4);
  await settle();
  assert.deepEqual(told, ["fatal disk", "1 disk", "2 disk", "3 disk", "4 disk"]);
  assert.equal(commits.length, 2);
});
