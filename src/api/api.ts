// The API: one HTTP endpoint, and the same operations in process.
//
// Knows:          which operation a request means and how its outcome becomes an answer.
// Does not know:  what operations do (operations/), where the engine keeps its state.
//
// Invariants
//   A1. An operation runs only after the guard, the proof of who signed (where that is asked) and the request
//       checks have passed. GET / and /health, which tell nothing, are for everybody whom the guard lets in.
//   A2. Errors become answers here and nowhere else. What is not a ServiceError is our own fault: logged with the
//       request id, answered with 500 and that id, never with its text.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Limits } from "../engine/limits.ts";
import type { EngineService } from "../runtime/interface.ts";
import type { Authenticator, RequestHead } from "./auth/authenticator.ts";
import type { ScopeOptions } from "./caller.ts";
import { callerOf, claimedAccessKeyId } from "./caller.ts";
import { checkRequest } from "./checks.ts";
import { internalFailure, ProtocolError, serializationError, unknownOperation } from "./errors.ts";
import type { GuardOptions } from "./guard.ts";
import { judge } from "./guard.ts";
import type { Caller, LogEvents, Settings } from "./operations/call.ts";
import { ownOperations } from "./operations/express.ts";
import { createOperations } from "./operations/index.ts";
import {
  checkContentType,
  parseInput,
  readBody,
  TARGET_PREFIX,
  targetOf,
  writeAnswer,
  writeBody,
  writeError,
} from "./protocol.ts";
import { type OwnOperationName, ownRequestShapes } from "./own-requests.ts";
import type { OperationName } from "./requests.ts";
import { requestShapes } from "./requests.ts";
import type { ListenOptions, Listening } from "./server.ts";
import { listen } from "./server.ts";

export interface ApiOptions extends ScopeOptions, GuardOptions {
  readonly limits: Limits;
  /** How long GetActivityTask waits for a task; 60 s, as the service does, unless told. */
  readonly activityPollMs?: number;
  /** Asks every operation for a signature; absent, nobody is asked. */
  readonly authenticator?: Authenticator | undefined;
  /** The log events of executions that were kept; absent: none are. */
  readonly logEvents?: LogEvents | undefined;
  /** What `GET` answers beside `/` and `/health`, by path: `/metrics`. Held to the guard's rules, without a signature. */
  readonly pages?: ReadonlyMap<string, (request: IncomingMessage) => Promise<Page>>;
  /** Is told of every request that was answered. */
  readonly onAnswered?: ((answered: Answered) => void) | undefined;
  /** Gets every fault of our own; the standard error output unless told. */
  readonly onFault?: (fault: Fault) => void;
}

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Answered {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** What the caller calls itself, proven where that is asked; not beyond the length that the service allows. */
  readonly accessKeyId: string | undefined;
  /** Undefined: it named no operation that there is. */
  readonly operation: string | undefined;
  /** 499 (as nginx has it) where the caller went away before. */
  readonly status: number;
  /** The code of the error that it was answered with: `ThrottlingException`. */
  readonly error: string | undefined;
  /** From the arrival of its head. */
  readonly milliseconds: number;
}

export interface Fault {
  readonly requestId: string;
  readonly operation: string | undefined;
  readonly error: unknown;
}

export interface Api {
  /**
   * Runs one operation for a caller in this process. The input is checked like any other.
   *
   * @throws ServiceError for whatever a caller can be blamed for
   */
  readonly call: (
    operation: string,
    input: JsonObject,
    caller: Caller,
    signal: AbortSignal,
  ) => Promise<JsonObject>;
  /** Answers one HTTP request. Never rejects. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly listen: (options: ListenOptions) => Promise<Listening>;
}

export function createApi(engine: EngineService, options: ApiOptions): Api {
  const shapes = { ...requestShapes(options.limits), ...ownRequestShapes() };
  const operations = { ...createOperations(), ...ownOperations };
  const settings: Settings = {
    limits: options.limits,
    activityPollMs: options.activityPollMs ?? 60_000,
    logEvents: options.logEvents,
  };
  const onFault = options.onFault ?? logFault;
  /** Of the HTTP requests under way: they abort when their client goes away or a server closes. */
  const underWay = new Set<AbortController>();

  async function call(
    operation: string,
    input: JsonObject,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const name = operationName(operation);
    const request = checkRequest(shapes[name], input);
    return operations[name]({ operation: name, request, caller, signal, engine, settings });
  }

  function operationName(operation: string): OperationName | OwnOperationName {
    if (!isOperation(operation)) throw unknownOperation(`There is no operation '${operation}'.`);
    return operation;
  }

  function isOperation(name: string): name is OperationName | OwnOperationName {
    return Object.hasOwn(shapes, name);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const beganMs = performance.now();
    response.setHeader("x-amzn-RequestId", requestId);
    let code: string | undefined;
    try {
      if (await admit(request, response)) await answer(request, response);
    } catch (error) {
      if (isGone(request, response)) return;
      if (!(error instanceof ServiceError)) {
        onFault({ requestId, operation: request.headers["x-amz-target"]?.toString(), error });
      }
      const answered = error instanceof ServiceError ? error : internalFailure(requestId);
      ({ code } = answered);
      if (response.headersSent) response.destroy();
      else writeError(response, answered);
    } finally {
      options.onAnswered?.({
        requestId,
        method: request.method ?? "",
        path: pathOf(request),
        accessKeyId: claimedAccessKeyId(request.headers),
        operation: named(request),
        status: response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST,
        error: code,
        milliseconds: performance.now() - beganMs,
      });
    }
  }

  /** The operation of the request's target, if there is one of that name. */
  function named({ headers }: IncomingMessage): string | undefined {
    const target = headers["x-amz-target"]?.toString() ?? "";
    const name = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
    return isOperation(name) ? name : undefined;
  }

  /** The guard, and what needs no operation. False: it is answered already. */
  async function admit(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (request.httpVersion === "1.1" && request.headers.host === undefined) {
      throw serializationError("The header Host is missing.");
    }
    const { refusal, origin } = judge(request, options);
    if (refusal !== undefined) {
      throw new ProtocolError("com.amazon.coral.service", "AccessDeniedException", refusal, 403);
    }
    if (origin !== undefined) showTo(response, origin);
    const path = pathOf(request);
    const { method } = request;
    if (method === "POST" && path === "/") return true;
    const page = options.pages?.get(path);
    if (path !== "/" && path !== "/health" && page === undefined)
      throw unknownOperation(`There is nothing at '${path}'.`, 404);
    if (method === "GET" || method === "HEAD") {
      if (page !== undefined) {
        const { status, contentType, body } = await page(request);
        writeBody(response, status, contentType, body);
      } else if (path === "/health") writeBody(response, 200, "application/json", '{"status":"ok"}');
      else writeBody(response, 200, "text/plain; charset=utf-8", HINT);
      return false;
    }
    if (method === "OPTIONS" && origin !== undefined) {
      response.writeHead(204, PREFLIGHT).end();
      return false;
    }
    response.setHeader("Allow", "POST, GET");
    const message = `The method ${method} is not allowed: an operation is called with POST /.`;
    throw new ProtocolError("com.amazon.coral.service", "MethodNotAllowedException", message, 405);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const claim = await options.authenticator?.examine(headOf(request));
    const operation = operationName(targetOf(request));
    checkContentType(request);
    const body = await readBody(request);
    claim?.prove(body);
    const input = parseInput(body);
    const caller = callerOf(request.headers, options, claim?.identity);
    const waiting = new AbortController();
    response.once("close", () => waiting.abort());
    underWay.add(waiting);
    try {
      const result = await call(operation, input, caller, waiting.signal);
      if (!response.destroyed) writeAnswer(response, 200, result);
    } finally {
      underWay.delete(waiting);
    }
  }

  function stopWaiting(): void {
    for (const waiting of underWay) waiting.abort();
  }

  return { call, handle, listen: (where) => listen(handle, where, stopWaiting) };
}

const HINT = `Stepwell speaks the AWS Step Functions API (AWS JSON 1.0) here. Point a client at this address:
  aws stepfunctions list-state-machines --endpoint-url <this address>
`;

/** Lets a page of `origin` read the answer: the guard has allowed it. */
function showTo(response: ServerResponse, origin: string): void {
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Expose-Headers", "x-amzn-requestid, x-amzn-errortype, date");
  response.setHeader("Vary", "Origin");
}

/** The headers that the SDK for JavaScript sends from a browser. */
const PREFLIGHT: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Methods": "POST",
  "Access-Control-Allow-Headers":
    "amz-sdk-invocation-id, amz-sdk-request, authorization, content-type, x-amz-content-sha256, x-amz-date, " +
    "x-amz-security-token, x-amz-target, x-amz-user-agent, x-amzn-trace-id",
  "Access-Control-Max-Age": "600",
};

const CLIENT_CLOSED_REQUEST = 499;

/** The path of an origin-form or absolute-form target, without a query. */
function pathOf({ url = "/" }: IncomingMessage): string {
  const path = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path === "" ? "/" : path;
}

function headOf(request: IncomingMessage): RequestHead {
  const { method = "", url = "/", headersDistinct: headers } = request;
  const mark = url.indexOf("?");
  return { method, path: pathOf(request), query: mark < 0 ? "" : url.slice(mark + 1), headers };
}

/** Whether nobody is there to read an answer. */
function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return response.destroyed || (request.destroyed && !request.complete && request.socket.destroyed);
}

function logFault({ requestId, operation, error }: Fault): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(`internal failure in ${operation ?? "a request"} (request id ${requestId}): ${text}`);
}
