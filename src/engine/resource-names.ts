// How the history names a Task's Resource.

/** Which family of history events a task has, and the members that name its resource there. */
export interface ResourceNames {
  readonly family: "Task" | "LambdaFunction" | "Activity";
  /** `lambda`, `states`, `aws-sdk:dynamodb`, …; for functions and activities the empty text. */
  readonly resourceType: string;
  /** `invoke.waitForTaskToken`, `startExecution.sync:2`; for functions and activities the whole ARN. */
  readonly resource: string;
}

/** Spec: step functions developer guide, HistoryEvent; the ARN was checked when the definition was parsed. */
export function resourceNames(arn: string): ResourceNames {
  const parts = arn.split(":");
  if (parts[2] === "lambda") return { family: "LambdaFunction", resourceType: "", resource: arn };
  if (parts[5] === "activity") return { family: "Activity", resourceType: "", resource: arn };
  const typeEnd = parts[5] === "aws-sdk" ? 7 : 6;
  return {
    family: "Task",
    resourceType: parts.slice(5, typeEnd).join(":"),
    resource: parts.slice(typeEnd).join(":"),
  };
}
