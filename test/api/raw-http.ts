// HTTP by hand: bytes to a socket, one answer back, so that what no HTTP client would send can be sent.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends `bytes` on a connection of its own and reads one answer. Rejects if the connection ends without one. */
export async function sendRaw(port: number, bytes: string | Uint8Array): Promise<RawAnswer> {
  return (await beginRaw(port, "")).finish(bytes);
}

/** Sends the first bytes of a request; the rest, when it is time. Resolves when they are under way. */
export async function beginRaw(
  port: number,
  bytes: string | Uint8Array,
): Promise<{ readonly finish: (rest: string | Uint8Array) => Promise<RawAnswer> }> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const answered = answerOn(socket);
  // Whoever finishes it is told.
  answered.catch(() => undefined);
  await new Promise((resolve) => socket.write(bytes, resolve));
  return {
    finish: (rest) => {
      socket.write(rest);
      return answered;
    },
  };
}

function answerOn(socket: Socket): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      const answer = parseAnswer(Buffer.concat(chunks));
      if (!answer) return;
      socket.destroy();
      resolve(answer);
    });
    socket.on("error", reject);
    socket.on("close", () =>
      reject(new Error(`no answer, only: ${Buffer.concat(chunks).toString("latin1")}`)),
    );
  });
}

function parseAnswer(bytes: Buffer): RawAnswer | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = Number(headers.get("content-length") ?? 0);
  const body = bytes.subarray(end + 4);
  if (body.length < length) return undefined;
  return { status: Number(statusLine.split(" ")[1]), headers, body: body.toString("utf8") };
}

/** The text of a POST / of an operation; `headers` add to or, by name, replace the usual ones. */
export function post(
  operation: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const bytes = Buffer.from(body as string);
  const all = {
    Host: "localhost",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": `AWSStepFunctions.${operation}`,
    "Content-Length": String(bytes.length),
    ...headers,
  };
  const head = Object.entries(all)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${head.join("")}\r\n`, "latin1"), bytes]);
}
