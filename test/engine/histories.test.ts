// Golden histories: a definition, an input, the answers of its tasks, and the history that it must have.
// The cases are files in histories/; UPDATE_GOLDEN=1 rewrites what they expect (read the diff).
//
// A case:  # what it shows
//          definition / input / answers as JSON after a `key:` line; answers may be null (stays open)
//          ---
//          the history, one event a line: id<-previousEventId +milliseconds type details

import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { type Answer, lines, play } from "./player.ts";

const update = process.env["UPDATE_GOLDEN"] === "1" && process.env["CI"] === undefined;
const files = globSync(`${import.meta.dirname}/histories/*.txt`).toSorted();
assert.ok(files.length > 0, "no cases found");

for (const file of files) {
  const text = readFileSync(file, "utf8");
  const [head = "", expected = ""] = text.split(/^---\n/m);
  const title = /^# (.*)$/m.exec(head)?.[1] ?? basename(file);
  test(title, () => {
    const section = (name: string): unknown => {
      const found = new RegExp(`^${name}:\\s*([\\s\\S]*?)(?=^\\w+:|$(?![\\s\\S]))`, "m").exec(head)?.[1];
      return found === undefined ? undefined : JSON.parse(found);
    };
    const answers = (section("answers") ?? []) as (Answer | null)[];
    const { history } = play({
      definition: section("definition"),
      input: section("input"),
      limits: section("limits") ?? {},
      answer: (_, n) => answers[n] ?? undefined,
    });
    const actual = `${lines(history).join("\n")}\n`;
    if (update) writeFileSync(file, `${head}---\n${actual}`);
    else assert.equal(actual, expected);
  });
}
