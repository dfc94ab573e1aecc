// The server as a process that can be killed, stopped and continued, and started again on the same port.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/** Below the ports that systems give to outgoing connections (Linux: from 32768, others higher). */
const PORTS = [10_000, 32_767] as const;

/**
 * A port that was free a moment ago: a server that is killed must come back on the same one.
 *
 * Not one that listening on port 0 would get: while the server is down, its clients try to connect thousands of times,
 * each from a port of that range. Sooner or later one would take the server's, or connect to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Of stderr, for the report of a failure. */
const ERRORS_KEPT = 20_000;

export class ServerProcess {
  readonly url: string;
  readonly #program: readonly [string, ...string[]];
  readonly #arguments: readonly string[];
  #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #gone: Promise<number | null> | undefined;
  /** What it wrote to stderr, the last of it. */
  errors = "";

  /** @param program What starts the command line `stepwell`. */
  constructor(
    program: readonly [string, ...string[]],
    port: number,
    serveArguments: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.#program = program;
    this.#arguments = ["serve", "--port", String(port), ...serveArguments];
    this.#env = env;
  }

  /** Variables of the next start, besides those of this process. */
  setEnvironment(env: NodeJS.ProcessEnv): void {
    this.#env = env;
  }

  /** Resolves with the milliseconds until it was ready. @throws AssertionError if it ends before */
  async start(): Promise<number> {
    const startedAt = performance.now();
    const [file, ...words] = this.#program;
    const child = spawn(file, [...words, ...this.#arguments], {
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.errors = (this.errors + text).slice(-ERRORS_KEPT);
    });
    const lines = createInterface({ input: child.stdout });
    const ready = once(lines, "line").then(([line]) => line as string);
    // "close" and not "exit": by then everything that it said has been read.
    this.#gone = once(child, "close").then(([code]) => code as number | null);
    const line = await Promise.race([
      ready,
      this.#gone.then((code) => `exited with ${String(code)}: ${this.errors}`),
    ]);
    assert.match(line, /^ready http/, `the server did not start: ${line}`);
    return performance.now() - startedAt;
  }

  get pid(): number {
    return this.#child?.pid as number;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves when it has ended, by itself or not, with its exit code (null: a signal). */
  async ended(): Promise<number | null> {
    return (await this.#gone) ?? null;
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child?.kill("SIGKILL");
    await this.#gone;
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.isRunning) this.#child?.kill("SIGTERM");
    return this.ended();
  }

  /** SIGSTOP or SIGCONT. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }
}
