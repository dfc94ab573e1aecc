// A Lambda endpoint that never forgets: every call that it receives is in the records. Its functions:
//
//   echo     answers what it got
//   flaky    fails with Busy now and then, at most in its first two tries
//   ask      answers, and hands on its task token, to be answered later
//   hostile  in its first two tries hangs, breaks off, floods, answers nonsense, twice, or too late

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { Random } from "../base/random.ts";
import { pause } from "./client.ts";
import type { Receipt, Records } from "./records.ts";

interface CallBody {
  readonly key: { readonly retry: number };
  readonly value: unknown;
  readonly token?: string;
}

const FAULTS = ["hang", "break", "nonsense", "twice", "late", "refuse"] as const;
export type FunctionFault = (typeof FAULTS)[number];

/** After the TimeoutSeconds of the state. */
const LATE_MS = 2_500;

export class FakeLambda {
  /** A token has been given out; resolves when it was answered. */
  onToken: (token: string, value: unknown) => Promise<void> = async () => {};
  readonly #records: Records;
  readonly #server: Server;
  readonly #random: Random;
  readonly #pending = new Set<Promise<void>>();
  #failure: unknown;

  constructor(records: Records, random: Random) {
    this.#records = records;
    this.#random = random;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((listening) => this.#server.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @throws what the answering of a token threw */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
    this.abandon();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Closes it, whatever is under way. */
  abandon(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = decodeURIComponent(request.url?.split("/")[3] ?? "");
    const body = (await json(request)) as CallBody;
    const receipt = this.#records.receive(name, body.key, body.token);
    await pause(this.#random.next01() * 150);
    response.setHeader("x-amz-executed-version", "$LATEST");
    const answer = JSON.stringify({ value: body.value, nonce: receipt.nonce });
    if (name === "flaky" && body.key.retry < 2 && this.#random.next01() < 0.8) {
      response.setHeader("x-amz-function-error", "Unhandled");
      response.end(JSON.stringify({ errorType: "Busy", errorMessage: "try again" }));
      return;
    }
    if (name === "hostile" && body.key.retry < 2) {
      await this.#misbehave(receipt, response, answer);
      return;
    }
    if (name === "ask" && body.token !== undefined) this.#answerLater(body.token, body.value);
    response.end(answer);
  }

  async #misbehave(receipt: Receipt, response: ServerResponse, answer: string): Promise<void> {
    const fault = FAULTS[this.#random.next32() % FAULTS.length] as FunctionFault;
    receipt.fault = fault;
    const { socket } = response;
    switch (fault) {
      case "hang":
        // The caller's time-out closes the connection.
        return;
      case "break":
        response.setHeader("content-length", answer.length);
        response.write(answer.slice(0, answer.length / 2), () => socket?.destroy());
        return;
      case "nonsense":
        socket?.end("this is no HTTP\r\n\r\n");
        return;
      case "refuse":
        response.writeHead(500, { "x-amzn-errortype": "ServiceException" });
        response.end('{"Message":"out of order"}');
        return;
      case "late":
        await pause(LATE_MS);
        response.end(answer);
        return;
      case "twice": {
        const whole = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`;
        socket?.write(whole + whole.replace('"value"', '"VALUE"'));
        socket?.end();
      }
    }
  }

  #answerLater(token: string, value: unknown): void {
    const answered = (async () => {
      await pause(this.#random.next01() * 1_000);
      await this.onToken(token, value);
    })()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(answered));
    this.#pending.add(answered);
  }
}
