// The simulated disk under a Store: what is durable, what is on its way, and what can go wrong in between.
//
// Knows:          operations and when they are carried out. What they mean is the reference store's business
//                 (src/store/memory.ts), which holds the durable contents.
// Does not know:  runtimes, executions.
//
// Invariants
//   K1. Operations of one process are carried out in the order of the calls; answers may come in another order.
//   K2. An operation is carried out whole at one moment. A crash before it loses it, a crash after it loses the answer.
//       At a crash some of the writes on their way, in order from the first, may have been carried out.
//   K3. After an OutcomeUnknown every later call of that process is refused (store.ts, S5).

import { MemoryStore } from "../../../src/store/memory.ts";
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
} from "../../../src/store/store.ts";
import { OutcomeUnknown, StorageFull } from "../../../src/store/store.ts";
import type { Chance } from "../generate/chance.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** What becomes of one operation. */
export type DiskFault =
  | "error"
  | "error for ever"
  | "done but reported as failed"
  | "full"
  | "crash before"
  | "crash after"
  | "slow";

/** A batch that became durable. */
export interface DurableCommit {
  readonly life: number;
  readonly turns: readonly TurnWrite[];
  readonly refused: readonly number[];
}

export interface DiskOptions {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  /** Asked as each operation is about to be carried out. */
  readonly fault: (operation: string, isWrite: boolean) => DiskFault | undefined;
  readonly crash: (life: Life) => void;
  readonly onCommit: (commit: DurableCommit) => void;
}

interface Operation {
  readonly name: string;
  readonly isWrite: boolean;
  readonly perform: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Disk {
  readonly durable: MemoryStore = new MemoryStore();
  readonly options: DiskOptions;
  /** Every operation fails until somebody repairs it. */
  isBroken = false;
  isFull = false;
  /** Milliseconds that an operation takes at most. */
  latencyMs = 4;
  operations = 0;

  constructor(options: DiskOptions) {
    this.options = options;
  }

  /** The contents as they are; for the checker, and while no process looks. */
  async begin(): Promise<void> {
    await this.durable.open();
  }

  storeFor(life: Life): DiskStore {
    return new DiskStore(this, life);
  }
}

/** The Store of one process. */
export class DiskStore implements Store {
  readonly #disk: Disk;
  readonly #life: Life;
  readonly #queue: Operation[] = [];
  #isBusy = false;
  #failure: OutcomeUnknown | undefined;

  constructor(disk: Disk, life: Life) {
    this.#disk = disk;
    this.#life = life;
  }

  /** The process is gone: of its writes on their way, the first few were carried out. */
  crash(): void {
    const writes = this.#queue.filter(({ isWrite }) => isWrite);
    const { chance } = this.#disk.options;
    const count = this.#disk.isBroken || this.#disk.isFull ? 0 : chance.from(0, writes.length);
    for (const write of writes.slice(0, count)) write.perform().catch(() => undefined);
    this.#queue.length = 0;
  }

  open(): Promise<Opening> {
    const { durable } = this.#disk;
    return this.#call("open", false, async () => {
      await durable.close();
      return durable.open();
    });
  }

  claim(shard: number): Promise<{ readonly epoch: number }> {
    return this.#call("claim", true, () => this.#disk.durable.claim(shard));
  }

  commit(turns: readonly TurnWrite[]): Promise<CommitResult> {
    return this.#call("commit", true, async () => {
      const result = await this.#disk.durable.commit(turns);
      this.#disk.options.onCommit({ life: this.#life.number, turns, refused: result.arnTaken });
      return result;
    });
  }

  readJournal(executionId: number): Promise<readonly StoredTurn[]> {
    return this.#call("readJournal", false, () => this.#disk.durable.readJournal(executionId));
  }

  findExecution(arn: string): Promise<ExecutionRow | undefined> {
    return this.#call("findExecution", false, () => this.#disk.durable.findExecution(arn));
  }

  getExecution(id: number): Promise<ExecutionRow | undefined> {
    return this.#call("getExecution", false, () => this.#disk.durable.getExecution(id));
  }

  listExecutions(query: ListQuery): Promise<readonly ExecutionRow[]> {
    return this.#call("listExecutions", false, () => this.#disk.durable.listExecutions(query));
  }

  due(
    shard: number,
    untilMs: number,
    limit: number,
  ): Promise<readonly { readonly id: number; readonly wakeAtMs: number }[]> {
    return this.#call("due", false, () => this.#disk.durable.due(shard, untilMs, limit));
  }

  attention(shard: number, afterId: number, limit: number): Promise<readonly number[]> {
    return this.#call("attention", false, () => this.#disk.durable.attention(shard, afterId, limit));
  }

  countOpen(): Promise<number> {
    return this.#call("countOpen", false, () => this.#disk.durable.countOpen());
  }

  writeEntities(writes: readonly EntityWrite[]): Promise<boolean> {
    return this.#call("writeEntities", true, () => this.#disk.durable.writeEntities(writes));
  }

  getEntity(kind: string, key: string): Promise<string | undefined> {
    return this.#call("getEntity", false, () => this.#disk.durable.getEntity(kind, key));
  }

  listEntities(kind: string, afterKey: string, limit: number): Promise<readonly Entity[]> {
    return this.#call("listEntities", false, () => this.#disk.durable.listEntities(kind, afterKey, limit));
  }

  /** The contents stay open: another process may be using them. */
  close(): Promise<void> {
    return this.#call("close", false, async () => undefined);
  }

  #call<T>(name: string, isWrite: boolean, perform: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const operation: Operation = {
      name,
      isWrite,
      perform,
      resolve: resolve as (value: unknown) => void,
      reject,
    };
    this.#queue.push(operation);
    this.#work();
    return promise;
  }

  #work(): void {
    if (this.#isBusy || this.#queue.length === 0) return;
    this.#isBusy = true;
    const { scheduler, chance } = this.#disk.options;
    scheduler.add(this.#life, chance.from(0, this.#disk.latencyMs), "disk", () => this.#carryOut());
  }

  #carryOut(): void {
    const operation = this.#queue[0];
    if (operation === undefined) return;
    const { options } = this.#disk;
    this.#disk.operations += 1;
    options.scheduler.note(operation.name);
    const fault = this.#failure === undefined ? this.#faultOf(operation) : undefined;
    if (fault === "crash before") {
      this.#queue.length = 0;
      options.crash(this.#life);
      return;
    }
    this.#queue.shift();
    this.#isBusy = false;
    if (this.#failure !== undefined) this.#answer(() => operation.reject(this.#failure as Error));
    else if (fault === "full") this.#answer(() => operation.reject(new StorageFull("the disk is full")));
    else if (fault === "error" || fault === "error for ever") this.#fail(operation);
    else this.#perform(operation, fault);
    if (fault === "crash after") {
      this.#queue.length = 0;
      options.crash(this.#life);
    } else {
      this.#work();
    }
  }

  #faultOf({ name, isWrite }: Operation): DiskFault | undefined {
    const fault = this.#disk.options.fault(name, isWrite);
    if (fault === "error for ever") this.#disk.isBroken = true;
    if (fault !== undefined) return fault;
    if (this.#disk.isBroken) return "error";
    return this.#disk.isFull && isWrite ? "full" : undefined;
  }

  #perform(operation: Operation, fault: DiskFault | undefined): void {
    // Its effect is there when `perform` returns: the reference store works at once.
    operation.perform().then(
      (value) => {
        if (fault === "done but reported as failed") this.#fail(operation);
        else this.#answer(() => operation.resolve(value), fault === "slow" ? 3_000 : 0);
      },
      (error: Error) => this.#answer(() => operation.reject(error)),
    );
  }

  #fail(operation: Operation): void {
    this.#failure ??= new OutcomeUnknown("the disk reported an error");
    this.#answer(() => operation.reject(this.#failure as Error));
  }

  #answer(answer: () => void, slowMs = 0): void {
    const { scheduler, chance } = this.#disk.options;
    scheduler.add(this.#life, chance.from(0, 2) + slowMs, "disk answers", answer);
  }
}
