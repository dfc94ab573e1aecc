// Definitions, activities and tags: durable, written one after the other, and deletions that end executions (C1 to C6).

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { ServiceError } from "../../src/base/service-error.ts";
import type { Activity, StateMachine } from "../../src/runtime/interface.ts";
import { StorageFull } from "../../src/store/store.ts";
import {
  ACTIVITY,
  createActivity,
  createMachine,
  ONE_CALL,
  open,
  outcome,
  PASS,
  restart,
  start,
  wait,
} from "./harness.ts";
import { settle } from "./manual-clock.ts";

const update =
  (comment: string) =>
  (current: StateMachine): StateMachine => ({
    ...current,
    updated: true,
    revision: {
      ...current.revision,
      revisionId: `${current.revision.revisionId}+${comment}`,
      definition: JSON.stringify({ ...(PASS as object), Comment: comment }),
    },
  });

test("what was created is there, also after a restart, and creating it again changes nothing", async () => {
  const harness = await open();
  const machine = await createMachine(harness, PASS);
  const again = await harness.runtime.catalog.createStateMachine({ ...machine, name: "other" }, []);
  assert.deepEqual(again, { machine, created: false });
  await createActivity(harness);
  await harness.runtime.catalog.setTags(machine.arn, [{ key: "a", value: "1" }]);
  const next = await restart(harness);
  const { catalog } = next.runtime;
  const third = await catalog.createStateMachine({ ...machine, name: "other" }, []);
  assert.deepEqual(third, { machine, created: false });
  assert.deepEqual(await catalog.getStateMachine(machine.arn), machine);
  assert.deepEqual(await catalog.listStateMachines("", 10), [machine]);
  assert.deepEqual(await catalog.listStateMachines(machine.arn, 10), []);
  assert.deepEqual(await catalog.getRevision(machine.revision.revisionId), machine.revision);
  assert.deepEqual(await catalog.getTags(machine.arn), [{ key: "a", value: "1" }]);
  assert.equal((await catalog.getActivity(ACTIVITY))?.name, "review");
  assert.equal((await catalog.listActivities("", 10)).length, 1);
  await catalog.deleteActivity(ACTIVITY);
  assert.equal(await catalog.getActivity(ACTIVITY), undefined);
  assert.equal(await catalog.getTags(ACTIVITY), undefined);
  await next.runtime.close(0);
});

test("updates that come at once follow each other; none is lost", async () => {
  const harness = await open();
  const { arn, revision } = await createMachine(harness, PASS);
  const { catalog } = harness.runtime;
  await Promise.all(["a", "b", "c"].map((comment) => catalog.updateStateMachine(arn, update(comment))));
  assert.equal((await catalog.getStateMachine(arn))?.revision.revisionId, `${revision.revisionId}+a+b+c`);
  await assert.rejects(catalog.updateStateMachine(`${arn}2`, update("d")), {
    code: "StateMachineDoesNotExist",
  });
  await harness.runtime.close(0);
});

test("an execution keeps the revision that it started with", async () => {
  const old = await open();
  const machine = await createMachine(old, wait(100));
  const arn = await start(old, machine);
  await old.runtime.catalog.updateStateMachine(machine.arn, update("new"));
  const harness = await restart(old);
  await harness.clock.advance(100_000);
  assert.equal(await outcome(harness, arn), "SUCCEEDED {}");
  const described = await harness.runtime.executions.describe(arn);
  assert.equal(described?.row.revisionId, machine.revision.revisionId);
  await harness.runtime.close(0);
});

test("deleting a state machine ends its executions, in memory or not, and no others", async () => {
  const harness = await open();
  const machine = await createMachine(harness, wait(3600));
  const calling = await createMachine(harness, ONE_CALL, "calling");
  const arns = await Promise.all(Array.from({ length: 230 }, () => start(harness, machine)));
  const other = await start(harness, calling);
  await harness.runtime.catalog.deleteStateMachine(machine.arn);
  assert.equal(await harness.runtime.catalog.getStateMachine(machine.arn), undefined);
  for (let i = 0; i < 5; i++) await settle();
  assert.deepEqual([...new Set(await Promise.all(arns.map((arn) => outcome(harness, arn))))], ["ABORTED"]);
  assert.equal(await outcome(harness, other), "RUNNING");
  assert.deepEqual(await harness.store.listEntities("deletion", "", 10), []);
  await harness.runtime.catalog.deleteStateMachine(machine.arn);
  await harness.runtime.close(0);
});

test("a deletion that a crash interrupts is finished later, and leaves a new machine of the name alone", async () => {
  const old = await open();
  const machine = await createMachine(old, wait(3600));
  const arn = await start(old, machine);
  const listExecutions = old.store.listExecutions.bind(old.store);
  old.store.listExecutions = () => Promise.reject(new Error("the process dies here"));
  await old.runtime.catalog.deleteStateMachine(machine.arn);
  const again = await createMachine(old, wait(3600));
  const young = await start(old, again);
  assert.equal(await outcome(old, arn), "RUNNING");
  old.store.listExecutions = listExecutions;
  const harness = await restart(old);
  assert.equal(await outcome(harness, arn), "ABORTED");
  assert.equal(await outcome(harness, young), "RUNNING");
  assert.deepEqual(await harness.store.listEntities("deletion", "", 10), []);
  await harness.runtime.close(0);
});

test("a write for which there is no room is refused in words, and may be made again", async () => {
  const harness = await open();
  const { arn } = await createMachine(harness, PASS);
  const { catalog } = harness.runtime;
  const full = (): Promise<boolean> => Promise.reject(new StorageFull("there is no room left"));
  mock.method(harness.store, "writeEntities", full, { times: 1 });
  await assert.rejects(catalog.setTags(arn, [{ key: "a", value: "1" }]), {
    code: "ServiceUnavailable",
    message: "there is no room left.",
  });
  await catalog.setTags(arn, [{ key: "a", value: "2" }]);
  assert.deepEqual(await catalog.getTags(arn), [{ key: "a", value: "2" }]);
  await harness.runtime.close(0);
});

test("a deletion for which there is no room leaves the activity as it is", async () => {
  const harness = await open();
  await createActivity(harness);
  const { catalog } = harness.runtime;
  const full = (): Promise<boolean> => Promise.reject(new StorageFull("there is no room left"));
  mock.method(harness.store, "writeEntities", full, { times: 1 });
  await assert.rejects(catalog.deleteActivity(ACTIVITY), { code: "ServiceUnavailable" });
  assert.equal((await catalog.getActivity(ACTIVITY))?.name, "review");
  await catalog.deleteActivity(ACTIVITY);
  assert.equal(await catalog.getActivity(ACTIVITY), undefined);
  await harness.runtime.close(0);
});

test("there are so many state machines and activities at most, however many are created at once", async () => {
  const settings = { stateMachines: 3, activities: 3 };
  const before = await open({ settings });
  await createMachine(before, PASS, "first");
  await before.runtime.catalog.createActivity(activityOf("first"), []);
  const harness = await restart(before, { settings });
  const { catalog } = harness.runtime;
  const names = ["a", "b", "c", "d", "first"];
  const machines = await Promise.allSettled(names.map((name) => createMachine(harness, PASS, name)));
  assert.deepEqual(machines.map(codeOf), [
    "created",
    "created",
    "StateMachineLimitExceeded",
    "StateMachineLimitExceeded",
    "created",
  ]);
  const activities = await Promise.allSettled(
    names.map((name) => catalog.createActivity(activityOf(name), [])),
  );
  assert.deepEqual(activities.map(codeOf), [
    "created",
    "created",
    "ActivityLimitExceeded",
    "ActivityLimitExceeded",
    "created",
  ]);
  // What is deleted makes room for one.
  const [first] = await catalog.listStateMachines("", 1);
  await catalog.deleteStateMachine((first as StateMachine).arn);
  await catalog.deleteStateMachine((first as StateMachine).arn);
  await catalog.deleteActivity(activityOf("first").arn);
  await createMachine(harness, PASS, "next");
  await catalog.createActivity(activityOf("next"), []);
  await assert.rejects(createMachine(harness, PASS, "more"), { code: "StateMachineLimitExceeded" });
  await assert.rejects(catalog.createActivity(activityOf("more"), []), { code: "ActivityLimitExceeded" });
  await harness.runtime.close(0);
});

function activityOf(name: string): Activity {
  const arn = ACTIVITY.replace(/[^:]+$/, name);
  return { arn, name, createdAtMs: 0, encryptionConfiguration: {} };
}

function codeOf(result: PromiseSettledResult<unknown>): string {
  return result.status === "fulfilled" ? "created" : (result.reason as ServiceError).code;
}
