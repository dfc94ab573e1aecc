// Which Parameters the service integrations take, of those whose API this program knows.
//
// Read twice: for the definition, where a name that can never be right is a fault, and by the integrations for what
// the state machine then hands in.

export interface ServiceParameters {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

export const LAMBDA_INVOKE: ServiceParameters = {
  required: ["FunctionName"],
  optional: ["ClientContext", "InvocationType", "LogType", "Payload", "Qualifier"],
};

export const START_EXECUTION: ServiceParameters = {
  required: ["StateMachineArn"],
  optional: ["Input", "Name", "TraceHeader"],
};

/** By `service:api`. */
export const SERVICE_PARAMETERS: ReadonlyMap<string, ServiceParameters> = new Map([
  ["lambda:invoke", LAMBDA_INVOKE],
  ["states:startExecution", START_EXECUTION],
]);

const DYNAMODB_WRITE: readonly string[] = [
  "ConditionExpression",
  "ConditionalOperator",
  "Expected",
  "ExpressionAttributeNames",
  "ExpressionAttributeValues",
  "ReturnConsumedCapacity",
  "ReturnItemCollectionMetrics",
  "ReturnValues",
  "ReturnValuesOnConditionCheckFailure",
];

/**
 * Of integrations that this version does not run. What is wrong there is only advised against: nothing here has been
 * compared with the service's own judgement.
 */
export const CERTAIN_PARAMETERS: ReadonlyMap<string, ServiceParameters> = new Map([
  [
    "sqs:sendMessage",
    {
      required: ["QueueUrl", "MessageBody"],
      optional: [
        "DelaySeconds",
        "MessageAttributes",
        "MessageDeduplicationId",
        "MessageGroupId",
        "MessageSystemAttributes",
      ],
    },
  ],
  [
    "sns:publish",
    {
      required: ["Message"],
      optional: [
        "MessageAttributes",
        "MessageDeduplicationId",
        "MessageGroupId",
        "MessageStructure",
        "PhoneNumber",
        "Subject",
        "TargetArn",
        "TopicArn",
      ],
    },
  ],
  ["events:putEvents", { required: ["Entries"], optional: ["EndpointId"] }],
  [
    "dynamodb:getItem",
    {
      required: ["TableName", "Key"],
      optional: [
        "AttributesToGet",
        "ConsistentRead",
        "ExpressionAttributeNames",
        "ProjectionExpression",
        "ReturnConsumedCapacity",
      ],
    },
  ],
  ["dynamodb:putItem", { required: ["TableName", "Item"], optional: DYNAMODB_WRITE }],
  ["dynamodb:deleteItem", { required: ["TableName", "Key"], optional: DYNAMODB_WRITE }],
  [
    "dynamodb:updateItem",
    {
      required: ["TableName", "Key"],
      optional: [...DYNAMODB_WRITE, "AttributeUpdates", "UpdateExpression"],
    },
  ],
]);

/** The members that there may be. */
export function memberNames({ required, optional }: ServiceParameters): readonly string[] {
  return [...required, ...optional];
}
