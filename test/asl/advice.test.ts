// The advice on what is valid and cannot be meant: for every rule a definition that it warns of, and one so close to it
// that only a careless rule would warn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../src/asl/parse.ts";

interface Case {
  readonly name: string;
  readonly language?: "JSONata";
  /** The first one is the start. */
  readonly states: Readonly<Record<string, unknown>>;
  /** `code at location: message`, and a suggestion after a bar. */
  readonly expect: readonly string[];
}

const END = { Type: "Pass", End: true };
const task = (members: object): object => ({
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke",
  Parameters: { FunctionName: "f" },
  End: true,
  ...members,
});
const call = (resource: string, parameters: object): object =>
  task({ Resource: `arn:aws:states:::${resource}`, Parameters: parameters });

const cases: readonly Case[] = [
  // Retry and Catch
  {
    name: "a Catcher after one that takes the same",
    states: {
      A: task({
        Catch: [
          { ErrorEquals: ["States.TaskFailed"], Next: "B" },
          { ErrorEquals: ["Mine"], Next: "B" },
        ],
      }),
      B: END,
    },
    expect: [
      "WARNING NEVER_MATCHES at /States/A/Catch[1]: No error ever gets to this entry: Catch[0] takes Mine before, with States.TaskFailed",
    ],
  },
  {
    name: "Catchers in the right order",
    states: {
      A: task({
        Catch: [
          { ErrorEquals: ["Mine"], Next: "B" },
          { ErrorEquals: ["States.TaskFailed"], Next: "B" },
          { ErrorEquals: ["States.ALL"], Next: "B" },
        ],
      }),
      B: END,
    },
    expect: [],
  },
  {
    name: "a Retrier for an error that the one before it has taken",
    states: {
      A: task({ Retry: [{ ErrorEquals: ["Mine", "Other"] }, { ErrorEquals: ["Mine"] }] }),
    },
    expect: [
      "WARNING NEVER_MATCHES at /States/A/Retry[1]: No error ever gets to this entry: Retry[0] takes Mine before",
    ],
  },
  {
    name: "an error of States that there is not",
    states: { A: task({ Retry: [{ ErrorEquals: ["States.TimeOut"] }] }) },
    expect: [
      `WARNING UNKNOWN_ERROR_NAME at /States/A/Retry[0]/ErrorEquals[0]: The States Language has no error 'States.TimeOut' | Did you mean "States.Timeout"?`,
    ],
  },
  {
    name: "names of one's own are nobody's business",
    states: {
      A: task({ Retry: [{ ErrorEquals: ["Timeout", "Lambda.Unknown"] }] }),
    },
    expect: [],
  },
  // Heartbeats
  {
    name: "heartbeats shorter than the timeout",
    states: { A: task({ TimeoutSeconds: 10, HeartbeatSeconds: 9 }) },
    expect: [],
  },
  // Variables
  {
    name: "a variable that nothing reads, and one that nothing assigns",
    language: "JSONata",
    states: { A: { Type: "Pass", Assign: { total: 1 }, Next: "B" }, B: { ...END, Output: "{% $totla %}" } },
    expect: [
      `WARNING UNUSED_VARIABLE at /States/A/Assign/total: The variable 'total' is assigned, but nothing in its scope reads it | Did you mean "totla"?`,
      `WARNING UNASSIGNED_VARIABLE at /States/B/Output: The variable 'totla' is read here, but nothing assigns it in this scope or around it | Did you mean "total"?`,
    ],
  },
  {
    name: "a variable that is read in a branch, and one that the expression makes itself",
    language: "JSONata",
    states: {
      A: { Type: "Pass", Assign: { total: 1 }, Next: "B" },
      B: {
        Type: "Parallel",
        Branches: [{ StartAt: "C", States: { C: { ...END, Output: "{% ($own := $total; $own + 1) %}" } } }],
        End: true,
      },
    },
    expect: [],
  },
  // The context object
  {
    name: "a member that the context object does not have",
    states: { A: { ...END, Parameters: { "a.$": "$$.Execution.Nmae" } } },
    expect: [
      `WARNING UNKNOWN_CONTEXT_MEMBER at /States/A/Parameters/a.$: The context object has no member 'Execution.Nmae' | Did you mean "Name"?`,
    ],
  },
  {
    name: "members that it has, and data of the execution's input",
    states: { A: { ...END, Parameters: { "a.$": "$$.Execution.Name", "b.$": "$$.Execution.Input.Nmae" } } },
    expect: [],
  },
  {
    name: "a task that waits for a token that it does not hand out",
    states: { A: call("sqs:sendMessage.waitForTaskToken", { QueueUrl: "q", MessageBody: "b" }) },
    expect: [
      "WARNING TASK_TOKEN_NOT_PASSED at /States/A/Resource: The task waits until its token comes back, but nothing of the state passes $$.Task.Token on",
    ],
  },
  {
    name: "a task that hands its token out",
    states: {
      A: call("sqs:sendMessage.waitForTaskToken", { QueueUrl: "q", MessageBody: { "t.$": "$$.Task.Token" } }),
    },
    expect: [],
  },
  // Paths
  {
    name: "a path that is not in the result before it",
    states: {
      A: { Type: "Pass", Result: { orders: [] }, Next: "B" },
      B: { ...END, InputPath: "$.order" },
    },
    expect: [
      `WARNING PATH_NEVER_MATCHES at /States/B/InputPath: Nothing is at '$.order': the state before, "A", always gives the same output, without it`,
    ],
  },
  {
    name: "a path that is in it, and one into what came in",
    states: {
      A: { Type: "Pass", Result: { orders: [] }, ResultPath: "$.x", Next: "B" },
      B: { Type: "Pass", InputPath: "$.x.orders", Next: "C" },
      C: { ...END, InputPath: "$" },
    },
    expect: [],
  },
  // Loops
  {
    name: "a loop that nothing leaves",
    states: {
      A: {
        Type: "Choice",
        Choices: [{ Variable: "$.a", IsPresent: true, Next: "B" }],
        Default: "Z",
      },
      B: { Type: "Pass", Next: "C" },
      C: { Type: "Pass", Next: "B" },
      Z: { Type: "Succeed" },
    },
    expect: ['WARNING ENDLESS_LOOP at /States/B: No path leads to an end from here: "B", "C"'],
  },
  {
    name: "a loop that a Choice leaves",
    states: {
      A: { Type: "Wait", Seconds: 1, Next: "B" },
      B: { Type: "Choice", Choices: [{ Variable: "$.a", IsPresent: true, Next: "A" }], Default: "Z" },
      Z: { Type: "Succeed" },
    },
    expect: [],
  },
  // Choice
  {
    name: "a rule that an earlier one always forestalls",
    states: {
      A: {
        Type: "Choice",
        Choices: [
          { Variable: "$.a", NumericEquals: 1, Next: "Z" },
          { Variable: "$.a", NumericEquals: 1, Next: "Y" },
        ],
        Default: "Z",
      },
      Y: { Type: "Succeed" },
      Z: { Type: "Succeed" },
    },
    expect: [
      "WARNING NEVER_MATCHES at /States/A/Choices[1]: This rule is never taken: Choices[0] has the same test",
    ],
  },
  {
    name: "rules of different values",
    states: {
      A: {
        Type: "Choice",
        Choices: [
          { Variable: "$.a", NumericEquals: 1, Next: "Z" },
          { Variable: "$.a", NumericEquals: 2, Next: "Y" },
        ],
        Default: "Z",
      },
      Y: { Type: "Succeed" },
      Z: { Type: "Succeed" },
    },
    expect: [],
  },
  // What is not evaluated
  {
    name: "an expression in a state of JSONPath",
    states: { A: { ...END, Parameters: { a: "{% $states.input %}" } } },
    expect: [
      'WARNING NOT_EVALUATED at /States/A/Parameters/a: The value looks like a JSONata expression, but it is taken as text in a state of JSONPath | Set "QueryLanguage": "JSONata" for the state.',
    ],
  },
  {
    name: "blanks around an expression",
    language: "JSONata",
    states: { A: { ...END, Output: { a: " {% $states.input %}" } } },
    expect: [
      "WARNING NOT_EVALUATED at /States/A/Output/a: The value looks like a JSONata expression, but it is taken as text: nothing may stand outside of {% and %}",
    ],
  },
  {
    name: "text with a percentage, and text about an expression",
    language: "JSONata",
    states: { A: { ...END, Output: { a: "100 % of $5 {yes}", b: "Write {% $states.input %}" } } },
    expect: [],
  },
  // Integrations
  {
    name: "parameters that an integration does not have, and does without",
    states: { A: call("sqs:sendMessage", { QueueUrl: "q", MesageBody: "b" }) },
    expect: [
      `WARNING UNKNOWN_PARAMETER at /States/A/Parameters/MesageBody: sqs:sendMessage has no parameter 'MesageBody' | Did you mean "MessageBody"?`,
      "WARNING MISSING_PARAMETER at /States/A/Parameters: sqs:sendMessage needs the parameters [MessageBody]",
    ],
  },
  {
    name: "parameters by path, and those of integrations that are not known",
    states: {
      A: { ...call("sqs:sendMessage", { "QueueUrl.$": "$.q", MessageBody: "b" }), End: undefined, Next: "B" },
      B: call("glue:startJobRun", { Whatever: 1 }),
    },
    expect: [],
  },
];

for (const { name, language, states, expect } of cases) {
  test(`advice: ${name}`, () => {
    const [StartAt] = Object.keys(states);
    const machine = {
      ...(language === undefined ? {} : { QueryLanguage: language }),
      StartAt,
      States: states,
    };
    const { program, diagnostics } = parse(JSON.stringify(machine), { advice: true });
    const found = diagnostics.map(
      ({ severity, code, location, message, suggestion }) =>
        `${severity} ${code} at ${location}: ${message}${suggestion === undefined ? "" : ` | ${suggestion}`}`,
    );
    assert.deepEqual(found, expect);
    assert.ok(program, "a warning refuses nothing");
  });
}
