// The mixed load of the crash tests: definitions that must end the same way whatever happens on the way.
//
// Every call of a function carries its own identity (execution, state, entry, retry, item), so the ledger of the
// fake Lambda can tell whether an attempt came twice. Every Task retries an unknown outcome (D7).

const INVOKE = "arn:aws:states:::lambda:invoke";
const IDENTITY = {
  "execution.$": "$$.Execution.Id",
  "state.$": "$$.State.Name",
  "entered.$": "$$.State.EnteredTime",
  "retry.$": "$$.State.RetryCount",
};
const AGAIN = { IntervalSeconds: 1, MaxAttempts: 200, BackoffRate: 1 };
const RETRY = [
  { ErrorEquals: ["Busy"], IntervalSeconds: 1, MaxAttempts: 5, BackoffRate: 1 },
  { ErrorEquals: ["States.TaskFailed", "States.Timeout"], ...AGAIN },
];

function call(name: string, value: unknown, rest: object = {}, identity: object = IDENTITY): object {
  const isPath = typeof value === "string" && value.startsWith("$");
  return {
    Type: "Task",
    Resource: INVOKE,
    Parameters: { FunctionName: name, Payload: { key: identity, [isPath ? "value.$" : "value"]: value } },
    ResultSelector: { "value.$": "$.Payload.value" },
    Retry: RETRY,
    ...rest,
  };
}
const ITEM = { ...IDENTITY, "index.$": "$$.Map.Item.Index" };

export interface Work {
  readonly definition: object;
  readonly input: (n: number) => unknown;
  /** The output that the execution must have. */
  readonly output: (n: number) => unknown;
}

/** By name. `{child}` in a definition stands for the ARN of `chain`. */
export const WORKLOAD: Readonly<Record<string, Work>> = {
  chain: {
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
    input: (n) => ({ n }),
    output: (n) => ({ value: n }),
  },
  retries: {
    definition: { StartAt: "Flaky", States: { Flaky: { ...call("flaky", "$.n"), End: true } } },
    input: (n) => ({ n }),
    output: (n) => ({ value: n }),
  },
  waits: {
    definition: {
      StartAt: "W1",
      States: {
        W1: { Type: "Wait", Seconds: 1, Next: "A" },
        A: { ...call("echo", "$.n"), Next: "W2" },
        W2: { Type: "Wait", Seconds: 2, Next: "B" },
        B: { ...call("echo", "$.value"), End: true },
      },
    },
    input: (n) => ({ n }),
    output: (n) => ({ value: n }),
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
    output: (n) => [{ value: n }, { value: "left" }, [{ value: 1 }, { value: 2 }, { value: 3 }]],
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
    output: (n) => [n, n + 1, n + 2, n + 3].map((value) => ({ value })),
  },
  tokens: {
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
          TimeoutSeconds: 6,
          Retry: RETRY,
          Next: "After",
        },
        After: { ...call("echo", "$.answer"), End: true },
      },
    },
    input: (n) => ({ n }),
    output: (n) => ({ value: n }),
  },
  nested: {
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
    input: (n) => ({ n }),
    output: (n) => ({ value: n }),
  },
};
