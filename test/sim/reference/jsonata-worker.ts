// The thread in which the `jsonata` package evaluates (jsonata.ts asks and waits for it).
//
// Bound besides what the package has: what the service adds to the language, as far as generated definitions use it.

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import jsonata from "jsonata";

/** What an evaluation came to: JSON, nothing, something that is no JSON, an error of the language. */
export type Outcome =
  | { readonly kind: "json"; readonly text: string; readonly fresh: number }
  | { readonly kind: "nothing" }
  | { readonly kind: "function" }
  | { readonly kind: "error"; readonly code: string; readonly message: string };

export interface Question {
  readonly text: string;
  /** The variables, as JSON text. */
  readonly bindings: string;
}

/** Before the number of a $uuid in a result. */
export const FRESH = "\u0001fresh ";

const expressions = new Map<string, jsonata.Expression>();

function expressionOf(text: string): jsonata.Expression {
  let expression = expressions.get(text);
  if (expression === undefined) {
    expression = jsonata(text);
    expressions.set(text, expression);
  }
  return expression;
}

async function answer({ text, bindings }: Question): Promise<Outcome> {
  let fresh = 0;
  try {
    const expression = expressionOf(text);
    const uuid = (): string => {
      fresh += 1;
      return `${FRESH}${fresh}`;
    };
    const range = (first: number, last: number, step: number): readonly number[] => {
      const numbers: number[] = [];
      for (let n = first; step > 0 ? n <= last : n >= last; n += step) numbers.push(n);
      return numbers;
    };
    const value: unknown = await expression.evaluate(undefined, {
      ...(JSON.parse(bindings) as Record<string, unknown>),
      uuid,
      range,
      parse: (json: string): unknown => JSON.parse(json),
    });
    if (value === undefined) return { kind: "nothing" };
    if (hasFunction(value)) return { kind: "function" };
    return { kind: "json", text: JSON.stringify(value), fresh };
  } catch (fault) {
    if (typeof fault === "object" && fault !== null && "code" in fault && "message" in fault)
      return { kind: "error", code: String(fault.code), message: String(fault.message) };
    throw fault;
  }
}

function hasFunction(value: unknown): boolean {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null) return false;
  if ("_jsonata_lambda" in value || "_jsonata_function" in value) return true;
  return Object.values(value).some(hasFunction);
}

const { port, bell } = workerData as { readonly port: MessagePort; readonly bell: Int32Array };

parentPort?.on("message", (question: Question) => {
  void answer(question).then((outcome) => {
    port.postMessage(outcome);
    Atomics.store(bell, 0, 1);
    Atomics.notify(bell, 0);
  });
});
