// Request checks: the types and limits of the model, in the service's wording.
//
// Knows:          the shape of a request (requests.ts).
// Does not know:  ARNs, names, definitions: an operation checks these itself.
//
// Invariants
//   C1. What passes holds only members of the shape, of the right type and within its limits; null members
//       are gone. So operations read it without looking again, and no other key ever reaches them.
//   C2. A wrong type is refused at once (SerializationException); broken limits are gathered and told together.
//   C3. Secret values (definitions, payloads, causes) are never part of a message.

import { unreachable } from "../base/assert.ts";
import type { Json, JsonObject } from "../base/json.ts";
import { isArray, isObject, member, setMember } from "../base/json.ts";
import { constraintError, serializationError } from "./errors.ts";
import type { ListShape, NumberShape, Shape, StructureShape, TextShape } from "./shapes.ts";

/**
 * The input of an operation, checked and reduced to what its shape knows.
 *
 * @throws ServiceError SerializationException, ValidationException
 */
export function checkRequest(shape: StructureShape, input: Json): JsonObject {
  const clauses: string[] = [];
  const checked = checkStructure(shape, input, "", clauses);
  if (clauses.length > 0) throw constraintError(clauses);
  return checked;
}

function check(shape: Shape, value: Json, path: string, clauses: string[]): Json {
  switch (shape.kind) {
    case "text":
      return checkText(shape, value, path, clauses);
    case "number":
      return checkNumber(shape, value, path, clauses);
    case "flag":
      if (typeof value !== "boolean") throw wrongType(value, "a Boolean", path);
      return value;
    case "list":
      return checkList(shape, value, path, clauses);
    case "structure":
      return checkStructure(shape, value, path, clauses);
    default:
      return unreachable(shape);
  }
}

function checkStructure(shape: StructureShape, value: Json, path: string, clauses: string[]): JsonObject {
  if (!isObject(value)) throw wrongType(value, "a structure", path);
  const checked: JsonObject = {};
  for (const { name, required, shape: inner } of shape.members) {
    const given = member(value, name) ?? null;
    const innerPath = path === "" ? name : `${path}.${name}`;
    if (given !== null) {
      setMember(checked, name, check(inner, given, innerPath, clauses));
    } else if (required) {
      clauses.push(`Value null at '${innerPath}' failed to satisfy constraint: Member must not be null`);
    }
  }
  return checked;
}

function checkList(shape: ListShape, value: Json, path: string, clauses: string[]): Json {
  if (!isArray(value)) throw wrongType(value, "a list", path);
  const checked = value.map((item, index) => {
    const innerPath = `${path}.${index + 1}.member`;
    if (item === null) {
      clauses.push(`Value null at '${innerPath}' failed to satisfy constraint: Member must not be null`);
      return item;
    }
    return check(shape.item, item, innerPath, clauses);
  });
  checkLength(shape, value.length, value, path, clauses);
  return checked;
}

function checkText(shape: TextShape, value: Json, path: string, clauses: string[]): string {
  if (typeof value !== "string") throw wrongType(value, "a String", path);
  checkLength(shape, value.length, value, path, clauses);
  if (shape.matches && !shape.matches.test(value)) {
    const constraint = `Member must satisfy regular expression pattern: ${shape.pattern}`;
    clauses.push(clause(shape, value, path, constraint));
  }
  if (shape.values && !shape.values.includes(value)) {
    const constraint = `Member must satisfy enum value set: [${shape.values.join(", ")}]`;
    clauses.push(clause(shape, value, path, constraint));
  }
  return value;
}

function checkLength(
  shape: TextShape | ListShape,
  length: number,
  value: Json,
  path: string,
  clauses: string[],
): void {
  if (shape.min !== undefined && length < shape.min) {
    clauses.push(clause(shape, value, path, `Member must have length greater than or equal to ${shape.min}`));
  }
  if (shape.max !== undefined && length > shape.max) {
    clauses.push(clause(shape, value, path, `Member must have length less than or equal to ${shape.max}`));
  }
}

function checkNumber(shape: NumberShape, value: Json, path: string, clauses: string[]): number {
  if (typeof value !== "number") throw wrongType(value, shape.whole ? "an Integer" : "a Float", path);
  const number = shape.whole ? Math.trunc(value) : value;
  if (shape.min !== undefined && number < shape.min) {
    clauses.push(clause(shape, number, path, `Member must have value greater than or equal to ${shape.min}`));
  }
  if (shape.max !== undefined && number > shape.max) {
    clauses.push(clause(shape, number, path, `Member must have value less than or equal to ${shape.max}`));
  }
  return number;
}

function clause(shape: Shape, value: Json, path: string, constraint: string): string {
  const isSecret = shape.kind === "text" && shape.secret === true;
  const shown = isSecret ? "" : ` '${print(shape, value)}'`;
  return `Value${shown} at '${path}' failed to satisfy constraint: ${constraint}`;
}

/** As the service prints it: `[RoutingConfigurationListItem(stateMachineVersionArn=…, weight=50), …]`. */
function print(shape: Shape, value: Json): string {
  if (shape.kind === "list" && isArray(value)) {
    return `[${value.map((item) => print(shape.item, item)).join(", ")}]`;
  }
  if (shape.kind === "structure" && isObject(value)) {
    const members = shape.members.flatMap(({ name, shape: inner }) => {
      const given = member(value, name) ?? null;
      return given === null ? [] : [`${name}=${print(inner, given)}`];
    });
    return `${shape.name}(${members.join(", ")})`;
  }
  if (shape.kind === "text" && shape.secret === true) return "*";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function wrongType(value: Json, wanted: string, path: string): Error {
  const where = path === "" ? "" : ` (at '${path}')`;
  if (isArray(value)) return serializationError(`Start of list found where not expected.${where}`);
  if (isObject(value))
    return serializationError(`Start of structure or map found where not expected.${where}`);
  const token =
    value === null || typeof value === "boolean"
      ? `${value}`.toUpperCase()
      : typeof value === "number"
        ? "NUMBER"
        : "STRING";
  return serializationError(`${token}_VALUE can not be converted to ${wanted}${where}`);
}
