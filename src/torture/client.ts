// A client of a server that may be gone at any moment: it tells an answer from none, repeats what may be repeated,
// and counts.
//
// Knows:          the wire (AWS JSON 1.0), which errors mean "later". Does not know:  operations.
//
// Invariants
//   C1. `Answered` means that the service has refused; anything else that is thrown means that nobody knows whether
//       the call had an effect.
//   C2. A call counts as calm if no fault was there from its first byte to its last: such calls have no excuse.

/** An error that the service answered. */
export class Answered extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }

  /** Not refused for good: the same call may be made again later. */
  get isTransient(): boolean {
    return this.code === "ThrottlingException" || this.code === "ServiceUnavailable";
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
  throw new Answered(String(body["__type"]).split("#").at(-1) as string, String(body["message"]));
}

/** Calls until there is an answer that is not "later". @throws Answered */
export function call(url: string, operation: string, input: object): Promise<Answer> {
  return new Client(url).call(operation, input);
}

export interface CallCounts {
  readonly calls: number;
  readonly unanswered: number;
  readonly throttled: number;
  /** Made while there was no fault (C2), and those of them that had no answer, or "later", or an error of the server. */
  readonly calmCalls: number;
  readonly calmFailures: number;
}

export class Client {
  readonly url: string;
  readonly #counts = { calls: 0, unanswered: 0, throttled: 0, calmCalls: 0, calmFailures: 0 };
  /** Odd while there is no fault; another number after each change. */
  #calm = 0;

  constructor(url: string) {
    this.url = url;
  }

  get counts(): CallCounts {
    return { ...this.#counts };
  }

  /** Says whether there are faults from now on. */
  setCalm(isCalm: boolean): void {
    if ((this.#calm % 2 === 1) !== isCalm) this.#calm += 1;
  }

  /** @throws Answered, or anything else where there was no answer */
  async once(operation: string, input: object, signal?: AbortSignal): Promise<Answer> {
    const calm = this.#calm;
    let isFailure = false;
    try {
      return await callOnce(this.url, operation, input, signal);
    } catch (error) {
      const isAnswered = error instanceof Answered;
      const isWithdrawn = signal?.aborted === true;
      if (!isAnswered && !isWithdrawn) this.#counts.unanswered += 1;
      if (isAnswered && error.isTransient) this.#counts.throttled += 1;
      isFailure = isAnswered ? error.isTransient || error.code === "InternalFailure" : !isWithdrawn;
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
   * @param onLost Told each time that a call had no answer: it may have had its effect.
   * @throws Answered
   */
  async call(operation: string, input: object, onLost: () => void = () => {}): Promise<Answer> {
    for (const deadline = Date.now() + REPEAT_FOR_MS; ; ) {
      try {
        return await this.once(operation, input);
      } catch (error) {
        if (error instanceof Answered && !error.isTransient) throw error;
        if (!(error instanceof Answered)) onLost();
        if (Date.now() > deadline) throw error;
        await pause(REPEAT_AFTER_MS);
      }
    }
  }
}
