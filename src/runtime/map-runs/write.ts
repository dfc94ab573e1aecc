// Writes of Map Runs: a store that is full makes them wait, as nothing is lost by it.

import type { Log } from "../../base/log.ts";
import { type EntityWrite, StorageFull, type Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";

const RETRY_MS = 1000;

export interface WriteOptions {
  readonly store: Pick<Store, "writeEntities">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/** Tries again until there is room. False: nothing was stored, and `isOver` says that nobody shall try again. */
export async function writeWhenRoom(
  { store, clock, log }: WriteOptions,
  mapRunArn: string,
  writes: readonly EntityWrite[],
  isOver: () => boolean,
): Promise<boolean> {
  for (;;) {
    try {
      await store.writeEntities(writes);
      return true;
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      if (isOver()) return false;
      log(`the Map Run ${mapRunArn} waits for room in the store: ${error.message}`, "error");
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
      if (isOver()) return false;
    }
  }
}
