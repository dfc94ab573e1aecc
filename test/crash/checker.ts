// Holds what clients were answered, the histories, and the ledger of the fake Lambda against the invariants.

import assert from "node:assert/strict";
import type { Receipt } from "./fake-lambda.ts";
import { call } from "./server.ts";
import { WORKLOAD } from "./workload.ts";

export interface Acknowledged {
  readonly executionArn: string;
  readonly startDate: number;
  readonly work: string;
  readonly n: number;
}

interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: number;
  readonly type: string;
  readonly [details: string]: unknown;
}

export async function readHistory(url: string, executionArn: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for (let nextToken: unknown; ; ) {
    const page = await call(url, "GetExecutionHistory", {
      executionArn,
      maxResults: 1000,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    events.push(...(page["events"] as HistoryEvent[]));
    nextToken = page["nextToken"];
    if (nextToken === undefined) return events;
  }
}

/** What was looked at, so that a check of nothing cannot pass for a check. */
export interface Counts {
  executions: number;
  events: number;
  attempts: number;
  receipts: number;
  unknownOutcomes: number;
}

/** Checks every acknowledged execution; returns what it looked at. */
export async function check(
  url: string,
  acknowledged: readonly Acknowledged[],
  ledger: readonly Receipt[],
): Promise<Counts> {
  const counts: Counts = {
    executions: 0,
    events: 0,
    attempts: 0,
    receipts: ledger.length,
    unknownOutcomes: 0,
  };
  const keys = new Map<string, Receipt>();
  for (const receipt of ledger) {
    const { functionName, key } = receipt;
    assert.ok(!keys.has(key), `I10: an attempt was delivered twice: ${functionName} ${key}`);
    keys.set(key, receipt);
  }
  const scheduled = new Set<string>();
  const children: string[] = [];
  for (const { executionArn, startDate, work, n } of acknowledged) {
    const described = await call(url, "DescribeExecution", { executionArn });
    const history = await readHistory(url, executionArn);
    assert.equal(
      described["status"],
      "SUCCEEDED",
      `${executionArn} is ${String(described["status"])}: ${String(described["cause"])}`,
    );
    assert.equal(described["startDate"], startDate, "I22: the acknowledged start time changed");
    const output = JSON.parse(described["output"] as string) as unknown;
    assert.deepEqual(output, WORKLOAD[work]?.output(n), `${executionArn} has another output`);
    checkHistory(executionArn, history, WORKLOAD[work]?.definition as object);
    collect(history, scheduled, children, counts, keys);
    counts.executions += 1;
  }
  for (const executionArn of children) {
    const history = await readHistory(url, executionArn);
    checkHistory(executionArn, history, WORKLOAD["chain"]?.definition as object);
    collect(history, scheduled, [], counts, keys);
  }
  for (const { key, functionName } of ledger) {
    assert.ok(scheduled.has(key), `I11: ${functionName} was called, but no history knows the attempt ${key}`);
  }
  return counts;
}

function collect(
  history: readonly HistoryEvent[],
  scheduled: Set<string>,
  children: string[],
  counts: Counts,
  receipts: ReadonlyMap<string, Receipt>,
): void {
  counts.events += history.length;
  const keyOfEvent = new Map<number, string>();
  for (const event of history) {
    if (event.type === "TaskScheduled") {
      const { parameters } = event["taskScheduledEventDetails"] as { parameters: string };
      const { Payload } = JSON.parse(parameters) as { Payload?: { key: unknown } };
      counts.attempts += 1;
      if (Payload !== undefined) {
        scheduled.add(JSON.stringify(Payload.key));
        keyOfEvent.set(event.id, JSON.stringify(Payload.key));
      }
    } else if (event.type === "TaskStarted" || event.type === "TaskSubmitted") {
      const key = keyOfEvent.get(event.previousEventId);
      if (key !== undefined) keyOfEvent.set(event.id, key);
    }
    if (event.type === "TaskSubmitted") {
      const { output } = event["taskSubmittedEventDetails"] as { output: string };
      const { ExecutionArn } = JSON.parse(output) as { ExecutionArn?: string };
      if (ExecutionArn !== undefined) children.push(ExecutionArn);
    }
    if (event.type === "TaskSucceeded") {
      const { output } = event["taskSucceededEventDetails"] as { output: string };
      const { Payload } = JSON.parse(output) as { Payload?: { nonce?: number } };
      const key = keyOfEvent.get(event.previousEventId);
      if (Payload?.nonce !== undefined && key !== undefined) {
        assert.equal(
          receipts.get(key)?.nonce,
          Payload.nonce,
          "I13: an outcome that this attempt's call did not give",
        );
      }
    }
    if (event.type === "TaskFailed") {
      const { cause } = event["taskFailedEventDetails"] as { cause?: string };
      if (cause?.includes("is not known") === true) counts.unknownOutcomes += 1;
    }
  }
}

const END = /^Execution(Succeeded|Failed|TimedOut|Aborted)$/;

/** The history is gap-free, ends once, is bracketed, and walks along the definition's transitions. */
export function checkHistory(arn: string, history: readonly HistoryEvent[], definition: object): void {
  const next = transitions(definition);
  const byId = new Map(history.map((event) => [event.id, event]));
  let lastTime = 0;
  const open = new Map<string, number>();
  const attempts = new Map<number, string[]>();
  history.forEach((event, i) => {
    const at = `${arn} event ${event.id} ${event.type}`;
    assert.equal(event.id, i + 1, `I1: ${at}: ids have a gap`);
    assert.ok(event.previousEventId < event.id, `I2: ${at} follows a later event`);
    assert.ok(event.timestamp >= lastTime, `I7: ${at}: time goes back`);
    lastTime = event.timestamp;
    assert.equal(END.test(event.type), i === history.length - 1, `I5: ${at}: one end, and it is last`);
    const previous = byId.get(event.previousEventId);
    if (event.type.endsWith("StateEntered")) {
      const { name } = event["stateEnteredEventDetails"] as { name: string };
      open.set(name, (open.get(name) ?? 0) + 1);
      if (previous?.type.endsWith("StateExited") === true) {
        const from = (previous["stateExitedEventDetails"] as { name: string }).name;
        assert.ok(next.get(from)?.has(name) === true, `I3: ${at}: ${from} has no transition to ${name}`);
      } else {
        assert.ok(next.get("")?.has(name) === true, `I3: ${at}: ${name} begins nothing`);
      }
    } else if (event.type.endsWith("StateExited")) {
      const { name } = event["stateExitedEventDetails"] as { name: string };
      const count = (open.get(name) ?? 0) - 1;
      assert.ok(count >= 0, `I8: ${at}: left without being entered`);
      open.set(name, count);
    } else if (event.type === "TaskScheduled") {
      attempts.set(event.id, []);
    } else if (/^Task(Started|Submitted|Succeeded|Failed|TimedOut)$/.test(event.type)) {
      // Follow the chain back to the attempt.
      let root = previous;
      while (root !== undefined && root.type !== "TaskScheduled") root = byId.get(root.previousEventId);
      assert.ok(root !== undefined, `I12: ${at} belongs to no attempt`);
      attempts.get(root.id)?.push(event.type);
    }
  });
  for (const [name, count] of open) assert.equal(count, 0, `I8: ${arn}: ${name} was not left`);
  for (const [id, kinds] of attempts) {
    const outcomes = kinds.filter((kind) => /Succeeded|Failed|TimedOut/.test(kind));
    assert.equal(outcomes.length, 1, `I12: ${arn}: attempt ${id} has outcomes ${kinds.join(", ")}`);
    assert.ok(
      kinds.filter((kind) => kind === "TaskStarted").length <= 1,
      `I9: ${arn}: attempt ${id} started twice`,
    );
  }
}

/** State -> the states it may go to; "" -> the states that begin a block. */
function transitions(definition: object): Map<string, Set<string>> {
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
