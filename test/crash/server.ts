// The real server as a process that can be killed, and a client that knows it may be gone.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../bin/stepwell", import.meta.url));

/** A port that was free a moment ago: a server that is killed must come back on the same one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

export class ServerProcess {
  readonly url: string;
  readonly #arguments: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  /** What it wrote to stderr, for the report of a failure. */
  errors = "";

  constructor(port: number, serveArguments: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.url = `http://127.0.0.1:${port}`;
    this.#arguments = ["serve", "--port", String(port), ...serveArguments];
    this.#env = { ...process.env, ...env };
  }

  /** Resolves with the milliseconds until it was ready. */
  async start(): Promise<number> {
    const startedAt = performance.now();
    const child = spawn(COMMAND, this.#arguments, { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.errors = (this.errors + text).slice(-20_000);
    });
    const lines = createInterface({ input: child.stdout });
    const ready = once(lines, "line").then(([line]) => line as string);
    const gone = once(child, "exit").then(([code]) => `exited with ${String(code)}: ${this.errors}`);
    const line = await Promise.race([ready, gone]);
    assert.match(line, /^ready http/, `the server did not start: ${line}`);
    return performance.now() - startedAt;
  }

  get pid(): number {
    return this.#child?.pid as number;
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#child as ChildProcess;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child as ChildProcess;
    if (child.exitCode !== null) return child.exitCode;
    child.kill("SIGTERM");
    await once(child, "exit");
    return child.exitCode;
  }
}

/** An error that the service answered. */
export class Answered extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** One call. @throws Answered if the service refused; anything else means that there was no answer */
export async function callOnce(
  url: string,
  operation: string,
  input: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AWSStepFunctions.${operation}`,
    },
    body: JSON.stringify(input),
  });
  const body = (await response.json()) as Record<string, unknown>;
  if (response.ok) return body;
  throw new Answered(String(body["__type"]).split("#").at(-1) as string, String(body["message"]));
}

/** Calls until there is an answer. @throws Answered */
export async function call(url: string, operation: string, input: object): Promise<Record<string, unknown>> {
  for (const deadline = Date.now() + 120_000; ; ) {
    try {
      return await callOnce(url, operation, input);
    } catch (error) {
      if (
        error instanceof Answered &&
        error.code !== "ThrottlingException" &&
        error.code !== "ServiceUnavailable"
      )
        throw error;
      if (Date.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, 30));
    }
  }
}
