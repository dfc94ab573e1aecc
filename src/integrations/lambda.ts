// Lambda functions as tasks: by their ARN as the Resource, and through `lambda:invoke`.
//
// Knows:          what an invocation is made of, what its answer looks like as a task's result or failure.
// Does not know:  where functions run (LambdaInvoker).
//
// Invariants
//   L1. One call invokes once. Whatever breaks on the way is the failure of the attempt; its Retry decides.
//   L2. A payload is never printed anew: its text goes to the function and into the result as it is.
//
// Spec: developer guide, "Invoke an AWS Lambda function with Step Functions"; Lambda's API, Invoke.

import { LAMBDA_INVOKE, memberNames } from "../asl/service-parameters.ts";
import { isObject, type Json, member, Payload } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import { ServiceError } from "../base/service-error.ts";
import { cancelled, type Failed, LAMBDA, refused, unreachableService } from "./errors.ts";
import type { Integration, TaskCall } from "./integration.ts";
import type { InvokeRequest, InvokeResponse, LambdaInvoker } from "./lambda-invoker.ts";
import { ParameterReader } from "./parameters.ts";
import { httpMetadata, objectOf } from "./results.ts";

const INVOCATION_TYPES = ["RequestResponse", "Event", "DryRun"] as const;

/** A function's ARN as the Resource: the input is its payload, its payload is the output. */
export function lambdaFunction(invoker: LambdaInvoker): Integration {
  return {
    call: async (call) => {
      const response = await invoke(invoker, "run", {
        functionName: call.resource.arn,
        invocationType: "RequestResponse",
        payload: call.parameters.text,
        signal: call.signal,
      });
      if ("kind" in response) return response;
      return functionFailure(response) ?? { kind: "succeeded", output: documentOf(response.payload) };
    },
  };
}

/** `lambda:invoke`: the result is the function's answer with all its metadata. */
export function lambdaInvoke(invoker: LambdaInvoker): Integration {
  return {
    call: async (call) => {
      const result = await invokeTask(invoker, call, "run");
      return result instanceof Payload ? { kind: "succeeded", output: result } : result;
    },
  };
}

/** `lambda:invoke.waitForTaskToken`: the function's answer is only the proof that it has the token. */
export function lambdaInvokeWithToken(invoker: LambdaInvoker): Integration {
  return {
    call: async (call) => {
      const result = await invokeTask(invoker, call, "submit");
      if (!(result instanceof Payload)) return result;
      await call.submitted(result);
      return { kind: "pending" };
    },
  };
}

/** @param refusal The phase in which Lambda's refusal fails the task; a function that fails, fails it while it runs. */
async function invokeTask(
  invoker: LambdaInvoker,
  call: TaskCall,
  refusal: Failed["phase"],
): Promise<Payload | Failed> {
  const parameters = new ParameterReader(call.parameters);
  const request = requestOf(parameters, call.signal);
  const fault = parameters.failure();
  if (fault !== undefined) return fault;
  const response = await invoke(invoker, refusal, request);
  if ("kind" in response) return response;
  return functionFailure(response) ?? resultOf(response);
}

function requestOf(parameters: ParameterReader, signal: AbortSignal): InvokeRequest {
  parameters.only(memberNames(LAMBDA_INVOKE));
  const functionName = parameters.required("FunctionName");
  const qualifier = parameters.optional("Qualifier");
  const logType = parameters.optional("LogType");
  const clientContext = clientContextOf(parameters.any("ClientContext"));
  return {
    functionName,
    invocationType: parameters.choice("InvocationType", INVOCATION_TYPES, "RequestResponse"),
    payload: payloadOf(parameters.any("Payload")),
    signal,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(logType === undefined ? {} : { logType }),
    ...(clientContext === undefined ? {} : { clientContext }),
  };
}

/**
 * As recorded: without a Payload, or with null, the function gets `{}`; a text that is JSON is the payload, so
 * `"\"x\""` arrives as the text x and `"true"` as true; any other text arrives as a text.
 */
function payloadOf(value: Json | undefined): string {
  if (value === undefined) return "{}";
  if (typeof value === "string" && parseJson(value).ok) return value;
  return JSON.stringify(value);
}

/** A text is Base64 already, as the API wants it. */
function clientContextOf(value: Json | undefined): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  return Buffer.from(JSON.stringify(value)).toString("base64");
}

async function invoke(
  invoker: LambdaInvoker,
  refusal: Failed["phase"],
  request: InvokeRequest,
): Promise<InvokeResponse | Failed> {
  try {
    return await invoker.invoke(request);
  } catch (error) {
    if (request.signal.aborted) return cancelled();
    if (error instanceof ServiceError) return refused(LAMBDA, error, refusal);
    return unreachableService(LAMBDA, error, refusal);
  }
}

/** Undefined unless the function itself failed. The cause is its error document as it came. */
function functionFailure({ functionError, payload }: InvokeResponse): Failed | undefined {
  if (functionError === undefined) return undefined;
  const document = parseJson(payload);
  const errorType = document.ok && isObject(document.value) ? member(document.value, "errorType") : undefined;
  if (typeof errorType === "string" && errorType !== "") {
    return { kind: "failed", phase: "run", error: errorType, cause: payload };
  }
  return {
    kind: "failed",
    phase: "run",
    error: "Lambda.Unknown",
    cause: `The cause could not be determined because Lambda did not return an error type. Returned payload: ${payload}`,
  };
}

/** A body that is no JSON is the text it is. */
function documentOf(body: string): Payload {
  return parseJson(body).ok ? Payload.ofText(body.trim()) : Payload.ofValue(body);
}

function resultOf(response: InvokeResponse): Payload {
  const members: [string, Payload][] = [];
  const add = (name: string, value: Json | undefined): void => {
    if (value !== undefined) members.push([name, Payload.ofValue(value)]);
  };
  add("ExecutedVersion", response.executedVersion);
  add("LogResult", response.logResult);
  members.push(["Payload", documentOf(response.payload)]);
  add("SdkHttpMetadata", httpMetadata(response.headers, response.statusCode, SPELLING));
  add("SdkResponseMetadata", { RequestId: response.requestId });
  add("StatusCode", response.statusCode);
  return objectOf(members);
}

/** Headers that Lambda does not spell in capitals throughout. */
const SPELLING: Readonly<Record<string, string>> = {
  "x-amzn-remapped-content-length": "x-amzn-Remapped-Content-Length",
  "x-amzn-requestid": "x-amzn-RequestId",
};
