// What workers say about tasks, by token, and how activity workers get them.
//
// Invariants
//   T1. Of all answers that a token is used for, one is accepted: the execution closes the attempt in the turn that
//       takes it, and refuses every later one.
//   T2. A token that opens names an attempt that existed when it was made. That it does not now (closed, or the
//       execution has ended or is gone) is one and the same answer.

import type { Payload } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Activities } from "./activities.ts";
import { wellFormed } from "./dispatch.ts";
import { unavailable } from "./failures.ts";
import type { Tasks } from "./interface.ts";
import { NameTaken, type Shards } from "./shard.ts";
import type { BareInput, View } from "./slot.ts";
import type { TaskTokens } from "./tokens.ts";

export interface TasksOptions {
  readonly shards: Shards;
  readonly activities: Activities;
  readonly tokens: TaskTokens;
  /** Whether requests are taken. */
  readonly isOpen: () => boolean;
}

export class ShardTasks implements Tasks {
  readonly #options: TasksOptions;

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  readonly succeed = (taskToken: string, output: Payload): Promise<void> =>
    this.#tell(taskToken, (task) => ({ kind: "TaskSucceeded", task, output: wellFormed(output) }));

  readonly fail = (taskToken: string, error: string | undefined, cause: string | undefined): Promise<void> =>
    this.#tell(taskToken, (task) => ({
      kind: "TaskFailed",
      task,
      phase: "run",
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
    }));

  readonly heartbeat = (taskToken: string): Promise<void> =>
    this.#tell(taskToken, (task) => ({ kind: "Heartbeat", task }));

  readonly poll: Tasks["poll"] = async (activityArn, workerName, signal) => {
    const { activities, tokens, isOpen } = this.#options;
    if (!isOpen()) throw unavailable();
    const found = await activities.poll(activityArn, workerName, signal);
    if (found === undefined) return undefined;
    return { taskToken: tokens.issue(found.executionArn, found.task), input: found.parameters.text };
  };

  /** @throws ServiceError InvalidToken, TaskTimedOut */
  async #tell(taskToken: string, toInput: (task: number) => BareInput): Promise<void> {
    const { shards, tokens, isOpen } = this.#options;
    if (!isOpen()) throw unavailable();
    const { executionArn, task } = tokens.open(taskToken);
    for (;;) {
      const id = await shards.find(executionArn);
      if (id === undefined) throw taskTimedOut();
      try {
        if (await shards.post(id, toInput(task), isAccepted)) return;
        throw taskTimedOut();
      } catch (error) {
        if (!(error instanceof NameTaken)) throw error;
      }
    }
  }
}

const isAccepted: View<boolean> = (_execution, accepted) => accepted;

function taskTimedOut(): ServiceError {
  return new ServiceError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
}
