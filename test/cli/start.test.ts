// The commands that talk to a server, against one that answers over HTTP as it is told.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { JsonObject } from "../../src/base/json.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeTerminal } from "./environment-fake.ts";
import { historyOf } from "./history-text.ts";

const MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:orders";
const EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:orders:one";
const MAP_RUN = "arn:aws:states:us-east-1:000000000000:mapRun:orders/score:1";

type Operations = Readonly<Record<string, (input: JsonObject) => JsonObject>>;

/** Runs `run` with the endpoint of a server that has these operations; returns the calls it saw. */
async function withServer(
  operations: Operations,
  run: (url: string) => Promise<void>,
): Promise<readonly [string, JsonObject][]> {
  const calls: [string, JsonObject][] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const operation = String(request.headers["x-amz-target"]).replace("AWSStepFunctions.", "");
      const input = JSON.parse(body) as JsonObject;
      calls.push([operation, input]);
      const answer = operations[operation]?.(input) ?? {
        __type: "UnknownOperationException",
        message: operation,
      };
      response.writeHead("__type" in answer ? 400 : 200).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return calls;
}

/** GetExecutionHistory of a history that grows by some events each time its newest is asked for. */
function growing(
  events: readonly JsonObject[],
  steps: readonly number[],
  pageSize = 1_000,
): Operations[string] {
  const remaining = [...steps];
  let visible = 0;
  return (input) => {
    if (input["reverseOrder"] === true) {
      visible = remaining.shift() ?? events.length;
      return { events: events.slice(visible - 1, visible) };
    }
    const from = Number(input["nextToken"] ?? 0);
    const to = Math.min(visible, from + pageSize);
    return { events: events.slice(from, to), ...(to < visible ? { nextToken: String(to) } : {}) };
  };
}

const HISTORY = historyOf(`
  1<-0 +0 ExecutionStarted {"input":"{}"}
  2<-0 +0 TaskStateEntered {"name":"Pack","input":"{}"}
  3<-2 +0 TaskScheduled {"resourceType":"lambda","resource":"invoke","parameters":"{}"}
  4<-3 +1 TaskStarted {"resourceType":"lambda","resource":"invoke"}
  5<-4 +21 TaskSucceeded {"output":"{}"}
  6<-5 +21 TaskStateExited {"name":"Pack","output":"{}"}
  7<-6 +21 ExecutionSucceeded {"output":"{\\"packed\\":true}"}`);
const FAILED = historyOf(`
  1<-0 +0 ExecutionStarted {"input":"{}"}
  2<-0 +0 FailStateEntered {"name":"No","input":"{}"}
  3<-2 +0 ExecutionFailed {"error":"E","cause":"because"}`);

const orders = (events: readonly JsonObject[], steps: readonly number[], pageSize?: number): Operations => ({
  ListStateMachines: () => ({
    stateMachines: [
      { name: "orders", stateMachineArn: MACHINE, type: "STANDARD", creationDate: 1_764_000_000 },
    ],
  }),
  DescribeStateMachine: () => ({ type: "STANDARD" }),
  StartExecution: () => ({ executionArn: EXECUTION, startDate: 1_764_000_000 }),
  GetExecutionHistory: growing(events, steps, pageSize) ?? (() => ({})),
});

test("start follows to the end, each event once, and ends with the result, when piped", async () => {
  const calls = await withServer(orders(HISTORY, [1, 4, 4, 7], 2), async (url) => {
    const terminal = fakeTerminal([
      "start",
      "orders",
      "--input",
      '{"n":1}',
      "--name",
      "one",
      "--endpoint",
      url,
    ]);
    assert.equal(await runCli(terminal.environment), 0);
    const lines = terminal
      .out()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as JsonObject);
    assert.deepEqual(lines.slice(0, -1), HISTORY);
    assert.deepEqual(lines.at(-1), {
      executionArn: EXECUTION,
      status: "SUCCEEDED",
      output: '{"packed":true}',
    });
    assert.equal(terminal.err(), "");
  });
  const started = calls.find(([operation]) => operation === "StartExecution");
  assert.deepEqual(started?.[1], { stateMachineArn: MACHINE, input: '{"n":1}', name: "one" });
});

test("start draws the tree on a terminal, and leaves it there in full", async () => {
  await withServer(orders(HISTORY, [4, 7]), async (url) => {
    const terminal = fakeTerminal(["start", MACHINE, "--endpoint", url], {
      isTerminal: true,
      env: { NO_COLOR: "1" },
      size: () => ({ columns: 41, rows: 20 }),
      now: () => 1_764_000_000_010,
    });
    assert.equal(await runCli(terminal.environment), 0);
    assert.match(terminal.out(), /● Pack +10 ms …\n● RUNNING in 10 ms\n/);
    const last = terminal.out().slice(terminal.out().lastIndexOf("\u001b[J"));
    assert.equal(
      stripVTControlCharacters(last),
      '✓ Pack                             21 ms\n✓ SUCCEEDED in 21 ms\n{\n  "packed": true\n}\n',
    );
  });
});

test("an execution that fails makes the command fail", async () => {
  await withServer(orders(FAILED, [3]), async (url) => {
    const terminal = fakeTerminal(["start", "orders", "--endpoint", url]);
    assert.equal(await runCli(terminal.environment), 1);
    const last = terminal.out().trimEnd().split("\n").at(-1) ?? "";
    assert.deepEqual(JSON.parse(last), {
      executionArn: EXECUTION,
      status: "FAILED",
      error: "E",
      cause: "because",
    });
  });
});

test("a signal ends the following, not the execution", async () => {
  await withServer(
    orders(
      HISTORY,
      Array.from({ length: 1_000 }, () => 4),
    ),
    async (url) => {
      const terminal = fakeTerminal(["start", "orders", "--endpoint", url]);
      const exit = runCli(terminal.environment);
      await terminal.until(/"TaskStarted"/);
      terminal.signal("SIGINT");
      assert.equal(await exit, 130);
      assert.equal(terminal.err(), `The execution goes on. Stop it with: stepwell stop ${EXECUTION}\n`);
    },
  );
});

test("an Express state machine is waited for with StartSyncExecution", async () => {
  const operations: Operations = {
    DescribeStateMachine: () => ({ type: "EXPRESS" }),
    StartSyncExecution: () => ({
      executionArn: EXECUTION,
      status: "FAILED",
      error: "E",
      startDate: 1,
      stopDate: 1.5,
    }),
  };
  await withServer(operations, async (url) => {
    const terminal = fakeTerminal(["start", MACHINE, "--endpoint", url], {
      isTerminal: true,
      env: { NO_COLOR: "1" },
    });
    assert.equal(await runCli(terminal.environment), 1);
    assert.equal(terminal.out(), "✗ FAILED in 500 ms\n  E\n");
  });
});

test("a name that is nearly right gets a guess", async () => {
  await withServer(orders([], []), async (url) => {
    const terminal = fakeTerminal(["start", "ordres", "--endpoint", url]);
    assert.equal(await runCli(terminal.environment), 1);
    assert.equal(terminal.err(), 'error: There is no state machine named "ordres". Did you mean "orders"?\n');
  });
});

interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly terminal?: boolean;
  readonly stdin?: string;
  readonly operations: Operations;
  readonly calls: readonly (readonly [string, JsonObject])[];
  readonly out: string;
  readonly exitCode?: number;
  readonly err?: string;
}

const COMMANDS: readonly Command[] = [
  {
    name: "start --no-follow only starts",
    argv: ["start", MACHINE, "--no-follow", "--input", "-"],
    stdin: "[1]",
    operations: orders([], []),
    calls: [["StartExecution", { stateMachineArn: MACHINE, input: "[1]" }]],
    out: `{"executionArn":"${EXECUTION}","startDate":1764000000}\n`,
  },
  {
    name: "approve sends the output",
    argv: ["approve", "TOKEN", "--output", '{"ok":true}'],
    operations: { SendTaskSuccess: () => ({}) },
    calls: [["SendTaskSuccess", { taskToken: "TOKEN", output: '{"ok":true}' }]],
    out: "{}\n",
  },
  {
    name: "reject sends error and cause",
    argv: ["reject", "TOKEN", "--error", "No", "--cause", "not now"],
    terminal: true,
    operations: { SendTaskFailure: () => ({}) },
    calls: [["SendTaskFailure", { taskToken: "TOKEN", error: "No", cause: "not now" }]],
    out: "the task failed, as asked\n",
  },
  {
    name: "an error of the service is shown with its name",
    argv: ["approve", "TOKEN"],
    operations: {
      SendTaskSuccess: () => ({ __type: "InvalidToken", message: "Invalid Token: 'Invalid token'\u001b[2J" }),
    },
    calls: [["SendTaskSuccess", { taskToken: "TOKEN", output: "{}" }]],
    out: "",
    exitCode: 1,
    err: "error: InvalidToken: Invalid Token: 'Invalid token'\\u001b[2J\n",
  },
  {
    name: "stop stops",
    argv: ["stop", EXECUTION, "--cause", "enough"],
    operations: { StopExecution: () => ({ stopDate: 5 }) },
    calls: [["StopExecution", { executionArn: EXECUTION, cause: "enough" }]],
    out: '{"stopDate":5}\n',
  },
  {
    name: "list executions reads as many pages as it takes",
    argv: ["list", "executions", MACHINE, "--limit", "2", "--status", "running"],
    operations: {
      ListExecutions: (input) =>
        input["nextToken"] === undefined
          ? { executions: [{ name: "a" }], nextToken: "t" }
          : { executions: [{ name: "b" }], nextToken: "u" },
    },
    calls: [
      ["ListExecutions", { stateMachineArn: MACHINE, statusFilter: "RUNNING", maxResults: 2 }],
      [
        "ListExecutions",
        { stateMachineArn: MACHINE, statusFilter: "RUNNING", maxResults: 1, nextToken: "t" },
      ],
    ],
    out: '{"name":"a"}\n{"name":"b"}\n',
  },
  {
    name: "list without anything says so",
    argv: ["list"],
    terminal: true,
    operations: { ListStateMachines: () => ({ stateMachines: [] }) },
    calls: [["ListStateMachines", { maxResults: 1_000 }]],
    out: "no state machines\n",
  },
  {
    name: "describe shows documents below the rest",
    argv: ["describe", EXECUTION],
    terminal: true,
    operations: {
      DescribeExecution: () => ({
        executionArn: EXECUTION,
        status: "RUNNING",
        input: '{"a":[1]}',
        inputDetails: { included: true },
      }),
      ListMapRuns: () => ({ mapRuns: [] }),
    },
    calls: [
      ["DescribeExecution", { executionArn: EXECUTION }],
      ["ListMapRuns", { executionArn: EXECUTION, maxResults: 20 }],
    ],
    out:
      `executionArn  ${EXECUTION}\nstatus        RUNNING\ninputDetails  {"included":true}\n` +
      '\ninput\n{\n  "a": [\n    1\n  ]\n}\n',
  },
  {
    name: "describe tells the Map Runs of an execution",
    argv: ["describe", EXECUTION],
    terminal: true,
    operations: {
      DescribeExecution: () => ({ executionArn: EXECUTION }),
      ListMapRuns: () => ({ mapRuns: [{ mapRunArn: MAP_RUN }] }),
      DescribeMapRun: () => ({
        mapRunArn: MAP_RUN,
        status: "FAILED",
        startDate: 10,
        stopDate: 12,
        itemCounts: { total: 40, succeeded: 3, failed: 1 },
        executionCounts: { total: 40 },
      }),
    },
    calls: [
      ["DescribeExecution", { executionArn: EXECUTION }],
      ["ListMapRuns", { executionArn: EXECUTION, maxResults: 20 }],
      ["DescribeMapRun", { mapRunArn: MAP_RUN }],
    ],
    out:
      `executionArn  ${EXECUTION}\n\nMap Runs\n` +
      `FAILED 4 of 40 items · 2/s · 1 failed in 2.0 s\n  ${MAP_RUN}\n`,
  },
  {
    name: "the Map Runs of an execution are listed",
    argv: ["list", "map-runs", EXECUTION],
    operations: { ListMapRuns: () => ({ mapRuns: [{ mapRunArn: MAP_RUN }] }) },
    calls: [["ListMapRuns", { executionArn: EXECUTION, maxResults: 1_000 }]],
    out: `{"mapRunArn":"${MAP_RUN}"}\n`,
  },
  {
    name: "the children of a Map Run are listed",
    argv: ["list", "executions", MAP_RUN, "--status", "pending_redrive"],
    operations: { ListExecutions: () => ({ executions: [{ executionArn: EXECUTION, itemCount: 10 }] }) },
    calls: [["ListExecutions", { mapRunArn: MAP_RUN, statusFilter: "PENDING_REDRIVE", maxResults: 50 }]],
    out: `{"executionArn":"${EXECUTION}","itemCount":10}\n`,
  },
  {
    name: "history is a table on a terminal",
    argv: ["history", EXECUTION],
    terminal: true,
    operations: { GetExecutionHistory: () => ({ events: FAILED }) },
    calls: [["GetExecutionHistory", { executionArn: EXECUTION, maxResults: 1_000 }]],
    out:
      "ID  TIME   EVENT             STATE  DETAIL\n" +
      "1   +0 ms  ExecutionStarted         ← {}\n" +
      "2   +0 ms  FailStateEntered  No     ← {}\n" +
      "3   +0 ms  ExecutionFailed          E: because\n" +
      "2 transitions, 0.00005 USD on AWS\n",
  },
  {
    name: "a table of history names Map Runs",
    argv: ["history", EXECUTION],
    terminal: true,
    operations: {
      GetExecutionHistory: () => ({
        events: historyOf(
          `1<-0 +0 MapStateEntered {"name":"M"}\n2<-1 +0 MapRunStarted {"mapRunArn":"arn:of:it"}`,
        ),
      }),
    },
    calls: [["GetExecutionHistory", { executionArn: EXECUTION, maxResults: 1_000 }]],
    out:
      "ID  TIME   EVENT            STATE  DETAIL\n" +
      "1   +0 ms  MapStateEntered  M\n" +
      "2   +0 ms  MapRunStarted    M      arn:of:it\n" +
      "1 transitions, 0.000025 USD on AWS\n",
  },
  {
    name: "history as a tree",
    argv: ["history", EXECUTION, "--tree"],
    operations: { GetExecutionHistory: () => ({ events: FAILED }) },
    calls: [["GetExecutionHistory", { executionArn: EXECUTION, maxResults: 1_000 }]],
    out: `✗ No${" ".repeat(91)}0 ms\n✗ FAILED in 0 ms\n  E: because\n2 transitions, 0.00005 USD on AWS\n`,
  },
];

for (const {
  name,
  argv,
  terminal: isTerminal = false,
  stdin = "",
  operations,
  calls,
  out,
  exitCode = 0,
  err = "",
} of COMMANDS) {
  test(name, async () => {
    const seen = await withServer(operations, async (url) => {
      const terminal = fakeTerminal([...argv, "--endpoint", url], {
        isTerminal,
        env: { NO_COLOR: "1" },
        readStdin: () => Promise.resolve(stdin),
      });
      assert.equal(await runCli(terminal.environment), exitCode);
      assert.equal(terminal.err(), err);
      assert.equal(terminal.out(), out);
    });
    assert.deepEqual(seen, calls);
  });
}
