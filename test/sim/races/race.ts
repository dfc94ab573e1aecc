// What the races share: machines, tasks in the hands of workers, and what every execution must look like at its end.

import { type Json, Payload } from "../../../src/base/json.ts";
import type { Execution } from "../../../src/engine/index.ts";
import type { HistoryEvent } from "../../../src/engine/history.ts";
import type { StateMachine } from "../../../src/runtime/index.ts";
import type { ExecutionRow } from "../../../src/store/store.ts";
import { Violation } from "../checker/evidence.ts";
import { BEGIN_MS, REGION_ACCOUNT, ROLE } from "../generate/definition.ts";
import type { Arena, Call } from "./arena.ts";

/** One kind of race. `play` runs it once, throws a Violation, and says which way it went. */
export interface Race {
  readonly name: string;
  /** The invariants that it holds. */
  readonly invariants: string;
  /** The ways it can go, each of which must be seen in a long run. */
  readonly ways: readonly string[];
  readonly play: (arena: Arena) => Promise<string>;
}

export const MACHINE: string = `arn:aws:states:${REGION_ACCOUNT}:stateMachine:race`;
export const ACTIVITY: string = `arn:aws:states:${REGION_ACCOUNT}:activity:race`;

/** Within this the callers arrive: about as long as a turn takes. */
const RUSH_MS = 12;

/** When a caller arrives. */
export const soon = ({ chance }: Arena): number => chance.from(0, RUSH_MS);

/** In a third of the races the process dies somewhere in them. */
export function perhapsCrash(arena: Arena): boolean {
  const isCrashing = arena.chance.likely(0.33);
  if (isCrashing) arena.crash(arena.chance.from(1, RUSH_MS + 8));
  return isCrashing;
}

/** One task, done by a worker. */
export const ONE_TASK: Json = {
  StartAt: "Work",
  States: { Work: { Type: "Task", Resource: ACTIVITY, End: true } },
};

/** One task done by a worker, and then the mark as output. */
export const marked = (mark: number): Json => ({
  StartAt: "Work",
  States: {
    Work: { Type: "Task", Resource: ACTIVITY, Next: "Mark" },
    Mark: { Type: "Pass", Result: mark, End: true },
  },
});

/** Of the text of a definition. */
export function markOf(definition: string): number {
  const { States } = JSON.parse(definition) as { States: { Mark: { Result: number } } };
  return States.Mark.Result;
}

export const payload = (value: Json): Payload => Payload.ofValue(value);

export function check(invariant: string, holds: boolean, what: () => string): void {
  if (!holds) throw new Violation(invariant, what());
}

export async function createMachine(
  arena: Arena,
  definition: Json,
  type: "STANDARD" | "EXPRESS" = "STANDARD",
): Promise<StateMachine> {
  const machine: StateMachine = {
    arn: MACHINE,
    name: "race",
    type,
    status: "ACTIVE",
    createdAtMs: BEGIN_MS,
    updated: false,
    revision: {
      revisionId: "revision-0",
      stateMachineArn: MACHINE,
      createdAtMs: BEGIN_MS,
      definition: JSON.stringify(definition),
      roleArn: ROLE,
      loggingConfiguration: {},
      tracingConfiguration: {},
      encryptionConfiguration: {},
    },
  };
  await createActivity(arena);
  await arena.ask((runtime) => runtime.catalog.createStateMachine(machine, []));
  return machine;
}

export async function createActivity(arena: Arena): Promise<void> {
  const activity = { arn: ACTIVITY, name: "race", createdAtMs: BEGIN_MS, encryptionConfiguration: {} };
  await arena.ask((runtime) => runtime.catalog.createActivity(activity, []));
}

/** Makes `definition` the machine's, as revision `revisionId`. */
export function revised(definition: Json, revisionId: string): (machine: StateMachine) => StateMachine {
  return (machine) => ({
    ...machine,
    updated: true,
    revision: { ...machine.revision, revisionId, definition: JSON.stringify(definition) },
  });
}

export async function start(arena: Arena, machine: StateMachine, name: string): Promise<string> {
  const { executionArn } = await arena.ask((runtime) =>
    runtime.executions.start({ machine, name, input: payload({}) }),
  );
  return executionArn;
}

/** A worker is handed the next task. */
export async function poll(arena: Arena): Promise<string> {
  const { signal } = new AbortController();
  const task = await arena.ask((runtime) => runtime.tasks.poll(ACTIVITY, "w", signal));
  check("I20", task !== undefined, () => "no task was handed out");
  return (task as { readonly taskToken: string }).taskToken;
}

export interface Seen {
  readonly row: ExecutionRow;
  readonly execution: Execution;
  readonly events: readonly HistoryEvent[];
}

const ENDS: Readonly<Record<string, string>> = {
  ExecutionSucceeded: "SUCCEEDED",
  ExecutionFailed: "FAILED",
  ExecutionTimedOut: "TIMED_OUT",
  ExecutionAborted: "ABORTED",
};

/** The execution as clients read it, held against what is so of every one (I1, I5, I6, I7, I27). */
export async function look(arena: Arena, arn: string): Promise<Seen> {
  const found = await arena.ask((runtime) => runtime.executions.describe(arn));
  const told = await arena.ask((runtime) =>
    runtime.executions.history(arn, { reverse: false, limit: 1_000, offset: 0 }),
  );
  if (found === undefined || told === undefined) throw new Violation("I22", `${arn} is gone`);
  const { events } = told;
  const types = events.map(({ type }) => type);
  const shown = (): string => types.join(" ");
  check("I1", types[0] === "ExecutionStarted" && events.every(({ id }, i) => id === i + 1), shown);
  check(
    "I7",
    events.every((event, i) => event.timestampMs >= (events[i - 1]?.timestampMs ?? 0)),
    shown,
  );
  types.forEach((type, i) => {
    const isLast = i === types.length - 1;
    if (type in ENDS) check("I5", isLast || types[i + 1] === "ExecutionRedriven", shown);
    if (type === "ExecutionRedriven") check("I5", (types[i - 1] ?? "") in ENDS, shown);
  });
  const { row, execution } = found;
  const status = ENDS[types.at(-1) ?? ""] ?? "RUNNING";
  check("I6", execution.status === status, () => `${execution.status} after ${shown()}`);
  check("I6", row.status === status, () => `the row says ${row.status} after ${shown()}`);
  check("I6", (row.stoppedAtMs === undefined) === (status === "RUNNING"), shown);
  const redriven = types.filter((type) => type === "ExecutionRedriven").length;
  check("I27", (row.redrive?.count ?? 0) === redriven, () => `count ${row.redrive?.count} of ${shown()}`);
  return { row, execution, events };
}

export const isOk = <T>(call: Call<T>): boolean => call.answer?.kind === "ok";
export const isLost = <T>(call: Call<T>): boolean => call.answer?.kind === "lost";
export const codeOf = <T>(call: Call<T>): string | undefined =>
  call.answer?.kind === "error" ? call.answer.code : undefined;
/** Of a call that was answered with success. */
export function valueOf<T>(call: Call<T>): T {
  if (call.answer?.kind !== "ok") throw new Error(`answered ${call.answer?.kind ?? "never"}`);
  return call.answer.value;
}

/** Refused, and with nothing but these codes. */
export function checkRefusals<T>(
  invariant: string,
  calls: readonly Call<T>[],
  codes: readonly string[],
): void {
  for (const call of calls) {
    const code = codeOf(call);
    check(invariant, code === undefined || codes.includes(code), () => `refused with ${code}`);
  }
}
