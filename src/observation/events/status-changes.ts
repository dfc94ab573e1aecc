// Status changes of executions, sent to an event bus or a webhook.
//
// Knows:          what waits to be sent, in which order. Does not know: what an event looks like (status-event.ts).
//
// Invariants
//   V1. Nothing here holds an execution up. Events leave in the order in which turns became durable.
//   V2. Memory is bounded: `MAX_WAITING` events wait; beyond, events are dropped, and the log says how many.
//   V3. Best effort, as the service has it: what waits when the process dies is not sent. An event may be sent twice; it has
//       the same id then.
//
// Spec: PutEvents of the EventBridge API reference: ten entries at most.

import type { Observer } from "../../runtime/index.ts";
import { type AwsService, post, postAws, type PostOptions } from "../post.ts";
import { type StatusEvent, statusEvents } from "./status-event.ts";

/** Sends some events, at least one; throws if they are lost. */
export interface EventTarget {
  /** How many it takes at once. */
  readonly atOnce: number;
  readonly send: (events: readonly StatusEvent[], options: PostOptions) => Promise<void>;
}

/** Gets each event as the body of a POST. */
export function webhook(url: string): EventTarget {
  return {
    atOnce: 1,
    send: async (events, options) => {
      for (const event of events) {
        const headers = { "content-type": "application/json" };
        // oxlint-disable-next-line no-await-in-loop -- in order (V1)
        await post(url, () => headers, JSON.stringify(event), options);
      }
    },
  };
}

/** PutEvents, on the default bus. */
export function eventBus(service: AwsService): EventTarget {
  return {
    atOnce: 10,
    send: async (events, options) => {
      const entries = events.map(({ time, source, resources, detail, ...event }) => ({
        Time: Date.parse(time) / 1000,
        Source: source,
        DetailType: event["detail-type"],
        Resources: resources,
        Detail: JSON.stringify(detail),
      }));
      const answer = await postAws(service, "events", "AWSEvents.PutEvents", { Entries: entries }, options);
      const { FailedEntryCount: failed = 0 } = JSON.parse(answer) as { readonly FailedEntryCount?: number };
      if (failed > 0)
        throw new Error(`${service.endpoint}: ${failed} entries are refused: ${answer.slice(0, 300)}`);
    },
  };
}

export interface StatusChangesOptions {
  readonly targets: readonly EventTarget[];
  readonly log: (line: string) => void;
  readonly delayMs?: PostOptions["delayMs"];
}

const MAX_WAITING = 50_000;

export class StatusChanges {
  readonly #queues: readonly Queue[];

  constructor({ targets, ...options }: StatusChangesOptions) {
    this.#queues = targets.map((target) => new Queue(target, options));
  }

  readonly observe: Observer = (observed) => {
    if (observed.isExpress || this.#queues.length === 0) return;
    for (const event of statusEvents(observed)) for (const queue of this.#queues) queue.add(event);
  };

  /** Resolves when what waits was sent, or the time is over. */
  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close(graceMs)));
  }
}

class Queue {
  readonly #target: EventTarget;
  readonly #options: Omit<StatusChangesOptions, "targets">;
  readonly #stop = new AbortController();
  #waiting: StatusEvent[] = [];
  #dropped = 0;
  #work: Promise<void> | undefined;

  constructor(target: EventTarget, options: Omit<StatusChangesOptions, "targets">) {
    this.#target = target;
    this.#options = options;
  }

  add(event: StatusEvent): void {
    if (this.#waiting.length >= MAX_WAITING || this.#stop.signal.aborted) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(event);
    this.#work ??= this.#run();
  }

  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await this.#work;
    clearTimeout(timer);
    this.#stop.abort();
    this.#tellDropped();
  }

  async #run(): Promise<void> {
    // What changes in the same moment is sent together.
    await new Promise((resolve) => setImmediate(resolve));
    const { log, delayMs } = this.#options;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const events = this.#waiting.splice(0, this.#target.atOnce);
      try {
        // oxlint-disable-next-line no-await-in-loop -- in order (V1)
        await this.#target.send(events, { delayMs, signal: this.#stop.signal });
      } catch (error) {
        log(`status events: ${events.length} are lost: ${(error as Error).message}`);
      }
    }
    this.#work = undefined;
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
    this.#tellDropped();
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#options.log(`status events: ${this.#dropped} came faster than they could be sent; they are lost`);
    this.#dropped = 0;
  }
}
