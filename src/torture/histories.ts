// Histories as a client reads them, and what can be said of one alone.
//
// Knows:          the shape of HistoryEvents; which transitions a definition has.
// Does not know:  what anybody was answered.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Client } from "./client.ts";

export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly type: string;
  readonly [details: string]: unknown;
}

export type History = readonly HistoryEvent[];

export async function readHistory(client: Client, executionArn: string): Promise<History> {
  const events: HistoryEvent[] = [];
  for (let nextToken: unknown; ; ) {
    const page = await client.call("GetExecutionHistory", {
      executionArn,
      maxResults: 1000,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    events.push(...(page["events"] as HistoryEvent[]));
    nextToken = page["nextToken"];
    if (nextToken === undefined) return events;
  }
}

/** The hash of the first `count` events, for each of `counts`. */
export function prefixHashes(history: History, counts: ReadonlySet<number>): ReadonlyMap<number, string> {
  const hash = createHash("sha256");
  const found = new Map<number, string>();
  if (counts.has(0)) found.set(0, hash.copy().digest("base64"));
  for (const [index, event] of history.entries()) {
    hash.update(`${JSON.stringify(event)}\n`);
    if (counts.has(index + 1)) found.set(index + 1, hash.copy().digest("base64"));
  }
  return found;
}

/** A moment of a history in epoch milliseconds. */
export function msOf(event: { readonly timestamp: number }): number {
  return Math.round(event.timestamp * 1000);
}

/** `taskScheduledEventDetails` of a TaskScheduled, `stateEnteredEventDetails` of a WaitStateEntered, … */
export function detailsOf(event: HistoryEvent): Readonly<Record<string, unknown>> {
  const name = /State(Entered|Exited)$/.exec(event.type)?.[0] ?? event.type;
  const details = event[`${name.charAt(0).toLowerCase()}${name.slice(1)}EventDetails`];
  return (details ?? {}) as Readonly<Record<string, unknown>>;
}

const END = /^Execution(Succeeded|Failed|TimedOut|Aborted)$/;
const OUTCOME = /^(Task|Activity)(Succeeded|Failed|TimedOut)$/;
const OF_ATTEMPT =
  /^(Task(Started|Submitted|Succeeded|Failed|TimedOut)|Activity(Started|Succeeded|Failed|TimedOut))$/;
const SCHEDULED = /^(Task|Activity)Scheduled$/;

export function endOf(history: History): HistoryEvent | undefined {
  const last = history.at(-1);
  return last !== undefined && END.test(last.type) ? last : undefined;
}

/** One attempt of a task, as its history tells it. */
export interface Attempt {
  readonly scheduled: HistoryEvent;
  /** Started, submitted, outcome: in their order. */
  readonly events: readonly HistoryEvent[];
  readonly outcome: HistoryEvent | undefined;
}

/**
 * The attempts of a history that is gap-free, ends once, is bracketed, and walks along the definition's transitions.
 * @throws AssertionError naming the invariant that it breaks
 */
export function checkHistory(arn: string, history: History, definition: object): readonly Attempt[] {
  const next = transitionsOf(definition);
  const byId = new Map(history.map((event) => [event.id, event]));
  const open = new Map<string, number>();
  const attempts = new Map<number, { scheduled: HistoryEvent; events: HistoryEvent[] }>();
  let lastTime = 0;
  history.forEach((event, i) => {
    const at = `${arn} event ${event.id} ${event.type}`;
    assert.equal(event.id, i + 1, `I1: ${at}: ids have a gap`);
    assert.ok(event.previousEventId < event.id, `I2: ${at} follows a later event`);
    assert.ok(event.timestamp >= lastTime, `I7: ${at}: time goes back`);
    lastTime = event.timestamp;
    assert.equal(END.test(event.type), i === history.length - 1, `I5: ${at}: one end, and it is last`);
    const previous = byId.get(event.previousEventId);
    if (event.type.endsWith("StateEntered")) {
      const name = detailsOf(event)["name"] as string;
      open.set(name, (open.get(name) ?? 0) + 1);
      const isNext = previous?.type.endsWith("StateExited") === true;
      const from = isNext ? (detailsOf(previous)["name"] as string) : "";
      assert.ok(next.get(from)?.has(name), `I3: ${at}: there is no transition from "${from}" to "${name}"`);
    } else if (event.type.endsWith("StateExited")) {
      const name = detailsOf(event)["name"] as string;
      const count = (open.get(name) ?? 0) - 1;
      assert.ok(count >= 0, `I8: ${at}: left without being entered`);
      open.set(name, count);
    } else if (SCHEDULED.test(event.type)) {
      attempts.set(event.id, { scheduled: event, events: [] });
    } else if (OF_ATTEMPT.test(event.type)) {
      let root = previous;
      while (root !== undefined && !SCHEDULED.test(root.type)) root = byId.get(root.previousEventId);
      assert.ok(root !== undefined, `I12: ${at} belongs to no attempt`);
      attempts.get(root.id)?.events.push(event);
    }
  });
  // A stop or the execution's own time-out leaves states and attempts as they are.
  const isWhole = history.at(-1)?.type === "ExecutionSucceeded";
  if (isWhole) for (const [name, count] of open) assert.equal(count, 0, `I8: ${arn}: ${name} was not left`);
  return [...attempts.values()].map(({ scheduled, events }) => {
    const types = events.map(({ type }) => type);
    const at = `${arn}: attempt ${scheduled.id} has ${types.join(", ")}`;
    const outcomes = events.filter(({ type }) => OUTCOME.test(type));
    assert.ok(outcomes.length === 1 || (!isWhole && outcomes.length === 0), `I12: ${at}`);
    assert.ok(types.filter((type) => type.endsWith("Started")).length <= 1, `I9: ${at}`);
    return { scheduled, events, outcome: outcomes[0] };
  });
}

/** State -> the states it may go to; "" -> the states that begin a block. */
function transitionsOf(definition: object): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>([["", new Set()]]);
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const block = value as { StartAt?: string; States?: Record<string, Record<string, unknown>> };
    if (typeof block.StartAt === "string" && block.States !== undefined) {
      found.get("")?.add(block.StartAt);
      for (const [name, state] of Object.entries(block.States)) {
        const targets = new Set<string>();
        const collectNext = (inner: unknown, depth: number): void => {
          if (typeof inner !== "object" || inner === null || depth > 3 || "StartAt" in inner) return;
          for (const [key, member] of Object.entries(inner)) {
            if ((key === "Next" || key === "Default") && typeof member === "string") targets.add(member);
            else collectNext(member, depth + 1);
          }
        };
        collectNext(state, 0);
        found.set(name, targets);
      }
    }
    for (const member of Object.values(value)) visit(member);
  };
  visit(definition);
  return found;
}
