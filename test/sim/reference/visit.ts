// What one visit of a state reads and says: its expressions, its handlers' rules, the members of its events.

import { fillTemplate, NoSuchValue, readPath, selectBy, type Sight } from "./expressions.ts";
import { Failure, type Fields, type Frame, type Visit, type World } from "./frames.ts";
import { Disagreement, type RecordedEvent, type Want, where } from "./threads.ts";
import { fits, isRecord, show, Unknown, type Value } from "./values.ts";

export function sightOf(visit: Visit, data: Value): Sight {
  const { frame, name, entered, type } = visit;
  const withRetries = type === "Task" || type === "Parallel" || type === "Map";
  let item: Frame["item"];
  for (let inner: Frame | undefined = frame; inner !== undefined && item === undefined; inner = inner.parent)
    item = inner.item;
  const state: Fields = {
    Name: name,
    EnteredTime: new Date(entered.timestampMs).toISOString(),
    ...(withRetries ? { RetryCount: visit.retries } : {}),
  };
  const resource = visit.fields["Resource"];
  const byToken = typeof resource === "string" && resource.endsWith(".waitForTaskToken");
  return {
    data,
    context: {
      Execution: frame.world.execution,
      StateMachine: frame.world.stateMachine,
      State: state,
      ...(item === undefined ? {} : { Map: { Item: { Index: item.index, Value: item.value } } }),
      ...(byToken ? { Task: { Token: new Unknown("token") } } : {}),
    },
    variable: (wanted) => {
      for (let inner: Frame | undefined = frame; inner !== undefined; inner = inner.parent) {
        const value = inner.variables.get(wanted);
        if (value !== undefined) return value;
      }
      return undefined;
    },
  };
}

/** What the service puts before the reasons of its own. */
export function prefixOf({ name, entered }: Visit): string {
  return `An error occurred while executing the state '${name}' (entered at the event id #${entered.id}). `;
}

export function fill(visit: Visit, template: Value, data: Value): Value {
  return guarded(visit, () => fillTemplate(template, sightOf(visit, data)));
}

export function select(visit: Visit, field: string, data: Value): Value {
  return guarded(visit, () => selectBy(visit.fields[field], sightOf(visit, data)));
}

/** A path that leads nowhere ends the execution as States.Runtime. */
export function guarded<T>(visit: Visit, evaluate: () => T): T {
  try {
    return evaluate();
  } catch (problem) {
    if (problem instanceof NoSuchValue)
      throw new Failure("States.Runtime", new Unknown("words"), visit.frame);
    throw problem;
  }
}

export function waitsUntil(visit: Visit, effective: Value): number {
  const { fields, frame } = visit;
  if (fields["Seconds"] !== undefined) return frame.nowMs + (fields["Seconds"] as number) * 1000;
  if (fields["SecondsPath"] !== undefined) {
    return (
      frame.nowMs + (readPath(fields["SecondsPath"] as string, sightOf(visit, effective)) as number) * 1000
    );
  }
  const text = fields["Timestamp"] ?? readPath(fields["TimestampPath"] as string, sightOf(visit, effective));
  return Date.parse(text as string);
}

export function latest(world: World, dueMs: number): Pick<Want, "toMs"> {
  return world.latenessMs === undefined ? {} : { toMs: dueMs + world.latenessMs };
}

/** Milliseconds before the next try: the least and the most. Spec: #retrying-after-error */
export function delayMs(retrier: Fields, used: number): readonly [number, number] {
  const interval = (retrier["IntervalSeconds"] ?? 1) as number;
  const rate = (retrier["BackoffRate"] ?? 2) as number;
  const cap = (retrier["MaxDelaySeconds"] ?? Number.POSITIVE_INFINITY) as number;
  const seconds = Math.min(interval * rate ** used, cap);
  const most = Math.ceil(seconds * 1000);
  return [retrier["JitterStrategy"] === "FULL" ? 0 : Math.floor(seconds * 1000), most];
}

/** Whether a Retrier or Catcher is for this failure. Spec: #errors */
export function matches(handler: Fields, { error }: Failure): boolean {
  if (error === "States.Runtime") return false;
  return (handler["ErrorEquals"] as readonly string[]).some((name) => {
    if (name === error) return true;
    // Also States.DataLimitExceeded of a task: the guide says otherwise, the recordings of the service do not.
    if (name === "States.ALL") return true;
    return name === "States.TaskFailed" && error !== "States.Timeout";
  });
}

// What an event says.

export function parsed(event: RecordedEvent, member: string): Value {
  return JSON.parse(event.details?.[member] as string) as Value;
}

/** The member holds the text of this value. */
export function agree(event: RecordedEvent, member: string, expected: Value): void {
  const text = event.details?.[member];
  if (typeof text !== "string" || !fits(expected, JSON.parse(text) as Value))
    throw new Disagreement(`${where(event)}: ${member} should be ${show(expected)}`);
}

export function same(event: RecordedEvent, member: string, expected: unknown): void {
  const recorded = event.details?.[member];
  const isSame = expected instanceof Unknown ? expected.allows(recorded as Value) : recorded === expected;
  if (!isSame) throw new Disagreement(`${where(event)}: ${member} should be ${show(expected)}`);
}

/** Where nothing is assigned, nothing is said of it. */
export function agreeOnVariables(event: RecordedEvent, given: Fields | undefined): void {
  const assigned = given === undefined || Object.keys(given).length === 0 ? undefined : given;
  const recorded = event.details?.["assignedVariables"];
  if (assigned === undefined ? recorded !== undefined : !isRecord(recorded as Value))
    throw new Disagreement(`${where(event)}: assigned should be ${show(assigned)}`);
  if (assigned === undefined) return;
  const values = Object.fromEntries(
    Object.entries(recorded as { readonly [name: string]: string }).map(([name, text]) => [
      name,
      JSON.parse(text) as Value,
    ]),
  );
  if (!fits(assigned, values))
    throw new Disagreement(`${where(event)}: assigned should be ${show(assigned)}`);
}

export function byteLength(text: unknown): number {
  return typeof text === "string" ? Buffer.byteLength(text) : 0;
}
