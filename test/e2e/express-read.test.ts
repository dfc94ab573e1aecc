// Express executions that can be read: our own operations over HTTP, and the commands that use them.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isObject, type JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { connect } from "../../src/cli/client.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeTerminal } from "../cli/environment-fake.ts";
import { freePort, ServerProcess } from "../crash/server.ts";

const server = new ServerProcess(await freePort(), ["--memory"]);
await server.start();
after(async () => assert.equal(await server.stop(), 0, server.errors));
const call = connect(new URL(server.url));

const DEFINITION = {
  StartAt: "A",
  States: {
    A: { Type: "Pass", Next: "Big?" },
    "Big?": {
      Type: "Choice",
      Choices: [{ Variable: "$.n", NumericGreaterThan: 1, Next: "No" }],
      Default: "Done",
    },
    No: { Type: "Fail", Error: "TooBig" },
    Done: { Type: "Succeed" },
  },
};

async function machine(name: string, type: "EXPRESS" | "STANDARD"): Promise<string> {
  const definition = JSON.stringify(DEFINITION);
  const roleArn = "arn:aws:iam::000000000000:role/test";
  const { stateMachineArn } = await call("CreateStateMachine", { name, type, definition, roleArn });
  return stateMachineArn as string;
}

const stateMachineArn = await machine("orders", "EXPRESS");
const started: string[] = [];
for (const n of [1, 2, 1, 1]) {
  const { executionArn } = await call("StartSyncExecution", { stateMachineArn, input: `{"n":${n}}` });
  started.push(executionArn as string);
}
const executionArn = started[0] as string;

function listed(answer: JsonObject): readonly JsonObject[] {
  return (answer["executions"] as JsonObject[]).filter(isObject);
}

/** What a command writes into a pipe. */
async function stepwell(...argv: string[]): Promise<readonly JsonObject[]> {
  const terminal = fakeTerminal([...argv, "--endpoint", server.url]);
  assert.equal(await runCli(terminal.environment), 0, terminal.err());
  return terminal
    .out()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonObject);
}

test("pages of the list show every execution once, newest first, with its bill", async () => {
  const seen: JsonObject[] = [];
  let pages = 0;
  for (let token: string | undefined = ""; token !== undefined; pages += 1) {
    const answer = await call("Stepwell.ListExpressExecutions", {
      stateMachineArn,
      maxResults: 3,
      ...(token === "" ? {} : { nextToken: token }),
    });
    seen.push(...listed(answer));
    token = answer["nextToken"] as string | undefined;
  }
  assert.equal(pages, 2);
  assert.deepEqual(seen.map((item) => item["executionArn"] as string).toSorted(), started.toSorted());
  const times = seen.map((item) => item["startDate"] as number);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  );
  const bill = { billedDurationInMilliseconds: 100, billedMemoryUsedInMB: 64 };
  for (const item of seen) assert.deepEqual(item["billingDetails"], bill);
  const failed = await call("Stepwell.ListExpressExecutions", { stateMachineArn, statusFilter: "FAILED" });
  assert.deepEqual(
    listed(failed).map((item) => item["executionArn"]),
    [started[1]],
  );
});

test("an execution is described as its start was answered", async () => {
  const described = await call("Stepwell.DescribeExpressExecution", { executionArn });
  const { startDate, stopDate, ...rest } = described;
  assert.ok((stopDate as number) >= (startDate as number));
  assert.deepEqual(rest, {
    executionArn,
    stateMachineArn,
    name: executionArn.split(":")[7],
    status: "SUCCEEDED",
    input: '{"n":1}',
    inputDetails: { included: true },
    output: '{"n":1}',
    outputDetails: { included: true },
    billingDetails: { billedDurationInMilliseconds: 100, billedMemoryUsedInMB: 64 },
  });
  const bare = await call("Stepwell.DescribeExpressExecution", {
    executionArn,
    includedData: "METADATA_ONLY",
  });
  assert.deepEqual([bare["input"], bare["output"]], [undefined, undefined]);
});

const TYPES = [
  "ExecutionStarted",
  "PassStateEntered",
  "PassStateExited",
  "ChoiceStateEntered",
  "ChoiceStateExited",
  "SucceedStateEntered",
  "SucceedStateExited",
  "ExecutionSucceeded",
];

test("pages of the history follow each other, in both orders", async () => {
  for (const reverseOrder of [false, true]) {
    const types: string[] = [];
    for (let token: string | undefined = ""; token !== undefined; ) {
      const answer: JsonObject = await call("Stepwell.GetExpressExecutionHistory", {
        executionArn,
        maxResults: 3,
        reverseOrder,
        ...(token === "" ? {} : { nextToken: token }),
      });
      types.push(...(answer["events"] as JsonObject[]).map((event) => event["type"] as string));
      token = answer["nextToken"] as string | undefined;
    }
    assert.deepEqual(types, reverseOrder ? TYPES.toReversed() : TYPES);
  }
});

test("the commands read them", async () => {
  assert.deepEqual(
    (await stepwell("history", executionArn)).map((event) => event["type"]),
    TYPES,
  );
  const executions = await stepwell("list", "executions", "orders", "--status", "FAILED");
  assert.deepEqual(
    executions.map((item) => item["executionArn"]),
    [started[1]],
  );
  const terminal = fakeTerminal(["describe", executionArn, "--endpoint", server.url]);
  assert.equal(await runCli(terminal.environment), 0, terminal.err());
  assert.equal((JSON.parse(terminal.out()) as JsonObject)["status"], "SUCCEEDED");
});

test("their cost: requests, billed duration and memory", async () => {
  const one = {
    executions: 1,
    transitions: 0,
    attempts: 0,
    requests: 1,
    billedMs: 100,
    gbSeconds: 0.00625,
    open: 0,
    forgotten: 0,
  };
  const [single] = await stepwell("cost", executionArn);
  const { price, currency: _, prices: __, ...rest } = single as JsonObject;
  assert.deepEqual(rest, { executionArn, ...one });
  assert.ok(Math.abs((price as number) - (0.000_001 + 0.006_25 * 0.000_016_67)) < 1e-12);
  const [all] = await stepwell("cost", "--state-machine", "orders");
  assert.deepEqual([all?.["executions"], all?.["requests"], all?.["gbSeconds"]], [4, 4, 0.025]);
  const [none] = await stepwell("cost", "--state-machine", "orders", "--since", "2999-01-01");
  assert.equal(none?.["executions"], 0);

  const terminal = fakeTerminal(["history", executionArn, "--endpoint", server.url], {
    isTerminal: true,
    env: { NO_COLOR: "1" },
  });
  assert.equal(await runCli(terminal.environment), 0, terminal.err());
  assert.match(
    terminal.out(),
    /\n1 request, 100 ms billed, 0\.00625 GB-seconds, 0\.0000011042 USD on AWS\n$/,
  );
});

const STANDARD = await machine("standard", "STANDARD");
const UNKNOWN = `${executionArn.slice(0, -1)}x`;
const REFUSED: readonly {
  readonly name: string;
  readonly operation: string;
  readonly input: JsonObject;
  readonly code: string;
}[] = [
  {
    name: "a Standard machine",
    operation: "ListExpressExecutions",
    input: { stateMachineArn: STANDARD },
    code: "StateMachineTypeNotSupported",
  },
  {
    name: "a machine that is not there",
    operation: "ListExpressExecutions",
    input: { stateMachineArn: `${STANDARD}x` },
    code: "StateMachineDoesNotExist",
  },
  {
    name: "a version",
    operation: "ListExpressExecutions",
    input: { stateMachineArn: `${stateMachineArn}:1` },
    code: "ValidationException",
  },
  {
    name: "an execution that is not kept",
    operation: "DescribeExpressExecution",
    input: { executionArn: UNKNOWN },
    code: "ExecutionDoesNotExist",
  },
  {
    name: "its history",
    operation: "GetExpressExecutionHistory",
    input: { executionArn: UNKNOWN },
    code: "ExecutionDoesNotExist",
  },
  {
    name: "the ARN of a Standard execution",
    operation: "DescribeExpressExecution",
    input: { executionArn: "arn:aws:states:us-east-1:000000000000:execution:a:b" },
    code: "InvalidArn",
  },
  {
    name: "a forged token",
    operation: "GetExpressExecutionHistory",
    input: { executionArn, nextToken: "AAAA" },
    code: "InvalidToken",
  },
  {
    name: "an operation that is not there",
    operation: "Nothing",
    input: {},
    code: "UnknownOperationException",
  },
];

test("what is refused", async () => {
  for (const { name, operation, input, code } of REFUSED) {
    await assert.rejects(
      call(`Stepwell.${operation}`, input),
      (error) => error instanceof ServiceError && error.code === code,
      name,
    );
  }
  const both = call("AWSStepFunctions.Stepwell.ListExpressExecutions", { stateMachineArn });
  await assert.rejects(both, { code: "UnknownOperationException" });
  await assert.rejects(call("DescribeExecution", { executionArn }), { code: "InvalidArn" });
});
