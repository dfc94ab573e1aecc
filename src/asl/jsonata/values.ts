// Values of the language: truth, equality, members, calls.
//
// Invariants
//   V1. A value that came from outside is never written to (base/json.ts J1); arrays and objects made during the
//       evaluation are written to only by whoever made them, before they are handed on.
//   V2. Keys are data. Members are read and written through this file alone, so that no key reaches a prototype
//       and no member of a function object is visible.
//   V3. Arguments are an array of the callee's own: whoever calls has just made it, and does not look at it again.

import { JsonataError } from "./errors.ts";
import type { Run } from "./limits.ts";
import { JsonataFunction, type Value, type ValueArray, type ValueObject } from "./value-types.ts";

export { JsonataFunction, type Value, type ValueArray, type ValueObject } from "./value-types.ts";

/** What a closure returns instead of calling in tail position: the stack does not grow. */
export class TailCall extends JsonataFunction {
  readonly arity = 0;
  readonly target: Value;
  readonly args: readonly Value[];
  readonly token: string | undefined;
  readonly position: number;

  constructor(target: Value, args: readonly Value[], token: string | undefined, position: number) {
    super(undefined);
    this.target = target;
    this.args = args;
    this.token = token;
    this.position = position;
  }

  call(): Value {
    return this;
  }
}

/**
 * Calls `target`, and whatever it calls in tail position.
 *
 * @param context For parameters that take the context when they get no argument.
 * @throws JsonataError T1006 when it is no function, T0410 to T0412 when the arguments do not fit
 */
export function apply(target: Value, args: readonly Value[], context: Value, run: Run): Value {
  run.enter();
  let result = applyOnce(target, args, context, run);
  while (result instanceof TailCall) {
    run.spend(2);
    const tail: TailCall = result;
    try {
      result = applyOnce(tail.target, tail.args, context, run);
    } catch (fault) {
      throw located(fault, tail.token, tail.position);
    }
  }
  run.leave();
  return result;
}

function applyOnce(target: Value, args: readonly Value[], context: Value, run: Run): Value {
  if (!(target instanceof JsonataFunction)) throw new JsonataError("T1006");
  const { signature } = target;
  return target.call(signature === undefined ? args : signature.validate(args, context), run);
}

/** `fault` with the name and place of a call added, if it is one of the language. */
export function located(fault: unknown, token: string | undefined, position: number | undefined): unknown {
  return fault instanceof JsonataError ? fault.locate(token, position) : fault;
}

export function isArray(value: Value): value is ValueArray {
  return Array.isArray(value);
}

/** Whether `value` is an object of JSON: no array, no function, not null. */
export function isObject(value: Value): value is ValueObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof JsonataFunction)
  );
}

/** Whether every object answers to `key`: such keys have to be asked for with Object.hasOwn. */
function isInherited(key: string): boolean {
  return key in Object.prototype;
}

/** A reader of the member `key` of whatever is not an array; undefined where there is none (V2). */
export function memberReader(key: string): (value: Value) => Value {
  if (isInherited(key)) return (value) => (isObject(value) ? memberOf(value, key) : undefined);
  return (value) => {
    if (typeof value !== "object" || value === null) return undefined;
    const found = (value as ValueObject)[key];
    return found === undefined || value instanceof JsonataFunction ? undefined : found;
  };
}

/** The own member `key`, or undefined (V2). */
export function memberOf(object: ValueObject, key: string): Value {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Adds or replaces a member of an object under construction (V2). */
export function setMember(object: ValueObject, key: string, value: Value): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    (object as Record<string, Value>)[key] = value;
  }
}

/**
 * Whether `value` is a number that can be reckoned with; NaN is not one.
 * @throws JsonataError D1001 for an infinity
 */
export function isNumeric(value: Value): value is number {
  if (typeof value !== "number") return false;
  if (value - value === 0) return true;
  if (Number.isNaN(value)) return false;
  throw new JsonataError("D1001", { value });
}

/** The effective boolean of a value: undefined where there is no value. */
export function toBoolean(value: Value, run: Run): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  if (typeof value === "string") return value.length > 0;
  if (typeof value === "number") return isNumeric(value) && value !== 0;
  if (value === null || value instanceof JsonataFunction) return false;
  if (!isArray(value)) return hasMembers(value);
  if (value.length === 1) return toBoolean(value[0], run);
  run.spend(value.length);
  return value.some((item) => toBoolean(item, run) === true);
}

/** Whether a value counts as true; nothing does not. */
export function isTrue(value: Value, run: Run): boolean {
  return value === true || (value !== false && value !== undefined && toBoolean(value, run) === true);
}

function hasMembers(object: ValueObject): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return true;
  return false;
}

/** Deep equality: of arrays in order, of objects by members; functions are equal to themselves only. */
export function deepEquals(a: Value, b: Value, run: Run): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof JsonataFunction || b instanceof JsonataFunction) return false;
  if (isArray(a)) {
    if (!isArray(b) || a.length !== b.length) return false;
    run.spend(a.length);
    for (let i = 0; i < a.length; i++) if (!deepEquals(a[i], b[i], run)) return false;
    return true;
  }
  if (isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  run.spend(keys.length);
  for (const key of keys) if (!Object.hasOwn(b, key) || !deepEquals(a[key], b[key], run)) return false;
  return true;
}
