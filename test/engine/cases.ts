// The golden histories as data (histories/*.txt; the form is described in histories.test.ts).

import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Answer, MapRunAnswer, Play } from "./player.ts";

export interface HistoryCase {
  readonly file: string;
  readonly title: string;
  /** Everything before the history. */
  readonly head: string;
  readonly expected: string;
  readonly play: Play;
}

/** All cases, by file name. */
export function historyCases(): readonly HistoryCase[] {
  const files = globSync(`${import.meta.dirname}/histories/*.txt`).toSorted();
  if (files.length === 0) throw new Error("no cases found");
  return files.map((file) => {
    const [head = "", expected = ""] = readFileSync(file, "utf8").split(/^---\n/m);
    const section = (name: string): unknown => {
      const found = new RegExp(`^${name}:\\s*([\\s\\S]*?)(?=^\\w+:|$(?![\\s\\S]))`, "m").exec(head)?.[1];
      return found === undefined ? undefined : JSON.parse(found);
    };
    const answers = (section("answers") ?? []) as (Answer | null)[];
    return {
      file,
      title: /^# (.*)$/m.exec(head)?.[1] ?? basename(file),
      head,
      expected,
      play: {
        definition: section("definition"),
        input: section("input"),
        limits: section("limits") ?? {},
        mapRuns: (section("mapRuns") ?? []) as MapRunAnswer[],
        redrives: (section("redrives") ?? 0) as number,
        answer: (_, n) => answers[n] ?? undefined,
      },
    };
  });
}
