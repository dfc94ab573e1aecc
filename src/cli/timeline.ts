// What an execution did, as a tree: visits of states, their attempts, branches and iterations.
//
// Knows:          the service's history events and how `previousEventId` ties them together.
// Does not know:  how the tree is shown, where events come from, how the engine keeps an execution.
//
// Invariants
//   L1. Events are added in the order of their ids, each once; the tree is valid after every one of them,
//       so a running execution and a closed one are read by the same code.
//   L2. It never throws for a history it does not understand: an event without a place changes nothing.
//
// Where an event belongs follows from its predecessor: each event leaves behind a place (a scope, and the
// visit that is open in it), and the next begins there. Names alone would not do: the same state runs in
// many iterations at once. From its predecessor an event walks outwards to the nearest visit that fits,
// because the service hangs the end of a Map or Parallel on the last event inside of it.

import { isObject, type JsonObject, member } from "../base/json.ts";

export type Status = "running" | "succeeded" | "caught" | "failed" | "timedOut" | "aborted";

export interface Failure {
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly timedOut: boolean;
}

/** One try at the work of a Task, Parallel or Map state. */
export interface Attempt {
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  failure: Failure | undefined;
  /** `lambda:invoke.waitForTaskToken`, or the ARN of a function or an activity. */
  readonly resource: string | undefined;
  /** The evaluated parameters of a service task: JSON text. */
  readonly parameters: string | undefined;
  /** Handed over; it waits for a token, or for a job that it started. */
  submitted: boolean;
  /** Map: how many items there are. */
  readonly length: number | undefined;
  /** Distributed Map: its children are no iterations, they are executions of this Map Run. */
  mapRunArn: string | undefined;
  /** Branches or iterations, in the order in which they began. */
  readonly scopes: Scope[];
}

export interface Visit {
  readonly name: string;
  /** Task, Pass, Choice … */
  readonly type: string;
  readonly scope: Scope;
  readonly enteredAtMs: number;
  status: Status;
  endedAtMs: number | undefined;
  /** Empty for states that do no work outside of themselves. */
  readonly attempts: Attempt[];
  /** What failed where no attempt did: an expression, a Fail state. */
  failure: Failure | undefined;
}

export interface Scope {
  readonly kind: "root" | "branch" | "iteration";
  /** Of the branch or the iteration, from 0. */
  readonly index: number;
  /** The Parallel or Map visit around it. */
  readonly owner: Visit | undefined;
  readonly visits: Visit[];
  status: Status;
  startedAtMs: number;
  endedAtMs: number | undefined;
}

/** What an event leaves behind for the one that names it as its predecessor. */
interface Place {
  readonly scope: Scope;
  readonly visit: Visit | undefined;
}

const STATE_EVENT = /^(Task|Pass|Choice|Wait|Succeed|Fail|Parallel|Map)State(Entered|Exited)$/;
const SCHEDULED = /^(?:Task|LambdaFunction|Activity)Scheduled$/;
const ATTEMPT_ENDED =
  /^(?:Task|LambdaFunction|Activity)(Succeeded|Failed|TimedOut|ScheduleFailed|StartFailed|SubmitFailed)$/;
const CHILDREN_EVENT = /^(Parallel|Map)State(Started|Succeeded|Failed)$/;
const ITERATION_EVENT = /^MapIteration(Started|Succeeded|Failed|Aborted)$/;
const EXECUTION_END: Readonly<Record<string, Status>> = {
  ExecutionSucceeded: "succeeded",
  ExecutionFailed: "failed",
  ExecutionTimedOut: "timedOut",
  ExecutionAborted: "aborted",
};

export class Timeline {
  readonly root: Scope;
  /** JSON text. */
  input: string | undefined;
  output: string | undefined;
  failure: Failure | undefined;
  lastEventId = 0;
  /** Of distributed Maps, in the order in which they began. */
  readonly mapRuns: { readonly arn: string; readonly attempt: Attempt }[] = [];
  readonly #places = new Map<number, Place>();

  constructor() {
    this.root = newScope("root", 0, undefined, 0);
  }

  get status(): Status {
    return this.root.status;
  }

  get ended(): boolean {
    return this.root.status !== "running";
  }

  /** Takes the next event as the service writes it. One that was added before is passed over. */
  add(event: JsonObject): void {
    const id = numberOf(event, "id") ?? 0;
    if (id <= this.lastEventId) return;
    this.lastEventId = id;
    const atMs = (numberOf(event, "timestamp") ?? 0) * 1_000;
    const type = stringOf(event, "type") ?? "";
    const before = this.#places.get(numberOf(event, "previousEventId") ?? 0);
    const from = before ?? { scope: this.root, visit: undefined };
    const place = this.#place(type, detailsOf(event), atMs, from);
    this.#places.set(id, place ?? from);
  }

  #place(type: string, details: JsonObject, atMs: number, from: Place): Place | undefined {
    const state = STATE_EVENT.exec(type);
    if (state !== null) {
      return state[2] === "Entered"
        ? enter(state[1] as string, details, atMs, from)
        : exit(details, atMs, from);
    }
    if (SCHEDULED.test(type)) return schedule(details, atMs, from);
    const attemptEnd = ATTEMPT_ENDED.exec(type);
    if (attemptEnd !== null) return endAttempt(attemptEnd[1] as string, details, atMs, from);
    if (type === "TaskSubmitted") {
      const attempt = from.visit?.attempts.at(-1);
      if (attempt !== undefined) attempt.submitted = true;
      return from;
    }
    const children = CHILDREN_EVENT.exec(type);
    if (children !== null) {
      return childrenEvent(children[1] as string, children[2] as string, details, atMs, from);
    }
    const iteration = ITERATION_EVENT.exec(type);
    if (iteration !== null) return iterationEvent(iteration[1] as string, details, atMs, from);
    if (type.startsWith("MapRun")) return this.#mapRunEvent(type, details, from);
    if (type === "EvaluationFailed") return evaluationFailed(details, from);
    return this.#executionEvent(type, details, atMs, from);
  }

  #mapRunEvent(type: string, details: JsonObject, from: Place): Place {
    const visit = outwards(from, (candidate) => candidate.type === "Map" && isOpen(candidate));
    const attempt = visit?.attempts.at(-1);
    if (visit === undefined || attempt === undefined) return from;
    const arn = stringOf(details, "mapRunArn");
    if (type === "MapRunStarted" && arn !== undefined) {
      attempt.mapRunArn = arn;
      this.mapRuns.push({ arn, attempt });
    } else if (type === "MapRunRedriven") {
      attempt.endedAtMs = undefined;
      attempt.failure = undefined;
    } else if (type === "MapRunFailed") {
      attempt.failure = failureOf(details, false);
    }
    return { scope: visit.scope, visit };
  }

  #executionEvent(type: string, details: JsonObject, atMs: number, from: Place): Place | undefined {
    if (type === "ExecutionStarted") {
      this.input = stringOf(details, "input");
      this.root.startedAtMs = atMs;
      return undefined;
    }
    if (type === "ExecutionRedriven") {
      this.root.status = "running";
      this.root.endedAtMs = undefined;
      this.failure = undefined;
      const reopened = this.root.visits.at(-1);
      if (reopened !== undefined && reopened.status !== "succeeded" && reopened.status !== "caught") {
        reopened.status = "running";
        reopened.endedAtMs = undefined;
      }
      return { scope: this.root, visit: reopened };
    }
    const status = EXECUTION_END[type];
    if (status === undefined) return undefined;
    if (status === "succeeded") this.output = stringOf(details, "output");
    else this.failure = failureOf(details, status === "timedOut");
    // The state that failed, and every state around it, failed; what else was open was given up.
    if (status === "failed" && from.visit !== undefined) {
      for (let visit: Visit | undefined = from.visit; visit !== undefined; visit = visit.scope.owner) {
        if (visit.status === "running") closeVisit(visit, "failed", atMs);
      }
    }
    closeScope(this.root, "aborted", atMs);
    this.root.status = status;
    return undefined;
  }
}

// The rules, one function for each group of events. Each says which visit it found and changes only that.

function enter(type: string, details: JsonObject, atMs: number, from: Place): Place {
  // Directly under a Parallel that has started: the first state of another branch.
  const around = from.visit;
  const attempt = around?.type === "Parallel" && isOpen(around) ? around.attempts.at(-1) : undefined;
  let scope = from.scope;
  if (attempt !== undefined) {
    scope = newScope("branch", attempt.scopes.length, around, atMs);
    attempt.scopes.push(scope);
  }
  const visit: Visit = {
    name: stringOf(details, "name") ?? "?",
    type,
    scope,
    enteredAtMs: atMs,
    status: "running",
    endedAtMs: undefined,
    attempts: [],
    failure: undefined,
  };
  // The service writes no exit of a Fail state: to be entered is to have failed.
  if (type === "Fail") closeVisit(visit, "failed", atMs);
  scope.visits.push(visit);
  return { scope, visit };
}

function exit(details: JsonObject, atMs: number, from: Place): Place | undefined {
  const name = stringOf(details, "name");
  const visit = outwards(from, (candidate) => candidate.name === name && isOpen(candidate));
  if (visit === undefined) return undefined;
  const failed = visit.attempts.at(-1)?.failure !== undefined || visit.failure !== undefined;
  closeVisit(visit, failed ? "caught" : "succeeded", atMs);
  return { scope: visit.scope, visit: undefined };
}

function schedule(details: JsonObject, atMs: number, from: Place): Place {
  const type = stringOf(details, "resourceType");
  const resource = stringOf(details, "resource");
  from.visit?.attempts.push({
    startedAtMs: atMs,
    endedAtMs: undefined,
    failure: undefined,
    resource: type === undefined ? resource : `${type}:${resource}`,
    parameters: stringOf(details, "parameters"),
    submitted: false,
    length: undefined,
    mapRunArn: undefined,
    scopes: [],
  });
  return from;
}

function endAttempt(how: string, details: JsonObject, atMs: number, from: Place): Place {
  const attempt = from.visit?.attempts.at(-1);
  if (attempt === undefined) {
    // Scheduling itself failed before an attempt was recorded.
    if (from.visit !== undefined && how !== "Succeeded") from.visit.failure = failureOf(details, false);
    return from;
  }
  attempt.endedAtMs = atMs;
  if (how !== "Succeeded") attempt.failure = failureOf(details, how === "TimedOut");
  return from;
}

function childrenEvent(
  type: string,
  how: string,
  details: JsonObject,
  atMs: number,
  from: Place,
): Place | undefined {
  // A retried Map or Parallel starts again with no end of its former attempt, hung on the event that
  // failed inside of it; an attempt that did end belongs to a state that failed for good.
  const visit = outwards(
    from,
    (candidate) =>
      candidate.type === type && isOpen(candidate) && candidate.attempts.at(-1)?.endedAtMs === undefined,
  );
  if (visit === undefined) return undefined;
  const attempt = visit.attempts.at(-1);
  if (how === "Started") {
    if (attempt !== undefined) failChildren(attempt, from, visit, atMs);
    visit.attempts.push({
      startedAtMs: atMs,
      endedAtMs: undefined,
      failure: undefined,
      resource: undefined,
      parameters: undefined,
      submitted: false,
      length: numberOf(details, "length"),
      mapRunArn: undefined,
      scopes: [],
    });
  } else if (attempt !== undefined) {
    if (how === "Failed") failChildren(attempt, from, visit, atMs);
    else for (const scope of attempt.scopes) closeScope(scope, "succeeded", atMs);
    attempt.endedAtMs = atMs;
  }
  return { scope: visit.scope, visit };
}

/** Ends an attempt whose child at `from` failed: that child takes its states with it, the others are given up. */
function failChildren(attempt: Attempt, from: Place, owner: Visit, atMs: number): void {
  // A Map Run has said already what it failed of.
  let failure: Failure = attempt.failure ?? { error: undefined, cause: undefined, timedOut: false };
  let { scope, visit }: Place = from;
  while (visit !== owner) {
    if (visit !== undefined && isOpen(visit)) closeVisit(visit, "failed", atMs);
    if (failure.error === undefined && visit !== undefined) failure = lastFailure(visit) ?? failure;
    closeScope(scope, "aborted", atMs);
    scope.status = "failed";
    if (scope.owner === undefined) break;
    visit = scope.owner;
    scope = visit.scope;
  }
  attempt.failure = failure;
  attempt.endedAtMs = atMs;
  for (const other of attempt.scopes) closeScope(other, "aborted", atMs);
}

function iterationEvent(how: string, details: JsonObject, atMs: number, from: Place): Place | undefined {
  const name = stringOf(details, "name");
  const index = numberOf(details, "index") ?? 0;
  const visit = outwards(from, (candidate) => candidate.name === name && isOpen(candidate));
  const attempt = visit?.attempts.at(-1);
  if (attempt === undefined) return undefined;
  if (how === "Started") {
    const scope = newScope("iteration", index, visit, atMs);
    attempt.scopes.push(scope);
    return { scope, visit: undefined };
  }
  const scope = attempt.scopes.find((candidate) => candidate.index === index);
  if (scope === undefined) return undefined;
  if (how === "Failed" && from.scope === scope && from.visit !== undefined && isOpen(from.visit)) {
    closeVisit(from.visit, "failed", atMs);
  }
  closeScope(scope, how === "Succeeded" ? "succeeded" : "aborted", atMs);
  if (how === "Failed") scope.status = "failed";
  return from.scope === scope ? { scope, visit: from.visit } : { scope, visit: undefined };
}

function evaluationFailed(details: JsonObject, from: Place): Place | undefined {
  // Its predecessor is that of the state's entry, so the state is found by name in the scope it entered.
  const name = stringOf(details, "state");
  const scopes = [from.scope, ...(from.visit?.attempts.at(-1)?.scopes ?? [])];
  const visit = scopes
    .flatMap((scope) => scope.visits.slice(-1))
    .find((candidate) => isOpen(candidate) && (name === undefined || candidate.name === name));
  if (visit === undefined) return undefined;
  visit.failure = failureOf(details, false);
  return { scope: visit.scope, visit };
}

/** The nearest visit that fits: the open one at `from`, the one around its scope, and so on. */
function outwards(from: Place, fits: (visit: Visit) => boolean): Visit | undefined {
  let visit = from.visit ?? from.scope.owner;
  while (visit !== undefined && !fits(visit)) visit = visit.scope.owner;
  return visit;
}

/** What the newest attempt failed of, else what the state itself failed of. */
export function lastFailure(visit: Visit): Failure | undefined {
  return visit.failure ?? visit.attempts.at(-1)?.failure;
}

function isOpen(visit: Visit): boolean {
  return visit.status === "running";
}

function closeVisit(visit: Visit, status: Status, atMs: number): void {
  visit.status = status;
  visit.endedAtMs = atMs;
  const attempt = visit.attempts.at(-1);
  if (attempt === undefined) return;
  attempt.endedAtMs ??= atMs;
  for (const scope of attempt.scopes) closeScope(scope, "aborted", atMs);
}

/** Ends what is still open in a scope; what has ended keeps its end. */
function closeScope(scope: Scope, status: Status, atMs: number): void {
  if (scope.endedAtMs !== undefined) return;
  scope.endedAtMs = atMs;
  scope.status = status;
  for (const visit of scope.visits) if (isOpen(visit)) closeVisit(visit, "aborted", atMs);
}

function newScope(kind: Scope["kind"], index: number, owner: Visit | undefined, startedAtMs: number): Scope {
  return { kind, index, owner, visits: [], status: "running", startedAtMs, endedAtMs: undefined };
}

function failureOf(details: JsonObject, timedOut: boolean): Failure {
  return { error: stringOf(details, "error"), cause: stringOf(details, "cause"), timedOut };
}

/** The one member of an event that holds what is particular to its type; empty where there is none. */
export function detailsOf(event: JsonObject): JsonObject {
  for (const key of Object.keys(event)) {
    const value = member(event, key);
    if (key.endsWith("EventDetails") && isObject(value)) return value;
  }
  return {};
}

export function stringOf(object: JsonObject, key: string): string | undefined {
  const value = member(object, key);
  return typeof value === "string" ? value : undefined;
}

export function numberOf(object: JsonObject, key: string): number | undefined {
  const value = member(object, key);
  return typeof value === "number" ? value : undefined;
}
