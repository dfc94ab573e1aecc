// The spans of an execution that has ended: a trace is told from its journal.
//
// Knows:          what of the journal is a span, whose child it is, when it began and ended.
// Does not know:  collectors, the wire format (otlp.ts).
//
// Invariants
//   S1. Ids follow from the execution's ARN and the order of its events: telling a trace twice gives the same spans.
//   S2. Every span ends: what the execution's end has cut off ends with it.
//   S3. After a redrive only what happened since is told, under a root of its own in the same trace.
//
// Rejected: a span for each state as it ends. It would need the open spans of every execution in memory, for a year,
// and a trace is read when it is whole.

import { lastSegment } from "../../engine/index.ts";
import type { Event, FrameId, JournalTurn, TaskId } from "../../engine/events.ts";
import type { Parent } from "./trace-context.ts";

/** As texts in hexadecimal digits: 32 of a trace, 16 of a span. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: (key: string) => string;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** A task is a call to somebody else. */
  readonly kind: "internal" | "client";
  readonly startMs: number;
  endMs: number;
  readonly attributes: Attributes;
  readonly events: SpanEvent[];
  /** Undefined: neither good nor bad is known. */
  status: { readonly ok: true } | { readonly ok: false; readonly message: string } | undefined;
}

export type Attributes = { [name: string]: string | number };

export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: Attributes;
}

export interface Told {
  readonly turns: Iterable<JournalTurn>;
  readonly ids: SpanIds;
  /** Who started the execution, if it was traced (the `traceHeader` of the start). */
  readonly parent: Parent | undefined;
}

/** All spans of the run that the last turn ended; the root first. */
export function spansOf({ turns, ids, parent }: Told): readonly Span[] {
  let teller = new SpanTeller(ids, parent, 0);
  for (const { atMs, events } of turns) {
    for (const event of events) {
      // S3: the frames that a redrive takes up are known from before, their spans were told.
      if (event.kind === "ExecutionRedriven") teller = teller.redriven(event.redriveCount);
      teller.tell(event, atMs);
    }
  }
  return teller.spans;
}

interface Place {
  readonly parent: FrameId;
  readonly index: number;
  readonly kind: "branch" | "iteration";
}

interface OpenState {
  readonly span: Span;
  attempts: number;
}

class SpanTeller {
  readonly spans: Span[] = [];
  readonly #ids: SpanIds;
  readonly #parent: Parent | undefined;
  readonly #redriveCount: number;
  #root: Span | undefined;
  #stateMachine = { arn: "", executionArn: "" };
  #places = new Map<FrameId, Place>();
  readonly #children = new Map<FrameId, FrameId[]>();
  readonly #states = new Map<FrameId, OpenState>();
  readonly #tasks = new Map<TaskId, Span>();

  constructor(ids: SpanIds, parent: Parent | undefined, redriveCount: number) {
    this.#ids = ids;
    this.#parent = parent;
    this.#redriveCount = redriveCount;
  }

  redriven(redriveCount: number): SpanTeller {
    const next = new SpanTeller(this.#ids, this.#parent, redriveCount);
    next.#stateMachine = this.#stateMachine;
    next.#places = this.#places;
    return next;
  }

  tell(event: Event, atMs: number): void {
    switch (event.kind) {
      case "ExecutionStarted":
        this.#stateMachine = { arn: event.stateMachineArn, executionArn: event.executionArn };
        this.#begin(atMs);
        break;
      case "ExecutionRedriven":
        this.#begin(atMs);
        break;
      case "ExecutionSucceeded":
        this.#end("SUCCEEDED", undefined, atMs);
        break;
      case "ExecutionFailed":
        this.#end("FAILED", reasonOf(event), atMs);
        break;
      case "ExecutionTimedOut":
        this.#end("TIMED_OUT", reasonOf(event, "States.Timeout"), atMs);
        break;
      case "ExecutionAborted":
        this.#end("ABORTED", reasonOf(event, "aborted"), atMs);
        break;
      case "StateEntered":
        this.#enter(event.frame, event.state, event.type, atMs);
        break;
      case "StateExited":
        this.#leave(event.frame, { ok: true }, atMs);
        break;
      case "StateAborted":
        this.#leave(event.frame, { ok: false, message: "aborted" }, atMs);
        break;
      case "MapIterationEnded":
        if (event.outcome !== "Succeeded")
          this.#leave(event.frame, { ok: false, message: event.outcome.toLowerCase() }, atMs);
        break;
      case "ChildrenEnded":
        this.#leaveChildren(event.frame, atMs);
        break;
      case "ParallelStarted":
        for (let index = 0; index < event.count; index++)
          this.#place(event.firstChild + index, { parent: event.frame, index, kind: "branch" });
        break;
      case "MapIterationStarted":
        this.#place(event.child, { parent: event.frame, index: event.index, kind: "iteration" });
        break;
      case "EvaluationFailed":
        this.#note(event.frame, "exception", atMs, {
          ...(event.error === undefined ? {} : { "exception.type": event.error }),
          ...(event.cause === undefined ? {} : { "exception.message": event.cause }),
        });
        break;
      case "RetryGranted":
        this.#leaveChildren(event.frame, atMs);
        this.#note(event.frame, "retry", atMs, { "stepwell.retry.delay_ms": event.untilMs - atMs });
        break;
      case "TaskScheduled":
        this.#schedule(event.frame, event.task, event.resource, atMs);
        break;
      case "TaskStarted":
      case "TaskSubmitted":
        this.#tasks.get(event.task)?.events.push({
          name: event.kind === "TaskStarted" ? "started" : "submitted",
          atMs,
          attributes: {},
        });
        break;
      case "TaskSucceeded":
        this.#endTask(event.task, { ok: true }, atMs);
        break;
      case "TaskFailed":
      case "TaskTimedOut":
        this.#endTask(event.task, { ok: false, message: reasonOf(event) }, atMs, event.error);
        break;
      // Its children have no spans (traces.ts): the ARN leads to them.
      case "MapRunStarted":
      case "MapRunRedriven":
        this.#note(event.frame, event.kind === "MapRunStarted" ? "map run" : "map run redriven", atMs, {
          "stepwell.map_run.arn": event.mapRunArn,
        });
        break;
      case "MapRunEnded":
      case "WaitStarted":
      case "Paused":
      case "HeartbeatReceived":
      case "BranchSucceeded":
      case "MapStarted":
        break;
    }
  }

  #begin(atMs: number): void {
    const { arn, executionArn } = this.#stateMachine;
    this.#root = this.#open(`execution ${this.#redriveCount}`, this.#parent?.spanId, {
      name: lastSegment(arn),
      kind: "internal",
      startMs: atMs,
      attributes: {
        "aws.step_functions.state_machine.arn": arn,
        "stepwell.execution.arn": executionArn,
        ...(this.#redriveCount === 0 ? {} : { "stepwell.redrive.count": this.#redriveCount }),
      },
    });
  }

  #end(status: string, reason: string | undefined, atMs: number): void {
    const message = reason ?? "the execution has ended";
    for (const frame of [...this.#states.keys()]) this.#leave(frame, { ok: false, message }, atMs);
    for (const task of [...this.#tasks.keys()]) this.#endTask(task, { ok: false, message }, atMs);
    const root = this.#root;
    if (root === undefined) return;
    root.endMs = atMs;
    root.attributes["stepwell.execution.status"] = status;
    root.status = reason === undefined ? { ok: true } : { ok: false, message: reason };
  }

  #enter(frame: FrameId, name: string, type: string, atMs: number): void {
    const place = this.#places.get(frame);
    const above = place === undefined ? this.#root : (this.#states.get(place.parent)?.span ?? this.#root);
    const span = this.#open(`state ${this.#redriveCount} ${this.spans.length}`, above?.spanId, {
      name,
      kind: "internal",
      startMs: atMs,
      attributes: {
        "stepwell.state.type": type,
        ...(place === undefined ? {} : { [`stepwell.${place.kind}.index`]: place.index }),
      },
    });
    this.#states.set(frame, { span, attempts: 0 });
  }

  #leave(frame: FrameId, status: Span["status"], atMs: number): void {
    this.#leaveChildren(frame, atMs);
    const open = this.#states.get(frame);
    if (open === undefined) return;
    open.span.endMs = atMs;
    open.span.status = status;
    this.#states.delete(frame);
  }

  /** Those that are still open were given up. */
  #leaveChildren(frame: FrameId, atMs: number): void {
    for (const child of this.#children.get(frame) ?? [])
      this.#leave(child, { ok: false, message: "aborted" }, atMs);
    this.#children.delete(frame);
  }

  #place(child: FrameId, place: Place): void {
    this.#places.set(child, place);
    const siblings = this.#children.get(place.parent);
    if (siblings === undefined) this.#children.set(place.parent, [child]);
    else siblings.push(child);
  }

  #note(frame: FrameId, name: string, atMs: number, attributes: Attributes): void {
    (this.#states.get(frame)?.span ?? this.#root)?.events.push({ name, atMs, attributes });
  }

  #schedule(frame: FrameId, task: TaskId, resource: string, atMs: number): void {
    const state = this.#states.get(frame);
    if (state !== undefined) state.attempts += 1;
    const parent = state?.span ?? this.#root;
    const span = this.#open(`task ${task}`, parent?.spanId, {
      name: resource.split(":").slice(5).join(":") || resource,
      kind: "client",
      startMs: atMs,
      attributes: {
        "stepwell.task.resource": resource,
        ...(state === undefined ? {} : { "stepwell.task.attempt": state.attempts }),
      },
    });
    this.#tasks.set(task, span);
  }

  #endTask(task: TaskId, status: Span["status"], atMs: number, error?: string): void {
    const span = this.#tasks.get(task);
    if (span === undefined) return;
    span.endMs = atMs;
    span.status = status;
    if (error !== undefined) span.attributes["error.type"] = error;
    this.#tasks.delete(task);
  }

  #open(
    key: string,
    parentSpanId: string | undefined,
    facts: Pick<Span, "name" | "kind" | "startMs" | "attributes">,
  ): Span {
    const span: Span = {
      traceId: this.#ids.traceId,
      spanId: this.#ids.spanId(key),
      ...(parentSpanId === undefined ? {} : { parentSpanId }),
      ...facts,
      endMs: facts.startMs,
      events: [],
      status: undefined,
    };
    this.spans.push(span);
    return span;
  }
}

function reasonOf(
  { error, cause }: { readonly error?: string; readonly cause?: string },
  otherwise = "failed",
): string {
  return [error ?? otherwise, cause].filter((part) => part !== undefined && part !== "").join(": ");
}
