// `stepwell logs`: what it chooses, and how it follows files that are written, rotated and damaged.

import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runCli } from "../../src/cli/index.ts";
import { EXECUTION_LOGS } from "../../src/observation/index.ts";
import { fakeTerminal, type FakeTerminal } from "./environment-fake.ts";

/** The clock of fakeTerminal. */
const NOW_MS = 1_764_000_000_000;

interface Folder {
  readonly data: string;
  readonly append: (file: string, text: string) => void;
  readonly rename: (from: string, to: string) => void;
}

function folder(t: TestContext): Folder {
  const data = mkdtempSync(join(tmpdir(), "stepwell-logs-"));
  t.after(() => rmSync(data, { recursive: true }));
  const logs = join(data, EXECUTION_LOGS);
  mkdirSync(logs);
  return {
    data,
    append: (file, text) => appendFileSync(join(logs, file), text),
    rename: (from, to) => renameSync(join(logs, from), join(logs, to)),
  };
}

function event(id: number, type: string, { machine = "orders", ageMs = 0, details = {} } = {}): string {
  return `${JSON.stringify({
    id: String(id),
    type,
    details,
    previous_event_id: String(id - 1),
    event_timestamp: String(NOW_MS - ageMs),
    execution_arn: `arn:aws:states:us-east-1:000000000000:execution:${machine}:run-${machine}`,
    redrive_count: "0",
  })}\n`;
}

async function idsOf(data: string, ...args: readonly string[]): Promise<readonly string[]> {
  const terminal = fakeTerminal(["logs", "--data", data, ...args]);
  assert.equal(await runCli(terminal.environment), 0, terminal.err());
  return idsIn(terminal);
}

function idsIn(terminal: FakeTerminal): readonly string[] {
  const lines = terminal.out().split("\n").slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { readonly id: string }).id);
}

const CHOICES: readonly (readonly [name: string, args: readonly string[], ids: readonly string[]])[] = [
  ["everything, the older file first", [], ["1", "2", "3", "4", "5"]],
  ["a state machine", ["--state-machine", "refunds"], ["5"]],
  ["an execution by its name", ["--execution", "run-refunds"], ["5"]],
  ["a group", ["--group", "/refunds"], ["5"]],
  ["the level ERROR", ["--level", "ERROR"], ["3", "4"]],
  ["the level FATAL", ["--level", "FATAL"], ["4"]],
  ["the last quarter of an hour", ["--since", "15m"], ["3", "4", "5"]],
  ["from a moment on", ["--since", new Date(NOW_MS - 5_000).toISOString()], ["4", "5"]],
];

for (const [name, args, ids] of CHOICES) {
  test(`shown is ${name}`, async (t) => {
    const { data, append } = folder(t);
    append("orders.jsonl.1", event(1, "ExecutionStarted", { ageMs: 7_200_000 }));
    append("orders.jsonl", event(2, "TaskStateEntered", { ageMs: 3_600_000 }));
    append("orders.jsonl", event(3, "TaskFailed", { ageMs: 900_000 }));
    append("orders.jsonl", event(4, "ExecutionFailed"));
    append("refunds.jsonl", event(5, "PassStateEntered", { machine: "refunds" }));
    assert.deepEqual(await idsOf(data, ...args), ids);
  });
}

test("people get time, execution, type and what happened", async (t) => {
  const { data, append } = folder(t);
  append(
    "orders.jsonl",
    event(3, "TaskFailed", { details: { name: "Charge", error: "Declined", cause: "no\u001b[2Jmoney" } }),
  );
  const terminal = fakeTerminal(["logs", "--data", data], { isTerminal: true, env: { NO_COLOR: "1" } });
  assert.equal(await runCli(terminal.environment), 0);
  const [, , ...rest] = terminal.out().trimEnd().split(" ");
  assert.equal(rest.join(" "), " orders:run-orders 3  TaskFailed  Charge  Declined  no\\u001b[2Jmoney");
});

test("a damaged line is left out, and said", async (t) => {
  const { data, append } = folder(t);
  append("orders.jsonl", `${event(1, "ExecutionStarted")}{"id":"2","ty\n${event(3, "ExecutionSucceeded")}`);
  const terminal = fakeTerminal(["logs", "--data", data]);
  assert.equal(await runCli(terminal.environment), 0);
  assert.deepEqual(idsIn(terminal), ["1", "3"]);
  assert.equal(terminal.err(), 'A damaged line was left out: {"id":"2","ty\n');
});

test("what is followed may be cut, rotated and written anew; every event is shown once", async (t) => {
  const { data, append, rename } = folder(t);
  const terminal = fakeTerminal(["logs", "--data", data, "--follow"]);
  const ended = runCli(terminal.environment);
  const fourth = event(4, "PassStateEntered");
  append("orders.jsonl", event(1, "ExecutionStarted") + event(2, "PassStateEntered").repeat(1));
  await terminal.until(/"id":"2"/u);
  append("orders.jsonl", event(3, "PassStateExited") + fourth.slice(0, 20));
  await terminal.until(/"id":"3"/u);
  append("orders.jsonl", fourth.slice(20));
  rename("orders.jsonl", "orders.jsonl.1");
  append("orders.jsonl", event(5, "PassStateExited"));
  await terminal.until(/"id":"5"/u);
  await terminal.until(/"id":"4"/u);
  // The oldest goes, and its inode may be that of the next file.
  rename("orders.jsonl", "orders.jsonl.1");
  append("orders.jsonl", event(6, "ExecutionSucceeded"));
  await terminal.until(/"id":"6"/u);
  terminal.signal("SIGINT");
  assert.equal(await ended, 0);
  assert.deepEqual(idsIn(terminal).toSorted(), ["1", "2", "3", "4", "5", "6"]);
});

/** A server whose log events are those lines, two a page, as far as it has them. */
async function logServer(t: TestContext, lines: string[], lost = 0): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as {
      logGroupName?: string;
      nextToken?: string;
    };
    assert.equal(request.headers["x-amz-target"], "Stepwell.GetLogEvents");
    assert.equal(asked.logGroupName, "/orders");
    const from = Number(asked.nextToken ?? 0);
    const page = lines
      .slice(from, from + 2)
      .map((line) => ({ logGroupName: "/orders", message: line.trim() }));
    const lostCount = from === 2 ? lost : 0;
    response.end(JSON.stringify({ events: page, nextForwardToken: String(from + page.length), lostCount }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("without files the server is asked, page after page, and followed", async (t) => {
  const empty = mkdtempSync(join(tmpdir(), "stepwell-logs-"));
  t.after(() => rmSync(empty, { recursive: true }));
  const lines = [
    event(1, "ExecutionStarted"),
    event(2, "PassStateEntered"),
    event(3, "TaskFailed"),
    event(4, "TaskFailed", { machine: "refunds" }),
    event(5, "PassStateExited"),
  ];
  const endpoint = await logServer(t, lines, 7);
  const words = ["logs", "--group", "/orders", "--level", "ERROR", "--state-machine", "orders", "--follow"];
  const terminal = fakeTerminal(words, { workingDirectory: empty, env: { STEPWELL_ENDPOINT: endpoint } });
  const ended = runCli(terminal.environment);
  t.after(() => terminal.signal("SIGINT"));
  await terminal.until(/"id":"3"/u);
  assert.equal(terminal.err(), "7 log events were gone before they could be read\n");
  lines.push(event(6, "ExecutionFailed"));
  await terminal.until(/"id":"6"/u);
  terminal.signal("SIGINT");
  assert.equal(await ended, 0);
  assert.deepEqual(idsIn(terminal), ["3", "6"]);
});

test("a server that has none says why there may be none", async (t) => {
  const endpoint = await logServer(t, []);
  const terminal = fakeTerminal(["logs", "--group", "/orders", "--endpoint", endpoint]);
  assert.equal(await runCli(terminal.environment), 1);
  const why = "A state machine logs if its loggingConfiguration has a level and a log group";
  assert.equal(terminal.err(), `error: ${endpoint} has no log events in memory. ${why}.\n`);
});

test("files and a server at once are refused", async () => {
  const terminal = fakeTerminal(["logs", "--data", "d", "--endpoint", "http://127.0.0.1:1"]);
  assert.equal(await runCli(terminal.environment), 2);
  assert.equal(terminal.err(), "error: --data and --endpoint exclude each other: choose one.\n");
});

test("a time that is none is refused", async () => {
  const terminal = fakeTerminal(["logs", "--since", "yesterday"]);
  assert.equal(await runCli(terminal.environment), 2);
  assert.match(terminal.err(), /^error: --since must be like 7d, .*, but is "yesterday"\./u);
});
