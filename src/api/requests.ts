// The requests of all 37 operations: names, types and limits of their members.
//
// Knows:          what the service's API model says about input (version 2016-11-23 of the API).
// Does not know:  what an operation does, which of them this program has.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html

import type { Limits } from "../engine/limits.ts";
import type { Shape, StructureShape } from "./shapes.ts";
import { flag, fraction, list, matching, oneOf, secret, structure, text, whole } from "./shapes.ts";

export type OperationName =
  | "CreateActivity"
  | "CreateStateMachine"
  | "CreateStateMachineAlias"
  | "DeleteActivity"
  | "DeleteStateMachine"
  | "DeleteStateMachineAlias"
  | "DeleteStateMachineVersion"
  | "DescribeActivity"
  | "DescribeExecution"
  | "DescribeMapRun"
  | "DescribeStateMachine"
  | "DescribeStateMachineAlias"
  | "DescribeStateMachineForExecution"
  | "GetActivityTask"
  | "GetExecutionHistory"
  | "ListActivities"
  | "ListExecutions"
  | "ListMapRuns"
  | "ListStateMachineAliases"
  | "ListStateMachineVersions"
  | "ListStateMachines"
  | "ListTagsForResource"
  | "PublishStateMachineVersion"
  | "RedriveExecution"
  | "SendTaskFailure"
  | "SendTaskHeartbeat"
  | "SendTaskSuccess"
  | "StartExecution"
  | "StartSyncExecution"
  | "StopExecution"
  | "TagResource"
  | "TestState"
  | "UntagResource"
  | "UpdateMapRun"
  | "UpdateStateMachine"
  | "UpdateStateMachineAlias"
  | "ValidateStateMachineDefinition";

/** The input of every operation, with the limits that a user may have raised. */
export function requestShapes(limits: Limits): Readonly<Record<OperationName, StructureShape>> {
  const name = text(1, 80);
  const stateName = secret(80, 1);
  const arn = text(1, 256);
  const longArn = text(1, 2000);
  const taskToken = text(1, 2048);
  const definition = secret(limits.definitionBytes, 1);
  const data = secret(limits.payloadBytes);
  const error = secret(limits.errorChars);
  const cause = secret(limits.causeChars);
  const versionDescription = secret(256);
  const maxResults = whole(0, 1000);
  const pageToken = text(1, 1024);
  const traceHeader = matching(text(0, 256), "\\p{ASCII}*");
  const aliasName = matching(text(1, 80), "^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$");
  const includedData = oneOf("ALL_DATA", "METADATA_ONLY");
  const type = oneOf("STANDARD", "EXPRESS");
  const tagKey = text(1, 128);
  // The model lets a tag go without its key; the service cannot store such a one.
  const tags = list(structure("Tag", { "key*": tagKey, value: text(0, 256) }));
  const routing = list(
    structure("RoutingConfigurationListItem", { "stateMachineVersionArn*": arn, "weight*": whole(0, 100) }),
    1,
    2,
  );
  const logging = structure("LoggingConfiguration", {
    level: oneOf("ALL", "ERROR", "FATAL", "OFF"),
    includeExecutionData: flag,
    destinations: list(
      structure("LogDestination", {
        cloudWatchLogsLogGroup: structure("CloudWatchLogsLogGroup", { logGroupArn: arn }),
      }),
    ),
  });
  const tracing = structure("TracingConfiguration", { enabled: flag });
  const encryption = structure("EncryptionConfiguration", {
    kmsKeyId: text(1, 2048),
    kmsDataKeyReusePeriodSeconds: whole(60, 900),
    "type*": oneOf("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"),
  });
  return {
    CreateActivity: input("CreateActivity", { "name*": name, tags, encryptionConfiguration: encryption }),
    CreateStateMachine: input("CreateStateMachine", {
      "name*": name,
      "definition*": definition,
      "roleArn*": arn,
      type,
      loggingConfiguration: logging,
      tags,
      tracingConfiguration: tracing,
      publish: flag,
      versionDescription,
      encryptionConfiguration: encryption,
    }),
    CreateStateMachineAlias: input("CreateStateMachineAlias", {
      description: versionDescription,
      "name*": aliasName,
      "routingConfiguration*": routing,
    }),
    DeleteActivity: input("DeleteActivity", { "activityArn*": arn }),
    DeleteStateMachine: input("DeleteStateMachine", { "stateMachineArn*": arn }),
    DeleteStateMachineAlias: input("DeleteStateMachineAlias", { "stateMachineAliasArn*": arn }),
    DeleteStateMachineVersion: input("DeleteStateMachineVersion", { "stateMachineVersionArn*": longArn }),
    DescribeActivity: input("DescribeActivity", { "activityArn*": arn }),
    DescribeExecution: input("DescribeExecution", { "executionArn*": arn, includedData }),
    DescribeMapRun: input("DescribeMapRun", { "mapRunArn*": longArn }),
    DescribeStateMachine: input("DescribeStateMachine", { "stateMachineArn*": arn, includedData }),
    DescribeStateMachineAlias: input("DescribeStateMachineAlias", { "stateMachineAliasArn*": arn }),
    DescribeStateMachineForExecution: input("DescribeStateMachineForExecution", {
      "executionArn*": arn,
      includedData,
    }),
    GetActivityTask: input("GetActivityTask", { "activityArn*": arn, workerName: name }),
    GetExecutionHistory: input("GetExecutionHistory", {
      "executionArn*": arn,
      maxResults,
      reverseOrder: flag,
      nextToken: pageToken,
      includeExecutionData: flag,
    }),
    ListActivities: input("ListActivities", { maxResults, nextToken: pageToken }),
    ListExecutions: input("ListExecutions", {
      stateMachineArn: arn,
      // The service's own order, recorded; the other enumerations are in the order of the model.
      statusFilter: oneOf("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"),
      maxResults,
      nextToken: text(1, 3096),
      mapRunArn: longArn,
      redriveFilter: oneOf("REDRIVEN", "NOT_REDRIVEN"),
    }),
    ListMapRuns: input("ListMapRuns", { "executionArn*": arn, maxResults, nextToken: pageToken }),
    ListStateMachineAliases: input("ListStateMachineAliases", {
      "stateMachineArn*": arn,
      nextToken: pageToken,
      maxResults,
    }),
    ListStateMachineVersions: input("ListStateMachineVersions", {
      "stateMachineArn*": arn,
      nextToken: pageToken,
      maxResults,
    }),
    ListStateMachines: input("ListStateMachines", { maxResults, nextToken: pageToken }),
    ListTagsForResource: input("ListTagsForResource", { "resourceArn*": arn }),
    PublishStateMachineVersion: input("PublishStateMachineVersion", {
      "stateMachineArn*": arn,
      revisionId: text(0),
      description: versionDescription,
    }),
    RedriveExecution: input("RedriveExecution", {
      "executionArn*": arn,
      clientToken: matching(text(1, 64), "[!-~]+"),
    }),
    SendTaskFailure: input("SendTaskFailure", { "taskToken*": taskToken, error, cause }),
    SendTaskHeartbeat: input("SendTaskHeartbeat", { "taskToken*": taskToken }),
    SendTaskSuccess: input("SendTaskSuccess", { "taskToken*": taskToken, "output*": data }),
    StartExecution: input("StartExecution", { "stateMachineArn*": arn, name, input: data, traceHeader }),
    StartSyncExecution: input("StartSyncExecution", {
      "stateMachineArn*": arn,
      name,
      input: data,
      traceHeader,
      includedData,
    }),
    StopExecution: input("StopExecution", { "executionArn*": arn, error, cause }),
    TagResource: input("TagResource", { "resourceArn*": arn, "tags*": tags }),
    TestState: input("TestState", {
      "definition*": definition,
      roleArn: arn,
      input: data,
      inspectionLevel: oneOf("INFO", "DEBUG", "TRACE"),
      revealSecrets: flag,
      variables: data,
      stateName,
      mock: structure("MockInput", {
        result: data,
        errorOutput: structure("MockErrorOutput", { error, cause }),
        fieldValidationMode: oneOf("STRICT", "PRESENT", "NONE"),
      }),
      context: data,
      stateConfiguration: structure("TestStateConfiguration", {
        retrierRetryCount: whole(0),
        errorCausedByState: stateName,
        mapIterationFailureCount: whole(0),
        mapItemReaderData: data,
      }),
    }),
    UntagResource: input("UntagResource", { "resourceArn*": arn, "tagKeys*": list(tagKey) }),
    UpdateMapRun: input("UpdateMapRun", {
      "mapRunArn*": longArn,
      maxConcurrency: whole(0),
      toleratedFailurePercentage: fraction(0, 100),
      toleratedFailureCount: whole(0),
    }),
    UpdateStateMachine: input("UpdateStateMachine", {
      "stateMachineArn*": arn,
      definition,
      roleArn: arn,
      loggingConfiguration: logging,
      tracingConfiguration: tracing,
      publish: flag,
      versionDescription,
      encryptionConfiguration: encryption,
    }),
    UpdateStateMachineAlias: input("UpdateStateMachineAlias", {
      "stateMachineAliasArn*": arn,
      description: versionDescription,
      routingConfiguration: routing,
    }),
    ValidateStateMachineDefinition: input("ValidateStateMachineDefinition", {
      "definition*": definition,
      type,
      severity: oneOf("ERROR", "WARNING"),
      maxResults: whole(0, 100),
    }),
  };
}

function input(operation: string, members: Readonly<Record<string, Shape>>): StructureShape {
  return structure(`${operation}Input`, members);
}
