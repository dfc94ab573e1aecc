// A request that may be made again: to collectors, webhooks, and services with AWS's JSON protocol.
//
// Invariants
//   H1. It is made again while the other side is away or busy, `TRIES` times at most, with growing pauses; never after an
//       answer that says that the request itself is wrong.

import { setTimeout } from "node:timers/promises";
import { type Credentials, sign } from "../integrations/sigv4.ts";

const TRIES = 5;
const REQUEST_MS = 10_000;

export interface PostOptions {
  /** Milliseconds before the next try; shorter in tests. */
  readonly delayMs?: ((attempt: number) => number) | undefined;
  /** Gives up at once. */
  readonly signal?: AbortSignal;
}

/**
 * @param headers Made for each try: a signature has a time.
 * @returns the body of the answer
 * @throws Error that says in words what the last try met
 */
export async function post(
  url: string,
  headers: () => Readonly<Record<string, string>>,
  body: string,
  { delayMs = backoffMs, signal = new AbortController().signal }: PostOptions,
): Promise<string> {
  let problem = "there was no time";
  for (let attempt = 1; attempt <= TRIES && !signal.aborted; attempt++) {
    // oxlint-disable-next-line no-await-in-loop -- not before the last try has failed
    if (attempt > 1) await pause(delayMs(attempt - 1), signal);
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      const answer = await fetch(url, {
        method: "POST",
        headers: headers(),
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
      });
      // oxlint-disable-next-line no-await-in-loop -- see above
      const text = await answer.text();
      if (answer.ok) return text;
      problem = `it answers ${answer.status} ${text.slice(0, 300)}`.trimEnd();
      if (!isBusy(answer.status, text)) break;
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown };
      const inner = cause instanceof Error ? cause : error;
      problem = inner instanceof Error ? inner.message : String(inner);
    }
  }
  throw new Error(`${url}: ${problem}`);
}

export interface AwsService {
  readonly endpoint: string;
  readonly region: string;
  /** Absent: requests are signed with a key that stands for any, as emulators accept it. */
  readonly credentials?: Credentials | undefined;
}

const ANY_KEY: Credentials = { accessKeyId: "stepwell", secretAccessKey: "stepwell" };

/** An operation of a service with AWS's JSON protocol 1.1. @throws as `post` */
export function postAws(
  { endpoint, region, credentials = ANY_KEY }: AwsService,
  service: string,
  target: string,
  input: object,
  options: PostOptions,
): Promise<string> {
  const url = new URL(endpoint);
  const body = JSON.stringify(input);
  const headers = (): Record<string, string> => {
    const { host: _, ...signed } = sign(
      {
        method: "POST",
        url,
        headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
        body,
      },
      credentials,
      { region, service, nowMs: Date.now() },
    );
    return signed;
  };
  return post(endpoint, headers, body, options);
}

function isBusy(status: number, text: string): boolean {
  return status >= 500 || status === 429 || (status === 400 && text.includes("Throttling"));
}

function backoffMs(attempt: number): number {
  return 250 * 4 ** (attempt - 1);
}

/** Ends early when there is no more time; leaves no listener at a signal that lives as long as the process. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
