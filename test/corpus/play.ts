// Plays a definition with invented data and mocked tasks, in memory and in virtual time, until it ends.
//
// The real runtime does it. Tasks answer at once with what inventorOf makes up, some fail; activities have a worker;
// time passes as fast as it can.

import { Payload } from "../../src/base/json.ts";
import { type Execution, SERVICE_LIMITS } from "../../src/engine/index.ts";
import type { Integration } from "../../src/integrations/integration.ts";
import { Runtime } from "../../src/runtime/index.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { ManualClock, settle } from "../runtime/manual-clock.ts";
import { type Inventor, inventorOf } from "./invent.ts";

export type Ending =
  | { readonly kind: "succeeded" }
  /** By a Fail state, or by a failure of a task that nothing caught. */
  | { readonly kind: "failed"; readonly error: string }
  /** The invented data did not suit the definition. */
  | { readonly kind: "unsuited"; readonly error: string; readonly cause: string }
  /** A fault of ours: it stopped, or did not end within a year. */
  | { readonly kind: "fault"; readonly reason: string };

const MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine";
const UNSUITED: ReadonlySet<string> = new Set([
  "States.Runtime",
  "States.QueryEvaluationError",
  "States.ParameterPathFailure",
  "States.ResultPathMatchFailure",
  "States.IntrinsicFailure",
  "States.DataLimitExceeded",
  "States.NoChoiceMatched",
]);
const TASKS_THAT_FAIL = 0.1;
const MAX_STEPS = 3_000;
const HOUR_MS = 3_600_000;

export async function play(definition: string, type: "STANDARD" | "EXPRESS", seed: number): Promise<Ending> {
  const clock = new ManualClock();
  const inventor = inventorOf(definition, seed);
  const faults: string[] = [];
  const runtime = await Runtime.open({
    store: new MemoryStore(),
    clock,
    integrations: () => mocked(inventor),
    limits: SERVICE_LIMITS,
    onFatal: (error) => faults.push(String(error)),
    log: (line) => faults.push(line),
  });
  const stop = new AbortController();
  try {
    const machine = await createMachine(runtime, definition, type);
    const workers = activitiesOf(definition).map((arn) => workAt(runtime, arn, inventor, stop.signal));
    const request = { machine, input: Payload.ofValue(inventor.next()) };
    const told: { end?: Execution | undefined } = {};
    if (type === "EXPRESS") {
      void runtime.express.run(request).then(
        ({ execution }) => {
          told.end = execution;
        },
        (error: unknown) => faults.push(String(error)),
      );
    } else {
      const { executionArn } = await runtime.executions.start(request);
      void runtime.executions.waitForEnd(executionArn, stop.signal).then(
        async () => {
          told.end = (await runtime.executions.describe(executionArn))?.execution;
        },
        (error: unknown) => faults.push(String(error)),
      );
    }
    for (let step = 0; told.end === undefined && faults.length === 0; step++) {
      if (step > MAX_STEPS) return { kind: "fault", reason: "it does not end" };
      // oxlint-disable-next-line no-await-in-loop -- time passes step by step
      await settle();
      // oxlint-disable-next-line no-await-in-loop -- see above
      if (told.end === undefined) await clock.advance(step < 50 ? 1_000 : HOUR_MS);
    }
    stop.abort();
    await Promise.all(workers);
    return faults.length > 0 ? { kind: "fault", reason: faults.join("; ") } : endingOf(told.end);
  } finally {
    stop.abort();
    await runtime.close(0);
  }
}

function endingOf(end: Execution | undefined): Ending {
  if (end?.status === "SUCCEEDED") return { kind: "succeeded" };
  const { error = "", cause = "" } = end ?? {};
  return UNSUITED.has(error) ? { kind: "unsuited", error, cause } : { kind: "failed", error };
}

function mocked({ next, random }: Inventor): Integration {
  return {
    call: async ({ resource, submitted }) => {
      if (random.next01() < TASKS_THAT_FAIL)
        return { kind: "failed", phase: "run", error: "Mocked.Failure", cause: "as it was told" };
      const output = Payload.ofValue(next());
      if (/\.(?:waitForTaskToken|sync|sync:2)$/u.test(resource.arn)) await submitted(output);
      return { kind: "succeeded", output };
    },
  };
}

function activitiesOf(definition: string): readonly string[] {
  return [...new Set(definition.match(/arn:aws:states:[^:"]*:\d*:activity:[\w-]+/gu))];
}

/** One worker of the activity, until the signal. */
async function workAt(
  runtime: Runtime,
  activityArn: string,
  { next }: Inventor,
  signal: AbortSignal,
): Promise<void> {
  const name = activityArn.slice(activityArn.lastIndexOf(":") + 1);
  await runtime.catalog.createActivity(
    { arn: activityArn, name, createdAtMs: runtime.now(), encryptionConfiguration: {} },
    [],
  );
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one task at a time
    const task = await runtime.tasks.poll(activityArn, "worker", signal);
    if (task === undefined) return;
    // oxlint-disable-next-line no-await-in-loop -- see above
    await runtime.tasks.succeed(task.taskToken, Payload.ofValue(next()));
  }
}

async function createMachine(runtime: Runtime, definition: string, type: "STANDARD" | "EXPRESS") {
  const { machine } = await runtime.catalog.createStateMachine(
    {
      arn: MACHINE,
      name: "machine",
      type,
      status: "ACTIVE",
      createdAtMs: runtime.now(),
      updated: false,
      revision: {
        revisionId: "revision",
        stateMachineArn: MACHINE,
        createdAtMs: runtime.now(),
        definition,
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
