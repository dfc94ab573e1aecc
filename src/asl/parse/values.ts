// Readers of single values: numbers within limits, names out of a list, paths, templates.
//
// Each reports in the service's words where they are known: `Expected value of type [STRING]`, `Minimum value is 0`,
// `Value cannot be empty`, `Value must be a valid JSONPath.`

import { type Json, type JsonObject, Payload, isArray, isObject, member } from "../../base/json.ts";
import type { Path, ReferencePath, Template } from "../ast.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { compilePath, compileReferencePath } from "../paths/index.ts";
import { checkNoDollar } from "../rules/no-dollar.ts";
import { compileFieldExpression, compileTemplate } from "../templates.ts";
import { readJsonataTemplate } from "./expressions.ts";
import type { Reader } from "./fields.ts";
import { type Place, inside } from "./place.ts";
import type { Reading } from "./reading.ts";

/** The largest number of seconds, attempts and the like that the service takes. */
export const MAX_INTEGER = 99_999_999;

type Kind = "STRING" | "INTEGER" | "NUMBER" | "BOOLEAN" | "OBJECT" | "ARRAY";

function wrongType(kind: Kind, value: Json, place: Place, reading: Reading): undefined {
  return reading.fault(`Expected value of type [${kind}]`, place, {
    expected: `a value of type ${kind.toLowerCase()}`,
    value,
  });
}

/** Checked elsewhere, or of no use to a running execution. */
export const ignored: Reader<never> = () => undefined;

export const string: Reader<string> = (value, place, reading) =>
  typeof value === "string" ? value : wrongType("STRING", value, place, reading);

export const boolean: Reader<boolean> = (value, place, reading) =>
  typeof value === "boolean" ? value : wrongType("BOOLEAN", value, place, reading);

export const object: Reader<JsonObject> = (value, place, reading) =>
  isObject(value) ? value : wrongType("OBJECT", value, place, reading);

export function integer(min: number, max: number = MAX_INTEGER): Reader<number> {
  return (value, place, reading) =>
    typeof value === "number" && Number.isInteger(value)
      ? withinLimits(value, min, max, place, reading)
      : wrongType("INTEGER", value, place, reading);
}

export function number(min: number, max: number = Number.MAX_VALUE): Reader<number> {
  return (value, place, reading) =>
    typeof value === "number"
      ? withinLimits(value, min, max, place, reading)
      : wrongType("NUMBER", value, place, reading);
}

function withinLimits(
  value: number,
  min: number,
  max: number,
  place: Place,
  reading: Reading,
): number | undefined {
  if (value < min) return reading.fault(`Minimum value is ${min}`, place);
  if (value > max) return reading.fault(`Maximum value is ${max}`, place);
  return value;
}

export function oneOf<T extends string>(...names: readonly T[]): Reader<T> {
  return (value, place, reading) => {
    if (typeof value !== "string") return wrongType("STRING", value, place, reading);
    const found = names.find((name) => name === value);
    if (found !== undefined) return found;
    return reading.fault(`Value should be one of the following: [${names.join(", ")}]`, place, {
      expected: `one of [${names.join(", ")}]`,
      suggestion: reading.didYouMean(value, names),
      value,
    });
  };
}

/** Reads every element; what is left out was reported. */
export function listOf<T>(read: Reader<T>, options: { readonly allowEmpty: boolean }): Reader<readonly T[]> {
  return (value, place, reading) => {
    if (!isArray(value)) return wrongType("ARRAY", value, place, reading);
    if (value.length === 0 && !options.allowEmpty) return reading.fault("Value cannot be empty", place);
    const elements: T[] = [];
    value.forEach((element, index) => {
      const result = read(element, inside(place, index), reading);
      if (result !== undefined) elements.push(result);
    });
    return elements;
  };
}

/** Any JSON, as it stands. */
export const payload: Reader<Payload> = (value) => Payload.ofValue(value);

export const path: Reader<Path> = (value, place, reading) =>
  typeof value === "string"
    ? compiled(place, reading, () => compilePath(value), {
        message: () => "Value must be a valid JSONPath.",
        value,
      })
    : wrongType("STRING", value, place, reading);

/** Of a Map's limits: a path into the input or a variable. Of the Map's paths only ItemsPath takes the context object. */
export const limitPath: Reader<Path> = (value, place, reading) => {
  if (typeof value !== "string" || !value.startsWith("$$")) return path(value, place, reading);
  return reading.fault(notReferencePath(value, "the context object cannot be read here"), place, {
    expected: "a path that begins with $., or a variable",
    value,
  });
};

/** The service's words, and after them ours: the beginning of the reason only says the same again. */
export function notReferencePath(text: string, reason: string): string {
  const why = text.startsWith("$")
    ? reason.replace(/^.* is not a Reference Path: /su, "")
    : "Reference path didn't start with '$'";
  return `Value is not a Reference Path: ${why}`;
}

export const referencePath: Reader<ReferencePath> = (value, place, reading) => {
  if (typeof value !== "string") return wrongType("STRING", value, place, reading);
  const message = (reason: string): string => notReferencePath(value, reason);
  return compiled(place, reading, () => compileReferencePath(value), { message, value });
};

/** `null` is a value of its own in InputPath, OutputPath and ResultPath. */
export function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (value, place, reading) => (value === null ? null : read(value, place, reading));
}

export const template: Reader<Template> = (value, place, reading) => {
  if (reading.stateLanguage === "JSONata") return readJsonataTemplate(value, place, reading);
  if (reading.stateLanguage === "JSONPath") checkNoDollar(value, place, reading);
  return compiled(place, reading, () => compileTemplate(value), { message: (reason) => reason, value });
};

/** A path or an intrinsic function that stands in a field of its own: ErrorPath, CausePath. */
export const fieldExpression =
  (field: string): Reader<Template> =>
  (value, place, reading) =>
    typeof value === "string"
      ? compiled(place, reading, () => compileFieldExpression(value, field), {
          message: (reason) => reason,
          value,
        })
      : wrongType("STRING", value, place, reading);

export interface Compilation {
  /** What to say; the reason is the expression's own. */
  readonly message: (reason: string, error: InvalidExpression) => string;
  /** What is compiled, for finding the place of a fault in it. */
  readonly value: Json;
  /** Whether a fault of a field is located at that field. Absent: at the object that holds it, as in a template. */
  readonly isAtField?: (error: InvalidExpression) => boolean;
}

/** What `compile` makes, its InvalidExpression reported. The text is pointed at as exactly as possible. */
export function compiled<T>(
  place: Place,
  reading: Reading,
  compile: () => T,
  options: Compilation,
): T | undefined {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof InvalidExpression)) throw error;
    const message = options.message(error.message, error);
    const exact = placeInside(place, error.at, options.value);
    const isAtObject = exact !== place && error.field !== undefined && options.isAtField?.(error) !== true;
    return reading.fault(message, isAtObject ? (exact.parent ?? place) : exact, {
      suggestion: error.suggestion,
      expected: error.field !== undefined || message === error.message ? undefined : error.message,
      value: options.value,
      focus: exact,
    });
  }
}

/** The place that a JSON pointer (RFC 6901) names in a value: numbers are indexes where the value is an array. */
function placeInside(place: Place, pointer: string | undefined, root: Json): Place {
  let at = place;
  let value: Json | undefined = root;
  for (const key of pointerKeys(pointer)) {
    const index: number | undefined = isArray(value) ? Number(key) : undefined;
    at = inside(at, index ?? key);
    if (isArray(value)) value = value[index ?? 0];
    else value = isObject(value) ? member(value, key) : undefined;
  }
  return at;
}

function pointerKeys(pointer: string | undefined): string[] {
  if (pointer === undefined || pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}
