// Versions and aliases: what they promise over writes that meet, failures and restarts (V1 to V3), on every store.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, mock, test } from "node:test";
import { expandSeed } from "../../src/base/random.ts";
import { StoreCatalog } from "../../src/runtime/catalog.ts";
import type { Alias, StateMachine } from "../../src/runtime/interface.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { SqliteStore } from "../../src/store/sqlite/store.ts";
import { StorageFull, type Store } from "../../src/store/store.ts";
import { createMachine, open, outcome, restart, wait } from "./harness.ts";
import { Payload } from "../../src/base/json.ts";

const ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const directory = mkdtempSync(join(tmpdir(), "stepwell-versions-"));
const opened = new Set<Store>();
after(async () => {
  // What a test that failed has left open would keep the process alive.
  await Promise.all([...opened].map((store) => store.close()));
  rmSync(directory, { recursive: true, force: true });
});

async function close(store: Store): Promise<void> {
  opened.delete(store);
  await store.close();
}

function catalogOn(store: Store): StoreCatalog {
  let seed = 0;
  opened.add(store);
  return new StoreCatalog({
    store,
    nextExecutionId: () => 1,
    abortExecutions: () => Promise.resolve(),
    seeds: () => expandSeed((seed += 1)),
    now: () => 1000,
    log: (line) => assert.fail(line),
  });
}

function machineOf(arn: string): StateMachine {
  return {
    arn,
    name: arn.split(":").at(-1) as string,
    type: "STANDARD",
    status: "ACTIVE",
    createdAtMs: 1,
    updated: false,
    revision: {
      revisionId: `${arn} 0`,
      stateMachineArn: arn,
      createdAtMs: 1,
      definition: "0",
      roleArn: "r",
      loggingConfiguration: {},
      tracingConfiguration: {},
      encryptionConfiguration: {},
    },
  };
}

const keep = (machine: StateMachine): StateMachine => machine;
const revise =
  (definition: string) =>
  (machine: StateMachine): StateMachine => ({
    ...machine,
    updated: true,
    revision: { ...machine.revision, revisionId: `${machine.arn} ${definition}`, definition },
  });

function aliasOf(name: string, ...routes: readonly (readonly [number, number])[]): Alias {
  return {
    arn: `${ARN}:${name}`,
    stateMachineArn: ARN,
    name,
    routes: routes.map(([number, weight]) => ({ stateMachineVersionArn: `${ARN}:${number}`, weight })),
    createdAtMs: 5,
    updatedAtMs: 5,
  };
}

const stores: Readonly<Record<string, () => { readonly first: Store; readonly again: () => Store }>> = {
  memory: () => {
    const store = new MemoryStore();
    return { first: store, again: () => store };
  },
  sqlite: () => {
    const options = { directory: mkdtempSync(join(directory, "store-")), durability: "full" } as const;
    return { first: new SqliteStore(options), again: () => new SqliteStore(options) };
  },
};

for (const [kind, make] of Object.entries(stores)) {
  test(`${kind}: versions and aliases are there after a restart, and numbers that are gone do not come back`, async () => {
    const { first, again } = make();
    await first.open();
    const old = catalogOn(first);
    await old.createStateMachine({ ...machineOf(ARN), publication: { description: "d" } }, []);
    await old.createStateMachine({ ...machineOf(`${ARN}2`), publication: {} }, []);
    await old.versions.publish(ARN, revise("1"), {});
    await old.versions.publish(ARN, revise("2"), {});
    await old.versions.createAlias(aliasOf("live", [1, 40], [2, 60]));
    await old.versions.deleteVersion(ARN, 3);
    const before = await old.versions.of(ARN);
    assert.deepEqual(
      before.versions.map(({ number, revisionId, description }) => [number, revisionId, description]),
      [
        [2, `${ARN} 1`, undefined],
        [1, `${ARN} 0`, "d"],
      ],
    );
    await close(first);

    const store = again();
    await store.open();
    const catalog = catalogOn(store);
    assert.deepEqual(await catalog.versions.of(ARN), before);
    assert.equal((await catalog.versions.resolve(ARN, "1"))?.machine.revision.definition, "0");
    const { version } = await catalog.versions.publish(ARN, keep, {});
    assert.equal(version.number, 4);
    await catalog.deleteStateMachine(ARN);
    assert.deepEqual(await catalog.versions.of(ARN), { versions: [], aliases: [] });
    assert.equal((await catalog.versions.of(`${ARN}2`)).versions.length, 1);
    assert.deepEqual(
      (await store.listEntities("version", "", 10)).map(({ key }) => key),
      [`${ARN}2:0000000001`],
    );
    assert.deepEqual(await store.listEntities("alias", "", 10), []);
    await close(store);
  });

  test(`${kind}: a machine has 1000 versions and 100 aliases at most, all of them found again`, async () => {
    const { first, again } = make();
    await first.open();
    const old = catalogOn(first);
    await old.createStateMachine({ ...machineOf(ARN), publication: {} }, []);
    await old.createStateMachine({ ...machineOf(`${ARN}0`), publication: {} }, []);
    const updates = Array.from({ length: 999 }, (_, i) => old.versions.publish(ARN, revise(`${i + 1}`), {}));
    const numbers = (await Promise.all(updates)).map(({ version }) => version.number);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 2),
    );
    const aliases = Array.from({ length: 100 }, (_, i) => aliasOf(`a${i}`, [i + 1, 100]));
    await Promise.all(aliases.map(old.versions.createAlias));
    await close(first);

    const store = again();
    await store.open();
    const catalog = catalogOn(store);
    const known = await catalog.versions.of(ARN);
    assert.deepEqual(
      known.versions.map(({ number }) => number),
      Array.from({ length: 1000 }, (_, i) => 1000 - i),
    );
    assert.equal(known.aliases.length, 100);
    const tooMany = { code: "ServiceQuotaExceededException" };
    await assert.rejects(catalog.versions.publish(ARN, revise("more"), {}), tooMany);
    assert.equal((await catalog.getStateMachine(ARN))?.revision.definition, "999");
    await assert.rejects(catalog.versions.createAlias(aliasOf("more", [1, 100])), tooMany);
    assert.deepEqual(await catalog.versions.createAlias(aliasOf("a0", [1, 100])), {
      alias: aliases[0],
      created: false,
    });
    await catalog.versions.deleteVersion(ARN, 1000);
    assert.equal((await catalog.versions.publish(ARN, revise("more"), {})).version.number, 1001);
    await close(store);
  });
}

test("an alias draws a version by its weights, anew each time", async () => {
  const catalog = await newCatalog();
  const draws = 5000;
  for (const weight of [0, 1, 30, 99, 100]) {
    const alias = { ...aliasOf("live", [1, weight], [2, 100 - weight]), description: `${weight}` };
    await catalog.versions.createAlias(alias);
    let firsts = 0;
    for (let i = 0; i < draws; i++) {
      const drawn = await catalog.versions.resolve(ARN, "live");
      assert.deepEqual(drawn?.alias, alias);
      assert.equal(drawn?.machine.revision.revisionId, drawn?.version.revisionId);
      if (drawn?.version.number === 1) firsts += 1;
    }
    // Five standard deviations; the seeds are always the same.
    const share = weight / 100;
    const bound = 5 * Math.sqrt((share * (1 - share)) / draws);
    assert.ok(Math.abs(firsts / draws - share) <= bound, `${weight}: ${firsts} of ${draws}`);
    await catalog.versions.deleteAlias(ARN, "live");
  }
});

test("a deletion and what would refer to the version never both succeed, whoever comes first", async () => {
  let refused = 0;
  let conflicts = 0;
  for (const isDeletionFirst of [true, false]) {
    for (const refer of ["create", "update"]) {
      const catalog = await newCatalog();
      const { versions } = catalog;
      if (refer === "update") await versions.createAlias(aliasOf("live", [1, 100]));
      const remove = (): Promise<unknown> => versions.deleteVersion(ARN, 2);
      const point = (): Promise<unknown> =>
        refer === "create"
          ? versions.createAlias(aliasOf("live", [2, 100]))
          : versions.updateAlias(ARN, "live", () => aliasOf("live", [2, 100]));
      const works = isDeletionFirst ? [remove, point] : [point, remove];
      const codes = (await Promise.allSettled(works.map((work) => work()))).map((result) =>
        result.status === "fulfilled" ? "" : (result.reason as { readonly code: string }).code,
      );
      assert.deepEqual(codes, ["", isDeletionFirst ? "ResourceNotFound" : "ConflictException"]);
      if (isDeletionFirst) refused += 1;
      else conflicts += 1;
      const known = await versions.of(ARN);
      const there = new Set(known.versions.map(({ arn }) => arn));
      for (const { routes } of known.aliases) {
        for (const route of routes) assert.ok(there.has(route.stateMachineVersionArn));
      }
    }
  }
  assert.deepEqual([refused, conflicts], [2, 2]);
});

test("what the store has no room for leaves nothing behind", async () => {
  const store = new MemoryStore();
  await store.open();
  const catalog = catalogOn(store);
  await catalog.createStateMachine(machineOf(ARN), []);
  const full = (): Promise<boolean> => Promise.reject(new StorageFull("there is no room left"));
  const write = mock.method(store, "writeEntities", full);
  const unavailable = { code: "ServiceUnavailable", message: "there is no room left." };
  await assert.rejects(catalog.versions.publish(ARN, revise("1"), {}), unavailable);
  write.mock.restore();
  assert.deepEqual(await catalog.versions.of(ARN), { versions: [], aliases: [] });
  assert.equal((await catalog.getStateMachine(ARN))?.revision.definition, "0");
  assert.equal((await catalog.versions.publish(ARN, keep, {})).version.number, 1);
});

test("an execution keeps the revision that its alias gave it, whatever becomes of alias, version and machine", async () => {
  const old = await open();
  const { arn, revision } = await createMachine(old, wait(100));
  const { versions } = old.runtime.catalog;
  await versions.publish(arn, keep, {});
  const alias = { arn: `${arn}:live`, stateMachineArn: arn, name: "live", createdAtMs: 1, updatedAtMs: 1 };
  const to = (number: number): Alias => ({
    ...alias,
    routes: [{ stateMachineVersionArn: `${arn}:${number}`, weight: 100 }],
  });
  await versions.createAlias(to(1));
  const target = await versions.resolve(arn, "live");
  assert.ok(target !== undefined);
  const { executionArn } = await old.runtime.executions.start({
    machine: target.machine,
    input: Payload.ofValue({}),
    stateMachineVersionArn: target.version.arn,
    stateMachineAliasArn: `${arn}:live`,
  });
  const fail = { StartAt: "F", States: { F: { Type: "Fail" } } };
  const next = (machine: StateMachine): StateMachine => ({
    ...machine,
    revision: { ...machine.revision, revisionId: "next", definition: JSON.stringify(fail) },
  });
  await versions.publish(arn, next, {});
  await versions.updateAlias(arn, "live", () => to(2));
  await versions.deleteVersion(arn, 1);

  const harness = await restart(old);
  assert.equal((await harness.runtime.catalog.versions.resolve(arn, "live"))?.version.number, 2);
  assert.equal(await harness.runtime.catalog.versions.resolve(arn, "1"), undefined);
  await harness.clock.advance(100_000);
  assert.equal(await outcome(harness, executionArn), "SUCCEEDED {}");
  const described = await harness.runtime.executions.describe(executionArn);
  assert.equal(described?.row.revisionId, revision.revisionId);
  const { runtime } = harness;
  const listed = { stateMachineArn: arn, limit: 10 };
  for (const [query, count] of [
    [{ ...listed, stateMachineVersionArn: `${arn}:1` }, 1],
    [{ ...listed, stateMachineVersionArn: `${arn}:2` }, 0],
    [{ ...listed, stateMachineAliasArn: `${arn}:live` }, 1],
  ] as const) {
    assert.equal((await runtime.executions.list(query)).length, count);
  }
  const history = await runtime.executions.history(executionArn, { reverse: false, limit: 1, offset: 0 });
  const details = history?.events[0]?.details;
  assert.equal(details?.["stateMachineVersionArn"], `${arn}:1`);
  assert.equal(details?.["stateMachineAliasArn"], `${arn}:live`);
  await runtime.close(0);
});

/** With versions 1 and 2. */
async function newCatalog(): Promise<StoreCatalog> {
  const store = new MemoryStore();
  await store.open();
  const catalog = catalogOn(store);
  await catalog.createStateMachine({ ...machineOf(ARN), publication: {} }, []);
  await catalog.versions.publish(ARN, revise("1"), {});
  return catalog;
}
