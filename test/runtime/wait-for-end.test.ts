// Waiting for the end of an execution, and giving up at every moment.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, open, start, wait } from "./harness.ts";

test("giving up while the execution is looked at rejects that wait, and nothing else", async () => {
  const harness = await open();
  const { runtime, store } = harness;
  const machine = await createMachine(harness, wait(60));
  store.isHolding = true;
  const started = start(harness, machine, {}, "x");
  const arn = `${machine.arn.replace(":stateMachine:", ":execution:")}:x`;
  const controller = new AbortController();
  // The look waits for the commit; the abortion does not.
  const waiting = runtime.executions.waitForEnd(arn, controller.signal);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("enough"));
  // A rejection that nobody handles would be reported by now, and fail this test.
  await new Promise((resolve) => setImmediate(resolve));
  store.letGo();
  await started;
  await assert.rejects(waiting, /enough/);
  await runtime.close(0);
});
