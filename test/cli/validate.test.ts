// `validate`: every problem at its place in the file, and an exit code for CI.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeTerminal } from "./environment-fake.ts";

const VALID = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}';

interface Case {
  readonly name: string;
  readonly file: string;
  readonly content: string;
  readonly exitCode: number;
  /** `line severity code` of each problem, in the order of the file. */
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "a valid file", file: "a.asl.json", content: VALID, exitCode: 0, expected: [] },
  {
    name: "a transition to nowhere",
    file: "a.asl.json",
    content:
      '{\n "StartAt": "A",\n "States": {\n  "A": {\n   "Type": "Pass",\n   "Next": "Bee"\n  },\n  "B": {"Type": "Succeed"}\n }\n}',
    exitCode: 1,
    expected: ["6 ERROR MISSING_TRANSITION_TARGET"],
  },
  {
    name: "the same in YAML, after a comment",
    file: "a.asl.yml",
    content: "# one\n# two\nStartAt: A\nStates:\n  A:\n    Type: Pass\n    Next: Bee\n  B: {Type: Succeed}\n",
    exitCode: 1,
    expected: ["7 ERROR MISSING_TRANSITION_TARGET"],
  },
  {
    name: "text that is no JSON",
    file: "a.asl.json",
    content: '{\n "StartAt": \n}',
    exitCode: 1,
    expected: ["3 ERROR INVALID_JSON_DESCRIPTION"],
  },
  {
    name: "text that is no YAML",
    file: "a.asl.yaml",
    content: "a: [1\nb: }\n",
    exitCode: 1,
    expected: ["2 ERROR INVALID_FILE"],
  },
];

for (const { name, file, content, exitCode, expected } of CASES) {
  test(`validate: ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "stepwell-validate-"));
    try {
      await writeFile(join(folder, file), content);
      const json = fakeTerminal(["validate", file, "--json"], { workingDirectory: folder });
      assert.equal(await runCli(json.environment), exitCode);
      const problems = json
        .out()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as JsonObject);
      const errorLines = problems.map(
        ({ line, severity, code }) => `${String(line)} ${String(severity)} ${String(code)}`,
      );
      assert.deepEqual(
        [...new Set(errorLines.filter((line) => line.includes("ERROR")))].slice(0, 1),
        expected,
      );

      const plain = fakeTerminal(["validate", file], { workingDirectory: folder });
      assert.equal(await runCli(plain.environment), exitCode);
      if (expected.length === 0) assert.equal(plain.out(), `${file}: valid\n`);
      else assert.match(plain.out(), new RegExp(`^${file}:\\d+:\\d+: error: .+`));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("validate goes on after a bad file and names each", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stepwell-validate-"));
  try {
    await writeFile(join(folder, "bad.asl.json"), "{}");
    await writeFile(join(folder, "good.asl.json"), VALID);
    const terminal = fakeTerminal(["validate", "bad.asl.json", "good.asl.json"], {
      workingDirectory: folder,
    });
    assert.equal(await runCli(terminal.environment), 1);
    assert.match(terminal.out(), /^bad\.asl\.json:1:1: error: /);
    assert.match(terminal.out(), /^good\.asl\.json: valid$/m);
    assert.match(terminal.out(), /\d errors?(?:, \d warnings?)?\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
