// Sockets that speak HTTP badly: broken, cut, slow, pipelined, chunked, too long, half-closed, reset.
//
// Knows:          bytes, and what an answer begins with. Does not know:  what the operations mean.
//
// A run is a function of its seed; a failure names the seed, the index and the kind of attack.

import { connect } from "node:net";
import { mulberry32 } from "../chance.ts";

export interface SocketsOptions {
  readonly port: number;
  readonly seed: number;
  readonly count: number;
  readonly connections: number;
}

export interface SocketsReport {
  /** How many attacks there were of each kind. */
  readonly kinds: ReadonlyMap<string, number>;
  /** How many answers there were of each status; several or none may answer one attack. */
  readonly statuses: ReadonlyMap<number, number>;
  /** The first few, each on a line. */
  readonly failures: readonly string[];
  readonly failureCount: number;
  /** How many failures there were of each kind of attack: all of them. */
  readonly failedKinds: ReadonlyMap<string, number>;
}

type Random = () => number;

interface Attack {
  /** Sent one after the other, with a pause between them. */
  readonly pieces: readonly (string | Uint8Array)[];
  readonly pauseMs?: number;
  /** What happens after the last piece; nothing unless told. */
  readonly ending?: "half-close" | "reset";
  /** How many answers must come; unset: any number. */
  readonly answers?: number;
  /** How many may come at most. */
  readonly mostAnswers?: number;
  /** What all of them must say. */
  readonly status?: number;
}

const FAILURES_KEPT = 10;
/** Longer than any answer takes here, shorter than the server waits for the rest of a request (10 s). */
const PATIENCE_MS = 8_000;
const HEAD_BYTES = 16 * 1024;

const from = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));
const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)] as Item;

function request(body = "{}", headers: readonly string[] = [], operation = "ListStateMachines"): Buffer {
  const lines = [
    "POST / HTTP/1.1",
    "Host: localhost",
    "Content-Type: application/x-amz-json-1.0",
    `X-Amz-Target: AWSStepFunctions.${operation}`,
    ...headers,
  ];
  if (!headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))) {
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");
}

const LAST = "Connection: close";
const good = (): Buffer => request("{}", [LAST]);

function cut(random: Random, bytes: Buffer, most: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = from(random, 1, most);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

const CHUNKED = "Transfer-Encoding: chunked";

const ATTACKS: Readonly<Record<string, (random: Random) => Attack>> = {
  garbage: (random) => ({
    pieces: [Buffer.from(Array.from({ length: from(random, 1, 400) }, () => from(random, 0, 255)))],
    ending: "half-close",
  }),
  "request line": (random) => {
    const line = pick(random, [
      "POST  / HTTP/1.1",
      "POST /",
      "POST / HTTP/9.9",
      "POST / HTTP/1.1 x",
      "GET",
      "\0POST / HTTP/1.1",
      `POST /${"a".repeat(from(random, 1, 20_000))} HTTP/1.1`,
      "PRI * HTTP/2.0",
      "post / http/1.1",
      "CONNECT localhost:1 HTTP/1.1",
      "OPTIONS * HTTP/1.1",
      "POST http:// HTTP/1.1",
      "POST //// HTTP/1.1",
      "POST /?%00 HTTP/1.1",
    ]);
    return {
      pieces: [
        `${line}\r\n${good()
          .toString("latin1")
          .replace(/^.*\r\n/, "")}`,
      ],
      ending: "half-close",
    };
  },
  "a byte of the head": (random) => {
    const bytes = good();
    bytes[from(random, 0, bytes.indexOf("\r\n\r\n"))] = from(random, 0, 255);
    return { pieces: [bytes], ending: "half-close" };
  },
  "two lengths": (random) => ({
    pieces: [
      request(
        "{}",
        pick(random, [
          ["Content-Length: 2", "Content-Length: 3"],
          ["Content-Length: 2", CHUNKED],
          ["Transfer-Encoding: chunked, identity"],
          ["Transfer-Encoding: gzip"],
          ["Content-Length: +2"],
          ["Content-Length: -1"],
          ["Content-Length: 99999999999999999999"],
          ["Content-Length: 0x2"],
        ]),
      ),
    ],
    ending: "half-close",
    status: 400,
  }),
  "a length too great": (random) => ({
    pieces: [request("{}", [`Content-Length: ${from(random, 3, 3_000_000)}`])],
    ending: pick(random, ["half-close", "reset"]),
  }),
  "a length too small": (random) => ({
    pieces: [request(`{}${"x".repeat(from(random, 1, 50))}`, ["Content-Length: 2"])],
    ending: "half-close",
  }),
  chunked: (random) => {
    const body = Buffer.from(`{"maxResults":${from(random, 1, 1000)}}`);
    const chunks = cut(random, body, 5).map(
      (chunk) => `${chunk.length.toString(16)}\r\n${chunk.toString()}\r\n`,
    );
    return {
      pieces: [request("", [CHUNKED, LAST]), ...chunks, "0\r\n\r\n"],
      answers: 1,
      status: 200,
    };
  },
  "broken chunks": (random) => ({
    pieces: [
      request("", [CHUNKED, LAST]),
      pick(random, [
        "zz\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}",
        "2;a=\0\r\n{}\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        `2;${"x".repeat(40_000)}\r\n{}\r\n0\r\n\r\n`,
        `2\r\n{}\r\n0\r\n${"T: x\r\n".repeat(2_000)}\r\n`,
      ]),
    ],
    ending: "half-close",
  }),
  "too many chunks": () => ({
    // More than the limit of a body, a byte a chunk would take long: 64 KiB each.
    pieces: [
      request("", [CHUNKED]),
      ...Array.from({ length: 40 }, () => `10000\r\n${" ".repeat(0x10000)}\r\n`),
    ],
    ending: "half-close",
  }),
  pipelined: (random) => {
    const count = from(random, 1, 20);
    const all = Array.from({ length: count }, (_, i) => (i === count - 1 ? good() : request()));
    return { pieces: [Buffer.concat(all)], answers: count, status: 200 };
  },
  "pipelined, then broken": (random) => ({
    pieces: [
      Buffer.concat([...Array.from({ length: from(random, 1, 10) }, () => request()), Buffer.from("\0\0")]),
    ],
    ending: "half-close",
  }),
  slow: (random) => ({
    pieces: cut(random, good(), 40),
    pauseMs: 1,
    answers: 1,
    status: 200,
  }),
  "half-closed": (random) => {
    const bytes = good();
    return { pieces: [bytes.subarray(0, from(random, 0, bytes.length - 1))], ending: "half-close" };
  },
  // 200, or nothing: Node lets go of an answer that is not ready when the client's end comes. With `httpAllowHalfOpen`
  // it would not, but a worker that goes away sends an end and no more, and its poll must not be handed a task.
  "half-closed after all": () => ({ pieces: [good()], ending: "half-close", mostAnswers: 1, status: 200 }),
  reset: (random) => {
    const bytes = request(" ".repeat(from(random, 0, 5_000)));
    return { pieces: [bytes.subarray(0, from(random, 0, bytes.length))], ending: "reset" };
  },
  "a long header": (random) => ({
    pieces: [request("{}", [`X-Long: ${"x".repeat(from(random, HEAD_BYTES, 4 * HEAD_BYTES))}`, LAST])],
    ending: "half-close",
    status: 431,
  }),
  "many headers": (random) => ({
    pieces: [
      request("{}", [...Array.from({ length: from(random, 100, 3_000) }, (_, i) => `X-${i}: 1`), LAST]),
    ],
    ending: "half-close",
  }),
  "a wrong header": (random) => ({
    pieces: [
      request("{}", [
        LAST,
        pick(random, [
          "Host: evil.example",
          "Host:",
          "Origin: https://evil.example",
          "Content-Encoding: gzip",
          "Content-Type: text/plain",
          "X-Amz-Target: AWSStepFunctions.DescribeExecution",
          "X-Amz-Target: ",
          "Expect: 200-maybe",
          "Upgrade: websocket",
          "Upgrade: h2c",
          "Authorization: AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
          "Authorization: Basic Og==",
          "X-Amz-Date: yesterday",
          "__proto__: x",
          "constructor: x",
          "Cookie: a=b",
          "No-Colon",
          " Folded: x",
          "Space : x",
          "Bad\u00e9: x",
          "X-Nul: \0",
        ]),
      ]),
    ],
    ending: "half-close",
  }),
  "another protocol": (random) => ({
    pieces: [
      pick(random, [
        Buffer.from("16030100a5010000a10303", "hex"),
        Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"),
        "SSH-2.0-OpenSSH_9.6\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET /\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "\r\n\r\n\r\n",
      ]),
    ],
    ending: "half-close",
  }),
  nothing: (random) => ({ pieces: [], ending: pick(random, ["half-close", "reset"]) }),
};

/** The kinds of attack, all of which a long run makes. */
export const SOCKET_ATTACKS: readonly string[] = Object.keys(ATTACKS);

/** Makes `count` connections, each with an attack of its own. */
export async function attackSockets({
  port,
  seed,
  count,
  connections,
}: SocketsOptions): Promise<SocketsReport> {
  const kinds = new Map<string, number>();
  const statuses = new Map<number, number>();
  const failures: string[] = [];
  const failedKinds = new Map<string, number>();
  let failureCount = 0;
  let next = 0;
  async function work(): Promise<void> {
    while (next < count) {
      const index = next++;
      const random = mulberry32(seed * 1_000_003 + index);
      const kind = pick(random, SOCKET_ATTACKS);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      const attack = (ATTACKS[kind] as (random: Random) => Attack)(random);
      const { answered, isOver } = await carryOut(port, attack);
      for (const status of answered) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const problem = judge(attack, answered, isOver);
      if (problem === undefined) continue;
      failureCount += 1;
      failedKinds.set(kind, (failedKinds.get(kind) ?? 0) + 1);
      if (failures.length < FAILURES_KEPT)
        failures.push(`seed ${seed}, socket ${index}, ${kind}: ${problem}`);
    }
  }
  await Promise.all(Array.from({ length: connections }, work));
  return { kinds, statuses, failures, failureCount, failedKinds };
}

function judge(
  { answers, mostAnswers = Infinity, status }: Attack,
  answered: readonly number[],
  isOver: boolean,
): string | undefined {
  const shown = answered.join(" ") || "nothing";
  if (answered.some((code) => code >= 500 || code < 100)) return `answered ${shown}`;
  if (!isOver) return `the connection is still open after ${PATIENCE_MS} ms, answered ${shown}`;
  if (answers !== undefined && answered.length !== answers) return `answered ${shown}, not ${answers} times`;
  if (answered.length > mostAnswers) return `answered ${shown}, more than ${mostAnswers} times`;
  if (status !== undefined && answered.some((code) => code !== status))
    return `answered ${shown}, not ${status}`;
  return undefined;
}

/** The statuses of what the server answered, until it or we closed the connection. */
function carryOut(
  port: number,
  { pieces, pauseMs = 0, ending }: Attack,
): Promise<{ readonly answered: readonly number[]; readonly isOver: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let isOver = true;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const patience = setTimeout(() => {
      isOver = false;
      socket.destroy();
    }, PATIENCE_MS);
    // A connection that the server resets has ended, as it may.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(patience);
      const text = Buffer.concat(chunks).toString("latin1");
      resolve({
        answered: [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, code]) => Number(code)),
        isOver,
      });
    });
    const send = (at: number): void => {
      if (socket.destroyed) return;
      if (at === pieces.length) {
        if (ending === "half-close") socket.end();
        else if (ending === "reset") socket.resetAndDestroy();
        return;
      }
      socket.write(pieces[at] as string | Uint8Array);
      if (pauseMs > 0) setTimeout(() => send(at + 1), pauseMs);
      else send(at + 1);
    };
    socket.on("connect", () => send(0));
  });
}
