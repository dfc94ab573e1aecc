// One execution environment: a child process with a runtime in it, one invocation at a time.
//
// Knows:          how to start it, when an invocation ends, when it must be killed.
// Does not know:  other environments, queues, retries (function-pool.ts).
//
// Invariants
//   E1. An invocation is settled exactly once: when the runtime asks for the next one (as on Lambda: a response alone
//       does not end it), when the process ends, or when its time is over, whichever comes first.
//   E2. When time is over the caller is answered first; the process group is killed after that.
//   E3. The child sees only the variables it is given: nothing of this process's environment but PATH.
//   E4. Everything the process started goes with it: each environment is a process group, killed as a whole, and
//       known to the reaper from its start to its end.
//
// Memory: the resident set of the group's leader is looked at ten times a second while it works (Linux; elsewhere
// only V8's own limit holds). Lambda's limit is exact; this one lets a fast allocation overshoot for a moment.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { assert } from "../base/assert.ts";
import * as documents from "./error-documents.ts";
import type { FailureDocument } from "./error-documents.ts";
import { type FunctionLogLine, LineSplitter, LogTail } from "./function-logs.ts";
import { type Reaper, signalGroup } from "./reaper.ts";
import { type RuntimeAnswer, RuntimeApi, type RuntimeInvocation } from "./runtime-api.ts";

export interface Invocation extends Omit<RuntimeInvocation, "deadlineAtMs"> {
  readonly wantsLogTail: boolean;
  /** Called exactly once by whoever has the invocation (E1). */
  readonly settle: (outcome: InvocationOutcome) => void;
}

export interface InvocationOutcome {
  readonly payload: string;
  /** True: `payload` is an error document. */
  readonly failed: boolean;
  /** Base64; present when it was asked for. */
  readonly logTail?: string;
}

/** How to start a process for a function. */
export interface Launch {
  readonly functionName: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** Complete but for AWS_LAMBDA_RUNTIME_API (E3). */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}

export interface EnvironmentOwner {
  /** Waits for work; called after the start and after each invocation. */
  readonly ready: (environment: ExecutionEnvironment) => void;
  /**
   * Ended, or is about to: takes no more work. `startFailure` when it never became ready; it needs the id of the
   * invocation that is told, and is undefined when the start took too long.
   */
  readonly gone: (environment: ExecutionEnvironment, startFailure?: StartFailure) => void;
  /** Undefined: nobody reads logs, so none are made. */
  readonly log: ((line: FunctionLogLine) => void) | undefined;
}

export type StartFailure =
  | { readonly kind: "failed"; readonly document: (requestId: string) => FailureDocument }
  | { readonly kind: "tooSlow" };

/** Between SIGTERM and SIGKILL when an environment that is idle is dropped. */
const GRACE_MS = 500;
const MEMORY_LOOK_MS = 100;

interface Work {
  readonly invocation: Invocation;
  readonly startedAtMs: number;
  readonly tail: LogTail | undefined;
  answer: RuntimeAnswer | undefined;
}

export class ExecutionEnvironment {
  readonly #launch: Launch;
  readonly #owner: EnvironmentOwner;
  readonly #reaper: Reaper;
  readonly #exited: Promise<void>;
  #resolveExited: () => void = () => {};
  #state: "starting" | "idle" | "busy" | "dead" = "starting";
  #api: RuntimeApi | undefined;
  #child: ChildProcess | undefined;
  #work: Work | undefined;
  #timer: NodeJS.Timeout | undefined;
  #memoryTimer: NodeJS.Timeout | undefined;
  #maxMemoryMegabytes = 0;
  #killedForMemory = false;
  readonly #launchedAtMs = performance.now();
  /** Milliseconds from the launch to the first `next`; shown in the first REPORT. */
  #initMs: number | undefined;
  readonly #splitters: LineSplitter[] = [];
  /** When it became idle, by `performance.now()`. */
  idleSinceMs = 0;

  private constructor(launch: Launch, owner: EnvironmentOwner, reaper: Reaper) {
    this.#launch = launch;
    this.#owner = owner;
    this.#reaper = reaper;
    this.#exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
  }

  /** Starts a process; `owner` hears how it goes. `initTimeoutMs`: until the runtime must ask for work. */
  static start(
    launch: Launch,
    owner: EnvironmentOwner,
    reaper: Reaper,
    initTimeoutMs: number,
  ): ExecutionEnvironment {
    const environment = new ExecutionEnvironment(launch, owner, reaper);
    environment.#timer = setTimeout(() => environment.#die({ kind: "tooSlow" }), initTimeoutMs);
    environment.#open().catch((error: Error) => {
      environment.#die({
        kind: "failed",
        document: (requestId) => documents.cannotStart(requestId, error.message),
      });
      environment.#neverStarted();
    });
    return environment;
  }

  get idle(): boolean {
    return this.#state === "idle";
  }

  /** The process, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Hands an invocation to an idle environment. */
  run(invocation: Invocation): void {
    assert(
      this.#state === "idle" && this.#api !== undefined,
      "an invocation was given to an environment that is not idle",
    );
    this.#state = "busy";
    this.#work = {
      invocation,
      startedAtMs: performance.now(),
      tail: invocation.wantsLogTail ? new LogTail() : undefined,
      answer: undefined,
    };
    const timeoutMs = this.#launch.timeoutSeconds * 1000;
    this.#timer = setTimeout(() => this.#timeOut(), timeoutMs);
    this.#watchMemory();
    if (this.#logs) this.#platform(`START RequestId: ${invocation.requestId} Version: $LATEST`);
    this.#api.deliver({ ...invocation, deadlineAtMs: Date.now() + timeoutMs });
  }

  /** Resolves once there is no process (any more). */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** Ends it: SIGTERM and, after a grace, SIGKILL. An invocation that runs is settled as one whose process was killed. */
  stop(): void {
    this.#die(undefined, "SIGTERM");
  }

  async #open(): Promise<void> {
    const api = await RuntimeApi.listen(
      {
        next: () => this.#next(),
        answered: (answer) => {
          if (this.#work !== undefined) this.#work.answer = answer;
        },
        initFailed: (errorType, body) =>
          this.#die({ kind: "failed", document: () => documents.reported(errorType, body) }),
      },
      documents.MAX_RESPONSE_BYTES,
    );
    this.#api = api;
    if (this.#state === "dead") return this.#neverStarted();
    const { command, args, directory, environment } = this.#launch;
    const child = spawn(command, args, {
      cwd: directory,
      env: { ...environment, AWS_LAMBDA_RUNTIME_API: api.address },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    if (child.pid !== undefined) this.#reaper.add(child.pid);
    child.on("error", (error) => {
      if (child.pid !== undefined) return;
      this.#die({ kind: "failed", document: (requestId) => documents.cannotStart(requestId, error.message) });
      this.#neverStarted();
    });
    // What the process sent or printed before it ended is in the kernel already: the loop reads it before the next
    // turn of `setImmediate`, so an answer is not taken for an exit without one.
    child.on("exit", (code, signal) => {
      // At once, before the number of the group can be given to somebody else: what the process left behind.
      if (child.pid !== undefined) {
        signalGroup(child.pid, "SIGKILL");
        this.#reaper.remove(child.pid);
      }
      setImmediate(() => this.#processEnded({ code, signal }));
    });
    this.#read(child, "stdout");
    this.#read(child, "stderr");
    this.#watchMemory();
  }

  #neverStarted(): void {
    this.#api?.close();
    this.#resolveExited();
  }

  #read(child: ChildProcess, stream: "stdout" | "stderr"): void {
    const splitter = new LineSplitter((text) => this.#emit(stream, text));
    this.#splitters.push(splitter);
    child[stream]?.on("data", (chunk: Buffer) => splitter.write(chunk));
    // A pipe that breaks has ended; what becomes of the process is told by its exit.
    child[stream]?.on("error", () => {});
  }

  get #logs(): boolean {
    return this.#owner.log !== undefined || this.#work?.tail !== undefined;
  }

  #emit(stream: FunctionLogLine["stream"], text: string): void {
    this.#work?.tail?.add(text);
    const requestId = this.#work?.invocation.requestId;
    this.#owner.log?.({ functionName: this.#launch.functionName, requestId, stream, text, atMs: Date.now() });
  }

  #platform(text: string): void {
    this.#emit("platform", text);
  }

  #next(): void {
    if (this.#state === "starting") {
      this.#initMs = performance.now() - this.#launchedAtMs;
      return this.#becomeReady();
    }
    if (this.#state !== "busy") return;
    // Its last lines are in the pipe already (it printed before it asked): one turn of the loop brings them.
    if (this.#logs) setImmediate(() => this.#finish());
    else this.#finish();
  }

  #finish(): void {
    if (this.#state !== "busy" || this.#work?.answer === undefined) return;
    this.#settle(toOutcome(this.#work.answer));
    this.#becomeReady();
  }

  #becomeReady(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#memoryTimer);
    this.#state = "idle";
    this.idleSinceMs = performance.now();
    this.#owner.ready(this);
  }

  /** Settles the invocation under way, if there is one (E1), and writes its END and REPORT. */
  #settle({ failure, payload }: Settlement): void {
    const work = this.#work;
    if (work === undefined) return;
    if (this.#logs) {
      for (const splitter of this.#splitters) splitter.flush();
      this.#report(work, failure);
    }
    this.#work = undefined;
    work.invocation.settle({
      payload: failure?.payload ?? payload ?? "null",
      failed: failure !== undefined,
      ...(work.tail === undefined ? {} : { logTail: work.tail.toBase64() }),
    });
  }

  #report(work: Work, failure: FailureDocument | undefined): void {
    const { requestId } = work.invocation;
    const durationMs = performance.now() - work.startedAtMs;
    const { memoryMegabytes } = this.#launch;
    if (this.#maxMemoryMegabytes === 0) this.#maxMemoryMegabytes = this.#residentMegabytes() ?? 0;
    const errorType = this.#killedForMemory ? "Runtime.OutOfMemory" : failure?.errorType;
    const isPlatformFault = errorType !== undefined && /^(Runtime|Sandbox|Function)\./.test(errorType);
    if (errorType === "Sandbox.Timedout") {
      this.#platform(
        `${new Date().toISOString()} ${requestId} Task timed out after ${this.#launch.timeoutSeconds.toFixed(2)} seconds`,
      );
    } else if (errorType === "Runtime.ExitError" || this.#killedForMemory) {
      const { errorMessage } = JSON.parse(failure?.payload ?? "{}") as { errorMessage?: string };
      this.#platform(`${errorMessage}`);
    }
    this.#platform(`END RequestId: ${requestId}`);
    const parts = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${Math.ceil(durationMs)} ms`,
      `Memory Size: ${memoryMegabytes} MB`,
      `Max Memory Used: ${Math.min(this.#maxMemoryMegabytes, memoryMegabytes)} MB`,
      ...(this.#initMs === undefined ? [] : [`Init Duration: ${this.#initMs.toFixed(2)} ms`]),
      ...(errorType === "Sandbox.Timedout"
        ? ["Status: timeout"]
        : isPlatformFault
          ? [`Status: error\tError Type: ${errorType}`]
          : []),
    ];
    this.#initMs = undefined;
    this.#platform(parts.join("\t"));
  }

  #timeOut(): void {
    const requestId = this.#work?.invocation.requestId ?? "";
    this.#settle({ failure: documents.timedOut(requestId, this.#launch.timeoutSeconds) });
    this.#die();
  }

  #watchMemory(): void {
    this.#memoryTimer = setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS);
  }

  #lookAtMemory(): void {
    const megabytes = this.#residentMegabytes();
    if (megabytes === undefined) return;
    this.#maxMemoryMegabytes = Math.max(this.#maxMemoryMegabytes, megabytes);
    if (megabytes <= this.#launch.memoryMegabytes) return;
    this.#killedForMemory = true;
    this.#settle({ failure: documents.outOfMemory(this.#work?.invocation.requestId ?? "") });
    this.#die({ kind: "failed", document: documents.outOfMemory });
  }

  /** Of the leader of the group; undefined where there is no /proc, or no process any more. */
  #residentMegabytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#child?.pid}/status`, "latin1");
      const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
      return kilobytes === undefined ? undefined : Math.ceil(Number(kilobytes) / 1024);
    } catch {
      return undefined;
    }
  }

  /** The process ended of its own accord, or because it was killed. */
  #processEnded(exit: documents.ProcessExit): void {
    const work = this.#work;
    if (work !== undefined) {
      this.#settle(
        work.answer === undefined
          ? { failure: documents.exited(work.invocation.requestId, exit) }
          : toOutcome(work.answer),
      );
    }
    this.#die({ kind: "failed", document: (requestId) => documents.exited(requestId, exit) });
    this.#api?.close();
    this.#resolveExited();
  }

  /** No more work; the process is killed if it still lives. Tells the owner, once. */
  #die(startFailure?: StartFailure, signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): void {
    if (this.#state === "dead") return;
    const neverReady = this.#state === "starting";
    this.#state = "dead";
    clearTimeout(this.#timer);
    clearInterval(this.#memoryTimer);
    this.#settle({
      failure: documents.exited(this.#work?.invocation.requestId ?? "", { code: null, signal: "SIGKILL" }),
    });
    const group =
      this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
    if (group !== undefined) {
      signalGroup(group, signal);
      if (signal === "SIGTERM") {
        const timer = setTimeout(() => signalGroup(group, "SIGKILL"), GRACE_MS);
        this.#exited.then(() => clearTimeout(timer)).catch(() => {});
      }
    }
    this.#owner.gone(this, neverReady ? startFailure : undefined);
  }
}

interface Settlement {
  readonly payload?: string;
  readonly failure?: FailureDocument;
}

function toOutcome(answer: RuntimeAnswer): Settlement {
  switch (answer.kind) {
    case "response":
      return { payload: answer.body };
    case "error":
      return { failure: documents.reported(answer.errorType, answer.body) };
    case "tooLarge":
      return { failure: documents.responseTooLarge() };
  }
}
