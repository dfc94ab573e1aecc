// Lambda's runtime for Node functions: loads the handler, then asks the Runtime API for work until it is killed.
//
// Runs in the child process. Knows AWS_LAMBDA_RUNTIME_API, _HANDLER and LAMBDA_TASK_ROOT; nothing of the server.
//
// Invariants
//   B1. The next request is asked for in the same packet that answers the last one: one round trip an invocation.
//   B2. The connection does not keep the process awake while a handler runs, so "beforeExit" tells that nothing is
//       left to wait for: that is what `callbackWaitsForEmptyEventLoop` means.
//   B3. When the connection ends the process ends: whoever started it is gone.
//   B4. A `trace` ends where this file begins: neither it nor what called it is the function's business.
//   B5. What was printed during an invocation is in its pipe before the answer is sent: the reader finds it complete.

import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { types } from "node:util";

const environment = process.env;
const exit = process.exit.bind(process);
const [host, port] = environment.AWS_LAMBDA_RUNTIME_API.split(":");
const API = "/2018-06-01/runtime";
const NEXT = `GET ${API}/invocation/next HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`;

// --- The Runtime API's client -------------------------------------------------------------------------------------

const socket = connect({ host, port: Number(port), noDelay: true });
/** What becomes of each answer, in the order of the requests. */
const expected = [];
let unread = Buffer.alloc(0);

socket.on("data", (chunk) => {
  unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
  for (;;) {
    const end = unread.indexOf("\r\n\r\n", 0, "latin1");
    if (end < 0) return;
    const head = unread.latin1Slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const total = end + 4 + length;
    if (unread.length < total) return;
    const body = unread.utf8Slice(end + 4, total);
    unread = unread.subarray(total);
    expected.shift()?.(Number(head.slice(9, 12)), head, body);
  }
});
socket.on("error", () => exit(1));
socket.on("close", () => exit(1));

function send(path, errorType, body, done) {
  expected.push(done);
  const type =
    errorType === undefined
      ? ""
      : `Lambda-Runtime-Function-Error-Type: ${errorType.replaceAll(/[^\x20-\x7e]/g, "?")}\r\n`;
  return `POST ${API}${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: application/json\r\n${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const ignore = () => {};

/** Sends `request` (an answer, or nothing) and asks for work, once everything printed so far is in its pipe (B5). */
function askForWork(request) {
  socket.ref();
  const lagging = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
  if (lagging.length > 0) {
    // A pipe holds some hundred lines; what did not fit waits in this process.
    lagging[0].write("", () => askForWork(request));
    return;
  }
  expected.push(receive);
  socket.write(request + NEXT);
}

// --- Errors -------------------------------------------------------------------------------------------------------

class RuntimeError extends Error {
  constructor(type, message, stack) {
    super(message);
    this.name = type;
    if (stack !== undefined) this.stack = `${type}: ${message}\n${stack}`;
  }
}

/** Lambda's document for what a handler threw. */
function toDocument(error) {
  try {
    if (
      types.isNativeError(error) ||
      (typeof error?.name === "string" &&
        typeof error.message === "string" &&
        typeof error.stack === "string")
    ) {
      const lines = String(error.stack ?? "").split("\n");
      const own = lines.findIndex((line) => line.startsWith("    at ") && line.includes(import.meta.url));
      const trace = own < 0 ? lines : lines.slice(0, own);
      return { errorType: error.name, errorMessage: error.message, trace };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    const errorMessage =
      "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack";
    return { errorType: "handled", errorMessage, trace: [] };
  }
}

function print(requestId, what, document) {
  const { errorType, errorMessage, trace, ...more } = document;
  const text = JSON.stringify({ errorType, errorMessage, ...more, stack: trace });
  process.stderr.write(`${new Date().toISOString()}\t${requestId ?? "undefined"}\tERROR\t${what}\t${text}\n`);
}

function failStart(error) {
  const document = toDocument(error);
  print(undefined, "Uncaught Exception", document);
  socket.write(send("/init/error", document.errorType, JSON.stringify(document), () => exit(1)));
}

// --- The handler --------------------------------------------------------------------------------------------------

// The extensions of AWS first; TypeScript runs by type stripping.
const EXTENSIONS = ["", ".mjs", ".js", ".cjs", ".ts", ".mts", ".cts"];

async function loadHandler() {
  const name = environment["_HANDLER"];
  if (name.includes("..")) {
    throw new RuntimeError(
      "Runtime.MalformedHandlerName",
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  // As on Lambda: the module ends at the first dot of the last part, so an export may be nested (`index.api.get`).
  const [, moduleName, exportName] = /^((?:.*\/)?[^./]+)\.([^/]+)$/.exec(name) ?? [];
  if (moduleName === undefined) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  const base = join(environment.LAMBDA_TASK_ROOT, moduleName);
  const file = EXTENSIONS.map((extension) => base + extension).find((candidate) => existsSync(candidate));
  if (file === undefined)
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${moduleName}'`);
  const module = await importModule(file);
  // What a CommonJS module exports is always in `default`; Node finds only some of it for the namespace itself.
  for (const root of [module, module.default]) {
    const found = exportName.split(".").reduce((value, key) => value?.[key], root);
    if (found === undefined || found === null) continue;
    if (typeof found !== "function")
      throw new RuntimeError("Runtime.HandlerNotFound", `${name} is not a function`);
    return found;
  }
  throw new RuntimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
}

async function importModule(file) {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const frames = String(error?.stack ?? "");
    if (error instanceof SyntaxError)
      throw new RuntimeError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`, frames);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw new RuntimeError(
        "Runtime.ImportModuleError",
        `Error: ${error.message}`,
        frames.slice(frames.indexOf("\n    at ") + 1),
      );
    }
    throw error;
  }
}

// --- Invocations --------------------------------------------------------------------------------------------------

let handler;
/** The invocation that runs: its id, and what to do when nothing is left to wait for (B2). */
let current;

process.on("beforeExit", () => current?.whenIdle());

function receive(status, head, body) {
  if (status !== 200) {
    process.stderr.write(`The Runtime API refused to give work: ${status} ${body}\n`);
    exit(1);
  }
  const header = (name) => new RegExp(`\\r\\n${name}: ([^\\r]*)`, "i").exec(head)?.[1];
  const requestId = header("lambda-runtime-aws-request-id");
  const traceId = header("lambda-runtime-trace-id");
  if (traceId === undefined) delete environment["_X_AMZN_TRACE_ID"];
  else environment["_X_AMZN_TRACE_ID"] = traceId;
  socket.unref();
  run(requestId, header, body);
}

function run(requestId, header, body) {
  const invocation = { requestId, whenIdle: () => succeed(null) };
  current = invocation;
  let waitsForEmptyEventLoop = true;

  const finish = (request) => {
    if (current !== invocation) return;
    current = undefined;
    askForWork(request());
  };
  const succeed = (result) =>
    finish(() => {
      let text;
      try {
        text = JSON.stringify(result) ?? "null";
      } catch {
        return failure(new RuntimeError("Runtime.JSONStringifyError", "Unable to stringify response body"));
      }
      return send(`/invocation/${requestId}/response`, undefined, text, ignore);
    });
  const failure = (error) => {
    const document = toDocument(error);
    print(requestId, "Invoke Error ", document);
    return send(`/invocation/${requestId}/error`, document.errorType, JSON.stringify(document), ignore);
  };
  const fail = (error) => finish(() => failure(error));

  let called = false;
  const once = (respond) => (error, result) => {
    if (called) return;
    called = true;
    if (error !== undefined && error !== null) fail(error);
    else respond(result);
  };
  const done = once(succeed);
  const callback = once((result) => {
    if (waitsForEmptyEventLoop) invocation.whenIdle = () => succeed(result);
    else succeed(result);
  });

  try {
    const event = JSON.parse(body);
    const deadlineAtMs = Number(header("lambda-runtime-deadline-ms"));
    const clientContext = header("lambda-runtime-client-context");
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return waitsForEmptyEventLoop;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waitsForEmptyEventLoop = value;
      },
      succeed: (result) => done(null, result),
      fail: (error) => done(error ?? "handled"),
      done,
      functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: clientContext === undefined ? undefined : JSON.parse(clientContext),
      identity: undefined,
      invokedFunctionArn: header("lambda-runtime-invoked-function-arn"),
      awsRequestId: requestId,
      getRemainingTimeInMillis: () => deadlineAtMs - Date.now(),
    };
    const result = handler(event, context, callback);
    if (typeof result?.then === "function") {
      invocation.whenIdle = () =>
        fail(
          new RuntimeError(
            "Runtime.NodeJsExit",
            "The handler returned a Promise that was never settled, and nothing is left to wait for.",
          ),
        );
      result.then(succeed, fail);
    } else if (result !== undefined && handler.length < 3 && !called) {
      succeed(result);
    }
  } catch (error) {
    fail(error);
  }
}

function crash(document, code) {
  print(
    current?.requestId,
    document.errorType.startsWith("Runtime.") ? "Unhandled Promise Rejection" : "Uncaught Exception",
    document,
  );
  if (handler === undefined)
    return socket.write(send("/init/error", document.errorType, JSON.stringify(document), () => exit(code)));
  if (current === undefined) return exit(code);
  const { requestId } = current;
  current = undefined;
  socket.ref();
  return socket.write(
    send(`/invocation/${requestId}/error`, document.errorType, JSON.stringify(document), () => exit(code)),
  );
}

process.on("uncaughtException", (error) => crash(toDocument(error), 129));
process.on("unhandledRejection", (reason, promise) => {
  const { errorType, errorMessage, trace } = toDocument(reason);
  const message = trace.length > 0 ? `${errorType}: ${errorMessage}` : errorMessage;
  const ownTrace = [`Runtime.UnhandledPromiseRejection: ${message}`, ...trace.slice(1)];
  crash(
    {
      errorType: "Runtime.UnhandledPromiseRejection",
      errorMessage: message,
      reason: { errorType, errorMessage, trace },
      promise: Object(promise) === promise ? {} : null,
      trace: ownTrace,
    },
    128,
  );
});

// What a function looks for in `require.main` and process.argv is its own code, not this file.
process.argv.splice(1, 1, join(environment.LAMBDA_TASK_ROOT, environment["_HANDLER"]));

try {
  handler = await loadHandler();
  askForWork("");
} catch (error) {
  failStart(error);
}
