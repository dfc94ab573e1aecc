// Where log events go: files and CloudWatch Logs, and what is said of those that are lost.

import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { CloudWatchLogs, fileNameOf, LogFiles } from "../../src/observation/index.ts";
import { Losses, LostEvents } from "../../src/observation/logs/log-sink.ts";

const GROUP = "/aws/vendedlogs/states/orders";
const AT_MS = 1_764_000_000_000;

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-logs-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

const linesOf = (...texts: readonly string[]): { line: string; atMs: number }[] =>
  texts.map((line) => ({ line, atMs: AT_MS }));

test("files are rotated", async (t) => {
  const directory = folder(t);
  const files = new LogFiles(directory, { maxBytes: 10, generations: 2 });
  for (const line of ["first line", "second line", "third line", "fourth line"]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await files.write(GROUP, "stream", linesOf(line));
  }
  const name = fileNameOf(GROUP);
  const contents = readdirSync(directory)
    .toSorted()
    .map((file) => [file, readFileSync(join(directory, file), "utf8")]);
  assert.deepEqual(contents, [
    [`${name}.jsonl`, "fourth line\n"],
    [`${name}.jsonl.1`, "third line\n"],
    [`${name}.jsonl.2`, "second line\n"],
  ]);
});

test("no name of a group leaves the folder, and each has a file of its own", () => {
  const groups = [
    "../../etc/passwd",
    "/../../etc/passwd",
    "..",
    ".",
    "/.",
    "a/../b",
    "x".repeat(512),
    "a",
    "/a",
    "//a",
    "/a/b",
    "/a~b",
    "/+a",
    "/a.1",
    "/a.jsonl.1",
  ];
  const names = groups.map(fileNameOf);
  for (const name of names) {
    assert(!name.includes("/") && !name.startsWith(".") && name.length <= 200, name);
    assert(!names.some((other) => /^\d+$/u.test(`${name}.jsonl`.replace(`${other}.jsonl.`, ""))), name);
  }
  assert.equal(new Set(names).size, groups.length);
});

test("a line that a crash has cut off is ended before the next one", async (t) => {
  const directory = folder(t);
  const path = join(directory, `${fileNameOf(GROUP)}.jsonl`);
  appendFileSync(path, 'whole\n{"id":"7');
  await new LogFiles(directory).write(GROUP, "stream", linesOf("next"));
  await new LogFiles(directory).write(GROUP, "stream", linesOf("last"));
  assert.equal(readFileSync(path, "utf8"), 'whole\n{"id":"7\nnext\nlast\n');
});

interface LogEvent {
  readonly message: string;
  readonly timestamp: number;
}
interface Received {
  readonly operation: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly logGroupName: string;
    readonly logStreamName: string;
    readonly logEvents?: LogEvent[];
  };
}
interface FakeService {
  readonly sink: CloudWatchLogs;
  readonly received: Received[];
}

/** A service that gives one answer after the other, then `{}`. */
async function fakeService(
  t: TestContext,
  answers: readonly (readonly [status: number, body: object])[],
): Promise<FakeService> {
  const received: Received[] = [];
  const left = [...answers];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    received.push({
      operation: String(incoming.headers["x-amz-target"]),
      headers: incoming.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()) as Received["body"],
    });
    const [status, body] = left.shift() ?? [200, {}];
    response.writeHead(status).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const sink = new CloudWatchLogs({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    delayMs: () => 1,
  });
  return { sink, received };
}

const MAKE = "Logs_20140328.CreateLogStream";
const PUT = "Logs_20140328.PutLogEvents";
const GONE = { __type: "ResourceNotFoundException" };

test("CloudWatch Logs gets a stream and its events, signed, and is asked again while it is busy", async (t) => {
  // The stream is there already: that is as good.
  const { sink, received } = await fakeService(t, [
    [400, { __type: "ResourceAlreadyExistsException" }],
    [503, {}],
  ]);
  await sink.write(GROUP, "stream", linesOf("a", "b"));
  await sink.write(GROUP, "stream", linesOf("c"));
  assert.deepEqual(
    received.map(({ operation }) => operation),
    [MAKE, PUT, PUT, PUT],
  );
  const { body, headers } = received[2] as Received;
  assert.match(
    headers.authorization ?? "",
    /^AWS4-HMAC-SHA256 Credential=stepwell\/\d{8}\/us-east-1\/logs\/aws4_request/u,
  );
  assert.deepEqual(body, {
    logGroupName: GROUP,
    logStreamName: "stream",
    logEvents: [
      { message: "a", timestamp: AT_MS },
      { message: "b", timestamp: AT_MS },
    ],
  });
});

test("events are put in the order of their times, and otherwise in their own", async (t) => {
  const { sink, received } = await fakeService(t, []);
  await sink.write(GROUP, "stream", [
    { line: "late", atMs: AT_MS + 1 },
    { line: "first", atMs: AT_MS },
    { line: "second", atMs: AT_MS },
  ]);
  assert.deepEqual(
    received[1]?.body.logEvents?.map(({ message }) => message),
    ["first", "second", "late"],
  );
});

test("no request has more than 10,000 events or 1 MiB", async (t) => {
  const { sink, received } = await fakeService(t, []);
  const many = Array.from({ length: 10_001 }, (_, index) => ({ line: String(index), atMs: AT_MS }));
  await sink.write(GROUP, "stream", many);
  await sink.write(GROUP, "stream", linesOf("x".repeat(600_000), "y".repeat(448_000), "z".repeat(500)));
  assert.deepEqual(
    received.map(({ body }) => body.logEvents?.length),
    [undefined, 10_000, 1, 2, 1],
  );
});

test("a stream that is gone is made again, once", async (t) => {
  const { sink, received } = await fakeService(t, [
    [200, {}],
    [200, {}],
    [400, GONE],
  ]);
  await sink.write(GROUP, "stream", linesOf("a"));
  await sink.write(GROUP, "stream", linesOf("b"));
  assert.deepEqual(
    received.map(({ operation }) => operation),
    [MAKE, PUT, PUT, MAKE, PUT],
  );
  const nothing = await fakeService(t, [[400, GONE]]);
  await assert.rejects(
    nothing.sink.write(GROUP, "stream", linesOf("a", "b")),
    (error) => error instanceof LostEvents && error.count === 2,
  );
  assert.equal(nothing.received.length, 1);
});

test("events that the service does not take count as lost", async (t) => {
  const { sink } = await fakeService(t, [
    [200, {}],
    [200, { rejectedLogEventsInfo: { expiredLogEventEndIndex: 1, tooNewLogEventStartIndex: 3 } }],
  ]);
  await assert.rejects(
    sink.write(GROUP, "stream", linesOf("old", "a", "b", "new")),
    (error) => error instanceof LostEvents && error.count === 2,
  );
});

test("what is lost is said at once, then once a minute for each group", () => {
  const log: string[] = [];
  let nowMs = 0;
  const losses = new Losses(
    (line) => log.push(line),
    () => nowMs,
  );
  losses.add("a", 1, "gone");
  losses.add("b", 1, "gone");
  nowMs = 59_999;
  losses.add("a", 10, "away");
  nowMs = 60_000;
  losses.add("a", 100, "full");
  losses.add("a", 1_000, "full");
  losses.tellAll();
  losses.tellAll();
  assert.deepEqual(log, [
    "execution logs: 1 events of a are lost: gone",
    "execution logs: 1 events of b are lost: gone",
    "execution logs: 110 events of a are lost: full",
    "execution logs: 1000 events of a are lost: full",
  ]);
});
