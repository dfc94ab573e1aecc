// The syntax tree that the parser of the `jsonata` package gives, as far as it is read here.
//
// Its shapes are not documented; these are those of version 2.2.2, which package.json pins. An unknown kind of
// node fails when the expression is compiled, not when it is evaluated.

interface Place {
  /** Offset in the text of the expression. */
  readonly position?: number;
}

interface Common extends Place {
  /** `[]` was written after it: a sequence of one stays a sequence. */
  readonly keepArray?: boolean;
  /** Filters on what the node gives. */
  readonly predicate?: readonly FilterStage[];
  /** `{key: value}` after it. */
  readonly group?: Group;

  // As a step of a path:
  /** Filters and index bindings on what the step gives for each item. */
  readonly stages?: readonly Stage[];
  /** It takes part in a stream of tuples: @, #, % or the ancestor of one. */
  readonly tuple?: boolean;
  /** `@$name` */
  readonly focus?: string;
  /** `#$name` */
  readonly index?: string;
  /** The variable that `%` further on reads: the item that this step came from. */
  readonly ancestor?: Slot;
  /** An array constructor at the beginning or end of a path. */
  readonly consarray?: boolean;
}

interface Slot {
  readonly label: string;
}

export interface FilterStage extends Place {
  readonly type: "filter";
  readonly expr: Node;
}

export interface IndexStage extends Place {
  readonly type: "index";
  readonly value: string;
}

export type Stage = FilterStage | IndexStage;

export interface Group extends Place {
  readonly lhs: readonly (readonly [key: Node, value: Node])[];
}

export interface PathNode extends Common {
  readonly type: "path";
  readonly steps: readonly Node[];
  readonly keepSingletonArray?: boolean;
}

export interface NameNode extends Common {
  readonly type: "name";
  readonly value: string;
}

export interface LiteralNode extends Common {
  readonly type: "string" | "number" | "value";
  readonly value: string | number | boolean | null;
}

export interface VariableNode extends Common {
  readonly type: "variable";
  readonly value: string;
}

export interface RegexNode extends Common {
  readonly type: "regex";
  readonly value: RegExp;
}

export interface WildcardNode extends Common {
  readonly type: "wildcard" | "descendant";
}

export interface ParentNode extends Common {
  readonly type: "parent";
  readonly slot: Slot;
}

export interface BinaryNode extends Common {
  readonly type: "binary";
  readonly value: string;
  readonly lhs: Node;
  readonly rhs: Node;
}

export interface NegationNode extends Common {
  readonly type: "unary";
  readonly value: "-";
  readonly expression: Node;
}

export interface ArrayNode extends Common {
  readonly type: "unary";
  readonly value: "[";
  readonly expressions: readonly Node[];
}

export interface ObjectNode extends Common {
  readonly type: "unary";
  readonly value: "{";
  readonly lhs: Group["lhs"];
}

export interface BindNode extends Common {
  readonly type: "bind";
  readonly lhs: VariableNode;
  readonly rhs: Node;
}

export interface ConditionNode extends Common {
  readonly type: "condition";
  readonly condition: Node;
  readonly then: Node;
  readonly else?: Node;
}

export interface BlockNode extends Common {
  readonly type: "block";
  readonly expressions: readonly Node[];
}

export interface CallNode extends Common {
  readonly type: "function" | "partial";
  readonly procedure: Node;
  readonly arguments: readonly Node[];
}

/** The `?` of a partial application. */
export interface PlaceholderNode extends Common {
  readonly type: "operator";
  readonly value: "?";
}

export interface LambdaNode extends Common {
  readonly type: "lambda";
  readonly arguments: readonly VariableNode[];
  readonly body: Node;
  readonly signature?: { readonly definition: string };
  /** A call in tail position, wrapped by the parser. */
  readonly thunk?: boolean;
}

export interface ApplyNode extends Common {
  readonly type: "apply";
  readonly lhs: Node;
  readonly rhs: Node;
}

export interface TransformNode extends Common {
  readonly type: "transform";
  readonly pattern: Node;
  readonly update: Node;
  readonly delete?: Node;
}

export interface SortNode extends Common {
  readonly type: "sort";
  readonly terms: readonly { readonly descending: boolean; readonly expression: Node }[];
}

export type Node =
  | PathNode
  | NameNode
  | LiteralNode
  | VariableNode
  | RegexNode
  | WildcardNode
  | ParentNode
  | BinaryNode
  | NegationNode
  | ArrayNode
  | ObjectNode
  | BindNode
  | ConditionNode
  | BlockNode
  | CallNode
  | PlaceholderNode
  | LambdaNode
  | ApplyNode
  | TransformNode
  | SortNode;

/** The parts of a node that are evaluated, in the order of the text. Predicates, stages and groups included. */
export function childrenOf(node: Node): readonly Node[] {
  const children: Node[] = [...ownChildren(node)];
  for (const { expr } of node.predicate ?? []) children.push(expr);
  for (const stage of node.stages ?? []) if (stage.type === "filter") children.push(stage.expr);
  if (node.group !== undefined) children.push(...node.group.lhs.flat());
  return children;
}

function ownChildren(node: Node): readonly Node[] {
  switch (node.type) {
    case "path":
      return node.steps;
    case "binary":
    case "apply":
      return [node.lhs, node.rhs];
    case "unary":
      if (node.value === "-") return [node.expression];
      return node.value === "[" ? node.expressions : node.lhs.flat();
    case "bind":
      return [node.rhs];
    case "condition":
      return node.else === undefined ? [node.condition, node.then] : [node.condition, node.then, node.else];
    case "block":
      return node.expressions;
    case "function":
    case "partial":
      return [node.procedure, ...node.arguments];
    case "lambda":
      return [node.body];
    case "transform":
      return node.delete === undefined
        ? [node.pattern, node.update]
        : [node.pattern, node.update, node.delete];
    case "sort":
      return node.terms.map((term) => term.expression);
    case "name":
    case "string":
    case "number":
    case "value":
    case "variable":
    case "regex":
    case "wildcard":
    case "descendant":
    case "parent":
    case "operator":
      return [];
  }
}
