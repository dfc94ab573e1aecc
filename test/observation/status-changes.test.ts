// Status changes of executions: the events, and how they reach webhooks and buses.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { type JsonObject, Payload } from "../../src/base/json.ts";
import { eventBus, type EventTarget, StatusChanges, webhook } from "../../src/observation/index.ts";
import { createMachine, type Harness, LAMBDA, open, start, succeeded, tasks } from "../runtime/harness.ts";
import { settle } from "../runtime/manual-clock.ts";

interface Receiver {
  readonly url: string;
  readonly bodies: JsonObject[];
  /** Of the next answers; then 200. */
  readonly answers: (readonly [status: number, body: string])[];
}

async function receiver(t: TestContext): Promise<Receiver> {
  const bodies: JsonObject[] = [];
  const answers: Receiver["answers"] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const [status, body] = answers.shift() ?? [200, "{}"];
    if (status === 200) bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as JsonObject);
    response.writeHead(status).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, bodies, answers };
}

interface World extends Harness {
  readonly changes: StatusChanges;
  readonly lines: string[];
}

async function openWorld(target: EventTarget): Promise<World> {
  const lines: string[] = [];
  const changes = new StatusChanges({
    targets: [target],
    log: (line) => lines.push(line),
    delayMs: () => 1,
  });
  return { ...(await open({ observers: [changes.observe] })), changes, lines };
}

async function run(world: World, input: string, outcome = succeeded("done")): Promise<string> {
  const machine = await createMachine(world, tasks(LAMBDA), "orders");
  const arn = await start(world, machine, input);
  await world.clock.advance(1_500);
  world.integrations.next().answer(outcome);
  await settle();
  return arn;
}

test("a webhook gets the start and the end, in EventBridge's form", async (t) => {
  const { url, bodies } = await receiver(t);
  const world = await openWorld(webhook(url));
  const beganMs = world.clock.wallMs;
  const executionArn = await run(world, "go");
  await world.changes.close(5_000);
  const detail = {
    executionArn,
    stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:orders",
    stateMachineVersionArn: null,
    stateMachineAliasArn: null,
    name: executionArn.split(":").at(-1),
    startDate: beganMs,
    input: '"go"',
    inputDetails: { included: true },
    error: null,
    cause: null,
    redriveCount: 0,
    redriveDate: null,
    redriveStatus: "NOT_REDRIVABLE",
  };
  const envelope = {
    version: "0",
    "detail-type": "Step Functions Execution Status Change",
    source: "aws.states",
    account: "123456789012",
    region: "us-east-1",
    resources: [executionArn],
  };
  const ids = bodies.map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
  for (const id of ids)
    assert.match(String(id), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/u);
  assert.deepEqual(
    bodies.map(({ id: _id, ...body }) => body),
    [
      {
        ...envelope,
        time: "2026-01-02T03:04:05Z",
        detail: {
          ...detail,
          status: "RUNNING",
          stopDate: null,
          output: null,
          outputDetails: null,
          redriveStatusReason: "Execution is RUNNING and cannot be redriven",
        },
      },
      {
        ...envelope,
        time: "2026-01-02T03:04:06Z",
        detail: {
          ...detail,
          status: "SUCCEEDED",
          stopDate: beganMs + 1_500,
          output: '"done"',
          outputDetails: { included: true },
          redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
        },
      },
    ],
  );
  await world.runtime.close(0);
});

test("a failure has its error and cause, and can be redriven", async (t) => {
  const { url, bodies } = await receiver(t);
  const world = await openWorld(webhook(url));
  await run(world, "go", { kind: "failed", phase: "run", error: "Broken", cause: "no spring" });
  await world.changes.close(5_000);
  const ended = bodies[1]?.["detail"];
  assert(ended !== undefined);
  const { status, error, cause, output, redriveStatus, redriveStatusReason } = ended as JsonObject;
  assert.deepEqual(
    [status, error, cause, output, redriveStatus, redriveStatusReason],
    ["FAILED", "Broken", "no spring", null, "REDRIVABLE", null],
  );
  await world.runtime.close(0);
});

test("of data that is too large the input is left out first", async (t) => {
  const { url, bodies } = await receiver(t);
  const world = await openWorld(webhook(url));
  await run(world, "i".repeat(130_000), succeeded("o".repeat(130_000)));
  await world.changes.close(5_000);
  const ended = bodies[1]?.["detail"] as JsonObject;
  assert.deepEqual(ended["inputDetails"], { included: false });
  assert.equal(ended["input"], null);
  assert.deepEqual(ended["outputDetails"], { included: true });
  await world.runtime.close(0);
});

test("a bus gets entries; a webhook that is busy is asked again; what is refused is told", async (t) => {
  const { url, bodies, answers } = await receiver(t);
  answers.push([503, ""], [429, ""]);
  const world = await openWorld(eventBus({ endpoint: url, region: "us-east-1" }));
  await run(world, "go");
  await world.changes.close(5_000);
  const entries = bodies.flatMap(({ Entries }) => Entries as readonly JsonObject[]);
  assert.deepEqual(
    entries.map(({ Source, DetailType, Detail }) => [
      Source,
      DetailType,
      (JSON.parse(Detail as string) as JsonObject)["status"],
    ]),
    ["RUNNING", "SUCCEEDED"].map((status) => [
      "aws.states",
      "Step Functions Execution Status Change",
      status,
    ]),
  );
  assert.deepEqual(world.lines, []);
  await world.runtime.close(0);

  const refusing = await openWorld(eventBus({ endpoint: url, region: "us-east-1" }));
  answers.push([200, '{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}'], [400, "no bus"]);
  await run(refusing, "go");
  await refusing.changes.close(5_000);
  assert.equal(refusing.lines.length, 2);
  assert.match(refusing.lines[0] ?? "", /^status events: 1 are lost: .*1 entries are refused/u);
  assert.match(refusing.lines[1] ?? "", /^status events: 1 are lost: .*it answers 400 no bus$/u);
  await refusing.runtime.close(0);
});

test("Express executions have no status events", async (t) => {
  const { url, bodies } = await receiver(t);
  const world = await openWorld(webhook(url));
  const machine = await createMachine(world, tasks(LAMBDA), "machine", "EXPRESS");
  const ended = world.runtime.express.run({ machine, input: Payload.ofValue({}) });
  await settle();
  world.integrations.next().answer(succeeded(1));
  await ended;
  await world.changes.close(1_000);
  assert.deepEqual(bodies, []);
  await world.runtime.close(0);
});
