// What `parse` makes of definitions that are right.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Program, State } from "../../src/asl/ast.ts";
import { parse, parseState } from "../../src/asl/parse.ts";
import { parseResource } from "../../src/asl/resource.ts";
import { variableReferences } from "../../src/asl/variable-references.ts";

function textOf(name: string): string {
  return readFileSync(new URL(`./definitions/${name}.asl.json`, import.meta.url), "utf8");
}

function programOf(text: string): Program {
  const { program, diagnostics } = parse(text);
  assert.deepEqual(diagnostics, []);
  assert.ok(program);
  return program;
}

/** A state as data: expressions by their text (or only as present), so that whole states can be compared. */
function plain(state: State | undefined): unknown {
  return JSON.parse(
    JSON.stringify(state, (_key, value: unknown) => {
      if (value instanceof Map) return [...value.keys()];
      if (typeof value === "function") return "function";
      return value;
    }),
  );
}

const order = programOf(textOf("order"));
const polling = programOf(textOf("polling"));

test("the machine's own fields", () => {
  assert.equal(order.comment?.slice(0, 14), "Takes an order");
  assert.equal(order.timeoutSeconds, 3600);
  assert.equal(order.queryLanguage, "JSONPath");
  assert.equal(order.root.startAt, "Prepare");
});

test("blocks hold their own states, the program holds all of them", () => {
  assert.deepEqual(
    [...order.root.states.keys()],
    ["Prepare", "Has lines", "Ask a person", "Charge", "Pack and tell", "Shipped", "Empty order", "Refused"],
  );
  assert.deepEqual(
    new Set(order.states.keys()),
    new Set([...order.root.states.keys(), "Pack", "Pick", "Breathe", "Tell"]),
  );
  assert.equal(
    order.states.get("Pick")?.pointer,
    "/States/Pack and tell/Branches[0]/States/Pack/ItemProcessor/States/Pick",
  );
});

test("a Task with everything", () => {
  const state = order.states.get("Charge");
  assert.ok(state?.type === "Task");
  assert.deepEqual(state.resource, {
    kind: "lambda",
    arn: "arn:aws:lambda:us-east-1:123456789012:function:charge",
  });
  assert.deepEqual(state.retry, [
    {
      errorEquals: ["Card.Busy"],
      intervalSeconds: 2,
      maxAttempts: 5,
      backoffRate: 1.5,
      maxDelaySeconds: 30,
      jitterStrategy: "FULL",
    },
    {
      errorEquals: ["States.ALL"],
      intervalSeconds: 1,
      maxAttempts: 3,
      backoffRate: 2,
      jitterStrategy: "NONE",
    },
  ]);
  assert.equal(state.catch[0]?.next, "Refused");
  assert.equal(state.catch[0]?.resultPath?.text, "$.error");
  assert.ok(state.catch[0]?.assign);
  assert.equal(state.resultPath?.text, "$.payment");
  assert.ok(state.resultSelector);
  assert.equal(state.next, "Pack and tell");
});

test("a ResultPath of null stays null, an absent one is absent", () => {
  const asked = order.states.get("Ask a person");
  const started = polling.states.get("Start job");
  assert.ok(asked?.type === "Task" && started?.type === "Task");
  assert.equal(asked.resultPath, null);
  assert.equal(Object.hasOwn(started, "resultPath"), false);
});

test("states of few fields hold nothing else", () => {
  assert.deepEqual(plain(order.states.get("Breathe")), {
    name: "Breathe",
    queryLanguage: "JSONPath",
    pointer: "/States/Pack and tell/Branches[1]/States/Breathe",
    type: "Wait",
    seconds: 5,
    next: "Tell",
  });
  assert.deepEqual(plain(polling.states.get("Until midnight")), {
    name: "Until midnight",
    queryLanguage: "JSONPath",
    pointer: "/States/Until midnight",
    type: "Wait",
    next: "Each",
    timestamp: Date.UTC(2026, 11, 31, 22, 59, 59),
  });
  assert.deepEqual(plain(order.states.get("Empty order")), {
    name: "Empty order",
    queryLanguage: "JSONPath",
    pointer: "/States/Empty order",
    type: "Fail",
    error: "Order.Empty",
    cause: "An order needs a line",
  });
});

test("a Map in its older form is the same Map", () => {
  const state = polling.states.get("Each");
  assert.ok(state?.type === "Map");
  assert.equal(state.mode, "INLINE");
  assert.equal(state.maxConcurrency, 0);
  assert.equal(state.maxConcurrencyPath?.text, "$.width");
  assert.equal(state.processor.startAt, "One");
  assert.ok(state.itemSelector);
  assert.deepEqual(
    ["parameters", "iterator", "itemProcessor", "end"].filter((key) => Object.hasOwn(state, key)),
    [],
  );
});

test("a Choice keeps its rules in order, and the default apart", () => {
  const state = order.states.get("Has lines");
  assert.ok(state?.type === "Choice");
  assert.deepEqual(
    state.choices.map(({ next, assign }) => [next, assign !== undefined]),
    [
      ["Empty order", false],
      ["Ask a person", true],
    ],
  );
  assert.equal(state.default, "Charge");
  assert.ok(state.assign);
});

test("names that are dangerous elsewhere are ordinary here", () => {
  const program = programOf(textOf("proto"));
  assert.deepEqual([...program.states.keys()], ["__proto__", "constructor", "a/b"]);
});

test("a single state may lead to states that are not there", () => {
  const { program, diagnostics } = parseState('{"Type":"Pass","Next":"Elsewhere"}', "Mine");
  assert.deepEqual(diagnostics, []);
  assert.equal(program?.root.startAt, "Mine");
  assert.deepEqual(plain(program.states.get("Mine")), {
    name: "Mine",
    queryLanguage: "JSONPath",
    pointer: "/",
    type: "Pass",
    next: "Elsewhere",
  });
});

test("the variables that each state reads", () => {
  assert.deepEqual([...variableReferences(textOf("order"))], [["Refused", ["orderId"]]]);
});

const resources: readonly (readonly [arn: string, expected: unknown])[] = [
  ["arn:aws:lambda:us-east-1:123456789012:function:f:live", { kind: "lambda" }],
  ["arn:aws-cn:lambda:cn-north-1:123456789012:function:f", { kind: "lambda" }],
  ["arn:aws:lambda:us-east-1:123456789012:layer:f", undefined],
  ["arn:aws:states:us-east-1:123456789012:activity:a", { kind: "activity" }],
  ["arn:aws:states:us-east-1:123456789012:activity:", undefined],
  [
    "arn:aws:states:::states:startExecution.sync:2",
    {
      kind: "service",
      service: "states",
      action: "startExecution.sync:2",
      api: "startExecution",
      pattern: "sync:2",
    },
  ],
  [
    "arn:aws-us-gov:states:::sqs:sendMessage.waitForTaskToken",
    {
      kind: "service",
      service: "sqs",
      action: "sendMessage.waitForTaskToken",
      api: "sendMessage",
      pattern: "waitForTaskToken",
    },
  ],
  [
    "arn:aws:states:::aws-sdk:dynamodb:batchGetItem",
    {
      kind: "service",
      service: "aws-sdk:dynamodb",
      action: "batchGetItem",
      api: "batchGetItem",
      pattern: "requestResponse",
    },
  ],
  [
    "arn:aws:states:::http:invoke",
    { kind: "service", service: "http", action: "invoke", api: "invoke", pattern: "requestResponse" },
  ],
  ["arn:aws:states:::aws-sdk:dynamodb:BatchGetItem", undefined],
  ["arn:aws:states:::aws-sdk:dynamodb:batchGetItem.sync", undefined],
  ["arn:aws:states:::aws-sdk:apigatewaymanagementapi:postToConnection", undefined],
  ["arn:aws:states:::aws-sdk:sfn:startExecutions", undefined],
  ["arn:aws:states:::dynamodb:query", undefined],
  ["arn:aws:states:::sns:publish.sync", undefined],
  ["arn:aws:states:::states:startExecution.sync:3", undefined],
  ["arn:aws:states:::s3:getObject", undefined],
  ["arn:aws:sqs:us-east-1:123456789012:q", undefined],
  ["arn:aws:states:::", undefined],
  ["f", undefined],
  ["", undefined],
];

for (const [arn, expected] of resources) {
  test(`${arn === "" ? "no text" : arn} is ${expected === undefined ? "no resource" : "a resource"}`, () => {
    assert.deepEqual(parseResource(arn), expected === undefined ? undefined : { ...expected, arn });
  });
}
