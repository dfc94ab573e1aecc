// Intrinsic function calls: text compiled once to a closure over a Scope.
//
// Knows:          the syntax of calls, the functions, how their failures are worded.
// Does not know:  the fields in which calls may stand (templates.ts).
//
// Invariants
//   N1. A failure names the whole text of the outermost call, also when an inner one fails: so does the service.
//   N2. Calls that could never succeed (an unknown function, a wrong number of arguments) do not compile.
//
// Spec: https://states-language.net/spec.html#intrinsic-functions

import { unreachable } from "../../base/assert.ts";
import type { Json } from "../../base/json.ts";
import type { Scope, Template } from "../ast.ts";
import { StatesError } from "../errors.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { Suggester } from "../suggest.ts";
import { type FormatParts, Refused, format, formatParts } from "./format.ts";
import { FUNCTIONS } from "./functions.ts";
import { type Call, type Expression, parseIntrinsic } from "./parse.ts";

export interface Intrinsic extends Template {
  /** The names of the variables that the text mentions. */
  readonly variables: readonly string[];
}

/** The documented error of a function that fails: Retry and Catch may name it, and States.ALL matches it. */
const INTRINSIC_FAILURE = "States.IntrinsicFailure";

/** A call, or an argument of one. @throws StatesError, Failed */
type Evaluate = (scope: Scope) => Json;

/** Thrown inside of an evaluation, for `compileIntrinsic` to add the text of the whole call. */
class Failed {
  readonly error: string;
  readonly detail: string;

  constructor(error: string, detail: string) {
    this.error = error;
    this.detail = detail;
  }
}

/** @throws InvalidExpression */
export function compileIntrinsic(text: string): Intrinsic {
  const variables = new Set<string>();
  const evaluate = compileCall(parseIntrinsic(text), variables);
  return {
    variables: [...variables],
    evaluate: (scope) => {
      try {
        return evaluate(scope);
      } catch (failed) {
        if (!(failed instanceof Failed)) throw failed;
        throw new StatesError(
          failed.error,
          `The function '${text}' had the following error: ${failed.detail}`,
        );
      }
    },
  };
}

function compileExpression(expression: Expression, variables: Set<string>): Evaluate {
  switch (expression.kind) {
    case "call":
      return compileCall(expression, variables);
    case "path": {
      const { path } = expression;
      for (const name of path.variables) variables.add(name);
      return (scope) => {
        const value = path.find(scope);
        if (value !== undefined) return value;
        const input = JSON.stringify(path.documentOf(scope) ?? scope.input);
        throw new Failed(
          "States.Runtime",
          `The JsonPath argument for the field '${path.text}' could not be found in the input '${input}'`,
        );
      };
    }
    case "constant":
    case "text": {
      const { value } = expression;
      return () => value;
    }
    default:
      return unreachable(expression);
  }
}

function compileCall(call: Call, variables: Set<string>): Evaluate {
  if (call.name === "States.Format") return compileFormat(call, variables);
  const found = FUNCTIONS.get(call.name);
  if (found === undefined) {
    const suggestion = new Suggester().didYouMean(call.name, ["States.Format", ...FUNCTIONS.keys()]);
    throw new InvalidExpression(
      `There is no intrinsic function '${call.name}'`,
      suggestion === undefined ? {} : { suggestion },
    );
  }
  const { minArguments, maxArguments } = found;
  const count = call.arguments.length;
  if (count < minArguments || count > maxArguments) {
    const needed = minArguments === maxArguments ? minArguments : `${minArguments} to ${maxArguments}`;
    throw new InvalidExpression(`${call.name} takes ${needed} arguments, and not ${count}`);
  }
  const args = call.arguments.map((argument) => compileExpression(argument, variables));
  return (scope) => {
    const result = found.call(
      args.map((argument) => argument(scope)),
      scope.random,
    );
    if (result instanceof Refused) {
      throw new Failed(INTRINSIC_FAILURE, `Invalid arguments in ${call.name}: ${result.reason}`);
    }
    return result;
  };
}

/** A literal template is taken apart once, with its escapes; one that a path finds, each time. */
function compileFormat(call: Call, variables: Set<string>): Evaluate {
  const [first, ...rest] = call.arguments;
  if (first === undefined) throw new InvalidExpression("States.Format takes at least 1 argument, and not 0");
  const parts =
    first.kind === "text" ? fixedParts(first.raw) : foundParts(compileExpression(first, variables));
  const args = rest.map((argument) => compileExpression(argument, variables));
  return (scope) => {
    const template = parts(scope);
    const values = args.map((argument) => argument(scope));
    const result = template instanceof Refused ? template : format(template, values);
    if (result instanceof Refused) throw new Failed(INTRINSIC_FAILURE, result.reason);
    return result;
  };
}

function fixedParts(raw: string): () => FormatParts | Refused {
  const parts = formatParts(raw);
  return () => parts;
}

function foundParts(template: Evaluate): (scope: Scope) => FormatParts | Refused {
  return (scope) => {
    const text = template(scope);
    if (typeof text === "string") return formatParts(text);
    return new Refused("Invalid arguments in States.Format: the template must be a string");
  };
}
