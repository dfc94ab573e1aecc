// Lambda functions on this machine: a folder each, run behind the real Lambda Runtime API.
//
// Knows:          which functions there are, Invoke and its limits, what Lambda answers when it does not run them.
// Does not know:  Step Functions, tasks, tokens; how a process is started or ended.
//
// NOT A SANDBOX. A function runs with the rights of this process: it can read and write the same files and reach the
// same network. Its environment variables are its own, nothing more. Run only code you would run yourself. What is
// guarded is the way in: a name in a request never becomes a path (it is looked up among the folders that were found),
// and no folder is followed out of the directory by a symbolic link (F2 of discovery.ts). The ports of the Runtime API
// are on loopback and refuse web pages, but any program of this machine may connect to them.
//
// Invariants
//   V1. Region and account in an ARN are not compared: a definition with the ARNs of production finds the function
//       of that name here. `$LATEST` is the only version; any other qualifier is not found.
//   V2. A caller that aborts stops waiting. An invocation that runs goes on to its end, as on Lambda; one that still
//       waits for an environment is dropped.
//   V3. An asynchronous invocation is retried twice at most, after one and after two minutes, as on Lambda. It lives in
//       memory: what has not run when this process ends is lost.

import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { type Json, isObject, utf8Bytes } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { InvokeRequest, InvokeResponse, LambdaInvoker } from "../integrations/lambda-invoker.ts";
import { type FunctionDefinition, discoverFunctions } from "./discovery.ts";
import type { Invocation, InvocationOutcome } from "./execution-environment.ts";
import { LogFile, type FunctionLogLine } from "./function-logs.ts";
import { type FunctionReference, parseFunctionReference } from "./function-name.ts";
import { FunctionPool, type PoolOptions } from "./function-pool.ts";
import { type LaunchContext, findPython, runtimeName, toLaunch } from "./launch.ts";
import { Reaper } from "./reaper.ts";

export interface FunctionLimits {
  /** Execution environments of a function without `reservedConcurrency`. */
  readonly concurrency: number;
  /** Invocations of a function that may wait for an environment. */
  readonly queuedInvocations: number;
  /** Environments that were idle for longer are ended. */
  readonly idleMs: number;
  /** From the start of a process until its runtime must ask for work. */
  readonly initMs: number;
  /** Waits before each retry of an asynchronous invocation; their number is the number of retries. */
  readonly eventRetryDelaysMs: readonly number[];
  readonly logFileBytes: number;
}

export interface LocalFunctionsOptions {
  /** Holds one folder for each function. */
  readonly directory: string;
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** Variables for every function: `AWS_ENDPOINT_URL_SFN` … */
  readonly environment?: Readonly<Record<string, string>>;
  readonly log?: (line: FunctionLogLine) => void;
  /** Where each function gets a file of its own; no files without it. */
  readonly logDirectory?: string;
  readonly limits?: Partial<FunctionLimits>;
}

export interface FunctionDescription {
  readonly name: string;
  readonly arn: string;
  readonly runtime: string;
  readonly handler: string;
  readonly directory: string;
  /** Why it cannot be invoked; empty when it can. */
  readonly problems: readonly string[];
}

const MAX_REQUEST_BYTES = 6_291_456;
const MAX_EVENT_BYTES = 1_048_576;
const MAX_CLIENT_CONTEXT_CHARACTERS = 3583;

interface LocalFunction {
  readonly definition: FunctionDefinition;
  readonly pool: FunctionPool;
}

export class LocalFunctions implements LambdaInvoker {
  readonly #options: LocalFunctionsOptions;
  readonly #limits: FunctionLimits;
  readonly #functions = new Map<string, LocalFunction>();
  /** Of functions that are gone, until their last invocation has ended. */
  readonly #retired = new Set<FunctionPool>();
  readonly #reaper = new Reaper();
  readonly #logFiles = new Map<string, LogFile>();
  readonly #sweep: NodeJS.Timeout;
  readonly #retryTimers = new Set<NodeJS.Timeout>();
  #context: LaunchContext;
  #reloading: Promise<void> = Promise.resolve();
  #closing = false;

  private constructor(options: LocalFunctionsOptions) {
    this.#options = options;
    this.#limits = {
      concurrency: availableParallelism() * 4,
      queuedInvocations: 1000,
      idleMs: 5 * 60_000,
      initMs: 10_000,
      eventRetryDelaysMs: [60_000, 120_000],
      logFileBytes: 10 * 1024 * 1024,
      ...options.limits,
    };
    this.#context = { region: options.region, environment: options.environment ?? {}, python: undefined };
    this.#sweep = setInterval(() => this.#reap(), Math.min(10_000, Math.max(20, this.#limits.idleMs / 4)));
    this.#sweep.unref();
  }

  /**
   * Finds the functions; starts none of them yet.
   * @throws Error when the directory cannot be read, and on Windows. Functions with problems are listed, not thrown.
   */
  static async open(options: LocalFunctionsOptions): Promise<LocalFunctions> {
    if (process.platform === "win32")
      throw new Error("Local functions need process groups, which Windows does not have. Use WSL.");
    const functions = new LocalFunctions(options);
    try {
      await functions.reload();
    } catch (error) {
      await functions.close();
      throw error;
    }
    return functions;
  }

  /** All of them, by name. */
  list(): readonly FunctionDescription[] {
    const byName = [...this.#functions.values()].toSorted((a, b) =>
      a.definition.name < b.definition.name ? -1 : 1,
    );
    return byName.map(({ definition }) => ({
      name: definition.name,
      arn: this.#arn(definition),
      runtime: runtimeName(definition, this.#context.python),
      handler: definition.handler,
      directory: definition.directory,
      problems: definition.problems,
    }));
  }

  /**
   * Reads the directory again. Environments with the old code take no more work: idle ones end now, busy ones after
   * their invocation. With a name, only that function is looked at.
   */
  reload(name?: string): Promise<void> {
    // One after another: two readings at once could end in the older one's view.
    const reloaded = this.#reloading.then(() => this.#reload(name));
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  async invoke(request: InvokeRequest): Promise<InvokeResponse> {
    const requestId = randomUUID();
    try {
      request.signal.throwIfAborted();
      const { definition, pool, arn } = this.#find(request);
      const isEvent = request.invocationType === "Event";
      checkSize(request.payload, isEvent ? MAX_EVENT_BYTES : MAX_REQUEST_BYTES);
      const clientContext =
        request.clientContext === undefined ? undefined : readClientContext(request.clientContext);
      const work: Omit<Invocation, "settle"> = {
        requestId,
        payload: request.payload === "" ? "{}" : request.payload,
        functionArn: arn,
        traceId: traceId(),
        wantsLogTail: request.logType === "Tail" && !isEvent,
        ...(clientContext === undefined ? {} : { clientContext }),
      };
      if (request.invocationType === "DryRun") return toResponse(204, work, undefined);
      if (isEvent) {
        void this.#runInBackground(definition.name, work);
        return toResponse(202, work, undefined);
      }
      return toResponse(200, work, await this.#run(pool, work, request.signal));
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      throw new ServiceError(error.code, error.message, { ...error.members, requestId }, error.status);
    }
  }

  /** Ends all environments, running ones too. Resolves when the last process is gone and the log files are written. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    for (const timer of this.#retryTimers) clearTimeout(timer);
    await this.#reloading;
    const pools = [...[...this.#functions.values()].map(({ pool }) => pool), ...this.#retired];
    await Promise.all(pools.map((pool) => pool.close(closed(), true)));
    await Promise.all([...this.#logFiles.values()].map((file) => file.close()));
    this.#reaper.close();
  }

  async #reload(name: string | undefined): Promise<void> {
    const definitions = await discoverFunctions(this.#options.directory);
    const wantsPython = definitions.some(({ family }) => family === "python");
    if (wantsPython)
      this.#context = { ...this.#context, python: this.#context.python ?? (await findPython()) };
    if (this.#closing) return;
    const found = new Map(definitions.map((definition) => [definition.name, this.#checked(definition)]));
    for (const known of this.#functions.keys()) {
      if (found.has(known) || (name !== undefined && name !== known)) continue;
      this.#retire(known, this.#notFound({ name: known }));
    }
    for (const definition of found.values()) {
      if (name !== undefined && name !== definition.name) continue;
      const refusal = toRefusal(definition);
      if (refusal !== undefined) this.#retire(definition.name, refusal);
      const pool = this.#functions.get(definition.name)?.pool;
      const options = this.#poolOptions(definition);
      pool?.replace(options);
      this.#functions.set(definition.name, {
        definition,
        pool: pool ?? new FunctionPool(options, this.#reaper, this.#logOf(definition.name)),
      });
    }
  }

  /** A function that can no longer run: what waits is refused, what runs goes on to its end. */
  #retire(name: string, reason: ServiceError): void {
    const pool = this.#functions.get(name)?.pool;
    if (pool === undefined) return;
    this.#functions.delete(name);
    this.#retired.add(pool);
    void pool.close(reason, false);
  }

  #checked(definition: FunctionDefinition): FunctionDefinition {
    if (
      definition.family !== "python" ||
      this.#context.python !== undefined ||
      definition.problems.length > 0
    )
      return definition;
    const problem =
      "Python functions need python3 on PATH, and there is none. Install Python 3, or start with a PATH that has it.";
    return { ...definition, problems: [problem] };
  }

  #poolOptions(definition: FunctionDefinition): PoolOptions {
    return {
      launch: () => toLaunch(definition, this.#context),
      maxEnvironments: definition.reservedConcurrency ?? this.#limits.concurrency,
      maxQueued: this.#limits.queuedInvocations,
      initTimeoutMs: this.#limits.initMs,
    };
  }

  #find(request: InvokeRequest): LocalFunction & { readonly arn: string } {
    const reference = parseFunctionReference(request.functionName, request.qualifier);
    const local = this.#functions.get(reference.name);
    if (local === undefined || (reference.qualifier ?? "$LATEST") !== "$LATEST")
      throw this.#notFound(reference);
    const refusal = toRefusal(local.definition);
    if (refusal !== undefined) throw refusal;
    return { ...local, arn: this.#arn(reference) };
  }

  #arn({ name, partition, region, account, qualifier }: FunctionReference): string {
    const { region: ownRegion, account: ownAccount } = this.#options;
    const suffix = qualifier === undefined ? "" : `:${qualifier}`;
    return `arn:${partition ?? "aws"}:lambda:${region ?? ownRegion}:${account ?? ownAccount}:function:${name}${suffix}`;
  }

  #notFound(reference: FunctionReference): ServiceError {
    const arn = this.#arn({ ...reference, qualifier: reference.qualifier ?? "$LATEST" });
    return new ServiceError("ResourceNotFoundException", `Function not found: ${arn}`, { Type: "User" }, 404);
  }

  #run(
    pool: FunctionPool,
    work: Omit<Invocation, "settle">,
    signal: AbortSignal | undefined,
  ): Promise<InvocationOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#closing) throw closed();
      let takeBack = (): boolean => false;
      const abort = (): void => {
        takeBack();
        reject(signal?.reason as Error);
      };
      const settle = (outcome: InvocationOutcome): void => {
        signal?.removeEventListener("abort", abort);
        // What a process that we killed ourselves would have said is unknown: that is no answer of the function.
        if (this.#closing) reject(closed());
        else resolve(outcome);
      };
      takeBack = pool.invoke({ ...work, settle }, (error) => {
        signal?.removeEventListener("abort", abort);
        reject(error);
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** An asynchronous invocation with its retries (V3). Never rejects. */
  async #runInBackground(name: string, work: Omit<Invocation, "settle">): Promise<void> {
    for (const delayMs of [...this.#limits.eventRetryDelaysMs, undefined]) {
      const problem = await this.#attempt(name, work);
      if (problem === undefined || this.#closing) return;
      const text = `Asynchronous invocation failed: ${problem}`;
      const next = delayMs === undefined ? "Given up." : `Retried in ${delayMs / 1000} seconds.`;
      this.#logOf(name)?.({
        functionName: name,
        requestId: work.requestId,
        stream: "platform",
        text: `${text} ${next}`,
        atMs: Date.now(),
      });
      if (delayMs === undefined) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#retryTimers.delete(timer);
          resolve();
        }, delayMs);
        timer.unref();
        this.#retryTimers.add(timer);
      });
    }
  }

  /** Why it failed; undefined when it succeeded. */
  async #attempt(name: string, work: Omit<Invocation, "settle">): Promise<string | undefined> {
    const local = this.#functions.get(name);
    if (local === undefined) return "the function is gone.";
    try {
      const outcome = await this.#run(local.pool, work, undefined);
      return outcome.failed ? outcome.payload : undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #logOf(name: string): ((line: FunctionLogLine) => void) | undefined {
    const { log, logDirectory } = this.#options;
    if (logDirectory === undefined) return log;
    let file = this.#logFiles.get(name);
    if (file === undefined) {
      file = new LogFile(logDirectory, name, this.#limits.logFileBytes, (error) => {
        const text = `The log file cannot be written: ${error.message}`;
        if (log === undefined) process.emitWarning(text);
        else log({ functionName: name, requestId: undefined, stream: "platform", text, atMs: Date.now() });
      });
      this.#logFiles.set(name, file);
    }
    const target = file;
    return (line) => {
      log?.(line);
      target.append(`${new Date(line.atMs).toISOString()} ${line.requestId ?? "-"} ${line.text}`);
    };
  }

  #reap(): void {
    const sinceMs = performance.now() - this.#limits.idleMs;
    for (const { pool } of this.#functions.values()) pool.reap(sinceMs);
    for (const pool of this.#retired) if (pool.size.environments === 0) this.#retired.delete(pool);
  }
}

function closed(): Error {
  return new Error("Local functions were closed; what became of the invocation is unknown.");
}

/** Lambda's word for a function whose code it cannot run, with our reason; undefined when there is none. */
function toRefusal({ problems, family }: FunctionDefinition): ServiceError | undefined {
  if (problems.length === 0) return undefined;
  const reason = problems.join(" ");
  if (family === "python") return new ServiceError("InvalidRuntimeException", reason, {}, 502);
  const state =
    "The operation cannot be performed at this time. The function is currently in the following state: Failed.";
  return new ServiceError("ResourceConflictException", `${state} ${reason}`, {}, 409);
}

function checkSize(payload: string, maxBytes: number): void {
  // A character takes three bytes at most: short texts need no counting.
  if (payload.length * 3 <= maxBytes || utf8Bytes(payload) <= maxBytes) return;
  throw maxBytes === MAX_EVENT_BYTES
    ? new ServiceError(
        "RequestTooLargeException",
        `${utf8Bytes(payload)} byte payload is too large for the Event invocation type (limit ${maxBytes} bytes)`,
        { Type: "User" },
        413,
      )
    : new ServiceError(
        "RequestEntityTooLargeException",
        `Request must be smaller than ${maxBytes} bytes for the InvokeFunction operation`,
        { Type: "User" },
        413,
      );
}

/** The JSON text, in ASCII, so that it can travel in a header. */
function readClientContext(base64: string): string {
  const invalid = (why: string): ServiceError =>
    new ServiceError(
      "InvalidRequestContentException",
      `Client context must be a valid Base64-encoded JSON object: ${why}`,
      { Type: "User" },
    );
  if (base64.length > MAX_CLIENT_CONTEXT_CHARACTERS)
    throw invalid(`more than ${MAX_CLIENT_CONTEXT_CHARACTERS} characters`);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw invalid("not Base64");
  let value: Json;
  try {
    value = JSON.parse(Buffer.from(base64, "base64").toString("utf8")) as Json;
  } catch (error) {
    throw invalid((error as Error).message);
  }
  if (!isObject(value)) throw invalid("not an object");
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function traceId(): string {
  // A UUID's bits come from a pool that is filled now and then; single random bytes cost a system call each time.
  const hex = (randomUUID() + randomUUID()).replaceAll("-", "");
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(32, 48)};Sampled=0`;
}

function toResponse(
  statusCode: number,
  work: Omit<Invocation, "settle">,
  outcome: InvocationOutcome | undefined,
): InvokeResponse {
  const payload = outcome?.payload ?? "";
  const executed = outcome === undefined ? {} : { executedVersion: "$LATEST" };
  const functionError = outcome?.failed === true ? { functionError: "Unhandled" } : {};
  const logResult = outcome?.logTail === undefined ? {} : { logResult: outcome.logTail };
  return {
    statusCode,
    requestId: work.requestId,
    ...executed,
    ...functionError,
    ...logResult,
    payload,
    headers: {
      date: new Date().toUTCString(),
      "content-type": "application/json",
      "content-length": String(utf8Bytes(payload)),
      connection: "keep-alive",
      "x-amzn-requestid": work.requestId,
      "x-amzn-remapped-content-length": "0",
      "x-amzn-trace-id": work.traceId,
      ...(outcome === undefined ? {} : { "x-amz-executed-version": "$LATEST" }),
      ...(outcome?.failed === true ? { "x-amz-function-error": "Unhandled" } : {}),
      ...(outcome?.logTail === undefined ? {} : { "x-amz-log-result": outcome.logTail }),
    },
  };
}
