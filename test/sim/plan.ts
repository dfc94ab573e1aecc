// What one simulation does: everything follows from these few numbers.

/** Of the process, the disk and the clock. */
export const DISTURBANCES = [
  "crash",
  "crash while writing",
  "crash while opening",
  "graceful restart",
  "second owner",
  "disk error",
  "disk error for ever",
  "disk reports failure but did it",
  "disk full",
  "disk slow",
  "clock set forward",
  "clock set back",
] as const;

/** Of services, workers and pollers: no reason for a timer to be late. */
const OUTSIDE = [
  "function late",
  "function lost",
  "function fails",
  "function throttled",
  "function unreachable",
  "function answers no JSON",
  "function answers too much",
  "integration throws",
  "call submitted twice",
  "token used twice",
  "token forged",
  "worker silent",
  "poller vanishes",
] as const;

export const FAULT_KINDS = [...DISTURBANCES, ...OUTSIDE] as const;

export type Disturbance = (typeof DISTURBANCES)[number];
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Plan {
  readonly seed: number;
  readonly machines: number;
  /** Starts that clients make. */
  readonly executions: number;
  /** Disturbances of the process, the disk and the clock, one after the other. */
  readonly disturbances: number;
  /** The kinds of fault that may happen. */
  readonly faults: readonly FaultKind[];
  /** States in a definition, at most (more with nesting). */
  readonly size: number;
  /** Express executions, beside a few others (express.ts). */
  readonly isExpress: boolean;
  /** Tells every step. */
  readonly isTraced?: boolean;
}

/**
 * The plan of a seed. In one of ten only services and workers fail: timers must be prompt then. One of ten is about Express
 * executions.
 */
export function planOf(seed: number): Plan {
  const isCalm = seed % 10 === 0;
  const isExpress = seed % 10 === 7;
  return {
    seed,
    machines: 5,
    executions: 28,
    disturbances: isCalm ? 0 : 24,
    faults: isCalm ? OUTSIDE : FAULT_KINDS,
    size: 6,
    isExpress,
  };
}
