// `--limit` and `stepwell limits`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { runCli } from "../../src/cli/index.ts";
import { DEFAULT_LIMITS, limitLines, parseLimits } from "../../src/cli/limits.ts";
import { fakeTerminal } from "./environment-fake.ts";

test("what is said counts, the last of a name; all else is as ever", () => {
  const { limits, settings } = parseLimits([
    "payloadBytes=1048576",
    "jsonata.maxSteps=5000",
    "callsUnderWay=1",
    "callsUnderWay=7",
    "redeliverUnknown=true",
    "aliasesPerMachine=5",
  ]);
  assert.deepEqual(limits, {
    ...DEFAULT_LIMITS.limits,
    payloadBytes: 1_048_576,
    jsonata: { ...DEFAULT_LIMITS.limits.jsonata, maxSteps: 5_000 },
  });
  assert.deepEqual(settings, {
    ...DEFAULT_LIMITS.settings,
    callsUnderWay: 7,
    redeliverUnknown: true,
    aliasesPerMachine: 5,
  });
  assert.deepEqual(parseLimits([]), DEFAULT_LIMITS);
});

test("every limit may be set to its default, and its default is within its bounds", () => {
  const lines = limitLines(DEFAULT_LIMITS);
  assert.ok(lines.length >= 25);
  assert.deepEqual(parseLimits(lines.map((line) => `${line.name}=${line.default}`)), DEFAULT_LIMITS);
});

const WRONG: readonly (readonly [string, string])[] = [
  [
    "payloadBytes",
    '--limit must be NAME=VALUE, but is "payloadBytes". `stepwell limits` shows those there are.',
  ],
  ["payloadByte=5", '--limit: there is no limit "payloadByte". Did you mean "payloadBytes"?'],
  ["zzz=5", '--limit: there is no limit "zzz". `stepwell limits` shows those there are.'],
  ["__proto__=5", '--limit: there is no limit "__proto__". `stepwell limits` shows those there are.'],
  ["shards=2", '--limit: there is no limit "shards". `stepwell limits` shows those there are.'],
  ["historyEvents=9", '--limit historyEvents must be a whole number from 10 to 10000000, but is "9".'],
  ["historyEvents=1e3", '--limit historyEvents must be a whole number from 10 to 10000000, but is "1e3".'],
  ["historyEvents=", '--limit historyEvents must be a whole number from 10 to 10000000, but is "".'],
  ["redeliverUnknown=1", '--limit redeliverUnknown must be true or false, but is "1".'],
];

test("a limit that is not there, or a value that cannot be, is refused before anything opens", async () => {
  for (const [written, message] of WRONG) {
    const terminal = fakeTerminal(["serve", "--memory", "--limit", written]);
    assert.equal(await runCli(terminal.environment), 2);
    assert.equal(terminal.err(), `error: ${message}\n`);
    assert.deepEqual(terminal.opened, []);
  }
});

test("a server is opened with the limits of its command line", async () => {
  const terminal = fakeTerminal([
    "serve",
    "--memory",
    "--limit",
    "errorChars=20",
    "--limit",
    "queuedTurns=3",
  ]);
  const ended = runCli(terminal.environment);
  await terminal.until(/^ready /m);
  terminal.signal("SIGTERM");
  assert.equal(await ended, 0);
  assert.deepEqual(terminal.opened[0]?.limits, parseLimits(["errorChars=20", "queuedTurns=3"]));
});

test("the list: JSON in a pipe, a table on a terminal, Markdown for the documentation", async () => {
  const pipe = fakeTerminal(["limits", "--limit", "errorChars=20"]);
  assert.equal(await runCli(pipe.environment), 0);
  const lines = pipe
    .out()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonObject);
  assert.equal(lines.length, limitLines(DEFAULT_LIMITS).length);
  assert.deepEqual(
    lines.find((line) => line["name"] === "errorChars"),
    {
      name: "errorChars",
      value: 20,
      default: 256,
      bounds: "1 to 32768",
      meaning: "characters kept of an error name",
      service: "256",
    },
  );
  const terminal = fakeTerminal(["limits"], { isTerminal: true, env: { NO_COLOR: "1" } });
  assert.equal(await runCli(terminal.environment), 0);
  assert.match(
    terminal.out(),
    /^NAME +VALUE +DEFAULT +AWS +MEANING\npayloadBytes +262144 +262144 +262144 +UTF-8/,
  );
});

test("docs/limits.md has the table that the program prints", async () => {
  const terminal = fakeTerminal(["limits", "--markdown"]);
  assert.equal(await runCli(terminal.environment), 0);
  const document = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8");
  assert.ok(document.includes(terminal.out()), "run: bin/stepwell limits --markdown");
});
