// Versions of state machines: publish, delete, list. (CreateStateMachine and UpdateStateMachine publish too.)

import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { StateMachine } from "../../runtime/interface.ts";
import { parseVersionArn } from "../arns.ts";
import type { Call, Operations } from "./call.ts";
import { requiredText, textOf, wireTime } from "./call.ts";
import { pageOfWhole } from "./list-page.ts";
import { existingStateMachine, shownRevisionId, unlabelled } from "./state-machines.ts";

type VersionOperation =
  | "PublishStateMachineVersion"
  | "DeleteStateMachineVersion"
  | "ListStateMachineVersions";

export const versionOperations: Pick<Operations, VersionOperation> = {
  PublishStateMachineVersion: publishStateMachineVersion,
  DeleteStateMachineVersion: deleteStateMachineVersion,
  ListStateMachineVersions: listStateMachineVersions,
};

/** What callers write for the revision of a machine that was never updated: it has no id that they could know. */
const NEVER_UPDATED = "INITIAL";

/** Idempotent: a revision that is published already keeps its version, and that its description. */
async function publishStateMachineVersion({ request, engine }: Call): Promise<JsonObject> {
  const { arn } = unlabelled(requiredText(request, "stateMachineArn"));
  const wanted = textOf(request, "revisionId");
  const description = textOf(request, "description");
  const ifWanted = (machine: StateMachine): StateMachine => {
    const current = shownRevisionId(machine.revision) ?? NEVER_UPDATED;
    if (wanted === undefined || wanted === current) return machine;
    const message = `Failed to publish the State Machine version for revision ${wanted}. The current State Machine revision is ${current}.`;
    throw new ServiceError("ConflictException", message);
  };
  const publication = description === undefined ? {} : { description };
  const { version } = await engine.catalog.versions.publish(arn, ifWanted, publication);
  return { stateMachineVersionArn: version.arn, creationDate: wireTime(version.createdAtMs) };
}

/** Deleting what is not there succeeds, as on AWS. */
async function deleteStateMachineVersion({ request, engine }: Call): Promise<JsonObject> {
  const { stateMachineArn, number } = parseVersionArn(requiredText(request, "stateMachineVersionArn"));
  await engine.catalog.versions.deleteVersion(stateMachineArn, number);
  return {};
}

/** Newest first. */
async function listStateMachineVersions(call: Call): Promise<JsonObject> {
  const { arn } = unlabelled(requiredText(call.request, "stateMachineArn"));
  // In this order: nothing of a machine that is deleted meanwhile is not an empty list.
  const { versions } = await call.engine.catalog.versions.of(arn);
  await existingStateMachine(call.engine, arn);
  return pageOfWhole(call, {
    items: versions,
    member: "stateMachineVersions",
    positionOf: ({ number }) => String(number),
    isAfter: ({ number }, position) => number < Number(position),
    show: (version) => ({
      stateMachineVersionArn: version.arn,
      creationDate: wireTime(version.createdAtMs),
    }),
  });
}
