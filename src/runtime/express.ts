// Express executions: the same engine, with a journal in memory.
//
// Knows:          the executions that run now, those that ended lately, whom to tell.
// Does not know:  the store's journal, requests, what a state means.
//
// Invariants
//   X1. Synchronous: at most once. Nothing of it is stored; if the process ends, its caller has no answer.
//   X2. Asynchronous: at least once. `start` resolves after the accepted start is durable (express-starts.ts); after a
//       crash it runs again from its beginning, under the same ARN.
//   X3. An input is decided when it arrives, and its commands are carried out at once: there is no commit to wait for.
//   X4. What ended is kept for reading while it fits (`keptChars`); the newest push out the oldest. Children of Map Runs
//       that succeeded are not: their Map Run has what came of them.
//   X5. A throw of `decide` is a bug of ours: that execution fails with it, the others go on.
//
// Spec: "Standard and Express workflow types" of the developer guide.

import type { Log } from "../base/log.ts";
import { assert } from "../base/assert.ts";
import { Random } from "../base/random.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Program } from "../asl/index.ts";
import {
  decide,
  type DecideEnvironment,
  type Execution,
  type Input,
  type JournalTurn,
  type Limits,
  nextWakeAt,
  projectHistory,
} from "../engine/index.ts";
import type { Command } from "../engine/commands.ts";
import type { Event, ExecutionStarted } from "../engine/events.ts";
import { Payload } from "../base/json.ts";
import type { Clock } from "./clock.ts";
import { type Dispatcher, wellFormed } from "./dispatch.ts";
import type { AcceptedStart, ExpressStarts } from "./express-starts.ts";
import { throttled, unavailable } from "./failures.ts";
import type { ExpressExecutions, ExpressSummary, KeptExpress, Revision, StartRequest } from "./interface.ts";
import { Lru } from "./lru.ts";
import { observedTurn, type Observer } from "./observer.ts";
import type { Programs } from "./programs.ts";
import type { Mocks } from "../integrations/mocked/index.ts";
import type { SeedSource } from "./seeds.ts";
import type { BareInput, Waiter } from "./slot.ts";

/** The service's: five minutes. */
const MAX_SECONDS = 300;
/** Of one execution, for reading; later ones are dropped. */
const KEPT_EVENTS = 25_000;

export interface ExpressOptions {
  readonly clock: Clock;
  readonly seeds: SeedSource;
  readonly limits: Limits;
  readonly dispatcher: () => Dispatcher;
  readonly programs: Programs;
  readonly mocks: Mocks;
  readonly starts: ExpressStarts;
  /** Executions that run at once; past it starts are refused with ThrottlingException. */
  readonly runningExecutions: number;
  /** Memory for what has ended, in characters of its payloads and events. */
  readonly keptChars: number;
  readonly isOpen: () => boolean;
  readonly observer: Observer | undefined;
  readonly log: Log;
}

/** One execution, as long as it runs. The dispatcher knows it by `id` and `started`. */
class Run {
  readonly id: number;
  readonly program: Program;
  readonly definitionChars: number;
  execution: Execution | undefined;
  started: ExecutionStarted | undefined;
  readonly turns: JournalTurn[] = [];
  keptEvents = 0;
  chars = 0;
  wakeAtMs: number | undefined;
  cancelTimer: (() => void) | undefined;
  /** The first is being decided. */
  readonly inbox: BareInput[] = [];
  readonly ended: PromiseWithResolvers<Execution> = Promise.withResolvers<Execution>();

  constructor(id: number, program: Program, definitionChars: number) {
    this.id = id;
    this.program = program;
    this.definitionChars = definitionChars;
  }
}

type Accepted = Omit<AcceptedStart, "input" | "acceptedBy"> & {
  readonly input: Payload;
  readonly mapRunArn?: string;
};

/** What is kept of an execution for reading. */
interface Kept extends KeptExpress {
  readonly turns: readonly JournalTurn[];
}

export class MemoryExpress implements ExpressExecutions {
  readonly #options: ExpressOptions;
  readonly #environment: DecideEnvironment;
  readonly #running = new Map<number, Run>();
  readonly #runningByArn = new Map<string, Run>();
  readonly #kept: Lru<string, Kept>;
  /** Which starts are of this process. */
  readonly #processId: string;
  #nextId = 1;
  /** Starts that are being stored: each is about to run. */
  #accepting = 0;
  #isStopped = false;

  constructor(options: ExpressOptions) {
    this.#options = options;
    this.#kept = new Lru(options.keptChars);
    this.#processId = new Random(options.seeds()).uuid();
    const { limits, dispatcher } = options;
    this.#environment = {
      limits: {
        ...limits,
        executionSeconds: Math.min(limits.executionSeconds, MAX_SECONDS),
        historyEvents: Number.POSITIVE_INFINITY,
      },
      // `parse` refuses both in an Express state machine.
      taskToken: () => "",
      activityExists: () => false,
      get admit() {
        return dispatcher().room;
      },
    };
  }

  readonly start: ExpressExecutions["start"] = async (request) => {
    const accepted = this.#accept(request);
    const { starts, clock } = this.#options;
    this.#accepting += 1;
    try {
      await starts.accept({ ...accepted, input: accepted.input.text, acceptedBy: this.#processId });
    } finally {
      this.#accepting -= 1;
    }
    // The server has ended meanwhile: what is accepted runs after its next start.
    if (this.#isStopped) return { executionArn: accepted.executionArn, startedAtMs: clock.now() };
    const run = this.#begin(accepted, request.machine.revision);
    this.#forgetAtEnd(run, accepted.executionArn);
    const { startedAtMs } = run.execution as Execution;
    return { executionArn: accepted.executionArn, startedAtMs };
  };

  readonly run: ExpressExecutions["run"] = async (request) => {
    const run = this.#begin(this.#accept(request), request.machine.revision);
    return { execution: await run.ended.promise, usedBytes: bytesOf(run) };
  };

  /** Like `run`, for who has to know its ARN at once. @throws as `run` */
  launch(request: StartRequest): { readonly executionArn: string; readonly ended: Promise<Execution> } {
    const accepted = this.#accept(request);
    const run = this.#begin(accepted, request.machine.revision);
    return { executionArn: accepted.executionArn, ended: run.ended.promise };
  }

  /** Does nothing if it has ended. */
  abort(executionArn: string): void {
    const run = this.#runningByArn.get(executionArn);
    if (run !== undefined) this.#take(run, { kind: "Stop" });
  }

  /** Runs again what a crash cut off (X2). */
  async recover(getRevision: (revisionId: string) => Promise<Revision | undefined>): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.starts.pending(after);
      for (const start of page) {
        after = start.executionArn;
        if (this.#isStopped || !this.#options.isOpen()) return;
        const revision = await getRevision(start.revisionId);
        assert(revision !== undefined, `revision ${start.revisionId} is not stored`);
        if (start.acceptedBy === this.#processId) continue;
        const { acceptedBy: _, input, ...rest } = start;
        const run = this.#begin({ ...rest, input: Payload.ofText(input) }, revision);
        this.#forgetAtEnd(run, start.executionArn);
      }
      if (page.length === 0) return;
    }
  }

  readonly describe: ExpressExecutions["describe"] = (arn) => {
    const found = this.#find(arn);
    return found && { execution: found.execution, usedBytes: found.usedBytes };
  };

  readonly history: ExpressExecutions["history"] = (arn) => {
    const found = this.#find(arn);
    return found === undefined ? undefined : projectHistory(found.turns);
  };

  readonly list: ExpressExecutions["list"] = (stateMachineArn) => {
    const found: ExpressSummary[] = [];
    const add = (execution: Execution, usedBytes: number): void => {
      if (execution.started.stateMachineArn === stateMachineArn) found.push(summaryOf(execution, usedBytes));
    };
    for (const { execution, usedBytes } of this.#kept.values()) add(execution, usedBytes);
    for (const run of this.#running.values()) {
      if (run.execution !== undefined) add(run.execution, bytesOf(run));
    }
    return found.toSorted((a, b) => b.startedAtMs - a.startedAtMs);
  };

  get runningCount(): number {
    return this.#running.size;
  }

  /** Resolves when none runs any more. */
  async quiet(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.all(
        Array.from(this.#running.values(), (run) => run.ended.promise.catch(() => undefined)),
      );
    }
  }

  /** Gives up what still runs: asynchronous ones begin again at the next start (X2). Nothing runs from then on. */
  stop(): void {
    this.#isStopped = true;
    for (const run of this.#running.values()) {
      run.cancelTimer?.();
      run.ended.promise.catch(() => undefined);
      run.ended.reject(unavailable());
    }
    this.#running.clear();
    this.#runningByArn.clear();
  }

  // For the dispatcher: as the shards do for Standard executions.

  send(id: number, input: BareInput, _view?: unknown, waiter?: Waiter<unknown>): void {
    const run = this.#running.get(id);
    if (run !== undefined) this.#take(run, input);
    waiter?.resolve(undefined);
  }

  post(id: number, input: BareInput): Promise<undefined> {
    this.send(id, input);
    return Promise.resolve(undefined);
  }

  pin(): void {
    // A running execution is in memory anyway.
  }

  unpin(): void {
    // See pin.
  }

  /** @throws ServiceError ThrottlingException, ServiceUnavailable */
  #accept(request: StartRequest): Accepted {
    if (this.#isStopped || !this.#options.isOpen()) throw unavailable();
    if (this.#running.size + this.#accepting >= this.#options.runningExecutions) throw throttled();
    const { machine, stateMachineVersionArn, stateMachineAliasArn, traceHeader, testCase, mapRunArn } =
      request;
    const { mocks, programs } = this.#options;
    // A child has the test case that its parent was started with.
    const isChecked = testCase !== undefined && mapRunArn === undefined;
    if (isChecked) mocks.check(machine.arn, testCase, programs.of(machine.revision));
    const random = new Random(this.#options.seeds());
    const name = request.name ?? random.uuid();
    return {
      // Names are not unique: every start is an execution of its own.
      executionArn: `${machine.arn.replace(":stateMachine:", ":express:")}:${name}:${random.uuid()}`,
      stateMachineArn: machine.arn,
      name,
      revisionId: machine.revision.revisionId,
      input: wellFormed(request.input),
      ...(stateMachineVersionArn === undefined ? {} : { stateMachineVersionArn }),
      ...(stateMachineAliasArn === undefined ? {} : { stateMachineAliasArn }),
      ...(traceHeader === undefined ? {} : { traceHeader }),
      ...(testCase === undefined ? {} : { testCase }),
      ...(mapRunArn === undefined ? {} : { mapRunArn }),
    };
  }

  #begin(accepted: Accepted, revision: Revision): Run {
    const run = new Run(this.#nextId, this.#options.programs.of(revision), revision.definition.length);
    this.#nextId += 1;
    this.#running.set(run.id, run);
    this.#runningByArn.set(accepted.executionArn, run);
    this.#take(run, { kind: "Start", roleArn: revision.roleArn, ...accepted });
    return run;
  }

  #forgetAtEnd(run: Run, executionArn: string): void {
    const forget = (): Promise<void> => this.#options.starts.forget(executionArn);
    // Given up by `stop`, it is to run again. One that a bug of ours stopped would only meet it again.
    const unlessStopped = (error: unknown): Promise<void> | undefined =>
      error instanceof ServiceError && error.code === "InternalFailure" ? forget() : undefined;
    run.ended.promise.then(forget, unlessStopped).catch((error: unknown) => {
      this.#options.log(
        `${executionArn} has ended and will run again, its end could not be stored: ${String(error)}`,
        "error",
        { executionArn },
      );
    });
  }

  /** One input after the other: what a command answers at once waits until all commands were carried out. */
  #take(run: Run, input: BareInput): void {
    run.inbox.push(input);
    if (run.inbox.length > 1) return;
    for (let next = run.inbox[0]; next !== undefined; next = run.inbox[0]) {
      if (this.#running.has(run.id)) this.#decide(run, next);
      run.inbox.shift();
    }
  }

  #decide(run: Run, input: BareInput): void {
    const wallMs = this.#options.clock.now();
    const arrived = {
      ...input,
      nowMs: input.kind === "TimeReached" ? Math.max(wallMs, input.readMs) : wallMs,
      seed: this.#options.seeds(),
    } as Input;
    let commands: readonly Command[];
    try {
      const decision = decide(run.program, run.execution, arrived, this.#environment);
      run.execution = decision.execution;
      run.started = decision.execution.started;
      ({ commands } = decision);
      if (decision.turn !== undefined) {
        this.#observe(run, decision.execution, decision.turn);
        keep(run, decision.turn);
      }
    } catch (error) {
      this.#breakOff(run, error);
      return;
    }
    for (const command of commands) if (command.kind === "CallTask") this.#options.dispatcher().reserve(1);
    for (const command of commands) this.#carryOut(run, command);
    if (run.execution.status !== "RUNNING") this.#end(run, run.execution);
    else this.#setTimer(run, run.execution);
  }

  #observe(run: Run, execution: Execution, turn: JournalTurn): void {
    const { observer } = this.#options;
    if (observer === undefined) return;
    const { turns } = run;
    const { length } = turns;
    observer(observedTurn(execution, turn, true, () => Promise.resolve(turns.slice(0, length))));
  }

  #carryOut(run: Run, command: Command): void {
    const dispatcher = this.#options.dispatcher();
    switch (command.kind) {
      case "CallTask":
        return dispatcher.call(run, command);
      case "QueueTask":
        return dispatcher.enqueue(run, command.task);
      case "CancelTask":
        return dispatcher.cancel(run.id, command.task);
      case "AnnounceEnd":
        return undefined;
      case "StartMapRun":
        // `parse` refuses it in an Express state machine.
        return assert(false, "no Express execution has a Map Run");
    }
  }

  #setTimer(run: Run, execution: Execution): void {
    const wakeAtMs = nextWakeAt(execution);
    if (wakeAtMs === run.wakeAtMs && run.cancelTimer !== undefined) return;
    run.cancelTimer?.();
    run.wakeAtMs = wakeAtMs;
    run.cancelTimer = undefined;
    if (wakeAtMs === undefined) return;
    const { clock } = this.#options;
    const wake = (): void => {
      run.cancelTimer = undefined;
      if (!this.#running.has(run.id)) return;
      const readMs = clock.now();
      // A clock may be early, or set back.
      if (readMs < wakeAtMs) this.#setTimer(run, run.execution as Execution);
      else this.#take(run, { kind: "TimeReached", readMs });
    };
    const delayMs = wakeAtMs - clock.now();
    if (delayMs > 0) {
      run.cancelTimer = clock.after(delayMs, wake);
    } else {
      // Due already: a turn that was cut short. Others have their turn first.
      let isCancelled = false;
      run.cancelTimer = () => {
        isCancelled = true;
      };
      clock.soon(() => {
        if (!isCancelled) wake();
      });
    }
  }

  #end(run: Run, execution: Execution): void {
    this.#leave(run);
    // Kept by an execution that failed, for a redrive (engine/execution.ts, E4): of Express there is none.
    execution.frames.clear();
    const kept = { execution, turns: run.turns, usedBytes: bytesOf(run) };
    const { executionArn, mapRunArn } = execution.started;
    // A Map Run has the end of its child; of those that succeed there may be millions.
    const isKeptElsewhere = mapRunArn !== undefined && execution.status === "SUCCEEDED";
    if (!isKeptElsewhere) this.#kept.set(executionArn, kept, run.chars + 1);
    run.ended.resolve(execution);
  }

  #leave(run: Run): void {
    run.cancelTimer?.();
    this.#running.delete(run.id);
    const arn = run.started?.executionArn;
    if (arn !== undefined && this.#runningByArn.get(arn) === run) this.#runningByArn.delete(arn);
  }

  /** X5. */
  #breakOff(run: Run, error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const arn = run.started?.executionArn;
    const fields = arn === undefined ? {} : { executionArn: arn };
    this.#options.log(`an Express execution is stopped by an internal error: ${detail}`, "error", fields);
    for (const task of run.execution?.tasks.keys() ?? []) this.#options.dispatcher().cancel(run.id, task);
    this.#leave(run);
    run.ended.promise.catch(() => undefined);
    run.ended.reject(
      new ServiceError("InternalFailure", "The execution is stopped by an internal error.", {}, 500),
    );
  }

  #find(arn: string): Kept | undefined {
    const run = this.#runningByArn.get(arn);
    if (run?.execution !== undefined)
      return { execution: run.execution, turns: run.turns, usedBytes: bytesOf(run) };
    return this.#kept.get(arn);
  }
}

/** Rough: what an event takes beside the texts that came from outside. */
const EVENT_CHARS = 200;

function keep(run: Run, turn: JournalTurn): void {
  if (run.keptEvents >= KEPT_EVENTS) return;
  run.turns.push(turn);
  run.keptEvents += turn.events.length;
  for (const event of turn.events) run.chars += EVENT_CHARS + textCharsOf(event);
}

/** Payloads that came as text; those made of values share their parts with these, and printing them would cost. */
function textCharsOf(event: Event): number {
  if (event.kind === "ExecutionStarted") return event.input.text.length;
  return event.kind === "TaskSucceeded" ? event.output.text.length : 0;
}

function summaryOf(execution: Execution, usedBytes: number): ExpressSummary {
  const { started, startedAtMs, status, stoppedAtMs } = execution;
  return {
    executionArn: started.executionArn,
    stateMachineArn: started.stateMachineArn,
    name: started.name,
    status,
    startedAtMs,
    usedBytes,
    ...(stoppedAtMs === undefined ? {} : { stoppedAtMs }),
  };
}

/** Characters of two bytes; the definition is read and compiled, which takes about its text twice. */
function bytesOf({ chars, definitionChars }: Run): number {
  return 2 * (chars + 2 * definitionChars);
}
