// The wire between a browser and a server: every request goes through unchanged, and is written down.
//
// Knows:          HTTP, as the browser sent it and as the server answered. Does not know:  what either means by it.
//
// What a page could not do is only worth saying if its requests got there. A browser's own tools do not show all of them
// (preflights, beacons, pings, reports), so it is looked from outside.

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Exchange {
  readonly method: string;
  readonly target: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
  /** Of the answer. */
  readonly status: number;
}

/** Requests that do not come at all are told by what is missing in the list, not by a test that hangs. */
const PATIENCE_MS = 30_000;

export class Wire {
  readonly #server: Server;
  #exchanges: Exchange[] = [];
  #changed = Promise.withResolvers<void>();

  /**
   * @param serverUrl Where it leads to.
   * @param pages     By path: HTML that it answers itself, as the first address of a rebound name would.
   */
  static async to(serverUrl: string, pages: ReadonlyMap<string, string> = new Map()): Promise<Wire> {
    const wire = new Wire(serverUrl, pages);
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  private constructor(serverUrl: string, pages: ReadonlyMap<string, string>) {
    const { hostname, port } = new URL(serverUrl);
    this.#server = createServer(async (asked, response) => {
      const page = pages.get(asked.url ?? "");
      if (page !== undefined) {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
        return;
      }
      const body = await textOf(asked);
      const { method = "", url: path = "", rawHeaders: headers } = asked;
      const forwarded = request({ hostname, port, method, path, headers, setHost: false, agent: false });
      forwarded.end(body);
      // A server that hangs up answers nothing: 0.
      const answer = await once(forwarded, "response").then(
        ([message]) => message as IncomingMessage,
        () => undefined,
      );
      if (answer === undefined) response.destroy();
      else {
        response.writeHead(answer.statusCode as number, answer.rawHeaders);
        response.end(await textOf(answer));
      }
      this.#note(asked, body, answer?.statusCode ?? 0);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves with what went through since the last time, once that is at least `count`, or when patience ends. */
  async take(count: number): Promise<readonly Exchange[]> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const ended = once(patience, "abort");
    while (this.#exchanges.length < count && !patience.aborted) {
      await Promise.race([this.#changed.promise, ended]);
    }
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #note({ method = "", url: target = "", headers }: IncomingMessage, body: string, status: number): void {
    const { host, origin, "content-type": contentType } = headers;
    this.#exchanges.push({ method, target, host, origin, contentType, body, status });
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
