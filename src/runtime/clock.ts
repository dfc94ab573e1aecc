// Time, as the runtime sees it: a wall clock that may jump, and waits that follow the monotonic clock.
//
// The only place of the runtime that reads either, or asks the event loop for a later turn; tests bring a clock that
// they move themselves.

export interface Clock {
  /** Wall clock, epoch milliseconds, whole. */
  readonly now: () => number;
  /** Calls `fn` once, after about `ms` milliseconds (perhaps a little early); returns what cancels it. */
  readonly after: (ms: number, fn: () => void) => () => void;
  /** Calls `fn` once, as soon as what arrived together with the present work has been taken too. */
  readonly soon: (fn: () => void) => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  soon: (fn) => {
    setImmediate(fn);
  },
};
