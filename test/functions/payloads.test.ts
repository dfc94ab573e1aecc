// What a caller gets for what a function does: whole documents, as Lambda writes them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, type Files, REGION, rig, skipWithoutPython } from "./support.ts";

interface Case {
  readonly name: string;
  readonly files: Files;
  readonly event?: unknown;
  readonly clientContext?: string;
  /** The payload, parsed. Own paths appear as `/task`, the request id as `<id>`. */
  readonly payload: unknown;
  readonly failed?: boolean;
}

const mjs = (body: string): Files => ({ "index.mjs": body });
const py = (body: string): Files => ({ "lambda_function.py": body });
const failure = (errorType: string, errorMessage: string, trace?: readonly string[]): object => ({
  errorType,
  errorMessage,
  ...(trace === undefined ? {} : { trace }),
});
const raised = (
  errorType: string,
  errorMessage: string,
  stackTrace: readonly string[] = [],
  requestId = "<id>",
): object => ({
  errorMessage,
  errorType,
  requestId,
  stackTrace,
});
const exitError = (reason: string): object =>
  failure("Runtime.ExitError", `RequestId: <id> Error: Runtime exited ${reason}`);

const node: readonly Case[] = [
  {
    name: "an async ES module handler returns its value",
    files: mjs("export const handler = async (event) => ({ got: event });"),
    event: { a: [1, "é", null] },
    payload: { got: { a: [1, "é", null] } },
  },
  {
    name: "a CommonJS handler returns its value",
    files: { "index.js": "exports.handler = async (event) => event.x * 2;" },
    event: { x: 21 },
    payload: 42,
  },
  {
    name: "a .cjs handler with a computed export is found",
    files: { "index.cjs": "module.exports = Object.fromEntries([['handler', async () => 'ok']]);" },
    payload: "ok",
  },
  {
    name: "a TypeScript handler runs as it is",
    files: {
      "index.ts":
        "interface E { readonly n: number }\nexport const handler = async (event: E): Promise<number> => event.n + 1;",
    },
    event: { n: 1 },
    payload: 2,
  },
  {
    name: "a callback handler answers when the event loop is empty",
    files: {
      "index.js":
        "let late = 'early'; exports.handler = (event, context, callback) => { setTimeout(() => { late = 'late'; }, 30); callback(null, { get late() { return late; } }); };",
    },
    payload: { late: "late" },
  },
  {
    name: "a callback handler may ask not to wait for the event loop",
    files: {
      "index.js":
        "exports.handler = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); callback(null, 'now'); };",
    },
    payload: "now",
  },
  {
    name: "a callback error is the failure",
    files: { "index.js": "exports.handler = (event, context, callback) => callback('went wrong');" },
    failed: true,
    payload: failure("string", "went wrong", []),
  },
  {
    name: "context.succeed answers",
    files: {
      "index.js":
        "exports.handler = (event, context) => { setTimeout(() => context.succeed('by context'), 5); };",
    },
    payload: "by context",
  },
  {
    name: "a handler that never answers, with nothing left to wait for, answers null",
    files: { "index.js": "exports.handler = (event, context, callback) => {};" },
    payload: null,
  },
  {
    name: "a Promise that can never settle is a failure, not a timeout",
    files: mjs("export const handler = () => new Promise(() => {});"),
    failed: true,
    payload: failure(
      "Runtime.NodeJsExit",
      "The handler returned a Promise that was never settled, and nothing is left to wait for.",
      [
        "Runtime.NodeJsExit: The handler returned a Promise that was never settled, and nothing is left to wait for.",
      ],
    ),
  },
  { name: "undefined is null", files: mjs("export const handler = async () => undefined;"), payload: null },
  {
    name: "keys are data",
    files: mjs("export const handler = async (event) => JSON.parse(JSON.stringify(event));"),
    event: JSON.parse('{"__proto__":{"x":1},"constructor":2}'),
    payload: JSON.parse('{"__proto__":{"x":1},"constructor":2}'),
  },
  {
    name: "an Error becomes its type, message and trace, without our frames",
    files: mjs("export const handler = async () => {\n  throw new TypeError('boom');\n};"),
    failed: true,
    payload: failure("TypeError", "boom", ["TypeError: boom", "    at handler (file:///task/index.mjs:2:9)"]),
  },
  {
    name: "an Error after an await has no frames of ours either",
    files: mjs(
      "export const handler = async () => {\n  await 1;\n  class CustomError extends Error { name = 'CustomError'; }\n  throw new CustomError('later');\n};",
    ),
    failed: true,
    payload: failure("CustomError", "later", [
      "CustomError: later",
      "    at handler (file:///task/index.mjs:4:9)",
      "…",
    ]),
  },
  {
    name: "a thrown string has no trace",
    files: mjs("export const handler = async () => { throw 'x'; };"),
    failed: true,
    payload: failure("string", "x", []),
  },
  {
    name: "a thrown undefined has no trace",
    files: mjs("export const handler = async () => { throw undefined; };"),
    failed: true,
    payload: failure("undefined", "undefined", []),
  },
  {
    name: "a result that JSON cannot hold is a failure",
    files: mjs("export const handler = async () => { const a = {}; a.a = a; return a; };"),
    failed: true,
    payload: failure("Runtime.JSONStringifyError", "Unable to stringify response body", [
      "Runtime.JSONStringifyError: Unable to stringify response body",
    ]),
  },
  {
    name: "exit 0 has no reason",
    files: mjs("export const handler = async () => process.exit(0);"),
    failed: true,
    payload: exitError("without providing a reason"),
  },
  {
    name: "exit 7 has its status",
    files: mjs("export const handler = async () => process.exit(7);"),
    failed: true,
    payload: exitError("with error: exit status 7"),
  },
  {
    name: "a signal has its name",
    files: mjs(
      "export const handler = async () => { process.kill(process.pid, 'SIGKILL'); await new Promise((r) => setTimeout(r, 5000)); };",
    ),
    failed: true,
    payload: exitError("with error: signal: killed"),
  },
  {
    name: "an uncaught exception is the failure of the invocation",
    files: mjs(
      "export const handler = () => { setImmediate(function later() { throw new RangeError('outside'); }); return new Promise((r) => setTimeout(r, 5000)); };",
    ),
    failed: true,
    payload: failure("RangeError", "outside", [
      "RangeError: outside",
      "    at Immediate.later (file:///task/index.mjs:1:70)",
      "…",
    ]),
  },
  {
    name: "an unhandled rejection is the failure of the invocation",
    files: mjs(
      "export const handler = () => { void Promise.reject('nobody'); return new Promise((r) => setTimeout(r, 5000)); };",
    ),
    failed: true,
    payload: {
      errorType: "Runtime.UnhandledPromiseRejection",
      errorMessage: "nobody",
      reason: { errorType: "string", errorMessage: "nobody", trace: [] },
      promise: {},
      trace: ["Runtime.UnhandledPromiseRejection: nobody"],
    },
  },
  {
    name: "a timeout is said in Lambda's words",
    files: { ...mjs("export const handler = () => { for (;;); };"), "function.json": '{"timeoutSeconds":1}' },
    failed: true,
    payload: failure("Sandbox.Timedout", "RequestId: <id> Error: Task timed out after 1.00 seconds"),
  },
  {
    name: "a module that is missing is an ImportModuleError",
    files: { "index.js": "require('no-such-module'); exports.handler = async () => 1;" },
    failed: true,
    payload: failure(
      "Runtime.ImportModuleError",
      "Error: Cannot find module 'no-such-module'\nRequire stack:\n- /task/index.js",
      [
        "Runtime.ImportModuleError: Error: Cannot find module 'no-such-module'",
        "Require stack:",
        "- /task/index.js",
        "…",
      ],
    ),
  },
  {
    name: "a package that an ES module misses is an ImportModuleError",
    files: mjs("import 'no-such-package';\nexport const handler = async () => 1;"),
    failed: true,
    payload: failure(
      "Runtime.ImportModuleError",
      "Error: Cannot find package 'no-such-package' imported from /task/index.mjs",
      [
        "Runtime.ImportModuleError: Error: Cannot find package 'no-such-package' imported from /task/index.mjs",
        "…",
      ],
    ),
  },
  {
    name: "a syntax error is a UserCodeSyntaxError",
    files: mjs("export const handler = async () => {\n"),
    failed: true,
    payload: failure("Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input", [
      "Runtime.UserCodeSyntaxError: SyntaxError: Unexpected end of input",
      "…",
    ]),
  },
  {
    name: "an export that is missing is HandlerNotFound",
    files: mjs("export const main = 1;"),
    failed: true,
    payload: failure("Runtime.HandlerNotFound", "index.handler is undefined or not exported", [
      "Runtime.HandlerNotFound: index.handler is undefined or not exported",
    ]),
  },
  {
    name: "an export that is no function is HandlerNotFound",
    files: mjs("export const handler = 1;"),
    failed: true,
    payload: failure("Runtime.HandlerNotFound", "index.handler is not a function", [
      "Runtime.HandlerNotFound: index.handler is not a function",
    ]),
  },
  {
    name: "an error while loading is that error",
    files: mjs("throw new Error('no start');"),
    failed: true,
    payload: failure("Error", "no start", ["Error: no start", "    at file:///task/index.mjs:1:7", "…"]),
  },
  {
    name: "an exit while loading is tried twice and then an ExitError",
    files: mjs("process.exit(3);"),
    failed: true,
    payload: exitError("with error: exit status 3"),
  },
  {
    name: "a response beyond 6 MiB is refused",
    files: mjs("export const handler = async (event) => 'x'.repeat(event.size);"),
    event: { size: 6_291_555 },
    failed: true,
    payload: failure(
      "Function.ResponseSizeTooLarge",
      "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    ),
  },
  {
    name: "a nested export of a file in a folder is a handler",
    files: {
      "src/api.mjs": "export const routes = { get: async () => 'got' };",
      "function.json": '{"handler":"src/api.routes.get"}',
    },
    payload: "got",
  },
  {
    name: "the context has what Lambda's has",
    files: {
      ...mjs(
        "export const handler = async (event, context) => { const left = context.getRemainingTimeInMillis(); const { awsRequestId, logStreamName, ...rest } = context; return { ...rest, id: awsRequestId, stream: /^\\d{4}\\/\\d\\d\\/\\d\\d\\/\\[\\$LATEST\\][0-9a-f]{32}$/.test(logStreamName), inTime: left > 4000 && left <= 5000 }; };",
      ),
      "function.json": '{"timeoutSeconds":5,"memoryMegabytes":256}',
    },
    clientContext: Buffer.from('{"custom":{"é":"\\n"}}').toString("base64"),
    payload: {
      callbackWaitsForEmptyEventLoop: true,
      clientContext: { custom: { é: "\n" } },
      functionName: "subject",
      functionVersion: "$LATEST",
      id: "<id>",
      inTime: true,
      invokedFunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:subject`,
      logGroupName: "/aws/lambda/subject",
      memoryLimitInMB: "256",
      stream: true,
    },
  },
];

const pythonCases: readonly Case[] = [
  {
    name: "a handler returns its value",
    files: py("def lambda_handler(event, context):\n    return {'got': event}\n"),
    event: { a: [1, "é", null, true] },
    payload: { got: { a: [1, "é", null, true] } },
  },
  { name: "None is null", files: py("def lambda_handler(event, context):\n    pass\n"), payload: null },
  {
    name: "Decimals are numbers",
    files: py(
      "from decimal import Decimal\ndef lambda_handler(event, context):\n    return [Decimal('3'), Decimal('1.5')]\n",
    ),
    payload: [3, 1.5],
  },
  {
    name: "a lone surrogate survives as an escape",
    files: py("def lambda_handler(event, context):\n    return chr(0xd800)\n"),
    payload: "\ud800",
  },
  {
    name: "bytes are taken as JSON text",
    files: py("def lambda_handler(event, context):\n    return b'{\"raw\":1}'\n"),
    payload: { raw: 1 },
  },
  {
    name: "an exception has type, message, request id and stack",
    files: py(
      "def lambda_handler(event, context):\n    helper()\n\ndef helper():\n    raise ValueError('boom')\n",
    ),
    failed: true,
    payload: raised("ValueError", "boom", [
      '  File "/task/lambda_function.py", line 2, in lambda_handler\n    helper()\n',
      "  File \"/task/lambda_function.py\", line 5, in helper\n    raise ValueError('boom')\n",
    ]),
  },
  {
    name: "an exception without a message has an empty one",
    files: py(
      "class CustomException(Exception):\n    pass\ndef lambda_handler(event, context):\n    raise CustomException()\n",
    ),
    failed: true,
    payload: raised("CustomException", "", [
      '  File "/task/lambda_function.py", line 4, in lambda_handler\n    raise CustomException()\n',
    ]),
  },
  {
    name: "a result that JSON cannot hold is a MarshalError",
    files: py("def lambda_handler(event, context):\n    return object()\n"),
    failed: true,
    payload: raised(
      "Runtime.MarshalError",
      "Unable to marshal response: Object of type object is not JSON serializable",
    ),
  },
  {
    name: "exit 0 has no reason",
    files: py("import sys\ndef lambda_handler(event, context):\n    sys.exit(0)\n"),
    failed: true,
    payload: exitError("without providing a reason"),
  },
  {
    name: "exit 7 has its status",
    files: py("import sys\ndef lambda_handler(event, context):\n    sys.exit(7)\n"),
    failed: true,
    payload: exitError("with error: exit status 7"),
  },
  {
    name: "a signal has its name",
    files: py("import os\ndef lambda_handler(event, context):\n    os.kill(os.getpid(), 11)\n"),
    failed: true,
    payload: exitError("with error: signal: segmentation fault"),
  },
  {
    name: "a timeout is said in Lambda's words",
    files: {
      ...py("def lambda_handler(event, context):\n    while True: pass\n"),
      "function.json": '{"timeoutSeconds":1}',
    },
    failed: true,
    payload: failure("Sandbox.Timedout", "RequestId: <id> Error: Task timed out after 1.00 seconds"),
  },
  {
    name: "a module that is missing is an ImportModuleError",
    files: py("import no_such_module\n"),
    failed: true,
    payload: raised(
      "Runtime.ImportModuleError",
      "Unable to import module 'lambda_function': No module named 'no_such_module'",
      [],
      "",
    ),
  },
  {
    name: "a syntax error is a UserCodeSyntaxError",
    files: py("def lambda_handler(event, context):\n    return (\n"),
    failed: true,
    payload: raised(
      "Runtime.UserCodeSyntaxError",
      "Syntax error in module 'lambda_function': '(' was never closed (lambda_function.py, line 2)",
      ['  File "/task/lambda_function.py" Line 2\n        return (\n'],
      "",
    ),
  },
  {
    name: "a handler that is missing is HandlerNotFound",
    files: py("x = 1\n"),
    failed: true,
    payload: raised(
      "Runtime.HandlerNotFound",
      "Handler 'lambda_handler' missing on module 'lambda_function'",
      [],
      "",
    ),
  },
  {
    name: "an error while loading is that error",
    files: py("raise KeyError('no start')\n"),
    failed: true,
    payload: raised(
      "KeyError",
      "'no start'",
      ["  File \"/task/lambda_function.py\", line 1, in <module>\n    raise KeyError('no start')\n"],
      "",
    ),
  },
  {
    name: "a response beyond 6 MiB is refused",
    files: py("def lambda_handler(event, context):\n    return 'x' * event['size']\n"),
    event: { size: 6_291_555 },
    failed: true,
    payload: failure(
      "Function.ResponseSizeTooLarge",
      "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    ),
  },
  {
    name: "a handler in a package is found",
    files: {
      "pkg/api.py": "def get(event, context):\n    return 'got'\n",
      "function.json": '{"handler":"pkg.api.get"}',
    },
    payload: "got",
  },
  {
    name: "the context has what Lambda's has",
    files: {
      ...py(
        "def lambda_handler(event, context):\n    left = context.get_remaining_time_in_millis()\n    return {'id': context.aws_request_id, 'name': context.function_name, 'version': context.function_version, 'arn': context.invoked_function_arn, 'memory': context.memory_limit_in_mb, 'group': context.log_group_name, 'custom': context.client_context.custom, 'identity': context.identity.cognito_identity_id, 'inTime': 4000 < left <= 5000}\n",
      ),
      "function.json": '{"timeoutSeconds":5,"memoryMegabytes":256}',
    },
    clientContext: Buffer.from('{"custom":{"é":"\\n"}}').toString("base64"),
    payload: {
      arn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:subject`,
      custom: { é: "\n" },
      group: "/aws/lambda/subject",
      id: "<id>",
      identity: null,
      inTime: true,
      memory: "256",
      name: "subject",
      version: "$LATEST",
    },
  },
];

const provided: readonly Case[] = [
  {
    name: "any program that speaks the Runtime API is a function",
    files: {
      "bootstrap!": `#!/usr/bin/env node
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/invocation/";
for (;;) {
  const next = await fetch(base + "next");
  const event = await next.json();
  await fetch(base + next.headers.get("lambda-runtime-aws-request-id") + "/response", { method: "POST", body: JSON.stringify({ got: event, handler: process.env._HANDLER }) });
}
`,
      "package.json": '{"type":"module"}',
    },
    event: { a: 1 },
    payload: { got: { a: 1 }, handler: "bootstrap" },
  },
  {
    name: "a program that only exits is an ExitError",
    files: { "bootstrap!": "#!/bin/sh\nexit 9\n" },
    failed: true,
    payload: exitError("with error: exit status 9"),
  },
  {
    name: "a program whose interpreter is missing is an InvalidEntrypoint",
    files: { "bootstrap!": "#!/no/such/shell\n" },
    failed: true,
    payload: failure("Runtime.InvalidEntrypoint", "RequestId: <id> Error: spawn /task/bootstrap ENOENT"),
  },
];

const groups = [
  { title: "Node", cases: node, skip: false as string | false },
  { title: "Python", cases: pythonCases, skip: skipWithoutPython },
  { title: "provided", cases: provided, skip: false as string | false },
];

for (const { title, cases, skip } of groups) {
  assert.ok(cases.length > 0);
  for (const { name, files, event, clientContext, payload, failed } of cases) {
    test(`${title}: ${name}`, { skip }, async () => {
      await using functions = await rig({ subject: files });
      assert.deepEqual(
        functions.functions.list().flatMap(({ problems }) => problems),
        [],
      );
      const response = await functions.invoke(
        "subject",
        event,
        clientContext === undefined ? {} : { clientContext },
      );
      const text = response.payload
        .replaceAll(response.requestId, "<id>")
        .replaceAll(`${functions.directory}/subject`, "/task");
      assert.deepEqual(shortened(JSON.parse(text), payload), payload);
      assert.deepEqual(
        { ...response, payload: "", headers: {} },
        {
          statusCode: 200,
          requestId: response.requestId,
          executedVersion: "$LATEST",
          ...(failed === true ? { functionError: "Unhandled" } : {}),
          payload: "",
          headers: {},
        },
      );
      assert.equal(response.headers["x-amz-function-error"], response.functionError);
      assert.equal(response.headers["content-length"], String(Buffer.byteLength(response.payload)));
    });
  }
}

/** Where a case's trace ends in "…", frames of Node itself follow, which differ between its versions. */
function shortened(actual: unknown, expected: unknown): unknown {
  const { trace: wanted } = (expected ?? {}) as { trace?: readonly string[] };
  const { trace } = (actual ?? {}) as { trace?: readonly string[] };
  if (trace === undefined || wanted?.at(-1) !== "…") return actual;
  return { ...(actual as object), trace: [...trace.slice(0, wanted.length - 1), "…"] };
}
