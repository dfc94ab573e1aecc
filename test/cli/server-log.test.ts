// The log of a server: what a line becomes in both formats, what a level lets through, and how both are asked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields, LogLevel } from "../../src/base/log.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeServer, fakeTerminal } from "./environment-fake.ts";

/** `now` of the fake terminal. */
const TIME = "2025-11-24T16:00:00.000Z";

interface LineCase {
  readonly name: string;
  readonly line: readonly [message: string, level?: LogLevel, fields?: LogFields];
  /** Whole, without its end. */
  readonly text: string;
  readonly json: string;
}

const LINES: readonly LineCase[] = [
  {
    name: "a message is information unless told",
    line: ["read keys.json again: 2 access keys"],
    text: "read keys.json again: 2 access keys",
    json: `{"time":"${TIME}","level":"info","message":"read keys.json again: 2 access keys"}`,
  },
  {
    name: "fields are for programs only",
    line: ["no trace of e:1", "warn", { executionArn: "e:1", count: 3 }],
    text: "no trace of e:1",
    json: `{"time":"${TIME}","level":"warn","message":"no trace of e:1","executionArn":"e:1","count":3}`,
  },
  {
    name: "a stack keeps its lines for people, and is one line for programs",
    line: ["fault: Error: x\n    at f (g.ts:1)", "error", { requestId: "r" }],
    text: "fault: Error: x\n    at f (g.ts:1)",
    json: `{"time":"${TIME}","level":"error","message":"fault: Error: x\\n    at f (g.ts:1)","requestId":"r"}`,
  },
  {
    name: "what a terminal would obey is escaped, in JSON as JSON does",
    line: ["\u001b[2J\u202e\u009b\u{e0041}\u2028 \ud800", "info", { functionName: "\u007f" }],
    text: "\\u001b[2J\\u202e\\u009b\\u{e0041}\\u2028 \\ud800",
    json:
      `{"time":"${TIME}","level":"info","message":"\\u001b[2J\\u202e\\u009b\\udb40\\udc41\\u2028 \\ud800",` +
      `"functionName":"\\u007f"}`,
  },
  {
    name: "the tabs of a Lambda report are blanks for people",
    line: ["REPORT\tDuration: 2 ms"],
    text: "REPORT  Duration: 2 ms",
    json: `{"time":"${TIME}","level":"info","message":"REPORT\\tDuration: 2 ms"}`,
  },
  {
    name: "the word error is said once",
    line: ["error: the store is gone", "error"],
    text: "error: the store is gone",
    json: `{"time":"${TIME}","level":"error","message":"the store is gone"}`,
  },
];

const LEVELS: readonly (readonly [argv: string, env: Record<string, string>, logged: string])[] = [
  ["", {}, "info warn error"],
  ["--log-level debug", {}, "debug info warn error"],
  ["--log-level=warn", { STEPWELL_LOG_LEVEL: "debug" }, "warn error"],
  ["", { STEPWELL_LOG_LEVEL: "error", STEPWELL_LOG_FORMAT: "" }, "error"],
];

const REFUSED: readonly (readonly [argv: string, env: Record<string, string>, message: string])[] = [
  ["--log-format yaml", {}, '--log-format must be text or json, but is "yaml".'],
  ["--log-format JSON", {}, '--log-format must be text or json, but is "JSON". Did you mean json?'],
  [
    "--log-level warning",
    {},
    '--log-level must be debug, info, warn or error, but is "warning". Did you mean warn?',
  ],
  [
    "",
    { STEPWELL_LOG_LEVEL: "inf\u0007" },
    'STEPWELL_LOG_LEVEL must be debug, info, warn or error, but is "inf\\u0007". Did you mean info?',
  ],
];

interface Ended {
  /** Lines of stderr while the server ran and at its end. */
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Serves with those words, says the lines, and ends. */
async function served(
  argv: string,
  env: Record<string, string>,
  lines: readonly LineCase["line"][],
): Promise<Ended> {
  const words = ["serve", "--memory", ...argv.split(" ").filter((word) => word !== "")];
  const terminal = fakeTerminal(words, { env });
  const exit = runCli(terminal.environment);
  await terminal.until(/^ready /m);
  for (const line of lines) terminal.opened[0]?.log(...line);
  terminal.signal("SIGTERM");
  return { exitCode: await exit, lines: terminal.err().split(/\n(?=.)/u) };
}

for (const { name, line, text, json } of LINES) {
  test(name, async () => {
    assert.deepEqual(await served("", {}, [line]), {
      exitCode: 0,
      lines: [...text.split("\n"), "stopping\n"],
    });
    const stopping = `{"time":"${TIME}","level":"info","message":"stopping"}\n`;
    assert.deepEqual(await served("--log-format json", {}, [line]), { exitCode: 0, lines: [json, stopping] });
  });
}

for (const [argv, env, logged] of LEVELS) {
  test(`${argv} ${JSON.stringify(env)} logs ${logged}`, async () => {
    const levels = ["debug", "info", "warn", "error"] as const;
    for (const format of ["text", "json"] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one terminal after the other
      const { lines } = await served(
        `${argv} --log-format ${format}`,
        env,
        levels.map((level) => [level, level]),
      );
      const messages = lines.map((line) =>
        format === "json" ? (JSON.parse(line) as { message: string }).message : line.trimEnd(),
      );
      assert.equal(messages.filter((message) => message !== "stopping").join(" "), logged);
    }
  });
}

for (const [argv, env, message] of REFUSED) {
  test(`${argv} ${JSON.stringify(env)} is refused`, async () => {
    const terminal = fakeTerminal(["serve", "--memory", ...argv.split(" ").filter((word) => word !== "")], {
      env,
    });
    assert.equal(await runCli(terminal.environment), 2);
    assert.equal(terminal.err(), `error: ${message}\n`);
    assert.equal(terminal.opened.length, 0);
  });
}

test("a start that fails, and a store that does, are told in JSON too", async () => {
  const argv = ["serve", "--memory", "--log-format", "json"];
  const taken = fakeTerminal(argv, { openServer: () => Promise.reject(new Error("the store is in use")) });
  assert.equal(await runCli(taken.environment), 1);
  assert.equal(
    taken.err(),
    `{"time":"${TIME}","level":"error","message":"Cannot start: the store is in use"}\n`,
  );

  const failed = fakeTerminal(argv, {
    openServer: () => Promise.resolve(fakeServer({ fatal: Promise.resolve(new Error("disk full")) })),
  });
  assert.equal(await runCli(failed.environment), 1);
  const message = "the server cannot go on: disk full";
  assert.equal(failed.err(), `{"time":"${TIME}","level":"error","message":"${message}"}\n`);
});
