// MD5, SHA-1 and SHA-2 without a runtime: the pure layers have no crypto module. For States.Hash, whose input has
// at most 10,000 characters; not for secrets.
//
// The constants are computed from their definitions instead of being listed: SHA-2 takes the fractions of the
// roots of the first primes, MD5 the sine. That is shorter, and a mistyped digit cannot hide. The arithmetic is
// on pairs of 32-bit words: with BigInt one digest of 10,000 characters took some 50 ms, too long for a turn.
//
// Spec: RFC 1321, FIPS 180-4

import { unreachable } from "../../base/assert.ts";

export const HASH_ALGORITHMS = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"] as const;
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** The digest in lower-case hexadecimal. */
export function digestHex(algorithm: HashAlgorithm, data: Uint8Array): string {
  switch (algorithm) {
    case "MD5":
      return md5(data);
    case "SHA-1":
      return sha1(data);
    case "SHA-256":
      return sha256(data);
    case "SHA-384":
      return sha512(data, 8).slice(0, 96);
    case "SHA-512":
      return sha512(data, 0);
    default:
      return unreachable(algorithm);
  }
}

/** Data, a one bit, zeros, and the length in bits, as whole blocks of words. */
function blocks(data: Uint8Array, blockBytes: 64 | 128, littleEndian: boolean): Int32Array {
  const lengthBytes = blockBytes / 8;
  const total = Math.ceil((data.length + 1 + lengthBytes) / blockBytes) * blockBytes;
  const words = new Int32Array(total / 4);
  const put = (at: number, byte: number): void => {
    const shift = littleEndian ? (at % 4) * 8 : 24 - (at % 4) * 8;
    words[at >> 2] = (words[at >> 2] ?? 0) | (byte << shift);
  };
  for (let i = 0; i < data.length; i++) put(i, data[i] ?? 0);
  put(data.length, 0x80);
  const low = data.length * 8;
  const high = Math.floor(low / 2 ** 32);
  words[words.length - 2] = littleEndian ? low | 0 : high;
  words[words.length - 1] = littleEndian ? high : low | 0;
  return words;
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

function md5(data: Uint8Array): string {
  const words = blocks(data, 64, true);
  const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let block = 0; block < words.length; block += 16) {
    let [a = 0, b = 0, c = 0, d = 0] = state;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      let f: number;
      let at: number;
      if (round === 0) [f, at] = [(b & c) | (~b & d), i];
      else if (round === 1) [f, at] = [(d & b) | (~d & c), (5 * i + 1) % 16];
      else if (round === 2) [f, at] = [b ^ c ^ d, (3 * i + 5) % 16];
      else [f, at] = [c ^ (b | ~d), (7 * i) % 16];
      const constant = Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1)));
      const sum = (a + f + (constant | 0) + (words[block + at] ?? 0)) | 0;
      [a, d, c] = [d, c, b];
      b = (b + rotateLeft(sum, shifts[round * 4 + (i % 4)] ?? 0)) | 0;
    }
    add(state, [a, b, c, d]);
  }
  return Array.from(state, (word) => hex(bytesReversed(word))).join("");
}

function bytesReversed(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

function add(state: Int32Array, values: readonly number[]): void {
  for (const [i, value] of values.entries()) state[i] = ((state[i] ?? 0) + value) | 0;
}

function sha1(data: Uint8Array): string {
  const words = blocks(data, 64, false);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const w = new Int32Array(80);
  for (let block = 0; block < words.length; block += 16) {
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
    for (let i = 0; i < 80; i++) {
      const mixed = (w[i - 3] ?? 0) ^ (w[i - 8] ?? 0) ^ (w[i - 14] ?? 0) ^ (w[i - 16] ?? 0);
      const word = i < 16 ? (words[block + i] ?? 0) : rotateLeft(mixed, 1);
      w[i] = word;
      let f: number;
      let k: number;
      if (i < 20) [f, k] = [(b & c) | (~b & d), 0x5a827999];
      else if (i < 40) [f, k] = [b ^ c ^ d, 0x6ed9eba1];
      else if (i < 60) [f, k] = [(b & c) | (b & d) | (c & d), 0x8f1bbcdc];
      else [f, k] = [b ^ c ^ d, 0xca62c1d6];
      const next = (rotateLeft(a, 5) + f + e + k + word) | 0;
      [e, d, c, b, a] = [d, c, rotateLeft(b, 30), a, next];
    }
    add(state, [a, b, c, d, e]);
  }
  return Array.from(state, hex).join("");
}

/** `squares`: fractions of the square roots of the first 16 primes; `cubes`: of the cube roots of the first 80. */
interface Constants {
  /** High and low word of each, alternating. */
  readonly squares: Int32Array;
  readonly cubes: Int32Array;
}

let constants: Constants | undefined;

function sha2Constants(): Constants {
  if (constants !== undefined) return constants;
  const primes: number[] = [];
  for (let n = 2; primes.length < 80; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  const fractions = (count: number, power: 2n | 3n): Int32Array => {
    const words = new Int32Array(count * 2);
    for (let i = 0; i < count; i++) {
      // The root of prime * 2^(64 * power) is the root of the prime, shifted left by 64.
      const fraction = integerRoot(BigInt(primes[i] ?? 0) << (64n * power), power) & 0xffff_ffff_ffff_ffffn;
      words[i * 2] = Number(BigInt.asIntN(32, fraction >> 32n));
      words[i * 2 + 1] = Number(BigInt.asIntN(32, fraction));
    }
    return words;
  };
  constants = { squares: fractions(16, 2n), cubes: fractions(80, 3n) };
  return constants;
}

/** The largest integer whose power is not above `value`, by halving. */
function integerRoot(value: bigint, power: bigint): bigint {
  let low = 0n;
  let high = 1n << 70n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** power <= value) low = middle;
    else high = middle;
  }
  return low;
}

function sha256(data: Uint8Array): string {
  const { squares, cubes } = sha2Constants();
  const words = blocks(data, 64, false);
  // SHA-256 uses the high words of the constants of SHA-512.
  const state = Int32Array.from({ length: 8 }, (_, i) => squares[i * 2] ?? 0);
  const w = new Int32Array(64);
  for (let block = 0; block < words.length; block += 16) {
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      let word = words[block + i] ?? 0;
      if (i >= 16) {
        const x = w[i - 15] ?? 0;
        const y = w[i - 2] ?? 0;
        const s0 = rotateLeft(x, 25) ^ rotateLeft(x, 14) ^ (x >>> 3);
        const s1 = rotateLeft(y, 15) ^ rotateLeft(y, 13) ^ (y >>> 10);
        word = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
      }
      w[i] = word;
      const s1 = rotateLeft(e, 26) ^ rotateLeft(e, 21) ^ rotateLeft(e, 7);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (cubes[i * 2] ?? 0) + word) | 0;
      const s0 = rotateLeft(a, 30) ^ rotateLeft(a, 19) ^ rotateLeft(a, 10);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    add(state, [a, b, c, d, e, f, g, h]);
  }
  return Array.from(state, hex).join("");
}

/** The high word of a 64-bit value rotated right; with the words swapped, the low word. */
function rotated(high: number, low: number, by: number): number {
  return by < 32 ? (high >>> by) | (low << (32 - by)) : (low >>> (by - 32)) | (high << (64 - by));
}

/** Adds 64-bit values, given as high and low words alternating, into `sum[0]` and `sum[1]`. */
function sum64(sum: Int32Array, ...words: readonly number[]): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < words.length; i += 2) {
    high += words[i] ?? 0;
    low += (words[i + 1] ?? 0) >>> 0;
  }
  sum[0] = (high + Math.floor(low / 2 ** 32)) | 0;
  sum[1] = low | 0;
}

/** @param firstPrime 0 for SHA-512; 8 for SHA-384, which starts from the roots of the next eight primes. */
function sha512(data: Uint8Array, firstPrime: 0 | 8): string {
  const { squares, cubes } = sha2Constants();
  const words = blocks(data, 128, false);
  const state = squares.slice(firstPrime * 2, firstPrime * 2 + 16);
  const w = new Int32Array(160);
  const t1 = new Int32Array(2);
  const t2 = new Int32Array(2);
  for (let block = 0; block < words.length; block += 32) {
    // a to h as pairs of words, a first.
    const v = state.slice();
    const at = (i: number): number => v[i] ?? 0;
    for (let i = 0; i < 80; i++) {
      if (i < 16) {
        w[i * 2] = words[block + i * 2] ?? 0;
        w[i * 2 + 1] = words[block + i * 2 + 1] ?? 0;
      } else {
        const xh = w[i * 2 - 30] ?? 0;
        const xl = w[i * 2 - 29] ?? 0;
        const yh = w[i * 2 - 4] ?? 0;
        const yl = w[i * 2 - 3] ?? 0;
        sum64(
          t1,
          w[i * 2 - 32] ?? 0,
          w[i * 2 - 31] ?? 0,
          rotated(xh, xl, 1) ^ rotated(xh, xl, 8) ^ (xh >>> 7),
          rotated(xl, xh, 1) ^ rotated(xl, xh, 8) ^ ((xl >>> 7) | (xh << 25)),
          w[i * 2 - 14] ?? 0,
          w[i * 2 - 13] ?? 0,
          rotated(yh, yl, 19) ^ rotated(yh, yl, 61) ^ (yh >>> 6),
          rotated(yl, yh, 19) ^ rotated(yl, yh, 61) ^ ((yl >>> 6) | (yh << 26)),
        );
        w.set(t1, i * 2);
      }
      const [ah, al, bh, bl, ch, cl] = [at(0), at(1), at(2), at(3), at(4), at(5)];
      const [eh, el, fh, fl, gh, gl] = [at(8), at(9), at(10), at(11), at(12), at(13)];
      sum64(
        t1,
        at(14),
        at(15),
        rotated(eh, el, 14) ^ rotated(eh, el, 18) ^ rotated(eh, el, 41),
        rotated(el, eh, 14) ^ rotated(el, eh, 18) ^ rotated(el, eh, 41),
        (eh & fh) ^ (~eh & gh),
        (el & fl) ^ (~el & gl),
        cubes[i * 2] ?? 0,
        cubes[i * 2 + 1] ?? 0,
        w[i * 2] ?? 0,
        w[i * 2 + 1] ?? 0,
      );
      sum64(
        t2,
        rotated(ah, al, 28) ^ rotated(ah, al, 34) ^ rotated(ah, al, 39),
        rotated(al, ah, 28) ^ rotated(al, ah, 34) ^ rotated(al, ah, 39),
        (ah & bh) ^ (ah & ch) ^ (bh & ch),
        (al & bl) ^ (al & cl) ^ (bl & cl),
        t1[0] ?? 0,
        t1[1] ?? 0,
      );
      v.copyWithin(2, 0, 14);
      v.set(t2, 0);
      sum64(t2, at(8), at(9), t1[0] ?? 0, t1[1] ?? 0);
      v.set(t2, 8);
    }
    for (let i = 0; i < 16; i += 2) {
      sum64(t1, state[i] ?? 0, state[i + 1] ?? 0, at(i), at(i + 1));
      state.set(t1, i);
    }
  }
  return Array.from(state, hex).join("");
}
