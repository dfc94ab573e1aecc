// The comparison itself, and which differences are known.

import { type Node, childrenOf } from "../../../src/asl/jsonata/ast.ts";
import { compileJsonata } from "../../../src/asl/jsonata/index.ts";
import type { Json } from "../../../src/base/json.ts";
import type { Random } from "../../../src/base/random.ts";
import { type Outcome, evaluateOurs, evaluateTheirs, isLimit } from "./compare.ts";
import { Generator } from "./generate.ts";

export interface Difference {
  readonly text: string;
  readonly input: Json;
  readonly ours: Outcome;
  readonly theirs: Outcome;
}

export interface Report {
  readonly pairs: number;
  readonly differences: readonly Difference[];
  /** How the pairs came out. */
  readonly tally: Readonly<Record<string, number>>;
}

function isError(outcome: Outcome): boolean {
  return /^[SDT]\d{4}$/.test(outcome);
}

/**
 * Whether the package evaluates parts of it concurrently, and so reports another one of several errors: the members
 * of array constructors, the values of object constructors.
 */
function isConcurrent(text: string): boolean {
  const visit = (node: Node): boolean =>
    (node.type === "unary" && node.value === "[" && node.expressions.length > 1) ||
    (node.type === "unary" && node.value === "{" && node.lhs.length > 1) ||
    (node.group !== undefined && node.group.lhs.length > 0) ||
    childrenOf(node).some(visit);
  return visit(compileJsonata(text).ast);
}

export async function fuzz(random: Random, pairs: number): Promise<Report> {
  const differences: Difference[] = [];
  const tally: Record<string, number> = {};
  const count = (what: string): void => {
    tally[what] = (tally[what] ?? 0) + 1;
  };
  const generator = new Generator(random);
  for (let i = 0; i < pairs; i++) {
    const input = generator.data();
    const text = generator.expression();
    const ours = evaluateOurs(text, input);
    // The package has no limits: what goes on for ever here would not end there.
    if (isLimit(ours)) {
      count("limit");
      continue;
    }
    const theirs = await evaluateTheirs(text, input);
    if (ours === theirs) count(isError(ours) ? "same error" : ours === "nothing" ? "nothing" : "same value");
    else if (theirs.startsWith("host: ")) count("the package fails");
    else if (isError(ours) && isError(theirs) && isConcurrent(text)) count("another error");
    else {
      count("different");
      differences.push({ text, input, ours, theirs });
    }
  }
  return { pairs, differences, tally };
}
