// TestState and the world outside: a call is made once, a Wait waits, and five minutes are the end of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseState, type State } from "../../src/asl/index.ts";
import { type JsonObject, Payload } from "../../src/base/json.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { type StateTestRequest, TESTED_NAME } from "../../src/engine/test-state/index.ts";
import type { Integration, TaskCall, TaskOutcome } from "../../src/integrations/integration.ts";
import { systemSeeds } from "../../src/runtime/seeds.ts";
import { StateTests } from "../../src/runtime/test-state.ts";
import { ManualClock, settle } from "./manual-clock.ts";

interface World {
  readonly tests: StateTests;
  readonly clock: ManualClock;
  readonly calls: TaskCall[];
  readonly answer: (outcome: TaskOutcome) => void;
  readonly lines: string[];
}

/** Calls are answered by `answer`. */
function world(integration?: Integration): World {
  const clock = new ManualClock();
  const calls: TaskCall[] = [];
  const lines: string[] = [];
  const { promise, resolve } = Promise.withResolvers<TaskOutcome>();
  const answered: Integration = {
    call: (call) => {
      calls.push(call);
      return promise;
    },
  };
  const tests = new StateTests({
    clock,
    seeds: systemSeeds(),
    limits: SERVICE_LIMITS,
    integrations: () => integration ?? answered,
    log: (line) => lines.push(line),
  });
  return { tests, clock, calls, answer: resolve, lines };
}

function request(definition: JsonObject): StateTestRequest {
  const { program } = parseState(JSON.stringify(definition), TESTED_NAME);
  return {
    state: program?.states.get(TESTED_NAME) as State,
    input: Payload.ofText('{"n":1}'),
    roleArn: "arn:aws:iam::000000000000:role/r",
    region: "eu-west-1",
    account: "000000000000",
    variables: [],
    retries: 0,
  };
}

const TASK = { Type: "Task", Resource: "arn:aws:lambda:eu-west-1:000000000000:function:f", End: true };
const { signal: nobodyLeaves } = new AbortController();

test("a Task is called once, and what is over is let go", async () => {
  const { tests, calls, answer, clock } = world();
  const tested = tests.run(request(TASK), nobodyLeaves);
  await settle();
  assert.equal(calls.length, 1);
  const [call] = calls;
  assert.equal(call?.parameters.text, '{"n":1}');
  assert.deepEqual([call?.region, call?.account], ["eu-west-1", "000000000000"]);
  assert.equal(call?.signal.aborted, false);
  answer({ kind: "succeeded", output: Payload.ofText("2") });
  const { status, output } = await tested;
  assert.deepEqual([status, output?.text], ["SUCCEEDED", "2"]);
  assert.equal(clock.timerCount, 0);
});

test("a Task that takes too long has timed out, and its call is given up", async () => {
  const { tests, calls, clock } = world();
  const tested = tests.run(request({ ...TASK, TimeoutSeconds: 10 }), nobodyLeaves);
  await settle();
  await clock.advance(10_000);
  const { status, error } = await tested;
  assert.deepEqual([status, error], ["FAILED", "States.Timeout"]);
  assert.equal(calls[0]?.signal.aborted, true);
});

test("a Wait waits for its moment", async () => {
  const { tests, clock } = world();
  let isOver = false;
  const tested = tests.run(request({ Type: "Wait", Seconds: 20, Next: "N" }), nobodyLeaves).finally(() => {
    isOver = true;
  });
  await clock.advance(19_999);
  await settle();
  assert.equal(isOver, false);
  await clock.advance(1);
  const { status, nextState } = await tested;
  assert.deepEqual([status, nextState], ["SUCCEEDED", "N"]);
});

test("five minutes are the end of a Wait and of a call", async () => {
  for (const definition of [{ Type: "Wait", Seconds: 301, Next: "N" }, TASK]) {
    const { tests, clock } = world();
    const tested = tests.run(request(definition), nobodyLeaves);
    await settle();
    await clock.advance(300_000);
    const { status, error } = await tested;
    assert.deepEqual([status, error], ["FAILED", "States.Timeout"]);
  }
});

test("a caller who leaves, and a server that ends, take the test with them", async () => {
  for (const definition of [{ Type: "Wait", Seconds: 20, Next: "N" }, TASK]) {
    for (const isCaller of [true, false]) {
      const { tests, clock, calls } = world();
      const caller = new AbortController();
      const tested = tests.run(request(definition), caller.signal);
      const refused = assert.rejects(tested, { code: "ServiceUnavailable" });
      await settle();
      if (isCaller) caller.abort();
      else tests.stop();
      await refused;
      assert.equal(clock.timerCount, 0);
      assert.ok(calls.every(({ signal }) => signal.aborted));
    }
  }
});

test("an integration that breaks fails the state, and is told of", async () => {
  const broken: Integration = { call: () => Promise.reject(new Error("a bug")) };
  const { tests, lines } = world(broken);
  const { status, error, cause } = await tests.run(request(TASK), nobodyLeaves);
  assert.deepEqual(
    [status, error, cause],
    ["FAILED", "States.TaskFailed", `The integration of ${TASK.Resource} failed unexpectedly: a bug`],
  );
  assert.equal(lines.length, 1);
});
