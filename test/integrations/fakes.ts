// Stand-ins for what integrations call, and a task to call them with. Calls are recorded as they come.

import type { Resource } from "../../src/asl/ast.ts";
import { parseResource } from "../../src/asl/resource.ts";
import { type Json, type JsonObject, Payload } from "../../src/base/json.ts";
import type { ServiceClient, TaskCall } from "../../src/integrations/integration.ts";
import type { InvokeRequest, InvokeResponse, LambdaInvoker } from "../../src/integrations/lambda-invoker.ts";
import { createIntegrations } from "../../src/integrations/registry.ts";

export const EXECUTION_ARN = "arn:aws:states:us-east-1:123456789012:execution:parent:run";
export const MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:child";

export interface TaskRun {
  readonly call: TaskCall;
  readonly submitted: Json[];
  readonly abort: (reason?: unknown) => void;
}

export function resourceOf(arn: string): Resource {
  const resource = parseResource(arn);
  if (resource === undefined) throw new Error(`not a resource: ${arn}`);
  return resource;
}

/** @param parameters A string is the JSON text itself. */
export function task(arn: string, parameters: Json | Payload): TaskRun {
  const controller = new AbortController();
  const submitted: Json[] = [];
  return {
    submitted,
    abort: (reason) => controller.abort(reason),
    call: {
      resource: resourceOf(arn),
      parameters: parameters instanceof Payload ? parameters : Payload.ofValue(parameters),
      executionArn: EXECUTION_ARN,
      stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:parent",
      attemptId: `${EXECUTION_ARN}#1`,
      region: "us-east-1",
      account: "123456789012",
      signal: controller.signal,
      submitted: async (output) => {
        submitted.push(JSON.parse(output.text) as Json);
      },
    },
  };
}

/** Answers of the API in order; a function decides by itself, an error is thrown. */
export type ServiceAnswer = JsonObject | Error | ((input: JsonObject) => JsonObject | Promise<JsonObject>);

export class FakeService implements ServiceClient {
  readonly calls: [operation: string, input: JsonObject][] = [];
  readonly #answers: [operation: string, answer: ServiceAnswer][];
  readonly #waits: (signal: AbortSignal) => Promise<void>;

  constructor(
    answers: readonly [string, ServiceAnswer][],
    waits: (signal: AbortSignal) => Promise<void> = async () => {},
  ) {
    this.#answers = [...answers];
    this.#waits = waits;
  }

  async call(operation: string, input: JsonObject): Promise<JsonObject> {
    this.calls.push([operation, input]);
    const [expected, answer] = this.#answers.shift() ?? ["nothing", {}];
    if (expected !== operation) throw new Error(`expected ${expected}, was asked for ${operation}`);
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer(input) : answer;
  }

  async waitForEnd(executionArn: string, signal: AbortSignal): Promise<void> {
    this.calls.push(["waitForEnd", { executionArn }]);
    await this.#waits(signal);
  }
}

export class FakeLambda implements LambdaInvoker {
  readonly requests: Omit<InvokeRequest, "signal">[] = [];
  readonly #answer: Partial<InvokeResponse> | Error;

  constructor(answer: Partial<InvokeResponse> | Error) {
    this.#answer = answer;
  }

  async invoke({ signal, ...request }: InvokeRequest): Promise<InvokeResponse> {
    this.requests.push(request);
    signal.throwIfAborted();
    if (this.#answer instanceof Error) throw this.#answer;
    return {
      statusCode: 200,
      requestId: "r-1",
      payload: "",
      headers: { "content-type": "application/json", "x-amzn-requestid": "r-1" },
      ...this.#answer,
    };
  }
}

/** Calls, or resumes, the integration of the task's resource. */
export function outcomeOf(
  { call }: TaskRun,
  services: { lambda?: LambdaInvoker; service?: ServiceClient },
  resume?: { submitted: boolean },
): Promise<Json> {
  const service = services.service ?? new FakeService([]);
  const integration = createIntegrations({ lambda: services.lambda, service })(call.resource);
  if (integration === undefined) throw new Error("the resource has no integration");
  const outcome =
    resume === undefined ? integration.call(call) : integration.resume?.(call, resume.submitted);
  if (outcome === undefined) throw new Error("the integration cannot resume");
  return outcome.then((value) =>
    value.kind === "succeeded"
      ? { kind: "succeeded", output: JSON.parse(value.output.text) as Json }
      : { ...value },
  );
}
