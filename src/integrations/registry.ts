// Which integration serves a Task's Resource.
//
// Knows:          all integrations there are. Does not know:  how they are called, or when.
//
// Invariants
//   G1. Every resource that a definition may name, except an activity, has an Integration: one that this version
//       cannot serve fails the task and says so. No task hangs for want of an integration.
//   G2. An activity has none: nobody is called. The runtime queues its task, and a worker comes for it.

import type { Resource } from "../asl/ast.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Integration, ServiceClient, TaskCall } from "./integration.ts";
import { lambdaFunction, lambdaInvoke, lambdaInvokeWithToken } from "./lambda.ts";
import type { LambdaInvoker } from "./lambda-invoker.ts";
import { nestedExecution } from "./nested.ts";
import { sfnSdk } from "./sfn-sdk.ts";

export interface IntegrationOptions {
  /** Where functions run; without it every task that calls one fails. */
  readonly lambda?: LambdaInvoker | undefined;
  /** Our own API. */
  readonly service: ServiceClient;
}

type ServiceResource = Extract<Resource, { kind: "service" }>;

/** The integrations of one server. Undefined means an activity, and only that (G1, G2). */
export function createIntegrations(
  options: IntegrationOptions,
): (resource: Resource) => Integration | undefined {
  const lambda = options.lambda ?? NO_FUNCTIONS;
  // Integrations keep no state between calls, so each is made once.
  const direct = lambdaFunction(lambda);
  const services = new Map<string, Integration>();
  return (resource) => {
    if (resource.kind === "activity") return undefined;
    if (resource.kind === "lambda") return direct;
    const key = `${resource.service}:${resource.action}`;
    let integration = services.get(key);
    if (integration === undefined) {
      integration = serviceIntegration(lambda, options.service, resource) ?? NOT_YET;
      services.set(key, integration);
    }
    return integration;
  };
}

function serviceIntegration(
  lambda: LambdaInvoker,
  service: ServiceClient,
  { service: name, api, pattern }: ServiceResource,
): Integration | undefined {
  const byToken = pattern === "waitForTaskToken";
  switch (name) {
    case "lambda":
      if (api !== "invoke") return undefined;
      return byToken ? lambdaInvokeWithToken(lambda) : lambdaInvoke(lambda);
    case "states":
      return api === "startExecution" ? nestedExecution(service, pattern) : undefined;
    case "aws-sdk:sfn":
      return sfnSdk(service, api, byToken);
    default:
      return undefined;
  }
}

/**
 * States.Runtime, since trying again cannot help: no Retry repeats it in vain, and no Catch of States.ALL hides it
 * among the failures that the service itself would have reported.
 */
const NOT_YET: Integration = {
  call: async ({ resource }: TaskCall) => ({
    kind: "failed",
    phase: "schedule",
    error: "States.Runtime",
    cause: `The resource '${resource.arn}' is valid, but this version of Stepwell has no such integration yet.`,
    runtime: true,
  }),
};

/** Runs nothing. A function is not found rather than out of reach: state machines try the latter again and again. */
export const NO_FUNCTIONS: LambdaInvoker = {
  invoke: async ({ functionName }) => {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Function not found: ${functionName} (this server has no functions: it was started without any, and without a Lambda endpoint)`,
      {},
      404,
    );
  },
};
