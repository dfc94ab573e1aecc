// The server of the pages that try: empty pages to run scripts in, and a redirect.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class PageServer {
  readonly #server: Server;

  /** @param files By path: scripts for its pages. */
  static async start(files: ReadonlyMap<string, string> = new Map()): Promise<PageServer> {
    const pages = new PageServer(files);
    pages.#server.listen(0, "127.0.0.1");
    await once(pages.#server, "listening");
    return pages;
  }

  private constructor(files: ReadonlyMap<string, string>) {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://pages");
      const file = files.get(pathname);
      request.resume();
      if (file !== undefined) {
        response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(file);
      } else if (pathname === "/bounce") {
        // An answer to any page: what is refused after it was refused by the other server.
        const headers = {
          location: searchParams.get("to") ?? "",
          "access-control-allow-origin": request.headers.origin ?? "*",
        };
        response.writeHead(307, headers).end();
      } else {
        // A sandboxed page has an origin that is no other's: `null`.
        const sandbox = pathname === "/sandboxed" ? "sandbox allow-scripts allow-forms" : "";
        const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": sandbox };
        response.writeHead(200, headers).end("<!doctype html><title>a page</title><body></body>");
      }
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
