// A store as a process has it that dies: after its death nothing is stored and nothing is answered, however much of the
// process is still in memory here. What it had stored is in the store behind it, for the next process.

import { assert } from "../../src/base/assert.ts";
import type { EntityWrite, ListQuery, Store, TurnWrite } from "../../src/store/store.ts";

export interface Death {
  /** Writes before it: the process dies in the next one. */
  readonly writes: number;
  /** Whether that is stored. */
  readonly isStored: boolean;
}

export class MortalStore implements Store {
  readonly #store: Store;
  readonly #death: Death;
  #writes = 0;
  isDead = false;

  constructor(store: Store, death: Death) {
    this.#store = store;
    this.#death = death;
  }

  get writesLeft(): number {
    return this.#death.writes - this.#writes;
  }

  async die(): Promise<void> {
    if (this.isDead) return;
    this.isDead = true;
    await this.#store.close();
  }

  readonly open: Store["open"] = () => this.#ask(() => this.#store.open());
  readonly claim: Store["claim"] = (shard) => this.#ask(() => this.#store.claim(shard));
  readonly commit: Store["commit"] = (turns: readonly TurnWrite[]) =>
    this.#write(() => this.#store.commit(turns));
  readonly writeEntities: Store["writeEntities"] = (writes: readonly EntityWrite[]) =>
    this.#write(() => this.#store.writeEntities(writes));
  readonly readJournal: Store["readJournal"] = (id) => this.#ask(() => this.#store.readJournal(id));
  readonly findExecution: Store["findExecution"] = (arn) => this.#ask(() => this.#store.findExecution(arn));
  readonly getExecution: Store["getExecution"] = (id) => this.#ask(() => this.#store.getExecution(id));
  readonly listExecutions: Store["listExecutions"] = (query: ListQuery) =>
    this.#ask(() => this.#store.listExecutions(query));
  readonly due: Store["due"] = (shard, untilMs, limit) =>
    this.#ask(() => this.#store.due(shard, untilMs, limit));
  readonly attention: Store["attention"] = (shard, afterId, limit) =>
    this.#ask(() => this.#store.attention(shard, afterId, limit));
  readonly countOpen: Store["countOpen"] = () => this.#ask(() => this.#store.countOpen());
  readonly getEntity: Store["getEntity"] = (kind, key) => this.#ask(() => this.#store.getEntity(kind, key));
  readonly listEntities: Store["listEntities"] = (kind, after, limit) =>
    this.#ask(() => this.#store.listEntities(kind, after, limit));

  async close(): Promise<void> {
    if (this.isDead) return await NEVER;
    this.isDead = true;
    await this.#store.close();
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return await NEVER;
    const answer = await work();
    return this.isDead ? await NEVER : answer;
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return await NEVER;
    this.#writes += 1;
    const isLast = this.#writes > this.#death.writes;
    assert(this.#writes <= this.#death.writes + 1, "nothing is written after the last");
    if (isLast && !this.#death.isStored) await this.die();
    const answer = await this.#ask(work);
    if (isLast) await this.die();
    return isLast ? await NEVER : answer;
  }
}

const NEVER = new Promise<never>(() => undefined);
