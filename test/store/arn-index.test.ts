// ArnIndex against a plain Map, over random starts, rollbacks, runs and restarts.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { it } from "node:test";
import { Random } from "../../src/base/random.ts";
import { ArnIndex } from "../../src/store/sqlite/arn-index.ts";
import type { ArnIndexOptions } from "../../src/store/sqlite/arn-index.ts";

const TABLES = readFileSync(
  new URL("../../src/store/sqlite/migrations/0001-tables.sql", import.meta.url),
  "utf8",
);
const remainder = (arn: string): number => Number(arn.slice(1)) % 12;

const CASES: readonly { readonly name: string; readonly options: ArnIndexOptions }[] = [
  {
    name: "hashes that seldom collide",
    options: { runLength: 40, stepLength: 7, hashOf: (arn) => Number(arn.slice(1)) },
  },
  {
    name: "a dozen hashes for all",
    options: { runLength: 40, stepLength: 7, hashOf: remainder },
  },
];

for (const { name, options } of CASES) {
  it(`finds what was committed and nothing else, with ${name}`, () => {
    const database = new DatabaseSync(":memory:");
    database.exec(TABLES);
    database.exec("INSERT INTO symbol (id, text) VALUES (1, 'machine')");
    const insert = database.prepare(
      "INSERT INTO execution (id, arn, state_machine, name, revision_id, started_at) VALUES (?, ?, 1, '', '', 0)",
    );
    const count = database.prepare("SELECT count(*) AS count FROM arn_index");
    const random = new Random([1, 2, 3, 4]);
    const known = new Map<string, number>();
    let index = new ArnIndex(database, options);
    let nextId = 1;
    const late: number[] = [];
    let restartsWithinRuns = 0;
    for (let round = 0; round < 400; round++) {
      database.exec("BEGIN");
      const added = new Map<string, number>();
      for (let i = random.next32() % 6; i >= 0; i--) {
        const arn = `a${random.next32() % 3000}`;
        const expected = added.get(arn) ?? known.get(arn);
        assert.equal(index.find(arn), expected);
        if (expected !== undefined) continue;
        // Some ids are given out now and committed in a later round.
        if (random.next32() % 8 === 0) late.push(nextId++);
        const id = random.next32() % 5 === 0 ? (late.shift() ?? nextId++) : nextId++;
        insert.run(id, arn);
        index.add(id, arn);
        added.set(arn, id);
      }
      if (random.next32() % 4 === 0) {
        database.exec("ROLLBACK");
        index.rolledBack();
      } else {
        database.exec("COMMIT");
        index.committed();
        for (const [arn, id] of added) known.set(arn, id);
      }
      if (random.next32() % 3 === 0) index.settle();
      if (random.next32() % 10 === 0) {
        const state = database.prepare("SELECT merged_to < merging_to AS within FROM arn_index_state").get();
        restartsWithinRuns += Number(state?.["within"]);
        index = new ArnIndex(database, options);
      }
    }
    for (let i = 0; i < 3000; i++) assert.equal(index.find(`a${i}`), known.get(`a${i}`));
    assert.ok(known.size > 200 && Number(count.get()?.["count"]) > 100);
    // A dozen hashes are more than a step holds at once, so that its runs have several steps as well.
    assert.ok(restartsWithinRuns > 0);
  });
}
