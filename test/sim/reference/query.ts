// The fields of a JSONata state: constants, and expressions between `{%` and `%}` at any depth.
//
// A Query evaluates some fields of one visit at one moment. What cannot be evaluated is a fault; which of several
// faults the service reports is its own choice, so all are kept and the history says which it was.
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html; causes as recorded.

import { Failure, type Fields, type Visit } from "./frames.ts";
import { evaluateJsonata } from "./jsonata.ts";
import { Disagreement, oneOf, type Thread, type Want, where } from "./threads.ts";
import { isRecord, show, textOf, Unknown, type Value } from "./values.ts";
import { prefixOf, sightOf } from "./visit.ts";

export interface Fault {
  readonly location: string | undefined;
  /** After the prefix that names the state; undefined: its words are not known here. */
  readonly reason: string | undefined;
  /** The value was given, and could not be used. */
  readonly isAfterEntry: boolean;
}

/** The members of $states that are not always there. */
export interface Extras {
  readonly result?: Value;
  readonly errorOutput?: Value;
}

export function isExpression(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("{%") && value.endsWith("%}");
}

export class Query {
  readonly faults: Fault[] = [];
  readonly #visit: Visit;
  readonly #extras: Extras;

  constructor(visit: Visit, extras: Extras = {}) {
    this.#visit = visit;
    this.#extras = extras;
  }

  /** Arguments, Output, Assign, ItemSelector: null where there are faults. */
  template(value: Value, field: string): Value {
    if (isExpression(value)) return this.#expression(value, field) ?? null;
    if (Array.isArray(value))
      return (value as readonly Value[]).map((item, i) => this.template(item, `${field}[${i}]`));
    if (!isRecord(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, this.template(inner, `${field}/${key}`)]),
    );
  }

  /** A field that takes one type only; undefined where it is absent or faulty. */
  typed(
    value: Value | undefined,
    field: string,
    type: "array" | "boolean" | "number" | "string",
  ): Value | undefined {
    if (!isExpression(value)) return value;
    const found = this.#expression(value, field);
    if (found === undefined) return undefined;
    const actual = typeOf(found);
    if (actual === type) return found;
    this.#refuse(
      field,
      `The JSONata expression '${inside(value)}' specified for the field '${field}' returned an unexpected result type. Expected '${type}', but was '${actual}' for value: ${textOf(found)}`,
    );
    return undefined;
  }

  /** A number that the field can use. */
  number(value: Value | undefined, field: string, isRight: (number: number) => boolean): number | undefined {
    const found = this.typed(value, field, "number") as number | undefined;
    if (found === undefined || !isExpression(value) || isRight(found)) return found;
    // In which words the service refuses it is not recorded.
    this.#refuse(field, undefined);
    return undefined;
  }

  /** A fault that is not the expression's own. */
  refuse(location: string | undefined, reason: string, isAfterEntry: boolean): void {
    this.faults.push({ location, reason, isAfterEntry });
  }

  #refuse(location: string, reason: string | undefined): void {
    this.faults.push({ location, reason, isAfterEntry: false });
  }

  #expression(value: string, field: string): Value | undefined {
    const text = inside(value);
    const outcome = evaluateJsonata(text, this.#bindings(text));
    if (outcome.kind === "value") return outcome.value;
    const what = {
      nothing: () => "returned nothing (undefined).",
      function: () => "returned an unsupported result type.",
      error: () =>
        outcome.kind === "error"
          ? `threw an error during evaluation. ${outcome.code}: ${outcome.message}`
          : outcome.kind,
    }[outcome.kind]();
    this.#refuse(field, `The JSONata expression '${text}' specified for the field '${field}' ${what}`);
    return undefined;
  }

  /** The variables that the expression mentions. */
  #bindings(text: string): { readonly [name: string]: Value } {
    const visit = this.#visit;
    const sight = sightOf(visit, visit.input);
    const states: Fields = {
      input: visit.input,
      ...this.#extras,
      ...(text.includes("context") ? { context: sight.context } : {}),
    };
    const bindings: [string, Value][] = [["states", states]];
    for (const [, name = ""] of text.matchAll(/\$([A-Za-z_]\w*)/gu)) {
      const value = name === "states" ? undefined : sight.variable(name);
      if (value !== undefined) bindings.push([name, value]);
    }
    return Object.fromEntries(bindings);
  }
}

function inside(expression: string): string {
  return expression.slice(2, -2).trim();
}

function typeOf(value: Value): string {
  if (value instanceof Unknown) return "string";
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Goes on if there are no faults; else waits for the history to tell one of them, and throws it. */
export function* unlessFaulty(
  visit: Visit,
  { faults }: Query,
  bounds?: Pick<Want, "fromMs" | "toMs">,
): Thread<void> {
  if (faults.length === 0) return;
  const { frame } = visit;
  const wants = [false, true]
    .map((isAfterEntry) => faults.filter((fault) => fault.isAfterEntry === isAfterEntry))
    .filter((some) => some.length > 0)
    .map((some) => toldAs(visit, some, bounds ?? { fromMs: frame.nowMs, toMs: frame.nowMs }, frame.cursor));
  const event = yield* oneOf(frame, wants);
  frame.open = undefined;
  throw new Failure("States.QueryEvaluationError", event.details?.["cause"] as string, frame);
}

/** Beside the state's entry the event follows what the entry follows, unless a value was given and then refused. */
export function toldAs(
  visit: Visit,
  faults: readonly Fault[],
  bounds: Pick<Want, "fromMs" | "toMs">,
  cursor: number,
): Want {
  const { name, entered } = visit;
  const isBesideEntry = cursor === entered.id && faults[0]?.isAfterEntry !== true;
  return {
    types: ["EvaluationFailed"],
    previous: isBesideEntry ? entered.previousEventId : cursor,
    marks: { state: name },
    ...bounds,
    check: (event) => {
      const { error, cause, location } = event.details ?? {};
      const isToldRight = faults.some(
        (fault) =>
          fault.location === location &&
          (fault.reason === undefined
            ? String(cause).startsWith(prefixOf(visit))
            : cause === `${prefixOf(visit)}${fault.reason}`),
      );
      if (error !== "States.QueryEvaluationError" || !isToldRight)
        throw new Disagreement(`${where(event)}: should tell one of ${show(faults)}`);
    },
  };
}
