// Status changes of executions, sent to an event bus or a webhook.
//
// Knows:          who gets the events, in which order. Does not know: what an event looks like (status-event.ts), the queue (backlog.ts).
//
// Invariants
//   V1. Nothing here holds an execution up. Events leave in the order in which turns became durable.
//   V2. Memory is bounded: `MAX_WAITING` events wait; beyond, events are dropped, and the log says how many.
//   V3. Best effort, as the service has it: what waits when the process dies is not sent. An event may be sent twice; it has
//       the same id then.
//
// Spec: PutEvents of the EventBridge API reference: ten entries at most.

import type { Log } from "../../base/log.ts";
import type { Observer } from "../../runtime/index.ts";
import { Backlog } from "../backlog.ts";
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
  readonly log: Log;
  readonly delayMs?: PostOptions["delayMs"];
}

const MAX_WAITING = 50_000;

export class StatusChanges {
  readonly #backlogs: readonly Backlog<StatusEvent>[];

  constructor({ targets, ...options }: StatusChangesOptions) {
    this.#backlogs = targets.map((target) => backlogOf(target, options));
  }

  readonly observe: Observer = (observed) => {
    if (observed.isExpress || this.#backlogs.length === 0) return;
    for (const event of statusEvents(observed)) for (const backlog of this.#backlogs) backlog.add(event);
  };

  /** Resolves when what waits was sent, or the time is over. */
  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#backlogs.map((backlog) => backlog.close(graceMs)));
  }
}

function backlogOf(
  target: EventTarget,
  { log, delayMs }: Omit<StatusChangesOptions, "targets">,
): Backlog<StatusEvent> {
  return new Backlog({
    most: MAX_WAITING,
    work: async (take, signal) => {
      const events = take(target.atOnce);
      try {
        await target.send(events, { delayMs, signal });
      } catch (error) {
        log(`status events: ${events.length} are lost: ${(error as Error).message}`, "warn");
      }
    },
    dropped: (count) =>
      log(`status events: ${count} came faster than they could be sent; they are lost`, "warn"),
  });
}
