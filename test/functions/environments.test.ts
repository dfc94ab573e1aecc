// Execution environments over time: how many, how long, what ends them, what they print.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ServiceError } from "../../src/base/service-error.ts";
import { LogFile } from "../../src/functions/function-logs.ts";
import { type Files, isAlive, request, rig, skipWithoutPython, until, writeFiles } from "./support.ts";

/** Answers its pid, how often it was called and what it saw; waits as long as the event says. */
const COUNTER: Files = {
  "index.mjs": `let count = 0;
export const handler = async ({ waitMs = 0 }) => {
  count += 1;
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  return { pid: process.pid, count };
};`,
};

interface Counted {
  readonly pid: number;
  readonly count: number;
}

test("a warm environment is used again, the last used one first", async () => {
  await using functions = await rig({ counter: COUNTER });
  const call = async (waitMs = 0): Promise<Counted> =>
    JSON.parse((await functions.invoke("counter", { waitMs })).payload) as Counted;
  const first = await call();
  assert.equal(first.count, 1);
  assert.deepEqual(await call(), { pid: first.pid, count: 2 });
  const both = await Promise.all([call(300), call(300)]);
  const pids = new Set(both.map(({ pid }) => pid));
  assert.equal(pids.size, 2, "two at once need two environments");
  assert.ok(pids.has(first.pid));
  const next = await call();
  assert.deepEqual(await call(), { pid: next.pid, count: next.count + 1 });
});

test("concurrency is bounded; what exceeds it waits, and beyond the queue it is throttled", async () => {
  await using functions = await rig(
    { counter: { ...COUNTER, "function.json": '{"reservedConcurrency":2}' } },
    { limits: { queuedInvocations: 4 } },
  );
  await functions.invoke("counter");
  const running = Array.from({ length: 5 }, () => functions.invoke("counter", { waitMs: 200 }));
  // One runs in the warm environment and four wait: there is no room for the next.
  await assert.rejects(functions.invoke("counter"), (error: ServiceError) => {
    assert.equal(error.code, "TooManyRequestsException");
    assert.equal(error.message, "Rate Exceeded.");
    assert.equal(error.status, 429);
    assert.equal(error.members["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert.match(String(error.members["requestId"]), /^[0-9a-f-]{36}$/);
    return true;
  });
  const pids = (await Promise.all(running)).map(({ payload }) => (JSON.parse(payload) as Counted).pid);
  assert.equal(pids.length, 5);
  assert.ok(new Set(pids).size <= 2);
});

test("a function with a reserved concurrency of 0 is always throttled", async () => {
  await using functions = await rig({
    counter: { ...COUNTER, "function.json": '{"reservedConcurrency":0}' },
  });
  await assert.rejects(functions.invoke("counter"), { code: "TooManyRequestsException" });
});

test("a timeout is answered, and everything the function started is killed", async () => {
  await using functions = await rig({
    slow: {
      "index.mjs": `import { spawn } from "node:child_process";
export const handler = async () => {
  const child = spawn("sleep", ["600"]);
  console.log(JSON.stringify([process.pid, child.pid]));
  for (;;);
};`,
      "function.json": '{"timeoutSeconds":1}',
    },
  });
  const startedAtMs = performance.now();
  const { payload } = await functions.invoke("slow");
  assert.match(payload, /Task timed out after 1\.00 seconds/);
  assert.ok(performance.now() - startedAtMs < 3000);
  const pids = JSON.parse(
    functions.lines.find(({ stream }) => stream === "stdout")?.text ?? "[]",
  ) as number[];
  assert.equal(pids.length, 2);
  await until("both processes are gone", () => !pids.some(isAlive));
});

test("after a crash the next invocation finds a fresh environment", async () => {
  await using functions = await rig({
    flaky: {
      "index.mjs":
        "let count = 0; export const handler = async ({ die }) => { count += 1; if (die) process.exit(5); return count; };",
    },
  });
  assert.equal((await functions.invoke("flaky")).payload, "1");
  assert.equal((await functions.invoke("flaky", { die: true })).functionError, "Unhandled");
  assert.equal((await functions.invoke("flaky")).payload, "1");
});

test("an environment that ends between two invocations is not used again", async () => {
  await using functions = await rig({
    leaving: {
      "index.mjs":
        "export const handler = async () => { setTimeout(() => process.exit(4), 20); return process.pid; };",
    },
  });
  const first = Number((await functions.invoke("leaving")).payload);
  await until("it is gone", () => !isAlive(first));
  assert.notEqual(Number((await functions.invoke("leaving")).payload), first);
});

test("a start that fails once is tried again before the invocation fails", async () => {
  await using functions = await rig({
    second: {
      "index.mjs": `import { existsSync, writeFileSync } from "node:fs";
const marker = import.meta.dirname + "/started";
if (!existsSync(marker)) { writeFileSync(marker, ""); throw new Error("not the first time"); }
export const handler = async () => "second start";`,
    },
  });
  assert.equal((await functions.invoke("second")).payload, '"second start"');
});

test("a start that never ends is a timeout, after the second try", async () => {
  await using functions = await rig(
    { stuck: { "index.mjs": "for (;;);", "function.json": '{"timeoutSeconds":1}' } },
    { limits: { initMs: 200 } },
  );
  const { payload, requestId } = await functions.invoke("stuck");
  assert.deepEqual(JSON.parse(payload), {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${requestId} Error: Task timed out after 1.00 seconds`,
  });
});

const eaters = [
  {
    name: "Node (while it loads)",
    files: {
      "index.mjs":
        "const kept = []; for (;;) { kept.push(Buffer.alloc(4 << 20, 1)); await new Promise((r) => setTimeout(r, 1)); }",
    },
    loading: true,
    skip: false as string | false,
  },
  {
    name: "Node",
    files: {
      "index.mjs":
        "const kept = []; export const handler = async () => { for (;;) { kept.push(Buffer.alloc(4 << 20, 1)); await new Promise((r) => setTimeout(r, 1)); } };",
    },
    loading: false,
    skip: false as string | false,
  },
  {
    name: "Python",
    files: {
      "lambda_function.py":
        "import time\nkept = []\ndef lambda_handler(event, context):\n    while True:\n        kept.append(bytearray(b'x' * (4 << 20)))\n        time.sleep(0.001)\n",
    },
    loading: false,
    skip: skipWithoutPython,
  },
];
for (const { name, files, loading, skip } of eaters) {
  const withoutProc = process.platform === "linux" ? skip : "memory is watched on Linux only";
  test(`a ${name} function with more memory than it may have is killed`, { skip: withoutProc }, async () => {
    await using functions = await rig({
      eater: { ...files, "function.json": '{"timeoutSeconds":20,"memoryMegabytes":160}' },
    });
    const { payload, requestId } = await functions.invoke("eater");
    assert.deepEqual(JSON.parse(payload), {
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`,
    });
    if (loading) return;
    const report = functions.lines.find(({ text }) => text.startsWith("REPORT"))?.text ?? "";
    assert.match(
      report,
      /Memory Size: 160 MB\tMax Memory Used: 160 MB\t.*Status: error\tError Type: Runtime\.OutOfMemory$/,
    );
  });
}

test("a caller that aborts stops waiting; what runs goes on to its end, what waits is dropped", async () => {
  await using functions = await rig({
    counter: {
      "index.mjs":
        "export const handler = async ({ name, waitMs }) => { console.log('begin ' + name); await new Promise((r) => setTimeout(r, waitMs)); console.log('end ' + name); };",
      "function.json": '{"reservedConcurrency":1}',
    },
  });
  const controller = new AbortController();
  const signal = controller.signal;
  const runs = functions.invoke("counter", { name: "runs", waitMs: 300 }, { signal });
  const waits = functions.invoke("counter", { name: "waits", waitMs: 0 }, { signal });
  const ended = Promise.allSettled([runs, waits]);
  await until("the first runs", () => functions.lines.some(({ text }) => text === "begin runs"));
  controller.abort(new Error("enough"));
  assert.deepEqual(
    (await ended).map((result) =>
      result.status === "rejected" ? (result.reason as Error).message : "answered",
    ),
    ["enough", "enough"],
  );
  await functions.invoke("counter", { name: "after", waitMs: 0 });
  const printed = functions.lines.filter(({ stream }) => stream === "stdout").map(({ text }) => text);
  assert.deepEqual(printed, ["begin runs", "end runs", "begin after", "end after"]);
});

test("a payload of 6 MB goes there and back, and one byte more is refused", async () => {
  await using functions = await rig({
    echo: {
      "index.mjs": "export const handler = async (event) => event;",
      "function.json": '{"timeoutSeconds":30,"memoryMegabytes":512}',
    },
  });
  const largest = "é".repeat((6_291_456 - 2) / 2);
  assert.equal((await functions.invoke("echo", largest)).payload, JSON.stringify(largest));
  await assert.rejects(functions.invoke("echo", `${largest}x`), {
    code: "RequestEntityTooLargeException",
    status: 413,
    message: "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
  });
  await assert.rejects(functions.invoke("echo", "x".repeat(1_048_575), { invocationType: "Event" }), {
    code: "RequestTooLargeException",
    message: "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
  });
});

test("an asynchronous invocation is accepted at once and runs, with two retries when it fails", async () => {
  await using functions = await rig(
    {
      worker: {
        "index.mjs":
          "export const handler = async ({ fail }, context) => { console.log('run'); if (fail) throw new Error('again'); };",
      },
    },
    { limits: { eventRetryDelaysMs: [1, 2] } },
  );
  const accepted = await functions.invoke("worker", { fail: true }, { invocationType: "Event" });
  assert.deepEqual(
    { ...accepted, headers: {} },
    { statusCode: 202, requestId: accepted.requestId, payload: "", headers: {} },
  );
  await until("it is given up", () => functions.lines.some(({ text }) => text.endsWith("Given up.")));
  const runs = functions.lines.filter(({ text }) => text === "run");
  assert.deepEqual(
    runs.map(({ requestId }) => requestId),
    [accepted.requestId, accepted.requestId, accepted.requestId],
  );
  const dryRun = await functions.invoke("worker", {}, { invocationType: "DryRun" });
  assert.equal(dryRun.statusCode, 204);
  assert.equal(functions.lines.filter(({ text }) => text === "run").length, 3);
});

test("log lines carry their request id, between START, END and REPORT", async () => {
  await using functions = await rig({
    chatty: {
      "index.mjs":
        "console.log('loading'); export const handler = async () => { console.log('one\\ntwo'); process.stderr.write('no line break'); };",
    },
  });
  const { requestId, logResult } = await functions.invoke("chatty", {}, { logType: "Tail" });
  const lines = functions.lines.map((line) => [
    line.stream,
    line.requestId,
    line.text.replaceAll(/\d+\.\d+ ms|\d+ (ms|MB)/g, "n"),
  ]);
  assert.deepEqual(lines, [
    ["stdout", undefined, "loading"],
    ["platform", requestId, `START RequestId: ${requestId} Version: $LATEST`],
    ["stdout", requestId, "one"],
    ["stdout", requestId, "two"],
    ["stderr", requestId, "no line break"],
    ["platform", requestId, `END RequestId: ${requestId}`],
    [
      "platform",
      requestId,
      `REPORT RequestId: ${requestId}\tDuration: n\tBilled Duration: n\tMemory Size: n\tMax Memory Used: n\tInit Duration: n`,
    ],
  ]);
  const tail = Buffer.from(logResult ?? "", "base64").toString();
  assert.equal(
    tail,
    `${functions.lines
      .slice(1)
      .map(({ text }) => text)
      .join("\n")}\n`,
  );
});

const spellings = [
  { runtime: "python3.11", text: '"\\u00e9"' },
  { runtime: "python3.12", text: '"é"' },
];
for (const { runtime, text } of spellings) {
  test(`${runtime} writes what is not ASCII as Lambda's does`, { skip: skipWithoutPython }, async () => {
    await using functions = await rig({
      spells: {
        "lambda_function.py": "def lambda_handler(event, context):\n    return 'é'\n",
        "function.json": JSON.stringify({ runtime }),
      },
    });
    assert.equal((await functions.invoke("spells")).payload, text);
  });
}

test("without anybody who reads logs none are made, and nothing else changes", async () => {
  await using functions = await rig({ counter: COUNTER }, {}, { silent: true });
  const counts: number[] = [];
  for (let i = 0; i < 3; i++)
    counts.push((JSON.parse((await functions.invoke("counter")).payload) as Counted).count);
  assert.deepEqual(counts, [1, 2, 3]);
  const { logResult } = await functions.invoke("counter", {}, { logType: "Tail" });
  assert.match(
    Buffer.from(logResult ?? "", "base64").toString(),
    /^START [^\n]*\nEND [^\n]*\nREPORT [^\n]*\n$/,
  );
});

test("the log tail is the last four kilobytes", async () => {
  await using functions = await rig({
    chatty: {
      "index.mjs":
        "export const handler = async () => { for (let i = 0; i < 1000; i++) console.log('line ' + i); };",
    },
  });
  const { logResult } = await functions.invoke("chatty", {}, { logType: "Tail" });
  const tail = Buffer.from(logResult ?? "", "base64");
  assert.equal(tail.length, 4096);
  assert.match(tail.toString(), /line 998\nline 999\nEND RequestId/);
  assert.equal((await functions.invoke("chatty")).logResult, undefined);
});

test("each function has a log file", async () => {
  const logDirectory = await mkdtemp(path.join(tmpdir(), "function-logs-"));
  let requestId = "";
  {
    await using functions = await rig(
      { chatty: { "index.mjs": "export const handler = async () => { console.log('printed'); };" } },
      { logDirectory: path.join(logDirectory, "new") },
    );
    ({ requestId } = await functions.invoke("chatty"));
  }
  const text = await readFile(path.join(logDirectory, "new/chatty.log"), "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").slice(1, 3));
  assert.deepEqual(lines, [
    [requestId, "START"],
    [requestId, "printed"],
    [requestId, "END"],
    [requestId, "REPORT"],
  ]);
  await rm(logDirectory, { recursive: true });
});

test("a log file that is full is kept once and begun anew; one that cannot be written says so once", async () => {
  const logDirectory = await mkdtemp(path.join(tmpdir(), "function-logs-"));
  const errors: string[] = [];
  const failed = (error: Error): number => errors.push((error as NodeJS.ErrnoException).code ?? "");
  const file = new LogFile(logDirectory, "fn", 50, failed);
  for (const line of ["first", "second", "third"]) {
    file.append(line.repeat(5));
    await file.close();
  }
  assert.equal(await readFile(path.join(logDirectory, "fn.log"), "utf8"), `${"third".repeat(5)}\n`);
  assert.equal(await readFile(path.join(logDirectory, "fn.log.1"), "utf8"), `${"second".repeat(5)}\n`);
  const broken = new LogFile(path.join(logDirectory, "fn.log"), "fn", 50, failed);
  for (const line of ["lost", "lost too"]) {
    broken.append(line);
    await broken.close();
  }
  assert.deepEqual(errors, ["EEXIST"]);
  await rm(logDirectory, { recursive: true });
});

test("idle environments are ended after a while", async () => {
  await using functions = await rig({ counter: COUNTER }, { limits: { idleMs: 50 } });
  const { pid } = JSON.parse((await functions.invoke("counter")).payload) as Counted;
  await until("it is gone", () => !isAlive(pid));
  assert.notEqual((JSON.parse((await functions.invoke("counter")).payload) as Counted).pid, pid);
});

test("reload runs new code, finds new functions and forgets those that are gone", async () => {
  const answer = (text: string): Files => ({
    "index.mjs": `export const handler = async ({ waitMs = 0 }) => { await new Promise((r) => setTimeout(r, waitMs)); return "${text}"; };`,
  });
  await using functions = await rig({ changing: answer("old"), leaving: answer("here") });
  assert.equal((await functions.invoke("changing")).payload, '"old"');
  const running = functions.invoke("changing", { waitMs: 200 });
  await writeFiles(functions.directory, {
    "changing/index.mjs": answer("new")["index.mjs"] ?? "",
    "added/index.mjs": answer("added")["index.mjs"] ?? "",
  });
  await rm(path.join(functions.directory, "leaving"), { recursive: true });
  await functions.functions.reload();
  assert.equal((await functions.invoke("changing")).payload, '"new"');
  assert.equal((await running).payload, '"old"');
  assert.equal((await functions.invoke("added")).payload, '"added"');
  await assert.rejects(functions.invoke("leaving"), { code: "ResourceNotFoundException" });
  assert.deepEqual(
    functions.functions
      .list()
      .map(({ name }) => name)
      .toSorted(),
    ["added", "changing"],
  );
});

test("reload while invocations wait and environments start lets them run, in new code", async () => {
  await using functions = await rig({ counter: COUNTER });
  const waiting = Array.from({ length: 20 }, () => functions.invoke("counter"));
  await functions.functions.reload();
  await functions.functions.reload("counter");
  const answers = await Promise.all(waiting);
  assert.equal(answers.filter(({ functionError }) => functionError === undefined).length, 20);
});

test("a function that is gone or broken refuses what waits; what runs goes on, and close ends it", async () => {
  const slow: Files = {
    "index.mjs":
      "export const handler = async ({ waitMs }) => { console.log(process.pid); await new Promise((r) => setTimeout(r, waitMs)); return 'ran'; };",
    "function.json": '{"reservedConcurrency":1,"timeoutSeconds":60}',
  };
  await using functions = await rig({ gone: slow, broken: slow });
  const runs = [functions.invoke("gone", { waitMs: 300 }), functions.invoke("broken", { waitMs: 300 })];
  const waits = Promise.allSettled([
    functions.invoke("gone", { waitMs: 0 }),
    functions.invoke("broken", { waitMs: 0 }),
  ]);
  const pids = (): number[] =>
    functions.lines.filter(({ stream }) => stream === "stdout").map(({ text }) => Number(text));
  await until("both run", () => pids().length === 2);
  await rm(path.join(functions.directory, "gone"), { recursive: true });
  await writeFiles(functions.directory, { "broken/function.json": '{"timeoutSeconds":-1}' });
  await functions.functions.reload();
  const codes = (await waits).map((result) =>
    result.status === "rejected" ? (result.reason as ServiceError).code : "answered",
  );
  assert.deepEqual(codes, ["ResourceNotFoundException", "ResourceConflictException"]);
  assert.deepEqual(
    (await Promise.all(runs)).map(({ payload }) => payload),
    ['"ran"', '"ran"'],
  );
  await until("both processes are gone", () => !pids().some(isAlive));
  await writeFiles(functions.directory, { "broken/function.json": slow["function.json"] ?? "" });
  await functions.functions.reload();
  const last = assert.rejects(functions.invoke("broken", { waitMs: 60_000 }), /closed/);
  await until("it runs", () => pids().length === 3);
  await rm(path.join(functions.directory, "broken"), { recursive: true });
  await functions.functions.reload();
  assert.ok(isAlive(pids()[2] ?? 0));
  await functions.functions.close();
  await last;
  assert.ok(!isAlive(pids()[2] ?? 0));
});

test("the environment is Lambda's and the user's, and nothing of this process", async () => {
  process.env["SECRET_OF_THE_SERVER"] = "leaked";
  await using functions = await rig(
    {
      shows: {
        "index.mjs": "export const handler = async () => process.env;",
        "function.json": '{"environment":{"MINE":"1","SHARED":"own"}}',
      },
    },
    { environment: { SHARED: "all", AWS_ENDPOINT_URL_SFN: "http://127.0.0.1:1" } },
  );
  const environment = JSON.parse((await functions.invoke("shows")).payload) as Record<string, string>;
  delete process.env["SECRET_OF_THE_SERVER"];
  assert.equal(environment["MINE"], "1");
  assert.equal(environment["SHARED"], "own");
  assert.equal(environment["AWS_ENDPOINT_URL_SFN"], "http://127.0.0.1:1");
  assert.deepEqual(Object.keys(environment).toSorted(), [
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL_SFN",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_CONTEXT_MISSING",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "MINE",
    "PATH",
    "SHARED",
    "TZ",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
  ]);
});

test("close ends everything, also what runs, and says that its outcome is unknown", async () => {
  await using functions = await rig({
    stubborn: {
      "index.mjs":
        "process.on('SIGTERM', () => {}); export const handler = async () => { console.log(process.pid); await new Promise((r) => setTimeout(r, 60_000)); };",
      "function.json": '{"timeoutSeconds":60}',
    },
  });
  const running = assert.rejects(
    functions.functions.invoke(request("stubborn", {})),
    /closed; what became of the invocation is unknown/,
  );
  await until("it runs", () => functions.lines.some(({ stream }) => stream === "stdout"));
  const pid = Number(functions.lines.find(({ stream }) => stream === "stdout")?.text);
  await functions.functions.close();
  await running;
  assert.ok(!isAlive(pid));
  await assert.rejects(functions.invoke("stubborn"), /closed/);
});
