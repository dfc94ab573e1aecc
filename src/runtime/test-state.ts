// TestState outside of executions: calls what a Task under test would call, waits as long as a Wait would.
//
// Knows:          integrations, the clock. Does not know:  stores, journals, other executions.
//
// Invariants
//   V1. Nothing is stored and nothing is left behind: a caller that goes away ends the call or the wait.
//   V2. A test takes five minutes at most; then its state has failed with States.Timeout.
//   V3. A Task is called once. The room that executions have for their calls is not taken: a test has its caller's.
//
// Spec: "Using TestState API" of the developer guide.

import type { Log } from "../base/log.ts";
import type { Resource } from "../asl/index.ts";
import { Random } from "../base/random.ts";
import type { CallTask, Limits } from "../engine/index.ts";
import {
  type PendingOutcome,
  StateTest,
  type StateTestRequest,
  type TestedState,
} from "../engine/test-state/index.ts";
import type { Integration, TaskOutcome } from "../integrations/integration.ts";
import type { Clock } from "./clock.ts";
import { wellFormed } from "./dispatch.ts";
import { unavailable } from "./failures.ts";
import type { SeedSource } from "./seeds.ts";

const MAX_MS = 300_000;

export interface StateTestsOptions {
  readonly clock: Clock;
  readonly seeds: SeedSource;
  readonly limits: Limits;
  readonly integrations: (resource: Resource) => Integration | undefined;
  readonly log: Log;
}

export class StateTests {
  readonly #options: StateTestsOptions;
  readonly #running = new Set<AbortController>();

  constructor(options: StateTestsOptions) {
    this.#options = options;
  }

  /** @param signal Aborted when nobody waits for the answer. @throws ServiceError */
  async run(request: StateTestRequest, signal: AbortSignal): Promise<TestedState> {
    const { clock, seeds, limits } = this.#options;
    const startMs = clock.now();
    const test = new StateTest(request, limits, { nowMs: startMs, seed: seeds() });
    const pending = test.begin();
    if (pending === undefined) return test.result();

    const controller = new AbortController();
    const abort = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    this.#running.add(controller);
    try {
      const limitMs = startMs + MAX_MS;
      const outcome =
        pending.kind === "wait"
          ? await this.#wait(pending.untilMs, limitMs, controller.signal)
          : await this.#call(test, pending.command, limitMs, controller);
      test.resume(outcome, { nowMs: Math.max(startMs, clock.now()), seed: seeds() });
      return test.result();
    } finally {
      signal.removeEventListener("abort", abort);
      this.#running.delete(controller);
    }
  }

  /** Gives up what runs. */
  stop(): void {
    for (const controller of this.#running) controller.abort();
  }

  async #wait(untilMs: number, limitMs: number, signal: AbortSignal): Promise<PendingOutcome> {
    await this.#reached(Math.min(untilMs, limitMs), signal);
    return { kind: untilMs <= limitMs ? "waited" : "limit" };
  }

  async #call(
    test: StateTest,
    command: CallTask,
    limitMs: number,
    controller: AbortController,
  ): Promise<PendingOutcome> {
    const { timeoutAtMs = Number.POSITIVE_INFINITY } = command;
    const isOver = new AbortController();
    const timedOut = this.#reached(
      Math.min(timeoutAtMs, limitMs),
      AbortSignal.any([controller.signal, isOver.signal]),
    ).then((): PendingOutcome => ({ kind: timeoutAtMs <= limitMs ? "timedOut" : "limit" }));
    const called = this.#outcome(test, command, controller.signal);
    // Whichever loses is given up by the aborts below.
    timedOut.catch(() => undefined);
    try {
      return await Promise.race([timedOut, called]);
    } finally {
      isOver.abort();
      controller.abort();
    }
  }

  async #outcome(test: StateTest, command: CallTask, signal: AbortSignal): Promise<PendingOutcome> {
    const { resource, parameters, timeoutAtMs } = command;
    const integration = this.#options.integrations(resource);
    if (integration === undefined) {
      const cause = `The resource ${resource.arn} is not available on this server.`;
      return { kind: "failed", phase: "start", error: "States.Runtime", cause, runtime: true };
    }
    const { executionArn, stateMachineArn } = test.execution.started;
    const [, , , region = "", account = ""] = executionArn.split(":");
    let outcome: TaskOutcome;
    try {
      outcome = await integration.call({
        resource,
        parameters,
        executionArn,
        stateMachineArn,
        attemptId: new Random(this.#options.seeds()).uuid(),
        region,
        account,
        ...(timeoutAtMs === undefined ? {} : { timeoutAtMs }),
        signal,
        submitted: () => Promise.resolve(),
      });
    } catch (error) {
      if (signal.aborted) throw unavailable();
      // integration.ts, N2: a bug of the integration.
      const message = error instanceof Error ? error.message : String(error);
      this.#options.log(`the integration of ${resource.arn} failed: ${message}`, "error", {
        resource: resource.arn,
      });
      const cause = `The integration of ${resource.arn} failed unexpectedly: ${message}`;
      return { kind: "failed", phase: "run", error: "States.TaskFailed", cause };
    }
    if (outcome.kind === "succeeded") return { kind: "succeeded", output: wellFormed(outcome.output) };
    if (outcome.kind === "failed") return outcome;
    // Only .waitForTaskToken waits for a token, and it is not tested without a mock.
    throw new Error(`${resource.arn} waits for a token that nobody can send`);
  }

  /** @throws ServiceError ServiceUnavailable when `signal` aborts before */
  #reached(untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const give = (): void => reject(unavailable());
    if (signal.aborted) {
      give();
      return promise;
    }
    const cancel = clock.after(Math.max(0, untilMs - clock.now()), () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    const abort = (): void => {
      cancel();
      give();
    };
    signal.addEventListener("abort", abort, { once: true });
    return promise;
  }
}
