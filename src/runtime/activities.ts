// Activities: tasks that wait for a worker, workers that wait for a task.
//
// Knows:          per activity, the identities of scheduled tasks and the pollers, both first come first served.
// Does not know:  parameters (they are read from the execution at the hand-over), tokens, time.
//
// Invariants
//   A1. A task goes to one poller: it leaves the queue before its hand-over is decided, and never comes back.
//   A2. A poll is answered after the hand-over (TaskStarted) is durable (D1).
//   A3. Memory is bounded by what waits: identities of tasks, and pollers, of which an activity has so many at most.
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

type Poller = (task: TaskRef | undefined) => void;

export class Activities {
  readonly #shards: () => Pick<Shards, "post">;
  /** Activities of which tasks wait. */
  readonly #queues = new Map<string, TaskQueue>();
  /** Activities for which workers wait, in order of arrival. */
  readonly #pollers = new Map<string, Set<Poller>>();
  #isClosed = false;

  readonly #mostPollers: number;

  constructor(shards: () => Pick<Shards, "post">, mostPollers: number) {
    this.#shards = shards;
    this.#mostPollers = mostPollers;
  }

  get counts(): { readonly tasks: number; readonly pollers: number } {
    let tasks = 0;
    let pollers = 0;
    for (const queue of this.#queues.values()) tasks += queue.size;
    for (const waiting of this.#pollers.values()) pollers += waiting.size;
    return { tasks, pollers };
  }

  /** A task is scheduled, durably. */
  offer(arn: string, { executionId, task }: TaskRef): void {
    const [poller] = this.#pollers.get(arn) ?? [];
    if (poller !== undefined) {
      this.#forget(arn, poller);
      poller({ executionId, task });
      return;
    }
    let queue = this.#queues.get(arn);
    if (queue === undefined) this.#queues.set(arn, (queue = new TaskQueue()));
    queue.add(executionId, task);
  }

  /** The task is dead: nobody needs to get it. */
  cancel({ executionId, task }: TaskRef): void {
    for (const [arn, queue] of this.#queues) {
      queue.delete(executionId, task);
      if (queue.size === 0) this.#queues.delete(arn);
    }
  }

  /**
   * The next task, waiting for one until `signal` aborts or `close` (then undefined).
   *
   * @throws ServiceError ActivityWorkerLimitExceeded
   */
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
    for (const waiting of this.#pollers.values()) for (const poller of waiting) poller(undefined);
    this.#pollers.clear();
  }

  async #next(arn: string, signal: AbortSignal): Promise<TaskRef | undefined> {
    if (signal.aborted || this.#isClosed) return undefined;
    const queue = this.#queues.get(arn);
    if (queue !== undefined) {
      const queued = queue.take();
      if (queue.size === 0) this.#queues.delete(arn);
      if (queued !== undefined) return queued;
    }
    if ((this.#pollers.get(arn)?.size ?? 0) >= this.#mostPollers) {
      const message = `Activity Worker Limit Exceeded: ${this.#mostPollers} workers poll '${arn}' already`;
      throw new ServiceError("ActivityWorkerLimitExceeded", message);
    }
    return new Promise((resolve) => {
      const poller: Poller = (task) => {
        signal.removeEventListener("abort", abort);
        resolve(task);
      };
      const abort = (): void => {
        this.#forget(arn, poller);
        resolve(undefined);
      };
      signal.addEventListener("abort", abort, { once: true });
      const waiting = this.#pollers.get(arn);
      if (waiting === undefined) this.#pollers.set(arn, new Set([poller]));
      else waiting.add(poller);
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

  #forget(arn: string, poller: Poller): void {
    const waiting = this.#pollers.get(arn);
    waiting?.delete(poller);
    if (waiting?.size === 0) this.#pollers.delete(arn);
  }
}
