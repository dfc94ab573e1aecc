// A MemoryStore whose commits the test lets through one by one, and which remembers what it was asked.

import { MemoryStore } from "../../src/store/memory.ts";
import type { CommitResult, StoredTurn, TurnWrite } from "../../src/store/store.ts";

export interface HeldCommit {
  readonly turns: readonly TurnWrite[];
  readonly release: () => void;
  readonly fail: (error: Error) => void;
}

export class HeldStore extends MemoryStore {
  isHolding = false;
  /** Commits that wait for the test, in order. */
  readonly held: HeldCommit[] = [];
  /** Turns that are stored, in order. */
  readonly stored: TurnWrite[] = [];
  commits = 0;
  readonly journalReads: number[] = [];

  override async commit(turns: readonly TurnWrite[]): Promise<CommitResult> {
    this.commits += 1;
    if (this.isHolding) {
      await new Promise<void>((resolve, reject) => {
        this.held.push({ turns, release: resolve, fail: reject });
      });
    }
    const result = await super.commit(turns);
    this.stored.push(...turns.filter(({ executionId }) => !result.arnTaken.includes(executionId)));
    return result;
  }

  override async readJournal(executionId: number): Promise<readonly StoredTurn[]> {
    this.journalReads.push(executionId);
    return super.readJournal(executionId);
  }

  /** Lets what waits pass, and all that comes later. */
  letGo(): void {
    this.isHolding = false;
    for (const { release } of this.held.splice(0)) release();
  }
}
