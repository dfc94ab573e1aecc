// Members of the context object that do not exist, and task tokens that are never handed out.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html

import { inside } from "../parse/place.ts";
import { parseResource } from "../resource.ts";
import type { Reading } from "../parse/reading.ts";
import type { Use } from "./uses.ts";
import type { StateView } from "./views.ts";

/** `true`: whatever is below is data. */
interface Members {
  readonly [name: string]: Members | true;
}

const CONTEXT: Members = {
  Execution: {
    Id: true,
    Input: true,
    Name: true,
    RoleArn: true,
    StartTime: true,
    RedriveCount: true,
    RedriveTime: true,
  },
  State: { EnteredTime: true, Name: true, RetryCount: true },
  StateMachine: { Id: true, Name: true },
  Task: { Token: true },
  Map: { Item: { Index: true, Value: true, Key: true, Source: true } },
};

export function checkContextMembers(uses: readonly Use[], reading: Reading): void {
  for (const { context, place } of uses) {
    for (const names of context) checkPath(names, place, reading);
  }
}

function checkPath(names: readonly string[], place: Use["place"], reading: Reading): void {
  let members = CONTEXT;
  for (const [depth, name] of names.entries()) {
    const inner = Object.hasOwn(members, name) ? members[name] : undefined;
    if (inner === true) return;
    if (inner === undefined) {
      reading.warn(
        "UNKNOWN_CONTEXT_MEMBER",
        `The context object has no member '${names.slice(0, depth + 1).join(".")}'`,
        place,
        {
          expected: `one of [${Object.keys(members).join(", ")}]`,
          suggestion: reading.didYouMean(name, Object.keys(members)),
        },
      );
      return;
    }
    members = inner;
  }
}

/** A task that waits for its token, but gives it to nobody: only its timeout can end it. */
export function checkTaskToken(state: StateView, uses: readonly Use[], reading: Reading): void {
  const arn = state.type === "Task" ? state.object["Resource"] : undefined;
  const resource = typeof arn === "string" ? parseResource(arn) : undefined;
  if (resource?.kind !== "service" || resource.pattern !== "waitForTaskToken") return;
  const isGiven = uses.some(({ context }) =>
    context.some((names) => ["Task", "Token"].every((name, index) => (names[index] ?? name) === name)),
  );
  if (isGiven) return;
  const token = state.language === "JSONata" ? "$states.context.Task.Token" : "$$.Task.Token";
  reading.warn(
    "TASK_TOKEN_NOT_PASSED",
    `The task waits until its token comes back, but nothing of the state passes ${token} on`,
    inside(state.place, "Resource"),
  );
}
