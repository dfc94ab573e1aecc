// Calls of integrations: which may be made now, which wait, and what their outcomes become.
//
// Knows:          the calls under way in this process, the tasks that wait for room.
// Does not know:  journals, pollers, why a task is dead.
//
// Invariants
//   C1. A call is made once, after its TaskStarted is durable (D7): `carryOut` is called for durable turns only.
//   C2. Room is counted from the decision, not from the call (shard.ts, H3). A call gives its room back when it ends
//       or when it was submitted: from then on it only waits for the end of something else, often of another
//       execution here. (Holding room while waiting would end in a standstill: 1,000 parents, no room for their
//       children.)
//   C3. While any task waits for room, no new one is admitted directly. Those that wait take turns (fair-queue.ts).
//   C4. The outcome of a call whose attempt is dead goes nowhere. Whether it is dead the execution decides; a
//       cancelled call only saves the asking.
//   C5. After `stop` no outcome is posted: an aborted call says nothing about what happened outside, so its attempt
//       is left as it is stored, and the next start judges it (D7).

import type { Log, LogFields } from "../base/log.ts";
import { createHash } from "node:crypto";
import { Payload } from "../base/json.ts";
import type { Resource } from "../asl/index.ts";
import type { CallTask, TaskId } from "../engine/index.ts";
import type { QueueTask } from "../engine/commands.ts";
import type { ExecutionStarted } from "../engine/events.ts";
import type { Integration, TaskCall, TaskOutcome } from "../integrations/integration.ts";
import type { Mocks } from "../integrations/mocked/index.ts";
import { FairQueue } from "./fair-queue.ts";
import type { BareInput, Waiter } from "./slot.ts";
import { taskKey } from "./task-queue.ts";

/** The execution that a call belongs to. */
export interface CallOwner {
  readonly id: number;
  readonly started: ExecutionStarted | undefined;
}

/** What has executions: outcomes go there. */
export interface CallOwners {
  send(id: number, input: BareInput, view?: undefined, waiter?: Waiter<unknown>): void;
  post(id: number, input: BareInput, view: () => undefined): Promise<undefined>;
  /** A call under way will need it soon. */
  pin(owner: CallOwner): void;
  unpin(owner: CallOwner): void;
}

export interface DispatcherOptions {
  readonly shards: () => CallOwners;
  readonly integrations: (resource: Resource) => Integration | undefined;
  readonly mocks: Mocks;
  readonly callsUnderWay: number;
  readonly log: Log;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queue = new FairQueue();
  readonly #calls = new Map<string, Call>();
  /** Calls that hold room (C2), from their decision on. */
  #holding = 0;
  /** Calls that gave back their room: they wait for the end of a job or for a token. */
  #submittedCalls = 0;
  /** Queued tasks that were told to start, until that is durable. */
  #starting = 0;
  #isPumping = false;
  #isStopped = false;
  #isAdmitting = true;
  #quiet: (() => void)[] = [];
  readonly #startWaiter: Waiter<unknown>;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const started = (): void => {
      this.#starting -= 1;
      this.#pump();
    };
    this.#startWaiter = { resolve: started, reject: started };
  }

  /** How many tasks may be handed over in the turn that is being decided (C3). */
  get room(): number {
    return this.#isAdmitting && this.#queue.size === 0 ? Math.max(0, this.#free) : 0;
  }

  get counts(): { readonly submitted: number; readonly underWay: number; readonly queued: number } {
    return { submitted: this.#submittedCalls, underWay: this.#holding, queued: this.#queue.size };
  }

  /** So many calls were decided; negative: given back. */
  reserve(calls: number): void {
    this.#holding += calls;
    if (calls < 0) this.#freed();
  }

  /** Makes a call whose room is reserved (C1). */
  call(slot: CallOwner, command: CallTask): void {
    this.#begin(slot, command, (integration, call) => integration.call(call));
  }

  /** After a restart: lets the integration find out what became of the attempt. */
  resume(slot: CallOwner, command: CallTask, submitted: boolean): void {
    this.#holding += 1;
    this.#begin(
      slot,
      command,
      (integration, call) =>
        integration.resume === undefined ? integration.call(call) : integration.resume(call, submitted),
      submitted,
    );
  }

  /** What serves the attempt: the test case of its execution if that answers for it, else its resource's. */
  integrationOf({ started }: CallOwner, { testCase, resource }: CallTask): Integration | undefined {
    const { mocks, integrations } = this.#options;
    if (testCase === undefined || started === undefined) return integrations(resource);
    return mocks.integration(started.stateMachineArn, testCase) ?? integrations(resource);
  }

  /** Whether a test case answers for the attempt: then it is called here, though it may be an activity's. */
  isMocked({ started }: CallOwner, { testCase }: CallTask | QueueTask): boolean {
    if (testCase === undefined || started === undefined) return false;
    return this.#options.mocks.isMocked(started.stateMachineArn, testCase.testCase, testCase.state);
  }

  /** A task that is scheduled, and starts when there is room. */
  enqueue({ id, started }: CallOwner, task: TaskId): void {
    this.#queue.add(started?.mapRunArn ?? "", id, task);
    this.#pump();
  }

  /** The attempt is dead, wherever it is. */
  cancel(executionId: number, task: TaskId): void {
    this.#queue.delete(executionId, task);
    this.#calls.get(taskKey(executionId, task))?.cancel();
  }

  /** Begins no task from now on; calls under way go on. */
  close(): void {
    this.#isAdmitting = false;
  }

  /** Resolves when no call holds room any more. */
  quiet(): Promise<void> {
    if (this.#holding === 0) return Promise.resolve();
    return new Promise((resolve) => this.#quiet.push(resolve));
  }

  /** Gives up what is under way (C4, C5): a call that is cancelled posts nothing. */
  stop(): void {
    this.#isAdmitting = false;
    this.#isStopped = true;
    for (const call of this.#calls.values()) call.cancel();
  }

  get #free(): number {
    return this.#options.callsUnderWay - this.#holding - this.#starting;
  }

  #begin(
    slot: CallOwner,
    command: CallTask,
    how: (integration: Integration, call: TaskCall) => Promise<TaskOutcome>,
    isSubmitted = false,
  ): void {
    const executionId = slot.id;
    const { task, resource } = command;
    const integration = this.integrationOf(slot, command);
    if (integration === undefined || this.#isStopped) {
      this.#holding -= 1;
      if (!this.#isStopped) this.#send(executionId, noIntegration(task, resource));
      this.#freed();
      return;
    }
    const call = new Call(executionId, slot.started as ExecutionStarted, command, (output) =>
      this.#submitted(call, output),
    );
    this.#calls.set(call.key, call);
    call.slot = slot;
    this.#options.shards().pin(slot);
    if (isSubmitted) this.#letGo(call);
    this.#run(call, integration, how).catch((error: unknown) => {
      this.#options.log(`the outcome of ${resource.arn} was lost: ${String(error)}`, "error", about(call));
    });
  }

  async #run(
    call: Call,
    integration: Integration,
    how: (integration: Integration, call: TaskCall) => Promise<TaskOutcome>,
  ): Promise<void> {
    let outcome: TaskOutcome;
    try {
      outcome = await how(integration, call);
    } catch (error) {
      // N2: a bug of the integration.
      const message = error instanceof Error ? error.message : String(error);
      if (!call.isCancelled)
        this.#options.log(`the integration of ${call.resource.arn} failed: ${message}`, "error", about(call));
      outcome = {
        kind: "failed",
        phase: "run",
        error: "States.TaskFailed",
        cause: `The integration of ${call.resource.arn} failed unexpectedly: ${message}`,
      };
    }
    this.#calls.delete(call.key);
    const { slot } = call;
    call.slot = undefined;
    // Free before the outcome is decided, so that its turn may hand over the next task in the same commit; told
    // to those that wait after it, so that the execution is not dropped in between.
    if (slot === undefined) this.#submittedCalls -= 1;
    else this.#holding -= 1;
    if (!call.isCancelled && outcome.kind !== "pending") {
      this.#send(call.executionId, toInput(call.task, outcome));
    }
    if (slot !== undefined) this.#options.shards().unpin(slot);
    this.#freed();
  }

  async #submitted(call: Call, output: Payload): Promise<void> {
    if (this.#isStopped || call.isCancelled) return;
    await this.#options
      .shards()
      .post(call.executionId, { kind: "TaskSubmitted", task: call.task, output: wellFormed(output) }, ignore);
    this.#letGo(call);
  }

  /** Gives back the room and the memory that the call held; once (C2). */
  #letGo(call: Call): void {
    const { slot } = call;
    if (slot === undefined) return;
    call.slot = undefined;
    this.#submittedCalls += 1;
    this.#holding -= 1;
    this.#options.shards().unpin(slot);
    this.#freed();
  }

  #freed(): void {
    this.#pump();
    if (this.#holding > 0) return;
    const waiting = this.#quiet;
    this.#quiet = [];
    for (const resolve of waiting) resolve();
  }

  /** Starts tasks that wait, as long as there is room (C3). */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#isAdmitting && this.#free > 0) {
      const next = this.#queue.take();
      if (next === undefined) break;
      this.#starting += 1;
      this.#options
        .shards()
        .send(
          next.executionId,
          { kind: "TaskStart", task: next.task, handOver: true },
          undefined,
          this.#startWaiter,
        );
    }
    this.#isPumping = false;
  }

  #send(executionId: number, input: BareInput): void {
    this.#options.shards().send(executionId, input);
  }
}

function about({ executionArn, resource }: Call): LogFields {
  return { executionArn, resource: resource.arn };
}

class Call implements TaskCall {
  readonly executionId: number;
  readonly key: string;
  readonly task: TaskId;
  readonly resource: Resource;
  readonly parameters: Payload;
  readonly submitted: (output: Payload) => Promise<void>;
  readonly timeoutAtMs?: number;
  readonly traceHeader?: string;
  /** What is pinned for it, as long as it holds room. */
  slot: CallOwner | undefined;
  isCancelled = false;
  readonly #started: ExecutionStarted;
  #controller: AbortController | undefined;

  constructor(
    executionId: number,
    started: ExecutionStarted,
    command: CallTask,
    submitted: (output: Payload) => Promise<void>,
  ) {
    this.executionId = executionId;
    this.key = taskKey(executionId, command.task);
    this.task = command.task;
    this.resource = command.resource;
    this.parameters = command.parameters;
    this.submitted = submitted;
    if (command.timeoutAtMs !== undefined) this.timeoutAtMs = command.timeoutAtMs;
    if (started.traceHeader !== undefined) this.traceHeader = started.traceHeader;
    this.#started = started;
  }

  get executionArn(): string {
    return this.#started.executionArn;
  }

  get stateMachineArn(): string {
    return this.#started.stateMachineArn;
  }

  /** A UUID made of what the attempt is: the execution, its revision (a wiped server starts anew), the number. */
  get attemptId(): string {
    const { executionArn, revisionId } = this.#started;
    const hex = createHash("sha256").update(`${executionArn}\n${revisionId}\n${this.task}`).digest("hex");
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `8${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join("-");
  }

  get region(): string {
    return this.#started.executionArn.split(":")[3] ?? "";
  }

  get account(): string {
    return this.#started.executionArn.split(":")[4] ?? "";
  }

  /** Made when asked for: a controller costs more than the rest of the call, and not every integration looks. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isCancelled) this.#controller.abort();
    return this.#controller.signal;
  }

  cancel(): void {
    this.isCancelled = true;
    this.#controller?.abort();
  }
}

function toInput(task: TaskId, outcome: Exclude<TaskOutcome, { kind: "pending" }>): BareInput {
  if (outcome.kind === "succeeded")
    return { kind: "TaskSucceeded", task, output: wellFormed(outcome.output) };
  const { phase, error, cause, runtime } = outcome;
  return {
    kind: "TaskFailed",
    task,
    phase,
    error,
    ...(cause === undefined ? {} : { cause }),
    ...(runtime === undefined ? {} : { runtime }),
  };
}

function noIntegration(task: TaskId, resource: Resource): BareInput {
  const cause = `The resource ${resource.arn} is not available on this server.`;
  return { kind: "TaskFailed", task, phase: "start", error: "States.Runtime", cause, runtime: true };
}

/** A lone surrogate cannot be stored (store.ts, S6); whatever came from outside is replaced as UTF-8 would. */
export function wellFormed(payload: Payload): Payload {
  const { text } = payload;
  return text.isWellFormed() ? payload : Payload.ofText(text.toWellFormed());
}

const ignore = (): undefined => undefined;
