// Tasks that wait for room, fair: a Map Run with 10,000 children does not keep the others waiting behind all of them.
//
// Each Map Run has a queue, and all executions that are no children share one. The queues take turns; within one the
// order is that of the scheduling.

import type { TaskId } from "../engine/index.ts";
import { TaskQueue, type TaskRef } from "./task-queue.ts";

export class FairQueue {
  /** By whose they are; the one whose turn is next is first. None is empty. */
  readonly #queues = new Map<string, TaskQueue>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param group The Map Run; empty for the others. Adding what is there already changes nothing. */
  add(group: string, executionId: number, task: TaskId): void {
    let queue = this.#queues.get(group);
    if (queue === undefined) this.#queues.set(group, (queue = new TaskQueue()));
    const before = queue.size;
    queue.add(executionId, task);
    this.#size += queue.size - before;
  }

  delete(executionId: number, task: TaskId): void {
    for (const [group, queue] of this.#queues) {
      const before = queue.size;
      queue.delete(executionId, task);
      this.#size -= before - queue.size;
      if (queue.size === 0) this.#queues.delete(group);
    }
  }

  take(): TaskRef | undefined {
    for (const [group, queue] of this.#queues) {
      const next = queue.take();
      this.#queues.delete(group);
      if (queue.size > 0) this.#queues.set(group, queue);
      if (next !== undefined) this.#size -= 1;
      return next;
    }
    return undefined;
  }
}
