// The server's side of one HTTP/1.1 connection, on a raw socket.
//
// Knows:          framing: heads, Content-Length, chunked bodies and their trailers, keep-alive, pipelining,
//                 Expect: 100-continue, packets split anywhere.
// Does not know:  paths, what a request means.
//
// Invariants
//   H1. Requests of a connection are answered one after another, in order; the next is looked at only after the
//       answer to the one before has been written.
//   H2. Memory is bounded: a head by MAX_HEAD_BYTES, a body by `maxBodyBytes` (the rest is read and dropped, and
//       the request says so), bytes that arrive while an answer is awaited by MAX_HEAD_BYTES + maxBodyBytes.
//   H3. Whoever breaks the framing gets one 4xx and is cut off: after that no byte can be trusted.
//
// Why not node:http: it costs about five times as much as the rest of a warm invocation (bench/functions.ts).
// Spec: RFC 9112

import type { Socket } from "node:net";

/** The clients that AWS ships put a description of a failure of up to 1 MiB into one header. */
export const MAX_HEAD_BYTES: number = 1024 * 1024 + 64 * 1024;
const MAX_HEADERS = 256;
const MAX_CHUNK_LINE_BYTES = 1024;

export interface HttpRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Lower-case names; repeated headers joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** True when the body was longer than allowed; `body` is then empty. */
  readonly bodyTooLarge: boolean;
  /** Headers that came after a chunked body. */
  readonly trailers: ReadonlyMap<string, string>;
}

export interface HttpAnswer {
  readonly status: number;
  /** ASCII. Content-Length is added. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Payload Too Large",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
};

interface Head {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly keepAlive: boolean;
}

/** Thrown while parsing, caught in `#read` (H3). */
class FramingError {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

type Phase = "head" | "fixed" | "chunkSize" | "chunkData" | "chunkEnd" | "trailers";

export class HttpConnection {
  readonly #socket: Socket;
  readonly #maxBodyBytes: number;
  readonly #handle: (request: HttpRequest, connection: HttpConnection) => void;
  #unread: Buffer = Buffer.alloc(0);
  #phase: Phase = "head";
  /** How much of `#unread` was searched for the end of the head: split packets must not make that quadratic. */
  #searched = 0;
  #head: Head | undefined;
  #remaining = 0;
  #bodyBytes = 0;
  #body: Buffer[] = [];
  #awaitingAnswer = false;
  /** Answers that have not been written yet. */
  #held = "";
  #closed = false;

  /** `handle` is called for each complete request and must lead to exactly one `answer`, now or later. */
  constructor(
    socket: Socket,
    maxBodyBytes: number,
    handle: (request: HttpRequest, connection: HttpConnection) => void,
  ) {
    this.#socket = socket;
    this.#maxBodyBytes = maxBodyBytes;
    this.#handle = handle;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // The reason of a broken connection is of no use here: its process, if it died, tells by its exit.
    socket.on("error", () => this.close());
    socket.on("end", () => this.close());
    socket.on("close", () => this.close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unread = Buffer.alloc(0);
    this.#body = [];
    this.#socket.destroy();
  }

  /** Answers the request that was handed out last. Does nothing on a closed connection. */
  answer(answer: HttpAnswer): void {
    if (this.#closed) return;
    this.#awaitingAnswer = false;
    const keepAlive = this.#head?.keepAlive === true;
    this.#head = undefined;
    this.#write(answer, keepAlive);
    if (!keepAlive) this.#end();
    else if (this.#unread.length > 0) this.#parse();
  }

  #write(answer: HttpAnswer, keepAlive: boolean): void {
    let head = `HTTP/1.1 ${answer.status} ${REASONS[answer.status] ?? "Unknown"}\r\n`;
    for (const [name, value] of answer.headers) head += `${name}: ${value}\r\n`;
    head += `Content-Length: ${Buffer.byteLength(answer.body)}\r\n${keepAlive ? "" : "Connection: close\r\n"}\r\n`;
    // One string, one write, one packet: the head is ASCII, so the encoding of the body serves for both.
    this.#held += head + answer.body;
    // Whoever has sent the next request already does not wait for this answer: it may leave together with the next
    // one. A write costs more than everything else here, and a warm invocation has two answers.
    if (keepAlive && this.#unread.length > 0) setImmediate(() => this.#flush());
    else this.#flush();
  }

  #flush(): void {
    const text = this.#held;
    this.#held = "";
    if (text !== "" && !this.#socket.destroyed) this.#socket.write(text, "utf8");
  }

  /** Closes after what was written has left. */
  #end(): void {
    this.#closed = true;
    this.#socket.end(() => this.#socket.destroy());
  }

  #read(chunk: Buffer): void {
    if (this.#closed) return;
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    if (!this.#awaitingAnswer) this.#parse();
    else if (this.#unread.length > MAX_HEAD_BYTES + this.#maxBodyBytes) this.close();
  }

  #parse(): void {
    try {
      while (!this.#closed && !this.#awaitingAnswer && this.#step());
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#write(
        { status: error.status, headers: [["Content-Type", "text/plain"]], body: `${error.reason}\n` },
        false,
      );
      this.#end();
    }
  }

  /** Reads one piece; false when more bytes are needed. */
  #step(): boolean {
    switch (this.#phase) {
      case "head":
        return this.#readHead();
      case "fixed":
        if (!this.#readBody()) return false;
        this.#complete(new Map());
        return true;
      case "chunkSize":
        return this.#readChunkSize();
      case "chunkData":
        if (!this.#readBody()) return false;
        this.#phase = "chunkEnd";
        return true;
      case "chunkEnd":
        if (this.#unread.length < 2) return false;
        if (this.#unread[0] !== 13 || this.#unread[1] !== 10)
          throw new FramingError(400, "A chunk does not end with CRLF.");
        this.#take(2);
        this.#phase = "chunkSize";
        return true;
      case "trailers":
        return this.#readTrailers();
    }
  }

  #take(count: number): Buffer {
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    this.#searched = 0;
    return taken;
  }

  #readHead(): boolean {
    // Empty lines before a request are allowed (RFC 9112, 2.2).
    while (this.#unread.length >= 2 && this.#unread[0] === 13 && this.#unread[1] === 10) this.#take(2);
    const end = this.#unread.indexOf("\r\n\r\n", Math.max(0, this.#searched - 3), "latin1");
    if (end < 0 || end > MAX_HEAD_BYTES) {
      if (this.#unread.length > MAX_HEAD_BYTES)
        throw new FramingError(431, "The head of the request is too large.");
      this.#searched = this.#unread.length;
      return false;
    }
    const head = parseHead(this.#take(end + 4).toString("latin1", 0, end));
    this.#head = head;
    this.#body = [];
    this.#bodyBytes = 0;
    const coding = head.headers.get("transfer-encoding");
    const length = head.headers.get("content-length");
    if (coding !== undefined) {
      if (length !== undefined) throw new FramingError(400, "Both Transfer-Encoding and Content-Length.");
      if (coding.toLowerCase() !== "chunked")
        throw new FramingError(501, `Transfer-Encoding ${coding} is not supported.`);
      this.#phase = "chunkSize";
    } else {
      if (length !== undefined && !/^\d{1,15}$/.test(length))
        throw new FramingError(400, "Content-Length is no number.");
      this.#remaining = Number(length ?? 0);
      this.#phase = "fixed";
    }
    const bodyFollows = this.#phase === "chunkSize" || this.#remaining > 0;
    if (
      bodyFollows &&
      this.#unread.length === 0 &&
      head.headers.get("expect")?.toLowerCase() === "100-continue"
    ) {
      this.#flush();
      this.#socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
    }
    return true;
  }

  /** Moves what is there of `#remaining` into the body (or drops it, H2); true when all of it has come. */
  #readBody(): boolean {
    const part = this.#take(Math.min(this.#remaining, this.#unread.length));
    this.#remaining -= part.length;
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > this.#maxBodyBytes) this.#body = [];
    else if (part.length > 0) this.#body.push(part);
    return this.#remaining === 0;
  }

  #readChunkSize(): boolean {
    const end = this.#unread.indexOf("\r\n", 0, "latin1");
    if (end > MAX_CHUNK_LINE_BYTES || (end < 0 && this.#unread.length > MAX_CHUNK_LINE_BYTES)) {
      throw new FramingError(400, "The size line of a chunk is too long.");
    }
    if (end < 0) return false;
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(;.*)?$/.exec(
      this.#take(end + 2).toString("latin1", 0, end),
    )?.[1];
    if (size === undefined) throw new FramingError(400, "The size of a chunk is no hexadecimal number.");
    this.#remaining = Number.parseInt(size, 16);
    this.#phase = this.#remaining === 0 ? "trailers" : "chunkData";
    return true;
  }

  #readTrailers(): boolean {
    const isEmpty = this.#unread.length >= 2 && this.#unread[0] === 13 && this.#unread[1] === 10;
    const end = isEmpty ? 0 : this.#unread.indexOf("\r\n\r\n", 0, "latin1");
    if (end < 0) {
      if (this.#unread.length > MAX_HEAD_BYTES) throw new FramingError(431, "The trailers are too large.");
      return false;
    }
    const text = this.#take(isEmpty ? 2 : end + 4).toString("latin1", 0, end);
    this.#complete(isEmpty ? new Map() : parseFields(text.split("\r\n")));
    return true;
  }

  #complete(trailers: ReadonlyMap<string, string>): void {
    const head = this.#head as Head;
    const bodyTooLarge = this.#bodyBytes > this.#maxBodyBytes;
    const [only] = this.#body;
    const body = this.#body.length === 1 && only !== undefined ? only : Buffer.concat(this.#body);
    this.#body = [];
    this.#phase = "head";
    this.#awaitingAnswer = true;
    this.#handle(
      { method: head.method, target: head.target, headers: head.headers, body, bodyTooLarge, trailers },
      this,
    );
  }
}

function parseHead(text: string): Head {
  const lines = text.split("\r\n");
  const line = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(lines[0] ?? "");
  if (line === null) throw new FramingError(400, "The request line is malformed.");
  const headers = parseFields(lines.slice(1));
  const connection = headers.get("connection")?.toLowerCase() ?? "";
  return {
    method: line[1] as string,
    // Clients behind a proxy setting send the absolute form.
    target:
      line[2]?.startsWith("/") === true ? line[2] : (line[2] ?? "").replace(/^http:\/\/[^/]*/i, "") || "/",
    headers,
    keepAlive: line[3] === "1" ? !connection.includes("close") : connection.includes("keep-alive"),
  };
}

function parseFields(lines: readonly string[]): ReadonlyMap<string, string> {
  if (lines.length > MAX_HEADERS) throw new FramingError(431, "Too many headers.");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    // A space before the colon and folded lines are how requests are smuggled: refused, as RFC 9112, 5.1 asks.
    const name = colon <= 0 ? undefined : fieldName(line.slice(0, colon));
    if (name === undefined) throw new FramingError(400, "A header is malformed.");
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    if (before === undefined) fields.set(name, value);
    else if (name !== "content-length") fields.set(name, `${before}, ${value}`);
    else if (before !== value) throw new FramingError(400, "Two different Content-Lengths.");
  }
  return fields;
}

/** A client sends the same few names again and again: what they were found to be is kept, up to a bound. */
const knownNames = new Map<string, string>();

/** In lower case; undefined when it is no header name. */
function fieldName(text: string): string | undefined {
  const known = knownNames.get(text);
  if (known !== undefined) return known;
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return undefined;
  const name = text.toLowerCase();
  if (knownNames.size < 256) knownNames.set(text, name);
  return name;
}
