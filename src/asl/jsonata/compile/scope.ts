// Variables: where each one lives is decided when the expression is compiled; evaluation indexes into arrays.
//
// Knows:          scopes (compile time) and frames (run time), one frame for each scope that is entered.
// Does not know:  nodes, but for the one question which of them assign variables.
//
// Invariants
//   E1. A frame has its scope's variables at the scope's indexes, and its parent is a frame of the scope's parent.
//   E2. A variable that may not have been assigned yet holds UNSET; reading it goes on to the next scope outside.
//   E3. Scopes are blocks that assign, lambdas, and streams of tuples. An assignment writes to the innermost frame.
//   E4. The root scope has every name that is free in the expression: it is filled from the caller's variables
//       and from the functions of the language before the evaluation begins.

import { type Node, childrenOf } from "../ast.ts";
import type { Run } from "../limits.ts";
import { normalize } from "../sequences.ts";
import { JsonataFunction, type Value } from "../values.ts";

/** A compiled node. What it gives has been normalised (sequences.ts Q1). */
export type Evaluate = (input: Value, frame: Frame, run: Run) => Value;

/** Compiles a node; handed around because node kinds contain one another, and modules must not. */
export type Compile = (node: Node, scope: Scope) => Evaluate;

class Unset extends JsonataFunction {
  readonly arity = 0;
  call(): Value {
    return undefined;
  }
}

/** Not assigned yet (E2). Never leaves a frame. */
export const UNSET: Value = new Unset(undefined);

export class Frame {
  readonly slots: Value[];
  readonly parent: Frame | undefined;

  constructor(slots: Value[], parent: Frame | undefined) {
    this.slots = slots;
    this.parent = parent;
  }
}

interface Variable {
  readonly index: number;
  /** Assigned before anything that is compiled from now on is evaluated. */
  isCertain: boolean;
}

interface Place {
  /** Frames outwards. */
  readonly depth: number;
  readonly index: number;
}

export class Scope {
  readonly parent: Scope | undefined;
  readonly #variables = new Map<string, Variable>();
  #size = 0;

  constructor(parent: Scope | undefined) {
    this.parent = parent;
  }

  /** How many slots a frame of it has. */
  get size(): number {
    return this.#size;
  }

  get names(): readonly string[] {
    return Array.from(this.#variables.keys());
  }

  /** Adds a variable, or finds the one that is there; parameters of the same name are told apart, the last counts. */
  declare(name: string, kind: "parameter" | "assigned"): number {
    const known = this.#variables.get(name);
    if (known !== undefined && kind === "assigned") return known.index;
    const index = this.#size;
    this.#size += 1;
    this.#variables.set(name, { index, isCertain: kind === "parameter" });
    return index;
  }

  /** From here on a variable is known to be assigned: nothing outside is asked for it any more. */
  settle(name: string): void {
    const variable = this.#variables.get(name);
    if (variable !== undefined) variable.isCertain = true;
  }

  /** A scope inside, with variables that are assigned while it is evaluated. */
  inner(assigned: Iterable<string>): Scope {
    const scope = new Scope(this);
    for (const name of assigned) scope.declare(name, "assigned");
    return scope;
  }

  /**
   * Reads a variable by name: the innermost that is assigned.
   * @param finish What to do with the value, if it is an object.
   */
  reader(name: string, finish: (value: Value) => Value = normalize): Evaluate {
    const places = this.#placesOf(name, 0);
    const [first] = places;
    if (places.length === 1 && first !== undefined) return readerAt(first.depth, first.index, finish);
    return (_input, frame) => {
      let at: Frame | undefined = frame;
      let outer = 0;
      for (const place of places) {
        for (; outer < place.depth; outer++) at = at?.parent;
        const value = at?.slots[place.index];
        if (value !== UNSET) return finish(value);
      }
      return undefined;
    };
  }

  /** Where the name may be found, from the inside; a certain variable is the last place to look. */
  #placesOf(name: string, depth: number): readonly Place[] {
    const found = this.#variables.get(name);
    const here: readonly Place[] = found === undefined ? [] : [{ depth, index: found.index }];
    if (found?.isCertain === true) return here;
    if (this.parent !== undefined) return [...here, ...this.parent.#placesOf(name, depth + 1)];
    // E4. The root scope cannot miss a name.
    return found === undefined ? [{ depth, index: this.declare(name, "assigned") }] : here;
  }
}

function readerAt(depth: number, index: number, finish: (value: Value) => Value): Evaluate {
  const present = (value: Value): Value => {
    if (typeof value !== "object") return value;
    return value === UNSET ? undefined : finish(value);
  };
  if (depth === 0) return (_input, frame) => present(frame.slots[index]);
  if (depth === 1) return (_input, frame) => present(frame.parent?.slots[index]);
  return (_input, frame) => {
    let at: Frame | undefined = frame;
    for (let i = 0; i < depth; i++) at = at?.parent;
    return present(at?.slots[index]);
  };
}

/** A frame of `scope` with nothing assigned. */
export function emptyFrame(scope: Scope, parent: Frame): Frame {
  const slots: Value[] = [];
  for (let i = 0; i < scope.size; i++) slots.push(UNSET);
  return new Frame(slots, parent);
}

/** The variables that evaluating `nodes` assigns in the frame they are evaluated in (E3). */
export function assignedNames(nodes: readonly Node[]): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: Node): void => {
    if (node.type === "bind") names.add(node.lhs.value);
    // Blocks and functions have frames of their own; but what filters and groups them is outside of those.
    const own = node.type === "block" || (node.type === "lambda" && node.thunk !== true);
    const inside = own ? (node.type === "block" ? node.expressions : [node.body]) : [];
    for (const child of childrenOf(node)) if (!inside.includes(child)) visit(child);
  };
  for (const node of nodes) visit(node);
  return names;
}
