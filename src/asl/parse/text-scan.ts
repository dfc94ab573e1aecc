// What is known only from the text of a definition: where a place is, which keys come twice, how deep it goes.
//
// Knows:          the grammar of JSON, well enough for text that is JSON already.
// Does not know:  States Language.
//
// Invariants
//   T1. One pass, no recursion: linear in the text, whatever the nesting.
//   T2. The text was accepted by a JSON parser before; of anything else the answers are meaningless (but they end).

/** Sees every value of the text, in order. `keys` is the live path: copy it to keep it. */
interface Visitor {
  /** @param at Offset of the value's first character. @param keyAt Offset of its key's quote, or of the value. */
  readonly value: (keys: readonly (string | number)[], at: number, keyAt: number) => void;
  /** A member whose key an earlier member of the same object has. */
  readonly duplicate?: (keys: readonly (string | number)[], keyAt: number) => void;
}

interface Open {
  readonly isArray: boolean;
  readonly seen: Set<string> | undefined;
}

function scan(text: string, visitor: Visitor): void {
  const keys: (string | number)[] = [];
  const open: Open[] = [];
  let expectsKey = false;
  let keyAt = 0;
  let i = 0;
  while (i < text.length) {
    const unit = text.charCodeAt(i);
    const top = open[open.length - 1];
    switch (unit) {
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
      case 0x3a: // :
        i += 1;
        continue;
      case 0x2c: // ,
        if (top?.isArray === true) {
          keys[keys.length - 1] = Number(keys[keys.length - 1]) + 1;
        } else {
          expectsKey = true;
        }
        i += 1;
        continue;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        keys.pop();
        expectsKey = false;
        i += 1;
        continue;
      default:
        break;
    }
    if (expectsKey) {
      const end = endOfString(text, i);
      const key = decode(text, i, end);
      keys[keys.length - 1] = key;
      if (top?.seen?.has(key) === true) visitor.duplicate?.(keys, i);
      top?.seen?.add(key);
      keyAt = i;
      expectsKey = false;
      i = end;
      continue;
    }
    visitor.value(keys, i, top?.isArray === false ? keyAt : i);
    if (unit === 0x7b) {
      open.push({ isArray: false, seen: visitor.duplicate === undefined ? undefined : new Set() });
      keys.push("");
      expectsKey = true;
      i += 1;
    } else if (unit === 0x5b) {
      open.push({ isArray: true, seen: undefined });
      keys.push(0);
      i += 1;
    } else if (unit === 0x22) {
      i = endOfString(text, i);
    } else {
      i = endOfWord(text, i);
    }
  }
}

/** The offset after the string whose opening quote is at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x5c) i += 1;
    else if (unit === 0x22) return i + 1;
  }
  return text.length;
}

/** The offset after the number or word at `start`; at least one further. */
function endOfWord(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && !" \t\r\n,]}".includes(text.charAt(i))) i += 1;
  return i;
}

function decode(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}

export interface Survey {
  /** The deepest nesting of objects and arrays; 1 for `{}`. */
  readonly depth: number;
  /** The path of every member that repeats a key of its object, and the offset of that key. */
  readonly duplicates: readonly { readonly keys: readonly (string | number)[]; readonly offset: number }[];
}

/** Measures the text before anything recursive reads the value. Stops collecting duplicates at 1,000. */
export function survey(text: string): Survey {
  let depth = 0;
  const duplicates: { keys: readonly (string | number)[]; offset: number }[] = [];
  scan(text, {
    value: (keys, at) => {
      const opens = text.charCodeAt(at) === 0x7b || text.charCodeAt(at) === 0x5b;
      if (opens && keys.length + 1 > depth) depth = keys.length + 1;
    },
    duplicate: (keys, keyAt) => {
      if (duplicates.length < 1000) duplicates.push({ keys: [...keys], offset: keyAt });
    },
  });
  return { depth, duplicates };
}

/** What is looked for below one place. */
interface Wanted {
  readonly below: Map<string | number, Wanted>;
  /** Positions in the list of paths. */
  readonly here: number[];
}

/**
 * Offsets of the values at `paths` (of the key, for a path that ends in a member's key), undefined for what the text
 * does not have. Of a repeated key the last one counts, as for the value.
 */
export function locate(
  text: string,
  paths: readonly (readonly (string | number)[])[],
): (number | undefined)[] {
  const root: Wanted = { below: new Map(), here: [] };
  paths.forEach((path, index) => {
    let wanted = root;
    for (const key of path) {
      let next = wanted.below.get(key);
      if (next === undefined) {
        next = { below: new Map(), here: [] };
        wanted.below.set(key, next);
      }
      wanted = next;
    }
    wanted.here.push(index);
  });
  const offsets: (number | undefined)[] = paths.map(() => undefined);
  // The node that is wanted for each prefix of the live path; shorter than the path where nothing below is wanted.
  const trail: Wanted[] = [root];
  scan(text, {
    value: (keys, _at, keyAt) => {
      const depth = keys.length;
      if (depth === 0) {
        for (const index of root.here) offsets[index] = keyAt;
        return;
      }
      trail.length = Math.min(trail.length, depth);
      if (trail.length < depth) return;
      const found = trail[depth - 1]?.below.get(keys[depth - 1] ?? "");
      if (found === undefined) return;
      trail.push(found);
      for (const index of found.here) offsets[index] = keyAt;
    },
  });
  return offsets;
}
