// State machines: create, update, delete, describe, list.
//
// Invariants
//   M1. A machine's first revision has an id that is never shown: the service shows a revisionId from the first
//       update on. Such ids begin with `initial-`, so a revision alone tells, with or without its machine.
//   M2. Nothing is stored of a request that is refused: everything is checked before the first write.

import { randomUUID } from "node:crypto";
import type { JsonObject } from "../../base/json.ts";
import { fromMembers, jsonEquals } from "../../base/json.ts";
import { variableReferences } from "../../asl/index.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { EngineService, Revision, StateMachine } from "../../runtime/interface.ts";
import type { StateMachineArn } from "../arns.ts";
import { checkRoleArn, parseStateMachineArn, toStateMachineArn } from "../arns.ts";
import { checkName } from "../names.ts";
import type { Call, Operations } from "./call.ts";
import {
  flagOf,
  notAvailable,
  present,
  requiredText,
  structureOf,
  textOf,
  validationFailed,
  wireTime,
} from "./call.ts";
import { checkDefinition } from "./definitions.ts";
import { listPage } from "./list-page.ts";
import { toEncryptionConfiguration, toLoggingConfiguration, toTracingConfiguration } from "./settings.ts";
import { newTags } from "./tags.ts";

const INITIAL = "initial-";

type StateMachineOperation =
  | "CreateStateMachine"
  | "UpdateStateMachine"
  | "DeleteStateMachine"
  | "DescribeStateMachine"
  | "ListStateMachines"
  | "ListStateMachineVersions"
  | "ListStateMachineAliases";

export const stateMachineOperations: Pick<Operations, StateMachineOperation> = {
  CreateStateMachine: createStateMachine,
  UpdateStateMachine: updateStateMachine,
  DeleteStateMachine: deleteStateMachine,
  DescribeStateMachine: describeStateMachine,
  ListStateMachines: listStateMachines,
  ListStateMachineVersions: listNoVersions,
  ListStateMachineAliases: listNoAliases,
};

/** Idempotent: a machine of the same name, definition, type and settings is returned; role and tags may differ. */
async function createStateMachine({
  request,
  caller,
  engine,
  settings: { limits },
}: Call): Promise<JsonObject> {
  refuseVersions(request);
  const name = requiredText(request, "name");
  const roleArn = requiredText(request, "roleArn");
  const definition = requiredText(request, "definition");
  const type = textOf(request, "type") === "EXPRESS" ? "EXPRESS" : "STANDARD";
  checkName(name);
  checkRoleArn(roleArn);
  const arn = toStateMachineArn(caller, name);
  const settings = {
    loggingConfiguration: toLoggingConfiguration(structureOf(request, "loggingConfiguration")),
    tracingConfiguration: toTracingConfiguration(structureOf(request, "tracingConfiguration")),
    encryptionConfiguration: toEncryptionConfiguration(structureOf(request, "encryptionConfiguration")),
  };
  const tags = newTags(request, arn);
  checkDefinition(definition, type, limits);
  if (type === "EXPRESS") {
    const message = "State machines of type EXPRESS are not available in this version of Stepwell.";
    throw new ServiceError("StateMachineTypeNotSupported", message);
  }

  const createdAtMs = engine.now();
  const revision: Revision = {
    revisionId: `${INITIAL}${randomUUID()}`,
    stateMachineArn: arn,
    createdAtMs,
    definition,
    roleArn,
    ...settings,
  };
  const wanted: StateMachine = { arn, name, type, status: "ACTIVE", createdAtMs, updated: false, revision };
  const { machine } = await engine.catalog.createStateMachine(wanted, tags);
  if (
    machine.type !== type ||
    !isSameContent(machine.revision, { ...revision, roleArn: machine.revision.roleArn })
  ) {
    throw new ServiceError("StateMachineAlreadyExists", `State Machine Already Exists: '${arn}'`);
  }
  return { stateMachineArn: machine.arn, creationDate: wireTime(machine.createdAtMs) };
}

/** An update that changes nothing keeps the revision. Executions under way keep the revision they began with. */
async function updateStateMachine({ request, engine, settings: { limits } }: Call): Promise<JsonObject> {
  refuseVersions(request);
  const { arn } = unlabelled(requiredText(request, "stateMachineArn"));
  const definition = textOf(request, "definition");
  const roleArn = textOf(request, "roleArn");
  const logging = structureOf(request, "loggingConfiguration");
  const tracing = structureOf(request, "tracingConfiguration");
  const encryption = structureOf(request, "encryptionConfiguration");
  if ([definition, roleArn, logging, tracing, encryption].every((given) => given === undefined)) {
    const message =
      "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";
    throw new ServiceError("MissingRequiredParameter", message);
  }
  if (roleArn !== undefined) checkRoleArn(roleArn);
  const changes = {
    ...(definition === undefined ? {} : { definition }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(logging ? { loggingConfiguration: toLoggingConfiguration(logging) } : {}),
    ...(tracing ? { tracingConfiguration: toTracingConfiguration(tracing) } : {}),
    ...(encryption ? { encryptionConfiguration: toEncryptionConfiguration(encryption) } : {}),
  };
  const before = await existingStateMachine(engine, arn);
  // The type of a machine never changes, so what is valid now is valid when the change is made.
  if (definition !== undefined) checkDefinition(definition, before.type, limits);

  const machine = await engine.catalog.updateStateMachine(arn, (current) => {
    const next: Revision = { ...current.revision, ...changes };
    if (isSameContent(current.revision, next)) return current;
    const revision = { ...next, revisionId: randomUUID(), createdAtMs: engine.now() };
    return { ...current, updated: true, revision };
  });
  return present({
    updateDate: wireTime(machine.revision.createdAtMs),
    revisionId: shownRevisionId(machine.revision),
  });
}

/** Deleting what is not there succeeds, as on AWS. */
async function deleteStateMachine({ request, engine }: Call): Promise<JsonObject> {
  await engine.catalog.deleteStateMachine(unlabelled(requiredText(request, "stateMachineArn")).arn);
  return {};
}

async function describeStateMachine({ request, engine }: Call): Promise<JsonObject> {
  const { arn } = parseStateMachineArn(requiredText(request, "stateMachineArn"));
  const machine = await existingStateMachine(engine, arn);
  return present({
    stateMachineArn: machine.arn,
    name: machine.name,
    status: machine.status,
    type: machine.type,
    creationDate: wireTime(machine.createdAtMs),
    ...showRevision(machine.revision, textOf(request, "includedData")),
  });
}

function listStateMachines(call: Call): Promise<JsonObject> {
  return listPage(call, {
    prefix: toStateMachineArn(call.caller, ""),
    member: "stateMachines",
    list: (afterArn, limit) => call.engine.catalog.listStateMachines(afterArn, limit),
    show: ({ arn, name, type, createdAtMs }) => ({
      stateMachineArn: arn,
      name,
      type,
      creationDate: wireTime(createdAtMs),
    }),
  });
}

// A machine has no versions and no aliases as long as none can be made. Tools that only ask whether there are
// any (Terraform does, after every create) get the true answer.

async function listNoVersions({ request, engine }: Call): Promise<JsonObject> {
  await existingStateMachine(engine, unlabelled(requiredText(request, "stateMachineArn")).arn);
  return { stateMachineVersions: [] };
}

async function listNoAliases({ request, engine }: Call): Promise<JsonObject> {
  await existingStateMachine(engine, unlabelled(requiredText(request, "stateMachineArn")).arn);
  return { stateMachineAliases: [] };
}

/** What Describe… shows of a revision. */
export function showRevision(revision: Revision, includedData: string | undefined): JsonObject {
  const isMetadataOnly = includedData === "METADATA_ONLY";
  const references = variableReferences(revision.definition);
  return present({
    definition: isMetadataOnly ? "{}" : revision.definition,
    roleArn: revision.roleArn,
    loggingConfiguration: revision.loggingConfiguration,
    tracingConfiguration: revision.tracingConfiguration,
    encryptionConfiguration: revision.encryptionConfiguration,
    revisionId: shownRevisionId(revision),
    variableReferences: isMetadataOnly || references.size === 0 ? undefined : fromMembers(references),
  });
}

/** @throws ServiceError StateMachineDoesNotExist */
export async function existingStateMachine(engine: EngineService, arn: string): Promise<StateMachine> {
  const machine = await engine.catalog.getStateMachine(arn);
  if (!machine) throw stateMachineDoesNotExist(arn);
  return machine;
}

export function stateMachineDoesNotExist(arn: string): ServiceError {
  return new ServiceError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
}

/** An ARN for a call that the service does not offer on the labelled machine of a Distributed Map. */
export function unlabelled(text: string): StateMachineArn {
  const arn = parseStateMachineArn(text);
  if (arn.label !== undefined) {
    const message = `This operation does not support the labelled state machine ARN '${text}'`;
    throw validationFailed(message, "API_DOES_NOT_SUPPORT_LABELED_ARNS");
  }
  return arn;
}

function shownRevisionId({ revisionId }: Revision): string | undefined {
  return revisionId.startsWith(INITIAL) ? undefined : revisionId;
}

function isSameContent(a: Revision, b: Revision): boolean {
  return (
    a.definition === b.definition &&
    a.roleArn === b.roleArn &&
    jsonEquals(a.loggingConfiguration, b.loggingConfiguration) &&
    jsonEquals(a.tracingConfiguration, b.tracingConfiguration) &&
    jsonEquals(a.encryptionConfiguration, b.encryptionConfiguration)
  );
}

/** Refused rather than ignored: a caller who publishes goes on to start the version. */
function refuseVersions(request: JsonObject): void {
  const isPublishing = flagOf(request, "publish") === true;
  if (textOf(request, "versionDescription") !== undefined && !isPublishing) {
    throw validationFailed("Version description can only be set when publish is true");
  }
  if (isPublishing) throw notAvailable("Publishing a version (publish: true)");
}
