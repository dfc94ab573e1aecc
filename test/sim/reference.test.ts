// The reference interpreter against the engine: they agree on what happened, and it notices what did not.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEvent } from "../../src/engine/index.ts";
import { play } from "../engine/player.ts";
import { Chance } from "./generate/chance.ts";
import { LANGUAGES, type Language, randomDefinition, randomInput } from "./generate/definition.ts";
import { Disagreement, judge, type RecordedEvent } from "./reference/judge.ts";

/** What a history may suffer: returns the changed one, or undefined if it has nothing to change. */
const TAMPERINGS: Readonly<
  Record<string, (events: readonly RecordedEvent[]) => readonly RecordedEvent[] | undefined>
> = {
  "an event is missing": (events) => (events.length < 4 ? undefined : renumbered(events.toSpliced(2, 1))),
  "an event is told twice": (events) => renumbered(events.toSpliced(2, 0, events[2] as RecordedEvent)),
  "the last event of a turn is missing": (events) =>
    events.at(-1)?.type === "ExecutionTimedOut" ? undefined : events.slice(0, -1),
  "an output is another": (events) =>
    changed(events, /Exited$/u, (event) => ({ details: { ...event.details, output: '"changed"' } })),
  "an input is another": (events) =>
    changed(events, /StateEntered$/u, (event) => ({ details: { ...event.details, input: '"changed"' } })),
  "a task gets other parameters": (events) =>
    changed(events, /^TaskScheduled$/u, (event) => ({ details: { ...event.details, parameters: "{}" } })),
  "a timer is a millisecond early": (events) =>
    changed(events, /^WaitStateExited$/u, (event) => ({ timestampMs: event.timestampMs - 1 })),
  "a task times out early": (events) =>
    changed(events, /TimedOut$/u, (event) =>
      event.type === "ExecutionTimedOut" ? undefined : { timestampMs: event.timestampMs - 1 },
    ),
  "a variable is not assigned": (events) =>
    changed(events, /Exited$/u, ({ details }) =>
      details?.["assignedVariables"] === undefined
        ? undefined
        : { details: { ...details, assignedVariables: {} } },
    ),
  "an expression fails for another reason": (events) =>
    changed(events, /^EvaluationFailed$/u, ({ details }) => ({
      details: { ...details, cause: String(details?.["cause"]).replace("#", "#1") },
    })),
  "an expression fails elsewhere": (events) =>
    changed(events, /^EvaluationFailed$/u, ({ details }) => ({
      details: { ...details, location: "Output/elsewhere" },
    })),
  "a failed expression is not told": (events) => {
    const at = events.findIndex(({ type }) => type === "EvaluationFailed");
    return at < 0 || at === events.length - 1 ? undefined : renumbered(events.toSpliced(at, 1));
  },
  "a failed expression follows its state's entry": (events) =>
    changed(events, /^EvaluationFailed$/u, ({ id, previousEventId }) =>
      previousEventId === id - 1 ? undefined : { previousEventId: id - 1 },
    ),
  "a variable gets another value": (events) =>
    changed(events, /Exited$/u, ({ details }) => {
      const assigned = details?.["assignedVariables"] as { readonly [name: string]: string } | undefined;
      const [name] = Object.keys(assigned ?? {});
      if (name === undefined) return undefined;
      return { details: { ...details, assignedVariables: { ...assigned, [name]: '"another"' } } };
    }),
  "an event follows another one": (events) =>
    changed(events, /(?:Exited|Started|Scheduled)$/u, ({ previousEventId }) =>
      previousEventId === 0 ? undefined : { previousEventId: previousEventId - 1 },
    ),
  "a failure ends the execution that was caught": (events) =>
    events.at(-1)?.type === "ExecutionSucceeded"
      ? [...events.slice(0, -1), { ...(events.at(-1) as RecordedEvent), type: "ExecutionFailed" }]
      : undefined,
};

const RUNS = 400;
const ARN = "arn:aws:states:us-east-1:123456789012";

function histories(count: number): {
  readonly definition: unknown;
  readonly input: string;
  readonly history: readonly HistoryEvent[];
}[] {
  return Array.from({ length: count }, (_, seed) => {
    const chance = new Chance(seed, "reference");
    const definition = randomDefinition(chance, {
      children: [`${ARN}:stateMachine:leaf`],
      size: 6,
      language: LANGUAGES[seed % LANGUAGES.length] as Language,
    });
    const input = JSON.stringify(JSON.parse(randomInput(chance)));
    const { history } = play({
      definition,
      input: JSON.parse(input),
      answer: ({ timeoutAtMs }) => {
        const roll = chance.next();
        if (roll < 0.6) return { output: { ok: chance.from(0, 99), Payload: 3, ExecutionArn: "x" } };
        if (roll < 0.75) return { error: "Busy", cause: "busy" };
        if (roll < 0.85) return { error: "Broken" };
        // Open until its time-out, if it has one.
        return roll < 0.9 || timeoutAtMs === undefined ? {} : undefined;
      },
    });
    return { definition, input, history };
  });
}

const told = (definition: unknown, input: string): Parameters<typeof judge>[0] => ({
  definition,
  input,
  executionArn: `${ARN}:execution:Machine:run`,
  name: "run",
  roleArn: "arn:aws:iam::123456789012:role/Role",
  stateMachineArn: `${ARN}:stateMachine:Machine`,
  limits: {
    payloadBytes: 262_144,
    variableBytes: 262_144,
    historyEvents: 25_000,
    mapConcurrency: 40,
    executionSeconds: 31_536_000,
  },
  latenessMs: 0,
});

test(`the engine and the reference interpreter agree on ${RUNS} random executions`, () => {
  let events = 0;
  const types = new Set<string>();
  for (const { definition, input, history } of histories(RUNS)) {
    try {
      judge(told(definition, input), history);
    } catch (problem) {
      throw new Error(JSON.stringify(definition), { cause: problem });
    }
    events += history.length;
    for (const { type } of history) types.add(type);
  }
  assert.ok(events > RUNS * 10, `only ${events} events`);
  assert.ok(types.size > 40, `only ${types.size} types of events`);
  assert.ok(types.has("EvaluationFailed"), "no expression failed");
});

test("the reference interpreter notices every tampering", () => {
  const noticed = new Map<string, number>();
  const missed: string[] = [];
  for (const { definition, input, history } of histories(200)) {
    for (const [name, tamper] of Object.entries(TAMPERINGS)) {
      const events = tamper(history);
      if (events === undefined) continue;
      try {
        judge(told(definition, input), events);
        missed.push(`${name}: ${JSON.stringify(events).slice(-2_000)}`);
      } catch (problem) {
        assert.ok(problem instanceof Disagreement, String(problem));
        noticed.set(name, (noticed.get(name) ?? 0) + 1);
      }
    }
  }
  assert.deepEqual(missed, []);
  assert.deepEqual([...noticed.keys()].toSorted(), Object.keys(TAMPERINGS).toSorted());
});

/** The first event of this type, changed; undefined if there is none. */
function changed(
  events: readonly RecordedEvent[],
  type: RegExp,
  change: (event: RecordedEvent) => Partial<RecordedEvent> | undefined,
): readonly RecordedEvent[] | undefined {
  for (const [i, event] of events.entries()) {
    const changes = type.test(event.type) ? change(event) : undefined;
    if (changes !== undefined) return events.with(i, { ...event, ...changes });
  }
  return undefined;
}

/** Ids without a gap, as they would be told. */
function renumbered(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
  return events.map((event, i) => ({ ...event, id: i + 1 }));
}
