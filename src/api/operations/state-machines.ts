// State machines: create, update, delete, describe, list. Their versions and aliases: versions.ts, aliases.ts.
//
// Invariants
//   M1. A machine's first revision has an id that is never shown: the service shows a revisionId from the first
//       update on. Such ids begin with `initial-`, so a revision alone tells, with or without its machine.
//   M2. Nothing is stored of a request that is refused: everything is checked before the first write.

import { randomUUID } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { JsonObject } from "../../base/json.ts";
import { fromMembers, jsonEquals } from "../../base/json.ts";
import { variableReferences } from "../../asl/index.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Alias, EngineService, Publication, Revision, StateMachine } from "../../runtime/interface.ts";
import type { StateMachineArn } from "../arns.ts";
import { checkRoleArn, parseStateMachineArn, toStateMachineArn } from "../arns.ts";
import { checkName } from "../names.ts";
import type { Call, Operations } from "./call.ts";
import { flagOf, present, requiredText, structureOf, textOf, validationFailed, wireTime } from "./call.ts";
import { checkDefinition } from "./definitions.ts";
import { mapLabelled, withItemProcessor } from "./labelled.ts";
import { listPage } from "./list-page.ts";
import { toEncryptionConfiguration, toLoggingConfiguration, toTracingConfiguration } from "./settings.ts";
import { newTags } from "./tags.ts";

const INITIAL = "initial-";

type StateMachineOperation =
  | "CreateStateMachine"
  | "UpdateStateMachine"
  | "DeleteStateMachine"
  | "DescribeStateMachine"
  | "ListStateMachines";

export const stateMachineOperations: Pick<Operations, StateMachineOperation> = {
  CreateStateMachine: createStateMachine,
  UpdateStateMachine: updateStateMachine,
  DeleteStateMachine: deleteStateMachine,
  DescribeStateMachine: describeStateMachine,
  ListStateMachines: listStateMachines,
};

/**
 * Idempotent: a machine of the same name, definition, type, settings and publication is returned; role and tags may
 * differ.
 */
async function createStateMachine({
  request,
  caller,
  engine,
  settings: { limits },
}: Call): Promise<JsonObject> {
  const publication = publicationOf(request);
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

  const createdAtMs = engine.now();
  const revision: Revision = {
    revisionId: `${INITIAL}${randomUUID()}`,
    stateMachineArn: arn,
    createdAtMs,
    definition,
    roleArn,
    ...settings,
  };
  const wanted: StateMachine = {
    arn,
    name,
    type,
    status: "ACTIVE",
    createdAtMs,
    updated: false,
    revision,
    ...(publication === undefined ? {} : { publication }),
  };
  const { machine, created } = await engine.catalog.createStateMachine(wanted, tags);
  if (
    machine.type !== type ||
    !isSamePublication(machine.publication, publication) ||
    !isSameContent(machine.revision, { ...revision, roleArn: machine.revision.roleArn })
  ) {
    throw new ServiceError("StateMachineAlreadyExists", `State Machine Already Exists: '${arn}'`);
  }
  return present({
    stateMachineArn: machine.arn,
    creationDate: wireTime(machine.createdAtMs),
    stateMachineVersionArn: publication && (await firstVersionArn(engine, machine, created)),
  });
}

/** A creation that is repeated gets the version of what it repeats; a new one, if that was deleted meanwhile. */
async function firstVersionArn(
  engine: EngineService,
  machine: StateMachine,
  created: boolean,
): Promise<string> {
  if (created) return `${machine.arn}:${machine.lastVersion}`;
  const { publication = {} } = machine;
  const { version } = await engine.catalog.versions.publish(machine.arn, unchanged, publication);
  return version.arn;
}

function unchanged(machine: StateMachine): StateMachine {
  return machine;
}

/** An update that changes nothing keeps the revision. Executions under way keep the revision they began with. */
async function updateStateMachine({ request, engine, settings: { limits } }: Call): Promise<JsonObject> {
  const publication = publicationOf(request);
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

  const change = (current: StateMachine): StateMachine => {
    const next: Revision = { ...current.revision, ...changes };
    if (isSameContent(current.revision, next)) return current;
    const revision = { ...next, revisionId: randomUUID(), createdAtMs: engine.now() };
    return { ...current, updated: true, revision };
  };
  const { machine, version } =
    publication === undefined
      ? { machine: await engine.catalog.updateStateMachine(arn, change), version: undefined }
      : await engine.catalog.versions.publish(arn, change, publication);
  return present({
    updateDate: wireTime(machine.revision.createdAtMs),
    revisionId: shownRevisionId(machine.revision),
    stateMachineVersionArn: version?.arn,
  });
}

/** Deleting what is not there succeeds, as on AWS. Versions and aliases go with their machine. */
async function deleteStateMachine({ request, engine }: Call): Promise<JsonObject> {
  const { arn, qualifier } = unlabelled(requiredText(request, "stateMachineArn"));
  // Success would be a lie: the version or alias would still be there.
  if (qualifier !== undefined) {
    const message = `'${arn}' is a version or an alias: DeleteStateMachineVersion and DeleteStateMachineAlias delete those.`;
    throw validationFailed(message);
  }
  await engine.catalog.deleteStateMachine(arn);
  return {};
}

/**
 * Of a version: its own ARN, description and date, and the machine as it was when it was published. Of a labelled
 * machine: what the Map Runs of that Map run now, its ItemProcessor.
 */
async function describeStateMachine({ request, engine }: Call): Promise<JsonObject> {
  const arn = parseStateMachineArn(requiredText(request, "stateMachineArn"));
  const { machine, description, createdAtMs } =
    arn.label === undefined
      ? await described(engine, arn)
      : await describedLabelled(engine, { ...arn, label: arn.label });
  return present({
    stateMachineArn: arn.arn,
    name: machine.name,
    status: machine.status,
    type: machine.type,
    creationDate: wireTime(createdAtMs),
    description,
    ...showRevision(machine.revision, textOf(request, "includedData")),
    label: arn.label,
  });
}

interface Described {
  readonly machine: StateMachine;
  readonly description?: string | undefined;
  readonly createdAtMs: number;
}

/**
 * The service takes an alias's ARN too and does not say what it answers. Here: the version that gets most of the
 * alias's executions (the first of two that get the same), under the alias's description and date.
 */
async function described(
  engine: EngineService,
  { arn, stateMachineArn, qualifier }: StateMachineArn,
): Promise<Described> {
  if (qualifier === undefined) {
    const machine = await existingStateMachine(engine, arn);
    return { machine, createdAtMs: machine.createdAtMs };
  }
  const { versions } = engine.catalog;
  const alias = (await versions.of(stateMachineArn)).aliases.find((there) => there.arn === arn);
  const versionArn = alias === undefined ? arn : mainVersionArn(alias);
  const resolved = await versions.resolve(stateMachineArn, versionArn.slice(stateMachineArn.length + 1));
  if (resolved === undefined) throw stateMachineDoesNotExist(arn);
  const { description, createdAtMs } = alias ?? resolved.version;
  return { machine: resolved.machine, description, createdAtMs };
}

async function describedLabelled(
  engine: EngineService,
  { arn, stateMachineArn, name, label, qualifier }: StateMachineArn & { readonly label: string },
): Promise<Described> {
  const machine = await engine.catalog.getStateMachine(stateMachineArn);
  if (machine === undefined || qualifier !== undefined) throw stateMachineDoesNotExist(arn);
  const map = mapLabelled(machine.revision, label);
  const revision = map && withItemProcessor(machine.revision, map.name);
  if (revision === undefined) throw stateMachineDoesNotExist(arn);
  const type = map?.executionType ?? "STANDARD";
  return {
    machine: { ...machine, name: `${name}/${label}`, type, revision },
    createdAtMs: machine.createdAtMs,
  };
}

function mainVersionArn({ routes }: Alias): string {
  const [first, ...others] = routes;
  assert(first !== undefined, "an alias has a version");
  return others.reduce((main, route) => (route.weight > main.weight ? route : main), first)
    .stateMachineVersionArn;
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

/** What a start runs: the machine, with the revision of a version if the ARN is qualified; and through what. */
interface StartTarget {
  readonly machine: StateMachine;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
}

/** @throws ServiceError StateMachineDoesNotExist */
export async function startTarget(
  engine: EngineService,
  { arn, stateMachineArn, qualifier }: StateMachineArn,
): Promise<StartTarget> {
  if (qualifier === undefined) return { machine: await existingStateMachine(engine, arn) };
  const resolved = await engine.catalog.versions.resolve(stateMachineArn, qualifier);
  if (resolved === undefined) throw stateMachineDoesNotExist(arn);
  const { machine, version, alias } = resolved;
  return {
    machine,
    stateMachineVersionArn: version.arn,
    ...(alias === undefined ? {} : { stateMachineAliasArn: alias.arn }),
  };
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

/** Undefined as long as the machine was never updated (M1). */
export function shownRevisionId({ revisionId }: Revision): string | undefined {
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

function publicationOf(request: JsonObject): Publication | undefined {
  const description = textOf(request, "versionDescription");
  if (flagOf(request, "publish") === true) return description === undefined ? {} : { description };
  if (description === undefined) return undefined;
  throw validationFailed("Version description can only be set when publish is true");
}

function isSamePublication(a: Publication | undefined, b: Publication | undefined): boolean {
  return (a === undefined) === (b === undefined) && a?.description === b?.description;
}
