// Choice rules: a test of one value, or tests combined, compiled to a predicate.
//
// Knows:          the 39 comparison operators, And, Or, Not.
// Does not know:  where a rule leads (Next, Assign belong to the parser).
//
// Invariants
//   C1. A value of another type than the operator's compares as false; it is no error.
//   C2. A Variable or operand that is not there is an error, whatever the operator, except for IsPresent.
//   C3. And and Or stop at the first test that decides them, so `And [IsPresent, …]` guards what follows.
//   C4. The order of strings is that of UTF-16 code units, as JavaScript's `<` and the service have it.
//
// Spec: https://states-language.net/spec.html#choice-state

import { type Json, type JsonObject, isArray, isObject, member } from "../base/json.ts";
import { parseTimestampMs } from "../base/time.ts";
import type { Path, Scope } from "./ast.ts";
import { StatesError } from "./errors.ts";
import { InvalidExpression } from "./invalid-expression.ts";
import { compilePath } from "./paths/index.ts";
import { Suggester } from "./suggest.ts";
import { compileWildcards } from "./wildcards.ts";

type Test = (scope: Scope) => boolean;
type Kind = "String" | "Numeric" | "Boolean" | "Timestamp";

/** Members of a rule that are no part of its test. */
const BESIDE_A_RULE: readonly string[] = ["Next", "Assign", "Comment", "Output"];
const BESIDE_A_NESTED_RULE: readonly string[] = ["Comment"];
const COMBINATORS: readonly string[] = ["And", "Or", "Not"];
/** Deepest nesting of And, Or, Not: compiling and testing recurse. */
const MAX_DEPTH = 200;

/** Whether the relation of two values of one kind, as numbers below, at or above 0, is the wanted one. */
const RELATIONS: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ["Equals", (order: number) => order === 0],
  ["LessThan", (order: number) => order < 0],
  ["GreaterThan", (order: number) => order > 0],
  ["LessThanEquals", (order: number) => order <= 0],
  ["GreaterThanEquals", (order: number) => order >= 0],
]);

interface Comparison {
  readonly kind: Kind;
  readonly holds: (order: number) => boolean;
}

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map(
  (["String", "Numeric", "Boolean", "Timestamp"] as const).flatMap((kind) =>
    [...RELATIONS]
      .filter(([relation]) => kind !== "Boolean" || relation === "Equals")
      .map(([relation, holds]) => [`${kind}${relation}`, { kind, holds }] as const),
  ),
);

const TYPE_TESTS: ReadonlyMap<string, (value: Json) => boolean> = new Map<string, (value: Json) => boolean>([
  ["IsNull", (value) => value === null],
  ["IsNumeric", (value) => typeof value === "number"],
  ["IsString", (value) => typeof value === "string"],
  ["IsBoolean", (value) => typeof value === "boolean"],
  ["IsTimestamp", (value) => comparable("Timestamp", value) !== undefined],
]);

/** All that may stand beside Variable, one at a time: 39. */
export const CHOICE_OPERATORS: readonly string[] = [
  ...COMPARISONS.keys(),
  ...[...COMPARISONS.keys()].map((name) => `${name}Path`),
  "StringMatches",
  ...TYPE_TESTS.keys(),
  "IsPresent",
];

/**
 * The test of a rule; members that belong to the parser (Next, Assign, Comment) are passed over.
 *
 * The predicate throws StatesError States.Runtime when a Variable or an operand is not there (C2)
 * @throws InvalidExpression with `at` and `field` of the member at fault
 */
export function compileChoiceTest(rule: JsonObject): Test {
  return compileRule(rule, "", BESIDE_A_RULE, 0);
}

function compileRule(rule: JsonObject, at: string, beside: readonly string[], depth: number): Test {
  if (depth > MAX_DEPTH) throw new InvalidExpression("The rule is nested too deeply", { at });
  const names = Object.keys(rule).filter((name) => !beside.includes(name));
  const [combinator, ...others] = names.filter((name) => COMBINATORS.includes(name));
  if (combinator === undefined) return compileDataTest(rule, names, at);
  const unexpected = others[0] ?? names.find((name) => name !== combinator);
  if (unexpected !== undefined) {
    throw fault(`The field '${unexpected}' cannot be used together with '${combinator}'`, at, unexpected);
  }
  const operand = member(rule, combinator) ?? null;
  if (combinator === "Not") {
    const test = compileNested(operand, `${at}/Not`, "Not", depth);
    return (scope) => !test(scope);
  }
  if (!isArray(operand))
    throw fault(`The value for the field '${combinator}' must be an array of rules`, at, combinator);
  if (operand.length === 0) throw fault("Value cannot be empty", at, combinator);
  const tests = operand.map((each, i) => compileNested(each, `${at}/${combinator}/${i}`, combinator, depth));
  return combinator === "And"
    ? (scope) => tests.every((test) => test(scope))
    : (scope) => tests.some((test) => test(scope));
}

function compileNested(rule: Json, at: string, combinator: string, depth: number): Test {
  if (!isObject(rule)) {
    throw new InvalidExpression(`The value for the field '${combinator}' must be a rule`, {
      at,
      field: combinator,
    });
  }
  return compileRule(rule, at, BESIDE_A_NESTED_RULE, depth + 1);
}

function compileDataTest(rule: JsonObject, names: readonly string[], at: string): Test {
  const operators = names.filter((name) => CHOICE_OPERATORS.includes(name));
  const unknown = names.find((name) => name !== "Variable" && !operators.includes(name));
  if (unknown !== undefined) {
    const known = ["Variable", ...COMBINATORS, ...CHOICE_OPERATORS];
    const suggestion = new Suggester().didYouMean(unknown, known);
    throw fault(`The field '${unknown}' is not supported in a rule`, at, unknown, suggestion);
  }
  const [operator, second] = operators;
  if (operator === undefined) {
    throw new InvalidExpression("A rule must have a comparison operator", at === "" ? {} : { at });
  }
  if (second !== undefined) {
    throw fault(
      `A rule must have one comparison operator, and not both '${operator}' and '${second}'`,
      at,
      second,
    );
  }
  const variableText = member(rule, "Variable");
  if (variableText === undefined) {
    throw new InvalidExpression("These fields are required: [Variable]", at === "" ? {} : { at });
  }
  const variable = pathOf(variableText, at, "Variable");
  return compileOperator(operator, member(rule, operator) ?? null, variable, at);
}

function compileOperator(operator: string, operand: Json, variable: Path, at: string): Test {
  if (operator === "IsPresent") {
    const wanted = booleanOf(operand, at, operator);
    return (scope) => (variable.find(scope) !== undefined) === wanted;
  }
  const typeTest = TYPE_TESTS.get(operator);
  if (typeTest !== undefined) {
    const wanted = booleanOf(operand, at, operator);
    return (scope) => typeTest(valueOf(variable, scope)) === wanted;
  }
  if (operator === "StringMatches") {
    if (typeof operand !== "string") throw wrongType(operator, "a string", at);
    const matches = compileWildcards(operand);
    return (scope) => {
      const value = valueOf(variable, scope);
      return typeof value === "string" && matches(value);
    };
  }
  const comparison = COMPARISONS.get(operator);
  if (comparison !== undefined) {
    const { kind, holds } = comparison;
    const wanted = comparable(kind, operand);
    if (wanted === undefined) throw wrongOperand(operator, kind, operand, at);
    return (scope) => related(comparable(kind, valueOf(variable, scope)), wanted, holds);
  }
  const other = pathOf(operand, at, operator);
  const { kind, holds } = COMPARISONS.get(operator.slice(0, -"Path".length)) ?? notAnOperator(operator);
  return (scope) => {
    const value = valueOf(variable, scope);
    return related(comparable(kind, value), comparable(kind, valueOf(other, scope)), holds);
  };
}

function notAnOperator(operator: string): never {
  throw new InvalidExpression(`The field '${operator}' is not supported in a rule`, { field: operator });
}

/** @throws StatesError States.Runtime (C2) */
function valueOf(path: Path, scope: Scope): Json {
  const value = path.find(scope);
  if (value !== undefined) return value;
  throw new StatesError(
    "States.Runtime",
    `Invalid path '${path.text}': The choice state's condition path references an invalid value.`,
  );
}

type Comparable = string | number | boolean | bigint;

/** `value` as values of this kind are compared, or undefined if it is of another kind. */
function comparable(kind: Kind, value: Json): Comparable | undefined {
  switch (kind) {
    case "String":
      return typeof value === "string" ? value : undefined;
    case "Numeric":
      return typeof value === "number" ? value : undefined;
    case "Boolean":
      return typeof value === "boolean" ? value : undefined;
    case "Timestamp":
      return typeof value === "string" ? nanoseconds(value) : undefined;
    default:
      return undefined;
  }
}

/** Of a timestamp, since 1970: two that differ below the millisecond are not equal. */
function nanoseconds(text: string): bigint | undefined {
  const ms = parseTimestampMs(text);
  if (ms === undefined) return undefined;
  const belowMs = /\.\d{3}(\d{1,6})/u.exec(text)?.[1] ?? "";
  return BigInt(ms) * 1_000_000n + BigInt(belowMs.padEnd(6, "0"));
}

function related(
  left: Comparable | undefined,
  right: Comparable | undefined,
  holds: (order: number) => boolean,
): boolean {
  if (left === undefined || right === undefined) return false;
  return holds(left === right ? 0 : left < right ? -1 : 1);
}

function pathOf(value: Json, at: string, field: string): Path {
  if (typeof value !== "string") throw wrongType(field, "a path", at);
  try {
    return compilePath(value);
  } catch (error) {
    if (!(error instanceof InvalidExpression)) throw error;
    throw fault(
      `The value for the field '${field}' must be a valid JSONPath`,
      at,
      field,
      error.suggestion ?? error.message,
    );
  }
}

function booleanOf(value: Json, at: string, field: string): boolean {
  if (typeof value !== "boolean") throw wrongType(field, "a boolean", at);
  return value;
}

const OPERANDS: Readonly<Record<Kind, string>> = {
  String: "a string",
  Numeric: "a number",
  Boolean: "a boolean",
  Timestamp: "a timestamp",
};

function wrongOperand(operator: string, kind: Kind, operand: Json, at: string): InvalidExpression {
  if (kind === "Timestamp" && typeof operand === "string") {
    return fault("String does not match RFC3339 timestamp", at, operator);
  }
  return wrongType(operator, OPERANDS[kind], at);
}

function wrongType(field: string, needed: string, at: string): InvalidExpression {
  return fault(`The value for the field '${field}' must be ${needed}`, at, field);
}

function fault(message: string, at: string, field: string, suggestion?: string): InvalidExpression {
  const pointer = `${at}/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return new InvalidExpression(message, {
    at: pointer,
    field,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}
