// Activities: tasks that wait for a worker, workers that wait for a task.
//
// Knows:          per activity, the identities of scheduled tasks and the pollers, both first come first served.
// Does not know:  parameters (they are read from the execution at the hand-over), tokens, time.
//
// Invariants
//   A1. A task goes to one poller: it leaves the queue before its hand-over is decided, and never comes back.
//   A2. A poll is answered after the hand-over (TaskStarted) is durable (D1).
//   A3. Memory is bounded by what waits: identities of tasks, and pollers.
//
// Races
//   1. A task dies (timeout, stop) while it is queued: CancelTask takes it out. If the poller has it already, the
//      hand-over is refused by the execution, and the poller takes the next one.
//   2. A poller's connection breaks while the hand-over is being committed: the task stays started and will time
//      out. Giving it to another could run it twice, since nobody knows how far the answer came.
//   3. A poller aborts after it was given a task and before the hand-over is asked for: the task goes back, to
//      the end of the queue.

import type { Payload } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { TaskRest } from "../engine/index.ts";
import type { Shards } from "./shard.ts";
import { type TaskRef, TaskQueue } from "./task-queue.ts";

export interface HandedOver {
  readonly executionArn: string;
  readonly task: number;
  readonly parameters: Payload;
}

interface Activity {
  readonly tasks: TaskQueue;
  /** In order of arrival. */
  readonly pollers: Set<(task: TaskRef | undefined) => void>;
}

export class Activities {
  readonly #shards: () => Pick<Shards, "post">;
  readonly #activities = new Map<string, Activity>();
  #isClosed = false;

  constructor(shards: () => Pick<Shards, "post">) {
    this.#shards = shards;
  }

  get counts(): { readonly tasks: number; readonly pollers: number } {
    let tasks = 0;
    let pollers = 0;
    for (const activity of this.#activities.values()) {
      tasks += activity.tasks.size;
      pollers += activity.pollers.size;
    }
    return { tasks, pollers };
  }

  /** A task is scheduled, durably. */
  offer(arn: string, { executionId, task }: TaskRef): void {
    const activity = this.#of(arn);
    for (const poller of activity.pollers) {
      activity.pollers.delete(poller);
      poller({ executionId, task });
      return;
    }
    activity.tasks.add(executionId, task);
  }

  /** The task is dead: nobody needs to get it. */
  cancel({ executionId, task }: TaskRef): void {
    for (const [arn, activity] of this.#activities) {
      activity.tasks.delete(executionId, task);
      this.#tidy(arn, activity);
    }
  }

  /** The next task, waiting for one until `signal` aborts or `close` (then undefined). */
  async poll(
    arn: string,
    workerName: string | undefined,
    signal: AbortSignal,
  ): Promise<HandedOver | undefined> {
    for (;;) {
      const next = await this.#next(arn, signal);
      if (next === undefined) return undefined;
      if (signal.aborted) {
        this.offer(arn, next);
        return undefined;
      }
      const handedOver = await this.#handOver(next, workerName);
      if (handedOver !== undefined) return handedOver;
    }
  }

  /** Lets all pollers go, now and from now on. */
  close(): void {
    this.#isClosed = true;
    for (const { pollers } of this.#activities.values()) for (const poller of pollers) poller(undefined);
    this.#activities.clear();
  }

  async #next(arn: string, signal: AbortSignal): Promise<TaskRef | undefined> {
    if (signal.aborted || this.#isClosed) return undefined;
    const activity = this.#of(arn);
    const queued = activity.tasks.take();
    if (queued !== undefined) {
      this.#tidy(arn, activity);
      return queued;
    }
    return new Promise((resolve) => {
      const poller = (task: TaskRef | undefined): void => {
        signal.removeEventListener("abort", abort);
        resolve(task);
      };
      const abort = (): void => {
        activity.pollers.delete(poller);
        this.#tidy(arn, activity);
        resolve(undefined);
      };
      signal.addEventListener("abort", abort, { once: true });
      activity.pollers.add(poller);
    });
  }

  /** Undefined: the task died before (race 1), or its execution cannot go on. */
  async #handOver(
    { executionId, task }: TaskRef,
    workerName: string | undefined,
  ): Promise<HandedOver | undefined> {
    const input = { kind: "TaskStart" as const, task, ...(workerName === undefined ? {} : { workerName }) };
    try {
      return await this.#shards().post(executionId, input, (execution, accepted) => {
        const rest = execution.tasks.get(task)?.rest as TaskRest | undefined;
        if (!accepted || rest === undefined) return undefined;
        return { executionArn: execution.started.executionArn, task, parameters: rest.parameters };
      });
    } catch (error) {
      if (error instanceof ServiceError && error.code !== "ServiceUnavailable") return undefined;
      throw error;
    }
  }

  #of(arn: string): Activity {
    let activity = this.#activities.get(arn);
    if (activity === undefined) {
      activity = { tasks: new TaskQueue(), pollers: new Set() };
      this.#activities.set(arn, activity);
    }
    return activity;
  }

  /** Forgets an activity of which nothing waits (A3). */
  #tidy(arn: string, activity: Activity): void {
    const isEmpty = activity.tasks.size === 0 && activity.pollers.size === 0;
    if (isEmpty && this.#activities.get(arn) === activity) this.#activities.delete(arn);
  }
}
