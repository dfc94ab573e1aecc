// What waits to be sent: taken at once, worked off in order, one piece of work after the other.
//
// Knows:          how much waits, whether there is still time. Does not know: what is sent, where to.
//
// Invariants
//   B1. `add` returns at once, whatever becomes of the items.
//   B2. At most `most` items wait; further ones, and those that wait when the time is over, are dropped and counted.

export interface BacklogOptions<T> {
  readonly most: number;
  /** Takes at least one item and works it off. It must not reject. */
  readonly work: (take: (count: number) => readonly T[], signal: AbortSignal) => Promise<void>;
  /** Is told how many were dropped, when there is nothing left to do. */
  readonly dropped: (count: number) => void;
}

export class Backlog<T> {
  readonly #options: BacklogOptions<T>;
  readonly #stop = new AbortController();
  #waiting: T[] = [];
  #dropped = 0;
  #underWay: Promise<void> | undefined;

  constructor(options: BacklogOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    if (this.#waiting.length >= this.#options.most || this.isClosed) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(item);
    this.#underWay ??= this.#run();
  }

  get isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Resolves when all was worked off, or the time is over. */
  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await this.#underWay;
    clearTimeout(timer);
    this.#stop.abort();
    this.#tellDropped();
  }

  async #run(): Promise<void> {
    // What comes in the same moment is worked off together.
    await new Promise((resolve) => setImmediate(resolve));
    const take = (count: number): readonly T[] => this.#waiting.splice(0, count);
    while (this.#waiting.length > 0 && !this.isClosed) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await this.#options.work(take, this.#stop.signal);
    }
    this.#underWay = undefined;
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
    this.#tellDropped();
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#options.dropped(this.#dropped);
    this.#dropped = 0;
  }
}
