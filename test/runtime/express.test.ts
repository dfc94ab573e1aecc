// Express executions: in memory, five minutes, at most once or at least once (D8).

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, Payload } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { type EntityWrite, StorageFull } from "../../src/store/store.ts";
import type { StateMachine } from "../../src/runtime/interface.ts";
import {
  createMachine,
  type Harness,
  isSettled,
  LAMBDA,
  open,
  restart,
  succeeded,
  tasks,
} from "./harness.ts";
import { HeldStore } from "./held-store.ts";
import { settle } from "./manual-clock.ts";

const ADD: Json = {
  QueryLanguage: "JSONata",
  StartAt: "Add",
  States: { Add: { Type: "Pass", Output: "{% $states.input.a + 1 %}", End: true } },
};
const ONE_CALL = tasks(LAMBDA);
const ARN = /^arn:aws:states:us-east-1:123456789012:express:machine:([^:]+):([0-9a-f-]{36})$/;

function express(harness: Harness, definition: Json): Promise<StateMachine> {
  return createMachine(harness, definition, "machine", "EXPRESS");
}

function request(machine: StateMachine, input: Json = {}, name?: string) {
  return { machine, input: Payload.ofValue(input), ...(name === undefined ? {} : { name }) };
}

test("a synchronous execution answers with its end, and nothing of it is stored", async () => {
  const harness = await open();
  const machine = await express(harness, ADD);
  const { execution } = await harness.runtime.express.run(request(machine, { a: 1 }, "one"));
  assert.equal(execution.status, "SUCCEEDED");
  assert.equal(execution.output?.text, "2");
  assert.equal(execution.stoppedAtMs, harness.clock.wallMs);
  assert.match(execution.started.executionArn, ARN);
  assert.deepEqual(await harness.store.listEntities("expressStart", "", 10), []);
  assert.equal(await harness.store.countOpen(), 0);
  await harness.runtime.close(0);
});

test("names are not unique: each start is an execution of its own", async () => {
  const harness = await open();
  const machine = await express(harness, ADD);
  const starts = await Promise.all(
    Array.from({ length: 3 }, () => harness.runtime.express.start(request(machine, { a: 1 }, "same"))),
  );
  assert.equal(new Set(starts.map(({ executionArn }) => executionArn)).size, 3);
  for (const { executionArn } of starts) assert.equal(ARN.exec(executionArn)?.[1], "same");
  await settle();
  assert.equal(harness.runtime.express.list(machine.arn).length, 3);
  await harness.runtime.close(0);
});

test("it times out after five minutes, its call is cancelled", async () => {
  const harness = await open();
  const machine = await express(harness, ONE_CALL);
  const running = harness.runtime.express.run(request(machine));
  await settle();
  const { call } = harness.integrations.next();
  await harness.clock.advance(299_999);
  assert.equal(await isSettled(running), false);
  await harness.clock.advance(1);
  assert.equal((await running).execution.status, "TIMED_OUT");
  assert.equal(call.signal.aborted, true);
  await harness.runtime.close(0);
});

test("Waits, retries and parallel calls go on as their times and answers come", async () => {
  const harness = await open();
  const machine = await express(harness, {
    StartAt: "P",
    States: {
      P: {
        Type: "Parallel",
        Branches: [
          { StartAt: "W", States: { W: { Type: "Wait", Seconds: 20, End: true } } },
          {
            StartAt: "T",
            States: {
              T: {
                Type: "Task",
                Resource: LAMBDA,
                Retry: [{ ErrorEquals: ["E"], IntervalSeconds: 5 }],
                End: true,
              },
            },
          },
        ],
        End: true,
      },
    },
  });
  const running = harness.runtime.express.run(request(machine, { a: 1 }));
  await settle();
  harness.integrations.next().answer({ kind: "failed", phase: "run", error: "E" });
  await settle();
  assert.equal(harness.integrations.calls.length, 0);
  await harness.clock.advance(5000);
  harness.integrations.next().answer(succeeded("done"));
  await settle();
  assert.equal(await isSettled(running), false);
  await harness.clock.advance(15_000);
  const { execution } = await running;
  assert.equal(execution.output?.text, '[{"a":1},"done"]');
  const types = harness.runtime.express.history(execution.started.executionArn)?.map(({ type }) => type);
  assert.equal(types?.at(0), "ExecutionStarted");
  assert.equal(types?.at(-1), "ExecutionSucceeded");
  assert.equal(harness.clock.timerCount, 1, "only the runtime's own timer is left");
  await harness.runtime.close(0);
});

test("an accepted start is durable before it is answered, and forgotten after its end", async () => {
  const harness = await open();
  const machine = await express(harness, ONE_CALL);
  const { executionArn } = await harness.runtime.express.start(request(machine, { n: 7 }));
  const stored = await harness.store.listEntities("expressStart", "", 10);
  assert.deepEqual(
    stored.map(({ key }) => key),
    [executionArn],
  );
  harness.integrations.next().answer(succeeded(1));
  await settle();
  assert.deepEqual(await harness.store.listEntities("expressStart", "", 10), []);
  assert.equal(harness.runtime.express.describe(executionArn)?.execution.status, "SUCCEEDED");
  await harness.runtime.close(0);
});

test("what a crash cut off runs again from its beginning, under its ARN; what ended does not", async () => {
  const old = await open();
  const machine = await express(old, ONE_CALL);
  const cut = await old.runtime.express.start(request(machine, { n: 1 }));
  const done = await old.runtime.express.start(request(machine, { n: 2 }));
  const first = old.integrations.next();
  assert.equal(first.call.executionArn, cut.executionArn);
  old.integrations.next().answer(succeeded("ended"));
  await settle();
  const next = await restart(old);
  await settle();
  const again = next.integrations.next();
  assert.equal(again.call.executionArn, cut.executionArn);
  assert.equal(again.call.parameters.text, '{"n":1}');
  assert.equal(again.resumed, "no");
  assert.equal(next.integrations.calls.length, 0);
  again.answer(succeeded("second time"));
  await settle();
  assert.equal(next.runtime.express.describe(cut.executionArn)?.execution.output?.text, '"second time"');
  assert.equal(next.runtime.express.describe(done.executionArn), undefined);
  assert.deepEqual(await next.store.listEntities("expressStart", "", 10), []);
  await next.runtime.close(0);
});

test("a synchronous execution that the end of the server cuts off has no answer and never runs again", async () => {
  const old = await open();
  const machine = await express(old, ONE_CALL);
  const running = old.runtime.express.run(request(machine));
  await settle();
  const refused = assert.rejects(
    running,
    (error) => error instanceof ServiceError && error.code === "ServiceUnavailable",
  );
  const closing = old.runtime.close(1000);
  await old.clock.advance(1000);
  await refused;
  await closing;
  const next = await open({ store: old.store, clock: old.clock });
  await settle();
  assert.equal(next.integrations.calls.length, 0);
  await next.runtime.close(0);
});

test("an asynchronous execution that the end of the server cuts off runs again after its next start", async () => {
  const old = await open();
  const machine = await express(old, ONE_CALL);
  const { executionArn } = await old.runtime.express.start(request(machine));
  await settle();
  const closing = old.runtime.close(1000);
  await old.clock.advance(1000);
  await closing;
  const next = await open({ store: old.store, clock: old.clock });
  await settle();
  const again = next.integrations.next();
  assert.equal(again.call.executionArn, executionArn);
  again.answer(succeeded(1));
  await settle();
  assert.equal(next.runtime.express.describe(executionArn)?.execution.status, "SUCCEEDED");
  await next.runtime.close(0);
});

test("past the bound starts are throttled, synchronous and asynchronous ones", async () => {
  const harness = await open({ settings: { expressExecutions: 2 } });
  const machine = await express(harness, ONE_CALL);
  const quick = await createMachine(harness, ADD, "quick", "EXPRESS");
  const first = harness.runtime.express.run(request(machine));
  await harness.runtime.express.start(request(machine));
  const isThrottled = (error: unknown): boolean =>
    error instanceof ServiceError && error.code === "ThrottlingException";
  await assert.rejects(harness.runtime.express.run(request(machine)), isThrottled);
  await assert.rejects(harness.runtime.express.start(request(machine)), isThrottled);
  harness.integrations.next().answer(succeeded(1));
  harness.integrations.next().answer(succeeded(1));
  await first;
  assert.equal((await harness.runtime.express.run(request(quick, { a: 1 }))).execution.status, "SUCCEEDED");
  await harness.runtime.close(0);
});

/** Entities wait for the test, or there is no room for them. */
class EntityStore extends HeldStore {
  entityGate: PromiseWithResolvers<void> | undefined;
  isFull = false;
  /** Entities that a write took away. */
  readonly deleted: string[] = [];

  override async writeEntities(writes: readonly EntityWrite[]): Promise<boolean> {
    await this.entityGate?.promise;
    if (this.isFull) throw new StorageFull("the disk is full");
    this.deleted.push(...writes.filter(({ data }) => data === undefined).map(({ key }) => key));
    return super.writeEntities(writes);
  }
}

function isRefusedWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ServiceError && error.code === code;
}

test("starts that are being stored count as running", async () => {
  const store = new EntityStore();
  const harness = await open({ store, settings: { expressExecutions: 2 } });
  const machine = await express(harness, ONE_CALL);
  store.entityGate = Promise.withResolvers();
  const starts = [
    harness.runtime.express.start(request(machine)),
    harness.runtime.express.start(request(machine)),
  ];
  await assert.rejects(harness.runtime.express.start(request(machine)), isRefusedWith("ThrottlingException"));
  await assert.rejects(harness.runtime.express.run(request(machine)), isRefusedWith("ThrottlingException"));
  store.entityGate.resolve();
  assert.equal((await Promise.all(starts)).length, 2);
  await harness.runtime.close(0);
});

test("a start that is stored while the server ends is accepted, and runs after its next start only", async () => {
  const store = new EntityStore();
  const old = await open({ store });
  const machine = await express(old, ONE_CALL);
  store.entityGate = Promise.withResolvers();
  const starting = old.runtime.express.start(request(machine, { n: 1 }));
  const closing = old.runtime.close(0);
  await settle();
  store.entityGate.resolve();
  const { executionArn } = await starting;
  await closing;
  assert.equal(old.integrations.calls.length, 0);
  const next = await open({ store, clock: old.clock });
  await settle();
  assert.equal(next.integrations.next().call.executionArn, executionArn);
  await next.runtime.close(0);
});

test("without room a start is refused and leaves nothing; an end goes with the next write", async () => {
  const store = new EntityStore();
  const harness = await open({ store });
  const machine = await express(harness, ONE_CALL);
  const { executionArn } = await harness.runtime.express.start(request(machine));
  store.isFull = true;
  await assert.rejects(harness.runtime.express.start(request(machine)), isRefusedWith("ServiceUnavailable"));
  harness.integrations.next().answer(succeeded(1));
  await settle();
  assert.equal(harness.integrations.calls.length, 0, "what was refused does not run");
  assert.deepEqual(
    (await harness.store.listEntities("expressStart", "", 10)).map(({ key }) => key),
    [executionArn],
  );
  store.isFull = false;
  await harness.runtime.express.start(request(machine));
  assert.deepEqual(store.deleted, [executionArn]);
  await harness.runtime.close(0);
});

test("what has ended is kept while it fits, the newest longest", async () => {
  const harness = await open({ settings: { expressKeptChars: 10_000 } });
  const machine = await express(harness, ADD);
  const arns: string[] = [];
  for (let n = 0; n < 50; n++) {
    const { execution } = await harness.runtime.express.run(request(machine, { a: n }));
    arns.push(execution.started.executionArn);
  }
  assert.equal(harness.runtime.express.describe(arns[0] as string), undefined);
  assert.notEqual(harness.runtime.express.describe(arns[49] as string), undefined);
  const kept = harness.runtime.express.list(machine.arn);
  assert.ok(kept.length > 1 && kept.length < 50, String(kept.length));
  await harness.runtime.close(0);
});

test("an execution that would hold the thread lets others end, and times out", async () => {
  const harness = await open({ limits: { turnSteps: 5000 } });
  const spin = await createMachine(
    harness,
    {
      StartAt: "A",
      States: {
        A: { Type: "Choice", Choices: [{ Variable: "$.a", NumericEquals: 1, Next: "B" }], Default: "C" },
        B: { Type: "Pass", Next: "A" },
        C: { Type: "Succeed" },
      },
    },
    "spin",
    "EXPRESS",
  );
  const spinning = harness.runtime.express.run(request(spin, { a: 1 }));
  const quick = await harness.runtime.express.run(request(await express(harness, ADD), { a: 1 }));
  assert.equal(quick.execution.status, "SUCCEEDED");
  await harness.clock.advance(300_000);
  assert.equal((await spinning).execution.status, "TIMED_OUT");
  await harness.runtime.close(0);
});
