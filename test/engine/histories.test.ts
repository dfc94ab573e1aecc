// Golden histories: a definition, an input, the answers of its tasks, and the history that it must have.
// The cases are files in histories/; UPDATE_GOLDEN=1 rewrites what they expect (read the diff).
//
// A case:  # what it shows
//          definition / input / answers as JSON after a `key:` line; answers may be null (stays open);
//          mapRuns: how Map Runs end, in the order in which they begin
//          limits; redrives: how often it is redriven when it has ended without success
//          ---
//          the history, one event a line: id<-previousEventId +milliseconds type details

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { historyCases } from "./cases.ts";
import { lines, play } from "./player.ts";

const update = process.env["UPDATE_GOLDEN"] === "1" && process.env["CI"] === undefined;

for (const { file, title, head, expected, play: given } of historyCases()) {
  test(title, () => {
    const actual = `${lines(play(given).history).join("\n")}\n`;
    if (update) writeFileSync(file, `${head}---\n${actual}`);
    else assert.equal(actual, expected);
  });
}
