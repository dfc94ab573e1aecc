// Where in a definition: a chain of keys and indexes, made into text only when there is something to report.

export interface Place {
  readonly parent: Place | undefined;
  /** A member's key or an element's index; the root has none. */
  readonly key: string | number | undefined;
}

export const ROOT: Place = { parent: undefined, key: undefined };

export function inside(parent: Place, key: string | number): Place {
  return { parent, key };
}

/** The keys from the root to `place`. */
export function keysOf(place: Place): readonly (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
    if (at.key !== undefined) keys.push(at.key);
  }
  return keys.toReversed();
}

/**
 * The service's form of a location: `/` for the root, `/States/X/Choices[0]/Next` for the rest.
 * Names are not escaped, so a state called `a/b` is `/States/a/b` there too.
 */
export function locationOf(place: Place): string {
  const keys = keysOf(place);
  if (keys.length === 0) return "/";
  return keys.map((key) => (typeof key === "number" ? `[${key}]` : `/${key}`)).join("");
}
