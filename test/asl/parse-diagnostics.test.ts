// What `parse` says of definitions that are wrong, in the service's words where they are known.
//
// Sources, beside the specification: diagnostics recorded from AWS (ValidateStateMachineDefinition, CreateStateMachine).

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Diagnostic, serviceText } from "../../src/asl/diagnostics.ts";
import { parse, toServiceMessage } from "../../src/asl/parse.ts";

interface Case {
  readonly name: string;
  readonly type?: "EXPRESS";
  /** Text, or a value to print; `state` is short for a machine of that one state called X. */
  readonly text?: string;
  readonly definition?: unknown;
  readonly state?: Record<string, unknown>;
  /** `CODE: message at location`, each; warnings begin with `(warning) `. */
  readonly expect: readonly string[];
}

const SCHEMA = "SCHEMA_VALIDATION_FAILED";
const pass = { Type: "Pass", End: true };
const sfn = "arn:aws:states:::";
const lambda = "arn:aws:lambda:us-east-1:123456789012:function:f";

const cases: readonly Case[] = [
  // The text
  {
    name: "blank text is no definition",
    text: " ",
    expect: [`${SCHEMA}: Definition must be a valid JSON object at null`],
  },
  {
    name: "an array is no definition",
    text: "[]",
    expect: [`${SCHEMA}: Definition must be a valid JSON object at null`],
  },
  {
    name: "text that is no JSON is located by line and column",
    text: '{\n  "StartAt": not',
    expect: [
      "INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"{\n  \"StartAt\": not\"; line: 2, column: 17] at null",
    ],
  },
  {
    name: "of a long text that is no JSON the beginning is shown",
    text: `{"Comment": "${"x".repeat(600)}"; }`,
    expect: [
      `INVALID_JSON_DESCRIPTION: Unexpected character (';' (code 59)): was expecting comma to separate Object entries\n at [Source: (String)"{"Comment": "${"x".repeat(487)}"[truncated 117 chars]; line: 1, column: 616] at null`,
    ],
  },
  {
    name: "nesting is bounded before anything reads the value",
    text: `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`,
    expect: ["TOO_DEEPLY_NESTED: Definition is nested 5000 levels deep at /"],
  },
  {
    name: "Parameters that the integration does not have, or lacks, are a fault",
    state: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Parameters: { "functionName.$": "$.f", Payload: 1 },
      End: true,
    },
    expect: [
      `${SCHEMA}: The field 'functionName' is not supported by Step Functions at /States/X/Parameters`,
      `${SCHEMA}: The field 'FunctionName' is required but was missing at /States/X/Parameters`,
    ],
  },
  // The machine
  {
    name: "an empty machine lacks two fields",
    definition: {},
    expect: [`${SCHEMA}: These fields are required: [States, StartAt] at /`],
  },
  {
    name: "a machine without states says only that",
    definition: { Comment: "c", StartAt: "A" },
    expect: [`${SCHEMA}: These fields are required: [States] at /`],
  },
  {
    name: "a machine without StartAt says only that",
    definition: { States: { A: pass } },
    expect: [`${SCHEMA}: These fields are required: [StartAt] at /`],
  },
  {
    name: "no states at all",
    definition: { StartAt: "A", States: {} },
    expect: [`${SCHEMA}: Value cannot be empty at /States`],
  },
  {
    name: "an unknown field of the machine, and a version that does not exist",
    definition: { StartAt: "A", States: { A: pass }, Coment: "c", Version: "2.0" },
    expect: [
      `${SCHEMA}: Field 'Coment' is not supported at /`,
      `${SCHEMA}: Value should be one of the following: [1.0] at /Version`,
    ],
  },
  // States and their fields
  {
    name: "an unknown type",
    state: { Type: "Taks", End: true },
    expect: [
      `${SCHEMA}: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/X/Type`,
    ],
  },
  {
    name: "no type",
    state: { End: true },
    expect: [`${SCHEMA}: These fields are required: [Type] at /States/X`],
  },
  {
    name: "fields of other types are refused at the state",
    state: { Type: "Pass", End: true, TimeoutSeconds: 5, Catch: [], Retry: [] },
    expect: [
      `${SCHEMA}: Field 'TimeoutSeconds' is not supported at /States/X`,
      `${SCHEMA}: Field 'Catch' is not supported at /States/X`,
      `${SCHEMA}: Field 'Retry' is not supported at /States/X`,
    ],
  },
  {
    name: "fields of the other language are refused at the state",
    state: { Type: "Task", Resource: lambda, Arguments: {}, Output: 1, End: true },
    expect: [
      `${SCHEMA}: The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the 'JSONata' QueryLanguage at /States/X`,
      `${SCHEMA}: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/X`,
    ],
  },
  {
    name: "a Task needs a Resource, and wrong values are all reported",
    state: {
      Type: "Task",
      InputPath: "a",
      ResultPath: 1,
      TimeoutSeconds: "x",
      HeartbeatSeconds: 0,
      End: true,
    },
    expect: [
      `${SCHEMA}: These fields are required: [Resource] at /States/X`,
      `${SCHEMA}: Value must be a valid JSONPath. at /States/X/InputPath`,
      `${SCHEMA}: Expected value of type [STRING] at /States/X/ResultPath`,
      `${SCHEMA}: Expected value of type [INTEGER] at /States/X/TimeoutSeconds`,
      `${SCHEMA}: Minimum value is 1 at /States/X/HeartbeatSeconds`,
    ],
  },
  {
    name: "a heartbeat as slow as the timeout",
    state: { Type: "Task", Resource: lambda, TimeoutSeconds: 5, HeartbeatSeconds: 5, End: true },
    expect: [`${SCHEMA}: HeartbeatSeconds must be smaller than TimeoutSeconds at /States/X`],
  },
  {
    name: "a value and its path exclude each other",
    state: { Type: "Task", Resource: lambda, TimeoutSeconds: 5, TimeoutSecondsPath: "$.t", End: true },
    expect: [
      `${SCHEMA}: Only one of these fields is allowed: [TimeoutSeconds, TimeoutSecondsPath] at /States/X`,
    ],
  },
  {
    name: "credentials without a role",
    state: { Type: "Task", Resource: lambda, Credentials: { Role: "r" }, End: true },
    expect: [`${SCHEMA}: The field 'RoleArn' is required but was missing at /States/X/Credentials`],
  },
  {
    name: "a reference path that does not begin with $",
    state: { Type: "Pass", ResultPath: "a", End: true },
    expect: [
      `${SCHEMA}: Value is not a Reference Path: Reference path didn't start with '$' at /States/X/ResultPath`,
    ],
  },
  {
    name: "a template is located at the object that holds the field",
    state: { Type: "Pass", Parameters: { a: [{ "b.$": "no path" }] }, End: true },
    expect: [
      `${SCHEMA}: The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call at /States/X/Parameters/a[0]`,
    ],
  },
  {
    name: "a Wait needs one of four",
    state: { Type: "Wait", End: true },
    expect: [
      `${SCHEMA}: Exactly one of these fields is required: [Seconds, Timestamp, SecondsPath, TimestampPath] at /States/X`,
    ],
  },
  {
    name: "a Wait until a day that no calendar has",
    state: { Type: "Wait", Timestamp: "2016-12-05T25:29:29Z", End: true },
    expect: [`${SCHEMA}: String does not match RFC3339 timestamp at /States/X/Timestamp`],
  },
  {
    name: "a Parallel without branches",
    state: { Type: "Parallel", Branches: [], End: true },
    expect: [`${SCHEMA}: Value cannot be empty at /States/X/Branches`],
  },
  {
    name: "a Map without a processor, and limits out of range",
    state: { Type: "Map", MaxConcurrency: -1, ToleratedFailurePercentage: 101, End: true },
    expect: [
      `${SCHEMA}: Minimum value is 0 at /States/X/MaxConcurrency`,
      `${SCHEMA}: Maximum value is 100 at /States/X/ToleratedFailurePercentage`,
      `${SCHEMA}: These fields are required: [ItemProcessor] at /States/X`,
    ],
  },
  {
    name: "blocks inside have no QueryLanguage of their own",
    state: {
      Type: "Map",
      Iterator: { QueryLanguage: "JSONPath", StartAt: "A", States: { A: pass } },
      End: true,
    },
    expect: [`${SCHEMA}: Field 'QueryLanguage' is not supported at /States/X/Iterator`],
  },
  {
    name: "a mode that does not exist",
    state: {
      Type: "Map",
      ItemProcessor: { ProcessorConfig: { Mode: "INLIN" }, StartAt: "A", States: { A: pass } },
      End: true,
    },
    expect: [
      `${SCHEMA}: Value should be one of the following: [INLINE, DISTRIBUTED] at /States/X/ItemProcessor/ProcessorConfig/Mode`,
    ],
  },
  {
    name: "Choice rules: none, without Next, with a field of JSONata",
    definition: {
      StartAt: "A",
      States: {
        A: { Type: "Choice", Choices: [], Default: "B" },
        B: {
          Type: "Choice",
          Choices: [
            { Variable: "$.x", IsPresent: true },
            { Condition: true, Next: "C" },
          ],
        },
        C: pass,
      },
    },
    expect: [
      `${SCHEMA}: Value cannot be empty at /States/A/Choices`,
      `${SCHEMA}: These fields are required: [Next] at /States/B/Choices[0]`,
      `${SCHEMA}: The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage at /States/B/Choices[1]`,
    ],
  },
  {
    name: "Choice tests: a variable, an operator and an operand that are wrong, and Next in a nested rule",
    definition: {
      StartAt: "A",
      States: {
        A: {
          Type: "Choice",
          Choices: [
            { Variable: "x", IsPresent: true, Next: "B" },
            { Variable: "$.x", StringEqual: "y", Next: "B" },
            { Variable: "$.x", NumericEquals: "1", Next: "B" },
            { And: [{ Variable: "$.x", IsNull: true, Next: "B" }], Next: "B" },
            { Or: [{ Variable: "$.x", IsNull: true }, { IsNull: true }], Next: "B" },
          ],
        },
        B: pass,
      },
    },
    expect: [
      `${SCHEMA}: Value is not a Reference Path: Reference path didn't start with '$' at /States/A/Choices[0]/Variable`,
      `${SCHEMA}: Field 'StringEqual' is not supported at /States/A/Choices[1]`,
      `${SCHEMA}: The value for the field 'NumericEquals' must be a number at /States/A/Choices[2]/NumericEquals`,
      `${SCHEMA}: Field 'Next' is not supported at /States/A/Choices[3]/And[0]`,
      `${SCHEMA}: These fields are required: [Variable] at /States/A/Choices[4]/Or[1]`,
    ],
  },
  {
    name: "retriers: constraints, and States.ALL alone and last",
    state: {
      Type: "Task",
      Resource: lambda,
      Retry: [
        { ErrorEquals: ["A", "States.ALL"], IntervalSeconds: 0, BackoffRate: 0.5, MaxDelaySeconds: 31622400 },
        { ErrorEquals: [], MaxAttempts: -1, JitterStrategy: "SOME" },
      ],
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "X" }, { ErrorEquals: ["B"] }],
      End: true,
    },
    expect: [
      `${SCHEMA}: Minimum value is 1 at /States/X/Retry[0]/IntervalSeconds`,
      `${SCHEMA}: Minimum value is 1 at /States/X/Retry[0]/BackoffRate`,
      `${SCHEMA}: Maximum value is 31622399 at /States/X/Retry[0]/MaxDelaySeconds`,
      `${SCHEMA}: Value cannot be empty at /States/X/Retry[1]/ErrorEquals`,
      `${SCHEMA}: Minimum value is 0 at /States/X/Retry[1]/MaxAttempts`,
      `${SCHEMA}: Value should be one of the following: [FULL, NONE] at /States/X/Retry[1]/JitterStrategy`,
      `${SCHEMA}: States.ALL must appear alone and at end of list at /States/X/Retry[0]/ErrorEquals[1]`,
      `${SCHEMA}: These fields are required: [Next] at /States/X/Catch[1]`,
      `${SCHEMA}: States.ALL must appear alone and at end of list at /States/X/Catch[0]/ErrorEquals[0]`,
    ],
  },
  {
    name: "variables have names, and `states` is taken",
    state: { Type: "Pass", Assign: { "a-b": 1, "states.$": "$", ok_1: 2 }, End: true },
    expect: [
      `${SCHEMA}: The variable name 'a-b' is not valid at /States/X/Assign`,
      `${SCHEMA}: The variable name 'states' is not valid at /States/X/Assign`,
    ],
  },
  // Resources
  {
    name: "an action that the optimised integration does not have",
    state: { Type: "Task", Resource: `${sfn}dynamodb:query`, End: true },
    expect: [
      `${SCHEMA}: The resource provided ${sfn}dynamodb:query is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/X/Resource`,
    ],
  },
  {
    name: "Express cannot run jobs",
    type: "EXPRESS",
    state: { Type: "Task", Resource: `${sfn}states:startExecution.sync:2`, End: true },
    expect: [
      `${SCHEMA}: Express state machine does not support '.sync' service integration at /States/X/Resource`,
    ],
  },
  {
    name: "Express cannot wait for tokens: the service writes two blanks",
    type: "EXPRESS",
    state: { Type: "Task", Resource: `${sfn}sqs:sendMessage.waitForTaskToken`, End: true },
    expect: [
      `${SCHEMA}: Express state machine does not support '.waitForTaskToken' service integration  at /States/X/Resource`,
    ],
  },
  {
    name: "Express cannot use activities",
    type: "EXPRESS",
    state: { Type: "Task", Resource: "arn:aws:states:us-east-1:123456789012:activity:a", End: true },
    expect: [`${SCHEMA}: Express state machine does not support Activity ARN at /States/X/Resource`],
  },
  // Languages
  {
    name: "JSONata that cannot be parsed is located where it stands, in the words of its parser",
    definition: {
      QueryLanguage: "JSONata",
      StartAt: "X",
      States: {
        X: { ...pass, Output: { a: { b: ["{% 1 %}", "{% a[1,2) %}", "{%%}"] } }, Assign: { v: "{% 1 + %}" } },
      },
    },
    expect: [
      'INVALID_JSONATA_EXPRESSION: Expected "]", got "," at /States/X/Output/a/b[1]',
      "INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/X/Output/a/b[2]",
      "INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/X/Assign/v",
    ],
  },
  {
    name: "there is no context item, and each name that would read it is told once",
    state: {
      ...pass,
      QueryLanguage: "JSONata",
      Output: "{% phone + phone.x + $.b + $$.c + $map($v, function($x){ y }) %}",
    },
    expect: [
      "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/X/Output",
      "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$' at the top level is not supported. at /States/X/Output",
      "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported. at /States/X/Output",
      "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'y' at the top level is not supported. at /States/X/Output",
    ],
  },
  {
    name: "$states.result and $states.errorOutput exist in their places only",
    definition: {
      QueryLanguage: "JSONata",
      StartAt: "X",
      States: {
        X: {
          Type: "Task",
          Resource: "arn:aws:lambda:us-east-1:123456789012:function:f",
          Arguments: "{% $states.result %}",
          Output: "{% $states.result ~> $merge($states.errorOutput) %}",
          Assign: { a: "{% $states.result %}", b: "{% $states.inptu %}" },
          Catch: [
            {
              ErrorEquals: ["States.ALL"],
              Output: "{% $states.errorOutput %}",
              Assign: { c: "{% $states.result %}" },
              Next: "Y",
            },
          ],
          End: true,
        },
        Y: { ...pass, Output: "{% $states.result %}" },
      },
    },
    expect: [
      "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.errorOutput' does not exist. at /States/X/Output",
      "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at /States/X/Arguments",
      "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at /States/X/Catch[0]/Assign/c",
      "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.inptu' does not exist. at /States/X/Assign/b",
      "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at /States/Y/Output",
    ],
  },
  {
    name: "rules of a JSONata Choice have a Condition, and nothing of JSONPath",
    definition: {
      QueryLanguage: "JSONata",
      StartAt: "X",
      States: {
        X: {
          Type: "Choice",
          Choices: [
            { Condition: "{% $states.input.a %}", Output: "{% 1 %}", Next: "Y" },
            { Condition: true, Next: "Y" },
            { Condition: "yes", Next: "Y" },
            { Variable: "$.a", IsNull: true, Next: "Y" },
          ],
        },
        Y: pass,
      },
    },
    expect: [
      `${SCHEMA}: Expected value of type [BOOLEAN] at /States/X/Choices[2]/Condition`,
      `${SCHEMA}: The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage at /States/X/Choices[3]`,
      `${SCHEMA}: The QueryLanguage is set to 'JSONata', but field 'IsNull' is only supported for the 'JSONPath' QueryLanguage at /States/X/Choices[3]`,
      `${SCHEMA}: These fields are required: [Condition] at /States/X/Choices[3]`,
    ],
  },
  {
    name: "texts in brackets are expressions only in a JSONata state, and only where it evaluates",
    state: { ...pass, Comment: "{% a[ %}", Parameters: { a: "{% a[ %}" } },
    expect: [],
  },
  {
    name: "a JSONata machine has no JSONPath states, and nothing else is said of their fields",
    definition: {
      QueryLanguage: "JSONata",
      StartAt: "X",
      States: { X: { ...pass, QueryLanguage: "JSONPath", Output: 1 } },
    },
    expect: [
      `${SCHEMA}: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/X`,
    ],
  },
  {
    name: "a misspelt language counts as JSONata, as on AWS",
    state: { ...pass, QueryLanguage: "jsonpath", InputPath: "$.a" },
    expect: [
      `${SCHEMA}: The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at /States/X`,
      `${SCHEMA}: Value should be one of the following: [JSONPath, JSONata] at /States/X/QueryLanguage`,
    ],
  },
  {
    name: "expressions in a JSONata state are no type errors",
    state: { Type: "Wait", QueryLanguage: "JSONata", Seconds: "{% $states.input.s %}", End: true },
    expect: [],
  },
];

export function print(diagnostic: Diagnostic): string {
  const { severity, code, location } = diagnostic;
  const mark = severity === "WARNING" ? "(warning) " : "";
  return `${mark}${code}: ${serviceText(diagnostic)} at ${location === "" ? "null" : location}`;
}

for (const { name, type, text, definition, state, expect } of cases) {
  test(name, () => {
    const value = definition ?? { StartAt: "X", States: { X: state } };
    const parsed = parse(text ?? JSON.stringify(value), { type: type ?? "STANDARD" });
    assert.deepEqual(parsed.diagnostics.map(print), expect);
    assert.equal(
      parsed.program === undefined,
      expect.some((each) => !each.startsWith("(warning)")),
    );
  });
}

test("all errors go into one message of the service's form", () => {
  const { diagnostics } = parse('{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}},"X":1}');
  assert.equal(
    toServiceMessage(diagnostics),
    "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'X' is not supported at /, MISSING_END_STATE: Workflow has no terminal state at null'",
  );
});

test("a definition larger than the limit is not read", () => {
  const { diagnostics } = parse('{"StartAt":"ä"}', { maxBytes: 15 });
  assert.deepEqual(diagnostics.map(print), [
    `${SCHEMA}: Definition must not be larger than 15 bytes at null`,
  ]);
});
