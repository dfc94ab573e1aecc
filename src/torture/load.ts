// The clients: they start executions, repeat starts, stop some, read histories while they grow, and forge tokens.
//
// Invariants
//   L1. A start is repeated until it is acknowledged, under one name and input: none is left in doubt.
//   L2. What goes wrong here ends the run: an answer that no state of the server could give.

import assert from "node:assert/strict";
import type { Random } from "../base/random.ts";
import { Answered, type Answer, type Client, pause } from "./client.ts";
import { endOf, prefixHashes, readHistory } from "./histories.ts";
import type { Records, Started } from "./records.ts";
import { forge, tryForgery } from "./senders.ts";
import { WORKLOAD, type Work } from "./workload.ts";

export interface LoadOptions {
  readonly client: Client;
  readonly records: Records;
  readonly random: Random;
  /** Kind of work -> ARN of its state machine. */
  readonly machines: ReadonlyMap<string, string>;
  readonly startsPerSecond: number;
}

/** Starts that may wait for their answers at once: past it, the load waits for the server. */
const OPEN_AT_MOST = 64;
const WATCHERS = 2;
const WATCH_PAUSE_MS = 60;
/** Watchers look at the latest starts: the others have ended. */
const WATCHED = 60;
const FORGE_EVERY_MS = 100;

export class Load {
  readonly #options: LoadOptions;
  readonly #pending = new Set<Promise<void>>();
  #isEnding = false;
  #failure: unknown;
  #next = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#track(this.#startMany());
    for (let i = 0; i < WATCHERS; i++) this.#track(this.#watch());
    this.#track(this.#forge());
  }

  /** Starts nothing more, and waits for nothing. */
  abandon(): void {
    this.#isEnding = true;
  }

  /** Starts nothing more; resolves when every start and stop is acknowledged. @throws see L2 */
  async end(): Promise<void> {
    this.#isEnding = true;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    this.throwFailure();
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        this.#failure ??= error;
        this.#isEnding = true;
      })
      .finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  async #startMany(): Promise<void> {
    const kinds = Object.keys(WORKLOAD);
    while (!this.#isEnding) {
      if (this.#pending.size < OPEN_AT_MOST) {
        const n = this.#next++;
        const kind = kinds[n % kinds.length] as string;
        this.#track(this.#oneLife(kind, WORKLOAD[kind] as Work, n));
      }
      await pause(1_000 / this.#options.startsPerSecond);
    }
  }

  async #oneLife(kind: string, work: Work, n: number): Promise<void> {
    const { random, records } = this.#options;
    const start = {
      stateMachineArn: this.#options.machines.get(kind) as string,
      name: `${kind}-${n}`,
      input: JSON.stringify(work.input(n)),
    };
    const { executionArn, startDate } = await this.#start(start);
    const started: Started = { executionArn, startDate, work: kind, n };
    records.starts.push(started);
    if (random.next01() < 0.3) {
      await pause(random.next01() * 2_000);
      await this.#repeat(start, started);
    }
    if (work.isStopped === true) await this.#stopSome(executionArn);
  }

  /** L1 */
  async #start(start: {
    stateMachineArn: string;
    name: string;
    input: string;
  }): Promise<Pick<Started, "executionArn" | "startDate">> {
    const { client, records } = this.#options;
    let wasLost = false;
    try {
      const answer = await client.call("StartExecution", start, () => (wasLost = true));
      if (wasLost) records.repeatsAfterLoss += 1;
      return { executionArn: answer["executionArn"] as string, startDate: answer["startDate"] as number };
    } catch (error) {
      if (!(error instanceof Answered && error.code === "ExecutionAlreadyExists" && wasLost)) throw error;
      // It was started by a call that got no answer, and has ended since.
      records.repeatsAfterLoss += 1;
      const executionArn = start.stateMachineArn
        .replace(":stateMachine:", ":execution:")
        .concat(`:${start.name}`);
      const { status, startDate } = await client.call("DescribeExecution", { executionArn });
      assert.notEqual(status, "RUNNING", `I21: ${executionArn} runs, but the same start was refused`);
      return { executionArn, startDate: startDate as number };
    }
  }

  /** I21: the same start again finds the same execution; with another input it is refused. */
  async #repeat(start: { readonly input: string }, { executionArn, startDate }: Started): Promise<void> {
    const { client, records } = this.#options;
    const again = async (input: string): Promise<Answer | undefined> => {
      try {
        return await client.call("StartExecution", { ...start, input });
      } catch (error) {
        if (error instanceof Answered && error.code === "ExecutionAlreadyExists") return undefined;
        throw error;
      }
    };
    const answer = await again(start.input);
    if (answer !== undefined) {
      assert.deepEqual(answer, { executionArn, startDate }, "I21: a repeated start got another answer");
      records.repeatsRunning += 1;
    } else {
      const { status } = await client.call("DescribeExecution", { executionArn });
      assert.notEqual(status, "RUNNING", `I21: ${executionArn} runs, but its start was refused`);
      records.repeatsClosed += 1;
    }
    const other = await again('{"another":"input"}');
    assert.equal(other, undefined, `I21: ${executionArn}: started with one input, accepted with another`);
    records.repeatsRefused += 1;
  }

  async #stopSome(executionArn: string): Promise<void> {
    const { client, random, records } = this.#options;
    await pause(random.next01() * 2_600);
    const stop = { executionArn, error: "Enough", cause: `stopped by ${random.next32()}` };
    const { stopDate } = await client.call("StopExecution", stop);
    records.stops.push({ ...stop, stopDate: stopDate as number });
  }

  /** I4, I6: what is read now must be the beginning of what is read later. */
  async #watch(): Promise<void> {
    const { client, random, records } = this.#options;
    while (!this.#isEnding) {
      await pause(WATCH_PAUSE_MS);
      const { length } = records.starts;
      const latest = Math.min(length, WATCHED);
      if (latest === 0) continue;
      const { executionArn } = records.starts[length - 1 - (random.next32() % latest)] as Started;
      const { faults } = records;
      const before = await readHistory(client, executionArn);
      const { status } = await client.call("DescribeExecution", { executionArn });
      const hasEnded = status !== "RUNNING";
      if (endOf(before) !== undefined) assert.ok(hasEnded, `I6: ${executionArn} has ended and is RUNNING`);
      const after = hasEnded ? await readHistory(client, executionArn) : before;
      if (hasEnded) assert.ok(endOf(after), `I6: ${executionArn} is ${String(status)} without an end`);
      records.crossReads += 1;
      for (const history of new Set([before, after])) {
        const count = history.length;
        const hash = prefixHashes(history, new Set([count])).get(count) as string;
        const reads = records.reads.get(executionArn);
        if (reads === undefined) records.reads.set(executionArn, [{ count, hash, faults }]);
        else reads.push({ count, hash, faults });
      }
    }
  }

  async #forge(): Promise<void> {
    const { client, random, records } = this.#options;
    while (!this.#isEnding) {
      await pause(FORGE_EVERY_MS);
      const tokens = records.receipts
        .slice(-100)
        .flatMap(({ token }) => (token === undefined ? [] : [token]));
      if (tokens.length === 0) continue;
      const pick = (): string => tokens[random.next32() % tokens.length] as string;
      await tryForgery(client, records, forge(pick(), pick(), random));
    }
  }
}
