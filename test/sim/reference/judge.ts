// Whether a history is a valid path of its definition (invariant I3): the reference interpreter's one question.
//
// Given the definition, the input and a history, it goes along the history and says where it first could not have been.
// Outcomes of tasks and the moments of external things are taken from the history; all that follows from them is
// computed. A history of an execution that still runs must stop between turns.

import { type Block, Failure, type Frame, type World } from "./frames.ts";
import { runBlock } from "./states.ts";
import {
  begin,
  checkTaken,
  Disagreement,
  give,
  isWanted,
  type RecordedEvent,
  type Running,
  type Want,
  where,
} from "./threads.ts";
import { show, type Value } from "./values.ts";
import { agree, same } from "./visit.ts";

export { Disagreement, type RecordedEvent } from "./threads.ts";

export interface Told {
  readonly definition: unknown;
  /** The text that the execution was started with. */
  readonly input: string;
  readonly executionArn: string;
  readonly name: string;
  readonly roleArn: string;
  readonly stateMachineArn: string;
  readonly limits: {
    readonly payloadBytes: number;
    readonly variableBytes: number;
    readonly historyEvents: number;
    readonly mapConcurrency: number;
    readonly executionSeconds: number;
  };
  /** How late timers may be; absent: as late as they like (there were outages). */
  readonly latenessMs?: number;
}

/** How many events were judged. @throws Disagreement */
export function judge(told: Told, events: readonly RecordedEvent[]): number {
  const [started, ...rest] = events;
  if (started?.type !== "ExecutionStarted") throw new Disagreement("the history begins with another event");
  same(started, "input", told.input);
  const block = told.definition as Block & { readonly TimeoutSeconds?: number };
  const root = rootFrame(told, started);
  const main = new Main(runBlock(block, JSON.parse(told.input) as Value, root), root);
  rest.forEach((event, i) => {
    const isLast = i === rest.length - 1;
    if (isLast && endsFromOutside(told, block.TimeoutSeconds, started, event)) return main.stop();
    main.take(event);
  });
  main.checkRest(rest.at(-1) ?? started);
  return events.length;
}

function rootFrame(told: Told, started: RecordedEvent): Frame {
  const { executionArn, name, roleArn, stateMachineArn, limits, latenessMs } = told;
  const world: World = {
    execution: {
      Id: executionArn,
      Input: JSON.parse(told.input) as Value,
      StartTime: new Date(started.timestampMs).toISOString(),
      Name: name,
      RoleArn: roleArn,
      RedriveCount: 0,
    },
    stateMachine: { Id: stateMachineArn, Name: stateMachineArn.split(":").at(-1) as string },
    queryLanguage: (told.definition as { readonly QueryLanguage?: string }).QueryLanguage ?? "JSONPath",
    payloadBytes: limits.payloadBytes,
    variableBytes: limits.variableBytes,
    mapConcurrency: limits.mapConcurrency,
    latenessMs,
  };
  return {
    world,
    parent: undefined,
    item: undefined,
    variables: new Map(),
    open: undefined,
    type: "",
    lastOwnEvent: 0,
    cursor: 0,
    nowMs: started.timestampMs,
  };
}

/** Ends that may come at any moment: a stop, the execution's own time-out, a history that is full. */
function endsFromOutside(
  told: Told,
  timeoutSeconds: number | undefined,
  started: RecordedEvent,
  event: RecordedEvent,
): boolean {
  if (event.type === "ExecutionAborted" && event.previousEventId === 0) return true;
  if (event.type === "ExecutionTimedOut" && event.previousEventId === 0) {
    const dueMs =
      started.timestampMs +
      Math.min(timeoutSeconds ?? Number.POSITIVE_INFINITY, told.limits.executionSeconds) * 1000;
    // I19: exactly then, however late it was noticed; only an event that was later already can be before it.
    if (event.timestampMs !== dueMs) throw new Disagreement(`${where(event)}: not at its deadline ${dueMs}`);
    return true;
  }
  return (
    event.id === told.limits.historyEvents &&
    event.type === "ExecutionFailed" &&
    event.details?.["error"] === "States.Runtime" &&
    String(event.details["cause"]).startsWith("The execution reached the maximum number of history events")
  );
}

/** The root thread and the end of the execution. */
class Main {
  readonly #root: Frame;
  #running: Running<Value> | undefined;
  #end: Want | undefined;
  #isOver = false;

  constructor(thread: ReturnType<typeof runBlock>, root: Frame) {
    this.#root = root;
    this.#running = begin(thread);
  }

  take(event: RecordedEvent): void {
    if (this.#isOver) throw new Disagreement(`${where(event)}: after the end`);
    const wants = this.#wants();
    const want = wants.find((each) => isWanted(each, event));
    if (want === undefined)
      throw new Disagreement(`${where(event)}: expected ${wants.map(shown).join(" or ")}`);
    checkTaken({ want, event });
    if (want === this.#end) {
      this.#isOver = true;
      return;
    }
    const running = this.#running as Running<Value>;
    try {
      give(running, { want, event });
      if (running.state === "done") this.#expectSuccess(running.result as Value);
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      this.#expectFailure(problem);
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  /** A history that goes on must not stop within a turn. */
  checkRest(last: RecordedEvent): void {
    if (this.#isOver) return;
    const due = this.#wants().find(({ fromMs, toMs }) => fromMs === toMs);
    if (due !== undefined)
      throw new Disagreement(
        `the history stops after ${where(last)}, where ${shown(due)} belongs to the turn`,
      );
  }

  #wants(): readonly Want[] {
    return this.#end === undefined ? (this.#running?.wants ?? []) : [this.#end];
  }

  #expectSuccess(output: Value): void {
    const { cursor, nowMs } = this.#root;
    this.#end = {
      types: ["ExecutionSucceeded"],
      previous: cursor,
      fromMs: nowMs,
      toMs: nowMs,
      check: (event) => {
        agree(event, "output", output);
      },
    };
  }

  #expectFailure({ error, reason, cursor, atMs }: Failure): void {
    this.#end = {
      types: ["ExecutionFailed"],
      previous: cursor,
      fromMs: atMs,
      toMs: atMs,
      check: (event) => {
        same(event, "error", error);
        same(event, "cause", reason);
      },
    };
  }
}

function shown({ types, previous, marks }: Want): string {
  return `${types.join("/")}<-${previous}${marks === undefined ? "" : ` ${show(marks)}`}`;
}
