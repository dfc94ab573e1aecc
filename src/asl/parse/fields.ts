// Reads the fields of an object of the language by a table: which fields there are, how each is read, in which language.
//
// A new field is a new row: its value then appears in the result under its own name, with a small first letter.
//
// Spec: https://states-language.net/spec.html; the messages are those of the service.

import { type JsonObject, member } from "../../base/json.ts";
import type { Json } from "../../base/json.ts";
import type { Expression, QueryLanguage } from "../ast.ts";
import { expressionText } from "../expressions.ts";
import { readExpression } from "./expressions.ts";
import { type Place, inside } from "./place.ts";
import type { Reading } from "./reading.ts";

/** Reads one value; reports what is wrong with it and answers undefined, or undefined if there is nothing to keep. */
export type Reader<T> = (value: Json, place: Place, reading: Reading) => T | undefined;

export interface Field<T> {
  readonly read: Reader<T>;
  /** The only language that has the field; absent: both have it. */
  readonly language?: QueryLanguage;
  readonly required?: true;
  /** A JSONata state may write `{% … %}` instead of the value: then an Expression is read. */
  readonly expression?: true;
}

export type Fields = { readonly [name: string]: Field<unknown> };

/** What a table reads: `InputPath: Field<Path>` gives `inputPath?: Path`. */
export type Values<F> = {
  readonly [K in keyof F as Uncapitalize<K & string>]?: F[K] extends { read: Reader<infer T> }
    ? F[K] extends { expression: true }
      ? T | Expression
      : T
    : never;
};

/**
 * All values of `object` that are right. Reports fields that the table does not have or the language forbids (at the
 * object, as the service does), fields that are missing, and what the readers find.
 *
 * @param language undefined: do not look at languages (the state's own QueryLanguage is wrong already).
 */
export function readFields<F extends Fields>(
  object: JsonObject,
  table: F,
  place: Place,
  reading: Reading,
  language: QueryLanguage | undefined,
): Values<F> {
  for (const name of Object.keys(object)) {
    const field = Object.hasOwn(table, name) ? table[name] : undefined;
    if (field === undefined) {
      reading.fault(`Field '${name}' is not supported`, place, {
        focus: inside(place, name),
        suggestion: reading.didYouMean(name, namesOf(table, language)),
        expected: `one of [${namesOf(table, language).join(", ")}]`,
      });
    } else if (language !== undefined && field.language !== undefined && field.language !== language) {
      reading.fault(
        `The QueryLanguage is set to '${language}', but field '${name}' is only supported for the '${field.language}' QueryLanguage`,
        place,
        { focus: inside(place, name) },
      );
    }
  }
  const missing = Object.keys(table).filter((name) => table[name]?.required && !Object.hasOwn(object, name));
  if (missing.length > 0) reading.fault(`These fields are required: [${missing.join(", ")}]`, place);

  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table)) {
    const value = member(object, name);
    if (value === undefined) continue;
    if (language !== undefined && field.language !== undefined && field.language !== language) continue;
    const at = inside(place, name);
    const expression =
      language === "JSONata" && field.expression && typeof value === "string"
        ? expressionText(value)
        : undefined;
    const result =
      expression === undefined ? field.read(value, at, reading) : readExpression(expression, at, reading);
    if (result !== undefined) values[name.charAt(0).toLowerCase() + name.slice(1)] = result;
  }
  // The rows decide the types, and TypeScript cannot follow a computed key.
  return values as Values<F>;
}

/** Reports unless exactly one (or, if not `required`, at most one) of `names` is a member of `object`. */
export function checkOneOf(
  object: JsonObject,
  names: readonly string[],
  required: boolean,
  place: Place,
  reading: Reading,
): void {
  const present = names.filter((name) => Object.hasOwn(object, name));
  if (present.length > 1) {
    reading.fault(`Only one of these fields is allowed: [${names.join(", ")}]`, place, {
      focus: inside(place, present[1] ?? ""),
    });
  } else if (required && present.length === 0) {
    reading.fault(`Exactly one of these fields is required: [${names.join(", ")}]`, place);
  }
}

function namesOf(table: Fields, language: QueryLanguage | undefined): string[] {
  return Object.entries(table)
    .filter(
      ([, field]) => language === undefined || field.language === undefined || field.language === language,
    )
    .map(([name]) => name);
}
