// A runtime on a store in memory, a clock that the test moves, and integrations that answer when the test says so.

import assert from "node:assert/strict";
import type { Resource } from "../../src/asl/index.ts";
import { type Json, Payload } from "../../src/base/json.ts";
import { type Limits, SERVICE_LIMITS } from "../../src/engine/index.ts";
import type { ObjectStore } from "../../src/datasets/index.ts";
import type { Integration, TaskCall, TaskOutcome } from "../../src/integrations/integration.ts";
import type { Mocks } from "../../src/integrations/mocked/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { StateMachine } from "../../src/runtime/interface.ts";
import type { Observer } from "../../src/runtime/observer.ts";
import type { RefusalObserver } from "../../src/runtime/refusals.ts";
import { Runtime } from "../../src/runtime/runtime.ts";
import type { RuntimeSettings } from "../../src/runtime/settings.ts";
import { HeldStore } from "./held-store.ts";
import { ManualClock, settle } from "./manual-clock.ts";

const ACCOUNT = "arn:aws:states:us-east-1:123456789012";
export const ACTIVITY = `${ACCOUNT}:activity:review`;

/** A call that an integration got, and that the test answers. */
export interface PendingCall {
  readonly call: TaskCall;
  readonly resumed: "no" | "started" | "submitted";
  readonly answer: (outcome: TaskOutcome) => void;
  readonly fail: (error: Error) => void;
}

export class FakeIntegrations {
  readonly calls: PendingCall[] = [];
  /** Resources (by a part of their ARN) whose integration can find out what became of a call. */
  readonly resumable = new Set<string>();
  /** Resources that nothing serves. */
  readonly missing = new Set<string>();
  /** Answers at once; undefined: the test will. */
  answering: ((call: TaskCall) => TaskOutcome | undefined) | undefined;

  readonly serve = (resource: Resource): Integration | undefined => {
    const matches = (part: string): boolean => resource.arn.includes(part);
    if ([...this.missing].some(matches)) return undefined;
    return {
      call: (call) => this.#take(call, "no"),
      ...([...this.resumable].some(matches)
        ? {
            resume: (call: TaskCall, submitted: boolean) =>
              this.#take(call, submitted ? "submitted" : "started"),
          }
        : {}),
    };
  };

  /** The next call, which must be there. */
  next(): PendingCall {
    const call = this.calls.shift();
    assert(call !== undefined, "an integration was called");
    return call;
  }

  #take(call: TaskCall, resumed: PendingCall["resumed"]): Promise<TaskOutcome> {
    const atOnce = this.answering?.(call);
    if (atOnce !== undefined) return Promise.resolve(atOnce);
    return new Promise((answer, fail) => this.calls.push({ call, resumed, answer, fail }));
  }
}

export interface Harness {
  readonly runtime: Runtime;
  readonly store: HeldStore;
  readonly clock: ManualClock;
  readonly integrations: FakeIntegrations;
  readonly fatal: Error[];
  readonly log: string[];
}

export interface HarnessOptions {
  readonly store?: HeldStore;
  /** What the runtime gets in place of the store. */
  readonly wrap?: (store: HeldStore) => Store;
  readonly clock?: ManualClock;
  readonly integrations?: FakeIntegrations;
  readonly settings?: Partial<RuntimeSettings>;
  readonly limits?: Partial<Limits>;
  readonly observers?: readonly Observer[];
  readonly onRefused?: RefusalObserver;
  readonly mocks?: Mocks;
  readonly objects?: ObjectStore;
}

export async function open(options: HarnessOptions = {}): Promise<Harness> {
  const store = options.store ?? new HeldStore();
  const clock = options.clock ?? new ManualClock();
  const integrations = options.integrations ?? new FakeIntegrations();
  const fatal: Error[] = [];
  const log: string[] = [];
  const runtime = await Runtime.open({
    store: options.wrap?.(store) ?? store,
    clock,
    integrations: integrations.serve,
    limits: { ...SERVICE_LIMITS, ...options.limits },
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.observers === undefined ? {} : { observers: options.observers }),
    ...(options.onRefused === undefined ? {} : { onRefused: options.onRefused }),
    ...(options.mocks === undefined ? {} : { mocks: options.mocks }),
    ...(options.objects === undefined ? {} : { objects: options.objects }),
    onFatal: (error) => fatal.push(error),
    log: (line) => log.push(line),
  });
  await settle();
  return { runtime, store, clock, integrations, fatal, log };
}

/** The process dies and another one opens what was stored: nothing of the old one is told. */
export async function restart(
  { store, clock }: Harness,
  options: Omit<HarnessOptions, "store" | "clock"> = {},
): Promise<Harness> {
  await store.close();
  return open({ ...options, store, clock });
}

let revisions = 0;

export async function createMachine(
  { runtime }: Harness,
  definition: Json,
  name = "machine",
  type: StateMachine["type"] = "STANDARD",
): Promise<StateMachine> {
  revisions += 1;
  const arn = `${ACCOUNT}:stateMachine:${name}`;
  const { machine } = await runtime.catalog.createStateMachine(
    {
      arn,
      name,
      type,
      status: "ACTIVE",
      createdAtMs: runtime.now(),
      updated: false,
      revision: {
        revisionId: `revision-${revisions}`,
        stateMachineArn: arn,
        createdAtMs: runtime.now(),
        definition: JSON.stringify(definition),
        roleArn: "arn:aws:iam::123456789012:role/r",
        loggingConfiguration: {},
        tracingConfiguration: {},
        encryptionConfiguration: {},
      },
    },
    [],
  );
  return machine;
}

export async function createActivity({ runtime }: Harness): Promise<void> {
  const activity = { arn: ACTIVITY, name: "review", createdAtMs: runtime.now(), encryptionConfiguration: {} };
  await runtime.catalog.createActivity(activity, []);
}

export async function start(
  { runtime }: Harness,
  machine: StateMachine,
  input: Json = {},
  name?: string,
): Promise<string> {
  const { executionArn } = await runtime.executions.start({
    machine,
    input: Payload.ofValue(input),
    ...(name === undefined ? {} : { name }),
  });
  return executionArn;
}

/** `RUNNING`, or how it ended: `SUCCEEDED {"a":1}`, `FAILED Error: cause`. */
export async function outcome({ runtime }: Harness, executionArn: string): Promise<string> {
  const described = await runtime.executions.describe(executionArn);
  assert(described !== undefined, "the execution exists");
  const { status, output, error, cause } = described.execution;
  return [status, output?.text, error, cause].filter((part) => part !== undefined).join(" ");
}

export async function eventTypes({ runtime }: Harness, executionArn: string): Promise<readonly string[]> {
  const query = { reverse: false, limit: 1000, offset: 0 };
  const history = await runtime.executions.history(executionArn, query);
  assert(history !== undefined, "the execution exists");
  return history.events.map(({ type }) => type);
}

/** Whether the promise has been settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  await settle();
  return settled;
}

export const succeeded = (value: Json): TaskOutcome => ({
  kind: "succeeded",
  output: Payload.ofValue(value),
});

const lambda = (name: string): string => `arn:aws:lambda:us-east-1:123456789012:function:${name}`;

/** A chain of Tasks; the last ends. */
export const tasks = (...resources: readonly string[]): Json => ({
  StartAt: "S0",
  States: Object.fromEntries(
    resources.map((resource, i) => [
      `S${i}`,
      {
        Type: "Task",
        Resource: resource,
        ...(i + 1 < resources.length ? { Next: `S${i + 1}` } : { End: true }),
      },
    ]),
  ),
});

export const LAMBDA: string = lambda("f");
export const ONE_CALL: Json = tasks(LAMBDA);
export const PASS: Json = { StartAt: "P", States: { P: { Type: "Pass", End: true } } };
export const wait = (seconds: number): Json => ({
  StartAt: "W",
  States: { W: { Type: "Wait", Seconds: seconds, End: true } },
});
export const BY_TOKEN: Json = {
  StartAt: "T",
  States: {
    T: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Parameters: { FunctionName: "f", Payload: { "token.$": "$$.Task.Token" } },
      End: true,
    },
  },
};
