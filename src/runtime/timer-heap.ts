// A binary heap of (moment, execution id), the earliest first, in two arrays of numbers: an entry is 16 bytes.

export class TimerHeap {
  readonly #moments: number[] = [];
  readonly #ids: number[] = [];

  get size(): number {
    return this.#moments.length;
  }

  /** Infinity if there is none. */
  get nextAtMs(): number {
    return this.#moments[0] ?? Number.POSITIVE_INFINITY;
  }

  push(atMs: number, id: number): void {
    const moments = this.#moments;
    const ids = this.#ids;
    let hole = moments.length;
    moments.push(atMs);
    ids.push(id);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const parentAtMs = moments[parent] as number;
      if (parentAtMs <= atMs) break;
      moments[hole] = parentAtMs;
      ids[hole] = ids[parent] as number;
      hole = parent;
    }
    moments[hole] = atMs;
    ids[hole] = id;
  }

  /** The id of the earliest entry, which must be there. */
  pop(): number {
    const moments = this.#moments;
    const ids = this.#ids;
    const earliest = ids[0] as number;
    const atMs = moments.pop() as number;
    const id = ids.pop() as number;
    const size = moments.length;
    if (size === 0) return earliest;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && (moments[child + 1] as number) < (moments[child] as number)) child += 1;
      if ((moments[child] as number) >= atMs) break;
      moments[hole] = moments[child] as number;
      ids[hole] = ids[child] as number;
      hole = child;
    }
    moments[hole] = atMs;
    ids[hole] = id;
    return earliest;
  }
}
