// Workers of an activity: some do their task, some beat while they do it, some take it and vanish, some hang up.
//
// Invariants
//   V1. A worker that has not vanished beats every BEAT_EVERY_MS until it sends its outcome, whatever the server does.
//   V2. Only acknowledged beats are recorded, with the time before they were sent and after they were answered.

import type { Random } from "../base/random.ts";
import { Answered, type Client, pause } from "./client.ts";
import type { Beat, Records } from "./records.ts";
import { sendByMany } from "./senders.ts";

const POLLERS = 6;
/** One task in so many is taken and never answered. */
const VANISHES_EVERY = 6;
const BEAT_EVERY_MS = 400;
/** Longer than the HeartbeatSeconds of the state (workload.ts). */
const LONG_TASK_MS = 4_000;

interface TaskInput {
  readonly key: object;
  readonly mode: "quick" | "long";
  readonly value: unknown;
}

export class Workers {
  readonly #client: Client;
  readonly #records: Records;
  readonly #random: Random;
  readonly #activityArn: string;
  readonly #stop = new AbortController();
  readonly #pending = new Set<Promise<void>>();
  readonly #taken = { quick: 0, long: 0 };
  #failure: unknown;

  constructor(client: Client, records: Records, random: Random, activityArn: string) {
    this.#client = client;
    this.#records = records;
    this.#random = random;
    this.#activityArn = activityArn;
  }

  start(): void {
    for (let i = 0; i < POLLERS; i++) this.#track(this.#poll(`worker-${i}`));
  }

  /** Takes no more tasks; what is under way is nobody's. */
  abandon(): void {
    this.#stop.abort();
  }

  /** Resolves when nobody works any more. @throws what a worker threw */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#pending);
    this.throwFailure();
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  async #poll(workerName: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // One in ten hangs up while it waits: what it was being given is nobody's, and times out.
      const hangUp = new AbortController();
      const timer =
        this.#random.next01() < 0.1
          ? setTimeout(() => hangUp.abort(), this.#random.next01() * 2_000)
          : undefined;
      try {
        const answer = await this.#client.once(
          "GetActivityTask",
          { activityArn: this.#activityArn, workerName },
          AbortSignal.any([this.#stop.signal, hangUp.signal]),
        );
        if (typeof answer["taskToken"] !== "string") continue;
        this.#track(this.#work(answer["taskToken"], JSON.parse(answer["input"] as string) as TaskInput));
      } catch (error) {
        if (error instanceof Answered && !error.isTransient) throw error;
        if (!hangUp.signal.aborted) await pause(50);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  async #work(token: string, { key, mode, value }: TaskInput): Promise<void> {
    const { nonce } = this.#records.receive("activity", key, token);
    const taken = (this.#taken[mode] += 1);
    const vanishes = taken % VANISHES_EVERY === 0;
    if (mode === "long") {
      const untilMs = Date.now() + (vanishes ? 1_000 : LONG_TASK_MS + this.#random.next01() * 2_000);
      if (!(await this.#beat(token, untilMs))) return;
    } else {
      await pause(this.#random.next01() * 400);
    }
    if (!vanishes) {
      await sendByMany(this.#client, this.#records, this.#random, token, { value, nonce }, 2);
    }
  }

  /** Beats until then (V1, V2). @returns false if the task is no longer there */
  async #beat(token: string, untilMs: number): Promise<boolean> {
    const beats: Beat[] = [];
    this.#records.beats.set(token, beats);
    while (Date.now() < untilMs) {
      if (this.#stop.signal.aborted) return false;
      const sentMs = Date.now();
      try {
        await this.#client.once("SendTaskHeartbeat", { taskToken: token });
        beats.push({ sentMs, answeredMs: Date.now() });
      } catch (error) {
        if (error instanceof Answered && error.code === "TaskTimedOut") return false;
        if (error instanceof Answered && !error.isTransient) throw error;
        // No answer: the next beat comes soon.
        await pause(50);
        continue;
      }
      await pause(BEAT_EVERY_MS);
    }
    return true;
  }
}
