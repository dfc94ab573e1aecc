// The runtime: a store, integrations and a clock, put together to an engine that runs.
//
// Knows:          the parts, the order in which they start and stop. Does not know:  what any of them does inside.
//
// Invariants
//   R1. Nothing is decided before all shards are claimed: from then on a former owner stores nothing (D5).
//   R2. `open` resolves when requests can be taken. Recovery goes on behind; what it has not reached yet is judged
//       when somebody asks for it (recovery.ts, R1).
//   R3. If the store fails, nothing is answered or called any more, and `onFatal` is told once: the process should
//       end and read again what is true.
//   R4. `close` begins no more calls and lets those under way end for a while; until then requests are taken, since
//       a call may be one that asks this very engine. Then it takes none, waits until all that was decided is
//       durable, and closes the store. What is still under way is judged at the next start.

import type { Log } from "../base/log.ts";
import type { Resource } from "../asl/index.ts";
import { assert } from "../base/assert.ts";
import type { Json } from "../base/json.ts";
import type { ObjectStore } from "../datasets/index.ts";
import type { Command } from "../engine/commands.ts";
import type { ExecutionStarted } from "../engine/events.ts";
import type { Limits, TaskId } from "../engine/index.ts";
import type { Integration } from "../integrations/integration.ts";
import type { Store } from "../store/store.ts";
import { type Mocks, NO_MOCKS } from "../integrations/mocked/index.ts";
import { Activities } from "./activities.ts";
import { StoreCatalog } from "./catalog.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Dispatcher } from "./dispatch.ts";
import { StoreExecutions } from "./executions.ts";
import { MemoryExpress } from "./express.ts";
import { ExpressStarts } from "./express-starts.ts";
import type {
  Catalog,
  EngineService,
  Executions,
  ExpressExecutions,
  MapRuns,
  Tasks,
  Tests,
} from "./interface.ts";
import { StoreMapRuns } from "./map-runs/index.ts";
import { joinObservers, type Observer } from "./observer.ts";
import { Programs } from "./programs.ts";
import { Recovery } from "./recovery.ts";
import { type SeedSource, systemSeeds } from "./seeds.ts";
import { DEFAULT_SETTINGS, type RuntimeSettings } from "./settings.ts";
import { Shards } from "./shard.ts";
import type { Slot } from "./slot.ts";
import { type RefusalObserver, tellingOf, tellingOfExpress } from "./refusals.ts";
import { ShardTasks } from "./tasks.ts";
import { StateTests } from "./test-state.ts";
import { Timers } from "./timers.ts";
import { TaskTokens, TOKEN_KEY_BYTES } from "./tokens.ts";

export interface RuntimeOptions {
  /** Not open yet; the runtime opens and closes it. */
  readonly store: Store;
  /** What serves a resource; undefined: nothing here does, and its tasks fail. */
  readonly integrations: (resource: Resource) => Integration | undefined;
  /** Absent: no test case is known. */
  readonly mocks?: Mocks;
  /** Where ItemReader and ResultWriter find buckets; absent: they fail and say so. */
  readonly objects?: ObjectStore;
  readonly limits: Limits;
  readonly settings?: Partial<RuntimeSettings>;
  readonly clock?: Clock;
  /** The only source of randomness, of secrets too: its words must be unpredictable outside of tests. */
  readonly seeds?: SeedSource;
  /** Who is told of every turn. */
  readonly observers?: readonly Observer[];
  /** Who is told of every start of a caller that found no room. */
  readonly onRefused?: RefusalObserver;
  /** The store has failed (R3). Called once at most. */
  readonly onFatal: (error: Error) => void;
  /** One line. */
  readonly log: Log;
}

export class Runtime implements EngineService {
  readonly catalog: Catalog;
  readonly executions: Executions;
  readonly express: ExpressExecutions;
  readonly mapRuns: MapRuns;
  readonly tasks: Tasks;
  readonly tests: Tests;
  readonly now: () => number;

  readonly #parts: Parts;
  #isOpen = true;
  #closed: Promise<void> | undefined;

  private constructor(options: Seeded, opened: Opened) {
    this.#parts = assemble(options, opened, () => this.#isOpen);
    const { catalog, executions, express, mapRuns, tasks, tests, clock } = this.#parts;
    this.catalog = catalog;
    this.executions = tellingOf(executions, options.onRefused);
    this.express = tellingOfExpress(express, options.onRefused);
    this.mapRuns = mapRuns;
    this.tasks = tasks;
    this.tests = tests;
    this.now = clock.now;
  }

  /** @throws StoreUnusable */
  static async open(options: RuntimeOptions): Promise<Runtime> {
    const seeded = { ...options, seeds: options.seeds ?? systemSeeds() };
    const runtime = new Runtime(seeded, await openStore(seeded));
    await runtime.#begin();
    return runtime;
  }

  async #begin(): Promise<void> {
    const { catalog, clock, timers, recovery, express, mapRuns } = this.#parts;
    try {
      await catalog.open();
    } catch (error) {
      await this.#parts.store.close();
      throw error;
    }
    // Not before the caller has this object: recovery calls integrations, and these may call the engine.
    clock.soon(() => {
      if (!this.#isOpen) return;
      timers.start();
      this.#background(
        "recovery",
        recovery.sweep().then(() => mapRuns.recover()),
      );
      this.#background("running Express executions again", express.recover(catalog.getRevision));
      this.#background("ending the executions of deleted state machines", catalog.finishDeletions());
    });
  }

  /**
   * @param graceMs How long calls under way may take to end; those that do not are given up.
   * @throws OutcomeUnknown if the store had failed
   */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  readonly statistics = async (): Promise<Readonly<Record<string, Json>>> => {
    const { shards, dispatcher, activities, timers, recovery, executions, express, mapRuns } = this.#parts;
    const { cached, idle, loads, queued, turns, commits } = shards.counts;
    const calls = dispatcher.counts;
    return {
      openExecutions: shards.openCount,
      cachedExecutions: cached,
      idleExecutions: idle,
      loadedExecutions: loads,
      stoppedByInternalError: shards.quarantinedCount,
      turns,
      commits,
      turnsPerCommit: commits === 0 ? 0 : turns / commits,
      queuedTurns: queued,
      callsUnderWay: calls.underWay,
      callsWaitingForAnEnd: calls.submitted,
      queuedTasks: calls.queued,
      activityTasks: activities.counts.tasks,
      activityPollers: activities.counts.pollers,
      executionsWaitedFor: executions.waitingCount,
      expressExecutions: express.runningCount,
      mapRuns: mapRuns.openCount,
      timers: timers.size,
      recoveredExecutions: recovery.count,
    };
  };

  async #close(graceMs: number): Promise<void> {
    const { store, clock, shards, dispatcher, activities, timers, recovery } = this.#parts;
    const { express, expressCalls, expressStarts, mapRuns, tests } = this.#parts;
    recovery.stop();
    timers.stop();
    activities.close();
    dispatcher.close();
    mapRuns.pause();
    if (graceMs > 0 && !this.#parts.hasFailed()) {
      const grace = Promise.withResolvers<void>();
      const cancel = clock.after(graceMs, grace.resolve);
      // What a call's outcome causes is decided at once, and may be more calls: those were decided before.
      await Promise.race([this.#quiet(), grace.promise]);
      cancel();
    }
    this.#isOpen = false;
    dispatcher.stop();
    express.stop();
    expressCalls.stop();
    tests.stop();
    await mapRuns.close();
    await shards.drain();
    await expressStarts.drain();
    shards.stop();
    await store.close();
  }

  /** Resolves when no call is under way and none is about to be. */
  async #quiet(): Promise<void> {
    const { shards, dispatcher, express } = this.#parts;
    do {
      await express.quiet();
      await dispatcher.quiet();
      await shards.drain();
    } while (dispatcher.counts.underWay > 0 || express.runningCount > 0);
  }

  #background(what: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#isOpen)
        this.#parts.log(`${what} failed: ${error instanceof Error ? error.message : String(error)}`, "error");
    });
  }
}

type Seeded = RuntimeOptions & { readonly seeds: SeedSource };

interface Opened {
  readonly epochs: readonly number[];
  readonly nextExecutionId: number;
  readonly nextLsn: number;
  readonly openCount: number;
  readonly tokens: TaskTokens;
}

/** Opens the store, claims its shards (R1), and reads what must be known from the first moment. */
async function openStore({ store, settings, seeds }: Seeded): Promise<Opened> {
  const { nextExecutionId, nextLsn } = await store.open();
  try {
    const shards = settings?.shards ?? DEFAULT_SETTINGS.shards;
    assert(Number.isSafeInteger(shards) && shards > 0, "there is at least one shard");
    const shardCount = Number(await firstWritten(store, "setting", "shards", String(shards)));
    const key = await firstWritten(store, "secret", "taskTokens", JSON.stringify(tokenKey(seeds)));
    const epochs: number[] = [];
    for (let shard = 0; shard < shardCount; shard++) epochs.push((await store.claim(shard)).epoch);
    return {
      epochs,
      nextExecutionId,
      nextLsn,
      openCount: await store.countOpen(),
      tokens: new TaskTokens(Buffer.from(JSON.parse(key) as string, "base64")),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** As Base64 text. */
function tokenKey(seeds: SeedSource): string {
  const words = new Uint32Array(TOKEN_KEY_BYTES / 4);
  for (let i = 0; i < words.length; i += 4) words.set(seeds(), i);
  return Buffer.from(words.buffer).toString("base64");
}

/** What the entity holds: `data` if nobody has written it before. */
async function firstWritten(store: Store, kind: string, key: string, data: string): Promise<string> {
  const known = await store.getEntity(kind, key);
  if (known !== undefined) return known;
  if (await store.writeEntities([{ kind, key, data, ifAbsent: true }])) return data;
  return (await store.getEntity(kind, key)) as string;
}

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
  readonly shards: Shards;
  readonly dispatcher: Dispatcher;
  readonly activities: Activities;
  readonly timers: Timers;
  readonly recovery: Recovery;
  readonly catalog: StoreCatalog;
  readonly executions: StoreExecutions;
  readonly express: MemoryExpress;
  readonly expressCalls: Dispatcher;
  readonly expressStarts: ExpressStarts;
  readonly mapRuns: StoreMapRuns;
  readonly tasks: Tasks;
  readonly tests: StateTests;
  readonly hasFailed: () => boolean;
  readonly log: Log;
}

/** The parts know each other through the few functions that are handed out here. */
function assemble(options: Seeded, opened: Opened, isOpen: () => boolean): Parts {
  const { store, integrations, limits, log } = options;
  const mocks = options.mocks ?? NO_MOCKS;
  const isMocked = ({ stateMachineArn, testCase }: ExecutionStarted, state: string): boolean =>
    testCase !== undefined && mocks.isMocked(stateMachineArn, testCase, state);
  const { epochs, tokens, nextExecutionId } = opened;
  const clock = options.clock ?? systemClock;
  const settings: RuntimeSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const observer = joinObservers(options.observers ?? [], log);
  let hasFailed = false;

  const dispatcher = new Dispatcher({
    shards: () => shards,
    integrations,
    mocks,
    callsUnderWay: settings.callsUnderWay,
    log,
  });
  const activities = new Activities(() => shards, settings.activityPollers);
  const recovery = new Recovery({
    shards: () => shards,
    dispatcher,
    activities,
    beginMapRun: (slot, task) => mapRuns.begin(slot, task),
    redeliverUnknown: settings.redeliverUnknown,
    firstNewId: nextExecutionId,
    shardCount: epochs.length,
    attention: (shard, afterId, limit) => store.attention(shard, afterId, limit),
  });
  const catalog = new StoreCatalog({
    store,
    nextExecutionId: () => shards.nextId,
    abortExecutions: (stateMachineArn, beforeId) => executions.abortAll(stateMachineArn, beforeId),
    seeds: options.seeds,
    now: clock.now,
    quotas: settings,
    log,
  });
  const programs = new Programs(catalog.getRevision);
  const onFatal = (error: Error): void => {
    hasFailed = true;
    timers.stop();
    recovery.stop();
    activities.close();
    dispatcher.stop();
    express.stop();
    expressCalls.stop();
    mapRuns.stop();
    tests.stop();
    options.onFatal(error);
  };
  const timers = new Timers({
    clock,
    shardCount: epochs.length,
    due: (shard, untilMs, limit) => store.due(shard, untilMs, limit),
    fire: (executionId, input, waiter) => shards.wake(executionId, input, waiter),
    stuckCount: () => shards.quarantinedCount,
    onFailure: (error) => {
      if (isOpen()) shards.abandon(error);
    },
  });
  const carryOut = (slot: Slot, command: Command): void => {
    switch (command.kind) {
      case "CallTask":
        dispatcher.call(slot, command);
        return;
      case "QueueTask":
        if (command.resource.kind === "activity" && !dispatcher.isMocked(slot, command)) {
          activities.offer(command.resource.arn, { executionId: slot.id, task: command.task });
        } else {
          dispatcher.enqueue(slot, command.task);
        }
        return;
      case "CancelTask":
        dispatcher.cancel(slot.id, command.task);
        activities.cancel({ executionId: slot.id, task: command.task });
        mapRuns.cancel(slot.id, command.task);
        return;
      case "StartMapRun":
        mapRuns.begin(slot, command.task);
        return;
      case "AnnounceEnd":
        executions.ended(slot.id);
        mapRuns.childEnded(slot);
    }
  };
  const environment = {
    limits,
    taskToken: (executionArn: string, task: TaskId) => tokens.issue(executionArn, task),
    activityExists: catalog.activityExists,
    isMocked,
  };
  const shards: Shards = new Shards({
    store,
    epochs,
    nextExecutionId,
    nextLsn: opened.nextLsn,
    openCount: opened.openCount,
    clock,
    seeds: options.seeds,
    settings,
    environment,
    programOf: (revisionId) => programs.get(revisionId),
    hooks: {
      room: () => dispatcher.room,
      reserve: (calls) => dispatcher.reserve(calls),
      carryOut,
      due: (slot, wakeAtMs) => {
        if (slot.timerAtMs !== wakeAtMs && timers.scheduled(slot.id, wakeAtMs)) slot.timerAtMs = wakeAtMs;
      },
      loaded: (slot) => recovery.loaded(slot),
    },
    observer,
    onFatal,
    log,
  });
  const executions = new StoreExecutions({
    shards,
    store,
    programs,
    mocks,
    openExecutions: settings.openExecutions,
    seeds: options.seeds,
    limits,
    now: clock.now,
    isOpen,
  });
  const expressCalls = new Dispatcher({
    shards: () => express,
    integrations,
    mocks,
    callsUnderWay: settings.callsUnderWay,
    log,
  });
  const expressStarts = new ExpressStarts(store);
  const express: MemoryExpress = new MemoryExpress({
    clock,
    seeds: options.seeds,
    limits,
    dispatcher: () => expressCalls,
    programs,
    mocks,
    starts: expressStarts,
    runningExecutions: settings.expressExecutions,
    keptChars: settings.expressKeptChars,
    isOpen,
    observer,
    log,
  });
  const mapRuns = new StoreMapRuns({
    store,
    clock,
    objects: options.objects,
    shards: () => shards,
    executions: () => executions,
    express: () => express,
    getRevision: catalog.getRevision,
    environment: { ...environment, admit: 0 },
    mapRunChildren: settings.mapRunChildren,
    isOpen,
    onFatal: (error) => shards.abandon(error),
    log,
  });
  const tasks = new ShardTasks({ shards, activities, tokens, isOpen });
  const tests = new StateTests({ clock, seeds: options.seeds, limits, integrations, log });
  return {
    store,
    clock,
    shards,
    dispatcher,
    activities,
    timers,
    recovery,
    catalog,
    executions,
    express,
    expressCalls,
    expressStarts,
    mapRuns,
    tasks,
    tests,
    hasFailed: () => hasFailed,
    log,
  };
}
