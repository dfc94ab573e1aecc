// Operators between two values, and negation.
//
// Spec: https://docs.jsonata.org/numeric-operators, comparison-operators, boolean-operators, other-operators

import type { BinaryNode, NegationNode } from "../ast.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { asSequence } from "../sequences.ts";
import { toText } from "../text.ts";
import { type Value, deepEquals, isArray, isNumeric, isTrue, located } from "../values.ts";
import type { Compile, Evaluate, Scope } from "./scope.ts";

type Operation = (left: Value, right: Value, run: Run) => Value;

export function compileBinary(node: BinaryNode, scope: Scope, compile: Compile): Evaluate {
  const left = compile(node.lhs, scope);
  const right = compile(node.rhs, scope);
  const { value: token, position } = node;
  if (token === "and" || token === "or") return compileLogical(token, left, right, position);
  const operate = OPERATIONS.get(token);
  if (operate === undefined) throw new JsonataError("S0204", { token, position });
  const checked: Operation = (a, b, run) => {
    try {
      return operate(a, b, run);
    } catch (fault) {
      throw located(fault, token, position);
    }
  };
  return compileNumeric(token, left, right, checked) ?? compileAny(left, right, checked);
}

/** A fault on the right side is told of the operator, as in the language's own evaluator: its message says `and`. */
function compileLogical(
  token: "and" | "or",
  left: Evaluate,
  right: Evaluate,
  position: number | undefined,
): Evaluate {
  const decides = token === "or";
  return (input, frame, run) => {
    const first = left(input, frame, run);
    try {
      if (isTrue(first, run) === decides) return decides;
      return isTrue(right(input, frame, run), run);
    } catch (fault) {
      throw fault instanceof JsonataError ? fault.attribute(token, position) : fault;
    }
  };
}

function compileAny(left: Evaluate, right: Evaluate, operate: Operation): Evaluate {
  return (input, frame, run) => {
    const a = left(input, frame, run);
    return operate(a, right(input, frame, run), run);
  };
}

/**
 * The usual case, two finite numbers, without a detour: sums whose result is finite had finite operands. Written
 * out for each operator, since one closure for all would be a call that no engine can predict.
 */
function compileNumeric(
  token: string,
  left: Evaluate,
  right: Evaluate,
  operate: Operation,
): Evaluate | undefined {
  switch (token) {
    case "+":
      return (input, frame, run) => {
        const a = left(input, frame, run);
        const b = right(input, frame, run);
        if (typeof a === "number" && typeof b === "number") {
          const sum = a + b;
          if (sum - sum === 0) return sum;
        }
        return operate(a, b, run);
      };
    case "-":
      return (input, frame, run) => {
        const a = left(input, frame, run);
        const b = right(input, frame, run);
        if (typeof a === "number" && typeof b === "number") {
          const difference = a - b;
          if (difference - difference === 0) return difference;
        }
        return operate(a, b, run);
      };
    case "*":
      return (input, frame, run) => {
        const a = left(input, frame, run);
        const b = right(input, frame, run);
        if (typeof a === "number" && typeof b === "number") {
          const product = a * b;
          if (product - product === 0) return product;
        }
        return operate(a, b, run);
      };
    case "<":
      return (input, frame, run) => {
        const a = left(input, frame, run);
        const b = right(input, frame, run);
        return typeof a === "number" && typeof b === "number" ? a < b : operate(a, b, run);
      };
    case ">":
      return (input, frame, run) => {
        const a = left(input, frame, run);
        const b = right(input, frame, run);
        return typeof a === "number" && typeof b === "number" ? a > b : operate(a, b, run);
      };
    case "=":
      return (input, frame, run) => {
        const a = left(input, frame, run);
        const b = right(input, frame, run);
        return typeof a === "object" && typeof b === "object"
          ? operate(a, b, run)
          : a !== undefined && a === b;
      };
    default:
      return undefined;
  }
}

export function compileNegation(node: NegationNode, scope: Scope, compile: Compile): Evaluate {
  const operand = compile(node.expression, scope);
  return (input, frame, run) => {
    const value = operand(input, frame, run);
    if (value === undefined) return undefined;
    if (isNumeric(value)) return -value;
    throw new JsonataError("D1002", { value, token: node.value, position: node.position });
  };
}

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["+", numeric((a, b) => a + b)],
  ["-", numeric((a, b) => a - b)],
  ["*", numeric((a, b) => a * b)],
  ["/", numeric((a, b) => a / b)],
  ["%", numeric((a, b) => a % b)],
  ["=", (a, b, run) => a !== undefined && b !== undefined && deepEquals(a, b, run)],
  ["!=", (a, b, run) => a !== undefined && b !== undefined && !deepEquals(a, b, run)],
  ["<", comparison((a, b) => a < b)],
  ["<=", comparison((a, b) => a <= b)],
  [">", comparison((a, b) => a > b)],
  [">=", comparison((a, b) => a >= b)],
  ["&", concatenate],
  ["..", range],
  ["in", isIn],
]);

function numeric(operate: (a: number, b: number) => number): Operation {
  return (a, b) => {
    if (typeof a === "number" && typeof b === "number" && a - a === 0 && b - b === 0) return operate(a, b);
    if (a !== undefined && !isNumeric(a)) throw new JsonataError("T2001", { value: a });
    if (b !== undefined && !isNumeric(b)) throw new JsonataError("T2002", { value: b });
    return undefined;
  };
}

function comparison(holds: (a: number | string, b: number | string) => boolean): Operation {
  return (a, b) => {
    if (typeof a === "number" && typeof b === "number") return holds(a, b);
    if (typeof a === "string" && typeof b === "string") return holds(a, b);
    const isLeft = typeof a === "string" || typeof a === "number";
    const isRight = typeof b === "string" || typeof b === "number";
    if ((!isLeft && a !== undefined) || (!isRight && b !== undefined)) {
      throw new JsonataError("T2010", { value: isLeft ? b : a });
    }
    if (a === undefined || b === undefined) return undefined;
    throw new JsonataError("T2009", { value: a, value2: b });
  };
}

function concatenate(a: Value, b: Value, run: Run): Value {
  const left = typeof a === "string" ? a : a === undefined ? "" : toText(a, run);
  const right = typeof b === "string" ? b : b === undefined ? "" : toText(b, run);
  const length = left.length + right.length;
  // Joining two long texts is cheap: they are linked, and copied when somebody reads them, who pays for it then.
  run.spendText(Math.min(left.length, right.length, 1024));
  if (length > run.limits.maxStringLength) run.spendText(length);
  return left + right;
}

/** The largest range of the language's own evaluator; the limits of a run are tighter. */
const MAX_RANGE = 1e7;

function range(a: Value, b: Value, run: Run): Value {
  if (a !== undefined && !Number.isInteger(a)) throw new JsonataError("T2003", { value: a });
  if (b !== undefined && !Number.isInteger(b)) throw new JsonataError("T2004", { value: b });
  if (typeof a !== "number" || typeof b !== "number" || a > b) return undefined;
  const size = b - a + 1;
  if (size > MAX_RANGE) throw new JsonataError("D2014", { value: size });
  run.spendItems(size);
  const items: Value[] = [];
  // Counted, since adding one to a number beyond 2^53 does not change it.
  for (let i = 0; i < size; i++) items.push(a + i);
  return asSequence(items);
}

function isIn(a: Value, b: Value, run: Run): Value {
  if (a === undefined || b === undefined) return false;
  if (!isArray(b)) return a === b;
  run.spend(b.length / 8);
  for (let i = 0; i < b.length; i++) if (b[i] === a) return true;
  return false;
}
