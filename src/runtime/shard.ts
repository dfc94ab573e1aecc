// The executions of the shards that this process owns: one input after another into each, turns into the journal,
// and what a turn causes out again once it is durable.
//
// Knows:          executions by id and ARN, which of them are in memory, which turns are not durable yet.
// Does not know:  integrations, timers, activities (hooks), requests, definitions (it is given programs).
//
// Invariants
//   H1. Inputs of one execution are decided in the order of arrival, each on the state that the one before left.
//       The next is decided while the last turn is still being committed (D6); executions do not wait for each other.
//   H2. An answer is made when its input is decided, and given when everything that it shows is durable (D1):
//       its own turn, or, if it changed nothing, the last turn that was not durable then.
//   H3. Commands are carried out when their turn is durable, in order. Room for calls is reserved when they are
//       decided, so turns that are being committed cannot overbook it.
//   H4. An execution leaves memory only when nothing of it is undurable, nothing waits for it and no call needs
//       it: its journal is then the whole of it. Ended ones leave at once (a redrive reads them again), long waits
//       too, the others when the cache is full (D9). Posts to an execution that is being loaded wait for that one load.
//   H5. A throw of `decide` is a bug of ours. It stops that execution until a restart, or until a Stop, which
//       is decided on a fresh copy; its callers are told, the others go on.
//
// A name that is taken is found by the commit, not by a look-up before it, which would double the latency of each
// named start:
//   1. StartExecution "x" is decided as execution 8, though "x" is stored as execution 5 and not in memory;
//   2. StopExecution "x" finds 8 here and is decided on it;
//   3. the commit refuses both turns. 8 is forgotten with all that it decided, both callers get NameTaken and ask
//      again: the first finds 5 and compares, the second stops 5.

import type { Log } from "../base/log.ts";
import type { Program } from "../asl/ast.ts";
import { assert } from "../base/assert.ts";
import {
  applyTurn,
  decide,
  type DecideEnvironment,
  decodeTurn,
  encodeTurn,
  needsAttention,
  nextWakeAt,
} from "../engine/index.ts";
import type { Command } from "../engine/commands.ts";
import type { Decision, Execution, Input, JournalTurn } from "../engine/index.ts";
import { OutcomeUnknown, type Store, type TurnWrite } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import { Committer } from "./committer.ts";
import { executionDoesNotExist, quarantined, throttled, unavailable } from "./failures.ts";
import { observedTurn, type Observer } from "./observer.ts";
import type { SeedSource } from "./seeds.ts";
import type { RuntimeSettings } from "./settings.ts";
import {
  type BareInput,
  listedUnder,
  type PendingTurn,
  type Post,
  Slot,
  type TimeReached,
  type View,
  type Waiter,
} from "./slot.ts";

/** The ARN of a start was taken: ask again for what is there. Never leaves the runtime. */
export class NameTaken extends Error {}

/** What the rest of the runtime does for executions. Called synchronously; a throw stops the execution (H5). */
export interface ShardHooks {
  /** Calls that may be begun now. */
  readonly room: () => number;
  /** A turn with so many calls was decided; negative: it was refused. */
  readonly reserve: (calls: number) => void;
  readonly carryOut: (slot: Slot, command: Command) => void;
  /** The execution is to be looked at then; durable. */
  readonly due: (slot: Slot, wakeAtMs: number) => void;
  /** It was read from its journal and nothing was decided since. */
  readonly loaded: (slot: Slot) => void;
}

export interface ShardOptions {
  readonly store: Store;
  /** By shard. */
  readonly epochs: readonly number[];
  readonly nextExecutionId: number;
  readonly nextLsn: number;
  readonly openCount: number;
  readonly clock: Clock;
  readonly seeds: SeedSource;
  readonly settings: RuntimeSettings;
  readonly environment: Omit<DecideEnvironment, "admit">;
  readonly programOf: (revisionId: string) => Promise<Program>;
  readonly hooks: ShardHooks;
  readonly observer: Observer | undefined;
  readonly onFatal: (error: Error) => void;
  readonly log: Log;
}

/** An execution that sleeps for longer than this is not worth its memory. */
const LONG_WAIT_MS = 60_000;

export class Shards {
  readonly #options: ShardOptions;
  readonly #environment: DecideEnvironment;
  readonly #committer: Committer<PendingTurn>;
  readonly #slots = new Map<number, Slot>();
  readonly #byArn = new Map<string, Slot>();
  /** Slots that may go, the one that was used longest ago first. */
  readonly #idle = new Map<number, Slot>();
  readonly #quarantined = new Set<number>();
  #nextId: number;
  #openCount: number;
  #loads = 0;
  #isStopped = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#nextId = options.nextExecutionId;
    this.#openCount = options.openCount;
    const { hooks, environment, settings } = options;
    this.#environment = {
      ...environment,
      get admit() {
        return hooks.room();
      },
    };
    this.#committer = new Committer<PendingTurn>({
      store: options.store,
      clock: options.clock,
      nextLsn: options.nextLsn,
      maxTurns: settings.queuedTurns,
      maxChars: settings.queuedChars,
      settle: (turn, refused) => (refused ? this.#refuse(turn) : this.#settle(turn)),
      fail: (turn) => rejectAll(turn, unavailable("The server cannot store anything any more.")),
      onFatal: options.onFatal,
    });
  }

  /**
   * A new execution. Resolves when its first turn is durable.
   * @throws NameTaken; ServiceError ThrottlingException, ServiceUnavailable, InternalFailure
   */
  start<T>(input: Extract<BareInput, { kind: "Start" }>, program: Program, view: View<T>): Promise<T> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.isBusy) return Promise.reject(throttled());
    assert(!this.#byArn.has(input.executionArn), "an execution of this ARN is in memory");
    const id = this.#nextId;
    this.#nextId += 1;
    const slot = new Slot(id, id % this.#options.epochs.length);
    slot.program = program;
    slot.state = "ready";
    this.#slots.set(id, slot);
    this.#byArn.set(input.executionArn, slot);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#take(slot, { input, view, waiter: { resolve: resolve as (answer: unknown) => void, reject } });
    if (slot.headLsn === 0) {
      // It could not be decided (H5): the caller was told, and there is nothing to keep.
      this.#quarantined.delete(id);
      this.#slots.delete(id);
      this.#byArn.delete(input.executionArn);
    }
    return promise;
  }

  /**
   * An input for an execution. Resolves with the view when what it shows is durable.
   * @throws NameTaken; ServiceError ExecutionDoesNotExist, ServiceUnavailable, InternalFailure
   */
  post<T>(id: number, input: BareInput, view: View<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.send(id, input, view, { resolve: resolve as (answer: unknown) => void, reject });
    return promise;
  }

  /** Like `post`, without a promise. */
  send(id: number, input: BareInput, view?: View<unknown>, waiter?: Waiter<unknown>): void {
    this.#deliver(id, { input, view, waiter });
  }

  /** Tells an execution that its time has come, unless it is known to have more of it. */
  wake(id: number, input: TimeReached, waiter: Waiter<unknown>): void {
    const slot = this.#slots.get(id);
    const isLater = slot?.state === "ready" && (slot.wakeAtMs ?? Number.POSITIVE_INFINITY) > input.readMs;
    if (isLater) waiter.resolve(undefined);
    else this.send(id, input, undefined, waiter);
  }

  /** Looks at an execution without changing it; a quarantined one as it is stored. @throws as `post` */
  async look<T>(id: number, view: View<T>): Promise<T> {
    if (this.#quarantined.has(id)) {
      const copy = new Slot(id, id % this.#options.epochs.length);
      if (!(await this.#fold(copy)) || copy.execution === undefined)
        throw executionDoesNotExist(`execution ${id}`);
      return view(copy.execution, true, copy);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#deliver(id, {
      input: undefined,
      view,
      waiter: { resolve: resolve as (answer: unknown) => void, reject },
    });
    return promise;
  }

  /** The id of the execution with this ARN, durable or about to be; undefined if there is none. */
  async find(arn: string): Promise<number | undefined> {
    return this.#byArn.get(arn)?.id ?? (await this.#options.store.findExecution(arn))?.id;
  }

  /** The same for executions in memory only. */
  findCached(arn: string): number | undefined {
    return this.#byArn.get(arn)?.id;
  }

  /** Resolves when all that was decided so far about the execution is durable. */
  async settled(id: number): Promise<void> {
    if (this.#slots.get(id)?.last !== undefined) await this.look(id, nothing);
  }

  /** A call under way will need the execution soon (H4). */
  pin(slot: Slot): void {
    slot.pins += 1;
    this.#idle.delete(slot.id);
  }

  unpin(slot: Slot): void {
    slot.pins -= 1;
    this.#rest(slot);
  }

  /** Whether starts have to wait: completions and stops still pass, they make room. */
  get isBusy(): boolean {
    return (
      this.#committer.isFull || this.#slots.size - this.#idle.size >= this.#options.settings.busyExecutions
    );
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** Larger than the id of every execution so far. */
  get nextId(): number {
    return this.#nextId;
  }

  /** How many executions a bug has stopped. */
  get quarantinedCount(): number {
    return this.#quarantined.size;
  }

  get counts(): {
    readonly cached: number;
    readonly idle: number;
    readonly loads: number;
  } & Committer<PendingTurn>["counts"] {
    return {
      cached: this.#slots.size,
      idle: this.#idle.size,
      loads: this.#loads,
      ...this.#committer.counts,
    };
  }

  /** Resolves when everything decided so far is durable, or never will be. */
  drain(): Promise<void> {
    return this.#committer.drain();
  }

  /** Everything is durable and the store is about to close: nothing is decided from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** The store failed: nothing is stored or answered from now on. */
  abandon(error: Error): void {
    this.#committer.abandon(error);
  }

  #deliver(id: number, post: Post): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      post.waiter?.reject(refusal);
      return;
    }
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = new Slot(id, id % this.#options.epochs.length);
      this.#slots.set(id, slot);
      slot.mailbox.push(post);
      void this.#load(slot);
      return;
    }
    if (slot.state === "ready") {
      this.#take(slot, post);
    } else if (slot.state === "loading") {
      slot.mailbox.push(post);
    } else if (post.input?.kind === "Stop" && slot.undurable === 0) {
      // H5: nothing of it is undurable, so the journal is all that is true.
      slot.state = "loading";
      slot.mailbox.push(post);
      void this.#load(slot);
    } else {
      post.waiter?.reject(quarantined(slot.started?.executionArn ?? `execution ${id}`));
    }
  }

  /** Decides on one input, or looks (H1, H2). */
  #take(slot: Slot, post: Post): void {
    const { input, view, waiter } = post;
    this.#idle.delete(slot.id);
    let turn: JournalTurn | undefined;
    let answer: unknown;
    try {
      if (input === undefined) {
        assert(slot.execution !== undefined, "an execution that is ready is there");
        answer = view?.(slot.execution, true, slot);
      } else {
        const wallMs = this.#options.clock.now();
        const arrived = {
          ...input,
          nowMs: input.kind === "TimeReached" ? Math.max(wallMs, input.readMs) : wallMs,
          seed: this.#options.seeds(),
        } as Input;
        const wasOpen = isOpen(slot.execution);
        const decision = decide(slot.program as Program, slot.execution, arrived, this.#environment);
        turn = decision.turn;
        slot.execution = decision.execution;
        slot.started = decision.execution.started;
        if (turn !== undefined) {
          const pending = this.#pend(slot, turn, decision, post, wasOpen);
          this.#committer.add(pending);
          return;
        }
        answer = view?.(decision.execution, decision.accepted, slot);
      }
    } catch (error) {
      this.#quarantine(slot, error);
      waiter?.reject(quarantined(slot.started?.executionArn ?? `execution ${slot.id}`));
      return;
    }
    if (waiter !== undefined) {
      if (slot.last === undefined) waiter.resolve(answer);
      else (slot.last.followers ??= []).push({ waiter, answer });
    }
    this.#rest(slot);
  }

  /** The turn on its way to the store. Nothing is changed if it throws. */
  #pend(
    slot: Slot,
    turn: JournalTurn,
    { commands, accepted }: Decision,
    post: Post,
    wasOpen: boolean,
  ): PendingTurn {
    const { execution } = slot;
    assert(execution !== undefined, "a turn has an execution");
    const data = encodeTurn(turn);
    // The store refuses the whole batch for it; here it costs only the execution whose text it is.
    assert(data.isWellFormed(), "a turn must be well-formed Unicode");
    const answer = post.view?.(execution, accepted, slot);
    const wakeAtMs = nextWakeAt(execution);
    const write: { -readonly [K in keyof TurnWrite]: TurnWrite[K] } = {
      executionId: slot.id,
      shard: slot.shard,
      epoch: this.#options.epochs[slot.shard] as number,
      lsn: 0,
      prevLsn: slot.headLsn,
      atMs: turn.atMs,
      data,
      status: execution.status,
      attention: needsAttention(execution),
    };
    if (execution.stoppedAtMs !== undefined) write.stoppedAtMs = execution.stoppedAtMs;
    if (wakeAtMs !== undefined) write.wakeAtMs = wakeAtMs;
    if (post.input?.kind === "Redrive" && execution.redrive !== undefined) {
      write.redrive = { count: execution.redrive.count, atMs: execution.redrive.atMs };
    }
    if (slot.headLsn === 0) {
      assert(execution.started.executionArn.isWellFormed(), "an ARN must be well-formed Unicode");
      write.created = createdBy(execution);
    }
    let calls = 0;
    for (const command of commands) if (command.kind === "CallTask") calls += 1;
    if (calls > 0) this.#options.hooks.reserve(calls);
    write.lsn = this.#committer.takeLsn();
    const opens = Number(isOpen(execution)) - Number(wasOpen);
    const { waiter } = post;
    const { observer } = this.#options;
    const pending: PendingTurn = {
      write,
      slot,
      commands,
      waiter,
      answer,
      opens,
      observed:
        observer === undefined
          ? undefined
          : observedTurn(execution, turn, false, () => this.#turnsBefore(write.executionId, write.lsn)),
      followers: undefined,
    };
    slot.headLsn = write.lsn;
    slot.wakeAtMs = wakeAtMs;
    slot.undurable += 1;
    slot.last = pending;
    return pending;
  }

  /** The turn is durable (D1, H3). */
  #settle(turn: PendingTurn): void {
    const { slot, write, commands, waiter, followers } = turn;
    const { hooks } = this.#options;
    slot.undurable -= 1;
    if (slot.last === turn) slot.last = undefined;
    this.#openCount += turn.opens;
    if (write.wakeAtMs !== undefined) hooks.due(slot, write.wakeAtMs);
    if (turn.observed !== undefined) this.#options.observer?.(turn.observed);
    try {
      for (const command of commands) hooks.carryOut(slot, command);
    } catch (error) {
      this.#quarantine(slot, error);
    }
    waiter?.resolve(turn.answer);
    if (followers !== undefined) for (const follower of followers) follower.waiter.resolve(follower.answer);
    this.#rest(slot);
  }

  /** The ARN was taken: nothing of this execution ever was. */
  #refuse(turn: PendingTurn): void {
    const { slot, commands } = turn;
    let calls = 0;
    for (const command of commands) if (command.kind === "CallTask") calls += 1;
    if (calls > 0) this.#options.hooks.reserve(-calls);
    slot.undurable -= 1;
    this.#drop(slot);
    rejectAll(turn, new NameTaken());
  }

  /** Lets the execution go, if it may (H4). */
  #rest(slot: Slot): void {
    if (slot.state !== "ready" || slot.undurable > 0 || slot.pins > 0) return;
    const { execution } = slot;
    if (execution === undefined || execution.status !== "RUNNING" || this.#sleepsLong(slot)) {
      this.#drop(slot);
      return;
    }
    this.#idle.set(slot.id, slot);
    if (this.#idle.size <= this.#options.settings.cachedExecutions) return;
    for (const oldest of this.#idle.values()) {
      this.#drop(oldest);
      return;
    }
  }

  #sleepsLong({ execution, wakeAtMs }: Slot): boolean {
    if (execution === undefined || execution.tasks.size > 0) return false;
    return wakeAtMs === undefined || wakeAtMs - this.#options.clock.now() > LONG_WAIT_MS;
  }

  #drop(slot: Slot): void {
    slot.state = "gone";
    this.#idle.delete(slot.id);
    if (this.#slots.get(slot.id) === slot) this.#slots.delete(slot.id);
    const arn = slot.started?.executionArn;
    if (arn !== undefined && this.#byArn.get(arn) === slot) this.#byArn.delete(arn);
  }

  async #load(slot: Slot): Promise<void> {
    let problem: Error | undefined;
    try {
      if (!(await this.#fold(slot))) problem = executionDoesNotExist(`execution ${slot.id}`);
      problem = this.#refusal() ?? problem;
      if (problem === undefined) this.#ready(slot);
    } catch (error) {
      if (error instanceof OutcomeUnknown) this.#committer.abandon(error);
      problem = this.#refusal();
      if (problem === undefined) {
        this.#quarantine(slot, error);
        rejectPosts(slot, quarantined(slot.started?.executionArn ?? `execution ${slot.id}`));
        return;
      }
    }
    if (problem !== undefined) {
      this.#drop(slot);
      rejectPosts(slot, problem);
      return;
    }
    const posts = slot.mailbox;
    slot.mailbox = [];
    // Delivered, not taken: one of them may stop the execution (H5), and the rest is told so.
    for (const post of posts) this.#deliver(slot.id, post);
    this.unpin(slot);
  }

  /** The slot holds what is stored; whoever judges that does so before the first input. */
  #ready(slot: Slot): void {
    this.#loads += 1;
    this.#quarantined.delete(slot.id);
    this.#byArn.set(slot.started?.executionArn as string, slot);
    slot.state = "ready";
    // Kept until all that waits for it was taken.
    slot.pins += 1;
    this.#options.hooks.loaded(slot);
  }

  /** Fills the slot from the journal. False: there is no such execution. */
  async #fold(slot: Slot): Promise<boolean> {
    const turns = await this.#options.store.readJournal(slot.id);
    const last = turns.at(-1);
    if (last === undefined) return false;
    slot.execution = undefined;
    for (const { data, atMs } of turns) slot.execution = applyTurn(slot.execution, decodeTurn(data, atMs));
    assert(slot.execution !== undefined, "a journal holds an execution");
    slot.started = slot.execution.started;
    slot.headLsn = last.lsn;
    slot.wakeAtMs = nextWakeAt(slot.execution);
    slot.program = await this.#options.programOf(slot.started.revisionId);
    return true;
  }

  async #turnsBefore(id: number, lsn: number): Promise<readonly JournalTurn[]> {
    const turns = await this.#options.store.readJournal(id);
    return turns.filter((turn) => turn.lsn < lsn).map(({ data, atMs }) => decodeTurn(data, atMs));
  }

  #quarantine(slot: Slot, error: unknown): void {
    const { log } = this.#options;
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const arn = slot.started?.executionArn;
    const fields = arn === undefined ? {} : { executionArn: arn };
    log(`execution ${arn ?? slot.id} is stopped by an internal error: ${detail}`, "error", fields);
    this.#idle.delete(slot.id);
    slot.execution = undefined;
    slot.program = undefined;
    slot.state = "quarantined";
    this.#quarantined.add(slot.id);
  }

  /** Why nothing can be decided any more, if so. */
  #refusal(): Error | undefined {
    if (this.#committer.failure !== undefined) {
      return unavailable("The server cannot store anything any more.");
    }
    return this.#isStopped ? unavailable() : undefined;
  }
}

function isOpen(execution: Execution | undefined): boolean {
  return execution?.status === "RUNNING";
}

function createdBy({ started, startedAtMs }: NonNullable<Slot["execution"]>): TurnWrite["created"] & {} {
  const { stateMachineVersionArn, stateMachineAliasArn } = started;
  return {
    arn: started.executionArn,
    stateMachineArn: listedUnder(started),
    ...(stateMachineVersionArn === undefined ? {} : { stateMachineVersionArn }),
    ...(stateMachineAliasArn === undefined ? {} : { stateMachineAliasArn }),
    name: started.name,
    revisionId: started.revisionId,
    startedAtMs,
  };
}

function rejectAll({ waiter, followers }: PendingTurn, error: Error): void {
  waiter?.reject(error);
  if (followers !== undefined) for (const follower of followers) follower.waiter.reject(error);
}

function rejectPosts(slot: Slot, error: Error): void {
  const posts = slot.mailbox;
  slot.mailbox = [];
  for (const post of posts) post.waiter?.reject(error);
}

const nothing = (): void => undefined;
