// Random choices of one kind, repeated by a seed: each user has a stream of its own, so that leaving something out does
// not change what all others draw.

import { mulberry32 } from "../../chance.ts";

export class Chance {
  readonly #next: () => number;

  constructor(seed: number, stream: string) {
    let mixed = seed >>> 0;
    for (const character of stream) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193) >>> 0;
    this.#next = mulberry32(Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d));
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.#next();
  }

  likely(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number, both ends included. */
  from(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#next() * list.length)] as T;
  }

  word32(): number {
    return Math.floor(this.#next() * 4294967296);
  }
}
