// Fields that several state types share, and the head that every state has.

import type { Json, JsonObject } from "../../base/json.ts";
import type { Path, QueryLanguage, ReferencePath, Template } from "../ast.ts";
import { checkVariableNames } from "../rules/names.ts";
import { type Field, type Fields, type Values, checkOneOf, readFields } from "./fields.ts";
import { type Place, inside, locationOf } from "./place.ts";
import type { Reading } from "./reading.ts";
import { boolean, ignored, orNull, path, referencePath, string, template } from "./values.ts";

/** A state as it stands in the definition, and what is known of it before its fields are read. */
export interface StateSource {
  readonly object: JsonObject;
  readonly place: Place;
  readonly name: string;
  readonly language: QueryLanguage;
  /** True if the state asks for JSONPath in a machine that is JSONata: reported already. */
  readonly isMixed: boolean;
}

/** What every state of the syntax tree begins with. */
export interface Head {
  readonly name: string;
  readonly queryLanguage: QueryLanguage;
  readonly pointer: string;
}

export function headOf(source: StateSource): Head {
  return { name: source.name, queryLanguage: source.language, pointer: locationOf(source.place) };
}

export function readState<F extends Fields>(source: StateSource, table: F, reading: Reading): Values<F> {
  const { object, place, language, isMixed } = source;
  return readFields(object, table, place, reading, isMixed ? undefined : language);
}

const QUERY_LANGUAGES: readonly string[] = ["JSONPath", "JSONata"] satisfies QueryLanguage[];

/** The value is judged here, what follows from it in `languageOf`. */
export function checkQueryLanguage(value: Json, place: Place, reading: Reading): undefined {
  if (typeof value !== "string") return reading.fault("Expected value of type [STRING]", place);
  if (QUERY_LANGUAGES.includes(value)) return undefined;
  return reading.fault(`Value should be one of the following: [${QUERY_LANGUAGES.join(", ")}]`, place, {
    expected: `one of [${QUERY_LANGUAGES.join(", ")}]`,
    suggestion: reading.didYouMean(value, QUERY_LANGUAGES),
    value,
  });
}

/** As measured on AWS: only the exact word is JSONPath; anything else that is present counts as JSONata. */
export function languageOf(value: Json | undefined, inherited: QueryLanguage): QueryLanguage {
  if (value === undefined) return inherited;
  return value === "JSONPath" ? "JSONPath" : "JSONata";
}

export const COMMON: {
  readonly Type: Field<never>;
  readonly Comment: Field<string>;
  readonly QueryLanguage: Field<never>;
} = {
  Type: { read: ignored },
  Comment: { read: string },
  QueryLanguage: { read: checkQueryLanguage },
};

const assign: Field<Template> = {
  read: (value, place, reading) => {
    checkVariableNames(value, place, reading);
    return template(value, place, reading);
  },
};
export const ASSIGN: { readonly Assign: Field<Template> } = { Assign: assign };

export const OUTPUT: Field<Template> = { language: "JSONata", read: template };

export const INPUT_OUTPUT: {
  readonly InputPath: Field<Path | null>;
  readonly OutputPath: Field<Path | null>;
  readonly Output: Field<Template>;
} = {
  InputPath: { language: "JSONPath", read: orNull(path) },
  OutputPath: { language: "JSONPath", read: orNull(path) },
  Output: OUTPUT,
};

/** A transition's target: noted for rules/transitions.ts. */
export function target(value: Json, place: Place, reading: Reading): string | undefined {
  const name = string(value, place, reading);
  if (name !== undefined) reading.target(name, place);
  return name;
}

export const TRANSITION: {
  readonly Next: Field<string>;
  readonly End: Field<never>;
  readonly Assign: Field<Template>;
} = {
  Next: { read: target },
  End: {
    read: (value, place, reading) => {
      boolean(value, place, reading);
      return undefined;
    },
  },
  Assign: assign,
};

/** Exactly one of Next and End, and tells the block whether it can end here. `End: false` counts as absent. */
export function checkTransition(source: StateSource, reading: Reading): void {
  const { object, place } = source;
  const ends = object["End"] === true;
  const leads = Object.hasOwn(object, "Next");
  if (ends && leads) {
    checkOneOf(object, ["Next", "End"], true, place, reading);
  } else if (!ends && !leads) {
    reading.fault("Exactly one of these fields is required: [Next, End]", place, {
      expected: 'a "Next" that names a state, or "End": true',
      focus: Object.hasOwn(object, "End") ? inside(place, "End") : place,
    });
    if (reading.graph !== undefined) reading.graph.isComplete = false;
  }
  if (ends && reading.graph !== undefined) reading.graph.hasTerminal = true;
}

export const PARAMETERS: { readonly Parameters: Field<Template> } = {
  Parameters: { language: "JSONPath", read: template },
};

/** The same in each language. */
export const ARGUMENTS: { readonly Arguments: Field<Template> } = {
  Arguments: { language: "JSONata", read: template },
};

export const RESULT_PATH: { readonly ResultPath: Field<ReferencePath | null> } = {
  ResultPath: { language: "JSONPath", read: orNull(referencePath) },
};

export const RESULT: {
  readonly ResultSelector: Field<Template>;
  readonly ResultPath: Field<ReferencePath | null>;
} = {
  ResultSelector: { language: "JSONPath", read: template },
  ...RESULT_PATH,
};
