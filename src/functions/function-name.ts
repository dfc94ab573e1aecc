// The ways in which Lambda lets a caller name a function.
//
// Knows:          names, partial ARNs, full ARNs, qualifiers, Lambda's words for bad ones.
// Does not know:  which functions exist.

import { ServiceError } from "../base/service-error.ts";

/** What a caller's function name says; region and account only where it names them. */
export interface FunctionReference {
  readonly name: string;
  /** `$LATEST`, an alias or a version; undefined when the caller named none. */
  readonly qualifier?: string;
  readonly partition?: string;
  readonly region?: string;
  readonly account?: string;
}

const NAME = "([A-Za-z0-9_-]{1,64})";
const QUALIFIER = "(?::(\\$LATEST|[A-Za-z0-9_-]{1,128}))?";
const FULL_ARN = new RegExp(
  `^arn:(aws[a-zA-Z-]*):lambda:([a-z0-9-]+):(\\d{12}):function:${NAME}${QUALIFIER}$`,
);
const PARTIAL_ARN = new RegExp(
  `^(?:([a-z]{2}(?:-[a-z]+)+-\\d):)?(\\d{12}):(?:function:)?${NAME}${QUALIFIER}$`,
);
const NAME_ONLY = new RegExp(`^(?:function:)?${NAME}${QUALIFIER}$`);

/** As Lambda prints its own constraint in the message. */
const CONSTRAINT =
  "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

/** Whether `name` may be the name of a function: 1 to 64 letters, digits, `-` and `_`. */
export function isFunctionName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

/**
 * Reads the `FunctionName` of a request, and its `Qualifier`.
 * @throws ServiceError ValidationException (no such form), InvalidParameterValueException (two different qualifiers)
 */
export function parseFunctionReference(
  functionName: string,
  qualifier: string | undefined,
): FunctionReference {
  const found = match(functionName);
  if (found === undefined) {
    throw new ServiceError(
      "ValidationException",
      `1 validation error detected: Value '${functionName}' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ${CONSTRAINT}`,
    );
  }
  if (qualifier === undefined || qualifier === "") return found;
  if (found.qualifier !== undefined && found.qualifier !== qualifier) {
    throw new ServiceError(
      "InvalidParameterValueException",
      "The derived qualifier from the function name does not match the specified qualifier.",
    );
  }
  return { ...found, qualifier };
}

function match(text: string): FunctionReference | undefined {
  const full = FULL_ARN.exec(text);
  if (full !== null) return reference(full[4], full[5], full[1], full[2], full[3]);
  const partial = PARTIAL_ARN.exec(text);
  if (partial !== null) return reference(partial[3], partial[4], undefined, partial[1], partial[2]);
  const simple = NAME_ONLY.exec(text);
  return simple === null ? undefined : reference(simple[1], simple[2]);
}

function reference(
  name: string | undefined,
  qualifier?: string,
  partition?: string,
  region?: string,
  account?: string,
): FunctionReference {
  return {
    name: name ?? "",
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(partition === undefined ? {} : { partition }),
    ...(region === undefined ? {} : { region }),
    ...(account === undefined ? {} : { account }),
  };
}
