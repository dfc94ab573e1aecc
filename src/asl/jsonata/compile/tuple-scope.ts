// Tuples: an item of a path together with what `@$v`, `#$i` and `%` bound on the way to it.
//
// Knows:          which variables a path may bind, and how they are kept.
// Does not know:  how a stream of tuples comes about (tuples.ts).
//
// Invariants
//   U1. A tuple never changes once it is in a stream: a step makes new ones.
//   U2. The variables of a path inside a path are among those of the outer one, in an order of their own.

import type { Node } from "../ast.ts";
import { JsonataFunction, type Value } from "../values.ts";
import { Frame, Scope, UNSET, assignedNames } from "./scope.ts";

/** Kept in arrays flagged TUPLES only. A function as far as values go, so that no key of it is visible. */
export class Tuple extends JsonataFunction {
  readonly arity = 0;
  readonly item: Value;
  readonly names: readonly string[];
  /** UNSET where a name is not bound. */
  readonly bound: readonly Value[];

  constructor(item: Value, names: readonly string[], bound: readonly Value[]) {
    super(undefined);
    this.item = item;
    this.names = names;
    this.bound = bound;
  }

  call(): Value {
    return undefined;
  }
}

export function isTuple(value: Value): value is Tuple {
  return value instanceof Tuple;
}

/** The variables of the streams that a node makes, as a scope inside of `parent`. */
export class TupleScope {
  readonly scope: Scope;
  readonly names: readonly string[];
  readonly #unset: readonly Value[];

  /** @param evaluated The nodes that are evaluated in it: what they assign is gone with the next tuple. */
  constructor(parent: Scope, names: readonly string[], evaluated: readonly Node[]) {
    this.scope = parent.inner(names);
    this.names = names;
    for (const name of assignedNames(evaluated)) this.scope.declare(name, "assigned");
    this.#unset = Array.from({ length: this.scope.size }, () => UNSET);
  }

  /** Undefined if no stream can come out of `node`: the common case, which needs no scope. */
  static for(node: Node, parent: Scope, evaluated: readonly Node[]): TupleScope | undefined {
    const names = new Set<string>();
    collectNames(node, names);
    return names.size === 0 ? undefined : new TupleScope(parent, Array.from(names), evaluated);
  }

  indexOf(name: string): number {
    return this.names.indexOf(name);
  }

  frame(tuple: Tuple | undefined, parent: Frame): Frame {
    const slots = this.#unset.slice();
    if (tuple !== undefined) this.copy(tuple, slots);
    return new Frame(slots, parent);
  }

  /** Writes what a tuple of this scope, or of one inside (U2), has bound. */
  copy(tuple: Tuple, slots: Value[]): void {
    const { names, bound } = tuple;
    if (names === this.names) {
      for (let i = 0; i < names.length; i++) slots[i] = bound[i];
      return;
    }
    for (let i = 0; i < names.length; i++) {
      if (bound[i] !== UNSET) slots[this.indexOf(names[i] as string)] = bound[i];
    }
  }

  /** What a tuple has bound, to be changed and made a new tuple of. */
  slotsOf(tuple: Tuple | undefined): Value[] {
    const slots = this.#unset.slice(0, this.names.length);
    if (tuple !== undefined) this.copy(tuple, slots);
    return slots;
  }
}

function collectNames(node: Node, names: Set<string>): void {
  if (node.focus !== undefined) names.add(node.focus);
  if (node.index !== undefined) names.add(node.index);
  if (node.ancestor !== undefined) names.add(node.ancestor.label);
  for (const stage of node.stages ?? []) if (stage.type === "index") names.add(stage.value);
  if (node.type === "path") for (const step of node.steps) collectNames(step, names);
  if (node.type === "block") for (const expression of node.expressions) collectNames(expression, names);
}
