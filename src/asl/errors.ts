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
