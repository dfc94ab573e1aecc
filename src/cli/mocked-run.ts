// One test case of a mock file, run to its end in this process: nothing is stored, nobody is called, no time passes.
//
// Knows:          the engine, mocked answers. Does not know: files, what a test expects.
//
// Invariants
//   T1. Time is virtual: it stands still while tasks are answered, then it is the next moment that the execution
//       waits for. So a Wait of a month costs nothing, and a timeout of a mocked task never strikes.
//   T2. What the test case does not mention is never called: the run stops there and says so.
//   T3. The same case ends in the same way: the seeds of the turns are counted, not drawn.
//   T4. It ends: the limits of a history and of an execution's time hold here too.

import type { Program } from "../asl/index.ts";
import { assert } from "../base/assert.ts";
import type { Payload } from "../base/json.ts";
import { expandSeed } from "../base/random.ts";
import {
  type Command,
  decide,
  type DecideEnvironment,
  type Execution,
  type Input,
  type JournalTurn,
  nextWakeAt,
  projectHistory,
  SERVICE_LIMITS,
} from "../engine/index.ts";
import type { FileMocks } from "../integrations/index.ts";

const ACCOUNT = "000000000000";
const REGION = "us-east-1";

export interface MockedRun {
  /** Undefined: it stopped at a state that is not mocked (T2). */
  readonly status: Execution["status"] | undefined;
  readonly output?: Payload;
  readonly error?: string;
  readonly cause?: string;
  /** The names of the states, as they were entered. */
  readonly states: readonly string[];
}

export function machineArnOf(machine: string): string {
  return `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${machine}`;
}

type Bare<I> = I extends Input ? Omit<I, "nowMs" | "seed"> : never;

/** @throws ServiceError InvalidName, ValidationException: the test case cannot be run with this definition */
export async function runTestCase(
  program: Program,
  mocks: FileMocks,
  {
    machine,
    testCase,
    input,
    startMs,
  }: { machine: string; testCase: string; input: Payload; startMs: number },
): Promise<MockedRun> {
  const stateMachineArn = machineArnOf(machine);
  mocks.check(stateMachineArn, testCase, program);
  const executionArn = `arn:aws:states:${REGION}:${ACCOUNT}:execution:${machine}:${testCase}`;
  const environment: DecideEnvironment = {
    limits: SERVICE_LIMITS,
    taskToken: (_, task) => `token-${task}`,
    activityExists: () => true,
    isMocked: (_, state) => mocks.isMocked(stateMachineArn, testCase, state),
    admit: Number.MAX_SAFE_INTEGER,
  };
  const turns: JournalTurn[] = [];
  const commands: Command[] = [];
  let nowMs = startMs;
  let seeds = 0;
  let execution: Execution | undefined;
  const take = (bare: Bare<Input>): Execution => {
    const arrived: Input = { ...bare, nowMs, seed: expandSeed(seeds++) };
    const decision = decide(program, execution, arrived, environment);
    if (decision.turn !== undefined) turns.push(decision.turn);
    commands.push(...decision.commands);
    execution = decision.execution;
    return decision.execution;
  };
  const stoppedAt = (state: string, resource: string): MockedRun => {
    const cause = `the test case does not mention the state "${state}", which would call ${resource}`;
    return { status: undefined, cause, states: statesOf(turns) };
  };

  let current = take({
    kind: "Start",
    executionArn,
    stateMachineArn,
    name: testCase,
    roleArn: `arn:aws:iam::${ACCOUNT}:role/mocked`,
    revisionId: "mocked",
    testCase,
    input,
  });
  while (current.status === "RUNNING") {
    const command = commands.shift();
    if (command === undefined) {
      const wakeAtMs = nextWakeAt(current);
      assert(wakeAtMs !== undefined, "an execution that runs waits for a task or for a time");
      nowMs = Math.max(nowMs, wakeAtMs);
      current = take({ kind: "TimeReached" });
      continue;
    }
    if (command.kind !== "CallTask" && command.kind !== "QueueTask") continue;
    const { task, resource, parameters, testCase: attempt } = command;
    assert(attempt !== undefined, "every attempt of a mocked execution bears its test case");
    const integration = mocks.integration(stateMachineArn, attempt);
    if (integration === undefined) return stoppedAt(attempt.state, resource.arn);
    assert(command.kind === "CallTask", "a mocked task is handed over at once");
    // oxlint-disable-next-line no-await-in-loop -- one answer after the other: T3
    const outcome = await integration.call({
      resource,
      parameters,
      executionArn,
      stateMachineArn,
      attemptId: `${executionArn}:${task}`,
      region: REGION,
      account: ACCOUNT,
      signal: new AbortController().signal,
      submitted: async (output) => {
        take({ kind: "TaskSubmitted", task, output });
      },
    });
    assert(outcome.kind !== "pending", "a mocked answer is the end of its task");
    current =
      outcome.kind === "succeeded"
        ? take({ kind: "TaskSucceeded", task, output: outcome.output })
        : take({ ...outcome, kind: "TaskFailed", task });
  }
  const { status, output, error, cause } = current;
  return {
    status,
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    states: statesOf(turns),
  };
}

function statesOf(turns: readonly JournalTurn[]): readonly string[] {
  return projectHistory(turns)
    .filter(({ type }) => type.endsWith("StateEntered"))
    .map(({ details }) => {
      const name = details?.["name"];
      assert(typeof name === "string", "a state that is entered has a name");
      return name;
    });
}
