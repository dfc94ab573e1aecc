// A Lambda endpoint that never forgets: every call that it received is in its ledger.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface Receipt {
  /** Unique: proves which call an outcome came from. */
  readonly nonce: number;
  readonly functionName: string;
  /** The identity of the attempt, as JSON text. */
  readonly key: string;
}

interface CallBody {
  readonly key: { readonly retry: number };
  readonly value: unknown;
  readonly token?: string;
}

export class FakeLambda {
  readonly ledger: Receipt[] = [];
  /** Answers a task token: called some time after the function was. */
  onToken: (token: string, output: unknown) => Promise<void> = async () => {};
  readonly #server: Server;
  readonly #random: () => number;
  readonly #pending = new Set<Promise<void>>();

  constructor(random: () => number) {
    this.#random = random;
    this.#server = createServer((request, response) => {
      void (async () => {
        const name = decodeURIComponent(request.url?.split("/")[3] ?? "");
        const body = (await json(request)) as CallBody;
        const nonce = this.ledger.length + 1;
        this.ledger.push({ nonce, functionName: name, key: JSON.stringify(body.key) });
        await new Promise((done) => setTimeout(done, this.#random() * 150));
        response.setHeader("x-amz-executed-version", "$LATEST");
        if (name === "flaky" && body.key.retry < 2 && this.#random() < 0.8) {
          response.setHeader("x-amz-function-error", "Unhandled");
          response.end(JSON.stringify({ errorType: "Busy", errorMessage: "try again" }));
          return;
        }
        if (name === "ask") this.#answerLater(body.token as string, { answer: body.value });
        response.end(JSON.stringify({ value: body.value, nonce }));
      })().catch(() => response.destroy());
    });
  }

  #answerLater(token: string, output: unknown): void {
    const answer = (async () => {
      await new Promise((done) => setTimeout(done, this.#random() * 1_000));
      await this.onToken(token, output);
    })().finally(() => this.#pending.delete(answer));
    this.#pending.add(answer);
  }

  async listen(): Promise<string> {
    await new Promise<void>((listening) => this.#server.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
