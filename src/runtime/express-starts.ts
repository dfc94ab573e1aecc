// The accepted starts of asynchronous Express executions: durable until the execution has ended, so that one that a
// crash cut off runs again from its beginning (D8: at least once).
//
// Knows:          entities of the store, batches. Does not know:  how an execution runs.
//
// Invariants
//   A1. `accept` resolves after the start is durable.
//   A2. A start is forgotten only after its execution has ended; that it is forgotten late, or never because of a
//       crash, only makes it run again.
//   A3. While one write is under way the next gathers: many starts and ends share one fsync.

import { type EntityWrite, StorageFull, type Store } from "../store/store.ts";
import { unavailable } from "./failures.ts";

export interface AcceptedStart {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly name: string;
  readonly revisionId: string;
  readonly traceHeader?: string;
  readonly testCase?: string;
  /** JSON text. */
  readonly input: string;
  /** The process that runs it. */
  readonly acceptedBy: string;
}

interface Batch {
  readonly writes: EntityWrite[];
  readonly done: Promise<void>;
}

const KIND = "expressStart";
const PAGE = 1000;

export class ExpressStarts {
  readonly #store: Pick<Store, "writeEntities" | "listEntities">;
  /** Ends that there was no room to write down. */
  #unforgotten: EntityWrite[] = [];
  #underWay: Promise<unknown> = Promise.resolve();
  /** Waits for what is under way. */
  #next: Batch | undefined;

  constructor(store: Pick<Store, "writeEntities" | "listEntities">) {
    this.#store = store;
  }

  /** Rejects as the store does. @throws ServiceError ServiceUnavailable if there is no room: then nothing was stored */
  async accept(start: AcceptedStart): Promise<void> {
    try {
      await this.#write({ kind: KIND, key: start.executionArn, data: JSON.stringify(start) });
    } catch (error) {
      if (error instanceof StorageFull) throw unavailable(`${error.message}.`);
      throw error;
    }
  }

  /** Its execution has ended. Where there is no room it is tried again with the next write. Rejects as the store does. */
  async forget(executionArn: string): Promise<void> {
    const write: EntityWrite = { kind: KIND, key: executionArn, data: undefined };
    try {
      await this.#write(write);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      this.#unforgotten.push(write);
    }
  }

  /** Those that were accepted and not forgotten, above `afterArn`. */
  async pending(afterArn: string): Promise<readonly AcceptedStart[]> {
    const page = await this.#store.listEntities(KIND, afterArn, PAGE);
    return page.map(({ data }) => JSON.parse(data) as AcceptedStart);
  }

  /** Resolves when all that was asked for so far is durable, or never will be. */
  async drain(): Promise<void> {
    await this.#next?.done.catch(() => undefined);
    await this.#underWay;
  }

  #write(write: EntityWrite): Promise<void> {
    this.#next ??= this.#plan();
    this.#next.writes.push(write);
    return this.#next.done;
  }

  #plan(): Batch {
    const writes: EntityWrite[] = [];
    const done = this.#underWay.then(async () => {
      this.#next = undefined;
      const again = this.#unforgotten;
      this.#unforgotten = [];
      try {
        await this.#store.writeEntities([...writes, ...again]);
      } catch (error) {
        this.#unforgotten.push(...again);
        throw error;
      }
    });
    this.#underWay = done.catch(() => undefined);
    return { writes, done };
  }
}
