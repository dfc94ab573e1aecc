// Plays an execution without a runtime: a script answers its tasks, time moves when nothing else can.
//
// After every turn the journal so far is encoded, decoded and folded again, and must give the same execution
// (D3, C1); the history told from it must begin with what was told before (H2).

import assert from "node:assert/strict";
import { parse } from "../../src/asl/index.ts";
import type { Program } from "../../src/asl/ast.ts";
import { Payload } from "../../src/base/json.ts";
import {
  applyTurn,
  type CallTask,
  type Command,
  decide,
  decodeTurn,
  encodeTurn,
  type Execution,
  type Frame,
  type HistoryEvent,
  type Input,
  type JournalTurn,
  type Limits,
  type MapRunOutcome,
  nextWakeAt,
  projectHistory,
  SERVICE_LIMITS,
  type TaskId,
} from "../../src/engine/index.ts";

/** How a task ends: what is left undefined stays open. */
export type Answer =
  | { readonly output: unknown }
  | {
      readonly error?: string;
      readonly cause?: string;
      readonly phase?: "schedule" | "start" | "submit" | "run";
    };

/** null leaves it open. */
export type MapRunAnswer =
  | { readonly output: unknown }
  | { readonly error: string; readonly cause: string }
  | { readonly tooLarge: true }
  | null;

export interface Play {
  readonly definition: unknown;
  readonly input?: unknown;
  /** Answers the n-th hand-over (from 0); undefined leaves it open. */
  readonly answer?: (call: CallTask, n: number) => Answer | undefined;
  /** How the n-th Map Run ends (from 0; a redrive begins another). */
  readonly mapRuns?: readonly MapRunAnswer[];
  readonly limits?: Partial<Limits>;
  /** How often it is redriven when it has ended without success, a second after its end. */
  readonly redrives?: number;
  /** Called when nothing moves but time; may return an input to be taken instead of moving time. */
  readonly meanwhile?: (execution: Execution, nowMs: number) => Distributed<Input> | undefined;
}
type Distributed<I> = I extends Input ? Omit<I, "nowMs" | "seed"> : never;

export interface Played {
  readonly execution: Execution;
  readonly history: readonly HistoryEvent[];
  readonly turns: readonly JournalTurn[];
  readonly commands: readonly Command[];
}

export const STARTED_AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

export function compile(definition: unknown): Program {
  const { program, diagnostics } = parse(JSON.stringify(definition));
  assert.ok(program, JSON.stringify(diagnostics, null, 1));
  return program;
}

/** Runs the execution to its end. Fails if it can never end. */
export function play({
  definition,
  input = {},
  answer,
  mapRuns,
  limits,
  redrives = 0,
  meanwhile,
}: Play): Played {
  const program = compile(definition);
  const environment = {
    limits: { ...SERVICE_LIMITS, ...limits },
    taskToken: (arn: string, task: number) => `token of ${arn} ${task}`,
    activityExists: () => true,
    admit: 1_000,
  };
  const turns: JournalTurn[] = [];
  const commands: Command[] = [];
  const waiting: CallTask[] = [];
  const begun: TaskId[] = [];
  const ends = [...(mapRuns ?? [])];
  let told: readonly HistoryEvent[] = [];
  let execution: Execution | undefined;
  let nowMs = STARTED_AT_MS;
  let calls = 0;
  let seed = 1;

  const take = (next: Distributed<Input>): void => {
    seed += 1;
    const arrival = { ...next, nowMs, seed: [seed, seed * 7919, seed ^ 0x5bd1e995, 17] } as Input;
    const decision = decide(program, execution, arrival, environment);
    execution = decision.execution;
    if (decision.turn === undefined) return;
    turns.push(decision.turn);
    commands.push(...decision.commands);
    for (const command of decision.commands) {
      if (command.kind === "CallTask") waiting.push(command);
      if (command.kind === "StartMapRun") begun.push(command.task);
    }
    told = checkReplay(execution, turns, told);
  };

  take({
    kind: "Start",
    executionArn: "arn:aws:states:us-east-1:123456789012:execution:Machine:run",
    stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:Machine",
    name: "run",
    roleArn: "arn:aws:iam::123456789012:role/Role",
    revisionId: "revision",
    input: Payload.ofText(JSON.stringify(input)),
  });
  let redriven = 0;
  for (let steps = 0; ; steps++) {
    assert.ok(steps < 100_000, "the execution does not end");
    const current = execution as unknown as Execution;
    if (current.status !== "RUNNING") {
      if (current.status === "SUCCEEDED" || redriven === redrives) break;
      redriven += 1;
      waiting.length = 0;
      begun.length = 0;
      nowMs += 1000;
      take({ kind: "Redrive" });
      continue;
    }
    const call = waiting.shift();
    if (call !== undefined) {
      const given = answer?.(call, calls++);
      if (given === undefined) continue;
      nowMs += 1;
      if ("output" in given) {
        take({
          kind: "TaskSucceeded",
          task: call.task,
          output: Payload.ofText(JSON.stringify(given.output)),
        });
      } else {
        take({ kind: "TaskFailed", task: call.task, phase: "run", ...given });
      }
      continue;
    }
    const mapRun = begun.shift();
    if (mapRun !== undefined) {
      const end = ends.shift() ?? null;
      if (end !== null) {
        nowMs += 1;
        take({ kind: "MapRunEnded", task: mapRun, outcome: outcomeOf(end) });
      }
      continue;
    }
    const other = meanwhile?.(current, nowMs);
    if (other !== undefined) {
      take(other);
      continue;
    }
    const wakeAtMs = nextWakeAt(current);
    assert.ok(wakeAtMs !== undefined, "the execution waits for something that never comes");
    nowMs = Math.max(nowMs, wakeAtMs);
    take({ kind: "TimeReached" });
  }
  return { execution: execution as unknown as Execution, history: told, turns, commands };
}

function outcomeOf(end: NonNullable<MapRunAnswer>): MapRunOutcome {
  if ("output" in end) return { kind: "succeeded", output: Payload.ofText(JSON.stringify(end.output)) };
  return "error" in end ? { kind: "failed", ...end } : { kind: "tooLarge" };
}

function checkReplay(
  execution: Execution,
  turns: readonly JournalTurn[],
  told: readonly HistoryEvent[],
): readonly HistoryEvent[] {
  const stored = turns.map((turn) => decodeTurn(encodeTurn(turn), turn.atMs));
  let again: Execution | undefined;
  for (const turn of stored) again = applyTurn(again, turn);
  assert.deepEqual(snapshot(again as Execution), snapshot(execution), "a replayed execution differs");
  const history = projectHistory(stored);
  assert.deepEqual(history.slice(0, told.length), told, "a history was changed after it was told");
  history.forEach(({ id, previousEventId }, i) => {
    assert.equal(id, i + 1, "history ids have a gap");
    assert.ok(previousEventId < id, "an event follows a later one");
  });
  return history;
}

/** The execution as plain data: payloads as texts, frames without their links upwards. */
export function snapshot(execution: Execution): unknown {
  return JSON.parse(
    JSON.stringify(execution, (key, value: unknown) => {
      if (value instanceof Payload) return { payload: value.text };
      if (key === "parent") return (value as { id: number } | undefined)?.id;
      // What a failure gave up is no frame of the execution: it is shown where it is kept.
      if (key === "children" && value instanceof Map) {
        const isKept = (id: number): boolean => execution.frames.has(id);
        return [...(value as Map<number, Frame>).values()].map((each) => (isKept(each.id) ? each.id : each));
      }
      if (key === "tasks")
        return [...(value as Map<number, { id: number }>)].map(([task, { id }]) => [task, id]);
      if (value instanceof Map) return [...(value as Map<unknown, unknown>)];
      return value;
    }),
  );
}

/** A history as lines: `5<-4 TaskSucceeded {"output":"1"}`. */
export function lines(history: readonly HistoryEvent[]): string[] {
  const plain = new Set(["inputDetails", "outputDetails", "assignedVariablesDetails", "roleArn"]);
  return history.map(({ id, previousEventId, type, details, timestampMs }) => {
    const members = Object.entries(details ?? {}).filter(([name]) => !plain.has(name));
    const after = timestampMs - STARTED_AT_MS;
    const shown = members.length === 0 ? "" : ` ${JSON.stringify(Object.fromEntries(members))}`;
    return `${id}<-${previousEventId} +${after} ${type}${shown}`;
  });
}
