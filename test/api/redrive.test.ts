// RedriveExecution and what describes and lists show of it, against the running engine: stories of calls.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { type Harness, open, restart, succeeded, tasks, LAMBDA, wait } from "../runtime/harness.ts";
import { settle } from "../runtime/manual-clock.ts";

const caller = { region: "us-east-1", account: "123456789012" };
const arn = (rest: string): string => `arn:aws:states:us-east-1:123456789012:${rest}`;
const stateMachineArn = arn("stateMachine:m");
const executionArn = arn("execution:m:e");
const roleArn = "arn:aws:iam::123456789012:role/r";
const MINUTE_MS = 60_000;

type Answer = JsonObject | readonly [code: string, message: string];

class Story {
  harness: Harness;

  constructor(harness: Harness) {
    this.harness = harness;
  }

  async call(operation: string, input: JsonObject): Promise<Answer> {
    const api = createApi(this.harness.runtime, {
      account: "000000000000",
      region: "us-east-1",
      limits: SERVICE_LIMITS,
      activityPollMs: 1000,
    });
    try {
      return await api.call(operation, input, caller, new AbortController().signal);
    } catch (error) {
      if (error instanceof ServiceError) return [error.code, error.message];
      throw error;
    }
  }

  async begin(definition: Json): Promise<void> {
    const machine = { name: "m", definition: JSON.stringify(definition), roleArn };
    assert.ok("stateMachineArn" in (await this.call("CreateStateMachine", machine)));
    assert.ok("executionArn" in (await this.call("StartExecution", { stateMachineArn, name: "e" })));
    await settle();
  }

  redrive(clientToken?: string): Promise<Answer> {
    return this.call("RedriveExecution", {
      executionArn,
      ...(clientToken === undefined ? {} : { clientToken }),
    });
  }

  /** The members of a description that speak of status and redrives. */
  async describe(): Promise<JsonObject> {
    const described = (await this.call("DescribeExecution", { executionArn })) as JsonObject;
    const names = [
      "status",
      "stopDate",
      "redriveCount",
      "redriveDate",
      "redriveStatus",
      "redriveStatusReason",
    ];
    return Object.fromEntries(Object.entries(described).filter(([name]) => names.includes(name)));
  }

  get now(): number {
    return this.harness.runtime.now() / 1000;
  }
}

const story = async (): Promise<Story> => new Story(await open());

test("an execution that failed is redriven: its description, its list, its history and its context say so", async () => {
  const told = await story();
  const definition = tasks(LAMBDA) as { States: { S0: JsonObject } };
  await told.begin({
    ...definition,
    States: { S0: { ...definition.States.S0, Parameters: { "execution.$": "$$.Execution" } } },
  });
  const fail = { kind: "failed", phase: "run", error: "Broken", cause: "it is" } as const;
  told.harness.integrations.next().answer(fail);
  await settle();
  const stopDate = told.now;
  assert.deepEqual(await told.describe(), {
    status: "FAILED",
    stopDate,
    redriveCount: 0,
    redriveStatus: "REDRIVABLE",
  });
  await told.harness.clock.advance(5000);
  const redriveDate = told.now;
  assert.deepEqual(await told.redrive("a"), { redriveDate });
  assert.deepEqual(await told.describe(), {
    status: "RUNNING",
    redriveCount: 1,
    redriveDate,
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason: "Execution is RUNNING and cannot be redriven",
  });
  const { executions } = (await told.call("ListExecutions", { stateMachineArn })) as {
    executions: [JsonObject];
  };
  assert.deepEqual(executions, [
    {
      executionArn,
      stateMachineArn,
      name: "e",
      status: "RUNNING",
      startDate: stopDate,
      redriveCount: 1,
      redriveDate,
    },
  ]);
  await settle();
  const { call, answer } = told.harness.integrations.next();
  const { execution } = call.parameters.value as { execution: JsonObject };
  assert.deepEqual(
    [execution["RedriveCount"], execution["RedriveTime"]],
    [1, new Date(redriveDate * 1000).toISOString()],
  );
  answer(succeeded(1));
  await settle();
  assert.deepEqual(await told.describe(), {
    status: "SUCCEEDED",
    stopDate: redriveDate,
    redriveCount: 1,
    redriveDate,
    redriveStatus: "NOT_REDRIVABLE",
    redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
  });
  const history = (await told.call("GetExecutionHistory", { executionArn })) as { events: JsonObject[] };
  const redriven = history.events.find(({ type }) => type === "ExecutionRedriven");
  assert.deepEqual(redriven, {
    timestamp: redriveDate,
    type: "ExecutionRedriven",
    id: 7,
    previousEventId: 6,
    executionRedrivenEventDetails: { redriveCount: 1 },
  });
});

test("a client token is answered again for 15 minutes, also by the next process", async () => {
  const told = await story();
  await told.begin(wait(100_000));
  await told.call("StopExecution", { executionArn });
  const first = await told.redrive("a");
  told.harness = await restart(told.harness);
  await told.harness.clock.advance(15 * MINUTE_MS);
  assert.deepEqual(await told.redrive("a"), first);
  await told.harness.clock.advance(1);
  assert.deepEqual(await told.redrive("a"), [
    "ExecutionNotRedrivable",
    "Execution is RUNNING and cannot be redriven",
  ]);
  assert.equal((await told.describe())["redriveCount"], 1);
});

test("refusals name the reason that a description shows", async () => {
  const told = await story();
  assert.deepEqual(await told.redrive(), [
    "ExecutionDoesNotExist",
    `Execution Does Not Exist: '${executionArn}'`,
  ]);
  await told.begin(wait(1));
  const refused = async (): Promise<string> => {
    const [code, message] = (await told.redrive()) as [string, string];
    assert.equal(code, "ExecutionNotRedrivable");
    const { redriveStatus, redriveStatusReason } = await told.describe();
    assert.deepEqual([redriveStatus, redriveStatusReason], ["NOT_REDRIVABLE", message]);
    return message;
  };
  assert.equal(await refused(), "Execution is RUNNING and cannot be redriven");
  await told.harness.clock.advance(1000);
  assert.equal(await refused(), "Execution is SUCCEEDED and cannot be redriven");
});

test("an execution that ended too long ago is not redriven", async () => {
  const told = await story();
  await told.begin(wait(100_000));
  await told.call("StopExecution", { executionArn });
  told.harness.clock.wallMs += 14 * 24 * 60 * MINUTE_MS + 1;
  assert.deepEqual(await told.redrive(), ["ExecutionNotRedrivable", "Execution redrivable period exceeded"]);
});

test("executions of a deleted state machine are not redriven", async () => {
  const told = await story();
  await told.begin(wait(100_000));
  await told.call("DeleteStateMachine", { stateMachineArn });
  await settle();
  const { status, redriveStatusReason } = await told.describe();
  const message = "State machine is in DELETING status";
  assert.deepEqual([status, redriveStatusReason], ["ABORTED", message]);
  assert.deepEqual(await told.redrive(), ["ExecutionNotRedrivable", message]);
});

test("a redriven execution keeps the definition that it started with", async () => {
  const told = await story();
  await told.begin(wait(10));
  await told.call("StopExecution", { executionArn });
  const definition = JSON.stringify({ StartAt: "F", States: { F: { Type: "Fail" } } });
  await told.call("UpdateStateMachine", { stateMachineArn, definition });
  await told.redrive();
  await told.harness.clock.advance(10_000);
  assert.equal((await told.describe())["status"], "SUCCEEDED");
});

test("a name is taken by the same start while its redriven execution runs", async () => {
  const told = await story();
  await told.begin(wait(10));
  await told.call("StopExecution", { executionArn });
  const again = (): Promise<Answer> => told.call("StartExecution", { stateMachineArn, name: "e" });
  assert.deepEqual(await again(), ["ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`]);
  await told.redrive();
  assert.deepEqual(await again(), { executionArn, startDate: told.now });
});

const INVALID: readonly (readonly [name: string, input: JsonObject, code: string])[] = [
  ["an Express execution", { executionArn: arn("express:m:e:1") }, "InvalidArn"],
  ["what is no ARN", { executionArn: "e" }, "InvalidArn"],
  ["nothing", {}, "ValidationException"],
  ["a token with a space", { executionArn, clientToken: "a b" }, "ValidationException"],
  ["a token that is too long", { executionArn, clientToken: "a".repeat(65) }, "ValidationException"],
];
for (const [name, input, code] of INVALID) {
  test(`a redrive of ${name} is refused with ${code}`, async () => {
    const told = await story();
    const answer = await told.call("RedriveExecution", input);
    assert.ok(Array.isArray(answer), "it is refused");
    assert.equal(answer[0], code);
  });
}
