// Follows an execution to its end through the API, whoever runs it.
//
// Knows:          GetExecutionHistory and its pages.
// Does not know:  how the events are shown.
//
// Invariants
//   F1. Every event is handed over once, in order, the last one too, before `follow` resolves.

import { isArray, isObject, type JsonObject, member } from "../base/json.ts";
import type { Caller } from "./environment.ts";
import { historyOperation } from "./express.ts";
import { numberOf, stringOf } from "./timeline.ts";

/** Pauses between two questions: short while something happens, then longer, so that waiting costs little. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

export interface FollowOptions {
  /** Called with the new events, and with none after each pause in which nothing happened; it is waited for. */
  readonly onEvents: (events: readonly JsonObject[]) => void | Promise<void>;
  /** Ends the following early; `follow` then resolves. */
  readonly signal: AbortSignal;
}

/** Resolves when the execution has ended, or `signal` aborts. @throws what `call` throws */
export async function follow(call: Caller, executionArn: string, options: FollowOptions): Promise<void> {
  let seen = 0;
  let pauseMs = SHORTEST_PAUSE_MS;
  // The page that may still grow is asked for again by its own token, so earlier pages are read once.
  let pageToken: string | undefined;
  while (!options.signal.aborted) {
    if ((await lastEventId(call, executionArn)) > seen) {
      const ended = await readNew();
      if (ended) return;
      pauseMs = SHORTEST_PAUSE_MS;
    } else {
      await options.onEvents([]);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.3);
    }
    await pause(pauseMs, options.signal);
  }

  async function readNew(): Promise<boolean> {
    let ended = false;
    for (;;) {
      const page = await historyPage(call, executionArn, pageToken);
      const fresh = page.events.filter((event) => (numberOf(event, "id") ?? 0) > seen);
      const last = fresh.at(-1);
      if (last !== undefined) {
        seen = numberOf(last, "id") ?? seen;
        ended = isEnd(last);
        await options.onEvents(fresh);
      }
      if (page.nextToken === undefined) return ended;
      pageToken = page.nextToken;
    }
  }
}

/** All events there are now, oldest first. */
export async function readHistory(call: Caller, executionArn: string): Promise<readonly JsonObject[]> {
  const events: JsonObject[] = [];
  let token: string | undefined;
  do {
    const page = await historyPage(call, executionArn, token);
    events.push(...page.events);
    token = page.nextToken;
  } while (token !== undefined);
  return events;
}

interface HistoryPage {
  readonly events: readonly JsonObject[];
  readonly nextToken: string | undefined;
}

async function historyPage(
  call: Caller,
  executionArn: string,
  token: string | undefined,
): Promise<HistoryPage> {
  const answer = await call(historyOperation(executionArn), {
    executionArn,
    maxResults: 1_000,
    ...(token === undefined ? {} : { nextToken: token }),
  });
  return { events: objectsOf(answer, "events"), nextToken: stringOf(answer, "nextToken") };
}

/** One small answer tells whether a page is worth reading. */
async function lastEventId(call: Caller, executionArn: string): Promise<number> {
  const answer = await call(historyOperation(executionArn), {
    executionArn,
    maxResults: 1,
    reverseOrder: true,
    includeExecutionData: false,
  });
  const newest = objectsOf(answer, "events")[0];
  return newest === undefined ? 0 : (numberOf(newest, "id") ?? 0);
}

function isEnd(event: JsonObject): boolean {
  return /^Execution(?:Succeeded|Failed|TimedOut|Aborted)$/.test(stringOf(event, "type") ?? "");
}

/** The objects in an array member; empty where there is no such member. */
export function objectsOf(object: JsonObject, key: string): readonly JsonObject[] {
  const value = member(object, key);
  return isArray(value) ? value.filter(isObject) : [];
}

/** Ends early when the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
