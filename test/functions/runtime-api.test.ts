// The Runtime API as a stranger's client meets it: bytes in, bytes out.

import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type RuntimeAnswer, RuntimeApi, type RuntimeInvocation } from "../../src/functions/runtime-api.ts";
import { MAX_HEAD_BYTES } from "../../src/functions/http-connection.ts";
import { until } from "./support.ts";

const INVOCATION: RuntimeInvocation = {
  requestId: "id-1",
  payload: '{"text":"é"}',
  deadlineAtMs: 1_700_000_000_000,
  functionArn: "arn:aws:lambda:us-east-1:000000000000:function:fn",
  traceId: "Root=1-2-3",
  clientContext: '{"custom":{}}',
};
const DELIVERED = [
  "HTTP/1.1 200 OK",
  "Content-Type: application/json",
  "Lambda-Runtime-Aws-Request-Id: id-1",
  "Lambda-Runtime-Deadline-Ms: 1700000000000",
  "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:fn",
  "Lambda-Runtime-Trace-Id: Root=1-2-3",
  'Lambda-Runtime-Client-Context: {"custom":{}}',
  "Content-Length: 13",
  "",
  '{"text":"é"}',
].join("\r\n");
const ACCEPTED =
  'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}';
const NEXT = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const post = (path: string, head: string, body: string): string =>
  `POST /2018-06-01/runtime/${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
const response = (head: string, body: string): string => post("invocation/id-1/response", head, body);
const refusal = (status: string, errorType: string, errorMessage: string): string => {
  const body = JSON.stringify({ errorMessage, errorType });
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};
const cutOff = (status: string, reason: string): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${reason.length + 1}\r\nConnection: close\r\n\r\n${reason}\n`;

const MAX_BODY = 1000;

interface Case {
  readonly name: string;
  /** Sent after the invocation was delivered. */
  readonly sent: string;
  readonly received: string;
  readonly answers?: readonly RuntimeAnswer[];
}

/** Each is sent whole, and again one byte a packet. */
const cases: readonly Case[] = [
  {
    name: "a response with a length",
    sent: response("Content-Length: 8", '{"a":"é"}'.slice(0, 7)),
    received: ACCEPTED,
    answers: [{ kind: "response", body: '{"a":"é' }],
  },
  {
    name: "a response in chunks, with an extension and trailers",
    sent: response("Transfer-Encoding: chunked", '3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nX-Trailer: 1\r\n\r\n'),
    received: ACCEPTED,
    answers: [{ kind: "response", body: '{"a":1}' }],
  },
  {
    name: "a streamed response that broke off",
    sent: response(
      "Transfer-Encoding: chunked",
      `3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.Broken\r\nLambda-Runtime-Function-Error-Body: ${Buffer.from('{"errorType":"X"}').toString("base64")}\r\n\r\n`,
    ),
    received: ACCEPTED,
    answers: [{ kind: "error", errorType: "Runtime.Broken", body: '{"errorType":"X"}' }],
  },
  {
    name: "an empty response",
    sent: response("Content-Length: 0", ""),
    received: ACCEPTED,
    answers: [{ kind: "response", body: "" }],
  },
  {
    name: "an error with its type",
    sent: post(
      "invocation/id-1/error",
      "Content-Length: 2\r\nLAMBDA-RUNTIME-FUNCTION-ERROR-TYPE:  My.Error ",
      "{}",
    ),
    received: ACCEPTED,
    answers: [{ kind: "error", errorType: "My.Error", body: "{}" }],
  },
  {
    name: "the absolute form of a target",
    sent: "POST http://127.0.0.1/2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nContent-Length: 1\r\n\r\n1",
    received: ACCEPTED,
    answers: [{ kind: "response", body: "1" }],
  },
  {
    name: "a second response is refused",
    sent: response("Content-Length: 1", "1") + response("Content-Length: 1", "2"),
    received:
      ACCEPTED + refusal("403 Forbidden", "InvalidStateTransition", "Request id-1 was answered already."),
    answers: [{ kind: "response", body: "1" }],
  },
  {
    name: "a response to another request is refused",
    sent: post("invocation/id-2/response", "Content-Length: 1", "1"),
    received: refusal("400 Bad Request", "InvalidRequestID", "Invalid request ID: id-2"),
  },
  {
    name: "asking for work before answering is refused",
    sent: NEXT,
    received: refusal("403 Forbidden", "InvalidStateTransition", "Request id-1 has not been answered yet."),
  },
  {
    name: "an error of the start after the start is refused",
    sent: post("init/error", "Content-Length: 2", "{}"),
    received: refusal("403 Forbidden", "InvalidStateTransition", "The runtime has started already."),
  },
  {
    name: "a body beyond the limit is read to its end and refused",
    sent: response("Content-Length: 1001", "x".repeat(1001)) + post("init/error", "Content-Length: 0", ""),
    received:
      refusal(
        "413 Payload Too Large",
        "RequestEntityTooLarge",
        "Response payload size exceeded maximum allowed payload size.",
      ) + refusal("403 Forbidden", "InvalidStateTransition", "The runtime has started already."),
    answers: [{ kind: "tooLarge" }],
  },
  {
    name: "a chunked body beyond the limit too",
    sent: response("Transfer-Encoding: chunked", `3e8\r\n${"x".repeat(1000)}\r\n1\r\nx\r\n0\r\n\r\n`),
    received: refusal(
      "413 Payload Too Large",
      "RequestEntityTooLarge",
      "Response payload size exceeded maximum allowed payload size.",
    ),
    answers: [{ kind: "tooLarge" }],
  },
  {
    name: "another path is not found",
    sent: "GET /2020-01-01/extension/register HTTP/1.1\r\n\r\n",
    received: refusal("404 Not Found", "NotFound", "No such path: /2020-01-01/extension/register"),
  },
  {
    name: "another method is not allowed",
    sent: "GET /2018-06-01/runtime/init/error HTTP/1.1\r\n\r\n",
    received: refusal("405 Method Not Allowed", "MethodNotAllowed", "Expected POST."),
  },
  {
    name: "a web page is refused by its Origin",
    sent: "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nOrigin: http://evil.example\r\n\r\n",
    received: refusal("403 Forbidden", "Forbidden", "This API is for the runtime at <address> only."),
  },
  {
    name: "a rebound name is refused by its Host",
    sent: "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    received: refusal("403 Forbidden", "Forbidden", "This API is for the runtime at <address> only."),
  },
  {
    name: "HTTP/1.0 is answered and closed",
    sent: "GET /x HTTP/1.0\r\n\r\n",
    received: refusal("404 Not Found", "NotFound", "No such path: /x").replace(
      "\r\n\r\n",
      "\r\nConnection: close\r\n\r\n",
    ),
  },
  {
    name: "a malformed request line is cut off",
    sent: "hello\r\n\r\n",
    received: cutOff("400 Bad Request", "The request line is malformed."),
  },
  {
    name: "a malformed header is cut off",
    sent: response("Content-Length : 1", "1"),
    received: cutOff("400 Bad Request", "A header is malformed."),
  },
  {
    name: "a folded header is cut off",
    sent: response("A: b\r\n c: d", ""),
    received: cutOff("400 Bad Request", "A header is malformed."),
  },
  {
    name: "two lengths are cut off",
    sent: response("Content-Length: 1\r\nContent-Length: 2", "1"),
    received: cutOff("400 Bad Request", "Two different Content-Lengths."),
  },
  {
    name: "a length and chunks are cut off",
    sent: response("Content-Length: 1\r\nTransfer-Encoding: chunked", "1"),
    received: cutOff("400 Bad Request", "Both Transfer-Encoding and Content-Length."),
  },
  {
    name: "a length that is no number is cut off",
    sent: response("Content-Length: -1", ""),
    received: cutOff("400 Bad Request", "Content-Length is no number."),
  },
  {
    name: "a chunk size that is no number is cut off",
    sent: response("Transfer-Encoding: chunked", "xyz\r\n"),
    received: cutOff("400 Bad Request", "The size of a chunk is no hexadecimal number."),
  },
  {
    name: "a chunk that is longer than it says is cut off",
    sent: response("Transfer-Encoding: chunked", "1\r\nabc\r\n"),
    received: cutOff("400 Bad Request", "A chunk does not end with CRLF."),
  },
  {
    name: "an unknown coding is cut off",
    sent: response("Transfer-Encoding: gzip", ""),
    received: cutOff("501 Not Implemented", "Transfer-Encoding gzip is not supported."),
  },
];

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  readonly send: (text: string, split: boolean) => Promise<void>;
}

async function client(address: string): Promise<Client> {
  const socket = connect({ host: "127.0.0.1", port: Number(address.split(":")[1]), noDelay: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    socket,
    text: () => Buffer.concat(chunks).toString("utf8"),
    send: async (text, split) => {
      const bytes = Buffer.from(text);
      const size = split ? 1 : bytes.length;
      for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
        socket.write(bytes.subarray(at, at + size));
        // Each write leaves on its own before the next is made.
        if (split) await turn();
      }
    },
  };
}

interface Seen {
  nexts: number;
  readonly answers: RuntimeAnswer[];
  readonly initErrors: (readonly [string, string])[];
  /** The names of all events, in order. */
  readonly order: string[];
}

async function withApi(run: (api: RuntimeApi, seen: Seen) => Promise<void>): Promise<void> {
  const seen: Seen = { nexts: 0, answers: [], initErrors: [], order: [] };
  const api = await RuntimeApi.listen(
    {
      next: () => {
        seen.nexts += 1;
        seen.order.push("next");
      },
      answered: (answer) => {
        seen.answers.push(answer);
        seen.order.push("answered");
      },
      initFailed: (errorType, body) => seen.initErrors.push([errorType, body]),
    },
    MAX_BODY,
  );
  try {
    await run(api, seen);
  } finally {
    api.close();
  }
}

assert.ok(cases.length > 0);
for (const split of [false, true]) {
  for (const { name, sent, received, answers = [] } of cases) {
    test(`${name}${split ? ", a byte a packet" : ""}`, async () => {
      await withApi(async (api, seen) => {
        const runtime = await client(api.address);
        await runtime.send(NEXT.replace("127.0.0.1", api.address), split);
        await until("it asked for work", () => seen.nexts === 1);
        api.deliver(INVOCATION);
        await until("it has work", () => runtime.text() === DELIVERED);
        await runtime.send(sent.replace("Host: 127.0.0.1\r", `Host: ${api.address}\r`), split);
        const expected = DELIVERED + withAddress(received, api.address);
        await until(
          "it is answered",
          () => runtime.text().length >= expected.length || runtime.socket.destroyed,
        );
        assert.equal(runtime.text(), expected);
        assert.deepEqual(seen.answers, answers);
        runtime.socket.destroy();
      });
    });
  }
}

/** The address has a port, so the length of the message changes with it. */
function withAddress(text: string, address: string): string {
  if (!text.includes("<address>")) return text;
  return text
    .replace("<address>", address)
    .replace(
      /Content-Length: (\d+)/,
      (_, length) => `Content-Length: ${Number(length) + address.length - "<address>".length}`,
    );
}

test("answer and next question in one packet are handled in order", async () => {
  await withApi(async (api, seen) => {
    const runtime = await client(api.address);
    await runtime.send(NEXT.replace("127.0.0.1", api.address), false);
    await until("it asked", () => seen.nexts === 1);
    for (let round = 1; round <= 3; round++) {
      api.deliver(INVOCATION);
      await until(
        "it has work",
        () => runtime.text() === (DELIVERED + ACCEPTED).repeat(round - 1) + DELIVERED,
      );
      await runtime.send(response("Content-Length: 1", "1") + NEXT.replace("127.0.0.1", api.address), false);
      await until("it asked again", () => seen.nexts === round + 1);
    }
    assert.deepEqual(seen.order, ["next", "answered", "next", "answered", "next", "answered", "next"]);
    runtime.socket.destroy();
  });
});

test("a client that expects 100 Continue gets it before it sends the body", async () => {
  await withApi(async (api, seen) => {
    const runtime = await client(api.address);
    await runtime.send(
      post(
        "init/error",
        "Expect: 100-continue\r\nContent-Length: 2\r\nLambda-Runtime-Function-Error-Type: Runtime.X",
        "",
      ),
      false,
    );
    await until("it may go on", () => runtime.text() === "HTTP/1.1 100 Continue\r\n\r\n");
    await runtime.send("{}", false);
    await until("it is accepted", () => runtime.text().endsWith(ACCEPTED));
    assert.deepEqual(seen.initErrors, [["Runtime.X", "{}"]]);
    runtime.socket.destroy();
  });
});

test("work that is delivered while the connection is lost goes to the next one", async () => {
  await withApi(async (api, seen) => {
    const first = await client(api.address);
    await first.send(NEXT.replace("127.0.0.1", api.address), false);
    await until("it asked", () => seen.nexts === 1);
    first.socket.destroy();
    // Another connection that is answered shows that the loss was noticed: both came the same way, in this order.
    const second = await client(api.address);
    await second.send("GET /x HTTP/1.1\r\n\r\n", false);
    await until("it is answered", () => second.text() !== "");
    api.deliver(INVOCATION);
    await second.send(NEXT.replace("127.0.0.1", api.address), false);
    await until("the second has the work", () => second.text().endsWith(DELIVERED));
    assert.equal(seen.nexts, 1);
    second.socket.destroy();
  });
});

test("a header of a megabyte is taken, an endless one is not", async () => {
  await withApi(async (api, seen) => {
    const runtime = await client(api.address);
    await runtime.send(
      post("init/error", `Content-Length: 2\r\nX-Cause: ${"x".repeat(1024 * 1024)}`, "{}"),
      false,
    );
    await until("it is accepted", () => runtime.text() === ACCEPTED);
    assert.equal(seen.initErrors.length, 1);
    const endless = await client(api.address);
    await endless.send(`GET / HTTP/1.1\r\nX: ${"x".repeat(MAX_HEAD_BYTES + 1)}`, false);
    await until(
      "it is cut off",
      () =>
        endless.text() ===
        cutOff("431 Request Header Fields Too Large", "The head of the request is too large."),
    );
    runtime.socket.destroy();
    endless.socket.destroy();
  });
});
