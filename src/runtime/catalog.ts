// State machines, their revisions, activities and tags: JSON documents of the store, and what of them is in memory.
//
// Knows:          what belongs together and is written together (versions and aliases: versions.ts).
// Does not know:  executions (a deletion hands its open executions to `abortExecutions`), definitions' contents.
//
// Invariants
//   C1. Every call resolves after what it wrote is durable; what it returns is durable.
//   C2. Writes to one ARN follow each other (records.ts, W1): each sees what the one before it left.
//   C3. Revisions are never changed and never deleted: an execution keeps the one that it started with.
//   C4. A deletion is recorded in the same write that deletes, with the ids that it concerns, and forgotten when all
//       of them have ended. A crash in between is made good at the next start; executions of a new state machine
//       of the same ARN have higher ids and are left alone.
//   C5. What is read of a machine is what it was at one moment: where anything is not in memory, all is read in the
//       machine's turn (records.ts, W1). Who has it starts an execution before he waits for anything else, so a
//       deletion that comes after the reading comes after the start too, and aborts it.
//   C6. What is being created counts already: calls that come at once do not pass a quota together.

import type { Log } from "../base/log.ts";
import { ServiceError } from "../base/service-error.ts";
import type { EntityWrite, Store } from "../store/store.ts";
import type { Activity, Catalog, Revision, StateMachine, Tag, Versions } from "./interface.ts";
import { Lru } from "./lru.ts";
import { Records } from "./records.ts";
import { splitRevisionId } from "./revision-id.ts";
import type { SeedSource } from "./seeds.ts";
import { DEFAULT_SETTINGS, type RuntimeSettings } from "./settings.ts";
import { StoreVersions, type VersionQuotas, versionWrite } from "./versions.ts";

type StoredMachine = Omit<StateMachine, "revision"> & { readonly revisionId: string };
/** Executions of the ARN with smaller ids are to be aborted. */
interface Deletion {
  readonly beforeId: number;
}

const CACHED_CHARS = 64 * 1024 * 1024;
/** About what a revision has beside its definition. */
const REVISION_CHARS = 1000;
const PAGE = 1000;

export type CatalogQuotas = VersionQuotas & Pick<RuntimeSettings, "stateMachines" | "activities">;

export interface CatalogOptions {
  readonly store: Store;
  /** Larger than the id of every execution so far. */
  readonly nextExecutionId: () => number;
  /** Resolves when they have ended. */
  readonly abortExecutions: (stateMachineArn: string, beforeId: number) => Promise<void>;
  /** For starts through an alias. */
  readonly seeds: SeedSource;
  readonly now: () => number;
  /** The service's where nothing is said. */
  readonly quotas?: CatalogQuotas;
  readonly log: Log;
}

export class StoreCatalog implements Catalog {
  readonly #options: CatalogOptions;
  readonly #store: Store;
  readonly #records: Records;
  readonly #versions: StoreVersions;
  readonly versions: Versions;
  readonly #machines = new Lru<string, StateMachine>(CACHED_CHARS);
  /** Those of versions: a machine comes with its own. */
  readonly #revisions = new Lru<string, Revision>(CACHED_CHARS);
  readonly #activityArns = new Set<string>();
  readonly #quotas: CatalogQuotas;
  /** There, and being created (C6). State machines are counted when the first one is created or deleted. */
  readonly #activityCount: Count = { now: 0 };
  #machineCount: Promise<Count> | undefined;

  constructor(options: CatalogOptions) {
    const { store, seeds, now, quotas = DEFAULT_SETTINGS } = options;
    this.#options = options;
    this.#quotas = quotas;
    this.#store = store;
    this.#records = new Records(store);
    this.#versions = new StoreVersions({
      store,
      records: this.#records,
      seeds,
      now,
      quotas,
      knownMachine: (arn) => this.#machines.get(arn),
      loadMachine: (arn) => this.#loadMachine(arn),
      knownRevision: (revisionId) => this.#revisions.get(revisionId),
      loadRevision: (revisionId) => this.#keptRevision(revisionId),
      readMachine: (arn) => this.#existing(arn),
      machineWrites,
      remember: (machine) => this.#remember(machine),
    });
    this.versions = this.#versions;
  }

  /** Reads what has to be in memory. */
  async open(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#store.listEntities("activity", after, PAGE);
      for (const { key } of page) this.#activityArns.add(key);
      this.#activityCount.now = this.#activityArns.size;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last.key;
    }
  }

  /** Goes on with deletions that a crash interrupted (C4). */
  async finishDeletions(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#store.listEntities("deletion", after, PAGE);
      for (const { key, data } of page) {
        await this.#finishDeletion(key, (JSON.parse(data) as Deletion).beforeId);
        after = key;
      }
      if (page.length === 0) return;
    }
  }

  /** Whether the activity exists now; for the engine, which cannot wait. */
  readonly activityExists = (arn: string): boolean => this.#activityArns.has(arn);

  readonly createStateMachine: Catalog["createStateMachine"] = (wanted, tags) =>
    this.#records.exclusively(wanted.arn, async () => {
      const count = await this.#countMachines();
      const most = this.#quotas.stateMachines;
      if (count.now >= most) {
        const machine = await this.#readMachine(wanted.arn);
        if (machine !== undefined) return { machine, created: false };
        const message = `State Machine Limit Exceeded: there are ${most} state machines already`;
        throw new ServiceError("StateMachineLimitExceeded", message);
      }
      const { publication } = wanted;
      const first = publication === undefined ? undefined : this.#versions.next(wanted, publication);
      const machine = first?.machine ?? wanted;
      const isNew = await counted(count, () =>
        this.#records.write([
          { ...machineWrite(machine), ifAbsent: true },
          revisionWrite(machine.revision),
          tagsWrite(machine.arn, tags),
          ...(first === undefined ? [] : [versionWrite(first.version)]),
        ]),
      );
      if (isNew) {
        this.#remember(machine);
        this.#versions.forget(machine.arn);
        return { machine, created: true };
      }
      return { machine: (await this.#readMachine(machine.arn)) as StateMachine, created: false };
    });

  readonly getStateMachine: Catalog["getStateMachine"] = async (arn) =>
    this.#machines.get(arn) ?? this.#records.exclusively(arn, () => this.#loadMachine(arn));

  readonly updateStateMachine: Catalog["updateStateMachine"] = (arn, change) =>
    this.#records.exclusively(arn, async () => {
      const current = await this.#existing(arn);
      const next = change(current);
      if (next === current) return current;
      await this.#records.write(machineWrites(current, next));
      this.#remember(next);
      return next;
    });

  readonly deleteStateMachine: Catalog["deleteStateMachine"] = (arn) =>
    this.#records.exclusively(arn, async () => {
      if ((await this.#store.getEntity("stateMachine", arn)) === undefined) return;
      const deletions = await this.#versions.deletions(arn);
      const count = await this.#countMachines();
      // From here on nobody gets the machine, and whoever has got it has started it already (C5).
      this.#machines.delete(arn);
      this.#versions.forget(arn);
      const beforeId = this.#options.nextExecutionId();
      const deletion: Deletion = { beforeId };
      await this.#records.write([
        { kind: "stateMachine", key: arn, data: undefined },
        { kind: "tags", key: arn, data: undefined },
        { kind: "deletion", key: arn, data: JSON.stringify(deletion) },
        ...deletions,
      ]);
      count.now -= 1;
      // The caller does not wait for a million executions to end; the record does.
      this.#finishDeletion(arn, beforeId).catch((error: unknown) => {
        this.#options.log(
          `the executions of ${arn} were not all aborted, the next start will: ${String(error)}`,
          "error",
          { stateMachineArn: arn },
        );
      });
    });

  readonly listStateMachines: Catalog["listStateMachines"] = async (afterArn, limit) => {
    const page = await this.#store.listEntities("stateMachine", afterArn, limit);
    return Promise.all(page.map(async ({ key, data }) => this.#machines.get(key) ?? this.#assemble(data)));
  };

  readonly getRevision: Catalog["getRevision"] = async (id) => {
    const { revisionId, state } = splitRevisionId(id);
    const data = await this.#store.getEntity("revision", revisionId);
    if (data === undefined) return undefined;
    const revision = JSON.parse(data) as Revision;
    return state === undefined ? revision : { ...revision, revisionId: id };
  };

  readonly createActivity: Catalog["createActivity"] = (activity, tags) =>
    this.#records.exclusively(activity.arn, async () => {
      const most = this.#quotas.activities;
      if (this.#activityCount.now >= most && !this.#activityArns.has(activity.arn)) {
        const message = `Activity Limit Exceeded: there are ${most} activities already`;
        throw new ServiceError("ActivityLimitExceeded", message);
      }
      const isNew = await counted(this.#activityCount, () =>
        this.#records.write([
          { kind: "activity", key: activity.arn, data: JSON.stringify(activity), ifAbsent: true },
          tagsWrite(activity.arn, tags),
        ]),
      );
      if (isNew) {
        this.#activityArns.add(activity.arn);
        return { activity, created: true };
      }
      return { activity: (await this.getActivity(activity.arn)) as Activity, created: false };
    });

  readonly getActivity: Catalog["getActivity"] = async (arn) => {
    if (!this.#activityArns.has(arn)) return undefined;
    const data = await this.#store.getEntity("activity", arn);
    return data === undefined ? undefined : (JSON.parse(data) as Activity);
  };

  readonly deleteActivity: Catalog["deleteActivity"] = (arn) =>
    this.#records.exclusively(arn, async () => {
      if (!this.#activityArns.has(arn)) return;
      await this.#records.write([
        { kind: "activity", key: arn, data: undefined },
        { kind: "tags", key: arn, data: undefined },
      ]);
      this.#activityArns.delete(arn);
      this.#activityCount.now -= 1;
    });

  readonly listActivities: Catalog["listActivities"] = async (afterArn, limit) => {
    const page = await this.#store.listEntities("activity", afterArn, limit);
    return page.map(({ data }) => JSON.parse(data) as Activity);
  };

  readonly getTags: Catalog["getTags"] = async (resourceArn) => {
    const data = await this.#store.getEntity("tags", resourceArn);
    return data === undefined ? undefined : (JSON.parse(data) as readonly Tag[]);
  };

  readonly setTags: Catalog["setTags"] = (resourceArn, tags) =>
    this.#records.exclusively(resourceArn, async () => {
      // It may have been deleted since the caller looked.
      if ((await this.#store.getEntity("tags", resourceArn)) === undefined) return;
      await this.#records.write([tagsWrite(resourceArn, tags)]);
    });

  async #finishDeletion(arn: string, beforeId: number): Promise<void> {
    await this.#options.abortExecutions(arn, beforeId);
    await this.#records.exclusively(arn, async () => {
      // A second deletion of the same ARN may have replaced the record meanwhile.
      const data = await this.#store.getEntity("deletion", arn);
      if (data === undefined || (JSON.parse(data) as Deletion).beforeId !== beforeId) return;
      await this.#records.write([{ kind: "deletion", key: arn, data: undefined }]);
    });
  }

  /** Counted once: whoever creates or deletes one waits for that before he writes, so the count is right. */
  #countMachines(): Promise<Count> {
    this.#machineCount ??= this.#count("stateMachine");
    return this.#machineCount;
  }

  async #count(kind: string): Promise<Count> {
    let now = 0;
    for (let after = ""; ; ) {
      const page = await this.#store.listEntities(kind, after, PAGE);
      now += page.length;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return { now };
      after = last.key;
    }
  }

  /** To be called in the machine's turn. */
  async #loadMachine(arn: string): Promise<StateMachine | undefined> {
    const machine = this.#machines.get(arn) ?? (await this.#readMachine(arn));
    if (machine !== undefined) this.#remember(machine);
    return machine;
  }

  async #readMachine(arn: string): Promise<StateMachine | undefined> {
    const data = await this.#store.getEntity("stateMachine", arn);
    return data === undefined ? undefined : this.#assemble(data);
  }

  async #assemble(data: string): Promise<StateMachine> {
    const { revisionId, ...machine } = JSON.parse(data) as StoredMachine;
    const revision = await this.getRevision(revisionId);
    if (revision === undefined) throw new Error(`revision ${revisionId} of ${machine.arn} is not stored`);
    return { ...machine, revision };
  }

  /** @throws ServiceError StateMachineDoesNotExist */
  async #existing(arn: string): Promise<StateMachine> {
    const machine = await this.#readMachine(arn);
    if (machine !== undefined) return machine;
    throw new ServiceError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  }

  /** Revisions never change (C3), so what was read stays right. */
  async #keptRevision(revisionId: string): Promise<Revision | undefined> {
    const known = this.#revisions.get(revisionId);
    if (known !== undefined) return known;
    const revision = await this.getRevision(revisionId);
    if (revision !== undefined) {
      this.#revisions.set(revisionId, revision, revision.definition.length + REVISION_CHARS);
    }
    return revision;
  }

  #remember(machine: StateMachine): void {
    this.#machines.set(machine.arn, machine, machine.revision.definition.length + REVISION_CHARS);
  }
}

interface Count {
  now: number;
}

/** Something is created: it counts from the beginning (C6), and not if it was there already or could not be stored. */
async function counted(count: Count, create: () => Promise<boolean>): Promise<boolean> {
  count.now += 1;
  let isNew = false;
  try {
    isNew = await create();
    return isNew;
  } finally {
    if (!isNew) count.now -= 1;
  }
}

/** What makes `next` of `current`; nothing if they are the same object. */
function machineWrites(current: StateMachine, next: StateMachine): readonly EntityWrite[] {
  if (next === current) return [];
  const isSameRevision = next.revision.revisionId === current.revision.revisionId;
  return isSameRevision ? [machineWrite(next)] : [machineWrite(next), revisionWrite(next.revision)];
}

function machineWrite({ revision, ...machine }: StateMachine): EntityWrite {
  const stored: StoredMachine = { ...machine, revisionId: revision.revisionId };
  return { kind: "stateMachine", key: machine.arn, data: JSON.stringify(stored) };
}

function revisionWrite(revision: Revision): EntityWrite {
  return { kind: "revision", key: revision.revisionId, data: JSON.stringify(revision) };
}

function tagsWrite(arn: string, tags: readonly Tag[]): EntityWrite {
  return { kind: "tags", key: arn, data: JSON.stringify(tags) };
}
