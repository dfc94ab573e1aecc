// A timeline as lines of text: what `start`, `demo` and `history --tree` show.
//
// Knows:          glyphs, indentation, the width to keep to.
// Does not know:  terminals, time that passes (`nowMs` comes in), how events make a timeline.
//
// Invariants
//   V1. Every name, error and cause passes `printable` (T1 of text.ts); no line is wider than `width`.
//   V2. The same timeline at the same `nowMs` gives the same lines.

import { unreachable } from "../base/assert.ts";
import { type MapRunView, mapRunBar, mapRunShare, mapRunText } from "./map-runs.ts";
import { columnsOf, duration, fit, type Palette, pad, printable } from "./text.ts";
import {
  type Attempt,
  type Failure,
  lastFailure,
  type Scope,
  type Status,
  type Timeline,
  type Visit,
} from "./timeline.ts";

export interface ViewOptions {
  readonly width: number;
  readonly palette: Palette;
  /** Where the running states have got to. */
  readonly nowMs: number;
  /** How the Map Runs are, by ARN. */
  readonly mapRuns: ReadonlyMap<string, MapRunView>;
}

/** Iterations that are shown one by one; of more, those that succeeded become one line. */
const SHOWN_ITERATIONS = 12;
const BAR_CELLS = 24;

const GLYPHS: Readonly<Record<Status, string>> = {
  running: "●",
  succeeded: "✓",
  caught: "✗",
  failed: "✗",
  timedOut: "⏱",
  aborted: "⊘",
};
const INKS: Readonly<Record<Status, keyof Palette>> = {
  running: "blue",
  succeeded: "green",
  caught: "yellow",
  failed: "red",
  timedOut: "red",
  aborted: "dim",
};

interface Line {
  /** Tree lines that lead to it. */
  readonly lead: string;
  readonly glyph: string;
  readonly ink: keyof Palette;
  readonly text: string;
  /** Explains the text; first to be cut. */
  readonly note: string;
  /** At the right margin. */
  readonly time: string;
}

/** The states of the execution, one line each, with their retries, branches and iterations below them. */
export function renderTimeline(timeline: Timeline, options: ViewOptions): string[] {
  const lines: Line[] = [];
  visitLines(timeline.root, "", "", options, lines);
  return lines.map((line) => layout(line, options));
}

/** How the execution ended, or that it has not: one line, and one for the error. */
export function renderOutcome(timeline: Timeline, options: ViewOptions): string[] {
  const { palette, width } = options;
  const { status, startedAtMs, endedAtMs } = timeline.root;
  const word = STATUS_WORDS[status];
  const spent = duration((endedAtMs ?? options.nowMs) - startedAtMs);
  const lines = [
    `${palette[INKS[status]](`${GLYPHS[status]} ${palette.bold(word)}`)} ${palette.dim(`in ${spent}`)}`,
  ];
  const failure = timeline.failure;
  if (failure !== undefined && (failure.error !== undefined || failure.cause !== undefined)) {
    lines.push(`  ${palette[INKS[status]](fit(failureText(failure), width - 2))}`);
  }
  return lines;
}

const STATUS_WORDS: Readonly<Record<Status, string>> = {
  running: "RUNNING",
  succeeded: "SUCCEEDED",
  caught: "SUCCEEDED",
  failed: "FAILED",
  timedOut: "TIMED_OUT",
  aborted: "ABORTED",
};

/** The status as the service names it. */
export function statusWord(timeline: Timeline): string {
  return STATUS_WORDS[timeline.status];
}

function visitLines(scope: Scope, lead: string, prefix: string, options: ViewOptions, lines: Line[]): void {
  scope.visits.forEach((visit, i) => {
    lines.push(visitLine(visit, lead, prefix, scope.visits[i + 1], options));
    attemptLines(visit, below(lead), options, lines);
  });
}

function visitLine(
  visit: Visit,
  lead: string,
  prefix: string,
  next: Visit | undefined,
  { nowMs, mapRuns }: ViewOptions,
): Line {
  const look = lookOf(visit);
  return {
    lead,
    glyph: look.glyph,
    ink: look.ink,
    text: prefix + printable(visit.name),
    note: noteOf(visit, next, mapRuns),
    time: timeOf(visit.enteredAtMs, visit.endedAtMs, visit.status, nowMs),
  };
}

/** A state that waits for time or for someone is told apart from one that works. */
function lookOf(visit: Visit): Pick<Line, "glyph" | "ink"> {
  if (visit.status === "running") {
    const attempt = visit.attempts.at(-1);
    if (
      visit.type === "Wait" ||
      (attempt !== undefined && attempt.submitted && attempt.failure === undefined)
    ) {
      return { glyph: "⏱", ink: "cyan" };
    }
    if (attempt?.failure !== undefined) return { glyph: "↻", ink: "yellow" };
  }
  const failed = visit.status === "failed" || visit.status === "caught";
  const glyph = failed && lastFailure(visit)?.timedOut === true ? "⏱" : GLYPHS[visit.status];
  return { glyph, ink: INKS[visit.status] };
}

function noteOf(visit: Visit, next: Visit | undefined, mapRuns: ViewOptions["mapRuns"]): string {
  const attempt = visit.attempts.at(-1);
  const failure = lastFailure(visit);
  switch (visit.status) {
    case "running":
      if (attempt?.failure !== undefined) return "will be tried again";
      if (attempt?.submitted === true) {
        return attempt.resource?.includes(".waitForTaskToken") === true
          ? "waits for a task token"
          : "waits for a job";
      }
      return visit.type === "Wait" ? "waits" : countNote(attempt);
    case "caught":
      return failure === undefined ? "caught" : `caught ${failureText(failure)}`.trimEnd();
    case "failed":
      return failure === undefined ? "" : failureText(failure);
    case "succeeded":
      if (visit.type === "Choice" && next !== undefined) return `→ ${printable(next.name)}`;
      return mapRunNote(attempt, mapRuns) ?? countNote(attempt);
    case "aborted":
      return "given up";
    case "timedOut":
      return "";
    default:
      return unreachable(visit.status);
  }
}

function mapRunNote(attempt: Attempt | undefined, mapRuns: ViewOptions["mapRuns"]): string | undefined {
  const view = attempt?.mapRunArn === undefined ? undefined : mapRuns.get(attempt.mapRunArn);
  return view && mapRunText(view);
}

/** `7 of 10 iterations`. */
function countNote(attempt: Attempt | undefined): string {
  if (attempt?.length === undefined || attempt.mapRunArn !== undefined) return "";
  const done = attempt.scopes.filter((scope) => scope.status === "succeeded").length;
  return `${done} of ${attempt.length} ${attempt.length === 1 ? "iteration" : "iterations"}`;
}

/** What lies below a visit: the attempts that failed before the last, then what the last one runs. */
function attemptLines(visit: Visit, lead: string, options: ViewOptions, lines: Line[]): void {
  const last = visit.attempts.at(-1);
  const retrying = visit.status === "running" && last?.failure !== undefined;
  visit.attempts.forEach((attempt, i) => {
    const failure = attempt.failure;
    if (failure === undefined || (attempt === last && !retrying)) return;
    lines.push({
      lead,
      glyph: failure.timedOut ? "⏱" : "↻",
      ink: "yellow",
      text: `attempt ${i + 1}`,
      note: failureText(failure),
      time: timeOf(attempt.startedAtMs, attempt.endedAtMs, "failed", options.nowMs),
    });
  });
  if (last === undefined) return;
  mapRunLine(visit, last, lead, options, lines);
  const scopes = shownScopes(last);
  scopes.forEach((scope, i) => scopeLines(scope, lead, i === scopes.length - 1, options, lines));
  const hidden = last.scopes.length - scopes.length;
  if (hidden > 0) {
    lines.push({ lead, glyph: "✓", ink: "green", text: `${hidden} more iterations`, note: "", time: "" });
  }
}

/** A bar as long as it runs; what came of it, if it is not in the line of the state. */
function mapRunLine(
  visit: Visit,
  { mapRunArn }: Attempt,
  lead: string,
  { mapRuns, width, nowMs }: ViewOptions,
  lines: Line[],
): void {
  const view = mapRunArn === undefined ? undefined : mapRuns.get(mapRunArn);
  if (view === undefined || visit.status === "succeeded") return;
  const note = mapRunText(view);
  if (visit.status !== "running") {
    const { glyph, ink } = lookOf(visit);
    lines.push({ lead, glyph, ink, text: "Map Run", note, time: "" });
    return;
  }
  const cells = Math.max(4, Math.min(BAR_CELLS, width - lead.length - columnsOf(note) - 10));
  const ink = view.failed > 0 ? "yellow" : "green";
  lines.push({ lead, glyph: mapRunBar(view, cells, nowMs), ink, text: mapRunShare(view), note, time: "" });
}

function shownScopes(attempt: Attempt): readonly Scope[] {
  if (attempt.length === undefined || attempt.scopes.length <= SHOWN_ITERATIONS) return attempt.scopes;
  const others = attempt.scopes.filter((scope) => scope.status !== "succeeded");
  const room = Math.max(0, SHOWN_ITERATIONS - others.length);
  const succeeded = attempt.scopes.filter((scope) => scope.status === "succeeded");
  const shown = new Set([...others, ...succeeded.slice(0, room)]);
  return attempt.scopes.filter((scope) => shown.has(scope));
}

/** A branch or iteration of one state is that state's line; one of several gets a line above them. */
function scopeLines(scope: Scope, lead: string, isLast: boolean, options: ViewOptions, lines: Line[]): void {
  const joint = isLast ? "└─ " : "├─ ";
  const label = scope.kind === "iteration" ? `[${scope.index}]` : `branch ${scope.index + 1}`;
  if (scope.visits.length === 1) {
    const visit = scope.visits[0] as Visit;
    const prefix = scope.kind === "iteration" ? `${label} ` : "";
    lines.push(visitLine(visit, lead + joint, prefix, undefined, options));
    attemptLines(visit, below(lead + joint), options, lines);
    return;
  }
  lines.push({
    lead: lead + joint,
    glyph: GLYPHS[scope.status],
    ink: INKS[scope.status],
    text: label,
    note: "",
    time: timeOf(scope.startedAtMs, scope.endedAtMs, scope.status, options.nowMs),
  });
  visitLines(scope, below(lead + joint), "", options, lines);
}

/** The lead of what lies below a line with `lead`. */
function below(lead: string): string {
  return `${lead.replace("├─ ", "│  ").replace("└─ ", "   ")}  `;
}

function timeOf(startedAtMs: number, endedAtMs: number | undefined, status: Status, nowMs: number): string {
  const spent = duration((endedAtMs ?? nowMs) - startedAtMs);
  return status === "running" ? `${spent} …` : spent;
}

/** `Error: cause`, on one line; empty where neither is known. A cause that is the JSON of a failed function is reduced to its message. */
export function failureText(failure: Failure): string {
  const cause = failure.cause === undefined ? undefined : messageOf(failure.cause);
  const parts = [failure.error, cause].filter((part) => part !== undefined && part !== "");
  return printable(parts.join(": "));
}

function messageOf(cause: string): string {
  if (!cause.startsWith("{")) return cause;
  let value: unknown;
  try {
    value = JSON.parse(cause);
  } catch {
    return cause; // text that only begins like JSON is shown as it is
  }
  const message = (value as { errorMessage?: unknown }).errorMessage;
  return typeof message === "string" ? message : cause;
}

function layout(line: Line, { width, palette }: ViewOptions): string {
  const room = width - columnsOf(line.time) - (line.time === "" ? 0 : 2);
  const head = fit(`${line.lead}${line.glyph} ${line.text}`, room);
  const note = line.note === "" ? "" : fit(line.note, room - columnsOf(head) - 2);
  const used = columnsOf(head) + (note === "" ? 0 : 2 + columnsOf(note));
  const gap = line.time === "" ? "" : pad("", room - used + 2);
  const cutHead = head.slice(line.lead.length + line.glyph.length);
  const ink = palette[line.ink];
  const noteInk = line.ink === "green" || line.ink === "blue" || line.ink === "dim" ? palette.dim : ink;
  return [
    palette.dim(head.slice(0, line.lead.length)),
    ink(head.slice(line.lead.length, line.lead.length + line.glyph.length)),
    line.ink === "dim" ? palette.dim(cutHead) : cutHead,
    note === "" ? "" : `  ${noteInk(note)}`,
    gap,
    palette.dim(line.time),
  ]
    .join("")
    .trimEnd();
}
