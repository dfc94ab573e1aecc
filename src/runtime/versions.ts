// Versions and aliases of state machines: numbers and names for revisions.
//
// Knows:          what refers to what: an alias to versions, a version to a revision.
// Does not know:  definitions' contents, executions (they keep the revision that they started with, whatever
//                 becomes of the version or alias that they were started through).
//
// Invariants
//   V1. A version never changes, and at most one of a machine's versions has a given revision. Its number is one
//       more than the highest that the machine has ever given out, which is part of the machine: stored in the
//       same write, so a number is not given out again, neither after a deletion nor after a crash.
//   V2. An alias refers to versions that exist. All writes to what belongs to a machine follow each other
//       (records.ts, W1), so no version can go while an alias comes that needs it.
//   V3. Versions and aliases go in the write that deletes their machine.
//
// A machine has few of them (1,100 at most, some 300 characters each): they are read together, kept together, and a
// caller gets them all.

import { assert } from "../base/assert.ts";
import { Random } from "../base/random.ts";
import { ServiceError } from "../base/service-error.ts";
import type { EntityWrite, Store } from "../store/store.ts";
import { resourceNotFound } from "./failures.ts";
import type {
  Alias,
  Publication,
  Qualifiers,
  Resolved,
  Revision,
  StateMachine,
  Version,
  Versions,
} from "./interface.ts";
import { Lru } from "./lru.ts";
import type { Records } from "./records.ts";
import type { SeedSource } from "./seeds.ts";
import type { RuntimeSettings } from "./settings.ts";

const CACHED_CHARS = 16 * 1024 * 1024;
const ENTRY_CHARS = 300;
const PAGE = 100;
/** Numbers are padded in keys: the store orders by text. */
const NUMBER_DIGITS = 10;

export type VersionQuotas = Pick<RuntimeSettings, "versionsPerMachine" | "aliasesPerMachine">;

export interface VersionsOptions {
  readonly store: Store;
  readonly records: Records;
  /** Which version a start through an alias runs. */
  readonly seeds: SeedSource;
  readonly now: () => number;
  /** The service's are in settings.ts (developer guide, "Service quotas"). */
  readonly quotas: VersionQuotas;
  /** What is in memory. */
  readonly knownMachine: (arn: string) => StateMachine | undefined;
  readonly knownRevision: (revisionId: string) => Revision | undefined;
  /** In memory from then on. The machine is to be asked for in its turn. */
  readonly loadMachine: (arn: string) => Promise<StateMachine | undefined>;
  readonly loadRevision: (revisionId: string) => Promise<Revision | undefined>;
  /** As it is stored. @throws ServiceError StateMachineDoesNotExist */
  readonly readMachine: (arn: string) => Promise<StateMachine>;
  /** What makes `next` of `current`. */
  readonly machineWrites: (current: StateMachine, next: StateMachine) => readonly EntityWrite[];
  /** It was stored. */
  readonly remember: (machine: StateMachine) => void;
}

export class StoreVersions implements Versions {
  readonly #options: VersionsOptions;
  readonly #known = new Lru<string, Qualifiers>(CACHED_CHARS);

  constructor(options: VersionsOptions) {
    this.#options = options;
  }

  readonly of: Versions["of"] = async (arn) =>
    this.#known.get(arn) ?? this.#options.records.exclusively(arn, () => this.#own(arn));

  readonly publish: Versions["publish"] = (arn, change, publication) =>
    this.#options.records.exclusively(arn, async () => {
      const { readMachine, machineWrites, records, remember, quotas } = this.#options;
      const current = await readMachine(arn);
      const changed = change(current);
      const { versions, aliases } = await this.#own(arn);
      const published = versions.find(({ revisionId }) => revisionId === changed.revision.revisionId);
      if (published !== undefined) {
        if (changed !== current) {
          await records.write(machineWrites(current, changed));
          remember(changed);
        }
        return { machine: changed, version: published };
      }
      if (versions.length >= quotas.versionsPerMachine) {
        throw quotaExceeded(`The state machine '${arn}' has ${quotas.versionsPerMachine} versions already`);
      }
      const { machine, version } = this.next(changed, publication);
      await records.write([...machineWrites(current, machine), versionWrite(version)]);
      remember(machine);
      this.#remember(arn, { versions: [version, ...versions], aliases });
      return { machine, version };
    });

  readonly deleteVersion: Versions["deleteVersion"] = (arn, number) =>
    this.#options.records.exclusively(arn, async () => {
      const { versions, aliases } = await this.#own(arn);
      const version = versions.find((there) => there.number === number);
      if (version === undefined) return;
      const referring = aliases.filter(({ routes }) =>
        routes.some(({ stateMachineVersionArn }) => stateMachineVersionArn === version.arn),
      );
      if (referring.length > 0) {
        const names = referring.map(({ name }) => name).join(", ");
        const message = `Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [${names}]`;
        throw new ServiceError("ConflictException", message);
      }
      await this.#options.records.write([{ ...versionWrite(version), data: undefined }]);
      this.#remember(arn, { versions: versions.filter((there) => there !== version), aliases });
    });

  readonly createAlias: Versions["createAlias"] = (alias) =>
    this.#options.records.exclusively(alias.stateMachineArn, async () => {
      const arn = alias.stateMachineArn;
      const { quotas } = this.#options;
      const { versions, aliases } = await this.#own(arn);
      assertRoutes(alias, versions);
      const there = aliases.find(({ name }) => name === alias.name);
      if (there !== undefined) return { alias: there, created: false };
      if (aliases.length >= quotas.aliasesPerMachine) {
        throw quotaExceeded(`The state machine '${arn}' has ${quotas.aliasesPerMachine} aliases already`);
      }
      await this.#options.records.write([aliasWrite(alias)]);
      this.#remember(arn, { versions, aliases: [...aliases, alias].toSorted(byAge) });
      return { alias, created: true };
    });

  readonly updateAlias: Versions["updateAlias"] = (arn, name, change) =>
    this.#options.records.exclusively(arn, async () => {
      const { versions, aliases } = await this.#own(arn);
      const current = aliases.find((alias) => alias.name === name);
      if (current === undefined) throw resourceNotFound(`${arn}:${name}`);
      const next = change(current);
      if (next === current) return current;
      assertRoutes(next, versions);
      await this.#options.records.write([aliasWrite(next)]);
      this.#remember(arn, { versions, aliases: aliases.map((alias) => (alias === current ? next : alias)) });
      return next;
    });

  readonly deleteAlias: Versions["deleteAlias"] = (arn, name) =>
    this.#options.records.exclusively(arn, async () => {
      const { versions, aliases } = await this.#own(arn);
      const alias = aliases.find((there) => there.name === name);
      if (alias === undefined) return;
      await this.#options.records.write([{ ...aliasWrite(alias), data: undefined }]);
      this.#remember(arn, { versions, aliases: aliases.filter((there) => there !== alias) });
    });

  readonly resolve: Versions["resolve"] = async (arn, qualifier) => {
    const { records, knownMachine, knownRevision, loadMachine, loadRevision } = this.#options;
    const machine = knownMachine(arn);
    const known = this.#known.get(arn);
    if (machine !== undefined && known !== undefined) {
      const target = this.#target(arn, qualifier, known);
      const revision = target && knownRevision(target.version.revisionId);
      if (target === undefined) return undefined;
      if (revision !== undefined) return { ...target, machine: { ...machine, revision } };
    }
    // One moment for all of it (catalog.ts, C5): a deletion in between would leave an execution that it does not abort.
    return records.exclusively(arn, async () => {
      const there = await loadMachine(arn);
      const target = this.#target(arn, qualifier, await this.#own(arn));
      if (there === undefined || target === undefined) return undefined;
      const revision = await loadRevision(target.version.revisionId);
      assert(revision !== undefined, `revision ${target.version.revisionId} is not stored`);
      return { ...target, machine: { ...there, revision } };
    });
  };

  /** The machine with its current revision published once more (V1). */
  next(
    machine: StateMachine,
    { description }: Publication,
  ): { readonly machine: StateMachine; readonly version: Version } {
    const number = (machine.lastVersion ?? 0) + 1;
    const version: Version = {
      arn: `${machine.arn}:${number}`,
      stateMachineArn: machine.arn,
      number,
      revisionId: machine.revision.revisionId,
      ...(description === undefined ? {} : { description }),
      createdAtMs: this.#options.now(),
    };
    return { machine: { ...machine, lastVersion: number }, version };
  }

  /** What deletes all that belongs to the machine (V3). To be called, and forgotten, under the machine's turn. */
  async deletions(arn: string): Promise<readonly EntityWrite[]> {
    const { versions, aliases } = await this.#own(arn);
    return [...versions.map(versionWrite), ...aliases.map(aliasWrite)].map((write) => ({
      ...write,
      data: undefined,
    }));
  }

  /** What is stored is not what was known. */
  forget(arn: string): void {
    this.#known.delete(arn);
  }

  #target(
    arn: string,
    qualifier: string,
    { versions, aliases }: Qualifiers,
  ): Pick<Resolved, "version" | "alias"> | undefined {
    const alias = aliases.find(({ name }) => name === qualifier);
    const versionArn = alias === undefined ? `${arn}:${qualifier}` : this.#draw(alias);
    const version = versions.find((there) => there.arn === versionArn);
    return version && { version, ...(alias === undefined ? {} : { alias }) };
  }

  /** ARN of one of the alias's versions: each with the probability of its weight. */
  #draw({ arn, routes }: Alias): string {
    const total = routes.reduce((sum, { weight }) => sum + weight, 0);
    // No randomness is used up where there is nothing to choose.
    let point = routes.length === 1 ? 0 : new Random(this.#options.seeds()).next01() * total;
    for (const { stateMachineVersionArn, weight } of routes) {
      if (point < weight) return stateMachineVersionArn;
      point -= weight;
    }
    throw new Error(`the alias ${arn} routes to nothing`);
  }

  /** To be called in the machine's turn. */
  async #own(arn: string): Promise<Qualifiers> {
    const known = this.#known.get(arn);
    if (known !== undefined) return known;
    const loaded = await this.#load(arn);
    this.#remember(arn, loaded);
    return loaded;
  }

  async #load(arn: string): Promise<Qualifiers> {
    const [versions, aliases] = await Promise.all([
      this.#list<Version>("version", arn),
      this.#list<Alias>("alias", arn),
    ]);
    return { versions: versions.toReversed(), aliases: aliases.toSorted(byAge) };
  }

  /** All that belongs to the machine: their keys begin with its ARN and a colon, as no other machine's do. */
  async #list<T>(kind: string, arn: string): Promise<readonly T[]> {
    const prefix = `${arn}:`;
    const found: T[] = [];
    for (let after = prefix; ; ) {
      const page = await this.#options.store.listEntities(kind, after, PAGE);
      const ours = page.filter(({ key }) => key.startsWith(prefix));
      found.push(...ours.map(({ data }) => JSON.parse(data) as T));
      const last = ours.at(-1);
      if (last === undefined || ours.length < PAGE) return found;
      after = last.key;
    }
  }

  #remember(arn: string, known: Qualifiers): void {
    const count = 1 + known.versions.length + known.aliases.length;
    this.#known.set(arn, known, count * ENTRY_CHARS);
  }
}

/** What stores a version that is new. */
export function versionWrite(version: Version): EntityWrite {
  const number = String(version.number).padStart(NUMBER_DIGITS, "0");
  return { kind: "version", key: `${version.stateMachineArn}:${number}`, data: JSON.stringify(version) };
}

function aliasWrite(alias: Alias): EntityWrite {
  return { kind: "alias", key: alias.arn, data: JSON.stringify(alias) };
}

function byAge(a: Alias, b: Alias): number {
  return a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1);
}

/** @throws ServiceError ResourceNotFound (V2) */
function assertRoutes({ routes }: Alias, versions: readonly Version[]): void {
  for (const { stateMachineVersionArn } of routes) {
    if (versions.every(({ arn }) => arn !== stateMachineVersionArn)) {
      throw resourceNotFound(stateMachineVersionArn);
    }
  }
}

function quotaExceeded(message: string): ServiceError {
  return new ServiceError("ServiceQuotaExceededException", message);
}
