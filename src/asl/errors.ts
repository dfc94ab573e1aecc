// Failures inside a running state machine are values: an error name and a cause, for Retry and Catch.

/**
 * Thrown by expressions, caught in one place of the engine, which makes it the failure of the state.
 * Not an Error: it needs no stack, and it is no fault of this program.
 */
export class StatesError {
  readonly error: string;
  readonly cause: string | undefined;
  /**
   * Whether the engine puts `An error occurred while executing the state 'X' (entered at the event id #N). `
   * before the cause, as the service does for nearly all of its own.
   */
  readonly located: boolean;
  /** A second name that ErrorEquals may use. */
  readonly alias: string | undefined;
  /** True: the state that it comes from can neither retry nor catch it, since that state has done its work. */
  readonly isFinal: boolean;

  constructor(error: string, cause?: string, located = true, alias?: string, isFinal = false) {
    this.error = error;
    this.alias = alias;
    this.isFinal = isFinal;
    this.cause = cause;
    this.located = located && cause !== undefined;
  }
}

/** A JSONata expression failed, or gave what its field cannot take. The history tells it as EvaluationFailed. */
export class QueryEvaluationError extends StatesError {
  /** The field, `Output/total`; undefined where the service names none. */
  readonly location: string | undefined;
  /**
   * Whether the value was found wrong only when the state used it: the service then chains the event to the
   * state's entry, else to what the entry follows.
   */
  readonly isAfterEntry: boolean;

  constructor(cause: string, location: string | undefined, isAfterEntry = false) {
    super("States.QueryEvaluationError", cause);
    this.location = location;
    this.isAfterEntry = isAfterEntry;
  }
}
