// State machines, their revisions, activities and tags: JSON documents of the store, and what of them is in memory.
//
// Knows:          what belongs together and is written together.
// Does not know:  executions (a deletion hands its open executions to `abortExecutions`), definitions' contents.
//
// Invariants
//   C1. Every call resolves after what it wrote is durable; what it returns is durable.
//   C2. Writes to one ARN follow each other: each sees what the one before it left.
//   C3. Revisions are never changed and never deleted: an execution keeps the one that it started with.
//   C4. A deletion is recorded in the same write that deletes, with the ids that it concerns, and forgotten when all
//       of them have ended. A crash in between is made good at the next start; executions of a new state machine
//       of the same ARN have higher ids and are left alone.

import { ServiceError } from "../base/service-error.ts";
import { type EntityWrite, StorageFull, type Store } from "../store/store.ts";
import { unavailable } from "./failures.ts";
import type { Activity, Catalog, Revision, StateMachine, Tag } from "./interface.ts";
import { Lru } from "./lru.ts";

type StoredMachine = Omit<StateMachine, "revision"> & { readonly revisionId: string };
/** Executions of the ARN with smaller ids are to be aborted. */
interface Deletion {
  readonly beforeId: number;
}

const CACHED_CHARS = 64 * 1024 * 1024;
const PAGE = 1000;

export interface CatalogOptions {
  readonly store: Store;
  /** Larger than the id of every execution so far. */
  readonly nextExecutionId: () => number;
  /** Resolves when they have ended. */
  readonly abortExecutions: (stateMachineArn: string, beforeId: number) => Promise<void>;
  readonly log: (line: string) => void;
}

export class StoreCatalog implements Catalog {
  readonly #options: CatalogOptions;
  readonly #store: Store;
  readonly #machines = new Lru<string, StateMachine>(CACHED_CHARS);
  readonly #activityArns = new Set<string>();
  /** The last write to each ARN that is under way (C2). */
  readonly #writes = new Map<string, Promise<unknown>>();
  /** Writes that have ended. */
  #written = 0;

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  /** Reads what has to be in memory. */
  async open(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#store.listEntities("activity", after, PAGE);
      for (const { key } of page) this.#activityArns.add(key);
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

  readonly createStateMachine: Catalog["createStateMachine"] = (machine, tags) =>
    this.#exclusively(machine.arn, async () => {
      const isNew = await this.#write([
        { ...machineWrite(machine), ifAbsent: true },
        revisionWrite(machine.revision),
        tagsWrite(machine.arn, tags),
      ]);
      if (isNew) {
        this.#remember(machine);
        return { machine, created: true };
      }
      return { machine: (await this.#readMachine(machine.arn)) as StateMachine, created: false };
    });

  readonly getStateMachine: Catalog["getStateMachine"] = async (arn) => {
    const known = this.#machines.get(arn);
    if (known !== undefined) return known;
    const written = this.#written;
    const machine = await this.#readMachine(arn);
    // A write in between would have made it old.
    if (machine !== undefined && written === this.#written && !this.#writes.has(arn)) this.#remember(machine);
    return machine;
  };

  readonly updateStateMachine: Catalog["updateStateMachine"] = (arn, change) =>
    this.#exclusively(arn, async () => {
      const current = await this.#readMachine(arn);
      if (current === undefined) {
        throw new ServiceError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
      }
      const next = change(current);
      if (next === current) return current;
      const writes = [machineWrite(next)];
      if (next.revision.revisionId !== current.revision.revisionId) writes.push(revisionWrite(next.revision));
      await this.#write(writes);
      this.#remember(next);
      return next;
    });

  readonly deleteStateMachine: Catalog["deleteStateMachine"] = (arn) =>
    this.#exclusively(arn, async () => {
      if ((await this.#store.getEntity("stateMachine", arn)) === undefined) return;
      this.#machines.delete(arn);
      const beforeId = this.#options.nextExecutionId();
      const deletion: Deletion = { beforeId };
      await this.#write([
        { kind: "stateMachine", key: arn, data: undefined },
        { kind: "tags", key: arn, data: undefined },
        { kind: "deletion", key: arn, data: JSON.stringify(deletion) },
      ]);
      // The caller does not wait for a million executions to end; the record does.
      this.#finishDeletion(arn, beforeId).catch((error: unknown) => {
        this.#options.log(
          `the executions of ${arn} were not all aborted, the next start will: ${String(error)}`,
        );
      });
    });

  readonly listStateMachines: Catalog["listStateMachines"] = async (afterArn, limit) => {
    const page = await this.#store.listEntities("stateMachine", afterArn, limit);
    return Promise.all(page.map(async ({ key, data }) => this.#machines.get(key) ?? this.#assemble(data)));
  };

  readonly getRevision: Catalog["getRevision"] = async (revisionId) => {
    const data = await this.#store.getEntity("revision", revisionId);
    return data === undefined ? undefined : (JSON.parse(data) as Revision);
  };

  readonly createActivity: Catalog["createActivity"] = (activity, tags) =>
    this.#exclusively(activity.arn, async () => {
      const isNew = await this.#write([
        { kind: "activity", key: activity.arn, data: JSON.stringify(activity), ifAbsent: true },
        tagsWrite(activity.arn, tags),
      ]);
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
    this.#exclusively(arn, async () => {
      if (!this.#activityArns.delete(arn)) return;
      await this.#write([
        { kind: "activity", key: arn, data: undefined },
        { kind: "tags", key: arn, data: undefined },
      ]);
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
    this.#exclusively(resourceArn, async () => {
      // It may have been deleted since the caller looked.
      if ((await this.#store.getEntity("tags", resourceArn)) === undefined) return;
      await this.#write([tagsWrite(resourceArn, tags)]);
    });

  async #finishDeletion(arn: string, beforeId: number): Promise<void> {
    await this.#options.abortExecutions(arn, beforeId);
    await this.#exclusively(arn, async () => {
      // A second deletion of the same ARN may have replaced the record meanwhile.
      const data = await this.#store.getEntity("deletion", arn);
      if (data === undefined || (JSON.parse(data) as Deletion).beforeId !== beforeId) return;
      await this.#write([{ kind: "deletion", key: arn, data: undefined }]);
    });
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

  /** @throws ServiceError ServiceUnavailable if there is no room: then nothing was stored, and the store goes on */
  async #write(writes: readonly EntityWrite[]): Promise<boolean> {
    try {
      return await this.#store.writeEntities(writes);
    } catch (error) {
      if (error instanceof StorageFull) throw unavailable(`${error.message}.`);
      throw error;
    }
  }

  #remember(machine: StateMachine): void {
    this.#machines.set(machine.arn, machine, machine.revision.definition.length + 1000);
  }

  /** Runs `work` after the writes to the ARN that were asked for before (C2). */
  async #exclusively<T>(arn: string, work: () => Promise<T>): Promise<T> {
    const before = this.#writes.get(arn);
    const { promise: turn, resolve: done } = Promise.withResolvers<void>();
    this.#writes.set(arn, turn);
    try {
      await before;
      return await work();
    } finally {
      this.#written += 1;
      if (this.#writes.get(arn) === turn) this.#writes.delete(arn);
      done();
    }
  }
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
