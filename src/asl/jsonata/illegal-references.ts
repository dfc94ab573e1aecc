// References to a context that there is not: an expression of a definition is evaluated without an input, so `$`,
// `$$` and bare names at its top mean nothing, and the service refuses them.
//
// Inside of a path, a filter, an order-by, or a group there is a context. A function keeps that of the place where it is
// written (measured: the service refuses a bare name in the body of a lambda at the top).
//
// Spec: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html (reserved variables, JSONata input)

import { type Node, childrenOf } from "./ast.ts";

export interface IllegalReference {
  /** As written: `$`, `$$`, `name`, `*`, `**`, `%`. */
  readonly reference: string;
  /** Offset in the expression, in UTF-16 units. */
  readonly position: number;
}

/** In the order of the text. */
export function illegalReferences(ast: Node): readonly IllegalReference[] {
  const found: IllegalReference[] = [];
  visit(ast, false, found);
  return found.toSorted((a, b) => a.position - b.position);
}

function visit(node: Node, hasContext: boolean, found: IllegalReference[]): void {
  const reference = referenceOf(node, hasContext);
  if (reference !== undefined) found.push({ reference, position: node.position ?? 0 });
  for (const { expr } of node.predicate ?? []) visit(expr, true, found);
  for (const stage of node.stages ?? []) if (stage.type === "filter") visit(stage.expr, true, found);
  for (const each of node.group?.lhs.flat() ?? []) visit(each, true, found);
  if (node.type === "path") {
    for (const [i, step] of node.steps.entries()) visit(step, hasContext || i > 0, found);
    return;
  }
  const isInside = hasContext || node.type === "transform" || node.type === "sort";
  const outer = new Set<Node>([
    ...(node.predicate ?? []).map((stage) => stage.expr),
    ...(node.stages ?? []).flatMap((stage) => (stage.type === "filter" ? [stage.expr] : [])),
    ...(node.group?.lhs.flat() ?? []),
  ]);
  for (const child of childrenOf(node)) if (!outer.has(child)) visit(child, isInside, found);
}

function referenceOf(node: Node, hasContext: boolean): string | undefined {
  if (node.type === "variable" && node.value === "$") return "$$";
  if (hasContext) return undefined;
  if (node.type === "variable") return node.value === "" ? "$" : undefined;
  return node.type === "name" ? node.value : WITHOUT_NAME.get(node.type);
}

const WITHOUT_NAME: ReadonlyMap<Node["type"], string> = new Map([
  ["wildcard", "*"],
  ["descendant", "**"],
  ["parent", "%"],
]);
