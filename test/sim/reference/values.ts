// Values as the reference interpreter sees them: plain JSON, and things that only the history can tell.
//
// Some expressions have no predictable value (`$$.Task.Token`, `States.UUID()`). The interpreter puts an Unknown in
// their place; comparing with what the history recorded tells whether that may stand there. From then on it is known,
// and must be the same wherever it comes again.

export type Value =
  | null
  | boolean
  | number
  | string
  | Unknown
  | readonly Value[]
  | { readonly [key: string]: Value };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;

/** Tokens, ids, and the words of a cause. */
type UnknownKind = "token" | "uuid" | "words";
const LOOKS: Readonly<Record<UnknownKind, (text: string) => boolean>> = {
  token: (text) => text.length > 20,
  uuid: (text) => UUID.test(text),
  words: (text) => text !== "",
};

export class Unknown {
  readonly kind: UnknownKind;
  /** What the history has told of it. */
  resolved: string | undefined;
  constructor(kind: UnknownKind) {
    this.kind = kind;
  }

  allows(value: Value): boolean {
    if (typeof value !== "string") return false;
    if (this.resolved !== undefined) return value === this.resolved;
    const isLikely = LOOKS[this.kind](value);
    if (isLikely) this.resolved = value;
    return isLikely;
  }
}

/** Whether what was recorded is what was expected: JSON equality, members in any order, Unknowns filled in. */
export function fits(expected: Value, recorded: Value): boolean {
  if (expected instanceof Unknown) return expected.allows(recorded);
  if (typeof expected !== "object" || expected === null) return expected === recorded;
  if (typeof recorded !== "object" || recorded === null || recorded instanceof Unknown) return false;
  if (Array.isArray(expected) || Array.isArray(recorded)) {
    if (!Array.isArray(expected) || !Array.isArray(recorded) || expected.length !== recorded.length)
      return false;
    return expected.every((item, i) => fits(item as Value, recorded[i] as Value));
  }
  const wanted = Object.entries(expected);
  if (wanted.length !== Object.keys(recorded).length) return false;
  return wanted.every(([key, value]) => Object.hasOwn(recorded, key) && fits(value, memberOf(recorded, key)));
}

/** As the service writes it; Unknowns as far as they are known. */
export function textOf(value: Value): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Unknown ? (inner.resolved ?? `<${inner.kind}>`) : inner,
  );
}

/** The member, which must be there. */
function memberOf(object: Value, key: string): Value {
  return (object as { readonly [key: string]: Value })[key] as Value;
}

export function isRecord(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Unknown);
}

export function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Unknown ? `<some ${inner.kind}>` : inner,
  );
  return text === undefined ? "nothing" : text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
