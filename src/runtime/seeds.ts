// Where all randomness of the runtime comes from: 128-bit seeds, drawn in bulk from the operating system. Each input
// carries one (D2); names of executions and the key of task tokens are made of others.
//
// One call of randomFillSync costs about as much for 16 KiB as for 16 bytes, so a seed costs next to nothing.

import { randomFillSync } from "node:crypto";
import type { Seed } from "../base/random.ts";

export type SeedSource = () => Seed;

const WORDS = 4096;

export function systemSeeds(): SeedSource {
  const words = new Uint32Array(WORDS);
  let used = WORDS;
  return () => {
    if (used === WORDS) {
      randomFillSync(words);
      used = 0;
    }
    const seed: Seed = [
      words[used] as number,
      words[used + 1] as number,
      words[used + 2] as number,
      words[used + 3] as number,
    ];
    used += 4;
    return seed;
  };
}
