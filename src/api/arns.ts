// ARNs of state machines, executions and activities: made from a caller's scope, taken apart when one comes in.
//
// An ARN is an opaque key to everything below the API; only its kind and its parts are looked at here.

import { ServiceError } from "../base/service-error.ts";

/** Whose resources a call is about. */
export interface Scope {
  readonly region: string;
  readonly account: string;
}

export interface StateMachineArn {
  readonly arn: string;
  /** Without label and qualifier. */
  readonly stateMachineArn: string;
  readonly name: string;
  /** The label of a Distributed Map: `name/label`. */
  readonly label?: string;
  /** A version's number or an alias's name. */
  readonly qualifier?: string;
}

export interface ExecutionArn {
  readonly arn: string;
  readonly stateMachineArn: string;
}

export function toStateMachineArn(scope: Scope, name: string): string {
  return `${prefixOf(scope)}stateMachine:${name}`;
}

export function toActivityArn(scope: Scope, name: string): string {
  return `${prefixOf(scope)}activity:${name}`;
}

/** `arn:aws:states:us-east-1:000000000000:` */
function prefixOf({ region, account }: Scope): string {
  return `arn:${partitionOf(region)}:states:${region}:${account}:`;
}

function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return "aws";
}

/** @throws ServiceError InvalidArn */
export function parseStateMachineArn(arn: string): StateMachineArn {
  const { head, type, rest } = parse(arn);
  if (type !== "stateMachine") throw wrongType(type);
  const [fullName = "", qualifier, ...surplus] = rest.split(":");
  const [name = "", label, ...deeper] = fullName.split("/");
  if (name === "" || label === "" || qualifier === "" || surplus.length > 0 || deeper.length > 0) {
    throw invalidArn(`Invalid state machine ARN: ${arn}`);
  }
  return {
    arn,
    stateMachineArn: `${head}stateMachine:${name}`,
    name,
    ...(label === undefined ? {} : { label }),
    ...(qualifier === undefined ? {} : { qualifier }),
  };
}

/** Versions are numbered from 1; an alias's name is never all digits. */
const VERSION = /^(arn:[^:]+:states:[^:]*:[^:]*:stateMachine:[^:/]+):([1-9]\d{0,9})$/u;

/** The parts of a version's ARN; undefined if it is anything else. */
export function toVersion(
  arn: string,
): { readonly stateMachineArn: string; readonly number: number } | undefined {
  const [, stateMachineArn, number] = VERSION.exec(arn) ?? [];
  return stateMachineArn === undefined ? undefined : { stateMachineArn, number: Number(number) };
}

/** @throws ServiceError InvalidArn */
export function parseVersionArn(arn: string): { readonly stateMachineArn: string; readonly number: number } {
  parseStateMachineArn(arn);
  const version = toVersion(arn);
  if (version === undefined) throw invalidArn(`Invalid state machine version ARN: ${arn}`);
  return version;
}

/** @throws ServiceError InvalidArn */
export function parseAliasArn(arn: string): { readonly stateMachineArn: string; readonly name: string } {
  const { stateMachineArn, label, qualifier } = parseStateMachineArn(arn);
  if (label !== undefined || qualifier === undefined || /^\d+$/.test(qualifier)) {
    throw invalidArn(`Invalid state machine alias ARN: ${arn}`);
  }
  return { stateMachineArn, name: qualifier };
}

/** `<state machine ARN>#<test case>`, as Step Functions Local starts a mocked run. No ARN has a `#`. */
export function splitTestCase(text: string): { readonly arn: string; readonly testCase?: string } {
  const [, arn, testCase] = /^([^#]*)#(.+)$/su.exec(text) ?? [];
  return arn === undefined || testCase === undefined ? { arn: text } : { arn, testCase };
}

/**
 * The ARN of a Standard execution. Those of Express executions (`express:…`) are refused with the same words as
 * any other kind of resource: the service keeps no record of them.
 *
 * @throws ServiceError InvalidArn
 */
export function parseExecutionArn(arn: string): ExecutionArn {
  const { head, type, rest } = parse(arn);
  if (type !== "execution") throw wrongType(type);
  const [name = "", execution = "", ...surplus] = rest.split(":");
  if (name === "" || execution === "" || surplus.length > 0)
    throw invalidArn(`Invalid execution ARN: ${arn}`);
  return { arn, stateMachineArn: `${head}stateMachine:${name}` };
}

/** Whether it names an Express execution, well formed or not. */
export function isExpressArn(arn: string): boolean {
  return parse(arn).type === "express";
}

/** The ARN of an Express execution: `…:express:machine:name:id`. @throws ServiceError InvalidArn */
export function parseExpressArn(arn: string): string {
  const { type, rest } = parse(arn);
  if (type !== "express") throw wrongType(type);
  const parts = rest.split(":");
  if (parts.length !== 3 || parts.includes("")) throw invalidArn(`Invalid express execution ARN: ${arn}`);
  return arn;
}

/** `…:mapRun:machine/label:id`. @throws ServiceError InvalidArn */
export function parseMapRunArn(arn: string): string {
  const { type, rest } = parse(arn);
  if (type !== "mapRun") throw wrongType(type);
  if (!/^[^:/]+\/[^:/]+:[^:/]+$/u.test(rest)) throw invalidArn(`Invalid Map Run ARN: ${arn}`);
  return arn;
}

/** @throws ServiceError InvalidArn */
export function parseActivityArn(arn: string): string {
  const { type, rest } = parse(arn);
  if (type !== "activity") throw wrongType(type);
  if (rest === "" || rest.includes(":")) throw invalidArn(`Invalid activity ARN: ${arn}`);
  return arn;
}

/**
 * An ARN of anything that this service has, to be looked up by its whole text.
 *
 * @throws ServiceError InvalidArn
 */
export function checkServiceArn(arn: string): void {
  parse(arn);
}

/** @throws ServiceError InvalidArn */
export function checkRoleArn(arn: string): void {
  // The account is not looked at: local setups use placeholders of any length.
  if (!/^arn:[^:]+:iam::[^:]*:role\/.+$/u.test(arn)) {
    throw new ServiceError("InvalidArn", `Invalid Role Arn: '${arn}'`);
  }
}

function parse(arn: string): { readonly head: string; readonly type: string; readonly rest: string } {
  const match = /^(arn:[^:]+:([^:]*):[^:]*:[^:]*:)([^:]*):?(.*)$/su.exec(arn);
  if (!match) throw invalidArn(`Invalid ARN prefix: ${arn}`);
  const [, head = "", service = "", type = "", rest = ""] = match;
  if (service !== "states") throw invalidArn(`Service not valid in this context: ${service}`);
  return { head, type, rest };
}

function wrongType(type: string): ServiceError {
  return invalidArn(`Resource type not valid in this context: ${type}`);
}

function invalidArn(problem: string): ServiceError {
  return new ServiceError("InvalidArn", `Invalid Arn: '${problem}'`);
}
