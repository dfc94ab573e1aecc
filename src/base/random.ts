// Randomness that comes in with an input (D2): the runtime draws a seed, the engine expands it.
//
// xoshiro128** over a 128-bit seed: a few bits for jitter and a few UUIDs per turn are all that is drawn.
// What was drawn is recorded in events, so a seed is never stored and never replayed.

/** 128 bits: four unsigned 32-bit integers, not all zero. */
export type Seed = readonly [number, number, number, number];

/** 128 bits from 32, by splitmix32. The same number gives the same bits for ever. */
export function expandSeed(bits: number): Seed {
  let state = bits;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return [next(), next(), next(), next()];
}

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: Seed) {
    [this.#a, this.#b, this.#c, this.#d] = seed;
    if ((this.#a | this.#b | this.#c | this.#d) === 0) this.#a = 1;
  }

  /** The next 32 bits, as an unsigned integer. */
  next32(): number {
    const x = Math.imul(this.#b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), with 53 bits. */
  next01(): number {
    return ((this.next32() >>> 5) * 67108864 + (this.next32() >>> 6)) / 9007199254740992;
  }

  /** A version-4 UUID. */
  uuid(): string {
    const hex = (word: number): string => word.toString(16).padStart(8, "0");
    const a = hex(this.next32());
    const b = hex(this.next32());
    const c = hex(this.next32());
    const d = hex(this.next32());
    const variant = "89ab"[Number.parseInt(c.charAt(0), 16) & 3];
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
  }
}
