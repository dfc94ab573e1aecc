// A bound for what backtracking could cost, so that RegExp may be used where it provably cannot run away.
//
// A pattern of single characters, choices, and repetitions of single characters has at most
// `ways * length^degree` paths from one start: each endless repetition takes some number of characters, each choice
// goes one of its ways. A repetition of anything longer has no such bound, and is left to the automaton.
//
// Rejected: looking for patterns that are known to be dangerous; every published check misses some. This is the
// opposite, a proof for the ones that are not.

import type { RegexNode } from "./parse.ts";

export interface Cost {
  /** Endless repetitions that one path can go through. */
  readonly degree: number;
  /** Choices that one path can make, multiplied; infinite if there is no bound. */
  readonly ways: number;
  /** Nodes. */
  readonly size: number;
}

export function costOf(node: RegexNode): Cost {
  switch (node.kind) {
    case "set":
    case "assert":
      return { degree: 0, ways: 1, size: 1 };
    case "group":
      return costOf(node.node);
    case "sequence":
      return node.nodes.map(costOf).reduce(
        (sum, each) => ({
          degree: sum.degree + each.degree,
          ways: sum.ways * each.ways,
          size: sum.size + each.size,
        }),
        { degree: 0, ways: 1, size: 1 },
      );
    case "choice":
      return node.nodes.map(costOf).reduce(
        (sum, each) => ({
          degree: Math.max(sum.degree, each.degree),
          ways: sum.ways + each.ways,
          size: sum.size + each.size,
        }),
        { degree: 0, ways: 0, size: 1 },
      );
    case "repeat": {
      const isSingle = node.node.kind === "set";
      if (node.max === Number.POSITIVE_INFINITY) {
        if (!isSingle) return UNBOUNDED;
        return { degree: 1, ways: 1, size: 1 + node.min };
      }
      const inner = costOf(node.node);
      const size = 1 + inner.size * Math.max(1, node.max);
      if (isSingle) return { degree: 0, ways: node.max - node.min + 1, size };
      if (inner.degree > 0) return UNBOUNDED;
      return { degree: 0, ways: (node.max - node.min + 1) * inner.ways ** node.max, size };
    }
  }
}

const UNBOUNDED: Cost = { degree: 0, ways: Number.POSITIVE_INFINITY, size: 1 };

/** Whether every match begins at the start of the text. */
export function isAnchored(node: RegexNode): boolean {
  if (node.kind === "assert") return node.what === "start";
  if (node.kind === "group") return isAnchored(node.node);
  if (node.kind === "choice") return node.nodes.every(isAnchored);
  const [first] = node.kind === "sequence" ? node.nodes : [];
  return first !== undefined && isAnchored(first);
}

/** Steps that backtracking takes at most over a text. */
export function worstSteps(cost: Cost, anchored: boolean, length: number): number {
  const starts = anchored ? 1 : length + 1;
  // V8 goes on to the other starts of an anchored pattern, and fails at once at each.
  return cost.size * cost.ways * (length + 1) ** cost.degree * starts + length;
}
