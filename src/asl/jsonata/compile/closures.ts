// Functions that expressions make: lambdas, partial applications, compositions.
//
// Invariants
//   F1. A closure keeps the context and the frame in which it was made.
//   F2. Calls in tail position give a TailCall; `apply` (values.ts) makes them, so that tail recursion is a loop.
//   F3. A function that is passed as an argument loses the caller's context: parameters that default to the
//       context get null there (`Detached`).

import { type LambdaNode, type Node, childrenOf } from "../ast.ts";
import type { Run } from "../limits.ts";
import { normalize } from "../sequences.ts";
import { Signature } from "../signature.ts";
import { JsonataFunction, TailCall, type Value, apply } from "../values.ts";
import { type Compile, type Evaluate, Frame, type Scope, UNSET, assignedNames } from "./scope.ts";

export class Closure extends JsonataFunction {
  readonly arity: number;
  readonly #size: number;
  readonly #weight: number;
  readonly #body: Evaluate;
  readonly #input: Value;
  readonly #frame: Frame;

  constructor(lambda: Lambda, input: Value, frame: Frame) {
    super(lambda.signature);
    this.arity = lambda.arity;
    this.#size = lambda.scope.size;
    this.#weight = lambda.weight;
    this.#body = lambda.body;
    this.#input = input;
    this.#frame = frame;
  }

  /** The arguments become the frame (values.ts V3): they are not copied. */
  call(args: readonly Value[], run: Run): Value {
    const slots = args as Value[];
    const { arity } = this;
    if (slots.length !== arity) {
      while (slots.length < arity) slots.push(undefined);
      slots.length = arity;
    }
    for (let i = arity; i < this.#size; i++) slots.push(UNSET);
    run.spend(this.#weight);
    return this.#body(this.#input, new Frame(slots, this.#frame), run);
  }
}

interface Lambda {
  readonly arity: number;
  readonly signature: Signature | undefined;
  readonly scope: Scope;
  readonly body: Evaluate;
  /** Fuel that a call costs: by the size of the body, loops in it not counted. */
  readonly weight: number;
}

export function compileLambda(node: LambdaNode, scope: Scope, compile: Compile): Evaluate {
  const inside = scope.inner([]);
  for (const parameter of node.arguments) inside.declare(parameter.value, "parameter");
  for (const name of assignedNames([node.body])) inside.declare(name, "assigned");
  const lambda: Lambda = {
    arity: node.arguments.length,
    signature: node.signature === undefined ? undefined : new Signature(node.signature.definition),
    scope: inside,
    body: compile(node.body, inside),
    weight: 1 + sizeOf(node.body) / 3,
  };
  return (input, frame) => new Closure(lambda, input, frame);
}

/** Nodes that are evaluated at most once by one evaluation of `node`; functions inside are not. */
function sizeOf(node: Node): number {
  if (node.type === "lambda" && node.thunk !== true) return 1;
  return childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 1);
}

/** A function with a signature, as an argument (F3). */
class Detached extends JsonataFunction {
  readonly arity: number;
  readonly inner: JsonataFunction;

  constructor(inner: JsonataFunction) {
    super(undefined);
    this.arity = inner.arity;
    this.inner = inner;
  }

  call(args: readonly Value[], run: Run): Value {
    return apply(this.inner, args, null, run);
  }
}

/** What becomes of a value that is passed as an argument. Without a signature there is no context to lose. */
export function asArgument(value: Value): Value {
  return value instanceof JsonataFunction && value.signature !== undefined ? new Detached(value) : value;
}

/** The `?` in `$f(?, 2)`. */
export const PLACEHOLDER: unique symbol = Symbol("placeholder");

export type PartialArgument = Value | typeof PLACEHOLDER;

export class Partial extends JsonataFunction {
  readonly arity: number;
  readonly #inner: JsonataFunction;
  readonly #args: readonly PartialArgument[];

  constructor(target: JsonataFunction, args: readonly PartialArgument[]) {
    super(undefined);
    this.#inner = target instanceof Detached ? target.inner : target;
    this.#args = args.slice(0, Math.max(this.#inner.arity, 1));
    this.arity = this.#args.filter((arg) => arg === PLACEHOLDER).length;
  }

  call(args: readonly Value[], run: Run): Value {
    let next = 0;
    const filled = this.#args.map((arg): Value => {
      if (arg !== PLACEHOLDER) return arg;
      next += 1;
      return args[next - 1];
    });
    const inner = this.#inner;
    // A closure forgets its signature when it is applied in part; a function of the language keeps it, since its
    // implementation relies on the types.
    if (inner.signature === undefined || inner instanceof Closure) return inner.call(filled, run);
    return inner.call(inner.signature.validate(filled, undefined), run);
  }
}

/** `$f ~> $g` of two functions. */
export class Composition extends JsonataFunction {
  readonly arity = 1;
  readonly #first: JsonataFunction;
  readonly #second: JsonataFunction;
  readonly #position: number;

  constructor(first: JsonataFunction, second: JsonataFunction, position: number) {
    super(undefined);
    this.#first = first;
    this.#second = second;
    this.#position = position;
  }

  call(args: readonly Value[], run: Run): Value {
    const given = normalize(apply(this.#first, [asArgument(args[0])], null, run));
    return new TailCall(this.#second, [given], undefined, this.#position);
  }
}
