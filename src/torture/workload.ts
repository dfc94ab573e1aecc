// The mixed load: state machines whose executions must end in the same way whatever happens on the way.
//
// Every call of a function and every task of an activity carries the identity of its attempt (execution, state, entry,
// retry, item), so a ledger can tell whether one came twice. Every Task retries an unknown outcome (D7).

import type { Json, JsonObject } from "../base/json.ts";

const INVOKE = "arn:aws:states:::lambda:invoke";
const IDENTITY: JsonObject = {
  "execution.$": "$$.Execution.Id",
  "state.$": "$$.State.Name",
  "entered.$": "$$.State.EnteredTime",
  "retry.$": "$$.State.RetryCount",
};
const ITEM: JsonObject = { ...IDENTITY, "index.$": "$$.Map.Item.Index" };

/** The retriers of every Task; the checker computes from them how long a retry must wait. */
export const RETRIERS = [
  { ErrorEquals: ["Busy"], IntervalSeconds: 1, MaxAttempts: 5, BackoffRate: 2 },
  {
    ErrorEquals: ["States.TaskFailed", "States.Timeout"],
    IntervalSeconds: 1,
    MaxAttempts: 1_000,
    BackoffRate: 1,
  },
] as const;
const RETRY: Json = RETRIERS.map((retrier) => ({ ...retrier, ErrorEquals: [...retrier.ErrorEquals] }));

function call(
  name: string,
  value: string,
  rest: JsonObject = {},
  identity: JsonObject = IDENTITY,
): JsonObject {
  return {
    Type: "Task",
    Resource: INVOKE,
    Parameters: { FunctionName: name, Payload: { key: identity, [member(value)]: value } },
    ResultSelector: { "value.$": "$.Payload.value" },
    Retry: RETRY,
    ...rest,
  };
}

function task(value: string, mode: string, rest: JsonObject): JsonObject {
  return {
    Type: "Task",
    Resource: "{activity}",
    Parameters: { key: IDENTITY, mode, [member(value)]: value },
    ResultSelector: { "value.$": "$.value" },
    Retry: RETRY,
    ...rest,
  };
}

const member = (value: string): string => (value.startsWith("$") ? "value.$" : "value");

export type End = { readonly status: "SUCCEEDED"; readonly output: Json } | { readonly status: "TIMED_OUT" };

export interface Work {
  /** `{child}` stands for the ARN of `chain`, `{activity}` for that of the activity. */
  readonly definition: JsonObject;
  readonly input: (n: number) => Json;
  /** How the execution must end, unless somebody stops it. */
  readonly end: (n: number) => End;
  /** Somebody does, at a random moment of its life. */
  readonly isStopped?: true;
}

const succeeds = (output: Json): End => ({ status: "SUCCEEDED", output });
const itself = {
  input: (n: number): Json => ({ n }),
  end: (n: number): End => succeeds({ value: n }),
};

export const WORKLOAD: Readonly<Record<string, Work>> = {
  chain: {
    ...itself,
    definition: {
      StartAt: "First",
      States: {
        First: { Type: "Pass", Next: "A" },
        A: { ...call("echo", "$.n"), Next: "B" },
        B: { ...call("echo", "$.value"), Next: "Which" },
        Which: {
          Type: "Choice",
          Choices: [{ Variable: "$.value", NumericGreaterThanEquals: 0, Next: "Done" }],
          Default: "Never",
        },
        Done: { Type: "Succeed" },
        Never: { Type: "Fail" },
      },
    },
  },
  retries: {
    ...itself,
    definition: { StartAt: "Flaky", States: { Flaky: { ...call("flaky", "$.n"), End: true } } },
  },
  // A function that hangs, breaks off, floods, answers nonsense or twice: but for its retries it answers.
  hostile: {
    ...itself,
    definition: {
      StartAt: "Hostile",
      States: { Hostile: { ...call("hostile", "$.n", { TimeoutSeconds: 2 }), End: true } },
    },
  },
  waits: {
    ...itself,
    definition: {
      StartAt: "W1",
      States: {
        W1: { Type: "Wait", Seconds: 1, Next: "A" },
        A: { ...call("echo", "$.n"), Next: "W2" },
        W2: { Type: "Wait", Seconds: 2, Next: "B" },
        B: { ...call("echo", "$.value"), End: true },
      },
    },
  },
  parallel: {
    definition: {
      StartAt: "P",
      States: {
        P: {
          Type: "Parallel",
          Branches: [
            { StartAt: "P1", States: { P1: { ...call("echo", "$.n"), End: true } } },
            {
              StartAt: "PW",
              States: {
                PW: { Type: "Wait", Seconds: 1, Next: "P2" },
                P2: { ...call("echo", "left"), End: true },
              },
            },
            {
              StartAt: "PM",
              States: {
                PM: {
                  Type: "Map",
                  ItemsPath: "$.items",
                  ItemProcessor: {
                    StartAt: "PI",
                    States: { PI: { ...call("echo", "$", {}, ITEM), End: true } },
                  },
                  End: true,
                },
              },
            },
          ],
          End: true,
        },
      },
    },
    input: (n) => ({ n, items: [1, 2, 3] }),
    end: (n) => succeeds([{ value: n }, { value: "left" }, [{ value: 1 }, { value: 2 }, { value: 3 }]]),
  },
  map: {
    definition: {
      StartAt: "M",
      States: {
        M: {
          Type: "Map",
          ItemsPath: "$.items",
          MaxConcurrency: 2,
          ItemSelector: { "v.$": "$$.Map.Item.Value" },
          ItemProcessor: {
            StartAt: "I",
            States: {
              I: { ...call("flaky", "$.v", {}, ITEM), Next: "J" },
              J: { Type: "Wait", Seconds: 1, End: true },
            },
          },
          End: true,
        },
      },
    },
    input: (n) => ({ items: [n, n + 1, n + 2, n + 3] }),
    end: (n) => succeeds([n, n + 1, n + 2, n + 3].map((value) => ({ value }))),
  },
  tokens: {
    ...itself,
    definition: {
      StartAt: "Ask",
      States: {
        Ask: {
          Type: "Task",
          Resource: `${INVOKE}.waitForTaskToken`,
          Parameters: {
            FunctionName: "ask",
            Payload: { key: IDENTITY, "value.$": "$.n", "token.$": "$$.Task.Token" },
          },
          ResultSelector: { "value.$": "$.value" },
          TimeoutSeconds: 6,
          Retry: RETRY,
          Next: "After",
        },
        After: { ...call("echo", "$.value"), End: true },
      },
    },
  },
  // Workers that do it, and workers that take it and vanish.
  activity: {
    ...itself,
    definition: {
      StartAt: "Quick",
      States: { Quick: { ...task("$.n", "quick", { TimeoutSeconds: 4 }), End: true } },
    },
  },
  // Workers that take longer than a heartbeat may, and beat.
  beats: {
    ...itself,
    definition: {
      StartAt: "Long",
      States: {
        Long: { ...task("$.n", "long", { TimeoutSeconds: 300, HeartbeatSeconds: 3 }), End: true },
      },
    },
  },
  nested: {
    ...itself,
    definition: {
      StartAt: "Child",
      States: {
        Child: {
          Type: "Task",
          Resource: "arn:aws:states:::states:startExecution.sync:2",
          Parameters: { StateMachineArn: "{child}", Input: { "n.$": "$.n" } },
          ResultSelector: { "value.$": "$.Output.value" },
          Retry: RETRY,
          End: true,
        },
      },
    },
  },
  stopped: {
    ...itself,
    isStopped: true,
    definition: {
      StartAt: "S1",
      States: {
        S1: { Type: "Wait", Seconds: 1, Next: "S2" },
        S2: { ...call("echo", "$.n"), End: true },
      },
    },
  },
  limited: {
    definition: {
      TimeoutSeconds: 2,
      StartAt: "Forever",
      States: { Forever: { Type: "Wait", Seconds: 100_000, End: true } },
    },
    input: (n) => ({ n }),
    end: () => ({ status: "TIMED_OUT" }),
  },
};

/** The definition of one kind of work, with the ARNs that it names. */
export function definitionOf(
  work: Work,
  arns: { readonly child: string; readonly activity: string },
): string {
  return JSON.stringify(work.definition)
    .replaceAll("{child}", arns.child)
    .replaceAll("{activity}", arns.activity);
}
