// Conditions, blocks, assignments, and array constructors.
//
// Spec: https://docs.jsonata.org/programming, https://docs.jsonata.org/construction

import type { ArrayNode, BindNode, BlockNode, ConditionNode, Node } from "../ast.ts";
import type { Run } from "../limits.ts";
import { CONSTRUCTED, asSequence } from "../sequences.ts";
import { type Value, isArray, isTrue } from "../values.ts";
import { type Compile, type Evaluate, type Frame, type Scope, assignedNames, emptyFrame } from "./scope.ts";

export function compileCondition(node: ConditionNode, scope: Scope, compile: Compile): Evaluate {
  const condition = compile(node.condition, scope);
  const then = compile(node.then, scope);
  const otherwise = node.else === undefined ? undefined : compile(node.else, scope);
  return (input, frame, run) => {
    if (isTrue(condition(input, frame, run), run)) return then(input, frame, run);
    return otherwise === undefined ? undefined : otherwise(input, frame, run);
  };
}

/** A block has a frame of its own only if it assigns variables. */
export function compileBlock(node: BlockNode, scope: Scope, compile: Compile): Evaluate {
  const names = assignedNames(node.expressions);
  const inside = names.size === 0 ? scope : scope.inner(names);
  const expressions = node.expressions.map((expression) => compile(expression, inside));
  const [only] = expressions;
  if (only === undefined) return () => undefined;
  const evaluate: Evaluate =
    expressions.length === 1 ? only : (input, frame, run) => lastOf(expressions, input, frame, run);
  if (inside === scope) return evaluate;
  return (input, frame, run) => evaluate(input, emptyFrame(inside, frame), run);
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
