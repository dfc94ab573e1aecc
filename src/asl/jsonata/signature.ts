// Signatures of functions: `<s-nn?:s>`. Which arguments fit, and what they become.
//
// Knows:          the types of parameters, defaults from the context, single values that become arrays.
// Does not know:  functions.
//
// Invariants
//   G1. Arguments are assigned to parameters as a greedy regular expression over their types would, first
//       parameter first. The search is memoised: it takes (parameters x arguments) steps, never exponentially many.
//   G2. Arguments are never changed in place.
//
// Spec: https://docs.jsonata.org/programming#function-signatures

import { JsonataError } from "./errors.ts";
import { JsonataFunction, type Value } from "./values.ts";

const STRING = 1;
const NUMBER = 2;
const BOOLEAN = 4;
const NULL = 8;
const OBJECT = 16;
const ARRAY = 32;
const FUNCTION = 64;
const MISSING = 128;
const JSON_TYPES = STRING | NUMBER | BOOLEAN | NULL | OBJECT | ARRAY | MISSING;

const MASKS: ReadonlyMap<string, number> = new Map([
  ["s", STRING],
  ["n", NUMBER],
  ["b", BOOLEAN],
  ["l", NULL],
  ["o", OBJECT],
  ["a", ARRAY],
  ["f", FUNCTION],
  ["m", MISSING],
]);

/** As messages name the items of an array. */
const PLURALS: ReadonlyMap<string, string> = new Map([
  ["a", "arrays"],
  ["b", "booleans"],
  ["f", "functions"],
  ["n", "numbers"],
  ["o", "objects"],
  ["s", "strings"],
]);

interface Parameter {
  /** The types it takes. */
  readonly mask: number;
  /** `a`: single values become arrays. */
  readonly isArray: boolean;
  subtype: string | undefined;
  min: 0 | 1;
  max: number;
  fromContext: boolean;
}

export class Signature {
  readonly #parameters: readonly Parameter[];
  /** Whether arguments can be matched one to one without looking further. */
  readonly #isPlain: boolean;

  /** @param definition As written: `<s-nn?:s>`, accepted by the language's parser. */
  constructor(definition: string) {
    this.#parameters = parse(definition);
    this.#isPlain = this.#parameters.every((parameter) => parameter.max === 1);
  }

  /**
   * The arguments as the function wants them.
   * @throws JsonataError T0410, T0411, T0412
   */
  validate(args: readonly Value[], context: Value): readonly Value[] {
    return this.#fits(args) ? args : this.#assign(args, context);
  }

  /** Whether each argument fits its parameter, and nothing has to be filled in or wrapped: the common case. */
  #fits(args: readonly Value[]): boolean {
    const parameters = this.#parameters;
    if (!this.#isPlain || args.length > parameters.length) return false;
    for (let i = 0; i < parameters.length; i++) {
      const parameter = parameters[i] as Parameter;
      if (i >= args.length) {
        if (parameter.min === 1 || parameter.fromContext) return false;
        continue;
      }
      const arg = args[i];
      const type = typeOf(arg);
      if ((parameter.mask & type) === 0) return false;
      if (parameter.isArray && type !== MISSING && (type !== ARRAY || parameter.subtype !== undefined)) {
        if (type !== ARRAY || !itemsFit(arg as readonly Value[], parameter.subtype)) return false;
      }
    }
    return true;
  }

  #assign(args: readonly Value[], context: Value): readonly Value[] {
    const parameters = this.#parameters;
    const types = args.map(typeOf);
    const counts = match(parameters, types, true);
    if (counts === undefined) throw this.#misfit(args, types);
    const validated: Value[] = [];
    let at = 0;
    for (const [index, parameter] of parameters.entries()) {
      const count = counts[index] ?? 0;
      if (count === 0) {
        if (parameter.fromContext) {
          if ((parameter.mask & typeOf(context)) === 0) {
            throw new JsonataError("T0411", { value: context, index: at + 1 });
          }
          validated.push(context);
        } else {
          // Not a mistake: an argument that an optional parameter left over is passed in its place all the same.
          validated.push(args[at]);
          at += 1;
        }
        continue;
      }
      for (let i = 0; i < count; i++) {
        validated.push(parameter.isArray ? toArray(args[at], parameter, at, count) : args[at]);
        at += 1;
      }
    }
    return validated;
  }

  #misfit(args: readonly Value[], types: readonly number[]): JsonataError {
    let goodTo = 0;
    for (let count = 1; count <= this.#parameters.length; count++) {
      const counts = match(this.#parameters.slice(0, count), types, false);
      if (counts === undefined) break;
      goodTo = counts.reduce((sum, each) => sum + each, 0);
    }
    return new JsonataError("T0410", { value: args[goodTo], index: goodTo + 1 });
  }
}

function typeOf(value: Value): number {
  const type = typeof value;
  if (type === "string") return STRING;
  if (type === "number") return NUMBER;
  if (type === "boolean") return BOOLEAN;
  if (value === undefined) return MISSING;
  if (value === null) return NULL;
  if (Array.isArray(value)) return ARRAY;
  return value instanceof JsonataFunction ? FUNCTION : OBJECT;
}

/** Only the first letter of a subtype is looked at; all items must be of one type. */
function itemsFit(items: readonly Value[], subtype: string | undefined): boolean {
  if (subtype === undefined || items.length === 0) return true;
  const wanted = MASKS.get(subtype.charAt(0)) ?? 0;
  for (let i = 0; i < items.length; i++) if (typeOf(items[i]) !== wanted) return false;
  return true;
}

function toArray(arg: Value, parameter: Parameter, at: number, count: number): Value {
  if (arg === undefined) return undefined;
  const { subtype } = parameter;
  if (Array.isArray(arg)) {
    if (itemsFit(arg as readonly Value[], subtype)) return arg;
  } else if (subtype === undefined || (count === 1 && MASKS.get(subtype) === typeOf(arg))) {
    return [arg];
  }
  throw new JsonataError("T0412", { value: arg, index: at + 1, type: PLURALS.get(subtype ?? "") });
}

/** How many arguments each parameter takes, or undefined (G1). */
function match(
  parameters: readonly Parameter[],
  types: readonly number[],
  toTheEnd: boolean,
): readonly number[] | undefined {
  const failed = new Set<number>();
  const counts: number[] = [];
  const from = (index: number, at: number): boolean => {
    const parameter = parameters[index];
    if (parameter === undefined) return !toTheEnd || at === types.length;
    const state = index * (types.length + 1) + at;
    if (failed.has(state)) return false;
    let most = 0;
    while (most < parameter.max && ((types[at + most] ?? 0) & parameter.mask) !== 0) most += 1;
    for (let count = most; count >= parameter.min; count--) {
      counts[index] = count;
      if (from(index + 1, at + count)) return true;
    }
    failed.add(state);
    return false;
  };
  return from(0, 0) ? counts : undefined;
}

function parse(definition: string): readonly Parameter[] {
  const parameters: Parameter[] = [];
  const add = (mask: number, isArray = false): void => {
    parameters.push({ mask, isArray, subtype: undefined, min: 1, max: 1, fromContext: false });
  };
  for (let at = 1; at < definition.length && definition.charAt(at) !== ":"; at++) {
    const symbol = definition.charAt(at);
    const last = parameters.at(-1);
    switch (symbol) {
      case "s":
      case "n":
      case "b":
      case "l":
      case "o":
        add((MASKS.get(symbol) ?? 0) | MISSING);
        break;
      case "a":
        add(JSON_TYPES | FUNCTION, true);
        break;
      case "f":
        add(FUNCTION);
        break;
      case "j":
        add(JSON_TYPES);
        break;
      case "x":
        add(JSON_TYPES | FUNCTION);
        break;
      case "-":
        if (last !== undefined) {
          last.fromContext = true;
          last.min = 0;
        }
        break;
      case "?":
        if (last !== undefined) last.min = 0;
        break;
      case "+":
        if (last !== undefined) last.max = Number.POSITIVE_INFINITY;
        break;
      case "(": {
        const end = closing(definition, at, "(", ")");
        let mask = MISSING;
        for (const type of definition.slice(at + 1, end)) mask |= MASKS.get(type) ?? 0;
        add(mask);
        at = end;
        break;
      }
      case "<": {
        const end = closing(definition, at, "<", ">");
        if (last !== undefined) last.subtype = definition.slice(at + 1, end);
        at = end;
        break;
      }
      default:
        break;
    }
  }
  return parameters;
}

/** The offset of the bracket that closes the one at `start`, or the end. */
function closing(text: string, start: number, open: string, close: string): number {
  let depth = 1;
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === open) depth += 1;
    else if (text.charAt(at) === close) depth -= 1;
    if (depth === 0) return at;
  }
  return text.length;
}
