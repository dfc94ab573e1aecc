// The execution environments of one function, and the invocations that wait for one.
//
// Knows:          how many environments there may be, which of them is warm, who waits.
// Does not know:  processes (execution-environment.ts), names, retries of asynchronous invocations.
//
// Invariants
//   P1. An invocation belongs to no environment before it is handed to one: whichever is free first takes it. So
//       one slow start delays nobody who could have been served by a warm environment.
//   P2. Warm environments are reused last in, first out: under light load the others become idle long enough to go.
//   P3. No more environments are started than invocations wait, nor than the function's concurrency.
//   P4. A start that fails is tried once more, as on Lambda; the invocation at the head of the queue then fails with
//       what the second start said.

import { ServiceError } from "../base/service-error.ts";
import * as documents from "./error-documents.ts";
import {
  type EnvironmentOwner,
  ExecutionEnvironment,
  type Invocation,
  type Launch,
  type StartFailure,
} from "./execution-environment.ts";
import type { Reaper } from "./reaper.ts";

const STARTS_PER_INVOCATION = 2;

export interface PoolOptions {
  /** Called for each start: environments have log streams of their own. */
  readonly launch: () => Launch;
  readonly maxEnvironments: number;
  readonly maxQueued: number;
  /** Until an environment must be ready. The second try has the function's own timeout instead, as on Lambda. */
  readonly initTimeoutMs: number;
}

interface Waiting {
  readonly invocation: Invocation;
  readonly refuse: (error: Error) => void;
  startFailures: number;
}

export class FunctionPool {
  #options: PoolOptions;
  readonly #reaper: Reaper;
  readonly #owner: EnvironmentOwner;
  readonly #environments = new Set<ExecutionEnvironment>();
  readonly #starting = new Set<ExecutionEnvironment>();
  /** Busy with an invocation of code that was replaced meanwhile. */
  readonly #stale = new Set<ExecutionEnvironment>();
  readonly #ending = new Set<Promise<void>>();
  /** The most recently used last (P2). */
  #idle: ExecutionEnvironment[] = [];
  #queue: Waiting[] = [];
  #closed = false;

  constructor(options: PoolOptions, reaper: Reaper, log: EnvironmentOwner["log"]) {
    this.#options = options;
    this.#reaper = reaper;
    this.#owner = {
      ready: (environment) => this.#ready(environment),
      gone: (environment, failure) => this.#gone(environment, failure),
      log,
    };
  }

  /** How many processes there are, and how many invocations wait. */
  get size(): { readonly environments: number; readonly queued: number } {
    return { environments: this.#environments.size, queued: this.#queue.length };
  }

  /**
   * Runs it in a warm environment, or queues it.
   * @param refuse called instead of `settle` when the pool closes before the invocation was handed out
   * @returns how to take it back while it waits; false: it runs already
   * @throws ServiceError TooManyRequestsException when the queue is full
   */
  invoke(invocation: Invocation, refuse: (error: Error) => void): () => boolean {
    const warm = this.#idle.pop();
    if (warm !== undefined) {
      warm.run(invocation);
      return () => false;
    }
    if (this.#options.maxEnvironments === 0 || this.#queue.length >= this.#options.maxQueued) {
      throw new ServiceError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        {
          Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
          Type: "User",
          requestId: invocation.requestId,
        },
        429,
      );
    }
    const waiting: Waiting = { invocation, refuse, startFailures: 0 };
    this.#queue.push(waiting);
    this.#grow();
    return () => {
      const index = this.#queue.indexOf(waiting);
      if (index >= 0) this.#queue.splice(index, 1);
      return index >= 0;
    };
  }

  /** New code or settings: warm environments are dropped, running invocations end in the old code. */
  replace(options: PoolOptions): void {
    this.#options = options;
    // A copy: each that goes makes room for a new one, which has the new code already.
    for (const environment of Array.from(this.#environments)) {
      if (environment.idle || this.#starting.has(environment)) environment.stop();
      else this.#stale.add(environment);
    }
    this.#grow();
  }

  /** Drops environments that were idle since before `sinceMs` (by `performance.now()`). */
  reap(sinceMs: number): void {
    for (const environment of this.#idle.filter(({ idleSinceMs }) => idleSinceMs < sinceMs))
      environment.stop();
  }

  /** Refuses what waits and, with `abort`, ends what runs. Resolves once all processes are gone. */
  async close(reason: Error, abort: boolean): Promise<void> {
    this.#closed = true;
    const waiting = this.#queue;
    this.#queue = [];
    for (const { refuse } of waiting) refuse(reason);
    for (const environment of Array.from(this.#environments)) {
      if (abort || environment.idle || this.#starting.has(environment)) environment.stop();
      else this.#stale.add(environment);
    }
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  #grow(): void {
    const { maxEnvironments, launch, initTimeoutMs } = this.#options;
    while (
      !this.#closed &&
      this.#starting.size < this.#queue.length &&
      this.#environments.size < maxEnvironments
    ) {
      const description = launch();
      const isRetry = (this.#queue[0]?.startFailures ?? 0) > 0;
      const timeoutMs = isRetry ? description.timeoutSeconds * 1000 : initTimeoutMs;
      const environment = ExecutionEnvironment.start(description, this.#owner, this.#reaper, timeoutMs);
      this.#environments.add(environment);
      this.#starting.add(environment);
    }
  }

  #ready(environment: ExecutionEnvironment): void {
    this.#starting.delete(environment);
    if (this.#stale.has(environment)) return environment.stop();
    const waiting = this.#queue.shift();
    if (waiting === undefined) this.#idle.push(environment);
    else environment.run(waiting.invocation);
  }

  #gone(environment: ExecutionEnvironment, failure: StartFailure | undefined): void {
    this.#environments.delete(environment);
    this.#starting.delete(environment);
    this.#stale.delete(environment);
    this.#idle = this.#idle.filter((other) => other !== environment);
    const ended = environment.exited.then(() => {
      this.#ending.delete(ended);
    });
    this.#ending.add(ended);
    if (failure !== undefined) this.#startFailed(failure);
    this.#grow();
  }

  #startFailed(failure: StartFailure): void {
    const head = this.#queue[0];
    if (head === undefined) return;
    head.startFailures += 1;
    if (head.startFailures < STARTS_PER_INVOCATION) return;
    this.#queue.shift();
    const { requestId } = head.invocation;
    const document =
      failure.kind === "failed"
        ? failure.document(requestId)
        : documents.timedOut(requestId, this.#options.launch().timeoutSeconds);
    head.invocation.settle({ payload: document.payload, failed: true });
  }
}
