// How the catalog writes: all or nothing, one after the other for each ARN, refused in words when there is no room.
//
// Knows:          which ARNs are being written.
// Does not know:  what is written.
//
// Invariant
//   W1. Work on one ARN begins after all work on it that was asked for before has ended.

import { type EntityWrite, StorageFull, type Store } from "../store/store.ts";
import { unavailable } from "./failures.ts";

export class Records {
  readonly #store: Store;
  /** The last work on each ARN that is under way (W1). */
  readonly #works = new Map<string, Promise<unknown>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Durable when it resolves. False: an `ifAbsent` entity exists; then nothing was stored.
   *
   * @throws ServiceError ServiceUnavailable if there is no room: then nothing was stored, and the store goes on
   */
  async write(writes: readonly EntityWrite[]): Promise<boolean> {
    try {
      return await this.#store.writeEntities(writes);
    } catch (error) {
      if (error instanceof StorageFull) throw unavailable(`${error.message}.`);
      throw error;
    }
  }

  /** Runs `work`, which may read and write what belongs to the ARN: nobody else writes to it meanwhile (W1). */
  async exclusively<T>(arn: string, work: () => Promise<T>): Promise<T> {
    const before = this.#works.get(arn);
    const { promise: turn, resolve: done } = Promise.withResolvers<void>();
    this.#works.set(arn, turn);
    try {
      await before;
      return await work();
    } finally {
      if (this.#works.get(arn) === turn) this.#works.delete(arn);
      done();
    }
  }
}
