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
      return costOfSequence(node.nodes);
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

/**
 * An endless repetition that is followed by a character which it cannot take itself does not multiply: wherever it
 * gives back a character, the next part fails at once.
 */
function costOfSequence(nodes: readonly RegexNode[]): Cost {
  let degree = 0;
  let ways = 1;
  let size = 1;
  let hasSeparated = false;
  for (const [i, node] of nodes.entries()) {
    const cost = costOf(node);
    ways *= cost.ways;
    size += cost.size;
    if (cost.degree === 1 && isSeparated(node, nodes[i + 1])) hasSeparated = true;
    else degree += cost.degree;
  }
  return { degree: degree + (hasSeparated ? 1 : 0), ways, size };
}

function isSeparated(node: RegexNode, next: RegexNode | undefined): boolean {
  if (node.kind === "group") return isSeparated(node.node, next);
  if (node.kind !== "repeat" || node.node.kind !== "set" || next?.kind !== "set") return false;
  const { literal } = next.set;
  return literal !== undefined && !node.node.set.test(literal);
}

/** The part that a match begins with, if it is one certain character. */
export function firstLiteral(node: RegexNode): string | undefined {
  if (node.kind === "set") {
    return node.set.literal === undefined ? undefined : String.fromCharCode(node.set.literal);
  }
  if (node.kind === "group") return firstLiteral(node.node);
  const [first] = node.kind === "sequence" ? node.nodes : [];
  return first === undefined ? undefined : firstLiteral(first);
}

/**
 * What remains when the whole pattern ends in an endless repetition of one character: nothing can fail after it, so
 * nothing is given back, and the search is over.
 */
function withoutTail(node: RegexNode): RegexNode {
  if (node.kind === "group") return { ...node, node: withoutTail(node.node) };
  if (node.kind === "sequence") {
    const last = node.nodes.at(-1);
    return last === undefined ? node : { ...node, nodes: [...node.nodes.slice(0, -1), withoutTail(last)] };
  }
  if (node.kind === "repeat" && node.node.kind === "set" && node.max === Number.POSITIVE_INFINITY) {
    return node.min === 0 ? { kind: "sequence", nodes: [] } : { ...node, max: node.min };
  }
  return node;
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

/** The cost of a whole pattern. */
export function costOfPattern(node: RegexNode): Cost {
  return costOf(withoutTail(node));
}

/**
 * Steps that backtracking takes at most over a text of `length`.
 * @param starts Places where a match may begin.
 */
export function worstSteps(cost: Cost, starts: number, length: number): number {
  // V8 looks at all places, also at those where it fails at once.
  return cost.size * cost.ways * (length + 1) ** cost.degree * starts + 2 * length;
}
