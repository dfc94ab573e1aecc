// How the children of a Map Run are run: Standard ones in the store, Express ones in memory.
//
// Knows:          starting, stopping and redriving an execution, and what its end is.
// Does not know:  items, counters, which child is next.

import { ServiceError } from "../../base/service-error.ts";
import { Payload } from "../../base/json.ts";
import type { Execution } from "../../engine/index.ts";
import type { Clock } from "../clock.ts";
import type { Executions, StartRequest } from "../interface.ts";
import type { MemoryExpress } from "../express.ts";
import type { ChildStatus } from "./counts.ts";

export interface ChildOutcome {
  readonly status: ChildStatus;
  /** Absent: as far as the Map Run knows. */
  readonly startedAtMs?: number;
  readonly stoppedAtMs: number;
  /** JSON text. */
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
  readonly redriveCount?: number;
  readonly redrivenAtMs?: number;
  /** It was to run again, and cannot. */
  readonly isNotRedrivable?: true;
}

export interface ChildRequest {
  readonly executionArn: string;
  readonly name: string;
  /** JSON text. */
  readonly input: string;
  /** It has ended without success, after so many redrives, and is to run again. */
  readonly redrives?: number;
}

export interface RunningChild {
  /** If it is not the one that was asked for: an Express execution adds to it. */
  readonly executionArn?: string;
  /** Gives an outcome where none will be announced: a bug of ours has stopped it before. */
  readonly stop: () => Promise<ChildOutcome | undefined>;
  /** Undefined: its end is announced to the Map Run when it comes. */
  readonly ended: Promise<ChildOutcome | undefined>;
}

export interface ChildHost {
  /** Whether starts have to wait. */
  readonly isBusy: () => boolean;
  readonly start: (request: ChildRequest) => Promise<RunningChild>;
}

/** What the children of one Map Run have in common. */
export type ChildBasis = Omit<StartRequest, "name" | "input"> & { readonly mapRunArn: string };

export interface HostOptions {
  readonly clock: Clock;
  readonly isOpen: () => boolean;
  readonly isBusy: () => boolean;
  readonly basis: ChildBasis;
}

const RETRY_MS = 100;
const NEVER = new Promise<never>(() => undefined);

export function outcomeOfExecution(execution: Execution): ChildOutcome {
  const { status, startedAtMs, stoppedAtMs = execution.nowMs, output, error, cause, redrive } = execution;
  return {
    status: status === "RUNNING" ? "ABORTED" : status,
    startedAtMs,
    stoppedAtMs,
    ...(output === undefined ? {} : { output: output.text }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    ...(redrive === undefined ? {} : { redriveCount: redrive.count, redrivenAtMs: redrive.atMs }),
  };
}

export function standardHost(executions: Executions, options: HostOptions): ChildHost {
  const { basis } = options;
  const failed = (): ChildOutcome => failedInternally(options.clock.now());
  const stop = (executionArn: string) => async (): Promise<ChildOutcome | undefined> => {
    try {
      await executions.stop(executionArn, undefined, undefined);
      return undefined;
    } catch (error) {
      if (isError(error, "InternalFailure")) return failed();
      if (isError(error, "ServiceUnavailable")) return undefined;
      throw error;
    }
  };
  /** What is there under the name. */
  const meet = async (executionArn: string): Promise<ChildOutcome | undefined> => {
    const found = await executions.describe(executionArn);
    if (found === undefined || found.execution.status === "RUNNING") return undefined;
    return outcomeOfExecution(found.execution);
  };
  /** An execution that cannot be gone on with has failed; the others of the Map Run go on. */
  const orFailed = async (
    work: () => Promise<ChildOutcome | undefined>,
  ): Promise<ChildOutcome | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (isError(error, "InternalFailure")) return failed();
      throw error;
    }
  };
  return {
    isBusy: options.isBusy,
    start: async ({ executionArn, name, input, redrives }) => {
      const running = { stop: stop(executionArn) };
      const ended = await patiently(options, () =>
        orFailed(async () => {
          if (redrives !== undefined) return await runAgain(executions, executionArn, redrives);
          try {
            await executions.start({ ...basis, name, input: Payload.ofText(input) });
            return undefined;
          } catch (error) {
            // A process before this one has started it, and it has ended since.
            if (isError(error, "ExecutionAlreadyExists")) return await meet(executionArn);
            throw error;
          }
        }),
      );
      return { ...running, ended: Promise.resolve(ended) };
    },
  };
}

/** Undefined: it runs. */
async function runAgain(
  executions: Executions,
  executionArn: string,
  redrives: number,
): Promise<ChildOutcome | undefined> {
  const found = await executions.describe(executionArn);
  if (found === undefined) return { ...failedInternally(0), isNotRedrivable: true };
  const { execution } = found;
  // A process before this one has redriven it.
  if (execution.status === "RUNNING") return undefined;
  const ended = outcomeOfExecution(execution);
  if ((ended.redriveCount ?? 0) > redrives) return ended;
  try {
    await executions.redrive(executionArn, undefined);
    return undefined;
  } catch (error) {
    if (!isError(error, "ExecutionNotRedrivable")) throw error;
    return { ...ended, isNotRedrivable: true };
  }
}

export function expressHost(express: MemoryExpress, options: HostOptions): ChildHost {
  const { basis, clock } = options;
  return {
    isBusy: options.isBusy,
    start: ({ name, input }) =>
      patiently(options, () => {
        const { executionArn, ended } = express.launch({ ...basis, name, input: Payload.ofText(input) });
        return Promise.resolve({
          executionArn,
          stop: () => {
            express.abort(executionArn);
            return Promise.resolve(undefined);
          },
          ended: ended.then(outcomeOfExecution, (error: unknown) => {
            if (isError(error, "InternalFailure")) return failedInternally(clock.now());
            // This process is ending: the next one runs it again.
            return NEVER;
          }),
        });
      }),
  };
}

/** Tries again as long as there is no room. */
async function patiently<T>({ clock, isOpen }: HostOptions, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isOpen() || isError(error, "ServiceUnavailable")) return await NEVER;
      if (!isError(error, "ThrottlingException") && !isError(error, "ExecutionLimitExceeded")) throw error;
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
  }
}

function isError(error: unknown, code: string): boolean {
  return error instanceof ServiceError && error.code === code;
}

function failedInternally(nowMs: number): ChildOutcome {
  return {
    status: "FAILED",
    startedAtMs: nowMs,
    stoppedAtMs: nowMs,
    error: "States.Runtime",
    cause: "The child execution is stopped by an internal error.",
  };
}
