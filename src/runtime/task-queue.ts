// Tasks that wait their turn: identities only, first in first out, and any of them can be taken out.
//
// A Set of texts keeps the order and finds a member at once. One iterator stays at the front: a new one for each
// `take` would walk over all that was removed before, which made emptying a queue of 100,000 quadratic.

import type { TaskId } from "../engine/index.ts";

export interface TaskRef {
  readonly executionId: number;
  readonly task: TaskId;
}

/** One text for one attempt of one execution. */
export function taskKey(executionId: number, task: TaskId): string {
  return `${executionId}/${task}`;
}

export class TaskQueue {
  readonly #keys = new Set<string>();
  #front: SetIterator<string> = this.#keys.values();

  get size(): number {
    return this.#keys.size;
  }

  /** Adding what is there already changes nothing. */
  add(executionId: number, task: TaskId): void {
    this.#keys.add(taskKey(executionId, task));
  }

  delete(executionId: number, task: TaskId): void {
    this.#keys.delete(taskKey(executionId, task));
  }

  take(): TaskRef | undefined {
    if (this.#keys.size === 0) return undefined;
    let next = this.#front.next();
    if (next.done === true) {
      // An iterator that has reached the end does not see what is added later.
      this.#front = this.#keys.values();
      next = this.#front.next();
    }
    const key = next.value as string;
    this.#keys.delete(key);
    const slash = key.indexOf("/");
    return { executionId: Number(key.slice(0, slash)), task: Number(key.slice(slash + 1)) };
  }
}
