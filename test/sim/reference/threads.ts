// Threads of an execution that is being told: each is a generator that says which event it wants next, and is given
// that event. Whoever reads a history gives every event to the thread that wants it.
//
// Knows:          that branches and iterations run side by side and each event belongs to one of them.
// Does not know:  states.
//
// A thread's events form a chain by `previousEventId`, so an event finds its thread by the id that it follows. What
// several threads may do at the same moment may be told in any order.

import { show } from "./values.ts";

export interface RecordedEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestampMs: number;
  readonly type: string;
  readonly details?: { readonly [name: string]: unknown };
}

/** The history is no valid path of the definition. */
export class Disagreement extends Error {
  override readonly name = "Disagreement";
}

/** One event that a thread would take. */
export interface Want {
  readonly types: readonly string[];
  readonly previous: number;
  /** Further marks by which the event is told from others of its type: the state's name, the iteration's index. */
  readonly marks?: { readonly [name: string]: unknown };
  readonly fromMs: number;
  /** Absent: it may be late. */
  readonly toMs?: number;
  /** Throws a Disagreement if the event is the right one and says something wrong. */
  readonly check?: (event: RecordedEvent) => void;
}

export interface Taken {
  readonly want: Want;
  readonly event: RecordedEvent;
}

export type Thread<T> = Generator<readonly Want[], T, Taken>;

/** Where a thread is: the last event of its chain, and when that was. */
export interface Place {
  cursor: number;
  nowMs: number;
}

/** Waits for one of several events. */
export function* oneOf(place: Place, wants: readonly Want[]): Thread<RecordedEvent> {
  const { event } = yield wants;
  place.cursor = event.id;
  place.nowMs = event.timestampMs;
  return event;
}

/** Waits for the event that must come next, in the same turn as the last one. */
export function now(
  place: Place,
  type: string,
  marks?: Want["marks"],
  check?: Want["check"],
): Thread<RecordedEvent> {
  return oneOf(place, [
    {
      types: [type],
      previous: place.cursor,
      fromMs: place.nowMs,
      toMs: place.nowMs,
      ...(marks === undefined ? {} : { marks }),
      ...(check === undefined ? {} : { check }),
    },
  ]);
}

export function isWanted(want: Want, event: RecordedEvent): boolean {
  if (!want.types.includes(event.type) || want.previous !== event.previousEventId) return false;
  return Object.entries(want.marks ?? {}).every(([name, value]) => event.details?.[name] === value);
}

/** Checks the event against what its thread wants of it. */
export function checkTaken({ want, event }: Taken): void {
  if (event.timestampMs < want.fromMs)
    throw new Disagreement(
      `${where(event)} is ${want.fromMs - event.timestampMs} ms too early (not before ${want.fromMs})`,
    );
  if (want.toMs !== undefined && event.timestampMs > want.toMs)
    throw new Disagreement(
      `${where(event)} is ${event.timestampMs - want.toMs} ms too late (not after ${want.toMs})`,
    );
  want.check?.(event);
}

export function where({ id, previousEventId, type, details }: RecordedEvent): string {
  return `event ${id}<-${previousEventId} ${type} ${show(details ?? {})}`;
}

/** A thread that runs beside others. */
export interface Running<T> {
  readonly thread: Thread<T>;
  wants: readonly Want[];
  result: T | undefined;
  state: "running" | "done" | "failed";
}

/** Begins the thread. Whatever it throws at once is thrown here. */
export function begin<T>(thread: Thread<T>): Running<T> {
  const running: Running<T> = { thread, wants: [], result: undefined, state: "running" };
  step(running, thread.next(undefined as unknown as Taken));
  return running;
}

/** Gives the thread the event that it wanted. */
export function give<T>(running: Running<T>, taken: Taken): void {
  step(running, running.thread.next(taken));
}

function step<T>(running: Running<T>, result: IteratorResult<readonly Want[], T>): void {
  if (result.done === true) {
    running.state = "done";
    running.result = result.value;
    running.wants = [];
  } else {
    running.wants = result.value;
  }
}
