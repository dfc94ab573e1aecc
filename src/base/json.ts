// JSON values, and Payload: a value and its text, each made from the other only when it is asked for.
//
// Knows:          JSON, UTF-8 sizes, keys that are dangerous to assign.
// Does not know:  States Language, limits of the service (callers pass them in).
//
// Invariants
//   J1. Values are immutable by agreement: nobody writes to a Json after it was made, so it is never cloned.
//   J2. Keys are data. `__proto__`, `constructor` and the like are ordinary keys: they are written with
//       `withMember`/`fromMembers` only, never by assignment, and survive a round trip.
//   J3. A Payload that was made from text keeps that text: a state that passes its input through neither
//       parses nor prints it, and numbers that JavaScript cannot hold survive untouched.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Whether `value` is a JSON object (not an array, not null). */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `value` is a JSON array. */
export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The own member `key` of an object, or undefined; never looks at the prototype. */
export function member(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Adds or replaces a member of an object under construction. Safe for every key (J2). */
export function setMember(object: JsonObject, key: string, value: Json): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    (object as Record<string, Json>)[key] = value;
  }
}

/** A copy of `object` with one member added or replaced (J2); the order of the other members is kept. */
export function withMember(object: JsonObject, key: string, value: Json): JsonObject {
  const copy: JsonObject = { ...object };
  setMember(copy, key, value);
  return copy;
}

/** An object made of entries, in order; later entries win. */
export function fromMembers(entries: Iterable<readonly [string, Json]>): JsonObject {
  const object: JsonObject = {};
  for (const [key, value] of entries) setMember(object, key, value);
  return object;
}

/** Deep equality of JSON values; members of objects in any order. */
export function jsonEquals(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isArray(a)) {
    return isArray(b) && a.length === b.length && a.every((item, i) => jsonEquals(item, b[i] as Json));
  }
  if (isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && jsonEquals(a[key] as Json, b[key] as Json));
}

/** How many bytes `text` takes in UTF-8; a lone surrogate counts as its replacement character (3). */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (
      unit >= 0xd800 &&
      unit < 0xdc00 &&
      i + 1 < text.length &&
      (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    ) {
      bytes += 2;
      i += 1;
    } else {
      bytes += 2;
    }
  }
  return bytes;
}

/** An immutable JSON document that keeps its text and its value (J3). */
export class Payload {
  #text: string | undefined;
  #value: Json | undefined;
  #bytes = -1;

  private constructor(text: string | undefined, value: Json | undefined) {
    this.#text = text;
    this.#value = value;
  }

  /** `text` must be valid JSON: it was checked at the door, or we wrote it. */
  static ofText(text: string): Payload {
    return new Payload(text, undefined);
  }

  static ofValue(value: Json): Payload {
    return new Payload(undefined, value);
  }

  /** The JSON text: the original if there was one, else compact. */
  get text(): string {
    this.#text ??= JSON.stringify(this.#value);
    return this.#text;
  }

  get value(): Json {
    if (this.#value === undefined) this.#value = JSON.parse(this.#text as string) as Json;
    return this.#value;
  }

  /** Size of the text in UTF-8. */
  get bytes(): number {
    if (this.#bytes < 0) this.#bytes = utf8Bytes(this.text);
    return this.#bytes;
  }

  /** The document `[a, b, …]`, made from the texts of its elements. */
  static ofArray(elements: readonly Payload[]): Payload {
    return new Payload(`[${elements.map((element) => element.text).join(",")}]`, undefined);
  }
}

export const EMPTY_OBJECT: Payload = Payload.ofText("{}");
