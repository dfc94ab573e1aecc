// Many races, each an interleaving of its own.

import { Arena } from "./arena.ts";
import { EXECUTION_RACES } from "./executions.ts";
import type { Race } from "./race.ts";
import { VERSION_RACES } from "./versions.ts";

export const RACES: readonly Race[] = [...EXECUTION_RACES, ...VERSION_RACES];

export interface RaceReport {
  readonly race: Race;
  readonly played: number;
  /** Different orders of steps among them. */
  readonly interleavings: number;
  readonly steps: number;
  readonly ways: ReadonlyMap<string, number>;
  /** Each with the seed that repeats it. */
  readonly failures: readonly string[];
}

/** Plays the race with so many seeds from the first on. Ends at the third failure. */
export async function playMany(race: Race, firstSeed: number, count: number): Promise<RaceReport> {
  const ways = new Map<string, number>();
  const hashes = new Set<string>();
  const failures: string[] = [];
  let steps = 0;
  let played = 0;
  for (let seed = firstSeed; played < count && failures.length < 3; seed++) {
    played += 1;
    // oxlint-disable-next-line no-await-in-loop -- one race at a time
    const arena = await Arena.open(seed);
    try {
      const way = await race.play(arena);
      ways.set(way, (ways.get(way) ?? 0) + 1);
    } catch (error) {
      failures.push(`${race.name}, seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    hashes.add(arena.hash);
    steps += arena.steps;
  }
  return { race, played, interleavings: hashes.size, steps, ways, failures };
}
