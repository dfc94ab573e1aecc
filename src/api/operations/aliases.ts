// Aliases of state machines: create, update, delete, describe, list.

import { assert } from "../../base/assert.ts";
import type { JsonObject } from "../../base/json.ts";
import { isObject, member } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { resourceNotFound } from "../../runtime/failures.ts";
import type { Alias, Route } from "../../runtime/interface.ts";
import { parseAliasArn, toVersion } from "../arns.ts";
import type { Call, Operations } from "./call.ts";
import { listOf, present, requiredText, textOf, validationFailed, wireTime } from "./call.ts";
import { pageOfWhole } from "./list-page.ts";
import { existingStateMachine, unlabelled } from "./state-machines.ts";

type AliasOperation =
  | "CreateStateMachineAlias"
  | "UpdateStateMachineAlias"
  | "DeleteStateMachineAlias"
  | "DescribeStateMachineAlias"
  | "ListStateMachineAliases";

export const aliasOperations: Pick<Operations, AliasOperation> = {
  CreateStateMachineAlias: createStateMachineAlias,
  UpdateStateMachineAlias: updateStateMachineAlias,
  DeleteStateMachineAlias: deleteStateMachineAlias,
  DescribeStateMachineAlias: describeStateMachineAlias,
  ListStateMachineAliases: listStateMachineAliases,
};

interface Routing {
  readonly stateMachineArn: string;
  readonly routes: readonly Route[];
}

/** Idempotent: an alias of the same name, description and routing is returned. */
async function createStateMachineAlias({ request, engine }: Call): Promise<JsonObject> {
  const name = requiredText(request, "name");
  const description = textOf(request, "description");
  const routing = routingOf(request);
  assert(routing !== undefined, "routingConfiguration is missing");
  const { stateMachineArn, routes } = routing;
  const nowMs = engine.now();
  const wanted: Alias = {
    arn: `${stateMachineArn}:${name}`,
    stateMachineArn,
    name,
    ...(description === undefined ? {} : { description }),
    routes,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  const { alias } = await engine.catalog.versions.createAlias(wanted);
  if (!isSameContent(alias, wanted)) {
    // The service says so of another description, too.
    const message =
      "Failed to create alias because an alias with the same name and a different routing configuration already exists.";
    throw new ServiceError("ConflictException", message);
  }
  return { stateMachineAliasArn: alias.arn, creationDate: wireTime(alias.createdAtMs) };
}

/** What is not given stays. An update that changes nothing is none. */
async function updateStateMachineAlias({ request, engine }: Call): Promise<JsonObject> {
  const { stateMachineArn, name } = parseAliasArn(requiredText(request, "stateMachineAliasArn"));
  const description = textOf(request, "description");
  const routing = routingOf(request);
  if (description === undefined && routing === undefined) {
    const message = "Either the description or the routing configuration must be specified";
    throw validationFailed(message, "MISSING_REQUIRED_PARAMETER");
  }
  if (routing !== undefined && routing.stateMachineArn !== stateMachineArn) {
    throw otherMachines([`${stateMachineArn}:${name}`, ...routing.routes.map(versionArnOf)]);
  }
  const alias = await engine.catalog.versions.updateAlias(stateMachineArn, name, (current) => {
    const next: Alias = {
      ...current,
      ...(description === undefined ? {} : { description }),
      ...(routing === undefined ? {} : { routes: routing.routes }),
    };
    return isSameContent(current, next) ? current : { ...next, updatedAtMs: engine.now() };
  });
  return { updateDate: wireTime(alias.updatedAtMs) };
}

/** Deleting what is not there succeeds, as on AWS. */
async function deleteStateMachineAlias({ request, engine }: Call): Promise<JsonObject> {
  const { stateMachineArn, name } = parseAliasArn(requiredText(request, "stateMachineAliasArn"));
  await engine.catalog.versions.deleteAlias(stateMachineArn, name);
  return {};
}

async function describeStateMachineAlias({ request, engine }: Call): Promise<JsonObject> {
  const arn = requiredText(request, "stateMachineAliasArn");
  const { aliases } = await engine.catalog.versions.of(parseAliasArn(arn).stateMachineArn);
  const alias = aliases.find((there) => there.arn === arn);
  if (alias === undefined) throw resourceNotFound(arn);
  return present({
    stateMachineAliasArn: alias.arn,
    name: alias.name,
    description: alias.description,
    routingConfiguration: alias.routes.map(({ stateMachineVersionArn, weight }) => ({
      stateMachineVersionArn,
      weight,
    })),
    creationDate: wireTime(alias.createdAtMs),
    updateDate: wireTime(alias.updatedAtMs),
  });
}

/**
 * Of a machine, or of one of its versions: the aliases that refer to it. Oldest first, as the service does it (its
 * manual says the contrary).
 */
async function listStateMachineAliases(call: Call): Promise<JsonObject> {
  const { request, engine } = call;
  const { arn } = unlabelled(requiredText(request, "stateMachineArn"));
  const version = toVersion(arn);
  const machineArn = version?.stateMachineArn ?? arn;
  // In this order: nothing of a machine that is deleted meanwhile is not an empty list.
  const { versions, aliases } = await engine.catalog.versions.of(machineArn);
  await existingStateMachine(engine, machineArn);
  if (version !== undefined && versions.every((there) => there.arn !== arn)) throw resourceNotFound(arn);
  return pageOfWhole(call, {
    items: version === undefined ? aliases : aliases.filter((alias) => refersTo(alias, arn)),
    member: "stateMachineAliases",
    positionOf: ({ createdAtMs, name }) => `${createdAtMs} ${name}`,
    isAfter: (alias, position) => {
      const [createdAt, name = ""] = position.split(" ");
      const age = alias.createdAtMs - Number(createdAt);
      return age === 0 ? alias.name > name : age > 0;
    },
    show: (alias) => ({ stateMachineAliasArn: alias.arn, creationDate: wireTime(alias.createdAtMs) }),
  });
}

/**
 * The routing of the request: one or two different versions of one machine, weights that make 100.
 *
 * @throws ServiceError ValidationException
 */
function routingOf(request: JsonObject): Routing | undefined {
  const routes = listOf(request, "routingConfiguration")?.map((item): Route => {
    assert(isObject(item), "a route is not a structure");
    const weight = member(item, "weight");
    assert(typeof weight === "number", "a weight is not a number");
    return { stateMachineVersionArn: requiredText(item, "stateMachineVersionArn"), weight };
  });
  if (routes === undefined) return undefined;
  const arns = routes.map(versionArnOf);
  const versions = arns.map(toVersion).filter((version) => version !== undefined);
  const [first] = versions;
  if (first === undefined || versions.length < routes.length) {
    throw invalidRouting(`Routing configuration must contain state machine version ARNs. ${received(arns)}`);
  }
  if (new Set(arns).size < arns.length) {
    throw invalidRouting(
      `Routing configuration must contain distinct state machine version ARNs. ${received(arns)}`,
    );
  }
  const { stateMachineArn } = first;
  if (versions.some((version) => version.stateMachineArn !== stateMachineArn)) throw otherMachines(arns);
  const weights = routes.map(({ weight }) => weight);
  if (weights.reduce((sum, weight) => sum + weight, 0) !== 100) {
    throw invalidRouting(`Sum of routing configuration weights must equal 100. ${received(weights)}`);
  }
  return { stateMachineArn, routes };
}

function otherMachines(arns: readonly string[]): ServiceError {
  return invalidRouting(
    `Routing configuration must contain versions of the same state machine. ${received(arns)}`,
  );
}

function received(values: readonly (string | number)[]): string {
  return `Received: [${values.join(", ")}]`;
}

function invalidRouting(message: string): ServiceError {
  return validationFailed(message, "INVALID_ROUTING_CONFIGURATION");
}

function versionArnOf({ stateMachineVersionArn }: Route): string {
  return stateMachineVersionArn;
}

function refersTo({ routes }: Alias, versionArn: string): boolean {
  return routes.some(({ stateMachineVersionArn }) => stateMachineVersionArn === versionArn);
}

function isSameContent(a: Alias, b: Alias): boolean {
  return (
    a.description === b.description &&
    a.routes.length === b.routes.length &&
    a.routes.every(({ stateMachineVersionArn, weight }, index) => {
      const other = b.routes[index];
      return other?.stateMachineVersionArn === stateMachineVersionArn && other.weight === weight;
    })
  );
}
