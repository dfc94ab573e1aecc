// How a task names the failure of a service that it called: an error name and a cause, in the words of the SDK
// that the service's own integrations use.
//
// Knows:          the two generations of SDKs behind integrations, and which errors their clients have classes for.
// Does not know:  how anything is called.
//
// Invariants
//   F1. An error name ends in `Exception`, whether or not the service's own code does.
//   F2. An error that the client has no class for is the client's base class (`Lambda.AWSLambdaException`); its own
//       code stays in the cause.
//
// Optimised integrations speak through the old SDK: `text (Service: AWSLambda; Status Code: 404; Error Code: X;
// Request ID: …; Proxy: null)`. `aws-sdk:…` integrations speak through the new one: `text (Service: Sfn, Status
// Code: 400, Request ID: …) (SDK Attempt Count: 1)`. Both as recorded from the service.

import { randomUUID } from "node:crypto";
import { member } from "../base/json.ts";
import type { ServiceError } from "../base/service-error.ts";
import type { TaskOutcome } from "./integration.ts";

export type Failed = Extract<TaskOutcome, { kind: "failed" }>;

/** A service as one SDK sees it. */
export interface Client {
  readonly sdk: "v1" | "v2";
  /** What comes before the dot of an error name. */
  readonly prefix: string;
  /** What the cause calls it. */
  readonly service: string;
  /** The name of its base class. */
  readonly base: string;
  /** The error codes that have a class of their own. */
  readonly modelled: ReadonlySet<string>;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/u));

const LAMBDA_ERRORS = words(`
  CodeSigningConfigNotFoundException CodeStorageExceededException CodeVerificationFailedException
  EC2AccessDeniedException EC2ThrottledException EC2UnexpectedException EFSIOException
  EFSMountConnectivityException EFSMountFailureException EFSMountTimeoutException ENILimitReachedException
  InvalidCodeSignatureException InvalidParameterValueException InvalidRequestContentException
  InvalidRuntimeException InvalidSecurityGroupIDException InvalidSubnetIDException InvalidZipFileException
  KMSAccessDeniedException KMSDisabledException KMSInvalidStateException KMSNotFoundException
  PolicyLengthExceededException PreconditionFailedException ProvisionedConcurrencyConfigNotFoundException
  RecursiveInvocationException RequestTooLargeException ResourceConflictException ResourceInUseException
  ResourceNotFoundException ResourceNotReadyException ServiceException SnapStartException
  SnapStartNotReadyException SnapStartTimeoutException SubnetIPAddressLimitReachedException
  TooManyRequestsException UnsupportedMediaTypeException
`);

const STEP_FUNCTIONS_ERRORS = words(`
  ActivityAlreadyExists ActivityDoesNotExist ActivityLimitExceeded ActivityWorkerLimitExceeded ConflictException
  ExecutionAlreadyExists ExecutionDoesNotExist ExecutionLimitExceeded ExecutionNotRedrivable InvalidArn
  InvalidDefinition InvalidEncryptionConfiguration InvalidExecutionInput InvalidLoggingConfiguration InvalidName
  InvalidOutput InvalidToken InvalidTracingConfiguration KmsAccessDeniedException KmsInvalidStateException
  KmsThrottlingException MissingRequiredParameter ResourceNotFound ServiceQuotaExceededException
  StateMachineAlreadyExists StateMachineDeleting StateMachineDoesNotExist StateMachineLimitExceeded
  StateMachineTypeNotSupported TaskDoesNotExist TaskTimedOut TooManyTags ValidationException
`);

export const LAMBDA: Client = {
  sdk: "v1",
  prefix: "Lambda",
  service: "AWSLambda",
  base: "AWSLambdaException",
  modelled: LAMBDA_ERRORS,
};
export const STEP_FUNCTIONS: Client = {
  sdk: "v1",
  prefix: "StepFunctions",
  service: "AWSStepFunctions",
  base: "AWSStepFunctionsException",
  modelled: STEP_FUNCTIONS_ERRORS,
};
export const SFN: Client = {
  sdk: "v2",
  prefix: "Sfn",
  service: "Sfn",
  base: "SfnException",
  modelled: STEP_FUNCTIONS_ERRORS,
};

/** A refusal of the service as the failure of a task. */
export function refused(client: Client, error: ServiceError, phase: Failed["phase"]): Failed {
  const given = member(error.members, "requestId");
  const requestId = typeof given === "string" ? given : randomUUID();
  const details =
    client.sdk === "v1"
      ? `(Service: ${client.service}; Status Code: ${error.status}; Error Code: ${error.code}; Request ID: ${requestId}; Proxy: null)`
      : `(Service: ${client.service}, Status Code: ${error.status}, Request ID: ${requestId}) (SDK Attempt Count: 1)`;
  return {
    kind: "failed",
    phase,
    error: `${client.prefix}.${className(client, error.code)}`,
    cause: `${error.message} ${details}`,
  };
}

/** No answer came: nobody listens, the connection broke, the answer could not be read. */
export function unreachableService(client: Client, error: unknown, phase: Failed["phase"]): Failed {
  return {
    kind: "failed",
    phase,
    error: `${client.prefix}.SdkClientException`,
    cause: `Unable to execute HTTP request: ${reasonOf(error)}`,
  };
}

/** The attempt is dead, or this process lets go of it: whoever asked has gone, so nobody reads this. */
export function cancelled(): Failed {
  return { kind: "failed", phase: "run", error: "States.TaskFailed", cause: "The task was cancelled." };
}

function className(client: Client, code: string): string {
  if (!client.modelled.has(code)) return client.base;
  return code.endsWith("Exception") ? code : `${code}Exception`;
}

/** Node reports a refused connection to a name with two addresses as an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== "") return error.message;
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map(reasonOf).join(", ");
  return "code" in error ? String(error.code) : error.name;
}
