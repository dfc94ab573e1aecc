// What a function of the language is made of: its name, its signature, and a function over accepted arguments.

import type { Run } from "../limits.ts";
import { Signature } from "../signature.ts";
import { JsonataFunction, type Value, apply } from "../values.ts";

/** Takes arguments that the signature has accepted; what is missing is undefined. */
export type Implementation = (args: readonly Value[], run: Run) => Value;

export interface Definition {
  readonly signature: string;
  /** How many arguments a higher-order function passes to it. */
  readonly arity: number;
  readonly call: Implementation;
}

export type Definitions = Readonly<Record<string, Definition>>;

export function define(signature: string, arity: number, call: Implementation): Definition {
  return { signature, arity, call };
}

/** Most functions have no value where their first argument has none. */
export function defined(
  call: (first: Exclude<Value, undefined>, args: readonly Value[], run: Run) => Value,
): Implementation {
  return (args, run) => {
    const [first] = args;
    return first === undefined ? undefined : call(first, args, run);
  };
}

/** A function of one text. */
export function ofText(call: (text: string, run: Run) => Value): Implementation {
  return (args, run) => {
    const text = args[0] as string | undefined;
    if (text === undefined) return undefined;
    run.spendText(text.length);
    return call(text, run);
  };
}

export class Builtin extends JsonataFunction {
  readonly arity: number;
  readonly name: string;
  readonly #call: Implementation;

  constructor(name: string, definition: Definition) {
    super(new Signature(definition.signature));
    this.name = name;
    this.arity = definition.arity;
    this.#call = definition.call;
  }

  call(args: readonly Value[], run: Run): Value {
    return this.#call(args, run);
  }
}

/** Calls a function that was passed as an argument, with as many arguments as it takes; the first it always gets. */
export function callback(
  target: JsonataFunction,
  run: Run,
  first: Value,
  second: Value,
  third: Value,
): Value {
  if (target.arity >= 3) return apply(target, [first, second, third], null, run);
  return apply(target, target.arity === 2 ? [first, second] : [first], null, run);
}
