// Bad input of each kind against the real server: the service's error, and the server goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Answered, call, callOnce, freePort, ServerProcess } from "../crash/server.ts";

const server = new ServerProcess(await freePort(), ["--memory"]);
before(() => server.start());
after(() => server.stop());

const roleArn = "arn:aws:iam::000000000000:role/test";
const PASS = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}';
const create = (definition: string, name = "bad"): object => ({ name, definition, roleArn });
const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

interface Case {
  readonly name: string;
  readonly operation: string;
  readonly input: () => object;
  readonly error: string;
  readonly message: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: "a definition that is not JSON",
    operation: "CreateStateMachine",
    input: () => create("{StartAt"),
    error: "InvalidDefinition",
    message: /^Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: /,
  },
  {
    name: "a definition that is too deep",
    operation: "CreateStateMachine",
    input: () => create(`{"StartAt":"A","States":{"A":{"Type":"Pass","Result":${deep(50_000)},"End":true}}}`),
    error: "InvalidDefinition",
    message: /TOO_DEEPLY_NESTED/,
  },
  {
    name: "a definition that is too large",
    operation: "CreateStateMachine",
    input: () => create(`{"Comment":"${"x".repeat(1_048_577)}"}`),
    error: "ValidationException",
    message:
      /at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576$/,
  },
  {
    name: "a transition to a state that is not there",
    operation: "CreateStateMachine",
    input: () => create('{"StartAt":"Ship","States":{"Shp":{"Type":"Pass","End":true}}}'),
    error: "InvalidDefinition",
    message: /MISSING_TRANSITION_TARGET: Missing 'Next' target: Ship at \/StartAt/,
  },
  {
    name: "a definition with a member of the wrong type",
    operation: "CreateStateMachine",
    input: () => create('{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":"soon","End":true}}}'),
    error: "InvalidDefinition",
    message: /SCHEMA_VALIDATION_FAILED: .* at \/States\/A/,
  },
  {
    name: "a machine that can only go round",
    operation: "CreateStateMachine",
    input: () =>
      create('{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}'),
    error: "InvalidDefinition",
    message: /MISSING_END_STATE/,
  },
  {
    name: "an input that is not JSON",
    operation: "StartExecution",
    input: () => ({ stateMachineArn: arns.get("good"), input: "not json" }),
    error: "InvalidExecutionInput",
    message: /^Invalid State Machine Execution Input: 'Unrecognized token 'not'/,
  },
  {
    name: "an input that is too deep",
    operation: "StartExecution",
    input: () => ({ stateMachineArn: arns.get("good"), input: deep(2_000) }),
    error: "InvalidExecutionInput",
    message: /^Invalid State Machine Execution Input: '/,
  },
  {
    name: "an input that is too large",
    operation: "StartExecution",
    input: () => ({ stateMachineArn: arns.get("good"), input: JSON.stringify("x".repeat(262_144)) }),
    error: "ValidationException",
    message: /at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144$/,
  },
  {
    name: "a request member of the wrong type",
    operation: "StartExecution",
    input: () => ({ stateMachineArn: 5 }),
    error: "SerializationException",
    message: /./,
  },
  {
    name: "a name with forbidden characters",
    operation: "StartExecution",
    input: () => ({ stateMachineArn: arns.get("good"), name: "a b" }),
    error: "InvalidName",
    message: /^Invalid Name: 'a b'$/,
  },
];
const arns = new Map<string, string>();
before(async () => {
  const { stateMachineArn } = await call(server.url, "CreateStateMachine", create(PASS, "good"));
  arns.set("good", stateMachineArn as string);
});

for (const { name, operation, input, error, message } of CASES) {
  test(`${name}: ${error}`, async () => {
    await assert.rejects(callOnce(server.url, operation, input()), (problem) => {
      assert.ok(problem instanceof Answered, String(problem));
      assert.equal(problem.code, error, problem.message);
      assert.match(problem.message.slice(problem.code.length + 2), message);
      return true;
    });
    const { stateMachines } = await callOnce(server.url, "ListStateMachines", {});
    assert.ok((stateMachines as unknown[]).length > 0, "the server goes on");
  });
}

async function outcome(executionArn: unknown): Promise<Record<string, unknown>> {
  for (;;) {
    const described = await call(server.url, "DescribeExecution", { executionArn });
    if (described["status"] !== "RUNNING") return described;
    await new Promise((done) => setTimeout(done, 20));
  }
}

test("names like __proto__ are ordinary: of machines, executions, states, keys and variables", async () => {
  const definition = `{"StartAt":"__proto__","States":{
    "__proto__":{"Type":"Pass","Parameters":{"__proto__.$":"$.__proto__","constructor.$":"$['constructor']"},"Assign":{"__proto__":7},"ResultPath":"$.out","Next":"toString"},
    "toString":{"Type":"Pass","Parameters":{"v.$":"$__proto__"},"ResultPath":"$.__proto__.prototype","End":true}}}`;
  const { stateMachineArn } = await call(server.url, "CreateStateMachine", create(definition, "__proto__"));
  const input = '{"__proto__":{"polluted":true},"constructor":1}';
  const { executionArn } = await call(server.url, "StartExecution", {
    stateMachineArn,
    name: "__proto__",
    input,
  });
  const { status, output } = await outcome(executionArn);
  assert.equal(status, "SUCCEEDED");
  assert.equal(
    output,
    '{"__proto__":{"polluted":true,"prototype":{"v":7}},"constructor":1,"out":{"__proto__":{"polluted":true},"constructor":1}}',
  );
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("an execution that never stops ends at the limit of its history, and others go on beside it", async () => {
  const round =
    '{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"C"}],"Default":"B"},"B":{"Type":"Pass","Next":"A"},"C":{"Type":"Succeed"}}}';
  const { stateMachineArn } = await call(server.url, "CreateStateMachine", create(round, "round"));
  const { executionArn } = await call(server.url, "StartExecution", { stateMachineArn, input: "{}" });
  const other = await call(server.url, "StartExecution", { stateMachineArn: arns.get("good") });
  assert.equal((await outcome(other["executionArn"]))["status"], "SUCCEEDED");
  const { status, error, cause } = await outcome(executionArn);
  assert.deepEqual(
    [status, error, cause],
    ["FAILED", "States.Runtime", "The execution reached the maximum number of history events (25000)."],
  );
});
