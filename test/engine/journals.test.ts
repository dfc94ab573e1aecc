// Journals as they were stored, kept for ever: every later version must fold them to the same history (D3).
//
// journals/*.json holds one file for each version that was used: turns as stored, and the history that was told of
// them. A file is written once, from the golden histories, by `RECORD_JOURNALS=name`; it is never written again.

import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { decodeTurn, encodeTurn, projectHistory } from "../../src/engine/index.ts";
import { historyCases } from "./cases.ts";
import { lines, play } from "./player.ts";

interface Journal {
  readonly title: string;
  readonly turns: readonly { readonly atMs: number; readonly data: string }[];
  readonly history: readonly string[];
}

const directory = `${import.meta.dirname}/journals`;
const record = process.env["RECORD_JOURNALS"];
if (record !== undefined) {
  const journals = historyCases().map(({ title, play: given }): Journal => {
    const { turns, history } = play(given);
    return {
      title,
      turns: turns.map((turn) => ({ atMs: turn.atMs, data: encodeTurn(turn) })),
      history: lines(history),
    };
  });
  writeFileSync(`${directory}/${record}.json`, `${JSON.stringify(journals, undefined, 1)}\n`, { flag: "wx" });
}

const files = globSync(`${directory}/*.json`).toSorted();
assert.ok(files.length > 0, "no journals found");
for (const file of files) {
  test(`the journals of ${basename(file, ".json")} still tell the same histories`, () => {
    const journals = JSON.parse(readFileSync(file, "utf8")) as readonly Journal[];
    assert.ok(journals.length > 10);
    for (const { title, turns, history } of journals) {
      const told = projectHistory(turns.map(({ atMs, data }) => decodeTurn(data, atMs)));
      assert.deepEqual(lines(told), history, title);
    }
  });
}
