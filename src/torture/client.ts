// A client of a server that may be gone at any moment: it tells an answer from none, repeats what may be repeated,
// and counts.
//
// Knows:          the wire (AWS JSON 1.0), which errors mean "later". Does not know:  operations.
//
// Invariants
//   C1. A refusal (`Answered` with a status below 500) had no effect. Of a server's own error, and of anything else that is
//       thrown, nobody knows whether the call had one.
//   C2. After `abandon` nothing is called any more: who repeats a call is told so at once.
//   C3. A call counts as calm if no fault was there from its first byte to its last: such calls have no excuse.

/** An error that the service answered. */
export class Answered extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status: number) {
    super(`${code}: ${message}`);
    this.code = code;
    this.status = status;
  }

  /** A fault of the server: the call may have had its effect (C1). */
  get isFault(): boolean {
    return this.status >= 500;
  }

  /** Not refused for good: the same call may be made again later. */
  get isTransient(): boolean {
    return this.isFault || this.code === "ThrottlingException";
  }
}

export type Answer = Record<string, unknown>;

/** Longer than any call of the API waits (GetActivityTask: 60 s). */
const GIVE_UP_MS = 90_000;
const REPEAT_AFTER_MS = 30;
const REPEAT_FOR_MS = 120_000;

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** One call. @throws Answered if the service refused; anything else means that there was no answer (C1) */
export async function callOnce(
  url: string,
  operation: string,
  input: object,
  signal: AbortSignal = AbortSignal.timeout(GIVE_UP_MS),
): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AWSStepFunctions.${operation}`,
    },
    body: JSON.stringify(input),
    signal,
  });
  const body = (await response.json()) as Answer;
  if (response.ok) return body;
  const code = String(body["__type"]).split("#").at(-1) as string;
  throw new Answered(code, String(body["message"]), response.status);
}

/** Calls until there is an answer that is not "later". @throws Answered */
export function call(url: string, operation: string, input: object): Promise<Answer> {
  return new Client(url).call(operation, input);
}

export interface CallCounts {
  readonly calls: number;
  readonly unanswered: number;
  readonly throttled: number;
  /** Made while there was no fault (C3), and those of them that had no answer, or "later", or an error of the server. */
  readonly calmCalls: number;
  readonly calmFailures: number;
}

export class Client {
  readonly url: string;
  readonly #counts = { calls: 0, unanswered: 0, throttled: 0, calmCalls: 0, calmFailures: 0 };
  /** Odd while there is no fault; another number after each change. */
  #calm = 0;
  readonly #abandoned = new AbortController();

  constructor(url: string) {
    this.url = url;
  }

  get counts(): CallCounts {
    return { ...this.#counts };
  }

  /** Ends what is under way, and whatever is called from now on (C2). */
  abandon(): void {
    this.#abandoned.abort(new Error("the run is over"));
  }

  /** Says whether there are faults from now on. */
  setCalm(isCalm: boolean): void {
    if ((this.#calm % 2 === 1) !== isCalm) this.#calm += 1;
  }

  /** @throws Answered, or anything else where there was no answer */
  async once(operation: string, input: object, signal?: AbortSignal): Promise<Answer> {
    this.#abandoned.signal.throwIfAborted();
    const calm = this.#calm;
    let isFailure = false;
    try {
      const signals = [this.#abandoned.signal, signal ?? AbortSignal.timeout(GIVE_UP_MS)];
      return await callOnce(this.url, operation, input, AbortSignal.any(signals));
    } catch (error) {
      const isAnswered = error instanceof Answered;
      const isWithdrawn = signal?.aborted === true;
      if (!isAnswered && !isWithdrawn) this.#counts.unanswered += 1;
      if (isAnswered && error.isTransient) this.#counts.throttled += 1;
      isFailure = isAnswered ? error.isTransient : !isWithdrawn;
      throw error;
    } finally {
      this.#counts.calls += 1;
      if (calm % 2 === 1 && calm === this.#calm) {
        this.#counts.calmCalls += 1;
        if (isFailure) this.#counts.calmFailures += 1;
      }
    }
  }

  /**
   * Calls until there is an answer that is not "later".
   * @param onLost Told each time that a call may have had its effect, though nobody said so (C1).
   * @throws Answered
   */
  async call(operation: string, input: object, onLost: () => void = () => {}): Promise<Answer> {
    for (const deadline = Date.now() + REPEAT_FOR_MS; ; ) {
      try {
        return await this.once(operation, input);
      } catch (error) {
        if (error instanceof Answered && !error.isTransient) throw error;
        if (!(error instanceof Answered) || error.isFault) onLost();
        if (Date.now() > deadline || this.#abandoned.signal.aborted) throw error;
        await pause(REPEAT_AFTER_MS);
      }
    }
  }
}
