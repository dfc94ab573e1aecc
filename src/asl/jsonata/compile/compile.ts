// From the syntax tree to closures: one for each node, made once, called for each evaluation.
//
// A node's own value goes through its filters, its grouping, and then is normalised (sequences.ts Q1): `finish`.

import { unreachable } from "../../../base/assert.ts";
import type { Node } from "../ast.ts";
import { JsonataError } from "../errors.ts";
import { RegexFunction } from "../regex/function.ts";
import {
  KEEP,
  SEQUENCE,
  TUPLES,
  addFlag,
  asSequence,
  contextOf,
  flagsOf,
  normalize,
  normalizeKept,
} from "../sequences.ts";
import { type Value, isArray } from "../values.ts";
import { compileApply, compileCall, compilePartial, compileTailCall } from "./calls.ts";
import { compileLambda } from "./closures.ts";
import { compileArray, compileBind, compileBlock, compileCondition } from "./constructs.ts";
import { compileFilter } from "./filters.ts";
import { compileGroup } from "./groups.ts";
import { descendants, wildcard } from "./navigation.ts";
import { compileBinary, compileNegation } from "./operators.ts";
import { compileName, compilePath } from "./paths.ts";
import type { Evaluate, Scope } from "./scope.ts";
import { compileTransform } from "./transforms.ts";
import { TupleScope } from "./tuple-scope.ts";
import { bindsTuples, compileTuplePath } from "./tuples.ts";

/** Whether what a node gives may be a sequence that has to be unwrapped. */
type Kind = "sequence" | "value";

/** @throws JsonataError for what the parser accepts and nobody can evaluate */
export function compile(node: Node, scope: Scope): Evaluate {
  const [evaluate, kind] = compileBare(node, scope);
  return finish(node, evaluate, kind, scope);
}

function compileBare(node: Node, scope: Scope): [Evaluate, Kind] {
  switch (node.type) {
    case "path":
      return [(bindsTuples(node) ? compileTuplePath : compilePath)(node, scope, compile), "sequence"];
    case "name":
      if (hasMore(node)) return [compileName(node.value, raw), "sequence"];
      return [compileName(node.value, node.keepArray === true ? normalizeKept : normalize), "value"];
    case "string":
    case "number":
    case "value": {
      const { value } = node;
      return [() => value, "value"];
    }
    case "variable":
      if (node.value === "") return [context, "sequence"];
      return hasMore(node)
        ? [scope.reader(node.value, raw), "sequence"]
        : [scope.reader(node.value, normalize), "value"];
    case "wildcard":
      return [wildcard, "sequence"];
    case "descendant":
      return [descendants, "sequence"];
    case "parent":
      return [scope.reader(node.slot.label, raw), "sequence"];
    case "binary":
      return [compileBinary(node, scope, compile), node.value === ".." ? "sequence" : "value"];
    case "unary":
      if (node.value === "-") return [compileNegation(node, scope, compile), "value"];
      if (node.value === "[") return [compileArray(node, scope, compile), "value"];
      return [compileGroup(node, scope, compile, undefined), "value"];
    case "condition":
      return [compileCondition(node, scope, compile), "sequence"];
    case "block":
      return [compileBlock(node, scope, compile), "sequence"];
    case "bind":
      return [compileBind(node, scope, compile), "sequence"];
    case "regex": {
      const regex = new RegexFunction(node.value, node.position);
      return [() => regex, "value"];
    }
    case "function":
      return [compileCall(node, scope, compile), "sequence"];
    case "partial":
      return [compilePartial(node, scope, compile), "value"];
    case "lambda":
      return [(node.thunk === true ? compileTailCall : compileLambda)(node, scope, compile), "value"];
    case "apply":
      return [compileApply(node, scope, compile), "sequence"];
    case "transform":
      return [compileTransform(node, scope, compile), "value"];
    case "sort":
    case "operator":
      throw new JsonataError("S0206", { token: node.type, position: node.position });
    default:
      return unreachable(node);
  }
}

/** `$`: the context item. An input that is an array is one item, and comes wrapped. */
const context: Evaluate = (input) => contextOf(input);

/** Whether something comes before the normalisation of a node: then it cannot be done together with the reading. */
function hasMore(node: Node): boolean {
  return node.predicate !== undefined || node.group !== undefined;
}

function raw(value: Value): Value {
  return value;
}

function finish(node: Node, bare: Evaluate, kind: Kind, scope: Scope): Evaluate {
  let evaluate = bare;
  let isSequence = kind === "sequence";
  // Filters of a step are evaluated by its path, on what each item gave (paths.ts).
  const tuples =
    node.predicate === undefined
      ? undefined
      : TupleScope.for(
          node,
          scope,
          node.predicate.map((stage) => stage.expr),
        );
  for (const stage of node.predicate ?? []) {
    const filter = compileFilter(stage, scope, compile, tuples);
    const before = evaluate;
    evaluate = (input, frame, run) => filter(before(input, frame, run), frame, run);
    isSequence = true;
  }
  if (node.type !== "path" && node.group !== undefined) {
    const group = compileGroup(node.group, scope, compile, undefined);
    const before = evaluate;
    evaluate = (input, frame, run) => group(before(input, frame, run), frame, run);
    isSequence = false;
  }
  if (!isSequence) return evaluate;
  const value = evaluate;
  if (node.keepArray !== true) return (input, frame, run) => normalize(value(input, frame, run));
  const isFiltered = node.predicate !== undefined;
  return (input, frame, run) => keep(value(input, frame, run), isFiltered);
}

/** `[]` after a node (sequences.ts Q2). A filter gives a sequence, even if it was not needed to make one. */
function keep(value: Value, isFiltered: boolean): Value {
  if (!isArray(value)) {
    return isFiltered && value !== undefined ? asSequence([value], SEQUENCE | KEEP) : value;
  }
  const flags = flagsOf(value);
  if ((flags & SEQUENCE) !== 0 && (flags & TUPLES) === 0) addFlag(value, KEEP);
  return normalize(value);
}
