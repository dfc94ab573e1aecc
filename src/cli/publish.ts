// Puts a definition into a running server: creates the state machine, or brings it up to date.
//
// Knows:          the three operations that this takes.
// Does not know:  files. The definition is JSON that was checked.

import { jsonEquals, type Json } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Caller, ServeOptions } from "./environment.ts";
import { CliError } from "./problem.ts";
import { stringOf } from "./timeline.ts";

export interface MachineSource {
  readonly name: string;
  /** JSON text. */
  readonly definition: string;
  readonly type: "STANDARD" | "EXPRESS";
}

export interface Published {
  readonly arn: string;
  readonly outcome: "created" | "updated" | "unchanged";
}

/**
 * An update only where something differs: each makes a new revision.
 * @throws ServiceError where the server refuses the definition; CliError where the type would have to change
 */
export async function publishMachine(
  call: Caller,
  place: Pick<ServeOptions, "region" | "account">,
  source: MachineSource,
): Promise<Published> {
  const { name, definition, type } = source;
  const arn = `arn:aws:states:${place.region}:${place.account}:stateMachine:${name}`;
  // Roles are not checked here; AWS wants one, so there is one.
  const roleArn = `arn:aws:iam::${place.account}:role/stepwell`;
  const current = await call("DescribeStateMachine", { stateMachineArn: arn }).catch((error: unknown) => {
    if (error instanceof ServiceError && error.code === "StateMachineDoesNotExist") return undefined;
    throw error;
  });
  if (current === undefined) {
    await call("CreateStateMachine", { name, definition, type, roleArn });
    return { arn, outcome: "created" };
  }
  if (stringOf(current, "type") !== type) {
    throw new CliError(
      `the state machine "${name}" exists with type ${stringOf(current, "type")}; a type cannot be changed. ` +
        "Delete it, or give the file another name.",
    );
  }
  const same = jsonEquals(
    JSON.parse(stringOf(current, "definition") ?? "null") as Json,
    JSON.parse(definition) as Json,
  );
  if (same) return { arn, outcome: "unchanged" };
  await call("UpdateStateMachine", { stateMachineArn: arn, definition, roleArn });
  return { arn, outcome: "updated" };
}
