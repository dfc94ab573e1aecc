// Lambda's Runtime API for one execution environment: its own loopback port, four requests.
//
//   GET  /2018-06-01/runtime/invocation/next            waits for work; asking again ends the invocation before
//   POST /2018-06-01/runtime/invocation/<id>/response   the result
//   POST /2018-06-01/runtime/invocation/<id>/error      the failure
//   POST /2018-06-01/runtime/init/error                 the runtime could not start
//
// Knows:          this protocol. Does not know: processes, pools, time.
//
// Invariants
//   R1. A request id is answered once: a second answer, or one to another id, is refused and changes nothing.
//   R2. `next` is never timed out, and is reported once for each invocation that ended (and once after the start).
//   R3. A connection that breaks while it waits loses nothing: an invocation delivered meanwhile goes to the next
//       one that asks.
//   R4. A web page cannot take part: requests with an Origin, or for another Host than this address, are refused.
//       One port for each environment, since the clients that AWS ships accept no path in AWS_LAMBDA_RUNTIME_API.
//
// Spec: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { type AddressInfo, type Server, createServer } from "node:net";
import { assert } from "../base/assert.ts";
import { HttpConnection, type HttpAnswer, type HttpRequest } from "./http-connection.ts";

/** What `next` hands to the runtime. */
export interface RuntimeInvocation {
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  /** Milliseconds of the Unix epoch. */
  readonly deadlineAtMs: number;
  readonly functionArn: string;
  readonly traceId: string;
  /** JSON text in ASCII. */
  readonly clientContext?: string;
}

export type RuntimeAnswer =
  | { readonly kind: "response"; readonly body: string }
  | { readonly kind: "error"; readonly errorType: string; readonly body: string }
  | { readonly kind: "tooLarge" };

export interface RuntimeEvents {
  /** The runtime is ready for work (R2). */
  readonly next: () => void;
  /** The invocation was answered; it has not ended before `next`. */
  readonly answered: (answer: RuntimeAnswer) => void;
  readonly initFailed: (errorType: string, body: string) => void;
}

const PREFIX = "/2018-06-01/runtime/";
const JSON_TYPE = ["Content-Type", "application/json"] as const;
const ACCEPTED: HttpAnswer = { status: 202, headers: [JSON_TYPE], body: '{"status":"OK"}' };
const TOO_LARGE: HttpAnswer = refusal(
  413,
  "RequestEntityTooLarge",
  "Response payload size exceeded maximum allowed payload size.",
);

export class RuntimeApi {
  readonly #server: Server;
  readonly #events: RuntimeEvents;
  #port = 0;
  readonly #connections = new Set<HttpConnection>();
  #waiting: HttpConnection | undefined;
  #current: RuntimeInvocation | undefined;
  #state: "starting" | "idle" | "undelivered" | "delivered" | "answered" = "starting";

  private constructor(server: Server, events: RuntimeEvents) {
    this.#server = server;
    this.#events = events;
  }

  /** Opens a port of its own. `maxAnswerBytes`: a longer response or error is refused with 413. */
  static async listen(events: RuntimeEvents, maxAnswerBytes: number): Promise<RuntimeApi> {
    const server = createServer({ noDelay: true });
    const api = new RuntimeApi(server, events);
    server.on("connection", (socket) => {
      const connection = new HttpConnection(socket, maxAnswerBytes, (request, from) =>
        api.#handle(request, from),
      );
      api.#connections.add(connection);
      socket.on("close", () => {
        api.#connections.delete(connection);
        if (api.#waiting === connection) api.#waiting = undefined;
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    // A connection that could not be accepted: its runtime fails to connect, and tells by its exit.
    server.on("error", () => {});
    api.#port = (server.address() as AddressInfo).port;
    return api;
  }

  /** `127.0.0.1:<port>`, for AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Gives work to a runtime that asked for it. */
  deliver(invocation: RuntimeInvocation): void {
    assert(this.#state === "idle", `an invocation was delivered to a runtime that is ${this.#state}`);
    this.#current = invocation;
    this.#state = "undelivered";
    this.#deliverNow();
  }

  close(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.close();
  }

  #deliverNow(): void {
    const connection = this.#waiting;
    const invocation = this.#current;
    if (connection === undefined || connection.closed || invocation === undefined) return;
    this.#waiting = undefined;
    this.#state = "delivered";
    connection.answer({
      status: 200,
      headers: [
        JSON_TYPE,
        ["Lambda-Runtime-Aws-Request-Id", invocation.requestId],
        ["Lambda-Runtime-Deadline-Ms", String(invocation.deadlineAtMs)],
        ["Lambda-Runtime-Invoked-Function-Arn", invocation.functionArn],
        ["Lambda-Runtime-Trace-Id", invocation.traceId],
        ...(invocation.clientContext === undefined
          ? []
          : [["Lambda-Runtime-Client-Context", invocation.clientContext] as const]),
      ],
      body: invocation.payload,
    });
  }

  #handle(request: HttpRequest, connection: HttpConnection): void {
    const host = request.headers.get("host");
    if (
      request.headers.has("origin") ||
      (host !== undefined && host !== this.address && host !== `localhost:${this.#port}`)
    ) {
      return connection.answer(
        refusal(403, "Forbidden", `This API is for the runtime at ${this.address} only.`),
      );
    }
    const path = request.target.split("?", 1)[0] ?? "";
    if (!path.startsWith(PREFIX)) return connection.answer(refusal(404, "NotFound", `No such path: ${path}`));
    const [group, id, verb, ...rest] = path.slice(PREFIX.length).split("/");
    if (group === "invocation" && id === "next" && verb === undefined) {
      return request.method === "GET" ? this.#next(connection) : connection.answer(wrongMethod("GET"));
    }
    if (group === "init" && id === "error" && verb === undefined) {
      return request.method === "POST"
        ? this.#initError(request, connection)
        : connection.answer(wrongMethod("POST"));
    }
    if (group === "invocation" && (verb === "response" || verb === "error") && rest.length === 0) {
      return request.method === "POST"
        ? this.#answer(id, verb, request, connection)
        : connection.answer(wrongMethod("POST"));
    }
    connection.answer(refusal(404, "NotFound", `No such path: ${path}`));
  }

  #next(connection: HttpConnection): void {
    if (this.#state === "delivered") {
      return connection.answer(
        refusal(
          403,
          "InvalidStateTransition",
          `Request ${this.#current?.requestId} has not been answered yet.`,
        ),
      );
    }
    // A runtime that asks twice has given up its first question.
    if (this.#waiting !== undefined) this.#waiting.close();
    this.#waiting = connection;
    if (this.#state === "undelivered") return this.#deliverNow();
    if (this.#state === "idle") return;
    this.#state = "idle";
    this.#current = undefined;
    this.#events.next();
  }

  #answer(
    id: string | undefined,
    verb: "response" | "error",
    request: HttpRequest,
    connection: HttpConnection,
  ): void {
    if (id !== this.#current?.requestId) {
      return connection.answer(refusal(400, "InvalidRequestID", `Invalid request ID: ${id}`));
    }
    if (this.#state !== "delivered") {
      return connection.answer(refusal(403, "InvalidStateTransition", `Request ${id} was answered already.`));
    }
    this.#state = "answered";
    // Reported first: the answer to this request lets the connection go on to the next one, which is often there
    // already, and that one ends the invocation.
    this.#events.answered(request.bodyTooLarge ? { kind: "tooLarge" } : toAnswer(verb, request));
    connection.answer(request.bodyTooLarge ? TOO_LARGE : ACCEPTED);
  }

  #initError(request: HttpRequest, connection: HttpConnection): void {
    if (this.#state !== "starting") {
      return connection.answer(refusal(403, "InvalidStateTransition", "The runtime has started already."));
    }
    connection.answer(ACCEPTED);
    const errorType = request.headers.get("lambda-runtime-function-error-type") ?? "Runtime.Unknown";
    this.#events.initFailed(errorType, request.body.toString("utf8"));
  }
}

function toAnswer(verb: "response" | "error", request: HttpRequest): RuntimeAnswer {
  // A streamed response that breaks off says so after its body.
  const streamedError = request.trailers.get("lambda-runtime-function-error-type");
  if (streamedError !== undefined) {
    const document = request.trailers.get("lambda-runtime-function-error-body") ?? "";
    return {
      kind: "error",
      errorType: streamedError,
      body: Buffer.from(document, "base64").toString("utf8"),
    };
  }
  const body = request.body.toString("utf8");
  if (verb === "response") return { kind: "response", body };
  return {
    kind: "error",
    errorType: request.headers.get("lambda-runtime-function-error-type") ?? "Unhandled",
    body,
  };
}

function refusal(status: number, errorType: string, errorMessage: string): HttpAnswer {
  return { status, headers: [JSON_TYPE], body: JSON.stringify({ errorMessage, errorType }) };
}

function wrongMethod(expected: string): HttpAnswer {
  return refusal(405, "MethodNotAllowed", `Expected ${expected}.`);
}
