// The form of a turn in the journal: one line of JSON, then the texts of its payloads, one after the other.
//
//   [["T",0,1,"arn:aws:states:::lambda:invoke",27], …]\n{"FunctionName":"…"}…
//
// A payload is its length in UTF-16 units where its text follows, or the name of the slot that holds it
// ("o", "r"; see PayloadRef). So a payload's text is neither escaped nor parsed, and stays as it was.
// Rejected: payloads inside the JSON (parsing loses the text), payloads as JSON strings (escaping every quote
// doubled the time to encode), a binary format (no faster through node:sqlite, and unreadable in a shell).
//
// Invariants
//   C1. decodeTurn(encodeTurn(turn)) equals the turn.
//   C2. A code is never used again for something else. A changed event gets a new code (apply.ts, P2).

import { assert } from "../base/assert.ts";
import { Payload } from "../base/json.ts";
import type { Event, EventKind, JournalTurn, PayloadRef } from "./events.ts";

/** How each kind is written: its code, then its fields in order; trailing absent fields are left out. */
const FORMATS: { readonly [K in EventKind]: readonly [code: string, ...fields: FieldOf<K>[]] } = {
  ExecutionStarted: [
    "XS",
    "executionArn",
    "stateMachineArn",
    "name",
    "roleArn",
    "revisionId",
    "input",
    "timeoutAtMs",
    "stateMachineVersionArn",
    "stateMachineAliasArn",
    "traceHeader",
    "testCase",
    "mapRunArn",
  ],
  ExecutionSucceeded: ["XE", "output"],
  ExecutionFailed: ["XF", "error", "cause"],
  ExecutionTimedOut: ["XT", "error", "cause"],
  ExecutionAborted: ["XA", "error", "cause"],
  ExecutionRedriven: ["XR", "redriveCount", "timeoutAtMs", "clientToken", "anew"],
  StateEntered: ["E", "frame", "state", "type", "input"],
  StateExited: ["X", "frame", "output", "assigned"],
  StateAborted: ["A", "frame"],
  EvaluationFailed: ["V", "frame", "error", "cause", "location", "afterEntry"],
  WaitStarted: ["W", "frame", "untilMs"],
  Paused: ["N", "frame", "state"],
  TaskScheduled: [
    "T",
    "frame",
    "task",
    "resource",
    "parameters",
    "timeoutSeconds",
    "heartbeatSeconds",
    "credentialsRoleArn",
  ],
  TaskStarted: ["TS", "frame", "task", "workerName"],
  TaskSubmitted: ["TB", "frame", "task", "output"],
  TaskSucceeded: ["TE", "frame", "task", "output"],
  TaskFailed: ["TF", "frame", "task", "phase", "error", "cause"],
  TaskTimedOut: ["TT", "frame", "task", "error", "cause"],
  HeartbeatReceived: ["H", "frame", "task", "dueAtMs"],
  RetryGranted: ["R", "frame", "retrier", "untilMs"],
  ParallelStarted: ["P", "frame", "input", "firstChild", "count"],
  BranchSucceeded: ["B", "frame"],
  MapStarted: ["M", "frame", "length", "maxConcurrency", "items", "toleratedFailures"],
  MapIterationStarted: ["I", "frame", "child", "index", "input"],
  MapIterationEnded: ["IE", "frame", "outcome", "tolerated"],
  ChildrenEnded: ["C", "frame", "outcome"],
  MapRunStarted: ["MR", "frame", "task", "mapRunArn", "plan"],
  MapRunRedriven: ["MV", "frame", "task", "mapRunArn", "redriveCount"],
  MapRunEnded: ["ME", "frame", "task", "outcome", "output", "error", "cause"],
};
type FieldOf<K extends EventKind> = Exclude<keyof Extract<Event, { kind: K }>, "kind">;

/** The fields that hold payloads, in every kind. */
const PAYLOAD_FIELDS: ReadonlySet<string> = new Set(["input", "output", "parameters", "items", "plan"]);
const SLOT_CODES = { output: "o", result: "r" } as const;
const SLOTS: Readonly<Record<string, PayloadRef>> = { o: "output", r: "result" };

interface Format {
  readonly kind: EventKind;
  readonly code: string;
  readonly fields: readonly { readonly name: string; readonly isPayload: boolean }[];
}
const BY_KIND = new Map<EventKind, Format>();
const BY_CODE = new Map<string, Format>();
for (const [name, [code, ...names]] of Object.entries(FORMATS)) {
  const fields = names.map((field) => ({ name: field, isPayload: PAYLOAD_FIELDS.has(field) }));
  const format: Format = { kind: name as EventKind, code, fields };
  assert(!BY_CODE.has(code), `code ${code} twice`);
  BY_KIND.set(format.kind, format);
  BY_CODE.set(code, format);
}

/** The turn's events as text; its time is kept beside it (TurnWrite.atMs). */
export function encodeTurn(turn: JournalTurn): string {
  const rows: unknown[] = [];
  let bodies = "";
  for (const event of turn.events) {
    const { code, fields } = BY_KIND.get(event.kind) as Format;
    const row: unknown[] = [code];
    let used = 1;
    for (const { name, isPayload } of fields) {
      const value = (event as unknown as Record<string, unknown>)[name];
      if (value === undefined) {
        row.push(null);
        continue;
      }
      if (!isPayload) {
        row.push(value);
      } else if (typeof value === "string") {
        row.push(SLOT_CODES[value as keyof typeof SLOT_CODES]);
      } else {
        const { text } = value as Payload;
        bodies += text;
        row.push(text.length);
      }
      used = row.length;
    }
    row.length = used;
    rows.push(row);
  }
  return `${JSON.stringify(rows)}\n${bodies}`;
}

/** The turn that `data` was made from. */
export function decodeTurn(data: string, atMs: number): JournalTurn {
  const end = data.indexOf("\n");
  assert(end > 0, "a turn without a header");
  let position = end + 1;
  const rows = JSON.parse(data.slice(0, end)) as (readonly unknown[])[];
  const events = rows.map((row) => {
    const format = BY_CODE.get(row[0] as string);
    assert(format !== undefined, `unknown event code ${JSON.stringify(row[0])}: written by a newer version?`);
    const event: Record<string, unknown> = { kind: format.kind };
    for (let i = 1; i < row.length; i++) {
      const value = row[i];
      const field = format.fields[i - 1];
      if (value === null || field === undefined) continue;
      if (!field.isPayload) {
        event[field.name] = value;
      } else if (typeof value === "number") {
        event[field.name] = Payload.ofText(data.slice(position, position + value));
        position += value;
      } else {
        event[field.name] = SLOTS[value as string];
      }
    }
    return event as unknown as Event;
  });
  assert(position === data.length, "a turn whose payloads do not add up");
  return { atMs, events };
}
