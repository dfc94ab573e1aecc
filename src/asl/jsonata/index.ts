// JSONata: compiled once to closures, evaluated synchronously, bounded, without a clock or a way out.
//
// Knows:          the language, and what AWS adds to it and takes from it.
// Does not know:  States Language, `{% %}`, $states (variables like any other), StatesError.
//
// Invariants
//   J1. What an evaluation gives depends on the expression, the variables, and the environment alone.
//   J2. It ends in a result or a JsonataError, within the limits; nothing else is thrown but bugs.
//   J3. Variables and what they hold are never written to.
//
// Spec: https://docs.jsonata.org, https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html

import type { Json } from "../../base/json.ts";
import type { Node } from "./ast.ts";
import { compile } from "./compile/compile.ts";
import { type Evaluate, Frame, Scope, UNSET } from "./compile/scope.ts";
import { JsonataError } from "./errors.ts";
import { FUNCTIONS } from "./functions/index.ts";
import { type JsonataEnvironment, Run } from "./limits.ts";
import { toResult } from "./output.ts";
import { parseJsonata } from "./parser.ts";
import { WRAPPER, SEQUENCE, asSequence } from "./sequences.ts";
import { JsonataFunction, type Value } from "./values.ts";

export { JsonataError } from "./errors.ts";
export { type IllegalReference, illegalReferences } from "./illegal-references.ts";
export { DEFAULT_JSONATA_LIMITS, type JsonataEnvironment, type JsonataLimits, type Meter } from "./limits.ts";
export { JsonataFunction } from "./values.ts";
export type { Node as JsonataNode } from "./ast.ts";

/**
 * The variables of an evaluation, by name without the `$`: a Map, or anything that makes values when they are asked
 * for. Only what the expression mentions is asked for, once each. Functions may be bound too.
 */
export interface JsonataBindings {
  get(name: string): Json | JsonataFunction | undefined;
}

/** JSON; undefined where there is no value; a function where it is one, or holds one anywhere. */
export type JsonataResult = Json | undefined | JsonataFunction;

export interface JsonataExpression {
  readonly text: string;
  readonly ast: Node;
  /** Variables that it reads and does not define itself, without `$`; functions of the language are not among them. */
  readonly freeVariables: readonly string[];
  /**
   * @param input The context item `$` and `$$`; a definition's expressions have none.
   * @throws JsonataError T…. and D….: a failure of the running workflow
   */
  evaluate(bindings: JsonataBindings, environment: JsonataEnvironment, input?: Json): JsonataResult;
}

/**
 * Parses and compiles an expression, without the `{% %}` around it.
 * @throws JsonataError S….: the definition is at fault
 */
export function compileJsonata(text: string): JsonataExpression {
  const ast = parseJsonata(text);
  const root = new Scope(undefined);
  try {
    return new Expression(text, ast, root, compile(ast, root));
  } catch (fault) {
    if (fault instanceof RangeError) throw new JsonataError("S0501", { message: "it is nested too deeply" });
    throw fault;
  }
}

/** The variable that holds the whole input, `$$`. */
const ROOT = "$";

class Expression implements JsonataExpression {
  readonly text: string;
  readonly ast: Node;
  readonly freeVariables: readonly string[];
  readonly #evaluate: Evaluate;
  readonly #names: readonly string[];
  /** What a name means that the caller does not bind. */
  readonly #defaults: readonly Value[];

  constructor(text: string, ast: Node, root: Scope, evaluate: Evaluate) {
    this.text = text;
    this.ast = ast;
    this.#evaluate = evaluate;
    this.#names = root.names;
    this.#defaults = this.#names.map((name) => FUNCTIONS.get(name) ?? UNSET);
    this.freeVariables = this.#names.filter((name) => name !== ROOT && !FUNCTIONS.has(name));
  }

  evaluate(bindings: JsonataBindings, environment: JsonataEnvironment, input?: Json): JsonataResult {
    const run = new Run(environment);
    const slots = this.#defaults.slice();
    for (let i = 0; i < slots.length; i++) {
      const name = this.#names[i] as string;
      const value = name === ROOT ? input : bindings.get(name);
      if (value !== undefined) slots[i] = value;
    }
    const context = Array.isArray(input) ? asSequence([input as Value], SEQUENCE | WRAPPER) : input;
    try {
      return toResult(this.#evaluate(context, new Frame(slots, undefined), run), run);
    } catch (fault) {
      // Depth is bounded by counting; this is for values and expressions that are deep in other ways.
      if (fault instanceof RangeError) throw new JsonataError("D1011");
      throw fault;
    } finally {
      if (environment.meter !== undefined) environment.meter.steps += run.limits.maxSteps - run.steps;
    }
  }
}
