// Redrives under SIGKILL: the server dies right after it has answered RedriveExecution. What had succeeded before is
// not called again, the redrive is not lost, and what was perhaps called is called again by a further redrive only.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { pause } from "../../src/torture/index.ts";
import { call, freePort, ServerProcess } from "./server.ts";

const ROUNDS = 8;
const WITHIN_MS = 30_000;

const task = (step: string, end: object): object => ({
  Type: "Task",
  Resource: "arn:aws:lambda:us-east-1:000000000000:function:step",
  Parameters: { step, "execution.$": "$$.Execution.Name" },
  ResultPath: null,
  ...end,
});
const DEFINITION = JSON.stringify({
  StartAt: "Before",
  States: {
    Before: task("before", { Next: "P" }),
    P: {
      Type: "Parallel",
      Branches: [
        { StartAt: "A", States: { A: task("done", { End: true }) } },
        {
          StartAt: "B",
          States: { B: task("before failing", { Next: "F" }), F: task("failing", { End: true }) },
        },
      ],
      Next: "After",
    },
    After: task("after", { End: true }),
  },
});

test(`${ROUNDS} servers that die after answering a redrive run again only what had not succeeded`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-redrive-"));
  /** Calls by execution and step, and the executions whose failing step works from now on. */
  const ledger = new Map<string, string[]>();
  const repaired = new Set<string>();
  const functions = createServer((request, response) => {
    void json(request).then((body) => {
      const { step, execution } = body as { step: string; execution: string };
      ledger.set(execution, [...(ledger.get(execution) ?? []), step]);
      // Its sibling has ended by then: else it would be aborted, and rightly run again.
      const isDone = (): boolean => ledger.get(execution)?.includes("done") === true;
      const answer = async (): Promise<void> => {
        if (step !== "failing" || repaired.has(execution)) {
          response.end("{}");
          return;
        }
        while (!isDone()) await pause(5);
        await pause(100);
        response.setHeader("x-amz-function-error", "Unhandled");
        response.end(JSON.stringify({ errorType: "Broken", errorMessage: "it is" }));
      };
      return answer();
    });
  });
  await new Promise<void>((listening) => functions.listen(0, "127.0.0.1", listening));
  const endpoint = `http://127.0.0.1:${(functions.address() as AddressInfo).port}`;
  const server = new ServerProcess(await freePort(), [
    "--data",
    join(directory, "data"),
    "--lambda-endpoint",
    endpoint,
  ]);
  const ended = async (executionArn: unknown): Promise<Record<string, unknown>> => {
    for (const untilMs = Date.now() + WITHIN_MS; ; ) {
      const described = await call(server.url, "DescribeExecution", { executionArn });
      if (described["status"] !== "RUNNING") return described;
      assert.ok(Date.now() < untilMs, `the execution does not end: ${server.errors}`);
      await pause(20);
    }
  };
  let unknown = 0;
  try {
    await server.start();
    const { stateMachineArn } = await call(server.url, "CreateStateMachine", {
      name: "redriven",
      roleArn: "arn:aws:iam::000000000000:role/redriven",
      definition: DEFINITION,
    });
    for (let round = 0; round < ROUNDS; round++) {
      const name = `round-${round}`;
      const { executionArn } = await call(server.url, "StartExecution", { stateMachineArn, name });
      const failed = await ended(executionArn);
      assert.deepEqual([failed["status"], failed["error"]], ["FAILED", "Broken"]);
      repaired.add(name);
      const request = { executionArn, clientToken: name };
      const { redriveDate } = await call(server.url, "RedriveExecution", request);
      await server.kill();
      await server.start();
      const { redriveDate: again } = await call(server.url, "RedriveExecution", request);
      assert.equal(again, redriveDate, "the answered redrive is stored, with its token");
      let accepted = 1;
      for (
        let end = await ended(executionArn);
        end["status"] !== "SUCCEEDED";
        end = await ended(executionArn)
      ) {
        // The call was perhaps made: that is for whoever redrives to decide.
        assert.match(String(end["cause"]), /^The server ended while the call/);
        unknown += 1;
        accepted += 1;
        await call(server.url, "RedriveExecution", { executionArn, clientToken: `${name}-${accepted}` });
      }
      const described = await call(server.url, "DescribeExecution", { executionArn });
      assert.equal(described["redriveCount"], accepted);
      const { events } = await call(server.url, "GetExecutionHistory", { executionArn, maxResults: 1000 });
      const started = (events as { type: string }[]).filter(({ type }) => type === "LambdaFunctionStarted");
      const steps = ledger.get(name) ?? [];
      for (const step of ["before", "done", "before failing", "after"]) {
        assert.equal(steps.filter((each) => each === step).length, 1, `${step} in ${steps.join(", ")}`);
      }
      const failing = steps.filter((step) => step === "failing").length;
      assert.ok(failing >= 2 && failing <= 1 + accepted, `failing was called ${failing} times`);
      assert.ok(
        steps.length <= started.length,
        "nothing is called without having been started in the history",
      );
    }
  } finally {
    await server.kill();
    functions.closeAllConnections();
    functions.close();
    rmSync(directory, { recursive: true });
  }
  console.log(
    `${ROUNDS} kills after the answer of a redrive, ${unknown} calls of which the outcome was unknown`,
  );
});
