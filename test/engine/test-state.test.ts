// One state by itself, as the engine answers it: status, data flow, retries, catches, mocked Maps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseState, type State } from "../../src/asl/index.ts";
import { fromMembers, type Json, type JsonObject, Payload } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import {
  StateTest,
  type StateTestRequest,
  type TestedState,
  TESTED_NAME,
} from "../../src/engine/test-state/index.ts";

interface Case {
  readonly state: JsonObject;
  readonly input?: Json;
  readonly given?: Partial<StateTestRequest>;
  readonly expected: JsonObject;
}

const result = (value: Json): Partial<StateTestRequest> => ({
  mock: { kind: "result", result: Payload.ofValue(value) },
});
const failure = (error: string | undefined, cause?: string): Partial<StateTestRequest> => ({
  mock: { kind: "error", error, cause },
});

const TASK = { Type: "Task", Resource: "arn:aws:states:::lambda:invoke", End: true };
const NOTHING = { StartAt: "A", States: { A: { Type: "Pass", End: true } } };
const MAP = {
  Type: "Map",
  ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" }, ...NOTHING },
  End: true,
};
const INLINE = { Type: "Map", ItemProcessor: NOTHING, End: true };
const reader = (config: JsonObject): JsonObject => ({
  ...MAP,
  ItemReader: {
    Resource: "arn:aws:states:::s3:getObject",
    ReaderConfig: config,
    Parameters: { Bucket: "b", "Key.$": "$.key" },
  },
  ItemSelector: { "value.$": "$$.Map.Item.Value" },
});

const cases: Readonly<Record<string, Case>> = {
  "a Wait for a moment that has passed is left at once": {
    state: { Type: "Wait", TimestampPath: "$.at", Next: "Next" },
    input: { at: "2020-01-01T00:00:00Z" },
    expected: {
      status: "SUCCEEDED",
      output: { at: "2020-01-01T00:00:00Z" },
      nextState: "Next",
      stages: { input: { at: "2020-01-01T00:00:00Z" }, afterInputPath: { at: "2020-01-01T00:00:00Z" } },
    },
  },
  "a Choice that finds nothing fails": {
    state: { Type: "Choice", Choices: [{ Variable: "$.n", NumericEquals: 1, Next: "One" }] },
    input: { n: 2 },
    expected: {
      status: "FAILED",
      error: "States.NoChoiceMatched",
      cause:
        "An error occurred while executing the state 'StateName' (entered at the event id #2). " +
        "Failed to transition out of the state. The state does not point to a next state.",
      stages: { input: { n: 2 }, afterInputPath: { n: 2 } },
    },
  },
  "variables are those of before and those that the state assigns": {
    state: {
      Type: "Pass",
      QueryLanguage: "JSONata",
      Assign: { total: "{% $states.input.n + $total %}" },
      Output: "{% $total %}",
      Next: "Next",
    },
    input: { n: 2 },
    given: {
      variables: [
        ["total", 5],
        ["__proto__", "kept"],
      ],
    },
    expected: {
      status: "SUCCEEDED",
      output: 5,
      nextState: "Next",
      stages: { input: { n: 2 }, variables: JSON.parse('{"total":7,"__proto__":"kept"}') as Json },
    },
  },
  "an input path that finds nothing fails before any stage": {
    state: { Type: "Pass", InputPath: "$.a", End: true },
    input: {},
    expected: {
      status: "FAILED",
      error: "States.Runtime",
      cause:
        "An error occurred while executing the state 'StateName' (entered at the event id #2). " +
        "Invalid path '$.a' : No results for path: $['a']",
      stages: { input: {} },
    },
  },
  "of a Task in JSONata its arguments and its result are shown": {
    state: {
      ...TASK,
      QueryLanguage: "JSONata",
      Arguments: { FunctionName: "f", Payload: "{% $states.input.n %}" },
      Output: "{% $states.result.Payload %}",
    },
    input: { n: 1 },
    given: result({ Payload: "done" }),
    expected: {
      status: "SUCCEEDED",
      output: "done",
      stages: {
        input: { n: 1 },
        afterArguments: { FunctionName: "f", Payload: 1 },
        result: { Payload: "done" },
      },
    },
  },
  "a wait that Retry grants grows with the retries made before, and is rounded up": {
    state: {
      ...TASK,
      Retry: [
        { ErrorEquals: ["Other"] },
        { ErrorEquals: ["Busy"], IntervalSeconds: 1, BackoffRate: 1.5, MaxAttempts: 4 },
      ],
    },
    given: { ...failure("Busy", "wait"), retries: 3 },
    expected: {
      status: "RETRIABLE",
      error: "Busy",
      cause: "wait",
      stages: { input: {}, afterInputPath: {}, afterParameters: {} },
      errorDetails: { retryIndex: 1, retryBackoffIntervalSeconds: 4 },
    },
  },
  "an exhausted Retry leaves the error to Catch, whose ResultPath puts it into the input": {
    state: {
      ...TASK,
      Retry: [{ ErrorEquals: ["Busy"], MaxAttempts: 2 }],
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.problem", Next: "Sorry" }],
    },
    input: { n: 1 },
    given: { ...failure("Busy"), retries: 2 },
    expected: {
      status: "CAUGHT_ERROR",
      output: { n: 1, problem: { Error: "Busy", Cause: null } },
      error: "Busy",
      nextState: "Sorry",
      stages: { input: { n: 1 }, afterInputPath: { n: 1 }, afterParameters: { n: 1 } },
      errorDetails: { catchIndex: 0, retryIndex: 0 },
    },
  },
  "a result that Output cannot use is an error of the state, which Catch may take": {
    state: {
      ...TASK,
      QueryLanguage: "JSONata",
      Output: "{% $states.result.n + 1 %}",
      Catch: [
        {
          ErrorEquals: ["States.QueryEvaluationError"],
          Output: "{% $states.errorOutput.Error %}",
          Next: "N",
        },
      ],
    },
    given: result({ n: "one" }),
    expected: {
      status: "CAUGHT_ERROR",
      output: "States.QueryEvaluationError",
      error: "States.QueryEvaluationError",
      nextState: "N",
      stages: { input: {}, result: { n: "one" } },
      errorDetails: { catchIndex: 0 },
    },
  },
  "the context object that is given is all that there is, but for the item of a Map": {
    state: { ...INLINE, ItemSelector: { "seen.$": "$$" } },
    input: ["x"],
    given: { ...result([1]), context: { Execution: { Name: "mine" } } },
    expected: {
      status: "SUCCEEDED",
      output: [1],
      stages: {
        input: ["x"],
        afterInputPath: ["x"],
        afterItemsPath: ["x"],
        afterItemSelector: [
          { seen: { Execution: { Name: "mine" }, Map: { Item: { Index: 0, Value: "x" } } } },
        ],
        maxConcurrency: 0,
        afterResultSelector: [1],
        afterResultPath: [1],
      },
    },
  },
  "the task token that is given is the one that is sent": {
    state: {
      ...TASK,
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Parameters: { FunctionName: "f", "Payload.$": "$$.Task.Token" },
    },
    given: { ...result("sent back"), context: { Task: { Token: "t" } } },
    expected: {
      status: "SUCCEEDED",
      output: "sent back",
      stages: {
        input: {},
        afterInputPath: {},
        afterParameters: { FunctionName: "f", Payload: "t" },
        result: "sent back",
        afterResultSelector: "sent back",
        afterResultPath: "sent back",
      },
    },
  },
  "items are selected, batched and limited": {
    state: {
      Type: "Map",
      ItemProcessor: MAP.ItemProcessor,
      ItemsPath: "$.items",
      ItemSelector: { "v.$": "$$.Map.Item.Value" },
      ItemBatcher: { MaxItemsPerBatch: 2, BatchInput: { "from.$": "$.from" } },
      MaxConcurrencyPath: "$.most",
      ToleratedFailurePercentage: 50,
      ResultPath: "$.made",
      Next: "Next",
    },
    input: { items: [1, 2, 3], from: "x", most: 4 },
    given: { ...result(["a", "b"]), failedIterations: 1 },
    expected: {
      status: "SUCCEEDED",
      output: { items: [1, 2, 3], from: "x", most: 4, made: ["a", "b"] },
      nextState: "Next",
      stages: {
        input: { items: [1, 2, 3], from: "x", most: 4 },
        afterInputPath: { items: [1, 2, 3], from: "x", most: 4 },
        afterItemsPath: [1, 2, 3],
        afterItemSelector: [{ v: 1 }, { v: 2 }, { v: 3 }],
        afterItemBatcher: [
          { Items: [{ v: 1 }, { v: 2 }], BatchInput: { from: "x" } },
          { Items: [{ v: 3 }], BatchInput: { from: "x" } },
        ],
        maxConcurrency: 4,
        toleratedFailurePercentage: 50,
        afterResultSelector: ["a", "b"],
        afterResultPath: { items: [1, 2, 3], from: "x", most: 4, made: ["a", "b"] },
      },
    },
  },
  "batches end before they hold more bytes than they may": {
    state: { ...MAP, ItemBatcher: { MaxInputBytesPerBatch: 20 } },
    input: ["aaa", "bb", "c", "a very long text"],
    given: result([]),
    expected: {
      status: "SUCCEEDED",
      output: [],
      stages: {
        input: ["aaa", "bb", "c", "a very long text"],
        afterInputPath: ["aaa", "bb", "c", "a very long text"],
        afterItemsPath: ["aaa", "bb", "c", "a very long text"],
        afterItemBatcher: [{ Items: ["aaa"] }, { Items: ["bb", "c"] }, { Items: ["a very long text"] }],
        maxConcurrency: 0,
        afterResultSelector: [],
        afterResultPath: [],
      },
    },
  },
  "more failures than the percentage of the items fail the Map": {
    state: {
      ...MAP,
      ToleratedFailurePercentage: 50,
      Retry: [{ ErrorEquals: ["States.ExceedToleratedFailureThreshold"], IntervalSeconds: 7 }],
    },
    input: [1, 2, 3],
    given: { ...result([1, 2, 3]), failedIterations: 2 },
    expected: {
      status: "RETRIABLE",
      error: "States.ExceedToleratedFailureThreshold",
      cause: "The specified tolerated failure threshold was exceeded",
      stages: {
        input: [1, 2, 3],
        afterInputPath: [1, 2, 3],
        afterItemsPath: [1, 2, 3],
        maxConcurrency: 0,
        toleratedFailurePercentage: 50,
      },
      errorDetails: { retryIndex: 0, retryBackoffIntervalSeconds: 7 },
    },
  },
  "items that are no array fail the Map": {
    state: { ...INLINE, ItemsPath: "$.items" },
    input: { items: 1 },
    given: result([]),
    expected: {
      status: "FAILED",
      error: "States.Runtime",
      cause: 'Reference path "$.items" must point to array.',
      stages: { input: { items: 1 }, afterInputPath: { items: 1 }, maxConcurrency: 0 },
    },
  },
  "a CSV file is read with its first row as header, quotes and all": {
    state: reader({ InputType: "CSV", CSVHeaderLocation: "FIRST_ROW", MaxItems: 2 }),
    input: { key: "k" },
    given: { ...result([]), readerData: 'id,name\r\n1,"Ann ""A"" Lee, PhD"\r\n\r\n2,\n3,Cy\n' },
    expected: mapped({ key: "k" }, [
      { id: "1", name: 'Ann "A" Lee, PhD' },
      { id: "2", name: "" },
    ]),
  },
  "JSON Lines give an item a line": {
    state: reader({ InputType: "JSONL" }),
    input: { key: "k" },
    given: { ...result([]), readerData: '{"a":1}\n\n[2]\n' },
    expected: mapped({ key: "k" }, [{ a: 1 }, [2]]),
  },
  "a JSON object gives its members": {
    state: reader({ InputType: "JSON" }),
    input: { key: "k" },
    given: { ...result([]), readerData: '{"a":1,"b":[2]}' },
    expected: mapped({ key: "k" }, [
      { Key: "a", Value: 1 },
      { Key: "b", Value: [2] },
    ]),
  },
  "a file that cannot be read fails the Map": {
    state: reader({ InputType: "JSON" }),
    input: { key: "k" },
    given: { ...result([]), readerData: "17" },
    expected: {
      status: "FAILED",
      error: "States.ItemReaderFailed",
      cause:
        "An error occurred while executing the state 'StateName' (entered at the event id #2). " +
        "The data is neither an array nor an object.",
      stages: { input: { key: "k" }, afterInputPath: { key: "k" }, maxConcurrency: 0 },
    },
  },
  "a Parallel hands on what its branches are mocked to give": {
    state: {
      Type: "Parallel",
      Branches: [NOTHING],
      ResultSelector: { "first.$": "$[0]" },
      ResultPath: "$.all",
      Next: "N",
    },
    input: { n: 1 },
    given: result(["x"]),
    expected: {
      status: "SUCCEEDED",
      output: { n: 1, all: { first: "x" } },
      nextState: "N",
      stages: {
        input: { n: 1 },
        afterResultSelector: { first: "x" },
        afterResultPath: { n: 1, all: { first: "x" } },
      },
    },
  },
};

/** A Map over `reader` whose mocked result is empty. */
function mapped(input: Json, items: readonly Json[]): JsonObject {
  return {
    status: "SUCCEEDED",
    output: [],
    stages: {
      input,
      afterInputPath: input,
      afterItemSelector: items.map((value) => ({ value })),
      maxConcurrency: 0,
      afterResultSelector: [],
      afterResultPath: [],
    },
  };
}

function stateOf(definition: JsonObject): State {
  const { program, diagnostics } = parseState(JSON.stringify(definition), TESTED_NAME);
  assert.deepEqual(diagnostics, []);
  return program?.states.get(TESTED_NAME) as State;
}

function testOf(definition: JsonObject, input: Json, given: Partial<StateTestRequest>): StateTest {
  const request: StateTestRequest = {
    state: stateOf(definition),
    input: Payload.ofValue(input),
    roleArn: undefined,
    region: "us-east-1",
    account: "000000000000",
    variables: [],
    retries: 0,
    ...given,
  };
  return new StateTest(request, SERVICE_LIMITS, MOMENT);
}

const MOMENT = { nowMs: Date.UTC(2026, 0, 2), seed: [1, 2, 3, 4] as const };

function plain({ output, stages, errorDetails, ...rest }: TestedState): JsonObject {
  return {
    ...rest,
    ...(output === undefined ? {} : { output: output.value }),
    ...(errorDetails === undefined ? {} : { errorDetails: { ...errorDetails } }),
    stages: fromMembers(stages.map(([name, value]) => [name, value.value] as const)),
  };
}

for (const [name, { state, input = {}, given = {}, expected }] of Object.entries(cases)) {
  test(name, () => {
    const tested = testOf(state, input, given);
    assert.equal(tested.begin(), undefined);
    const found = plain(tested.result());
    // The wording of evaluation errors is tested where expressions are.
    const { cause, ...rest } = found;
    assert.deepEqual(
      expected["error"] === "States.QueryEvaluationError" ? rest : found,
      expected,
      String(cause),
    );
  });
}

test("no more iterations can have failed than there are", () => {
  const fault = new ServiceError(
    "ValidationException",
    "Map iteration failure count must be less than or equal to the number of Map iterations",
  );
  const byResult = testOf(INLINE, [1, 2, 3], { ...result([1]), failedIterations: 2 });
  assert.throws(() => byResult.begin(), fault);
  const byItems = testOf(INLINE, [1], { ...failure("E"), failedIterations: 2 });
  assert.throws(() => byItems.begin(), fault);
});

test("the context object is that of an Express execution", () => {
  const tested = testOf(
    { ...TASK, Parameters: { FunctionName: "f", "Payload.$": "$$" } },
    { n: 1 },
    { ...result(1), retries: 2 },
  );
  tested.begin();
  const { afterParameters } = plain(tested.result())["stages"] as JsonObject;
  const { executionArn, stateMachineArn, name } = tested.execution.started;
  assert.match(executionArn, /^arn:aws:states:us-east-1:000000000000:express:[0-9a-f-]{36}:[0-9a-f-]{36}$/);
  assert.deepEqual(afterParameters, {
    FunctionName: "f",
    Payload: {
      Execution: {
        Id: executionArn,
        Input: { n: 1 },
        StartTime: "2026-01-02T00:00:00.000Z",
        Name: name,
        RoleArn: null,
      },
      StateMachine: { Id: stateMachineArn, Name: stateMachineArn.split(":").at(-1) },
      State: { Name: "StateName", EnteredTime: "2026-01-02T00:00:00.000Z", RetryCount: 2 },
    },
  });
});

test("a Task without a mock asks to be called, and its outcome decides", () => {
  const later = { nowMs: MOMENT.nowMs + 5, seed: MOMENT.seed };
  const definition = {
    ...TASK,
    TimeoutSeconds: 3,
    Catch: [{ ErrorEquals: ["States.Timeout"], Next: "TooLate" }],
  };
  const outcomes = [
    [
      { kind: "succeeded", output: Payload.ofValue(7) },
      { status: "SUCCEEDED", output: 7 },
    ],
    [
      { kind: "failed", phase: "run", error: "E", cause: "c" },
      { status: "FAILED", error: "E", cause: "c" },
    ],
    [
      { kind: "timedOut" },
      {
        status: "CAUGHT_ERROR",
        output: { Error: "States.Timeout", Cause: "" },
        error: "States.Timeout",
        nextState: "TooLate",
        errorDetails: { catchIndex: 0 },
      },
    ],
    [
      { kind: "limit" },
      {
        status: "FAILED",
        error: "States.Timeout",
        cause: "The test of a state may take 5 minutes at most.",
      },
    ],
  ] as const;
  for (const [outcome, expected] of outcomes) {
    const tested = testOf(definition, { n: 1 }, {});
    const pending = tested.begin();
    assert.equal(pending?.kind, "call");
    if (pending?.kind === "call") {
      assert.equal(pending.command.parameters.text, '{"n":1}');
      assert.equal(pending.command.timeoutAtMs, MOMENT.nowMs + 3_000);
    }
    tested.resume(outcome, later);
    const { stages, ...found } = plain(tested.result());
    assert.deepEqual(found, expected);
    assert.ok(Object.keys(stages as JsonObject).length >= 3);
  }
});
