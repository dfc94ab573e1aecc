// Group commit: turns gather while a batch is being committed, then become a batch themselves.
//
// Knows:          the order of turns, which are durable, how much waits.
// Does not know:  executions. An entry is whatever carries a TurnWrite.
//
// Invariants
//   G1. LSNs are given out here, in the order of `add`; batches are committed in that order (D6).
//   G2. `settle` is called once for every entry that became durable or was refused (its ARN was taken), in the
//       order of `add`, and never before the store said so (D1).
//   G3. A commit that is rejected, for whatever reason, is the end: nothing is settled any more, every entry
//       that waits or comes later is failed, and `onFatal` is called once. What is in memory may not be what is
//       stored, so nobody goes on from it (engine notes, 8).
//
// Two batches may be under way: the second reaches the store while the first is being made durable. A third
// would only make batches smaller.
//
//   1. batch 1 = { start of A }, batch 2 = { second turn of A, start of B };
//   2. the store answers 2 before 1 (it may, both are durable): 2 waits here until 1 was settled (G2).

import type { CommitResult, Store, TurnWrite } from "../store/store.ts";
import type { Clock } from "./clock.ts";

const BATCHES_UNDER_WAY = 2;
const TURNS_PER_BATCH = 4096;
/**
 * So many turns leave at once, also in the middle of a round of the event loop: the store begins while the rest of
 * the round is being decided. Without it, executions that were settled together come back together, and the store
 * and the engine take turns instead of working side by side.
 */
const EAGER_TURNS = 64;

export interface CommitterOptions<E> {
  readonly store: Pick<Store, "commit">;
  readonly clock: Pick<Clock, "soon">;
  readonly nextLsn: number;
  /** Past either, `isFull` tells those who can wait to wait. */
  readonly maxTurns: number;
  readonly maxChars: number;
  /** `refused`: the execution's ARN was taken, nothing of it is stored. */
  readonly settle: (entry: E, refused: boolean) => void;
  readonly fail: (entry: E, error: Error) => void;
  readonly onFatal: (error: Error) => void;
}

interface Batch<E> {
  readonly entries: readonly E[];
  result: CommitResult | undefined;
}

export class Committer<E extends { readonly write: TurnWrite }> {
  readonly #options: CommitterOptions<E>;
  #gathering: E[] = [];
  readonly #underWay: Batch<E>[] = [];
  #isFlushPlanned = false;
  #failure: Error | undefined;
  #nextLsn: number;
  #turns = 0;
  #chars = 0;
  #settledLsn: number;
  /** In the order of their LSNs. */
  readonly #drains: { readonly lsn: number; readonly resolve: () => void }[] = [];
  #settledTurns = 0;
  #commits = 0;

  constructor(options: CommitterOptions<E>) {
    this.#options = options;
    this.#nextLsn = options.nextLsn;
    this.#settledLsn = options.nextLsn - 1;
  }

  /** The LSN of the next turn that is added (G1): ask, then add. */
  takeLsn(): number {
    const lsn = this.#nextLsn;
    this.#nextLsn += 1;
    return lsn;
  }

  add(entry: E): void {
    if (this.#failure !== undefined) {
      this.#options.fail(entry, this.#failure);
      return;
    }
    this.#turns += 1;
    this.#chars += entry.write.data.length;
    this.#gathering.push(entry);
    if (this.#underWay.length >= BATCHES_UNDER_WAY) return;
    if (this.#gathering.length >= EAGER_TURNS) {
      this.#flush();
      return;
    }
    // Not at once: the other requests of this round of the event loop belong to the same batch.
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#options.clock.soon(() => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  get isFull(): boolean {
    return this.#turns >= this.#options.maxTurns || this.#chars >= this.#options.maxChars;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Turns decided and not yet durable; turns that are; commits that made them so. */
  get counts(): { readonly queued: number; readonly turns: number; readonly commits: number } {
    return { queued: this.#turns, turns: this.#settledTurns, commits: this.#commits };
  }

  /** Resolves when every turn that was added so far is durable, or never will be. */
  drain(): Promise<void> {
    const lsn = this.#nextLsn - 1;
    if (this.#settledLsn >= lsn || this.#failure !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#drains.push({ lsn, resolve }));
  }

  /** Ends everything (G3). */
  abandon(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const entries = [...this.#underWay.flatMap((batch) => batch.entries), ...this.#gathering];
    this.#underWay.length = 0;
    this.#gathering = [];
    this.#options.onFatal(error);
    for (const entry of entries) this.#options.fail(entry, error);
    this.#wakeDrains(Number.POSITIVE_INFINITY);
  }

  #flush(): void {
    while (this.#gathering.length > 0 && this.#underWay.length < BATCHES_UNDER_WAY) {
      let entries = this.#gathering;
      if (entries.length > TURNS_PER_BATCH) {
        this.#gathering = entries.slice(TURNS_PER_BATCH);
        entries = entries.slice(0, TURNS_PER_BATCH);
      } else {
        this.#gathering = [];
      }
      const batch: Batch<E> = { entries, result: undefined };
      this.#underWay.push(batch);
      this.#options.store.commit(entries.map((entry) => entry.write)).then(
        (result) => {
          batch.result = result;
          this.#settle();
        },
        (error: unknown) => this.abandon(error instanceof Error ? error : new Error(String(error))),
      );
    }
  }

  /** Settles the answered batches at the head of what is under way (G2), then goes on. */
  #settle(): void {
    for (let batch = this.#underWay[0]; batch?.result !== undefined; batch = this.#underWay[0]) {
      this.#underWay.shift();
      this.#commits += 1;
      const { arnTaken } = batch.result;
      const refused = arnTaken.length === 0 ? undefined : new Set(arnTaken);
      for (const entry of batch.entries) {
        const { write } = entry;
        this.#turns -= 1;
        this.#chars -= write.data.length;
        this.#settledTurns += 1;
        this.#settledLsn = write.lsn;
        this.#options.settle(entry, refused?.has(write.executionId) === true);
      }
    }
    // What the settled turns caused is gathered by now.
    this.#flush();
    if (this.#failure === undefined) this.#wakeDrains(this.#settledLsn);
  }

  #wakeDrains(lsn: number): void {
    for (let first = this.#drains[0]; first !== undefined && first.lsn <= lsn; first = this.#drains[0]) {
      this.#drains.shift();
      first.resolve();
    }
  }
}
