// Executions as callers ask for them: by ARN.
//
// Knows:          names and their rules, what is shown of an execution, who waits for an end.
// Does not know:  turns, mailboxes, the wire.
//
// Invariants
//   E1. What is shown is durable (shard.ts, H2), and it is at least as new as everything that was answered before:
//       an answer is given after its turn is durable, and the store reads what is durable.
//   E2. There is at most one execution of a name, whatever is asked in whatever order: the one in memory is found
//       before a new one is made, the one in the store by the commit (shard.ts, "a name that is taken").

import { assert } from "../base/assert.ts";
import { Random } from "../base/random.ts";
import { ServiceError } from "../base/service-error.ts";
import {
  decodeTurn,
  type Execution,
  type HistoryEvent,
  type Limits,
  projectHistory,
  redrivenBy,
  redriveRefusal,
} from "../engine/index.ts";
import type { Mocks } from "../integrations/mocked/index.ts";
import type { ListQuery, Store } from "../store/store.ts";
import { wellFormed } from "./dispatch.ts";
import { executionDoesNotExist, throttled, unavailable } from "./failures.ts";
import type { Executions, HistoryQuery, StartRequest } from "./interface.ts";
import { Lru } from "./lru.ts";
import type { Programs } from "./programs.ts";
import type { SeedSource } from "./seeds.ts";
import { NameTaken, type Shards } from "./shard.ts";
import { rowOf, type View } from "./slot.ts";

/** Histories of closed executions that are kept told: a reader asks for one page after the other. */
const TOLD_CHARS = 32 * 1024 * 1024;
const EVENT_CHARS = 200;
const ABORTED_AT_ONCE = 100;

export interface ExecutionsOptions {
  readonly shards: Shards;
  readonly store: Store;
  readonly programs: Programs;
  readonly mocks: Mocks;
  readonly openExecutions: number;
  readonly seeds: SeedSource;
  readonly limits: Limits;
  readonly now: () => number;
  /** Whether requests are taken. */
  readonly isOpen: () => boolean;
}

export class StoreExecutions implements Executions {
  readonly #options: ExecutionsOptions;
  readonly #told = new Lru<string, readonly HistoryEvent[]>(TOLD_CHARS);
  /** Redrives so far: a history that was closed when it was read may not be so any more. */
  #redrives = 0;
  readonly #waiting = new Map<number, Set<() => void>>();

  constructor(options: ExecutionsOptions) {
    this.#options = options;
  }

  readonly start: Executions["start"] = async (request) => {
    this.#assertOpen();
    const { shards, openExecutions, seeds, programs, mocks } = this.#options;
    const { machine, testCase } = request;
    // A child has the test case that its parent was started with.
    const isChecked = testCase !== undefined && request.mapRunArn === undefined;
    if (isChecked) mocks.check(machine.arn, testCase, programs.of(machine.revision));
    const name = request.name ?? new Random(seeds()).uuid();
    const arn = executionArnOf(request.machine.arn, name);
    for (let isTaken = false; ; ) {
      try {
        // Also what has the name now may be a start that is refused in turn: ask again then, as everybody does.
        const stored = isTaken ? await shards.find(arn) : undefined;
        const known = stored ?? (request.name === undefined ? undefined : shards.findCached(arn));
        if (known !== undefined) return await this.#sameStart(known, arn, request);
        if (shards.openCount >= openExecutions) throw limitExceeded(openExecutions);
        return await this.#start(arn, name, request);
      } catch (error) {
        if (!(error instanceof NameTaken)) throw error;
        isTaken = true;
      }
    }
  };

  readonly stop: Executions["stop"] = async (arn, error, cause) => {
    this.#assertOpen();
    return this.#withExecution(arn, (id) =>
      this.#options.shards.post(
        id,
        {
          kind: "Stop",
          ...(error === undefined ? {} : { error }),
          ...(cause === undefined ? {} : { cause }),
        },
        // An execution that takes a stop, or takes none, has ended.
        ({ stoppedAtMs, nowMs }) => ({ stoppedAtMs: stoppedAtMs ?? nowMs }),
      ),
    );
  };

  readonly redrive: Executions["redrive"] = async (arn, clientToken) => {
    this.#assertOpen();
    const { shards, openExecutions } = this.#options;
    return this.#withExecution(arn, async (id) => {
      // As for starts: it brings work, where completions and stops make room.
      if (shards.isBusy) throw throttled();
      // What could not be redriven anyway says so: redriveStatus NOT_REDRIVABLE promises ExecutionNotRedrivable (API
      // reference, DescribeExecution). One that a repeated token has redriven already is open, and counted.
      if (shards.openCount >= openExecutions && (await shards.look(id, this.#isRedrivable)))
        throw limitExceeded(openExecutions);
      const answer = await shards.post(
        id,
        { kind: "Redrive", ...(clientToken === undefined ? {} : { clientToken }) },
        (execution, accepted) => this.#redriven(execution, accepted, clientToken),
      );
      if ("refusal" in answer) throw new ServiceError("ExecutionNotRedrivable", answer.refusal);
      this.#redrives += 1;
      this.#told.delete(arn);
      return answer;
    });
  };

  readonly describe: Executions["describe"] = (arn) =>
    this.#ifThere(arn, (id) => this.#options.shards.look(id, show));

  readonly history: Executions["history"] = (arn, query) =>
    this.#ifThere(arn, async (id) => page(await this.#tell(id, arn), query));

  readonly list: Executions["list"] = (query) => this.#options.store.listExecutions(query);

  readonly waitForEnd: Executions["waitForEnd"] = (arn, signal) =>
    this.#withExecution(arn, async (id) => {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // Registered before looking: an end that becomes durable in between is not missed.
      const waiting = this.#waiting.get(id) ?? new Set();
      waiting.add(resolve);
      this.#waiting.set(id, waiting);
      const abort = (): void => reject(signal.reason);
      // It may abort during the look, when nobody awaits the promise yet: that must not end the process.
      promise.catch(nothing);
      signal.addEventListener("abort", abort, { once: true });
      try {
        if (await this.#options.shards.look(id, hasEnded)) return;
        await promise;
      } finally {
        signal.removeEventListener("abort", abort);
        waiting.delete(resolve);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
      }
    });

  /** The execution has ended, durably. */
  ended(executionId: number): void {
    const waiting = this.#waiting.get(executionId);
    if (waiting === undefined) return;
    this.#waiting.delete(executionId);
    for (const resolve of waiting) resolve();
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Stops the open executions of a state machine with ids below `beforeId`. */
  async abortAll(stateMachineArn: string, beforeId: number): Promise<void> {
    const query: ListQuery = { stateMachineArn, status: "RUNNING", limit: ABORTED_AT_ONCE };
    // The store lists what is durable.
    await this.#options.shards.drain();
    for (let before = beforeId; ; ) {
      const rows = await this.#options.store.listExecutions({ ...query, beforeId: before });
      await Promise.all(
        rows.map(({ id }) => this.#options.shards.post(id, { kind: "Stop" }, hasEnded).catch(unlessOurs)),
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      before = last.id;
    }
  }

  async #start(
    executionArn: string,
    name: string,
    request: StartRequest,
  ): Promise<{ readonly executionArn: string; readonly startedAtMs: number }> {
    const { machine, input, stateMachineVersionArn, stateMachineAliasArn, traceHeader, testCase, mapRunArn } =
      request;
    const { revision } = machine;
    const { shards, programs } = this.#options;
    const startedAtMs = await shards.start(
      {
        kind: "Start",
        executionArn,
        stateMachineArn: machine.arn,
        name,
        roleArn: revision.roleArn,
        revisionId: revision.revisionId,
        input: wellFormed(input),
        ...(stateMachineVersionArn === undefined ? {} : { stateMachineVersionArn }),
        ...(stateMachineAliasArn === undefined ? {} : { stateMachineAliasArn }),
        ...(traceHeader === undefined ? {} : { traceHeader }),
        ...(testCase === undefined ? {} : { testCase }),
        ...(mapRunArn === undefined ? {} : { mapRunArn }),
      },
      programs.of(revision),
      startTime,
    );
    return { executionArn, startedAtMs };
  }

  /** The answer for a name that is in use: the original one if it is the same start, and still runs. */
  async #sameStart(
    id: number,
    executionArn: string,
    { input, testCase }: StartRequest,
  ): Promise<{ readonly executionArn: string; readonly startedAtMs: number }> {
    const seen = await this.#options.shards.look(id, ({ status, started, startedAtMs }) => ({
      isSame:
        status === "RUNNING" &&
        started.input.text === wellFormed(input).text &&
        started.testCase === testCase,
      startedAtMs,
    }));
    if (seen.isSame) return { executionArn, startedAtMs: seen.startedAtMs };
    throw new ServiceError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
  }

  /** What a redrive that was just decided is answered. */
  #redriven(
    execution: Execution,
    isAccepted: boolean,
    clientToken: string | undefined,
  ): { readonly redrivenAtMs: number } | { readonly refusal: string } {
    const { limits, now } = this.#options;
    if (isAccepted) {
      const redrivenAtMs = redrivenBy(execution, clientToken, execution.nowMs) ?? execution.redrive?.atMs;
      assert(redrivenAtMs !== undefined, "it was redriven");
      return { redrivenAtMs };
    }
    const refusal = redriveRefusal(execution, limits, Math.max(execution.nowMs, now()));
    assert(refusal !== undefined, "a redrive is refused for a reason");
    return { refusal };
  }

  readonly #isRedrivable: View<boolean> = (execution) => {
    const { limits, now } = this.#options;
    return redriveRefusal(execution, limits, Math.max(execution.nowMs, now())) === undefined;
  };

  async #tell(id: number, arn: string): Promise<readonly HistoryEvent[]> {
    const known = this.#told.get(arn);
    if (known !== undefined) return known;
    const { shards, store } = this.#options;
    const redrives = this.#redrives;
    // A start that is being committed may be refused: then this is about another execution.
    await shards.settled(id);
    const turns = await store.readJournal(id);
    const last = turns.at(-1);
    if (last === undefined) throw executionDoesNotExist(arn);
    const decoded = turns.map(({ data, atMs }) => decodeTurn(data, atMs));
    const events = projectHistory(decoded);
    const isClosed = decoded.at(-1)?.events.some(({ kind }) => END_KINDS.has(kind)) === true;
    if (isClosed && redrives === this.#redrives) {
      const chars = turns.reduce((sum, { data }) => sum + data.length, 0);
      this.#told.set(arn, events, chars + events.length * EVENT_CHARS);
    }
    return events;
  }

  /** @throws ServiceError ExecutionDoesNotExist */
  async #withExecution<T>(arn: string, work: (id: number) => Promise<T>): Promise<T> {
    for (;;) {
      const id = await this.#options.shards.find(arn);
      if (id === undefined) throw executionDoesNotExist(arn);
      try {
        return await work(id);
      } catch (error) {
        if (!(error instanceof NameTaken)) throw error;
      }
    }
  }

  async #ifThere<T>(arn: string, work: (id: number) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#withExecution(arn, work);
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ExecutionDoesNotExist") return undefined;
      throw error;
    }
  }

  #assertOpen(): void {
    if (!this.#options.isOpen()) throw unavailable();
  }
}

const END_KINDS: ReadonlySet<string> = new Set([
  "ExecutionSucceeded",
  "ExecutionFailed",
  "ExecutionTimedOut",
  "ExecutionAborted",
]);

function limitExceeded(openExecutions: number): ServiceError {
  const message = `Execution Limit Exceeded: there are ${openExecutions} open executions already`;
  return new ServiceError("ExecutionLimitExceeded", message);
}

/** `arn:aws:states:<region>:<account>:execution:<state machine>:<name>` */
function executionArnOf(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
}

/** The frames in it go on changing; what is on top is as it was. */
const show: View<NonNullable<Awaited<ReturnType<Executions["describe"]>>>> = (
  execution,
  _accepted,
  slot,
) => ({
  row: rowOf(slot, execution),
  execution: { ...execution },
});
const startTime: View<number> = ({ startedAtMs }) => startedAtMs;
const nothing = (): void => undefined;
const hasEnded: View<boolean> = ({ status }) => status !== "RUNNING";

function page(
  events: readonly HistoryEvent[],
  { reverse, limit, offset }: HistoryQuery,
): { readonly events: readonly HistoryEvent[]; readonly total: number } {
  const total = events.length;
  if (!reverse) return { events: events.slice(offset, offset + limit), total };
  const end = Math.max(0, total - offset);
  return { events: events.slice(Math.max(0, end - limit), end).toReversed(), total };
}

/** An execution that a bug has stopped cannot be aborted; that must not keep the others from it. */
function unlessOurs(error: unknown): void {
  if (error instanceof ServiceError && error.code === "InternalFailure") return;
  if (error instanceof NameTaken) return;
  throw error;
}
