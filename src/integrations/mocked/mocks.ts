// The mocked answers of a server: from its mock file as it is now.
//
// Knows:          the file, what a test case needs of a definition.
// Does not know:  executions, how attempts are counted (the engine).
//
// Invariants
//   S1. A change of the file is seen at the next use; there is no watcher. The file is small, and only executions
//       with a test case ask.
//   S2. A file that cannot be read any more, or is no JSON (somebody is saving it), leaves the running test cases
//       the answers they had; new ones are refused until it is right.
//   S3. A state that its test case does not mention is not mocked. A test case that is gone mocks every state, by
//       failing it: what was started as a test never calls the real thing by accident.
//   S4. A test case is refused that mentions a state which the definition does not have, or which is no Task: it was
//       meant to be mocked, and would call the real thing.

import type { Log } from "../../base/log.ts";
import { readFileSync, statSync } from "node:fs";
import type { Program } from "../../asl/ast.ts";
import { Suggester } from "../../asl/suggest.ts";
import type { TestCaseAttempt } from "../../engine/commands.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Integration } from "../integration.ts";
import {
  answerAt,
  attemptsOf,
  type MockConfig,
  type MockedResponse,
  type MockFault,
  type MockTestCase,
  readMockConfig,
} from "./config.ts";
import { mockedIntegration, withoutAnswer } from "./integration.ts";

/** What the runtime asks about executions that were started with a test case. */
export interface Mocks {
  /** @throws ServiceError InvalidName, ValidationException: the test case cannot be run with this definition */
  readonly check: (stateMachineArn: string, testCase: string, program: Program) => void;
  readonly isMocked: (stateMachineArn: string, testCase: string, state: string) => boolean;
  /** Undefined: the state is not mocked. */
  readonly integration: (stateMachineArn: string, attempt: TestCaseAttempt) => Integration | undefined;
}

/** A server without a mock file: no test case is known, those of an earlier process included (S3). */
export const NO_MOCKS: Mocks = {
  check: (stateMachineArn, testCase) => {
    const hint = "This server has no mock file: start it with --mock-config or SFN_MOCK_CONFIG.";
    throw unknownCase(nameOf(stateMachineArn), testCase, hint);
  },
  isMocked: () => true,
  integration: (stateMachineArn, attempt) => gone(nameOf(stateMachineArn), attempt),
};

export class FileMocks implements Mocks {
  readonly #path: string;
  readonly #log: Log;
  #config: MockConfig | undefined;
  #unusable: string | undefined;
  /** Modification time and size of what was read last. */
  #seen: string | undefined;

  /** @param path Absolute. What is wrong with the file is logged when it is first used and whenever it has changed. */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Why the file as it is now cannot be used; undefined: it can. */
  get problem(): string | undefined {
    this.#refresh();
    return this.#unusable;
  }

  /** The test cases of each state machine, as the file has them now, faulty ones included. */
  get testCases(): ReadonlyMap<string, readonly string[]> {
    this.#refresh();
    return new Map([...(this.#config?.machines ?? [])].map(([name, cases]) => [name, [...cases.keys()]]));
  }

  readonly check: Mocks["check"] = (stateMachineArn, testCase, program) => {
    this.#refresh();
    if (this.#unusable !== undefined) {
      throw new ServiceError("ValidationException", `The mock file cannot be used: ${this.#unusable}`);
    }
    const name = nameOf(stateMachineArn);
    const found = caseOf(this.#config, name, testCase);
    if (found === undefined) throw unknownCase(name, testCase, hintFor(this.#config, name, testCase));
    const faults = [...found.faults, ...stateFaults(found, program)];
    if (faults.length === 0) return;
    const text = faults.map(faultText).join("; ");
    throw new ServiceError(
      "ValidationException",
      `The test case '${testCase}' of '${name}' cannot be run: ${text}`,
    );
  };

  readonly isMocked: Mocks["isMocked"] = (stateMachineArn, testCase, state) => {
    this.#refresh();
    return caseOf(this.#config, nameOf(stateMachineArn), testCase)?.responses.has(state) ?? true;
  };

  readonly integration: Mocks["integration"] = (stateMachineArn, attempt) => {
    this.#refresh();
    const name = nameOf(stateMachineArn);
    const found = caseOf(this.#config, name, attempt.testCase);
    if (found === undefined) return gone(name, attempt);
    const response = found.responses.get(attempt.state);
    return response === undefined ? undefined : answerOf(response, attempt);
  };

  #refresh(): void {
    try {
      const { mtimeMs, size } = statSync(this.#path);
      const seen = `${mtimeMs} ${size}`;
      if (seen === this.#seen) return;
      const { config, faults } = readMockConfig(readFileSync(this.#path, "utf8"));
      this.#seen = seen;
      this.#unusable = config === undefined ? faults.map(faultText).join("; ") : undefined;
      if (config !== undefined) this.#config = config;
      for (const fault of faults) this.#log(`mock file ${this.#path}: ${faultText(fault)}`, "warn");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#unusable !== reason) this.#log(`mock file ${this.#path}: ${reason}`, "warn");
      this.#unusable = reason;
      this.#seen = undefined;
    }
  }
}

/** What a test case asks of a definition that this one has not (S4). */
function stateFaults({ responses }: MockTestCase, program: Program): readonly MockFault[] {
  const suggester = new Suggester();
  const tasks = [...program.states.values()].filter(({ type }) => type === "Task").map(({ name }) => name);
  const faults: MockFault[] = [];
  for (const state of responses.keys()) {
    const type = program.states.get(state)?.type;
    if (type === "Task") continue;
    if (type !== undefined) {
      faults.push({ location: "", message: `"${state}" is a ${type}: only Task states can be mocked` });
      continue;
    }
    const guess = suggester.didYouMean(state, tasks);
    const hint = guess === undefined ? "" : ` ${guess}`;
    faults.push({ location: "", message: `the definition has no state "${state}".${hint}` });
  }
  return faults;
}

/** The answer to an attempt of a mocked state; a failure that says so where the file has none. */
function answerOf(response: MockedResponse, { state, attempt }: TestCaseAttempt): Integration {
  const answer = answerAt(response, attempt);
  return answer === undefined ? withoutAnswer(noAnswer(response, state, attempt)) : mockedIntegration(answer);
}

function noAnswer(response: MockedResponse, state: string, attempt: number): string {
  return (
    `The mocked response '${response.name}' has no answer for attempt ${attempt} of the state '${state}' ` +
    `(counted from 0); it has answers for: ${attemptsOf(response)}.`
  );
}

function faultText({ location, message }: MockFault): string {
  return location === "" ? message : `${location}: ${message}`;
}

/** Why there is no such test case: what there is instead, and a guess. */
function hintFor(config: MockConfig | undefined, machine: string, testCase: string): string {
  const cases = config?.machines.get(machine);
  const [what, word, known] =
    cases === undefined
      ? (["state machines", machine, config?.machines.keys() ?? []] as const)
      : (["test cases", testCase, cases.keys()] as const);
  const names = [...known];
  const guess = new Suggester().didYouMean(word, names);
  return guess ?? `The mock file has these ${what}: ${names.length === 0 ? "none" : names.join(", ")}.`;
}

function caseOf(config: MockConfig | undefined, machine: string, testCase: string): MockTestCase | undefined {
  return config?.machines.get(machine)?.get(testCase);
}

/** The code is the one that another emulator answers with; Step Functions Local documents none. */
function unknownCase(machine: string, testCase: string, hint: string): ServiceError {
  const message = `Invalid mock test case name '${testCase}' for state machine '${machine}'. ${hint}`;
  return new ServiceError("InvalidName", message);
}

function gone(machine: string, { testCase, state }: TestCaseAttempt): Integration {
  return withoutAnswer(
    `The mock file of this server has no test case '${testCase}' for the state machine '${machine}' any more, ` +
      `and the execution was started with it: the state '${state}' calls nothing.`,
  );
}

/** `arn:aws:states:<region>:<account>:stateMachine:<name>[/<label>]` */
function nameOf(stateMachineArn: string): string {
  return (stateMachineArn.split(":")[6] ?? "").split("/")[0] as string;
}
