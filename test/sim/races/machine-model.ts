// A state machine with its versions and aliases, one call after the other: what the service's manual says of them, written
// down a second time ("Versions", "Aliases", "Manage continuous deployments" of the developer guide).
//
// Knows:          what each call answers and leaves. Does not know:  stores, caches, several callers at once.
//
// Definitions are told apart by a mark, a different one for each update: a revision is a mark here.

import type { JsonObject } from "../../../src/base/json.ts";
import { ROLE } from "../generate/definition.ts";
import type { Outcome } from "./orders.ts";
import { MACHINE, marked, markOf } from "./race.ts";

/** Version and weight. */
export type Routes = readonly (readonly [number, number])[];

interface Version {
  readonly number: number;
  readonly mark: number;
}

export interface Machine {
  readonly mark: number;
  readonly isUpdated: boolean;
  readonly lastVersion: number;
  readonly versions: readonly Version[];
  readonly aliases: readonly { readonly name: string; readonly routes: Routes }[];
}

/** Undefined: deleted, or never made. */
export type MachineState = Machine | undefined;

export type Action =
  | { readonly kind: "create"; readonly mark: number }
  | { readonly kind: "delete" }
  | { readonly kind: "update"; readonly mark: number; readonly publish: boolean }
  | { readonly kind: "publish"; readonly isFirstRevision: boolean }
  | { readonly kind: "deleteVersion"; readonly number: number }
  | { readonly kind: "createAlias"; readonly name: string; readonly routes: Routes }
  | { readonly kind: "updateAlias"; readonly name: string; readonly routes: Routes }
  | { readonly kind: "deleteAlias"; readonly name: string }
  /** Its answer: `<version or "-"> <mark>`. */
  | { readonly kind: "start"; readonly name: string; readonly qualifier?: string }
  | { readonly kind: "describe" }
  | { readonly kind: "describeAlias"; readonly name: string }
  | { readonly kind: "listVersions" }
  | { readonly kind: "listAliases" };

export type Target = readonly [operation: string, input: JsonObject];

const stateMachineArn = MACHINE;
const aliasArn = (name: string): string => `${MACHINE}:${name}`;
const versionArn = (number: number): string => `${MACHINE}:${number}`;
const definition = (mark: number): string => JSON.stringify(marked(mark));
const routingConfiguration = (routes: Routes): JsonObject[] =>
  routes.map(([number, weight]) => ({ stateMachineVersionArn: versionArn(number), weight }));

/** The call that asks for it. */
export function toCall(action: Action): Target {
  switch (action.kind) {
    case "create":
      return ["CreateStateMachine", { name: "race", roleArn: ROLE, definition: definition(action.mark) }];
    case "delete":
      return ["DeleteStateMachine", { stateMachineArn }];
    case "update": {
      const { mark, publish } = action;
      return ["UpdateStateMachine", { stateMachineArn, definition: definition(mark), publish }];
    }
    case "publish":
      return [
        "PublishStateMachineVersion",
        { stateMachineArn, ...(action.isFirstRevision ? { revisionId: "INITIAL" } : {}) },
      ];
    case "deleteVersion":
      return ["DeleteStateMachineVersion", { stateMachineVersionArn: versionArn(action.number) }];
    case "createAlias":
      return [
        "CreateStateMachineAlias",
        { name: action.name, routingConfiguration: routingConfiguration(action.routes) },
      ];
    case "updateAlias": {
      const { name, routes } = action;
      return [
        "UpdateStateMachineAlias",
        { stateMachineAliasArn: aliasArn(name), routingConfiguration: routingConfiguration(routes) },
      ];
    }
    case "deleteAlias":
      return ["DeleteStateMachineAlias", { stateMachineAliasArn: aliasArn(action.name) }];
    case "start": {
      const arn = action.qualifier === undefined ? MACHINE : aliasArn(action.qualifier);
      return ["StartExecution", { stateMachineArn: arn, name: action.name }];
    }
    case "describe":
      return ["DescribeStateMachine", { stateMachineArn }];
    case "describeAlias":
      return ["DescribeStateMachineAlias", { stateMachineAliasArn: aliasArn(action.name) }];
    case "listVersions":
      return ["ListStateMachineVersions", { stateMachineArn }];
    case "listAliases":
      return ["ListStateMachineAliases", { stateMachineArn }];
  }
}

/** What of the answer the model tells. Of a start it is seen at the execution (race). */
export function told(action: Action, output: JsonObject): string {
  switch (action.kind) {
    case "publish":
    case "update":
      return qualifierOf(output["stateMachineVersionArn"]);
    case "describe":
      return String(markOf(String(output["definition"])));
    case "describeAlias":
      return showRoutes(
        (output["routingConfiguration"] as JsonObject[]).map(
          (route) => [Number(qualifierOf(route["stateMachineVersionArn"])), Number(route["weight"])] as const,
        ),
      );
    case "listVersions":
      return qualifiersOf(output["stateMachineVersions"], "stateMachineVersionArn");
    case "listAliases":
      return qualifiersOf(output["stateMachineAliases"], "stateMachineAliasArn").split(",").toSorted().join();
    case "create":
    case "delete":
    case "deleteVersion":
    case "createAlias":
    case "updateAlias":
    case "deleteAlias":
    case "start":
      return DONE;
  }
}

const DONE = "done";

/** The number or name at the end of an ARN; nothing of nothing. */
export function qualifierOf(arn: unknown): string {
  return typeof arn === "string" ? arn.slice(MACHINE.length + 1) : "";
}

function qualifiersOf(items: unknown, name: string): string {
  return (items as JsonObject[]).map((item) => qualifierOf(item[name])).join();
}

const showRoutes = (routes: Routes): string => routes.map((route) => route.join(":")).join();

export function machineModel(machine: MachineState, action: Action): readonly Outcome<MachineState>[] {
  if (machine === undefined) return [withoutMachine(action)];
  const answer = (text: string, state: MachineState = machine): readonly Outcome<MachineState>[] => [
    { answer: text, state },
  ];
  const { mark, versions, aliases } = machine;
  const alias = "name" in action ? aliases.find(({ name }) => name === action.name) : undefined;
  const areThere = (routes: Routes): boolean =>
    routes.every(([number]) => versions.some((version) => version.number === number));
  switch (action.kind) {
    case "create":
      return answer("StateMachineAlreadyExists");
    case "delete":
      return [{ answer: DONE, state: undefined }];
    case "update": {
      const updated = { ...machine, mark: action.mark, isUpdated: true };
      return action.publish ? published(updated) : answer("", updated);
    }
    case "publish":
      if (action.isFirstRevision && machine.isUpdated) return answer("ConflictException");
      return published(machine);
    case "deleteVersion": {
      const { number } = action;
      if (aliases.some(({ routes }) => routes.some(([there]) => there === number)))
        return answer("ConflictException");
      return answer(DONE, { ...machine, versions: versions.filter((version) => version.number !== number) });
    }
    case "createAlias": {
      const { name, routes } = action;
      if (!areThere(routes)) return answer("ResourceNotFound");
      if (alias === undefined) return answer(DONE, { ...machine, aliases: [...aliases, { name, routes }] });
      return answer(showRoutes(alias.routes) === showRoutes(routes) ? DONE : "ConflictException");
    }
    case "updateAlias": {
      const { name, routes } = action;
      if (alias === undefined || !areThere(routes)) return answer("ResourceNotFound");
      return answer(DONE, {
        ...machine,
        aliases: aliases.map((there) => (there === alias ? { name, routes } : there)),
      });
    }
    case "deleteAlias":
      return answer(DONE, { ...machine, aliases: aliases.filter((there) => there !== alias) });
    case "start":
      return started(machine, action.qualifier);
    case "describe":
      return answer(String(mark));
    case "describeAlias":
      return answer(alias === undefined ? "ResourceNotFound" : showRoutes(alias.routes));
    case "listVersions":
      return answer(versions.map(({ number }) => number).join());
    case "listAliases":
      return answer(
        aliases
          .map(({ name }) => name)
          .toSorted()
          .join(),
      );
  }
}

function withoutMachine(action: Action): Outcome<MachineState> {
  switch (action.kind) {
    case "create": {
      const { mark } = action;
      return { answer: DONE, state: { mark, isUpdated: false, lastVersion: 0, versions: [], aliases: [] } };
    }
    case "delete":
    case "deleteVersion":
    case "deleteAlias":
      return { answer: DONE, state: undefined };
    case "createAlias":
    case "updateAlias":
    case "describeAlias":
      return { answer: "ResourceNotFound", state: undefined };
    case "update":
    case "publish":
    case "start":
    case "describe":
    case "listVersions":
    case "listAliases":
      return { answer: "StateMachineDoesNotExist", state: undefined };
  }
}

/** A revision keeps the number that it has; a new one is one more than any that was ever given out. */
function published(machine: Machine): readonly Outcome<MachineState>[] {
  const { mark, versions } = machine;
  const known = versions.find((version) => version.mark === mark);
  if (known !== undefined) return [{ answer: String(known.number), state: machine }];
  const number = machine.lastVersion + 1;
  const state = { ...machine, lastVersion: number, versions: [{ number, mark }, ...versions] };
  return [{ answer: String(number), state }];
}

/** Through an alias: any of its versions that has a weight. */
function started(machine: Machine, qualifier: string | undefined): readonly Outcome<MachineState>[] {
  if (qualifier === undefined) return [{ answer: `- ${machine.mark}`, state: machine }];
  const alias = machine.aliases.find(({ name }) => name === qualifier);
  const numbers =
    alias === undefined
      ? [Number(qualifier)]
      : alias.routes.filter(([, weight]) => weight > 0).map(([number]) => number);
  const versions = machine.versions.filter(({ number }) => numbers.includes(number));
  if (versions.length === 0) return [{ answer: "StateMachineDoesNotExist", state: machine }];
  return versions.map(({ number, mark }) => ({ answer: `${number} ${mark}`, state: machine }));
}
