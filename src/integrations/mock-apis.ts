// The outputs of the APIs that tasks call most, and which of them a mock stands for.
//
// Written from the public API references of the services. An API that is not here is not checked.
//
// Invariants
//   M1. A job that is waited for (.sync) is mocked by the answer of the API that is asked how it is, not of the one
//       that began it. What comes back with a task token is free.

import type { Resource } from "../asl/ast.ts";
import { isObject, type Json } from "../base/json.ts";
import {
  any,
  between,
  faultOf,
  flag,
  listOf,
  mapOf,
  number,
  oneOf,
  type OutputShape,
  structure,
  text,
  textFrom,
} from "./mock-shapes.ts";

/** How much of a mock is checked. Spec: fieldValidationMode of TestState. */
export type FieldValidationMode = "STRICT" | "PRESENT" | "NONE";

/** What is wrong with a mocked result of a task, in the service's words; undefined if nothing is, or can be known. */
export function mockFault(resource: Resource, result: Json, mode: FieldValidationMode): string | undefined {
  if (mode === "NONE" || resource.kind !== "service") return undefined;
  const shape = outputOf(resource);
  if (shape === undefined) return undefined;
  if (!isObject(result)) return "Mocked result must be a JSON object.";
  const fault = faultOf(shape, result, "", mode === "STRICT");
  return fault === undefined ? undefined : `Mock result schema validation error: ${fault}`;
}

function outputOf({
  service,
  api,
  pattern,
}: Extract<Resource, { kind: "service" }>): OutputShape | undefined {
  const name = service.replace(/^aws-sdk:/u, "");
  const asked = `${SAME_SERVICE.get(name) ?? name}:${api}`;
  if (pattern === "requestResponse") return OUTPUTS.get(asked);
  const polled = pattern === "waitForTaskToken" ? undefined : POLLED.get(asked);
  return polled === undefined ? undefined : OUTPUTS.get(polled);
}

/** SDK integrations have other names for some. */
const SAME_SERVICE: ReadonlyMap<string, string> = new Map([
  ["sfn", "states"],
  ["eventbridge", "events"],
]);

/** M1. */
const POLLED: ReadonlyMap<string, string> = new Map([
  ["states:startExecution", "states:describeExecution"],
  ["batch:submitJob", "batch:describeJobs"],
  ["glue:startJobRun", "glue:getJobRun"],
  ["ecs:runTask", "ecs:describeTasks"],
  ["athena:startQueryExecution", "athena:getQueryExecution"],
  ["codebuild:startBuild", "codebuild:batchGetBuilds"],
]);

const names = mapOf(text);

// DynamoDB ---------------------------------------------------------------------------------------------------------

const attribute = structure({
  S: text,
  N: text,
  B: text,
  SS: listOf(text),
  NS: listOf(text),
  BS: listOf(text),
  M: mapOf(any),
  L: listOf(any),
  NULL: flag,
  BOOL: flag,
});
const item = mapOf(attribute);
const capacity = structure({ ReadCapacityUnits: number, WriteCapacityUnits: number, CapacityUnits: number });
const consumed = structure({
  TableName: textFrom(1),
  CapacityUnits: number,
  ReadCapacityUnits: number,
  WriteCapacityUnits: number,
  Table: capacity,
  LocalSecondaryIndexes: mapOf(capacity),
  GlobalSecondaryIndexes: mapOf(capacity),
});
const written = structure({
  Attributes: item,
  ConsumedCapacity: consumed,
  ItemCollectionMetrics: structure({ ItemCollectionKey: item, SizeEstimateRangeGB: listOf(number) }),
});
const found = structure({
  Items: listOf(item),
  Count: number,
  ScannedCount: number,
  LastEvaluatedKey: item,
  ConsumedCapacity: consumed,
});

// Lambda -----------------------------------------------------------------------------------------------------------

const functionConfiguration = {
  FunctionName: text,
  FunctionArn: text,
  Runtime: text,
  Role: text,
  Handler: text,
  CodeSize: number,
  Description: text,
  Timeout: between(1),
  MemorySize: between(128, 10_240),
  LastModified: text,
  CodeSha256: text,
  Version: textFrom(1),
  VpcConfig: structure({ SubnetIds: listOf(text), SecurityGroupIds: listOf(text), VpcId: text }),
  DeadLetterConfig: structure({ TargetArn: text }),
  Environment: structure({ Variables: names, Error: structure({ ErrorCode: text, Message: text }) }),
  KMSKeyArn: text,
  TracingConfig: structure({ Mode: oneOf("Active", "PassThrough") }),
  MasterArn: text,
  RevisionId: text,
  Layers: listOf(structure({ Arn: text, CodeSize: number })),
  State: oneOf("Pending", "Active", "Inactive", "Failed"),
  StateReason: text,
  LastUpdateStatus: oneOf("Successful", "Failed", "InProgress"),
  PackageType: oneOf("Zip", "Image"),
  Architectures: listOf(oneOf("x86_64", "arm64")),
  EphemeralStorage: structure({ "Size*": between(512, 10_240) }),
};

// Step Functions ---------------------------------------------------------------------------------------------------

const details = structure({ Included: flag });
const ended = {
  Name: textFrom(1),
  StateMachineArn: textFrom(1),
  Input: any,
  InputDetails: details,
  Output: any,
  OutputDetails: details,
  TraceHeader: text,
  Error: text,
  Cause: text,
};

// S3 ---------------------------------------------------------------------------------------------------------------

const encryption = oneOf("AES256", "aws:fsx", "aws:kms", "aws:kms:dsse");
const storageClass = oneOf(
  "STANDARD",
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER",
  "DEEP_ARCHIVE",
  "OUTPOSTS",
  "GLACIER_IR",
  "SNOW",
  "EXPRESS_ONEZONE",
  "FSX_OPENZFS",
  "FSX_ONTAP",
);
const objectHead = {
  DeleteMarker: flag,
  AcceptRanges: text,
  Expiration: text,
  Restore: text,
  LastModified: text,
  ContentLength: number,
  ETag: text,
  MissingMeta: number,
  VersionId: text,
  CacheControl: text,
  ContentDisposition: text,
  ContentEncoding: text,
  ContentLanguage: text,
  ContentRange: text,
  ContentType: text,
  WebsiteRedirectLocation: text,
  ServerSideEncryption: encryption,
  Metadata: names,
  SSEKMSKeyId: text,
  BucketKeyEnabled: flag,
  StorageClass: storageClass,
  RequestCharged: oneOf("requester"),
  ReplicationStatus: oneOf("COMPLETE", "PENDING", "FAILED", "REPLICA", "COMPLETED"),
  PartsCount: number,
  TagCount: number,
  ObjectLockMode: oneOf("GOVERNANCE", "COMPLIANCE"),
  ObjectLockRetainUntilDate: text,
  ObjectLockLegalHoldStatus: oneOf("ON", "OFF"),
};

// Jobs -------------------------------------------------------------------------------------------------------------

const ecsFailures = listOf(structure({ Arn: text, Reason: text, Detail: text }));
const ecsTask = structure({
  TaskArn: text,
  TaskDefinitionArn: text,
  ClusterArn: text,
  ContainerInstanceArn: text,
  Containers: listOf(
    structure({
      ContainerArn: text,
      TaskArn: text,
      Name: text,
      LastStatus: text,
      ExitCode: number,
      Reason: text,
    }),
  ),
  Cpu: text,
  Memory: text,
  CreatedAt: text,
  StartedAt: text,
  StoppedAt: text,
  DesiredStatus: text,
  LastStatus: text,
  LaunchType: oneOf("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"),
  StopCode: text,
  StoppedReason: text,
  Group: text,
  Version: number,
});
const ecsTasks = structure({ Tasks: listOf(ecsTask), Failures: ecsFailures });

const batchJob = structure({
  JobArn: text,
  "JobName*": text,
  "JobId*": text,
  "JobQueue*": text,
  "Status*": oneOf("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"),
  Attempts: listOf(any),
  StatusReason: text,
  CreatedAt: number,
  "StartedAt*": number,
  StoppedAt: number,
  "JobDefinition*": text,
  Parameters: names,
  IsCancelled: flag,
  IsTerminated: flag,
});

const glueRun = structure({
  Id: textFrom(1),
  Attempt: number,
  PreviousRunId: textFrom(1),
  TriggerName: textFrom(1),
  JobName: textFrom(1),
  StartedOn: text,
  LastModifiedOn: text,
  CompletedOn: text,
  JobRunState: oneOf(
    "STARTING",
    "RUNNING",
    "STOPPING",
    "STOPPED",
    "SUCCEEDED",
    "FAILED",
    "TIMEOUT",
    "ERROR",
    "WAITING",
    "EXPIRED",
  ),
  Arguments: names,
  ErrorMessage: text,
  AllocatedCapacity: number,
  ExecutionTime: number,
  Timeout: between(1),
  MaxCapacity: number,
  WorkerType: text,
  NumberOfWorkers: number,
  LogGroupName: text,
  GlueVersion: textFrom(1),
});

const athenaQuery = structure({
  QueryExecutionId: textFrom(1),
  Query: textFrom(1),
  StatementType: oneOf("DDL", "DML", "UTILITY"),
  ResultConfiguration: structure({ OutputLocation: text }),
  QueryExecutionContext: structure({ Database: textFrom(1), Catalog: textFrom(1) }),
  Status: structure({
    State: oneOf("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"),
    StateChangeReason: text,
    SubmissionDateTime: text,
    CompletionDateTime: text,
  }),
  Statistics: structure({ EngineExecutionTimeInMillis: number, DataScannedInBytes: number }),
  WorkGroup: text,
});

const build = structure({
  Id: textFrom(1),
  Arn: textFrom(1),
  BuildNumber: number,
  StartTime: text,
  EndTime: text,
  CurrentPhase: text,
  BuildStatus: oneOf("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "IN_PROGRESS", "STOPPED"),
  ProjectName: textFrom(1),
  BuildComplete: flag,
});

// KMS --------------------------------------------------------------------------------------------------------------

const algorithm = oneOf("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE");

// ------------------------------------------------------------------------------------------------------------------

const sentMessage = {
  MD5OfMessageBody: text,
  MD5OfMessageAttributes: text,
  MD5OfMessageSystemAttributes: text,
  MessageId: text,
  SequenceNumber: text,
};
const batchFailures = listOf(structure({ "Id*": text, "SenderFault*": flag, "Code*": text, Message: text }));

const OUTPUTS: ReadonlyMap<string, OutputShape> = new Map([
  [
    "lambda:invoke",
    structure({
      StatusCode: number,
      FunctionError: text,
      LogResult: text,
      // Step Functions shows the JSON that a function answers, not its bytes.
      Payload: any,
      ExecutedVersion: textFrom(1),
    }),
  ],
  [
    "lambda:getFunction",
    structure({
      Configuration: structure(functionConfiguration),
      Code: structure({ RepositoryType: text, Location: text, ImageUri: text, ResolvedImageUri: text }),
      Tags: names,
      Concurrency: structure({ ReservedConcurrentExecutions: between(0) }),
    }),
  ],
  ["lambda:getFunctionConfiguration", structure(functionConfiguration)],
  [
    "lambda:listFunctions",
    structure({ NextMarker: text, Functions: listOf(structure(functionConfiguration)) }),
  ],

  ["states:startExecution", structure({ "ExecutionArn*": textFrom(1), "StartDate*": text })],
  [
    "states:describeExecution",
    structure({
      "ExecutionArn*": textFrom(1),
      ...ended,
      "StateMachineArn*": textFrom(1),
      "Status*": oneOf("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"),
      "StartDate*": text,
      StopDate: text,
      MapRunArn: textFrom(1),
      RedriveCount: between(0),
      RedriveDate: text,
      RedriveStatus: oneOf("REDRIVABLE", "NOT_REDRIVABLE", "REDRIVABLE_BY_MAP_RUN"),
      RedriveStatusReason: text,
    }),
  ],
  [
    "states:startSyncExecution",
    structure({
      "ExecutionArn*": textFrom(1),
      ...ended,
      "StartDate*": text,
      "StopDate*": text,
      "Status*": oneOf("SUCCEEDED", "FAILED", "TIMED_OUT"),
      BillingDetails: structure({
        BilledMemoryUsedInMB: between(0),
        BilledDurationInMilliseconds: between(0),
      }),
    }),
  ],
  ["states:stopExecution", structure({ "StopDate*": text })],
  [
    "states:listExecutions",
    structure({
      "Executions*": listOf(
        structure({
          "ExecutionArn*": textFrom(1),
          "StateMachineArn*": textFrom(1),
          "Name*": textFrom(1),
          "Status*": text,
          "StartDate*": text,
          StopDate: text,
        }),
      ),
      NextToken: textFrom(1),
    }),
  ],

  ["sqs:sendMessage", structure(sentMessage)],
  [
    "sqs:sendMessageBatch",
    structure({
      "Successful*": listOf(
        structure({ ...sentMessage, "Id*": text, "MessageId*": text, "MD5OfMessageBody*": text }),
      ),
      "Failed*": batchFailures,
    }),
  ],
  [
    "sqs:receiveMessage",
    structure({
      Messages: listOf(
        structure({ MessageId: text, ReceiptHandle: text, MD5OfBody: text, Body: text, Attributes: names }),
      ),
    }),
  ],
  ["sqs:deleteMessage", structure({})],

  ["sns:publish", structure({ MessageId: text, SequenceNumber: text })],
  [
    "sns:publishBatch",
    structure({
      Successful: listOf(structure({ Id: text, MessageId: text, SequenceNumber: text })),
      Failed: batchFailures,
    }),
  ],

  [
    "events:putEvents",
    structure({
      FailedEntryCount: number,
      Entries: listOf(structure({ EventId: text, ErrorCode: text, ErrorMessage: text })),
    }),
  ],

  ["dynamodb:getItem", structure({ Item: item, ConsumedCapacity: consumed })],
  ["dynamodb:putItem", written],
  ["dynamodb:updateItem", written],
  ["dynamodb:deleteItem", written],
  ["dynamodb:query", found],
  ["dynamodb:scan", found],
  [
    "dynamodb:batchGetItem",
    structure({
      Responses: mapOf(listOf(item)),
      UnprocessedKeys: mapOf(any),
      ConsumedCapacity: listOf(consumed),
    }),
  ],
  [
    "dynamodb:batchWriteItem",
    structure({ UnprocessedItems: mapOf(listOf(any)), ConsumedCapacity: listOf(consumed) }),
  ],

  ["s3:getObject", structure({ Body: any, ...objectHead })],
  ["s3:headObject", structure(objectHead)],
  [
    "s3:putObject",
    structure({
      Expiration: text,
      ETag: text,
      ServerSideEncryption: encryption,
      VersionId: text,
      SSEKMSKeyId: text,
      BucketKeyEnabled: flag,
      Size: number,
      RequestCharged: oneOf("requester"),
    }),
  ],
  ["s3:deleteObject", structure({ DeleteMarker: flag, VersionId: text, RequestCharged: oneOf("requester") })],
  [
    "s3:listObjectsV2",
    structure({
      IsTruncated: flag,
      Contents: listOf(
        structure({
          Key: textFrom(1),
          LastModified: text,
          ETag: text,
          Size: number,
          StorageClass: storageClass,
        }),
      ),
      Name: text,
      Prefix: text,
      Delimiter: text,
      MaxKeys: number,
      CommonPrefixes: listOf(structure({ Prefix: text })),
      EncodingType: oneOf("url"),
      KeyCount: number,
      ContinuationToken: text,
      NextContinuationToken: text,
      StartAfter: text,
    }),
  ],

  [
    "kms:encrypt",
    structure({ CiphertextBlob: textFrom(1), KeyId: textFrom(1), EncryptionAlgorithm: algorithm }),
  ],
  ["kms:decrypt", structure({ KeyId: textFrom(1), Plaintext: textFrom(1), EncryptionAlgorithm: algorithm })],
  [
    "kms:generateDataKey",
    structure({ CiphertextBlob: textFrom(1), Plaintext: textFrom(1), KeyId: textFrom(1) }),
  ],
  [
    "secretsmanager:getSecretValue",
    structure({
      ARN: textFrom(20),
      Name: textFrom(1),
      VersionId: textFrom(32),
      SecretBinary: textFrom(1),
      SecretString: textFrom(1),
      VersionStages: listOf(textFrom(1)),
      CreatedDate: text,
    }),
  ],
  [
    "ssm:getParameter",
    structure({
      Parameter: structure({
        Name: textFrom(1),
        Type: oneOf("String", "StringList", "SecureString"),
        Value: text,
        Version: number,
        LastModifiedDate: text,
        ARN: text,
        DataType: text,
      }),
    }),
  ],

  ["ecs:runTask", ecsTasks],
  ["ecs:describeTasks", ecsTasks],
  ["batch:submitJob", structure({ JobArn: text, "JobName*": text, "JobId*": text })],
  ["batch:describeJobs", structure({ Jobs: listOf(batchJob) })],
  ["glue:startJobRun", structure({ JobRunId: textFrom(1) })],
  ["glue:getJobRun", structure({ JobRun: glueRun })],
  ["athena:startQueryExecution", structure({ QueryExecutionId: textFrom(1) })],
  ["athena:getQueryExecution", structure({ QueryExecution: athenaQuery })],
  ["codebuild:startBuild", structure({ Build: build })],
  ["codebuild:batchGetBuilds", structure({ Builds: listOf(build), BuildsNotFound: listOf(textFrom(1)) })],
]);
