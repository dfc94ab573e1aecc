// The documents that Lambda itself writes when a function did not: timeouts, exits, sizes.
//
// Knows:          Lambda's words, as it was recorded to say them. Does not know: processes.

import { isObject, type Json } from "../base/json.ts";

/** The most that a response may have, in bytes of UTF-8: 6 MiB and what Lambda adds for its own use. */
export const MAX_RESPONSE_BYTES = 6_291_556;

export interface FailureDocument {
  readonly errorType: string;
  /** The document, as JSON text. */
  readonly payload: string;
}

function failure(errorType: string, errorMessage: string): FailureDocument {
  return { errorType, payload: JSON.stringify({ errorType, errorMessage }) };
}

export function timedOut(requestId: string, timeoutSeconds: number): FailureDocument {
  return failure(
    "Sandbox.Timedout",
    `RequestId: ${requestId} Error: Task timed out after ${timeoutSeconds.toFixed(2)} seconds`,
  );
}

export function responseTooLarge(): FailureDocument {
  return failure(
    "Function.ResponseSizeTooLarge",
    `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
  );
}

export function cannotStart(requestId: string, reason: string): FailureDocument {
  return failure("Runtime.InvalidEntrypoint", `RequestId: ${requestId} Error: ${reason}`);
}

/** How a process ended, as `exit` reports it: one of the two is null. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export function exited(requestId: string, exit: ProcessExit): FailureDocument {
  return failure("Runtime.ExitError", `RequestId: ${requestId} Error: ${exitReason(exit)}`);
}

/**
 * The process had more memory than the function may have, and was killed for it. Step Functions shows
 * `Runtime.ExitError` and "signal: killed" for that; `Runtime.OutOfMemory` appears in the REPORT line only.
 */
export function outOfMemory(requestId: string): FailureDocument {
  return exited(requestId, { code: null, signal: "SIGKILL" });
}

/** What a runtime posted as its error; runtimes that post no document of their own still get one. */
export function reported(errorType: string, body: string): FailureDocument {
  let document: Json;
  try {
    document = JSON.parse(body) as Json;
  } catch {
    // Lambda passes such a body through; every reader of FunctionError expects a document, so it becomes a message.
    return failure(errorType, body);
  }
  return isObject(document) ? { errorType, payload: body } : failure(errorType, body);
}

/** In the words of the Go program that supervises functions on Lambda. */
const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGABRT: "aborted",
  SIGALRM: "alarm clock",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
  SIGUSR1: "user defined signal 1",
  SIGUSR2: "user defined signal 2",
};

function exitReason({ code, signal }: ProcessExit): string {
  if (signal !== null)
    return `Runtime exited with error: signal: ${SIGNAL_WORDS[signal] ?? signal.toLowerCase()}`;
  return code === 0
    ? "Runtime exited without providing a reason"
    : `Runtime exited with error: exit status ${code}`;
}
