// TestState: the request checked against the state that it tests, and the answer on the wire.
//
// Knows:          which tests there are, what may be mocked. Does not know: how a state runs.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html; wording as recorded, where
// it was recorded (docs/test-state.md says where it was not).

import { type Parsed, parse, parseState, type State, toServiceMessage } from "../../asl/index.ts";
import {
  fromMembers,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  member,
  Payload,
} from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { ServiceError } from "../../base/service-error.ts";
import {
  type Mock,
  type StateTestRequest,
  type TestedState,
  TESTED_NAME,
} from "../../engine/test-state/index.ts";
import { type FieldValidationMode, mockFault } from "../../integrations/mock-apis.ts";
import { checkRoleArn } from "../arns.ts";
import type { Call, Operations } from "./call.ts";
import { flagOf, present, requiredText, structureOf, textOf, validationFailed } from "./call.ts";
import { toInput } from "./executions.ts";
import { checkedContext } from "./test-context.ts";

export const testStateOperations: Pick<Operations, "TestState"> = {
  TestState: async (call: Call) => {
    const tested = await call.engine.tests.run(toTest(call), call.signal);
    return answer(tested, textOf(call.request, "inspectionLevel") ?? "INFO");
  },
};

/** @throws ServiceError ValidationException, InvalidArn, InvalidDefinition, InvalidExecutionInput */
function toTest({ request, caller, settings }: Call): StateTestRequest {
  const mockInput = structureOf(request, "mock");
  const configuration = structureOf(request, "stateConfiguration") ?? {};
  const hasMock = mockInput !== undefined;
  checkTogether(request, configuration, mockInput);

  const state = testedState(request, settings.limits.definitionBytes);
  const roleArn = textOf(request, "roleArn");
  if (roleArn !== undefined) checkRoleArn(roleArn);
  checkTestable(state, hasMock, roleArn);
  const mock = mockInput === undefined ? undefined : toMock(state, mockInput);
  const context = textOf(request, "context");
  const failedIterations = numberOf(configuration, "mapIterationFailureCount");
  const readerData = textOf(configuration, "mapItemReaderData");
  return {
    state,
    input: toInput(textOf(request, "input") ?? "{}", settings.limits),
    roleArn,
    region: caller.region,
    account: caller.account,
    variables: toVariables(textOf(request, "variables")),
    retries: numberOf(configuration, "retrierRetryCount") ?? 0,
    ...(mock === undefined ? {} : { mock }),
    ...(context === undefined ? {} : { context: checkedContext(context, state) }),
    ...(failedIterations === undefined ? {} : { failedIterations }),
    ...(readerData === undefined ? {} : { readerData }),
  };
}

/** What members of the request ask of each other, whatever the state. */
function checkTogether(request: JsonObject, configuration: JsonObject, mock: JsonObject | undefined): void {
  if (mock === undefined) {
    const needing = [
      ["MapIterationFailureCount", numberOf(configuration, "mapIterationFailureCount")],
      ["Context", textOf(request, "context")],
    ] as const;
    for (const [name, value] of needing) {
      if (value !== undefined) {
        throw validationFailed(`TestState does not support ${name} when a mock is not specified.`);
      }
    }
    return;
  }
  if (flagOf(request, "revealSecrets") === true) {
    throw validationFailed("TestState does not support RevealSecrets when a mock is specified.");
  }
  const hasResult = textOf(mock, "result") !== undefined;
  if (hasResult === (structureOf(mock, "errorOutput") !== undefined)) {
    throw validationFailed(
      "A test mock should have only one of the following fields: [result, errorOutput].",
    );
  }
}

/** The state that is meant: all there is, or the one named, wherever in the definition. */
function testedState(request: JsonObject, maxBytes: number): State {
  const definition = requiredText(request, "definition");
  const name = textOf(request, "stateName");
  if (name === undefined) {
    return programOf(parseState(definition, TESTED_NAME, { maxBytes })).states.get(TESTED_NAME) as State;
  }
  const state = programOf(parse(definition, { maxBytes })).states.get(name);
  if (state === undefined) throw validationFailed("State not found in definition");
  return state;
}

function programOf({ program, diagnostics }: Parsed): NonNullable<Parsed["program"]> {
  if (program === undefined) throw new ServiceError("InvalidDefinition", toServiceMessage(diagnostics));
  return program;
}

function checkTestable(state: State, hasMock: boolean, roleArn: string | undefined): void {
  if (hasMock) {
    if (state.type === "Task" || state.type === "Map" || state.type === "Parallel") return;
    throw validationFailed(`State type '${state.type}' is not supported when a mock is specified`);
  }
  if (state.type === "Map" || state.type === "Parallel") {
    throw new ServiceError(
      "InvalidDefinition",
      "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
    );
  }
  if (state.type !== "Task") return;
  const { resource } = state;
  if (
    resource.kind === "activity" ||
    (resource.kind === "service" && resource.pattern !== "requestResponse")
  ) {
    const what =
      resource.kind === "activity"
        ? "Activity tasks"
        : `the '.${resource.pattern}' service integration pattern`;
    throw new ServiceError(
      "InvalidDefinition",
      `TestState API does not support ${what} when a mock is not specified.`,
    );
  }
  if (roleArn === undefined) {
    throw validationFailed("RoleArn must be specified when testing a Task state");
  }
}

function toMock(state: State, mock: JsonObject): Mock {
  const errorOutput = structureOf(mock, "errorOutput");
  if (errorOutput !== undefined) {
    return {
      kind: "error",
      error: textOf(errorOutput, "error"),
      cause: textOf(errorOutput, "cause"),
    };
  }
  const text = requiredText(mock, "result");
  const json = parseJson(text);
  if (!json.ok) throw validationFailed("Mocked result must be valid JSON");
  const mode = (textOf(mock, "fieldValidationMode") ?? "STRICT") as FieldValidationMode;
  const fault = resultFault(state, json.value, mode);
  if (fault !== undefined) throw validationFailed(fault);
  return { kind: "result", result: Payload.ofText(text) };
}

function resultFault(state: State, result: Json, mode: FieldValidationMode): string | undefined {
  if (state.type === "Task") return mockFault(state.resource, result, mode);
  // What a ResultWriter exports is an object that says where it is.
  if (state.type === "Map" && state.resultWriter?.parameters !== undefined) {
    return isObject(result) ? undefined : "Mocked result must be a JSON object.";
  }
  if (!isArray(result)) return "Mocked result must be an array.";
  return state.type === "Parallel" && result.length !== state.branches.length
    ? "Mocked result must contain the same number of items as number of Parallel branches."
    : undefined;
}

function toVariables(text: string | undefined): StateTestRequest["variables"] {
  if (text === undefined) return [];
  const json = parseJson(text);
  if (!json.ok || !isObject(json.value)) throw validationFailed("Variables must be a valid JSON object");
  return Object.entries(json.value);
}

function answer(tested: TestedState, level: string): JsonObject {
  const { status, output, error, cause, nextState, stages, errorDetails } = tested;
  const shown = stages.map(
    ([name, value]) => [name, AS_NUMBER.has(name) ? value.value : value.text] as const,
  );
  const inspectionData = fromMembers([
    ...shown,
    ...(errorDetails === undefined ? [] : [["errorDetails", present({ ...errorDetails })] as const]),
  ]);
  return present({
    status,
    output: output?.text,
    error,
    cause,
    nextState,
    inspectionData: level === "INFO" ? undefined : inspectionData,
  });
}

/** All else in inspectionData is JSON text. */
const AS_NUMBER: ReadonlySet<string> = new Set([
  "maxConcurrency",
  "toleratedFailureCount",
  "toleratedFailurePercentage",
]);

function numberOf(object: JsonObject, name: string): number | undefined {
  return member(object, name) as number | undefined;
}
