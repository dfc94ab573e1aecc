// A mocked answer as an integration: nobody is called, and the history tells what a real call would have left there.
//
// Invariants
//   A1. The same answer however often it is asked for: an attempt that a crash cut off is taken up again.
//   A2. `.sync` and `.waitForTaskToken`: a Return was submitted first, with what it returns (what the call itself
//       answers, the file does not say). A Throw that bears a service's name (`Ecs.ServerException`) is the refusal
//       of the call; any other is the failure of what was waited for.

import type { Resource } from "../../asl/ast.ts";
import { EMPTY_OBJECT, type Payload } from "../../base/json.ts";
import { cancelled } from "../errors.ts";
import type { Integration, TaskCall, TaskOutcome } from "../integration.ts";
import type { MockAnswer } from "./config.ts";

export function mockedIntegration(answer: MockAnswer): Integration {
  const end = async (call: TaskCall, isSubmitted: boolean): Promise<TaskOutcome> => {
    const { submitted, outcome } = mockedEnd(call.resource, answer);
    if (submitted !== undefined && !isSubmitted) await call.submitted(submitted);
    if (call.signal.aborted) return cancelled();
    return outcome;
  };
  return { call: (call) => end(call, false), resume: end };
}

/** An attempt for which the file has no answer: it fails the execution, past every Retry and Catch. */
export function withoutAnswer(cause: string): Integration {
  const outcome: TaskOutcome = {
    kind: "failed",
    phase: "run",
    error: "States.Runtime",
    cause,
    runtime: true,
  };
  return { call: async () => outcome, resume: async () => outcome };
}

interface MockedEnd {
  /** The output of TaskSubmitted; undefined: there is none. */
  readonly submitted: Payload | undefined;
  readonly outcome: Exclude<TaskOutcome, { kind: "pending" }>;
}

/** How an attempt ends that is answered so (A2). */
function mockedEnd(resource: Resource, answer: MockAnswer): MockedEnd {
  const isWaitedFor = resource.kind === "service" && resource.pattern !== "requestResponse";
  if (answer.kind === "return") {
    const { output } = answer;
    return { submitted: isWaitedFor ? output : undefined, outcome: { kind: "succeeded", output } };
  }
  const { error, cause } = answer;
  const isRefusal = isWaitedFor && /^(?!States\.)[A-Z][A-Za-z0-9]*\.[A-Za-z0-9]+$/u.test(error);
  const phase = isRefusal ? "submit" : "run";
  return {
    submitted: isWaitedFor && !isRefusal ? EMPTY_OBJECT : undefined,
    outcome: { kind: "failed", phase, error, ...(cause === undefined ? {} : { cause }) },
  };
}
