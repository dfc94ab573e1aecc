// What the answers of services look like: enough to tell a mock that the service could never have answered.
//
// A shape says of a value what it must be, a structure which members it may have. A member whose name ends in `*` is
// always there. Members are spelled as Step Functions shows them: the service's names with a capital first letter.
// To add an API: give its output in mock-apis.ts; what is left out of a structure is not checked.
//
// Knows:          shapes, and how the service says what is wrong. Does not know: which API has which.

import { isArray, isObject, type Json, member } from "../base/json.ts";

export type OutputShape =
  | { readonly kind: "any" }
  | { readonly kind: "text"; readonly least: number; readonly values?: ReadonlySet<string> }
  | { readonly kind: "number"; readonly least: number; readonly most: number }
  | { readonly kind: "flag" }
  | { readonly kind: "list"; readonly of: OutputShape }
  | { readonly kind: "map"; readonly of: OutputShape }
  | { readonly kind: "structure"; readonly members: readonly Member[] };

interface Member {
  readonly name: string;
  readonly isRequired: boolean;
  readonly shape: OutputShape;
}

export const any: OutputShape = { kind: "any" };
export const flag: OutputShape = { kind: "flag" };
/** Timestamps are texts too. */
export const text: OutputShape = { kind: "text", least: 0 };
export const number: OutputShape = {
  kind: "number",
  least: Number.NEGATIVE_INFINITY,
  most: Number.POSITIVE_INFINITY,
};

/** Of at least so many characters. */
export function textFrom(least: number): OutputShape {
  return { kind: "text", least };
}

export function oneOf(...values: readonly string[]): OutputShape {
  return { kind: "text", least: 0, values: new Set(values) };
}

export function between(least: number, most: number = Number.POSITIVE_INFINITY): OutputShape {
  return { kind: "number", least, most };
}

export function listOf(of: OutputShape): OutputShape {
  return { kind: "list", of };
}

export function mapOf(of: OutputShape): OutputShape {
  return { kind: "map", of };
}

export function structure(members: Readonly<Record<string, OutputShape>>): OutputShape {
  return {
    kind: "structure",
    members: Object.entries(members).map(([written, shape]) => ({
      name: written.replace(/\*$/u, ""),
      isRequired: written.endsWith("*"),
      shape,
    })),
  };
}

/**
 * The first thing that is wrong with `value`, in the service's words; undefined if nothing is.
 *
 * @param field Whose value it is, for the words. Elements of a list go by the name of the list.
 * @param isStrict Whether members that are always there must be.
 */
export function faultOf(
  shape: OutputShape,
  value: Json,
  field: string,
  isStrict: boolean,
): string | undefined {
  const wrong = (what: string): string => `Field '${field}' ${what}`;
  switch (shape.kind) {
    case "any":
      return undefined;
    case "text":
      if (typeof value !== "string") return wrong("must be a string");
      if (shape.values?.has(value) === false) return wrong("is not an expected value");
      return value.length < shape.least ? wrong("is smaller than the minimum length") : undefined;
    case "number":
      if (typeof value !== "number") return wrong("must be a number");
      if (value < shape.least) return wrong("is less than the minimum value");
      return value > shape.most ? wrong("exceeds the maximum value") : undefined;
    case "flag":
      return typeof value === "boolean" ? undefined : wrong("must be a boolean");
    case "list":
      if (!isArray(value)) return wrong("must be an array");
      return firstOf(value, (element) => faultOf(shape.of, element, field, isStrict));
    case "map":
      if (!isObject(value)) return wrong("must be an object");
      return firstOf(Object.entries(value), ([key, element]) => faultOf(shape.of, element, key, isStrict));
    case "structure":
      if (!isObject(value)) return wrong("must be an object");
      return firstOf(shape.members, ({ name, isRequired, shape: of }) => {
        const given = member(value, name);
        if (given !== undefined) return faultOf(of, given, name, isStrict);
        return isRequired && isStrict ? `Required field '${name}' is missing` : undefined;
      });
  }
}

function firstOf<T>(items: readonly T[], faultIn: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = faultIn(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
