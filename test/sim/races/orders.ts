// Whether the answers that several callers got at once could have been given one after the other.
//
// Knows:          when each call was sent and answered, and what a model says of one call after another.
// Does not know:  what the calls are about.
//
// Invariants
//   O1. A call takes effect at one moment between its being sent and its answer. One that was answered before another
//       was sent comes before it.
//   O2. A call without an answer took effect at one moment before its loss, or never.
//
// A search over orders, as Wing and Gong describe it ("Testing and verifying concurrent objects", 1993); states that were
// reached with the same calls before are not searched again. A race has some fifteen calls.

export interface Observed<Action> {
  readonly action: Action;
  /** Steps of the simulation. */
  readonly sent: number;
  readonly answered: number;
  /** Undefined: it was lost. */
  readonly answer: string | undefined;
}

export interface Outcome<State> {
  readonly answer: string;
  readonly state: State;
}

/** What one call may be answered in a state, and what it leaves: several where chance decides. */
export type Model<State, Action> = (state: State, action: Action) => readonly Outcome<State>[];

/** Whether there is an order of the calls in which the model gives the answers that were seen. */
export function isExplained<State, Action>(
  initial: State,
  calls: readonly Observed<Action>[],
  model: Model<State, Action>,
): boolean {
  const failed = new Set<string>();

  /** @param done The calls that have taken effect, as bits. */
  function search(state: State, done: number): boolean {
    const isDone = (index: number): boolean => (done & (1 << index)) !== 0;
    if (calls.every(({ answer }, index) => answer === undefined || isDone(index))) return true;
    const key = `${done} ${JSON.stringify(state)}`;
    if (failed.has(key)) return false;
    for (const [index, call] of calls.entries()) {
      if (isDone(index) || !mayComeNext(call, isDone)) continue;
      for (const outcome of model(state, call.action)) {
        if (call.answer !== undefined && call.answer !== outcome.answer) continue;
        if (search(outcome.state, done | (1 << index))) return true;
      }
    }
    failed.add(key);
    return false;
  }

  /** O1, O2. */
  function mayComeNext(call: Observed<Action>, isDone: (index: number) => boolean): boolean {
    return calls.every((other, index) => {
      if (isDone(index)) return call.answered >= other.sent;
      return other.answer === undefined || other.answered >= call.sent;
    });
  }

  return search(initial, 0);
}
