// The HTTP server: bounds on headers, time and connections; a close that lets answers out.
//
// Knows:          sockets and their limits. Does not know: the protocol spoken over them.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { assert } from "../base/assert.ts";

export interface ListenOptions {
  /** Address to bind to; `localhost` means 127.0.0.1. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** For requests to arrive; an answer may take as long as a long poll does. */
  readonly patience?: Patience;
}

export interface Patience {
  readonly headersMs: number;
  /** With the headers. */
  readonly requestMs: number;
  /** How often it is looked. */
  readonly checkMs: number;
}

const PATIENCE: Patience = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000 };

export interface Listening {
  /** Where clients on this machine reach it. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those under way end for up to `graceMs`, then cuts them off. */
  readonly close: (graceMs: number) => Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Resolves when connections are accepted. Rejects when the address cannot be had.
 *
 * @param onClosing Called once, when `close` begins.
 */
export async function listen(
  handle: Handler,
  { host, port, patience = PATIENCE }: ListenOptions,
  onClosing: () => void,
): Promise<Listening> {
  let closed: Promise<void> | undefined;
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: patience.headersMs,
      requestTimeout: patience.requestMs,
      connectionsCheckingInterval: patience.checkMs,
      keepAliveTimeout: 60_000,
      noDelay: true,
      // Refused by the API, in the form of its other refusals.
      requireHostHeader: false,
    },
    serve,
  );
  function serve(request: IncomingMessage, response: ServerResponse): void {
    // A connection whose last answer went out after `close` began would stay open until it times out.
    response.once("close", () => closed && server.closeIdleConnections());
    void handle(request, response);
  }
  // Node would answer 417 by itself, without a request id; an expectation may be ignored.
  server.on("checkExpectation", serve);
  // Node would close the connection without a word.
  server.on("connect", (_request, socket) => socket.end(rawAnswer(undefined)));
  server.maxConnections = 10_000;
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    // Not HTTP, or too slow, or too much of it: no request object exists to answer.
    if (socket.writable && error.code !== "ECONNRESET") socket.end(rawAnswer(error.code));
    else socket.destroy();
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host === "localhost" ? "127.0.0.1" : host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  assert(typeof address === "object" && address !== null, "the server listens at no TCP address");

  function close(graceMs: number): Promise<void> {
    closed ??= new Promise<void>((resolve) => {
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      onClosing();
      server.closeIdleConnections();
    });
    return closed;
  }
  return { url: urlOf(address), port: address.port, close };
}

/** An address that was bound to all interfaces is named by its loopback. */
function urlOf({ address, family, port }: AddressInfo): string {
  if (address === "0.0.0.0") return `http://127.0.0.1:${port}`;
  if (address === "::") return `http://[::1]:${port}`;
  return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

function rawAnswer(code: string | undefined): string {
  const status =
    code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  const type = "com.amazon.coral.service#SerializationException";
  const body = JSON.stringify({ __type: type, message: "The request is not valid HTTP." });
  return [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/x-amz-json-1.0",
    `Content-Length: ${body.length}`,
    "x-amzn-ErrorType: SerializationException",
    `x-amzn-RequestId: ${randomUUID()}`,
    `Date: ${new Date().toUTCString()}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
