// What executions would cost on AWS.
//
// Knows:          what counts as a transition, of a history; what an Express execution is billed for.
// Does not know:  where the events come from, how a bill is shown.
//
// Invariants
//   B1. A transition is a state that was entered, or an attempt beside the first: a retry, or what a redrive ran again.
//       Such an attempt begins without its state being entered anew: its event does not follow a …StateEntered.
//       A Map Run that starts is part of the attempt of its state; one that is redriven is an attempt.
//   B2. Counting keeps numbers only, so the history of the longest execution takes little memory.

import { isObject, type JsonObject, member } from "../base/json.ts";
import { durationPrice, type Prices } from "./prices.ts";
import { detailsOf, numberOf, stringOf } from "./timeline.ts";

export interface Bill {
  readonly executions: number;
  /** Of Standard executions; `attempts` of them are retries and redriven steps. */
  readonly transitions: number;
  readonly attempts: number;
  /** Of Express executions. */
  readonly requests: number;
  readonly billedMs: number;
  readonly gbSeconds: number;
  /** Still running: what they will use more is not in the bill. */
  readonly open: number;
  /** Express executions that are not kept any more: of these only the request is in the bill. */
  readonly forgotten: number;
}

export const NO_BILL: Bill = {
  executions: 0,
  transitions: 0,
  attempts: 0,
  requests: 0,
  billedMs: 0,
  gbSeconds: 0,
  open: 0,
  forgotten: 0,
};

const ATTEMPT =
  /^(?:Task|LambdaFunction|Activity)Scheduled$|^(?:MapState|ParallelState)Started$|^MapRunRedriven$/;

/** Counts the events of one Standard execution, oldest first. */
export class TransitionCounter {
  #entered = 0;
  #attempts = 0;
  #starts = 0;
  #isOpen = true;
  readonly #mapRunArns = new Set<string>();
  /** Ids of the events that entered a state. */
  readonly #entries = new Set<number>();

  add(event: JsonObject): void {
    const type = stringOf(event, "type") ?? "";
    if (type.endsWith("StateEntered")) {
      this.#entered += 1;
      this.#entries.add(numberOf(event, "id") ?? 0);
    } else if (ATTEMPT.test(type)) {
      if (!this.#entries.has(numberOf(event, "previousEventId") ?? 0)) this.#attempts += 1;
    } else if (type === "MapRunStarted") {
      this.#mapRunArns.add(stringOf(detailsOf(event), "mapRunArn") ?? "");
    } else if (type === "ExecutionStarted") {
      this.#starts += 1;
    } else if (type === "ExecutionRedriven") {
      this.#isOpen = true;
    } else if (/^Execution(?:Succeeded|Failed|Aborted|TimedOut)$/.test(type)) {
      this.#isOpen = false;
    }
  }

  /** Of the Map Runs that it started: their children are executions with bills of their own. */
  get mapRunArns(): readonly string[] {
    return Array.from(this.#mapRunArns);
  }

  bill({ standard }: Prices): Bill {
    return {
      ...NO_BILL,
      executions: 1,
      transitions: this.#entered + this.#attempts + this.#starts * standard.transitionsPerStart,
      attempts: this.#attempts,
      open: this.#isOpen ? 1 : 0,
    };
  }
}

/** @param execution As Stepwell's own operations and StartSyncExecution show it. */
export function expressBill(execution: JsonObject): Bill {
  const details = member(execution, "billingDetails");
  const isOpen = !isObject(details);
  const billedMs = isOpen ? 0 : (numberOf(details, "billedDurationInMilliseconds") ?? 0);
  const memoryMb = isOpen ? 0 : (numberOf(details, "billedMemoryUsedInMB") ?? 0);
  return {
    ...NO_BILL,
    executions: 1,
    requests: 1,
    billedMs,
    gbSeconds: (memoryMb / 1_024) * (billedMs / 1_000),
    open: isOpen ? 1 : 0,
  };
}

export function addBills(a: Bill, b: Bill): Bill {
  return {
    executions: a.executions + b.executions,
    transitions: a.transitions + b.transitions,
    attempts: a.attempts + b.attempts,
    requests: a.requests + b.requests,
    billedMs: a.billedMs + b.billedMs,
    gbSeconds: a.gbSeconds + b.gbSeconds,
    open: a.open + b.open,
    forgotten: a.forgotten + b.forgotten,
  };
}

/** In the currency of the prices; as if it were all that is used in a month. */
export function priceOf(bill: Bill, prices: Prices, isWithFreeTier: boolean): number {
  const { standard, express } = prices;
  const free = isWithFreeTier ? standard.freeTransitions : 0;
  const price =
    Math.max(0, bill.transitions - free) * standard.perTransition +
    bill.requests * express.perRequest +
    durationPrice(prices, bill.gbSeconds);
  // 42 transitions are 0.00105, not 0.0010500000000000002.
  return Number(price.toFixed(12));
}
