// Express executions for the commands: which operation reads an execution, by its ARN.
//
// AWS keeps nothing of Express executions that could be read; Stepwell keeps what runs and what ended lately, behind
// operations of its own. Against another server these answer UnknownOperationException.

/** `arn:aws:states:us-east-1:000000000000:express:machine:name:id` */
export function isExpressArn(arn: string): boolean {
  return arn.split(":")[5] === "express";
}

export function historyOperation(executionArn: string): string {
  return isExpressArn(executionArn) ? "Stepwell.GetExpressExecutionHistory" : "GetExecutionHistory";
}
