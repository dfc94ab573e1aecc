// Functions that hang, flood, die, answer too late or too much, as real processes behind a real server; and a Lambda
// endpoint that never answers, breaks off, or answers twice. Each ends in an error that its state can catch, within its time;
// the server and the other functions go on.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { call, freePort, pause } from "../../src/torture/index.ts";
import { ServerProcess } from "../crash/server.ts";

interface Code {
  readonly functionName: string;
  /** Body of a handler with `event`; absent: the endpoint has the function. */
  readonly handler?: string;
  readonly timeoutSeconds?: number;
}

interface Case extends Code {
  readonly name: string;
  /** Of the state. */
  readonly state?: object;
  readonly error: string;
  readonly cause: RegExp;
  readonly withinMs: number;
}

const CASES: readonly Case[] = [
  {
    name: "a function that hangs is ended by its own time-out",
    functionName: "hang",
    handler: "await new Promise(() => setInterval(() => {}, 1000));",
    timeoutSeconds: 1,
    error: "Sandbox.Timedout",
    cause: /Task timed out after 1\.00 seconds/,
    withinMs: 5_000,
  },
  {
    name: "a function that hangs in a loop is ended too",
    functionName: "spin",
    handler: "for (;;);",
    timeoutSeconds: 1,
    error: "Sandbox.Timedout",
    cause: /Task timed out after 1\.00 seconds/,
    withinMs: 5_000,
  },
  {
    name: "the state's time-out comes before the function's",
    functionName: "slow",
    handler: "await new Promise((done) => setTimeout(done, 20_000)); return { late: true };",
    timeoutSeconds: 60,
    state: { TimeoutSeconds: 1 },
    error: "States.Timeout",
    cause: /^$/,
    withinMs: 4_000,
  },
  {
    name: "an answer after the function's time-out is nobody's",
    functionName: "late",
    handler: "await new Promise((done) => setTimeout(done, 1_200)); return { late: true };",
    timeoutSeconds: 1,
    error: "Sandbox.Timedout",
    cause: /Task timed out after 1\.00 seconds/,
    withinMs: 5_000,
  },
  {
    name: "a function that exits",
    functionName: "exit",
    handler: "process.exit(3);",
    error: "Runtime.ExitError",
    cause: /exit status 3/,
    withinMs: 5_000,
  },
  {
    name: "a function that is killed",
    functionName: "killed",
    handler: 'process.kill(process.pid, "SIGKILL"); await new Promise(() => {});',
    error: "Runtime.ExitError",
    cause: /signal: killed/,
    withinMs: 5_000,
  },
  {
    name: "an answer beyond what Lambda can return",
    functionName: "huge",
    handler: 'return "x".repeat(7 * 1024 * 1024);',
    error: "Function.ResponseSizeTooLarge",
    cause: /exceeded maximum allowed payload size/,
    withinMs: 10_000,
  },
  {
    name: "an answer beyond what a state can pass on",
    functionName: "large",
    handler: 'return "x".repeat(300 * 1024);',
    error: "States.DataLimitExceeded",
    cause: /exceeding the maximum number of bytes/,
    withinMs: 10_000,
  },
  {
    name: "an endpoint that never answers",
    functionName: "endpoint-silent",
    state: { TimeoutSeconds: 1 },
    error: "States.Timeout",
    cause: /^$/,
    withinMs: 4_000,
  },
  {
    name: "an endpoint that breaks off in the middle of its answer",
    functionName: "endpoint-breaks",
    error: "Lambda.SdkClientException",
    cause: /aborted|closed|reset|socket/i,
    withinMs: 4_000,
  },
];

/** What the endpoint writes, by function; a connection each. */
const ENDPOINT: Readonly<Record<string, (write: (text: string) => void, end: () => void) => void>> = {
  "endpoint-silent": () => {},
  "endpoint-breaks": (write, end) => {
    write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"half":');
    end();
  },
  "endpoint-twice": (write) => {
    const answer = (text: string): string =>
      `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    write(answer('{"answer":1}') + answer('{"answer":2}'));
  },
};

const root = mkdtempSync(join(tmpdir(), "stepwell-functions-"));
const roleArn = "arn:aws:iam::000000000000:role/test";
let server: ServerProcess;
let endpoint: Server;

before(async () => {
  const functions = join(root, "functions");
  const echo: Code = { functionName: "echo", handler: "return event;" };
  const flood: Code = {
    functionName: "flood",
    // 32 MiB in lines of a megabyte, and some without an end.
    handler:
      'for (let i = 0; i < 32; i++) { console.log("x".repeat(1 << 20)); await null; } process.stdout.write("y".repeat(1 << 20)); return { flooded: true };',
    timeoutSeconds: 30,
  };
  for (const { functionName, handler, timeoutSeconds = 3 } of [...CASES, echo, flood] as readonly Code[]) {
    if (handler === undefined) continue;
    const folder = join(functions, functionName);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "index.mjs"), `export const handler = async (event) => { ${handler} };\n`);
    writeFileSync(join(folder, "function.json"), JSON.stringify({ timeoutSeconds }));
  }
  endpoint = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (data) => {
      const name = /functions\/([a-z-]+)\//.exec(data.toString())?.[1] ?? "";
      ENDPOINT[name]?.(
        (text) => void socket.write(text),
        () => void setTimeout(() => socket.destroy(), 50),
      );
    });
  });
  await new Promise<void>((done) => endpoint.listen(0, "127.0.0.1", done));
  const { port } = endpoint.address() as { port: number };
  server = new ServerProcess(await freePort(), [
    "--data",
    join(root, "data"),
    "--functions",
    functions,
    "--lambda-endpoint",
    `http://127.0.0.1:${port}`,
  ]);
  await server.start();
});

after(async () => {
  assert.equal(await server.stop(), 0);
  endpoint.close();
  rmSync(root, { recursive: true });
});

/** Runs one Task; resolves when it has ended. */
async function run(functionName: string, state: object, withinMs: number): Promise<Record<string, unknown>> {
  const { url } = server;
  const definition = {
    StartAt: "Call",
    States: {
      Call: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Parameters: { FunctionName: functionName, "Payload.$": "$" },
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }],
        OutputPath: "$.Payload",
        End: true,
        ...state,
      },
      Caught: { Type: "Pass", End: true },
    },
  };
  const { stateMachineArn } = await call(url, "CreateStateMachine", {
    name: functionName,
    definition: JSON.stringify(definition),
    roleArn,
  });
  const { executionArn } = await call(url, "StartExecution", { stateMachineArn, input: '{"n":1}' });
  for (const deadline = Date.now() + withinMs; ; await pause(20)) {
    const described = await call(url, "DescribeExecution", { executionArn });
    if (described["status"] !== "RUNNING") return described;
    assert.ok(Date.now() < deadline, `${functionName} still runs after ${withinMs} ms`);
  }
}

for (const { name, functionName, state = {}, error, cause, withinMs } of CASES) {
  test(name, { timeout: 60_000 }, async () => {
    const ended = await run(functionName, state, withinMs);
    assert.equal(ended["status"], "SUCCEEDED", JSON.stringify(ended));
    const caught = JSON.parse(ended["output"] as string) as { Error: string; Cause: string };
    assert.equal(caught.Error, error);
    assert.match(caught.Cause, cause);
  });
}

test("a function that floods its output gets its result, and the server keeps its memory", {
  timeout: 90_000,
}, async () => {
  const ended = await run("flood", {}, 60_000);
  assert.deepEqual(JSON.parse(ended["output"] as string), { flooded: true });
  assert.ok(server.isRunning);
});

test("an endpoint that answers twice has answered once", { timeout: 30_000 }, async () => {
  const ended = await run("endpoint-twice", {}, 5_000);
  assert.deepEqual(JSON.parse(ended["output"] as string), { answer: 1 });
});

test("after all of these, a function that behaves is served", { timeout: 30_000 }, async () => {
  const ended = await run("echo", {}, 5_000);
  assert.deepEqual(JSON.parse(ended["output"] as string), { n: 1 });
  assert.ok(CASES.length > 0);
});
