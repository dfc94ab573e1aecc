// What becomes, after a restart, of the tasks that were open when the last process ended (D7).
//
// Knows:          phases of attempts, which integrations can find out what happened.
// Does not know:  why the process ended.
//
// Invariants
//   R1. The open tasks of an execution are judged once in the life of this process: when the execution is first
//       loaded, before any input is decided on it. So an attempt that this process started is never taken for one
//       of the last process, whoever loads the execution first, the sweep or a caller.
//   R2. Executions with ids from this process (`nextExecutionId` on) are not judged.
//   R3. The sweep reads ids in pages and waits for each page: its memory and the time until requests are taken do not
//       grow with what is open. Executions that only sleep are not read at all.
//
//   phase       resource                        what happens
//   scheduled   activity                        waits for a worker again
//   scheduled   any other                       waits for room, then starts: nobody was called yet
//   started     activity, .waitForTaskToken     the worker, or who holds the token, has it: waited for
//   started     integration with `resume`       asked what became of it (nested executions, jobs)
//   started     any other                       unknown: fails, or is handed out again if a setting says so
//   submitted   as started
//   any         mocked by its test case         answered (again)
//   a Map Run                                   goes on
//
// `.waitForTaskToken` in phase started: the call may not have been made. It is waited for all the same, since failing
// it would refuse a token that is perhaps out; with the setting it is called again. Its time-outs go on as ever.

import { assert } from "../base/assert.ts";
import { type CallTask, openMapRuns, openTasks } from "../engine/index.ts";
import type { TaskId, TaskRest } from "../engine/index.ts";
import type { Activities } from "./activities.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Shards } from "./shard.ts";
import type { BareInput, Slot } from "./slot.ts";

const PAGE = 100;

export interface RecoveryOptions {
  readonly shards: () => Pick<Shards, "send" | "look">;
  readonly dispatcher: Dispatcher;
  readonly activities: Activities;
  readonly beginMapRun: (slot: Slot, task: TaskId) => void;
  readonly redeliverUnknown: boolean;
  /** Executions from here on belong to this process (R2). */
  readonly firstNewId: number;
  readonly shardCount: number;
  readonly attention: (shard: number, afterId: number, limit: number) => Promise<readonly number[]>;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  /** Judged ahead of the sweep. */
  readonly #judged = new Set<number>();
  /** Of each shard: all up to this id are judged. */
  readonly #sweptTo: number[];
  #isStopped = false;
  #judgedCount = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#sweptTo = Array.from({ length: options.shardCount }, () => 0);
  }

  /** Executions judged so far. */
  get count(): number {
    return this.#judgedCount;
  }

  /** Goes through all executions that had open tasks; resolves when each was judged. */
  async sweep(): Promise<void> {
    const { shardCount, attention, firstNewId } = this.#options;
    for (let shard = 0; shard < shardCount; shard++) {
      for (let after = 0; !this.#isStopped; ) {
        const ids = (await attention(shard, after, PAGE)).filter((id) => id < firstNewId);
        await Promise.all(ids.map((id) => this.#load(id)));
        const last = ids.at(-1);
        if (last === undefined) break;
        after = last;
        this.#sweptTo[shard] = last;
        for (const id of ids) this.#judged.delete(id);
      }
      if (this.#isStopped) return;
      this.#sweptTo[shard] = Number.POSITIVE_INFINITY;
    }
    this.#judged.clear();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** An execution was loaded, and nothing was decided on it yet (R1). */
  loaded(slot: Slot): void {
    const { id, shard, program, execution } = slot;
    if (id >= this.#options.firstNewId || id <= (this.#sweptTo[shard] as number)) return;
    if (this.#judged.has(id)) return;
    this.#judged.add(id);
    assert(program !== undefined && execution !== undefined, "an execution that was loaded is there");
    if (execution.tasks.size === 0) return;
    this.#judgedCount += 1;
    for (const task of openMapRuns(execution)) this.#options.beginMapRun(slot, task);
    for (const { command, phase } of openTasks(program, execution)) {
      // The one before may have failed the state around both.
      if (slot.execution?.tasks.has(command.task) === true) this.#judge(slot, command, phase);
    }
  }

  #judge(slot: Slot, command: CallTask, phase: TaskRest["phase"]): void {
    const { dispatcher, activities, redeliverUnknown } = this.#options;
    const { task, resource } = command;
    // A mocked answer is always the same: whatever was under way is answered again.
    const isMocked = dispatcher.isMocked(slot, command);
    const isPolledFor = resource.kind === "activity" && !isMocked;
    if (phase === "scheduled") {
      if (isPolledFor) activities.offer(resource.arn, { executionId: slot.id, task });
      else dispatcher.enqueue(slot, task);
      return;
    }
    if (isPolledFor) return;
    const byToken = resource.kind === "service" && resource.pattern === "waitForTaskToken";
    if (byToken && phase === "submitted" && !isMocked) return;
    if (dispatcher.integrationOf(slot, command)?.resume !== undefined) {
      dispatcher.resume(slot, command, phase === "submitted");
    } else if (redeliverUnknown && phase === "started") {
      dispatcher.reserve(1);
      dispatcher.call(slot, command);
    } else if (!byToken) {
      this.#options.shards().send(slot.id, unknownOutcome(command));
    }
  }

  /** An execution that cannot be read is quarantined and logged where it is read; the sweep goes on. */
  async #load(id: number): Promise<void> {
    await this.#options.shards().look(id, nothing).catch(nothing);
  }
}

function unknownOutcome({ task, resource }: CallTask): BareInput {
  const cause =
    `The server ended while the call of ${resource.arn} was under way. Whether it had an effect is not known, ` +
    "and it was not made again.";
  return { kind: "TaskFailed", task, phase: "run", error: "States.TaskFailed", cause };
}

const nothing = (): void => undefined;
