// Branches and iterations side by side: who goes on, who has failed, what a failure ends.
//
// Several children may fail in one turn (time-outs at the same moment are told one after the other); which of them
// fails the state is seen by whose consequences come next.
//
// Spec: https://states-language.net/spec.html#parallel-state, #map-state; order as recorded from the service.

import { type Child, Failure, type Frame, type Visit } from "./frames.ts";
import { type Fault, toldAs } from "./query.ts";
import {
  begin,
  give,
  oneOf,
  type Place,
  type RecordedEvent,
  type Running,
  type Taken,
  type Thread,
  type Want,
} from "./threads.ts";
import type { Value } from "./values.ts";

export interface Side {
  /** Grows as iterations start. */
  readonly children: readonly Child[];
  readonly isRetried: (failure: Failure) => boolean;
  readonly tolerated: number;
  readonly iterations?: {
    readonly count: number;
    readonly most: number;
    /** What the next iteration will be given, or what is wrong with it. */
    readonly prepare: () => Prepared;
    readonly start: (event: RecordedEvent, prepared: Prepared) => void;
  };
}

export interface Prepared {
  readonly given: Value;
  readonly faults: readonly Fault[];
  readonly item: Frame["item"];
}

interface Candidate {
  readonly failure: Failure;
  readonly place: Place;
  readonly consequences: Running<void>;
}

/** Until all have ended, or a failure ends them: a Failure is thrown then. */
export function* together(
  visit: Visit,
  side: Side,
): Thread<{ readonly values: readonly Value[]; readonly lastCursor: number }> {
  const { children, iterations } = side;
  const { frame } = visit;
  const count = iterations?.count ?? children.length;
  const values: Value[] = [];
  const candidates: Candidate[] = [];
  /** What may be followed by the next MapIterationStarted. */
  let room: readonly number[] = [frame.cursor];
  let roomAtMs = frame.nowMs;
  let toleratedCount = 0;
  let endedCount = 0;
  let lastCursor = frame.cursor;
  /** For the next iteration, once there is room. */
  let prepared: Prepared | undefined;
  let isRefused = false;

  const fail = (child: Child | undefined, cause: Failure): void => {
    const failure =
      side.tolerated === 0 || child === undefined
        ? cause
        : new Failure(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
            { cursor: cause.cursor, nowMs: cause.atMs },
          );
    const place = { cursor: cause.cursor, nowMs: cause.atMs };
    const consequences = begin(giveUp(visit, side, child, failure, place));
    if (consequences.state === "done") throw over(failure, place);
    candidates.push({ failure, place, consequences });
  };
  const settle = (child: Child): void => {
    if (child.running.state !== "done") return;
    values[child.index] = child.running.result as Value;
    endedCount += 1;
    lastCursor = Math.max(lastCursor, child.frame.cursor);
    room = roomAtMs === child.frame.nowMs ? [...room, child.frame.lastOwnEvent] : [child.frame.lastOwnEvent];
    roomAtMs = child.frame.nowMs;
  };
  const move = (child: Child, taken: Taken): void => {
    try {
      give(child.running, taken);
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      child.running.state = "failed";
      child.running.wants = [];
      if (child.map === undefined || toleratedCount >= side.tolerated) return fail(child, problem);
      toleratedCount += 1;
      child.isTolerated = true;
      child.running = begin(endTolerated(child, problem));
    }
    settle(child);
  };

  for (;;) {
    if (endedCount === count && candidates.length === 0) break;
    const owners = new Map<Want, (taken: Taken) => Candidate | undefined>();
    let runningCount = 0;
    for (const child of children) {
      if (child.running.state !== "running") continue;
      runningCount += 1;
      for (const want of child.running.wants) {
        owners.set(want, (taken) => {
          move(child, taken);
          return undefined;
        });
      }
    }
    const hasRoom =
      iterations !== undefined && children.length < count && runningCount < iterations.most && !isRefused;
    if (hasRoom) {
      const next = (prepared ??= iterations.prepare());
      const bounds = { fromMs: roomAtMs, toMs: roomAtMs };
      if (next.faults.length > 0) {
        owners.set(toldAs(visit, next.faults, bounds, lastCursor), ({ event }) => {
          isRefused = true;
          const place = { cursor: event.id, nowMs: event.timestampMs };
          fail(
            undefined,
            new Failure("States.QueryEvaluationError", event.details?.["cause"] as string, place),
          );
          return undefined;
        });
      } else {
        for (const previous of room) {
          const marks = { name: visit.name, index: children.length };
          owners.set({ types: ["MapIterationStarted"], previous, marks, ...bounds }, ({ event }) => {
            prepared = undefined;
            iterations.start(event, next);
            return undefined;
          });
        }
      }
    }
    for (const candidate of candidates) {
      for (const want of candidate.consequences.wants) owners.set(want, () => candidate);
    }
    const taken: Taken = yield [...owners.keys()];
    const candidate = owners.get(taken.want)?.(taken);
    if (candidate === undefined) continue;
    const { consequences } = candidate;
    for (let next = taken; ; next = yield consequences.wants) {
      give(consequences, next);
      if (consequences.state === "done") throw over(candidate.failure, candidate.place);
    }
  }
  frame.nowMs = Math.max(frame.nowMs, ...children.map((child) => child.frame.nowMs));
  frame.cursor = lastCursor;
  return { values, lastCursor };
}

function over({ error, reason }: Failure, place: Place): Failure {
  return new Failure(error, reason, place);
}

/** A failed iteration that its Map tolerates: null stands in its place. */
function* endTolerated(child: Child, { cursor, atMs }: Failure): Thread<Value> {
  const wants: Want[] = [ending(cursor, atMs, "MapIterationFailed", child)];
  if (child.frame.type === "Task") wants.push(ending(cursor, atMs, "TaskStateAborted"));
  const place: Place = { cursor, nowMs: atMs };
  const iterationFailed = yield* inAnyOrder(place, wants);
  child.frame.lastOwnEvent = cursor;
  child.frame.cursor = iterationFailed;
  child.frame.nowMs = atMs;
  child.frame.open = undefined;
  return null;
}

/** What a failure ends, all in the same turn; then …StateFailed unless the state is tried again. */
function* giveUp(
  visit: Visit,
  side: Side,
  failed: Child | undefined,
  failure: Failure,
  place: Place,
): Thread<void> {
  const { cursor, atMs } = failure;
  const wants: Want[] = [];
  if (failed?.map !== undefined) wants.push(ending(cursor, atMs, "MapIterationFailed", failed));
  if (failed?.frame.type === "Task") wants.push(ending(cursor, atMs, "TaskStateAborted"));
  for (const child of side.children) {
    if (child !== failed && !child.isTolerated && child.running.state !== "done")
      abort(child, cursor, atMs, wants);
  }
  yield* inAnyOrder(place, wants);
  place.cursor = cursor;
  place.nowMs = atMs;
  if (side.isRetried(failure)) return;
  yield* oneOf(place, [ending(cursor, atMs, `${visit.type}StateFailed`)]);
}

/** What tells that a child was given up, with all that runs inside of it. */
function abort(child: Child, cursor: number, atMs: number, wants: Want[]): void {
  const { open } = child.frame;
  if (open !== undefined) {
    for (const inner of open.children) if (inner.running.state !== "done") abort(inner, cursor, atMs, wants);
    wants.push(ending(cursor, atMs, `${open.type}StateAborted`));
  }
  if (child.map !== undefined) wants.push(ending(cursor, atMs, "MapIterationAborted", child));
}

function ending(previous: number, atMs: number, type: string, child?: Child): Want {
  return {
    types: [type],
    previous,
    fromMs: atMs,
    toMs: atMs,
    ...(child === undefined ? {} : { marks: { name: child.map, index: child.index } }),
  };
}

/** Returns the id of the event that the first want took. */
function* inAnyOrder(place: Place, wants: readonly Want[]): Thread<number> {
  const [first] = wants;
  let firstId = place.cursor;
  for (const left = [...wants]; left.length > 0; ) {
    const taken: Taken = yield left;
    left.splice(left.indexOf(taken.want), 1);
    if (taken.want === first) firstId = taken.event.id;
    place.nowMs = taken.event.timestampMs;
  }
  return firstId;
}
