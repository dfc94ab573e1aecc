// SqliteStore: the embedded store, on SQLite in a thread of its own.
//
// Knows:          promises, and which call each answer belongs to.
// Does not know:  SQL. The thread (worker.ts) owns the database; on this one a commit would block the event loop
//                 for 15 to 40 ms.
//
// Invariants
//   C1. Calls reach the thread in the order in which they were made, and it answers them by S1 to S4.
//   C2. At most MESSAGES_UNDER_WAY messages are on their way. Meanwhile calls gather, and leave as one message:
//       one is being committed, the next is there when the thread comes back, and the rest becomes one batch.
//   C3. Once the outcome of a call is unknown (or the thread has died) every call, waiting or to come, is
//       rejected with OutcomeUnknown (S5).

import { Worker } from "node:worker_threads";
import { assert, Bug, unreachable } from "../../base/assert.ts";
import { checkEntities, checkTurns } from "../checks.ts";
import { JournalDamaged, OutcomeUnknown, StaleEpoch, StorageFull, StoreUnusable } from "../store.ts";
import type {
  CommitResult,
  Entity,
  EntityWrite,
  ExecutionRow,
  ListQuery,
  Opening,
  Store,
  StoredTurn,
  TurnWrite,
} from "../store.ts";
import { packTurns } from "./protocol.ts";
import type { Failure, OperationName, Operations, Reply, Request, ThreadData } from "./protocol.ts";

export interface SqliteStoreOptions {
  /** Made if it does not exist. Belongs to one process at a time. */
  readonly directory: string;
  /** "none" leaves writing out to the operating system: for tests that do not look at power loss. */
  readonly durability?: "full" | "none";
}

/** What passes through the thread is not kept there: more room for it would only be filled. */
const YOUNG_MIB = 6;

/** Two keep the thread busy; more would make smaller batches. */
const MESSAGES_UNDER_WAY = 2;
/** Documents may be large (a definition has up to 1 MiB). */
const ENTITIES_PER_STEP = 50;

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class SqliteStore implements Store {
  readonly #options: ThreadData;
  #thread: Worker | undefined;
  #exited: Promise<void> | undefined;
  #state: "new" | "open" | "closing" | "closed" = "new";
  #poison: string | undefined;
  #closed: Promise<void> | undefined;
  #opened:
    | { readonly resolve: (opening: Opening) => void; readonly reject: (error: Error) => void }
    | undefined;

  #lastCall = 0;
  #underWay = 0;
  #flushing = false;
  #outbox: Request[] = [];
  #transfers: ArrayBuffer[] = [];
  readonly #waiting = new Map<number, Waiting>();

  constructor(options: SqliteStoreOptions) {
    this.#options = { directory: options.directory, durability: options.durability ?? "full" };
  }

  async open(): Promise<Opening> {
    assert(this.#state === "new", "a SqliteStore is opened once");
    this.#state = "open";
    const thread = new Worker(new URL("./worker.ts", import.meta.url), {
      name: "stepwell-store",
      workerData: this.#options,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    this.#thread = thread;
    const { promise, resolve, reject } = Promise.withResolvers<Opening>();
    this.#opened = { resolve, reject };
    thread.on("message", (reply: Reply) => this.#receive(reply));
    thread.on("error", (error) => this.#die(`the thread of the store failed: ${error.message}`));
    this.#exited = new Promise((resolveExit) => {
      thread.on("exit", () => {
        if (this.#state !== "closed") this.#die("the thread of the store ended");
        resolveExit();
      });
    });
    return promise;
  }

  async claim(shard: number): Promise<{ readonly epoch: number }> {
    return { epoch: await this.#call("claim", shard) };
  }

  async commit(turns: readonly TurnWrite[]): Promise<CommitResult> {
    checkTurns(turns);
    const packed = packTurns(turns);
    return this.#call("commit", packed, packed.numbers.buffer);
  }

  async readJournal(executionId: number): Promise<readonly StoredTurn[]> {
    const turns: StoredTurn[] = [];
    let lsn: number | undefined;
    do {
      const page = await this.#call("readJournal", { executionId, lsn });
      turns.push(...page.turns);
      lsn = page.nextLsn;
    } while (lsn !== 0);
    return turns.toReversed();
  }

  async findExecution(arn: string): Promise<ExecutionRow | undefined> {
    return this.#call("findExecution", arn);
  }

  async getExecution(id: number): Promise<ExecutionRow | undefined> {
    return this.#call("getExecution", id);
  }

  async listExecutions(query: ListQuery): Promise<readonly ExecutionRow[]> {
    const rows: ExecutionRow[] = [];
    let step: ListQuery | undefined = query;
    while (step !== undefined) {
      const page: Operations["listExecutions"]["answer"] = await this.#call("listExecutions", step);
      rows.push(...page.rows);
      const { beforeId } = page;
      const missing = query.limit - rows.length;
      step = beforeId !== undefined && missing > 0 ? { ...query, beforeId, limit: missing } : undefined;
    }
    return rows;
  }

  async due(
    shard: number,
    untilMs: number,
    limit: number,
  ): Promise<readonly { readonly id: number; readonly wakeAtMs: number }[]> {
    return this.#call("due", { shard, untilMs, limit });
  }

  async attention(shard: number, afterId: number, limit: number): Promise<readonly number[]> {
    return this.#call("attention", { shard, afterId, limit });
  }

  async countOpen(): Promise<number> {
    return this.#call("countOpen", undefined);
  }

  async writeEntities(writes: readonly EntityWrite[]): Promise<boolean> {
    checkEntities(writes);
    return this.#call("writeEntities", writes);
  }

  async getEntity(kind: string, key: string): Promise<string | undefined> {
    return this.#call("getEntity", { kind, key });
  }

  async listEntities(kind: string, afterKey: string, limit: number): Promise<readonly Entity[]> {
    const entities: Entity[] = [];
    for (let after = afterKey; entities.length < limit; ) {
      const asked = Math.min(ENTITIES_PER_STEP, limit - entities.length);
      const page = await this.#call("listEntities", { kind, afterKey: after, limit: asked });
      entities.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < asked) break;
      after = last.key;
    }
    return entities;
  }

  /** Rejects with OutcomeUnknown after a failure; the directory is free then as well. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#state === "new") {
      this.#state = "closed";
      return;
    }
    try {
      if (this.#state === "open") {
        const done = this.#call("close", undefined);
        this.#state = "closing";
        await done;
        this.#state = "closed";
      }
    } finally {
      if (this.#poison !== undefined) await this.#thread?.terminate();
      await this.#exited;
    }
  }

  #call<Name extends OperationName>(
    name: Name,
    args: Operations[Name]["args"],
    transfer?: ArrayBuffer,
  ): Promise<Operations[Name]["answer"]> {
    if (this.#poison !== undefined) return Promise.reject(new OutcomeUnknown(this.#poison));
    if (this.#state !== "open") return Promise.reject(new Bug("the store is not open"));
    const { promise, resolve, reject } = Promise.withResolvers<Operations[Name]["answer"]>();
    const call = ++this.#lastCall;
    this.#waiting.set(call, { resolve, reject });
    this.#outbox.push({ call, name, args } as Request);
    if (transfer !== undefined) this.#transfers.push(transfer);
    if (!this.#flushing) {
      this.#flushing = true;
      queueMicrotask(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
    return promise;
  }

  #flush(): void {
    if (this.#outbox.length === 0 || this.#underWay >= MESSAGES_UNDER_WAY || this.#poison !== undefined)
      return;
    this.#underWay += 1;
    const requests = this.#outbox;
    const transfers = this.#transfers;
    this.#outbox = [];
    this.#transfers = [];
    this.#thread?.postMessage(requests, transfers);
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case "opened":
        this.#opened?.resolve(reply.opening);
        this.#opened = undefined;
        return;
      case "unusable":
        this.#state = "closed";
        this.#opened?.reject(new StoreUnusable(reply.message));
        this.#opened = undefined;
        return;
      case "answers":
        this.#underWay -= reply.taken;
        this.#flush();
        for (const answer of reply.answers) {
          const waiting = this.#waiting.get(answer.call);
          assert(waiting !== undefined, `nobody waits for call ${answer.call}`);
          this.#waiting.delete(answer.call);
          if ("failure" in answer) waiting.reject(errorOf(answer.failure));
          else waiting.resolve(answer.value as never);
        }
        return;
      case "poisoned":
        this.#die(reply.message);
        return;
      default:
        unreachable(reply);
    }
  }

  /** C3 */
  #die(message: string): void {
    this.#poison ??= `the storage failed, and it is unknown what of the last writes is stored: ${message}`;
    this.#outbox = [];
    this.#transfers = [];
    this.#opened?.reject(
      new StoreUnusable(`the data directory ${this.#options.directory} cannot be opened: ${message}`),
    );
    this.#opened = undefined;
    for (const { reject } of this.#waiting.values()) reject(new OutcomeUnknown(this.#poison));
    this.#waiting.clear();
  }
}

function errorOf(failure: Failure): Error {
  switch (failure.name) {
    case "StaleEpoch":
      return new StaleEpoch(failure.message);
    case "StorageFull":
      return new StorageFull(failure.message);
    case "JournalDamaged":
      return new JournalDamaged(failure.executionId, failure.detail);
    case "Bug":
      return new Bug(failure.message);
    default:
      return unreachable(failure);
  }
}
