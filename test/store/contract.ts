// The contract of every Store, as a table of cases. The runner (contract.test.ts) runs it over each of them.

import assert from "node:assert/strict";
import { StaleEpoch } from "../../src/store/store.ts";
import type { ExecutionRow, Store, StoredTurn, TurnWrite } from "../../src/store/store.ts";

/** A store under test, open; `reopen` closes it and opens what it left behind. */
export interface Subject {
  readonly store: Store;
  readonly reopen: () => Promise<Subject>;
}

export interface ContractCase {
  readonly name: string;
  readonly run: (subject: Subject) => Promise<void>;
}

const MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:Order";

/** The first turn of an execution. */
export function firstTurn(
  executionId: number,
  lsn: number,
  epoch: number,
  changes: Partial<TurnWrite> = {},
): TurnWrite {
  return {
    executionId,
    shard: 0,
    epoch,
    lsn,
    prevLsn: 0,
    atMs: 1000 + lsn,
    data: `turn ${lsn}`,
    status: "RUNNING",
    attention: false,
    created: createdOf(executionId),
    ...changes,
  };
}

/** A later turn of an execution. */
export function laterTurn(
  executionId: number,
  lsn: number,
  prevLsn: number,
  epoch: number,
  changes: Partial<TurnWrite> = {},
): TurnWrite {
  const { created: _, ...turn } = firstTurn(executionId, lsn, epoch);
  return { ...turn, prevLsn, ...changes };
}

function createdOf(
  id: number,
  changes: Partial<NonNullable<TurnWrite["created"]>> = {},
): NonNullable<TurnWrite["created"]> {
  const name = `execution-${id}`;
  return {
    arn: `${MACHINE}:${name}`,
    stateMachineArn: MACHINE,
    name,
    revisionId: "r1",
    startedAtMs: 500 + id,
    ...changes,
  };
}

function rowOf(id: number, headLsn: number, changes: Partial<ExecutionRow> = {}): ExecutionRow {
  return { id, shard: 0, ...createdOf(id), status: "RUNNING", headLsn, attention: false, ...changes };
}

function stored(lsn: number, data = `turn ${lsn}`): StoredTurn {
  return { lsn, atMs: 1000 + lsn, data };
}

async function idsOf(rows: Promise<readonly { readonly id: number }[]>): Promise<readonly number[]> {
  return (await rows).map((row) => row.id);
}

/** Rejections that say something about a fault of ours. */
const bug = { name: "Bug" };

export const CONTRACT: readonly ContractCase[] = [
  {
    name: "an empty store has nothing, and counts from 1",
    async run({ store, reopen }) {
      assert.deepEqual(await store.readJournal(1), []);
      assert.equal(await store.getExecution(1), undefined);
      assert.equal(await store.findExecution("arn"), undefined);
      assert.deepEqual(await store.listExecutions({ stateMachineArn: MACHINE, limit: 10 }), []);
      assert.deepEqual(await store.due(0, 1e12, 10), []);
      assert.deepEqual(await store.attention(0, 0, 10), []);
      assert.equal(await store.countOpen(), 0);
      assert.equal(await store.getEntity("k", "a"), undefined);
      assert.deepEqual(await store.listEntities("k", "", 10), []);
      const { store: again } = await reopen();
      assert.equal(await again.countOpen(), 0);
    },
  },
  {
    name: "a first turn makes the row, and a later one moves its head",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      assert.deepEqual(await store.commit([firstTurn(1, 1, epoch, { attention: true, wakeAtMs: 9000 })]), {
        arnTaken: [],
      });
      assert.deepEqual(await store.getExecution(1), rowOf(1, 1, { attention: true, wakeAtMs: 9000 }));
      await store.commit([laterTurn(1, 2, 1, epoch)]);
      assert.deepEqual(await store.getExecution(1), rowOf(1, 2));
      await store.commit([laterTurn(1, 3, 2, epoch, { status: "SUCCEEDED", stoppedAtMs: 7777 })]);
      assert.deepEqual(
        await store.findExecution(`${MACHINE}:execution-1`),
        rowOf(1, 3, { status: "SUCCEEDED", stoppedAtMs: 7777 }),
      );
      assert.deepEqual(await store.readJournal(1), [stored(1), stored(2), stored(3)]);
    },
  },
  {
    name: "several turns of one execution may be in one batch",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      await store.commit([firstTurn(1, 1, epoch), laterTurn(1, 2, 1, epoch), laterTurn(1, 3, 2, epoch)]);
      assert.deepEqual(await store.readJournal(1), [stored(1), stored(2), stored(3)]);
      assert.equal((await store.getExecution(1))?.headLsn, 3);
    },
  },
  {
    name: "journals of executions that take turns keep their own order",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const heads = [0, 0, 0];
      const journals: StoredTurn[][] = [[], [], []];
      for (let lsn = 1; lsn <= 3000; lsn++) {
        const who = lsn <= 3 ? lsn - 1 : (lsn * 7) % 3;
        const prev = heads[who] as number;
        const turn = prev === 0 ? firstTurn(who + 1, lsn, epoch) : laterTurn(who + 1, lsn, prev, epoch);
        heads[who] = lsn;
        journals[who]?.push(stored(lsn));
        if (lsn < 3000) void store.commit([turn]);
        else await store.commit([turn]);
      }
      for (const [who, journal] of journals.entries())
        assert.deepEqual(await store.readJournal(who + 1), journal);
    },
  },
  {
    name: "a taken ARN refuses its execution and nothing else of the batch",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      await store.commit([firstTurn(1, 1, epoch)]);
      const taken = createdOf(1);
      const result = await store.commit([
        firstTurn(2, 2, epoch),
        firstTurn(3, 3, epoch, { created: taken }),
        laterTurn(3, 4, 3, epoch),
        laterTurn(1, 5, 1, epoch),
        firstTurn(4, 6, epoch, { created: createdOf(2) }),
      ]);
      assert.deepEqual(result, { arnTaken: [3, 4] });
      assert.deepEqual(await store.readJournal(1), [stored(1), stored(5)]);
      assert.deepEqual(await store.readJournal(2), [stored(2)]);
      assert.deepEqual(await store.readJournal(3), []);
      assert.equal(await store.getExecution(3), undefined);
      assert.equal(await store.getExecution(4), undefined);
      assert.equal((await store.findExecution(taken.arn))?.id, 1);
      assert.equal(await store.countOpen(), 2);
    },
  },
  {
    name: "a turn behind a refused start, in a later batch, is refused again",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      await store.commit([firstTurn(1, 1, epoch)]);
      const start = store.commit([firstTurn(2, 2, epoch, { created: createdOf(1) })]);
      const behind = store.commit([laterTurn(2, 3, 2, epoch), laterTurn(1, 4, 1, epoch)]);
      assert.deepEqual(await start, { arnTaken: [2] });
      assert.deepEqual(await behind, { arnTaken: [2] });
      assert.deepEqual(await store.readJournal(2), []);
      assert.deepEqual(await store.readJournal(1), [stored(1), stored(4)]);
    },
  },
  {
    name: "after another claim the old epoch stores nothing",
    async run({ store, reopen }) {
      const first = await store.claim(0);
      await store.commit([firstTurn(1, 1, first.epoch)]);
      const second = await store.claim(0);
      assert.ok(second.epoch > first.epoch);
      await assert.rejects(store.commit([laterTurn(1, 2, 1, first.epoch)]), StaleEpoch);
      await assert.rejects(
        store.commit([laterTurn(1, 3, 1, second.epoch), firstTurn(2, 4, first.epoch)]),
        StaleEpoch,
      );
      assert.deepEqual(await store.readJournal(1), [stored(1)]);
      assert.equal(await store.getExecution(2), undefined);
      assert.equal(await store.countOpen(), 1);
      await store.commit([laterTurn(1, 5, 1, second.epoch)]);
      assert.deepEqual(await store.readJournal(1), [stored(1), stored(5)]);
      const { store: again } = await reopen();
      await assert.rejects(again.commit([laterTurn(1, 6, 5, first.epoch)]), StaleEpoch);
      assert.ok((await again.claim(0)).epoch > second.epoch);
    },
  },
  {
    name: "a claim takes effect between the commits around it, awaited or not",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const before = store.commit([firstTurn(1, 1, epoch)]);
      const claim = store.claim(0);
      const after = store.commit([laterTurn(1, 2, 1, epoch)]);
      const results = await Promise.allSettled([before, claim, after]);
      assert.deepEqual(
        results.map((result) => result.status),
        ["fulfilled", "fulfilled", "rejected"],
      );
      assert.ok(results[2].status === "rejected" && results[2].reason instanceof StaleEpoch);
      assert.deepEqual(await store.readJournal(1), [stored(1)]);
    },
  },
  {
    name: "shards have epochs of their own",
    async run({ store }) {
      const { epoch } = await store.claim(3);
      await store.claim(4);
      await store.claim(4);
      await store.commit([firstTurn(1, 1, epoch, { shard: 3 })]);
      assert.equal((await store.getExecution(1))?.shard, 3);
      await assert.rejects(store.commit([firstTurn(2, 2, epoch, { shard: 5 })]), StaleEpoch);
    },
  },
  {
    name: "a turn that does not follow the last one stores nothing of its batch, and spares the calls around it",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const results = await Promise.allSettled([
        store.commit([firstTurn(1, 1, epoch)]),
        store.commit([firstTurn(2, 2, epoch), laterTurn(1, 3, 2, epoch)]),
        store.commit([laterTurn(1, 4, 1, epoch)]),
        store.commit([firstTurn(3, 4, epoch)]),
        store.commit([firstTurn(1, 6, epoch, { created: createdOf(6) })]),
        store.commit([laterTurn(1, 7, 4, epoch)]),
      ]);
      const names = results.map((result) =>
        result.status === "rejected" ? (result.reason as Error).name : "stored",
      );
      assert.deepEqual(names, ["stored", "Bug", "stored", "Bug", "Bug", "stored"]);
      assert.deepEqual(await store.readJournal(1), [stored(1), stored(4), stored(7)]);
      assert.equal(await store.getExecution(2), undefined);
      assert.equal(await store.getExecution(3), undefined);
      assert.equal(await store.countOpen(), 1);
    },
  },
  {
    name: "what only a bug can write is refused before anything is stored",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      await assert.rejects(store.commit([firstTurn(1, 1, epoch, { data: "\ud800" })]), bug);
      await assert.rejects(store.commit([firstTurn(1, 1, epoch, { wakeAtMs: Number.NaN })]), bug);
      await assert.rejects(store.commit([firstTurn(1, 1.5, epoch)]), bug);
      await assert.rejects(store.commit([laterTurn(1, 1, 0, epoch)]), bug);
      await assert.rejects(store.commit([firstTurn(1, 2, epoch, { prevLsn: 1 })]), bug);
      await assert.rejects(store.writeEntities([{ kind: "k", key: "\udc00", data: "" }]), bug);
      assert.equal(await store.getExecution(1), undefined);
    },
  },
  {
    name: "due executions come by time, ended and other shards' ones do not",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      await store.claim(1);
      await store.commit([
        firstTurn(1, 1, epoch, { wakeAtMs: 300 }),
        firstTurn(2, 2, epoch, { wakeAtMs: 100 }),
        firstTurn(3, 3, epoch, { wakeAtMs: 200 }),
        firstTurn(4, 4, epoch, { wakeAtMs: 200 }),
        firstTurn(5, 5, epoch),
        firstTurn(6, 6, 1, { shard: 1, wakeAtMs: 50 }),
        firstTurn(7, 7, epoch, { wakeAtMs: 50, stoppedAtMs: 60, status: "FAILED" }),
      ]);
      const all = [
        { id: 2, wakeAtMs: 100 },
        { id: 3, wakeAtMs: 200 },
        { id: 4, wakeAtMs: 200 },
        { id: 1, wakeAtMs: 300 },
      ];
      assert.deepEqual(await store.due(0, 300, 10), all);
      assert.deepEqual(await store.due(0, 299, 10), all.slice(0, 3));
      assert.deepEqual(await store.due(0, 300, 2), all.slice(0, 2));
      assert.deepEqual(await store.due(0, 99, 10), []);
      assert.deepEqual(await store.due(1, 300, 10), [{ id: 6, wakeAtMs: 50 }]);
      await store.commit([
        laterTurn(2, 8, 2, epoch, { wakeAtMs: 250 }),
        laterTurn(3, 9, 3, epoch),
        laterTurn(5, 10, 5, epoch, { wakeAtMs: 10 }),
      ]);
      assert.deepEqual(await store.due(0, 300, 10), [
        { id: 5, wakeAtMs: 10 },
        { id: 4, wakeAtMs: 200 },
        { id: 2, wakeAtMs: 250 },
        { id: 1, wakeAtMs: 300 },
      ]);
    },
  },
  {
    name: "attention pages through the open executions of the shard that ask for it",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      await store.claim(1);
      await store.commit([
        ...Array.from({ length: 9 }, (_, i) => firstTurn(i + 1, i + 1, epoch, { attention: i % 3 !== 0 })),
        firstTurn(10, 10, 1, { shard: 1, attention: true }),
        firstTurn(11, 11, epoch, { attention: true, stoppedAtMs: 5, status: "ABORTED" }),
      ]);
      assert.deepEqual(await store.attention(0, 0, 100), [2, 3, 5, 6, 8, 9]);
      assert.deepEqual(await store.attention(0, 0, 2), [2, 3]);
      assert.deepEqual(await store.attention(0, 3, 2), [5, 6]);
      assert.deepEqual(await store.attention(0, 9, 2), []);
      await store.commit([laterTurn(2, 12, 2, epoch), laterTurn(1, 13, 1, epoch, { attention: true })]);
      assert.deepEqual(await store.attention(0, 0, 100), [1, 3, 5, 6, 8, 9]);
    },
  },
  {
    name: "lists come newest first, by status, version and alias, in pages",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const turns: TurnWrite[] = [];
      for (let id = 1; id <= 1300; id++) {
        const created = createdOf(id, {
          ...(id % 100 === 0 ? { stateMachineVersionArn: `${MACHINE}:1` } : {}),
          ...(id % 200 === 0 ? { stateMachineAliasArn: `${MACHINE}:live` } : {}),
          ...(id === 7 ? { stateMachineArn: "other" } : {}),
        });
        turns.push(
          firstTurn(id, id, epoch, {
            created,
            ...(id % 2 === 0 ? { status: "SUCCEEDED", stoppedAtMs: 1 } : {}),
          }),
        );
      }
      await store.commit(turns);
      const query = { stateMachineArn: MACHINE, limit: 5 };
      const hundreds = Array.from({ length: 13 }, (_, i) => 1300 - 100 * i);
      assert.deepEqual(await idsOf(store.listExecutions(query)), [1300, 1299, 1298, 1297, 1296]);
      assert.deepEqual(await idsOf(store.listExecutions({ ...query, beforeId: 9 })), [8, 6, 5, 4, 3]);
      assert.deepEqual(await idsOf(store.listExecutions({ ...query, beforeId: 3 })), [2, 1]);
      assert.equal((await store.listExecutions({ ...query, limit: 5000 })).length, 1299);
      assert.deepEqual(
        await idsOf(store.listExecutions({ ...query, status: "RUNNING" })),
        [1299, 1297, 1295, 1293, 1291],
      );
      assert.equal((await store.listExecutions({ ...query, status: "SUCCEEDED", limit: 5000 })).length, 650);
      assert.deepEqual(await store.listExecutions({ ...query, status: "FAILED" }), []);
      assert.deepEqual(
        await idsOf(store.listExecutions({ ...query, stateMachineVersionArn: `${MACHINE}:1`, limit: 50 })),
        hundreds,
      );
      assert.deepEqual(
        await idsOf(store.listExecutions({ ...query, stateMachineVersionArn: `${MACHINE}:1` })),
        hundreds.slice(0, 5),
      );
      assert.deepEqual(
        await idsOf(
          store.listExecutions({
            ...query,
            stateMachineAliasArn: `${MACHINE}:live`,
            status: "SUCCEEDED",
            beforeId: 1001,
          }),
        ),
        [1000, 800, 600, 400, 200],
      );
      assert.deepEqual(await store.listExecutions({ ...query, stateMachineAliasArn: `${MACHINE}:none` }), []);
      assert.deepEqual(await idsOf(store.listExecutions({ ...query, stateMachineArn: "other" })), [7]);
      assert.deepEqual(await store.listExecutions({ ...query, stateMachineArn: "none" }), []);
      const [newest] = await store.listExecutions({ ...query, limit: 1 });
      const version = { stateMachineVersionArn: `${MACHINE}:1` };
      assert.deepEqual(newest, rowOf(1300, 1300, { ...version, status: "SUCCEEDED", stoppedAtMs: 1 }));
    },
  },
  {
    name: "a list by status follows every change of the status, back to open as well",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const running = { stateMachineArn: MACHINE, status: "RUNNING", limit: 10 };
      const failed = { ...running, status: "FAILED" };
      await store.commit([firstTurn(1, 1, epoch), firstTurn(2, 2, epoch)]);
      await store.commit([laterTurn(1, 3, 1, epoch, { status: "FAILED", stoppedAtMs: 9 })]);
      assert.deepEqual(
        [await idsOf(store.listExecutions(running)), await idsOf(store.listExecutions(failed))],
        [[2], [1]],
      );
      assert.equal(await store.countOpen(), 1);
      await store.commit([laterTurn(1, 4, 3, epoch, { wakeAtMs: 5, attention: true })]);
      assert.deepEqual(
        [await idsOf(store.listExecutions(running)), await idsOf(store.listExecutions(failed))],
        [[2, 1], []],
      );
      assert.equal(await store.countOpen(), 2);
      assert.deepEqual(await store.due(0, 5, 5), [{ id: 1, wakeAtMs: 5 }]);
      assert.deepEqual(await store.getExecution(1), rowOf(1, 4, { wakeAtMs: 5, attention: true }));
    },
  },
  {
    name: "what a turn says of a redrive is kept until another turn says something else",
    async run({ store, reopen }) {
      const { epoch } = await store.claim(0);
      const ended = { status: "FAILED", stoppedAtMs: 9 };
      await store.commit([firstTurn(1, 1, epoch, ended), firstTurn(2, 2, epoch)]);
      const first = { count: 1, atMs: 100 };
      await store.commit([laterTurn(1, 3, 1, epoch, { redrive: first })]);
      await store.commit([laterTurn(1, 4, 3, epoch, ended)]);
      const row = rowOf(1, 4, { ...ended, redrive: first });
      assert.deepEqual(await store.getExecution(1), row);
      assert.deepEqual(await store.findExecution(row.arn), row);
      // Redriven and ended in one turn: nothing else of the row changes.
      const second = { count: 2, atMs: 200 };
      await store.commit([laterTurn(1, 5, 4, epoch, { ...ended, redrive: second })]);
      const { store: again } = await reopen();
      const rows = [rowOf(2, 2), rowOf(1, 5, { ...ended, redrive: second })];
      assert.deepEqual(await again.listExecutions({ stateMachineArn: MACHINE, limit: 10 }), rows);
      const failed = await again.listExecutions({ stateMachineArn: MACHINE, status: "FAILED", limit: 10 });
      assert.deepEqual(failed, rows.slice(1));
    },
  },
  {
    name: "entities are written together, replaced and deleted",
    async run({ store, reopen }) {
      const write = [
        { kind: "machine", key: "b", data: "1" },
        { kind: "machine", key: "a", data: "2" },
        { kind: "tag", key: "a", data: "3" },
      ];
      assert.equal(await store.writeEntities(write), true);
      assert.equal(await store.getEntity("machine", "a"), "2");
      assert.equal(await store.getEntity("tag", "a"), "3");
      assert.deepEqual(await store.listEntities("machine", "", 10), [
        { key: "a", data: "2" },
        { key: "b", data: "1" },
      ]);
      assert.equal(
        await store.writeEntities([
          { kind: "machine", key: "a", data: "4" },
          { kind: "machine", key: "b", data: undefined },
          { kind: "none", key: "b", data: undefined },
        ]),
        true,
      );
      assert.deepEqual(await store.listEntities("machine", "", 10), [{ key: "a", data: "4" }]);
      const { store: again } = await reopen();
      assert.deepEqual(await again.listEntities("machine", "", 10), [{ key: "a", data: "4" }]);
    },
  },
  {
    name: "ifAbsent refuses the whole call, and is judged by what was there before it",
    async run({ store }) {
      const fresh = { kind: "k", key: "a", data: "1", ifAbsent: true };
      assert.equal(await store.writeEntities([fresh]), true);
      assert.equal(
        await store.writeEntities([
          { kind: "k", key: "b", data: "2" },
          { ...fresh, data: "3" },
        ]),
        false,
      );
      assert.deepEqual(await store.listEntities("k", "", 10), [{ key: "a", data: "1" }]);
      const both = store.writeEntities([{ kind: "k", key: "c", data: "4", ifAbsent: true }]);
      const loser = store.writeEntities([{ kind: "k", key: "c", data: "5", ifAbsent: true }]);
      assert.deepEqual(await Promise.all([both, loser]), [true, false]);
      assert.equal(
        await store.writeEntities([
          { kind: "k", key: "d", data: "6" },
          { kind: "k", key: "d", data: "7", ifAbsent: true },
        ]),
        true,
      );
      assert.equal(await store.getEntity("k", "d"), "7");
      assert.equal(await store.getEntity("k", "c"), "4");
    },
  },
  {
    name: "entities page by key in the order of UTF-8 bytes",
    async run({ store }) {
      const keys = ["", "\u0000", "A", "Z", "a", "a\u0000", "a\u0000b", "ab", "é", "\uffff", "\u{10000}"];
      const many = Array.from({ length: 130 }, (_, i) => `n${String(i).padStart(3, "0")}`);
      await store.writeEntities(
        [...keys, ...many].toReversed().map((key) => ({ kind: "k", key, data: `<${key}>` })),
      );
      const found: string[] = [];
      for (
        let after = "", page = await store.listEntities("k", after, 7);
        page.length > 0;
        page = await store.listEntities("k", after, 7)
      ) {
        for (const { key, data } of page) {
          assert.equal(data, `<${key}>`);
          found.push(key);
        }
        after = found.at(-1) as string;
      }
      // "" is not above "": an empty key is found by name only.
      assert.deepEqual(found, [...keys.slice(1, 8), ...many, ...keys.slice(8)]);
      assert.equal(await store.getEntity("k", ""), "<>");
      assert.deepEqual(
        (await store.listEntities("k", "m", 1000)).map(({ key }) => key),
        [...many, ...keys.slice(8)],
      );
    },
  },
  {
    name: "text comes back as it was given",
    async run({ store, reopen }) {
      const { epoch } = await store.claim(0);
      const texts = [
        "",
        "\u0000",
        "a\u0000b\u0000",
        "ünï😀\u2028\ufeff",
        "\u{10ffff}",
        "'; DROP TABLE journal; --",
        "x".repeat(1 << 20),
        "😀".repeat(1 << 18),
      ];
      let lsn = 0;
      for (const data of texts)
        await store.commit([
          lsn === 0 ? firstTurn(1, ++lsn, epoch, { data }) : laterTurn(1, lsn + 1, lsn++, epoch, { data }),
        ]);
      const created = createdOf(2, {
        arn: "arn\u0000😀",
        name: "n\u0000",
        revisionId: "\u0000",
        stateMachineArn: "m\u0000",
      });
      await store.commit([firstTurn(2, ++lsn, epoch, { created, status: "\u0000ü" })]);
      const expected = texts.map((data, i) => stored(i + 1, data));
      assert.deepEqual(await store.readJournal(1), expected);
      const { store: again } = await reopen();
      assert.deepEqual(await again.readJournal(1), expected);
      assert.deepEqual(
        await again.findExecution("arn\u0000😀"),
        rowOf(2, lsn, { ...created, status: "\u0000ü" }),
      );
      assert.deepEqual(
        await idsOf(again.listExecutions({ stateMachineArn: "m\u0000", status: "\u0000ü", limit: 2 })),
        [2],
      );
      assert.deepEqual(await again.listExecutions({ stateMachineArn: "m", limit: 2 }), []);
    },
  },
  {
    name: "numbers up to 2^53 - 1 come back as they were given",
    async run({ store, reopen }) {
      const { epoch } = await store.claim(0);
      const big = Number.MAX_SAFE_INTEGER - 10;
      const created = createdOf(1, { startedAtMs: big });
      const turn = firstTurn(big, big, epoch, { atMs: big, data: `turn ${big}`, wakeAtMs: big, created });
      await store.commit([turn]);
      await store.commit([laterTurn(big, big + 1, big, epoch, { atMs: 7, wakeAtMs: big + 2 })]);
      const row = rowOf(1, big + 1, { id: big, startedAtMs: big, wakeAtMs: big + 2 });
      assert.deepEqual(await store.getExecution(big), row);
      assert.deepEqual(await store.listExecutions({ stateMachineArn: MACHINE, limit: 3 }), [row]);
      assert.deepEqual(await store.due(0, big + 2, 3), [{ id: big, wakeAtMs: big + 2 }]);
      const { store: again } = await reopen();
      assert.deepEqual(await again.readJournal(big), [
        { lsn: big, atMs: big, data: `turn ${big}` },
        { lsn: big + 1, atMs: 7, data: `turn ${big + 1}` },
      ]);
    },
  },
  {
    name: "ten thousand turns fit into one batch",
    async run({ store, reopen }) {
      const { epoch } = await store.claim(0);
      const turns = Array.from({ length: 5000 }, (_, i) => firstTurn(i + 1, i + 1, epoch));
      for (let i = 1; i <= 5000; i++) turns.push(laterTurn(i, 5000 + i, i, epoch, { attention: true }));
      assert.deepEqual(await store.commit(turns), { arnTaken: [] });
      assert.equal(await store.countOpen(), 5000);
      assert.equal((await store.attention(0, 0, 10_000)).length, 5000);
      const { store: again } = await reopen();
      assert.equal(await again.countOpen(), 5000);
      assert.deepEqual(await again.readJournal(5000), [stored(5000), stored(10_000)]);
    },
  },
  {
    name: "commits and reads need not be awaited one by one",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const order: number[] = [];
      const seen: Promise<readonly StoredTurn[]>[] = [];
      const commits: Promise<unknown>[] = [];
      for (let lsn = 1; lsn <= 500; lsn++) {
        const turn = lsn === 1 ? firstTurn(1, lsn, epoch) : laterTurn(1, lsn, lsn - 1, epoch);
        commits.push(store.commit([turn]).then(() => order.push(lsn)));
        seen.push(store.readJournal(1));
      }
      await Promise.all(commits);
      assert.deepEqual(
        order,
        Array.from({ length: 500 }, (_, i) => i + 1),
      );
      for (const [i, journal] of (await Promise.all(seen)).entries()) {
        assert.ok(journal.length >= i + 1, `read ${i} saw ${journal.length} turns`);
        assert.deepEqual(
          journal,
          Array.from(journal, (_, k) => stored(k + 1)),
        );
      }
    },
  },
  {
    name: "a long journal is read whole",
    async run({ store }) {
      const { epoch } = await store.claim(0);
      const turns = Array.from({ length: 2600 }, (_, i) =>
        i === 0 ? firstTurn(1, 1, epoch) : laterTurn(1, i + 1, i, epoch),
      );
      await store.commit(turns);
      assert.deepEqual(
        await store.readJournal(1),
        turns.map(({ lsn }) => stored(lsn)),
      );
    },
  },
  {
    name: "an empty batch is fine",
    async run({ store }) {
      assert.deepEqual(await store.commit([]), { arnTaken: [] });
      assert.equal(await store.writeEntities([]), true);
    },
  },
  {
    name: "everything is there after closing and opening again",
    async run({ store, reopen }) {
      const { epoch } = await store.claim(0);
      await store.commit([
        firstTurn(1, 4, epoch, { wakeAtMs: 5, attention: true }),
        firstTurn(8, 5, epoch),
        laterTurn(8, 6, 5, epoch, { status: "SUCCEEDED", stoppedAtMs: 3 }),
      ]);
      const { store: again } = await reopen();
      assert.deepEqual(await again.getExecution(1), rowOf(1, 4, { wakeAtMs: 5, attention: true }));
      assert.deepEqual(await again.readJournal(8), [stored(5), stored(6)]);
      assert.equal(await again.countOpen(), 1);
      assert.deepEqual(await again.attention(0, 0, 5), [1]);
      const { epoch: next } = await again.claim(0);
      await again.commit([laterTurn(1, 7, 4, next)]);
      assert.deepEqual(await again.readJournal(1), [stored(4), stored(7)]);
    },
  },
  {
    name: "close waits for what was accepted, and refuses what comes later",
    async run({ store, reopen }) {
      const { epoch } = await store.claim(0);
      const commit = store.commit([firstTurn(1, 1, epoch)]);
      const closing = store.close();
      await assert.rejects(store.commit([firstTurn(2, 2, epoch)]), bug);
      assert.deepEqual(await commit, { arnTaken: [] });
      await closing;
      await store.close();
      await assert.rejects(store.getExecution(1), bug);
      const { store: again } = await reopen();
      assert.deepEqual(await again.readJournal(1), [stored(1)]);
    },
  },
];
