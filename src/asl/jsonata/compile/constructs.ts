// Conditions, blocks, assignments, and array constructors.
//
// Spec: https://docs.jsonata.org/programming, https://docs.jsonata.org/construction

import {
  type ArrayNode,
  type BindNode,
  type BlockNode,
  type ConditionNode,
  type Node,
  childrenOf,
} from "../ast.ts";
import type { Run } from "../limits.ts";
import { CONSTRUCTED, asSequence } from "../sequences.ts";
import { type Value, isArray, isTrue } from "../values.ts";
import { type Compile, type Evaluate, type Frame, type Scope, assignedNames, emptyFrame } from "./scope.ts";

export function compileCondition(node: ConditionNode, scope: Scope, compile: Compile): Evaluate {
  const repeated = repeatedOperand(node);
  if (repeated !== undefined) return compileRepeated(node, repeated, scope, compile);
  const condition = compile(node.condition, scope);
  const then = compile(node.then, scope);
  const otherwise = node.else === undefined ? undefined : compile(node.else, scope);
  return (input, frame, run) => {
    if (isTrue(condition(input, frame, run), run)) return then(input, frame, run);
    return otherwise === undefined ? undefined : otherwise(input, frame, run);
  };
}

type Repeated = { readonly operand: Node; readonly isChosen: (value: Value, run: Run) => boolean };

/**
 * The left side of `a ?? b` and `a ?: b`. The parser makes `$exists(a) ? a : b` and `a ? a : b` of them, with a copy
 * of `a` in which regular expressions are lost; evaluating the original once is both right and quicker. It is told
 * from what somebody wrote out by the places: the same one twice.
 */
function repeatedOperand(node: ConditionNode): Repeated | undefined {
  const { condition, then } = node;
  const operand = withoutTailCalls(then);
  if (condition.type === "function" && condition.position === undefined) {
    const { procedure } = condition;
    const isExists = procedure.type === "variable" && procedure.value === "exists";
    return isExists ? { operand, isChosen: (value) => value !== undefined } : undefined;
  }
  const place = placeOf(condition);
  return place !== undefined && place === placeOf(operand) ? { operand, isChosen: isTrue } : undefined;
}

/** In tail position the parser has wrapped calls; here their value is needed. */
function withoutTailCalls(node: Node): Node {
  if (node.type === "lambda" && node.thunk === true) return node.body;
  if (node.type === "block") {
    const expressions = node.expressions.map((each, i) =>
      i === node.expressions.length - 1 ? withoutTailCalls(each) : each,
    );
    return { ...node, expressions };
  }
  if (node.type === "condition") {
    const then = withoutTailCalls(node.then);
    // oxlint-disable-next-line unicorn/no-thenable -- the parser's own name
    return node.else === undefined ? { ...node, then } : { ...node, then, else: withoutTailCalls(node.else) };
  }
  return node;
}

function placeOf(node: Node): number | undefined {
  if (node.position !== undefined) return node.position;
  const [first] = childrenOf(node);
  return first === undefined ? undefined : placeOf(first);
}

function compileRepeated(node: ConditionNode, repeated: Repeated, scope: Scope, compile: Compile): Evaluate {
  const operand = compile(repeated.operand, scope);
  const otherwise = node.else === undefined ? undefined : compile(node.else, scope);
  return (input, frame, run) => {
    const value = operand(input, frame, run);
    if (repeated.isChosen(value, run)) return value;
    return otherwise === undefined ? undefined : otherwise(input, frame, run);
  };
}

/** A block has a frame of its own only if it assigns variables. */
export function compileBlock(node: BlockNode, scope: Scope, compile: Compile): Evaluate {
  const names = assignedNames(node.expressions);
  const inside = names.size === 0 ? scope : scope.inner(names);
  const expressions = node.expressions.map((expression) => compileStatement(expression, inside, compile));
  const [only] = expressions;
  if (only === undefined) return () => undefined;
  const evaluate: Evaluate =
    expressions.length === 1 ? only : (input, frame, run) => lastOf(expressions, input, frame, run);
  if (inside === scope) return evaluate;
  return (input, frame, run) => evaluate(input, emptyFrame(inside, frame), run);
}

/**
 * Expressions of a block are evaluated one after the other: what one assigns, those after it may rely on. A lambda
 * may rely on its own name as well, since nobody can call it before it has one.
 */
function compileStatement(node: Node, scope: Scope, compile: Compile): Evaluate {
  if (node.type !== "bind") return compile(node, scope);
  const name = node.lhs.value;
  if (node.rhs.type === "lambda") scope.settle(name);
  const evaluate = compile(node, scope);
  scope.settle(name);
  return evaluate;
}

function lastOf(expressions: readonly Evaluate[], input: Value, frame: Frame, run: Run): Value {
  let result: Value;
  for (let i = 0; i < expressions.length; i++) result = (expressions[i] as Evaluate)(input, frame, run);
  return result;
}

export function compileBind(node: BindNode, scope: Scope, compile: Compile): Evaluate {
  const index = scope.declare(node.lhs.value, "assigned");
  const right = compile(node.rhs, scope);
  return (input, frame, run) => {
    const value = right(input, frame, run);
    frame.slots[index] = value;
    return value;
  };
}

/** `[a, b]`: what is an array adds its items, unless it was written as a constructor itself. */
export function compileArray(node: ArrayNode, scope: Scope, compile: Compile): Evaluate {
  const items = node.expressions.map((item) => compile(item, scope));
  const nested = node.expressions.map(isConstructor);
  const isConstructed = node.consarray === true;
  return (input, frame, run) => {
    const result: Value[] = [];
    run.spend(1 + items.length);
    for (let i = 0; i < items.length; i++) {
      const value = (items[i] as Evaluate)(input, frame, run);
      if (value === undefined) continue;
      if (isArray(value) && nested[i] === false) {
        run.spendItems(value.length);
        for (let j = 0; j < value.length; j++) result.push(value[j]);
      } else {
        result.push(value);
      }
    }
    run.checkItems(result.length);
    return isConstructed ? asSequence(result, CONSTRUCTED) : result;
  };
}

function isConstructor(node: Node): boolean {
  return node.type === "unary" && node.value === "[";
}
