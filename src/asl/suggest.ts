// Guesses for misspelt names: of fields, of states, of enumerated values.
//
// Invariants
//   S1. The work is bounded: a Suggester compares at most `MAX_COMPARISONS` pairs in its life, and only short words.
//       Without this bound a definition of 30,000 states with 30,000 misspelt targets would cost 10^9 comparisons.

/** Longer words than this are not compared: state names have at most 80 characters. */
const MAX_WORD = 80;
/** About 50 ms of comparing in the worst case. */
const MAX_COMPARISONS = 20_000;

export class Suggester {
  #left = MAX_COMPARISONS;

  /** `Did you mean "Ship"?` for the candidate that is nearest to `word`, if one is near enough. */
  didYouMean(word: string, candidates: Iterable<string>): string | undefined {
    const best = this.nearest(word, candidates);
    return best === undefined ? undefined : `Did you mean "${best}"?`;
  }

  /** The candidate with the fewest edits, at most `maxEdits` or a third of the word; the first of several equals. */
  nearest(word: string, candidates: Iterable<string>, maxEdits?: number): string | undefined {
    if (word.length > MAX_WORD) return undefined;
    const folded = word.toLowerCase();
    let best: string | undefined;
    let fewest = (maxEdits ?? Math.max(1, Math.floor(word.length / 3))) + 1;
    for (const candidate of candidates) {
      if (this.#left <= 0) return best;
      this.#left -= 1;
      if (candidate === word || Math.abs(candidate.length - word.length) >= fewest) continue;
      const edits = editDistance(folded, candidate.toLowerCase(), fewest);
      if (edits < fewest) {
        fewest = edits;
        best = candidate;
      }
    }
    return best;
  }
}

/**
 * Optimal string alignment distance (insert, delete, replace, swap neighbours), or `bound` when it is not below it.
 * A swap counts as one edit because it is the commonest slip of typing: `Nxet`.
 */
function editDistance(a: string, b: string, bound: number): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let edits = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      const swapped =
        i > 1 &&
        j > 1 &&
        a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (swapped) edits = Math.min(edits, at(before, j - 2) + 1);
      row.push(edits);
      least = Math.min(least, edits);
    }
    if (least >= bound) return bound;
    before = previous;
    previous = row;
  }
  return Math.min(at(previous, b.length), bound);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
